#include "rf_true_peak.h"

#include <math.h>
#include <string.h>

#define HISTORY (RF_TRUE_PEAK_TAPS - 1)
#define MIDDLE (RF_TRUE_PEAK_TAPS / 2.0 - 1)
#define LANES 8
#define WIDTH (2 * LANES) /* places looked at together */
#define WINDOW_BETA 6.0

typedef float lanes __attribute__((vector_size(4 * LANES)));
typedef int32_t masks __attribute__((vector_size(4 * LANES)));

/* ---- the filter: a sinc in Kaiser's window ---- */

static double bessel_i0(double x)
{
    double sum = 1;
    double term = 1;
    for (int k = 1; k < 32; k++) {
        term *= x / (2 * k) * (x / (2 * k));
        sum += term;
    }
    return sum;
}

/* Of a time in samples from the middle. */
static double window(double t)
{
    const double x = 2 * t / RF_TRUE_PEAK_TAPS;
    return fabs(x) >= 1 ? 0 : bessel_i0(WINDOW_BETA * sqrt(1 - x * x)) / bessel_i0(WINDOW_BETA);
}

/* The value `at` of a sample behind the one in the middle. */
static void make_phase(float taps[RF_TRUE_PEAK_TAPS], double at, float *bound)
{
    double values[RF_TRUE_PEAK_TAPS];
    double sum = 0;
    double magnitudes = 0;
    for (int i = 0; i < RF_TRUE_PEAK_TAPS; i++) {
        const double t = i - MIDDLE - at;
        values[i] = sin(M_PI * t) / (M_PI * t) * window(t);
        sum += values[i];
    }
    for (int i = 0; i < RF_TRUE_PEAK_TAPS; i++) {
        taps[i] = (float)(values[i] / sum);
        magnitudes += fabs((double)taps[i]);
    }
    *bound = fmaxf(*bound, (float)magnitudes);
}

/* ---- the peak ---- */

/* Written once and compiled for every kind of processor told apart below. Vectors pass by address:
 * how they pass by value differs between the kinds. */
#define ALIKE static inline __attribute__((always_inline))

ALIKE void load(lanes *v, const float *data)
{
    memcpy(v, data, sizeof(*v));
}

/* The greater magnitude, lane by lane. */
ALIKE void raise_to(lanes *max, const lanes *x)
{
    const masks magnitude = (masks)*x & INT32_MAX;
    const masks more = (lanes)magnitude > *max;
    *max = (lanes)((more & magnitude) | (~more & (masks)*max));
}

/* fmaxf is a call unless the processor is known to do it in one instruction. */
ALIKE float greater_of(float a, float b)
{
    return b > a ? b : a;
}

ALIKE float greatest(const lanes *v)
{
    float max = 0;
    for (size_t i = 0; i < LANES; i++) {
        max = greater_of(max, (*v)[i]);
    }
    return max;
}

ALIKE float magnitude_of(const float *data, size_t n)
{
    const size_t whole = n / LANES * LANES;
    lanes max = {0};
    for (size_t i = 0; i < whole; i += LANES) {
        lanes x;
        load(&x, data + i);
        raise_to(&max, &x);
    }
    float rest = greatest(&max);
    for (size_t i = whole; i < n; i++) {
        rest = greater_of(rest, fabsf(data[i]));
    }
    return rest;
}

/* The sums of one vector of places, by phase: named, so that they stay in registers. */
typedef struct sums {
    lanes first;
    lanes second;
    lanes third;
} sums;

/* Tap k of every phase. */
ALIKE void add_tap(sums *s, const rf_true_peak_filter *f, size_t k, const float *data)
{
    lanes x;
    load(&x, data + k);
    s->first += f->taps[0][k] * x;
    s->second += f->taps[1][k] * x;
    s->third += f->taps[2][k] * x;
}

ALIKE void raise_to_all(lanes *max, const sums *s)
{
    raise_to(max, &s->first);
    raise_to(max, &s->second);
    raise_to(max, &s->third);
}

