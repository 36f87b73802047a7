/*
 * band_case.h - composers to judge: controls to start from, and all notes of a stretch at once.
 */
#ifndef BAND_CASE_H
#define BAND_CASE_H

#include "band_composer.h"

#define BAND_CASE_NOTES 65536

/* Defaults of jam.md section 3 but the style: NULL for none. */
jam_controls band_case_controls(const char *style);

/* Two styles, weight w and 1 - w. */
jam_controls band_case_blend(const char *a, const char *b, double w);

typedef struct band_case_notes {
    size_t n;
    band_note notes[BAND_CASE_NOTES];
} band_case_notes;

/* band_case_take adds the notes up to a beat. */
void band_case_take(band_composer *composer, double until, band_case_notes *notes);

/* band_case_play gives fresh notes of `bars` bars; free() them. */
band_case_notes *band_case_play(uint64_t seed, const jam_controls *controls, int bars);

/* How many notes start from beat `from` on and before `until`, of a part or of all (-1). */
size_t band_case_count(const band_case_notes *notes, int part, double from, double until);

bool band_case_same(const band_case_notes *a, const band_case_notes *b);

#endif
