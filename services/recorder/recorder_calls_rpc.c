/* The calls that do something. */
#include "recorder_ask_rpc_internal.h"

#include "recorder_begin.h"
#include "recorder_delete.h"
#include "recorder_feed.h"
#include "recorder_text.h"
#include "recorder_view.h"

#include <reflection/recorder/v1/recorder.rpc.h>
#include <string.h>

/* ---- recorders ---- */

void recorder_calls_open(recorder_ask *a, const ProtobufCMessage *request)
{
    const Recorder__V1__OpenRequest *m = (const Recorder__V1__OpenRequest *)request;
    const recorder_begin_ask open = {.caller = recorder_rpc_caller(a->call), .body = m->body};
    recorder_error error;
    recorder_host *host;
    char id[RECORDER_ID_TEXT];
    if (recorder_begin_open(a->rpc->service, &open, &host, &error) != RECORDER_OK) {
        recorder_ask_fail(a, &error);
        return;
    }
    rf_buf json;
    rf_buf_init(&json, 256);
    int err = rf_buf_printf(&json, "{\"id\":\"%s\"}", recorder_text_id(host->id, id));
    recorder_ask_json(a, &json, err);
    rf_buf_done(&json);
}

static void on_started(void *user, recorder_session *s, const recorder_error *error)
{
    if (error->code != RECORDER_OK) {
        recorder_ask_fail(user, error);
    } else {
        recorder_ask_view(user, s, recorder_view_started);
    }
}

void recorder_calls_start(recorder_ask *a, const ProtobufCMessage *request)
{
    const Recorder__V1__StartRequest *m = (const Recorder__V1__StartRequest *)request;
    recorder_error error;
    recorder_session *s;
    const recorder_begin_ask begin = {.caller = recorder_rpc_caller(a->call),
                                      .recorder_id = m->recorder_id,
                                      .body = m->body,
                                      .once = m->idempotency_key};
    if (recorder_begin(a->rpc->service, &begin, on_started, a, &s, &error) != RECORDER_OK) {
        recorder_ask_fail(a, &error);
        return;
    }
    if (s != NULL) {
        recorder_session_detach(s); /* its publisher is to attach */
    }
}

static void on_stopped(void *user, recorder_session *s, const recorder_error *error)
{
    if (error->code != RECORDER_OK) {
        recorder_ask_fail(user, error);
    } else {
        recorder_ask_view(user, s, recorder_view_segment);
    }
}

void recorder_calls_stop(recorder_ask *a, const ProtobufCMessage *request)
{
    recorder_session *s =
        recorder_ask_find(a, ((const Recorder__V1__StopRequest *)request)->session);
    if (s != NULL) {
        recorder_session_stop(s, -1, on_stopped, a);
    }
}

/* An open recorder is closed with its session stopped (section 3). */
static void on_closed(void *user, recorder_session *s, const recorder_error *error)
{
    if (error->code == RECORDER_NOT_RECORDING) {
        recorder_ask_view(user, s, recorder_view_started);
    } else {
        on_stopped(user, s, error);
    }
}

void recorder_calls_close(recorder_ask *a, const ProtobufCMessage *request)
{
    recorder_rpc *rpc = a->rpc;
    recorder_host *host =
        recorder_registry_host(rpc->service->registry, recorder_ask_tenant(a),
                               ((const Recorder__V1__CloseRequest *)request)->recorder_id);
    recorder_session *s = host != NULL ? recorder_begin_session(rpc->service, host) : NULL;
    if (host != NULL) {
        recorder_feed_cancel(rpc->service, host->session);
        recorder_registry_close_host(rpc->service->registry, host);
    }
    if (s != NULL && s->take->live.state <= RECORDER_FINALIZING) {
        recorder_session_stop(s, -1, on_closed, a);
        return;
    }
    rf_buf json;
    rf_buf_init(&json, 16);
    int err = rf_buf_append_str(&json, "{}");
    recorder_ask_json(a, &json, err);
    rf_buf_done(&json);
}

/* ---- calls on a session ---- */

void recorder_calls_pause(recorder_ask *a, const ProtobufCMessage *request)
{
    recorder_error error;
    recorder_session *s =
        recorder_ask_find(a, ((const Recorder__V1__PauseRequest *)request)->session);
    if (s == NULL) {
        return;
    }
    if (recorder_session_pause(s, &error) != RECORDER_OK) {
        recorder_ask_fail(a, &error);
    } else {
        recorder_ask_done(a, s);
    }
}

void recorder_calls_resume(recorder_ask *a, const ProtobufCMessage *request)
{
    recorder_error error;
    recorder_session *s =
        recorder_ask_find(a, ((const Recorder__V1__ResumeRequest *)request)->session);
    if (s == NULL) {
        return;
    }
    if (recorder_session_resume(s, &error) != RECORDER_OK) {
        recorder_ask_fail(a, &error);
    } else {
        recorder_ask_done(a, s);
    }
}

void recorder_calls_marker(recorder_ask *a, const ProtobufCMessage *request)
{
    const Recorder__V1__MarkerRequest *m = (const Recorder__V1__MarkerRequest *)request;
    recorder_error error;
    recorder_bound at;
    recorder_session *s = recorder_ask_find(a, m->session);
    if (s == NULL) {
        return;
    }
    bool now = m->at[0] == '\0' || strcmp(m->at, "now") == 0;
    recorder_code code = !now && recorder_text_bound(m->at, &at) < 0
                             ? recorder_fail(&error, RECORDER_INVALID_ARGUMENT,
                                             "at: now, f: and a frame, or a time with its zone")
                             : recorder_session_marker(s, now ? NULL : &at, m->label, &error);
    if (code != RECORDER_OK) {
        recorder_ask_fail(a, &error);
    } else {
        recorder_ask_done(a, s);
    }
}

void recorder_calls_clear(recorder_ask *a, const ProtobufCMessage *request)
{
    recorder_session *s =
        recorder_ask_find(a, ((const Recorder__V1__ClearFramesRequest *)request)->session);
    if (s != NULL) {
        recorder_session_clear(s);
        recorder_ask_done(a, s);
    }
}

static void on_deleted(void *user, recorder_session *s, const recorder_error *error)
{
    if (error->code != RECORDER_OK) {
        recorder_ask_fail(user, error);
    } else {
        recorder_ask_done(user, s);
    }
}

void recorder_calls_delete(recorder_ask *a, const ProtobufCMessage *request)
{
    const Recorder__V1__DeleteRequest *m = (const Recorder__V1__DeleteRequest *)request;
    recorder_error error;
    recorder_session *s = recorder_ask_find(a, m->session);
    if (s != NULL && recorder_delete(s, m->discard, on_deleted, a, &error) != RECORDER_OK) {
        recorder_ask_fail(a, &error);
    }
}
