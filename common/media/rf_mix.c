#include "rf_mix.h"

#include <errno.h>
#include <math.h>
#include <string.h>

int rf_mix_init(rf_mix *mix, uint32_t n_in, uint32_t n_out, const float *matrix)
{
    if (n_in < 1 || n_in > RF_MIX_MAX_CHANNELS || n_out < 1 || n_out > RF_MIX_MAX_CHANNELS) {
        return -EINVAL;
    }
    for (size_t i = 0; matrix != NULL && i < (size_t)n_in * n_out; i++) {
        if (!(fabsf(matrix[i]) <= RF_MIX_MAX_GAIN)) { /* NaN too */
            return -EINVAL;
        }
    }
    *mix = (rf_mix){.n_in = n_in, .n_out = n_out, .given = matrix != NULL};
    if (matrix != NULL) {
        memcpy(mix->gain, matrix, (size_t)n_in * n_out * sizeof(*matrix));
    }
    return 0;
}

bool rf_mix_changes(const rf_mix *mix)
{
    return mix->given || mix->n_in != mix->n_out;
}

static double weighted(const rf_mix *mix, const double *frame, uint32_t out)
{
    double sum = 0;
    for (uint32_t i = 0; i < mix->n_in; i++) {
        sum += (double)mix->gain[out * mix->n_in + i] * frame[i];
    }
    return sum;
}

/* The sum of up to eight samples of 32 bits is exact; the quotient is rounded once. */
static double mean(const rf_mix *mix, const double *frame, uint32_t out)
{
    double sum = 0;
    double count = 0;
    for (uint32_t i = out; i < mix->n_in; i += mix->n_out) {
        sum += frame[i];
        count++;
    }
    return sum / count;
}

void rf_mix_run(const rf_mix *mix, const double *in, size_t n, double *out)
{
    for (size_t f = 0; f < n; f++) {
        const double *frame = in + f * mix->n_in;
        for (uint32_t j = 0; j < mix->n_out; j++) {
            *out++ = mix->given               ? weighted(mix, frame, j)
                     : mix->n_in > mix->n_out ? mean(mix, frame, j)
                                              : frame[j % mix->n_in];
        }
    }
}
