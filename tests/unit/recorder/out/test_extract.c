/* Extracts and stored segments: exact first sample, exact length, exact bits. */
#include "out_make.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static recorder_extract_params whole(const out_master *m, recorder_format format)
{
    return (recorder_extract_params){.fd = m->fd,
                                     .session = m->pcm,
                                     .output = {.format = format, .flac_level = -1},
                                     .count = m->n_frames};
}

/* 24 bits of every sample: what FLAC keeps of int32 (to nearest) and of float32. */
static float flac_sample(const out_master *m, const uint8_t *bytes, int64_t i)
{
    rf_sample_state state = {0};
    uint8_t packed[3];
    float x;
    rf_sample_convert(m->pcm.sample, bytes + (size_t)i * 4, RF_SAMPLE_S24, packed, 1, &state);
    rf_sample_convert(RF_SAMPLE_S24, packed, RF_SAMPLE_F32, &x, 1, &state);
    return x;
}

Test(out_extract, Q16_L11_S1_every_format_is_exact_by_pcm)
{
    for (int sample = 0; sample < RF_N_SAMPLE_FORMATS; sample++) {
        for (uint32_t n = 1; n <= 8; n++) {
            out_master m = out_master_new((rf_sample_format)sample, n, 44100, 3001);
            recorder_extract_params p = whole(&m, RECORDER_PCM);
            p.first = 7;
            p.count = 2993;
            uint8_t *want = out_master_bytes(&m, p.first, p.count);
            out_bytes got = out_extract(&p, NULL);
            cr_assert_eq(got.len, (size_t)p.count * rf_pcm_frame_bytes(&m.pcm));
            cr_expect_eq(memcmp(got.data, want, got.len), 0, "%s, %u channels",
                         rf_sample_name(m.pcm.sample), n);
            out_bytes_done(&got);
            free(want);
            out_master_done(&m);
        }
    }
}

Test(out_extract, Q16_L11_every_format_is_exact_by_wav)
{
    for (int sample = 0; sample < RF_N_SAMPLE_FORMATS; sample++) {
        for (uint32_t n = 1; n <= 8; n++) {
            out_master m = out_master_new((rf_sample_format)sample, n, 48000, 1501);
            recorder_extract_params p = whole(&m, RECORDER_WAV);
            rf_decode_info info;
            const size_t frame_bytes = rf_pcm_frame_bytes(&m.pcm);
            const size_t data = (size_t)p.count * frame_bytes;
            uint8_t *want = out_master_bytes(&m, 0, p.count);
            out_bytes got = out_extract(&p, NULL);
            rf_frames *decoded = out_decoded(&got, &info);
            cr_assert_eq(decoded->n_frames, p.count);
            cr_expect_eq(decoded->n_channels, n);
            cr_expect_eq(info.bits_per_sample, rf_sample_bits(m.pcm.sample));
            cr_expect_eq(memcmp(got.data + got.len - data - (data & 1), want, data), 0);
            if (m.floats != NULL) {
                cr_expect_eq(memcmp(decoded->data, m.floats->data, rf_frames_bytes(decoded)), 0);
            }
            rf_frames_free(decoded);
            out_bytes_done(&got);
            free(want);
            out_master_done(&m);
        }
    }
}

Test(out_extract, Q16_L11_flac_keeps_24_bits)
{
    for (int sample = 0; sample < RF_N_SAMPLE_FORMATS; sample++) {
        for (uint32_t n = 1; n <= 8; n++) {
            out_master m = out_master_new((rf_sample_format)sample, n, 16000, 5003);
            recorder_extract_params p = whole(&m, RECORDER_FLAC);
            uint8_t *bytes = out_master_bytes(&m, 0, p.count);
            out_bytes got = out_extract(&p, NULL);
            rf_frames *decoded = out_decoded(&got, NULL);
            cr_assert_eq(decoded->n_frames, p.count);
            for (int64_t i = 0; i < p.count * n; i++) {
                const float want =
                    sample <= RF_SAMPLE_S24 ? m.floats->data[i] : flac_sample(&m, bytes, i);
                cr_assert_eq(decoded->data[i], want, "%s %lld", rf_sample_name(m.pcm.sample),
                             (long long)i);
            }
            rf_frames_free(decoded);
            out_bytes_done(&got);
            free(bytes);
            out_master_done(&m);
        }
    }
}

