/*
 * analysis_level.h - which metrical level of a song is its beat, and how many make a bar.
 * Rows of beats at many tempi compete; a linear model, learnt from songs whose beats are known,
 * weighs attacks on and between the beats, harmony and bar structure (compare Gkiokas et al.,
 * "Music Tempo Estimation and Beat Tracking by Applying Source Separation and Metrical Relations",
 * 2012). Tempo itself counts by a fixed resonance around 110 bpm (van Noorden, Moelants, "Resonance
 * in the Perception of Musical Pulse", 1999), not by how often a tempo was seen.
 */
#ifndef ANALYSIS_LEVEL_H
#define ANALYSIS_LEVEL_H

#include "analysis_bars.h"

#define ANALYSIS_N_LEVEL_FEATURES (4 + 4 * ANALYSIS_N_PULSE + 3 + ANALYSIS_N_METERS)
#define ANALYSIS_N_CANDIDATES_MAX 24

typedef struct analysis_candidate {
    analysis_track track;
    analysis_bars bars;
    double period_s;
    float features[ANALYSIS_N_LEVEL_FEATURES];
    double score; /* log odds against its rivals */
} analysis_candidate;

typedef struct analysis_candidates {
    analysis_candidate list[ANALYSIS_N_CANDIDATES_MAX];
    int n;
    int best; /* -1 when there is none */
} analysis_candidates;

/* analysis_candidates_find tracks beats at tempi all over 30 to 300 bpm, drops doubles and scores
 * the rest. *ret is emptied by analysis_candidates_done. */
int analysis_candidates_find(const analysis_frontend *frontend, const analysis_pulse *pulse,
                             const analysis_control *control, analysis_candidates *ret);
void analysis_candidates_done(analysis_candidates *candidates);

/* analysis_level_meter chooses among 2, 3 and 4 beats a bar for one candidate. */
int analysis_level_meter(const analysis_candidate *candidate, bool *ret_compound);

#endif
