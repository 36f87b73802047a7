/* The best set of cuts: evidence at each of them, and lengths that music has. */
#include "analysis_boundary.h"

#include <math.h>
#include <string.h>

#include "analysis_boundary_model.h"

#define N_FEATURES ANALYSIS_N_BOUNDARY_FEATURES
#define LENGTH_MAX 64 /* bars of one section */
#define SHORT_BARS 4
#define SHORT_COST 0.8f /* a bar */
#define SHORT_S 6.0
#define LONG_S 25.0
#define LONG_COST_MAX 3.0f
#define EIGHTS_SCORE 1.0f
#define FOURS_SCORE 0.5f
#define ODD_SCORE (-0.4f)
#define EDGE_COST 3.0f /* of such a bar alone */
#define LOOP_BARS 4
#define LOOP_REACH 2 /* bars on either side */
#define LOOP_COST 4.0f
#define CUT_BONUS 1.6f /* a missed boundary costs more than an extra one */

/* Sections of most music last a multiple of 4 bars; what is shorter needs more evidence. */
static float length_score(size_t bars, double seconds)
{
    float score = bars % 2 == 0 ? 0.0f : ODD_SCORE;
    score = bars % 8 == 0 ? EIGHTS_SCORE : bars % 4 == 0 ? FOURS_SCORE : score;
    score -= bars < SHORT_BARS ? SHORT_COST * (float)(SHORT_BARS - bars) : 0.0f;
    score -= seconds < SHORT_S ? (float)(SHORT_S - seconds) * 0.3f : 0.0f;
    float excess = seconds > LONG_S ? (float)(seconds - LONG_S) * 0.04f : 0.0f;
    return score - RF_MIN(excess, LONG_COST_MAX);
}

/* An upbeat before the first section and a chord held after the last may make a bar more. */
static float span_score(const analysis_form *form, size_t start, size_t end)
{
    size_t bars = end - start;
    double seconds = form->start_s[end] - form->start_s[start];
    float score = length_score(bars, seconds);
    if (start > 0 && end < form->n) {
        return score;
    }
    return bars > 1 ? RF_MAX(score, length_score(bars - 1, seconds)) : score - EDGE_COST;
}

/* Chance that the bars around a place come again a few bars on, or came a few bars before: a loop
 * goes on there, however much its chords differ. */
static float looped(const analysis_form *form, size_t at)
{
    size_t reach = RF_MIN((size_t)LOOP_REACH, RF_MIN(at, form->n - at));
    size_t first = at - reach;
    float best = 0.0f;
    for (size_t lag = 1; lag <= LOOP_BARS; lag++) {
        if (at + reach + lag <= form->n) {
            best = RF_MAX(best, analysis_form_same(form, first, first + lag, 2 * reach));
        }
        if (first >= lag) {
            best = RF_MAX(best, analysis_form_same(form, first, first - lag, 2 * reach));
        }
    }
    return best;
}

static float odds_of(const analysis_form *form, const float *row, size_t at)
{
    float odds = ANALYSIS_BOUNDARY_BIAS + CUT_BONUS - LOOP_COST * looped(form, at);
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
            float score = best[start] + span_score(form, start, end);
            if (score > best[end]) {
                best[end] = score;
                from[end] = start;
            }
        }
        best[end] += end < n ? odds_of(form, features + end * N_FEATURES, end) : 0.0f;
    }
    memset(ret, 0, n * sizeof(*ret));
    for (size_t at = n; at > 0; at = from[at]) {
        ret[from[at]] = true;
    }
}
