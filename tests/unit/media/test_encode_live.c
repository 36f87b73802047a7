/* Encoding without going back: PCM as it is, heads that are right at once, coded frames counted. */
#include "media_make.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

typedef struct memory {
    uint8_t data[1 << 20];
    size_t len;
} memory;

static int to_memory(void *user, const void *data, size_t len)
{
    memory *m = user;
    cr_assert_leq(len, sizeof(m->data) - m->len);
    memcpy(m->data + m->len, data, len);
    m->len += len;
    return 0;
}

/* Encodes frames as floats in blocks of 100 and decodes them. */
static rf_frames *through(const rf_encode_params *params, const rf_frames *in, memory *m)
{
    rf_encoder *e = NULL;
    rf_media_error error;
    m->len = 0;
    cr_assert_eq(rf_encoder_open(params, (rf_sink){.write = to_memory, .user = m}, &e, &error), 0,
                 "%s", error.message);
    for (int64_t at = 0; at < in->n_frames; at += 100) {
        cr_assert_eq(rf_encoder_write_pcm(e, RF_SAMPLE_F32, in->data + at * in->n_channels,
                                          RF_MIN(in->n_frames - at, (int64_t)100)),
                     0);
        cr_assert_leq(rf_encoder_coded(e), at + 100);
        cr_assert_eq(rf_encoder_coded(e) % rf_encoder_codec_frame(e), 0);
    }
    cr_assert_eq(rf_encoder_close(e, NULL), 0);
    int fd = media_file(m->data, m->len);
    rf_frames *out = media_decode(fd, NULL);
    close(fd);
    return out;
}

Test(encode_live, opus_is_exact_at_all_rates_and_lengths_of_packets)
{
    static const uint32_t rates[] = {8000, 12000, 16000, 24000, 48000};
    static const uint32_t parts[] = {400, 200, 100, 50}; /* of a second */
    memory *m = malloc(sizeof(*m));
    for (size_t i = 0; i < RF_ARRAY_LEN(rates) * RF_ARRAY_LEN(parts); i++) {
        const uint32_t rate = rates[i / RF_ARRAY_LEN(parts)];
        rf_frames *in = media_noise(1 + (uint32_t)i % 3, rate, 5000 + 7 * (int64_t)i);
        const rf_encode_params params = {.format = RF_FORMAT_OPUS,
                                         .rate_hz = rate,
                                         .n_channels = in->n_channels,
                                         .block_frames = rate / parts[i % RF_ARRAY_LEN(parts)],
                                         .n_frames = -1,
                                         .n_preroll = (uint32_t)i * 20};
        rf_frames *out = through(&params, in, m);
        cr_expect_eq(out->n_frames, (in->n_frames - params.n_preroll) * (48000 / rate),
                     "%u Hz: %lld", rate, (long long)out->n_frames);
        rf_frames_free(in);
        rf_frames_free(out);
    }
    free(m);
}

Test(encode_live, mp3_is_exact_without_seeking_when_its_length_is_known)
{
    static const int64_t lengths[] = {1, 575, 576, 577, 1151, 1152, 1153, 9999};
    static const uint32_t rates[] = {8000, 22050, 44100, 48000};
    memory *m = malloc(sizeof(*m));
    for (size_t i = 0; i < RF_ARRAY_LEN(lengths) * RF_ARRAY_LEN(rates); i++) {
        const uint32_t rate = rates[i % RF_ARRAY_LEN(rates)];
        rf_frames *in = media_noise(2, rate, lengths[i / RF_ARRAY_LEN(rates)]);
        const rf_encode_params params = {.format = RF_FORMAT_MP3,
                                         .rate_hz = rate,
                                         .n_channels = 2,
                                         .bitrate_bps = 64000,
                                         .n_frames = in->n_frames,
                                         .no_reservoir = true};
        rf_frames *out = through(&params, in, m);
        cr_expect_eq(out->n_frames, in->n_frames, "%u Hz: %lld not %lld", rate,
                     (long long)out->n_frames, (long long)in->n_frames);
        rf_frames_free(in);
        rf_frames_free(out);
    }
    free(m);
}

