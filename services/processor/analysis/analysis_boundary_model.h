/*
 * analysis_boundary_model.h - weights of the section boundary model, learnt by
 * tests/bench/analysis/train.py.
 */
#ifndef ANALYSIS_BOUNDARY_MODEL_H
#define ANALYSIS_BOUNDARY_MODEL_H

#include "analysis_boundary.h"

#define ANALYSIS_N_SAME                                                                            \
    3 /* likenesses that tell whether two bars are the same: melody, sound,                        \
         harmony */

extern const float ANALYSIS_SAME_WEIGHTS[ANALYSIS_N_SAME];
extern const float ANALYSIS_SAME_BIAS;
extern const float ANALYSIS_BOUNDARY_WEIGHTS[ANALYSIS_N_BOUNDARY_FEATURES];
extern const float ANALYSIS_BOUNDARY_BIAS;

#endif