Test(out_extract, T4_a_rate_change_gives_round_n_out_by_in_frames)
{
    static const uint32_t rates[] = {8000, 11025, 16000, 22050, 44100, 48000, 96000};
    static const int64_t counts[] = {0, 1, 2, 3, 1000, 4411};
    for (size_t i = 0; i < RF_ARRAY_LEN(rates) * RF_ARRAY_LEN(rates); i++) {
        const uint32_t from = rates[i / RF_ARRAY_LEN(rates)];
        const uint32_t to = rates[i % RF_ARRAY_LEN(rates)];
        out_master m = out_master_new(RF_SAMPLE_S16, 1, from, 5000);
        for (size_t k = 0; k < RF_ARRAY_LEN(counts); k++) {
            recorder_extract_params p = whole(&m, RECORDER_PCM);
            recorder_extract_result result;
            p.output.rate_hz = to;
            p.first = 100;
            p.count = counts[k];
            out_bytes got = out_extract(&p, &result);
            const int64_t want = (int64_t)floorl((long double)counts[k] * to / from + 0.5L);
            cr_expect_eq((int64_t)got.len, 2 * want, "%lld: %u to %u", (long long)counts[k], from,
                         to);
            cr_expect_eq(result.n_frames, want);
            cr_expect_eq(result.n_bytes, (int64_t)got.len);
            out_bytes_done(&got);
        }
        out_master_done(&m);
    }
}

/* The tone of channel 0 alone, so that time can be told from phase. */
static out_master tone_master(uint32_t rate_hz, int64_t n, double hz)
{
    float *data = malloc((size_t)n * sizeof(*data));
    for (int64_t i = 0; i < n; i++) {
        data[i] = (float)(0.5 * sin(2 * M_PI * hz * (double)i / rate_hz) +
                          0.2 * sin(2 * M_PI * hz * 1.37 * (double)i / rate_hz));
    }
    out_master m = {.pcm = {.sample = RF_SAMPLE_F32, .n_channels = 1, .rate_hz = rate_hz},
                    .n_frames = n};
    m.fd = media_file(data, (size_t)n * sizeof(*data));
    free(data);
    return m;
}

/* How far the decoded file fits the tones from frame `first` on, at the best of a few shifts: the
 * shift in frames of the file. */
static int best_shift(const rf_frames *got, double first_s, double hz, double *ret_snr)
{
    const int64_t n = got->n_frames - 400;
    float *want = malloc((size_t)n * sizeof(*want));
    int best = 0;
    *ret_snr = -1e9;
    for (int shift = -40; shift <= 40; shift++) {
        for (int64_t i = 0; i < n; i++) {
            const double t = first_s + (double)(i + 200 + shift) / got->rate_hz;
            want[i] = (float)(0.5 * sin(2 * M_PI * hz * t) + 0.2 * sin(2 * M_PI * hz * 1.37 * t));
        }
        const double snr = out_snr_db(got->data + 200, want, n);
        if (snr > *ret_snr) {
            *ret_snr = snr;
            best = shift;
        }
    }
    free(want);
    return best;
}

Test(out_extract, L8_opus_and_mp3_begin_with_the_asked_sample)
{
    static const uint32_t rates[] = {8000, 16000, 24000, 44100, 48000, 96000};
    for (size_t i = 0; i < RF_ARRAY_LEN(rates); i++) {
        for (int format = RECORDER_MP3; format <= RECORDER_OPUS; format++) {
            const uint32_t rate = rates[i];
            out_master m = tone_master(rate, rate * 2, 431);
            recorder_extract_params p = whole(&m, (recorder_format)format);
            recorder_extract_result result;
            double snr;
            p.first = rate / 3 + 17;
            p.count = rate + 41;
            out_bytes bytes = out_extract(&p, &result);
            rf_frames *got = out_decoded(&bytes, NULL);
            const uint32_t scale = got->rate_hz / result.pcm.rate_hz;
            cr_expect_eq(got->n_frames, result.n_frames * scale, "%s %u: %lld not %lld",
                         recorder_format_name(p.output.format), rate, (long long)got->n_frames,
                         (long long)result.n_frames);
            cr_expect_eq(best_shift(got, (double)p.first / rate, 431, &snr), 0, "%s at %u Hz",
                         recorder_format_name(p.output.format), rate);
            cr_expect_gt(snr, 20.0, "%s at %u Hz: %.1f dB", recorder_format_name(p.output.format),
                         rate, snr);
            rf_frames_free(got);
            out_bytes_done(&bytes);
            out_master_done(&m);
        }
    }
}

static uint64_t le(const uint8_t *at, size_t n)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++) {
        value |= (uint64_t)at[i] << 8 * i;
    }
    return value;
}

