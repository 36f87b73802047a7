/*
 * analysis_key_model.h - linear templates of the two modes, learnt by
 * tests/bench/analysis/train.py.
 */
#ifndef ANALYSIS_KEY_MODEL_H
#define ANALYSIS_KEY_MODEL_H

#define ANALYSIS_N_KEY_PROFILES 5 /* see analysis_key.c */

extern const float ANALYSIS_KEY_WEIGHTS[2][ANALYSIS_N_KEY_PROFILES][12]; /* major, minor */
extern const float ANALYSIS_KEY_BIAS[2];

#endif
