/*
 * analysis_boundary.h - where sections begin: evidence at every bar, and the best set of cuts.
 */
#ifndef ANALYSIS_BOUNDARY_H
#define ANALYSIS_BOUNDARY_H

#include "analysis_form.h"

#define ANALYSIS_N_BOUNDARY_FEATURES 13

/* analysis_boundary_features writes form->n rows (row i: the boundary before bar i), each column
 * centred and scaled over the song: novelty of timbre against the song's range and in dB, at 1 and
 * 4 bars each, of harmony at 4 and of rhythm at 1; a repetition of 2 bars that starts here, one
 * that ends, the same of 4 bars; step in loudness; a fill before, a crash after. */
void analysis_boundary_features(const analysis_form *form, float *ret);

/* analysis_boundary_cuts picks bars that begin sections: ret[i] true, ret[0] always. */
void analysis_boundary_cuts(const float *features, const analysis_form *form, bool *ret);

#endif