/* The decoder is told to drop what was coded early: 312 frames of its own delay, and 80 ms. */
Test(out_extract, L8_opus_is_coded_80_ms_early_where_audio_exists)
{
    static const struct {
        int64_t first, lowest;
        uint32_t early;
    } cases[] = {
        {48000, 0, 3840}, {48000, 48000, 0}, {48000, 47000, 1000}, {100, 0, 100}, {0, 0, 0}};
    out_master m = tone_master(48000, 96000, 431);
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        recorder_extract_params p = whole(&m, RECORDER_OPUS);
        recorder_extract_result result;
        float want[480];
        p.first = cases[i].first;
        p.lowest = cases[i].lowest;
        p.count = 4801;
        out_bytes bytes = out_extract(&p, &result);
        rf_frames *got = out_decoded(&bytes, NULL);
        cr_expect_eq(le(bytes.data + 28 + 10, 2), 312 + cases[i].early, "case %zu", i);
        cr_expect_eq(result.reads.n_bytes, 4 * (4801 + cases[i].early));
        cr_assert_eq(got->n_frames, p.count);
        cr_assert_eq(pread(m.fd, want, sizeof(want), p.first * 4), (ssize_t)sizeof(want));
        cr_expect_gt(out_snr_db(got->data, want, 480), 20.0, "case %zu", i);
        rf_frames_free(got);
        out_bytes_done(&bytes);
    }
    out_master_done(&m);
}

Test(out_extract, L8_rates_that_a_codec_lacks_become_the_next_higher_one)
{
    static const struct {
        recorder_format format;
        uint32_t asked, given;
    } cases[] = {
        {RECORDER_OPUS, 8000, 8000},   {RECORDER_OPUS, 11025, 12000}, {RECORDER_OPUS, 22050, 24000},
        {RECORDER_OPUS, 44100, 48000}, {RECORDER_OPUS, 96000, 48000}, {RECORDER_MP3, 9000, 11025},
        {RECORDER_MP3, 47999, 48000},  {RECORDER_MP3, 192000, 48000}, {RECORDER_WAV, 12345, 12345},
        {RECORDER_FLAC, 44101, 44101},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        const rf_pcm session = {.sample = RF_SAMPLE_S16, .n_channels = 1, .rate_hz = 48000};
        const recorder_output output = {.format = cases[i].format, .rate_hz = cases[i].asked};
        rf_pcm pcm;
        cr_assert_eq(recorder_output_shape(&output, &session, &pcm, NULL), 0);
        cr_expect_eq(pcm.rate_hz, cases[i].given, "case %zu", i);
    }
}

Test(out_extract, L7_mp3_bit_rates_are_cut_to_what_the_rate_allows)
{
    static const uint32_t rates[] = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000};
    static const uint32_t bitrates[] = {8000, 32000, 64000, 100000, 160000, 320000};
    for (size_t i = 0; i < RF_ARRAY_LEN(rates); i++) {
        out_master m = out_master_new(RF_SAMPLE_S16, 1 + (uint32_t)i % 2, rates[i], rates[i]);
        for (size_t k = 0; k < RF_ARRAY_LEN(bitrates); k++) {
            recorder_extract_params p = whole(&m, RECORDER_MP3);
            p.output.bitrate_bps = bitrates[k];
            out_bytes bytes = out_extract(&p, NULL);
            rf_frames *got = out_decoded(&bytes, NULL);
            cr_expect_eq(got->n_frames, p.count, "%u bit/s at %u Hz: %lld not %lld", bitrates[k],
                         rates[i], (long long)got->n_frames, (long long)p.count);
            /* the tag tells the length of the file */
            const uint8_t *tag = memmem(bytes.data, 64, "Info", 4);
            cr_assert_not_null(tag);
            const size_t told = (size_t)tag[12] << 24 | (size_t)tag[13] << 16 |
                                (size_t)tag[14] << 8 | (size_t)tag[15];
            cr_expect_eq(told, bytes.len, "%u bit/s at %u Hz: %zu not %zu", bitrates[k], rates[i],
                         told, bytes.len);
            rf_frames_free(got);
            out_bytes_done(&bytes);
        }
        out_master_done(&m);
    }
}

