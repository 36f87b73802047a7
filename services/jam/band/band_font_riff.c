#include "band_font_riff.h"

#include <errno.h>
#include <string.h>

static const struct {
    char id[5];
    uint8_t record; /* bytes */
} tables[BAND_RIFF_N] = {
    {"smpl", 2},  {"phdr", 38}, {"pbag", 4},  {"pmod", 10}, {"pgen", 4},
    {"inst", 22}, {"ibag", 4},  {"imod", 10}, {"igen", 4},  {"shdr", 46},
};

size_t band_riff_count(const band_riff_chunk *chunk, band_riff_name name)
{
    return chunk[name].size / tables[name].record;
}

const uint8_t *band_riff_record(const band_riff_chunk *chunk, band_riff_name name, size_t i)
{
    return chunk[name].data + i * tables[name].record;
}

/* Takes the next chunk off `rest`; lists are entered by dropping their name only. */
static int next_chunk(band_riff_chunk *rest, const uint8_t **ret_id, band_riff_chunk *ret)
{
    if (rest->size < 8) {
        return -EINVAL;
    }
    const size_t size = band_riff_u32(rest->data + 4);
    if (size > rest->size - 8) {
        return -EINVAL;
    }
    *ret_id = rest->data;
    *ret = (band_riff_chunk){rest->data + 8, size};
    const size_t step = RF_MIN(8 + size + (size & 1), rest->size);
    rest->data += step;
    rest->size -= step;
    return 0;
}

static void keep(const uint8_t *id, band_riff_chunk chunk, band_riff_chunk ret[BAND_RIFF_N])
{
    for (size_t i = 0; i < BAND_RIFF_N; i++) {
        if (memcmp(id, tables[i].id, 4) == 0) {
            ret[i] = chunk;
        }
    }
}

static int read_list(band_riff_chunk list, band_riff_chunk ret[BAND_RIFF_N])
{
    while (list.size > 0) {
        const uint8_t *id = NULL;
        band_riff_chunk chunk;
        if (next_chunk(&list, &id, &chunk) != 0) {
            return -EINVAL;
        }
        keep(id, chunk, ret);
    }
    return 0;
}

static int check_tables(const band_riff_chunk chunks[BAND_RIFF_N])
{
    for (size_t i = 0; i < BAND_RIFF_N; i++) {
        const bool samples = i == BAND_RIFF_SMPL;
        if (chunks[i].data == NULL || (!samples && chunks[i].size % tables[i].record != 0) ||
            chunks[i].size < tables[i].record) {
            return -EINVAL;
        }
    }
    return 0;
}

int band_riff_read(const uint8_t *file, size_t size, band_riff_chunk ret[BAND_RIFF_N])
{
    band_riff_chunk rest = {file, size};
    band_riff_chunk chunk;
    const uint8_t *id = NULL;
    memset(ret, 0, BAND_RIFF_N * sizeof(*ret));
    if (next_chunk(&rest, &id, &chunk) != 0 || memcmp(id, "RIFF", 4) != 0 || chunk.size < 4 ||
        memcmp(chunk.data, "sfbk", 4) != 0) {
        return -EINVAL;
    }
    rest = (band_riff_chunk){chunk.data + 4, chunk.size - 4};
    while (rest.size > 0) {
        if (next_chunk(&rest, &id, &chunk) != 0) {
            return -EINVAL;
        }
        if (memcmp(id, "LIST", 4) == 0 && chunk.size >= 4 &&
            read_list((band_riff_chunk){chunk.data + 4, chunk.size - 4}, ret) != 0) {
            return -EINVAL;
        }
    }
    return check_tables(ret);
}
