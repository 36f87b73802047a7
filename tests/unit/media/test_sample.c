/* Sample formats and channels: exact, rounded to nearest, saturated, counted. */
#include "rf_mix.h"
#include "rf_sample.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#define N 65536

static uint32_t next(uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U;
    return *state;
}

/* Samples of a format with every byte in use; floats on the grid of 24 bits, in [-1, 1). */
static uint8_t *samples(rf_sample_format format, size_t n)
{
    uint8_t *data = malloc(n * 4);
    uint32_t state = 7;
    for (size_t i = 0; i < n * rf_sample_bytes(format); i++) {
        data[i] = (uint8_t)(next(&state) >> 24);
    }
    for (size_t i = 0; format == RF_SAMPLE_F32 && i < n; i++) {
        const float x = (float)((int32_t)next(&state) >> 8) * 0x1p-23F;
        memcpy(data + 4 * i, &x, sizeof(x));
    }
    return data;
}

Test(sample, L11_Q16_every_format_goes_through_every_one_that_holds_it)
{
    static const struct {
        rf_sample_format from, by;
    } cases[] = {
        {RF_SAMPLE_S16, RF_SAMPLE_S16}, {RF_SAMPLE_S16, RF_SAMPLE_S24},
        {RF_SAMPLE_S16, RF_SAMPLE_S32}, {RF_SAMPLE_S16, RF_SAMPLE_F32},
        {RF_SAMPLE_S24, RF_SAMPLE_S24}, {RF_SAMPLE_S24, RF_SAMPLE_S32},
        {RF_SAMPLE_S24, RF_SAMPLE_F32}, {RF_SAMPLE_S32, RF_SAMPLE_S32},
        {RF_SAMPLE_F32, RF_SAMPLE_S24}, {RF_SAMPLE_F32, RF_SAMPLE_S32},
        {RF_SAMPLE_F32, RF_SAMPLE_F32},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        const size_t len = N * rf_sample_bytes(cases[i].from);
        uint8_t *in = samples(cases[i].from, N);
        uint8_t *wide = malloc(N * 4);
        uint8_t *out = malloc(N * 4);
        rf_sample_state state = {.n_clipped = 0};
        rf_sample_convert(cases[i].from, in, cases[i].by, wide, N, &state);
        rf_sample_convert(cases[i].by, wide, cases[i].from, out, N, &state);
        cr_expect_eq(memcmp(in, out, len), 0, "%s by %s", rf_sample_name(cases[i].from),
                     rf_sample_name(cases[i].by));
        cr_expect_eq(state.n_clipped + state.n_nonfinite, 0);
        free(in);
        free(wide);
        free(out);
    }
}

Test(sample, L11_int24_and_int32_keep_all_bits_by_float64)
{
    for (int format = RF_SAMPLE_S16; format <= RF_SAMPLE_F32; format++) {
        const size_t len = N * rf_sample_bytes((rf_sample_format)format);
        uint8_t *in = samples((rf_sample_format)format, N);
        uint8_t *out = malloc(len);
        double *wide = malloc(N * sizeof(*wide));
        rf_sample_state state = {.n_clipped = 0};
        rf_sample_to_f64((rf_sample_format)format, in, N, wide, &state);
        rf_sample_from_f64((rf_sample_format)format, wide, N, out, &state);
        cr_expect_eq(memcmp(in, out, len), 0, "%s", rf_sample_name((rf_sample_format)format));
        free(in);
        free(out);
        free(wide);
    }
}

