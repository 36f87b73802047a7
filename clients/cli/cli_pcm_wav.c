/* The head of a WAV file that comes as a stream. */
#include "cli_pcm.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#define TAG_PCM 1
#define TAG_FLOAT 3
#define TAG_EXTENSIBLE 0xfffe
#define OPEN_SIZE UINT32_MAX /* of a file that is still written, or is larger than 4 GiB */

static uint16_t u16(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof(value));
    return le16toh(value);
}

static uint32_t u32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return le32toh(value);
}

static uint64_t u64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof(value));
    return le64toh(value);
}

/* NULL, or why it cannot be recorded. */
static const char *read_format(const uint8_t *body, size_t size, cli_pcm_shape *ret)
{
    static const struct {
        uint16_t tag;
        uint16_t bits;
        reflection_recorder_sample format;
    } known[] = {
        {TAG_PCM, 8, REFLECTION_RECORDER_UINT8},      {TAG_PCM, 16, REFLECTION_RECORDER_INT16},
        {TAG_PCM, 24, REFLECTION_RECORDER_INT24},     {TAG_PCM, 32, REFLECTION_RECORDER_INT32},
        {TAG_FLOAT, 32, REFLECTION_RECORDER_FLOAT32},
    };
    if (size < 16) {
        return "its format is cut short";
    }
    uint16_t tag = u16(body);
    tag = tag == TAG_EXTENSIBLE && size >= 26 ? u16(body + 24) : tag;
    for (size_t i = 0; i < RF_ARRAY_LEN(known); i++) {
        if (known[i].tag == tag && known[i].bits == u16(body + 14)) {
            *ret = (cli_pcm_shape){known[i].format, u16(body + 2), u32(body + 4)};
            return NULL;
        }
    }
    return "its samples are neither integers of 8, 16, 24 or 32 bits nor float32";
}

typedef struct wav {
    bool has_format;
    int64_t long_bytes; /* of RF64, -1 without */
    const char *why;
} wav;

/* Takes one chunk before the samples. */
static void take_chunk(const uint8_t *chunk, size_t size, wav *w, cli_pcm_shape *ret_shape)
{
    if (memcmp(chunk, "fmt ", 4) == 0) {
        w->why = read_format(chunk + 8, size, ret_shape);
        w->has_format = true;
    } else if (memcmp(chunk, "ds64", 4) == 0 && size >= 16) {
        const uint64_t bytes = u64(chunk + 16);
        w->long_bytes = bytes > INT64_MAX || bytes == 0 ? -1 : (int64_t)bytes;
    }
}

int cli_pcm_wav_head(const uint8_t *data, size_t len, cli_pcm_shape *ret_shape, size_t *ret_at,
                     int64_t *ret_bytes, const char **ret_why)
{
    wav w = {.long_bytes = -1};
    const size_t n_magic = RF_MIN(len, (size_t)4);
    if (memcmp(data, "RIFF", n_magic) != 0 && memcmp(data, "RF64", n_magic) != 0) {
        return -ENOMSG;
    }
    if (len < 12) {
        return 0;
    }
    if (memcmp(data + 8, "WAVE", 4) != 0) {
        return -ENOMSG;
    }
    for (size_t at = 12; at + 8 <= len;) {
        const uint32_t size = u32(data + at + 4);
        if (memcmp(data + at, "data", 4) == 0) {
            *ret_why = !w.has_format ? "it has samples before their format" : w.why;
            *ret_at = at + 8;
            *ret_bytes = size == OPEN_SIZE || size == 0 ? w.long_bytes : (int64_t)size;
            return *ret_why != NULL ? -EINVAL : 1;
        }
        if (size > len - at - 8) {
            return 0;
        }
        take_chunk(data + at, size, &w, ret_shape);
        at += 8 + (size_t)size + (size & 1);
    }
    return 0;
}
