/*
 * band_bus.h - what all stems go through alike, just before their faders: the bass is held, the
 * whole is compressed and, slowly, brought to -16 LUFS. Each is one gain (of the bass, of the
 * whole) for all stems, found on their sum before the faders: so what a fader does is what is
 * heard.
 *
 * Loudness is that of ITU-R BS.1770: K-weighted power of both channels.
 */
#ifndef BAND_BUS_H
#define BAND_BUS_H

#include "band_filter.h"

#define BAND_BUS_LUFS (-16.0)

typedef struct band_bus {
    band_filter low[BAND_STEM_VECTORS]; /* the stems' bass */
    band_v4 swing;                      /* of the sum below 30 Hz: what moves a mean */
    float low_gain;
    band_filter weight[2]; /* K */
    double power;          /* as the compressor feels it */
    double loudness;       /* power of the last seconds, before the levelling */
    double level_db, level_db_target;
    float gain; /* of the whole at the end of the last block, 1 for 0 dB */
} band_bus;

void band_bus_init(band_bus *bus);

/* band_bus_level moves to the level of a style's own; with `now` at once. */
void band_bus_level(band_bus *bus, double level_db, bool now);

/* band_bus_run holds the bass of the stems in place and gives the gain of the whole at the end of
 * this block; it goes there evenly from that of the last. */
float band_bus_run(band_bus *bus, band_block stems[BAND_STEM_VECTORS]);

#endif
