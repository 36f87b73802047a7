#include "analysis_level.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "analysis_beats.h"
#include "analysis_chroma.h"
#include "analysis_level_model.h"

#define TEMPO_RATIO 1.13 /* between neighbouring search centres */
#define OWN_REACH 1.09   /* a centre keeps what it finds within this ratio of itself */
#define SAME_RATIO 1.03  /* rows of beats with closer tempi are one */
#define BEATS_MIN 4
#define FIRST_BAND 4 /* of the features: tempo, its square, score and unevenness go before */

static float mean_at(const analysis_pulse *pulse, const analysis_track *track, int band,
                     double phase)
{
    double sum = 0;
    for (size_t i = 0; i + 1 < track->n; i++) {
        double interval = track->times_s[i + 1] - track->times_s[i];
        sum += (double)analysis_pulse_band(pulse, band, track->times_s[i] + phase * interval);
    }
    return track->n > 1 ? (float)(sum / (double)(track->n - 1)) : 0.0f;
}

/* Mean change of harmony at a phase of the beat, over windows of half a beat. */
static float harmony_at(const analysis_frontend *frontend, const analysis_track *track,
                        double phase)
{
    double sum = 0;
    for (size_t i = 0; i + 1 < track->n; i++) {
        double interval = track->times_s[i + 1] - track->times_s[i];
        double at = track->times_s[i] + phase * interval;
        analysis_chroma before, after;
        analysis_chroma_mean(frontend, at - 0.5 * interval, at - 0.04, &before);
        analysis_chroma_mean(frontend, at, at + 0.5 * interval, &after);
        sum += (double)analysis_cosine_distance(before.treble, after.treble, 12);
    }
    return track->n > 1 ? (float)(sum / (double)(track->n - 1)) : 0.0f;
}

static float unevenness(const analysis_track *track, double period_s)
{
    double sum = 0;
    for (size_t i = 0; i + 2 < track->n; i++) {
        double a = track->times_s[i + 1] - track->times_s[i];
        double b = track->times_s[i + 2] - track->times_s[i + 1];
        sum += fabs(a - b) / period_s;
    }
    return track->n > 2 ? (float)(sum / (double)(track->n - 2)) : 0.0f;
}

static void describe(const analysis_frontend *frontend, const analysis_pulse *pulse,
                     analysis_candidate *candidate)
{
    const analysis_track *track = &candidate->track;
    float *f = candidate->features;
    double octave = log2(60.0 / candidate->period_s / 110.0);
    *f++ = (float)octave;
    *f++ = (float)(octave * octave);
    *f++ = (float)track->score;
    *f++ = unevenness(track, candidate->period_s);
    for (int b = 0; b < ANALYSIS_N_PULSE; b++) {
        *f++ = mean_at(pulse, track, b, 0.0);
        *f++ = mean_at(pulse, track, b, 0.5);
        *f++ = 0.5f * (mean_at(pulse, track, b, 1.0 / 3) + mean_at(pulse, track, b, 2.0 / 3));
        *f++ = 0.5f * (mean_at(pulse, track, b, 0.25) + mean_at(pulse, track, b, 0.75));
    }
    *f++ = harmony_at(frontend, track, 0.0);
    *f++ = harmony_at(frontend, track, 0.5);
    *f++ = 0.5f * (harmony_at(frontend, track, 1.0 / 3) + harmony_at(frontend, track, 2.0 / 3));
    for (int m = 0; m < ANALYSIS_N_METERS; m++) {
        *f++ = (float)candidate->bars.score[m];
    }
    candidate->score = 0.0;
    for (int i = 0; i < ANALYSIS_N_LEVEL_FEATURES; i++) {
        candidate->score += (double)(ANALYSIS_LEVEL_WEIGHTS[i] * candidate->features[i]);
    }
}

static void find_bars(const analysis_frontend *frontend, const analysis_pulse *pulse,
                      analysis_candidate *candidate)
{
    size_t n = candidate->track.n;
    float *features = RF_NEW_ARRAY(float, n *ANALYSIS_N_BEAT_FEATURES + 1);
    analysis_bars_features(frontend, pulse, &candidate->track, features);
    analysis_bars_find(features, n, &candidate->bars);
    free(features);
}

