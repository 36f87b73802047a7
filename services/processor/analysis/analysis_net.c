#include "analysis_net.h"

#include <math.h>

/* y = b + x w, for w stored input by input. */
static void layer(const float *x, int n_in, const float *w, const float *b, int n_out, float *y)
{
    for (int j = 0; j < n_out; j++) {
        y[j] = b[j];
    }
    for (int i = 0; i < n_in; i++) {
        const float *row = w + (size_t)i * (size_t)n_out;
        for (int j = 0; j < n_out; j++) {
            y[j] += x[i] * row[j];
        }
    }
}

static void rectify(float *y, int n)
{
    for (int j = 0; j < n; j++) {
        y[j] = y[j] > 0 ? y[j] : 0;
    }
}

void analysis_net_run(const analysis_net *net, const float *in, float *out)
{
    float x[ANALYSIS_NET_MAX_UNITS], h1[ANALYSIS_NET_MAX_UNITS], h2[ANALYSIS_NET_MAX_UNITS];
    for (int i = 0; i < net->n_in; i++) {
        x[i] = (in[i] - net->mean[i]) * net->scale[i];
    }
    layer(x, net->n_in, net->w1, net->b1, net->n_hidden1, h1);
    rectify(h1, net->n_hidden1);
    layer(h1, net->n_hidden1, net->w2, net->b2, net->n_hidden2, h2);
    rectify(h2, net->n_hidden2);
    layer(h2, net->n_hidden2, net->w3, net->b3, net->n_out, out);
    for (int j = 0; j < net->n_out; j++) {
        out[j] = 1.0f / (1.0f + expf(-out[j]));
    }
}
