/* Features of the bins of a segment, see analysis_split.h. */
#include "analysis_median.h"
#include "analysis_melody.h"
#include "analysis_split.h"
#include "analysis_templates.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define STEADY_S 0.19 /* reach of the medians over time */
#define HELD_S 0.55
#define PERCUSSIVE_HZ 170.0
#define PEAK_HZ 300.0
#define DELTA_S 0.046
#define N_SIMILAR 15
#define SIMILAR_APART_S 0.6 /* frames nearer than this do not count as repetitions */
#define FLOOR 1e-6f

struct analysis_features {
    const analysis_planes *planes;
    float *melody_hz, *melody_strength;           /* [n_times] */
    float *bands;                                 /* [n_times][ANALYSIS_N_BANDS] means of levels */
    float *onsets;                                /* [n_times][3] rise of low, middle, high bands */
    float *width;                                 /* [n_times] */
    float *frames;                                /* [n_times][ANALYSIS_N_FRAME_FEATURES] */
    float *steady, *held, *percussive, *repeated; /* [n_bins] medians of the time at hand */
    int *band_of;                                 /* [n_bins] */
    float loudest;
};

/* ---- preparation ---- */

static void measure_bands(analysis_features *f)
{
    const analysis_planes *p = f->planes;
    int counts[ANALYSIS_N_BANDS] = {0};
    for (size_t b = 0; b < p->n_bins; b++) {
        f->band_of[b] = analysis_band_of((double)b * p->bin_hz);
        counts[f->band_of[b]]++;
    }
    for (size_t t = 0; t < p->n_times; t++) {
        float *bands = f->bands + t * ANALYSIS_N_BANDS;
        const float *level = p->level + t * p->n_bins;
        for (size_t b = 0; b < p->n_bins; b++) {
            bands[f->band_of[b]] += level[b] / (float)counts[f->band_of[b]];
            f->loudest = fmaxf(f->loudest, level[b]);
        }
    }
}

static void measure_width(analysis_features *f)
{
    const analysis_planes *p = f->planes;
    for (size_t t = 0; t < p->n_times; t++) {
        double sides = 0, all = 1e-12;
        for (size_t b = 0; b < p->n_bins; b++) {
            double power = pow((double)p->level[t * p->n_bins + b], 2);
            sides += power * (1.0 - (double)p->centre[t * p->n_bins + b]);
            all += power;
        }
        f->width[t] = (float)sqrt(fmax(0, sides) / all); /* rounding may take it below */
    }
}

/* The logarithmic rise of the bands from some 50 ms before, in three groups. */
static void measure_onsets(analysis_features *f)
{
    const analysis_planes *p = f->planes;
    size_t delta = (size_t)RF_MAX(1.0, round(DELTA_S / p->time_s));
    for (size_t t = delta; t < p->n_times; t++) {
        const float *now = f->bands + t * ANALYSIS_N_BANDS;
        const float *before = now - delta * ANALYSIS_N_BANDS;
        for (int b = 0; b < ANALYSIS_N_BANDS; b++) {
            float floor_level = FLOOR + 0.003f * f->loudest;
            float rise = logf((now[b] + floor_level) / (before[b] + floor_level));
            f->onsets[t * 3 + (size_t)(b * 3 / ANALYSIS_N_BANDS)] +=
                fmaxf(0, rise) * 3.0f / ANALYSIS_N_BANDS;
        }
    }
}

/* Of a reference that silence does not lower: the root of the mean square. */
static float mean_band(const analysis_features *f)
{
    double sum = 0;
    size_t n = f->planes->n_times * ANALYSIS_N_BANDS;
    for (size_t i = 0; i < n; i++) {
        sum += (double)f->bands[i] * (double)f->bands[i];
    }
    return (float)sqrt(sum / (double)RF_MAX(n, (size_t)1));
}

