/*
 * rf_encode.h - float32 or PCM frames to WAV, FLAC, MP3 or Opus, streamed to a sink.
 *
 * From float32, integer formats (WAV and FLAC of 16 and 24 bit) round to nearest, clip at +-1.0 and
 * count what they clipped; non-finite samples are written as 0 and counted. 16 bit is dithered
 * (TPDF, the same bytes for the same input) unless switched off. WAV 32-bit float is written as it
 * is. From PCM of the file's own depth (rf_encoder_write_pcm) WAV and FLAC are exact. An encoder
 * belongs to one thread at a time; it may run inside a sandboxed child.
 */
#ifndef RF_ENCODE_H
#define RF_ENCODE_H

#include "rf_media.h"
#include "rf_sample.h"

/* Where the bytes go. write gets all of them in order and returns 0 or a negative errno, which ends
 * the encoding. seek (absolute, bytes) may be NULL: WAV and FLAC then need n_frames or live, and
 * MP3 has the tag that tells players its exact length only when n_frames is known. */
typedef struct rf_sink {
    int (*write)(void *user, const void *data, size_t len);
    int (*seek)(void *user, int64_t offset);
    void *user;
} rf_sink;

/* rf_sink_fd is a sink that writes to *fd at its position; seek is set when the descriptor can. */
rf_sink rf_sink_fd(const int *fd);

/* A cue point of a WAV file. */
typedef struct rf_encode_cue {
    uint32_t frame;
    const char *label; /* UTF-8, at most RF_ENCODE_LABEL_MAX bytes; the caller's */
} rf_encode_cue;

#define RF_ENCODE_LABEL_MAX 256
#define RF_ENCODE_MAX_CUES 10000
#define RF_ENCODE_MAX_PREROLL_S 1

typedef struct rf_encode_params {
    rf_media_format format; /* WAV, FLAC, MP3 or OPUS */
    uint32_t rate_hz;       /* WAV 3,000..768,000; FLAC to 655,350; MP3 8,000 to 48,000 (the nine
                               MPEG rates); Opus 8,000, 12,000, 16,000, 24,000, 48,000 */
    uint32_t n_channels;    /* WAV 1..32, FLAC and Opus 1..8, MP3 1..2 */
    uint32_t bit_depth;     /* WAV 16, 24, 32 (float unless integers); FLAC 16, 24; 0: 24 */
    int level;              /* FLAC 0..8; -1: 5 */
    uint32_t bitrate_bps; /* MP3 64,000..320,000 (0: 192,000), with any_bitrate 8,000..320,000, cut
                             to what the rate allows; Opus 6,000..510,000 (0: 128,000) */
    bool vbr;             /* MP3: variable, about bitrate_bps on average */
    bool no_dither;
    int64_t n_frames; /* when known, without those of n_preroll; else -1 */

    /* Zero is what files of known or correctable length want. */
    bool live;                 /* the length will not be known: WAV with sizes of 0xFFFFFFFF, FLAC
                                  without totals, MP3 without tag; nothing is sought */
    bool integers;             /* WAV of 32 bits */
    bool room;                 /* WAV: place for RF64's sizes in front of short files too */
    bool no_reservoir;         /* MP3: every codec frame stands alone */
    bool any_bitrate;          /* MP3 */
    bool quick;                /* MP3: LAME's own default effort; a third of the time */
    bool fastest;              /* Opus: complexity 0 */
    uint32_t complexity;       /* Opus 1..10; 0: 10 */
    uint32_t block_frames;     /* FLAC: 16..65,535; Opus: 2.5, 5, 10 or 20 ms; 0: by level, 20 ms */
    uint32_t n_preroll;        /* Opus: frames written first that only warm the decoder up and are
                                  dropped by it; at most 1 s */
    const rf_encode_cue *cues; /* WAV: behind the samples; must live as long as the encoder */
    size_t n_cues;             /* 0..10,000 */
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

/* rf_encoder_write_pcm adds n frames as they are: WAV takes its own sample format, FLAC int16 or
 * int24 as its depth is; MP3 and Opus float32. Returns -EINVAL for any other, or as
 * rf_encoder_write.
 */
int rf_encoder_write_pcm(rf_encoder *encoder, rf_sample_format sample, const void *data,
                         int64_t n) RF_MUST_USE;

/* rf_encoder_coded is how many frames are coded; what is not yet, waits inside the encoder for a
 * codec frame to become full. For MP3, codec frames count whole (they begin 1,105 samples early).
 * rf_encoder_codec_frame is the length of one: 1 for WAV. */
int64_t rf_encoder_coded(const rf_encoder *encoder);
uint32_t rf_encoder_codec_frame(const rf_encoder *encoder);

/* rf_encoder_flush sends what is coded and kept back to fill an Ogg page; nothing for other
 * formats.
 */
int rf_encoder_flush(rf_encoder *encoder) RF_MUST_USE;

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
