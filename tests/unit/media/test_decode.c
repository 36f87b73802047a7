/* Every format of the table in processor.md section 6: exact lengths, exact samples of lossless
 * ones, channels in their places; and every limit on declared and on real values. */
#include "media_make.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const int64_t lengths[] = {1, 575, 1152, 44100, 100001};

static void expect_same(const rf_frames *got, const rf_frames *want, float tolerance,
                        const char *what)
{
    cr_assert_eq(got->n_channels, want->n_channels, "%s", what);
    cr_assert_eq(got->rate_hz, want->rate_hz, "%s", what);
    cr_assert_eq(got->n_frames, want->n_frames, "%s: %lld frames, not %lld", what,
                 (long long)got->n_frames, (long long)want->n_frames);
    for (int64_t i = 0; i < want->n_frames * want->n_channels; i++) {
        cr_assert_leq(fabsf(got->data[i] - want->data[i]), tolerance,
                      "%s: sample %lld is %g not %g", what, (long long)i, (double)got->data[i],
                      (double)want->data[i]);
    }
}

Test(decode, lossless_files_come_back_exactly)
{
    static const struct {
        const char *container;
        const char *codec;
        const char *options;
        rf_media_format format;
        unsigned bits;
        unsigned declared_bits;
        float tolerance;
    } cases[] = {
        {"wav", "pcm_u8", NULL, RF_FORMAT_WAV, 8, 8, 0},
        {"wav", "pcm_s16le", NULL, RF_FORMAT_WAV, 16, 16, 0},
        {"wav", "pcm_s24le", NULL, RF_FORMAT_WAV, 24, 24, 0},
        {"wav", "pcm_s32le", NULL, RF_FORMAT_WAV, 24, 32, 0},
        {"wav", "pcm_f32le", NULL, RF_FORMAT_WAV, 24, 32, 0},
        {"wav", "pcm_f64le", NULL, RF_FORMAT_WAV, 24, 64, 0},
        {"wav", "pcm_alaw", NULL, RF_FORMAT_WAV, 16, 8, 0.02F},
        {"wav", "pcm_mulaw", NULL, RF_FORMAT_WAV, 16, 8, 0.02F},
        {"wav", "pcm_s24le", "rf64=always", RF_FORMAT_WAV, 24, 24, 0},
        {"flac", "flac", NULL, RF_FORMAT_FLAC, 16, 16, 0},
        {"aiff", "pcm_s8", NULL, RF_FORMAT_AIFF, 8, 8, 0},
        {"aiff", "pcm_s16be", NULL, RF_FORMAT_AIFF, 16, 16, 0},
        {"aiff", "pcm_s24be", NULL, RF_FORMAT_AIFF, 24, 24, 0},
        {"aiff", "pcm_s32be", NULL, RF_FORMAT_AIFF, 24, 32, 0},
        {"aiff", "pcm_s16le", NULL, RF_FORMAT_AIFF, 16, 16, 0},
        {"aiff", "pcm_f32be", NULL, RF_FORMAT_AIFF, 24, 32, 0},
        {"aiff", "pcm_f64be", NULL, RF_FORMAT_AIFF, 24, 64, 0},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        for (size_t k = 0; k < RF_ARRAY_LEN(lengths); k++) {
            rf_decode_info info;
            rf_frames *want = media_noise(1 + (uint32_t)(k % 2), 44100, lengths[k]);
            media_round(want, cases[i].bits);
            int fd = media_muxed(cases[i].container, cases[i].codec, cases[i].options, want);
            rf_frames *got = media_decode(fd, &info);
            expect_same(got, want, cases[i].tolerance, cases[i].codec);
            cr_expect_eq(info.format, cases[i].format, "%s", cases[i].codec);
            cr_expect(info.lossless);
            cr_expect_eq(info.bits_per_sample, cases[i].declared_bits, "%s %s", cases[i].container,
                         cases[i].codec);
            close(fd);
            rf_frames_free(got);
            rf_frames_free(want);
        }
    }
}

