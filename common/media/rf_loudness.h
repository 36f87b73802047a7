/*
 * rf_loudness.h - loudness by EBU R 128 / ITU-R BS.1770-4 (libebur128).
 * Meets EBU Tech 3341 and 3342: +-0.1 LU, range +-1 LU, true peak +0.2/-0.4 dB. Channels follow the
 * WAVE order: the LFE of 5.1 is left out, surrounds weigh +1.5 dB. A meter belongs to one thread.
 */
#ifndef RF_LOUDNESS_H
#define RF_LOUDNESS_H

#include "rf_media.h"

typedef struct rf_loudness_meter rf_loudness_meter;

/* Silence gives -HUGE_VAL where a logarithm has no value. */
typedef struct rf_loudness {
    double integrated_lufs;
    double momentary_max_lufs;  /* 400 ms window, every 10 ms */
    double short_term_max_lufs; /* 3 s window, every 50 ms */
    double range_lu;
    double true_peak_dbtp; /* 4 times oversampled below 96 kHz */
    double sample_peak_dbfs;
} rf_loudness;

/* rf_loudness_meter_new: 1..RF_MEDIA_MAX_CHANNELS, rate_hz as for rf_frames. Returns 0, -EINVAL,
 * -ENOMEM. */
int rf_loudness_meter_new(uint32_t n_channels, uint32_t rate_hz,
                          rf_loudness_meter **ret_meter) RF_MUST_USE;
rf_loudness_meter *rf_loudness_meter_free(rf_loudness_meter *meter);

/* rf_loudness_meter_add measures n more interleaved frames. Returns 0, -ENOMEM, or -EINVAL after a
 * read below 40 kHz. */
int rf_loudness_meter_add(rf_loudness_meter *meter, const float *data, int64_t n) RF_MUST_USE;

/* rf_loudness_meter_read gives the figures of all frames so far. Below 40 kHz, where audio is
 * resampled for the measuring filter, it ends the measurement. Returns 0 or -ENOMEM. */
int rf_loudness_meter_read(rf_loudness_meter *meter, rf_loudness *ret) RF_MUST_USE;

/* rf_loudness_of measures frames in memory. Returns 0, -EINVAL, -ENOMEM. */
int rf_loudness_of(const rf_frames *frames, rf_loudness *ret) RF_MUST_USE;

#endif
