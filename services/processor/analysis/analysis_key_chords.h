/*
 * analysis_key_chords.h - what a song's chords say about its key: which of them sound for how long,
 * which come first and last, and how the tonic is reached. Pure functions.
 */
#ifndef ANALYSIS_KEY_CHORDS_H
#define ANALYSIS_KEY_CHORDS_H

#include "analysis_chords.h"
#include "analysis_key_model.h"

/* analysis_key_chords_describe writes the evidence for one key, 0 = C major to 23 = B minor: 3 x
 * the share of time of major, minor, dominant seventh and other chords on each degree; whether the
 * last chord is the tonic chord, on the tonic, the same for the first, whether the last is the
 * dominant, whether the first is a major tonic; 4 x the share of changes dominant - tonic, other
 * chord of the fifth - tonic, fourth - tonic, flat seventh - tonic, any other - tonic, tonic -
 * fifth. */
void analysis_key_chords_describe(const analysis_chords *chords, int key,
                                  float ret[ANALYSIS_N_KEY_CHORDS]);

#endif
