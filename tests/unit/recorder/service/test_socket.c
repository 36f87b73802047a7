/* /ws/recorder as the gateway carries it: one call of Recorder/Socket for each client. */
#include "recorder_frame.h"
#include "recorder_program.h"

#include "rf_time.h"

#include <criterion/criterion.h>
#include <reflection/socket/v1/socket.pb-c.h>
#include <string.h>
#include <unistd.h>

#define RATE 16000
#define MESSAGE 320

typedef struct client {
    rf_rpc_stream *stream;
    uint64_t taken;
    uint32_t close_code;
    /* Of subscriptions: all bytes, in order. */
    uint8_t *bytes;
    size_t len;
    uint64_t n_frames;
    bool last;
} client;

static void send_kind(client *c, const Socket__V1__FromClient *m, const void *data, size_t len)
{
    const rf_rpc_attachment attachment = {.data = data, .len = len};
    (void)rf_rpc_stream_send(c->stream, &m->base, len > 0 ? &attachment : NULL);
}

static void connect_client(client *c, recorder_program *p)
{
    const rf_rpc_options o = {.deadline_ns = rf_time_ns() + 60 * RF_NS_PER_S,
                              .tenant = PROGRAM_TENANT};
    Socket__V1__FromClient m = SOCKET__V1__FROM_CLIENT__INIT;
    Socket__V1__Opened opened = SOCKET__V1__OPENED__INIT;
    memset(c, 0, sizeof(*c));
    c->stream = rf_rpc_stream_open(p->channel, RECORDER_V1_RECORDER_SOCKET, &o);
    m.kind_case = SOCKET__V1__FROM_CLIENT__KIND_OPENED;
    m.opened = &opened;
    send_kind(c, &m, NULL, 0);
}

static void leave(client *c)
{
    rf_rpc_stream_free(c->stream);
    free(c->bytes);
}

static void say(client *c, const char *json)
{
    Socket__V1__FromClient m = SOCKET__V1__FROM_CLIENT__INIT;
    m.kind_case = SOCKET__V1__FROM_CLIENT__KIND_TEXT;
    m.text = true;
    send_kind(c, &m, json, strlen(json));
}

static void give(client *c, uint16_t id, uint64_t first, uint32_t n, size_t len)
{
    Socket__V1__FromClient m = SOCKET__V1__FROM_CLIENT__INIT;
    uint8_t message[RECORDER_FRAME_HEAD + MESSAGE * 2];
    int16_t samples[MESSAGE];
    const recorder_frame frame = {
        .type = RECORDER_FRAME_PUBLISH, .stream_id = id, .n_frames = n, .first_frame = first};
    recorder_frame_pack(&frame, message);
    program_samples((int64_t)first, n, 1, samples);
    memcpy(message + RECORDER_FRAME_HEAD, samples, n * sizeof(int16_t));
    m.kind_case = SOCKET__V1__FROM_CLIENT__KIND_BINARY;
    m.binary = true;
    send_kind(c, &m, message, RECORDER_FRAME_HEAD + len);
}

static void take_audio(client *c, const Socket__V1__Frame *f, const rf_rpc_msg *msg)
{
    const uint8_t *head = f->before.data;
    cr_assert_eq(f->before.len, (size_t)RECORDER_FRAME_HEAD);
    cr_expect_eq(head[0], RECORDER_FRAME_SUBSCRIBE);
    c->last = (head[1] & RECORDER_FRAME_LAST) != 0;
    c->n_frames += (uint64_t)head[4] | (uint64_t)head[5] << 8 | (uint64_t)head[6] << 16;
    c->bytes = rf_grow(c->bytes, c->len + msg->attachment_len + 1, 1);
    if (msg->attachment_len > 0) {
        memcpy(c->bytes + c->len, msg->attachment, msg->attachment_len);
    }
    c->len += msg->attachment_len;
}

static void tell_taken(client *c)
{
    Socket__V1__FromClient m = SOCKET__V1__FROM_CLIENT__INIT;
    Socket__V1__Taken taken = SOCKET__V1__TAKEN__INIT;
    taken.frames = ++c->taken;
    m.kind_case = SOCKET__V1__FROM_CLIENT__KIND_TAKEN;
    m.taken = &taken;
    send_kind(c, &m, NULL, 0);
}

