/* A session against a server that behaves: start, chunks, steering, resume. */
#include "reflection_jam.h"

#include "server.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOP 1920
#define WAIT_MS 5000

static char noted[8][2048]; /* what the script read, in order */
static size_t n_noted;

static void note(const char *text)
{
    if (text != NULL && n_noted < sizeof(noted) / sizeof(noted[0])) {
        snprintf(noted[n_noted++], sizeof(noted[0]), "%s", text);
    }
}

static reflection_jam *open_at(const server *s, const char *params)
{
    const reflection_jam_options o = {
        .url = server_url(s), .key = "secret", .params = params, .timeout_ms = WAIT_MS};
    reflection_jam_fault fault;
    reflection_jam *jam = NULL;
    cr_assert_eq(reflection_jam_open(&o, &jam, &fault), 0, "%s", fault.message);
    return jam;
}

static void next(reflection_jam *jam, reflection_jam_kind kind, reflection_jam_event *e)
{
    int n = reflection_jam_next(jam, WAIT_MS, e);
    cr_assert_eq(n, 1, "%d: %s", n, reflection_jam_last_fault(jam)->message);
    cr_assert_eq(e->kind, kind, "%s", e->json);
}

static bool noted_is(size_t i, const char *json)
{
    json_t *a = json_loads(noted[i], 0, NULL);
    json_t *b = json_loads(json, 0, NULL);
    bool equal = json_equal(a, b);
    json_decref(a);
    json_decref(b);
    return equal;
}

/* ---- start ---- */

static void begin_only(server *s)
{
    note(server_upgrade(s));
    note(server_read(s));
    char text[1024];
    snprintf(text, sizeof(text), SERVER_STARTED, 1200u, "wav-f32", "token-1", "false", 5u);
    server_text(s, text);
    server_read(s);
}

Test(session, start_carries_key_and_params_and_says_what_began)
{
    server *s = server_start(begin_only, NULL);
    reflection_jam *jam = open_at(s, "{\"styles\":\"jazz\",\"bpm\":120}");
    const reflection_jam_info *info = reflection_jam_info_of(jam);
    cr_expect_str_eq(info->session_id, "01hzzzzzzzzzzzzzzzzzzzzzzz");
    cr_expect_str_eq(info->engine, "band");
    cr_expect_str_eq(info->format, "wav-f32");
    cr_expect_str_eq(info->pace, "asap");
    cr_expect_str_eq(info->role, "controller");
    cr_expect_str_eq(info->resume_token, "token-1");
    cr_expect_eq(info->seed, 7);
    cr_expect_eq(info->overlap, 1200);
    cr_expect_eq(info->chunk_frames, 1);
    cr_expect_eq(info->next_index, 5);
    cr_expect_not(info->resumed);
    reflection_jam_close(jam);
    server_stop(s);
    cr_expect(strncmp(noted[0], "GET /ws/jam HTTP/1.1\r\n", 22) == 0);
    cr_expect_not_null(strstr(noted[0], "\r\nAuthorization: Bearer secret\r\n"));
    cr_expect_not_null(strstr(noted[0], "\r\nSec-WebSocket-Version: 13\r\n"));
    cr_expect(noted_is(1, "{\"type\":\"start\",\"mode\":\"rt\",\"binary_audio\":true,"
                          "\"params\":{\"styles\":\"jazz\",\"bpm\":120}}"),
              "%s", noted[1]);
}

static void listener_script(server *s)
{
    note(server_begin(s, 0));
    server_read(s);
}

Test(session, a_listener_names_the_session_it_joins)
{
    server *s = server_start(listener_script, NULL);
    const reflection_jam_options o = {
        .url = server_url(s), .session_id = "01hzzzzzzzzzzzzzzzzzzzzzzz", .listener = true};
    reflection_jam *jam = NULL;
    cr_assert_eq(reflection_jam_open(&o, &jam, NULL), 0);
    reflection_jam_close(jam);
    server_stop(s);
    cr_expect(noted_is(0, "{\"type\":\"start\",\"mode\":\"rt\",\"binary_audio\":true,"
                          "\"params\":{},\"session_id\":\"01hzzzzzzzzzzzzzzzzzzzzzzz\","
                          "\"role\":\"listener\"}"),
              "%s", noted[0]);
}

