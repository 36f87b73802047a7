/* Section 7, Peaks: bytes by hand, any cutting of the input, gaps, speed. */
#include "recorder_peaks.h"
#include "rf_time.h"
#include "take_case.h"

#include <criterion/criterion.h>
#include <string.h>

static rf_buf buffer(void)
{
    rf_buf b;
    rf_buf_init(&b, (size_t)256 << 20);
    return b;
}

Test(peaks, the_dat_file_by_hand)
{
    /* 2 channels, 3 frames a pixel, 4 frames: means 1, -1 (of -3, truncated), 300, then -32768. */
    static const int16_t pcm[] = {1, 2, -1, -2, 256, 345, -32768, -32768};
    static const uint8_t wanted_8[] = {2, 0, 0, 0, 1, 0, 0, 0, 0x80, 0xBB, 0, 0, 3,    0,
                                       0, 0, 2, 0, 0, 0, 1, 0, 0,    0,    0, 1, 0x80, 0x80};
    static const uint8_t wanted_16[] = {0xFF, 0xFF, 0x2C, 0x01, 0x00, 0x80, 0x00, 0x80};
    recorder_peaks p;
    rf_buf pixels = buffer();
    rf_buf file = buffer();
    recorder_peaks_init(&p, RECORDER_SAMPLE_INT16, 2, 3, false);
    cr_assert_eq(recorder_peaks_add(&p, pcm, 4, &pixels), 0);
    cr_assert_eq(pixels.len, 4, "one pixel; the second is not yet full");
    cr_assert_eq(recorder_peaks_finish(&p, &pixels), 0);
    cr_assert_eq(pixels.len, 8);
    recorder_peaks_head head = {48000, 3, 2, 1, 8};
    cr_assert_eq(recorder_peaks_dat_head(&head, &file), 0);
    cr_assert_eq(file.len, (size_t)RECORDER_PEAKS_HEADER_LEN);
    cr_assert_eq(recorder_peaks_dat_values(8, (const int16_t *)(void *)pixels.data, 4, &file), 0);
    cr_assert_eq(file.len, sizeof(wanted_8));
    cr_assert_eq(memcmp(file.data, wanted_8, sizeof(wanted_8)), 0);
    rf_buf_clear(&file);
    head.bits = 16;
    cr_assert_eq(recorder_peaks_dat_head(&head, &file), 0);
    cr_assert_eq(file.data[4], 0, "no flag");
    cr_assert_eq(recorder_peaks_dat_values(16, (const int16_t *)(void *)pixels.data, 4, &file), 0);
    cr_assert_eq(memcmp(file.data + 24, wanted_16, sizeof(wanted_16)), 0);
    rf_buf_done(&file);
    rf_buf_done(&pixels);
}

Test(peaks, the_json_file_by_hand)
{
    static const int16_t values[] = {-16896, 16383, -255, 255};
    recorder_peaks_head head = {44100, 512, 1, 2, 8};
    rf_buf file = buffer();
    (void)recorder_peaks_json_head(&head, &file);
    (void)recorder_peaks_json_values(8, values, 2, true, &file);
    (void)recorder_peaks_json_values(8, values + 2, 2, false, &file);
    cr_assert_eq(recorder_peaks_json_tail(&file), 0);
    cr_assert_str_eq(rf_buf_str(&file),
                     "{\"version\":2,\"channels\":2,\"sample_rate\":44100,"
                     "\"samples_per_pixel\":512,\"bits\":8,\"length\":1,\"data\":[-66,63,0,0]}\n");
    rf_buf_done(&file);
}

/* The rule word for word, one sample at a time. */
static void judge(const int16_t *pcm, size_t n_frames, const recorder_peaks *p, rf_buf *out)
{
    uint32_t n = p->per_channel ? p->channels : 1;
    for (size_t first = 0; first < n_frames; first += p->spp) {
        size_t end = RF_MIN(first + p->spp, n_frames);
        for (uint32_t c = 0; c < n; c++) {
            int16_t least = INT16_MAX;
            int16_t greatest = INT16_MIN;
            for (size_t i = first; i < end; i++) {
                int sum = 0;
                for (uint32_t k = 0; k < p->channels; k++) {
                    sum += pcm[i * p->channels + k];
                }
                int value = p->per_channel ? pcm[i * p->channels + c] : sum / (int)p->channels;
                least = (int16_t)RF_MIN(value, (int)least);
                greatest = (int16_t)RF_MAX(value, (int)greatest);
            }
            (void)rf_buf_append(out, &least, 2);
            (void)rf_buf_append(out, &greatest, 2);
        }
    }
}

static void fill_with_noise(int16_t *pcm, size_t n, uint64_t *seed)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t x = chance(seed);
        pcm[i] = (int16_t)(x >> 8);
        pcm[i] = x % 50 == 0 ? INT16_MIN : x % 50 == 1 ? INT16_MAX : pcm[i];
    }
}

