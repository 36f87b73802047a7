/* Features of the bins of a segment, see analysis_split.h. */
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
#define MAX_WINDOW 33
#define FLOOR 1e-6f

struct analysis_features {
    const analysis_planes *planes;
    float *melody_hz, *melody_strength; /* [n_times] */
    float *bands;                       /* [n_times][ANALYSIS_N_BANDS] means of levels */
    float *onsets;                      /* [n_times][3] rise of low, middle, high bands */
    float *width;                       /* [n_times] */
    float *percussive;                  /* [n_bins], scratch */
    int *band_of;                       /* [n_bins] */
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
        f->width[t] = (float)sqrt(sides / all);
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
    free(f->percussive);
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
    f->percussive = RF_NEW_ARRAY(float, planes->n_bins);
    f->band_of = RF_NEW_ARRAY(int, planes->n_bins);
    measure_bands(f);
    measure_width(f);
    measure_onsets(f);
    int rc = analysis_melody_find(planes, control, f->melody_hz, f->melody_strength);
    if (rc != 0) {
        analysis_features_free(f);
        return rc;
    }
    *ret = f;
    return 0;
}

/* ---- medians ---- */

/* The median of n values, which are reordered (Hoare's selection). */
static float median_of(float *x, int n)
{
    int low = 0, high = n - 1, k = n / 2;
    /* NOLINTBEGIN(clang-analyzer-core.*): x holds n >= 1 values */
    while (low < high) {
        float pivot = x[k];
        int i = low, j = high;
        while (i <= j) {
            while (x[i] < pivot) {
                i++;
            }
            while (x[j] > pivot) {
                j--;
            }
            if (i <= j) {
                float swap = x[i];
                x[i++] = x[j];
                x[j--] = swap;
            }
        }
        low = j < k ? i : low;
        high = k < i ? j : high;
    }
    return x[k];
    /* NOLINTEND(clang-analyzer-core.*) */
}

/* The median over time of one bin: `reach` to both sides, in at most 17 steps. */
static float time_median(const analysis_planes *p, size_t time, size_t bin, size_t reach)
{
    float window[MAX_WINDOW];
    size_t stride = RF_MAX((size_t)1, reach / 8);
    int n = 0;
    for (long t = (long)time - (long)reach; t <= (long)(time + reach); t += (long)stride) {
        long clamped = RF_MAX(0L, RF_MIN(t, (long)p->n_times - 1));
        window[n++] = p->level[(size_t)clamped * p->n_bins + bin];
        if (n == MAX_WINDOW) {
            break;
        }
    }
    return median_of(window, n);
}

