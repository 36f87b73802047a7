/* T4-T7, O3, Q1, Q4: which frames an extract holds, and the errors with what there is. */
#include "take_case.h"

#include <criterion/criterion.h>

static recorder_bound frame(int64_t n)
{
    return (recorder_bound){true, n};
}

static recorder_bound utc(int64_t ns)
{
    return (recorder_bound){false, ns};
}

static recorder_range ask(const recorder_take *t, recorder_bound from, recorder_bound to)
{
    recorder_query q = {.from = from, .to = to, .now_ns = T0 + 1000 * SECOND};
    return recorder_range_resolve(t, &q);
}

static recorder_range clip(const recorder_take *t, recorder_bound from, recorder_bound to)
{
    recorder_query q = {.from = from, .to = to, .clip = true, .now_ns = T0 + 1000 * SECOND};
    return recorder_range_resolve(t, &q);
}

/* 10 s at 16 kHz from T0. */
static recorder_take *ten_seconds(void)
{
    recorder_take *t = take_begin();
    cr_assert_eq(recorder_take_audio(t, 0, 160000), 0);
    return t;
}

Test(range, Q1_T4_2000_random_cuts_begin_at_the_asked_frame)
{
    uint64_t seed = 77;
    recorder_take *t = ten_seconds();
    for (int i = 0; i < 2000; i++) {
        int64_t a = chance_below(&seed, 0, 10 * SECOND);
        int64_t b = chance_below(&seed, 0, 10 * SECOND);
        int64_t from = RF_MIN(a, b);
        int64_t to = RF_MAX(a, b) + 1;
        recorder_range r = ask(t, utc(T0 + from), utc(T0 + to));
        /* 62,500 ns a frame; nearest, half up */
        cr_assert_eq(r.code, RECORDER_OK);
        cr_assert_eq(r.first, (from + 31250) / 62500);
        cr_assert_eq(r.count, (to + 31250) / 62500 - r.first);
        recorder_range same = ask(t, frame(r.first), frame(r.first + RF_MAX(r.count, 1)));
        cr_assert_eq(same.first, r.first);
    }
    recorder_take_free(t);
}

Test(range, Q2_T4_one_second_holds_exactly_one_second_wherever_it_begins)
{
    uint64_t seed = 3;
    recorder_take *t = ten_seconds();
    for (int i = 0; i < 2000; i++) {
        int64_t from = T0 + chance_below(&seed, 0, 9 * SECOND);
        cr_assert_eq(ask(t, utc(from), utc(from + SECOND)).count, 16000);
    }
    recorder_take_free(t);
}

static void is_outside(recorder_range r)
{
    cr_assert_eq(r.code, RECORDER_RANGE_OUTSIDE);
    cr_assert(!r.wait);
    cr_assert_eq(r.available.from_frame, 0);
    cr_assert_eq(r.available.to_frame, 160000);
    cr_assert_eq(r.available.from_utc_ns, T0);
    cr_assert_eq(r.available.to_utc_ns, T0 + 10 * SECOND);
}

Test(range, Q4_T5_outside_is_an_error_with_the_available_range)
{
    recorder_take *t = ten_seconds();
    is_outside(ask(t, utc(T0 - 2 * SECOND), utc(T0 - SECOND)));
    is_outside(ask(t, utc(T0 + 11 * SECOND), utc(T0 + 12 * SECOND)));
    is_outside(ask(t, utc(T0 - SECOND), utc(T0 + SECOND)));
    is_outside(ask(t, utc(T0 + 9 * SECOND), utc(T0 + 11 * SECOND)));
    is_outside(ask(t, frame(-1), frame(10)));
    is_outside(ask(t, frame(0), frame(160001)));
    is_outside(ask(t, frame(INT64_MIN), frame(INT64_MAX)));
    cr_assert_eq(ask(t, frame(0), frame(160000)).count, 160000);
    recorder_take_free(t);
}

Test(range, Q4_T5_zero_and_reversed_are_invalid)
{
    recorder_take *t = ten_seconds();
    cr_assert_eq(ask(t, utc(T0 + SECOND), utc(T0 + SECOND)).code, RECORDER_INVALID_ARGUMENT);
    cr_assert_eq(ask(t, utc(T0 + SECOND), utc(T0)).code, RECORDER_INVALID_ARGUMENT);
    cr_assert_eq(ask(t, frame(7), frame(7)).code, RECORDER_INVALID_ARGUMENT);
    cr_assert_eq(ask(t, frame(16000), utc(T0 + SECOND)).code, RECORDER_INVALID_ARGUMENT);
    recorder_range r = ask(t, frame(8000), utc(T0 + SECOND));
    cr_assert(r.code == RECORDER_OK && r.first == 8000 && r.count == 8000, "both kinds at once");
    recorder_range tiny = ask(t, utc(T0 + SECOND), utc(T0 + SECOND + 1000));
    cr_assert(tiny.code == RECORDER_OK && tiny.count == 0, "less than half a frame");
    recorder_take_free(t);
}

