/* Streams of PCM from one shape to another: quality, lengths, and that cutting changes nothing. */
#include "rf_convert.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <string.h>

static rf_converter *converter(rf_pcm from, rf_pcm to)
{
    const rf_convert_params params = {.from = from, .to = to};
    rf_converter *c = NULL;
    cr_assert_eq(rf_converter_new(&params, &c), 0);
    return c;
}

/* Runs n frames through, at most block at a time; returns the frames given. */
static int64_t run(rf_converter *c, const rf_pcm *from, const rf_pcm *to, const uint8_t *in,
                   int64_t n, int64_t block, uint8_t *out, int64_t room)
{
    const size_t in_bytes = rf_pcm_frame_bytes(from);
    const size_t out_bytes = rf_pcm_frame_bytes(to);
    int64_t at = 0;
    int64_t total = 0;
    int64_t given = 1;
    for (bool ended = false; !ended || given > 0;) {
        int64_t taken = 0;
        const int64_t part = RF_MIN(n - at, block);
        ended = part <= 0;
        const int err = rf_converter_run(c, part > 0 ? in + (size_t)at * in_bytes : NULL, part,
                                         &taken, out + (size_t)total * out_bytes,
                                         RF_MIN(room - total + 1, block), &given);
        cr_assert_eq(err, 0);
        cr_assert_leq(total + given, room);
        at += taken;
        total += given;
    }
    return total;
}

/* A tone of amplitude 1, converted; the caller frees. */
static float *converted_tone(double hz, uint32_t from_hz, uint32_t to_hz, int64_t n, int64_t *ret_n)
{
    const rf_pcm from = {.sample = RF_SAMPLE_F32, .n_channels = 1, .rate_hz = from_hz};
    const rf_pcm to = {.sample = RF_SAMPLE_F32, .n_channels = 1, .rate_hz = to_hz};
    const int64_t room = rf_resample_length_nearest(n, from_hz, to_hz);
    float *in = malloc((size_t)n * sizeof(*in));
    float *out = malloc((size_t)room * sizeof(*out));
    for (int64_t i = 0; i < n; i++) {
        in[i] = (float)sin(2 * M_PI * hz * (double)i / from_hz);
    }
    rf_converter *c = converter(from, to);
    *ret_n = run(c, &from, &to, (const uint8_t *)in, n, 480, (uint8_t *)out, room);
    cr_assert_eq(*ret_n, room);
    rf_converter_free(c);
    free(in);
    return out;
}

/* Power of what is left of the middle of a signal when the best sine of a frequency is taken out;
 * ret_tone gets the power of that sine. */
static double residue(const float *x, int64_t n, double hz, uint32_t rate_hz, double *ret_tone)
{
    const int64_t first = n / 4;
    const int64_t count = n / 2;
    double ss = 0, cc = 0, sc = 0, xs = 0, xc = 0;
    for (int64_t i = first; i < first + count; i++) {
        const double phase = 2 * M_PI * hz * (double)i / rate_hz;
        const double s = sin(phase);
        const double c = cos(phase);
        ss += s * s;
        cc += c * c;
        sc += s * c;
        xs += (double)x[i] * s;
        xc += (double)x[i] * c;
    }
    const double det = ss * cc - sc * sc;
    const double a = (xs * cc - xc * sc) / det;
    const double b = (xc * ss - xs * sc) / det;
    double left = 0;
    for (int64_t i = first; i < first + count; i++) {
        const double phase = 2 * M_PI * hz * (double)i / rate_hz;
        const double error = (double)x[i] - a * sin(phase) - b * cos(phase);
        left += error * error;
    }
    *ret_tone = (a * a + b * b) / 2;
    return left / (double)count;
}

Test(convert, L9_Q14_aliases_are_below_120_dB)
{
    int64_t n = 0;
    double power = 1e-30;
    float *out = converted_tone(9000, 48000, 16000, 96000, &n);
    for (int64_t i = n / 4; i < 3 * n / 4; i++) {
        power += (double)out[i] * (double)out[i] / (double)(n / 2);
    }
    cr_expect_lt(10 * log10(power / 0.5), -120.0, "%.1f dB", 10 * log10(power / 0.5));
    free(out);
}

