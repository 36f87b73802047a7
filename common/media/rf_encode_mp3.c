/* MP3 by LAME: MPEG-1, 2 and 2.5 layer III. */
#include "rf_encode_impl.h"
#include "rf_mp3_tag.h"

#include <errno.h>
#include <lame/lame.h>

#define DEFAULT_BITRATE_BPS 192000U
#define MIN_BITRATE_BPS 64000
#define LEAST_BITRATE_BPS 8000
#define MAX_BITRATE_BPS 320000
#define QUALITY 2                                   /* of LAME: 0 best and slowest, 9 worst */
#define QUICK_QUALITY 3                             /* LAME's default */
#define MAX_OUTPUT (RF_ENCODE_CHUNK * 5 / 4 + 7200) /* lame.h: 1.25 * frames + 7200 */
#define TAG_MAX 2880

static uint32_t bitrate_of(const rf_encode_params *p)
{
    const uint32_t max_bps = rf_mp3_max_bitrate_bps(p->rate_hz);
    uint32_t asked = p->bitrate_bps != 0 ? p->bitrate_bps : RF_MIN(DEFAULT_BITRATE_BPS, max_bps);
    return p->any_bitrate ? rf_mp3_bitrate_bps(p->rate_hz, asked) : asked;
}

/* Bit rates of MPEG, 64 kbit/s at least and whatever LAME makes of others; or all, cut to fit. */
static int check_bitrate(const rf_encode_params *p, rf_media_error *error)
{
    const uint32_t max_bps = p->any_bitrate ? MAX_BITRATE_BPS : rf_mp3_max_bitrate_bps(p->rate_hz);
    const uint32_t min_bps = p->any_bitrate ? LEAST_BITRATE_BPS : MIN_BITRATE_BPS;
    const uint32_t asked = p->any_bitrate && p->bitrate_bps != 0 ? p->bitrate_bps : bitrate_of(p);
    if (asked < (p->any_bitrate && p->bitrate_bps == 0 ? 0 : min_bps) || asked > max_bps) {
        return rf_media_fail(error, RF_MEDIA_UNSUPPORTED,
                             "bitrate: MP3 at %u Hz has %u to %u bit/s, not %u", p->rate_hz,
                             min_bps, max_bps, asked);
    }
    return 0;
}

static int check_mp3(const rf_encode_params *p, rf_media_error *error)
{
    if (rf_mp3_max_bitrate_bps(p->rate_hz) == 0) {
        return rf_media_fail(error, RF_MEDIA_UNSUPPORTED,
                             "rate: MP3 has 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100 "
                             "and 48000 Hz, not %u",
                             p->rate_hz);
    }
    if (p->n_channels < 1 || p->n_channels > 2) {
        return rf_media_fail(error, RF_MEDIA_UNSUPPORTED, "channels: MP3 has 1 or 2, not %u",
                             p->n_channels);
    }
    if (p->bit_depth != 0) {
        return rf_media_fail(error, RF_MEDIA_UNSUPPORTED, "bit_depth: MP3 has none");
    }
    return check_bitrate(p, error);
}

static void configure(lame_t lame, const rf_encode_params *p, bool tag)
{
    const int kbits = (int)(bitrate_of(p) / 1000);
    lame_set_in_samplerate(lame, (int)p->rate_hz);
    lame_set_out_samplerate(lame, (int)p->rate_hz);
    lame_set_num_channels(lame, (int)p->n_channels);
    lame_set_mode(lame, p->n_channels == 1 ? MONO : JOINT_STEREO);
    lame_set_quality(lame, p->quick ? QUICK_QUALITY : QUALITY);
    lame_set_disable_reservoir(lame, p->no_reservoir ? 1 : 0);
    lame_set_bWriteVbrTag(lame, tag ? 1 : 0);
    if (p->vbr) {
        lame_set_VBR(lame, vbr_abr);
        lame_set_VBR_mean_bitrate_kbps(lame, kbits);
    } else {
        lame_set_VBR(lame, vbr_off);
        lame_set_brate(lame, kbits);
    }
}

/* Without seeking, the tag can be made in front when everything about the file is known. */
static bool tags_in_front(const rf_encoder *e)
{
    const rf_encode_params *p = &e->params;
    return e->sink.seek == NULL && p->n_frames >= 0 && p->no_reservoir && !p->vbr;
}

static int open_mp3(rf_encoder *e)
{
    const rf_encode_params *p = &e->params;
    uint8_t tag[RF_MP3_TAG_MAX];
    lame_t lame = lame_init();
    if (lame == NULL) {
        return -ENOMEM;
    }
    e->codec = lame;
    configure(lame, p, e->sink.seek != NULL);
    if (lame_init_params(lame) < 0) {
        return -EINVAL;
    }
    e->codec_frame = (uint32_t)lame_get_framesize(lame);
    return tags_in_front(e)
               ? rf_encode_emit(
                     e, tag, rf_mp3_tag(p->rate_hz, p->n_channels, bitrate_of(p), p->n_frames, tag))
               : 0;
}

static int emit_encoded(rf_encoder *e, const uint8_t *bytes, int n)
{
    if (n < 0) {
        return n == -2 ? -ENOMEM : -EIO;
    }
    return n > 0 ? rf_encode_emit(e, bytes, (size_t)n) : 0;
}

static int write_mp3(rf_encoder *e, const float *data, int64_t n)
{
    float clean[2 * RF_ENCODE_CHUNK];
    uint8_t bytes[MAX_OUTPUT];
    rf_encode_finite(e, data, (size_t)n * e->params.n_channels, clean);
    int len =
        e->params.n_channels == 2
            ? lame_encode_buffer_interleaved_ieee_float(e->codec, clean, (int)n, bytes,
                                                        sizeof(bytes))
            : lame_encode_buffer_ieee_float(e->codec, clean, clean, (int)n, bytes, sizeof(bytes));
    e->n_coded = (int64_t)lame_get_frameNum(e->codec) * e->codec_frame;
    return emit_encoded(e, bytes, len);
}

/* The first frame holds the exact length, delay and padding; they are known at the end only. */
static int rewrite_tag(rf_encoder *e)
{
    uint8_t tag[TAG_MAX];
    size_t len = lame_get_lametag_frame(e->codec, tag, sizeof(tag));
    if (len == 0 || len > sizeof(tag)) {
        return 0;
    }
    int err = rf_encode_seek(e, 0);
    if (err == 0) {
        err = rf_encode_emit(e, tag, len);
    }
    return err == 0 ? rf_encode_seek(e, e->stats.n_bytes) : err;
}

static int close_mp3(rf_encoder *e)
{
    static const float silence[2 * RF_MP3_MIN_FRAMES];
    uint8_t bytes[MAX_OUTPUT];
    int err =
        e->stats.n_frames == 0 && tags_in_front(e) ? write_mp3(e, silence, RF_MP3_MIN_FRAMES) : 0;
    if (err != 0) {
        return err;
    }
    err = emit_encoded(e, bytes, lame_encode_flush(e->codec, bytes, sizeof(bytes)));
    return err == 0 && e->sink.seek != NULL ? rewrite_tag(e) : err;
}

static void free_mp3(rf_encoder *e)
{
    if (e->codec != NULL) {
        lame_close(e->codec);
        e->codec = NULL;
    }
}

const rf_encode_writer rf_encode_mp3 = {check_mp3, open_mp3,  write_mp3, rf_encode_write_float,
                                        NULL,      close_mp3, free_mp3};