Test(out_extract, D14_stored_wav_is_plain_riff_with_room_kept_in_front)
{
    out_master m = out_master_new(RF_SAMPLE_S24, 1, 16000, 1001);
    recorder_extract_params p = whole(&m, RECORDER_WAV);
    p.stored = true;
    out_bytes got = out_extract(&p, NULL);
    cr_expect_eq(memcmp(got.data, "RIFF", 4), 0);
    cr_expect_eq(le(got.data + 4, 4), got.len - 8);
    cr_expect_eq(memcmp(got.data + 12, "JUNK", 4), 0);
    cr_expect_eq(le(got.data + 16, 4), 28, "room for the sizes of ds64");
    cr_expect_eq(got.len & 1, 0);
    out_bytes_done(&got);
    out_master_done(&m);
}

/* A file of holes: counts what comes, keeps the head. */
typedef struct big_file {
    uint8_t head[128];
    uint64_t n_bytes;
} big_file;

static int count_bytes(void *user, const void *data, size_t len)
{
    big_file *f = user;
    if (f->n_bytes < sizeof(f->head)) {
        memcpy(f->head + f->n_bytes, data, RF_MIN(len, sizeof(f->head) - f->n_bytes));
    }
    f->n_bytes += len;
    return 0;
}

Test(out_extract, D14_wav_above_4_GiB_is_RF64, .timeout = 240)
{
    const rf_pcm pcm = {.sample = RF_SAMPLE_F32, .n_channels = 8, .rate_hz = 192000};
    const int64_t most = (INT64_C(0xffffffff) - 104) / 32; /* the head with room: 104 bytes */
    int fd = memfd_create("sparse", MFD_CLOEXEC);
    cr_assert_geq(fd, 0);
    for (int64_t n = most; n <= most + 1; n++) {
        big_file file = {.n_bytes = 0};
        recorder_extract_params p = {.fd = fd,
                                     .session = pcm,
                                     .output = {.format = RECORDER_WAV},
                                     .count = n,
                                     .stored = true};
        cr_assert_eq(recorder_extract(&p, count_bytes, &file, NULL, NULL), 0);
        const bool big = n > most;
        const uint64_t data = (uint64_t)n * 32;
        cr_assert_eq(file.n_bytes, data + 104);
        cr_expect_eq(memcmp(file.head, big ? "RF64" : "RIFF", 4), 0, "%llu bytes",
                     (unsigned long long)file.n_bytes);
        cr_expect_eq(le(file.head + 4, 4), big ? UINT32_MAX : file.n_bytes - 8);
        cr_expect_eq(memcmp(file.head + 12, big ? "ds64" : "JUNK", 4), 0);
        if (big) {
            cr_expect_eq(le(file.head + 20, 8), file.n_bytes - 8);
            cr_expect_eq(le(file.head + 28, 8), data);
            cr_expect_eq(le(file.head + 36, 8), (uint64_t)n);
        }
        cr_expect_eq(memcmp(file.head + 96, "data", 4), 0);
        cr_expect_eq(le(file.head + 100, 4), big ? UINT32_MAX : data);
    }
    close(fd);
}

Test(out_extract, markers_become_cue_points_of_wav)
{
    const rf_encode_cue cues[] = {{.frame = 0, .label = "a"},
                                  {.frame = 8000, .label = "Grüße"},
                                  {.frame = 15999, .label = "the end"}};
    out_master m = out_master_new(RF_SAMPLE_S16, 1, 16000, 16000);
    recorder_extract_params p = whole(&m, RECORDER_WAV);
    p.cues = cues;
    p.n_cues = RF_ARRAY_LEN(cues);
    p.output.rate_hz = 48000;
    out_bytes got = out_extract(&p, NULL);
    rf_frames *decoded = out_decoded(&got, NULL);
    cr_expect_eq(decoded->n_frames, 48000);
    cr_expect_eq(le(got.data + 4, 4), got.len - 8);
    const uint8_t *cue = memmem(got.data + got.len - 200, 200, "cue ", 4);
    cr_assert_not_null(cue);
    cr_expect_eq(le(cue + 8, 4), 3);
    cr_expect_eq(le(cue + 12 + 24 + 20, 4), 24000, "at the rate of the file");
    cr_expect_not_null(memmem(cue, 200, "Grüße", sizeof("Grüße")));
    rf_frames_free(decoded);
    out_bytes_done(&got);
    p.output.format = RECORDER_FLAC; /* other formats leave them out */
    got = out_extract(&p, NULL);
    out_bytes_done(&got);
    out_master_done(&m);
}

