/*
 * analysis_sections_labels.h - which sections of a song are the same again.
 */
#ifndef ANALYSIS_SECTIONS_LABELS_H
#define ANALYSIS_SECTIONS_LABELS_H

#include "analysis_form.h"

typedef struct analysis_span {
    size_t first, end; /* bars */
    int label;         /* 0 for the first heard, and so on */
} analysis_span;

/* analysis_sections_label joins the two most alike groups of spans until none are alike enough,
 * then numbers the groups as they are first heard. Returns how many there are, or -ENOMEM. */
int analysis_sections_label(const analysis_form *form, analysis_span *spans, size_t n);

#endif
