#include "analysis_net.h"

#include <math.h>
#include <string.h>

enum { B = ANALYSIS_NET_BLOCK, MAX = ANALYSIS_NET_MAX_UNITS };

/* ---- bins ---- */

/* y = b + x w for a block of bins, w stored input by input. */
static void block_layer(const float x[][B], int n_in, const float *w, const float *b, int n_out,
                        float y[][B])
{
    for (int j = 0; j < n_out; j++) {
        float sum[B];
        for (int k = 0; k < B; k++) {
            sum[k] = b[j];
        }
        for (int i = 0; i < n_in; i++) {
            float weight = w[(size_t)i * (size_t)n_out + (size_t)j];
            for (int k = 0; k < B; k++) {
                sum[k] += weight * x[i][k];
            }
        }
        memcpy(y[j], sum, sizeof(sum));
    }
}

static void block_rectify(float y[][B], int n)
{
    for (int j = 0; j < n; j++) {
        for (int k = 0; k < B; k++) {
            y[j][k] = y[j][k] > 0 ? y[j][k] : 0;
        }
    }
}

/* Bins beyond the last repeat it. */
static void load_block(const analysis_net *net, const float *in, size_t n_bins, size_t first,
                       float x[][B])
{
    for (int i = 0; i < net->n_in; i++) {
        const float *row = in + (size_t)i * n_bins;
        for (size_t k = 0; k < B; k++) {
            x[i][k] = (row[RF_MIN(first + k, n_bins - 1)] - net->mean[i]) * net->scale[i];
        }
    }
}

static void run_block(const analysis_net *net, const float *in, size_t n_bins, size_t first,
                      float *out)
{
    float x[MAX][B], y[MAX][B];
    load_block(net, in, n_bins, first, x);
    block_layer(x, net->n_in, net->w1, net->b1, net->n_hidden1, y);
    block_rectify(y, net->n_hidden1);
    block_layer(y, net->n_hidden1, net->w2, net->b2, net->n_hidden2, x);
    block_rectify(x, net->n_hidden2);
    block_layer(x, net->n_hidden2, net->w3, net->b3, net->n_out, y);
    for (int j = 0; j < net->n_out; j++) {
        for (size_t k = 0; k < RF_MIN((size_t)B, n_bins - first); k++) {
            out[(size_t)j * n_bins + first + k] = 1.0f / (1.0f + expf(-y[j][k]));
        }
    }
}

void analysis_net_run(const analysis_net *net, const float *in, size_t n_bins, float *out)
{
    for (size_t first = 0; first < n_bins; first += B) {
        run_block(net, in, n_bins, first, out);
    }
}

/* ---- frames ---- */

static void add_inputs(const float *x, int n_in, const float *w, int n_out, float *y)
{
    for (int i = 0; i < n_in; i++) {
        const float *row = w + (size_t)i * (size_t)n_out;
        for (int j = 0; j < n_out; j++) {
            y[j] += x[i] * row[j];
        }
    }
}

static void layer(const float *x, int n_in, const float *w, const float *b, int n_out, float *y)
{
    memcpy(y, b, (size_t)n_out * sizeof(*y));
    add_inputs(x, n_in, w, n_out, y);
}

static void rectify(float *y, int n)
{
    for (int j = 0; j < n; j++) {
        y[j] = y[j] > 0 ? y[j] : 0;
    }
}

void analysis_context_code(const analysis_context_net *net, const float *in, float *code)
{
    memcpy(code, net->b0, (size_t)net->n_code * sizeof(*code));
    for (int i = 0; i < net->n_in; i++) {
        float x = (in[i] - net->mean[i]) * net->scale[i];
        add_inputs(&x, 1, net->w0 + (size_t)i * (size_t)net->n_code, net->n_code, code);
    }
    rectify(code, net->n_code);
}

/* Taps keep their distance in seconds at any rate. */
static size_t tap_time(const analysis_context_net *net, int tap, double time_s, size_t time,
                       size_t n_times)
{
    long at = (long)time + lround(net->taps[tap] * net->step_s / time_s);
    return (size_t)RF_MAX(0L, RF_MIN(at, (long)n_times - 1));
}

void analysis_context_run(const analysis_context_net *net, const float *codes, size_t n_times,
                          double time_s, size_t time, float *out)
{
    float h1[MAX], h2[MAX];
    size_t n_code = (size_t)net->n_code, n_hidden1 = (size_t)net->n_hidden1;
    memcpy(h1, net->b1, n_hidden1 * sizeof(*h1));
    for (int k = 0; k < net->n_taps; k++) {
        const float *code = codes + tap_time(net, k, time_s, time, n_times) * n_code;
        add_inputs(code, net->n_code, net->w1 + (size_t)k * n_code * n_hidden1, net->n_hidden1, h1);
    }
    rectify(h1, net->n_hidden1);
    layer(h1, net->n_hidden1, net->w2, net->b2, net->n_hidden2, h2);
    rectify(h2, net->n_hidden2);
    layer(h2, net->n_hidden2, net->w3, net->b3, net->n_out, out);
}
