/*
 * analysis_extent_model.h - weights of "this beat is music", learnt by
 * tests/bench/analysis/train.py.
 */
#ifndef ANALYSIS_EXTENT_MODEL_H
#define ANALYSIS_EXTENT_MODEL_H

#include "analysis_extent.h"

extern const float ANALYSIS_EXTENT_BIAS;
/* for the beat itself, for the largest of the next beats, for the largest of those before */
extern const float ANALYSIS_EXTENT_WEIGHTS[3][ANALYSIS_N_EXTENT];

#endif
