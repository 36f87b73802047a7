#include "recorder_socket_internal.h"

#include "recorder_frame.h"
#include "recorder_request.h"
#include "rf_time.h"

#include <errno.h>
#include <string.h>

#define WINDOW_S 10
#define WINDOW_BYTES (INT64_C(4) << 20)

/* ---- sending ---- */

void recorder_socket_send_text(const recorder_socket *s, const char *type, const char *text)
{
    recorder_metrics_message(s->service->metrics, type);
    s->port->text(s->user, text, strlen(text));
}

void recorder_socket_send_json(recorder_socket *s, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);
    if (!s->gone) {
        recorder_socket_send_text(s, recorder_socket_string_of(json, "type"), text);
    }
    free(text);
    json_decref(json);
}

json_t *recorder_socket_answer(const char *type, const json_t *req)
{
    json_t *json = json_pack("{s:s}", "type", type);
    if (req != NULL) {
        json_object_set(json, "req", (json_t *)(uintptr_t)req);
    }
    return json;
}

void recorder_socket_set_i64(json_t *json, const char *name, int64_t value)
{
    json_object_set_new(json, name, json_integer((json_int_t)value));
}

void recorder_socket_send_error(recorder_socket *s, const json_t *req, const recorder_error *error)
{
    char text[RF_STATUS_MESSAGE_MAX];
    json_t *json = recorder_socket_answer("error", req);
    recorder_error_json(error, text, sizeof(text));
    json_t *detail = json_loads(text, 0, NULL);
    if (detail != NULL) {
        json_object_update(json, detail);
        json_decref(detail);
    }
    recorder_socket_send_json(s, json);
}

/* ---- streams ---- */

void recorder_socket_release(recorder_socket *s)
{
    if (--s->refs == 0) {
        s->port->released(s->user);
        free(s->tenant);
        free(s->scopes);
        free(s);
    }
}

recorder_socket_stream *recorder_socket_find(const recorder_socket *s, uint16_t id)
{
    recorder_socket_stream *t = s->streams;
    while (t != NULL && t->id != id) {
        t = t->next;
    }
    return t;
}

static void count_stream(const recorder_socket_stream *t, int n)
{
    const recorder_metrics *m = t->socket->service->metrics;
    rf_metric_add(t->publishes ? m->ws_publishers : m->ws_subscribers, n);
}

recorder_socket_stream *recorder_socket_add(recorder_socket *s, bool publishes, const json_t *req)
{
    recorder_socket_stream *t = RF_NEW(recorder_socket_stream);
    do {
        s->last_id++;
    } while (s->last_id == 0 || recorder_socket_find(s, s->last_id) != NULL);
    t->id = s->last_id;
    t->socket = s;
    t->publishes = publishes;
    pthread_mutex_init(&t->lock, NULL);
    t->req = json_incref((json_t *)(uintptr_t)req);
    t->next = s->streams;
    s->streams = t;
    s->n_streams++;
    count_stream(t, 1);
    s->refs++;
    return t;
}

void recorder_socket_hold(recorder_socket_stream *t, recorder_session *session)
{
    const recorder_start *start = &session->take->start;
    t->session = session;
    t->sent = recorder_request_sent(start);
    t->window_frames =
        RF_MIN((int64_t)start->rate_hz * WINDOW_S, WINDOW_BYTES / (int64_t)session->frame_bytes);
    recorder_session_ref(session);
}

static void tell_event(void *user, const json_t *event)
{
    recorder_socket_stream *t = user;
    json_t *json = json_copy((json_t *)(uintptr_t)event);
    recorder_socket_set_i64(json, "stream_id", t->id);
    pthread_mutex_lock(&t->lock);
    if (t->subscribed == NULL) {
        recorder_socket_send_json(t->socket, json);
    } else {
        t->early = t->early != NULL ? t->early : json_array();
        json_array_append_new(t->early, json);
    }
    pthread_mutex_unlock(&t->lock);
}

