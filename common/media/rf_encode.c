#include "rf_encode.h"

#include "rf_encode_impl.h"
#include "rf_file.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

static int fd_write(void *user, const void *data, size_t len)
{
    return rf_write_all(*(const int *)user, data, len);
}

static int fd_seek(void *user, int64_t offset)
{
    return lseek(*(const int *)user, offset, SEEK_SET) == offset ? 0 : -errno;
}

rf_sink rf_sink_fd(const int *fd)
{
    bool seekable = lseek(*fd, 0, SEEK_CUR) >= 0;
    return (rf_sink){.write = fd_write, .seek = seekable ? fd_seek : NULL, .user = (void *)fd};
}

static const rf_encode_writer *find_writer(rf_media_format format)
{
    switch (format) {
    case RF_FORMAT_WAV:
        return &rf_encode_wav;
    case RF_FORMAT_FLAC:
        return &rf_encode_flac;
    case RF_FORMAT_MP3:
        return &rf_encode_mp3;
    case RF_FORMAT_OPUS:
        return &rf_encode_opus;
    default:
        return NULL;
    }
}

int rf_encode_check(const rf_encode_params *params, rf_media_error *error)
{
    const rf_encode_writer *writer = find_writer(params->format);
    if (writer == NULL) {
        (void)rf_media_fail(error, RF_MEDIA_UNSUPPORTED,
                            "format: %s is not written; use wav, flac, mp3 or opus",
                            rf_format_name(params->format));
        return -ENOTSUP;
    }
    if (params->n_frames < -1) {
        return rf_media_fail(error, RF_MEDIA_INVALID_VALUE, "n_frames: must be -1 or more");
    }
    if (params->n_cues > 0 &&
        (params->format != RF_FORMAT_WAV || params->n_cues > RF_ENCODE_MAX_CUES)) {
        return rf_media_fail(error, RF_MEDIA_INVALID_VALUE,
                             "cues: only WAV has them, at most %d, not %zu", RF_ENCODE_MAX_CUES,
                             params->n_cues);
    }
    if (params->n_preroll > 0 && params->format != RF_FORMAT_OPUS) {
        return rf_media_fail(error, RF_MEDIA_INVALID_VALUE, "n_preroll: only Opus has it");
    }
    if (error != NULL) {
        *error = (rf_media_error){.code = RF_MEDIA_OK};
    }
    return writer->check(params, error);
}

int rf_encoder_open(const rf_encode_params *params, rf_sink sink, rf_encoder **ret_encoder,
                    rf_media_error *error)
{
    const rf_encode_writer *writer = find_writer(params->format);
    int err = rf_encode_check(params, error);
    if (err != 0 || writer == NULL) {
        return err;
    }
    bool needs_length = params->format == RF_FORMAT_WAV || params->format == RF_FORMAT_FLAC;
    if (needs_length && sink.seek == NULL && params->n_frames < 0 && !params->live) {
        (void)rf_media_fail(error, RF_MEDIA_INVALID_VALUE,
                            "n_frames: must be known for a sink that cannot seek");
        return -EINVAL;
    }
    rf_encoder *e = RF_NEW(rf_encoder);
    *e = (rf_encoder){.params = *params,
                      .sink = sink,
                      .writer = writer,
                      .codec_frame = 1,
                      .dither_state = 0x9e3779b97f4a7c15};
    if (params->live) {
        e->sink.seek = NULL;
        e->params.n_frames = -1;
    }
    err = e->writer->open(e);
    if (err != 0) {
        rf_encoder_free(e);
        (void)rf_media_fail(error, RF_MEDIA_INTERNAL, "the encoder could not be started");
        return err;
    }
    *ret_encoder = e;
    return 0;
}

int rf_encoder_write(rf_encoder *encoder, const float *data, int64_t n)
{
    rf_encoder *e = encoder;
    while (e->err == 0 && n > 0) {
        int64_t part = RF_MIN(n, RF_ENCODE_CHUNK);
        e->err = e->writer->write(e, data, part);
        e->stats.n_frames += part;
        data += part * e->params.n_channels;
        n -= part;
    }
    return e->err;
}

int rf_encoder_write_pcm(rf_encoder *encoder, rf_sample_format sample, const void *data, int64_t n)
{
    rf_encoder *e = encoder;
    const uint8_t *bytes = data;
    const size_t frame_bytes = e->params.n_channels * rf_sample_bytes(sample);
    while (e->err == 0 && n > 0) {
        int64_t part = RF_MIN(n, RF_ENCODE_CHUNK);
        e->err = e->writer->write_pcm(e, sample, bytes, part);
        e->stats.n_frames += part;
        bytes += (size_t)part * frame_bytes;
        n -= part;
    }
    return e->err;
}

