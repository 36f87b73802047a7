/*
 * rf_convert.h - a stream of PCM of one shape to another: sample format, channels, rate.
 *
 * State is kept over the whole stream: cutting the input differently changes no sample. What need
 * not change is copied bit for bit; everything else goes through float64, so that int24 and int32
 * keep all their bits. Rates change by soxr at "very high quality", the filter's delay removed:
 * n frames give exactly round(n * out / in), half up.
 * A converter belongs to one thread at a time. Heap: below 1.8 MiB for 8 channels at any two rates.
 */
#ifndef RF_CONVERT_H
#define RF_CONVERT_H

#include "rf_mix.h"
#include "rf_resample.h"
#include "rf_sample.h"

typedef struct rf_pcm {
    rf_sample_format sample;
    uint32_t n_channels; /* 1..RF_MIX_MAX_CHANNELS */
    uint32_t rate_hz;    /* RF_MEDIA_MIN_RATE_HZ..RF_MEDIA_MAX_RATE_HZ */
} rf_pcm;

/* rf_pcm_frame_bytes is the size of one frame. */
size_t rf_pcm_frame_bytes(const rf_pcm *pcm);

typedef struct rf_convert_params {
    rf_pcm from, to;
    const float
        *matrix; /* to.n_channels rows of from.n_channels gains, or NULL: the rule of rf_mix */
    bool dither; /* triangular, where bits are lost */
} rf_convert_params;

typedef struct rf_converter rf_converter;

/* rf_converter_new returns 0, -EINVAL (shape or matrix) or -ENOMEM. */
int rf_converter_new(const rf_convert_params *params, rf_converter **ret_converter) RF_MUST_USE;
rf_converter *rf_converter_free(rf_converter *converter);

/* rf_converter_run takes at most n_in frames, gives at most max_out, and sets how many it took and
 * gave; either may be 0 while the other is not. With n_in 0 it gives what is ready. in NULL means
 * the input has ended; call until *ret_given is 0. Then rf_converter_length(total in) frames were
 * given. Returns 0 or -EIO. */
int rf_converter_run(rf_converter *converter, const void *in, int64_t n_in, int64_t *ret_taken,
                     void *out, int64_t max_out, int64_t *ret_given) RF_MUST_USE;

/* rf_converter_length is the number of frames that n become. */
int64_t rf_converter_length(const rf_converter *converter, int64_t n);

/* rf_converter_state: what was clipped and what was not finite so far. */
const rf_sample_state *rf_converter_state(const rf_converter *converter);

#endif