Test(convert, L9_Q14_sinad_is_above_120_dB)
{
    static const struct {
        uint32_t from, to;
    } cases[] = {{16000, 44100}, {44100, 16000}, {48000, 44100}, {8000, 192000}, {192000, 8000}};
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        int64_t n = 0;
        double tone;
        float *out = converted_tone(997, cases[i].from, cases[i].to, 2 * cases[i].from, &n);
        const double noise = residue(out, n, 997, cases[i].to, &tone);
        cr_expect_gt(10 * log10(tone / noise), 120.0, "%u to %u: %.1f dB", cases[i].from,
                     cases[i].to, 10 * log10(tone / noise));
        free(out);
    }
}

Test(convert, L9_the_pass_band_is_flat_to_0_45_of_the_lower_rate)
{
    static const struct {
        uint32_t from, to;
    } cases[] = {{48000, 16000}, {16000, 48000}, {44100, 16000}, {44100, 48000}, {48000, 44100}};
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        const double low = (double)RF_MIN(cases[i].from, cases[i].to);
        for (double part = 0.05; part <= 0.4501; part += 0.1) {
            int64_t n = 0;
            double tone;
            float *out = converted_tone(part * low, cases[i].from, cases[i].to, cases[i].from, &n);
            (void)residue(out, n, part * low, cases[i].to, &tone);
            cr_expect_leq(fabs(10 * log10(tone / 0.5)), 0.1, "%u to %u at %.0f Hz: %.2f dB",
                          cases[i].from, cases[i].to, part * low, 10 * log10(tone / 0.5));
            free(out);
        }
    }
}

/* A frame of the output lies where the same time lies in the input: no delay is left. */
Test(convert, T4_the_filters_delay_is_removed)
{
    int64_t n = 0;
    float *out = converted_tone(440, 44100, 16000, 44100, &n);
    for (int64_t i = n / 4; i < 3 * n / 4; i++) {
        cr_assert_leq(fabs((double)out[i] - sin(2 * M_PI * 440 * (double)i / 16000)), 1e-6);
    }
    free(out);
}

Test(convert, T4_L9_lengths_are_rounded_half_up)
{
    static const uint32_t rates[] = {8000, 11025, 16000, 22050, 44100, 48000, 96000, 192000};
    for (size_t i = 0; i < RF_ARRAY_LEN(rates) * RF_ARRAY_LEN(rates); i++) {
        const uint32_t from = rates[i / RF_ARRAY_LEN(rates)];
        const uint32_t to = rates[i % RF_ARRAY_LEN(rates)];
        for (int64_t n = 0; n < 300; n++) {
            cr_assert_eq(rf_resample_length_nearest(n, from, to),
                         (int64_t)floorl((long double)n * to / from + 0.5L));
        }
        /* 31 days, the longest session */
        const int64_t days = INT64_C(31) * 24 * 3600;
        cr_expect_eq(rf_resample_length_nearest(days * from, from, to), days * to);
    }
    cr_expect_eq(rf_resample_length_nearest(1, 2, 1), 1, "half up");
}

/* A day by arithmetic: what a stream has given after any number of chunks is the rounded length of
 * all of it, never a sum of rounded parts. */
Test(convert, L9_24_hours_are_exact_by_arithmetic)
{
    const int64_t n = INT64_C(24) * 3600 * 44100;
    int64_t given = 0;
    for (int64_t at = 0; at < n; at += 1470 * 60) {
        const int64_t due = rf_resample_length_nearest(at + 1470 * 60, 44100, 16000) - given;
        cr_assert_leq(llabs(due - 32000), 1);
        given += due;
    }
    cr_expect_eq(given, INT64_C(24) * 3600 * 16000);
    cr_expect_leq(llabs(rf_resample_length_nearest(n + 1, 44100, 16000) - given), 1);
}

