/*
 * band_synth.h - FluidSynth as the band uses it: one synthesizer a session, a stereo pair a part,
 * no effects of its own, the soundfont's tables shared. Sounds are chosen per part and hold for
 * notes that start later; notes that sound keep theirs.
 *
 * A synth is used by one thread at a time and allocates in band_synth_new alone.
 */
#ifndef BAND_SYNTH_H
#define BAND_SYNTH_H

#include "band_bank.h"
#include "band_score.h"

#define BAND_BLOCK 64 /* samples; notes start at multiples of it */
#define BAND_SYNTH_VOICES 40
#define BAND_SYNTH_MAKEUP_DB 14.0 /* from what a synth gives to an even mix */
#define BAND_SYNTH_ROWS (2 * BAND_N_PARTS)

typedef struct band_synth band_synth;

/* band_synth_new: the bank must outlive it. NULL: no memory. */
band_synth *band_synth_new(const band_bank *bank);
band_synth *band_synth_free(band_synth *synth);

/* band_synth_program chooses a part's sound; see band_font_find for what is not there. */
void band_synth_program(band_synth *synth, band_part part, int bank, int program);

/* band_synth_start starts a note at the next block and gives its number; a brief one is let go
 * quickly. band_synth_stop releases it, and does nothing when it is over. */
uint32_t band_synth_start(band_synth *synth, band_part part, int pitch, int velocity, bool brief);
void band_synth_stop(band_synth *synth, uint32_t note);

/* band_synth_render writes the next block of every part: rows of left, right, part by part. */
void band_synth_render(band_synth *synth, float ret[BAND_SYNTH_ROWS][BAND_BLOCK]);

int band_synth_voices(const band_synth *synth);

#endif
