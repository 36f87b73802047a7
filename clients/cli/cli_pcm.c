#include "cli_pcm.h"

#include <endian.h>
#include <errno.h>
#include <math.h>
#include <sndfile.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_BYTES 65536
#define HEAD_MAX_BYTES (1u << 20) /* of a WAV file before its samples */

struct cli_pcm {
    cli_pcm_shape shape;
    size_t frame_bytes;
    SNDFILE *file; /* NULL: a stream */
    int fd;
    int64_t bytes_left; /* of a WAV file in a stream; -1: all that comes */
    rf_buf head;        /* read before the shape was known, [head_at, len) not given yet */
    size_t head_at;
    size_t n_rest; /* bytes of the last frame, which is not whole */
    int32_t wide[BLOCK_BYTES / sizeof(int32_t)];
    uint8_t block[BLOCK_BYTES + 64];
};

RF_DEFINE_CLEANUP(cli_pcm, pcm, (void)cli_pcm_close)

/* ---- files ---- */

static reflection_recorder_sample format_of(int format)
{
    switch (format & SF_FORMAT_SUBMASK) {
    case SF_FORMAT_PCM_S8:
    case SF_FORMAT_PCM_U8:
    case SF_FORMAT_PCM_16:
        return REFLECTION_RECORDER_INT16;
    case SF_FORMAT_PCM_24:
        return REFLECTION_RECORDER_INT24;
    case SF_FORMAT_PCM_32:
        return REFLECTION_RECORDER_INT32;
    default:
        return REFLECTION_RECORDER_FLOAT32;
    }
}

static void set_shape(cli_pcm *p, const cli_pcm_shape *shape)
{
    p->shape = *shape;
    p->frame_bytes = reflection_recorder_sample_size(shape->sample_format) * shape->channels;
}

int cli_pcm_open_file(const char *path, cli_pcm **ret, cli_pcm_shape *ret_shape, rf_buf *error)
{
    SF_INFO info = {0};
    SNDFILE *file = sf_open(path, SFM_READ, &info);
    if (file == NULL) {
        rf_buf_printf(error, "%s: %s", path, sf_strerror(NULL));
        return -EIO;
    }
    const cli_pcm_shape shape = {format_of(info.format), (uint32_t)info.channels,
                                 (uint32_t)info.samplerate};
    cli_pcm *p = RF_NEW(cli_pcm);
    p->file = file;
    p->fd = -1;
    rf_buf_init(&p->head, HEAD_MAX_BYTES);
    set_shape(p, &shape);
    *ret_shape = shape;
    *ret = p;
    return 0;
}

/* The upper 24 bits, packed. */
static void pack_24(const int32_t *wide, size_t n, uint8_t *ret)
{
    for (size_t i = 0; i < n; i++) {
        const uint32_t v = (uint32_t)wide[i];
        ret[3 * i] = (uint8_t)(v >> 8);
        ret[3 * i + 1] = (uint8_t)(v >> 16);
        ret[3 * i + 2] = (uint8_t)(v >> 24);
    }
}

static int read_file(cli_pcm *p, const void **ret, size_t *ret_n, rf_buf *error)
{
    const sf_count_t most = (sf_count_t)(RF_ARRAY_LEN(p->wide) / p->shape.channels);
    sf_count_t n = 0;
    *ret = p->wide;
    switch (p->shape.sample_format) {
    case REFLECTION_RECORDER_INT16:
        n = sf_readf_short(p->file, (short *)p->wide, most);
        break;
    case REFLECTION_RECORDER_FLOAT32:
        n = sf_readf_float(p->file, (float *)p->wide, most);
        break;
    case REFLECTION_RECORDER_INT24:
        n = sf_readf_int(p->file, p->wide, most);
        pack_24(p->wide, (size_t)RF_MAX(n, 0) * p->shape.channels, p->block);
        *ret = p->block;
        break;
    default:
        n = sf_readf_int(p->file, p->wide, most);
        break;
    }
    if (n <= 0 && sf_error(p->file) != SF_ERR_NO_ERROR) {
        rf_buf_printf(error, "%s", sf_strerror(p->file));
        return -EIO;
    }
    *ret_n = (size_t)RF_MAX(n, 0);
    return n > 0;
}

/* ---- streams ---- */