/* The next control message of this type; audio is gathered, others passed over. NULL: closed. */
static json_t *await(client *c, const char *type)
{
    rf_rpc_item *item;
    while (rf_rpc_stream_recv(c->stream, &item) == 1) {
        const Socket__V1__ToClient *m = (const Socket__V1__ToClient *)item->message;
        json_t *json = NULL;
        if (m->kind_case == SOCKET__V1__TO_CLIENT__KIND_CLOSE) {
            c->close_code = m->close->code;
            rf_rpc_item_free(item);
            return NULL;
        }
        tell_taken(c);
        if (m->frame->binary) {
            take_audio(c, m->frame, &item->msg);
        } else {
            json =
                json_loadb((const char *)item->msg.attachment, item->msg.attachment_len, 0, NULL);
            cr_assert_not_null(json);
        }
        rf_rpc_item_free(item);
        const char *got = json_string_value(json_object_get(json, "type"));
        if (got != NULL && strcmp(got, type) == 0) {
            return json;
        }
        cr_assert(got == NULL || strcmp(got, "error") != 0, "%s",
                  json_string_value(json_object_get(json, "message")));
        json_decref(json);
    }
    return NULL;
}

static int64_t number(const json_t *json, const char *name)
{
    return json_integer_value(json_object_get(json, name));
}

static const char *text(const json_t *json, const char *name)
{
    const char *s = json_string_value(json_object_get(json, name));
    return s != NULL ? s : "";
}

static void await_durable(client *c, int64_t frames)
{
    int64_t durable = 0;
    while (durable < frames) {
        json_t *ack = await(c, "ack");
        cr_assert_not_null(ack);
        durable = number(ack, "frames_durable");
        json_decref(ack);
    }
}

static void expect_samples(const client *c, uint64_t n)
{
    int16_t *want = RF_NEW_ARRAY(int16_t, n);
    program_samples(0, (uint32_t)n, 1, want);
    cr_expect_eq(c->n_frames, n);
    cr_assert_eq(c->len, n * sizeof(int16_t));
    cr_expect_eq(memcmp(c->bytes, want, c->len), 0);
    free(want);
}

Test(recorder_socket, section_8_one_socket_publishes_two_sessions_and_subscribes_to_one)
{
    recorder_program p;
    client c;
    uint16_t id[2];
    char line[256];
    program_init(&p);
    program_start(&p, NULL, NULL);
    connect_client(&c, &p);
    char session[33] = "";
    for (int i = 0; i < 2; i++) {
        (void)snprintf(line, sizeof(line), "{\"type\":\"start\",\"req\":%d,\"prefixes\":[\"s\"]}",
                       i);
        say(&c, line);
        json_t *started = await(&c, "started");
        cr_assert_not_null(started);
        cr_expect_eq(number(started, "req"), i);
        cr_expect_eq(number(started, "next_frame"), 0);
        cr_expect_eq(number(started, "window_frames"), 160000);
        cr_expect_eq(strncmp(text(started, "key"), "recordings/s/", 13), 0);
        id[i] = (uint16_t)number(started, "stream_id");
        (void)rf_copy_str(session, sizeof(session), i == 0 ? text(started, "session") : session);
        json_decref(started);
    }
    cr_expect_neq(id[0], id[1]);
    (void)snprintf(line, sizeof(line),
                   "{\"type\":\"subscribe\",\"req\":\"x\",\"session\":\"%s\",\"from\":\"start\","
                   "\"chunk_size\":1600}",
                   session);
    say(&c, line);
    json_t *subscribed = await(&c, "subscribed");
    cr_expect_str_eq(text(subscribed, "req"), "x");
    json_decref(subscribed);
    for (uint64_t first = 0; first < 3 * RATE; first += MESSAGE) {
        give(&c, id[0], first, MESSAGE, MESSAGE * 2);
        give(&c, id[1], first, MESSAGE, MESSAGE * 2);
    }
    await_durable(&c, 3 * RATE);
    (void)snprintf(line, sizeof(line),
                   "{\"type\":\"stop\",\"req\":9,\"stream_id\":%u,\"last_frame\":%d}", id[0],
                   3 * RATE);
    say(&c, line);
    json_t *end = await(&c, "end");
    cr_expect_eq(number(end, "last_frame"), 3 * RATE);
    json_decref(end);
    cr_expect(c.last);
    expect_samples(&c, 3 * RATE);
    json_t *info = NULL;
    for (int i = 0; i < 100 && strcmp(text(info, "state"), "STORED") != 0; i++) {
        json_decref(info);
        usleep(20000);
        info = program_get(&p, session);
    }
    cr_expect_str_eq(text(info, "state"), "STORED");
    json_decref(info);
    leave(&c);
    program_done(&p);
}

