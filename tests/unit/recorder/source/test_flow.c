/* S2, S4, T8, T9: from blocks that arrive to frames and gaps, on a clock of its own. */
#include "recorder_flow.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#define RATE 48000
#define BLOCK 480
#define MS RF_NS_PER_MS
#define TOLERANCE (RATE / 1000) /* 1 ms */

/* A device of which blocks arrive 10 ms apart and up to 3 ms late, and what is told of them. */
typedef struct scene {
    recorder_ring *ring;
    recorder_flow flow;
    uint64_t seed;
    int64_t now_ns;
    uint32_t stream;
    bool overflow; /* of the next block */
    int refuse;    /* what frames are refused with; 0: they are taken */
    int64_t told;  /* frames with data */
    int64_t next;
    int64_t last_arrival_ns;
    bool out_of_order;
    unsigned n_gaps;
    int64_t gap_first, gap_frames;
    recorder_gap_cause gap_cause;
    bool gap_exact;
} scene;

static int on_frames(void *user, int64_t first, uint32_t n_frames, const void *data RF_UNUSED,
                     int64_t arrival_ns)
{
    scene *s = user;
    if (s->refuse != 0) {
        return s->refuse;
    }
    s->out_of_order = s->out_of_order || first != s->next || arrival_ns < s->last_arrival_ns;
    s->next = first + n_frames;
    s->told += n_frames;
    s->last_arrival_ns = arrival_ns;
    return 0;
}

static void on_gap(void *user, recorder_gap_cause cause, int64_t first, int64_t n_frames,
                   bool exact)
{
    scene *s = user;
    s->out_of_order = s->out_of_order || first != s->next;
    s->next = first + n_frames;
    s->n_gaps++;
    s->gap_first = first;
    s->gap_frames = n_frames;
    s->gap_cause = cause;
    s->gap_exact = exact;
}

static const recorder_flow_events events = {.frames = on_frames, .gap = on_gap};

static scene *begin(uint32_t ring_ms)
{
    scene *s = RF_NEW(scene);
    s->ring = recorder_ring_new(RATE, 2, BLOCK, ring_ms);
    s->seed = 9;
    s->now_ns = 5 * RF_NS_PER_S;
    s->stream = 1;
    recorder_flow_init(&s->flow, s->ring, RATE, &events, s);
    return s;
}

static void end(scene *s)
{
    cr_expect_not(s->out_of_order);
    recorder_ring_free(s->ring);
    free(s);
}

static void arrive(scene *s, int64_t late_ns)
{
    static const int16_t audio[BLOCK];
    recorder_block block = {.arrival_ns = s->now_ns + late_ns,
                            .n_frames = BLOCK,
                            .stream = s->stream,
                            .overflow = s->overflow,
                            .data = audio};
    s->overflow = false;
    recorder_ring_put(s->ring, &block);
}

static int64_t jitter_ns(scene *s)
{
    s->seed = s->seed * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)(s->seed >> 33) % (3 * MS);
}

/* ms of time in which the device delivers, drained every 10 ms. */
static void play(scene *s, int64_t ms)
{
    for (int64_t i = 0; i < ms; i += 10) {
        s->now_ns += 10 * MS;
        arrive(s, jitter_ns(s));
        recorder_flow_drain(&s->flow, s->now_ns + 5 * MS);
    }
}

/* ms of time in which nothing comes. */
static void silence(scene *s, int64_t ms)
{
    for (int64_t i = 0; i < ms; i += 10) {
        s->now_ns += 10 * MS;
        recorder_flow_drain(&s->flow, s->now_ns);
    }
}

/* ms of time after which all that should have come comes at once. */
static void burst(scene *s, int64_t ms)
{
    s->now_ns += ms * MS;
    for (int64_t i = 0; i < ms; i += 10) {
        arrive(s, 0);
    }
    recorder_flow_drain(&s->flow, s->now_ns);
}

static void expect_gap(const scene *s, recorder_gap_cause cause, int64_t ms)
{
    cr_assert_eq(s->n_gaps, 1u, "%u gaps", s->n_gaps);
    cr_expect_eq(s->gap_cause, cause);
    cr_expect_leq(llabs(s->gap_frames - ms * RATE / 1000), 2 * TOLERANCE, "%ld frames for %ld ms",
                  (long)s->gap_frames, (long)ms);
    cr_expect_not(s->gap_exact);
}

Test(flow, frames_are_numbered_and_told_at_once)
{
    scene *s = begin(4000);
    play(s, 1000);
    cr_expect_eq(s->told, RATE);
    cr_expect_eq(s->next, RATE);
    cr_expect_eq(s->n_gaps, 0u);
    end(s);
}

