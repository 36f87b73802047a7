/*
 * band_theory.h - scales, chords and tones. A tone is kept both as a degree of the scale and as
 * semitones above the tonic: in a scale that the client set it sounds as the degree, otherwise as
 * written, so that borrowed chords and blue notes are possible where the style has them. Plain
 * data and pure functions.
 */
#ifndef BAND_THEORY_H
#define BAND_THEORY_H

#include "jam_controls.h"

#define BAND_DEGREES 7
#define BAND_ROOTS 12

typedef enum band_quality {
    BAND_MAJ,
    BAND_MIN,
    BAND_DIM, /* its seventh is that of the half-diminished chord */
    BAND_DOM7,
    BAND_MAJ7,
    BAND_MIN7,
    BAND_N_QUALITIES,
} band_quality;

#define BAND_CHORDS (BAND_ROOTS * BAND_N_QUALITIES) /* index: root * BAND_N_QUALITIES + quality */

typedef struct band_tone {
    int8_t degree; /* scale steps above the tonic, 7 an octave */
    int8_t semis;  /* semitones above the tonic */
} band_tone;

typedef struct band_chord {
    uint8_t root;    /* semitones above the tonic, 0-11 */
    uint8_t quality; /* band_quality */
    int8_t degree;   /* of the root, 0-6 */
    /* What each degree of the scale sounds like while this chord does: its own tones, and the scale
     * between them. */
    int8_t semis[BAND_DEGREES];
} band_chord;

/* band_theory_scale: semitones of the 7 degrees; not for JAM_SCALE_AUTO. */
const int8_t *band_theory_scale(jam_scale scale);

/* band_theory_is_major: whether its third is. */
bool band_theory_is_major(jam_scale scale);

/* band_theory_chord fills a chord on `root` within a scale. */
void band_theory_chord(jam_scale scale, int root, band_quality quality, band_chord *ret);

/* band_theory_within lets a chord sound as the scale's own on its degree. */
void band_theory_within(jam_scale scale, band_chord *chord);

/* band_theory_fits: whether the triad, or seventh chord, lies in the scale. */
bool band_theory_fits(jam_scale scale, int root, band_quality quality);

/* band_theory_tone: a degree, any octave, as it sounds under the chord. */
band_tone band_theory_tone(const band_chord *chord, int degree);

/* band_theory_has: whether a degree is the root, third or fifth of the chord. */
bool band_theory_has(const band_chord *chord, int degree);

/* band_theory_nearest: the degree of root, third or fifth that lies nearest, below before above. */
int band_theory_nearest(const band_chord *chord, int degree);

/* band_theory_pitch: MIDI pitch of a tone over the tonic `key`, degree 0 lying at 55-66. `strict`
 * keeps it in the scale. */
int band_theory_pitch(band_tone tone, int key, jam_scale scale, bool strict);

static inline int band_floor_div(int a, int b)
{
    return (a >= 0 ? a : a - b + 1) / b;
}

static inline int band_mod(int a, int b)
{
    return a - b * band_floor_div(a, b);
}

#endif
