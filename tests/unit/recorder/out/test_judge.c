/* Joined chunks decode without a warning and to the exact length, by the project's decoder and by
 * ffmpeg (Q12, L7). */
#include "out_make.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CHUNKS 600
#define CHUNK 1470

/* What ffmpeg remarks on about files that are as the formats ask for: it guesses the layout of a
 * WAV of one or two channels; a WAV of unknown length (sizes 0xFFFFFFFF) ends in the middle of one
 * of its reads; an MP3 of unknown length has no tag. */
static const char *const remarks[RECORDER_N_FORMATS][5] = {
    [RECORDER_WAV] = {"Guessed Channel Layout", "Ignoring maximum wav data size", "Packet corrupt",
                      "corrupt input packet", "Estimating duration from bitrate"},
    [RECORDER_MP3] = {"Estimating duration from bitrate"},
};

static bool is_remark(recorder_format format, const char *line, size_t n_allowed)
{
    for (size_t i = 0; i < n_allowed; i++) {
        if (remarks[format][i] != NULL && strstr(line, remarks[format][i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* Anything else that is said is a warning of the decoder. Files of known length have but the first
 * remark of WAV. */
static void expect_quiet(recorder_format format, bool live, char *said)
{
    const size_t n_allowed = live ? 5 : format == RECORDER_WAV ? 1 : 0;
    char *rest = NULL;
    for (char *line = strtok_r(said, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        cr_expect(is_remark(format, line, n_allowed), "%s: ffmpeg says \"%s\"",
                  recorder_format_name(format), line);
    }
}

static void expect_joined(rf_sample_format sample, uint32_t rate_hz, recorder_format format)
{
    out_master m = out_master_new(sample, 2, rate_hz, CHUNKS * CHUNK - 300);
    const recorder_stream_params p = {.fd = m.fd,
                                      .session = m.pcm,
                                      .output = {.format = format, .flac_level = -1},
                                      .chunk_frames = CHUNK};
    char *said = NULL;
    out_chunks got = out_stream(&p, m.n_frames, 777);
    cr_expect(llabs(got.n - CHUNKS) <= (format == RECORDER_PCM || format == RECORDER_WAV ? 0 : 30),
              "%s: %lld chunks", recorder_format_name(format), (long long)got.n);
    rf_frames *ours = out_decoded(&got.bytes, NULL);
    const int64_t theirs = out_judge(&got.bytes, 2, &said);
    const int64_t scale = format == RECORDER_OPUS ? 48000 / (int64_t)rate_hz : 1;
    int64_t want = m.n_frames * scale;
    if (format == RECORDER_MP3) { /* whole codec frames: the delay before, the padding behind */
        const int64_t codec_frame = rate_hz >= 32000 ? 1152 : 576;
        want = (m.n_frames + 576 + codec_frame - 1) / codec_frame * codec_frame;
        want += want - m.n_frames - 576 < 576 ? codec_frame : 0;
    }
    cr_expect_eq(theirs, want, "%s: ffmpeg gives %lld frames, not %lld",
                 recorder_format_name(format), (long long)theirs, (long long)want);
    cr_expect_eq(ours->n_frames, want, "%s: the decoder gives %lld frames, not %lld",
                 recorder_format_name(format), (long long)ours->n_frames, (long long)want);
    expect_quiet(format, true, said);
    if (format == RECORDER_WAV || format == RECORDER_FLAC) {
        cr_expect_eq(memcmp(ours->data, m.floats->data, rf_frames_bytes(ours)), 0, "bit-exact");
    }
    free(said);
    rf_frames_free(ours);
    out_chunks_done(&got);
    out_master_done(&m);
}

Test(out_judge, Q12_L7_600_chunks_of_wav_join)
{
    expect_joined(RF_SAMPLE_S16, 48000, RECORDER_WAV);
    expect_joined(RF_SAMPLE_F32, 44100, RECORDER_WAV);
}

Test(out_judge, Q12_L7_600_chunks_of_flac_join)
{
    expect_joined(RF_SAMPLE_S16, 16000, RECORDER_FLAC);
    expect_joined(RF_SAMPLE_S24, 44100, RECORDER_FLAC);
}

Test(out_judge, Q12_L7_600_chunks_of_mp3_join)
{
    expect_joined(RF_SAMPLE_S16, 16000, RECORDER_MP3);
    expect_joined(RF_SAMPLE_S16, 44100, RECORDER_MP3);
}

Test(out_judge, Q12_L7_600_chunks_of_opus_join)
{
    expect_joined(RF_SAMPLE_S16, 16000, RECORDER_OPUS);
    expect_joined(RF_SAMPLE_F32, 48000, RECORDER_OPUS);
}

Test(out_judge, L7_L8_extracts_and_segments_of_every_format_are_exact)
{
    static const uint32_t rates[] = {8000, 16000, 24000, 48000};
    for (size_t i = 0; i < RF_ARRAY_LEN(rates); i++) {
        for (int format = RECORDER_WAV; format < RECORDER_N_FORMATS; format++) {
            out_master m = out_master_new(RF_SAMPLE_S16, 2, rates[i], 2 * rates[i]);
            const recorder_extract_params p = {
                .fd = m.fd,
                .session = m.pcm,
                .output = {.format = (recorder_format)format, .flac_level = -1},
                .first = rates[i] / 2,
                .count = rates[i] + 123,
                .stored = true};
            char *said = NULL;
            out_bytes got = out_extract(&p, NULL);
            const int64_t scale = format == RECORDER_OPUS ? 48000 / (int64_t)rates[i] : 1;
            const int64_t n = out_judge(&got, 2, &said);
            cr_expect_eq(n, p.count * scale, "%s at %u Hz: ffmpeg gives %lld frames, not %lld",
                         recorder_format_name(p.output.format), rates[i], (long long)n,
                         (long long)(p.count * scale));
            expect_quiet(p.output.format, false, said);
            free(said);
            out_bytes_done(&got);
            out_master_done(&m);
        }
    }
}

Test(out_judge, Q12_standalone_chunks_are_files_for_ffmpeg_too)
{
    out_master m = out_master_new(RF_SAMPLE_S16, 1, 48000, 24000);
    for (int format = RECORDER_WAV; format < RECORDER_N_FORMATS; format++) {
        const recorder_stream_params p = {
            .fd = m.fd,
            .session = m.pcm,
            .output = {.format = (recorder_format)format, .flac_level = -1},
            .chunk_frames = 9600,
            .framing = RECORDER_STANDALONE};
        out_chunks got = out_stream(&p, m.n_frames, 960);
        cr_assert_eq(got.n, 3);
        for (int64_t i = 0; i < got.n; i++) {
            const out_bytes file = {.data = got.bytes.data + got.chunks[i].at,
                                    .len = got.chunks[i].len};
            char *said = NULL;
            const int64_t n = out_judge(&file, 1, &said);
            cr_expect_eq(n, RF_MIN(24000 - 9600 * i, 9600), "%s chunk %lld: %lld",
                         recorder_format_name(p.output.format), (long long)i, (long long)n);
            expect_quiet(p.output.format, false, said);
            free(said);
        }
        out_chunks_done(&got);
    }
    out_master_done(&m);
}
