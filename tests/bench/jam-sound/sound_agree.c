#include "sound_agree.h"

#include "analysis_beats.h"
#include "analysis_key.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define NEAR_S 0.07
#define EDGE_S 5.0
#define GRID 24 /* places in a beat */
#define LEAST_LAG 2
#define MOST_LAG 16

/* Semitones of the scales above the tonic, a bit each. */
static const uint16_t scales[JAM_N_SCALES] = {
    [JAM_SCALE_MAJOR] = 0xab5,    [JAM_SCALE_MINOR] = 0x5ad,  [JAM_SCALE_DORIAN] = 0x6ad,
    [JAM_SCALE_PHRYGIAN] = 0x5ab, [JAM_SCALE_LYDIAN] = 0xad5, [JAM_SCALE_MIXOLYDIAN] = 0x6b5,
    [JAM_SCALE_LOCRIAN] = 0x56b,
};

bool sound_is_minor(jam_scale scale)
{
    return (scales[scale] >> 3 & 1) != 0;
}

static bool is_in_scale(const sound_take *take, int pitch)
{
    return (scales[take->scale] >> ((pitch - take->key + 120) % 12) & 1) != 0;
}

/* Styles swing and lean; but each does so in one way: the share of notes that fall into the fullest
 * third of the beat's places. */
static double on_grid(const sound_take *take)
{
    size_t counts[GRID] = {0}, total = 0;
    for (size_t i = 0; i < take->n_notes; i++) {
        const double phase = take->notes[i].beat - floor(take->notes[i].beat);
        counts[(size_t)(phase * GRID + 0.5) % GRID]++;
    }
    for (size_t k = 0; k < GRID / 3; k++) {
        size_t best = 0;
        for (size_t i = 1; i < GRID; i++) {
            best = counts[i] > counts[best] ? i : best;
        }
        total += counts[best];
        counts[best] = 0;
    }
    return take->n_notes > 0 ? (double)total / (double)take->n_notes : 1;
}

void sound_notes_check(const sound_take *take, sound_notes *ret)
{
    size_t pitched = 0, in_key = 0;
    *ret = (sound_notes){.n = take->n_notes};
    for (size_t i = 0; i < take->n_notes; i++) {
        const jam_note *note = &take->notes[i];
        const double exact = note->beat * 60 * JAM_RATE_HZ / take->bpm;
        ret->late_samples = fmax(ret->late_samples, fabs((double)note->sample - exact));
        pitched += note->stem != JAM_STEM_DRUMS;
        in_key += note->stem != JAM_STEM_DRUMS && is_in_scale(take, note->pitch);
    }
    const double bars = (double)take->n / JAM_RATE_HZ * take->bpm / 60 / JAM_BEATS_A_BAR;
    ret->per_bar = (double)take->n_notes / bars;
    ret->in_key = pitched > 0 ? (double)in_key / (double)pitched : 1;
    ret->on_grid = on_grid(take);
}

/* Best match of times one to one is a merge, for both rows rise. */
static double f_measure(const double *heard, size_t n_heard, const double *real, size_t n_real)
{
    size_t i = 0, k = 0, hits = 0;
    while (i < n_heard && k < n_real) {
        if (fabs(heard[i] - real[k]) <= NEAR_S) {
            hits++, i++, k++;
        } else if (heard[i] < real[k]) {
            i++;
        } else {
            k++;
        }
    }
    return n_heard + n_real > 0 ? 2.0 * (double)hits / (double)(n_heard + n_real) : 1;
}

static size_t keep_inner(double *times, size_t n, double end_s)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (times[i] >= EDGE_S && times[i] <= end_s - EDGE_S) {
            times[kept++] = times[i];
        }
    }
    return kept;
}

