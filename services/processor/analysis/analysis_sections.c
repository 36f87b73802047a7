#include "analysis_sections.h"

#include <errno.h>
#include <string.h>

#include "analysis_boundary.h"
#include "analysis_form.h"
#include "analysis_sections_labels.h"

#define LABELS_MAX 702 /* A to ZZ */

static void add_row(analysis_sections *sections, double start_s, double end_s, int label)
{
    analysis_section *row = &sections->rows[sections->n_rows++];
    size_t n = 0;
    label = RF_MIN(label, LABELS_MAX - 1);
    row->start_s = start_s;
    row->end_s = end_s;
    if (label >= 26) {
        row->label[n++] = (char)('A' + label / 26 - 1);
    }
    row->label[n] = (char)('A' + label % 26);
}

/* The silences before and after the music share the label behind the last of the music. */
static int make_rows(const analysis_form *form, const analysis_span *spans, size_t n,
                     double duration_s, int n_labels, analysis_sections *ret)
{
    analysis_sections sections = {.rows = calloc(n + 2, sizeof(*sections.rows))};
    if (sections.rows == NULL) {
        return -ENOMEM;
    }
    if (form->start_s[0] > 0.0) {
        add_row(&sections, 0.0, form->start_s[0], n_labels);
    }
    for (size_t i = 0; i < n; i++) {
        add_row(&sections, form->start_s[spans[i].first], form->start_s[spans[i].end],
                spans[i].label);
    }
    if (form->start_s[form->n] < duration_s) {
        add_row(&sections, form->start_s[form->n], duration_s, n_labels);
    }
    *ret = sections;
    return 0;
}

static size_t make_spans(const analysis_form *form, const bool *cuts, analysis_span *spans)
{
    size_t n = 0;
    for (size_t i = 0; i < form->n; i++) {
        n += cuts[i];
        spans[n - 1].first = cuts[i] ? i : spans[n - 1].first;
        spans[n - 1].end = i + 1;
    }
    return n;
}

static int find(const analysis_form *form, double duration_s, analysis_sections *ret)
{
    RF_CLEANUP(rf_cleanup_free)
    float *features = calloc(form->n, ANALYSIS_N_BOUNDARY_FEATURES * sizeof(*features));
    RF_CLEANUP(rf_cleanup_free) bool *cuts = calloc(form->n, sizeof(*cuts));
    RF_CLEANUP(rf_cleanup_free) analysis_span *spans = calloc(form->n, sizeof(*spans));
    if (features == NULL || cuts == NULL || spans == NULL) {
        return -ENOMEM;
    }
    analysis_boundary_features(form, features);
    analysis_boundary_cuts(features, form, cuts);
    size_t n = make_spans(form, cuts, spans);
    int n_labels = analysis_sections_label(form, spans, n);
    return n_labels < 0 ? n_labels : make_rows(form, spans, n, duration_s, n_labels, ret);
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
        err = find(&form, frontend->duration_s, ret);
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
