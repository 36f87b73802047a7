/*
 * analysis_boundary.h - where sections begin: evidence at every bar, and the best set of cuts.
 */
#ifndef ANALYSIS_BOUNDARY_H
#define ANALYSIS_BOUNDARY_H

#include "analysis_form.h"

#define ANALYSIS_N_BOUNDARY_FEATURES 14

/* analysis_boundary_features writes form->n rows (row i: the boundary before bar i), each column
 * centred and scaled over the song: novelty of timbre and of harmony at 1, 2, 4 and 8 bars, change
 * of what recurs (two scales), a repetition that starts here, one that ends, step in loudness,
 * largest single change. */
void analysis_boundary_features(const analysis_form *form, float *ret);

/* analysis_boundary_cuts picks bars that begin sections: ret[i] true, ret[0] always. */
void analysis_boundary_cuts(const float *features, const analysis_form *form, bool *ret);

#endif
