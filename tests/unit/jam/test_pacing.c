/* Stalls, paces and their limits, from the engine to the client. */
#include "world.h"

#include "rf_time.h"

#include <criterion/criterion.h>
#include <string.h>

static world w;

static void open_world(void)
{
    rf_time_drive();
    world_open(&w, NULL);
}

static void close_world(void)
{
    world_close(&w);
}

TestSuite(pacing, .init = open_world, .fini = close_world, .timeout = 60);

/* A realtime session whose process then stands still. */
static world_client *stalled(const char *catch_up, int64_t ms)
{
    RF_CLEANUP(rf_cleanup_free)
    char *params = rf_asprintf(
        "{\"pace\":\"realtime\",\"max_decode_frames\":25,\"catch_up\":\"%s\"}", catch_up);
    world_client *c = world_start(&w, params);
    world_settle(&w);
    world_pass(&w, 1500); /* chunks 0 and 1 have left, chunk 2 is due at 2 s */
    cr_assert_eq(world_n_chunks(c), 2);
    rf_time_advance(ms * RF_NS_PER_MS);
    world_settle(&w);
    return c;
}

static double status_num(const world_client *c, const char *key)
{
    for (size_t i = 0; i < world_count(c, "status"); i++) {
        json_t *value = json_object_get(world_nth(c, "status", i), key);
        if (value != NULL) {
            return json_number_value(value);
        }
    }
    return -1.0;
}

Test(pacing, burst_loses_no_audio_and_tells_the_slip)
{
    world_client *c = stalled("burst", 5000); /* 6.5 s: chunks 2 to 6 are overdue */
    cr_assert_eq(world_n_chunks(c), 4, "buffer_chunks of them leave");
    cr_assert_eq(world_chunk(c, 3)->at_ns, world_chunk(c, 2)->at_ns, "back to back");
    cr_assert_eq(world_meta_i64(c, 2, "start_sample"), 96000);
    cr_assert_eq(world_meta_i64(c, 3, "start_sample"), 144000);
    cr_assert_float_eq(status_num(c, "slip_ms"), 3500.0, 0.001, "%g", status_num(c, "slip_ms"));
    world_pass(&w, 985);
    cr_assert_eq(world_n_chunks(c), 5, "then one a second again");
    cr_assert_eq(world_meta_i64(c, 4, "start_sample"), 192000);
}

Test(pacing, skip_jumps_to_the_clock_and_tells_from_and_to)
{
    world_client *c = stalled("skip", 5000);
    world_pass(&w, 40);
    json_t *skip = NULL;
    for (size_t i = 0; i < world_count(c, "status") && skip == NULL; i++) {
        skip = json_object_get(world_nth(c, "status", i), "skip");
    }
    cr_assert_not_null(skip);
    int64_t from = json_integer_value(json_object_get(skip, "from"));
    int64_t to = json_integer_value(json_object_get(skip, "to"));
    size_t n = world_n_chunks(c);
    cr_assert_eq(to, world_meta_i64(c, n - 1, "start_sample"));
    cr_assert_eq(from, world_meta_i64(c, n - 2, "start_sample") + 48000);
    cr_assert_eq((to - from) % JAM_FRAME_SAMPLES, 0);
    cr_assert_geq(to, 6 * 48000);
    world_pass(&w, 1000);
    double lead = json_number_value(json_object_get(world_meta(c, n), "lead_ms"));
    cr_assert(lead >= 15.0 && lead <= 20.0, "on time again: %g", lead);
    cr_assert_eq(world_meta_i64(c, n, "index"), (int64_t)n, "indices have no hole");
}

Test(pacing, stretch_makes_up_for_lateness_without_a_slip)
{
    world_client *c = stalled("stretch", 2000);
    size_t n = world_n_chunks(c);
    double before = json_number_value(json_object_get(world_meta(c, n - 1), "lead_ms"));
    world_pass(&w, 30000);
    size_t last = world_n_chunks(c) - 1;
    double after = json_number_value(json_object_get(world_meta(c, last), "lead_ms"));
    cr_assert_lt(before, -1000.0);
    cr_assert_gt(after, -20.0);
    for (size_t i = 1; i <= last; i++) {
        cr_assert_eq(world_meta_i64(c, i, "start_sample"), (int64_t)i * 48000);
    }
    cr_assert_lt(status_num(c, "slip_ms"), 0.0, "no slip");
}

Test(pacing, asap_keeps_one_chunk_with_the_client_and_one_waiting)
{
    world_client *c = world_connect(&w, "tenant", "10.0.0.1");
    c->takes = false;
    world_say(c, "{\"type\":\"start\",\"binary_audio\":true,\"params\":{\"pace\":\"asap\"}}");
    world_wait(c, "chunk_meta", 0);
    world_settle(&w);
    cr_assert_eq(world_n_chunks(c), 1, "one is with the client");
    world_pass(&w, 10000);
    cr_assert_eq(world_n_chunks(c), 1);
    for (size_t i = 1; i < 5; i++) {
        jam_socket_taken(c->socket, c->n_notes);
        cr_assert_eq(world_n_chunks(c), i + 1, "the waiting one leaves at once");
        world_settle(&w);
        cr_assert_eq(world_n_chunks(c), i + 1);
        cr_assert_eq(world_meta_i64(c, i, "start_sample"), (int64_t)i * 96000);
    }
}

