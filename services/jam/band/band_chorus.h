/*
 * band_chorus.h - a delay that sways, left against right, over all stems at once: every lane keeps
 * its own signal, so that a stem's chorus goes with its fader.
 */
#ifndef BAND_CHORUS_H
#define BAND_CHORUS_H

#include "band_lanes.h"

#define BAND_CHORUS_ROOM 1024U

typedef struct band_chorus {
    band_v4 lines[BAND_STEM_VECTORS][BAND_CHORUS_ROOM];
    float delay[2]; /* samples, left and right, at the block's start */
    double phase;   /* 0-1 */
    uint32_t at;
} band_chorus;

void band_chorus_init(band_chorus *chorus);

/* band_chorus_run adds what the sends bring back to the stems. */
void band_chorus_run(band_chorus *chorus, const band_block sends[BAND_STEM_VECTORS],
                     band_block stems[BAND_STEM_VECTORS]);

#endif