Test(range, Q4_T6_clip_gives_the_overlap)
{
    recorder_take *t = ten_seconds();
    recorder_range r = clip(t, utc(T0 - SECOND), utc(T0 + SECOND));
    cr_assert(r.code == RECORDER_OK && r.first == 0 && r.count == 16000);
    r = clip(t, utc(T0 + 9 * SECOND), utc(T0 + 99 * SECOND));
    cr_assert(r.code == RECORDER_OK && r.first == 144000 && r.count == 16000);
    r = clip(t, frame(-5), frame(500000));
    cr_assert(r.code == RECORDER_OK && r.first == 0 && r.count == 160000);
    is_outside(clip(t, utc(T0 - 2 * SECOND), utc(T0 - SECOND)));
    is_outside(clip(t, utc(T0 + 10 * SECOND), utc(T0 + 11 * SECOND)));
    cr_assert_eq(clip(t, frame(9), frame(3)).code, RECORDER_INVALID_ARGUMENT);
    recorder_take_free(t);
}

Test(range, T6_a_future_end_is_waited_for_while_audio_may_come)
{
    recorder_take *t = ten_seconds();
    recorder_query q = {.from = utc(T0 + 9 * SECOND),
                        .to = utc(T0 + 12 * SECOND),
                        .may_wait = true,
                        .now_ns = T0 + 10 * SECOND};
    recorder_range r = recorder_range_resolve(t, &q);
    cr_assert(r.wait && r.needed_frames == 192000 && r.code == RECORDER_OK);
    cr_assert_eq(recorder_take_audio(t, 160000, 32000), 0);
    r = recorder_range_resolve(t, &q);
    cr_assert(!r.wait && r.code == RECORDER_OK && r.first == 144000 && r.count == 48000);
    q.to = utc(T0 + 23 * SECOND);
    cr_assert_eq(recorder_range_resolve(t, &q).code, RECORDER_RANGE_OUTSIDE, "beyond 10 s");
    q.to = utc(T0 + 13 * SECOND);
    cr_assert(recorder_range_resolve(t, &q).wait);
    cr_assert_eq(take_finalize(t, RECORDER_REASON_STOP), 0);
    r = recorder_range_resolve(t, &q);
    cr_assert(!r.wait && r.code == RECORDER_RANGE_OUTSIDE, "nothing comes any more");
    recorder_take_free(t);
}

/* 10 s, a pause of 20 s, then 5 s. */
static recorder_take *paused(void)
{
    recorder_take *t = ten_seconds();
    cr_assert_eq(take_at(t, RECORDER_CHANGE_PAUSE, 160000, T0 + 10 * SECOND), 0);
    cr_assert_eq(take_at(t, RECORDER_CHANGE_RESUME, 160000, T0 + 30 * SECOND), 0);
    cr_assert_eq(recorder_take_audio(t, 160000, 80000), 0);
    return t;
}

Test(range, T7_a_bound_in_a_pause_moves_to_the_nearest_frame_inside)
{
    recorder_take *t = paused();
    recorder_range r = ask(t, utc(T0 + 9 * SECOND), utc(T0 + 20 * SECOND));
    cr_assert(r.code == RECORDER_OK && r.first == 144000 && r.count == 16000);
    r = ask(t, utc(T0 + 20 * SECOND), utc(T0 + 31 * SECOND));
    cr_assert(r.code == RECORDER_OK && r.first == 160000 && r.count == 16000);
    r = ask(t, utc(T0 + 9 * SECOND), utc(T0 + 31 * SECOND));
    cr_assert(r.code == RECORDER_OK && r.first == 144000 && r.count == 32000);
    r = ask(t, utc(T0 + 12 * SECOND), utc(T0 + 28 * SECOND));
    cr_assert_eq(r.code, RECORDER_RANGE_OUTSIDE, "wholly in the pause");
    cr_assert_eq(clip(t, utc(T0 + 12 * SECOND), utc(T0 + 28 * SECOND)).code,
                 RECORDER_RANGE_OUTSIDE);
    cr_assert_eq(r.available.to_utc_ns, T0 + 35 * SECOND);
    recorder_take_free(t);
}

Test(range, T7_a_pause_that_lasts_is_a_pause_up_to_now)
{
    recorder_take *t = ten_seconds();
    cr_assert_eq(take_at(t, RECORDER_CHANGE_PAUSE, 160000, T0 + 10 * SECOND), 0);
    recorder_query q = {
        .from = utc(T0 + 9 * SECOND), .to = utc(T0 + 15 * SECOND), .now_ns = T0 + 20 * SECOND};
    recorder_range r = recorder_range_resolve(t, &q);
    cr_assert(r.code == RECORDER_OK && r.count == 16000);
    q.now_ns = T0 + 12 * SECOND;
    cr_assert_eq(recorder_range_resolve(t, &q).code, RECORDER_RANGE_OUTSIDE, "that is the future");
    q.may_wait = true;
    cr_assert(recorder_range_resolve(t, &q).wait);
    q = (recorder_query){utc(T0 + 12 * SECOND), utc(T0 + 13 * SECOND), false, false,
                         T0 + 20 * SECOND};
    cr_assert_eq(recorder_range_resolve(t, &q).code, RECORDER_RANGE_OUTSIDE);
    recorder_take_free(t);
}