static void measure_frame(const analysis_features *f, size_t time, float reference, float *out)
{
    const analysis_planes *p = f->planes;
    const float *bands = f->bands + time * ANALYSIS_N_BANDS;
    float all[ANALYSIS_N_BANDS], sides[ANALYSIS_N_BANDS] = {0}, top[ANALYSIS_N_BANDS] = {0};
    for (int b = 0; b < ANALYSIS_N_BANDS; b++) {
        all[b] = FLOOR * FLOOR;
    }
    for (size_t b = 0; b < p->n_bins; b++) {
        float level = p->level[time * p->n_bins + b];
        int band = f->band_of[b];
        all[band] += level * level;
        sides[band] += level * level * (1.0f - p->centre[time * p->n_bins + b]);
        top[band] = fmaxf(top[band], level);
    }
    float floor_level = FLOOR + 1e-3f * reference;
    for (int b = 0; b < ANALYSIS_N_BANDS; b++) {
        float *x = out + b;
        x[ANALYSIS_FRAME_LEVEL * ANALYSIS_N_BANDS] =
            logf((bands[b] + floor_level) / (reference + floor_level));
        x[ANALYSIS_FRAME_SIDES * ANALYSIS_N_BANDS] = sqrtf(fmaxf(0, sides[b]) / all[b]);
        x[ANALYSIS_FRAME_CREST * ANALYSIS_N_BANDS] =
            logf((top[b] + floor_level) / (bands[b] + floor_level));
    }
}

static void measure_frames(analysis_features *f)
{
    float reference = mean_band(f);
    for (size_t t = 0; t < f->planes->n_times; t++) {
        measure_frame(f, t, reference, f->frames + t * ANALYSIS_N_FRAME_FEATURES);
    }
}

const float *analysis_features_frame(const analysis_features *f, size_t time)
{
    return f->frames + time * ANALYSIS_N_FRAME_FEATURES;
}

analysis_features *analysis_features_free(analysis_features *f)
{
    if (f == NULL) {
        return NULL;
    }
    free(f->melody_hz);
    free(f->melody_strength);
    free(f->bands);
    free(f->onsets);
    free(f->width);
    free(f->frames);
    free(f->steady);
    free(f->band_of);
    free(f);
    return NULL;
}

int analysis_features_new(const analysis_planes *planes, const analysis_control *control,
                          analysis_features **ret)
{
    analysis_features *f = RF_NEW(analysis_features);
    f->planes = planes;
    f->melody_hz = RF_NEW_ARRAY(float, planes->n_times);
    f->melody_strength = RF_NEW_ARRAY(float, planes->n_times);
    f->bands = RF_NEW_ARRAY(float, planes->n_times *ANALYSIS_N_BANDS);
    f->onsets = RF_NEW_ARRAY(float, planes->n_times * 3);
    f->width = RF_NEW_ARRAY(float, planes->n_times);
    f->frames = RF_NEW_ARRAY(float, planes->n_times *ANALYSIS_N_FRAME_FEATURES);
    f->steady = RF_NEW_ARRAY(float, 4 * planes->n_bins);
    f->held = f->steady + planes->n_bins;
    f->percussive = f->held + planes->n_bins;
    f->repeated = f->percussive + planes->n_bins;
    f->band_of = RF_NEW_ARRAY(int, planes->n_bins);
    measure_bands(f);
    measure_width(f);
    measure_onsets(f);
    measure_frames(f);
    int rc = analysis_melody_find(planes, control, f->melody_hz, f->melody_strength);
    if (rc != 0) {
        analysis_features_free(f);
        return rc;
    }
    *ret = f;
    return 0;
}

/* ---- medians ---- */

/* The medians over time of all bins: `reach` to both sides, in at most some 17 steps. */
static void time_medians(const analysis_planes *p, size_t time, size_t reach, float *out)
{
    const float *rows[ANALYSIS_MEDIAN_MAX];
    size_t stride = RF_MAX((size_t)1, reach / 8);
    int n = 0;
    for (long t = (long)time - (long)reach; t <= (long)(time + reach) && n < ANALYSIS_MEDIAN_MAX;
         t += (long)stride) {
        rows[n++] = p->level + (size_t)RF_MAX(0L, RF_MIN(t, (long)p->n_times - 1)) * p->n_bins;
    }
    analysis_median_rows(rows, n, p->n_bins, out);
}

