/* The vectors of EBU Tech 3341 (v4) and 3342 (v4) that are given by formula, within their
 * tolerances or tighter ones; libebur128 as a second opinion. */
#include "media_make.h"
#include "rf_kweight.h"
#include "rf_loudness.h"
#include "rf_true_peak.h"

#include <criterion/criterion.h>
#include <ebur128.h>
#include <errno.h>
#include <math.h>

#define RATE_HZ 48000
#define MAX_PARTS 64

/* 1 kHz at levels in dBFS (peak), one part after the other; level 0 below -190 is silence. */
typedef struct part {
    double db;
    double seconds;
} part;

static rf_frames *make_tone(const part *parts, size_t n_parts, uint32_t n_channels)
{
    double total = 0;
    int64_t at = 0;
    rf_frames *frames = NULL;
    for (size_t i = 0; i < n_parts; i++) {
        total += parts[i].seconds;
    }
    cr_assert_eq(rf_frames_new(n_channels, RATE_HZ, llrint(total * RATE_HZ), &frames), 0);
    for (size_t i = 0; i < n_parts; i++) {
        const double level = parts[i].db < -190 ? 0 : pow(10, parts[i].db / 20);
        const int64_t end = RF_MIN(at + llrint(parts[i].seconds * RATE_HZ), frames->n_frames);
        for (; at < end; at++) {
            double x = level * sin(2 * M_PI * 1000 * (double)at / RATE_HZ);
            for (uint32_t c = 0; c < n_channels; c++) {
                frames->data[at * n_channels + c] = (float)x;
            }
        }
    }
    return frames;
}

static rf_loudness measure(rf_frames *frames)
{
    rf_loudness l;
    cr_assert_eq(rf_loudness_of(frames, &l), 0);
    rf_frames_free(frames);
    return l;
}

static void expect_near(double got, double want, double tolerance, const char *what)
{
    cr_expect(fabs(got - want) <= tolerance, "%s: %.3f, not %.2f", what, got, want);
}

Test(loudness, tech_3341_integrated)
{
    static const struct {
        const char *name;
        part parts[5];
        size_t n_parts;
        double lufs;
    } cases[] = {
        {"1", {{-23, 20}}, 1, -23},
        {"2", {{-33, 20}}, 1, -33},
        {"3", {{-36, 10}, {-23, 60}, {-36, 10}}, 3, -23},
        {"4", {{-72, 10}, {-36, 10}, {-23, 60}, {-36, 10}, {-72, 10}}, 5, -23},
        {"5", {{-26, 20}, {-20, 20.1}, {-26, 20}}, 3, -23},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        rf_loudness l = measure(make_tone(cases[i].parts, cases[i].n_parts, 2));
        expect_near(l.integrated_lufs, cases[i].lufs, 0.1, cases[i].name);
        if (cases[i].n_parts == 1) {
            expect_near(l.momentary_max_lufs, cases[i].lufs, 0.1, cases[i].name);
            expect_near(l.short_term_max_lufs, cases[i].lufs, 0.1, cases[i].name);
        }
    }
}

Test(loudness, tech_3341_case_6_weighs_surround_channels)
{
    static const double db[] = {-28, -28, -24, -30, -30};
    const part whole = {0, 20};
    rf_frames *frames = make_tone(&whole, 1, 5);
    for (int64_t i = 0; i < frames->n_frames * 5; i++) {
        frames->data[i] *= (float)pow(10, db[i % 5] / 20);
    }
    expect_near(measure(frames).integrated_lufs, -23, 0.1, "6");
}

Test(loudness, the_lfe_does_not_count)
{
    const part whole = {-23, 20};
    rf_frames *frames = make_tone(&whole, 1, 6);
    for (int64_t i = 0; i < frames->n_frames * 6; i++) {
        frames->data[i] *= i % 6 < 2 ? 1.0F : i % 6 == 3 ? 10.0F : 0.0F;
    }
    expect_near(measure(frames).integrated_lufs, -23, 0.1, "lfe");
}

