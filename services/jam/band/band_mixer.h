/*
 * band_mixer.h - from the synthesizer's parts to the session's sound: strips, rooms, stems, the bus
 * and the limiter. All before the limiter is one gain at a time for all stems alike, and that gain
 * never hears the faders: so the stems sum to the mix, and a stem's gain is what it says.
 *
 * One thread at a time; band_mixer_new alone allocates. Everything moves without steps.
 */
#ifndef BAND_MIXER_H
#define BAND_MIXER_H

#include "band_score.h"
#include "band_synth.h"

typedef struct band_mixer band_mixer;

/* What the player trims of a style after measuring it, on top of its band_mix. */
typedef struct band_trim {
    double level_db;
    double low_db; /* below 110 Hz */
    double width;  /* factor on the width of chords and lead, and of the drums' room */
} band_trim;

/* Left and right of each stem, before the limiter; see BAND_LIMITER_DELAY. */
typedef float band_mixer_tap[2 * JAM_N_STEMS][BAND_BLOCK];

band_mixer *band_mixer_new(void);
band_mixer *band_mixer_free(band_mixer *mixer);

/* band_mixer_sound moves to this sound; the first one holds at once. brightness 0-1. */
void band_mixer_sound(band_mixer *mixer, const band_mix *mix, const band_trim *trim,
                      double brightness);

/* band_mixer_faders: see jam_controls; glide_samples 0 holds at once. */
void band_mixer_faders(band_mixer *mixer, const jam_stem_control controls[JAM_N_STEMS],
                       uint32_t glide_samples);

/* band_mixer_kick: a kick drum of this velocity starts in the next block. */
void band_mixer_kick(band_mixer *mixer, int velocity);

/* band_mixer_close fades all out within n samples, for good. */
void band_mixer_close(band_mixer *mixer, uint32_t n);

/* band_mixer_run takes a block of the parts (see band_synth_render) and gives a block of the mix,
 * BAND_LIMITER_DELAY samples late; tap may be NULL. */
void band_mixer_run(band_mixer *mixer, float rows[BAND_SYNTH_ROWS][BAND_BLOCK],
                    float left[BAND_BLOCK], float right[BAND_BLOCK], band_mixer_tap *tap);

#endif