void recorder_socket_watch(recorder_socket_stream *t, bool levels)
{
    t->watcher = (recorder_watcher){.tell = tell_event, .user = t, .levels = levels};
    recorder_notice_watch(t->session, &t->watcher);
}

void recorder_socket_drop(recorder_socket_stream *t)
{
    recorder_socket *s = t->socket;
    recorder_socket_stream **at = &s->streams;
    while (*at != t) {
        at = &(*at)->next;
    }
    *at = t->next;
    s->n_streams--;
    count_stream(t, -1);
    if (t->session != NULL) {
        recorder_notice_unwatch(t->session, &t->watcher);
        if (t->publishes && t->session->port != NULL && t->session->port_user == t) {
            recorder_session_detach(t->session);
        }
        recorder_session_unref(t->session);
    }
    json_decref(t->req);
    json_decref(t->early);
    pthread_mutex_destroy(&t->lock);
    free(t->subscribed);
    free(t);
    recorder_socket_release(s);
}

/* ---- messages ---- */

const char *recorder_socket_string_of(const json_t *message, const char *name)
{
    const char *text = json_string_value(json_object_get(message, name));
    return text != NULL ? text : "";
}

static recorder_code run_time(recorder_socket *s, json_t *message, const json_t *req,
                              recorder_error *error)
{
    json_t *json = recorder_socket_answer("time", req);
    int64_t now_ns = rf_time_ns() + recorder_utc_offset_ns();
    (void)error;
    recorder_socket_set_i64(json, "t0", json_integer_value(json_object_get(message, "t0")));
    recorder_socket_set_i64(json, "t1", now_ns);
    recorder_socket_set_i64(json, "t2", now_ns);
    recorder_socket_send_json(s, json);
    return RECORDER_OK;
}

static const struct {
    const char *type;
    bool adds; /* a stream, of which a connection has a limit */
    recorder_code (*run)(recorder_socket *s, json_t *message, const json_t *req,
                         recorder_error *error); /* NULL: on a publisher */
} kinds[] = {
    {"start", true, recorder_socket_run_start},
    {"attach", true, recorder_socket_run_attach},
    {"subscribe", true, recorder_socket_run_subscribe},
    {"unsubscribe", false, recorder_socket_run_unsubscribe},
    {"time", false, run_time},
    {"stop", false, NULL},
    {"pause", false, NULL},
    {"resume", false, NULL},
    {"marker", false, NULL},
    {"gap", false, NULL},
    {"anchor", false, NULL},
};

static recorder_code run_kind(recorder_socket *s, size_t i, json_t *message, recorder_error *error)
{
    const json_t *req = json_object_get(message, "req");
    if (kinds[i].adds && s->n_streams >= RECORDER_SOCKET_STREAMS_MAX) {
        return recorder_fail(error, RECORDER_TOO_MANY_CONSUMERS, "at most %d on a connection",
                             RECORDER_SOCKET_STREAMS_MAX);
    }
    return kinds[i].run != NULL
               ? kinds[i].run(s, message, req, error)
               : recorder_socket_run_on_publisher(s, kinds[i].type, message, req, error);
}

static recorder_code run_message(recorder_socket *s, json_t *message, recorder_error *error)
{
    const char *type = recorder_socket_string_of(message, "type");
    recorder_metrics_message(s->service->metrics, type);
    for (size_t i = 0; i < RF_ARRAY_LEN(kinds); i++) {
        if (strcmp(kinds[i].type, type) == 0) {
            return run_kind(s, i, message, error);
        }
    }
    return recorder_fail(error, RECORDER_BAD_MESSAGE, "type: there is no %.40s", type);
}

void recorder_socket_text(recorder_socket *s, const char *text, size_t len)
{
    recorder_error error;
    if (len > RECORDER_SOCKET_TEXT_MAX) {
        s->port->close(s->user, 1009, "a control message has at most 16 KiB");
        return;
    }
    json_t *message = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(message)) {
        (void)recorder_fail(&error, RECORDER_BAD_MESSAGE, "a JSON object");
        recorder_socket_send_error(s, NULL, &error);
    } else if (run_message(s, message, &error) != RECORDER_OK) {
        recorder_socket_send_error(s, json_object_get(message, "req"), &error);
    }
    json_decref(message);
}

