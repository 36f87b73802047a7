/* Ogg Opus (RFC 7845) by libopusenc. */
#include "rf_encode_impl.h"

#include <errno.h>
#include <opus/opusenc.h>

#define DEFAULT_BITRATE_BPS 128000
#define MIN_BITRATE_BPS 6000
#define MAX_BITRATE_BPS 510000
#define MAX_CHANNELS 8
#define RATE_HZ 48000

typedef struct opus_writer {
    OggOpusComments *comments;
    OggOpusEnc *enc;
} opus_writer;

static uint32_t bitrate_of(const rf_encode_params *p)
{
    return p->bitrate_bps != 0 ? p->bitrate_bps : DEFAULT_BITRATE_BPS;
}

static int check_opus(const rf_encode_params *p, rf_media_error *error)
{
    if (p->rate_hz != RATE_HZ) {
        return rf_media_fail(error, RF_MEDIA_UNSUPPORTED, "rate: Opus has %u Hz, not %u", RATE_HZ,
                             p->rate_hz);
    }
    if (p->n_channels < 1 || p->n_channels > MAX_CHANNELS) {
        return rf_media_fail(error, RF_MEDIA_UNSUPPORTED, "channels: Opus has 1 to %u, not %u",
                             MAX_CHANNELS, p->n_channels);
    }
    if (bitrate_of(p) < MIN_BITRATE_BPS || bitrate_of(p) > MAX_BITRATE_BPS) {
        return rf_media_fail(error, RF_MEDIA_UNSUPPORTED,
                             "bitrate: Opus has %u to %u bit/s, not %u", MIN_BITRATE_BPS,
                             MAX_BITRATE_BPS, bitrate_of(p));
    }
    if (p->bit_depth != 0) {
        return rf_media_fail(error, RF_MEDIA_UNSUPPORTED, "bit_depth: Opus has none");
    }
    return 0;
}

static int on_write(void *user, const unsigned char *bytes, opus_int32 len)
{
    rf_encoder *e = user;
    e->err = rf_encode_emit(e, bytes, (size_t)len);
    return e->err != 0;
}

static int on_close(void *user)
{
    (void)user;
    return 0;
}

static int open_opus(rf_encoder *e)
{
    static const OpusEncCallbacks callbacks = {.write = on_write, .close = on_close};
    const rf_encode_params *p = &e->params;
    opus_writer *w = RF_NEW(opus_writer);
    int err = OPE_OK;
    e->codec = w;
    w->comments = ope_comments_create();
    if (w->comments == NULL) {
        return -ENOMEM;
    }
    w->enc = ope_encoder_create_callbacks(&callbacks, e, w->comments, RATE_HZ, (int)p->n_channels,
                                          p->n_channels > 2 ? 1 : 0, &err);
    if (w->enc == NULL ||
        ope_encoder_ctl(w->enc, OPUS_SET_BITRATE((opus_int32)bitrate_of(p))) != OPE_OK) {
        return err == OPE_ALLOC_FAIL ? -ENOMEM : -EIO;
    }
    return 0;
}

/* Opus has the channel order of Vorbis (Vorbis I section 4.3.9): [n - 1][opus channel] is the
 * channel in WAVE order. */
static const uint8_t wave_channel[MAX_CHANNELS][MAX_CHANNELS] = {
    {0},
    {0, 1},
    {0, 2, 1},
    {0, 1, 2, 3},
    {0, 2, 1, 3, 4},
    {0, 2, 1, 4, 5, 3},
    {0, 2, 1, 5, 6, 4, 3},
    {0, 2, 1, 6, 7, 4, 5, 3},
};

static int write_opus(rf_encoder *e, const float *data, int64_t n)
{
    float clean[MAX_CHANNELS * RF_ENCODE_CHUNK];
    float ordered[MAX_CHANNELS * RF_ENCODE_CHUNK];
    const opus_writer *w = e->codec;
    const size_t n_channels = e->params.n_channels;
    rf_encode_finite(e, data, (size_t)n * n_channels, clean);
    for (size_t i = 0; i < (size_t)n; i++) {
        for (size_t c = 0; c < n_channels; c++) {
            ordered[i * n_channels + c] = clean[i * n_channels + wave_channel[n_channels - 1][c]];
        }
    }
    if (ope_encoder_write_float(w->enc, ordered, (int)n) != OPE_OK) {
        return e->err != 0 ? e->err : -EIO;
    }
    return 0;
}

static int close_opus(rf_encoder *e)
{
    const opus_writer *w = e->codec;
    if (ope_encoder_drain(w->enc) != OPE_OK) {
        return e->err != 0 ? e->err : -EIO;
    }
    return 0;
}

static void free_opus(rf_encoder *e)
{
    opus_writer *w = e->codec;
    if (w != NULL) {
        if (w->enc != NULL) {
            ope_encoder_destroy(w->enc);
        }
        if (w->comments != NULL) {
            ope_comments_destroy(w->comments);
        }
        free(w);
        e->codec = NULL;
    }
}

const rf_encode_writer rf_encode_opus = {check_opus, open_opus, write_opus, close_opus, free_opus};