Test(decode, lossy_lengths_are_exact_after_delay_removal)
{
    static const struct {
        const char *container;
        const char *codec;
        rf_media_format format;
        uint32_t rate_hz;
        uint32_t max_channels;
    } cases[] = {
        {"mp3", "libmp3lame", RF_FORMAT_MP3, 44100, 2},
        {"mp3", "libmp3lame", RF_FORMAT_MP3, 48000, 2},
        {"mp3", "libmp3lame", RF_FORMAT_MP3, 22050, 2},
        {"mp3", "libmp3lame", RF_FORMAT_MP3, 11025, 2},
        {"ogg", "libvorbis", RF_FORMAT_VORBIS, 44100, 8},
        {"ogg", "libvorbis", RF_FORMAT_VORBIS, 8000, 2},
        {"ogg", "libopus", RF_FORMAT_OPUS, 48000, 8},
        {"ipod", "aac", RF_FORMAT_M4A, 44100, 8},
        {"mp4", "aac", RF_FORMAT_M4A, 48000, 2},
        {"mov", "aac", RF_FORMAT_M4A, 22050, 2},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        for (uint32_t n = 1; n <= cases[i].max_channels; n++) {
            rf_decode_info info;
            if (n == 7 && cases[i].format == RF_FORMAT_M4A) {
                continue; /* AAC has no configuration of seven channels */
            }
            rf_frames *want = media_noise(n, cases[i].rate_hz, 30000 + 17 * n);
            int fd = media_muxed(cases[i].container, cases[i].codec, NULL, want);
            rf_frames *got = media_decode(fd, &info);
            cr_expect_eq(info.format, cases[i].format);
            cr_expect_eq(got->n_channels, n);
            cr_expect_eq(got->rate_hz, cases[i].rate_hz);
            cr_expect_leq(llabs(got->n_frames - want->n_frames), 1, "%s %u Hz %u channels: %lld",
                          cases[i].codec, cases[i].rate_hz, n,
                          (long long)(got->n_frames - want->n_frames));
            close(fd);
            rf_frames_free(got);
            rf_frames_free(want);
        }
    }
}

/* A file of one packet has its delay and its padding in the same place. */
Test(decode, lossy_lengths_of_very_short_files_are_exact)
{
    static const struct {
        const char *container;
        const char *codec;
        uint32_t rate_hz;
    } cases[] = {{"ogg", "libvorbis", 44100}, {"ogg", "libopus", 48000}, {"ipod", "aac", 44100}};
    static const int64_t short_lengths[] = {1, 64, 500, 960, 1153, 2500};
    for (size_t i = 0; i < RF_ARRAY_LEN(cases) * RF_ARRAY_LEN(short_lengths); i++) {
        const size_t k = i / RF_ARRAY_LEN(short_lengths);
        rf_frames *want =
            media_noise(1, cases[k].rate_hz, short_lengths[i % RF_ARRAY_LEN(short_lengths)]);
        int fd = media_muxed(cases[k].container, cases[k].codec, NULL, want);
        rf_frames *got = media_decode(fd, NULL);
        cr_expect_leq(llabs(got->n_frames - want->n_frames), 1, "%s: %lld not %lld", cases[k].codec,
                      (long long)got->n_frames, (long long)want->n_frames);
        close(fd);
        rf_frames_free(got);
        rf_frames_free(want);
    }
}

/* Lossy coders may take the tone out of the LFE (channel 3 of 5.1 and above): it is too high for
 * it. Opus of seven channels is tested with our own encoder: libav's changes their places. */
