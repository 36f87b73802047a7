#include "band_font_vorbis.h"

#include "band_font.h"

#include <errno.h>
#include <sndfile.h>
#include <string.h>

#define MAX_DECODED (48000 * 60)

/* libsndfile reads from memory through these. */
typedef struct reader {
    const uint8_t *data;
    sf_count_t size, at;
} reader;

static sf_count_t reader_size(void *user)
{
    return ((const reader *)user)->size;
}

static sf_count_t reader_seek(sf_count_t offset, int whence, void *user)
{
    reader *r = user;
    const sf_count_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? r->at : r->size;
    r->at = RF_MAX((sf_count_t)0, RF_MIN(base + offset, r->size));
    return r->at;
}

static sf_count_t reader_read(void *to, sf_count_t n, void *user)
{
    reader *r = user;
    const sf_count_t got = RF_MIN(n, r->size - r->at);
    memcpy(to, r->data + r->at, (size_t)got);
    r->at += got;
    return got;
}

static sf_count_t reader_tell(void *user)
{
    return ((const reader *)user)->at;
}

int band_font_vorbis_decode(const uint8_t *data, size_t size, int16_t **ret, uint32_t *ret_n)
{
    SF_VIRTUAL_IO io = {reader_size, reader_seek, reader_read, NULL, reader_tell};
    reader r = {data, (sf_count_t)size, 0};
    SF_INFO info = {0};
    SNDFILE *file = sf_open_virtual(&io, SFM_READ, &info, &r);
    if (file == NULL || info.channels != 1 || info.frames <= 0 || info.frames > MAX_DECODED) {
        (void)sf_close(file);
        return -EINVAL;
    }
    int16_t *samples = RF_NEW_ARRAY(int16_t, (size_t)info.frames + (size_t)2 * BAND_FONT_MARGIN);
    const sf_count_t n = sf_readf_short(file, samples + BAND_FONT_MARGIN, info.frames);
    (void)sf_close(file);
    if (n <= 0) {
        free(samples);
        return -EINVAL;
    }
    *ret = samples;
    *ret_n = (uint32_t)n;
    return 0;
}
