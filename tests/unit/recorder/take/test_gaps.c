/* S6: where a publisher's messages belong. T8, T9: the list of gaps. */
#include "recorder_intake.h"
#include "take_case.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#define RATE 16000
#define LIMIT (INT64_C(86400) * RATE)

static recorder_intake at(int64_t expected)
{
    return (recorder_intake){expected, LIMIT, RATE, 60};
}

Test(gaps, S6_the_expected_message_is_appended)
{
    recorder_intake in = at(1000);
    recorder_intake_step s;
    cr_assert_eq(recorder_intake_audio(&in, 1000, 320, &s), RECORDER_OK);
    cr_assert(s.gap_frames == 0 && s.skip == 0 && s.n_frames == 320 && !s.at_limit);
}

Test(gaps, S6_a_lower_message_is_cut_to_its_new_part)
{
    recorder_intake in = at(1000);
    recorder_intake_step s;
    cr_assert_eq(recorder_intake_audio(&in, 900, 320, &s), RECORDER_OK);
    cr_assert(s.gap_frames == 0 && s.skip == 100 && s.n_frames == 220);
    cr_assert_eq(recorder_intake_audio(&in, 680, 320, &s), RECORDER_OK);
    cr_assert(s.skip == 320 && s.n_frames == 0, "sent again: harmless");
    cr_assert_eq(recorder_intake_audio(&in, 0, 10, &s), RECORDER_OK);
    cr_assert(s.skip == 10 && s.n_frames == 0);
}

Test(gaps, S6_a_higher_message_is_a_gap_up_to_60_s)
{
    recorder_intake in = at(1000);
    recorder_intake_step s;
    cr_assert_eq(recorder_intake_audio(&in, 1000 + 60 * RATE, 320, &s), RECORDER_OK);
    cr_assert(s.gap_frames == 60 * RATE && s.skip == 0 && s.n_frames == 320);
    cr_assert_eq(recorder_intake_audio(&in, 1001 + 60 * RATE, 320, &s), RECORDER_GAP_TOO_LONG);
    cr_assert_eq(recorder_intake_audio(&in, UINT64_MAX, 320, &s), RECORDER_GAP_TOO_LONG);
    cr_assert_eq(recorder_intake_audio(&in, UINT64_C(1) << 63, 1, &s), RECORDER_GAP_TOO_LONG);
    in.jump_max_s = 0;
    cr_assert_eq(recorder_intake_audio(&in, 1001, 320, &s), RECORDER_GAP_TOO_LONG);
    cr_assert_eq(recorder_intake_audio(&in, 1000, 320, &s), RECORDER_OK);
}

Test(gaps, S6_a_declared_gap_may_be_24_h_long)
{
    recorder_intake in = at(1000);
    recorder_intake_step s;
    int64_t declared;
    in.limit_frames *= 2;
    cr_assert_eq(recorder_intake_gap(&in, 1000, UINT64_C(86400) * RATE, &s, &declared),
                 RECORDER_OK);
    cr_assert(s.gap_frames == 0 && declared == INT64_C(86400) * RATE);
    cr_assert_eq(recorder_intake_gap(&in, 1000, UINT64_C(86400) * RATE + 1, &s, &declared),
                 RECORDER_GAP_TOO_LONG);
    cr_assert_eq(recorder_intake_gap(&in, 400, 900, &s, &declared), RECORDER_OK);
    cr_assert_eq(declared, 300, "what is known is not lost");
    cr_assert_eq(recorder_intake_gap(&in, 400, 600, &s, &declared), RECORDER_OK);
    cr_assert_eq(declared, 0);
    cr_assert_eq(recorder_intake_gap(&in, 1500, 600, &s, &declared), RECORDER_OK);
    cr_assert(s.gap_frames == 500 && declared == 600, "what never came is a gap of its own");
    cr_assert_eq(recorder_intake_gap(&in, 1001 + 60 * RATE, 1, &s, &declared),
                 RECORDER_GAP_TOO_LONG);
    cr_assert_eq(recorder_intake_gap(&in, UINT64_MAX, UINT64_MAX, &s, &declared),
                 RECORDER_GAP_TOO_LONG);
}

