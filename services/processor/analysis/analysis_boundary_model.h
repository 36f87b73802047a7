/*
 * analysis_boundary_model.h - weights of the section boundary model, learnt in the way of
 * tests/bench/analysis/train.py on the tuning half of the corpus and on pieces of its generator two
 * to four times as long, whose repeats vary in melody, bass and drums. Evidence never counts
 * against a boundary: no weight is negative.
 */
#ifndef ANALYSIS_BOUNDARY_MODEL_H
#define ANALYSIS_BOUNDARY_MODEL_H

#include "analysis_boundary.h"

/* Likenesses that tell whether two bars are the same: melody, sound, harmony. */
#define ANALYSIS_N_SAME 3

extern const float ANALYSIS_SAME_WEIGHTS[ANALYSIS_N_SAME];
extern const float ANALYSIS_SAME_BIAS;
extern const float ANALYSIS_BOUNDARY_WEIGHTS[ANALYSIS_N_BOUNDARY_FEATURES];
extern const float ANALYSIS_BOUNDARY_BIAS;

#endif
