/*
 * analysis_extent.h - where in a row of beats the music starts and ends.
 * A row of beats runs on through the last chord's decay, applause and speech, where nobody taps.
 * What happens at and after each beat, and at the beats around it, goes through a logistic model of
 * "this beat is music"; the stretch with the largest sum of log odds is kept, so that only ends are
 * ever cut and pauses inside the song stay. Pure functions of the front end.
 */
#ifndef ANALYSIS_EXTENT_H
#define ANALYSIS_EXTENT_H

#include "analysis_track.h"

#define ANALYSIS_N_EXTENT 10 /* see analysis_extent_features */

/* analysis_extent_features writes track->n rows: low and high attack at the beat, low and high
 * attack and rise of notes until the next beat, mean note activation, how far both attacks stand
 * out of their surroundings and level, as logarithms against their median over the song (the level
 * in bels); then the log odds of a beat. Returns 0 or -ENOMEM. */
int analysis_extent_features(const analysis_frontend *frontend, const analysis_pulse *pulse,
                             const analysis_track *track, float *ret);

/* analysis_extent_find gives the beats [first, end) that are music, all of them when in doubt.
 * Returns 0 or -ENOMEM. */
int analysis_extent_find(const analysis_frontend *frontend, const analysis_pulse *pulse,
                         const analysis_track *track, size_t *ret_first, size_t *ret_end);

#endif