Test(gaps, D14_a_session_ends_at_its_greatest_length)
{
    recorder_intake in = at(LIMIT - 100);
    recorder_intake_step s;
    int64_t declared;
    cr_assert_eq(recorder_intake_audio(&in, LIMIT - 100, 100, &s), RECORDER_OK);
    cr_assert(s.n_frames == 100 && !s.at_limit);
    cr_assert_eq(recorder_intake_audio(&in, LIMIT - 100, 320, &s), RECORDER_OK);
    cr_assert(s.n_frames == 100 && s.at_limit);
    cr_assert_eq(recorder_intake_audio(&in, LIMIT - 40, 320, &s), RECORDER_OK);
    cr_assert(s.gap_frames == 60 && s.n_frames == 40 && s.at_limit);
    cr_assert_eq(recorder_intake_audio(&in, LIMIT + 40, 320, &s), RECORDER_OK);
    cr_assert(s.gap_frames == 100 && s.n_frames == 0 && s.at_limit);
    cr_assert_eq(recorder_intake_gap(&in, LIMIT - 40, 320, &s, &declared), RECORDER_OK);
    cr_assert(s.gap_frames == 60 && declared == 40 && s.at_limit);
}

/* Any order of messages, resent, cut, lost: every frame comes once, in its place. */
Test(gaps, S6_resending_at_random_never_doubles_or_moves_a_frame)
{
    uint64_t seed = 99;
    recorder_intake in = at(0);
    int64_t audio = 0;
    int64_t lost = 0;
    for (int i = 0; i < 20000; i++) {
        int64_t first = in.expected + chance_below(&seed, -2000, 200);
        recorder_intake_step s;
        first = first < 0 ? 0 : first;
        uint32_t n = (uint32_t)chance_below(&seed, 0, 1500);
        cr_assert_eq(recorder_intake_audio(&in, (uint64_t)first, n, &s), RECORDER_OK);
        if (s.n_frames > 0) {
            cr_assert_eq(first + s.skip, in.expected + s.gap_frames, "in its place");
        }
        cr_assert_eq(s.skip + s.n_frames, n);
        audio += s.n_frames;
        lost += s.gap_frames;
        in.expected += s.gap_frames + s.n_frames;
    }
    cr_assert_eq(audio + lost, in.expected);
    cr_assert(audio > 0 && lost > 0);
}

static recorder_gap gap_of(int64_t start, int64_t length, recorder_gap_cause cause, bool filled)
{
    return (recorder_gap){start, length, T0, (uint8_t)cause, filled, true};
}

static bool add(recorder_gaps *g, int64_t start, int64_t length, recorder_gap_cause cause)
{
    recorder_gap gap = gap_of(start, length, cause, true);
    return recorder_gaps_add(g, &gap);
}

Test(gaps, T9_contiguous_entries_of_one_cause_are_merged)
{
    recorder_gaps g = {0};
    add(&g, 100, 50, RECORDER_GAP_XRUN);
    add(&g, 150, 50, RECORDER_GAP_XRUN);
    cr_assert(g.n == 1 && g.items[0].length_frames == 100);
    add(&g, 200, 10, RECORDER_GAP_NETWORK);
    cr_assert_eq(g.n, 2, "another cause");
    add(&g, 211, 10, RECORDER_GAP_NETWORK);
    cr_assert_eq(g.n, 3, "a frame between");
    recorder_gap measured = gap_of(221, 5, RECORDER_GAP_NETWORK, true);
    measured.exact = false;
    recorder_gaps_add(&g, &measured);
    cr_assert(g.n == 3 && g.items[2].length_frames == 15 && !g.items[2].exact);
    recorder_gap unfilled = gap_of(226, 7, RECORDER_GAP_NETWORK, false);
    recorder_gaps_add(&g, &unfilled);
    recorder_gaps_add(&g, &unfilled);
    cr_assert_eq(g.n, 4);
    cr_assert_eq(g.items[3].length_frames, 14, "both at the same frame: they take none");
    recorder_gaps_done(&g);
}

