/* Consumers that stay behind: the three policies and their numbers. */
#include "out_make.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define RATE 16000

static recorder_stream *open_stream(const out_master *m, recorder_lag_policy policy,
                                    uint32_t limit_ms, recorder_framing framing)
{
    const recorder_stream_params p = {.fd = m->fd,
                                      .session = m->pcm,
                                      .output = {.format = RECORDER_PCM},
                                      .chunk_frames = 1600,
                                      .framing = framing,
                                      .lag_policy = policy,
                                      .lag_limit_ms = limit_ms};
    recorder_stream *stream = NULL;
    cr_assert_eq(recorder_stream_open(&p, &stream, NULL), 0);
    return stream;
}

Test(out_lag, L5_drop_jumps_to_500_ms_behind_and_names_the_frames)
{
    out_master m = out_master_new(RF_SAMPLE_S16, 1, RATE, 20 * RATE);
    recorder_stream *stream = open_stream(&m, RECORDER_LAG_DROP, 0, RECORDER_CONTINUOUS);
    recorder_stream_piece piece;
    for (int64_t i = 0; i < 10; i++) {
        cr_assert_eq(recorder_stream_next(stream, 10 * RATE, false, &piece), 1);
        cr_expect_eq(piece.n_dropped, 0, "10 s behind is not above 10 s");
        cr_expect_eq(piece.first_frame, 1600 * i);
    }
    const int64_t readable = 10 * RATE + 16000 + 1;
    cr_assert_eq(recorder_stream_next(stream, readable, false, &piece), 1);
    cr_expect_eq(piece.dropped_first, 16000);
    cr_expect_eq(piece.n_dropped, readable - 8000 - 16000);
    cr_expect_eq(piece.first_frame, readable - 8000);
    uint8_t *want = out_master_bytes(&m, readable - 8000, 1600);
    cr_expect_eq(memcmp(piece.data, want, 3200), 0);
    cr_assert_eq(recorder_stream_next(stream, readable, false, &piece), 1);
    cr_expect_eq(piece.n_dropped, 0, "told once");
    cr_expect_eq(piece.first_frame, readable - 8000 + 1600);
    cr_expect_eq(recorder_stream_work_done(stream).n_dropped, readable - 24000);
    free(want);
    recorder_stream_close(stream);
    out_master_done(&m);
}

Test(out_lag, L5_the_limit_is_a_parameter_from_1_s_to_1_h)
{
    out_master m = out_master_new(RF_SAMPLE_S16, 1, RATE, 20 * RATE);
    recorder_stream *stream = open_stream(&m, RECORDER_LAG_DROP, 1000, RECORDER_CONTINUOUS);
    recorder_stream_piece piece;
    cr_assert_eq(recorder_stream_next(stream, RATE + 1, false, &piece), 1);
    cr_expect_eq(piece.n_dropped, RATE + 1 - 8000);
    recorder_stream_close(stream);
    static const uint32_t wrong[] = {1, 999, 3600001};
    for (size_t i = 0; i < RF_ARRAY_LEN(wrong); i++) {
        const recorder_stream_params p = {.fd = m.fd,
                                          .session = m.pcm,
                                          .output = {.format = RECORDER_PCM},
                                          .chunk_frames = 1600,
                                          .lag_limit_ms = wrong[i]};
        rf_media_error error;
        cr_expect_lt(recorder_stream_open(&p, &stream, &error), 0);
        cr_expect_eq(strncmp(error.message, "lag:", 4), 0);
    }
    out_master_done(&m);
}

