/* One client: what it may say, how often, and what it is told. */
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

TestSuite(sockets, .init = open_world, .fini = close_world, .timeout = 60);

static world_client *connect(void)
{
    return world_connect(&w, "tenant", "10.0.0.1");
}

static const char *last_error(const world_client *c)
{
    return world_str(world_last(c, "error"), "code");
}

Test(sockets, before_a_start_there_is_nothing_to_steer)
{
    const char *const early[] = {"{\"type\":\"update\",\"bpm\":1}", "{\"type\":\"pause\"}",
                                 "{\"type\":\"resume\"}", "{\"type\":\"reset_context\"}"};
    world_client *c = connect();
    for (size_t i = 0; i < RF_ARRAY_LEN(early); i++) {
        world_say(c, early[i]);
        cr_assert_eq(world_count(c, "error"), i + 1, "one error each");
        cr_assert_str_eq(last_error(c), "NOT_STARTED");
    }
    cr_assert_eq(c->closed, 0);
}

Test(sockets, ping_is_answered_before_a_start_and_stop_closes)
{
    world_client *c = connect();
    world_say(c, "{\"type\":\"ping\",\"id\":\"1\"}");
    cr_assert_str_eq(world_str(world_last(c, "pong"), "id"), "1");
    world_say(c, "{\"type\":\"stop\"}");
    cr_assert_str_eq(world_str(world_last(c, "stopped"), "reason"), "client");
    cr_assert_eq(c->closed, 1000);
}

Test(sockets, a_socket_without_a_start_is_closed_after_30_s)
{
    world_client *c = connect();
    rf_time_advance(29999 * RF_NS_PER_MS);
    world_turn(&w);
    cr_assert_eq(c->closed, 0);
    rf_time_advance(RF_NS_PER_MS);
    world_turn(&w);
    cr_assert_eq(c->closed, 1008);
}

Test(sockets, a_second_start_changes_nothing)
{
    world_client *c = world_start(&w, "{\"pace\":\"realtime\"}");
    world_say(c, "{\"type\":\"start\",\"id\":\"two\",\"params\":{\"bpm\":5}}");
    cr_assert_str_eq(last_error(c), "ALREADY_STARTED");
    cr_assert_eq(world_count(c, "error"), 1);
    cr_assert_eq(world_count(c, "started"), 1);
}

Test(sockets, value_errors_name_field_and_limit_and_never_close)
{
    world_client *c = world_start(&w, "{\"pace\":\"realtime\"}");
    for (int i = 0; i < 30; i++) {
        world_say(c, "{\"type\":\"update\",\"bpm\":500,\"temperature\":9}");
    }
    cr_assert_eq(world_count(c, "error"), 60);
    cr_assert_eq(c->closed, 0);
    json_t *error = world_nth(c, "error", 0);
    cr_assert_str_eq(world_str(error, "code"), "OUT_OF_RANGE");
    json_t *limit = json_object_get(error, "limit");
    cr_assert_not_null(json_object_get(limit, "min"));
    cr_assert_not_null(json_object_get(limit, "max"));
    cr_assert_eq(world_count(c, "status"), 0, "nothing was applied");
}

Test(sockets, the_tenth_protocol_error_is_answered_and_closes_with_1008)
{
    world_client *c = connect();
    for (int i = 0; i < 8; i++) {
        world_say(c, i % 2 == 0 ? "{nonsense" : "{\"type\":\"dance\"}");
    }
    jam_socket_binary(c->socket);
    cr_assert_str_eq(last_error(c), "BAD_MESSAGE");
    cr_assert_eq(c->closed, 0);
    world_say(c, "[]");
    cr_assert_eq(world_count(c, "error"), 10);
    cr_assert_eq(c->closed, 1008);
    world_say(c, "{\"type\":\"ping\"}");
    cr_assert_eq(world_count(c, "pong"), 0, "a closing socket hears nothing");
}

Test(sockets, protocol_errors_end_the_socket_and_park_its_session)
{
    world_client *c = world_start(&w, "{\"pace\":\"realtime\"}");
    jam_session *s = world_session(c);
    for (int i = 0; i < 10; i++) {
        world_say(c, "{");
    }
    cr_assert_eq(c->closed, 1008);
    cr_assert_neq(jam_session_parked_since(s), RF_NEVER_NS);
}

Test(sockets, messages_beyond_100_a_second_and_200_at_once_are_dropped)
{
    world_client *c = connect();
    for (int i = 0; i < 200; i++) {
        world_say(c, "{\"type\":\"ping\"}");
    }
    cr_assert_eq(world_count(c, "pong"), 200);
    world_say(c, "{\"type\":\"ping\"}");
    cr_assert_eq(world_count(c, "pong"), 200);
    cr_assert_str_eq(last_error(c), "RATE_LIMITED");
    rf_time_advance(RF_NS_PER_S / 2);
    for (int i = 0; i < 51; i++) {
        world_say(c, "{\"type\":\"ping\"}");
    }
    cr_assert_eq(world_count(c, "pong"), 250);
    cr_assert_eq(world_count(c, "error"), 2);
}

Test(sockets, a_binary_frame_and_its_chunk_meta_are_never_apart)
{
    world_client *c = world_start(&w, "{\"pace\":\"realtime\",\"max_decode_frames\":2}");
    for (int i = 0; i < 200; i++) {
        world_pass(&w, 7);
        world_say(c, i % 2 == 0 ? "{\"type\":\"ping\"}" : "{\"type\":\"update\",\"density\":0.5}");
        world_turn(&w);
    }
    world_settle(&w);
    cr_assert_gt(world_n_chunks(c), 10);
    for (size_t i = 0; i < c->n_notes; i++) {
        if (c->notes[i].json == NULL) {
            cr_assert_str_eq(world_str(c->notes[i + 1].json, "type"), "chunk_meta");
        }
    }
}

Test(sockets, a_client_that_takes_nothing_is_given_up)
{
    world_client *c = connect();
    c->takes = false;
    for (int i = 0; i < 5000 && c->closed == 0; i++) {
        rf_time_advance(10 * RF_NS_PER_MS);
        world_say(c, "{\"type\":\"ping\"}");
        world_turn(&w);
    }
    cr_assert_eq(c->closed, 1008);
}

Test(sockets, what_a_start_has_no_effect_on_is_told_in_a_status)
{
    world_client *c =
        world_start(&w, "{\"pace\":\"realtime\",\"mean\":1,\"centroid_weights\":\"1,2\"}");
    json_t *status = world_last(c, "status");
    cr_assert_not_null(status);
    cr_assert_eq(json_array_size(json_object_get(status, "ignored")), 2);
    cr_assert_eq(c->notes[1].json, status, "behind started, before the first chunk");
}

static void set_few(world *few)
{
    few->config.sockets_max = 3;
}

Test(sockets, there_are_only_so_many)
{
    world_close(&w);
    world_open(&w, set_few);
    for (int i = 0; i < 3; i++) {
        cr_assert_not_null(connect()->socket);
    }
    cr_assert_null(connect()->socket);
}