Test(peaks, every_channel_count_grows_live_to_the_same_pixels)
{
    static int16_t pcm[8 * 20000];
    static const uint32_t spps[] = {2, 3, 64, 255, 256, 1000, 65536};
    uint64_t seed = 6;
    fill_with_noise(pcm, RF_ARRAY_LEN(pcm), &seed);
    for (uint32_t channels = 1; channels <= 8; channels++) {
        for (size_t s = 0; s < RF_ARRAY_LEN(spps); s++) {
            for (int each = 0; each < 2; each++) {
                recorder_peaks p;
                rf_buf got = buffer();
                rf_buf wanted = buffer();
                recorder_peaks_init(&p, RECORDER_SAMPLE_INT16, channels, spps[s], each == 1);
                judge(pcm, 20000, &p, &wanted);
                for (size_t at = 0; at < 20000;) {
                    size_t n = RF_MIN((size_t)chance_below(&seed, 1, 900), 20000 - at);
                    cr_assert_eq(recorder_peaks_add(&p, pcm + at * channels, n, &got), 0);
                    at += n;
                }
                cr_assert_eq(recorder_peaks_finish(&p, &got), 0);
                cr_assert_eq(got.len, wanted.len);
                cr_assert_eq(memcmp(got.data, wanted.data, got.len), 0, "%u channels, %u spp",
                             channels, spps[s]);
                rf_buf_done(&got);
                rf_buf_done(&wanted);
            }
        }
    }
}

Test(peaks, S6_silence_costs_a_pixel_and_a_number)
{
    static int16_t pcm[2 * 30000];
    uint64_t seed = 16;
    for (int round = 0; round < 300; round++) {
        recorder_peaks p;
        rf_buf got = buffer();
        rf_buf wanted = buffer();
        size_t before = (size_t)chance_below(&seed, 0, 2000);
        size_t gap = (size_t)chance_below(&seed, 0, 5000);
        size_t after = (size_t)chance_below(&seed, 0, 2000);
        int64_t n_zero;
        memset(pcm, 0, sizeof(pcm));
        fill_with_noise(pcm, 2 * before, &seed);
        fill_with_noise(pcm + 2 * (before + gap), 2 * after, &seed);
        recorder_peaks_init(&p, RECORDER_SAMPLE_INT16, 2, 256, round % 2 == 0);
        judge(pcm, before + gap + after, &p, &wanted);
        cr_assert_eq(recorder_peaks_add(&p, pcm, before, &got), 0);
        cr_assert_eq(recorder_peaks_silence(&p, (int64_t)gap, &got, &n_zero), 0);
        size_t pixel_bytes = 4 * recorder_peaks_channels(&p);
        static const uint8_t zeros[8];
        for (int64_t i = 0; i < n_zero; i++) {
            (void)rf_buf_append(&got, zeros, pixel_bytes);
        }
        cr_assert_eq(recorder_peaks_add(&p, pcm + 2 * (before + gap), after, &got), 0);
        cr_assert_eq(recorder_peaks_finish(&p, &got), 0);
        cr_assert_eq(got.len, wanted.len);
        cr_assert_eq(memcmp(got.data, wanted.data, got.len), 0, "%zu, %zu, %zu", before, gap,
                     after);
        rf_buf_done(&got);
        rf_buf_done(&wanted);
    }
}

Test(peaks, other_formats_show_their_upper_16_bits)
{
    static int16_t pcm[6000];
    static int32_t wide[6000];
    uint64_t seed = 3;
    fill_with_noise(pcm, 6000, &seed);
    for (size_t i = 0; i < 6000; i++) {
        wide[i] = pcm[i] * 65536 + 12345;
    }
    recorder_peaks a;
    recorder_peaks b;
    rf_buf x = buffer();
    rf_buf y = buffer();
    recorder_peaks_init(&a, RECORDER_SAMPLE_INT16, 3, 100, false);
    recorder_peaks_init(&b, RECORDER_SAMPLE_INT32, 3, 100, false);
    cr_assert_eq(recorder_peaks_add(&a, pcm, 2000, &x), 0);
    cr_assert_eq(recorder_peaks_add(&b, wide, 2000, &y), 0);
    cr_assert(x.len == 80 && y.len == x.len && memcmp(x.data, y.data, x.len) == 0);
    rf_buf_done(&x);
    rf_buf_done(&y);
}

/* The bound of section 10 is 10,000 x real time on an idle machine; a tenth of it holds on a busy
 * one, and in no build with sanitizers. */
Test(peaks, an_hour_of_48_kHz_stereo_is_quick)
{
    static int16_t pcm[2 * 48000];
    uint64_t seed = 8;
    recorder_peaks p;
    rf_buf out = buffer();
    fill_with_noise(pcm, RF_ARRAY_LEN(pcm), &seed);
    recorder_peaks_init(&p, RECORDER_SAMPLE_INT16, 2, 256, false);
    int64_t begin = rf_time_ns();
    for (int i = 0; i < 3600; i++) {
        cr_assert_eq(recorder_peaks_add(&p, pcm, 48000, &out), 0);
    }
    double seconds = (double)(rf_time_ns() - begin) / 1e9;
    cr_assert_eq(out.len, 675000U * 4);
    cr_log_info("%.0f x real time", 3600.0 / seconds);
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    cr_assert_lt(seconds, 3.6);
#endif
    rf_buf_done(&out);
}
