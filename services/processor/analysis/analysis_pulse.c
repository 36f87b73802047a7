#include "analysis_pulse.h"

#include <math.h>
#include <string.h>

#define MEAN_HALF_S 0.75
#define SCALE_HALF_S 4.0
#define QUIET 0.05 /* of a band's global scale: deviations below it are not raised */
#define PULSE_MIN (-1.0f)
#define PULSE_MAX 5.0f
#define REACH 2 /* frames either side that a lookup searches */

/* of the curves in the strength, and of the beat's activation */
static const float CURVE_WEIGHTS[ANALYSIS_N_CURVES] = {1.0f, 0.9f, 0.9f, 1.1f, 1.1f, 1.0f, 0.5f};
static const float ACTIVATION_WEIGHT = 1.0f;

void analysis_pulse_note_rise(const analysis_frontend *frontend, float *ret)
{
    memset(ret, 0, frontend->n_tone * sizeof(*ret));
    for (size_t t = 1; t + 1 < frontend->n_tone; t++) {
        const float *before = frontend->notes + (t - 1) * ANALYSIS_N_NOTES;
        const float *after = frontend->notes + (t + 1) * ANALYSIS_N_NOTES;
        for (int i = 0; i < ANALYSIS_N_NOTES; i++) {
            ret[t] += RF_MAX(0.0f, log1pf(after[i]) - log1pf(before[i]));
        }
    }
}

/* Rise of the notes, scaled to a mean of 1 and spread to onset frames. */
static void note_rise(const analysis_frontend *frontend, float *ret, size_t n, size_t stride)
{
    double ratio = frontend->tone_rate_hz / frontend->onset_rate_hz;
    size_t n_tone = frontend->n_tone;
    float *rise = RF_NEW_ARRAY(float, n_tone + 1);
    analysis_pulse_note_rise(frontend, rise);
    double mean = 0;
    for (size_t t = 0; t < n_tone; t++) {
        mean += (double)rise[t] / (double)n_tone;
    }
    float scale = (float)(1.0 / RF_MAX(mean, 1e-6));
    for (size_t i = 0; i < n; i++) {
        double x = (double)i * ratio;
        size_t k = RF_MIN((size_t)x, n_tone - 1);
        float part = (float)(x - (double)k);
        ret[i * stride] =
            scale * ((1.0f - part) * rise[k] + part * rise[RF_MIN(k + 1, n_tone - 1)]);
    }
    free(rise);
}

/* (x - local mean) / local deviation, in place. sums and squares: n + 1 scratch values each. */
static void normalise(float *x, size_t n, size_t stride, double rate_hz, double *sums,
                      double *squares)
{
    for (size_t i = 0; i < n; i++) {
        double v = (double)x[i * stride];
        sums[i + 1] = sums[i] + v;
        squares[i + 1] = squares[i] + v * v;
    }
    double global = sqrt(squares[n] / (double)n);
    size_t near = (size_t)(MEAN_HALF_S * rate_hz);
    size_t far = (size_t)(SCALE_HALF_S * rate_hz);
    for (size_t i = 0; i < n; i++) {
        size_t low = i > near ? i - near : 0;
        size_t high = RF_MIN(n, i + near + 1);
        double mean = (sums[high] - sums[low]) / (double)(high - low);
        low = i > far ? i - far : 0;
        high = RF_MIN(n, i + far + 1);
        double wide = (sums[high] - sums[low]) / (double)(high - low);
        double power = (squares[high] - squares[low]) / (double)(high - low);
        double deviation = sqrt(RF_MAX(0.0, power - wide * wide)) + QUIET * global + 1e-9;
        float v = (float)(((double)x[i * stride] - mean) / deviation);
        x[i * stride] = RF_MAX(PULSE_MIN, RF_MIN(PULSE_MAX, v));
    }
}

