/* The limiter against what a meter of true peaks (libebur128, ITU-R BS.1770) says. */
#include "band_limiter.h"

#include <criterion/criterion.h>
#include <ebur128.h>
#include <math.h>
#include <string.h>

#define N ((size_t)48000 * 4)

typedef struct sound {
    float left[N], right[N];
} sound;

static sound in, out;

static void limit(void)
{
    static band_limiter limiter;
    band_limiter_init(&limiter);
    out = in;
    for (size_t i = 0; i + BAND_BLOCK <= N; i += BAND_BLOCK) {
        band_limiter_run(&limiter, out.left + i, out.right + i);
    }
}

static double true_peak_db(const sound *s)
{
    ebur128_state *meter = ebur128_init(2, 48000, EBUR128_MODE_TRUE_PEAK);
    for (size_t i = 0; i < N; i++) {
        (void)ebur128_add_frames_float(meter, (float[]){s->left[i], s->right[i]}, 1);
    }
    double left = 0, right = 0;
    cr_assert_eq(ebur128_true_peak(meter, 0, &left), EBUR128_SUCCESS);
    cr_assert_eq(ebur128_true_peak(meter, 1, &right), EBUR128_SUCCESS);
    ebur128_destroy(&meter);
    return 20 * log10(fmax(left, right) + 1e-12);
}

static uint32_t seed;

static float noise(void)
{
    seed = seed * 1664525U + 1013904223U;
    return (float)(int32_t)seed / 2147483648.0F;
}

static void fill(float (*f)(size_t i, int channel))
{
    seed = 1;
    for (size_t i = 0; i < N; i++) {
        in.left[i] = f(i, 0);
        in.right[i] = f(i, 1);
    }
}

static float full_noise(size_t i, int channel)
{
    (void)i, (void)channel;
    return 4 * noise();
}

static float quarter_rate(size_t i, int channel)
{
    /* samples at 45 degrees: the true peak is 3 dB above them */
    return 1.4F * sinf((float)(M_PI / 2) * (float)(i % 4) + (channel ? 0.3F : (float)(M_PI / 4)));
}

static float bursts(size_t i, int channel)
{
    const float level = i % 4800 < 24 ? 8.0F : 0.02F;
    return level * noise() * (channel ? 0.5F : 1);
}

static float square(size_t i, int channel)
{
    return (i / (channel ? 37 : 53)) % 2 ? 2.0F : -2.0F;
}

static float impulses(size_t i, int channel)
{
    return i % (channel ? 997 : 1009) == 0 ? 20 : 0;
}

static float high_tone(size_t i, int channel)
{
    return 3 * sinf(2.0F * (float)M_PI * (channel ? 0.43F : 0.39F) * (float)i);
}

static float steps(size_t i, int channel)
{
    (void)channel;
    return (float)(i / 4800 % 20) * 0.2F * sinf(0.05F * (float)i);
}

static const struct {
    const char *name;
    float (*f)(size_t i, int channel);
} nasty[] = {
    {"noise", full_noise},      {"tone at a quarter of the rate", quarter_rate},
    {"bursts", bursts},         {"squares", square},
    {"impulses", impulses},     {"high tones", high_tone},
    {"a tone in steps", steps},
};

Test(limiter, true_peak_stays_below_the_ceiling_on_nasty_signals)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(nasty); i++) {
        fill(nasty[i].f);
        limit();
        const double peak = true_peak_db(&out);
        cr_expect_leq(peak, -1.0, "%s: %.2f dBTP", nasty[i].name, peak);
        cr_expect_geq(peak, -3.0, "%s: %.2f dBTP, more than needed", nasty[i].name, peak);
    }
}

static float quiet(size_t i, int channel)
{
    (void)channel;
    return 0.3F * sinf(0.07F * (float)i);
}

Test(limiter, quiet_sound_passes_bit_by_bit_64_samples_late)
{
    fill(quiet);
    limit();
    cr_expect_eq(BAND_LIMITER_DELAY, 64);
    cr_expect_eq(
        memcmp(out.left + BAND_LIMITER_DELAY, in.left, (N - BAND_LIMITER_DELAY) * sizeof(float)),
        0);
}

static float one_peak(size_t i, int channel)
{
    (void)channel;
    return (i == 24000 ? 4.0F : 0.5F) * sinf(0.07F * (float)i + 1);
}

Test(limiter, gain_comes_back_after_a_peak)
{
    fill(one_peak);
    limit();
    const size_t late = 24000 + 48000;
    cr_expect_float_eq(out.left[late + BAND_LIMITER_DELAY], in.left[late], 1e-4);
    cr_expect_lt(fabsf(out.left[24000 + BAND_LIMITER_DELAY - 5]), 0.4F, "down before the peak");
}

Test(limiter, both_channels_get_the_same_gain)
{
    fill(bursts);
    limit();
    for (size_t i = 0; i + BAND_LIMITER_DELAY < N; i++) {
        const double left = (double)out.left[i + BAND_LIMITER_DELAY] * in.right[i];
        const double right = (double)out.right[i + BAND_LIMITER_DELAY] * in.left[i];
        /* but for the mean that is taken off each, 0.005 at most */
        const double sizes = fabs((double)in.left[i]) + fabs((double)in.right[i]);
        cr_assert_float_eq(left, right, 1e-5 + 0.005 * sizes);
    }
}