/* ---- chunks ---- */

static void five_chunks(server *s)
{
    server_begin(s, 480);
    for (uint64_t i = 0; i < 5; i++) {
        server_chunk(s, i, HOP, 480);
    }
    server_read(s);
}

Test(session, chunks_come_in_order_with_decoded_audio)
{
    server *s = server_start(five_chunks, NULL);
    reflection_jam *jam = open_at(s, NULL);
    for (uint64_t k = 0; k < 5; k++) {
        reflection_jam_event e;
        next(jam, REFLECTION_JAM_CHUNK, &e);
        const reflection_jam_chunk *c = &e.chunk;
        cr_assert_eq(c->index, k);
        cr_assert_eq(c->start_sample, k * HOP);
        cr_assert_eq(c->n_samples, HOP + 480);
        cr_assert_eq(c->overlap, 480);
        for (size_t i = 0; i < c->n_samples; i++) {
            cr_assert_eq(c->samples[2 * i], server_sample(c->start_sample + i, 0));
            cr_assert_eq(c->samples[2 * i + 1], server_sample(c->start_sample + i, 1));
        }
        cr_expect_eq(c->file_len, 58 + 8 * c->n_samples);
        cr_expect_eq(memcmp(c->file, "RIFF", 4), 0);
        cr_expect_eq(c->n_styles, 2);
        cr_expect_str_eq(c->styles[0].name, "jazz");
        cr_expect_eq(c->styles[1].weight, 0.25);
        cr_expect_eq(c->bpm, 120.5);
        cr_expect_eq(c->rev, 3);
        cr_expect_eq(c->bar, 2);
        cr_expect_eq(c->beat, 3.5);
        cr_expect_eq(c->generation_ms, 1.25);
        cr_expect_eq(c->lead_ms, -4);
        cr_expect_not_null(strstr(e.json, "chunk_meta"));
    }
    reflection_jam_close(jam);
    server_stop(s);
}

static void opus_chunk(server *s)
{
    char text[1024];
    server_upgrade(s);
    server_read(s);
    snprintf(text, sizeof(text), SERVER_STARTED, 480u, "opus", "t", "false", 0u);
    server_text(s, text);
    server_binary(s, "OggS", 4);
    server_meta(s, 0, HOP, 480);
    server_read(s);
}

Test(session, compressed_formats_are_given_as_files)
{
    server *s = server_start(opus_chunk, NULL);
    reflection_jam *jam = open_at(s, "{\"format\":\"opus\"}");
    reflection_jam_event e;
    next(jam, REFLECTION_JAM_CHUNK, &e);
    cr_expect_null(e.chunk.samples);
    cr_expect_eq(e.chunk.file_len, 4);
    cr_expect_eq(e.chunk.n_samples, HOP + 480);
    reflection_jam_close(jam);
    server_stop(s);
}

/* The two messages of a chunk may come with any pause between them, and between their bytes. */
static void slow_chunk(server *s)
{
    size_t len;
    server_begin(s, 0);
    uint8_t *file = server_wav(0, HOP, &len);
    const uint8_t head[4] = {0x82, 126, (uint8_t)(len >> 8), (uint8_t)len};
    server_raw(s, head, 2);
    server_read(s); /* each ping answers one wait of the client */
    server_raw(s, head + 2, 2);
    server_raw(s, file, 100);
    server_read(s);
    server_raw(s, file + 100, len - 100);
    server_read(s);
    server_meta(s, 0, HOP, 0);
    free(file);
    server_read(s);
}