static void fill_curves(analysis_pulse *pulse, const analysis_frontend *frontend, double *sums,
                        double *squares)
{
    for (size_t i = 0; i < pulse->n; i++) {
        for (int b = 0; b < ANALYSIS_N_FLUX; b++) {
            pulse->bands[i * ANALYSIS_N_PULSE + (size_t)b] =
                frontend->flux[i * ANALYSIS_N_FLUX + (size_t)b];
        }
    }
    note_rise(frontend, pulse->bands + ANALYSIS_N_FLUX, pulse->n, ANALYSIS_N_PULSE);
    for (size_t i = 0; i < pulse->n; i++) {
        for (int b = 0; b < ANALYSIS_N_CURVES; b++) {
            pulse->strength[i] += CURVE_WEIGHTS[b] * pulse->bands[i * ANALYSIS_N_PULSE + (size_t)b];
        }
    }
    normalise(pulse->strength, pulse->n, 1, pulse->rate_hz, sums, squares);
    for (int b = 0; b < ANALYSIS_N_CURVES; b++) {
        normalise(pulse->bands + b, pulse->n, ANALYSIS_N_PULSE, pulse->rate_hz, sums, squares);
    }
}

/* What the network makes of the curves: two more of them. */
static int fill_activation(analysis_pulse *pulse, const analysis_frontend *frontend, double *sums,
                           double *squares)
{
    int err = analysis_activation_find(frontend, pulse->bands, ANALYSIS_N_PULSE,
                                       pulse->bands + ANALYSIS_N_CURVES);
    for (size_t i = 0; i < pulse->n; i++) {
        pulse->beat[i] = pulse->bands[i * ANALYSIS_N_PULSE + ANALYSIS_N_CURVES];
    }
    for (int b = ANALYSIS_N_CURVES; b < ANALYSIS_N_PULSE && err == 0; b++) {
        normalise(pulse->bands + b, pulse->n, ANALYSIS_N_PULSE, pulse->rate_hz, sums, squares);
    }
    for (size_t i = 0; i < pulse->n && err == 0; i++) {
        pulse->strength[i] +=
            ACTIVATION_WEIGHT * pulse->bands[i * ANALYSIS_N_PULSE + ANALYSIS_N_CURVES];
    }
    return err;
}

analysis_pulse *analysis_pulse_new(const analysis_frontend *frontend)
{
    analysis_pulse *pulse = RF_NEW(analysis_pulse);
    pulse->n = frontend->n_onset;
    pulse->rate_hz = frontend->onset_rate_hz;
    pulse->bands = calloc(pulse->n + 1, ANALYSIS_N_PULSE * sizeof(float));
    pulse->strength = calloc(pulse->n + 1, sizeof(float));
    pulse->beat = calloc(pulse->n + 1, sizeof(float));
    RF_CLEANUP(rf_cleanup_free) double *sums = calloc(pulse->n + 1, sizeof(double));
    RF_CLEANUP(rf_cleanup_free) double *squares = calloc(pulse->n + 1, sizeof(double));
    if (pulse->bands == NULL || pulse->strength == NULL || pulse->beat == NULL || sums == NULL ||
        squares == NULL) {
        return analysis_pulse_free(pulse);
    }
    if (pulse->n > 0) {
        fill_curves(pulse, frontend, sums, squares);
        if (fill_activation(pulse, frontend, sums, squares) < 0) {
            return analysis_pulse_free(pulse);
        }
    }
    return pulse;
}

analysis_pulse *analysis_pulse_free(analysis_pulse *pulse)
{
    if (pulse != NULL) {
        free(pulse->bands);
        free(pulse->strength);
        free(pulse->beat);
        free(pulse);
    }
    return NULL;
}

static float lookup(const analysis_pulse *pulse, const float *x, size_t stride, double time_s)
{
    int64_t centre = llround(time_s * pulse->rate_hz);
    int64_t low = RF_MAX((int64_t)0, centre - REACH);
    int64_t high = RF_MIN((int64_t)pulse->n - 1, centre + REACH);
    float max = low <= high ? PULSE_MIN : 0.0f;
    for (int64_t i = low; i <= high; i++) {
        max = RF_MAX(max, x[(size_t)i * stride]);
    }
    return max;
}

float analysis_pulse_band(const analysis_pulse *pulse, int band, double time_s)
{
    return lookup(pulse, pulse->bands + band, ANALYSIS_N_PULSE, time_s);
}

float analysis_pulse_beat(const analysis_pulse *pulse, double time_s)
{
    return RF_MAX(0.0f, lookup(pulse, pulse->beat, 1, time_s));
}

float analysis_pulse_strength(const analysis_pulse *pulse, double time_s)
{
    return lookup(pulse, pulse->strength, 1, time_s);
}
