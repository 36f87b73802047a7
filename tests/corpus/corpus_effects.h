/*
 * corpus_effects.h - what happens to tracks and mixes. In place; the reverb is linear and the same
 * for every stem, so that reverberant stems still sum to the reverberant mix.
 */
#ifndef CORPUS_EFFECTS_H
#define CORPUS_EFFECTS_H

#include "corpus_synth.h"

/* corpus_rms gives the root mean square of both channels over the frames that sound. */
double corpus_rms(const corpus_sounding *s);
double corpus_peak(const corpus_sounding *s);

/* corpus_gain scales both channels; corpus_pan places the sum of a track in the picture: pan -1 to
 * 1, width 0 (mono) to 1. */
void corpus_gain(corpus_sounding *s, double gain);
void corpus_pan(corpus_sounding *s, double pan, double width);

/* corpus_add adds one sounding to another of the same length. */
void corpus_add(corpus_sounding *sum, const corpus_sounding *s);

/* corpus_distort is a driven guitar amplifier: soft clipping and a loudspeaker's low-pass. */
void corpus_distort(corpus_sounding *s);

/* corpus_reverb adds a feedback delay network's tail of t60_s at `wet` (Jot, 1991). */
void corpus_reverb(corpus_sounding *s, double t60_s, double wet);

/* corpus_lofi is a 6 kHz low-pass. corpus_hiss adds white noise at -52 dBFS. */
void corpus_lofi(corpus_sounding *s);
void corpus_hiss(corpus_sounding *s, uint64_t seed);

/* corpus_clip is a master too loud: gain, then hard clipping at full scale. */
void corpus_clip(corpus_sounding *s, double gain_db);

/* corpus_applause adds many clapping hands between two instants, faded at both ends. */
void corpus_applause(corpus_sounding *s, double start_s, double end_s, uint64_t seed);

#endif