Test(encode_live, pcm_of_another_depth_is_refused)
{
    static const struct {
        rf_encode_params params;
        bool takes[RF_N_SAMPLE_FORMATS];
    } cases[] = {
        {{.format = RF_FORMAT_WAV, .bit_depth = 16}, {true, false, false, false}},
        {{.format = RF_FORMAT_WAV, .bit_depth = 24}, {false, true, false, false}},
        {{.format = RF_FORMAT_WAV, .bit_depth = 32, .integers = true}, {false, false, true, false}},
        {{.format = RF_FORMAT_WAV, .bit_depth = 32}, {false, false, false, true}},
        {{.format = RF_FORMAT_FLAC, .bit_depth = 16}, {true, false, false, false}},
        {{.format = RF_FORMAT_FLAC, .bit_depth = 24}, {false, true, false, false}},
        {{.format = RF_FORMAT_MP3}, {false, false, false, true}},
        {{.format = RF_FORMAT_OPUS}, {false, false, false, true}},
    };
    memory *m = malloc(sizeof(*m));
    for (size_t i = 0; i < RF_ARRAY_LEN(cases) * RF_N_SAMPLE_FORMATS; i++) {
        const size_t k = i / RF_N_SAMPLE_FORMATS;
        const rf_sample_format sample = (rf_sample_format)(i % RF_N_SAMPLE_FORMATS);
        const uint8_t zero[400] = {0};
        rf_encode_params params = cases[k].params;
        rf_encoder *e = NULL;
        m->len = 0;
        params.rate_hz = 48000;
        params.n_channels = 1;
        params.live = true;
        cr_assert_eq(rf_encoder_open(&params, (rf_sink){.write = to_memory, .user = m}, &e, NULL),
                     0);
        cr_expect_eq(rf_encoder_write_pcm(e, sample, zero, 100),
                     cases[k].takes[sample] ? 0 : -EINVAL, "case %zu, %s", k,
                     rf_sample_name(sample));
        rf_encoder_free(e);
    }
    free(m);
}

Test(encode_live, impossible_fields_are_named)
{
    static const rf_encode_cue long_label = {
        .label = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                 "0123456789abcdef0"};
    static const struct {
        rf_encode_params params;
        const char *message;
    } cases[] = {
        {{.format = RF_FORMAT_FLAC, .block_frames = 15}, "block_frames: FLAC"},
        {{.format = RF_FORMAT_FLAC, .block_frames = 65536}, "block_frames: FLAC"},
        {{.format = RF_FORMAT_OPUS, .block_frames = 961}, "block_frames: Opus"},
        {{.format = RF_FORMAT_OPUS, .block_frames = 1920}, "block_frames: Opus"},
        {{.format = RF_FORMAT_OPUS, .n_preroll = 48001}, "n_preroll: at most"},
        {{.format = RF_FORMAT_OPUS, .complexity = 11}, "complexity: Opus"},
        {{.format = RF_FORMAT_WAV, .n_preroll = 1}, "n_preroll: only Opus"},
        {{.format = RF_FORMAT_FLAC, .cues = &long_label, .n_cues = 1}, "cues: only WAV"},
        {{.format = RF_FORMAT_WAV, .cues = &long_label, .n_cues = 10001}, "cues: only WAV"},
        {{.format = RF_FORMAT_WAV, .cues = &long_label, .n_cues = 1}, "cues: a label"},
        {{.format = RF_FORMAT_MP3, .any_bitrate = true, .bitrate_bps = 7999}, "bitrate: MP3"},
        {{.format = RF_FORMAT_MP3, .any_bitrate = true, .bitrate_bps = 320001}, "bitrate: MP3"},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        rf_media_error error;
        rf_encode_params params = cases[i].params;
        params.rate_hz = 48000;
        params.n_channels = 1;
        cr_expect_lt(rf_encode_check(&params, &error), 0);
        cr_expect_eq(strncmp(error.message, cases[i].message, strlen(cases[i].message)), 0,
                     "case %zu: %s", i, error.message);
    }
}
