/* The calls about documents: sessions, devices, notes. */
#include "recorder_ask_rpc_internal.h"

#include "recorder_asyncapi.h"
#include "recorder_notes.h"
#include "recorder_view.h"
#include "rf_log.h"

#include <reflection/recorder/v1/recorder.rpc.h>
#include <string.h>

/* ---- sessions ---- */

void recorder_reads_async_api(recorder_ask *a, const ProtobufCMessage *request)
{
    rf_buf json;
    (void)request;
    rf_buf_init(&json, RECORDER_VIEW_MAX);
    int err = recorder_asyncapi_write(&json);
    recorder_ask_json(a, &json, err);
    rf_buf_done(&json);
}

void recorder_reads_get(recorder_ask *a, const ProtobufCMessage *request)
{
    recorder_session *s =
        recorder_ask_find(a, ((const Recorder__V1__GetRequest *)request)->session);
    if (s != NULL) {
        recorder_ask_view(a, s, recorder_view_session);
    }
}

void recorder_reads_list(recorder_ask *a, const ProtobufCMessage *request)
{
    const Recorder__V1__ListRequest *m = (const Recorder__V1__ListRequest *)request;
    const recorder_list_ask list = {.state = m->state,
                                    .from = m->from,
                                    .to = m->to,
                                    .prefix = m->prefix,
                                    .page_size = m->page_size,
                                    .cursor = m->cursor};
    recorder_error error;
    rf_buf json;
    rf_buf_init(&json, RECORDER_VIEW_MAX);
    if (recorder_view_list(a->rpc->service, recorder_ask_tenant(a), &list, &json, &error) !=
        RECORDER_OK) {
        recorder_ask_fail(a, &error);
    } else {
        recorder_ask_json(a, &json, 0);
    }
    rf_buf_done(&json);
}

/* ---- devices ---- */

static void on_devices(void *user, int err, const recorder_device_info *items, size_t n)
{
    rf_buf json;
    rf_buf_init(&json, RECORDER_VIEW_MAX);
    if (err < 0) {
        RF_LOG_WARN("no devices can be listed", RF_STR("why", strerror(-err)));
    }
    err = recorder_view_devices(items, n, &json);
    recorder_ask_json(user, &json, err);
    rf_buf_done(&json);
}

void recorder_reads_devices(recorder_ask *a, const ProtobufCMessage *request)
{
    recorder_error error;
    const recorder_caller caller = recorder_rpc_caller(a->call);
    (void)request;
    if (recorder_access_devices(&caller, &error) != RECORDER_OK) {
        recorder_ask_fail(a, &error);
    } else {
        recorder_devices_list(a->rpc->service->devices, on_devices, a);
    }
}

/* ---- notes ---- */

static void on_notes_put(void *user, rf_buf *json, const recorder_error *error)
{
    recorder_ask *a = user;
    Recorder__V1__Done m = RECORDER__V1__DONE__INIT;
    (void)json;
    if (error->code != RECORDER_OK) {
        recorder_ask_fail(a, error);
        return;
    }
    rf_rpc_reply(a->call, &m.base, NULL);
    recorder_ask_end(a);
}

void recorder_reads_put_notes(recorder_ask *a, const ProtobufCMessage *request)
{
    const Recorder__V1__PutNotesRequest *m = (const Recorder__V1__PutNotesRequest *)request;
    recorder_session *s = recorder_ask_find(a, m->session);
    if (s != NULL) {
        recorder_notes_put(s, m->json != NULL ? m->json->text : "", on_notes_put, a);
    }
}

static void on_notes_got(void *user, rf_buf *json, const recorder_error *error)
{
    if (error->code != RECORDER_OK) {
        recorder_ask_fail(user, error);
    } else {
        recorder_ask_json(user, json, 0);
    }
}

void recorder_reads_get_notes(recorder_ask *a, const ProtobufCMessage *request)
{
    recorder_session *s =
        recorder_ask_find(a, ((const Recorder__V1__GetNotesRequest *)request)->session);
    if (s != NULL) {
        recorder_notes_get(s, on_notes_got, a);
    }
}
