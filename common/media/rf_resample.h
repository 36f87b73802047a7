/*
 * rf_resample.h - sample rate conversion by soxr at "very high quality".
 * Equal rates copy, bit for bit. A resampler belongs to one thread at a time.
 */
#ifndef RF_RESAMPLE_H
#define RF_RESAMPLE_H

#include "rf_media.h"

typedef struct rf_resampler rf_resampler;

/* rf_resampler_new: rates in RF_MEDIA_MIN_RATE_HZ..RF_MEDIA_MAX_RATE_HZ, 1..RF_MEDIA_MAX_CHANNELS
 * interleaved channels. Returns 0, -EINVAL, -ENOMEM. */
int rf_resampler_new(uint32_t from_hz, uint32_t to_hz, uint32_t n_channels,
                     rf_resampler **ret_resampler) RF_MUST_USE;
rf_resampler *rf_resampler_free(rf_resampler *resampler);

/* What a stream takes and gives; inside, all is float64. Integers given are rounded to nearest and
 * saturate; floats taken must be finite. */
typedef enum rf_resample_type {
    RF_RESAMPLE_F64,
    RF_RESAMPLE_F32,
    RF_RESAMPLE_S32,
    RF_RESAMPLE_S16,
} rf_resample_type;

typedef struct rf_resample_params {
    uint32_t from_hz, to_hz;
    uint32_t n_channels;
    rf_resample_type in, out; /* equal where the rates are */
} rf_resample_params;

/* rf_resampler_new_stream is for live streams: samples of any type (rf_resampler_process_stream),
 * the length rule of rf_resample_length_nearest, and the shortest blocks inside soxr, so that it
 * holds back 38 ms at most at usual rates (72 ms for 192 to 8 kHz) and needs 1.4 MiB at most for 8
 * channels. The same filters. Returns as rf_resampler_new. */
int rf_resampler_new_stream(const rf_resample_params *params,
                            rf_resampler **ret_resampler) RF_MUST_USE;

/* rf_resampler_process takes at most n_in frames, gives at most max_out, and sets how many it took
 * and gave. The delay of the filter is compensated: output starts with the first input frame.
 * in NULL means the input has ended; call until *ret_given is 0. Then exactly
 * rf_resample_length(total in) frames have been given. Returns 0 or -EIO. */
int rf_resampler_process(rf_resampler *resampler, const float *in, int64_t n_in, int64_t *ret_taken,
                         float *out, int64_t max_out, int64_t *ret_given) RF_MUST_USE;

/* rf_resampler_process_stream is rf_resampler_process for one of rf_resampler_new_stream. */
int rf_resampler_process_stream(rf_resampler *resampler, const void *in, int64_t n_in,
                                int64_t *ret_taken, void *out, int64_t max_out,
                                int64_t *ret_given) RF_MUST_USE;

/* rf_resampler_n_clipped is how many integers given have saturated so far. */
int64_t rf_resampler_n_clipped(const rf_resampler *resampler);

/* rf_resample_length is the length of n frames after conversion: ceil(n * to / from). */
int64_t rf_resample_length(int64_t n, uint32_t from_hz, uint32_t to_hz);

/* rf_resample_length_nearest is round(n * to / from), half up. */
int64_t rf_resample_length_nearest(int64_t n, uint32_t from_hz, uint32_t to_hz);

/* rf_resample converts frames in memory to a new heap copy, equal rates included. Returns 0,
 * -EINVAL, -ENOMEM, -EIO. */
int rf_resample(const rf_frames *frames, uint32_t to_hz, rf_frames **ret_frames) RF_MUST_USE;

#endif
