/*
 * analysis_chroma.h - pitch classes and timbre of a stretch of a song.
 * Pure functions of the front end.
 */
#ifndef ANALYSIS_CHROMA_H
#define ANALYSIS_CHROMA_H

#include "analysis_frontend.h"

typedef struct analysis_chroma {
    float bass[12];   /* index 0 = C, notes up to about E3, sum of mean activations */
    float treble[12]; /* notes from about C3 to C7 */
} analysis_chroma;

/* analysis_chroma_fold sums one frame's ANALYSIS_N_NOTES activations by pitch class. */
void analysis_chroma_fold(const float *notes, analysis_chroma *ret);

/* analysis_chroma_mean averages note activations from start_s to end_s (at least one frame); zeros
 * outside the song. */
void analysis_chroma_mean(const analysis_frontend *frontend, double start_s, double end_s,
                          analysis_chroma *ret);

/* analysis_timbre_mean averages the timbre bands likewise, in dB. */
void analysis_timbre_mean(const analysis_frontend *frontend, double start_s, double end_s,
                          float ret[ANALYSIS_N_TIMBRE]);

/* analysis_cosine_distance is 1 - cosine of the angle of two vectors >= 0; 0 when either is null.
 */
float analysis_cosine_distance(const float *a, const float *b, int n);

#endif
