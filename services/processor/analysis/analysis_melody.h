/*
 * analysis_melody.h - the predominant pitch of a segment: harmonic sums of a whitened spectrum and
 * a Viterbi path through them (Salamon, Gomez, "Melody Extraction from Polyphonic Music Signals
 * using Pitch Contour Characteristics", 2012, for the salience function).
 */
#ifndef ANALYSIS_MELODY_H
#define ANALYSIS_MELODY_H

#include "analysis_split.h"

/* analysis_melody_find writes for each time the pitch in Hz (80 to 1000) and its strength against
 * the mean salience (about 0 to 1). Returns 0 or -ECANCELED. */
int analysis_melody_find(const analysis_planes *planes, const analysis_control *control,
                         float *ret_hz, float *ret_strength);

#endif
