#include "analysis_activation.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "analysis_activation_model.h"
#include "analysis_chroma.h"

#define STEP 2       /* onset frames a frame of the network */
#define CENTRE 0.25  /* of a frame, in frames */
#define WINDOW_S 0.6 /* of harmony before and after */
#define GAP_S 0.05   /* before an attack: its own blur */
#define CHANGE_GAIN 4.0f

enum {
    N_FOLDED = 24, /* bass, then treble */
    N_UNITS = ANALYSIS_ACTIVATION_UNITS,
    N_OUT = 2,
};

/* Running sums of the pitch classes of all tone frames, [n_tone + 1][N_FOLDED]. */
static void sum_chroma(const analysis_frontend *frontend, double *ret)
{
    for (size_t t = 0; t < frontend->n_tone; t++) {
        analysis_chroma chroma;
        analysis_chroma_fold(frontend->notes + t * ANALYSIS_N_NOTES, &chroma);
        for (int i = 0; i < 12; i++) {
            const double *before = ret + t * N_FOLDED;
            ret[(t + 1) * N_FOLDED + (size_t)i] = before[i] + (double)chroma.bass[i];
            ret[(t + 1) * N_FOLDED + 12 + (size_t)i] = before[12 + i] + (double)chroma.treble[i];
        }
    }
}

static void difference(const double *sums, int64_t n, int64_t first, int64_t end, float *ret)
{
    first = RF_MAX((int64_t)0, RF_MIN(n, first));
    end = RF_MAX(first, RF_MIN(n, end));
    for (int i = 0; i < N_FOLDED; i++) {
        ret[i] = (float)(sums[end * N_FOLDED + i] - sums[first * N_FOLDED + i]);
    }
}

static void harmony_change(const analysis_frontend *frontend, const double *sums, double at_s,
                           float ret[2])
{
    float before[N_FOLDED], after[N_FOLDED];
    double rate = frontend->tone_rate_hz;
    int64_t n = (int64_t)frontend->n_tone;
    int64_t from = llround((at_s - WINDOW_S) * rate);
    int64_t to = llround((at_s + WINDOW_S) * rate);
    difference(sums, n, from, llround((at_s - GAP_S) * rate), before);
    difference(sums, n, llround(at_s * rate), to, after);
    ret[0] = CHANGE_GAIN * analysis_cosine_distance(before + 12, after + 12, 12) - 1.0f;
    ret[1] = CHANGE_GAIN * analysis_cosine_distance(before, after, 12) - 1.0f;
}

size_t analysis_activation_frames(size_t n)
{
    return (n + STEP - 1) / STEP;
}

int analysis_activation_inputs(const analysis_frontend *frontend, const float *curves,
                               size_t stride, float *ret)
{
    double rate = frontend->onset_rate_hz / STEP;
    RF_CLEANUP(rf_cleanup_free)
    double *sums = calloc(frontend->n_tone + 1, N_FOLDED * sizeof(double));
    if (sums == NULL) {
        return -ENOMEM;
    }
    sum_chroma(frontend, sums);
    for (size_t i = 0; i < analysis_activation_frames(frontend->n_onset); i++) {
        float *row = ret + i * ANALYSIS_N_ACTIVATION_INPUTS;
        const float *a = curves + STEP * i * stride;
        const float *b = STEP * i + 1 < frontend->n_onset ? a + stride : a;
        for (int k = 0; k < ANALYSIS_N_CURVES; k++) {
            row[k] = RF_MAX(a[k], b[k]);
        }
        harmony_change(frontend, sums, ((double)i + CENTRE) / rate, row + ANALYSIS_N_CURVES);
    }
    return 0;
}

/* sum += w x, for w of n_in rows. */
static void add_product(const float *x, int n_in, const float (*w)[N_UNITS], float sum[N_UNITS])
{
    for (int i = 0; i < n_in; i++) {
        for (int j = 0; j < N_UNITS; j++) {
            sum[j] += x[i] * w[i][j];
        }
    }
}

