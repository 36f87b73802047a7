/* What is written, read back through the sandboxed decoder: exactness, lengths, clipping, dither,
 * sinks, and pairs that no format has. */
#include "media_make.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

static void expect_samples(const rf_frames *got, const rf_frames *want, const char *what)
{
    cr_assert_eq(got->n_frames, want->n_frames, "%s", what);
    cr_assert_eq(memcmp(got->data, want->data, rf_frames_bytes(want)), 0, "%s", what);
}

Test(encode, lossless_round_trips_are_exact)
{
    static const struct {
        rf_encode_params params;
        unsigned bits;
        uint32_t max_channels;
    } cases[] = {
        {{.format = RF_FORMAT_WAV, .bit_depth = 16, .no_dither = true}, 16, 9},
        {{.format = RF_FORMAT_WAV}, 24, 9},
        {{.format = RF_FORMAT_WAV, .bit_depth = 32}, 24, 32},
        {{.format = RF_FORMAT_FLAC, .bit_depth = 16, .no_dither = true, .level = 0}, 16, 8},
        {{.format = RF_FORMAT_FLAC, .level = -1}, 24, 8},
        {{.format = RF_FORMAT_FLAC, .bit_depth = 24, .level = 8}, 24, 2},
    };
    static const uint32_t rates[] = {3000, 44100, 96000, 384000};
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        for (uint32_t n = 1; n <= cases[i].max_channels; n++) {
            rf_encode_stats stats;
            rf_frames *want = media_noise(n, rates[n % RF_ARRAY_LEN(rates)], 3000 + 7 * n);
            media_round(want, cases[i].bits);
            int fd = media_encoded(&cases[i].params, want, &stats);
            rf_frames *got = media_decode(fd, NULL);
            expect_samples(got, want, rf_format_name(cases[i].params.format));
            cr_expect_eq(got->rate_hz, want->rate_hz);
            cr_expect_eq(stats.n_frames, want->n_frames);
            cr_expect_eq(stats.n_bytes, media_size(fd));
            cr_expect_eq(stats.n_clipped, 0);
            close(fd);
            rf_frames_free(got);
            rf_frames_free(want);
        }
    }
}

Test(encode, float_wav_keeps_what_is_beyond_full_scale)
{
    rf_encode_stats stats;
    rf_frames *want = media_noise(2, 48000, 100);
    want->data[0] = 7.5F;
    want->data[1] = -1e-30F;
    int fd =
        media_encoded(&(rf_encode_params){.format = RF_FORMAT_WAV, .bit_depth = 32}, want, &stats);
    rf_frames *got = media_decode(fd, NULL);
    expect_samples(got, want, "wav float");
    cr_expect_eq(stats.n_clipped, 0);
    rf_frames_free(got);
    rf_frames_free(want);
    close(fd);
}

Test(encode, integers_clip_and_count)
{
    static const rf_encode_params all[] = {
        {.format = RF_FORMAT_WAV, .bit_depth = 16, .no_dither = true},
        {.format = RF_FORMAT_WAV, .bit_depth = 24},
        {.format = RF_FORMAT_FLAC, .bit_depth = 24, .level = -1},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(all); i++) {
        rf_encode_stats stats;
        rf_frames *frames = media_noise(1, 48000, 8);
        const float steps = (float)(1 << (all[i].bit_depth - 1));
        const float in[8] = {1.5F, -1.5F, 1.0F, -1.0F, NAN, INFINITY, 0.0F, 0.5F};
        const float out[8] = {1 - 1 / steps, -1.0F, 1 - 1 / steps, -1.0F, 0, 0, 0, 0.5F};
        memcpy(frames->data, in, sizeof(in));
        int fd = media_encoded(&all[i], frames, &stats);
        rf_frames *got = media_decode(fd, NULL);
        cr_expect_eq(memcmp(got->data, out, sizeof(out)), 0);
        cr_expect_eq(stats.n_clipped, 2);
        cr_expect_eq(stats.n_nonfinite, 2);
        rf_frames_free(got);
        rf_frames_free(frames);
        close(fd);
    }
}