Test(convert, L9_Q14_an_hour_in_chunks_of_1470_frames_is_exact, .timeout = 200)
{
    enum { CHUNK = 1470 };
    const rf_pcm from = {.sample = RF_SAMPLE_S16, .n_channels = 1, .rate_hz = 44100};
    const rf_pcm to = {.sample = RF_SAMPLE_S16, .n_channels = 1, .rate_hz = 16000};
    const int64_t n = INT64_C(3600) * 44100;
    rf_converter *c = converter(from, to);
    int16_t in[CHUNK];
    int16_t out[CHUNK];
    int64_t total = 0;
    int64_t given = 1;
    for (size_t i = 0; i < CHUNK; i++) {
        in[i] = (int16_t)(i * 17 % 2000);
    }
    int64_t at = 0;
    for (bool ended = false; !ended || given > 0;) {
        const int64_t part = RF_MIN(n - at, CHUNK - at % CHUNK);
        ended = part <= 0;
        int64_t taken = 0;
        cr_assert_eq(rf_converter_run(c, part > 0 ? in + at % CHUNK : NULL, part, &taken, out,
                                      CHUNK, &given),
                     0);
        at += taken;
        total += given;
        /* what is held back is the filter, and does not grow */
        cr_assert_leq(rf_resample_length_nearest(at, 44100, 16000) - total, 800);
    }
    cr_expect_eq(total, INT64_C(3600) * 16000);
    rf_converter_free(c);
}

Test(convert, L9_cutting_the_input_changes_no_sample)
{
    static const struct {
        rf_pcm from, to;
    } cases[] = {
        {{RF_SAMPLE_S16, 2, 44100}, {RF_SAMPLE_S16, 2, 16000}},
        {{RF_SAMPLE_S24, 1, 16000}, {RF_SAMPLE_S24, 3, 44100}},
        {{RF_SAMPLE_S32, 8, 48000}, {RF_SAMPLE_S32, 1, 8000}},
        {{RF_SAMPLE_F32, 3, 8000}, {RF_SAMPLE_S16, 2, 192000}},
        {{RF_SAMPLE_S16, 4, 16000}, {RF_SAMPLE_S24, 2, 16000}},
    };
    static const int64_t blocks[] = {1, 7, 160, 1000, 100000};
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        const rf_pcm *from = &cases[i].from;
        const rf_pcm *to = &cases[i].to;
        const int64_t n = 6001;
        const int64_t room = rf_resample_length_nearest(n, from->rate_hz, to->rate_hz);
        const size_t len = (size_t)n * rf_pcm_frame_bytes(from);
        const size_t out_len = (size_t)room * rf_pcm_frame_bytes(to);
        uint8_t *in = malloc(len);
        uint8_t *first = malloc(out_len + 64);
        uint8_t *out = malloc(out_len + 64);
        uint32_t state = 3;
        for (size_t k = 0; k < len; k++) {
            state = state * 1664525U + 1013904223U;
            in[k] = from->sample == RF_SAMPLE_F32 && k % 4 == 3 ? 0x3d : (uint8_t)(state >> 24);
        }
        for (size_t b = 0; b < RF_ARRAY_LEN(blocks); b++) {
            rf_converter *c = converter(*from, *to);
            cr_assert_eq(run(c, from, to, in, n, blocks[b], b == 0 ? first : out, room), room,
                         "case %zu, blocks of %lld", i, (long long)blocks[b]);
            cr_assert(b == 0 || memcmp(first, out, out_len) == 0, "case %zu, blocks of %lld", i,
                      (long long)blocks[b]);
            rf_converter_free(c);
        }
        free(in);
        free(first);
        free(out);
    }
}

Test(convert, L11_int24_keeps_its_bits_through_a_change_of_channels)
{
    const rf_pcm from = {.sample = RF_SAMPLE_S24, .n_channels = 1, .rate_hz = 48000};
    const rf_pcm to = {.sample = RF_SAMPLE_S24, .n_channels = 8, .rate_hz = 48000};
    uint8_t in[3 * 1000];
    uint8_t wide[8 * sizeof(in)];
    uint8_t out[sizeof(in)];
    for (size_t i = 0; i < sizeof(in); i++) {
        in[i] = (uint8_t)(i * 167 + i / 3);
    }
    rf_converter *up = converter(from, to);
    rf_converter *down = converter(to, from);
    cr_assert_eq(run(up, &from, &to, in, 1000, 100, wide, 1000), 1000);
    cr_assert_eq(run(down, &to, &from, wide, 1000, 33, out, 1000), 1000);
    cr_expect_eq(memcmp(in, out, sizeof(in)), 0, "the mean of equal samples is the sample");
    rf_converter_free(up);
    rf_converter_free(down);
}