Test(decode, channels_keep_their_places_and_their_time)
{
    static const struct {
        const char *container;
        const char *codec;
        uint32_t n_channels;
    } cases[] = {{"ogg", "libvorbis", 6}, {"ogg", "libopus", 6}, {"ipod", "aac", 5},
                 {"ogg", "libvorbis", 3}, {"flac", "flac", 6},   {"mp3", "libmp3lame", 2},
                 {"ogg", "libvorbis", 7}, {"flac", "flac", 8},   {"ogg", "libopus", 8},
                 {"ogg", "libvorbis", 8}};
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        rf_frames *want = media_noise(cases[i].n_channels, 48000, 48000);
        int fd = media_muxed(cases[i].container, cases[i].codec, NULL, want);
        rf_frames *got = media_decode(fd, NULL);
        for (uint32_t c = 0; c < want->n_channels; c++) {
            double level = media_level(got, c, media_tone_hz(c));
            bool lfe = want->n_channels >= 6 && c == 3 && strcmp(cases[i].codec, "flac") != 0;
            cr_expect_gt(level, lfe ? 0.0 : 0.4, "%s %u: channel %u has %.2f", cases[i].codec,
                         want->n_channels, c, level);
        }
        close(fd);
        rf_frames_free(got);
        rf_frames_free(want);
    }
}

/* The lower half of the spectrum has 22.05 kHz; the decoder gives twice as many frames. One channel
 * may turn out to be parametric stereo at any time: it comes as two. */
Test(decode, he_aac_has_the_rate_and_the_length_of_its_extension)
{
    for (uint32_t n = 1; n <= 2; n++) {
        rf_decode_info info;
        rf_frames *half = media_noise(n, 22050, 33075);
        int fd = media_muxed("ipod", "he-aac", NULL, half);
        rf_frames *got = media_decode(fd, &info);
        cr_expect_eq(info.format, RF_FORMAT_M4A);
        cr_expect_eq(got->rate_hz, 44100);
        cr_expect_eq(got->n_channels, 2);
        cr_expect_leq(llabs(got->n_frames - 66150), 1, "%lld", (long long)got->n_frames);
        for (uint32_t c = 0; c < 2; c++) {
            cr_expect_gt(media_level(got, c, media_tone_hz(RF_MIN(c, n - 1))), 0.4);
        }
        close(fd);
        rf_frames_free(got);
        rf_frames_free(half);
    }
}

Test(decode, adts_is_decoded_whole)
{
    rf_decode_info info;
    rf_frames *want = media_noise(2, 44100, 44100);
    int fd = media_muxed("adts", "aac", NULL, want);
    rf_frames *got = media_decode(fd, &info);
    cr_expect_eq(info.format, RF_FORMAT_AAC);
    cr_expect_geq(got->n_frames, want->n_frames, "ADTS declares no delay: nothing is cut");
    cr_expect_lt(got->n_frames, want->n_frames + 3 * 1024);
    close(fd);
    rf_frames_free(got);
    rf_frames_free(want);
}

Test(decode, the_result_is_a_sealed_memfd)
{
    rf_frames *want = media_noise(2, 48000, 1000);
    int fd = media_muxed("wav", "pcm_f32le", NULL, want);
    rf_frames *got = media_decode(fd, NULL);
    cr_expect_geq(got->fd, 0);
    cr_expect_eq(ftruncate(got->fd, 0), -1, "it must not shrink");
    cr_expect_eq(write(got->fd, "x", 1), -1, "it must not change");
    rf_frames *view = NULL;
    cr_expect_eq(rf_frames_map(dup(got->fd), 2, 48000, 1000, &view), 0);
    cr_expect_eq(memcmp(view->data, got->data, rf_frames_bytes(got)), 0);
    rf_frames_free(view);
    rf_frames_free(got);
    rf_frames_free(want);
    close(fd);
}

Test(decode, the_callers_descriptor_stays_as_it_was)
{
    rf_frames *want = media_noise(1, 44100, 5000);
    int fd = media_muxed("flac", "flac", NULL, want);
    cr_assert_eq(lseek(fd, 7, SEEK_SET), 7);
    rf_frames_free(media_decode(fd, NULL));
    cr_expect_eq(lseek(fd, 0, SEEK_CUR), 7);
    close(fd);
    rf_frames_free(want);
}

