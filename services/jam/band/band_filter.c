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
    if (fabs(gain_db) < 0.01) {
        return band_design_through();
    }
    return shelf(corner_hz, gain_db, 1);
}

band_design band_design_high_shelf(double corner_hz, double gain_db)
{
    return shelf(corner_hz, gain_db, -1);
}

void band_filter_set(band_filter *filter, size_t lane, const band_design *design)
{
    for (size_t i = lane; i < lane + 2; i++) {
        filter->target.b0[i] = design->b0;
        filter->target.b1[i] = design->b1;
        filter->target.b2[i] = design->b2;
        filter->target.a1[i] = design->a1;
        filter->target.a2[i] = design->a2;
    }
    filter->moves = true;
}

static bool is_through(const band_taps *t)
{
    bool through = true;
    for (size_t i = 0; i < 4; i++) {
        /* exact: it is what band_design_through gives */
        through = through && t->b0[i] == 1 && t->b1[i] == 0 && t->b2[i] == 0 && t->a1[i] == 0 &&
                  t->a2[i] == 0;
    }
    return through;
}

void band_filter_jump(band_filter *filter)
{
    filter->now = filter->target;
    filter->moves = false;
    filter->is_through = is_through(&filter->now);
}

static inline band_v4 tick(const band_taps *t, band_v4 *s1, band_v4 *s2, band_v4 x)
{
    const band_v4 y = t->b0 * x + *s1;
    *s1 = (t->b1 * x + *s2) - t->a1 * y;
    *s2 = t->b2 * x - t->a2 * y;
    return y;
}

static inline band_taps step_of(const band_filter *f)
{
    const band_v4 share = band_splat(1.0F / BAND_BLOCK);
    return (band_taps){share * (f->target.b0 - f->now.b0), share * (f->target.b1 - f->now.b1),
                       share * (f->target.b2 - f->now.b2), share * (f->target.a1 - f->now.a1),
                       share * (f->target.a2 - f->now.a2)};
}

/* Stable designs span a convex set of (a1, a2): whatever lies between two of them is stable. */
static void run_moving(band_filter *filter, band_block *block)
{
    const band_taps step = step_of(filter);
    band_taps t = filter->now;
    band_v4 s1 = filter->s1, s2 = filter->s2;
    for (size_t i = 0; i < BAND_BLOCK; i++) {
        t = (band_taps){t.b0 + step.b0, t.b1 + step.b1, t.b2 + step.b2, t.a1 + step.a1,
                        t.a2 + step.a2};
        block->x[i] = tick(&t, &s1, &s2, block->x[i]);
    }
    filter->s1 = s1;
    filter->s2 = s2;
    band_filter_jump(filter);
}

void band_filter_run(band_filter *filter, band_block *block)
{
    if (filter->moves) {
        run_moving(filter, block);
        return;
    }
    if (filter->is_through) {
        filter->s1 = filter->s2 = band_splat(0);
        return;
    }
    const band_taps t = filter->now;
    band_v4 s1 = filter->s1, s2 = filter->s2;
    for (size_t i = 0; i < BAND_BLOCK; i++) {
        block->x[i] = tick(&t, &s1, &s2, block->x[i]);
    }
    filter->s1 = s1;
    filter->s2 = s2;
}

static bool is_steady(const band_filter *filter)
{
    return !filter->moves && !filter->is_through;
}

void band_filter_run_beside(band_filter filters[2], band_block blocks[2])
{
    if (!is_steady(&filters[0]) || !is_steady(&filters[1])) {
        band_filter_run(&filters[0], &blocks[0]);
        band_filter_run(&filters[1], &blocks[1]);
        return;
    }
    band_filter a = filters[0], b = filters[1];
    for (size_t i = 0; i < BAND_BLOCK; i++) {
        blocks[0].x[i] = tick(&a.now, &a.s1, &a.s2, blocks[0].x[i]);
        blocks[1].x[i] = tick(&b.now, &b.s1, &b.s2, blocks[1].x[i]);
    }
    filters[0] = a;
    filters[1] = b;
}

void band_filter_run_chain(band_filter *first, band_filter *second, band_block *block)
{
    if (!is_steady(first) || !is_steady(second)) {
        band_filter_run(first, block);
        band_filter_run(second, block);
        return;
    }
    band_filter a = *first, b = *second;
    for (size_t i = 0; i < BAND_BLOCK; i++) {
        const band_v4 between = tick(&a.now, &a.s1, &a.s2, block->x[i]);
        block->x[i] = tick(&b.now, &b.s1, &b.s2, between);
    }
    *first = a;
    *second = b;
}