static double downbeats(const sound_take *take, const analysis_beats *beats)
{
    const double end_s = (double)take->n / JAM_RATE_HZ;
    double *heard = RF_NEW_ARRAY(double, beats->n_beats + 1);
    size_t n_heard = 0;
    for (size_t i = 0; i < beats->n_beats; i++) {
        if (beats->beats[i].number == 1) {
            heard[n_heard++] = beats->beats[i].time_s;
        }
    }
    n_heard = keep_inner(heard, n_heard, end_s);
    /* a bar heard as two or as half of one is the octave that the tempo is allowed */
    const double octave = beats->bpm > 0 ? exp2(round(log2(beats->bpm / take->bpm))) : 1;
    double best = 0;
    for (int phase = 0; phase < (octave < 1 ? 2 : 1); phase++) {
        const double bar_s = JAM_BEATS_A_BAR * 60 / take->bpm / octave;
        double *real = RF_NEW_ARRAY(double, (size_t)(end_s / bar_s) + 2);
        size_t n_real = 0;
        for (double t = phase * bar_s / 2; t < end_s; t += bar_s) {
            real[n_real++] = t;
        }
        n_real = keep_inner(real, n_real, end_s);
        best = fmax(best, f_measure(heard, n_heard, real, n_real));
        free(real);
    }
    free(heard);
    return best;
}

/* What sounds in a bar: note activations in eighths of it. */
#define BAR_PARTS 8
typedef float bar_sound[BAR_PARTS][ANALYSIS_N_NOTES];

static void fill_bars(const sound_take *take, const analysis_frontend *front, bar_sound *bars,
                      size_t n)
{
    const double part_s = JAM_BEATS_A_BAR * 60 / take->bpm / BAR_PARTS;
    for (size_t i = 0; i < front->n_tone; i++) {
        const size_t part = (size_t)((double)i / front->tone_rate_hz / part_s);
        if (part / BAR_PARTS < n) {
            for (size_t k = 0; k < ANALYSIS_N_NOTES; k++) {
                bars[part / BAR_PARTS][part % BAR_PARTS][k] +=
                    front->notes[i * ANALYSIS_N_NOTES + k];
            }
        }
    }
}

static double alike(const bar_sound *a, const bar_sound *b)
{
    const float *x = &(*a)[0][0], *y = &(*b)[0][0];
    double xy = 0, xx = 1e-12, yy = 1e-12;
    for (size_t i = 0; i < (size_t)BAR_PARTS * ANALYSIS_N_NOTES; i++) {
        xy += (double)x[i] * (double)y[i];
        xx += (double)x[i] * (double)x[i];
        yy += (double)y[i] * (double)y[i];
    }
    return xy / sqrt(xx * yy);
}

static size_t form(const sound_take *take, const analysis_frontend *front)
{
    const size_t n = (size_t)((double)take->n / JAM_RATE_HZ * take->bpm / 60 / JAM_BEATS_A_BAR);
    bar_sound *bars = RF_NEW_ARRAY(bar_sound, n + 1);
    fill_bars(take, front, bars, n);
    double best = -1;
    size_t best_lag = 0;
    for (size_t lag = LEAST_LAG; lag <= MOST_LAG && lag < n; lag++) {
        double sum = 0;
        for (size_t i = 0; i + lag < n; i++) {
            sum += alike(&bars[i], &bars[i + lag]);
        }
        const double mean = sum / (double)(n - lag);
        if (mean > best) {
            best = mean;
            best_lag = lag;
        }
    }
    free(bars);
    return best_lag;
}

void sound_hear(const sound_take *take, sound_heard *ret)
{
    const float *channels[2] = {take->left, take->right};
    const analysis_audio audio = {channels, 2, (int64_t)take->n, JAM_RATE_HZ};
    analysis_frontend *front = NULL;
    analysis_beats beats = {0};
    analysis_key key = {0};
    if (analysis_frontend_new(&audio, NULL, &front) != 0 ||
        analysis_beats_find(front, NULL, &beats) != 0 ||
        analysis_key_find(front, NULL, &key) != 0) {
        (void)fprintf(stderr, "jam-sound: the analysis failed\n");
        exit(1);
    }
    *ret = (sound_heard){.tonic = key.tonic,
                         .minor = key.minor,
                         .bpm = beats.bpm,
                         .downbeat_f = downbeats(take, &beats),
                         .form_bars = form(take, front)};
    analysis_beats_done(&beats);
    (void)analysis_frontend_free(front);
}