/* TPDF of +-1 step: error power (1/12 + 1/6) of a step, mean 0, and no signal left behind in it. */
Test(encode, sixteen_bits_are_dithered)
{
    rf_frames *want = media_noise(1, 48000, 100000);
    for (int64_t i = 0; i < want->n_frames; i++) {
        want->data[i] = (float)(0.4 / 32768 * sin(0.01 * (double)i));
    }
    const rf_encode_params params = {.format = RF_FORMAT_WAV, .bit_depth = 16};
    int fd = media_encoded(&params, want, NULL);
    int again = media_encoded(&params, want, NULL);
    rf_frames *got = media_decode(fd, NULL);
    rf_frames *twin = media_decode(again, NULL);
    expect_samples(twin, got, "the same input gives the same bytes");
    double sum = 0;
    double power = 0;
    double along = 0;
    for (int64_t i = 0; i < want->n_frames; i++) {
        double error = ((double)got->data[i] - (double)want->data[i]) * 32768;
        sum += error;
        power += error * error;
        along += error * sin(0.01 * (double)i);
    }
    cr_expect_leq(fabs(sum / (double)want->n_frames), 0.01);
    cr_expect_leq(fabs(power / (double)want->n_frames - 0.25), 0.01);
    cr_expect_leq(fabs(along / (double)want->n_frames), 0.01);
    rf_frames_free(got);
    rf_frames_free(twin);
    rf_frames_free(want);
    close(fd);
    close(again);
}

Test(encode, mp3_lengths_are_exact)
{
    static const uint32_t rates[] = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000};
    for (size_t i = 0; i < RF_ARRAY_LEN(rates); i++) {
        for (int vbr = 0; vbr < 2; vbr++) {
            const int64_t n = 1 + 373 * (int64_t)(i * i);
            rf_frames *want = media_noise(1 + (uint32_t)i % 2, rates[i], n);
            int fd = media_encoded(&(rf_encode_params){.format = RF_FORMAT_MP3, .vbr = vbr == 1},
                                   want, NULL);
            rf_frames *got = media_decode(fd, NULL);
            cr_expect_eq(got->n_frames, n, "%u Hz: %lld not %lld", rates[i],
                         (long long)got->n_frames, (long long)n);
            cr_expect_eq(got->n_channels, want->n_channels);
            rf_frames_free(got);
            rf_frames_free(want);
            close(fd);
        }
    }
}

Test(encode, opus_lengths_and_channels_are_exact)
{
    for (uint32_t n = 1; n <= 8; n++) {
        rf_frames *want = media_noise(n, 48000, 40000 + 31 * n);
        int fd = media_encoded(
            &(rf_encode_params){.format = RF_FORMAT_OPUS, .bitrate_bps = 60000 * n}, want, NULL);
        rf_frames *got = media_decode(fd, NULL);
        cr_assert_eq(got->n_frames, want->n_frames, "%u channels", n);
        cr_assert_eq(got->n_channels, n);
        for (uint32_t c = 0; c < n; c++) {
            bool lfe = n >= 6 && c == 3;
            cr_expect_gt(media_level(got, c, media_tone_hz(c)), lfe ? 0.0 : 0.4, "channel %u of %u",
                         c, n);
        }
        rf_frames_free(got);
        rf_frames_free(want);
        close(fd);
    }
}

Test(encode, lossy_files_follow_their_bit_rate)
{
    static const struct {
        rf_media_format format;
        uint32_t bitrate_bps;
    } cases[] = {{RF_FORMAT_MP3, 64000},
                 {RF_FORMAT_MP3, 192000},
                 {RF_FORMAT_MP3, 320000},
                 {RF_FORMAT_OPUS, 32000},
                 {RF_FORMAT_OPUS, 128000}};
    rf_frames *frames = media_noise(2, 48000, 480000);
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        const rf_encode_params params = {.format = cases[i].format,
                                         .bitrate_bps = cases[i].bitrate_bps};
        int fd = media_encoded(&params, frames, NULL);
        double bps = (double)media_size(fd) * 8 / 10;
        cr_expect_leq(fabs(bps / cases[i].bitrate_bps - 1), 0.2, "%s %u: %.0f",
                      rf_format_name(cases[i].format), cases[i].bitrate_bps, bps);
        close(fd);
    }
    rf_frames_free(frames);
}