static void frequency_medians(const analysis_planes *p, size_t time, float *out)
{
    size_t reach = RF_MIN((size_t)16, (size_t)(PERCUSSIVE_HZ / p->bin_hz) + 1);
    analysis_median_along(p->level + time * p->n_bins, p->n_bins, reach, out);
}

/* ---- repetition ---- */

static float likeness(const float *a, const float *b)
{
    float both = 0, aa = 1e-12f, bb = 1e-12f;
    for (int i = 0; i < ANALYSIS_N_BANDS; i++) {
        both += a[i] * b[i];
        aa += a[i] * a[i];
        bb += b[i] * b[i];
    }
    return both / sqrtf(aa * bb);
}

/* Keeps the N_SIMILAR best, worst last. */
static void keep_best(size_t time, float score, size_t *times, float *scores)
{
    int at = N_SIMILAR - 1;
    if (score <= scores[at]) {
        return;
    }
    for (; at > 0 && scores[at - 1] < score; at--) {
        scores[at] = scores[at - 1];
        times[at] = times[at - 1];
    }
    scores[at] = score;
    times[at] = time;
}

static int similar_times(const analysis_features *f, size_t time, size_t *times)
{
    const analysis_planes *p = f->planes;
    float scores[N_SIMILAR];
    size_t apart = (size_t)(SIMILAR_APART_S / p->time_s);
    for (int i = 0; i < N_SIMILAR; i++) {
        scores[i] = -1;
    }
    for (size_t t = 0; t < p->n_times; t++) {
        if (t + apart < time || t > time + apart) {
            keep_best(t,
                      likeness(f->bands + time * ANALYSIS_N_BANDS, f->bands + t * ANALYSIS_N_BANDS),
                      times, scores);
        }
    }
    int n = 0;
    while (n < N_SIMILAR && scores[n] >= 0) {
        n++;
    }
    return n;
}

static void repeated_levels(const analysis_features *f, size_t time, float *out)
{
    const analysis_planes *p = f->planes;
    size_t times[N_SIMILAR];
    const float *rows[N_SIMILAR];
    int n = similar_times(f, time, times);
    for (int i = 0; i < n; i++) {
        rows[i] = p->level + times[i] * p->n_bins;
    }
    if (n > 0) {
        analysis_median_rows(rows, n, p->n_bins, out);
    } else {
        memset(out, 0, p->n_bins * sizeof(*out));
    }
}

/* ---- one time ---- */

static float log_ratio(float a, float b)
{
    return fmaxf(-4.0f, fminf(4.0f, logf((a + FLOOR) / (b + FLOOR))));
}

/* 1 at a harmonic, 0 between two. */
static float comb(double hz, double pitch)
{
    double nearest = fmax(1.0, round(hz / pitch));
    double away = (hz - nearest * pitch) / (11.0 + 0.012 * hz);
    return nearest <= 40 ? (float)exp(-away * away) : 0.0f;
}

typedef struct moment {
    size_t time, delta;
    float kick[ANALYSIS_N_BANDS], snare[ANALYSIS_N_BANDS];
    float onsets[3];
} moment;

static void level_features(const analysis_features *f, const moment *m, size_t bin, float *x)
{
    const analysis_planes *p = f->planes;
    const float *level = p->level + m->time * p->n_bins;
    size_t before = m->time >= m->delta ? m->time - m->delta : 0;
    size_t after = RF_MIN(m->time + m->delta, p->n_times - 1);
    size_t n = p->n_bins;
    float steady = f->steady[bin], percussive = f->percussive[bin];
    x[ANALYSIS_FEATURE_HARMONIC * n] =
        steady * steady / (steady * steady + percussive * percussive + FLOOR * FLOOR);
    x[ANALYSIS_FEATURE_STEADY * n] = log_ratio(steady, level[bin]);
    x[ANALYSIS_FEATURE_PERCUSSIVE * n] = log_ratio(percussive, level[bin]);
    x[ANALYSIS_FEATURE_HELD * n] = log_ratio(f->held[bin], level[bin]);
    x[ANALYSIS_FEATURE_REPEATED * n] = log_ratio(f->repeated[bin], level[bin]);
    x[ANALYSIS_FEATURE_RISE * n] = log_ratio(level[bin], p->level[before * p->n_bins + bin]);
    x[ANALYSIS_FEATURE_FALL * n] = log_ratio(level[bin], p->level[after * p->n_bins + bin]);
    x[ANALYSIS_FEATURE_LEVEL * n] =
        fmaxf(-14.0f, logf((level[bin] + FLOOR) / (f->loudest + FLOOR)));
}

