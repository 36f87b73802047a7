#include "analysis_form.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "analysis_chroma.h"

static void make_unit(float *x, size_t n)
{
    double square = 0;
    for (size_t k = 0; k < n; k++) {
        square += (double)x[k] * (double)x[k];
    }
    for (size_t k = 0; k < n && square > 1e-9; k++) {
        x[k] /= (float)sqrt(square);
    }
}

/* Frames of a series of `rate_hz` from start_s to end_s: at least one, within the song. */
static size_t frames_of(double start_s, double end_s, double rate_hz, size_t n, size_t *ret_end)
{
    double last = n > 0 ? (double)(n - 1) : 0.0;
    double first = RF_MAX(0.0, RF_MIN(last, ceil(start_s * rate_hz)));
    double end = RF_MAX(first + 1.0, RF_MIN(last + 1.0, ceil(end_s * rate_hz)));
    *ret_end = n > 0 ? (size_t)end : 0;
    return (size_t)first;
}

/* Roots of activations weigh soft notes as ears do. */
static void describe_melody(const analysis_frontend *frontend, double start_s, double length_s,
                            float *ret)
{
    for (int p = 0; p < ANALYSIS_MELODY_PARTS; p++) {
        float *part = ret + p * ANALYSIS_N_NOTES;
        size_t end = 0;
        size_t t = frames_of(start_s + length_s * p / ANALYSIS_MELODY_PARTS,
                             start_s + length_s * (p + 1) / ANALYSIS_MELODY_PARTS,
                             frontend->tone_rate_hz, frontend->n_tone, &end);
        for (; t < end; t++) {
            for (int k = 0; k < ANALYSIS_N_NOTES; k++) {
                part[k] += frontend->notes[t * ANALYSIS_N_NOTES + (size_t)k];
            }
        }
        for (int k = 0; k < ANALYSIS_N_NOTES; k++) {
            part[k] = sqrtf(part[k]);
        }
    }
    make_unit(ret, ANALYSIS_N_MELODY);
}

static void describe_harmony(const analysis_frontend *frontend, double start_s, double length_s,
                             float *ret)
{
    for (int p = 0; p < ANALYSIS_HARMONY_PARTS; p++) {
        analysis_chroma part;
        analysis_chroma_mean(frontend, start_s + length_s * p / ANALYSIS_HARMONY_PARTS,
                             start_s + length_s * (p + 1) / ANALYSIS_HARMONY_PARTS, &part);
        memcpy(ret + p * 24, part.treble, sizeof(part.treble));
        memcpy(ret + p * 24 + 12, part.bass, sizeof(part.bass));
    }
    make_unit(ret, ANALYSIS_N_HARMONY);
}

/* Strongest onset of each band around each step. */
static void describe_rhythm(const analysis_frontend *frontend, double start_s, double length_s,
                            float *ret)
{
    double step_s = length_s / ANALYSIS_FORM_STEPS;
    for (int p = 0; p < ANALYSIS_FORM_STEPS; p++) {
        float *step = ret + p * ANALYSIS_N_FLUX;
        size_t end = 0;
        size_t t = frames_of(start_s + step_s * (p - 0.5), start_s + step_s * (p + 0.5),
                             frontend->onset_rate_hz, frontend->n_onset, &end);
        for (; t < end; t++) {
            for (int b = 0; b < ANALYSIS_N_FLUX; b++) {
                step[b] = RF_MAX(step[b], frontend->flux[t * ANALYSIS_N_FLUX + (size_t)b]);
            }
        }
        for (int b = 0; b < ANALYSIS_N_FLUX; b++) {
            step[b] = log1pf(step[b]);
        }
    }
}

static void describe(analysis_form *form, const analysis_frontend *frontend, size_t i)
{
    double start_s = form->start_s[i];
    double length_s = form->start_s[i + 1] - start_s;
    float *timbre = form->timbre + i * ANALYSIS_N_TIMBRE;
    describe_melody(frontend, start_s, length_s, form->melody + i * ANALYSIS_N_MELODY);
    describe_harmony(frontend, start_s, length_s, form->harmony + i * ANALYSIS_N_HARMONY);
    describe_rhythm(frontend, start_s, length_s, form->rhythm + i * ANALYSIS_N_RHYTHM);
    analysis_timbre_mean(frontend, start_s, start_s + length_s, timbre);
    for (int b = 0; b < ANALYSIS_N_TIMBRE; b++) {
        form->loud[i] += timbre[b] / ANALYSIS_N_TIMBRE;
    }
}

static void standardise_loudness(analysis_form *form)
{
    double sum = 0;
    double square = 0;
    for (size_t i = 0; i < form->n; i++) {
        sum += (double)form->loud[i];
        square += (double)form->loud[i] * (double)form->loud[i];
    }
    double mean = sum / (double)form->n;
    double deviation = sqrt(RF_MAX(0.0, square / (double)form->n - mean * mean)) + 0.5; /* dB */
    for (size_t i = 0; i < form->n; i++) {
        form->loud[i] = (float)(((double)form->loud[i] - mean) / deviation);
    }
}

static int alloc_rows(analysis_form *form)
{
    form->melody = calloc(form->n, ANALYSIS_N_MELODY * sizeof(float));
    form->harmony = calloc(form->n, ANALYSIS_N_HARMONY * sizeof(float));
    form->timbre = calloc(form->n, ANALYSIS_N_TIMBRE * sizeof(float));
    form->rhythm = calloc(form->n, ANALYSIS_N_RHYTHM * sizeof(float));
    form->loud = calloc(form->n, sizeof(float));
    bool ok = form->melody != NULL && form->harmony != NULL && form->timbre != NULL &&
              form->rhythm != NULL && form->loud != NULL;
    return ok ? 0 : -ENOMEM;
}

int analysis_form_init(analysis_form *form, const analysis_frontend *frontend,
                       const analysis_beats *beats, const analysis_control *control)
{
    memset(form, 0, sizeof(*form));
    form->n = analysis_form_bars(frontend, beats, &form->start_s);
    if (alloc_rows(form) < 0) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < form->n; i++) {
        if (analysis_cancelled(control)) {
            return -ECANCELED;
        }
        describe(form, frontend, i);
    }
    standardise_loudness(form);
    return analysis_form_compare(form, control);
}

void analysis_form_done(analysis_form *form)
{
    free(form->start_s);
    free(form->melody);
    free(form->harmony);
    free(form->timbre);
    free(form->rhythm);
    free(form->loud);
    free(form->like_harmony);
    free(form->like_colour);
    free(form->like_sound);
    free(form->like_rhythm);
    free(form->odds);
    free(form->same_run);
    memset(form, 0, sizeof(*form));
}