/* Convolution at one frame; silence lies beyond the ends. */
static void convolve(const float *rows, int64_t n, int n_in, int64_t at, int64_t spacing,
                     int n_taps, const float (*w)[N_UNITS], float sum[N_UNITS])
{
    for (int k = 0; k < n_taps; k++) {
        int64_t from = at + (k - n_taps / 2) * spacing;
        if (from >= 0 && from < n) {
            add_product(rows + from * n_in, n_in, w + (ptrdiff_t)k * n_in, sum);
        }
    }
}

static void first_layer(const float *inputs, int64_t n, float *ret)
{
    for (int64_t t = 0; t < n; t++) {
        float *row = ret + t * N_UNITS;
        memcpy(row, ANALYSIS_ACTIVATION_IN_BIAS, N_UNITS * sizeof(*row));
        convolve(inputs, n, ANALYSIS_N_ACTIVATION_INPUTS, t, 1, ANALYSIS_ACTIVATION_TAPS_IN,
                 ANALYSIS_ACTIVATION_IN[0], row);
        for (int j = 0; j < N_UNITS; j++) {
            row[j] = RF_MAX(0.0f, row[j]);
        }
    }
}

/* What goes in passes by the layer, too. */
static void hidden_layer(const float *before, int64_t n, int layer, float *ret)
{
    for (int64_t t = 0; t < n; t++) {
        float sum[N_UNITS];
        memcpy(sum, ANALYSIS_ACTIVATION_HIDDEN_BIAS[layer], sizeof(sum));
        convolve(before, n, N_UNITS, t, (int64_t)1 << layer, 3,
                 ANALYSIS_ACTIVATION_HIDDEN[layer][0], sum);
        for (int j = 0; j < N_UNITS; j++) {
            ret[t * N_UNITS + j] = before[t * N_UNITS + j] + RF_MAX(0.0f, sum[j]);
        }
    }
}

static void last_layer(const float *hidden, int64_t n, float (*ret)[N_OUT])
{
    for (int64_t t = 0; t < n; t++) {
        for (int k = 0; k < N_OUT; k++) {
            float sum = ANALYSIS_ACTIVATION_OUT_BIAS[k];
            for (int j = 0; j < N_UNITS; j++) {
                sum += ANALYSIS_ACTIVATION_OUT[k][j] * hidden[t * N_UNITS + j];
            }
            ret[t][k] = 1.0f / (1.0f + expf(-sum));
        }
    }
}

/* Network frames to onset frames. */
static void spread(float (*const from)[N_OUT], size_t n_from, size_t n, size_t stride, float *ret)
{
    for (size_t i = 0; i < n; i++) {
        double x = RF_MAX(0.0, (double)i / STEP - CENTRE);
        size_t k = RF_MIN((size_t)x, n_from - 1);
        size_t next = RF_MIN(k + 1, n_from - 1);
        float part = (float)(x - (double)k);
        for (int o = 0; o < N_OUT; o++) {
            ret[i * stride + (size_t)o] = (1.0f - part) * from[k][o] + part * from[next][o];
        }
    }
}

int analysis_activation_find(const analysis_frontend *frontend, const float *curves, size_t stride,
                             float *ret)
{
    size_t n = analysis_activation_frames(frontend->n_onset);
    RF_CLEANUP(rf_cleanup_free)
    float *inputs = calloc(n + 1, ANALYSIS_N_ACTIVATION_INPUTS * sizeof(float));
    RF_CLEANUP(rf_cleanup_free) float *a = calloc(n + 1, N_UNITS * sizeof(float));
    RF_CLEANUP(rf_cleanup_free) float *b = calloc(n + 1, N_UNITS * sizeof(float));
    if (inputs == NULL || a == NULL || b == NULL ||
        analysis_activation_inputs(frontend, curves, stride, inputs) < 0) {
        return -ENOMEM;
    }
    if (n == 0) {
        return 0;
    }
    first_layer(inputs, (int64_t)n, a);
    for (int layer = 0; layer < ANALYSIS_ACTIVATION_LAYERS; layer++) {
        hidden_layer(a, (int64_t)n, layer, b);
        float *swap = a;
        a = b;
        b = swap;
    }
    float(*out)[N_OUT] = (float(*)[N_OUT])b;
    last_layer(a, (int64_t)n, out);
    spread(out, n, frontend->n_onset, stride, ret);
    return 0;
}
