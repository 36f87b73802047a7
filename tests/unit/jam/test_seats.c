/* Resuming, joining and listening; parked sessions. */
#include "world.h"

#include "jam_ring.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX 512

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

TestSuite(seats, .init = open_world, .fini = close_world, .timeout = 60);

static world_client *play(const char *extra)
{
    char params[TEXT_MAX];
    snprintf(params, sizeof(params), "{\"pace\":\"realtime\",\"max_decode_frames\":25%s}", extra);
    world_client *c = world_start(&w, params);
    world_settle(&w);
    return c;
}

static const char *token_of(const world_client *c)
{
    return world_str(world_nth(c, "started", 0), "resume_token");
}

static const char *id_of(const world_client *c)
{
    return world_str(world_nth(c, "started", 0), "session_id");
}

static world_client *resume_as(const char *tenant, const char *token, const char *extra)
{
    char text[TEXT_MAX];
    world_client *c = world_connect(&w, tenant, "10.0.0.2");
    snprintf(text, sizeof(text),
             "{\"type\":\"start\",\"binary_audio\":true,\"resume_token\":\"%s\"%s}", token, extra);
    world_say(c, text);
    return c;
}

static world_client *resume(const char *token, int64_t last_index)
{
    char extra[64];
    snprintf(extra, sizeof(extra), ",\"last_index\":%lld", (long long)last_index);
    return resume_as("tenant", token, extra);
}

static world_client *join(const char *tenant, const char *id, const char *extra)
{
    char text[TEXT_MAX];
    world_client *c = world_connect(&w, tenant, "10.0.0.3");
    snprintf(text, sizeof(text),
             "{\"type\":\"start\",\"binary_audio\":true,\"session_id\":\"%s\"%s}", id, extra);
    world_say(c, text);
    return c;
}

static world_client *listen_to(const world_client *c)
{
    return join("tenant", id_of(c), ",\"role\":\"listener\"");
}

static const char *last_error(const world_client *c)
{
    return world_str(world_last(c, "error"), "code");
}

/* Chunk i of a is chunk j of b, to the byte, text included. */
static void assert_same(const world_client *a, size_t i, const world_client *b, size_t j)
{
    const world_note *x = world_chunk(a, i);
    const world_note *y = world_chunk(b, j);
    cr_assert_eq(x->file_len, y->file_len);
    cr_assert_eq(memcmp(x->file, y->file, x->file_len), 0);
    cr_assert_str_eq(x[1].text, y[1].text);
}

/* ---- resuming ---- */

Test(seats, a_resume_replays_what_was_missed_byte_for_byte_and_goes_on)
{
    world_client *a = play("");
    world_pass(&w, 6000); /* chunks 0 to 6 */
    cr_assert_eq(world_n_chunks(a), 7);
    world_leave(a);
    world_pass(&w, 5000);
    world_client *b = resume(token_of(a), 2);
    world_settle(&w);
    json_t *started = world_nth(b, "started", 0);
    cr_assert(json_is_true(json_object_get(started, "resumed")));
    cr_assert_eq(json_integer_value(json_object_get(started, "next_index")), 3);
    cr_assert_str_neq(token_of(b), token_of(a));
    for (size_t i = 0; i < 4; i++) {
        assert_same(a, i + 3, b, i);
    }
    cr_assert_eq(world_n_chunks(b), 5, "the live one leaves behind them at once");
    cr_assert_eq(world_meta_i64(b, 4, "index"), 7);
    cr_assert_eq(world_meta_i64(b, 4, "start_sample"), 7 * 48000);
    world_pass(&w, 1000);
    cr_assert_eq(world_meta_i64(b, 5, "index"), 8);
}

Test(seats, rendering_stops_when_the_last_socket_is_gone)
{
    world_client *a = play("");
    jam_session *s = world_session(a);
    world_pass(&w, 3000);
    world_leave(a);
    cr_assert_neq(jam_session_parked_since(s), RF_NEVER_NS);
    world_pass(&w, 20000);
    jam_session_info info;
    jam_session_inform(s, &info);
    cr_assert_eq(info.chunks_sent, 4);
    cr_assert_eq(info.state, JAM_SESSION_PARKED);
}

