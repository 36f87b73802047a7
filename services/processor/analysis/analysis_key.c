#include "analysis_key.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis_chords.h"
#include "analysis_chroma.h"
#include "analysis_key_chords.h"
#include "analysis_key_model.h"
#include "analysis_key_profile.h"

#define STEP_S 1.0   /* stretches that count alike, however loud they are */
#define ENDING_S 8.0 /* the final cadence lies in it */
#define OPENING_S 8.0
#define QUIET_RATIO 0.05f /* of the loudest stretch */

static void add_unit(const float *v, float *sum)
{
    float total = 0.0f;
    for (int i = 0; i < 12; i++) {
        total += v[i];
    }
    for (int i = 0; i < 12 && total > 1e-6f; i++) {
        sum[i] += v[i] / total;
    }
}

/* Zero mean, unit length: only the shape counts. */
static void shape(float *v)
{
    double mean = 0;
    double square = 0;
    for (int i = 0; i < 12; i++) {
        mean += (double)v[i] / 12.0;
    }
    for (int i = 0; i < 12; i++) {
        v[i] -= (float)mean;
        square += (double)v[i] * (double)v[i];
    }
    for (int i = 0; i < 12; i++) {
        v[i] = square > 1e-9 ? (float)((double)v[i] / sqrt(square)) : 0.0f;
    }
}

static float treble_sum(const analysis_chroma *chroma)
{
    float sum = 0.0f;
    for (int i = 0; i < 12; i++) {
        sum += chroma->treble[i] + chroma->bass[i];
    }
    return sum;
}

/* First and last second that sounds; false when nothing does. */
static bool sounding(const analysis_frontend *frontend, double *ret_start_s, double *ret_end_s)
{
    float max = 0.0f;
    for (size_t t = 0; t < frontend->n_tone; t++) {
        max = RF_MAX(max, frontend->level[t]);
    }
    size_t first = 0;
    size_t end = frontend->n_tone;
    while (first < end && frontend->level[first] <= QUIET_RATIO * max) {
        first++;
    }
    while (end > first && frontend->level[end - 1] <= QUIET_RATIO * max) {
        end--;
    }
    *ret_start_s = (double)first / frontend->tone_rate_hz;
    *ret_end_s = (double)end / frontend->tone_rate_hz;
    return end > first;
}

int analysis_key_profile_make(const analysis_frontend *frontend, const analysis_control *control,
                              analysis_key_profile *ret)
{
    double start_s, end_s;
    memset(ret, 0, sizeof(*ret));
    if (!sounding(frontend, &start_s, &end_s)) {
        return 0;
    }
    for (double at = start_s; at < end_s; at += STEP_S) {
        analysis_chroma chroma;
        analysis_chroma_mean(frontend, at, RF_MIN(at + STEP_S, end_s), &chroma);
        if (analysis_cancelled(control)) {
            return -ECANCELED;
        }
        ret->sum += treble_sum(&chroma);
        add_unit(chroma.treble, ret->shape[0]);
        add_unit(chroma.bass, ret->shape[1]);
        if (at >= end_s - ENDING_S) {
            add_unit(chroma.treble, ret->shape[2]);
            add_unit(chroma.bass, ret->shape[3]);
        }
        if (at < start_s + OPENING_S) {
            add_unit(chroma.bass, ret->shape[4]);
        }
        analysis_progress(control, (at - start_s) / (end_s - start_s));
    }
    for (int p = 0; p < ANALYSIS_N_KEY_PROFILES; p++) {
        shape(ret->shape[p]);
    }
    return 0;
}

static float score(const analysis_key_profile *profile, const analysis_chords *chords, int tonic,
                   int minor)
{
    float evidence[ANALYSIS_N_KEY_CHORDS];
    float sum = ANALYSIS_KEY_BIAS[minor];
    for (int p = 0; p < ANALYSIS_N_KEY_PROFILES; p++) {
        for (int i = 0; i < 12; i++) {
            sum += ANALYSIS_KEY_WEIGHTS[minor][p][i] * profile->shape[p][(tonic + i) % 12];
        }
    }
    analysis_key_chords_describe(chords, tonic + 12 * minor, evidence);
    for (int i = 0; i < ANALYSIS_N_KEY_CHORDS; i++) {
        sum += ANALYSIS_KEY_CHORD_WEIGHTS[minor][i] * evidence[i];
    }
    return sum;
}

static void to_probabilities(float *scores, int n)
{
    float max = scores[0];
    float sum = 0.0f;
    for (int i = 1; i < n; i++) {
        max = RF_MAX(max, scores[i]);
    }
    for (int i = 0; i < n; i++) {
        scores[i] = expf(scores[i] - max);
        sum += scores[i];
    }
    for (int i = 0; i < n; i++) {
        scores[i] /= sum;
    }
}

int analysis_key_find(const analysis_frontend *frontend, const analysis_control *control,
                      analysis_key *ret)
{
    analysis_key_profile profile;
    analysis_chords chords = {0};
    int err = analysis_key_profile_make(frontend, control, &profile);
    if (err == 0) {
        err = analysis_chords_find(frontend, NULL, control, &chords);
    }
    if (err < 0) {
        return err;
    }
    analysis_key key = {.tuning_hz = frontend->tuning_hz};
    int best = 0;
    for (int k = 0; k < 24; k++) {
        key.scores[k] = profile.sum > 0.0f ? score(&profile, &chords, k % 12, k / 12) : 0.0f;
        best = key.scores[k] > key.scores[best] ? k : best;
    }
    analysis_chords_done(&chords);
    to_probabilities(key.scores, 24);
    key.tonic = best % 12;
    key.minor = best >= 12;
    key.confidence = profile.sum > 0.0f ? (double)key.scores[best] : 0.0;
    *ret = key;
    analysis_progress(control, 1.0);
    return 0;
}

void analysis_key_name(const analysis_key *key, char *ret)
{
    snprintf(ret, 16, "%s %s", analysis_pitch_name(key->tonic), key->minor ? "Minor" : "Major");
}