Test(encode, impossible_pairs_name_the_field)
{
    static const struct {
        rf_encode_params params;
        int err;
        const char *message;
    } cases[] = {
        {{.format = RF_FORMAT_AAC, .rate_hz = 48000, .n_channels = 1}, -ENOTSUP, "format: aac"},
        {{.format = RF_FORMAT_WAV, .rate_hz = 48000, .n_channels = 1, .bit_depth = 20},
         -ENOTSUP,
         "bit_depth: WAV"},
        {{.format = RF_FORMAT_WAV, .rate_hz = 2999, .n_channels = 1}, -ENOTSUP, "rate: WAV"},
        {{.format = RF_FORMAT_WAV, .rate_hz = 48000, .n_channels = 33}, -ENOTSUP, "channels: WAV"},
        {{.format = RF_FORMAT_FLAC, .rate_hz = 48000, .n_channels = 9}, -ENOTSUP, "channels: FLAC"},
        {{.format = RF_FORMAT_FLAC, .rate_hz = 768000, .n_channels = 1}, -ENOTSUP, "rate: FLAC"},
        {{.format = RF_FORMAT_FLAC, .rate_hz = 48000, .n_channels = 1, .bit_depth = 32},
         -ENOTSUP,
         "bit_depth: FLAC"},
        {{.format = RF_FORMAT_FLAC, .rate_hz = 48000, .n_channels = 1, .level = 9},
         -EINVAL,
         "level: FLAC"},
        {{.format = RF_FORMAT_MP3, .rate_hz = 96000, .n_channels = 1}, -ENOTSUP, "rate: MP3"},
        {{.format = RF_FORMAT_MP3, .rate_hz = 48000, .n_channels = 3}, -ENOTSUP, "channels: MP3"},
        {{.format = RF_FORMAT_MP3, .rate_hz = 48000, .n_channels = 2, .bitrate_bps = 32000},
         -ENOTSUP,
         "bitrate: MP3"},
        {{.format = RF_FORMAT_MP3, .rate_hz = 22050, .n_channels = 2, .bitrate_bps = 192000},
         -ENOTSUP,
         "bitrate: MP3 at 22050"},
        {{.format = RF_FORMAT_MP3, .rate_hz = 48000, .n_channels = 2, .bit_depth = 16},
         -ENOTSUP,
         "bit_depth: MP3"},
        {{.format = RF_FORMAT_OPUS, .rate_hz = 44100, .n_channels = 2}, -ENOTSUP, "rate: Opus"},
        {{.format = RF_FORMAT_OPUS, .rate_hz = 48000, .n_channels = 9}, -ENOTSUP, "channels: Opus"},
        {{.format = RF_FORMAT_OPUS, .rate_hz = 48000, .n_channels = 1, .bitrate_bps = 5999},
         -ENOTSUP,
         "bitrate: Opus"},
        {{.format = RF_FORMAT_WAV, .rate_hz = 48000, .n_channels = 1, .n_frames = -2},
         -EINVAL,
         "n_frames"},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        rf_media_error error;
        cr_expect_eq(rf_encode_check(&cases[i].params, &error), cases[i].err, "case %zu", i);
        cr_expect_eq(strncmp(error.message, cases[i].message, strlen(cases[i].message)), 0, "%s",
                     error.message);
    }
}

typedef struct pipe_sink {
    char bytes[1 << 20];
    size_t len;
    size_t room;
} pipe_sink;

static int pipe_write(void *user, const void *data, size_t len)
{
    pipe_sink *p = user;
    if (len > p->room - p->len) {
        return -ENOSPC;
    }
    memcpy(p->bytes + p->len, data, len);
    p->len += len;
    return 0;
}

Test(encode, sinks_that_cannot_seek_need_the_length_and_get_a_whole_file)
{
    static pipe_sink pipe_buffer;
    static const rf_media_format formats[] = {RF_FORMAT_WAV, RF_FORMAT_FLAC, RF_FORMAT_MP3,
                                              RF_FORMAT_OPUS};
    rf_frames *frames = media_noise(2, 48000, 20000);
    media_round(frames, 24);
    for (size_t i = 0; i < RF_ARRAY_LEN(formats); i++) {
        const rf_sink sink = {.write = pipe_write, .user = &pipe_buffer};
        const rf_encode_params params = {.format = formats[i], .level = -1};
        pipe_buffer.len = 0;
        pipe_buffer.room = sizeof(pipe_buffer.bytes);
        cr_assert_eq(rf_encode_frames(&params, frames, sink, NULL, NULL), 0);
        int fd = media_file(pipe_buffer.bytes, pipe_buffer.len);
        rf_frames *got = media_decode(fd, NULL);
        cr_expect_geq(got->n_frames, frames->n_frames, "%s", rf_format_name(formats[i]));
        if (formats[i] == RF_FORMAT_WAV || formats[i] == RF_FORMAT_FLAC) {
            expect_samples(got, frames, rf_format_name(formats[i]));
        }
        rf_frames_free(got);
        close(fd);
    }
    rf_encoder *e = NULL;
    rf_media_error error;
    const rf_encode_params unknown = {
        .format = RF_FORMAT_WAV, .rate_hz = 48000, .n_channels = 2, .n_frames = -1};
    cr_expect_eq(
        rf_encoder_open(&unknown, (rf_sink){.write = pipe_write, .user = &pipe_buffer}, &e, &error),
        -EINVAL);
    rf_frames_free(frames);
}

