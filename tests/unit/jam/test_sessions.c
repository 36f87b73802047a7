/* A session from its start to its end. */
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

TestSuite(sessions, .init = open_world, .fini = close_world, .timeout = 60);

Test(sessions, a_start_is_answered_and_the_first_chunk_leaves_at_once)
{
    world_client *c = world_start(&w, "{\"pace\":\"realtime\",\"seed\":7}");
    world_settle(&w);
    json_t *started = world_nth(c, "started", 0);
    cr_assert_eq(strlen(world_str(started, "session_id")), 26);
    cr_assert_eq(strlen(world_str(started, "resume_token")), 22);
    cr_assert_eq(json_integer_value(json_object_get(started, "seed")), 7);
    cr_assert_eq(json_integer_value(json_object_get(started, "next_index")), 0);
    cr_assert_eq(world_n_chunks(c), 1);
    cr_assert_eq(world_meta_i64(c, 0, "index"), 0);
    cr_assert_eq(world_meta_i64(c, 0, "start_sample"), 0);
    cr_assert_eq(world_chunk(c, 0)->file_len, 783418u);
}

Test(sessions, text_chunks_carry_the_file_within_their_message)
{
    world_client *c = world_connect(&w, "tenant", "10.0.0.1");
    world_say(c, "{\"type\":\"start\",\"id\":\"a\",\"params\":{\"pace\":\"realtime\"}}");
    world_wait(c, "chunk", 0);
    cr_assert_str_eq(world_str(world_nth(c, "started", 0), "id"), "a");
    cr_assert_eq(world_count(c, "chunk"), 1);
    cr_assert_eq(world_meta_i64(c, 0, "samples"), 97200); /* the page's shape: 25 ms */
}

Test(sessions, chunks_leave_15_to_20_ms_before_they_are_due)
{
    world_client *c = world_start(&w, "{\"pace\":\"realtime\",\"max_decode_frames\":50}");
    c->keeps_no_files = true;
    world_settle(&w);
    int64_t first_ns = world_chunk(c, 0)->at_ns;
    for (int i = 0; i < 300; i++) {
        rf_time_advance(1979 * RF_NS_PER_MS);
        world_settle(&w);
        world_pass(&w, 21);
    }
    cr_assert_eq(world_n_chunks(c), 301);
    for (size_t i = 1; i <= 300; i += 10) {
        int64_t due_ns = first_ns + (int64_t)i * 2 * RF_NS_PER_S;
        int64_t early_ns = due_ns - world_chunk(c, i)->at_ns;
        cr_assert(early_ns >= 15 * RF_NS_PER_MS && early_ns <= 20 * RF_NS_PER_MS);
        cr_assert_eq(world_meta_i64(c, i, "index"), (int64_t)i);
        cr_assert_eq(world_meta_i64(c, i, "start_sample"), (int64_t)i * 96000);
        double lead_ms = json_number_value(json_object_get(world_meta(c, i), "lead_ms"));
        cr_assert(lead_ms >= 15.0 && lead_ms <= 20.0);
    }
    cr_assert_eq(world_count(c, "status"), 0);
}

Test(sessions, rendering_begins_within_the_window_before_a_chunk_is_due)
{
    world_client *c = world_start(&w, "{\"pace\":\"realtime\"}");
    world_settle(&w);
    world_pass(&w, 1480);
    world_say(c, "{\"type\":\"update\",\"temperature\":0.5}");
    int64_t early =
        json_integer_value(json_object_get(world_wait(c, "status", 0), "applied_at_sample"));
    cr_assert_eq(early, 97920); /* the next chunk is not begun: its first new frame */
    world_pass(&w, 30);         /* now it is made, and waits */
    world_say(c, "{\"type\":\"update\",\"temperature\":0.6}");
    world_turn(&w);
    int64_t late =
        json_integer_value(json_object_get(world_last(c, "status"), "applied_at_sample"));
    cr_assert_eq(late, 97920 + 96000);
}

Test(sessions, an_update_is_answered_with_revision_and_fields_at_once)
{
    world_client *c = world_start(&w, "{\"pace\":\"realtime\"}");
    world_settle(&w);
    size_t n_turned = c->n_notes;
    world_say(c, "{\"type\":\"update\",\"id\":\"u1\",\"bpm\":120,\"mean\":0.5,\"flavour\":1}");
    cr_assert_eq(c->n_notes, n_turned + 1, "not with the message itself");
    json_t *status = world_last(c, "status");
    cr_assert_str_eq(world_str(status, "id"), "u1");
    cr_assert_eq(json_integer_value(json_object_get(status, "rev")), 1);
    cr_assert_eq(json_array_size(json_object_get(status, "ignored")), 2);
    bool has_bpm = false;
    json_t *updated = json_object_get(status, "updated");
    for (size_t i = 0; i < json_array_size(updated); i++) {
        has_bpm |= strcmp(json_string_value(json_array_get(updated, i)), "bpm") == 0;
    }
    cr_assert(has_bpm);
}

