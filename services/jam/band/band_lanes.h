/*
 * band_lanes.h - blocks of audio as vectors: what has the same work to do lies side by side. A lane
 * is one channel; parts fill 4 vectors (two parts each: left, right, left, right), stems 2. The
 * vectors are GCC's and Clang's own, so that every machine computes the same bits.
 */
#ifndef BAND_LANES_H
#define BAND_LANES_H

#include "band_score.h"
#include "band_synth.h"

typedef float band_v4 __attribute__((vector_size(16)));
typedef int32_t band_i4 __attribute__((vector_size(16)));

#define BAND_PART_VECTORS (BAND_N_PARTS / 2)
#define BAND_STEM_VECTORS (JAM_N_STEMS / 2)

typedef struct band_block {
    band_v4 x[BAND_BLOCK];
} band_block;

static inline band_v4 band_splat(float x)
{
    return (band_v4){x, x, x, x};
}

/* A pair of values for left and right of both halves. */
static inline band_v4 band_pairs(float first, float second)
{
    return (band_v4){first, first, second, second};
}

/* Left and right changed over. */
static inline band_v4 band_swap(band_v4 x)
{
    return __builtin_shufflevector(x, x, 1, 0, 3, 2);
}

static inline band_v4 band_max(band_v4 a, band_v4 b)
{
    const band_i4 m = a > b;
    return (band_v4)(((band_i4)a & m) | ((band_i4)b & ~m));
}

static inline band_v4 band_min(band_v4 a, band_v4 b)
{
    const band_i4 m = a < b;
    return (band_v4)(((band_i4)a & m) | ((band_i4)b & ~m));
}

/* band_lanes_load turns four rows of samples into one block. */
static inline void band_lanes_load(float rows[4][BAND_BLOCK], band_block *ret)
{
    for (size_t i = 0; i < BAND_BLOCK; i++) {
        ret->x[i] = (band_v4){rows[0][i], rows[1][i], rows[2][i], rows[3][i]};
    }
}

/* A value per lane on its way to a target. */
typedef struct band_ramp {
    band_v4 now, target;
} band_ramp;

#endif
