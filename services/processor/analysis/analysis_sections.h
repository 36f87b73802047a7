/*
 * analysis_sections.h - the form of a song: sections labelled by similarity.
 *
 * Bars are compared in melody, harmony, sound and rhythm. Where sections begin is told by novelty
 * (Foote, "Automatic Audio Segmentation Using a Measure of Audio Novelty", 2000), by repetitions
 * that start or end (Serra et al., "Unsupervised Music Structure Annotation by Time Series
 * Structure Features", 2014), by fills, crashes and steps in loudness; a dynamic programme weighs
 * that against the lengths that sections have and against loops that go on. Sections are then
 * joined to groups by how alike their bars are, one by one.
 */
#ifndef ANALYSIS_SECTIONS_H
#define ANALYSIS_SECTIONS_H

#include "analysis.h"
#include "analysis_beats.h"
#include "analysis_frontend.h"

typedef struct analysis_section {
    double start_s;
    double end_s;
    char label[4]; /* "A" to "Z", then "AA"; equal labels sound alike; first heard first named.
                      Silence and noise before and after the music have the label after its last */
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
