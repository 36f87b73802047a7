/*
 * band_stems.h - the stem side of the mixer: saturation, tone, freedom from DC, the duck of the
 * kick, and the fader. All stems at once.
 */
#ifndef BAND_STEMS_H
#define BAND_STEMS_H

#include "band_filter.h"

/* Two stems. */
typedef struct band_stem_pair {
    band_filter low_shelf, low_pass, high_shelf;
    band_v4 dc[2]; /* what is taken off, twice */
    band_v4 drive, drive_target;
    band_ramp fader;
} band_stem_pair;

typedef struct band_stems {
    band_stem_pair pairs[BAND_STEM_VECTORS];
    uint32_t fader_blocks[JAM_N_STEMS]; /* left of the way to the faders' targets */
    bool heard[JAM_N_STEMS];            /* neither muted nor left out of a solo */
    double brightness, brightness_target;
    double low_db, low_db_target;
    double pump, pump_target; /* depth 0-1 */
    double duck, duck_target; /* 0-1, the kick's trace */
} band_stems;

void band_stems_init(band_stems *stems);

/* Tone and saturation to move to (with `now`, at once). low_db trims what lies below 110 Hz. */
void band_stems_set(band_stems *stems, const band_mix *mix, double brightness, double low_db,
                    bool now);

/* band_stems_faders moves the gains that have changed to those of the controls evenly within
 * glide_samples, and within 20 ms where a mute or solo turns, the limiter's delay included; 0: at
 * once. */
void band_stems_faders(band_stems *stems, const jam_stem_control controls[JAM_N_STEMS],
                       uint32_t glide_samples);

/* band_stems_kick: a kick of velocity 1-127 starts in this block. */
void band_stems_kick(band_stems *stems, int velocity);

/* In this order, in place: all but gains; a gain for all that goes from `from` to `to` within the
 * block, rounded peaks, and freedom from the DC that both would bring; the faders, and what is left
 * of all when the end is near. */
void band_stems_run(band_stems *stems, band_block blocks[BAND_STEM_VECTORS]);
void band_stems_gain(band_stems *stems, float from, float to, band_block blocks[BAND_STEM_VECTORS]);
void band_stems_fade(band_stems *stems, float from, float to, band_block blocks[BAND_STEM_VECTORS]);

#endif