Test(decode, non_finite_samples_become_zero_unless_kept)
{
    rf_frames *want = media_noise(1, 44100, 4);
    want->data[1] = NAN;
    want->data[2] = INFINITY;
    int fd =
        media_encoded(&(rf_encode_params){.format = RF_FORMAT_WAV, .bit_depth = 32}, want, NULL);
    rf_frames *got = media_decode(fd, NULL);
    cr_expect_eq(got->data[0], want->data[0]);
    cr_expect_eq(got->data[1], 0.0F);
    cr_expect_eq(got->data[2], 0.0F);
    rf_frames_free(got);
    rf_decode_options options = media_options();
    options.keep_nonfinite = true;
    cr_assert_eq(rf_decode(media_decoder(), fd, &options, &got, NULL, NULL), 0);
    cr_expect(isnan(got->data[1]) && isinf(got->data[2]));
    rf_frames_free(got);
    rf_frames_free(want);
    close(fd);
}

typedef struct limit_case {
    const char *container;
    const char *codec;
    const char *options;
} limit_case;

/* Files that declare their length, and files whose length shows only as they are decoded. */
static const limit_case limit_cases[] = {
    {"wav", "pcm_s16le", NULL}, {"flac", "flac", NULL},      {"mp3", "libmp3lame", NULL},
    {"ogg", "libvorbis", NULL}, {"ogg", "libopus", NULL},    {"ipod", "aac", NULL},
    {"adts", "aac", NULL},      {"aiff", "pcm_s16be", NULL}, {"mp3", "libmp3lame", "write_xing=0"},
};

static void expect_limit(const limit_case *c, int fd, const rf_decode_options *options,
                         rf_media_code code, int64_t limit)
{
    rf_media_error error = media_decode_fails(fd, options);
    cr_expect_eq(error.code, code, "%s: %s, not %s", c->codec, error.message,
                 rf_media_code_name(code));
    cr_expect_eq(error.limit, limit, "%s: limit %lld", c->codec, (long long)error.limit);
    cr_expect_neq(error.value, error.limit, "%s", c->codec);
    cr_expect(strstr(error.message, rf_media_code_name(code)) != NULL, "%s", error.message);
}

Test(decode, every_limit_holds_in_every_format)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(limit_cases); i++) {
        const limit_case *c = &limit_cases[i];
        rf_frames *frames = media_noise(2, 48000, 3 * 48000);
        int fd = media_muxed(c->container, c->codec, c->options, frames);
        rf_decode_options options = media_options();
        options.limits.max_seconds = 2;
        expect_limit(c, fd, &options, RF_MEDIA_LIMIT_DURATION, 2);
        options = media_options();
        options.limits.max_channels = 1;
        expect_limit(c, fd, &options, RF_MEDIA_LIMIT_CHANNELS, 1);
        options = media_options();
        options.limits.max_rate_hz = 44100;
        expect_limit(c, fd, &options, RF_MEDIA_LIMIT_RATE, 44100);
        options = media_options();
        options.limits.min_rate_hz = 96000;
        expect_limit(c, fd, &options, RF_MEDIA_LIMIT_RATE, 96000);
        options = media_options();
        options.limits.max_pcm_bytes = 1 << 20;
        expect_limit(c, fd, &options, RF_MEDIA_LIMIT_MEMORY, 1 << 20);
        options = media_options();
        options.limits.max_bytes = media_size(fd) - 1;
        expect_limit(c, fd, &options, RF_MEDIA_LIMIT_BYTES, media_size(fd) - 1);
        options.limits.max_bytes = media_size(fd);
        options.limits.max_seconds = 4;
        rf_frames *got = NULL;
        cr_expect_eq(rf_decode(media_decoder(), fd, &options, &got, NULL, NULL), 0,
                     "%s: a file at its limits is legal", c->codec);
        rf_frames_free(got);
        rf_frames_free(frames);
        close(fd);
    }
}

