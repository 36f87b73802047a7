#include "corpus_onsets.h"

#include <math.h>

#define HOP 441      /* 10 ms */
#define BEFORE 4     /* hops that a jump is measured against */
#define APART 6      /* hops between two hits */
#define OF_OWN 0.3f  /* of a loud jump of the drum */
#define OF_MIX 0.04f /* of a loud level of the mix */

static float *levels_of(const corpus_sounding *s, size_t n)
{
    float *levels = RF_NEW_ARRAY(float, n + 1);
    for (size_t t = 0; t < n; t++) {
        double sum = 0;
        for (size_t i = t * HOP; i < (t + 1) * HOP; i++) {
            sum +=
                (double)s->left[i] * (double)s->left[i] + (double)s->right[i] * (double)s->right[i];
        }
        levels[t] = (float)sqrt(sum / (2.0 * HOP));
    }
    return levels;
}

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static float quantile(const float *x, size_t n, double share)
{
    RF_CLEANUP(rf_cleanup_free) float *sorted = RF_NEW_ARRAY(float, n + 1);
    for (size_t i = 0; i < n; i++) {
        sorted[i] = x[i];
    }
    qsort(sorted, n, sizeof(*sorted), compare_floats);
    return n > 0 ? sorted[(size_t)(share * (double)(n - 1))] : 0;
}

/* How far each hop rises above the quietest shortly before. */
static float *jumps_of(const float *levels, size_t n)
{
    float *jumps = RF_NEW_ARRAY(float, n + 1);
    for (size_t t = 0; t < n; t++) {
        float low = levels[t];
        for (size_t k = 1; k <= RF_MIN((size_t)BEFORE, t); k++) {
            low = fminf(low, levels[t - k]);
        }
        jumps[t] = levels[t] - low;
    }
    return jumps;
}

static bool is_peak(const float *jumps, size_t n, size_t t)
{
    for (size_t k = 1; k <= APART; k++) {
        if ((t >= k && jumps[t - k] > jumps[t]) || (t + k < n && jumps[t + k] >= jumps[t])) {
            return false;
        }
    }
    return true;
}

/* A jump peaks where the level does; the hit began where it rose most. */
static double onset_s(const float *levels, size_t t)
{
    size_t steepest = t;
    float most = 0;
    for (size_t k = 0; k < BEFORE && t > k; k++) {
        float rise = levels[t - k] - levels[t - k - 1];
        if (rise > most) {
            most = rise;
            steepest = t - k;
        }
    }
    return (double)steepest * HOP / CORPUS_RATE_HZ;
}

size_t corpus_onsets_find(const corpus_sounding *drum, const corpus_sounding *mix, double **ret_s)
{
    size_t n = drum->n_frames / HOP, n_found = 0;
    RF_CLEANUP(rf_cleanup_free) float *levels = levels_of(drum, n);
    RF_CLEANUP(rf_cleanup_free) float *mix_levels = levels_of(mix, n);
    RF_CLEANUP(rf_cleanup_free) float *jumps = jumps_of(levels, n);
    float least = fmaxf(OF_OWN * quantile(jumps, n, 0.98), OF_MIX * quantile(mix_levels, n, 0.95));
    *ret_s = RF_NEW_ARRAY(double, n + 1);
    for (size_t t = 0; t < n; t++) {
        if (jumps[t] > least && is_peak(jumps, n, t)) {
            (*ret_s)[n_found++] = onset_s(levels, t);
        }
    }
    return n_found;
}
