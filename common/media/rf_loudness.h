/*
 * rf_loudness.h - loudness by EBU R 128 / ITU-R BS.1770-4.
 * Meets EBU Tech 3341 and 3342: +-0.1 LU, range +-1 LU, true peak +-0.2 dB. Channels follow the
 * WAVE order: the LFE of 5.1 is left out, surrounds weigh +1.5 dB. A meter belongs to one thread;
 * its memory is fixed, whatever the length: 120 KiB and 0.5 KiB a channel. A second of 48 kHz
 * stereo takes below 1 ms.
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
    double momentary_lufs;      /* of the last whole window; what has not come is silence */
    double short_term_lufs;
    double range_lu;
    double true_peak_dbtp; /* 4 times oversampled below 96 kHz */
    double sample_peak_dbfs;
} rf_loudness;

/* rf_loudness_meter_new: 1..RF_MEDIA_MAX_CHANNELS, rate_hz as for rf_frames. Returns 0 or -EINVAL.
 */
int rf_loudness_meter_new(uint32_t n_channels, uint32_t rate_hz,
                          rf_loudness_meter **ret_meter) RF_MUST_USE;
rf_loudness_meter *rf_loudness_meter_free(rf_loudness_meter *meter);

/* rf_loudness_meter_add measures n more interleaved frames, all finite. */
void rf_loudness_meter_add(rf_loudness_meter *meter, const float *data, int64_t n);

/* rf_loudness_meter_read gives the figures of all frames so far; more may be added. */
void rf_loudness_meter_read(rf_loudness_meter *meter, rf_loudness *ret);

/* rf_loudness_of measures frames in memory. Returns 0 or -EINVAL. */
int rf_loudness_of(const rf_frames *frames, rf_loudness *ret) RF_MUST_USE;

#endif
