/*
 * band_form.h - forms: which phrase of four bars follows which, where each begins and how it ends.
 * Constant data.
 */
#ifndef BAND_FORM_H
#define BAND_FORM_H

#include "band_harmony.h"

#define BAND_PHRASE_BARS 4
#define BAND_PHRASES_MAX 8
#define BAND_LETTERS 6

typedef struct band_phrase {
    char letter; /* A-F: equal letters are the same music */
    bool home;   /* begins on the tonic */
    band_role cadence;
    /* The form's own chords: a root for each bar, or BAND_NO_TARGET; all 0 when `fixed` is not
     * set. */
    bool fixed;
    int8_t roots[BAND_PHRASE_BARS];
} band_phrase;

typedef struct band_form {
    uint8_t n_phrases;
    band_phrase phrases[BAND_PHRASES_MAX];
} band_form;

const band_form *band_form_get(size_t i);

/* band_form_pace: where chords begin in a phrase, in half bars (0-7), rising; returns how many. */
size_t band_form_pace(band_pace pace, uint8_t *ret);

#endif
