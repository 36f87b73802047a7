#include "analysis_median.h"

#include <string.h>

enum { BLOCK = 16, MAX_STEPS = 208 /* of 33 values */ };

typedef struct network {
    int n, n_steps;
    struct {
        uint8_t low, high;
    } steps[MAX_STEPS];
} network;

/* One pass of the merge exchange: the pairs d apart whose first index agrees with r in bit p. */
static void add_pass(network *m, int p, int r, int d)
{
    for (int i = 0; i < m->n - d; i++) {
        if ((i & p) == r) {
            m->steps[m->n_steps].low = (uint8_t)i;
            m->steps[m->n_steps++].high = (uint8_t)(i + d);
        }
    }
}

static void make_network(network *m, int n)
{
    int top = 1;
    m->n = n;
    m->n_steps = 0;
    while (top * 2 < n) {
        top *= 2;
    }
    for (int p = top; p > 0; p /= 2) {
        add_pass(m, p, 0, p);
        for (int q = top; q > p; q /= 2) {
            add_pass(m, p, p, q - p);
        }
    }
}

static void exchange(float *low, float *high)
{
    float a[BLOCK], b[BLOCK];
    memcpy(a, low, sizeof(a));
    memcpy(b, high, sizeof(b));
    for (int k = 0; k < BLOCK; k++) {
        low[k] = a[k] < b[k] ? a[k] : b[k];
    }
    for (int k = 0; k < BLOCK; k++) {
        high[k] = a[k] > b[k] ? a[k] : b[k];
    }
}

static const float *middle(const network *m, float values[][BLOCK])
{
    for (int i = 0; i < m->n_steps; i++) {
        exchange(values[m->steps[i].low], values[m->steps[i].high]);
    }
    return values[m->n / 2];
}

void analysis_median_rows(const float *const *rows, int n_rows, size_t n_columns, float *ret)
{
    network m;
    make_network(&m, n_rows);
    for (size_t first = 0; first < n_columns; first += BLOCK) {
        float values[ANALYSIS_MEDIAN_MAX][BLOCK] = {{0}};
        size_t bytes = RF_MIN((size_t)BLOCK, n_columns - first) * sizeof(float);
        for (int i = 0; i < n_rows; i++) {
            memcpy(values[i], rows[i] + first, bytes);
        }
        memcpy(ret + first, middle(&m, values), bytes);
    }
}

/* The median of a window that an end cuts short: rows of one value. */
static float median_of(const float *values, size_t n)
{
    const float *rows[ANALYSIS_MEDIAN_MAX];
    float found;
    for (size_t i = 0; i < n; i++) {
        rows[i] = values + i;
    }
    analysis_median_rows(rows, (int)n, 1, &found);
    return found;
}

void analysis_median_along(const float *values, size_t n, size_t reach, float *ret)
{
    size_t width = 2 * reach + 1;
    const float *rows[ANALYSIS_MEDIAN_MAX];
    for (size_t i = 0; i < width; i++) {
        rows[i] = values + i;
    }
    if (n >= width) {
        analysis_median_rows(rows, (int)width, n - width + 1, ret + reach);
    }
    for (size_t i = 0; i < n; i++) {
        if (i < reach || i + reach >= n) {
            size_t first = i > reach ? i - reach : 0, end = RF_MIN(i + reach + 1, n);
            ret[i] = median_of(values + first, end - first);
        }
    }
}