Test(flow, T9_silence_becomes_a_gap_of_its_length)
{
    scene *s = begin(4000);
    play(s, 3000);
    s->flow.cause = RECORDER_GAP_SUSPENDED;
    silence(s, 1500);
    play(s, 1000);
    expect_gap(s, RECORDER_GAP_SUSPENDED, 1500);
    cr_expect_eq(s->gap_first, 3 * RATE);
    cr_expect_eq(s->told, 4 * RATE);
    end(s);
}

Test(flow, T9_the_gap_is_told_within_300_ms_of_its_end)
{
    scene *s = begin(4000);
    play(s, 3000);
    silence(s, 700);
    play(s, 300);
    expect_gap(s, RECORDER_GAP_UNKNOWN, 700);
    end(s);
}

Test(flow, T9_another_stream_is_measured_even_without_silence)
{
    scene *s = begin(4000);
    play(s, 2000);
    silence(s, 30);
    s->stream = 2;
    s->flow.cause = RECORDER_GAP_DEVICE_LOST;
    play(s, 500);
    expect_gap(s, RECORDER_GAP_DEVICE_LOST, 30);
    end(s);
}

Test(flow, Q8_an_xrun_is_a_gap_of_what_is_missing)
{
    scene *s = begin(4000);
    play(s, 2000);
    silence(s, 20);
    s->overflow = true;
    play(s, 500);
    expect_gap(s, RECORDER_GAP_XRUN, 20);
    end(s);
}

Test(flow, Q8_an_xrun_flagged_late_is_one_gap)
{
    scene *s = begin(4000);
    play(s, 2000);
    silence(s, 300);
    play(s, 20);
    s->overflow = true;
    play(s, 500);
    expect_gap(s, RECORDER_GAP_XRUN, 300);
    end(s);
}

Test(flow, Q8_an_xrun_that_lost_nothing_is_no_gap)
{
    scene *s = begin(4000);
    play(s, 2000);
    s->overflow = true;
    play(s, 500);
    cr_expect_eq(s->n_gaps, 0u, "%ld frames", (long)s->gap_frames);
    cr_expect_eq(s->told, 25 * RATE / 10);
    end(s);
}

Test(flow, S4_a_late_burst_is_no_gap)
{
    scene *s = begin(4000);
    play(s, 2000);
    burst(s, 3000);
    play(s, 500);
    cr_expect_eq(s->n_gaps, 0u, "%ld frames", (long)s->gap_frames);
    cr_expect_eq(s->told, 55 * RATE / 10);
    end(s);
}

Test(flow, S4_a_burst_with_a_hole_is_a_gap_of_the_hole)
{
    scene *s = begin(4000);
    play(s, 2000);
    s->now_ns += 200 * MS; /* lost */
    burst(s, 1000);
    play(s, 500);
    expect_gap(s, RECORDER_GAP_UNKNOWN, 200);
    end(s);
}

Test(flow, T9_a_busy_machine_is_measured_longer)
{
    scene *s = begin(4000);
    for (int i = 0; i < 20; i++) { /* blocks come in bursts, every 150 ms, each as late */
        burst(s, 150);
    }
    cr_expect_eq(s->told, 3 * RATE); /* without waiting, but for the first */
    s->flow.cause = RECORDER_GAP_DEVICE_LOST;
    s->stream = 2;
    s->now_ns += 1210 * MS; /* 1,000 ms are lost, and 150 ms come 60 ms late */
    for (int i = 0; i < 15; i++) {
        arrive(s, 0);
    }
    silence(s, 240);
    for (int i = 0; i < 30; i++) { /* all that should have come by now */
        arrive(s, 0);
    }
    for (int i = 0; i < 5; i++) {
        burst(s, 150);
    }
    expect_gap(s, RECORDER_GAP_DEVICE_LOST, 1000);
    end(s);
}

Test(flow, T9_a_device_that_stops_again_at_once_makes_one_gap)
{
    scene *s = begin(4000);
    play(s, 2000);
    silence(s, 100);
    s->flow.cause = RECORDER_GAP_DEVICE_LOST;
    arrive(s, 0); /* late, and the last before the server dies */
    silence(s, 1500);
    s->stream = 2;
    play(s, 500);
    expect_gap(s, RECORDER_GAP_DEVICE_LOST, 1590);
    end(s);
}