Test(out_extract, Q7_an_empty_range_is_a_valid_file)
{
    out_master m = out_master_new(RF_SAMPLE_S16, 2, 48000, 100);
    for (int format = 0; format < RECORDER_N_FORMATS; format++) {
        recorder_extract_params p = whole(&m, (recorder_format)format);
        recorder_extract_result result;
        p.first = 50;
        p.count = 0;
        out_bytes got = out_extract(&p, &result);
        cr_expect_eq(result.n_frames, 0);
        cr_expect_eq(got.len == 0, format == RECORDER_PCM);
        if (format != RECORDER_PCM) {
            char *said = NULL;
            int fd = media_file(got.data, got.len);
            rf_media_error error = media_decode_fails(
                fd, &(rf_decode_options){.limits = RF_DECODE_LIMITS, .cancel_fd = -1});
            cr_expect_eq(error.code, RF_MEDIA_UNSUPPORTED_FORMAT, "%s: %s",
                         recorder_format_name(p.output.format), error.message);
            free(said);
            close(fd);
        }
        out_bytes_done(&got);
    }
    out_master_done(&m);
}

Test(out_extract, gaps_that_were_not_written_are_silence)
{
    out_master m = out_master_new(RF_SAMPLE_S16, 1, 16000, 1000);
    recorder_extract_params p = whole(&m, RECORDER_PCM);
    p.count = 3000;
    out_bytes got = out_extract(&p, NULL);
    cr_assert_eq(got.len, 6000);
    for (size_t i = 2000; i < got.len; i++) {
        cr_assert_eq(got.data[i], 0);
    }
    out_bytes_done(&got);
    out_master_done(&m);
}

Test(out_extract, Q11_the_frames_of_the_range_are_read_once_wherever_it_lies)
{
    out_master m = out_master_new(RF_SAMPLE_S16, 1, 16000, 600000);
    for (int format = 0; format < RECORDER_N_FORMATS; format++) {
        recorder_extract_result at[2];
        recorder_extract_params p = whole(&m, (recorder_format)format);
        p.count = 16000;
        for (int late = 0; late < 2; late++) {
            p.first = late == 1 ? 580000 : 20000;
            out_bytes got = out_extract(&p, &at[late]);
            out_bytes_done(&got);
        }
        const int64_t lead = format == RECORDER_OPUS ? 1280 : 0;
        cr_expect_eq(at[0].reads.n_bytes, 2 * (16000 + lead));
        cr_expect_eq(at[0].reads.n_bytes, at[1].reads.n_bytes);
        cr_expect_eq(at[0].reads.n_reads, at[1].reads.n_reads);
    }
    out_master_done(&m);
}

static int full(void *user, const void *data, size_t len)
{
    (void)user;
    (void)data;
    (void)len;
    return -ENOSPC;
}

Test(out_extract, errors_name_the_field_and_the_writers_end_it)
{
    static const float too_loud[] = {4.1F, 0};
    static const struct {
        recorder_output output;
        const char *message;
    } cases[] = {
        {{.format = RECORDER_PCM, .rate_hz = 7999}, "rate:"},
        {{.format = RECORDER_PCM, .rate_hz = 192001}, "rate:"},
        {{.format = RECORDER_WAV, .n_channels = 9}, "channels:"},
        {{.format = RECORDER_MP3, .n_channels = 3}, "channels:"},
        {{.format = RECORDER_MP3, .bitrate_bps = 7999}, "bitrate:"},
        {{.format = RECORDER_MP3, .bitrate_bps = 320001}, "bitrate:"},
        {{.format = RECORDER_OPUS, .bitrate_bps = 5999}, "bitrate:"},
        {{.format = RECORDER_OPUS, .opus_complexity = 11}, "complexity:"},
        {{.format = RECORDER_FLAC, .flac_level = 9}, "level:"},
        {{.format = RECORDER_PCM, .n_channels = 1, .matrix = too_loud}, "channels: the matrix"},
    };
    out_master m = out_master_new(RF_SAMPLE_S16, 2, 16000, 100);
    rf_media_error error;
    out_bytes none = {0};
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        recorder_extract_params p = whole(&m, RECORDER_PCM);
        p.output = cases[i].output;
        cr_expect_lt(recorder_extract(&p, out_bytes_add, &none, NULL, &error), 0);
        cr_expect_eq(strncmp(error.message, cases[i].message, strlen(cases[i].message)), 0, "%s",
                     error.message);
        cr_expect_eq(none.len, 0, "nothing is written");
    }
    for (int format = 0; format < RECORDER_N_FORMATS; format++) {
        recorder_extract_params p = whole(&m, (recorder_format)format);
        cr_expect_eq(recorder_extract(&p, full, NULL, NULL, &error), -ENOSPC);
    }
    out_master_done(&m);
}
