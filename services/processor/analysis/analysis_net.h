/*
 * analysis_net.h - a small feed-forward network on constant tables: two hidden layers of rectified
 * units, logistic outputs. Pure functions.
 */
#ifndef ANALYSIS_NET_H
#define ANALYSIS_NET_H

#include "rf_base.h"

#define ANALYSIS_NET_MAX_UNITS 32

typedef struct analysis_net {
    int n_in, n_hidden1, n_hidden2, n_out; /* at most ANALYSIS_NET_MAX_UNITS each */
    const float *mean, *scale;             /* [n_in] inputs are (x - mean) * scale */
    const float *w1, *b1;                  /* [n_in][n_hidden1], [n_hidden1] */
    const float *w2, *b2;                  /* [n_hidden1][n_hidden2] */
    const float *w3, *b3;                  /* [n_hidden2][n_out] */
} analysis_net;

/* analysis_net_run writes out[n_out], each 0 to 1. */
void analysis_net_run(const analysis_net *net, const float *in, float *out);

#endif
