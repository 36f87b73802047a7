/*
 * band_trims.h - what measuring every style has shown that its level, its bass and its width want:
 * a table made by tests/bench/jam-sound/run --calibrate. Constant data, any thread.
 */
#ifndef BAND_TRIMS_H
#define BAND_TRIMS_H

#include "band_mixer.h"

/* band_trims_get gives the trim of a blend: the mean of its styles' by weight. */
void band_trims_get(const jam_controls *controls, band_trim *ret);

#endif
