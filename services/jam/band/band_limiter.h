/*
 * band_limiter.h - a true-peak limiter: peaks between the samples are found by 4 x oversampling
 * with 12 taps a phase (ITU-R BS.1770-4, annex 2), and the gain is down before they come. The
 * look-ahead is BAND_LIMITER_DELAY samples (1.33 ms), by which everything comes later; no output
 * exceeds the ceiling by more than the interpolation's error. It does nothing at all to what is
 * quiet enough.
 */
#ifndef BAND_LIMITER_H
#define BAND_LIMITER_H

#include "band_synth.h"

#define BAND_LIMITER_DELAY 64
#define BAND_LIMITER_HALF 6 /* taps on each side */
#define BAND_LIMITER_TAPS (2 * BAND_LIMITER_HALF)
#define BAND_LIMITER_PHASES 3 /* between two samples; the samples are the fourth */
#define BAND_LIMITER_WINDOW (BAND_LIMITER_DELAY - BAND_LIMITER_HALF + 1)

typedef struct band_limiter {
    float taps[BAND_LIMITER_PHASES][BAND_LIMITER_TAPS];
    float history[2][BAND_LIMITER_DELAY]; /* the last samples of each channel */
    /* The least gain asked for within the window: a queue of ever larger gains and when they were.
     */
    float queue[BAND_LIMITER_WINDOW];
    uint32_t times[BAND_LIMITER_WINDOW];
    uint32_t head, n_queued;
    uint32_t time;
    float held[BAND_LIMITER_WINDOW]; /* that least gain over the window, a ring by time */
    double held_sum;
    float released; /* gain asked for, let go slowly */
    double mean[2]; /* that limiting adds to each channel, slowly; taken off */
} band_limiter;

void band_limiter_init(band_limiter *limiter);

/* band_limiter_run replaces a block of both channels by the limited sound of BAND_LIMITER_DELAY
 * samples before. */
void band_limiter_run(band_limiter *limiter, float left[BAND_BLOCK], float right[BAND_BLOCK]);

#endif
