/* The ring file of a pre-roll by itself. */
#include "recorder_past.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RATE 1000
#define MS_NS INT64_C(1000000)

static recorder_past *make(int64_t wanted)
{
    recorder_past *past = NULL;
    cr_assert_eq(recorder_past_new("/tmp", sizeof(int32_t), RATE, wanted, &past), 0);
    return past;
}

/* Frames that spell their number; each comes when it is its turn. */
static void give(recorder_past *past, int64_t *next, int64_t n, bool keep)
{
    RF_CLEANUP(rf_cleanup_free) int32_t *x = RF_NEW_ARRAY(int32_t, (size_t)n);
    for (int64_t i = 0; i < n; i++) {
        x[i] = (int32_t)(*next + i);
    }
    *next += n;
    recorder_past_frames(past, x, n, *next * MS_NS, keep);
}

static void write_all(recorder_past *past)
{
    if (recorder_past_write_begin(past)) {
        recorder_past_write_end(past, recorder_past_write(past));
    }
}

/* Reads everything: frames follow from `first` on. The number of pieces that came from the file. */
static int expect_frames(recorder_past *past, int64_t first, int64_t end)
{
    recorder_past_piece piece;
    recorder_past_kind kind;
    const void *memory = NULL;
    int n_from_file = 0;
    while ((kind = recorder_past_look(past, &piece, &memory)) != RECORDER_PAST_NOTHING) {
        RF_CLEANUP(rf_cleanup_free) int32_t *x = RF_NEW_ARRAY(int32_t, (size_t)piece.n_frames);
        cr_assert(kind == RECORDER_PAST_MEMORY || kind == RECORDER_PAST_FILE);
        if (kind == RECORDER_PAST_FILE) {
            cr_assert_eq(recorder_past_read(past, &piece, x), 0);
            n_from_file++;
        } else {
            memcpy(x, memory, (size_t)piece.n_frames * sizeof(x[0]));
        }
        for (int64_t i = 0; i < piece.n_frames; i++) {
            cr_assert_eq(x[i], (int32_t)(first + i), "%ld", (long)(first + i));
        }
        first += piece.n_frames;
        cr_assert_eq(piece.mono_ns, first * MS_NS, "with the time of its last frame");
        recorder_past_take(past);
    }
    cr_expect_eq(first, end);
    return n_from_file;
}

Test(recorder_past, section_7_the_last_frames_are_kept_to_the_frame_however_long_it_runs)
{
    recorder_past *past = make(2500);
    int64_t next = 0;
    for (int i = 0; i < 5000; i++) {
        give(past, &next, 10 + i % 7, false);
        write_all(past);
    }
    give(past, &next, 33, false);
    cr_expect_eq(recorder_past_cut(past), 2500);
    cr_expect_gt(expect_frames(past, next - 2500, next), 10, "it was in the file");
    recorder_past_free(past);
}

Test(recorder_past, what_is_not_yet_that_long_is_all_there_is)
{
    recorder_past *past = make(2500);
    int64_t next = 0;
    cr_expect_eq(recorder_past_cut(past), 0);
    give(past, &next, 1234, false);
    cr_expect_eq(recorder_past_cut(past), 1234);
    cr_expect_eq(expect_frames(past, 0, 1234), 0);
    recorder_past_free(past);
}

Test(recorder_past, a_block_longer_than_the_file_leaves_its_end)
{
    recorder_past *past = make(100);
    int64_t next = 0;
    give(past, &next, 9000, false);
    write_all(past);
    cr_expect_eq(recorder_past_cut(past), 100);
    recorder_past_piece piece;
    const void *memory;
    int32_t x[100];
    cr_assert_eq(recorder_past_look(past, &piece, &memory), RECORDER_PAST_FILE);
    cr_assert_eq(recorder_past_read(past, &piece, x), 0);
    cr_expect_eq(x[0], 8900);
    cr_expect_eq(x[99], 8999);
    recorder_past_free(past);
}

Test(recorder_past, T9_what_was_lost_keeps_its_place)
{
    recorder_past *past = make(1000);
    recorder_past_piece piece;
    const void *memory;
    int64_t next = 0;
    give(past, &next, 700, false);
    recorder_past_gap(past, RECORDER_GAP_XRUN, 200, false, next * MS_NS, false);
    recorder_past_gap(past, RECORDER_GAP_XRUN, 50, false, next * MS_NS, false);
    give(past, &next, 300, false);
    cr_expect_eq(recorder_past_cut(past), 1000);
    cr_assert_eq(recorder_past_look(past, &piece, &memory), RECORDER_PAST_MEMORY);
    cr_expect_eq(piece.n_frames, 450);
    cr_expect_eq(((const int32_t *)memory)[0], 250);
    recorder_past_take(past);
    cr_assert_eq(recorder_past_look(past, &piece, &memory), RECORDER_PAST_GAP);
    cr_expect_eq(piece.n_frames, 250);
    cr_expect_eq(piece.cause, RECORDER_GAP_XRUN);
    recorder_past_take(past);
    (void)expect_frames(past, 700, 1000);
    recorder_past_free(past);
}

Test(recorder_past, what_cannot_be_written_is_a_gap_of_a_full_disk)
{
    recorder_past *past = make(1000);
    recorder_past_piece piece;
    const void *memory;
    int64_t next = 0;
    give(past, &next, 200, false);
    cr_assert(recorder_past_write_begin(past));
    give(past, &next, 50, true);
    cr_expect_eq(recorder_past_look(past, &piece, &memory), RECORDER_PAST_WRITING);
    recorder_past_write_end(past, -ENOSPC);
    cr_expect_eq(recorder_past_cut(past), 250);
    cr_assert_eq(recorder_past_look(past, &piece, &memory), RECORDER_PAST_GAP);
    cr_expect_eq(piece.n_frames, 200);
    cr_expect_eq(piece.cause, RECORDER_GAP_DISK_FULL);
    recorder_past_take(past);
    (void)expect_frames(past, 200, 250);
    recorder_past_free(past);
}

Test(recorder_past, frames_that_queue_up_behind_it_have_a_limit)
{
    recorder_past *past = make(10);
    int64_t next = 0;
    cr_expect_not(recorder_past_is_full(past));
    while (!recorder_past_is_full(past)) {
        give(past, &next, 1000, true);
    }
    cr_expect_leq(next, (4 << 20) / 4 + 1000);
    (void)expect_frames(past, 0, next);
    cr_expect_not(recorder_past_is_full(past));
    recorder_past_free(past);
}
