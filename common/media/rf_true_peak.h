/*
 * rf_true_peak.h - the greatest value between the samples (ITU-R BS.1770-4, annex 2): 4 times
 * oversampled below 96 kHz, 2 times below 192 kHz, from there on the samples alone.
 *
 * No value between samples exceeds the greatest sample around it times the filter's sum of
 * magnitudes; where that cannot exceed what has been found, nothing is computed. The result is that
 * of computing all. A meter is of one channel and one thread.
 */
#ifndef RF_TRUE_PEAK_H
#define RF_TRUE_PEAK_H

#include "rf_base.h"

#define RF_TRUE_PEAK_TAPS 16
#define RF_TRUE_PEAK_BLOCK 64 /* frames */

typedef struct rf_true_peak_filter rf_true_peak_filter;
typedef struct rf_true_peak rf_true_peak;

/* Takes the first n samples of the block into the peaks. */
typedef void (*rf_true_peak_measure_fn)(rf_true_peak *peak, const rf_true_peak_filter *filter,
                                        size_t n);

/* The filter, the same for all channels of a rate. */
struct rf_true_peak_filter {
    uint32_t n_phases; /* between two samples: 3, 1 or 0 */
    float taps[3][RF_TRUE_PEAK_TAPS];
    float bound;                     /* the greatest sum of magnitudes of a phase */
    rf_true_peak_measure_fn measure; /* as this processor does it best */
};

/* Zeroed is a start: silence lies before. */
struct rf_true_peak {
    float samples[RF_TRUE_PEAK_TAPS + RF_TRUE_PEAK_BLOCK]; /* the last taps - 1, then the block */
    size_t n;                                              /* of the block */
    float sample_peak;
    float true_peak; /* at least the sample peak */
};

void rf_true_peak_init(rf_true_peak_filter *filter, uint32_t rate_hz);

/* rf_true_peak_add takes n samples, `step` floats apart. rf_true_peak_flush computes what is not
 * yet computed: before the peaks are read; more may be added afterwards. */
void rf_true_peak_add(rf_true_peak *peak, const rf_true_peak_filter *filter, const float *data,
                      size_t n, size_t step);
void rf_true_peak_flush(rf_true_peak *peak, const rf_true_peak_filter *filter);

/* rf_true_peak_measure_any is the `measure` of processors that are not known better. */
void rf_true_peak_measure_any(rf_true_peak *peak, const rf_true_peak_filter *filter, size_t n);

#endif
