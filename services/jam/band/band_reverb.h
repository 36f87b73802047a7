/*
 * band_reverb.h - a room for each stem: four feedback delay networks side by side, one lane each,
 * so that a stem's tail goes with its fader. Eight lines with lossless mixing (Householder), damped
 * and shortened per line to the room's reverberation time (Jot and Chaigne 1991).
 */
#ifndef BAND_REVERB_H
#define BAND_REVERB_H

#include "band_lanes.h"

typedef struct band_reverb band_reverb;

band_reverb *band_reverb_new(void);
band_reverb *band_reverb_free(band_reverb *reverb);

/* band_reverb_room sets the time to -60 dB, 0.3-4 s; it moves there, within a tenth of
 * a second. */
void band_reverb_room(band_reverb *reverb, double room_s);

/* band_reverb_run: send has a lane per stem; the returns are added to the stems' blocks. */
void band_reverb_run(band_reverb *reverb, const band_block *send,
                     band_block stems[BAND_STEM_VECTORS]);

#endif