static void frame_features(const analysis_features *f, const moment *m, size_t bin, float *x)
{
    const analysis_planes *p = f->planes;
    double hz = (double)bin * p->bin_hz;
    size_t n = p->n_bins, at = m->time * n + bin;
    x[ANALYSIS_FEATURE_FREQUENCY * n] = (float)log2((hz + 40.0) / 1000.0);
    x[ANALYSIS_FEATURE_CENTRE * n] = p->centre[at];
    x[ANALYSIS_FEATURE_BALANCE * n] = p->balance[at];
    x[ANALYSIS_FEATURE_WIDTH * n] = f->width[m->time];
    x[ANALYSIS_FEATURE_COMB * n] = comb(hz, (double)f->melody_hz[m->time]);
    x[ANALYSIS_FEATURE_VOICING * n] = f->melody_strength[m->time];
    x[ANALYSIS_FEATURE_ONSET_LOW * n] = m->onsets[0];
    x[ANALYSIS_FEATURE_ONSET_MIDDLE * n] = m->onsets[1];
    x[ANALYSIS_FEATURE_ONSET_HIGH * n] = m->onsets[2];
    x[ANALYSIS_FEATURE_KICK * n] = m->kick[f->band_of[bin]];
    x[ANALYSIS_FEATURE_SNARE * n] = m->snare[f->band_of[bin]];
}

static moment prepare_moment(analysis_features *f, size_t time)
{
    const analysis_planes *p = f->planes;
    moment m = {.time = time, .delta = (size_t)RF_MAX(1.0, round(DELTA_S / p->time_s))};
    time_medians(p, time, (size_t)RF_MAX(2.0, round(STEADY_S / p->time_s)), f->steady);
    time_medians(p, time, (size_t)RF_MAX(4.0, round(HELD_S / p->time_s)), f->held);
    frequency_medians(p, time, f->percussive);
    repeated_levels(f, time, f->repeated);
    float sums[ANALYSIS_N_BANDS] = {0};
    for (size_t b = 0; b < p->n_bins; b++) {
        sums[f->band_of[b]] += p->level[time * p->n_bins + b];
    }
    analysis_templates_explain(sums, m.kick, m.snare);
    for (size_t t = time >= m.delta ? time - m.delta : 0; t <= time; t++) {
        for (int i = 0; i < 3; i++) {
            m.onsets[i] = fmaxf(m.onsets[i], f->onsets[t * 3 + (size_t)i]);
        }
    }
    return m;
}

void analysis_features_at(analysis_features *f, size_t time, float *out)
{
    const analysis_planes *p = f->planes;
    moment m = prepare_moment(f, time);
    size_t reach = (size_t)RF_MAX(2.0, PEAK_HZ / p->bin_hz);
    size_t n = p->n_bins;
    const float *level = p->level + time * n;
    double sum = 0;
    for (size_t b = 0; b < RF_MIN(reach, n); b++) {
        sum += (double)level[b];
    }
    for (size_t b = 0; b < n; b++) {
        float *x = out + b;
        sum += b + reach < p->n_bins ? (double)level[b + reach] : 0;
        sum -= b > reach ? (double)level[b - reach - 1] : 0;
        level_features(f, &m, b, x);
        frame_features(f, &m, b, x);
        x[ANALYSIS_FEATURE_PEAK * n] = log_ratio(level[b], (float)(sum / (double)(2 * reach + 1)));
    }
}
