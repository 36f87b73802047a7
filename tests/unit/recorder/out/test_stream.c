/* Chunks of a live stream: sizes, framings, tails, positions, and what they cost. */
#include "figures.h"
#include "out_make.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

static recorder_stream_params stream_of(const out_master *m, recorder_format format, uint32_t chunk)
{
    return (recorder_stream_params){.fd = m->fd,
                                    .session = m->pcm,
                                    .output = {.format = format, .flac_level = -1},
                                    .chunk_frames = chunk};
}

/* All of PCM: chunks of exactly the size, the last one shorter, together the master. */
static void expect_pcm(const out_master *m, uint32_t chunk, int64_t step)
{
    const recorder_stream_params p = stream_of(m, RECORDER_PCM, chunk);
    const size_t frame_bytes = rf_pcm_frame_bytes(&m->pcm);
    out_chunks got = out_stream(&p, m->n_frames, step);
    uint8_t *want = out_master_bytes(m, 0, m->n_frames);
    cr_assert_eq(got.n, (m->n_frames + chunk - 1) / chunk, "chunks of %u: %lld", chunk,
                 (long long)got.n);
    for (int64_t i = 0; i < got.n; i++) {
        const int64_t n = RF_MIN(m->n_frames - i * chunk, (int64_t)chunk);
        cr_assert_eq(got.chunks[i].n_frames, n);
        cr_assert_eq(got.chunks[i].len, (size_t)n * frame_bytes);
        cr_assert_eq(got.chunks[i].first_frame, i * chunk);
    }
    cr_assert_eq(got.bytes.len, (size_t)m->n_frames * frame_bytes);
    cr_assert_eq(memcmp(got.bytes.data, want, got.bytes.len), 0);
    free(want);
    out_chunks_done(&got);
}

Test(out_stream, L4_Q13_every_chunk_size_from_16_to_4096, .timeout = 240)
{
    for (uint32_t n = 1; n <= 8; n++) {
        out_master m = out_master_new(n % 2 == 0 ? RF_SAMPLE_S24 : RF_SAMPLE_S16, n, 16000, 9001);
        for (uint32_t chunk = 16; chunk <= 4096; chunk += FIGURES_EVERY(5)) {
            expect_pcm(&m, chunk, 1601);
        }
        out_master_done(&m);
    }
}

Test(out_stream, L4_chunks_may_be_60_s_long)
{
    out_master m = out_master_new(RF_SAMPLE_S16, 2, 8000, 8000 * 90);
    rf_media_error error;
    recorder_stream *stream = NULL;
    recorder_stream_params p = stream_of(&m, RECORDER_PCM, 8000 * 60);
    expect_pcm(&m, 8000 * 60, 8000 * 7);
    p.chunk_frames = 8000 * 60 + 1;
    cr_expect_lt(recorder_stream_open(&p, &stream, &error), 0);
    cr_expect_eq(strncmp(error.message, "chunk_size: 16 to 480000", 24), 0, "%s", error.message);
    p.chunk_frames = 15;
    cr_expect_lt(recorder_stream_open(&p, &stream, &error), 0);
    out_master_done(&m);
}

Test(out_stream, L4_mp3_opus_and_flac_chunks_are_within_one_codec_frame)
{
    static const uint32_t chunks[] = {16,   100,  160,  320,  575,  576,   960,
                                      1000, 1024, 1470, 4096, 4099, 16000, 20000};
    static const uint32_t rates[] = {8000, 16000, 44100, 48000};
    for (size_t i = 0; i < RF_ARRAY_LEN(chunks) * RF_ARRAY_LEN(rates); i++) {
        const uint32_t chunk = chunks[i / RF_ARRAY_LEN(rates)];
        const uint32_t rate = rates[i % RF_ARRAY_LEN(rates)];
        out_master m = out_master_new(RF_SAMPLE_S16, 1, rate, 50000);
        for (int format = RECORDER_FLAC; format <= RECORDER_OPUS; format++) {
            const recorder_stream_params p = stream_of(&m, (recorder_format)format, chunk);
            const uint32_t coded_rate = format == RECORDER_OPUS && rate == 44100 ? 48000 : rate;
            const int64_t codec_frame = format == RECORDER_FLAC  ? 4096
                                        : format == RECORDER_MP3 ? rate >= 32000 ? 1152 : 576
                                                                 : coded_rate / 50;
            out_chunks got = out_stream(&p, m.n_frames, 800);
            int64_t total = 0;
            for (int64_t k = 0; k < got.n; k++) {
                total += got.chunks[k].n_frames;
                cr_assert(k == got.n - 1 ||
                              llabs(got.chunks[k].n_frames - (int64_t)chunk) < codec_frame,
                          "%s %u at %u Hz: chunk %lld has %lld frames",
                          recorder_format_name(p.output.format), chunk, rate, (long long)k,
                          (long long)got.chunks[k].n_frames);
                cr_assert(k == got.n - 1 || got.chunks[k].len > 0);
            }
            cr_expect_eq(total, rf_resample_length_nearest(m.n_frames, rate, coded_rate));
            out_chunks_done(&got);
        }
        out_master_done(&m);
    }
}

