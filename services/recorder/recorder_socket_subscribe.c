#include "recorder_socket_internal.h"

#include "recorder_frame.h"
#include "recorder_listen.h"
#include "recorder_meta.h"

#include <string.h>

/* ---- threads of the pool ---- */

static int send_subscribed(void *user, int64_t first_frame)
{
    recorder_socket_stream *t = user;
    (void)first_frame; /* told by the answer */
    pthread_mutex_lock(&t->lock);
    recorder_socket_send_text(t->socket, "subscribed", t->subscribed);
    size_t i;
    json_t *event;
    json_array_foreach(t->early, i, event)
    {
        char *text = json_dumps(event, JSON_COMPACT);
        recorder_socket_send_text(t->socket, "event", text);
        free(text);
    }
    free(t->subscribed);
    t->subscribed = NULL;
    pthread_mutex_unlock(&t->lock);
    return 0;
}

static int send_piece(void *user, const recorder_stream_piece *piece)
{
    const recorder_socket_stream *t = user;
    uint8_t head[RECORDER_FRAME_HEAD];
    const recorder_frame frame = {.type = RECORDER_FRAME_SUBSCRIBE,
                                  .flags = piece->end ? RECORDER_FRAME_LAST : 0,
                                  .stream_id = t->id,
                                  .n_frames = (uint32_t)piece->n_frames,
                                  .first_frame = (uint64_t)piece->first_frame};
    recorder_frame_pack(&frame, head);
    recorder_metrics *metrics = t->socket->service->metrics;
    int err = t->socket->port->binary(t->socket->user, head, piece->data, piece->len);
    if (err == 0) {
        recorder_metrics_message(metrics, "audio");
    }
    if (err == 0 && piece->n_dropped > 0) {
        rf_metric_add(metrics->dropped_frames, piece->n_dropped);
        json_t *json = recorder_socket_answer("lag", NULL);
        recorder_socket_set_i64(json, "stream_id", t->id);
        recorder_socket_set_i64(json, "first_frame", piece->dropped_first);
        recorder_socket_set_i64(json, "count", piece->n_dropped);
        char *text = json_dumps(json, JSON_COMPACT);
        recorder_socket_send_text(t->socket, "lag", text);
        free(text);
        json_decref(json);
    }
    return err;
}

/* ---- the loop ---- */

static void on_end(void *user, const recorder_error *error)
{
    recorder_socket_stream *t = user;
    if (error->code != RECORDER_OK && !t->quiet) {
        recorder_socket_send_error(t->socket, t->req, error);
    }
    json_t *json = recorder_socket_answer(t->quiet ? "done" : "end", t->quiet ? t->req : NULL);
    recorder_socket_set_i64(json, "stream_id", t->id);
    recorder_socket_set_i64(json, "last_frame", t->session->take->frames);
    json_object_set_new(json, "state",
                        json_string(recorder_state_name(t->session->take->live.state)));
    recorder_socket_send_json(t->socket, json);
    recorder_socket_drop(t);
}

static const recorder_outlet outlet = {send_subscribed, send_piece, on_end};

static recorder_code read_count(const json_t *message, const char *name, uint32_t *ret,
                                recorder_error *error)
{
    const json_t *value = json_object_get(message, name);
    if (value == NULL || json_is_null(value)) {
        return RECORDER_OK;
    }
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > UINT32_MAX) {
        return recorder_fail(error, RECORDER_INVALID_ARGUMENT, "%s: a whole number", name);
    }
    *ret = (uint32_t)json_integer_value(value);
    return RECORDER_OK;
}

static recorder_code read_listen(const json_t *message, recorder_listen *ret, recorder_error *error)
{
    *ret = (recorder_listen){.output = {.flac_level = -1}};
    recorder_output *output = &ret->output;
    recorder_code code =
        recorder_listen_from(recorder_socket_string_of(message, "from"), ret, error);
    code = code == RECORDER_OK
               ? recorder_listen_format(recorder_socket_string_of(message, "format"), output, error)
               : code;
    code = code == RECORDER_OK ? read_count(message, "rate", &output->rate_hz, error) : code;
    code = code == RECORDER_OK ? read_count(message, "channels", &output->n_channels, error) : code;
    code =
        code == RECORDER_OK ? read_count(message, "chunk_size", &ret->chunk_frames, error) : code;
    return code == RECORDER_OK
               ? recorder_listen_ways(recorder_socket_string_of(message, "lag_policy"),
                                      recorder_socket_string_of(message, "framing"), ret, error)
               : code;
}

static int64_t first_of(const recorder_listen *listen, const recorder_session *session)
{
    return listen->from == RECORDER_FROM_NOW     ? session->readable
           : listen->from == RECORDER_FROM_FRAME ? listen->frame
                                                 : 0;
}

recorder_code recorder_socket_run_subscribe(recorder_socket *s, json_t *message, const json_t *req,
                                            recorder_error *error)
{
    recorder_session *session;
    recorder_listen listen;
    recorder_code code =
        recorder_registry_find(s->service->registry, s->tenant,
                               recorder_socket_string_of(message, "session"), &session, error);
    code = code == RECORDER_OK ? read_listen(message, &listen, error) : code;
    if (code != RECORDER_OK) {
        return code;
    }
    recorder_socket_stream *t = recorder_socket_add(s, false, req);
    recorder_socket_hold(t, session);
    json_t *json = recorder_socket_answer("subscribed", req);
    recorder_socket_set_i64(json, "stream_id", t->id);
    recorder_socket_set_i64(json, "first_frame", first_of(&listen, session));
    json_object_set_new(json, "time_map", recorder_meta_map(&session->take->map));
    t->subscribed = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    code = recorder_streams_open(session, &listen, &outlet, t, &t->consumer, error);
    if (code != RECORDER_OK) {
        recorder_socket_drop(t);
        return code;
    }
    recorder_socket_watch(t, json_is_true(json_object_get(message, "levels")));
    return code;
}

recorder_code recorder_socket_run_unsubscribe(recorder_socket *s, json_t *message,
                                              const json_t *req, recorder_error *error)
{
    recorder_socket_stream *t = recorder_socket_find(
        s, (uint16_t)json_integer_value(json_object_get(message, "stream_id")));
    if (t == NULL || t->publishes) {
        return recorder_fail(error, RECORDER_NOT_FOUND, "stream_id: of no subscriber here");
    }
    json_decref(t->req);
    t->req = json_incref((json_t *)(uintptr_t)req);
    t->quiet = true;
    recorder_consumer_cancel(t->consumer);
    return RECORDER_OK;
}
