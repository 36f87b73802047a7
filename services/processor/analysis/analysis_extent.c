#include "analysis_extent.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "analysis_extent_model.h"

#define N_LOW 3        /* flux bands up to 700 Hz: bass, drums and most notes, little applause */
#define ATTACK_S 0.05  /* either side of a beat */
#define NEXT_SHARE 0.1 /* of the interval: what lies closer to the next beat is its own */
#define SPAN 4         /* beats before and after that the model sees */
#define BEYOND (-3.0f) /* of every feature before the first and after the last beat */
#define LOG_MAX 1.5f
#define LEVEL_MIN (-4.0f) /* bels */
#define LEVEL_MAX 1.0f
#define FLUX_FLOOR 0.1f  /* of a song's mean of 1 in each band: noise */
#define QUIET_RATIO 0.02 /* of the song's level: beats at the ends below it are no music */
#define CUT_COST 2.0     /* nats: an end is cut only for a reason */

/* One value a frame. */
typedef struct curve {
    float *x;
    size_t n;
    double rate_hz;
} curve;

enum { LEVEL_COLUMN = ANALYSIS_N_EXTENT - 2, TAPPING = ANALYSIS_N_EXTENT - 1 };

enum { LOW, HIGH, FLUX, RISE, NOTES, LEVEL, N_CURVES };

static void curves_done(curve curves[N_CURVES])
{
    for (int c = 0; c < N_CURVES; c++) {
        free(curves[c].x);
    }
}

static int curves_alloc(const analysis_frontend *frontend, curve curves[N_CURVES])
{
    bool ok = true;
    for (int c = 0; c < N_CURVES; c++) {
        bool is_onset = c <= FLUX;
        curves[c].n = is_onset ? frontend->n_onset : frontend->n_tone;
        curves[c].rate_hz = is_onset ? frontend->onset_rate_hz : frontend->tone_rate_hz;
        curves[c].x = calloc(curves[c].n + 1, sizeof(float));
        ok = ok && curves[c].x != NULL;
    }
    return ok ? 0 : -ENOMEM;
}

static void curves_fill(const analysis_frontend *frontend, curve curves[N_CURVES])
{
    for (size_t i = 0; i < frontend->n_onset; i++) {
        for (int b = 0; b < ANALYSIS_N_FLUX; b++) {
            float rise = frontend->flux[i * ANALYSIS_N_FLUX + (size_t)b];
            curves[b < N_LOW ? LOW : HIGH].x[i] += rise;
            curves[FLUX].x[i] += rise;
        }
    }
    analysis_pulse_note_rise(frontend, curves[RISE].x);
    for (size_t t = 0; t < frontend->n_tone; t++) {
        for (int i = 0; i < ANALYSIS_N_NOTES; i++) {
            curves[NOTES].x[t] += frontend->notes[t * ANALYSIS_N_NOTES + (size_t)i];
        }
        curves[LEVEL].x[t] = 2.0f * log10f(frontend->level[t] + 1e-5f);
    }
}

/* Frames from start to end, at least one. */
static void frames_between(const curve *c, double start_s, double end_s, size_t *ret_first,
                           size_t *ret_end)
{
    double last = (double)c->n - 1.0;
    double first = RF_MAX(0.0, RF_MIN(floor(start_s * c->rate_hz), last));
    *ret_first = (size_t)first;
    *ret_end = (size_t)RF_MAX(first, RF_MIN(ceil(end_s * c->rate_hz), last)) + 1;
}

static float max_between(const curve *c, double start_s, double end_s)
{
    size_t first, end;
    frames_between(c, start_s, end_s, &first, &end);
    float max = c->x[first];
    for (size_t i = first; i < end; i++) {
        max = RF_MAX(max, c->x[i]);
    }
    return max;
}