Test(recorder_socket, section_8_bad_audio_closes_with_1007_and_bad_control_is_an_error)
{
    recorder_program p;
    client c;
    program_init(&p);
    program_start(&p, NULL, NULL);
    connect_client(&c, &p);
    say(&c, "{\"type\":\"nonsense\",\"req\":1}");
    json_t *error = await(&c, "error");
    cr_expect_str_eq(text(error, "code"), "BAD_MESSAGE");
    cr_expect_eq(number(error, "req"), 1);
    json_decref(error);
    say(&c, "no json");
    error = await(&c, "error");
    cr_expect_str_eq(text(error, "code"), "BAD_MESSAGE");
    json_decref(error);
    say(&c, "{\"type\":\"start\",\"rate\":1}");
    error = await(&c, "error");
    cr_expect_str_eq(text(error, "code"), "INVALID_ARGUMENT");
    json_decref(error);
    say(&c, "{\"type\":\"start\"}");
    json_t *started = await(&c, "started");
    uint16_t id = (uint16_t)number(started, "stream_id");
    json_decref(started);
    give(&c, id, 0, MESSAGE, MESSAGE * 2 - 1);
    cr_expect_null(await(&c, "ack"));
    cr_expect_eq(c.close_code, 1007);
    leave(&c);
    program_done(&p);
}

Test(recorder_socket, S8_a_socket_that_is_lost_interrupts_and_another_attaches)
{
    recorder_program p;
    client c;
    char session[33];
    char line[128];
    program_init(&p);
    program_start(&p, NULL, NULL);
    connect_client(&c, &p);
    say(&c, "{\"type\":\"start\"}");
    json_t *started = await(&c, "started");
    uint16_t id = (uint16_t)number(started, "stream_id");
    (void)rf_copy_str(session, sizeof(session), text(started, "session"));
    json_decref(started);
    for (uint64_t first = 0; first < RATE; first += MESSAGE) {
        give(&c, id, first, MESSAGE, MESSAGE * 2);
    }
    await_durable(&c, RATE);
    leave(&c);
    json_t *info = NULL;
    for (int i = 0; i < 100 && strcmp(text(info, "state"), "INTERRUPTED") != 0; i++) {
        json_decref(info);
        usleep(20000);
        info = program_get(&p, session);
    }
    cr_expect_str_eq(text(info, "state"), "INTERRUPTED");
    json_decref(info);
    connect_client(&c, &p);
    (void)snprintf(line, sizeof(line), "{\"type\":\"attach\",\"session\":\"%s\"}", session);
    say(&c, line);
    json_t *attached = await(&c, "attached");
    cr_assert_not_null(attached);
    cr_expect_eq(number(attached, "next_frame"), RATE);
    (void)snprintf(line, sizeof(line), "{\"type\":\"stop\",\"stream_id\":%d}",
                   (int)number(attached, "stream_id"));
    json_decref(attached);
    say(&c, line);
    json_t *stopped = await(&c, "stopped");
    cr_expect_eq(number(json_object_get(stopped, "segment"), "frame_count"), RATE);
    json_decref(stopped);
    leave(&c);
    program_done(&p);
}

/* The next event of this name. */
static json_t *await_event(client *c, const char *name)
{
    json_t *event = await(c, "event");
    while (event != NULL && strcmp(text(event, "event"), name) != 0) {
        json_decref(event);
        event = await(c, "event");
    }
    return event;
}

static void expect_gap(client *c, int64_t stream_id, const char *session)
{
    json_t *event = await_event(c, "gap");
    cr_assert_not_null(event);
    const json_t *gap = json_object_get(event, "gap");
    cr_expect_eq(number(event, "stream_id"), stream_id);
    cr_expect_str_eq(text(event, "session"), session);
    cr_expect_eq(number(gap, "start_frame"), MESSAGE);
    cr_expect_eq(number(gap, "length_frames"), MESSAGE);
    cr_expect_str_eq(text(gap, "cause"), "network");
    json_decref(event);
}