int64_t rf_encoder_coded(const rf_encoder *encoder)
{
    return encoder->n_coded;
}

uint32_t rf_encoder_codec_frame(const rf_encoder *encoder)
{
    return encoder->codec_frame;
}

int rf_encoder_flush(rf_encoder *encoder)
{
    rf_encoder *e = encoder;
    if (e->err == 0 && e->writer->flush != NULL) {
        e->err = e->writer->flush(e);
    }
    return e->err;
}

int rf_encoder_close(rf_encoder *encoder, rf_encode_stats *ret_stats)
{
    rf_encoder *e = encoder;
    int err = e->err != 0 ? e->err : e->writer->close(e);
    const int64_t n_frames = e->stats.n_frames - e->params.n_preroll;
    bool differs = e->params.n_frames >= 0 && e->params.n_frames != n_frames;
    if (err == 0 && differs && e->sink.seek == NULL) {
        err = -EINVAL;
    }
    if (ret_stats != NULL) {
        *ret_stats = e->stats;
    }
    rf_encoder_free(e);
    return err;
}

rf_encoder *rf_encoder_free(rf_encoder *encoder)
{
    if (encoder != NULL) {
        encoder->writer->free(encoder);
        free(encoder);
    }
    return NULL;
}

int rf_encode_frames(const rf_encode_params *params, const rf_frames *frames, rf_sink sink,
                     rf_encode_stats *ret_stats, rf_media_error *error)
{
    rf_encoder *e = NULL;
    rf_encode_params p = *params;
    p.rate_hz = frames->rate_hz;
    p.n_channels = frames->n_channels;
    p.n_frames = frames->n_frames;
    int err = rf_encoder_open(&p, sink, &e, error);
    if (err != 0) {
        return err;
    }
    err = rf_encoder_write(e, frames->data, frames->n_frames);
    int close_err = rf_encoder_close(e, ret_stats);
    err = err != 0 ? err : close_err;
    if (err != 0) {
        (void)rf_media_fail(error, RF_MEDIA_INTERNAL, "the file could not be written");
    }
    return err;
}

int rf_encode_emit(rf_encoder *e, const void *data, size_t len)
{
    int err = e->sink.write(e->sink.user, data, len);
    if (err == 0) {
        e->at += (int64_t)len;
        e->stats.n_bytes = RF_MAX(e->stats.n_bytes, e->at);
    }
    return err;
}

int rf_encode_seek(rf_encoder *e, int64_t offset)
{
    int err = e->sink.seek != NULL ? e->sink.seek(e->sink.user, offset) : -ESPIPE;
    if (err == 0) {
        e->at = offset;
    }
    return err;
}

/* xorshift64* (Marsaglia, Vigna): uniform in [0, 1). */
static double next_uniform(rf_encoder *e)
{
    uint64_t x = e->dither_state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    e->dither_state = x;
    return (double)(x * 0x2545f4914f6cdd1dULL >> 11) * 0x1p-53;
}

void rf_encode_quantise(rf_encoder *e, const float *in, size_t n_samples, unsigned bits,
                        int32_t *out)
{
    const double scale = (double)(1LL << (bits - 1));
    const bool dither = bits == 16 && !e->params.no_dither;
    for (size_t i = 0; i < n_samples; i++) {
        double x = (double)in[i];
        if (!isfinite(in[i])) {
            e->stats.n_nonfinite++;
            x = 0;
        }
        e->stats.n_clipped += fabs(x) > 1.0 ? 1 : 0;
        x *= scale;
        if (dither) { /* triangular, +-1 step */
            x += next_uniform(e) - next_uniform(e);
        }
        out[i] = (int32_t)fmin(fmax(rint(x), -scale), scale - 1);
    }
}

int rf_encode_write_float(rf_encoder *e, rf_sample_format sample, const void *data, int64_t n)
{
    return sample == RF_SAMPLE_F32 ? e->writer->write(e, data, n) : -EINVAL;
}

void rf_encode_finite(rf_encoder *e, const float *in, size_t n_samples, float *out)
{
    for (size_t i = 0; i < n_samples; i++) {
        bool finite = isfinite(in[i]);
        out[i] = finite ? in[i] : 0.0F;
        e->stats.n_nonfinite += finite ? 0 : 1;
    }
}
