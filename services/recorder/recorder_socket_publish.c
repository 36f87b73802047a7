#include "recorder_socket_internal.h"

#include "recorder_begin.h"
#include "recorder_text.h"
#include "recorder_view.h"

#include <errno.h>
#include <string.h>

/* ---- publishers ---- */

static void on_ack(void *port, int64_t received, int64_t durable)
{
    const recorder_socket_stream *t = port;
    if (t->ready) {
        json_t *json = recorder_socket_answer("ack", NULL);
        recorder_socket_set_i64(json, "stream_id", t->id);
        recorder_socket_set_i64(json, "frames_received", received);
        recorder_socket_set_i64(json, "frames_durable", durable);
        recorder_socket_send_json(t->socket, json);
    }
}

static void on_resume(void *port)
{
    const recorder_socket_stream *t = port;
    t->socket->port->resume(t->socket->user);
}

static void say_stopped(recorder_socket_stream *t, const recorder_error *error)
{
    rf_buf text;
    t->session->port = NULL;
    if (error != NULL) {
        recorder_socket_send_error(t->socket, t->req, error);
    } else {
        json_t *json = recorder_socket_answer("stopped", t->req);
        recorder_socket_set_i64(json, "stream_id", t->id);
        rf_buf_init(&text, RECORDER_VIEW_MAX);
        if (recorder_view_segment(t->session, &text) == 0) {
            json_object_set_new(json, "segment", json_loads(rf_buf_str(&text), 0, NULL));
        }
        rf_buf_done(&text);
        recorder_socket_send_json(t->socket, json);
    }
    recorder_socket_drop(t);
}

static void on_session_stopped(void *port)
{
    say_stopped(port, NULL);
}

static const recorder_port publisher_port = {
    .ack = on_ack, .resume = on_resume, .stopped = on_session_stopped};

/* A success has been told by then. */
static void on_stop_answer(void *user, recorder_session *s, const recorder_error *error)
{
    (void)user;
    if (error->code != RECORDER_OK && s->port == &publisher_port) {
        say_stopped(s->port_user, error);
    }
}

static void send_begun(const recorder_socket_stream *t, const char *type, int64_t next_frame)
{
    char id[RECORDER_ID_TEXT];
    char key[RECORDER_KEY_SIZE];
    json_t *json = recorder_socket_answer(type, t->req);
    recorder_take_key(t->session->take, key);
    json_object_set_new(json, "session",
                        json_string(recorder_text_id(t->session->take->start.id, id)));
    json_object_set_new(json, "key", json_string(key));
    recorder_socket_set_i64(json, "stream_id", t->id);
    recorder_socket_set_i64(json, "next_frame", next_frame);
    recorder_socket_set_i64(json, "window_frames", t->window_frames);
    recorder_socket_send_json(t->socket, json);
}

/* A start that is not durable yet. */
typedef struct starting {
    recorder_socket *socket; /* held */
    uint16_t id;             /* of its stream, which may be gone */
} starting;

static void on_orphan_stopped(void *user, recorder_session *s, const recorder_error *error)
{
    (void)user;
    (void)s;
    (void)error;
}

static void begun(recorder_socket_stream *t, recorder_session *session)
{
    if (t->session == NULL) { /* of a local source, which is open now */
        recorder_socket_hold(t, session);
        recorder_session_publish(session, &publisher_port, t);
    }
    t->ready = true;
    send_begun(t, "started", 0);
    recorder_socket_watch(t, t->levels);
}

static void on_begun(void *user, recorder_session *session, const recorder_error *error)
{
    starting *x = user;
    recorder_socket_stream *t = recorder_socket_find(x->socket, x->id);
    if (error->code == RECORDER_OK && t != NULL) {
        begun(t, session);
    } else if (error->code == RECORDER_OK &&
               session->take->start.source != RECORDER_SOURCE_NETWORK) {
        recorder_session_stop(session, -1, on_orphan_stopped, NULL); /* its client never knew it */
    } else if (t != NULL) {
        recorder_socket_send_error(x->socket, t->req, error);
        if (t->session == NULL) {
            recorder_socket_drop(t);
        }
    }
    recorder_socket_release(x->socket);
    free(x);
}

recorder_code recorder_socket_run_start(recorder_socket *s, json_t *message, const json_t *req,
                                        recorder_error *error)
{
    recorder_session *session;
    json_t *fields = json_copy(message);
    const char *host = json_string_value(json_object_get(message, "recorder_id"));
    json_object_del(fields, "type");
    json_object_del(fields, "req");
    json_object_del(fields, "recorder_id");
    json_object_del(fields, "levels");
    char *body = json_dumps(fields, JSON_COMPACT);
    const recorder_begin_ask ask = {.caller = {.tenant = s->tenant, .scopes = s->scopes},
                                    .recorder_id = host != NULL ? host : "",
                                    .body = body};
    starting *x = RF_NEW(starting);
    recorder_code code = recorder_begin(s->service, &ask, on_begun, x, &session, error);
    free(body);
    json_decref(fields);
    if (code != RECORDER_OK) {
        free(x);
        return code;
    }
    recorder_socket_stream *t = recorder_socket_add(s, true, req);
    *x = (starting){s, t->id};
    t->levels = json_is_true(json_object_get(message, "levels"));
    s->refs++;
    if (session != NULL) {
        recorder_socket_hold(t, session);
        recorder_session_publish(session, &publisher_port, t);
    }
    return code;
}