Test(recorder_socket, T10_section_8_the_owner_and_a_consumer_are_told_of_a_gap_and_levels_if_asked)
{
    recorder_program p;
    client owner;
    client consumer;
    char line[256];
    char session[33];
    program_init(&p);
    program_start(&p, NULL, NULL);
    connect_client(&owner, &p);
    connect_client(&consumer, &p);
    say(&owner, "{\"type\":\"start\",\"levels\":true}");
    json_t *started = await(&owner, "started");
    cr_assert_not_null(started);
    const uint16_t id = (uint16_t)number(started, "stream_id");
    (void)rf_copy_str(session, sizeof(session), text(started, "session"));
    json_decref(started);
    (void)snprintf(line, sizeof(line), "{\"type\":\"subscribe\",\"session\":\"%s\"}", session);
    say(&consumer, line);
    json_t *subscribed = await(&consumer, "subscribed");
    cr_assert_not_null(subscribed);
    const int64_t from_ns = rf_time_ns();
    give(&owner, id, 0, MESSAGE, MESSAGE * 2);
    give(&owner, id, 2 * MESSAGE, MESSAGE, MESSAGE * 2);
    expect_gap(&owner, id, session);
    expect_gap(&consumer, number(subscribed, "stream_id"), session);
    cr_expect_lt(rf_time_ns() - from_ns, RF_NS_PER_S, "within 1,000 ms");
    for (uint64_t i = 3; i < 8; i++) {
        give(&owner, id, i * MESSAGE, MESSAGE, MESSAGE * 2);
    }
    json_t *levels = await_event(&owner, "levels");
    cr_expect_eq(json_array_size(json_object_get(levels, "peak_dbfs")), 1);
    json_decref(levels);
    (void)snprintf(line, sizeof(line), "{\"type\":\"stop\",\"stream_id\":%u}", id);
    say(&owner, line);
    json_t *state = await_event(&consumer, "state");
    cr_expect_str_eq(text(state, "state"), "FINALIZING", "no levels: nobody asked here");
    json_decref(state);
    json_decref(subscribed);
    leave(&owner);
    leave(&consumer);
    program_done(&p);
}

Test(recorder_socket, section_7_live_loudness_is_told_each_second)
{
    recorder_program p;
    client c;
    program_init(&p);
    program_start(&p, NULL, NULL);
    connect_client(&c, &p);
    say(&c, "{\"type\":\"start\",\"options\":{\"loudness\":\"live\"}}");
    json_t *started = await(&c, "started");
    cr_assert_not_null(started);
    for (uint64_t first = 0; first < 3 * RATE; first += MESSAGE) {
        give(&c, (uint16_t)number(started, "stream_id"), first, MESSAGE, MESSAGE * 2);
    }
    int64_t frame = 0;
    while (frame < 3 * RATE) {
        json_t *event = await_event(&c, "loudness");
        cr_assert_not_null(event);
        cr_expect_str_eq(text(event, "session"), text(started, "session"));
        cr_expect_eq(number(event, "frame") % RATE, 0, "whole seconds");
        cr_expect_gt(number(event, "frame"), frame);
        frame = number(event, "frame");
        double lufs =
            json_real_value(json_object_get(json_object_get(event, "loudness"), "momentary_lufs"));
        cr_expect(lufs > -60.0 && lufs < 5.0, "%f", lufs);
        json_decref(event);
    }
    json_t *info = program_get(&p, text(started, "session"));
    cr_expect(json_is_object(json_object_get(info, "loudness")));
    json_decref(info);
    json_decref(started);
    leave(&c);
    program_done(&p);
}

/* Opens as many streams as a connection may have: publishers, and subscriptions of each. Returns
 * the stream id of the first publisher. */
static int fill_socket(client *c)
{
    char line[128];
    int first = 0;
    for (int i = 0; i < 16; i++) {
        say(c, "{\"type\":\"start\"}");
        json_t *started = await(c, "started");
        cr_assert_not_null(started);
        first = i == 0 ? (int)number(started, "stream_id") : first;
        (void)snprintf(line, sizeof(line), "{\"type\":\"subscribe\",\"session\":\"%s\"}",
                       text(started, "session"));
        for (int k = 0; k < 63; k++) {
            say(c, line);
        }
        json_decref(started);
    }
    return first;
}

Test(recorder_socket, section_8_a_connection_with_1024_streams_can_still_pause_and_stop)
{
    recorder_program p;
    client c;
    char line[128];
    program_init(&p);
    program_start(&p, NULL, NULL);
    connect_client(&c, &p);
    int id = fill_socket(&c);
    say(&c, "{\"type\":\"start\",\"req\":1}");
    json_t *error = await(&c, "error");
    cr_expect_str_eq(text(error, "code"), "TOO_MANY_CONSUMERS");
    json_decref(error);
    (void)snprintf(line, sizeof(line), "{\"type\":\"pause\",\"stream_id\":%d}", id);
    say(&c, line);
    json_decref(await(&c, "done"));
    (void)snprintf(line, sizeof(line), "{\"type\":\"stop\",\"stream_id\":%d}", id);
    say(&c, line);
    json_t *stopped = await(&c, "stopped");
    cr_expect_eq(number(stopped, "stream_id"), id);
    json_decref(stopped);
    say(&c, "{\"type\":\"start\",\"req\":2}");
    json_t *started = await(&c, "started");
    cr_expect_not_null(started, "a place is free");
    json_decref(started);
    leave(&c);
    program_done(&p);
}