Test(out_stream, L4_mp3_chunks_are_cut_at_codec_frames_and_opus_chunks_at_pages)
{
    out_master m = out_master_new(RF_SAMPLE_S16, 2, 44100, 200000);
    recorder_stream_params p = stream_of(&m, RECORDER_MP3, 3000);
    out_chunks got = out_stream(&p, m.n_frames, 441);
    for (int64_t i = 0; i < got.n; i++) {
        const uint8_t *chunk = got.bytes.data + got.chunks[i].at;
        size_t at = 0;
        while (at < got.chunks[i].len) { /* MPEG-1 layer III, 128 kbit/s at 44.1 kHz */
            cr_assert_eq(chunk[at], 0xff);
            cr_assert_eq(chunk[at + 1], 0xfb);
            cr_assert_eq(chunk[at + 2] & 0xfc, 0x90);
            at += 417 + (chunk[at + 2] >> 1 & 1U);
        }
        cr_assert_eq(at, got.chunks[i].len, "no codec frame is cut");
    }
    out_chunks_done(&got);
    p.output.format = RECORDER_OPUS;
    got = out_stream(&p, m.n_frames, 441);
    for (int64_t i = 0; i < got.n; i++) {
        cr_assert_eq(memcmp(got.bytes.data + got.chunks[i].at, "OggS", 4), 0);
    }
    out_chunks_done(&got);
    out_master_done(&m);
}

Test(out_stream, L7_wav_is_one_header_of_unknown_length_and_the_samples)
{
    out_master m = out_master_new(RF_SAMPLE_F32, 2, 48000, 10001);
    const recorder_stream_params p = stream_of(&m, RECORDER_WAV, 480);
    const size_t data = (size_t)m.n_frames * 8;
    out_chunks got = out_stream(&p, m.n_frames, 997);
    uint8_t *want = out_master_bytes(&m, 0, m.n_frames);
    cr_assert_eq(got.bytes.len, data + 44);
    cr_expect_eq(memcmp(got.bytes.data, "RIFF\xff\xff\xff\xffWAVEfmt ", 16), 0);
    cr_expect_eq(got.bytes.data[20], 3, "floats stay floats");
    cr_expect_eq(memcmp(got.bytes.data + 36, "data\xff\xff\xff\xff", 8), 0);
    cr_expect_eq(memcmp(got.bytes.data + 44, want, data), 0);
    cr_expect_eq(got.chunks[1].len, 480 * 8, "the header is in the first chunk alone");
    free(want);
    out_chunks_done(&got);
    out_master_done(&m);
}

Test(out_stream, L7_standalone_chunks_are_whole_files)
{
    out_master m = out_master_new(RF_SAMPLE_S16, 2, 48000, 30000);
    for (int format = RECORDER_WAV; format < RECORDER_N_FORMATS; format++) {
        recorder_stream_params p = stream_of(&m, (recorder_format)format, 4000);
        p.framing = RECORDER_STANDALONE;
        out_chunks got = out_stream(&p, m.n_frames, 1000);
        cr_assert_eq(got.n, 8, "%s", recorder_format_name(p.output.format));
        for (int64_t i = 0; i < got.n; i++) {
            const int64_t n = RF_MIN(m.n_frames - 4000 * i, 4000);
            const out_bytes file = {.data = got.bytes.data + got.chunks[i].at,
                                    .len = got.chunks[i].len};
            rf_frames *frames = out_decoded(&file, NULL);
            const float *want = m.floats->data + 2 * 4000 * i;
            cr_assert_eq(frames->n_frames, n, "%s chunk %lld: %lld",
                         recorder_format_name(p.output.format), (long long)i,
                         (long long)frames->n_frames);
            cr_expect_eq(got.chunks[i].n_frames, n);
            cr_expect_eq(got.chunks[i].first_frame, 4000 * i);
            if (format <= RECORDER_FLAC) {
                cr_expect_eq(memcmp(frames->data, want, rf_frames_bytes(frames)), 0);
            } else {
                cr_expect_gt(out_snr_db(frames->data, want, n * 2), 6.0, "%s chunk %lld: %.1f dB",
                             recorder_format_name(p.output.format), (long long)i,
                             out_snr_db(frames->data, want, n * 2));
            }
            rf_frames_free(frames);
        }
        out_chunks_done(&got);
    }
    out_master_done(&m);
}

