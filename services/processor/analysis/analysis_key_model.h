/*
 * analysis_key_model.h - linear templates of the two modes and what chords tell, learnt by
 * tests/bench/analysis/train.py.
 */
#ifndef ANALYSIS_KEY_MODEL_H
#define ANALYSIS_KEY_MODEL_H

#define ANALYSIS_N_KEY_PROFILES 5 /* see analysis_key.c */
#define ANALYSIS_N_KEY_CHORDS 60  /* see analysis_key_chords.h */

extern const float ANALYSIS_KEY_WEIGHTS[2][ANALYSIS_N_KEY_PROFILES][12]; /* major, minor */
extern const float ANALYSIS_KEY_CHORD_WEIGHTS[2][ANALYSIS_N_KEY_CHORDS];
extern const float ANALYSIS_KEY_BIAS[2];

#endif
