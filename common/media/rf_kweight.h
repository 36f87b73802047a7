/*
 * rf_kweight.h - the K-weighting of ITU-R BS.1770-4: a shelf for the head, then a high-pass.
 *
 * The Recommendation gives the filter at 48 kHz. At other rates its response is kept: from 40 kHz
 * on by the bilinear transform; below, where that would warp the shelf, the shelf's poles are those
 * of the analogue one and its zeros meet the 48 kHz response at three frequencies. The error is
 * below 0.05 dB from 8 kHz on (0.01 dB from 12 kHz, 0.5 dB at 3 kHz). Two channels are filtered at
 * a time, in double precision. One thread.
 */
#ifndef RF_KWEIGHT_H
#define RF_KWEIGHT_H

#include "rf_base.h"

/* A section: y = b0 x + b1 x' + b2 x'' - a1 y' - a2 y''. */
typedef struct rf_biquad {
    double b[3];
    double a[2];
} rf_biquad;

typedef struct rf_kweight {
    rf_biquad shelf;
    rf_biquad high_pass;
} rf_kweight;

typedef double rf_pair __attribute__((vector_size(16)));

/* What the filter keeps of two channels; zeroed is silence. */
typedef struct rf_kweight_state {
    rf_pair shelf[2];
    rf_pair high_pass[2];
} rf_kweight_state;

/* rf_kweight_init designs it for a rate in Hz. */
void rf_kweight_init(rf_kweight *k, uint32_t rate_hz);

/* rf_kweight_energy filters n frames of channels `at` and, with_next, at + 1 of interleaved data
 * with n_channels, and gives the sum of the squares of each; without, the second is 0. */
rf_pair rf_kweight_energy(const rf_kweight *k, rf_kweight_state *state, const float *data, size_t n,
                          uint32_t n_channels, uint32_t at, bool with_next);

/* rf_kweight_response: the power gain at a frequency below half the rate. */
double rf_kweight_response(const rf_kweight *k, uint32_t rate_hz, double hz);

#endif
