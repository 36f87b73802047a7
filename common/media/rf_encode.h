/*
 * rf_encode.h - float32 frames to WAV, FLAC, MP3 or Opus, streamed to a sink.
 *
 * Integer formats (WAV and FLAC of 16 and 24 bit) round to nearest, clip at +-1.0 and count what
 * they clipped; non-finite samples are written as 0 and counted. 16 bit is dithered (TPDF, the
 * same bytes for the same input) unless switched off. WAV 32-bit float is written as it is.
 * An encoder belongs to one thread at a time; it may run inside a sandboxed child.
 */
#ifndef RF_ENCODE_H
#define RF_ENCODE_H

#include "rf_media.h"

/* Where the bytes go. write gets all of them in order and returns 0 or a negative errno, which ends
 * the encoding. seek (absolute, bytes) may be NULL: WAV and FLAC then need n_frames, and MP3 lacks
 * the tag that tells players its exact length. */
typedef struct rf_sink {
    int (*write)(void *user, const void *data, size_t len);
    int (*seek)(void *user, int64_t offset);
    void *user;
} rf_sink;

/* rf_sink_fd is a sink that writes to *fd at its position; seek is set when the descriptor can. */
rf_sink rf_sink_fd(const int *fd);

typedef struct rf_encode_params {
    rf_media_format format; /* WAV, FLAC, MP3 or OPUS */
    uint32_t rate_hz;       /* WAV 3,000..768,000; FLAC to 655,350; MP3 8,000 to 48,000 (the nine
                               MPEG rates); Opus 48,000 only */
    uint32_t n_channels;    /* WAV 1..32, FLAC and Opus 1..8, MP3 1..2 */
    uint32_t bit_depth;     /* WAV 16, 24, 32 (float); FLAC 16, 24; 0: 24 */
    int level;              /* FLAC 0..8; -1: 5 */
    uint32_t bitrate_bps;   /* MP3 64,000..320,000 (0: 192,000); Opus 6,000..510,000 (0: 128,000) */
    bool vbr;               /* MP3: variable, about bitrate_bps on average */
    bool no_dither;
    int64_t n_frames; /* when known, else -1 */
} rf_encode_params;

typedef struct rf_encode_stats {
    int64_t n_frames;
    int64_t n_clipped;   /* samples */
    int64_t n_nonfinite; /* samples */
    int64_t n_bytes;
} rf_encode_stats;

typedef struct rf_encoder rf_encoder;

/* rf_encode_check says whether the pairs are possible: 0, -ENOTSUP or -EINVAL with an error that
 * names the field and what would be right. */
int rf_encode_check(const rf_encode_params *params, rf_media_error *error);

/* rf_encoder_open starts a file; the sink's user must live as long as the encoder. Returns 0, as
 * rf_encode_check, or the sink's error. */
int rf_encoder_open(const rf_encode_params *params, rf_sink sink, rf_encoder **ret_encoder,
                    rf_media_error *error) RF_MUST_USE;

/* rf_encoder_write adds n frames of interleaved float32 in WAVE channel order. */
int rf_encoder_write(rf_encoder *encoder, const float *data, int64_t n) RF_MUST_USE;

/* rf_encoder_close writes what is left (header sizes, tags), frees the encoder and fills ret_stats
 * (may be NULL). Returns 0, the first error, or -EINVAL when n_frames was declared, differs and
 * the sink cannot seek. The encoder is gone in every case. */
int rf_encoder_close(rf_encoder *encoder, rf_encode_stats *ret_stats) RF_MUST_USE;

/* rf_encoder_free drops an unfinished encoder. NULL is fine; returns NULL. */
rf_encoder *rf_encoder_free(rf_encoder *encoder);

/* rf_encode_frames is open, write and close for frames in memory. params->rate_hz, n_channels and
 * n_frames are taken from frames. */
int rf_encode_frames(const rf_encode_params *params, const rf_frames *frames, rf_sink sink,
                     rf_encode_stats *ret_stats, rf_media_error *error) RF_MUST_USE;

#endif