static rf_loudness measure_cycle(part a, part b, size_t n)
{
    part parts[MAX_PARTS];
    for (size_t i = 0; i < n; i++) {
        parts[2 * i] = a;
        parts[2 * i + 1] = b;
    }
    return measure(make_tone(parts, 2 * n, 2));
}

Test(loudness, tech_3341_cases_9_and_12_sliding_windows)
{
    rf_loudness l = measure_cycle((part){-20, 1.34}, (part){-30, 1.66}, 5);
    expect_near(l.short_term_max_lufs, -23, 0.1, "9");
    l = measure_cycle((part){-20, 0.18}, (part){-30, 0.22}, 25);
    expect_near(l.momentary_max_lufs, -23, 0.1, "12");
}

Test(loudness, tech_3341_cases_10_and_13_bursts_at_any_offset)
{
    for (int i = 0; i < 20; i++) {
        const part slow[] = {{-200, 0.15 * i}, {-23, 3}, {-200, 1}};
        const part fast[] = {{-200, 0.02 * i}, {-23, 0.4}, {-200, 1}};
        expect_near(measure(make_tone(slow, 3, 2)).short_term_max_lufs, -23, 0.1, "10");
        expect_near(measure(make_tone(fast, 3, 2)).momentary_max_lufs, -23, 0.1, "13");
    }
}

/* Cases 15 to 19: sines whose peaks fall between the samples. */
Test(loudness, tech_3341_true_peak)
{
    static const struct {
        const char *name;
        double divisor; /* of the sample rate */
        double degrees;
        double amplitude;
        double dbtp;
    } cases[] = {{"15", 4, 0, 0.5, -6},
                 {"16", 4, 45, 0.5, -6},
                 {"17", 6, 60, 0.5, -6},
                 {"18", 8, 67.5, 0.5, -6},
                 {"19", 4, 45, 1.41, 3}};
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        rf_frames *frames = NULL;
        cr_assert_eq(rf_frames_new(1, RATE_HZ, RATE_HZ, &frames), 0);
        for (int64_t k = 0; k < frames->n_frames; k++) {
            double phase = 2 * M_PI * (double)k / cases[i].divisor + cases[i].degrees * M_PI / 180;
            double fade = fmin(1, (double)RF_MIN(k, frames->n_frames - k) / 480);
            frames->data[k] = (float)(fade * cases[i].amplitude * sin(phase));
        }
        rf_loudness l = measure(frames);
        expect_near(l.true_peak_dbtp, cases[i].dbtp, 0.2, cases[i].name);
    }
}

Test(loudness, tech_3342_range)
{
    static const struct {
        const char *name;
        part parts[5];
        size_t n_parts;
        double lu;
    } cases[] = {
        {"1", {{-20, 20}, {-30, 20}}, 2, 10},
        {"2", {{-20, 20}, {-15, 20}}, 2, 5},
        {"3", {{-40, 20}, {-20, 20}}, 2, 20},
        {"4", {{-50, 20}, {-35, 20}, {-20, 20}, {-35, 20}, {-50, 20}}, 5, 15},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        rf_loudness l = measure(make_tone(cases[i].parts, cases[i].n_parts, 2));
        expect_near(l.range_lu, cases[i].lu, 0.1, cases[i].name);
    }
}

Test(loudness, sample_peak_is_the_largest_sample)
{
    rf_frames *frames = media_noise(2, 44100, 44100);
    frames->data[777] = -0.9F;
    expect_near(measure(frames).sample_peak_dbfs, 20 * log10(0.9), 1e-4, "peak");
}

Test(loudness, silence_and_nothing_have_no_loudness)
{
    rf_frames *frames = NULL;
    cr_assert_eq(rf_frames_new(2, RATE_HZ, RATE_HZ, &frames), 0);
    rf_loudness l = measure(frames);
    cr_expect(isinf(l.integrated_lufs) && l.integrated_lufs < 0);
    cr_expect(isinf(l.true_peak_dbtp) && isinf(l.sample_peak_dbfs));
    cr_expect_eq(l.range_lu, 0);
    cr_assert_eq(rf_frames_new(1, RATE_HZ, 0, &frames), 0);
    l = measure(frames);
    cr_expect(isinf(l.momentary_max_lufs) && isinf(l.short_term_max_lufs));
}

