/*
 * corpus_harmony.h - chords: qualities, progressions in Roman numerals, Harte labels.
 * Constant tables and pure functions.
 */
#ifndef CORPUS_HARMONY_H
#define CORPUS_HARMONY_H

#include "corpus_rng.h"

typedef struct corpus_quality {
    const char *harte;     /* shorthand after the colon */
    const char *intervals; /* semitones above the root, as bytes, terminated by 0x7f */
} corpus_quality;

typedef struct corpus_harmony {
    int root;    /* pitch class, 0 = C */
    int bass;    /* pitch class that the bass plays */
    int quality; /* see corpus_quality_at */
} corpus_harmony;

typedef struct corpus_colour {
    int tonic; /* pitch class */
    double p_seventh;
    double p_inversion;
    double p_suspended;
} corpus_colour;

#define CORPUS_LABEL_SIZE 24

const corpus_quality *corpus_quality_at(int quality);

/* corpus_harmony_parse reads one Roman numeral such as "bVII", "ii7", "V/3", "IM7", "iih", "viio",
 * "Vs4" and lets the colour add a seventh, a suspension or an inversion where none is written.
 * *text is moved behind it. */
corpus_harmony corpus_harmony_parse(const char **text, const corpus_colour *colour,
                                    corpus_rng *rng);

/* corpus_harmony_label writes Harte's name, such as "F#:min7/b3", to ret[CORPUS_LABEL_SIZE]. */
void corpus_harmony_label(const corpus_harmony *harmony, char *ret);

/* corpus_harmony_has says whether a pitch belongs to the chord. */
bool corpus_harmony_has(const corpus_harmony *harmony, int pitch);

/* corpus_pitch_name gives "C", "C#", ... for a pitch class. */
const char *corpus_pitch_name(int pitch_class);

#endif