Test(gaps, T10_a_loss_found_later_comes_to_its_place)
{
    recorder_gaps g = {0};
    add(&g, 100, 50, RECORDER_GAP_XRUN);
    add(&g, 9000, 50, RECORDER_GAP_XRUN);
    recorder_gap late = gap_of(8000, 700, RECORDER_GAP_UNKNOWN, false);
    recorder_gaps_add(&g, &late);
    cr_assert_eq(g.n, 3);
    cr_assert_eq(g.items[1].start_frame, 8000);
    cr_assert_eq(recorder_gaps_find(&g, 0), 0);
    cr_assert_eq(recorder_gaps_find(&g, 149), 0);
    cr_assert_eq(recorder_gaps_find(&g, 150), 1);
    cr_assert_eq(recorder_gaps_find(&g, 8999), 2);
    cr_assert_eq(recorder_gaps_find(&g, 9050), 3);
    recorder_gaps_done(&g);
}

Test(gaps, T10_a_loss_found_within_filled_silence_lies_before_it)
{
    recorder_gaps g = {0};
    add(&g, 100, 50, RECORDER_GAP_XRUN);
    recorder_gap lost = gap_of(120, 10, RECORDER_GAP_UNKNOWN, false);
    recorder_gaps_add(&g, &lost);
    lost.start_frame = 150;
    recorder_gaps_add(&g, &lost);
    cr_assert_eq(g.n, 3);
    cr_assert(!g.items[0].filled && g.items[0].start_frame == 100);
    cr_assert(g.items[1].filled && g.items[2].start_frame == 150);
    cr_assert_eq(recorder_gaps_find(&g, 99), 0);
    cr_assert_eq(recorder_gaps_find(&g, 149), 1);
    cr_assert_eq(recorder_gaps_find(&g, 150), 3);
    recorder_gaps_done(&g);
}

Test(gaps, T9_at_most_100000_entries_the_rest_is_counted)
{
    recorder_gaps g = {0};
    for (int64_t i = 0; i < RECORDER_GAPS_MAX; i++) {
        cr_assert(add(&g, i * 10, 5, RECORDER_GAP_XRUN));
    }
    cr_assert_not(add(&g, 5000000, 5, RECORDER_GAP_XRUN));
    cr_assert(add(&g, 999995, 1, RECORDER_GAP_XRUN), "one that continues the last still merges");
    cr_assert(g.n == RECORDER_GAPS_MAX && g.n_unlisted == 1);
    cr_assert_leq(g.cap * sizeof(recorder_gap), 4U << 20);
    recorder_gaps_done(&g);
}

Test(gaps, T8_causes_have_names)
{
    static const char *const causes[] = {"xrun",      "device_lost", "moved",
                                         "suspended", "network",     "publisher",
                                         "disk_full", "restart",     "unknown"};
    recorder_gap_cause cause;
    for (size_t i = 0; i < RF_ARRAY_LEN(causes); i++) {
        cr_assert_eq(recorder_gap_cause_parse(causes[i], &cause), 0);
        cr_assert_str_eq(recorder_gap_cause_name(cause), causes[i]);
    }
    cr_assert_eq(RF_ARRAY_LEN(causes), (size_t)RECORDER_N_GAP_CAUSES);
    cr_assert_eq(recorder_gap_cause_parse("none", &cause), -EINVAL);
}

Test(gaps, T9_S6_a_gap_of_24_h_costs_a_take_nothing)
{
    recorder_take *t = take_begin();
    cr_assert_eq(recorder_take_audio(t, 0, 16000), 0);
    cr_assert_eq(take_gap(t, 16000, INT64_C(86400) * RATE, RECORDER_GAP_PUBLISHER), 0);
    cr_assert_eq(t->frames, INT64_C(86401) * RATE);
    cr_assert_eq(recorder_take_audio(t, t->frames, 320), 0, "later frames kept their place");
    cr_assert_lt(recorder_take_bytes(t), 8192U);
    recorder_take_free(t);
}