Test(session, a_deadline_between_audio_and_metadata_loses_nothing)
{
    server *s = server_start(slow_chunk, NULL);
    reflection_jam *jam = open_at(s, NULL);
    reflection_jam_event e;
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(reflection_jam_next(jam, 30, &e), 0);
        cr_assert_eq(reflection_jam_ping(jam, -1, NULL), 0);
    }
    next(jam, REFLECTION_JAM_CHUNK, &e);
    cr_expect_eq(e.chunk.samples[2], server_sample(1, 0));
    reflection_jam_close(jam);
    server_stop(s);
}

/* The stream of a join is the engine's, bit for bit, and ends with the last overlap. */
Test(session, joined_chunks_are_the_stream_bit_for_bit)
{
    server *s = server_start(five_chunks, NULL);
    reflection_jam *jam = open_at(s, NULL);
    reflection_jam_join *join = reflection_jam_join_new();
    const float *out;
    size_t n;
    uint64_t at = 0;
    for (int k = 0; k < 6; k++) {
        reflection_jam_event e;
        if (k < 5) {
            next(jam, REFLECTION_JAM_CHUNK, &e);
            cr_assert_eq(reflection_jam_join_push(join, &e.chunk, &out, &n), 0);
        } else {
            reflection_jam_join_flush(join, &out, &n);
        }
        for (size_t i = 0; i < n; i++, at++) {
            cr_assert_eq(out[2 * i], server_sample(at, 0), "at %zu", (size_t)at);
            cr_assert_eq(out[2 * i + 1], server_sample(at, 1));
        }
    }
    cr_expect_eq(at, 5 * HOP + 480);
    reflection_jam_join_free(join);
    reflection_jam_close(jam);
    server_stop(s);
}

/* ---- steering ---- */

static void steered(server *s)
{
    server_begin(s, 0);
    for (int i = 0; i < 6; i++) {
        note(server_read(s));
    }
    server_text(s, "{\"type\":\"status\",\"rev\":4,\"applied_at_sample\":96000,"
                   "\"updated\":[\"bpm\"],\"id\":\"u1\"}");
    server_text(s, "{\"type\":\"status\",\"rev\":4,\"scheduled\":{\"at_sample\":1}}");
    server_text(s, "{\"type\":\"error\",\"error\":\"bpm must be 60 to 200\","
                   "\"code\":\"OUT_OF_RANGE\",\"field\":\"bpm\","
                   "\"limit\":{\"min\":60.0,\"max\":200.0},\"id\":\"u2\"}");
    server_text(s, "{\"type\":\"news\",\"of\":\"a later version\"}");
    server_text(s, "{\"type\":\"pong\",\"id\":\"p\"}");
    server_text(s, "{\"type\":\"stopped\",\"reason\":\"client\",\"chunks_sent\":3,"
                   "\"samples_sent\":5760}");
    server_close_frame(s, 1000);
    server_read(s);
}