recorder_code recorder_socket_run_attach(recorder_socket *s, json_t *message, const json_t *req,
                                         recorder_error *error)
{
    recorder_session *session;
    recorder_code code =
        recorder_registry_find(s->service->registry, s->tenant,
                               recorder_socket_string_of(message, "session"), &session, error);
    if (code != RECORDER_OK) {
        return code;
    }
    recorder_socket_stream *t = recorder_socket_add(s, true, req);
    recorder_socket_hold(t, session);
    code = recorder_session_attach(session, &publisher_port, t, error);
    if (code != RECORDER_OK) {
        recorder_socket_drop(t);
        return code;
    }
    t->ready = true;
    send_begun(t, "attached", session->durable);
    recorder_socket_watch(t, json_is_true(json_object_get(message, "levels")));
    return code;
}

/* ---- calls on a publisher ---- */

static recorder_code read_frame(const json_t *message, const char *name, uint64_t *ret,
                                recorder_error *error)
{
    const json_t *value = json_object_get(message, name);
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        return recorder_fail(error, RECORDER_INVALID_ARGUMENT, "%s: a frame number", name);
    }
    *ret = (uint64_t)json_integer_value(value);
    return RECORDER_OK;
}

static recorder_code run_gap(recorder_socket_stream *t, const json_t *message,
                             recorder_error *error)
{
    uint64_t first = 0;
    uint64_t length = 0;
    recorder_gap_cause cause = RECORDER_GAP_PUBLISHER;
    const char *name = recorder_socket_string_of(message, "cause");
    recorder_code code = read_frame(message, "first_frame", &first, error);
    code = code == RECORDER_OK ? read_frame(message, "length", &length, error) : code;
    if (code == RECORDER_OK && name[0] != '\0' && recorder_gap_cause_parse(name, &cause) < 0) {
        code = recorder_fail(error, RECORDER_INVALID_ARGUMENT, "cause: there is none such");
    }
    if (code != RECORDER_OK) {
        return code;
    }
    return recorder_session_gap(t->session, first, length, cause, true, error) == -EINVAL
               ? error->code
               : RECORDER_OK;
}

static recorder_code run_anchor(recorder_socket_stream *t, const json_t *message,
                                recorder_error *error)
{
    uint64_t frame = 0;
    uint64_t utc_ns = 0;
    recorder_code code = read_frame(message, "frame", &frame, error);
    code = code == RECORDER_OK ? read_frame(message, "utc_ns", &utc_ns, error) : code;
    if (code == RECORDER_OK) {
        recorder_session_anchor(t->session, (int64_t)frame, (int64_t)utc_ns);
    }
    return code;
}

static recorder_code run_stop(recorder_socket_stream *t, const json_t *message, const json_t *req,
                              recorder_error *error)
{
    uint64_t last = 0;
    bool has_last = json_object_get(message, "last_frame") != NULL;
    recorder_code code = has_last ? read_frame(message, "last_frame", &last, error) : RECORDER_OK;
    if (code == RECORDER_OK) {
        json_decref(t->req);
        t->req = json_incref((json_t *)(uintptr_t)req);
        recorder_session_stop(t->session,
                              has_last ? (int64_t)RF_MIN(last, (uint64_t)RECORDER_FRAMES_MAX) : -1,
                              on_stop_answer, NULL);
    }
    return code;
}

static recorder_code run_marker(recorder_socket_stream *t, const json_t *message,
                                recorder_error *error)
{
    recorder_bound at;
    const char *text = recorder_socket_string_of(message, "at");
    bool now = text[0] == '\0' || strcmp(text, "now") == 0;
    if (!now && recorder_text_bound(text, &at) < 0) {
        return recorder_fail(error, RECORDER_INVALID_ARGUMENT,
                             "at: now, f: and a frame, or a time with its zone");
    }
    return recorder_session_marker(t->session, now ? NULL : &at,
                                   recorder_socket_string_of(message, "label"), error);
}

recorder_code recorder_socket_run_on_publisher(recorder_socket *s, const char *type,
                                               const json_t *message, const json_t *req,
                                               recorder_error *error)
{
    recorder_socket_stream *t = recorder_socket_find(
        s, (uint16_t)json_integer_value(json_object_get(message, "stream_id")));
    recorder_code code;
    if (t == NULL || !t->publishes || t->session == NULL) {
        return recorder_fail(error, RECORDER_NOT_FOUND, "stream_id: of no publisher here");
    }
    bool sends = strcmp(type, "gap") == 0 || strcmp(type, "anchor") == 0;
    if (sends && t->session->take->start.source != RECORDER_SOURCE_NETWORK) {
        return recorder_fail(error, RECORDER_BAD_MESSAGE, "%s: of a publisher's source alone",
                             type);
    }
    if (strcmp(type, "stop") == 0) {
        return run_stop(t, message, req, error);
    }
    if (strcmp(type, "gap") == 0) {
        return run_gap(t, message, error);
    }
    if (strcmp(type, "anchor") == 0) {
        return run_anchor(t, message, error);
    }
    if (strcmp(type, "pause") == 0) {
        code = recorder_session_pause(t->session, error);
    } else if (strcmp(type, "resume") == 0) {
        code = recorder_session_resume(t->session, error);
    } else {
        code = run_marker(t, message, error);
    }
    if (code == RECORDER_OK) {
        json_t *json = recorder_socket_answer("done", req);
        recorder_socket_set_i64(json, "frame", t->session->take->frames);
        recorder_socket_send_json(s, json);
    }
    return code;
}