static void frequency_medians(const analysis_planes *p, size_t time, float *out)
{
    const float *level = p->level + time * p->n_bins;
    long reach = RF_MIN(16L, (long)(PERCUSSIVE_HZ / p->bin_hz) + 1);
    for (long b = 0; b < (long)p->n_bins; b++) {
        float window[MAX_WINDOW];
        int n = 0;
        for (long i = RF_MAX(0L, b - reach); i <= RF_MIN(b + reach, (long)p->n_bins - 1); i++) {
            window[n++] = level[i];
        }
        out[b] = median_of(window, n);
    }
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

static float repeated_level(const analysis_planes *p, const size_t *times, int n, size_t bin)
{
    float window[N_SIMILAR];
    for (int i = 0; i < n; i++) {
        window[i] = p->level[times[i] * p->n_bins + bin];
    }
    return n > 0 ? median_of(window, n) : 0;
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
    size_t time, delta, steady, held;
    size_t similar[N_SIMILAR];
    int n_similar;
    float kick[ANALYSIS_N_BANDS], snare[ANALYSIS_N_BANDS];
    float onsets[3];
} moment;

static void level_features(const analysis_features *f, const moment *m, size_t bin, float *x)
{
    const analysis_planes *p = f->planes;
    const float *level = p->level + m->time * p->n_bins;
    size_t before = m->time >= m->delta ? m->time - m->delta : 0;
    size_t after = RF_MIN(m->time + m->delta, p->n_times - 1);
    float steady = time_median(p, m->time, bin, m->steady), percussive = f->percussive[bin];
    x[ANALYSIS_FEATURE_HARMONIC] =
        steady * steady / (steady * steady + percussive * percussive + FLOOR * FLOOR);
    x[ANALYSIS_FEATURE_STEADY] = log_ratio(steady, level[bin]);
    x[ANALYSIS_FEATURE_PERCUSSIVE] = log_ratio(percussive, level[bin]);
    x[ANALYSIS_FEATURE_HELD] = log_ratio(time_median(p, m->time, bin, m->held), level[bin]);
    x[ANALYSIS_FEATURE_REPEATED] =
        log_ratio(repeated_level(p, m->similar, m->n_similar, bin), level[bin]);
    x[ANALYSIS_FEATURE_RISE] = log_ratio(level[bin], p->level[before * p->n_bins + bin]);
    x[ANALYSIS_FEATURE_FALL] = log_ratio(level[bin], p->level[after * p->n_bins + bin]);
    x[ANALYSIS_FEATURE_LEVEL] = fmaxf(-14.0f, logf((level[bin] + FLOOR) / (f->loudest + FLOOR)));
}

static void frame_features(const analysis_features *f, const moment *m, size_t bin, float *x)
{
    const analysis_planes *p = f->planes;
    double hz = (double)bin * p->bin_hz;
    size_t at = m->time * p->n_bins + bin;
    x[ANALYSIS_FEATURE_FREQUENCY] = (float)log2((hz + 40.0) / 1000.0);
    x[ANALYSIS_FEATURE_CENTRE] = p->centre[at];
    x[ANALYSIS_FEATURE_BALANCE] = p->balance[at];
    x[ANALYSIS_FEATURE_WIDTH] = f->width[m->time];
    x[ANALYSIS_FEATURE_COMB] = comb(hz, (double)f->melody_hz[m->time]);
    x[ANALYSIS_FEATURE_VOICING] = f->melody_strength[m->time];
    x[ANALYSIS_FEATURE_ONSET_LOW] = m->onsets[0];
    x[ANALYSIS_FEATURE_ONSET_MIDDLE] = m->onsets[1];
    x[ANALYSIS_FEATURE_ONSET_HIGH] = m->onsets[2];
    x[ANALYSIS_FEATURE_KICK] = m->kick[f->band_of[bin]];
    x[ANALYSIS_FEATURE_SNARE] = m->snare[f->band_of[bin]];
}

static moment prepare_moment(analysis_features *f, size_t time)
{
    const analysis_planes *p = f->planes;
    moment m = {.time = time,
                .delta = (size_t)RF_MAX(1.0, round(DELTA_S / p->time_s)),
                .steady = (size_t)RF_MAX(2.0, round(STEADY_S / p->time_s)),
                .held = (size_t)RF_MAX(4.0, round(HELD_S / p->time_s))};
    m.n_similar = similar_times(f, time, m.similar);
    frequency_medians(p, time, f->percussive);
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
    const float *level = p->level + time * p->n_bins;
    double sum = 0;
    for (size_t b = 0; b < RF_MIN(reach, p->n_bins); b++) {
        sum += (double)level[b];
    }
    for (size_t b = 0; b < p->n_bins; b++) {
        float *x = out + b * ANALYSIS_N_FEATURES;
        sum += b + reach < p->n_bins ? (double)level[b + reach] : 0;
        sum -= b > reach ? (double)level[b - reach - 1] : 0;
        level_features(f, &m, b, x);
        frame_features(f, &m, b, x);
        x[ANALYSIS_FEATURE_PEAK] = log_ratio(level[b], (float)(sum / (double)(2 * reach + 1)));
    }
}