Test(session, requests_are_sent_and_answers_come_as_events)
{
    server *s = server_start(steered, NULL);
    reflection_jam *jam = open_at(s, NULL);
    cr_expect_eq(reflection_jam_update(jam, "{\"bpm\":128,\"ramp_ms\":4000}", "u1"), 0);
    cr_expect_eq(reflection_jam_pause(jam, NULL), 0);
    cr_expect_eq(reflection_jam_resume(jam, "r"), 0);
    cr_expect_eq(reflection_jam_reset_context(jam, 12, NULL), 0);
    cr_expect_eq(reflection_jam_ping(jam, 250, "p"), 0);
    cr_expect_eq(reflection_jam_stop(jam), 0);
    reflection_jam_event e;
    next(jam, REFLECTION_JAM_STATUS, &e);
    cr_expect_str_eq(e.id, "u1");
    cr_expect_eq(e.status.rev, 4);
    cr_expect_eq(e.status.applied_at_sample, 96000);
    next(jam, REFLECTION_JAM_STATUS, &e);
    cr_expect_eq(e.status.applied_at_sample, -1);
    cr_expect_str_eq(e.id, "");
    next(jam, REFLECTION_JAM_ERROR, &e);
    cr_expect_str_eq(e.error.code, "OUT_OF_RANGE");
    cr_expect_str_eq(e.error.field, "bpm");
    cr_expect_str_eq(e.error.message, "bpm must be 60 to 200");
    cr_expect(e.error.has_limit && e.error.limit_min == 60 && e.error.limit_max == 200);
    cr_expect_eq(e.error.err, -EINVAL);
    next(jam, REFLECTION_JAM_PONG, &e);
    cr_expect_str_eq(e.id, "p");
    next(jam, REFLECTION_JAM_STOPPED, &e);
    cr_expect_str_eq(e.stopped.reason, "client");
    cr_expect_eq(e.stopped.chunks_sent, 3);
    cr_expect_eq(e.stopped.samples_sent, 5760);
    cr_expect_eq(reflection_jam_next(jam, WAIT_MS, &e), -EPIPE);
    cr_expect_eq(reflection_jam_update(jam, "{}", NULL), -EPIPE);
    cr_expect_eq(reflection_jam_fd(jam), -1);
    reflection_jam_close(jam);
    server_join(s);
    cr_expect_eq(server_closed(s), 1000);
    server_stop(s);
    const char *wanted[] = {"{\"type\":\"update\",\"bpm\":128,\"ramp_ms\":4000,\"id\":\"u1\"}",
                            "{\"type\":\"pause\"}",
                            "{\"type\":\"resume\",\"id\":\"r\"}",
                            "{\"type\":\"reset_context\",\"seed\":12}",
                            "{\"type\":\"ping\",\"buffer_ms\":250,\"id\":\"p\"}",
                            "{\"type\":\"stop\"}"};
    for (size_t i = 0; i < 6; i++) {
        cr_expect(noted_is(i, wanted[i]), "%s", noted[i]);
    }
}

Test(session, wrong_arguments_are_refused_here_and_named)
{
    server *s = server_start(listener_script, NULL);
    reflection_jam *jam = open_at(s, NULL);
    const reflection_jam_fault *fault = reflection_jam_last_fault(jam);
    cr_expect_eq(reflection_jam_update(jam, "[1]", NULL), -EINVAL);
    cr_expect_not_null(strstr(fault->message, "fields"));
    cr_expect_eq(reflection_jam_update(jam, "{\"a\":1", NULL), -EINVAL);
    cr_expect_eq(reflection_jam_update(jam, NULL, NULL), -EINVAL);
    cr_expect_eq(reflection_jam_pause(jam, ""), -EINVAL);
    cr_expect_not_null(strstr(fault->message, "1 to 64"));
    cr_expect_eq(reflection_jam_reset_context(jam, 2147483648, NULL), -EINVAL);
    cr_expect_not_null(strstr(fault->message, "2147483647"));
    cr_expect_eq(reflection_jam_ping(jam, 60001, NULL), -EINVAL);
    cr_expect_not_null(strstr(fault->message, "60000"));
    reflection_jam_close(jam);
    server_stop(s);
}

/* ---- waiting ---- */

Test(session, the_descriptor_is_readable_when_an_event_waits)
{
    server *s = server_start(steered, NULL);
    reflection_jam *jam = open_at(s, NULL);
    reflection_jam_event e;
    cr_assert_eq(reflection_jam_next(jam, 0, &e), 0);
    struct pollfd p = {reflection_jam_fd(jam), reflection_jam_poll_events(jam), 0};
    cr_assert_eq(poll(&p, 1, 50), 0);
    for (int i = 0; i < 6; i++) {
        reflection_jam_ping(jam, -1, NULL);
    }
    int n = 0;
    while (n == 0) { /* the bytes of an event may come in parts */
        cr_assert_eq(poll(&p, 1, WAIT_MS), 1);
        n = reflection_jam_next(jam, 0, &e);
    }
    cr_expect_eq(n, 1);
    reflection_jam_close(jam);
    server_stop(s);
}

