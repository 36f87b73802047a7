/*
 * analysis_boundary_model.h - weights of the section boundary model, learnt by
 * tests/bench/analysis/train.py.
 */
#ifndef ANALYSIS_BOUNDARY_MODEL_H
#define ANALYSIS_BOUNDARY_MODEL_H

#include "analysis_boundary.h"

extern const float ANALYSIS_BOUNDARY_WEIGHTS[ANALYSIS_N_BOUNDARY_FEATURES];
extern const float ANALYSIS_BOUNDARY_BIAS;

#endif
