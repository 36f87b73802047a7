/*
 * band_strips.h - the part side of the mixer: each part's low-pass, level, pan and width, then its
 * stem and the stem's sends. All parts at once, at the same cost whether they play or not.
 *
 * Width: what a part plays comes again some milliseconds later, up to the left and down to the
 * right, without its bass (Lauridsen's stereo). It cancels in mono.
 */
#ifndef BAND_STRIPS_H
#define BAND_STRIPS_H

#include "band_filter.h"

#define BAND_STRIP_ROOM 1024U

/* Two parts. */
typedef struct band_strip_pair {
    band_ramp direct, cross; /* left to left, right to left and so on: level, pan and width */
    band_ramp side;          /* how much of the echo, left plus, right minus */
    band_ramp reverb, chorus;
    band_v4 echo[BAND_STRIP_ROOM]; /* of the middle */
    band_v4 echo_low;              /* what the echo lacks */
    uint32_t at;
} band_strip_pair;

typedef struct band_strips {
    band_strip_pair pairs[BAND_PART_VECTORS];
    band_filter low_pass[BAND_PART_VECTORS];
    /* log2 Hz, as heard and where to; 0 for none */
    float cutoff[BAND_N_PARTS], cutoff_target[BAND_N_PARTS];
} band_strips;

/* What the strips make of a block. */
typedef struct band_strips_out {
    band_block stems[BAND_STEM_VECTORS];
    band_block chorus[BAND_STEM_VECTORS];
    band_block reverb; /* a lane per stem */
} band_strips_out;

void band_strips_init(band_strips *strips);

/* band_strips_set names the sound to move to; brightness 0-1 opens or shuts the low-passes by up
 * to two octaves. With `now` it holds at once. A silent part keeps its sound, for what still rings.
 */
void band_strips_set(band_strips *strips, const band_mix *mix, double brightness, double width,
                     bool now);
void band_strips_run(band_strips *strips, float rows[BAND_SYNTH_ROWS][BAND_BLOCK],
                     band_strips_out *ret);

#endif