Test(out_stream, L9_standalone_chunks_share_one_resampler)
{
    out_master m = out_master_new(RF_SAMPLE_S16, 1, 44100, 147000);
    recorder_stream_params p = stream_of(&m, RECORDER_PCM, 1470);
    p.output.rate_hz = 16000;
    out_chunks whole = out_stream(&p, m.n_frames, 147000);
    p.framing = RECORDER_STANDALONE;
    out_chunks parts = out_stream(&p, m.n_frames, 333);
    cr_assert_eq(whole.bytes.len, parts.bytes.len);
    cr_expect_eq(whole.bytes.len, 2 * 53333);
    cr_expect_eq(memcmp(whole.bytes.data, parts.bytes.data, whole.bytes.len), 0);
    out_chunks_done(&whole);
    out_chunks_done(&parts);
    out_master_done(&m);
}

/* Nothing but the readable frames counts, not how they came: same chunks, same bytes. */
Test(out_stream, L1_Q10_64_consumers_get_64_equal_copies)
{
    enum { CONSUMERS = 64 };
    out_master m = out_master_new(RF_SAMPLE_S16, 2, 16000, 20000);
    for (int format = 0; format < RECORDER_N_FORMATS; format++) {
        const recorder_stream_params p = stream_of(&m, (recorder_format)format, 1000);
        out_chunks first = {0};
        for (int i = 0; i < CONSUMERS; i++) {
            out_chunks got = out_stream(&p, m.n_frames, 100 + 377 * i);
            if (i == 0) {
                first = got;
                continue;
            }
            cr_assert_eq(got.n, first.n);
            cr_assert_eq(got.bytes.len, first.bytes.len);
            cr_assert_eq(memcmp(got.bytes.data, first.bytes.data, got.bytes.len), 0, "%s",
                         recorder_format_name(p.output.format));
            out_chunks_done(&got);
        }
        out_chunks_done(&first);
    }
    out_master_done(&m);
}

Test(out_stream, L1_Q10_late_joiners_begin_where_they_ask)
{
    out_master m = out_master_new(RF_SAMPLE_S16, 1, 16000, 32000);
    static const int64_t firsts[] = {0, 1, 16000, 31999, 32000, 40000};
    for (size_t i = 0; i < RF_ARRAY_LEN(firsts); i++) {
        recorder_stream_params p = stream_of(&m, RECORDER_PCM, 640);
        p.first = firsts[i];
        const int64_t n = RF_MAX(m.n_frames - p.first, 0);
        out_chunks got = out_stream(&p, m.n_frames, 4000);
        cr_assert_eq(got.bytes.len, (size_t)n * 2);
        if (n > 0) {
            uint8_t *want = out_master_bytes(&m, p.first, n);
            cr_expect_eq(memcmp(got.bytes.data, want, got.bytes.len), 0);
            cr_expect_eq(got.chunks[0].first_frame, p.first);
            free(want);
        }
        out_chunks_done(&got);
    }
    out_master_done(&m);
}

Test(out_stream, L3_Q9_a_burst_and_the_end_lose_nothing)
{
    out_master m = out_master_new(RF_SAMPLE_S16, 1, 48000, 123457);
    for (int format = 0; format < RECORDER_N_FORMATS; format++) {
        const recorder_stream_params p = stream_of(&m, (recorder_format)format, 4800);
        out_chunks got = {0};
        recorder_stream *stream = NULL;
        recorder_stream_piece piece;
        cr_assert_eq(recorder_stream_open(&p, &stream, NULL), 0);
        cr_assert_not(out_stream_take(stream, 1000, false, &got));
        cr_assert(out_stream_take(stream, m.n_frames, true, &got));
        cr_expect_eq(recorder_stream_next(stream, m.n_frames, true, &piece), 0, "after the end");
        recorder_stream_close(stream);
        if (format == RECORDER_PCM) {
            cr_expect_eq(got.bytes.len, (size_t)m.n_frames * 2);
        } else {
            rf_frames *frames = out_decoded(&got.bytes, NULL);
            const int64_t extra = frames->n_frames - m.n_frames;
            cr_expect(
                format == RECORDER_MP3 ? extra >= 1105 && extra < 1105 + 2 * 1152 : extra == 0,
                "%s: %lld frames more", recorder_format_name(p.output.format), (long long)extra);
            rf_frames_free(frames);
        }
        out_chunks_done(&got);
    }
    out_master_done(&m);
}