Test(seats, a_token_works_once)
{
    world_client *a = play("");
    world_leave(a);
    world_client *b = resume(token_of(a), 0);
    world_settle(&w);
    cr_assert_not_null(world_nth(b, "started", 0));
    world_leave(b);
    world_client *c = resume(token_of(a), 0);
    cr_assert_str_eq(last_error(c), "RESUME_UNKNOWN");
    cr_assert_eq(c->closed, 0);
    world_client *d = resume(token_of(b), 0);
    cr_assert_not_null(world_nth(d, "started", 0));
}

Test(seats, a_token_is_bound_to_its_owner)
{
    world_client *a = play("");
    world_leave(a);
    cr_assert_str_eq(last_error(resume_as("other", token_of(a), "")), "RESUME_UNKNOWN");
    cr_assert_not_null(world_nth(resume(token_of(a), 0), "started", 0));
}

Test(seats, a_parked_session_ends_after_30_s)
{
    world_client *a = play("");
    world_leave(a);
    rf_time_advance(29 * RF_NS_PER_S);
    world_settle(&w);
    cr_assert_not_null(jam_registry_at(w.service.registry, 0));
    rf_time_advance(RF_NS_PER_S);
    world_settle(&w);
    cr_assert_null(jam_registry_at(w.service.registry, 0));
    cr_assert_str_eq(last_error(resume(token_of(a), 0)), "RESUME_UNKNOWN");
    cr_assert_eq(w.fixture.n_open, 0);
}

Test(seats, what_is_older_than_10_s_is_lost_and_the_join_is_live)
{
    world_client *a = play("");
    world_pass(&w, 30000);
    world_leave(a);
    world_client *b = resume(token_of(a), 5);
    world_settle(&w);
    cr_assert_str_eq(last_error(b), "REPLAY_LOST");
    cr_assert_eq(json_integer_value(json_object_get(world_nth(b, "started", 0), "next_index")), 31);
    cr_assert_eq(world_meta_i64(b, 0, "index"), 31);
}

Test(seats, ten_seconds_are_always_kept)
{
    world_client *a = play("");
    world_pass(&w, 30000);
    world_leave(a);
    world_client *b = resume(token_of(a), 20); /* chunks 21 to 30 */
    world_settle(&w);
    cr_assert_eq(world_count(b, "error"), 0);
    assert_same(a, 21, b, 0);
}

Test(seats, a_last_index_that_was_never_sent_is_refused_and_the_token_kept)
{
    world_client *a = play("");
    world_leave(a);
    world_client *b = resume(token_of(a), 1);
    json_t *error = world_last(b, "error");
    cr_assert_str_eq(world_str(error, "code"), "OUT_OF_RANGE");
    cr_assert_str_eq(world_str(error, "field"), "last_index");
    cr_assert_eq(json_integer_value(json_object_get(json_object_get(error, "limit"), "max")), 0);
    cr_assert_not_null(world_nth(resume(token_of(a), 0), "started", 0));
}

Test(seats, a_resume_before_the_server_knows_of_the_loss_takes_over)
{
    world_client *a = play("");
    world_pass(&w, 3000);
    a->takes = false; /* half open: nothing comes through any more */
    world_pass(&w, 3000);
    world_client *b = resume(token_of(a), 3);
    world_settle(&w);
    cr_assert_eq(a->closed, 1008);
    cr_assert_eq(world_meta_i64(b, 0, "index"), 4);
    world_pass(&w, 2000);
    cr_assert_geq(world_n_chunks(b), 3);
}

Test(seats, a_replay_to_a_client_that_reads_slowly_keeps_its_order)
{
    world_client *a = play("");
    world_pass(&w, 9000);
    world_leave(a);
    world_client *b = resume(token_of(a), 0);
    b->takes = false;
    for (size_t i = 0; i < 9; i++) {
        cr_assert_eq(world_n_chunks(b), i + 1, "one at a time");
        cr_assert_eq(world_meta_i64(b, i, "index"), (int64_t)i + 1);
        jam_socket_taken(b->socket, b->n_notes);
    }
}

