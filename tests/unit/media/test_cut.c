/* Ranges of MP3 and Opus files as files of their own: the same samples in the same places as of the
 * whole file, from anywhere, at the cost of the range. */
#include "media_make.h"
#include "rf_cut.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#define SECONDS 60
#define FILE_MAX ((size_t)16 << 20)

typedef struct stored_file {
    rf_buf bytes;
    int64_t n_read;
} stored_file;

static int write_file(void *user, const void *data, size_t len)
{
    stored_file *f = user;
    return rf_buf_append(&f->bytes, data, len);
}

static int read_file(void *user, int64_t offset, void *data, size_t len)
{
    stored_file *f = user;
    if (offset < 0 || (uint64_t)offset + len > f->bytes.len) {
        return -ENODATA;
    }
    memcpy(data, f->bytes.data + offset, len);
    f->n_read += (int64_t)len;
    return 0;
}

static rf_frames *encode(const rf_encode_params *p, stored_file *ret)
{
    rf_frames *frames = media_noise(p->n_channels, p->rate_hz, p->n_frames);
    const rf_sink sink = {.write = write_file, .user = ret};
    rf_buf_init(&ret->bytes, FILE_MAX);
    cr_assert_eq(rf_encode_frames(p, frames, sink, NULL, NULL), 0);
    rf_frames_free(frames);
    const rf_decode_options options = media_options();
    cr_assert_eq(rf_decode_bytes(media_decoder(), ret->bytes.data, ret->bytes.len, &options,
                                 &frames, NULL, NULL),
                 0);
    return frames;
}

static void expect_range(const rf_frames *whole, rf_media_format format, stored_file *stored,
                         int64_t first, int64_t n, float tolerance)
{
    const rf_cut_file file = {
        .size = (int64_t)stored->bytes.len, .read = read_file, .user = stored};
    const rf_decode_options options = media_options();
    rf_buf piece;
    rf_frames *got;
    int64_t lead;
    float worst = 0;
    rf_buf_init(&piece, FILE_MAX);
    stored->n_read = 0;
    cr_assert_eq(rf_cut(format, &file, first, n, &piece, &lead), 0, "from %lld", (long long)first);
    cr_expect_lt(stored->n_read, (int64_t)4 << 20, "from %lld", (long long)first);
    cr_assert_eq(
        rf_decode_bytes(media_decoder(), piece.data, piece.len, &options, &got, NULL, NULL), 0,
        "from %lld", (long long)first);
    cr_assert_geq(got->n_frames, lead + n, "from %lld: %lld frames, not %lld and %lld",
                  (long long)first, (long long)got->n_frames, (long long)lead, (long long)n);
    const float *a = whole->data + first * whole->n_channels;
    const float *b = got->data + lead * whole->n_channels;
    for (int64_t i = 0; i < n * whole->n_channels; i++) {
        worst = fmaxf(worst, fabsf(a[i] - b[i]));
    }
    cr_expect_leq(worst, tolerance, "from %lld: %g", (long long)first, (double)worst);
    rf_frames_free(got);
    rf_buf_done(&piece);
}

static void cut_everywhere(const rf_encode_params *p, uint32_t rate_hz, float tolerance)
{
    stored_file stored = {0};
    rf_frames *whole = encode(p, &stored);
    const int64_t n = whole->n_frames;
    const int64_t part = rate_hz / 4;
    cr_assert_eq(whole->rate_hz, rate_hz);
    const int64_t firsts[] = {0, 1, 575, 1152, part, n / 3, n / 2 + 1, n - part - 17, n - part};
    for (size_t i = 0; i < RF_ARRAY_LEN(firsts); i++) {
        expect_range(whole, p->format, &stored, firsts[i], part, tolerance);
    }
    expect_range(whole, p->format, &stored, 0, n, tolerance);
    expect_range(whole, p->format, &stored, n - 1, 1, tolerance);
    expect_range(whole, p->format, &stored, n / 2, 1, tolerance);
    rf_frames_free(whole);
    rf_buf_done(&stored.bytes);
}

Test(cut, mp3_ranges_decode_to_the_samples_of_the_whole_file)
{
    static const struct {
        uint32_t rate_hz, n_channels, bitrate_bps;
    } cases[] = {{16000, 1, 64000}, {44100, 2, 128000}, {48000, 1, 320000}, {11025, 1, 24000}};
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        const rf_encode_params p = {.format = RF_FORMAT_MP3,
                                    .rate_hz = cases[i].rate_hz,
                                    .n_channels = cases[i].n_channels,
                                    .bitrate_bps = cases[i].bitrate_bps,
                                    .n_frames = (int64_t)SECONDS / 4 * cases[i].rate_hz + 333,
                                    .no_reservoir = true,
                                    .any_bitrate = true};
        cut_everywhere(&p, p.rate_hz, 1e-5F);
    }
}

