#include "analysis_boundary.h"

#include <math.h>
#include <string.h>

#define N_FEATURES ANALYSIS_N_BOUNDARY_FEATURES
#define NEAR_BARS 3    /* bars that are this close do not repeat each other */
#define UNHEARD 0.3f   /* stands for likeness before the song and after it */
#define N_NEIGHBOURS 6 /* bars that a bar's drums are compared with */
#define FILL_STEPS 4   /* the last quarter of a bar */
#define CRASH_STEPS 2
#define CRASH_BANDS 3 /* the upper ones */

/* Deviation of each feature over songs whose form is not quite plain: where it is less, as in one
 * loop that goes on and on, the largest values still mean little. */
static const double PLAIN[N_FEATURES] = {0.20, 0.16, 0.15, 0.14, 0.08, 0.05, 0.12,
                                         0.13, 0.12, 0.12, 0.50, 0.12, 0.23};

/* Foote's checkerboard: likeness within the bars before and after, less that across. */
static float novelty(const float *likeness, size_t n, size_t at, size_t reach)
{
    size_t w = RF_MIN(reach, RF_MIN(at, n - at));
    double within = 0;
    double across = 0;
    for (size_t i = 0; i < w; i++) {
        for (size_t j = 0; j < w; j++) {
            within += (double)likeness[(at - 1 - i) * n + (at - 1 - j)];
            within += (double)likeness[(at + i) * n + (at + j)];
            across += 2.0 * (double)likeness[(at - 1 - i) * n + (at + j)];
        }
    }
    return w > 0 ? (float)((within - across) / (double)(2 * w * w)) : 0.0f;
}

/* Strongest case of "what starts here is heard elsewhere, what comes before is not" (the edge of a
 * stripe in Serra's lag matrix), or the reverse for what ends here. */
static float repeat_edge(const analysis_form *form, size_t at, size_t bars, bool starts)
{
    float best = 0.0f;
    for (size_t j = 0; j <= form->n; j++) {
        bool has_after = RF_MAX(at, j) + bars <= form->n;
        bool has_before = at >= bars && j >= bars;
        if ((j < at + NEAR_BARS && at < j + NEAR_BARS) || !(starts ? has_after : has_before)) {
            continue;
        }
        float after = has_after ? analysis_form_same(form, at, j, bars) : UNHEARD;
        float before = has_before ? analysis_form_same(form, at - bars, j - bars, bars) : UNHEARD;
        best = RF_MAX(best, starts ? after - before : before - after);
    }
    return best;
}

static float loud_step(const analysis_form *form, size_t at)
{
    float before = 0.5f * (form->loud[at - 1] + form->loud[at >= 2 ? at - 2 : at - 1]);
    float after = 0.5f * (form->loud[at] + form->loud[RF_MIN(at + 1, form->n - 1)]);
    return fabsf(after - before);
}

static float median(float *x, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        float v = x[i];
        size_t k = i;
        for (; k > 0 && x[k - 1] > v; k--) {
            x[k] = x[k - 1];
        }
        x[k] = v;
    }
    return n == 0 ? 0.0f : 0.5f * (x[(n - 1) / 2] + x[n / 2]);
}

/* Onset strength of one step and band of a bar, less what the bars from first to end have there. */
static float unusual(const analysis_form *form, size_t bar, size_t first, size_t end, size_t at)
{
    float around[N_NEIGHBOURS];
    size_t n = 0;
    for (size_t k = first; k < end && n < N_NEIGHBOURS; k++) {
        if (k != bar) {
            around[n++] = form->rhythm[k * ANALYSIS_N_RHYTHM + at];
        }
    }
    float own = form->rhythm[bar * ANALYSIS_N_RHYTHM + at];
    return n > 0 ? own - median(around, n) : 0.0f;
}

/* How far the last quarter of the bar before is from what is played there otherwise. */
static float fill_before(const analysis_form *form, size_t at)
{
    size_t first = at > 4 ? at - 4 : 0;
    size_t end = RF_MIN(form->n, at + 3);
    float sum = 0.0f;
    for (size_t k = ANALYSIS_N_RHYTHM - FILL_STEPS * ANALYSIS_N_FLUX; k < ANALYSIS_N_RHYTHM; k++) {
        sum += fabsf(unusual(form, at - 1, first, end, k));
    }
    return sum / (FILL_STEPS * ANALYSIS_N_FLUX);
}

/* What the upper bands have at the start of the bar more than other bars around. */
static float crash_after(const analysis_form *form, size_t at)
{
    size_t first = at > 3 ? at - 3 : 0;
    size_t end = RF_MIN(form->n, at + 4);
    float sum = 0.0f;
    for (size_t b = ANALYSIS_N_FLUX - CRASH_BANDS; b < ANALYSIS_N_FLUX; b++) {
        float most = -INFINITY;
        for (size_t p = 0; p < CRASH_STEPS; p++) {
            most = RF_MAX(most, unusual(form, at, first, end, p * ANALYSIS_N_FLUX + b));
        }
        sum += most;
    }
    return sum / CRASH_BANDS;
}

static void standardise(float *x, size_t n, double least)
{
    double sum = 0;
    double square = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)x[i * N_FEATURES];
        square += (double)x[i * N_FEATURES] * (double)x[i * N_FEATURES];
    }
    double mean = sum / (double)n;
    double deviation = RF_MAX(least, sqrt(RF_MAX(0.0, square / (double)n - mean * mean)));
    for (size_t i = 0; i < n; i++) {
        double v = ((double)x[i * N_FEATURES] - mean) / deviation;
        x[i * N_FEATURES] = (float)RF_MAX(-4.0, RF_MIN(4.0, v));
    }
}

void analysis_boundary_features(const analysis_form *form, float *ret)
{
    memset(ret, 0, form->n * N_FEATURES * sizeof(*ret));
    for (size_t i = 1; i < form->n; i++) {
        float *row = ret + i * N_FEATURES;
        row[0] = novelty(form->like_colour, form->n, i, 1);
        row[1] = novelty(form->like_colour, form->n, i, 4);
        row[2] = novelty(form->like_sound, form->n, i, 1);
        row[3] = novelty(form->like_sound, form->n, i, 4);
        row[4] = novelty(form->like_harmony, form->n, i, 4);
        row[5] = novelty(form->like_rhythm, form->n, i, 1);
        row[6] = repeat_edge(form, i, 2, true);
        row[7] = repeat_edge(form, i, 2, false);
        row[8] = repeat_edge(form, i, 4, true);
        row[9] = repeat_edge(form, i, 4, false);
        row[10] = loud_step(form, i);
        row[11] = fill_before(form, i);
        row[12] = crash_after(form, i);
    }
    for (int f = 0; f < N_FEATURES && form->n > 0; f++) {
        standardise(ret + f, form->n, PLAIN[f]);
    }
}
