/* FLAC (RFC 9639) by libFLAC. */
#include "rf_encode_impl.h"

#include <errno.h>
#include <FLAC/stream_encoder.h>

#define DEFAULT_LEVEL 5
#define MAX_LEVEL 8
#define MAX_CHANNELS 8
#define MAX_RATE_HZ 655350
#define MIN_BLOCK 16
#define MAX_BLOCK 65535

static unsigned depth_of(const rf_encode_params *p)
{
    return p->bit_depth != 0 ? p->bit_depth : 24;
}

static int check_flac(const rf_encode_params *p, rf_media_error *error)
{
    const unsigned depth = depth_of(p);
    if (depth != 16 && depth != 24) {
        return rf_media_fail(error, RF_MEDIA_UNSUPPORTED,
                             "bit_depth: FLAC has 16 or 24 bits, not %u", depth);
    }
    if (p->rate_hz < RF_MEDIA_MIN_RATE_HZ || p->rate_hz > MAX_RATE_HZ) {
        return rf_media_fail(error, RF_MEDIA_UNSUPPORTED, "rate: FLAC has %u to %u Hz, not %u",
                             RF_MEDIA_MIN_RATE_HZ, MAX_RATE_HZ, p->rate_hz);
    }
    if (p->n_channels < 1 || p->n_channels > MAX_CHANNELS) {
        return rf_media_fail(error, RF_MEDIA_UNSUPPORTED, "channels: FLAC has 1 to %u, not %u",
                             MAX_CHANNELS, p->n_channels);
    }
    if (p->level < -1 || p->level > MAX_LEVEL) {
        return rf_media_fail(error, RF_MEDIA_INVALID_VALUE, "level: FLAC has 0 to %d, not %d",
                             MAX_LEVEL, p->level);
    }
    if (p->block_frames != 0 && (p->block_frames < MIN_BLOCK || p->block_frames > MAX_BLOCK)) {
        return rf_media_fail(error, RF_MEDIA_INVALID_VALUE,
                             "block_frames: FLAC has %d to %d, not %u", MIN_BLOCK, MAX_BLOCK,
                             p->block_frames);
    }
    return 0;
}

static FLAC__StreamEncoderWriteStatus on_write(const FLAC__StreamEncoder *flac,
                                               const FLAC__byte bytes[], size_t len,
                                               uint32_t n_frames, uint32_t frame, void *user)
{
    rf_encoder *e = user;
    (void)flac;
    (void)frame;
    e->err = rf_encode_emit(e, bytes, len);
    e->n_coded += n_frames; /* of the last block its true length; 0 with headers */
    return e->err == 0 ? FLAC__STREAM_ENCODER_WRITE_STATUS_OK
                       : FLAC__STREAM_ENCODER_WRITE_STATUS_FATAL_ERROR;
}

static FLAC__StreamEncoderSeekStatus on_seek(const FLAC__StreamEncoder *flac, FLAC__uint64 offset,
                                             void *user)
{
    (void)flac;
    return rf_encode_seek(user, (int64_t)offset) == 0 ? FLAC__STREAM_ENCODER_SEEK_STATUS_OK
                                                      : FLAC__STREAM_ENCODER_SEEK_STATUS_ERROR;
}

static FLAC__StreamEncoderTellStatus on_tell(const FLAC__StreamEncoder *flac, FLAC__uint64 *offset,
                                             void *user)
{
    const rf_encoder *e = user;
    (void)flac;
    *offset = (FLAC__uint64)e->at;
    return FLAC__STREAM_ENCODER_TELL_STATUS_OK;
}

static void configure(FLAC__StreamEncoder *flac, const rf_encode_params *p)
{
    FLAC__stream_encoder_set_channels(flac, p->n_channels);
    FLAC__stream_encoder_set_bits_per_sample(flac, depth_of(p));
    FLAC__stream_encoder_set_sample_rate(flac, p->rate_hz);
    FLAC__stream_encoder_set_compression_level(
        flac, (uint32_t)(p->level >= 0 ? p->level : DEFAULT_LEVEL));
    FLAC__stream_encoder_set_streamable_subset(flac, false); /* it excludes legal rates */
    if (p->block_frames != 0) {
        FLAC__stream_encoder_set_blocksize(flac, p->block_frames);
    }
    if (p->n_frames > 0) {
        FLAC__stream_encoder_set_total_samples_estimate(flac, (FLAC__uint64)p->n_frames);
    }
}

static int open_flac(rf_encoder *e)
{
    const bool seekable = e->sink.seek != NULL;
    FLAC__StreamEncoder *flac = FLAC__stream_encoder_new();
    if (flac == NULL) {
        return -ENOMEM;
    }
    e->codec = flac;
    configure(flac, &e->params);
    FLAC__StreamEncoderInitStatus status = FLAC__stream_encoder_init_stream(
        flac, on_write, seekable ? on_seek : NULL, seekable ? on_tell : NULL, NULL, e);
    if (status != FLAC__STREAM_ENCODER_INIT_STATUS_OK) {
        return e->err != 0 ? e->err : -ENOMEM;
    }
    e->codec_frame = FLAC__stream_encoder_get_blocksize(flac);
    return 0;
}

static int encode(rf_encoder *e, const int32_t *samples, int64_t n)
{
    if (!FLAC__stream_encoder_process_interleaved(e->codec, samples, (uint32_t)n)) {
        return e->err != 0 ? e->err : -EIO;
    }
    return 0;
}

static int write_flac(rf_encoder *e, const float *data, int64_t n)
{
    int32_t rounded[MAX_CHANNELS * RF_ENCODE_CHUNK];
    rf_encode_quantise(e, data, (size_t)n * e->params.n_channels, depth_of(&e->params), rounded);
    return encode(e, rounded, n);
}

static int write_pcm(rf_encoder *e, rf_sample_format sample, const void *data, int64_t n)
{
    int32_t samples[MAX_CHANNELS * RF_ENCODE_CHUNK];
    if (sample > RF_SAMPLE_S24 || rf_sample_bits(sample) != depth_of(&e->params)) {
        return -EINVAL;
    }
    rf_sample_to_i32(sample, data, (size_t)n * e->params.n_channels, samples);
    return encode(e, samples, n);
}

static int close_flac(rf_encoder *e)
{
    if (!FLAC__stream_encoder_finish(e->codec)) {
        return e->err != 0 ? e->err : -EIO;
    }
    return e->sink.seek != NULL ? rf_encode_seek(e, e->stats.n_bytes) : 0;
}

/* Deleting an unfinished encoder would finish it, and write to a sink that may be gone. */
static int swallow(void *user, const void *data, size_t len)
{
    (void)user;
    (void)data;
    (void)len;
    return -ECANCELED;
}

static void free_flac(rf_encoder *e)
{
    if (e->codec != NULL) {
        e->sink = (rf_sink){.write = swallow};
        FLAC__stream_encoder_delete(e->codec);
        e->codec = NULL;
    }
}

const rf_encode_writer rf_encode_flac = {check_flac, open_flac,  write_flac, write_pcm,
                                         NULL,       close_flac, free_flac};
