/*
 * analysis_chords_model.h - how well a stretch of chroma fits each chord quality on a given root.
 * One small network (one hidden layer) sees bass and treble chroma turned so that the root comes
 * first; all twelve roots share its weights, which tests/bench/analysis/train.py learns.
 */
#ifndef ANALYSIS_CHORDS_MODEL_H
#define ANALYSIS_CHORDS_MODEL_H

#include "analysis_chords.h"

#define ANALYSIS_CHORD_INPUTS                                                                      \
    48 /* treble, bass, treble of the neighbours, bass of the neighbours */
#define ANALYSIS_CHORD_HIDDEN 32
#define ANALYSIS_CHORD_NONE_INPUTS 4
#define ANALYSIS_N_CHORD_STATES (12 * ANALYSIS_N_QUALITIES + 1) /* the last is "no chord" */

extern const float ANALYSIS_CHORD_HIDDEN_WEIGHTS[ANALYSIS_CHORD_HIDDEN][ANALYSIS_CHORD_INPUTS];
extern const float ANALYSIS_CHORD_HIDDEN_BIAS[ANALYSIS_CHORD_HIDDEN];
extern const float ANALYSIS_CHORD_OUT_WEIGHTS[ANALYSIS_N_QUALITIES][ANALYSIS_CHORD_HIDDEN];
extern const float ANALYSIS_CHORD_OUT_BIAS[ANALYSIS_N_QUALITIES];
extern const float ANALYSIS_CHORD_NONE_WEIGHTS[ANALYSIS_CHORD_NONE_INPUTS];
extern const float ANALYSIS_CHORD_NONE_BIAS;

#endif
