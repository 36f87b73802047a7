/*
 * song.h - a small song made by formula: chords of decaying partials over a kick and a click on the
 * beat, so that its beats, chords and key are known.
 */
#ifndef SONG_H
#define SONG_H

#include "rf_buf.h"

#define SONG_RATE_HZ 44100
#define SONG_BPM 120
#define SONG_CHANNELS 2

/* song_make writes a 16-bit stereo WAV of n_bars bars of 4/4: C, F, G, C and so on. */
void song_make(rf_buf *wav, unsigned n_bars);

/* song_frames is the length of such a song. */
size_t song_frames(unsigned n_bars);

#endif
