/*
 * analysis_net.h - small feed-forward networks on constant tables. Pure functions.
 *
 * analysis_net judges bins one by one, many at a time: two hidden layers of rectified units,
 * logistic outputs. analysis_context_net sees a whole frame and what came before and after it: each
 * frame becomes a short code, the codes at its taps become the outputs, which are linear.
 */
#ifndef ANALYSIS_NET_H
#define ANALYSIS_NET_H

#include "rf_base.h"

#define ANALYSIS_NET_MAX_UNITS 64
#define ANALYSIS_NET_BLOCK 16 /* bins judged together */

typedef struct analysis_net {
    int n_in, n_hidden1, n_hidden2, n_out; /* at most ANALYSIS_NET_MAX_UNITS each */
    const float *mean, *scale;             /* [n_in] inputs are (x - mean) * scale */
    const float *w1, *b1;                  /* [n_in][n_hidden1], [n_hidden1] */
    const float *w2, *b2;                  /* [n_hidden1][n_hidden2] */
    const float *w3, *b3;                  /* [n_hidden2][n_out] */
} analysis_net;

/* analysis_net_run reads in[i * n_bins + b] for input i of bin b and writes out[j * n_bins + b],
 * each 0 to 1. */
void analysis_net_run(const analysis_net *net, const float *in, size_t n_bins, float *out);

typedef struct analysis_context_net {
    int n_in, n_code, n_taps, n_out;
    int n_hidden1, n_hidden2;  /* at most ANALYSIS_NET_MAX_UNITS each */
    const int *taps;           /* [n_taps] distances in steps */
    double step_s;             /* of the frames it was trained on */
    const float *mean, *scale; /* [n_in] */
    const float *w0, *b0;      /* [n_in][n_code], rectified */
    const float *w1, *b1;      /* [n_taps * n_code][n_hidden1], rectified */
    const float *w2, *b2;      /* [n_hidden1][n_hidden2], rectified */
    const float *w3, *b3;      /* [n_hidden2][n_out] */
} analysis_context_net;

/* analysis_context_code writes code[n_code] of one frame in[n_in]. */
void analysis_context_code(const analysis_context_net *net, const float *in, float *code);

/* analysis_context_run writes out[n_out] of the frame at `time` of codes[n_times][n_code], frames
 * being time_s apart; beyond the ends the outermost frames count. */
void analysis_context_run(const analysis_context_net *net, const float *codes, size_t n_times,
                          double time_s, size_t time, float *out);

#endif
