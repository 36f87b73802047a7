/*
 * analysis_activation_model.h - weights of the network of analysis_activation.c, learnt by
 * tests/bench/analysis/train_beats.py.
 */
#ifndef ANALYSIS_ACTIVATION_MODEL_H
#define ANALYSIS_ACTIVATION_MODEL_H

#include "analysis_activation.h"

#define ANALYSIS_ACTIVATION_UNITS 12
#define ANALYSIS_ACTIVATION_LAYERS 9 /* layer l reaches 2^l frames either side */
#define ANALYSIS_ACTIVATION_TAPS_IN 5

/* [tap][input][unit], earliest tap first */
extern const float ANALYSIS_ACTIVATION_IN[ANALYSIS_ACTIVATION_TAPS_IN][ANALYSIS_N_ACTIVATION_INPUTS]
                                         [ANALYSIS_ACTIVATION_UNITS];
extern const float ANALYSIS_ACTIVATION_IN_BIAS[ANALYSIS_ACTIVATION_UNITS];
extern const float ANALYSIS_ACTIVATION_HIDDEN[ANALYSIS_ACTIVATION_LAYERS][3]
                                             [ANALYSIS_ACTIVATION_UNITS][ANALYSIS_ACTIVATION_UNITS];
extern const float ANALYSIS_ACTIVATION_HIDDEN_BIAS[ANALYSIS_ACTIVATION_LAYERS]
                                                  [ANALYSIS_ACTIVATION_UNITS];
/* beat, downbeat */
extern const float ANALYSIS_ACTIVATION_OUT[2][ANALYSIS_ACTIVATION_UNITS];
extern const float ANALYSIS_ACTIVATION_OUT_BIAS[2];

#endif
