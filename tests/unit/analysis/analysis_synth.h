/*
 * analysis_synth.h - audio with known answers for the tests of the analyses: clicks, chords, noise.
 * Everything is deterministic: noise comes from a seeded generator.
 */
#ifndef ANALYSIS_SYNTH_H
#define ANALYSIS_SYNTH_H

#include "analysis.h"

typedef struct analysis_synth {
    float *left;
    float *right;
    const float *planes[2];
    analysis_audio audio; /* points at planes */
    uint64_t seed;
} analysis_synth;

/* analysis_synth_init makes silence; analysis_synth_done frees it. */
void analysis_synth_init(analysis_synth *synth, double seconds, int rate_hz);
void analysis_synth_done(analysis_synth *synth);

/* analysis_synth_click adds a decaying noise burst with a low thump of the given gains. */
void analysis_synth_click(analysis_synth *synth, double at_s, double noise, double thump);

/* analysis_synth_note adds a decaying tone with 8 partials at a MIDI pitch (fractions detune). */
void analysis_synth_note(analysis_synth *synth, double start_s, double end_s, double midi,
                         double gain);

/* analysis_synth_chord adds a bass note and a triad or seventh around C4; n pitches above root. */
void analysis_synth_chord(analysis_synth *synth, double start_s, double end_s, int root,
                          const int *intervals, int n, double cents);

/* analysis_synth_noise adds white noise from start to end. */
void analysis_synth_noise(analysis_synth *synth, double start_s, double end_s, double gain);

/* analysis_synth_random gives the next number in [0, 1). */
double analysis_synth_random(analysis_synth *synth);

#endif