Test(sample, L11_fewer_bits_round_to_nearest_and_saturate)
{
    static const struct {
        float in;
        int32_t out16, out24;
        int clipped;
    } cases[] = {
        {0.0F, 0, 0, 0},
        {1.0F, 32767, 8388607, 0},
        {-1.0F, -32768, -8388608, 0},
        {1.5F, 32767, 8388607, 1},
        {-1e30F, -32768, -8388608, 1},
        {0.5F / 32768, 0, 128, 0}, /* ties to even */
        {1.5F / 32768, 2, 384, 0},
        {2.5F / 32768, 2, 640, 0},
        {-1.5F / 32768, -2, -384, 0},
        {0.6F / 32768, 1, 154, 0},
        {-0.6F / 32768, -1, -154, 0},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        uint8_t bytes[4];
        int32_t got;
        rf_sample_state state = {.n_clipped = 0};
        rf_sample_convert(RF_SAMPLE_F32, &cases[i].in, RF_SAMPLE_S16, bytes, 1, &state);
        rf_sample_to_i32(RF_SAMPLE_S16, bytes, 1, &got);
        cr_expect_eq(got, cases[i].out16, "case %zu: %d", i, got);
        cr_expect_eq(state.n_clipped, cases[i].clipped, "case %zu", i);
        rf_sample_convert(RF_SAMPLE_F32, &cases[i].in, RF_SAMPLE_S24, bytes, 1, &state);
        rf_sample_to_i32(RF_SAMPLE_S24, bytes, 1, &got);
        cr_expect_eq(got, cases[i].out24, "case %zu: %d", i, got);
    }
    static const int32_t wide[] = {INT32_MAX,  INT32_MIN,  0x7fff8000,
                                   0x00008000, 0x00018000, -0x8001};
    static const int16_t narrow[] = {32767, -32768, 32767, 0, 2, -1};
    int16_t got[RF_ARRAY_LEN(wide)];
    rf_sample_state state = {.n_clipped = 0};
    rf_sample_convert(RF_SAMPLE_S32, wide, RF_SAMPLE_S16, got, RF_ARRAY_LEN(wide), &state);
    cr_expect_eq(memcmp(got, narrow, sizeof(got)), 0);
}

Test(sample, L11_what_is_not_finite_becomes_0_and_is_counted)
{
    const float in[] = {NAN, INFINITY, -INFINITY, 0.25F};
    for (int format = RF_SAMPLE_S16; format <= RF_SAMPLE_S32; format++) {
        uint8_t out[sizeof(in)];
        int32_t got[4];
        rf_sample_state state = {.n_clipped = 0};
        rf_sample_convert(RF_SAMPLE_F32, in, (rf_sample_format)format, out, 4, &state);
        rf_sample_to_i32((rf_sample_format)format, out, 4, got);
        cr_expect_eq(state.n_nonfinite, 3);
        cr_expect_eq(state.n_clipped, 0);
        cr_expect(got[0] == 0 && got[1] == 0 && got[2] == 0 && got[3] > 0);
    }
}

/* TPDF of +-1 step: error power 1/4 of a step, mean 0; without it the power is 1/12. */
Test(sample, L11_dither_is_triangular_and_off_unless_asked)
{
    double power[2] = {0, 0};
    double sum = 0;
    float *in = malloc(N * sizeof(*in));
    int16_t *out = malloc(N * sizeof(*out));
    int16_t *again = malloc(N * sizeof(*again));
    for (size_t i = 0; i < N; i++) {
        in[i] = (float)(0.3 * sin(0.0137 * (double)i));
    }
    for (int dither = 0; dither < 2; dither++) {
        rf_sample_state state = {.dither = dither == 1};
        rf_sample_state twin = state;
        rf_sample_convert(RF_SAMPLE_F32, in, RF_SAMPLE_S16, out, N, &state);
        rf_sample_convert(RF_SAMPLE_F32, in, RF_SAMPLE_S16, again, N, &twin);
        cr_expect_eq(memcmp(out, again, N * sizeof(*out)), 0, "the same bytes every time");
        for (size_t i = 0; i < N; i++) {
            const double error = out[i] - (double)in[i] * 32768;
            power[dither] += error * error / N;
            sum += error / N;
        }
    }
    cr_expect_leq(fabs(power[0] - 1.0 / 12), 0.005, "%g", power[0]);
    cr_expect_leq(fabs(power[1] - 1.0 / 4), 0.01, "%g", power[1]);
    cr_expect_leq(fabs(sum), 0.02, "%g", sum);
    free(in);
    free(out);
    free(again);
}

