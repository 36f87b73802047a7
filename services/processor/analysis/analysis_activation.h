/*
 * analysis_activation.h - how likely every instant of a song is a beat, and a downbeat.
 * Curves of onset strength and the change of harmony go through a small network of dilated
 * convolutions that sees 12 s either side: patterns of drums, bass and chords tell a beat from an
 * off-beat where attacks alone do not (Davies, Boeck, "Temporal convolutional networks for musical
 * audio beat tracking", 2019). Pure functions.
 */
#ifndef ANALYSIS_ACTIVATION_H
#define ANALYSIS_ACTIVATION_H

#include "analysis_frontend.h"

#define ANALYSIS_N_CURVES (ANALYSIS_N_FLUX + 1) /* flux bands, then the rise of notes */
#define ANALYSIS_N_ACTIVATION_INPUTS (ANALYSIS_N_CURVES + 2)

/* analysis_activation_frames is the number of frames of the network, each two onset frames long,
 * for n of those; frame i is centred at onset frame 2 i + 0.5. */
size_t analysis_activation_frames(size_t n);

/* analysis_activation_inputs writes what the network reads, a row a frame: the larger value of two
 * frames of each curve, then the change of treble and of bass harmony. Row i of curves (onset frame
 * i) starts at curves[i * stride]. Returns 0 or -ENOMEM. */
int analysis_activation_inputs(const analysis_frontend *frontend, const float *curves,
                               size_t stride, float *ret);

/* analysis_activation_find writes the probability of a beat to ret[i * stride] and of a downbeat to
 * ret[i * stride + 1] for every onset frame i. Curves as above; ret may lie among them. Returns 0
 * or -ENOMEM. */
int analysis_activation_find(const analysis_frontend *frontend, const float *curves, size_t stride,
                             float *ret);

#endif