Test(convert, L11_nan_does_not_spread_through_the_filter)
{
    const rf_pcm from = {.sample = RF_SAMPLE_F32, .n_channels = 1, .rate_hz = 48000};
    const rf_pcm to = {.sample = RF_SAMPLE_F32, .n_channels = 1, .rate_hz = 16000};
    float in[4800] = {0};
    float out[1600];
    in[2000] = NAN;
    in[3000] = INFINITY;
    rf_converter *c = converter(from, to);
    cr_assert_eq(run(c, &from, &to, (const uint8_t *)in, 4800, 480, (uint8_t *)out, 1600), 1600);
    for (size_t i = 0; i < 1600; i++) {
        cr_assert_eq(out[i], 0.0F);
    }
    cr_expect_eq(rf_converter_state(c)->n_nonfinite, 2);
    rf_converter_free(c);
}

/* A square wave at full scale: the filter overshoots, integers saturate and count it; what did not
 * saturate is the float32 result, rounded. */
Test(convert, L11_integers_of_another_rate_are_rounded_and_saturate)
{
    enum { N = 4800, N_OUT = 1600 };
    const rf_pcm from = {.sample = RF_SAMPLE_S16, .n_channels = 1, .rate_hz = 48000};
    const rf_pcm to = {.sample = RF_SAMPLE_S16, .n_channels = 1, .rate_hz = 16000};
    const rf_pcm to_float = {.sample = RF_SAMPLE_F32, .n_channels = 1, .rate_hz = 16000};
    int16_t in[N];
    int16_t out[N_OUT];
    float exact[N_OUT];
    int64_t n_clipped = 0;
    for (size_t i = 0; i < N; i++) {
        in[i] = i / 120 % 2 == 0 ? INT16_MAX : INT16_MIN;
    }
    rf_converter *whole = converter(from, to);
    rf_converter *real = converter(from, to_float);
    cr_assert_eq(run(whole, &from, &to, (uint8_t *)in, N, 480, (uint8_t *)out, N_OUT), N_OUT);
    cr_assert_eq(run(real, &from, &to_float, (uint8_t *)in, N, 480, (uint8_t *)exact, N_OUT),
                 N_OUT);
    for (size_t i = 0; i < N_OUT; i++) {
        const double x = 32768 * (double)exact[i];
        const double limited = fmin(fmax(x, INT16_MIN), INT16_MAX);
        cr_assert_leq(fabs(out[i] - limited), 0.501, "frame %zu: %d, not %.3f", i, out[i], x);
        n_clipped += x > INT16_MAX + 0.5 || x < INT16_MIN - 0.5 ? 1 : 0;
    }
    cr_expect_gt(n_clipped, 10);
    cr_expect_eq(rf_converter_state(whole)->n_clipped, n_clipped);
    rf_converter_free(whole);
    rf_converter_free(real);
}

Test(convert, impossible_shapes_are_refused)
{
    const rf_pcm good = {.sample = RF_SAMPLE_S16, .n_channels = 1, .rate_hz = 16000};
    const rf_pcm bad[] = {{RF_SAMPLE_S16, 0, 16000},
                          {RF_SAMPLE_S16, 9, 16000},
                          {RF_SAMPLE_S16, 1, 2999},
                          {RF_SAMPLE_S16, 1, 768001}};
    for (size_t i = 0; i < RF_ARRAY_LEN(bad); i++) {
        rf_converter *c = NULL;
        cr_expect_eq(rf_converter_new(&(rf_convert_params){.from = good, .to = bad[i]}, &c),
                     -EINVAL);
        cr_expect_eq(rf_converter_new(&(rf_convert_params){.from = bad[i], .to = good}, &c),
                     -EINVAL);
    }
    cr_expect_null(rf_converter_free(NULL));
}
