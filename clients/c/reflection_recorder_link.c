/* The connection of a publisher: what comes over it, requests and their answers, and making it
 * again when it is lost. */
#include "reflection_recorder_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_MS 1000000
#define TRY_MS 2000      /* of one try to attach again */
#define WAIT_FIRST_MS 50 /* between tries, doubling */
#define WAIT_MAX_MS 2000
#define SILENCE_NS INT64_C(30000000000) /* without a byte, pings included: the server is lost */

/* ---- messages that come ---- */

/* Frames of one acknowledgement that are safe. */
static void take_ack(reflection_recorder *r, const json_t *message)
{
    int64_t durable = 0;
    if (json_integer_value(json_object_get(message, "stream_id")) == r->stream_id &&
        reflection_read_i64(message, "frames_durable", 0, r->published, &durable) &&
        durable > r->durable) {
        r->durable = durable;
        reflection_kept_drop(&r->kept, durable);
    }
}

/* The session has ended, whoever ended it. */
static void take_stopped(reflection_recorder *r, const json_t *message)
{
    json_decref(r->stopped);
    r->stopped = json_incref(json_object_get(message, "segment"));
    r->phase = r->phase == REFLECTION_PHASE_ACTIVE ? REFLECTION_PHASE_ENDED : r->phase;
    reflection_kept_done(&r->kept);
}

/* An error in answer to the start, long after it: the session has ended, and its store fails. */
static void take_error(reflection_recorder *r, const json_t *message)
{
    if (r->begun != 0 && r->begun != r->awaited &&
        json_integer_value(json_object_get(message, "req")) == r->begun &&
        r->phase == REFLECTION_PHASE_ACTIVE) {
        r->phase = REFLECTION_PHASE_ENDED;
        reflection_kept_done(&r->kept);
    }
}

static int take_message(reflection_recorder *r, const reflection_message *m)
{
    json_t *message =
        m->is_binary ? NULL : json_loadb(m->data, m->len, JSON_REJECT_DUPLICATES, NULL);
    const char *type = json_string_value(json_object_get(message, "type"));
    if (type == NULL) {
        json_decref(message);
        return reflection_break(&r->fault, -EPROTO, "a message of the server is no JSON object");
    }
    if (strcmp(type, "ack") == 0) {
        take_ack(r, message);
    } else if (strcmp(type, "stopped") == 0) {
        take_stopped(r, message);
    } else if (strcmp(type, "error") == 0) {
        take_error(r, message);
    }
    if (r->awaited != 0 && r->answer == NULL &&
        json_integer_value(json_object_get(message, "req")) == r->awaited) {
        r->answer = json_incref(message);
    }
    json_decref(message);
    return 1;
}

/* ---- the connection ---- */

void reflection_link_close(reflection_recorder *r)
{
    r->socket = reflection_socket_close(r->socket);
}

void reflection_link_forget(reflection_recorder *r)
{
    reflection_kept_done(&r->kept);
    json_decref(r->stopped);
    r->stopped = NULL;
    r->published = 0;
    r->durable = 0;
    r->paused = false;
}

static int open_socket(reflection_recorder *r, int64_t deadline_ns)
{
    reflection_jam_fault fault = {0};
    reflection_url url = r->url;
    const size_t len = strlen(url.path);
    reflection_copy(url.path + len, sizeof(url.path) - len, "/ws/recorder");
    int err = reflection_socket_open(&url, r->ca_file, r->key, deadline_ns, &r->socket, &fault);
    return err == 0 ? 0 : reflection_take_fault(&fault, &r->fault);
}

/* Notes that the connection is gone. */
static void lose(reflection_recorder *r)
{
    reflection_link_close(r);
    r->lost_at_ns = reflection_now_ns();
    r->next_try_ns = r->lost_at_ns;
    r->wait_ms = WAIT_FIRST_MS;
}