/* A decoder that begins in the middle agrees after 80 ms, to what is not heard. */
Test(cut, opus_ranges_decode_to_the_samples_of_the_whole_file)
{
    static const struct {
        uint32_t rate_hz, n_channels, bitrate_bps, n_preroll;
    } cases[] = {{48000, 2, 64000, 0}, {16000, 1, 24000, 0}, {24000, 6, 256000, 1920}};
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        const rf_encode_params p = {.format = RF_FORMAT_OPUS,
                                    .rate_hz = cases[i].rate_hz,
                                    .n_channels = cases[i].n_channels,
                                    .bitrate_bps = cases[i].bitrate_bps,
                                    .complexity = 1,
                                    .n_frames = (int64_t)SECONDS / 4 * cases[i].rate_hz + 333};
        cut_everywhere(&p, RF_CUT_OPUS_HZ, 0.02F);
    }
}

Test(cut, a_second_of_a_long_file_is_found_by_a_few_reads)
{
    const rf_encode_params p = {.format = RF_FORMAT_OPUS,
                                .rate_hz = 48000,
                                .n_channels = 2,
                                .bitrate_bps = 256000,
                                .complexity = 1,
                                .n_frames = (int64_t)SECONDS * 48000};
    stored_file stored = {0};
    rf_frames *whole = encode(&p, &stored);
    rf_buf piece;
    int64_t lead;
    const rf_cut_file file = {
        .size = (int64_t)stored.bytes.len, .read = read_file, .user = &stored};
    rf_buf_init(&piece, FILE_MAX);
    cr_assert_eq(rf_cut(RF_FORMAT_OPUS, &file, 40 * 48000, 48000, &piece, &lead), 0);
    cr_expect_lt(stored.n_read, (int64_t)stored.bytes.len, "%lld of %zu bytes",
                 (long long)stored.n_read, stored.bytes.len);
    cr_expect_lt(piece.len, (size_t)80000);
    rf_buf_done(&piece);
    rf_frames_free(whole);
    rf_buf_done(&stored.bytes);
}

static uint32_t random_of(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

/* Damaged files give errors or files, never more. */
static void damage(const rf_encode_params *p)
{
    stored_file stored = {0};
    uint32_t state = 7;
    rf_frames_free(encode(p, &stored));
    const size_t len = stored.bytes.len;
    for (int i = 0; i < 500; i++) {
        stored_file bad = {0};
        rf_buf piece;
        int64_t lead;
        rf_buf_init(&bad.bytes, FILE_MAX);
        rf_buf_init(&piece, FILE_MAX);
        cr_assert_eq(rf_buf_append(&bad.bytes, stored.bytes.data,
                                   i % 2 == 0 ? len : random_of(&state) % (uint32_t)len),
                     0);
        for (int k = 0; k < 20 && bad.bytes.len > 0; k++) {
            const uint32_t range = k < 10 ? 300 : UINT32_MAX;
            bad.bytes.data[random_of(&state) % RF_MIN(range, (uint32_t)bad.bytes.len)] =
                (uint8_t)random_of(&state);
        }
        const rf_cut_file file = {.size = (int64_t)bad.bytes.len, .read = read_file, .user = &bad};
        int err = rf_cut(p->format, &file, random_of(&state) % 48000, 4800, &piece, &lead);
        cr_expect(err == 0 || err == -EBADMSG || err == -ENOSPC, "%d", err);
        rf_buf_done(&piece);
        rf_buf_done(&bad.bytes);
    }
    rf_buf_done(&stored.bytes);
}

Test(cut, damaged_files_end_in_errors)
{
    damage(&(rf_encode_params){.format = RF_FORMAT_MP3,
                               .rate_hz = 16000,
                               .n_channels = 1,
                               .bitrate_bps = 64000,
                               .n_frames = 48000,
                               .no_reservoir = true});
    damage(&(rf_encode_params){.format = RF_FORMAT_OPUS,
                               .rate_hz = 48000,
                               .n_channels = 1,
                               .bitrate_bps = 64000,
                               .complexity = 1,
                               .n_frames = 48000});
}