/* Whether it is the audio of a publisher, whole frames of it. */
static bool fits(const recorder_socket_stream *t, const recorder_frame *frame)
{
    if (!t->publishes || t->session == NULL ||
        t->session->take->start.source != RECORDER_SOURCE_NETWORK) {
        return false;
    }
    size_t bytes = recorder_sample_size(t->sent) * t->session->take->start.channels;
    return (uint64_t)frame->n_frames * bytes == frame->len;
}

static int take_audio(recorder_socket_stream *t, const recorder_frame *frame, int64_t arrived_ns,
                      recorder_error *error)
{
    recorder_session *session = t->session;
    const recorder_start *start = &session->take->start;
    size_t values = (size_t)frame->n_frames * start->channels;
    RF_CLEANUP(rf_cleanup_free) int16_t *wide = NULL;
    const void *data = frame->payload;
    if (session->take->frames - session->durable >= t->window_frames) {
        return -ENOBUFS;
    }
    if (t->sent != start->sample_format) {
        wide = RF_NEW_ARRAY(int16_t, values + 1);
        recorder_sample_widen(t->sent, frame->payload, values, wide);
        data = wide;
    }
    return recorder_session_audio(session, frame->first_frame, frame->n_frames, data, arrived_ns,
                                  error);
}

int recorder_socket_binary(recorder_socket *s, const void *data, size_t len, int64_t arrived_ns)
{
    recorder_frame frame;
    recorder_error error;
    int err = recorder_frame_parse(data, len, &frame);
    recorder_metrics_message(s->service->metrics, "audio");
    recorder_socket_stream *t = err == 0 ? recorder_socket_find(s, frame.stream_id) : NULL;
    if (err == -EMSGSIZE) {
        s->port->close(s->user, 1009, "a message has at most 64 KiB");
        return 0;
    }
    if (err < 0 || (t != NULL && !fits(t, &frame))) {
        s->port->close(s->user, 1007, "BAD_MESSAGE");
        return 0;
    }
    err = t != NULL ? take_audio(t, &frame, arrived_ns, &error) : 0; /* of one that has ended */
    if (err == -EINVAL) {
        recorder_socket_send_error(s, NULL, &error);
    }
    return err == -ENOBUFS ? err : 0;
}

/* ---- life ---- */

recorder_socket *recorder_socket_open(recorder_service *service, const recorder_socket_port *port,
                                      void *user, const recorder_caller *caller)
{
    recorder_socket *s = RF_NEW(recorder_socket);
    *s = (recorder_socket){.service = service,
                           .port = port,
                           .user = user,
                           .tenant = rf_strdup(caller->tenant),
                           .scopes = rf_strdup(caller->scopes),
                           .refs = 1};
    service->n_calls++;
    s->next = service->sockets;
    s->at = &service->sockets;
    service->sockets = s;
    if (s->next != NULL) {
        s->next->at = &s->next;
    }
    return s;
}

void recorder_socket_room(recorder_socket *s)
{
    for (recorder_socket_stream *t = s->streams; t != NULL; t = t->next) {
        if (t->consumer != NULL) {
            recorder_consumer_resume(t->consumer);
        }
    }
}

void recorder_socket_gone(recorder_socket *s)
{
    recorder_socket_stream *next;
    s->gone = true;
    s->service->n_calls--;
    *s->at = s->next;
    if (s->next != NULL) {
        s->next->at = s->at;
    }
    for (recorder_socket_stream *t = s->streams; t != NULL; t = next) {
        next = t->next;
        if (t->consumer != NULL) {
            t->quiet = true;
            recorder_consumer_cancel(t->consumer); /* ends by itself */
        } else {
            recorder_socket_drop(t);
        }
    }
    recorder_socket_release(s);
}

void recorder_socket_drain(recorder_service *service)
{
    for (recorder_socket *s = service->sockets; s != NULL; s = s->next) {
        s->port->close(s->user, 1012, "the server restarts");
    }
}
