#include "band_click.h"

#include <math.h>

static double most(const float *x, size_t from, size_t to)
{
    double max = 0;
    for (size_t i = from; i < to; i++) {
        max = fmax(max, fabs((double)x[i] - 2.0 * x[i - 1] + x[i - 2]));
    }
    return max;
}

static double ratio(const float *x, size_t event)
{
    const size_t from = event - BAND_CLICK_NEAR, to = event + BAND_CLICK_NEAR + 1;
    const double around =
        fmax(most(x, from - BAND_CLICK_FAR, from), most(x, to, to + BAND_CLICK_FAR));
    return most(x, from, to) / fmax(around, 0.001);
}

double band_click_ratio(const float *left, const float *right, size_t event)
{
    return fmax(ratio(left, event), ratio(right, event));
}