Test(seats, a_paused_session_is_still_paused_after_a_resume)
{
    world_client *a = play("");
    world_say(a, "{\"type\":\"pause\"}");
    world_leave(a);
    world_client *b = resume(token_of(a), 0);
    world_pass(&w, 3000);
    cr_assert_eq(world_n_chunks(b), 0);
    cr_assert_not_null(json_object_get(world_last(b, "status"), "paused"));
    world_say(b, "{\"type\":\"resume\"}");
    world_settle(&w);
    cr_assert_eq(world_meta_i64(b, 0, "index"), 1);
}

Test(seats, of_65_parked_sessions_the_oldest_ends)
{
    world_client *clients[65];
    char token[23];
    for (size_t i = 0; i < 65; i++) {
        clients[i] = play("");
        clients[i]->keeps_no_files = true;
        rf_time_advance(RF_NS_PER_MS);
    }
    rf_copy_str(token, sizeof(token), token_of(clients[3]));
    for (size_t i = 0; i < 65; i++) {
        world_leave(clients[(i + 3) % 65]);
        rf_time_advance(RF_NS_PER_MS);
    }
    world_turn(&w);
    size_t n;
    jam_registry_oldest_parked(w.service.registry, &n);
    cr_assert_eq(n, 64);
    cr_assert_str_eq(last_error(resume(token, 0)), "RESUME_UNKNOWN");
    cr_assert_not_null(world_nth(resume(token_of(clients[4]), 0), "started", 0));
}

/* ---- listening ---- */

Test(seats, a_listener_joins_at_the_next_chunk_and_gets_the_same_bytes)
{
    world_client *a = play("");
    world_pass(&w, 2500);
    world_client *l = listen_to(a);
    json_t *started = world_nth(l, "started", 0);
    cr_assert_str_eq(world_str(started, "role"), "listener");
    cr_assert_eq(json_integer_value(json_object_get(started, "next_index")), 3);
    world_pass(&w, 3000);
    cr_assert_eq(world_n_chunks(l), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_same(a, i + 3, l, i);
    }
}

Test(seats, a_listener_may_ping_and_leave_and_nothing_else)
{
    world_client *a = play("");
    world_client *l = listen_to(a);
    const char *const forbidden[] = {"{\"type\":\"update\",\"bpm\":100}", "{\"type\":\"pause\"}",
                                     "{\"type\":\"resume\"}", "{\"type\":\"reset_context\"}"};
    for (size_t i = 0; i < RF_ARRAY_LEN(forbidden); i++) {
        world_say(l, forbidden[i]);
        cr_assert_eq(world_count(l, "error"), i + 1);
        cr_assert_str_eq(last_error(l), "FORBIDDEN");
    }
    world_say(l, "{\"type\":\"ping\"}");
    cr_assert_eq(world_count(l, "pong"), 1);
    world_say(l, "{\"type\":\"stop\"}");
    cr_assert_eq(l->closed, 1000);
    world_pass(&w, 2000);
    cr_assert_eq(a->closed, 0);
    cr_assert_eq(world_n_chunks(a), 3);
}

Test(seats, a_slow_listener_misses_its_oldest_chunks_and_delays_nobody)
{
    world_client *a = play("");
    world_client *l = listen_to(a);
    l->takes = false;
    world_pass(&w, 8000); /* it holds chunk 1; 2 to 8 pass */
    cr_assert_eq(world_n_chunks(a), 9);
    cr_assert_eq(world_n_chunks(l), 1);
    l->takes = true;
    world_settle(&w);
    cr_assert_eq(world_meta_i64(l, 1, "index"), 7, "two have waited");
    cr_assert_eq(world_meta_i64(l, 2, "index"), 8);
    json_t *skip = json_object_get(world_nth(l, "status", 0), "skip");
    cr_assert_eq(json_integer_value(json_object_get(skip, "from")), 2 * 48000);
    cr_assert_eq(json_integer_value(json_object_get(skip, "to")), 3 * 48000);
    cr_assert_eq(world_count(l, "status"), 5);
}

Test(seats, a_slow_second_controller_delays_nobody_either)
{
    world_client *a = play("");
    world_client *b = join("tenant", id_of(a), "");
    cr_assert_str_eq(world_str(world_nth(b, "started", 0), "role"), "controller");
    b->takes = false;
    world_pass(&w, 5000);
    cr_assert_eq(world_n_chunks(a), 6);
    cr_assert_eq(world_count(a, "status"), 0);
}