/* A 300 Hz tone has the same loudness at any rate that can carry it. */
Test(loudness, low_rates_measure_like_high_ones)
{
    static const uint32_t rates[] = {3000, 8000, 44100, 192000};
    for (size_t i = 0; i < RF_ARRAY_LEN(rates); i++) {
        rf_frames *frames = NULL;
        cr_assert_eq(rf_frames_new(1, rates[i], 5 * rates[i], &frames), 0);
        for (int64_t k = 0; k < frames->n_frames; k++) {
            frames->data[k] = (float)(0.5 * sin(2 * M_PI * 300 * (double)k / rates[i]));
        }
        rf_loudness l = measure(frames);
        expect_near(l.integrated_lufs, -9.81, 0.05, "300 Hz");
        expect_near(l.true_peak_dbtp, -6, 0.2, "300 Hz");
    }
}

Test(loudness, any_legal_shape_is_measured)
{
    static const struct {
        uint32_t rate_hz;
        uint32_t n_channels;
    } cases[] = {{3000, 1}, {3000, 32}, {7999, 2}, {8000, 2}, {44100, 32}, {768000, 1}};
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        rf_frames *frames =
            media_noise(cases[i].n_channels, cases[i].rate_hz, cases[i].rate_hz / 2 + 1);
        rf_loudness l = measure(frames);
        cr_expect(isfinite(l.integrated_lufs), "%u Hz %u channels", cases[i].rate_hz,
                  cases[i].n_channels);
    }
    rf_loudness_meter *meter = NULL;
    cr_expect_eq(rf_loudness_meter_new(0, RATE_HZ, &meter), -EINVAL);
    cr_expect_eq(rf_loudness_meter_new(33, RATE_HZ, &meter), -EINVAL);
    cr_expect_eq(rf_loudness_meter_new(2, 2999, &meter), -EINVAL);
}

Test(loudness, the_weighting_is_that_of_48_kHz_at_every_rate)
{
    static const struct {
        uint32_t rate_hz;
        double error_db;
    } cases[] = {{3000, 0.5},   {8000, 0.05},  {12000, 0.01}, {16000, 0.01},
                 {32000, 0.01}, {44100, 0.01}, {96000, 0.01}, {192000, 0.01}};
    rf_kweight reference;
    rf_kweight_init(&reference, RATE_HZ);
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        rf_kweight k;
        rf_kweight_init(&k, cases[i].rate_hz);
        double end = fmin(cases[i].rate_hz, 40000) / 2;
        for (double hz = 20; hz < end; hz += 20) {
            double db = 10 * log10(rf_kweight_response(&k, cases[i].rate_hz, hz) /
                                   rf_kweight_response(&reference, RATE_HZ, hz));
            cr_assert(fabs(db) <= cases[i].error_db, "%u Hz at %.0f: %.4f dB", cases[i].rate_hz, hz,
                      db);
        }
    }
}

/* To 0.03 LU: its high-pass has another gain at other rates than 48 kHz. */
Test(loudness, libebur128_measures_the_same)
{
    static const uint32_t rates[] = {44100, 48000, 96000};
    for (size_t i = 0; i < RF_ARRAY_LEN(rates); i++) {
        double integrated;
        double range;
        rf_loudness l;
        rf_frames *frames = media_noise(2, rates[i], 12 * rates[i]);
        for (int64_t k = 0; k < 2 * frames->n_frames; k++) {
            frames->data[k] *= (float)(0.1 + 0.5 * pow(sin((double)k / rates[i] / 3), 2));
        }
        ebur128_state *judge = ebur128_init(2, rates[i], EBUR128_MODE_I | EBUR128_MODE_LRA);
        cr_assert_not_null(judge);
        (void)ebur128_add_frames_float(judge, frames->data, (size_t)frames->n_frames);
        (void)ebur128_loudness_global(judge, &integrated);
        (void)ebur128_loudness_range(judge, &range);
        ebur128_destroy(&judge);
        cr_assert_eq(rf_loudness_of(frames, &l), 0);
        expect_near(l.integrated_lufs, integrated, rates[i] == RATE_HZ ? 0.001 : 0.03, "");
        expect_near(l.range_lu, range, 0.05, "range");
        rf_frames_free(frames);
    }
}