Test(sessions, a_scheduled_update_is_answered_twice)
{
    world_client *c = world_start(&w, "{\"pace\":\"realtime\",\"max_decode_frames\":5}");
    world_settle(&w);
    world_say(c, "{\"type\":\"update\",\"id\":\"s\",\"density\":0.5,\"at_sample\":48000}");
    json_t *first = world_last(c, "status");
    json_t *scheduled = json_object_get(first, "scheduled");
    cr_assert_eq(json_integer_value(json_object_get(scheduled, "at_sample")), 48000);
    world_pass(&w, 1200);
    cr_assert_eq(world_count(c, "status"), 2);
    json_t *second = world_last(c, "status");
    cr_assert_str_eq(world_str(second, "id"), "s");
    cr_assert_eq(json_integer_value(json_object_get(second, "applied_at_sample")), 48000);
}

Test(sessions, chunk_length_and_pace_are_honoured_live)
{
    world_client *c = world_start(&w, "{\"pace\":\"realtime\"}");
    world_settle(&w);
    world_say(c, "{\"type\":\"update\",\"max_decode_frames\":5}");
    world_pass(&w, 2300);
    cr_assert_eq(world_meta_i64(c, 1, "chunk_frames"), 5);
    cr_assert_eq(world_meta_i64(c, 1, "start_sample"), 96000);
    cr_assert_eq(world_meta_i64(c, 2, "start_sample"), 96000 + 9600);
}

Test(sessions, stop_is_answered_and_closes_with_1000)
{
    world_client *c = world_start(&w, "{\"pace\":\"realtime\"}");
    world_settle(&w);
    size_t n = world_n_chunks(c);
    world_say(c, "{\"type\":\"stop\",\"id\":\"x\"}");
    json_t *stopped = world_nth(c, "stopped", 0);
    cr_assert_not_null(stopped);
    cr_assert_str_eq(world_str(stopped, "reason"), "client");
    cr_assert_str_eq(world_str(stopped, "id"), "x");
    cr_assert_eq(json_integer_value(json_object_get(stopped, "chunks_sent")), 1);
    cr_assert_eq(json_integer_value(json_object_get(stopped, "samples_sent")), 96000);
    cr_assert_eq(c->closed, 1000);
    world_pass(&w, 3000);
    cr_assert_eq(world_n_chunks(c), n);
    cr_assert_eq(w.fixture.n_open, 0, "the engine is closed");
    cr_assert_null(jam_registry_at(w.service.registry, 0));
}

Test(sessions, a_pause_holds_the_position_and_resume_goes_on_at_the_next_sample)
{
    world_client *c = world_start(&w, "{\"pace\":\"realtime\",\"max_decode_frames\":5}");
    world_pass(&w, 500);
    size_t n = world_n_chunks(c);
    world_say(c, "{\"type\":\"resume\"}");
    cr_assert_str_eq(world_str(world_last(c, "error"), "code"), "NOT_PAUSED");
    world_say(c, "{\"type\":\"pause\",\"id\":\"p\"}");
    cr_assert_not_null(json_object_get(world_last(c, "status"), "paused"));
    world_say(c, "{\"type\":\"pause\"}");
    cr_assert_str_eq(world_str(world_last(c, "error"), "code"), "ALREADY_PAUSED");
    world_pass(&w, 5000);
    cr_assert_eq(world_n_chunks(c), n);
    world_say(c, "{\"type\":\"resume\"}");
    world_settle(&w);
    cr_assert_eq(world_n_chunks(c), n + 1);
    cr_assert_eq(world_meta_i64(c, n, "start_sample"), (int64_t)n * 9600);
    cr_assert_float_eq(json_number_value(json_object_get(world_meta(c, n), "lead_ms")), 0.0, 0.001);
    world_pass(&w, 190);
    cr_assert_eq(world_n_chunks(c), n + 2, "a new origin");
}

