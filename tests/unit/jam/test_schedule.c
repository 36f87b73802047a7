/* When chunks leave: the arithmetic of jam_schedule.h. */
#include "jam_schedule.h"

#include "rf_time.h"

#include <criterion/criterion.h>

#define MS RF_NS_PER_MS
#define T0 (1000 * RF_NS_PER_S)
#define HOP 96000 /* samples of 50 frames */
#define FRAMES 50
#define WINDOW (500 * MS)

static jam_settings settings_of(jam_pace pace, jam_catch_up catch_up, uint32_t buffer_chunks)
{
    jam_settings settings;
    jam_settings_default(&settings);
    settings.pace = pace;
    settings.catch_up = catch_up;
    settings.buffer_chunks = buffer_chunks;
    return settings;
}

/* A schedule whose chunk 0 left at T0. */
static jam_schedule started(jam_pace pace, jam_catch_up catch_up, uint32_t buffer_chunks)
{
    jam_schedule s;
    jam_leaving leaving;
    jam_settings settings = settings_of(pace, catch_up, buffer_chunks);
    jam_schedule_init(&s, &settings);
    jam_schedule_sent(&s, 0, FRAMES, T0, &leaving);
    return s;
}

static jam_leaving send(jam_schedule *s, int64_t k, int64_t at_ns)
{
    jam_leaving leaving;
    jam_schedule_sent(s, k * HOP, FRAMES, at_ns, &leaving);
    return leaving;
}

static jam_catching plan(jam_schedule *s, int64_t sample, int64_t at_ns)
{
    jam_catching catching;
    jam_schedule_plan(s, sample, FRAMES, at_ns, &catching);
    return catching;
}

Test(schedule, the_first_chunk_leaves_at_once_and_is_the_origin)
{
    jam_schedule s;
    jam_settings settings = settings_of(JAM_PACE_REALTIME, JAM_CATCH_UP_BURST, 2);
    jam_schedule_init(&s, &settings);
    cr_assert_eq(jam_schedule_leave(&s, 0), JAM_AT_ONCE_NS);
    cr_assert_eq(jam_schedule_begin(&s, 0, FRAMES, WINDOW), JAM_AT_ONCE_NS);
    send(&s, 0, T0);
    cr_assert_eq(jam_schedule_due(&s, 0), T0);
    cr_assert_eq(jam_schedule_due(&s, HOP), T0 + 2 * RF_NS_PER_S);
}

Test(schedule, due_times_are_exact_after_any_number_of_chunks)
{
    jam_schedule s = started(JAM_PACE_REALTIME, JAM_CATCH_UP_BURST, 2);
    for (int64_t k = 1; k < 1000000; k += 997) { /* frames of 40 ms, 11 hours */
        cr_assert_eq(jam_schedule_due(&s, k * JAM_FRAME_SAMPLES), T0 + k * 40 * MS);
    }
    cr_assert_eq(jam_schedule_due(&s, 1), T0 + 20833);
}

Test(schedule, a_chunk_leaves_and_is_begun_before_it_is_due)
{
    jam_schedule s = started(JAM_PACE_REALTIME, JAM_CATCH_UP_BURST, 2);
    int64_t due_ns = jam_schedule_due(&s, HOP);
    cr_assert_eq(jam_schedule_leave(&s, HOP), due_ns - JAM_LEAVE_NS);
    cr_assert_eq(jam_schedule_begin(&s, HOP, FRAMES, WINDOW), due_ns - WINDOW);
    cr_assert_eq(jam_schedule_begin(&s, HOP, 1, WINDOW), due_ns - JAM_FRAME_NS, "at most a hop");
}

Test(schedule, a_chunk_that_is_late_by_less_than_its_length_is_no_stall)
{
    jam_schedule s = started(JAM_PACE_REALTIME, JAM_CATCH_UP_BURST, 2);
    jam_leaving leaving = send(&s, 1, T0 + 2 * RF_NS_PER_S + 1900 * MS);
    cr_assert_eq(leaving.late_ns, 1900 * MS);
    cr_assert_not(leaving.began);
    cr_assert_eq(leaving.slip_ns, 0);
    cr_assert_eq(jam_schedule_due(&s, 2 * HOP), T0 + 4 * RF_NS_PER_S, "the origin stays");
}