static void pinging(server *s)
{
    server_begin(s, 0);
    server_frame(s, 0x89, "are you there", 13);
    server_frame(s, 0x89, "", 0);
    server_read(s);
    server_text(s, "{\"type\":\"pong\"}");
    server_read(s);
}

Test(session, pings_of_the_server_are_answered)
{
    server *s = server_start(pinging, NULL);
    reflection_jam *jam = open_at(s, NULL);
    reflection_jam_event e;
    cr_assert_eq(reflection_jam_next(jam, 100, &e), 0);
    reflection_jam_ping(jam, -1, NULL);
    next(jam, REFLECTION_JAM_PONG, &e);
    reflection_jam_close(jam);
    server_join(s);
    cr_expect_eq(server_pongs(s), 2);
    server_stop(s);
}

static void fragmented(server *s)
{
    server_begin(s, 0);
    server_frame(s, 0x01, "{\"type\":", 8);
    server_frame(s, 0x89, "x", 1);
    server_frame(s, 0x00, "\"po", 3);
    server_frame(s, 0x80, "ng\"}", 4);
    server_read(s);
}

Test(session, fragmented_messages_are_put_together)
{
    server *s = server_start(fragmented, NULL);
    reflection_jam *jam = open_at(s, NULL);
    reflection_jam_event e;
    next(jam, REFLECTION_JAM_PONG, &e);
    reflection_jam_close(jam);
    server_stop(s);
}

/* ---- room ---- */

static void busy_once(server *s)
{
    char text[1024];
    server_upgrade(s);
    note(server_read(s));
    server_text(s, "{\"type\":\"error\",\"error\":\"no room\",\"code\":\"BUSY\",\"field\":null,"
                   "\"retry_after_ms\":100,\"queue_place\":1}");
    note(server_read(s));
    snprintf(text, sizeof(text), SERVER_STARTED, 0u, "wav-f32", "t", "false", 0u);
    server_text(s, text);
    server_read(s);
}

Test(session, a_busy_server_is_asked_again_when_it_says)
{
    server *s = server_start(busy_once, NULL);
    reflection_jam *jam = open_at(s, "{\"seed\":3}");
    reflection_jam_close(jam);
    server_stop(s);
    cr_expect_eq(n_noted, 2);
    cr_expect(noted_is(1, noted[0]));
}

static void busy_for_a_minute(server *s)
{
    server_upgrade(s);
    server_read(s);
    server_text(s, "{\"type\":\"error\",\"error\":\"no room\",\"code\":\"BUSY\","
                   "\"retry_after_ms\":60000,\"queue_place\":9}");
    server_read(s);
}

Test(session, a_server_that_stays_busy_says_when_to_come_back)
{
    server *s = server_start(busy_for_a_minute, NULL);
    const reflection_jam_options o = {.url = server_url(s), .timeout_ms = WAIT_MS};
    reflection_jam_fault fault;
    reflection_jam *jam = NULL;
    cr_expect_eq(reflection_jam_open(&o, &jam, &fault), -EBUSY);
    cr_expect_eq(fault.retry_after_ms, 60000);
    cr_expect_str_eq(fault.code, "BUSY");
    cr_expect_null(jam);
    server_stop(s);
}

/* ---- resume ---- */

static void cut_and_resumed(server *s)
{
    char text[1024];
    server_begin(s, 0);
    server_chunk(s, 0, HOP, 0);
    server_chunk(s, 1, HOP, 0);
    server_raw(s, "\x82\x7e", 2); /* cut inside a frame */
    server_upgrade(s);
    note(server_read(s));
    snprintf(text, sizeof(text), SERVER_STARTED, 0u, "wav-f32", "token-2", "true", 2u);
    server_text(s, text);
    server_chunk(s, 2, HOP, 0);
    server_read(s);
}