/* The greatest value between samples, all of them computed. */
static double slow_true_peak(const rf_true_peak_filter *f, const float *x, int64_t n)
{
    double peak = 0;
    for (int64_t i = 0; i < n; i++) {
        peak = fmax(peak, fabs((double)x[i]));
        for (uint32_t p = 0; p < f->n_phases; p++) {
            double sum = 0;
            for (int64_t k = 0; k < RF_TRUE_PEAK_TAPS; k++) {
                int64_t at = i - (RF_TRUE_PEAK_TAPS - 1) + k;
                sum += at >= 0 ? (double)f->taps[p][k] * (double)x[at] : 0;
            }
            peak = fmax(peak, fabs(sum));
        }
    }
    return peak;
}

Test(loudness, blocks_that_cannot_hold_the_true_peak_are_passed_over_without_loss)
{
    static const uint32_t rates[] = {16000, 48000, 96000, 192000};
    for (uint32_t round = 0; round < 40; round++) {
        rf_true_peak_filter f;
        rf_true_peak peak = {0};
        const int64_t n = 1000 + 4 * round;
        rf_frames *frames = media_noise(1, 48000, n);
        for (int64_t k = 0; k < n; k++) {
            frames->data[k] *= (float)pow(10, -2 * fabs(sin((double)(k + 31 * round) / 90)));
        }
        rf_true_peak_init(&f, rates[round % 4]);
        rf_true_peak_add(&peak, &f, frames->data, 333, 1);
        rf_true_peak_flush(&peak, &f);
        rf_true_peak_add(&peak, &f, frames->data + 333, (size_t)n - 333, 1);
        rf_true_peak_flush(&peak, &f);
        expect_near((double)peak.true_peak, slow_true_peak(&f, frames->data, n), 1e-6, "peak");
        rf_frames_free(frames);
    }
}

Test(loudness, every_kind_of_processor_finds_the_same_peak)
{
    rf_frames *frames = media_noise(1, RATE_HZ, 10007);
    rf_true_peak_filter best;
    rf_true_peak_init(&best, RATE_HZ);
    rf_true_peak_filter any = best;
    any.measure = rf_true_peak_measure_any;
    for (int64_t n = 1; n < frames->n_frames; n += 97) {
        rf_true_peak found[2] = {{.n = 0}, {.n = 0}};
        const rf_true_peak_filter *filters[2] = {&best, &any};
        for (size_t i = 0; i < RF_ARRAY_LEN(found); i++) {
            rf_true_peak_add(&found[i], filters[i], frames->data, (size_t)n, 1);
            rf_true_peak_flush(&found[i], filters[i]);
        }
        expect_near((double)found[0].true_peak, (double)found[1].true_peak, 1e-6, "true peak");
        cr_expect_eq(found[0].sample_peak, found[1].sample_peak);
    }
    rf_frames_free(frames);
}

Test(loudness, reading_does_not_end_the_measurement)
{
    const part whole = {-23, 6};
    rf_loudness first = {0};
    rf_loudness all;
    rf_loudness_meter *meter = NULL;
    rf_frames *frames = make_tone(&whole, 1, 2);
    cr_assert_eq(rf_loudness_meter_new(2, RATE_HZ, &meter), 0);
    for (int64_t at = 0; at < frames->n_frames; at += 1000) {
        rf_loudness_meter_add(meter, frames->data + 2 * at, RF_MIN(1000, frames->n_frames - at));
        rf_loudness_meter_read(meter, &first);
    }
    rf_loudness_meter_free(meter);
    cr_assert_eq(rf_loudness_of(frames, &all), 0);
    expect_near(first.integrated_lufs, all.integrated_lufs, 1e-9, "integrated");
    expect_near(first.true_peak_dbtp, all.true_peak_dbtp, 1e-9, "true peak");
    expect_near(first.momentary_lufs, -23, 0.1, "the last 400 ms");
    expect_near(first.short_term_lufs, -23, 0.1, "the last 3 s");
    rf_frames_free(frames);
}