Test(schedule, burst_sends_overdue_chunks_back_to_back_without_slip_when_that_is_enough)
{
    jam_schedule s = started(JAM_PACE_REALTIME, JAM_CATCH_UP_BURST, 2);
    int64_t now_ns = T0 + 4100 * MS; /* chunks 1 and 2 are overdue */
    cr_assert_eq(plan(&s, HOP, now_ns).skip_frames, 0);
    cr_assert_eq(send(&s, 1, now_ns).slip_ns, 0);
    cr_assert_leq(jam_schedule_leave(&s, 2 * HOP), now_ns);
    cr_assert_eq(send(&s, 2, now_ns).slip_ns, 0);
    cr_assert_eq(jam_schedule_due(&s, 3 * HOP), T0 + 6 * RF_NS_PER_S);
    cr_assert_not(s.stalled);
}

Test(schedule, burst_moves_the_origin_by_what_is_late_after_buffer_chunks)
{
    jam_schedule s = started(JAM_PACE_REALTIME, JAM_CATCH_UP_BURST, 2);
    int64_t now_ns = T0 + 11 * RF_NS_PER_S; /* 1 to 5 are overdue */
    cr_assert(plan(&s, HOP, now_ns).began);
    cr_assert_not(send(&s, 1, now_ns).began, "told once");
    jam_leaving second = send(&s, 2, now_ns + 30 * MS);
    cr_assert_eq(second.slip_ns, 7030 * MS); /* it was due at T0 + 4 s */
    cr_assert_eq(jam_schedule_due(&s, 3 * HOP), now_ns + 30 * MS + 2 * RF_NS_PER_S);
    cr_assert_gt(jam_schedule_leave(&s, 3 * HOP), now_ns + 30 * MS);
}

Test(schedule, a_client_that_buffers_one_chunk_gets_no_burst)
{
    jam_schedule s = started(JAM_PACE_REALTIME, JAM_CATCH_UP_BURST, 1);
    jam_leaving leaving = send(&s, 1, T0 + 5 * RF_NS_PER_S);
    cr_assert(leaving.began);
    cr_assert_eq(leaving.slip_ns, 3 * RF_NS_PER_S);
}

Test(schedule, skip_jumps_by_whole_frames_to_the_clock)
{
    jam_schedule s = started(JAM_PACE_REALTIME, JAM_CATCH_UP_SKIP, 2);
    int64_t now_ns = T0 + 5010 * MS;
    jam_catching catching = plan(&s, HOP, now_ns); /* 3,010 ms late */
    cr_assert_eq(catching.skip_frames, 76);
    int64_t start = HOP + 76 * JAM_FRAME_SAMPLES;
    cr_assert_eq(jam_schedule_due(&s, start), T0 + 5040 * MS);
    cr_assert_eq(plan(&s, start + HOP, now_ns + 1500 * MS).skip_frames, 0, "once");
}

Test(schedule, skip_after_a_stall_that_is_noticed_as_a_chunk_leaves)
{
    jam_schedule s = started(JAM_PACE_REALTIME, JAM_CATCH_UP_SKIP, 2);
    jam_leaving leaving = send(&s, 1, T0 + 5 * RF_NS_PER_S);
    cr_assert(leaving.began);
    cr_assert_eq(leaving.slip_ns, 0);
    cr_assert_eq(plan(&s, 2 * HOP, T0 + 5 * RF_NS_PER_S).skip_frames, 25);
}

Test(schedule, stretch_lets_a_chunk_leave_in_the_time_of_its_music_until_on_time)
{
    jam_schedule s = started(JAM_PACE_REALTIME, JAM_CATCH_UP_STRETCH, 2);
    int64_t now_ns = T0 + 4500 * MS;
    int64_t hold_ns = (int64_t)(2.0 * RF_NS_PER_S / 1.1);
    cr_assert_float_eq(plan(&s, HOP, now_ns).stretch, 1.1, 1e-9);
    int64_t late_ns = INT64_MAX;
    for (int64_t k = 1; late_ns >= 20 * MS && k < 100; k++) {
        jam_leaving leaving = send(&s, k, now_ns);
        cr_assert_eq(leaving.slip_ns, 0);
        cr_assert_lt(leaving.late_ns, late_ns);
        late_ns = leaving.late_ns;
        if (late_ns >= 20 * MS) {
            cr_assert_eq(
                jam_schedule_leave(&s, (k + 1) * HOP),
                RF_MAX(now_ns + hold_ns, jam_schedule_due(&s, (k + 1) * HOP) - JAM_LEAVE_NS));
        }
        now_ns = jam_schedule_leave(&s, (k + 1) * HOP);
    }
    cr_assert_not(s.stalled);
    cr_assert_float_eq(plan(&s, 100 * HOP, 0).stretch, 1.0, 1e-9);
}