static ssize_t read_some(int fd, void *data, size_t len)
{
    ssize_t n;
    do {
        n = read(fd, data, len);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* Reads until it is known what begins here. */
static int read_head(cli_pcm *p, cli_pcm_shape *shape, rf_buf *error)
{
    const char *why = NULL;
    for (;;) {
        uint8_t *room = rf_buf_reserve(&p->head, 4096);
        if (room == NULL) {
            rf_buf_printf(error, "the WAV file has more than %u bytes before its samples",
                          HEAD_MAX_BYTES);
            return -EMSGSIZE;
        }
        const ssize_t n = read_some(p->fd, room, 4096);
        if (n < 0) {
            rf_buf_printf(error, "standard input: %s", strerror((int)-n));
            return (int)n;
        }
        rf_buf_added(&p->head, (size_t)n);
        const int is = p->head.len == 0
                           ? -ENOMSG
                           : cli_pcm_wav_head((const uint8_t *)p->head.data, p->head.len, shape,
                                              &p->head_at, &p->bytes_left, &why);
        if (is == 1 || is == -ENOMSG) {
            p->head_at = is == 1 ? p->head_at : 0;
            p->bytes_left = is == 1 ? p->bytes_left : -1;
            return 0;
        }
        if (is == -EINVAL || n == 0) {
            rf_buf_printf(error, "the WAV file on standard input cannot be recorded: %s",
                          why != NULL ? why : "it is cut short");
            return -EINVAL;
        }
    }
}

int cli_pcm_open_stream(int fd, cli_pcm **ret, cli_pcm_shape *shape, rf_buf *error)
{
    RF_CLEANUP(rf_cleanup_pcm) cli_pcm *p = RF_NEW(cli_pcm);
    p->fd = fd;
    rf_buf_init(&p->head, HEAD_MAX_BYTES);
    int err = read_head(p, shape, error);
    if (err < 0) {
        return err;
    }
    set_shape(p, shape);
    *ret = RF_STEAL(p);
    return 0;
}

/* Bytes into the block behind the rest of the last frame. */
static ssize_t fill_block(cli_pcm *p)
{
    const size_t room = BLOCK_BYTES - p->n_rest;
    const size_t len =
        p->bytes_left < 0 ? room : RF_MIN(room, (size_t)RF_MIN(p->bytes_left, (int64_t)SIZE_MAX));
    const size_t kept = RF_MIN(p->head.len - p->head_at, len);
    if (len == 0) {
        return 0;
    }
    if (kept == 0) {
        return read_some(p->fd, p->block + p->n_rest, len);
    }
    memcpy(p->block + p->n_rest, p->head.data + p->head_at, kept);
    p->head_at += kept;
    return (ssize_t)kept;
}

static int read_stream(cli_pcm *p, const void **ret, size_t *ret_n, rf_buf *error)
{
    const ssize_t n = fill_block(p);
    if (n <= 0) {
        if (n < 0) {
            rf_buf_printf(error, "standard input: %s", strerror((int)-n));
        }
        return (int)n;
    }
    p->bytes_left -= p->bytes_left < 0 ? 0 : n;
    const size_t there = p->n_rest + (size_t)n;
    *ret_n = there / p->frame_bytes;
    p->n_rest = there % p->frame_bytes;
    memcpy(p->wide, p->block, there - p->n_rest);
    memmove(p->block, p->block + there - p->n_rest, p->n_rest);
    *ret = p->wide;
    return 1;
}

int cli_pcm_fd(const cli_pcm *p)
{
    return p->file == NULL && p->head_at == p->head.len ? p->fd : -1;
}

int cli_pcm_read(cli_pcm *p, const void **ret, size_t *ret_n, rf_buf *error)
{
    return p->file != NULL ? read_file(p, ret, ret_n, error) : read_stream(p, ret, ret_n, error);
}

cli_pcm *cli_pcm_close(cli_pcm *p)
{
    if (p != NULL) {
        if (p->file != NULL) {
            sf_close(p->file);
        }
        rf_buf_done(&p->head);
        free(p);
    }
    return NULL;
}

/* ---- level ---- */

static double value_of(reflection_recorder_sample format, const uint8_t *at)
{
    uint32_t bits = 0;
    float real;
    switch (format) {
    case REFLECTION_RECORDER_INT8:
        return (double)(int8_t)at[0] / 128;
    case REFLECTION_RECORDER_UINT8:
        return ((double)at[0] - 128) / 128;
    case REFLECTION_RECORDER_INT16:
        return (double)(int16_t)(at[0] | at[1] << 8) / 32768;
    case REFLECTION_RECORDER_INT24:
        bits = (uint32_t)at[0] << 8 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 24;
        return (double)(int32_t)bits / 2147483648.0;
    case REFLECTION_RECORDER_INT32:
        memcpy(&bits, at, sizeof(bits));
        return (double)(int32_t)le32toh(bits) / 2147483648.0;
    case REFLECTION_RECORDER_FLOAT32:
        memcpy(&bits, at, sizeof(bits));
        bits = le32toh(bits);
        memcpy(&real, &bits, sizeof(real));
        return isfinite(real) ? (double)real : 0;
    }
    return 0;
}

double cli_pcm_peak(reflection_recorder_sample format, const void *samples, size_t n)
{
    const size_t size = reflection_recorder_sample_size(format);
    double peak = 0;
    for (size_t i = 0; i < n; i++) {
        peak = fmax(peak, fabs(value_of(format, (const uint8_t *)samples + i * size)));
    }
    return peak;
}
