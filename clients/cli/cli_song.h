/*
 * cli_song.h - the demo song: 40 bars in G major at 112 bpm, composed by this file's tables and
 * played by FluidSynth. Form: verse A (8 bars), A, chorus B (8), A, B.
 */
#ifndef CLI_SONG_H
#define CLI_SONG_H

#include "rf_base.h"
#include "rf_buf.h"

/* cli_song_render writes the song as a 16-bit stereo WAV file at 44.1 kHz. soundfont NULL looks in
 * the places where Debian puts General MIDI banks. On failure error gets the text; negative errno.
 */
int cli_song_render(const char *path, const char *soundfont, rf_buf *error) RF_MUST_USE;

#endif
