/*
 * rf_decode.h - foreign audio files to float32 frames, in a locked-down child (one per call).
 *
 * The child is the program reflection-decode; it gets a read-only descriptor of the file and a
 * memfd for the result, and nothing else (rf_sandbox.h). Every number that it answers is checked.
 * Length: lossless files give exactly their frames and samples (up to the 24 bits of a float);
 * lossy ones have the declared encoder delay and padding removed. Non-finite samples become 0
 * unless asked for.
 *
 * Threads: a decoder may be used by any number of threads at once.
 */
#ifndef RF_DECODE_H
#define RF_DECODE_H

#include "rf_media.h"

typedef struct rf_decoder rf_decoder;

/* Limits are checked on what the file declares before anything is allocated for it, and again on
 * what it really holds. */
typedef struct rf_decode_limits {
    int64_t max_bytes;     /* of the file */
    int64_t max_seconds;   /* of audio */
    uint32_t max_channels; /* 1..RF_MEDIA_MAX_CHANNELS */
    uint32_t min_rate_hz;  /* RF_MEDIA_MIN_RATE_HZ.. */
    uint32_t max_rate_hz;  /* ..RF_MEDIA_MAX_RATE_HZ */
    int64_t max_pcm_bytes; /* of decoded float32 */
    uint32_t cpu_s;
    uint32_t wall_ms;
    uint64_t address_bytes; /* of the child */
} rf_decode_limits;

/* processor.md section 6 */
#define RF_DECODE_LIMITS                                                                           \
    ((rf_decode_limits){.max_bytes = 512LL << 20,                                                  \
                        .max_seconds = 3600,                                                       \
                        .max_channels = RF_MEDIA_MAX_CHANNELS,                                     \
                        .min_rate_hz = RF_MEDIA_MIN_RATE_HZ,                                       \
                        .max_rate_hz = RF_MEDIA_MAX_RATE_HZ,                                       \
                        .max_pcm_bytes = 2LL << 30,                                                \
                        .cpu_s = 60,                                                               \
                        .wall_ms = 120000,                                                         \
                        .address_bytes = 3ULL << 30})

typedef struct rf_decode_options {
    rf_decode_limits limits;
    bool keep_nonfinite; /* NaN and infinity of float files stay as they are */
    int cancel_fd;       /* becomes readable to cancel (eventfd); -1 for none */
} rf_decode_options;

typedef struct rf_decode_info {
    rf_media_format format;
    uint32_t bits_per_sample; /* of the source, 8..64; 0 for lossy */
    bool lossless;
} rf_decode_info;

/* rf_decoder_new makes the pool of decoding children. n_ready (0..16) of them are kept idle; with 0
 * nothing runs before the first call. max_children bounds the decodes at once. Returns 0, -EINVAL,
 * -ENOENT when reflection-decode is not found. */
int rf_decoder_new(uint32_t n_ready, uint32_t max_children, rf_decoder **ret_decoder) RF_MUST_USE;
rf_decoder *rf_decoder_free(rf_decoder *decoder);

/* rf_decode decodes the whole file behind fd (regular file or memfd; position unused, not closed).
 * On success ret_frames is the caller's: a sealed memfd with its view. ret_info and error may be
 * NULL. Returns 0 or the negative errno of error->code. A child that crashed is DECODE_FAILED with
 * error->crashed, and harms no other call. */
int rf_decode(rf_decoder *decoder, int fd, const rf_decode_options *options, rf_frames **ret_frames,
              rf_decode_info *ret_info, rf_media_error *error) RF_MUST_USE;

/* rf_decode_bytes is rf_decode of a file in memory. */
int rf_decode_bytes(rf_decoder *decoder, const void *data, size_t len,
                    const rf_decode_options *options, rf_frames **ret_frames,
                    rf_decode_info *ret_info, rf_media_error *error) RF_MUST_USE;

#endif