Test(encode, a_failing_sink_ends_the_encoding)
{
    static pipe_sink small;
    static const rf_media_format formats[] = {RF_FORMAT_WAV, RF_FORMAT_FLAC, RF_FORMAT_MP3,
                                              RF_FORMAT_OPUS};
    static const size_t rooms[] = {0, 10, 3000};
    rf_frames *frames = media_noise(2, 48000, 48000);
    for (size_t i = 0; i < RF_ARRAY_LEN(formats) * RF_ARRAY_LEN(rooms); i++) {
        rf_media_error error;
        const rf_sink sink = {.write = pipe_write, .user = &small};
        const rf_encode_params params = {.format = formats[i / RF_ARRAY_LEN(rooms)], .level = -1};
        small.len = 0;
        small.room = rooms[i % RF_ARRAY_LEN(rooms)];
        cr_expect_eq(rf_encode_frames(&params, frames, sink, NULL, &error), -ENOSPC, "%s %zu",
                     rf_format_name(params.format), small.room);
        cr_expect_leq(small.len, small.room);
    }
    rf_frames_free(frames);
}

Test(encode, lengths_may_be_unknown_or_wrong_when_the_sink_can_seek)
{
    static const rf_media_format formats[] = {RF_FORMAT_WAV, RF_FORMAT_FLAC};
    static const int64_t declared[] = {-1, 5, 100000};
    rf_frames *want = media_noise(2, 48000, 30001);
    media_round(want, 24);
    for (size_t i = 0; i < RF_ARRAY_LEN(formats) * RF_ARRAY_LEN(declared); i++) {
        rf_encoder *e = NULL;
        int fd = media_file("", 0);
        const rf_encode_params params = {.format = formats[i % 2],
                                         .rate_hz = 48000,
                                         .n_channels = 2,
                                         .level = -1,
                                         .n_frames = declared[i / 2]};
        cr_assert_eq(rf_encoder_open(&params, rf_sink_fd(&fd), &e, NULL), 0);
        for (int64_t at = 0; at < want->n_frames; at += 7000) {
            cr_assert_eq(rf_encoder_write(e, want->data + at * 2, RF_MIN(7000, 30001 - at)), 0);
        }
        cr_assert_eq(rf_encoder_close(e, NULL), 0);
        rf_frames *got = media_decode(fd, NULL);
        expect_samples(got, want, rf_format_name(params.format));
        rf_frames_free(got);
        close(fd);
    }
    rf_frames_free(want);
}

Test(encode, an_unfinished_encoder_can_be_dropped)
{
    static pipe_sink sink;
    static const rf_media_format formats[] = {RF_FORMAT_WAV, RF_FORMAT_FLAC, RF_FORMAT_MP3,
                                              RF_FORMAT_OPUS};
    rf_frames *frames = media_noise(1, 48000, 1000);
    for (size_t i = 0; i < RF_ARRAY_LEN(formats); i++) {
        rf_encoder *e = NULL;
        const rf_encode_params params = {
            .format = formats[i], .rate_hz = 48000, .n_channels = 1, .level = -1, .n_frames = 1000};
        sink.room = sizeof(sink.bytes);
        cr_assert_eq(
            rf_encoder_open(&params, (rf_sink){.write = pipe_write, .user = &sink}, &e, NULL), 0);
        cr_assert_eq(rf_encoder_write(e, frames->data, 1000), 0);
        size_t before = sink.len;
        cr_expect_null(rf_encoder_free(e));
        cr_expect_eq(sink.len, before, "nothing is written after it");
    }
    cr_expect_null(rf_encoder_free(NULL));
    rf_frames_free(frames);
}
