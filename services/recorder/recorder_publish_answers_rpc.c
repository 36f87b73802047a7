/* Recorder/Publish: what is said to a publisher. */
#include "recorder_publish_rpc_internal.h"

#include "recorder_text.h"
#include "recorder_view.h"
#include "rf_log.h"

#include <errno.h>
#include <reflection/recorder/v1/recorder.rpc.h>

void recorder_publish_rpc_send(recorder_publisher *p, const Recorder__V1__ToPublisher *m)
{
    if (p->call != NULL && rf_rpc_send(p->call, &m->base, NULL) == -EAGAIN) {
        RF_LOG_DEBUG("a publisher does not read"); /* the next ack says more */
    }
}

void recorder_publish_rpc_say_error(recorder_publisher *p, const recorder_error *error)
{
    Recorder__V1__ToPublisher m = RECORDER__V1__TO_PUBLISHER__INIT;
    Recorder__V1__PublishError e = RECORDER__V1__PUBLISH_ERROR__INIT;
    char text[RF_STATUS_MESSAGE_MAX];
    recorder_error_json(error, text, sizeof(text));
    e.code = (char *)(uintptr_t)recorder_code_name(error->code);
    e.detail = text;
    m.kind_case = RECORDER__V1__TO_PUBLISHER__KIND_ERROR;
    m.error = &e;
    recorder_publish_rpc_send(p, &m);
}

void recorder_publish_rpc_say_begun(recorder_publisher *p, bool attached, int64_t next_frame)
{
    Recorder__V1__ToPublisher m = RECORDER__V1__TO_PUBLISHER__INIT;
    Recorder__V1__PublishBegun b = RECORDER__V1__PUBLISH_BEGUN__INIT;
    char id[RECORDER_ID_TEXT];
    char key[RECORDER_KEY_SIZE];
    const recorder_take *take = p->session->take;
    recorder_take_key(take, key);
    b.session = recorder_text_id(take->start.id, id);
    b.key = key;
    b.next_frame = (uint64_t)next_frame;
    b.window_frames = (uint64_t)p->window_frames;
    b.started_at_ns = recorder_take_started_at(take);
    m.kind_case = attached ? RECORDER__V1__TO_PUBLISHER__KIND_ATTACHED
                           : RECORDER__V1__TO_PUBLISHER__KIND_STARTED;
    m.started = &b;
    recorder_publish_rpc_send(p, &m);
}

void recorder_publish_rpc_say_done(recorder_publisher *p)
{
    Recorder__V1__ToPublisher m = RECORDER__V1__TO_PUBLISHER__INIT;
    Recorder__V1__Done d = RECORDER__V1__DONE__INIT;
    d.frame = (uint64_t)p->session->take->frames;
    m.kind_case = RECORDER__V1__TO_PUBLISHER__KIND_DONE;
    m.done = &d;
    recorder_publish_rpc_send(p, &m);
}

void recorder_publish_rpc_say_ack(void *port, int64_t received, int64_t durable)
{
    recorder_publisher *p = port;
    Recorder__V1__ToPublisher m = RECORDER__V1__TO_PUBLISHER__INIT;
    Recorder__V1__PublishAck a = RECORDER__V1__PUBLISH_ACK__INIT;
    a.frames_received = (uint64_t)received;
    a.frames_durable = (uint64_t)durable;
    m.kind_case = RECORDER__V1__TO_PUBLISHER__KIND_ACK;
    m.ack = &a;
    if (p->ready) {
        recorder_publish_rpc_send(p, &m);
    }
}

void recorder_publish_rpc_say_stopped(recorder_publisher *p)
{
    Recorder__V1__ToPublisher m = RECORDER__V1__TO_PUBLISHER__INIT;
    Rpc__V1__Json text = RPC__V1__JSON__INIT;
    rf_buf json;
    rf_buf_init(&json, RECORDER_VIEW_MAX);
    if (recorder_view_segment(p->session, &json) == 0) {
        text.text = (char *)(uintptr_t)rf_buf_str(&json);
        m.kind_case = RECORDER__V1__TO_PUBLISHER__KIND_STOPPED;
        m.stopped = &text;
        recorder_publish_rpc_send(p, &m);
    }
    rf_buf_done(&json);
}
