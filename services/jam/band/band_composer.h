/*
 * band_composer.h - decides what is played: form, harmony, melody, groove and sound, from style and
 * controls, by choices that temperature, topk and guidance shape (jam.md section 7). It is asked
 * for notes in order of time, just before they are due, so that what steers it is heard at once:
 * pitches are settled when a note is taken, under the key and scale that hold then.
 *
 * One thread at a time; band_composer_new alone allocates. Equal seeds and equal calls give equal
 * notes.
 */
#ifndef BAND_COMPOSER_H
#define BAND_COMPOSER_H

#include "band_score.h"
#include "jam_engine.h"

typedef struct band_composer band_composer;

/* host gives the choice log (may be NULL; its note callback is the player's to call). */
band_composer *band_composer_new(uint64_t seed, const jam_controls *controls,
                                 const jam_engine_host *host);
band_composer *band_composer_free(band_composer *composer);

/* band_composer_control: these controls hold from `beat` on, which is at or after the last
 * band_composer_take. */
void band_composer_control(band_composer *composer, double beat, const jam_controls *controls);

/* band_composer_take gives the notes that start before `until`, at most max of them, in order of
 * their start; call again while it returns max. A note is given once. until never falls. */
size_t band_composer_take(band_composer *composer, double until, band_note *ret, size_t max);

/* band_composer_bpm is the tempo that holds at the last beat taken: the control's, or the style's
 * own (60-200), which changes at control changes and bar lines only. */
double band_composer_bpm(const band_composer *composer);

/* band_composer_mix is the sound that holds now; *ret_count grows whenever it has changed. */
const band_mix *band_composer_mix(const band_composer *composer, uint32_t *ret_count);

/* band_composer_section tells the section being played, and whether an ending is over: its last
 * note has started. */
jam_section band_composer_section(const band_composer *composer);
bool band_composer_is_over(const band_composer *composer, double beat);

/* band_composer_key and _scale: as resolved now. 0-11; never JAM_SCALE_AUTO. */
int band_composer_key(const band_composer *composer);
jam_scale band_composer_scale(const band_composer *composer);

/* Brightness and density in force, 0-1, with the style's own for auto. */
double band_composer_brightness(const band_composer *composer);
double band_composer_density(const band_composer *composer);

#endif