Test(session, a_lost_connection_goes_on_after_the_last_chunk)
{
    server *s = server_start(cut_and_resumed, NULL);
    reflection_jam *jam = open_at(s, NULL);
    reflection_jam_event e;
    next(jam, REFLECTION_JAM_CHUNK, &e);
    next(jam, REFLECTION_JAM_CHUNK, &e);
    cr_expect_eq(reflection_jam_next(jam, WAIT_MS, &e), -ECONNRESET);
    cr_expect_eq(reflection_jam_last_fault(jam)->close_code, 1006);
    cr_expect_eq(reflection_jam_fd(jam), -1);
    cr_expect_eq(reflection_jam_next(jam, WAIT_MS, &e), -ECONNRESET);
    cr_expect_eq(reflection_jam_ping(jam, -1, NULL), -ECONNRESET);
    cr_assert_eq(reflection_jam_reconnect(jam, WAIT_MS), 0);
    cr_expect(reflection_jam_info_of(jam)->resumed);
    cr_expect_str_eq(reflection_jam_info_of(jam)->resume_token, "token-2");
    next(jam, REFLECTION_JAM_CHUNK, &e);
    cr_expect_eq(e.chunk.index, 2);
    reflection_jam_close(jam);
    server_stop(s);
    cr_expect(noted_is(0, "{\"type\":\"start\",\"binary_audio\":true,\"resume_token\":\"token-1\","
                          "\"last_index\":1}"),
              "%s", noted[0]);
}

static void replay_lost(server *s)
{
    char text[1024];
    server_upgrade(s);
    note(server_read(s));
    server_text(s, "{\"type\":\"error\",\"error\":\"too old\",\"code\":\"REPLAY_LOST\"}");
    snprintf(text, sizeof(text), SERVER_STARTED, 0u, "wav-f32", "token-2", "true", 9u);
    server_text(s, text);
    server_chunk(s, 9, HOP, 0);
    server_read(s);
}

Test(session, another_process_resumes_by_token_and_is_told_of_lost_audio)
{
    server *s = server_start(replay_lost, NULL);
    const reflection_jam_options o = {.url = server_url(s), .resume_token = "abc", .last_index = 4};
    reflection_jam *jam = NULL;
    cr_assert_eq(reflection_jam_open(&o, &jam, NULL), 0);
    reflection_jam_event e;
    next(jam, REFLECTION_JAM_ERROR, &e);
    cr_expect_str_eq(e.error.code, "REPLAY_LOST");
    next(jam, REFLECTION_JAM_CHUNK, &e);
    cr_expect_eq(e.chunk.index, 9);
    reflection_jam_close(jam);
    server_stop(s);
    cr_expect(noted_is(0, "{\"type\":\"start\",\"binary_audio\":true,\"resume_token\":\"abc\","
                          "\"last_index\":4}"),
              "%s", noted[0]);
}

static void restarted(server *s)
{
    server_begin(s, 0);
    server_close_frame(s, 1012);
    server_read(s);
    server_begin(s, 0);
    server_close_frame(s, 1008);
    server_read(s);
}

Test(session, a_restart_can_be_resumed_and_a_breach_of_policy_cannot)
{
    server *s = server_start(restarted, NULL);
    reflection_jam *jam = open_at(s, NULL);
    reflection_jam_event e;
    cr_expect_eq(reflection_jam_next(jam, WAIT_MS, &e), -ECONNRESET);
    cr_expect_eq(reflection_jam_last_fault(jam)->close_code, 1012);
    cr_assert_eq(reflection_jam_reconnect(jam, WAIT_MS), 0);
    cr_expect_eq(reflection_jam_next(jam, WAIT_MS, &e), -EPIPE);
    cr_expect_eq(reflection_jam_last_fault(jam)->close_code, 1008);
    reflection_jam_close(jam);
    server_stop(s);
}

Test(session, closing_nothing_is_fine)
{
    cr_expect_null(reflection_jam_close(NULL));
    cr_expect_null(reflection_jam_join_free(NULL));
}
