/*
 * band_tune.h - which degrees a tune likes: strong notes those of the chord that are near home,
 * weak ones what the style's mode leaves, and where a blue note bends. Pure functions.
 */
#ifndef BAND_TUNE_H
#define BAND_TUNE_H

#include "band_style.h"

/* band_tune_strong: the tone of the chord nearest to a degree; one that is of the tonic's own triad
 * too is worth a detour of two steps, for a tune circles around its home. */
int band_tune_strong(const band_chord *chord, int degree);

/* band_tune_weak: a degree between strong notes as the mode has it; pentatonic ones leave out the
 * fourth and the seventh, in minor the second and the sixth. */
int band_tune_weak(band_mode mode, jam_scale scale, int degree);

/* band_tune_bend: semitones by which a weak note is blue, -1 or 0: the third in major, the fifth in
 * minor. A scale that the client set has no blue notes; the tone's degree is what sounds then. */
int band_tune_bend(band_mode mode, jam_scale scale, int degree);

#endif
