/*
 * corpus_chord_label.h - Harte's chord labels as pitch sets, for comparing chords.
 * Harte, Sandler, Abdallah, Gomez, "Symbolic Representation of Musical Chords", 2005.
 */
#ifndef CORPUS_CHORD_LABEL_H
#define CORPUS_CHORD_LABEL_H

#include "rf_base.h"

typedef struct corpus_chord_label {
    int root;        /* 0 to 11; -1 for "N" and "X" */
    uint16_t tones;  /* bit i: i semitones above the root; the bass is one of them */
    bool is_unknown; /* "X" */
} corpus_chord_label;

/* corpus_chord_label_parse returns 0 or -EINVAL. */
int corpus_chord_label_parse(const char *text, corpus_chord_label *ret);

#endif