static float mean_between(const curve *c, double start_s, double end_s)
{
    size_t first, end;
    frames_between(c, start_s, end_s, &first, &end);
    double sum = 0;
    for (size_t i = first; i < end; i++) {
        sum += (double)c->x[i];
    }
    return (float)(sum / (double)(end - first));
}

static void describe(const curve curves[N_CURVES], double beat_s, double next_s, float *ret)
{
    double until = next_s - NEXT_SHARE * (next_s - beat_s);
    float between = mean_between(&curves[FLUX], beat_s, next_s) + FLUX_FLOOR;
    ret[0] = max_between(&curves[LOW], beat_s - ATTACK_S, beat_s + ATTACK_S);
    ret[1] = max_between(&curves[HIGH], beat_s - ATTACK_S, beat_s + ATTACK_S);
    ret[2] = max_between(&curves[LOW], beat_s - ATTACK_S, until);
    ret[3] = max_between(&curves[HIGH], beat_s - ATTACK_S, until);
    ret[4] = max_between(&curves[RISE], beat_s - ATTACK_S, until);
    ret[5] = mean_between(&curves[NOTES], beat_s + ATTACK_S, next_s);
    ret[6] = max_between(&curves[FLUX], beat_s - ATTACK_S, beat_s + ATTACK_S) / between;
    ret[7] = max_between(&curves[FLUX], beat_s - ATTACK_S, until) / between;
    ret[8] = max_between(&curves[LEVEL], beat_s, next_s);
}

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;
    return (x > y) - (x < y);
}

static float median_of(const float *column, size_t n, float *scratch)
{
    for (size_t i = 0; i < n; i++) {
        scratch[i] = column[i * ANALYSIS_N_EXTENT];
    }
    qsort(scratch, n, sizeof(float), compare_floats);
    return n % 2 == 1 ? scratch[n / 2] : 0.5f * (scratch[n / 2 - 1] + scratch[n / 2]);
}

/* Puts each column in relation to its median. */
static void relate(float *features, size_t n, float *scratch)
{
    for (int f = 0; f < TAPPING; f++) {
        float median = median_of(features + f, n, scratch);
        for (size_t i = 0; i < n; i++) {
            float *x = &features[i * ANALYSIS_N_EXTENT + (size_t)f];
            if (f == LEVEL_COLUMN) {
                *x = RF_MAX(LEVEL_MIN, RF_MIN(LEVEL_MAX, *x - median));
            } else {
                *x = logf((*x + 1e-3f) / (median + 1e-6f));
                *x = RF_MAX(BEYOND, RF_MIN(LOG_MAX, *x));
            }
        }
    }
}

/* Log odds that somebody taps at a time. */
static float tapping(const analysis_pulse *pulse, double at_s)
{
    float p = analysis_pulse_beat(pulse, at_s);
    return RF_MAX(BEYOND, logf((p + 1e-3f) / (1.0f - p + 1e-3f)));
}

int analysis_extent_features(const analysis_frontend *frontend, const analysis_pulse *pulse,
                             const analysis_track *track, float *ret)
{
    curve curves[N_CURVES] = {0};
    RF_CLEANUP(rf_cleanup_free) float *scratch = calloc(track->n + 1, sizeof(float));
    int err = scratch == NULL ? -ENOMEM : curves_alloc(frontend, curves);
    if (err == 0 && track->n > 0 && frontend->n_onset > 0 && frontend->n_tone > 0) {
        double period = analysis_track_period_s(track);
        curves_fill(frontend, curves);
        for (size_t i = 0; i < track->n; i++) {
            double at = track->times_s[i];
            double next = i + 1 < track->n ? track->times_s[i + 1] : at + period;
            describe(curves, at, next, ret + i * ANALYSIS_N_EXTENT);
        }
        relate(ret, track->n, scratch);
        for (size_t i = 0; i < track->n; i++) {
            ret[i * ANALYSIS_N_EXTENT + TAPPING] = tapping(pulse, track->times_s[i]);
        }
    }
    curves_done(curves);
    return err;
}

