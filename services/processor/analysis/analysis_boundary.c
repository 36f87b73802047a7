#include "analysis_boundary.h"

#include <math.h>
#include <string.h>

#include "analysis_boundary_model.h"

#define N_FEATURES ANALYSIS_N_BOUNDARY_FEATURES
#define REPEAT_BARS 4
#define LENGTH_MAX 64  /* bars of one section */
#define CUT_BONUS 2.5f /* a missed boundary costs more than an extra one */

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

/* Mean likeness of `bars` bars from i on and from j on; 0 when they pass the end. */
static float diagonal(const analysis_form *form, size_t i, size_t j, size_t bars)
{
    float sum = 0.0f;
    if (RF_MAX(i, j) + bars > form->n) {
        return 0.0f;
    }
    for (size_t k = 0; k < bars; k++) {
        sum += form->harmony[(i + k) * form->n + j + k];
    }
    return sum / (float)bars;
}

/* How the set of bars that resemble this place changes across it (Serra et al., 2014). */
static float recurrence_change(const analysis_form *form, size_t at, size_t bars)
{
    double sum = 0;
    size_t n = 0;
    for (size_t j = bars; j + bars <= form->n && at >= bars; j++) {
        if (j != at) {
            sum += fabs(
                (double)(diagonal(form, at, j, bars) - diagonal(form, at - bars, j - bars, bars)));
            n++;
        }
    }
    return n > 0 ? (float)(sum / (double)n) : 0.0f;
}

/* Strongest case of "what starts here is heard elsewhere, what comes before is not", or the
 * reverse for ends. */
static float repeat_edge(const analysis_form *form, size_t at, bool starts)
{
    float best = 0.0f;
    for (size_t j = REPEAT_BARS; j + REPEAT_BARS <= form->n && at >= REPEAT_BARS; j++) {
        if (j + 2 >= at && j <= at + 2) {
            continue;
        }
        float after = diagonal(form, at, j, REPEAT_BARS);
        float before = diagonal(form, at - REPEAT_BARS, j - REPEAT_BARS, REPEAT_BARS);
        best = RF_MAX(best, starts ? after - before : before - after);
    }
    return best;
}

static float loud_step(const analysis_form *form, size_t at)
{
    float before = 0.5f * (form->loud[at - 1] + form->loud[at >= 2 ? at - 2 : at - 1]);
    float after = 0.5f * (form->loud[at] + form->loud[RF_MIN(at + 1, form->n - 1)]);
    return after - before;
}

static void standardise(float *x, size_t n)
{
    double sum = 0;
    double square = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)x[i * N_FEATURES];
        square += (double)x[i * N_FEATURES] * (double)x[i * N_FEATURES];
    }
    double mean = sum / (double)n;
    double deviation = sqrt(RF_MAX(0.0, square / (double)n - mean * mean)) + 1e-3;
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
        for (int s = 0; s < 4; s++) {
            row[s] = novelty(form->colour, form->n, i, (size_t)1 << s);
            row[4 + s] = novelty(form->harmony, form->n, i, (size_t)1 << s);
        }
        row[8] = recurrence_change(form, i, 2);
        row[9] = recurrence_change(form, i, 4);
        row[10] = repeat_edge(form, i, true);
        row[11] = repeat_edge(form, i, false);
        row[12] = loud_step(form, i);
        row[13] = fabsf(row[12]);
    }
    for (int f = 0; f < N_FEATURES && form->n > 0; f++) {
        standardise(ret + f, form->n);
    }
}

/* Sections of most music last a multiple of 4 bars; what is shorter needs more evidence. */
static float length_score(size_t bars, double seconds)
{
    float score = bars % 8 == 0 ? 0.8f : bars % 4 == 0 ? 0.4f : bars % 2 == 0 ? 0.0f : -0.4f;
    score -= bars < 4 ? 0.8f * (float)(4 - bars) : 0.0f;
    score -= seconds < 6.0 ? (float)(6.0 - seconds) * 0.3f : 0.0f;
    return score - (seconds > 40.0 ? (float)(seconds - 40.0) * 0.03f : 0.0f);
}

static float odds_of(const float *row)
{
    float odds = ANALYSIS_BOUNDARY_BIAS + CUT_BONUS;
    for (int f = 0; f < N_FEATURES; f++) {
        odds += ANALYSIS_BOUNDARY_WEIGHTS[f] * row[f];
    }
    return odds;
}

void analysis_boundary_cuts(const float *features, const analysis_form *form, bool *ret)
{
    size_t n = form->n;
    RF_CLEANUP(rf_cleanup_free) float *best = RF_NEW_ARRAY(float, n + 1);
    RF_CLEANUP(rf_cleanup_free) size_t *from = RF_NEW_ARRAY(size_t, n + 1);
    for (size_t end = 1; end <= n; end++) {
        best[end] = -INFINITY;
        for (size_t start = end > LENGTH_MAX ? end - LENGTH_MAX : 0; start < end; start++) {
            float score =
                best[start] + length_score(end - start, form->start_s[end] - form->start_s[start]);
            if (score > best[end]) {
                best[end] = score;
                from[end] = start;
            }
        }
        best[end] += end < n ? odds_of(features + end * N_FEATURES) : 0.0f;
    }
    memset(ret, 0, n * sizeof(*ret));
    for (size_t at = n; at > 0; at = from[at]) {
        ret[from[at]] = true;
    }
}
