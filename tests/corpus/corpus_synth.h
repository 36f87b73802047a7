/*
 * corpus_synth.h - tracks to sound: FluidSynth for instruments, an own source-filter singer for the
 * lead. One synth belongs to one thread.
 */
#ifndef CORPUS_SYNTH_H
#define CORPUS_SYNTH_H

#include "corpus_piece.h"

#define CORPUS_RATE_HZ 44100
#define CORPUS_N_FONTS 4

/* Planar stereo. */
typedef struct corpus_sounding {
    float *left, *right;
    size_t n_frames;
} corpus_sounding;

/* corpus_sounding_init allocates silence; corpus_sounding_done frees it. */
void corpus_sounding_init(corpus_sounding *sounding, size_t n_frames);
void corpus_sounding_done(corpus_sounding *sounding);

typedef struct corpus_synth corpus_synth;

/* corpus_synth_new loads soundfont `font` (0 FluidR3, 1 TimGM6mb, 2 MuseScore General, 3 OPL-3)
 * from where Debian installs it. Returns 0, -ENOENT when it is not installed, -EIO when it does not
 * load. */
int corpus_synth_new(int font, corpus_synth **ret);
corpus_synth *corpus_synth_free(corpus_synth *synth);

/* corpus_font_package names the Debian package of a font. */
const char *corpus_font_package(int font);

/* corpus_synth_render plays a track into out (which it overwrites), unpanned, detuned by cents
 * unless it is a drum track. */
int corpus_synth_render(corpus_synth *synth, const corpus_track *track, double cents,
                        corpus_sounding *out);

/* corpus_singer_render sings (or, for CORPUS_VOICE_SPOKEN, speaks) a track into out: glottal pulses
 * with vibrato, glides and breath through moving formants, and noise consonants. */
void corpus_singer_render(const corpus_track *track, double cents, uint64_t seed,
                          corpus_sounding *out);

#endif
