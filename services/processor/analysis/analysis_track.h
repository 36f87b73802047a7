/*
 * analysis_track.h - the best row of beats near one tempo.
 * Dynamic programme over (time of a beat, interval before it): the sum of onset strength on beats
 * less the cost of changes of interval, so that the tempo may drift but not jump. Semi-Markov form
 * of the tempo and phase model of Krebs, Boeck, Widmer (2015).
 */
#ifndef ANALYSIS_TRACK_H
#define ANALYSIS_TRACK_H

#include "analysis_pulse.h"

typedef struct analysis_track {
    double *times_s; /* rising; owned */
    size_t n;
    double score; /* mean strength gained a beat, less costs */
} analysis_track;

/* analysis_track_find lays beats with intervals within a fifth of period_s through the song.
 * Returns 0, -ENOMEM or -ECANCELED; *ret (emptied by analysis_track_done) may have no beats. */
int analysis_track_find(const analysis_pulse *pulse, double period_s,
                        const analysis_control *control, analysis_track *ret);
void analysis_track_done(analysis_track *track);

/* analysis_track_period_s gives the median interval, 0 for fewer than 2 beats. */
double analysis_track_period_s(const analysis_track *track);

#endif
