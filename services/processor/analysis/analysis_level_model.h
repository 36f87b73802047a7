/*
 * analysis_level_model.h - weights of the metrical level and meter models, learnt by
 * tests/bench/analysis/train.py.
 */
#ifndef ANALYSIS_LEVEL_MODEL_H
#define ANALYSIS_LEVEL_MODEL_H

#include "analysis_level.h"

extern const float ANALYSIS_LEVEL_WEIGHTS[ANALYSIS_N_LEVEL_FEATURES];
/* bias, thirds against halves, octaves above 110 bpm, bar scores of 2, 3 and 4 */
extern const float ANALYSIS_METER_WEIGHTS[ANALYSIS_N_METERS][3 + ANALYSIS_N_METERS];

#endif