/* Waits for a message until the deadline: 1, 0, or -ECONNRESET with the connection given up. */
int reflection_link_receive(reflection_recorder *r, int64_t deadline_ns)
{
    reflection_message *m = NULL;
    const int64_t silent_ns = reflection_socket_heard_ns(r->socket) + SILENCE_NS;
    const bool is_near = silent_ns < deadline_ns;
    int n = reflection_socket_next(r->socket, is_near ? silent_ns : deadline_ns, &m);
    if (n == 0 && is_near &&
        reflection_now_ns() >= reflection_socket_heard_ns(r->socket) + SILENCE_NS) {
        n = -ECONNRESET;
    }
    if (n > 0) {
        n = take_message(r, m);
    }
    free(m);
    if (n < 0) {
        const int code = reflection_socket_close_code(r->socket);
        lose(r);
        reflection_break(&r->fault, -ECONNRESET, "the connection was lost (close code %d)", code);
        r->fault.close_code = code;
        return -ECONNRESET;
    }
    return n;
}

int reflection_link_open(reflection_recorder *r, int64_t deadline_ns)
{
    while (r->socket != NULL && reflection_link_receive(r, reflection_now_ns()) > 0) {
    }
    return r->socket != NULL ? 0 : open_socket(r, deadline_ns);
}

/* ---- messages that go ---- */

int reflection_link_send(reflection_recorder *r, const json_t *message)
{
    char *text = json_dumps(message, JSON_COMPACT);
    int err = text == NULL ? reflection_refuse(&r->fault, REFLECTION_RECORDER_INVALID_ARGUMENT,
                                               "a text is not UTF-8")
                           : reflection_socket_send(r->socket, text);
    free(text);
    return err;
}

/* Puts a message into the queue, when there is room: 0, -ETIMEDOUT, -ECONNRESET, -EINVAL. */
static int queue_json(reflection_recorder *r, const json_t *message, int64_t deadline_ns)
{
    int err = reflection_link_send(r, message);
    while (err == -EAGAIN) {
        int n = reflection_link_receive(r, deadline_ns);
        if (n <= 0) {
            return n < 0 ? n : reflection_break(&r->fault, -ETIMEDOUT, "no room to send in time");
        }
        err = reflection_link_send(r, message);
    }
    if (err == -EPIPE || err == -ECONNRESET) {
        while (r->socket != NULL && reflection_link_receive(r, reflection_now_ns()) > 0) {
        }
        err = -ECONNRESET;
    }
    return err;
}

/* Waits for the answer to the request: 0 with *ret, its error, -ETIMEDOUT, or -ECONNRESET. */
static int await_answer(reflection_recorder *r, int64_t deadline_ns, json_t **ret)
{
    int n = 1;
    while (n > 0 && r->answer == NULL) {
        n = reflection_link_receive(r, deadline_ns);
    }
    json_t *answer = r->answer;
    r->answer = NULL;
    if (answer == NULL) {
        return n < 0 ? n
                     : reflection_break(&r->fault, -ETIMEDOUT, "the server did not answer in time");
    }
    const char *type = json_string_value(json_object_get(answer, "type"));
    if (strcmp(type != NULL ? type : "", "error") == 0) {
        n = reflection_read_error(answer, 0, &r->fault);
        json_decref(answer);
        return n;
    }
    *ret = answer;
    return 0;
}

/* Sends a request and waits for its answer on this connection. */
int reflection_link_ask(reflection_recorder *r, json_t *message, int64_t deadline_ns, json_t **ret)
{
    r->awaited = ++r->n_requests;
    json_object_set_new(message, "req", json_integer((json_int_t)r->awaited));
    int err = queue_json(r, message, deadline_ns);
    err = err == 0 ? await_answer(r, deadline_ns, ret) : err;
    r->awaited = 0;
    return err;
}

