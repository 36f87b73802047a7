/*
 * split_case.h - what the tests of stems and drums share: inputs, a sink that keeps what it gets,
 * and a piece of the corpus with its true stems. One thread.
 */
#ifndef SPLIT_CASE_H
#define SPLIT_CASE_H

#include "analysis_split.h"
#include "corpus_synth.h"

typedef int (*split_function)(const analysis_audio *, const analysis_control *,
                              const analysis_sink *);

typedef struct split_case {
    int n_channels, rate_hz, n_stems;
    size_t n_frames;
    float *input[ANALYSIS_CHANNELS_MAX];
    float *stems[ANALYSIS_SPLIT_MAX_STEMS][ANALYSIS_CHANNELS_MAX];
    size_t n_written;
    size_t fail_after; /* frames after which the sink returns -ENOSPC; 0: never */
} split_case;

/* split_case_init makes an input of noise on the grid of 24-bit samples. */
void split_case_init(split_case *c, int n_stems, int n_channels, int rate_hz, size_t n_frames);
void split_case_done(split_case *c);

/* split_case_run splits the input into the case's stems. */
int split_case_run(split_case *c, split_function split, const analysis_control *control);

/* split_case_worst_sum is the largest difference between the sum of stems and the input; NaN of the
 * input counts as 0. */
double split_case_worst_sum(const split_case *c);

/* split_case_load takes 20 s of a piece of the gate half, rendered with the smallest soundfont; its
 * true stems go to ret_stems, for the caller to end. */
void split_case_load(split_case *c, int n_stems, int index, corpus_sounding *ret_stems);

/* The checks that hold for every splitter. */
void split_check_sums(split_function split, int n_stems);
void split_check_edges(split_function split, int n_stems);
void split_check_cancel(split_function split, int n_stems);

#endif