/* Two vectors at a time, so that a tap is loaded once for both. n: a multiple of WIDTH. */
ALIKE float between_whole(const rf_true_peak_filter *f, const float *data, size_t n)
{
    lanes max = {0};
    for (size_t i = 0; i < n; i += WIDTH) {
        sums low = {{0}, {0}, {0}};
        sums high = {{0}, {0}, {0}};
        for (size_t k = 0; k < RF_TRUE_PEAK_TAPS; k++) {
            add_tap(&low, f, k, data + i);
            add_tap(&high, f, k, data + i + LANES);
        }
        raise_to_all(&max, &low);
        raise_to_all(&max, &high);
    }
    return greatest(&max);
}

/* The first place of data alone. */
ALIKE float between_one(const rf_true_peak_filter *f, const float *data)
{
    float max = 0;
    for (uint32_t p = 0; p < 3; p++) {
        float sum = 0;
        for (size_t k = 0; k < RF_TRUE_PEAK_TAPS; k++) {
            sum += f->taps[p][k] * data[k];
        }
        max = greater_of(max, fabsf(sum));
    }
    return max;
}

ALIKE float between(const rf_true_peak_filter *f, const float *data, size_t n)
{
    const size_t whole = n / WIDTH * WIDTH;
    float max = between_whole(f, data, whole);
    for (size_t i = whole; i < n; i++) {
        max = greater_of(max, between_one(f, data + i));
    }
    return max;
}

/* The first n of the block. */
ALIKE void measure_alike(rf_true_peak *p, const rf_true_peak_filter *f, size_t n)
{
    const float block = magnitude_of(p->samples + HISTORY, n);
    p->sample_peak = greater_of(p->sample_peak, block);
    p->true_peak = greater_of(p->true_peak, block);
    if (f->n_phases > 0) {
        const float around = greater_of(block, magnitude_of(p->samples, HISTORY));
        if (around * f->bound > p->true_peak) {
            p->true_peak = greater_of(p->true_peak, between(f, p->samples, n));
        }
    }
}

void rf_true_peak_measure_any(rf_true_peak *peak, const rf_true_peak_filter *filter, size_t n)
{
    measure_alike(peak, filter, n);
}

#ifdef __x86_64__
__attribute__((target("avx2,fma"))) static void measure_avx2(rf_true_peak *p,
                                                             const rf_true_peak_filter *f, size_t n)
{
    measure_alike(p, f, n);
}
#endif

static rf_true_peak_measure_fn best_measure(void)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        return measure_avx2;
    }
#endif
    return rf_true_peak_measure_any;
}

void rf_true_peak_init(rf_true_peak_filter *filter, uint32_t rate_hz)
{
    *filter = (rf_true_peak_filter){.n_phases = rate_hz < 96000    ? 3
                                                : rate_hz < 192000 ? 1
                                                                   : 0,
                                    .measure = best_measure()};
    for (uint32_t i = 0; i < filter->n_phases; i++) {
        make_phase(filter->taps[i], (double)(i + 1) / (filter->n_phases + 1), &filter->bound);
    }
}

/* ---- the meter ---- */

void rf_true_peak_add(rf_true_peak *peak, const rf_true_peak_filter *filter, const float *data,
                      size_t n, size_t step)
{
    while (n > 0) {
        const size_t part = RF_MIN(n, RF_TRUE_PEAK_BLOCK - peak->n);
        float *to = peak->samples + HISTORY + peak->n;
        for (size_t i = 0; i < part; i++) {
            to[i] = data[i * step];
        }
        data += part * step;
        peak->n += part;
        n -= part;
        if (peak->n == RF_TRUE_PEAK_BLOCK) {
            filter->measure(peak, filter, RF_TRUE_PEAK_BLOCK);
            memmove(peak->samples, peak->samples + RF_TRUE_PEAK_BLOCK, HISTORY * sizeof(float));
            peak->n = 0;
        }
    }
}

void rf_true_peak_flush(rf_true_peak *peak, const rf_true_peak_filter *filter)
{
    filter->measure(peak, filter, peak->n);
}