Test(pacing, asap_runs_ahead_and_a_flip_to_realtime_drains_to_the_buffer)
{
    world_client *c = world_start(&w, "{\"pace\":\"asap\",\"max_decode_frames\":25}");
    while (world_n_chunks(c) < 10) {
        world_turn(&w);
    }
    world_say(c, "{\"type\":\"update\",\"pace\":\"realtime\"}");
    world_settle(&w);
    size_t n = world_n_chunks(c); /* n seconds are with the client, two are kept */
    world_pass(&w, (int64_t)(n - 2) * 1000 - 100);
    cr_assert_eq(world_n_chunks(c), n, "nothing leaves before the lead has drained");
    world_pass(&w, 100);
    cr_assert_eq(world_n_chunks(c), n + 1);
    world_pass(&w, 1000);
    cr_assert_eq(world_n_chunks(c), n + 2);
}

Test(pacing, a_flip_to_asap_goes_on_at_once_and_repeats_nothing)
{
    world_client *c = world_start(&w, "{\"pace\":\"realtime\",\"max_decode_frames\":25}");
    world_settle(&w);
    world_say(c, "{\"type\":\"update\",\"pace\":\"asap\"}");
    while (world_n_chunks(c) < 5) {
        world_turn(&w);
    }
    world_say(c, "{\"type\":\"pause\"}");
    world_settle(&w);
    for (size_t i = 0; i < world_n_chunks(c); i++) {
        cr_assert_eq(world_meta_i64(c, i, "start_sample"), (int64_t)i * 48000);
    }
}

Test(pacing, one_frame_chunks_keep_their_times)
{
    world_client *c = world_start(&w, "{\"pace\":\"realtime\",\"max_decode_frames\":1}");
    c->keeps_no_files = true;
    world_settle(&w);
    int64_t first_ns = world_chunk(c, 0)->at_ns;
    world_pass(&w, 4000);
    cr_assert_eq(world_n_chunks(c), 101);
    for (size_t i = 1; i <= 100; i++) {
        int64_t early = first_ns + (int64_t)i * 40 * RF_NS_PER_MS - world_chunk(c, i)->at_ns;
        cr_assert(early >= 15 * RF_NS_PER_MS && early <= 20 * RF_NS_PER_MS);
    }
}

Test(pacing, update_to_air_with_one_frame_chunks_is_within_140_ms)
{
    world_client *c = world_start(&w, "{\"pace\":\"realtime\",\"max_decode_frames\":1}");
    int64_t first_ns = 0;
    world_settle(&w);
    first_ns = world_chunk(c, 0)->at_ns;
    for (int i = 0; i < 40; i++) {
        world_pass(&w, 37);
        world_say(c, "{\"type\":\"update\",\"brightness\":0.5}");
        int64_t sample =
            json_integer_value(json_object_get(world_last(c, "status"), "applied_at_sample"));
        int64_t air_ns = first_ns + sample * 625 / 30 * 1000;
        cr_assert_leq(air_ns - rf_time_ns(), 140 * RF_NS_PER_MS);
    }
}

Test(pacing, a_controller_that_does_not_read_stalls_its_session_alone)
{
    world_client *slow = world_start(&w, "{\"pace\":\"realtime\",\"max_decode_frames\":25}");
    world_client *other = world_start(&w, "{\"pace\":\"realtime\",\"max_decode_frames\":25}");
    slow->takes = false;
    world_pass(&w, 10000);
    cr_assert_leq(world_n_chunks(slow), 2);
    cr_assert_eq(world_n_chunks(other), 11);
    slow->takes = true;
    world_settle(&w);
    cr_assert_gt(status_num(slow, "slip_ms"), 0.0, "no audio is lost");
    world_pass(&w, 3000);
    for (size_t i = 0; i < world_n_chunks(slow); i++) {
        cr_assert_eq(world_meta_i64(slow, i, "start_sample"), (int64_t)i * 48000);
    }
}

Test(pacing, reports_of_the_buffer_trim_the_schedule)
{
    world_client *c = world_start(&w, "{\"pace\":\"realtime\",\"max_decode_frames\":25}");
    world_pass(&w, 990);
    world_say(c, "{\"type\":\"ping\",\"buffer_ms\":1010}"); /* 20 ms when the next is due */
    cr_assert_eq(world_count(c, "pong"), 1);
    int64_t first_ns = world_chunk(c, 0)->at_ns;
    world_pass(&w, 20000);
    size_t last = world_n_chunks(c) - 1;
    int64_t early = first_ns + (int64_t)last * RF_NS_PER_S - world_chunk(c, last)->at_ns;
    cr_assert_gt(early, 30 * RF_NS_PER_MS);
    cr_assert_lt(early, 50 * RF_NS_PER_MS, "a millisecond a chunk");
}
