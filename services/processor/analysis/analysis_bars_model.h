/*
 * analysis_bars_model.h - weights of the downbeat model, learnt by tests/bench/analysis/train.py.
 */
#ifndef ANALYSIS_BARS_MODEL_H
#define ANALYSIS_BARS_MODEL_H

#include "analysis_bars.h"

extern const float ANALYSIS_BARS_BIAS;
extern const float ANALYSIS_BARS_WEIGHTS[2 * ANALYSIS_BEAT_CONTEXT + 1][ANALYSIS_N_BEAT_FEATURES];

#endif
