/*
 * analysis_onset.h - onset strength: the rise of the log spectrum, in bands.
 * Filtered, compressed spectra compared over two frames; a maximum over neighbouring filters keeps
 * vibrato from counting (Boeck, Widmer, 2013, "SuperFlux"). Belongs to one thread.
 */
#ifndef ANALYSIS_ONSET_H
#define ANALYSIS_ONSET_H

#include "analysis_frontend.h"

#define ANALYSIS_ONSET_WINDOW 1024
#define ANALYSIS_ONSET_HOP 256

typedef struct analysis_onset analysis_onset;

/* analysis_onset_new returns NULL when out of memory. */
analysis_onset *analysis_onset_new(void);
analysis_onset *analysis_onset_free(analysis_onset *onset);

/* analysis_onset_push reads ANALYSIS_ONSET_WINDOW pairs and writes the flux of this frame. */
void analysis_onset_push(analysis_onset *onset, const float *pairs, float ret[ANALYSIS_N_FLUX]);

#endif