/* Takes session, stream and window out of started or attached. */
static int take_begun(reflection_recorder *r, const json_t *answer, int64_t *ret_next_frame)
{
    int64_t id = 0;
    int64_t window = 0;
    if (!reflection_read_text(answer, "session", r->session, sizeof(r->session)) ||
        !reflection_read_text(answer, "key", r->session_key, sizeof(r->session_key)) ||
        !reflection_read_i64(answer, "stream_id", 0, UINT16_MAX, &id) ||
        !reflection_read_i64(answer, "window_frames", 1, INT64_MAX, &window) ||
        !reflection_read_i64(answer, "next_frame", 0, INT64_MAX, ret_next_frame)) {
        return reflection_break(&r->fault, -EPROTO, "the server did not say what has begun");
    }
    r->begun = r->n_requests;
    r->stream_id = (uint16_t)id;
    r->window_frames = window;
    return 0;
}

int reflection_link_start(reflection_recorder *r, json_t *body)
{
    const int64_t deadline_ns = reflection_deadline_ns(r->options.timeout_ms);
    json_t *answer = NULL;
    int64_t next_frame = 0;
    json_object_set_new(body, "type", json_string("start"));
    int err = reflection_link_open(r, deadline_ns);
    err = err == 0 ? reflection_link_ask(r, body, deadline_ns, &answer) : err;
    json_decref(body);
    if (err == 0) {
        reflection_link_forget(r);
        err = take_begun(r, answer, &next_frame);
    }
    json_decref(answer);
    return err;
}

/* ---- attaching again ---- */

static bool is_final(const reflection_recorder_fault *f)
{
    return f->code == REFLECTION_RECORDER_NOT_RECORDING ||
           f->code == REFLECTION_RECORDER_NOT_FOUND || f->code == REFLECTION_RECORDER_GONE ||
           f->err == -EACCES || f->err == -EKEYREJECTED;
}

static int try_attach(reflection_recorder *r)
{
    const int64_t deadline_ns = reflection_deadline_ns(TRY_MS);
    json_t *answer = NULL;
    int64_t next_frame = 0;
    int err = open_socket(r, deadline_ns);
    bool is_refused = err == 0;
    if (err == 0) {
        json_t *message = json_pack("{s:s, s:s}", "type", "attach", "session", r->session);
        err = reflection_link_ask(r, message, deadline_ns, &answer);
        json_decref(message);
    }
    err = err == 0 ? take_begun(r, answer, &next_frame) : err;
    json_decref(answer);
    if (err == 0) {
        r->durable = next_frame > r->durable ? next_frame : r->durable;
        reflection_kept_rewind(&r->kept, r->durable);
        return 0;
    }
    reflection_link_close(r);
    if (is_refused && is_final(&r->fault) && r->fault.err != -EACCES) {
        r->phase = REFLECTION_PHASE_ENDED; /* stop asks how */
    }
    return err;
}

/* Attaches again, if it is time: 0 when there is a connection, -EAGAIN when the next try is later,
 * or why there will be none. */
int reflection_link_attach(reflection_recorder *r)
{
    const int64_t now_ns = reflection_now_ns();
    if (r->socket != NULL || now_ns < r->next_try_ns) {
        return r->socket != NULL ? 0 : -EAGAIN;
    }
    const bool is_late =
        r->options.attach_ms < 0 || now_ns - r->lost_at_ns > r->options.attach_ms * NS_PER_MS;
    if (r->options.attach_ms >= 0 && try_attach(r) == 0) {
        return 0;
    }
    if (is_late || is_final(&r->fault)) {
        return is_final(&r->fault)
                   ? r->fault.err
                   : reflection_break(&r->fault, -ECONNRESET,
                                      "the connection was lost, and not made again");
    }
    r->next_try_ns = reflection_deadline_ns(r->wait_ms);
    r->wait_ms = r->wait_ms * 2 < WAIT_MAX_MS ? r->wait_ms * 2 : WAIT_MAX_MS;
    return -EAGAIN;
}
