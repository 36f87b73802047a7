/*
 * analysis_drums.h - the drummer's kick and snare, isolated from a song or from a drum track.
 *
 * Method: see analysis_split.h, with short windows; the percussive part is explained by spectral
 * templates (non-negative factorisation, Lee, Seung, "Learning the Parts of Objects by Non-negative
 * Matrix Factorization", 1999), whose shares are features of the masks.
 */
#ifndef ANALYSIS_DRUMS_H
#define ANALYSIS_DRUMS_H

#include "analysis_split.h"

enum { ANALYSIS_DRUM_KICK, ANALYSIS_DRUM_SNARE, ANALYSIS_DRUM_OTHER, ANALYSIS_N_DRUMS };

/* analysis_drums_split is to drums as analysis_stems_split is to stems: ANALYSIS_N_DRUMS stems that
 * sum to the input. */
int analysis_drums_split(const analysis_audio *audio, const analysis_control *control,
                         const analysis_sink *sink);

#endif
