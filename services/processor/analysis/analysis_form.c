#include "analysis_form.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "analysis_chroma.h"

#define EVEN_S 2.0    /* without beats */
#define BAR_MIN_S 0.8 /* shorter bars are joined */
#define N_CHROMA (ANALYSIS_FORM_PARTS * 24)
#define COLOUR_SCALE 0.5f /* squared distance a band at which likeness is 1/e */

static void push_start(analysis_form *form, double at)
{
    form->start_s[form->n++] = at;
}

static size_t count_downbeats(const analysis_beats *beats)
{
    size_t n = 0;
    for (size_t i = 0; beats != NULL && i < beats->n_beats; i++) {
        n += beats->beats[i].number == 1;
    }
    return n;
}

/* Bars from downbeats; the stretches before the first and after the last are cut evenly. */
static void place_bars(analysis_form *form, double duration_s, const analysis_beats *beats)
{
    double shortest = RF_MAX(BAR_MIN_S, duration_s / (ANALYSIS_FORM_UNITS_MAX - 2));
    double even = RF_MAX(EVEN_S, 2.0 * shortest);
    double at = 0;
    push_start(form, 0.0);
    for (size_t i = 0; beats != NULL && i < beats->n_beats; i++) {
        double time_s = beats->beats[i].time_s;
        if (beats->beats[i].number != 1 || time_s - at < shortest ||
            duration_s - time_s < shortest) {
            continue;
        }
        for (; form->n == 1 && time_s - at > 2.0 * even; at += even) {
            if (at > 0.0) {
                push_start(form, at);
            }
        }
        push_start(form, time_s);
        at = time_s;
    }
    double bar = form->n > 2 ? (at - form->start_s[1]) / (double)(form->n - 2) : even;
    bar = RF_MAX(bar, shortest);
    for (at += bar; at < duration_s - 0.5 * bar; at += bar) {
        push_start(form, at);
    }
    form->start_s[form->n] = duration_s;
}

static void describe(analysis_form *form, const analysis_frontend *frontend, size_t i)
{
    double start = form->start_s[i];
    double length = form->start_s[i + 1] - start;
    float *chroma = form->chroma + i * N_CHROMA;
    double square = 0;
    for (int p = 0; p < ANALYSIS_FORM_PARTS; p++) {
        analysis_chroma part;
        analysis_chroma_mean(frontend, start + length * p / ANALYSIS_FORM_PARTS,
                             start + length * (p + 1) / ANALYSIS_FORM_PARTS, &part);
        memcpy(chroma + p * 24, part.treble, sizeof(part.treble));
        memcpy(chroma + p * 24 + 12, part.bass, sizeof(part.bass));
    }
    for (int k = 0; k < N_CHROMA; k++) {
        square += (double)chroma[k] * (double)chroma[k];
    }
    for (int k = 0; k < N_CHROMA && square > 1e-9; k++) {
        chroma[k] /= (float)sqrt(square);
    }
    float *timbre = form->timbre + i * ANALYSIS_N_TIMBRE;
    analysis_timbre_mean(frontend, start, start + length, timbre);
    for (int b = 0; b < ANALYSIS_N_TIMBRE; b++) {
        form->loud[i] += timbre[b] / ANALYSIS_N_TIMBRE;
    }
}

static void standardise(float *x, size_t n, size_t stride)
{
    double sum = 0;
    double square = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)x[i * stride];
        square += (double)x[i * stride] * (double)x[i * stride];
    }
    double mean = sum / (double)n;
    double deviation = sqrt(RF_MAX(0.0, square / (double)n - mean * mean)) + 0.5; /* dB */
    for (size_t i = 0; i < n; i++) {
        x[i * stride] = (float)(((double)x[i * stride] - mean) / deviation);
    }
}

static void compare(analysis_form *form, size_t i, size_t j)
{
    float dot = 0.0f;
    for (int k = 0; k < N_CHROMA; k++) {
        dot += form->chroma[i * N_CHROMA + (size_t)k] * form->chroma[j * N_CHROMA + (size_t)k];
    }
    float distance = 0.0f;
    for (int b = 0; b < ANALYSIS_N_TIMBRE; b++) {
        float d = form->timbre[i * ANALYSIS_N_TIMBRE + (size_t)b] -
                  form->timbre[j * ANALYSIS_N_TIMBRE + (size_t)b];
        distance += d * d / ANALYSIS_N_TIMBRE;
    }
    float colour = expf(-distance / COLOUR_SCALE);
    form->harmony[i * form->n + j] = form->harmony[j * form->n + i] = dot;
    form->colour[i * form->n + j] = form->colour[j * form->n + i] = colour;
}

static int alloc_rows(analysis_form *form)
{
    form->chroma = calloc(form->n + 1, N_CHROMA * sizeof(float));
    form->timbre = calloc(form->n + 1, ANALYSIS_N_TIMBRE * sizeof(float));
    form->loud = calloc(form->n + 1, sizeof(float));
    form->harmony = calloc(form->n * form->n + 1, sizeof(float));
    form->colour = calloc(form->n * form->n + 1, sizeof(float));
    bool ok = form->chroma != NULL && form->timbre != NULL && form->loud != NULL &&
              form->harmony != NULL && form->colour != NULL;
    return ok ? 0 : -ENOMEM;
}

int analysis_form_init(analysis_form *form, const analysis_frontend *frontend,
                       const analysis_beats *beats, const analysis_control *control)
{
    memset(form, 0, sizeof(*form));
    size_t max = count_downbeats(beats) + (size_t)(frontend->duration_s / EVEN_S) + 4;
    form->start_s = RF_NEW_ARRAY(double, max);
    place_bars(form, frontend->duration_s, beats);
    if (alloc_rows(form) < 0) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < form->n; i++) {
        describe(form, frontend, i);
    }
    standardise(form->loud, form->n, 1);
    for (int b = 0; b < ANALYSIS_N_TIMBRE; b++) {
        standardise(form->timbre + b, form->n, ANALYSIS_N_TIMBRE);
    }
    for (size_t i = 0; i < form->n; i++) {
        if (analysis_cancelled(control)) {
            return -ECANCELED;
        }
        for (size_t j = 0; j <= i; j++) {
            compare(form, i, j);
        }
    }
    return 0;
}

void analysis_form_done(analysis_form *form)
{
    free(form->start_s);
    free(form->chroma);
    free(form->timbre);
    free(form->loud);
    free(form->harmony);
    free(form->colour);
    memset(form, 0, sizeof(*form));
}

size_t analysis_form_near(const analysis_form *form, double time_s)
{
    size_t best = 0;
    for (size_t i = 1; i <= form->n; i++) {
        if (fabs(form->start_s[i] - time_s) < fabs(form->start_s[best] - time_s)) {
            best = i;
        }
    }
    return best;
}