Test(range, T7_a_pause_of_silence_has_frames)
{
    recorder_change start = start_change();
    start.start.options.pause_mode = RECORDER_PAUSE_SILENCE;
    recorder_take *t = take_begin_with(&start);
    cr_assert_eq(recorder_take_audio(t, 0, 160000), 0);
    cr_assert_eq(take_at(t, RECORDER_CHANGE_PAUSE, 160000, T0 + 10 * SECOND), 0);
    cr_assert_eq(take_at(t, RECORDER_CHANGE_RESUME, 480000, T0 + 30 * SECOND), 0);
    recorder_range r = ask(t, utc(T0 + 12 * SECOND), utc(T0 + 28 * SECOND));
    cr_assert(r.code == RECORDER_OK && r.first == 192000 && r.count == 256000);
    recorder_take_free(t);
}

Test(range, O3_clear_frames_moves_the_lower_bound_of_extraction)
{
    recorder_take *t = ten_seconds();
    cr_assert_eq(take_at(t, RECORDER_CHANGE_CLEAR, 64000, 0), 0);
    recorder_range r = ask(t, utc(T0 + 3 * SECOND), utc(T0 + 5 * SECOND));
    cr_assert_eq(r.code, RECORDER_RANGE_OUTSIDE);
    cr_assert_eq(r.available.from_frame, 64000);
    cr_assert_eq(r.available.from_utc_ns, T0 + 4 * SECOND);
    cr_assert_eq(ask(t, utc(T0 + 4 * SECOND), utc(T0 + 5 * SECOND)).first, 64000);
    r = clip(t, utc(T0 + 3 * SECOND), utc(T0 + 5 * SECOND));
    cr_assert(r.first == 64000 && r.count == 16000);
    cr_assert_eq(take_at(t, RECORDER_CHANGE_CLEAR, 32000, 0), 0);
    cr_assert_eq(t->cleared, 64000, "it never moves back");
    cr_assert_eq(t->frames, 160000, "the session is untouched");
    cr_assert_eq(take_at(t, RECORDER_CHANGE_CLEAR, 160000, 0), 0);
    cr_assert_eq(ask(t, frame(0), frame(1)).code, RECORDER_NO_AUDIO);
    recorder_take_free(t);
}

Test(range, O2_a_session_without_audio_has_none_to_give)
{
    recorder_take *t = take_begin();
    recorder_range r = ask(t, utc(T0), utc(T0 + SECOND));
    cr_assert_eq(r.code, RECORDER_NO_AUDIO);
    cr_assert(r.available.from_frame == 0 && r.available.to_frame == 0);
    cr_assert(r.available.from_utc_ns == T0 && r.available.to_utc_ns == T0);
    cr_assert_eq(ask(t, frame(0), frame(1)).code, RECORDER_NO_AUDIO);
    recorder_take_free(t);
}

Test(range, T4_another_rate_gives_round_n_out_by_in)
{
    cr_assert_eq(recorder_range_resampled(160000, 16000, 44100), 441000);
    cr_assert_eq(recorder_range_resampled(1, 16000, 8000), 1, "half up");
    cr_assert_eq(recorder_range_resampled(1, 48000, 16000), 0);
    cr_assert_eq(recorder_range_resampled(0, 48000, 16000), 0);
    cr_assert_eq(recorder_range_resampled(147, 44100, 48000), 160);
    cr_assert_eq(recorder_range_resampled(RECORDER_FRAMES_MAX, 192000, 191999),
                 INT64_C(31) * 86400 * 191999);
}

/* Whatever is asked, an answer lies within what there is. */
Test(range, T5_random_queries_never_leave_the_audio)
{
    uint64_t seed = 2024;
    recorder_take *t = paused();
    cr_assert_eq(take_at(t, RECORDER_CHANGE_CLEAR, 1000, 0), 0);
    unsigned n_ok = 0;
    for (int i = 0; i < 20000; i++) {
        recorder_query q = {.clip = chance(&seed) % 2 == 0,
                            .may_wait = chance(&seed) % 2 == 0,
                            .now_ns = T0 + 35 * SECOND};
        q.from = chance(&seed) % 2 == 0 ? frame(chance_below(&seed, -50000, 300000))
                                        : utc(T0 + chance_below(&seed, -5 * SECOND, 50 * SECOND));
        q.to = chance(&seed) % 2 == 0 ? frame(chance_below(&seed, -50000, 300000))
                                      : utc(T0 + chance_below(&seed, -5 * SECOND, 50 * SECOND));
        recorder_range r = recorder_range_resolve(t, &q);
        cr_assert(!r.wait || (q.may_wait && r.needed_frames > t->frames));
        if (r.code == RECORDER_OK && !r.wait) {
            cr_assert(r.count >= 0 && r.first >= 1000 && r.first + r.count <= t->frames);
            n_ok++;
        }
    }
    cr_assert_gt(n_ok, 1000);
    recorder_take_free(t);
}
