#include "analysis_sections.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "analysis_boundary.h"
#include "analysis_form.h"

#define SAME_LIKENESS 0.80f /* mean likeness from which two sections share a letter */
#define HARMONY_SHARE 0.6f
#define LABELS_MAX 702 /* A to ZZ */

typedef struct span {
    size_t first, end; /* bars */
    int label;
} span;

/* Mean likeness of two sections laid over each other from their starts. */
static float likeness(const analysis_form *form, const span *a, const span *b)
{
    size_t bars = RF_MIN(a->end - a->first, b->end - b->first);
    float sum = 0.0f;
    for (size_t k = 0; k < bars; k++) {
        size_t at = (a->first + k) * form->n + b->first + k;
        sum += HARMONY_SHARE * form->harmony[at] + (1.0f - HARMONY_SHARE) * form->colour[at];
    }
    return sum / (float)bars;
}

/* Each section takes the letter of the earlier one it resembles most, or a new one. */
static void label_spans(const analysis_form *form, span *spans, size_t n)
{
    int n_labels = 0;
    for (size_t i = 0; i < n; i++) {
        float best = SAME_LIKENESS;
        spans[i].label = -1;
        for (size_t j = 0; j < i; j++) {
            float like = likeness(form, &spans[j], &spans[i]);
            if (like > best) {
                best = like;
                spans[i].label = spans[j].label;
            }
        }
        if (spans[i].label < 0) {
            spans[i].label = n_labels;
            n_labels = RF_MIN(n_labels + 1, LABELS_MAX - 1);
        }
    }
}

static void write_label(int label, char ret[4])
{
    size_t n = 0;
    if (label >= 26) {
        ret[n++] = (char)('A' + label / 26 - 1);
    }
    ret[n++] = (char)('A' + label % 26);
    ret[n] = '\0';
}

static int make_rows(const analysis_form *form, const bool *cuts, analysis_sections *ret)
{
    analysis_sections sections = {.rows = calloc(form->n + 1, sizeof(*sections.rows))};
    RF_CLEANUP(rf_cleanup_free) span *spans = calloc(form->n + 1, sizeof(*spans));
    size_t n = 0;
    if (sections.rows == NULL || spans == NULL) {
        free(sections.rows);
        return -ENOMEM;
    }
    for (size_t i = 0; i < form->n; i++) {
        n += cuts[i];
        spans[n - 1].first = cuts[i] ? i : spans[n - 1].first;
        spans[n - 1].end = i + 1;
    }
    label_spans(form, spans, n);
    for (size_t s = 0; s < n; s++) {
        analysis_section *row = &sections.rows[sections.n_rows++];
        row->start_s = form->start_s[spans[s].first];
        row->end_s = form->start_s[spans[s].end];
        write_label(spans[s].label, row->label);
    }
    *ret = sections;
    return 0;
}

static int find(const analysis_form *form, analysis_sections *ret)
{
    RF_CLEANUP(rf_cleanup_free)
    float *features = calloc(form->n + 1, ANALYSIS_N_BOUNDARY_FEATURES * sizeof(*features));
    RF_CLEANUP(rf_cleanup_free) bool *cuts = calloc(form->n + 1, sizeof(*cuts));
    if (features == NULL || cuts == NULL) {
        return -ENOMEM;
    }
    analysis_boundary_features(form, features);
    analysis_boundary_cuts(features, form, cuts);
    return make_rows(form, cuts, ret);
}

int analysis_sections_find(const analysis_frontend *frontend, const analysis_beats *beats,
                           const analysis_control *control, analysis_sections *ret)
{
    analysis_form form = {0};
    if (frontend->duration_s <= 0.0) {
        *ret = (analysis_sections){0};
        return 0;
    }
    int err = analysis_form_init(&form, frontend, beats, control);
    analysis_progress(control, 0.5);
    if (err == 0) {
        err = find(&form, ret);
    }
    analysis_form_done(&form);
    if (err == 0) {
        analysis_progress(control, 1.0);
    }
    return err;
}

void analysis_sections_done(analysis_sections *sections)
{
    free(sections->rows);
    memset(sections, 0, sizeof(*sections));
}