Test(seats, every_controller_gets_each_status_and_the_asker_its_id)
{
    world_client *a = play("");
    world_client *b = join("tenant", id_of(a), "");
    world_client *l = listen_to(a);
    world_say(b, "{\"type\":\"update\",\"id\":\"q\",\"bpm\":99}");
    cr_assert_eq(world_count(a, "status"), 1);
    cr_assert_eq(world_count(b, "status"), 1);
    cr_assert_eq(world_count(l, "status"), 0);
    cr_assert_str_eq(world_str(world_last(b, "status"), "id"), "q");
    cr_assert_null(json_object_get(world_last(a, "status"), "id"));
}

Test(seats, there_are_at_most_4_controllers_and_32_listeners)
{
    world_client *a = play("");
    for (int i = 0; i < 3; i++) {
        cr_assert_not_null(world_nth(join("tenant", id_of(a), ""), "started", 0));
    }
    cr_assert_str_eq(last_error(join("tenant", id_of(a), "")), "BUSY");
    for (int i = 0; i < 32; i++) {
        cr_assert_not_null(world_nth(listen_to(a), "started", 0));
    }
    cr_assert_str_eq(last_error(listen_to(a)), "BUSY");
}

Test(seats, others_need_the_listen_token_and_may_only_listen)
{
    char extra[128];
    jam_session_info info;
    world_client *a = play("");
    jam_session_inform(world_session(a), &info);
    cr_assert_str_eq(last_error(join("other", id_of(a), ",\"role\":\"listener\"")),
                     "SESSION_NOT_FOUND");
    cr_assert_str_eq(last_error(join("other", id_of(a), "")), "SESSION_NOT_FOUND");
    snprintf(extra, sizeof(extra), ",\"listen_token\":\"%s\"", info.listen_token);
    cr_assert_str_eq(last_error(join("other", id_of(a), extra)), "FORBIDDEN");
    snprintf(extra, sizeof(extra), ",\"role\":\"listener\",\"listen_token\":\"%s\"",
             info.listen_token);
    cr_assert_not_null(world_nth(join("other", id_of(a), extra), "started", 0));
}

Test(seats, a_session_that_is_not_there_is_not_found)
{
    cr_assert_str_eq(last_error(join("tenant", "01m8hsg3vzkxpj05cjy79jt2mw", "")),
                     "SESSION_NOT_FOUND");
}

Test(seats, a_controllers_stop_ends_it_for_all)
{
    world_client *a = play("");
    world_client *b = join("tenant", id_of(a), "");
    world_client *l = listen_to(a);
    world_say(b, "{\"type\":\"stop\"}");
    cr_assert_eq(a->closed, 1000);
    cr_assert_eq(b->closed, 1000);
    cr_assert_eq(l->closed, 1000);
    cr_assert_str_eq(world_str(world_last(l, "stopped"), "reason"), "client");
}

Test(seats, without_a_controller_listeners_hear_30_s_more)
{
    world_client *a = play("");
    world_client *l = listen_to(a);
    world_leave(a);
    world_pass(&w, 5000);
    cr_assert_eq(world_n_chunks(l), 5, "it plays on");
    world_pass(&w, 24900);
    cr_assert_eq(l->closed, 0);
    world_pass(&w, 200);
    cr_assert_str_eq(world_str(world_last(l, "stopped"), "reason"), "controller_lost");
}

Test(seats, chunks_that_are_too_large_for_text_cannot_be_joined_in_text)
{
    world_client *a = world_start(&w, "{\"pace\":\"realtime\",\"crossfade_seconds\":0.1}");
    char text[TEXT_MAX];
    world_client *l = world_connect(&w, "tenant", "10.0.0.9");
    snprintf(text, sizeof(text), "{\"type\":\"start\",\"session_id\":\"%s\",\"role\":\"listener\"}",
             id_of(a));
    world_say(l, text);
    cr_assert_str_eq(last_error(l), "CHUNK_TOO_LARGE");
}