Test(out_lag, L5_drop_keeps_whole_chunks_in_order_in_both_framings)
{
    out_master m = out_master_new(RF_SAMPLE_S16, 1, RATE, 60 * RATE);
    for (int framing = 0; framing < 2; framing++) {
        recorder_stream *stream =
            open_stream(&m, RECORDER_LAG_DROP, 2000, (recorder_framing)framing);
        recorder_stream_piece piece;
        int64_t last = -1;
        int64_t frames = 0;
        int64_t dropped = 0;
        for (int64_t readable = 0; readable <= m.n_frames; readable += 8000) {
            if (recorder_stream_next(stream, readable, false, &piece) == 1) {
                cr_assert_gt(piece.first_frame, last);
                cr_assert(piece.chunk_begin && piece.chunk_end);
                cr_assert_eq(piece.n_frames, 1600);
                uint8_t *want = out_master_bytes(&m, piece.first_frame, 1600);
                cr_assert_eq(memcmp(piece.data, want, 3200), 0, "chunk at %lld",
                             (long long)piece.first_frame);
                free(want);
                last = piece.first_frame;
                frames += 1600;
                dropped += piece.n_dropped;
            }
        }
        cr_expect_gt(dropped, 0);
        cr_expect_eq(recorder_stream_cursor(stream), frames + dropped, "nothing else is lost");
        recorder_stream_close(stream);
    }
    out_master_done(&m);
}

Test(out_lag, L6_wait_drops_nothing_and_reads_on_after_the_end)
{
    out_master m = out_master_new(RF_SAMPLE_S16, 1, RATE, 40 * RATE);
    recorder_stream *stream = open_stream(&m, RECORDER_LAG_WAIT, 1000, RECORDER_CONTINUOUS);
    out_chunks got = {0};
    cr_assert_not(out_stream_take(stream, 30 * RATE, false, &got));
    cr_assert(out_stream_take(stream, m.n_frames, true, &got));
    cr_expect_eq(got.bytes.len, (size_t)m.n_frames * 2);
    cr_expect_eq(recorder_stream_work_done(stream).n_dropped, 0);
    cr_expect_eq(recorder_stream_cursor(stream), m.n_frames);
    recorder_stream_close(stream);
    out_chunks_done(&got);
    out_master_done(&m);
}

Test(out_lag, L6_disconnect_ends_with_an_error_of_its_own)
{
    out_master m = out_master_new(RF_SAMPLE_S16, 1, RATE, 40 * RATE);
    recorder_stream *stream = open_stream(&m, RECORDER_LAG_DISCONNECT, 0, RECORDER_CONTINUOUS);
    recorder_stream_piece piece;
    cr_assert_eq(recorder_stream_next(stream, 10 * RATE, false, &piece), 1);
    cr_expect_eq(recorder_stream_next(stream, 12 * RATE, false, &piece), -EOVERFLOW);
    recorder_stream_close(stream);
    out_master_done(&m);
}

/* What is left when the session ends is given whole, by every policy. */
Test(out_lag, L3_L5_nobody_loses_the_tail_after_the_end)
{
    out_master m = out_master_new(RF_SAMPLE_S16, 1, RATE, 40 * RATE);
    for (int policy = RECORDER_LAG_WAIT; policy <= RECORDER_LAG_DISCONNECT; policy++) {
        recorder_stream *stream =
            open_stream(&m, (recorder_lag_policy)policy, 1000, RECORDER_CONTINUOUS);
        out_chunks got = {0};
        cr_assert(out_stream_take(stream, m.n_frames, true, &got));
        cr_expect_eq(got.bytes.len, (size_t)m.n_frames * 2);
        recorder_stream_close(stream);
        out_chunks_done(&got);
    }
    out_master_done(&m);
}

Test(out_lag, L5_a_lagging_resampled_stream_goes_on_at_the_right_place)
{
    out_master m = out_master_new(RF_SAMPLE_S16, 1, 48000, 48000 * 20);
    const recorder_stream_params p = {.fd = m.fd,
                                      .session = m.pcm,
                                      .output = {.format = RECORDER_PCM, .rate_hz = 16000},
                                      .chunk_frames = 1600,
                                      .lag_policy = RECORDER_LAG_DROP};
    recorder_stream *stream = NULL;
    recorder_stream_piece piece;
    cr_assert_eq(recorder_stream_open(&p, &stream, NULL), 0);
    cr_assert_eq(recorder_stream_next(stream, 48000, false, &piece), 1);
    const int64_t to = 48000 * 20 - 24000;
    int64_t last = 0;
    while (recorder_stream_next(stream, 48000 * 20, false, &piece) == 1) {
        last = piece.first_frame;
    }
    cr_expect_gt(last, to, "%lld", (long long)last);
    cr_expect_leq(last, 48000 * 20 - 4800);
    recorder_stream_close(stream);
    out_master_done(&m);
}
