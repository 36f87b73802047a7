#include "analysis_beats.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis_extent.h"
#include "analysis_level.h"
#include "analysis_pulse.h"

#define STRONG 1.5f /* onset strength of a sure beat, in deviations */

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median of intervals over 4 beats: neither drift nor a slip of one beat moves it much. */
static double tempo_of(const analysis_beat *beats, size_t n)
{
    enum { SPAN = 4 };
    if (n < 2) {
        return 0.0;
    }
    size_t span = RF_MIN((size_t)SPAN, n - 1);
    size_t m = n - span;
    double *intervals = RF_NEW_ARRAY(double, m);
    for (size_t i = 0; i < m; i++) {
        intervals[i] = (beats[i + span].time_s - beats[i].time_s) / (double)span;
    }
    qsort(intervals, m, sizeof(double), compare_doubles);
    double median = intervals[m / 2];
    free(intervals);
    return median > 0.0 ? 60.0 / median : 0.0;
}

static double sureness(const analysis_candidates *candidates)
{
    double sum = 0;
    double best = candidates->list[candidates->best].score;
    for (int c = 0; c < candidates->n; c++) {
        sum += exp(candidates->list[c].score - best);
    }
    return 1.0 / sum;
}

static int fill(const analysis_frontend *frontend, const analysis_pulse *pulse,
                const analysis_candidates *candidates, analysis_beats *ret)
{
    const analysis_candidate *best = &candidates->list[candidates->best];
    size_t first, end;
    int err = analysis_extent_find(frontend, pulse, &best->track, &first, &end);
    if (err < 0 || end == first) {
        return err;
    }
    ret->beats = calloc(end - first, sizeof(*ret->beats));
    if (ret->beats == NULL) {
        return -ENOMEM;
    }
    ret->beats_per_bar = analysis_level_meter(best, &ret->is_compound);
    double confidence = 0;
    for (size_t i = first; i < end; i++) {
        double at = RF_MAX(0.0, RF_MIN(best->track.times_s[i], frontend->duration_s));
        float strength = analysis_pulse_strength(pulse, at);
        analysis_beat *beat = &ret->beats[ret->n_beats++];
        beat->time_s = at;
        beat->number = best->bars.number[ret->beats_per_bar - 2][i];
        beat->confidence = RF_MAX(0.0f, RF_MIN(1.0f, 0.5f * (1.0f + strength / STRONG) - 0.2f));
        confidence += (double)beat->confidence;
    }
    ret->bpm = tempo_of(ret->beats, ret->n_beats);
    ret->confidence = sureness(candidates) * confidence / (double)ret->n_beats;
    return 0;
}

int analysis_beats_find(const analysis_frontend *frontend, const analysis_control *control,
                        analysis_beats *ret)
{
    analysis_beats beats = {0};
    analysis_candidates *candidates = RF_NEW(analysis_candidates);
    analysis_pulse *pulse = analysis_pulse_new(frontend);
    int err =
        pulse == NULL ? -ENOMEM : analysis_candidates_find(frontend, pulse, control, candidates);
    if (err == 0 && candidates->best >= 0) {
        err = fill(frontend, pulse, candidates, &beats);
    }
    analysis_candidates_done(candidates);
    analysis_pulse_free(pulse);
    free(candidates);
    if (err == 0) {
        *ret = beats;
        analysis_progress(control, 1.0);
    }
    return err;
}

void analysis_beats_done(analysis_beats *beats)
{
    free(beats->beats);
    memset(beats, 0, sizeof(*beats));
}

void analysis_bpm_format(double bpm, char *ret, size_t ret_size)
{
    int n = snprintf(ret, ret_size, "%.2f", bpm);
    if (n < 0 || (size_t)n >= ret_size) {
        return;
    }
    while (n > 0 && ret[n - 1] == '0') {
        ret[--n] = '\0';
    }
    if (n > 0 && ret[n - 1] == '.') {
        ret[--n] = '\0';
    }
}
