/* Sessions of local sources that a socket begins. */
#include "feed_scene.h"
#include "recorder_socket.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <string.h>

TestSuite(recorder_feed_sockets, .init = feed_setup, .fini = feed_teardown, .timeout = 60);

/* What a socket has said last, acknowledgements and the disk's pace apart. */
typedef struct client {
    recorder_socket *socket;
    json_t *said;
    uint32_t close_code;
    bool released;
} client;

static client cl;

static bool is_named(const json_t *said, const char *member, const char *name)
{
    const char *text = json_string_value(json_object_get(said, member));
    return text != NULL && strcmp(text, name) == 0;
}

static void on_text(void *user, const char *json, size_t len)
{
    json_t *said = json_loadb(json, len, 0, NULL);
    (void)user;
    if (is_named(said, "type", "ack") || is_named(said, "event", "durability_degraded")) {
        json_decref(said);
        return;
    }
    json_decref(cl.said);
    cl.said = said;
}

static int on_binary(void *user, const uint8_t *head, const void *data, size_t len)
{
    (void)user;
    (void)head;
    (void)data;
    (void)len;
    return 0;
}

static void on_close(void *user, uint32_t code, const char *reason)
{
    (void)user;
    (void)reason;
    cl.close_code = code;
}

static void on_resume(void *user)
{
    (void)user;
}

static void on_released(void *user)
{
    (void)user;
    cl.released = true;
}

static void connect_client(recorder_world *w, void *user)
{
    static const recorder_socket_port port = {on_text, on_binary, on_close, on_resume, on_released};
    (void)user;
    memset(&cl, 0, sizeof(cl));
    cl.socket = recorder_socket_open(&w->service, &port, NULL, &feed.caller);
}

static void say(recorder_world *w, void *user)
{
    (void)w;
    recorder_socket_text(cl.socket, user, strlen(user));
}

static void leave(recorder_world *w, void *user)
{
    (void)w;
    (void)user;
    recorder_socket_gone(cl.socket);
}

/* A binary message of one frame for the first stream. */
static void send_audio(recorder_world *w, void *user)
{
    static const uint8_t message[18] = {1, 0, 1, 0, 1};
    (void)w;
    (void)user;
    (void)recorder_socket_binary(cl.socket, message, sizeof(message), rf_time_ns());
}

static const char *said(const char *name)
{
    const char *text = json_string_value(json_object_get(cl.said, name));
    return text != NULL ? text : "";
}

static bool has_said_started(void)
{
    return strcmp(said("type"), "started") == 0;
}

static bool was_asked_to_finish(void)
{
    return feed.n_finishes == 1;
}

Test(recorder_feed_sockets, section_8_a_socket_records_a_device_and_sends_it_no_audio)
{
    world_do(&feed.w, connect_client, NULL);
    world_do(&feed.w, say, "{\"type\":\"start\",\"req\":1,\"source\":\"device\"}");
    cr_expect_null(cl.said, "not before the device is open");
    world_do(&feed.w, say, "{\"type\":\"pause\",\"stream_id\":1}");
    cr_expect_str_eq(said("code"), "NOT_FOUND");
    world_do(&feed.w, feed_tell_opened, "microphone");
    feed_await(has_said_started);
    cr_expect_eq(json_integer_value(json_object_get(cl.said, "req")), 1);
    world_do(&feed.w, say, "{\"type\":\"gap\",\"stream_id\":1,\"first_frame\":0,\"length\":9}");
    cr_expect_str_eq(said("code"), "BAD_MESSAGE");
    world_do(&feed.w, feed_tell_stalled, NULL);
    cr_expect_str_eq(said("event"), "gap", "S4, Q8: it is told at once");
    const json_t *gap = json_object_get(cl.said, "gap");
    cr_expect_str_eq(json_string_value(json_object_get(gap, "cause")), "device_lost");
    cr_expect(json_is_null(json_object_get(gap, "length_frames")));
    world_do(&feed.w, feed_tell_back, NULL);
    world_do(&feed.w, say, "{\"type\":\"pause\",\"stream_id\":1}");
    cr_expect_str_eq(said("type"), "done");
    world_do(&feed.w, send_audio, NULL);
    cr_expect_eq(cl.close_code, 1007u);
    const recorder_session *s = recorder_registry_first(feed.w.service.registry);
    world_do(&feed.w, leave, NULL);
    cr_expect(cl.released);
    cr_expect_eq(s->take->live.state, RECORDER_PAUSED, "it goes on without the socket");
    cr_expect_not_null(feed.events);
    json_decref(cl.said);
}

Test(recorder_feed_sockets, section_8_a_device_that_opens_for_a_socket_that_is_gone_is_stopped)
{
    world_do(&feed.w, connect_client, NULL);
    world_do(&feed.w, say, "{\"type\":\"start\",\"source\":\"device\"}");
    world_do(&feed.w, leave, NULL);
    cr_expect_not(cl.released);
    world_do(&feed.w, feed_tell_opened, "microphone");
    feed_await(was_asked_to_finish);
    cr_expect(cl.released);
    world_do(&feed.w, feed_tell_end, NULL);
}

Test(recorder_feed_sockets, section_8_a_socket_is_told_why_a_device_does_not_open)
{
    recorder_error why;
    (void)recorder_fail(&why, RECORDER_DEVICE_UNAVAILABLE, "device 7: is not there");
    world_do(&feed.w, connect_client, NULL);
    world_do(&feed.w, say, "{\"type\":\"start\",\"req\":\"a\",\"source\":\"device\"}");
    world_do(&feed.w, feed_tell_failed, &why);
    cr_expect_str_eq(said("code"), "DEVICE_UNAVAILABLE");
    cr_expect_str_eq(said("req"), "a");
    json_decref(cl.said);
    cl.said = NULL;
    world_do(&feed.w, leave, NULL);
    cr_expect(cl.released);
}