Test(decode, lengths_that_only_show_when_decoding_are_limited)
{
    /* STREAMINFO without a length, as an encoder that streams writes it. */
    rf_frames *frames = media_noise(2, 48000, 3 * 48000);
    int fd = media_muxed("flac", "flac", NULL, frames);
    cr_assert_eq(pwrite(fd, "\xf0\0\0\0\0", 5, 8 + 13), 5);
    rf_frames *got = media_decode(fd, NULL);
    cr_expect_eq(got->n_frames, frames->n_frames);
    rf_frames_free(got);
    rf_decode_options options = media_options();
    options.limits.max_seconds = 2;
    expect_limit(&limit_cases[1], fd, &options, RF_MEDIA_LIMIT_DURATION, 2);
    options = media_options();
    options.limits.max_pcm_bytes = 1 << 20;
    expect_limit(&limit_cases[1], fd, &options, RF_MEDIA_LIMIT_MEMORY, 1 << 20);
    rf_frames_free(frames);
    close(fd);
}

Test(decode, time_and_cancel_end_a_call)
{
    rf_frames *frames = media_noise(2, 48000, 60 * 48000);
    int fd = media_muxed("ogg", "libvorbis", NULL, frames);
    rf_decode_options options = media_options();
    options.limits.wall_ms = 20;
    rf_media_error error = media_decode_fails(fd, &options);
    cr_expect_eq(error.code, RF_MEDIA_TIMEOUT, "%s", error.message);
    cr_expect(strstr(error.message, "20 ms") != NULL, "%s", error.message);
    options = media_options();
    options.cancel_fd = eventfd(1, EFD_CLOEXEC);
    int64_t before_ns = rf_time_ns();
    error = media_decode_fails(fd, &options);
    cr_expect_eq(error.code, RF_MEDIA_CANCELLED);
    cr_expect_lt(rf_time_ns() - before_ns, 500 * RF_NS_PER_MS);
    close(options.cancel_fd);
    rf_frames_free(frames);
    close(fd);
}

Test(decode, impossible_limits_and_descriptors_are_refused)
{
    rf_decode_options options = media_options();
    options.limits.max_channels = 33;
    int fd = media_file("x", 1);
    cr_expect_eq(media_decode_fails(fd, &options).code, RF_MEDIA_INVALID_VALUE);
    close(fd);
    options = media_options();
    cr_expect_eq(media_decode_fails(-1, &options).code, RF_MEDIA_INVALID_VALUE);
    int null_fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    cr_expect_eq(media_decode_fails(null_fd, &options).code, RF_MEDIA_INVALID_VALUE);
    close(null_fd);
}

Test(decode, bytes_in_memory_decode_alike)
{
    rf_frames *want = media_noise(2, 44100, 777);
    int fd = media_muxed("wav", "pcm_f32le", NULL, want);
    int64_t len = media_size(fd);
    char *bytes = malloc((size_t)len);
    cr_assert_eq(pread(fd, bytes, (size_t)len, 0), len);
    rf_decode_options options = media_options();
    rf_frames *got = NULL;
    cr_assert_eq(rf_decode_bytes(media_decoder(), bytes, (size_t)len, &options, &got, NULL, NULL),
                 0);
    expect_same(got, want, 0, "bytes");
    rf_frames_free(got);
    options.limits.max_bytes = len - 1;
    rf_media_error error;
    cr_expect_eq(rf_decode_bytes(media_decoder(), bytes, (size_t)len, &options, &got, NULL, &error),
                 -E2BIG);
    cr_expect_eq(error.code, RF_MEDIA_LIMIT_BYTES);
    free(bytes);
    rf_frames_free(want);
    close(fd);
}
