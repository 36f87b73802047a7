/* The networks of the masks: what the small ones worked out by hand give. */
#include "analysis_net.h"

#include <criterion/criterion.h>
#include <math.h>

static const float zero[2] = {0, 0}, one[2] = {1, 1};

Test(net, blocks_of_bins_do_not_change_a_bin)
{
    enum { N = 3 * ANALYSIS_NET_BLOCK + 5 };
    static const float mean[2] = {1, 0}, scale[2] = {2, 1};
    static const float w1[4] = {1, -1, 0.5f, 0}, b1[2] = {0, 0.5f}; /* from the first input, then */
    static const float w2[2] = {1, 2}, b2[1] = {-1};                /* from the second */
    static const float w3[2] = {1, -1}, b3[2] = {0, 1};
    const analysis_net net = {2, 2, 1, 2, mean, scale, w1, b1, w2, b2, w3, b3};
    float in[2 * N], out[2 * N + 1];
    for (int i = 0; i < 2 * N; i++) {
        in[i] = (float)(i % 7) - 2.0f;
    }
    out[2 * N] = 1234;
    analysis_net_run(&net, in, N, out);
    for (int b = 0; b < N; b++) {
        double x = 2.0 * ((double)in[b] - 1.0), y = (double)in[N + b];
        double first = fmax(0, x + 0.5 * y), second = fmax(0, 0.5 - x);
        double hidden = fmax(0, first + 2.0 * second - 1.0);
        cr_expect_float_eq(out[b], 1.0 / (1.0 + exp(-hidden)), 1e-6, "bin %d", b);
        cr_expect_float_eq(out[N + b], 1.0 / (1.0 + exp(hidden - 1.0)), 1e-6, "bin %d", b);
    }
    cr_expect_eq(out[2 * N], 1234, "wrote past the last bin");
}

/* One input, a code that is the input, and taps that are weighted 1, 10 and 100. */
static float context_at(double time_s, size_t time)
{
    static const int taps[3] = {-2, 0, 2};
    static const float weights[3] = {1, 10, 100};
    const analysis_context_net net = {.n_in = 1,
                                      .n_code = 1,
                                      .n_taps = 3,
                                      .n_out = 1,
                                      .n_hidden1 = 1,
                                      .n_hidden2 = 1,
                                      .taps = taps,
                                      .step_s = 0.02,
                                      .mean = zero,
                                      .scale = one,
                                      .w0 = one,
                                      .b0 = zero,
                                      .w1 = weights,
                                      .b1 = zero,
                                      .w2 = one,
                                      .b2 = zero,
                                      .w3 = one,
                                      .b3 = zero};
    float codes[8], out = 0;
    for (int i = 0; i < 8; i++) {
        float in = (float)i + 1;
        analysis_context_code(&net, &in, &codes[i]);
    }
    analysis_context_run(&net, codes, 8, time_s, time, &out);
    return out;
}

Test(net, context_sees_frames_at_its_taps)
{
    cr_expect_eq(context_at(0.02, 3), 2 + 40 + 600);
}

Test(net, taps_keep_their_distance_in_seconds)
{
    cr_expect_eq(context_at(0.04, 3), 3 + 40 + 500);
}

Test(net, context_holds_the_outermost_frames)
{
    cr_expect_eq(context_at(0.02, 0), 1 + 10 + 300);
    cr_expect_eq(context_at(0.02, 7), 6 + 80 + 800);
}
