/*
 * rf_mix.h - n channels to m, interleaved. Plain data; any thread.
 *
 * Without a matrix: n > m: output j is the mean of the inputs i with i mod m = j; n < m: output j
 * is input j mod n; n = m: the same.
 */
#ifndef RF_MIX_H
#define RF_MIX_H

#include "rf_base.h"

#define RF_MIX_MAX_CHANNELS 8
#define RF_MIX_MAX_GAIN 4.0F

typedef struct rf_mix {
    uint32_t n_in, n_out;
    bool given;                                            /* the matrix counts */
    float gain[RF_MIX_MAX_CHANNELS * RF_MIX_MAX_CHANNELS]; /* [output * n_in + input] */
} rf_mix;

/* rf_mix_init takes channels 1..8 and a matrix of n_out rows of n_in gains in -4..4 (copied), or
 * NULL for the rule above. Returns 0 or -EINVAL. */
int rf_mix_init(rf_mix *mix, uint32_t n_in, uint32_t n_out, const float *matrix) RF_MUST_USE;

/* rf_mix_changes says whether anything differs between input and output. */
bool rf_mix_changes(const rf_mix *mix);

/* rf_mix_run mixes n frames; in and out must not overlap. */
void rf_mix_run(const rf_mix *mix, const double *in, size_t n, double *out);

#endif