Test(flow, S2_an_overflow_of_the_ring_is_an_exact_xrun)
{
    scene *s = begin(500);
    play(s, 1000);
    for (int i = 0; i < 60; i++) { /* the owner stands still for 600 ms */
        s->now_ns += 10 * MS;
        arrive(s, 0);
    }
    play(s, 500);
    cr_assert_eq(s->n_gaps, 1u, "%u gaps", s->n_gaps);
    cr_expect_eq(s->gap_cause, RECORDER_GAP_XRUN);
    cr_expect(s->gap_exact);
    cr_expect_eq(s->gap_frames, 11 * BLOCK); /* the eleventh came before the first drain */
    cr_expect_eq(s->gap_first, RATE + 50 * BLOCK);
    cr_expect_eq(s->next, 21 * RATE / 10);
    end(s);
}

Test(flow, S2_frames_that_are_refused_for_less_than_the_ring_are_not_lost)
{
    scene *s = begin(500);
    play(s, 1000);
    s->refuse = -ENOBUFS;
    play(s, 400);
    s->refuse = 0;
    play(s, 500);
    cr_expect_eq(s->n_gaps, 0u);
    cr_expect_eq(s->told, 19 * RATE / 10);
    end(s);
}

/* What does not fit into the ring is one gap, exact to the frame, and later frames keep their
 * place. */
static void expect_refused(int refuse, recorder_gap_cause cause)
{
    scene *s = begin(500);
    play(s, 1000);
    s->refuse = refuse;
    play(s, 60000);
    cr_expect_eq(s->n_gaps, 0u);
    s->refuse = 0;
    play(s, 500);
    cr_assert_eq(s->n_gaps, 1u, "%u gaps", s->n_gaps);
    cr_expect_eq(s->gap_cause, cause);
    cr_expect(s->gap_exact);
    cr_expect_eq(s->gap_first, 3 * RATE / 2);
    cr_expect_eq(s->gap_frames, 5951 * BLOCK); /* one more came before the first drain */
    cr_expect_eq(s->next, 615 * RATE / 10);
    for (int i = 0; i < 60; i++) { /* and then it is the owner's fault again */
        s->now_ns += 10 * MS;
        arrive(s, 0);
    }
    play(s, 100);
    cr_expect_eq(s->n_gaps, 2u);
    cr_expect_eq(s->gap_cause, RECORDER_GAP_XRUN);
    end(s);
}

Test(flow, D10_frames_that_a_full_disk_refuses_are_a_gap_of_cause_disk_full)
{
    expect_refused(-ENOSPC, RECORDER_GAP_DISK_FULL);
}

Test(flow, S2_frames_that_a_slow_disk_refuses_are_an_xrun)
{
    expect_refused(-ENOBUFS, RECORDER_GAP_XRUN);
}

Test(flow, D10_frames_that_are_refused_at_the_end_are_a_gap)
{
    scene *s = begin(500);
    play(s, 1000);
    s->refuse = -ENOSPC;
    play(s, 100);
    recorder_flow_finish(&s->flow, s->now_ns, s->now_ns);
    cr_expect_eq(s->gap_cause, RECORDER_GAP_DISK_FULL);
    cr_expect_eq(s->told, RATE);
    cr_expect_leq(llabs(s->next - 11 * RATE / 10), TOLERANCE);
    end(s);
}

Test(flow, T9_the_error_of_a_gap_is_below_half_a_millisecond)
{
    scene *s = begin(4000);
    for (int i = 0; i < 100; i++) {
        play(s, 2000);
        silence(s, 600);
    }
    play(s, 1000);
    cr_expect_eq(s->n_gaps, 100u);
    int64_t true_frames = (100 * 2600 + 1000) * (RATE / 1000);
    cr_expect_leq(llabs(s->next - true_frames), 100 * TOLERANCE / 2, "%ld frames off",
                  (long)(s->next - true_frames));
    end(s);
}

Test(flow, Q7_a_stop_cuts_at_its_time)
{
    scene *s = begin(4000);
    play(s, 1000);
    s->now_ns += 10 * MS;
    arrive(s, 0);
    recorder_flow_finish(&s->flow, s->now_ns, s->now_ns - 4 * MS);
    cr_expect_leq(llabs(s->next - (RATE + 6 * RATE / 1000)), TOLERANCE, "%ld", (long)s->next);
    cr_expect_eq(recorder_ring_n(s->ring), 0u);
    end(s);
}

Test(flow, Q7_a_stop_in_a_late_burst_makes_no_gap)
{
    scene *s = begin(4000);
    play(s, 1000);
    s->now_ns += 80 * MS;
    arrive(s, 0); /* of what is 80 ms late, only this has come */
    recorder_flow_finish(&s->flow, s->now_ns, s->now_ns);
    cr_expect_eq(s->n_gaps, 0u);
    cr_expect_eq(s->told, RATE + BLOCK);
    end(s);
}
