#include "band_filter.h"

#include <math.h>

band_design band_design_through(void)
{
    return (band_design){.b0 = 1};
}

static band_design normalized(double b0, double b1, double b2, double a0, double a1, double a2)
{
    return (band_design){(float)(b0 / a0), (float)(b1 / a0), (float)(b2 / a0), (float)(a1 / a0),
                         (float)(a2 / a0)};
}

static double angle(double hz)
{
    return 2 * M_PI * fmin(fmax(hz, 20), 0.45 * JAM_RATE_HZ) / JAM_RATE_HZ;
}

band_design band_design_low_pass(double cutoff_hz, double q)
{
    const double w = angle(cutoff_hz);
    const double alpha = sin(w) / (2 * q), c = cos(w);
    return normalized((1 - c) / 2, 1 - c, (1 - c) / 2, 1 + alpha, -2 * c, 1 - alpha);
}

/* Shelves of slope 1; sign turns the low one into the high one. */
static band_design shelf(double corner_hz, double gain_db, double sign)
{
    const double a = pow(10, gain_db / 40), w = angle(corner_hz);
    const double c = sign * cos(w), beta = 2 * sqrt(a) * sin(w) * M_SQRT1_2;
    return normalized(a * (a + 1 - (a - 1) * c + beta), sign * 2 * a * (a - 1 - (a + 1) * c),
                      a * (a + 1 - (a - 1) * c - beta), a + 1 + (a - 1) * c + beta,
                      sign * -2 * (a - 1 + (a + 1) * c), a + 1 + (a - 1) * c - beta);
}

band_design band_design_low_shelf(double corner_hz, double gain_db)
{
    return shelf(corner_hz, gain_db, 1);
}

band_design band_design_high_shelf(double corner_hz, double gain_db)
{
    return shelf(corner_hz, gain_db, -1);
}

void band_filter_set(band_filter *filter, size_t lane, const band_design *design)
{
    for (size_t i = lane; i < lane + 2; i++) {
        filter->b0[i] = design->b0;
        filter->b1[i] = design->b1;
        filter->b2[i] = design->b2;
        filter->a1[i] = design->a1;
        filter->a2[i] = design->a2;
    }
}

void band_filter_run(band_filter *filter, band_block *block)
{
    const band_filter f = *filter;
    band_v4 s1 = f.s1, s2 = f.s2;
    for (size_t i = 0; i < BAND_BLOCK; i++) {
        const band_v4 x = block->x[i];
        const band_v4 y = f.b0 * x + s1;
        s1 = f.b1 * x - f.a1 * y + s2;
        s2 = f.b2 * x - f.a2 * y;
        block->x[i] = y;
    }
    filter->s1 = s1;
    filter->s2 = s2;
}