/* Whether a candidate is worth keeping: its tempo is this centre's own and not found already. */
static bool is_new(const analysis_candidates *candidates, const analysis_track *track,
                   double centre_s, double *ret_period_s)
{
    double period = analysis_track_period_s(track);
    *ret_period_s = period;
    if (track->n < BEATS_MIN || period <= 0.0 || period / centre_s > OWN_REACH ||
        centre_s / period > OWN_REACH) {
        return false;
    }
    for (int c = 0; c < candidates->n; c++) {
        double ratio = candidates->list[c].period_s / period;
        if (ratio < SAME_RATIO && ratio > 1.0 / SAME_RATIO) {
            return false;
        }
    }
    return true;
}

static int add_candidate(const analysis_frontend *frontend, const analysis_pulse *pulse,
                         double centre_s, const analysis_control *control,
                         analysis_candidates *candidates)
{
    analysis_track track = {0};
    double period = 0;
    int err = analysis_track_find(pulse, centre_s, control, &track);
    if (err < 0) {
        return err;
    }
    if (!is_new(candidates, &track, centre_s, &period)) {
        analysis_track_done(&track);
        return 0;
    }
    analysis_candidate *candidate = &candidates->list[candidates->n++];
    *candidate = (analysis_candidate){.track = track, .period_s = period};
    find_bars(frontend, pulse, candidate);
    describe(frontend, pulse, candidate);
    return 0;
}

int analysis_candidates_find(const analysis_frontend *frontend, const analysis_pulse *pulse,
                             const analysis_control *control, analysis_candidates *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->best = -1;
    double shortest = 60.0 / ANALYSIS_BPM_MAX;
    double longest = 60.0 / ANALYSIS_BPM_MIN;
    double range = log(longest / shortest);
    for (double s = shortest; s < longest; s *= TEMPO_RATIO) {
        if (ret->n == ANALYSIS_N_CANDIDATES_MAX) {
            break;
        }
        int err = analysis_cancelled(control) ? -ECANCELED
                                              : add_candidate(frontend, pulse, s, control, ret);
        if (err < 0) {
            analysis_candidates_done(ret);
            return err;
        }
        analysis_progress(control, log(s / shortest) / range);
    }
    for (int c = 0; c < ret->n; c++) {
        if (ret->best < 0 || ret->list[c].score > ret->list[ret->best].score) {
            ret->best = c;
        }
    }
    return 0;
}

void analysis_candidates_done(analysis_candidates *candidates)
{
    for (int c = 0; c < candidates->n; c++) {
        analysis_track_done(&candidates->list[c].track);
        analysis_bars_done(&candidates->list[c].bars);
    }
    candidates->n = 0;
}

/* Thirds against halves and quarters of the beat, in the bands where subdivisions are played. */
static double ternary_evidence(const analysis_candidate *candidate)
{
    double sum = 0;
    for (int b = 0; b < ANALYSIS_N_CURVES; b++) {
        const float *at = candidate->features + FIRST_BAND + 4 * b;
        sum += (double)(at[2] - at[1]);
    }
    return sum / ANALYSIS_N_CURVES;
}

int analysis_level_meter(const analysis_candidate *candidate, bool *ret_compound)
{
    double ternary = ternary_evidence(candidate);
    double tempo = (double)candidate->features[0];
    int best = 0;
    double best_score = -INFINITY;
    for (int m = 0; m < ANALYSIS_N_METERS; m++) {
        const float *w = ANALYSIS_METER_WEIGHTS[m];
        double score = (double)w[0] + (double)w[1] * ternary + (double)w[2] * tempo;
        for (int k = 0; k < ANALYSIS_N_METERS; k++) {
            score += (double)w[3 + k] * candidate->bars.score[k];
        }
        if (score > best_score) {
            best_score = score;
            best = m;
        }
    }
    *ret_compound = best == 0 && ternary > 0.0;
    return best + 2;
}
