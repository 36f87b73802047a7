#include "analysis_sections_labels.h"

#include <errno.h>

#define ALIKE_MIN (-2.5f) /* mean log odds of equal bars from which two groups are one */
#define NEVER (-1e6f)

/* Groups are known by the index of their first span; likes is NEVER for those that were joined. */
typedef struct groups {
    size_t n;
    float *likes; /* [n][n] mean likeness of the pairs of two groups */
    size_t *size; /* [n] spans */
    size_t *of;   /* [n] group of each span */
} groups;

/* Mean log odds that the bars of two stretches are the same, one by one. */
static float alike_from(const analysis_form *form, size_t i, size_t j, size_t bars)
{
    float sum = 0.0f;
    for (size_t k = 0; k < bars; k++) {
        sum += form->odds[(i + k) * form->n + j + k];
    }
    return sum / (float)bars;
}

/* Two spans are laid over each other from their starts, or to their ends. */
static float alike(const analysis_form *form, const analysis_span *a, const analysis_span *b)
{
    size_t bars = RF_MIN(a->end - a->first, b->end - b->first);
    float starts = alike_from(form, a->first, b->first, bars);
    float ends = alike_from(form, a->end - bars, b->end - bars, bars);
    return RF_MAX(starts, ends);
}

static void fill(groups *g, const analysis_form *form, const analysis_span *spans)
{
    for (size_t i = 0; i < g->n; i++) {
        g->size[i] = 1;
        g->of[i] = i;
        for (size_t j = 0; j < i; j++) {
            g->likes[i * g->n + j] = g->likes[j * g->n + i] = alike(form, &spans[i], &spans[j]);
        }
    }
}

static void join(groups *g, size_t a, size_t b)
{
    float share = (float)g->size[b] / (float)(g->size[a] + g->size[b]);
    for (size_t k = 0; k < g->n; k++) {
        float mean = (1.0f - share) * g->likes[a * g->n + k] + share * g->likes[b * g->n + k];
        g->likes[a * g->n + k] = g->likes[k * g->n + a] = k == a || k == b ? NEVER : mean;
        g->likes[b * g->n + k] = g->likes[k * g->n + b] = NEVER;
        g->of[k] = g->of[k] == b ? a : g->of[k];
    }
    g->size[a] += g->size[b];
}

/* Joins the two groups that are most alike; false when none are alike enough. */
static bool join_closest(groups *g)
{
    float best = ALIKE_MIN;
    size_t a = 0;
    size_t b = 0;
    for (size_t i = 0; i < g->n; i++) {
        for (size_t j = i + 1; j < g->n; j++) {
            if (g->likes[i * g->n + j] > best) {
                best = g->likes[i * g->n + j];
                a = i;
                b = j;
            }
        }
    }
    if (a < b) {
        join(g, a, b);
    }
    return a < b;
}

/* A group is named when the span that it is known by is reached: no other of it comes earlier. */
static int number_as_heard(const groups *g, analysis_span *spans)
{
    int n_labels = 0;
    for (size_t i = 0; i < g->n; i++) {
        spans[i].label = g->of[i] == i ? n_labels++ : spans[g->of[i]].label;
    }
    return n_labels;
}

int analysis_sections_label(const analysis_form *form, analysis_span *spans, size_t n)
{
    RF_CLEANUP(rf_cleanup_free) float *likes = calloc(n * n, sizeof(*likes));
    RF_CLEANUP(rf_cleanup_free) size_t *size = calloc(n, sizeof(*size));
    RF_CLEANUP(rf_cleanup_free) size_t *of = calloc(n, sizeof(*of));
    if (likes == NULL || size == NULL || of == NULL) {
        return -ENOMEM;
    }
    groups g = {n, likes, size, of};
    fill(&g, form, spans);
    while (join_closest(&g)) {
    }
    return number_as_heard(&g, spans);
}
