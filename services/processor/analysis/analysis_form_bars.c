/* Where the music is, and its bars. */
#include "analysis_form.h"

#include <math.h>
#include <string.h>

#define LOUD_SHARE 0.9     /* of the song is softer than its loud places */
#define START_DROP_DB 35.0 /* below them is silence before the music */
#define END_DROP_DB 19.0   /* and what rings on after it */
#define SOFT_TAIL_S 8.0    /* what is that soft for longer is music that fades */
#define HEAD_MIN_S 0.2     /* shorter silences are no section */
#define TAIL_MIN_S 0.5
#define BEATS_MIN 16 /* to tell where beats begin and end */
#define NOISE_MIN_S 1.8
#define NOISE_MAX_S 8.0
#define RINGING_S 2.0  /* a last chord may ring on */
#define EVEN_S 2.0     /* without beats */
#define BAR_MIN_S 0.8  /* shorter bars are joined */
#define BAR_SLACK 1.25 /* downbeats up to 1.9 bars apart are neighbours */
#define UPBEAT_S 0.3   /* a first downbeat may be found this much before the sound */

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;
    return (x > y) - (x < y);
}

static float loud_level(const analysis_frontend *frontend)
{
    RF_CLEANUP(rf_cleanup_free) float *sorted = RF_NEW_ARRAY(float, frontend->n_tone + 1);
    memcpy(sorted, frontend->level, frontend->n_tone * sizeof(*sorted));
    qsort(sorted, frontend->n_tone, sizeof(*sorted), by_value);
    return sorted[(size_t)(LOUD_SHARE * (double)frontend->n_tone)];
}

/* Time from which on nothing is above the level; 0 when nothing ever is. */
static double last_above(const analysis_frontend *frontend, double level)
{
    size_t i = frontend->n_tone;
    while (i > 0 && (double)frontend->level[i - 1] <= level) {
        i--;
    }
    return (double)i / frontend->tone_rate_hz;
}

void analysis_form_span(const analysis_frontend *frontend, double *ret_start_s, double *ret_end_s)
{
    double loud = frontend->n_tone > 0 ? (double)loud_level(frontend) : 0.0;
    double silent = loud * pow(10.0, -START_DROP_DB / 20.0);
    size_t first = 0;
    while (first < frontend->n_tone && (double)frontend->level[first] <= silent) {
        first++;
    }
    double start_s = (double)first / frontend->tone_rate_hz;
    double end_s = last_above(frontend, loud * pow(10.0, -END_DROP_DB / 20.0));
    double faded_s = last_above(frontend, silent);
    end_s = faded_s - end_s > SOFT_TAIL_S ? faded_s : end_s;
    bool has_music = loud > 0.0 && end_s > start_s + EVEN_S;
    *ret_start_s = has_music && start_s >= HEAD_MIN_S ? start_s : 0.0;
    *ret_end_s =
        has_music && frontend->duration_s - end_s >= TAIL_MIN_S ? end_s : frontend->duration_s;
}

/* Applause and speech have no beat: what sounds before the first beat or after the last one for a
 * while, but not so long that it may be music without a beat, is left out too. */
static void keep_to_beats(const analysis_beats *beats, double *start_s, double *end_s)
{
    if (beats == NULL || beats->n_beats < BEATS_MIN) {
        return;
    }
    double first_s = beats->beats[0].time_s;
    double last_s = beats->beats[beats->n_beats - 1].time_s;
    double chord_end_s = last_s + (last_s - first_s) / (double)(beats->n_beats - 1);
    if (first_s - *start_s >= NOISE_MIN_S && first_s - *start_s <= NOISE_MAX_S) {
        *start_s = first_s;
    }
    if (*end_s - chord_end_s >= RINGING_S && *end_s - chord_end_s <= NOISE_MAX_S) {
        *end_s = chord_end_s;
    }
}

/* Downbeats within the music, at least `shortest` apart. */
static size_t take_downbeats(const analysis_beats *beats, double start_s, double end_s,
                             double shortest, double *ret)
{
    size_t n = 0;
    for (size_t i = 0; beats != NULL && i < beats->n_beats; i++) {
        double time_s = beats->beats[i].time_s;
        bool inside = time_s > start_s - UPBEAT_S && time_s < end_s - UPBEAT_S;
        if (beats->beats[i].number == 1 && inside && (n == 0 || time_s - ret[n - 1] >= shortest)) {
            ret[n++] = time_s;
        }
    }
    return n;
}

/* Cuts [start, end) evenly into stretches of about bar_s and appends where they begin. */
static size_t append_even(double *starts, size_t n, double start_s, double end_s, double bar_s)
{
    size_t parts = (size_t)RF_MAX(1.0, floor((end_s - start_s) / bar_s + 0.5));
    for (size_t i = 0; i < parts; i++) {
        starts[n++] = start_s + (end_s - start_s) * (double)i / (double)parts;
    }
    return n;
}

/* Before the first downbeat, between downbeats far apart and after the last one, bars are even; a
 * short rest at either end belongs to the bar beside it. */
static size_t join(const double *downs, size_t n_downs, double start_s, double end_s, double bar_s,
                   double *ret)
{
    size_t n = 0;
    double at = start_s;
    for (size_t i = 0; i < n_downs; i++) {
        bool is_upbeat = i == 0 && downs[0] - start_s < 0.5 * bar_s;
        if (!is_upbeat) {
            n = append_even(ret, n, at, downs[i], i == 0 ? bar_s : bar_s * BAR_SLACK);
            at = downs[i];
        }
    }
    return append_even(ret, n, at, end_s, bar_s);
}

size_t analysis_form_bars(const analysis_frontend *frontend, const analysis_beats *beats,
                          double **ret_start_s)
{
    double start_s = 0;
    double end_s = 0;
    analysis_form_span(frontend, &start_s, &end_s);
    keep_to_beats(beats, &start_s, &end_s);
    double shortest = RF_MAX(BAR_MIN_S, (end_s - start_s) / (ANALYSIS_FORM_UNITS_MAX / 2.0));
    size_t max = (size_t)((end_s - start_s) / shortest) + 2;
    RF_CLEANUP(rf_cleanup_free) double *downs = RF_NEW_ARRAY(double, max);
    size_t n_downs = take_downbeats(beats, start_s, end_s, shortest, downs);
    double bar_s = RF_MAX(EVEN_S, shortest);
    if (n_downs >= 3) {
        bar_s = (downs[n_downs - 1] - downs[0]) / (double)(n_downs - 1);
    }
    double *starts = RF_NEW_ARRAY(double, 2 * max + n_downs + 4);
    size_t n = join(downs, n_downs >= 3 ? n_downs : 0, start_s, end_s, bar_s, starts);
    starts[n] = end_s;
    *ret_start_s = starts;
    return n;
}
