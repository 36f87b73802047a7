#include "recorder_ask_rpc_internal.h"

#include "recorder_view.h"

#include <reflection/recorder/v1/recorder.rpc.h>

const char *recorder_ask_tenant(const recorder_ask *a)
{
    return rf_rpc_call_meta(a->call)->tenant;
}

void recorder_ask_end(recorder_ask *a)
{
    rf_rpc_message_free(a->request);
    free(a);
}

void recorder_ask_fail(recorder_ask *a, const recorder_error *error)
{
    rf_status st;
    recorder_error_status(error, &st);
    rf_rpc_fail(a->call, &st);
    recorder_ask_end(a);
}

void recorder_ask_json(recorder_ask *a, rf_buf *json, int err)
{
    Recorder__V1__Document document = RECORDER__V1__DOCUMENT__INIT;
    Rpc__V1__Json text = RPC__V1__JSON__INIT;
    rf_status st;
    if (err < 0) {
        (void)rf_status_from_errno(&st, err, "document");
        rf_rpc_fail(a->call, &st);
    } else {
        text.text = (char *)(uintptr_t)rf_buf_str(json);
        document.json = &text;
        rf_rpc_reply(a->call, &document.base, NULL);
    }
    recorder_ask_end(a);
}

void recorder_ask_view(recorder_ask *a, const recorder_session *s,
                       int (*view)(const recorder_session *s, rf_buf *out))
{
    rf_buf json;
    rf_buf_init(&json, RECORDER_VIEW_MAX);
    int err = view(s, &json);
    recorder_ask_json(a, &json, err);
    rf_buf_done(&json);
}

void recorder_ask_done(recorder_ask *a, const recorder_session *s)
{
    Recorder__V1__Done m = RECORDER__V1__DONE__INIT;
    m.frame = (uint64_t)s->take->frames;
    rf_rpc_reply(a->call, &m.base, NULL);
    recorder_ask_end(a);
}

recorder_session *recorder_ask_find(recorder_ask *a, const char *id)
{
    recorder_error error;
    recorder_session *s = NULL;
    if (recorder_registry_find(a->rpc->service->registry, recorder_ask_tenant(a), id, &s, &error) !=
        RECORDER_OK) {
        recorder_ask_fail(a, &error);
        return NULL;
    }
    return s;
}