/* The largest of each feature over beats [first, end), as far as they exist. */
static void largest(const float *features, size_t n, int64_t first, int64_t end, float *ret)
{
    for (int f = 0; f < ANALYSIS_N_EXTENT; f++) {
        ret[f] = BEYOND;
        for (int64_t i = RF_MAX((int64_t)0, first); i < RF_MIN((int64_t)n, end); i++) {
            ret[f] = RF_MAX(ret[f], features[(size_t)i * ANALYSIS_N_EXTENT + (size_t)f]);
        }
    }
}

/* Log odds that beat i is music. */
static double log_odds(const float *features, size_t n, size_t i)
{
    int64_t at = (int64_t)i;
    float around[3][ANALYSIS_N_EXTENT];
    memcpy(around[0], features + i * ANALYSIS_N_EXTENT, sizeof(around[0]));
    largest(features, n, at + 1, at + 1 + SPAN, around[1]);
    largest(features, n, at - SPAN, at, around[2]);
    double sum = (double)ANALYSIS_EXTENT_BIAS;
    for (int k = 0; k < 3; k++) {
        for (int f = 0; f < ANALYSIS_N_EXTENT; f++) {
            sum += (double)(ANALYSIS_EXTENT_WEIGHTS[k][f] * around[k][f]);
        }
    }
    return sum;
}

static double level_at(const analysis_frontend *frontend, double at_s)
{
    size_t t = (size_t)llround(RF_MAX(0.0, at_s) * frontend->tone_rate_hz);
    double max = 0;
    for (size_t i = t; i < RF_MIN(t + 4, frontend->n_tone); i++) {
        max = RF_MAX(max, (double)frontend->level[i]);
    }
    return max;
}

static double song_level(const analysis_frontend *frontend)
{
    double sum = 0;
    for (size_t t = 0; t < frontend->n_tone; t++) {
        sum += (double)frontend->level[t] * (double)frontend->level[t];
    }
    return frontend->n_tone > 0 ? sqrt(sum / (double)frontend->n_tone) : 0.0;
}

/* Beats [first, end) are those between the silences at the ends of the song. */
static void sounding(const analysis_frontend *frontend, const analysis_track *track,
                     size_t *ret_first, size_t *ret_end)
{
    double quiet = QUIET_RATIO * song_level(frontend);
    size_t first = 0;
    size_t end = track->n;
    while (first < end && level_at(frontend, track->times_s[first]) <= quiet) {
        first++;
    }
    while (end > first && level_at(frontend, track->times_s[end - 1]) <= quiet) {
        end--;
    }
    *ret_first = first;
    *ret_end = end;
}

/* The stretch with the largest sum (Kadane), each cut end paid for, within [*first, *end). */
static void best_stretch(const float *features, size_t n, size_t *ret_first, size_t *ret_end)
{
    double best = -INFINITY;
    double sum = 0;
    size_t first = *ret_first;
    size_t start = *ret_first;
    size_t end = *ret_end;
    for (size_t i = start; i < end; i++) {
        if (i > start && sum < -CUT_COST) {
            sum = -CUT_COST;
            first = i;
        }
        sum += log_odds(features, n, i);
        double total = sum - (i + 1 < end ? CUT_COST : 0.0);
        if (total > best) {
            best = total;
            *ret_first = first;
            *ret_end = i + 1;
        }
    }
}

int analysis_extent_find(const analysis_frontend *frontend, const analysis_pulse *pulse,
                         const analysis_track *track, size_t *ret_first, size_t *ret_end)
{
    sounding(frontend, track, ret_first, ret_end);
    RF_CLEANUP(rf_cleanup_free)
    float *features = calloc(track->n + 1, ANALYSIS_N_EXTENT * sizeof(float));
    int err =
        features == NULL ? -ENOMEM : analysis_extent_features(frontend, pulse, track, features);
    if (err == 0) {
        best_stretch(features, track->n, ret_first, ret_end);
    }
    return err;
}