Test(schedule, asap_leaves_at_once_and_counts_its_lead)
{
    jam_schedule s = started(JAM_PACE_ASAP, JAM_CATCH_UP_BURST, 2);
    cr_assert_eq(jam_schedule_leave(&s, 10 * HOP), JAM_AT_ONCE_NS);
    cr_assert_eq(jam_schedule_lead(&s, 10 * HOP, T0 + RF_NS_PER_S), 19 * RF_NS_PER_S);
    cr_assert_eq(send(&s, 10, T0 + 60 * RF_NS_PER_S).late_ns, 0);
}

static int64_t flip_to_realtime(jam_schedule *s, int64_t next, uint32_t buffer, int64_t now_ns)
{
    jam_settings settings = settings_of(JAM_PACE_REALTIME, JAM_CATCH_UP_BURST, buffer);
    jam_schedule_set(s, &settings, next, FRAMES, now_ns);
    return jam_schedule_due(s, next);
}

Test(schedule, from_asap_to_realtime_a_large_lead_drains_to_buffer_chunks)
{
    jam_schedule s = started(JAM_PACE_ASAP, JAM_CATCH_UP_BURST, 2);
    int64_t now_ns = T0 + RF_NS_PER_S; /* 20 s sent, 19 s lead, 4 s are kept */
    cr_assert_eq(flip_to_realtime(&s, 10 * HOP, 2, now_ns), now_ns + 15 * RF_NS_PER_S);
}

Test(schedule, from_asap_to_realtime_a_small_lead_is_kept)
{
    jam_schedule s = started(JAM_PACE_ASAP, JAM_CATCH_UP_BURST, 2);
    int64_t now_ns = T0 + 1500 * MS;
    cr_assert_eq(flip_to_realtime(&s, 2 * HOP, 2, now_ns), now_ns);
    cr_assert_eq(jam_schedule_due(&s, 3 * HOP), now_ns + 2 * RF_NS_PER_S);
}

Test(schedule, from_realtime_to_asap_at_once)
{
    jam_schedule s = started(JAM_PACE_REALTIME, JAM_CATCH_UP_BURST, 2);
    jam_settings settings = settings_of(JAM_PACE_ASAP, JAM_CATCH_UP_BURST, 2);
    jam_schedule_set(&s, &settings, HOP, FRAMES, T0 + 100 * MS);
    cr_assert_eq(jam_schedule_leave(&s, HOP), JAM_AT_ONCE_NS);
    cr_assert_eq(jam_schedule_lead(&s, HOP, T0 + 100 * MS), 1900 * MS);
}

Test(schedule, reports_trim_the_origin_by_a_millisecond_a_chunk_towards_100_ms)
{
    jam_schedule s = started(JAM_PACE_REALTIME, JAM_CATCH_UP_BURST, 2);
    int64_t now_ns = jam_schedule_leave(&s, HOP); /* the next leaves now: the buffer is the lead */
    jam_schedule_report(&s, 60.0, HOP, now_ns);
    send(&s, 1, now_ns);
    cr_assert_eq(jam_schedule_due(&s, 2 * HOP), T0 + 4 * RF_NS_PER_S - 1 * MS);
    for (int64_t k = 2; k < 100; k++) {
        send(&s, k, jam_schedule_leave(&s, k * HOP));
    }
    cr_assert_eq(jam_schedule_due(&s, 0), T0 - 40 * MS, "no more than was missing");
    jam_schedule_report(&s, 150.0, 100 * HOP, jam_schedule_leave(&s, 100 * HOP));
    send(&s, 100, jam_schedule_leave(&s, 100 * HOP));
    cr_assert_eq(jam_schedule_due(&s, 0), T0 - 39 * MS, "and back");
}

Test(schedule, without_reports_nothing_is_trimmed)
{
    jam_schedule s = started(JAM_PACE_REALTIME, JAM_CATCH_UP_BURST, 2);
    for (int64_t k = 1; k <= 7200; k++) { /* 4 h */
        send(&s, k, jam_schedule_leave(&s, k * HOP));
    }
    cr_assert_eq(jam_schedule_due(&s, 0), T0);
}
