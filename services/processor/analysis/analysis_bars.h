/*
 * analysis_bars.h - where bars start in a given row of beats.
 * What changes at each beat (attack, harmony, bass, timbre), with the beats around it, goes through
 * a logistic model of "this is a downbeat"; a Viterbi path over bar positions per meter, which may
 * slip at a cost, then numbers the beats.
 */
#ifndef ANALYSIS_BARS_H
#define ANALYSIS_BARS_H

#include "analysis_pulse.h"
#include "analysis_track.h"

#define ANALYSIS_N_BEAT_FEATURES (ANALYSIS_N_PULSE + 7)
#define ANALYSIS_BEAT_CONTEXT 4 /* beats either side that the model sees */
#define ANALYSIS_N_METERS 3     /* 2, 3 and 4 beats a bar, in this order */

typedef struct analysis_bars {
    double score[ANALYSIS_N_METERS]; /* mean log odds gained a beat by the best path */
    int *number[ANALYSIS_N_METERS];  /* [n] place in the bar, 1 = downbeat; owned */
    float *downbeat;                 /* [n] probability of a downbeat; owned */
    size_t n;
} analysis_bars;

/* analysis_bars_features writes track->n rows of ANALYSIS_N_BEAT_FEATURES, each column centred and
 * scaled over the song. */
void analysis_bars_features(const analysis_frontend *frontend, const analysis_pulse *pulse,
                            const analysis_track *track, float *ret);

/* analysis_bars_find fills *ret, emptied by analysis_bars_done. */
void analysis_bars_find(const float *features, size_t n_beats, analysis_bars *ret);
void analysis_bars_done(analysis_bars *bars);

#endif
