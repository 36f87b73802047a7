/* Lengths, exactness at equal rates, block-wise against one-shot, and spectral quality. */
#include "media_make.h"
#include "rf_resample.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <string.h>

Test(resample, equal_rates_are_bit_exact)
{
    rf_frames *in = media_noise(3, 44100, 12345);
    rf_frames *out = NULL;
    cr_assert_eq(rf_resample(in, 44100, &out), 0);
    cr_expect_eq(out->n_frames, in->n_frames);
    cr_expect_eq(memcmp(out->data, in->data, rf_frames_bytes(in)), 0);
    rf_frames_free(in);
    rf_frames_free(out);
}

Test(resample, lengths_follow_the_ratio)
{
    static const uint32_t rates[] = {3000, 8000, 22050, 44100, 48000, 96000, 768000};
    static const int64_t lengths[] = {0, 1, 100, 44101};
    for (size_t i = 0; i < RF_ARRAY_LEN(rates) * RF_ARRAY_LEN(rates); i++) {
        for (size_t k = 0; k < RF_ARRAY_LEN(lengths); k++) {
            const uint32_t from = rates[i / RF_ARRAY_LEN(rates)];
            const uint32_t to = rates[i % RF_ARRAY_LEN(rates)];
            rf_frames *in = media_noise(1, from, lengths[k]);
            rf_frames *out = NULL;
            cr_assert_eq(rf_resample(in, to, &out), 0);
            cr_expect_eq(out->n_frames, (int64_t)ceill((long double)lengths[k] * to / from),
                         "%u to %u", from, to);
            cr_expect_eq(out->rate_hz, to);
            rf_frames_free(in);
            rf_frames_free(out);
        }
    }
}

Test(resample, blocks_give_what_one_call_gives)
{
    rf_frames *in = media_noise(2, 44100, 50000);
    rf_frames *whole = NULL;
    rf_resampler *r = NULL;
    cr_assert_eq(rf_resample(in, 48000, &whole), 0);
    cr_assert_eq(rf_resampler_new(44100, 48000, 2, &r), 0);
    float *out = calloc((size_t)whole->n_frames * 2, sizeof(*out));
    int64_t at_in = 0;
    int64_t at_out = 0;
    for (int64_t given = 1; at_in < in->n_frames || given > 0;) {
        int64_t taken = 0;
        int64_t n = RF_MIN(in->n_frames - at_in, 777);
        int64_t room = RF_MIN(whole->n_frames - at_out, 500);
        cr_assert_eq(rf_resampler_process(r, n > 0 ? in->data + at_in * 2 : NULL, n, &taken,
                                          out + at_out * 2, room, &given),
                     0);
        at_in += taken;
        at_out += given;
    }
    cr_expect_eq(at_out, whole->n_frames);
    for (int64_t i = 0; i < whole->n_frames * 2; i++) {
        cr_assert_leq(fabsf(out[i] - whole->data[i]), 1e-6F, "sample %lld", (long long)i);
    }
    free(out);
    rf_resampler_free(r);
    rf_frames_free(in);
    rf_frames_free(whole);
}

/* A tone keeps its level and phase; what lies above the new Nyquist frequency is gone. */
Test(resample, tones_are_kept_and_images_are_not)
{
    rf_frames *in = media_noise(1, 96000, 96000);
    rf_frames *out = NULL;
    for (int64_t i = 0; i < in->n_frames; i++) {
        const double t = (double)i / 96000;
        in->data[i] = (float)(0.5 * sin(2 * M_PI * 1000 * t) + 0.4 * sin(2 * M_PI * 30000 * t));
    }
    cr_assert_eq(rf_resample(in, 44100, &out), 0);
    double worst = 0;
    for (int64_t i = 2000; i < out->n_frames - 2000; i++) {
        double want = 0.5 * sin(2 * M_PI * 1000 * (double)i / 44100);
        worst = fmax(worst, fabs((double)out->data[i] - want));
    }
    cr_expect_leq(worst, 1e-6, "%g", worst);
    rf_frames_free(in);
    rf_frames_free(out);
}

Test(resample, impossible_shapes_are_refused)
{
    rf_resampler *r = NULL;
    cr_expect_eq(rf_resampler_new(2999, 48000, 1, &r), -EINVAL);
    cr_expect_eq(rf_resampler_new(48000, 768001, 1, &r), -EINVAL);
    cr_expect_eq(rf_resampler_new(48000, 44100, 0, &r), -EINVAL);
    cr_expect_eq(rf_resampler_new(48000, 44100, 33, &r), -EINVAL);
    cr_expect_null(rf_resampler_free(NULL));
}