Test(sample, L11_dither_touches_nothing_that_loses_no_bits)
{
    uint8_t *in = samples(RF_SAMPLE_S16, N);
    uint8_t *out = malloc(N * 4);
    uint8_t *plain = malloc(N * 4);
    rf_sample_state state = {.dither = true};
    rf_sample_state none = {.dither = false};
    for (int to = RF_SAMPLE_S16; to <= RF_SAMPLE_F32; to++) {
        rf_sample_convert(RF_SAMPLE_S16, in, (rf_sample_format)to, out, N, &state);
        rf_sample_convert(RF_SAMPLE_S16, in, (rf_sample_format)to, plain, N, &none);
        cr_expect_eq(memcmp(out, plain, N * rf_sample_bytes((rf_sample_format)to)), 0);
    }
    free(in);
    free(out);
    free(plain);
}

Test(sample, S1_Q16_8_bits_are_widened_exactly)
{
    uint8_t in[256];
    int16_t out[256];
    for (int i = 0; i < 256; i++) {
        in[i] = (uint8_t)i;
    }
    rf_sample_widen8(in, true, 256, out);
    for (int i = 0; i < 256; i++) {
        cr_assert_eq(out[i], (i - 128) * 256);
    }
    rf_sample_widen8(in, false, 256, out);
    for (int i = 0; i < 256; i++) {
        cr_assert_eq(out[i], (int8_t)i * 256);
    }
}

/* The rule of the specification, written down once more. */
static double by_rule(const double *frame, uint32_t n, uint32_t m, uint32_t j)
{
    double sum = 0;
    int count = 0;
    if (n <= m) {
        return frame[j % n];
    }
    for (uint32_t i = 0; i < n; i++) {
        if (i % m == j) {
            sum += frame[i];
            count++;
        }
    }
    return sum / count;
}

Test(sample, L10_Q15_all_64_pairs_of_channels_follow_the_rule)
{
    enum { FRAMES = 100 };
    for (uint32_t pair = 0; pair < 64; pair++) {
        const uint32_t n = pair / 8 + 1;
        const uint32_t m = pair % 8 + 1;
        double in[FRAMES * 8];
        double out[FRAMES * 8];
        rf_mix mix;
        uint32_t state = pair;
        for (size_t i = 0; i < (size_t)FRAMES * n; i++) {
            in[i] = (double)(int32_t)next(&state) * 0x1p-31;
        }
        cr_assert_eq(rf_mix_init(&mix, n, m, NULL), 0);
        cr_expect_eq(rf_mix_changes(&mix), n != m);
        rf_mix_run(&mix, in, FRAMES, out);
        for (size_t i = 0; i < (size_t)FRAMES * m; i++) {
            cr_assert_eq(out[i], by_rule(in + i / m * n, n, m, (uint32_t)(i % m)), "%u to %u", n,
                         m);
        }
    }
}

Test(sample, L10_a_matrix_replaces_the_rule)
{
    const float matrix[] = {1, -4, 0.5F, 0, 4, 0.25F};
    const double in[] = {0.1, 0.02, -0.3};
    double out[2];
    rf_mix mix;
    cr_assert_eq(rf_mix_init(&mix, 3, 2, matrix), 0);
    rf_mix_run(&mix, in, 1, out);
    cr_expect_leq(fabs(out[0] - (0.1 - 0.08 - 0.15)), 1e-15);
    cr_expect_leq(fabs(out[1] - (0.08 - 0.075)), 1e-15);
    const float bad[][1] = {{4.01F}, {-4.01F}, {NAN}, {INFINITY}};
    for (size_t i = 0; i < RF_ARRAY_LEN(bad); i++) {
        cr_expect_eq(rf_mix_init(&mix, 1, 1, bad[i]), -EINVAL);
    }
    cr_expect_eq(rf_mix_init(&mix, 0, 1, NULL), -EINVAL);
    cr_expect_eq(rf_mix_init(&mix, 1, 9, NULL), -EINVAL);
}
