/*
 * analysis_sections.h - the form of a song: sections labelled by similarity.
 *
 * Beat-synchronous chroma and timbre, a self-similarity matrix with recurrences, checkerboard
 * novelty at several scales (Foote, "Automatic Audio Segmentation Using a Measure of Audio
 * Novelty", 2000; Serra et al., "Unsupervised Music Structure Annotation by Time Series Structure
 * Features", 2014), boundaries moved to downbeats, segments clustered by their best alignment.
 */
#ifndef ANALYSIS_SECTIONS_H
#define ANALYSIS_SECTIONS_H

#include "analysis.h"
#include "analysis_beats.h"
#include "analysis_frontend.h"

typedef struct analysis_section {
    double start_s;
    double end_s;
    char label[4]; /* "A" to "Z", then "AA"; equal labels sound alike; first heard first named */
} analysis_section;

typedef struct analysis_sections {
    analysis_section *rows; /* contiguous from 0 to the duration; none for empty audio; owned */
    size_t n_rows;
} analysis_sections;

/* analysis_sections_find fills *ret, which analysis_sections_done empties. beats may be NULL or
 * hold none: a fixed grid takes their place. */
int analysis_sections_find(const analysis_frontend *frontend, const analysis_beats *beats,
                           const analysis_control *control, analysis_sections *ret);
void analysis_sections_done(analysis_sections *sections);

#endif
