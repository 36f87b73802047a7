/*
 * corpus_truth.h - what is to be found in a piece, and what an analysis found: one JSON form for
 * both, so that the program of metrics reads either.
 *
 *   {"name","style","duration","bpm","meter","key":"C Major",
 *    "chords":[{"start","end","label"}], "beats":[{"time","beatNum"}],
 *    "sections":[{"start","end","label"}], "kick":[seconds], "snare":[seconds]}
 *
 * Every member may be missing in an estimate. A truth is owned by its holder; one thread.
 */
#ifndef CORPUS_TRUTH_H
#define CORPUS_TRUTH_H

#include "corpus_piece.h"

typedef struct corpus_span {
    double start_s, end_s;
    char label[32];
} corpus_span;

typedef struct corpus_truth {
    char name[64], style[32], key[16];
    double duration_s;
    double bpm; /* 0: not given */
    int meter;
    corpus_span *chords, *sections;
    size_t n_chords, n_sections;
    double *beats_s;
    int *beat_numbers;
    size_t n_beats;
    double *kicks_s, *snares_s;
    size_t n_kicks, n_snares;
} corpus_truth;

/* corpus_truth_of annotates a piece. */
void corpus_truth_of(const corpus_piece *piece, corpus_truth *ret);

/* corpus_truth_parse reads such JSON, -EINVAL when it is none. corpus_truth_load reads it from a
 * file, also with the errno of reading; corpus_truth_save writes one. */
int corpus_truth_parse(const char *text, size_t len, corpus_truth *ret);
int corpus_truth_load(const char *path, corpus_truth *ret);
int corpus_truth_save(const char *path, const corpus_truth *truth);

void corpus_truth_done(corpus_truth *truth);

#endif