Test(out_stream, L3_a_session_without_audio_ends_in_a_valid_stream)
{
    out_master m = out_master_new(RF_SAMPLE_S16, 1, 16000, 0);
    for (int format = 0; format < RECORDER_N_FORMATS; format++) {
        for (int framing = 0; framing < 2; framing++) {
            recorder_stream_params p = stream_of(&m, (recorder_format)format, 1024);
            p.framing = (recorder_framing)framing;
            out_chunks got = out_stream(&p, 0, 1);
            const bool empty = format == RECORDER_PCM || framing == RECORDER_STANDALONE;
            cr_expect_eq(got.bytes.len == 0, empty);
            cr_expect_eq(got.n, empty ? 0 : 1);
            out_chunks_done(&got);
        }
    }
    out_master_done(&m);
}

/* One chunk costs the same early and late: counted, not timed. */
Test(out_stream, Q11_minute_1_and_minute_60_cost_the_same)
{
    const rf_pcm pcm = {.sample = RF_SAMPLE_S16, .n_channels = 1, .rate_hz = 16000};
    static const int64_t starts[] = {16000 * 60, 16000 * 3600};
    for (int format = 0; format < RECORDER_N_FORMATS; format++) {
        recorder_stream_work work[2];
        int fd = media_file("", 0); /* silence of any length */
        for (size_t i = 0; i < 2; i++) {
            out_chunks got = {0};
            recorder_stream *stream = NULL;
            const recorder_stream_params p = {
                .fd = fd,
                .session = pcm,
                .output = {.format = (recorder_format)format, .flac_level = -1},
                .chunk_frames = 1600,
                .first = starts[i]};
            cr_assert_eq(ftruncate(fd, (starts[i] + 16000) * 2), 0);
            cr_assert_eq(recorder_stream_open(&p, &stream, NULL), 0);
            for (int64_t n = 0; n <= 16000; n += 320) {
                (void)out_stream_take(stream, starts[i] + n, false, &got);
            }
            work[i] = recorder_stream_work_done(stream);
            recorder_stream_close(stream);
            out_chunks_done(&got);
        }
        const int64_t lead = format == RECORDER_OPUS ? 1280 : 0;
        cr_expect_eq(work[0].reads.n_bytes, 2 * (16000 + lead), "every frame is read once");
        cr_expect_eq(work[0].reads.n_bytes, work[1].reads.n_bytes);
        cr_expect_eq(work[0].reads.n_reads, work[1].reads.n_reads);
        cr_expect_eq(work[0].n_coded, work[1].n_coded);
        close(fd);
    }
}

Test(out_stream, L4_positions_of_chunks_are_frames_of_the_session)
{
    out_master m = out_master_new(RF_SAMPLE_S16, 1, 44100, 441000);
    recorder_stream_params p = stream_of(&m, RECORDER_PCM, 1600);
    p.output.rate_hz = 16000;
    p.first = 44100;
    out_chunks got = out_stream(&p, m.n_frames, 4000);
    cr_expect_eq(got.n, 90);
    for (int64_t i = 0; i < got.n; i++) {
        cr_assert_eq(got.chunks[i].first_frame, 44100 + 4410 * i);
    }
    out_chunks_done(&got);
    out_master_done(&m);
}

Test(out_stream, L10_a_given_matrix_is_kept_by_the_stream)
{
    out_master m = out_master_new(RF_SAMPLE_S16, 2, 16000, 4000);
    float matrix[2] = {0.25F, 0.5F};
    recorder_stream_params p = stream_of(&m, RECORDER_PCM, 1000);
    recorder_stream *stream = NULL;
    out_chunks got = {0};
    p.output.n_channels = 1;
    p.output.matrix = matrix;
    cr_assert_eq(recorder_stream_open(&p, &stream, NULL), 0);
    matrix[0] = 4;
    cr_assert(out_stream_take(stream, m.n_frames, true, &got));
    for (int64_t i = 0; i < m.n_frames; i++) {
        const double want = 0.25 * 32768 * (double)m.floats->data[2 * i] +
                            0.5 * 32768 * (double)m.floats->data[2 * i + 1];
        int16_t x;
        memcpy(&x, got.bytes.data + 2 * i, sizeof(x));
        cr_assert_eq(x, (int16_t)rint(want));
    }
    recorder_stream_close(stream);
    out_chunks_done(&got);
    out_master_done(&m);
}
