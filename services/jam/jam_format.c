#include "jam_format.h"

#include "jam_opus.h"
#include "jam_wav.h"

#include <errno.h>
#include <string.h>

#define FLAC_BITS 24
#define FLAC_LEVEL 3

struct jam_encoder {
    jam_format format;
    uint64_t seed;
    jam_opus *opus; /* of Opus alone */
};

int jam_encoder_new(jam_format format, uint32_t bitrate_kbps, uint64_t seed, jam_encoder **ret)
{
    jam_encoder *e = RF_NEW(jam_encoder);
    e->format = format;
    e->seed = seed;
    int err = format == JAM_FORMAT_OPUS ? jam_opus_new(bitrate_kbps, &e->opus) : 0;
    if (err < 0) {
        jam_encoder_free(e);
        return err;
    }
    *ret = e;
    return 0;
}

jam_encoder *jam_encoder_free(jam_encoder *encoder)
{
    if (encoder != NULL) {
        encoder->opus = jam_opus_free(encoder->opus);
        free(encoder);
    }
    return NULL;
}

size_t jam_format_max_bytes(jam_format format, uint32_t bitrate_kbps, uint32_t n_samples)
{
    size_t n = n_samples;
    (void)bitrate_kbps; /* Opus may spend more on a packet */
    switch (format) {
    case JAM_FORMAT_WAV_F32:
        return JAM_WAV_F32_HEADER + n * JAM_CHANNELS * 4;
    case JAM_FORMAT_WAV_S16:
        return JAM_WAV_S16_HEADER + n * JAM_CHANNELS * 2;
    case JAM_FORMAT_OPUS:
        return jam_opus_max_bytes(n_samples);
    default: /* FLAC without any gain, in blocks of 1,000 samples or more, and its headers */
        return 1024 + n * JAM_CHANNELS * (FLAC_BITS / 8) + (n / 1000 + 1) * 32;
    }
}

/* Where a FLAC file of a chunk goes. */
typedef struct memory {
    uint8_t *at;
    size_t len, cap;
} memory;

static int write_memory(void *user, const void *data, size_t len)
{
    memory *m = user;
    if (len > m->cap - m->len) {
        return -ENOSPC;
    }
    memcpy(m->at + m->len, data, len);
    m->len += len;
    return 0;
}

static rf_encode_params flac_params(int64_t n)
{
    return (rf_encode_params){.format = RF_FORMAT_FLAC,
                              .rate_hz = JAM_RATE_HZ,
                              .n_channels = JAM_CHANNELS,
                              .bit_depth = FLAC_BITS,
                              .level = FLAC_LEVEL,
                              .n_frames = n};
}

static int64_t flac_file(const float *pcm, uint32_t n, uint8_t *out, size_t cap)
{
    memory to = {.at = out, .cap = cap};
    rf_encode_params params = flac_params(n);
    rf_encoder *encoder = NULL;
    int err =
        rf_encoder_open(&params, (rf_sink){.write = write_memory, .user = &to}, &encoder, NULL);
    if (err < 0) {
        return err;
    }
    err = rf_encoder_write(encoder, pcm, n);
    int close_err = rf_encoder_close(encoder, NULL);
    err = err < 0 ? err : close_err;
    return err < 0 ? err : (int64_t)to.len;
}

int64_t jam_encoder_file(jam_encoder *encoder, const float *pcm, uint32_t n, int64_t first_sample,
                         uint8_t *out, size_t cap)
{
    jam_encoder *e = encoder;
    if (e->format == JAM_FORMAT_OPUS) {
        return jam_opus_file(e->opus, pcm, n, out, cap);
    }
    if (e->format == JAM_FORMAT_FLAC) {
        return flac_file(pcm, n, out, cap);
    }
    if (cap < jam_format_max_bytes(e->format, 0, n)) {
        return -ENOSPC;
    }
    size_t header = jam_wav_header(e->format, n, out);
    size_t data = jam_wav_samples(e->format, pcm, n, first_sample, e->seed, out + header);
    return (int64_t)(header + data);
}

struct jam_file {
    jam_format format;
    uint64_t seed;
    int64_t n_samples, done;
    rf_sink sink;
    rf_encoder *encoder; /* FLAC and Opus */
    uint8_t bytes[JAM_FRAME_SAMPLES * JAM_CHANNELS * sizeof(float)];
};

static int open_codec(jam_file *f, uint32_t bitrate_kbps)
{
    rf_encode_params params = flac_params(f->n_samples);
    if (f->format == JAM_FORMAT_OPUS) {
        params.format = RF_FORMAT_OPUS;
        params.bit_depth = 0;
        params.level = -1;
        params.bitrate_bps = bitrate_kbps * 1000;
    }
    return rf_encoder_open(&params, f->sink, &f->encoder, NULL);
}

int jam_file_open(jam_format format, uint32_t bitrate_kbps, uint64_t seed, int64_t n_samples,
                  rf_sink sink, jam_file **ret)
{
    jam_file *f = RF_NEW(jam_file);
    f->format = format;
    f->seed = seed;
    f->n_samples = n_samples;
    f->sink = sink;
    int err = 0;
    if (format == JAM_FORMAT_OPUS || format == JAM_FORMAT_FLAC) {
        err = open_codec(f, bitrate_kbps);
    } else {
        size_t header = jam_wav_header(format, n_samples, f->bytes);
        err = sink.write(sink.user, f->bytes, header);
    }
    if (err < 0) {
        jam_file_free(f);
        return err;
    }
    *ret = f;
    return 0;
}

int jam_file_write(jam_file *file, const float *pcm, uint32_t n)
{
    jam_file *f = file;
    int err = 0;
    if (f->encoder != NULL) {
        f->done += n;
        return rf_encoder_write(f->encoder, pcm, n);
    }
    while (err == 0 && n > 0) {
        uint32_t part = RF_MIN(n, (uint32_t)JAM_FRAME_SAMPLES);
        size_t bytes = jam_wav_samples(f->format, pcm, part, f->done, f->seed, f->bytes);
        err = f->sink.write(f->sink.user, f->bytes, bytes);
        f->done += part;
        pcm += (size_t)part * JAM_CHANNELS;
        n -= part;
    }
    return err;
}

int jam_file_close(jam_file *file)
{
    int err = file->done == file->n_samples ? 0 : -EINVAL;
    if (file->encoder != NULL) {
        int close_err = rf_encoder_close(RF_STEAL(file->encoder), NULL);
        err = err < 0 ? err : close_err;
    }
    jam_file_free(file);
    return err;
}

jam_file *jam_file_free(jam_file *file)
{
    if (file != NULL) {
        file->encoder = rf_encoder_free(file->encoder);
        free(file);
    }
    return NULL;
}

const char *jam_format_mime(jam_format format)
{
    static const char *const types[JAM_N_FORMATS] = {"audio/wav", "audio/wav", "audio/ogg",
                                                     "audio/flac"};
    return types[format];
}

const char *jam_format_extension(jam_format format)
{
    static const char *const extensions[JAM_N_FORMATS] = {"wav", "wav", "opus", "flac"};
    return extensions[format];
}