Test(sessions, a_pause_of_600_s_ends_the_session)
{
    world_client *c = world_start(&w, "{\"pace\":\"realtime\"}");
    world_settle(&w);
    world_say(c, "{\"type\":\"pause\"}");
    rf_time_advance(599 * RF_NS_PER_S);
    world_settle(&w);
    cr_assert_eq(c->closed, 0);
    rf_time_advance(1 * RF_NS_PER_S);
    world_settle(&w);
    cr_assert_str_eq(world_str(world_last(c, "stopped"), "reason"), "pause_timeout");
    cr_assert_eq(c->closed, 1000);
}

Test(sessions, a_session_ends_after_4_hours)
{
    world_client *c = world_start(&w, "{\"pace\":\"realtime\"}");
    world_settle(&w);
    world_say(c, "{\"type\":\"update\",\"catch_up\":\"skip\"}");
    rf_time_advance(14400 * RF_NS_PER_S);
    world_settle(&w);
    cr_assert_str_eq(world_str(world_last(c, "stopped"), "reason"), "max_duration");
    cr_assert_eq(c->closed, 1000);
}

Test(sessions, the_ending_is_played_out_and_then_the_session_ends)
{
    world_client *c = world_start(&w, "{\"pace\":\"asap\",\"bpm\":200}");
    world_say(c, "{\"type\":\"update\",\"section\":\"ending\"}");
    world_wait(c, "stopped", 0);
    json_t *stopped = world_nth(c, "stopped", 0);
    cr_assert_str_eq(world_str(stopped, "reason"), "ended");
    cr_assert_eq((size_t)json_integer_value(json_object_get(stopped, "chunks_sent")),
                 world_n_chunks(c));
    cr_assert_eq(c->notes[c->n_notes - 1].json, stopped);
}

Test(sessions, a_reset_makes_a_new_instance_take_over)
{
    world_client *c = world_start(&w, "{\"pace\":\"realtime\",\"seed\":1}");
    world_settle(&w);
    world_say(c, "{\"type\":\"reset_context\",\"id\":\"r\",\"seed\":99}");
    world_settle(&w);
    json_t *status = world_last(c, "status");
    cr_assert_str_eq(world_str(status, "id"), "r");
    cr_assert_not_null(json_object_get(status, "reset"));
    world_pass(&w, 4000);
    cr_assert_eq(world_meta_i64(c, 2, "seed"), 99);
    cr_assert_eq(world_meta_i64(c, 2, "start_sample"), 192000, "samples go on");
    cr_assert_eq(w.fixture.n_open, 1);
}

Test(sessions, resets_in_a_row_follow_one_another)
{
    world_client *c = world_start(&w, "{\"pace\":\"realtime\",\"seed\":1}");
    world_settle(&w);
    for (int i = 0; i < 5; i++) {
        world_say(c, "{\"type\":\"reset_context\",\"seed\":5}");
    }
    world_say(c, "{\"type\":\"reset_context\",\"seed\":6}");
    world_pass(&w, 6000);
    cr_assert_geq(world_count(c, "status"), 2);
    cr_assert_eq(world_meta_i64(c, world_n_chunks(c) - 1, "seed"), 6);
    cr_assert_eq(w.fixture.n_open, 1);
}

Test(sessions, messages_that_come_while_the_engine_opens_are_obeyed_afterwards)
{
    world_client *c = world_connect(&w, "tenant", "10.0.0.1");
    world_say(c, "{\"type\":\"start\",\"binary_audio\":true,\"params\":{\"pace\":\"realtime\"}}");
    world_say(c, "{\"type\":\"update\",\"id\":\"early\",\"temperature\":0.3}");
    world_say(c, "{\"type\":\"ping\",\"id\":\"p\"}");
    cr_assert_eq(world_count(c, "pong"), 1, "pings are answered at once");
    world_say(c, "{\"type\":\"start\"}");
    cr_assert_str_eq(world_str(world_last(c, "error"), "code"), "ALREADY_STARTED");
    json_t *status = world_wait(c, "status", 0);
    cr_assert_str_eq(world_str(status, "id"), "early");
    cr_assert_eq(json_integer_value(json_object_get(status, "applied_at_sample")), 0);
}

Test(sessions, a_client_that_leaves_while_the_engine_opens_leaves_nothing)
{
    world_client *c = world_connect(&w, "tenant", "10.0.0.1");
    world_say(c, "{\"type\":\"start\"}");
    world_leave(c);
    world_settle(&w);
    cr_assert_null(jam_registry_at(w.service.registry, 0));
    cr_assert_eq(w.fixture.n_open, 0);
    cr_assert_eq(w.service.engines->entries[0].n_used, 0);
}
