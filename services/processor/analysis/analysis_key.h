/*
 * analysis_key.h - the key of a song.
 *
 * Tuned chroma of the whole song, its opening and its ending, treble and bass, against linear
 * templates learnt from audio (Krumhansl, "Cognitive Foundations of Musical Pitch", 1990; Faraldo
 * et al., "Key Estimation in Electronic Dance Music", 2016), together with the chords: what sounds
 * how long, what comes first and last, and cadences, which tell a key from its relatives.
 */
#ifndef ANALYSIS_KEY_H
#define ANALYSIS_KEY_H

#include "analysis.h"
#include "analysis_frontend.h"

typedef struct analysis_key {
    int tonic; /* 0 = C to 11 = B */
    bool minor;
    double tuning_hz;  /* of A4, 427 to 453 */
    float scores[24];  /* probabilities: C to B major, then C to B minor */
    double confidence; /* 0 to 1 */
} analysis_key;

/* analysis_key_find fills *ret. Audio without pitch gives C major, equal scores, confidence 0. */
int analysis_key_find(const analysis_frontend *frontend, const analysis_control *control,
                      analysis_key *ret);

/* analysis_key_name writes "C Major", "F# Minor" to ret, 16 bytes. */
void analysis_key_name(const analysis_key *key, char *ret);

#endif
