/* Recorder/Publish: a program's network source. What the library says on its threads is posted to
 * the loop in order; the loop alone sends and ends. A message keeps its credit until it has been
 * taken, so that a publisher whose audio is not durable yet, or for which the disk is too slow,
 * stops by itself (S7). */
#include "recorder_publish_rpc_internal.h"

#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <reflection/recorder/v1/recorder.rpc.h>
#include <string.h>

/* ---- the end ---- */

static void free_event(recorder_publish_event *e)
{
    if (e->p->call != NULL && e->credit > 0) {
        rf_rpc_consumed(e->p->call, e->credit);
    }
    rf_rpc_message_free(e->m);
    free(e);
}

void recorder_publish_rpc_unref(void *user)
{
    recorder_publisher *p = user;
    if (--p->refs == 0) {
        free(p->tenant);
        free(p);
    }
}

static void forget(recorder_publisher *p)
{
    recorder_publisher **at = &p->rpc->publishers;
    while (*at != p) {
        at = &(*at)->next;
    }
    *at = p->next;
    p->rpc->service->n_calls--;
}

static void end(recorder_publisher *p)
{
    recorder_session *s = RF_STEAL(p->session);
    rf_rpc_call *call = RF_STEAL(p->call);
    if (call == NULL) {
        return;
    }
    if (s != NULL) {
        if (s->port_user == p && s->port != NULL) {
            recorder_session_detach(s);
        }
        recorder_session_unref(s);
    }
    while (p->first != NULL) {
        recorder_publish_event *e = p->first;
        p->first = e->next;
        free_event(e);
    }
    p->last = &p->first;
    forget(p);
    rf_rpc_end_settled(call, NULL);
    rf_loop_post(p->rpc->service->loop, recorder_publish_rpc_unref,
                 p); /* behind what was posted for it */
}

/* The last message, then the client's turn to close. */
void recorder_publish_rpc_stopped(recorder_publisher *p, const recorder_error *error)
{
    p->session->port = NULL;
    if (error != NULL) {
        recorder_publish_rpc_say_error(p, error);
    } else {
        recorder_publish_rpc_say_stopped(p);
    }
    p->stopped = true;
    if (p->closed) {
        end(p);
    }
}

/* ---- messages, in order ---- */

/* True when it is done with. */
static bool run_event(recorder_publish_event *e)
{
    recorder_publisher *p = e->p;
    recorder_error error;
    if (e->kind == RECORDER_PUBLISH_HALF_CLOSE) {
        p->closed = true;
        if (!p->stopping || p->stopped) {
            end(p);
        }
        return true;
    }
    int err = recorder_publish_rpc_run(p, e, &error);
    if (err == -EINVAL) {
        recorder_publish_rpc_say_error(p, &error);
    } else if (err < 0 && err != -ENOBUFS) {
        RF_LOG_ERROR("audio is not taken", RF_STR("why", strerror(-err)));
    }
    return err != -ENOBUFS;
}

static void run_waiting(void *user)
{
    recorder_publisher *p = user;
    p->resuming = false;
    while (p->call != NULL && p->first != NULL) {
        recorder_publish_event *e = p->first;
        p->first = e->next;
        p->last = p->first == NULL ? &p->first : p->last;
        if (!run_event(e)) {
            e->next = p->first;
            p->last = p->first == NULL ? &e->next : p->last;
            p->first = e;
            return;
        }
        free_event(e);
    }
}

static void deliver(void *user)
{
    recorder_publish_event *e = user;
    recorder_publisher *p = e->p;
    if (e->kind == RECORDER_PUBLISH_GONE) {
        end(p);
    } else if (p->call != NULL && (p->first != NULL || !run_event(e))) {
        e->next = NULL;
        *p->last = e;
        p->last = &e->next;
        return;
    }
    free_event(e);
}

/* ---- from the session ---- */

static void on_session_stopped(void *port)
{
    recorder_publish_rpc_stopped(port, NULL);
}

static void on_resume(void *port)
{
    recorder_publisher *p = port;
    if (p->first != NULL && !p->resuming) {
        p->resuming = true;
        rf_loop_post(p->rpc->service->loop, run_waiting, p);
    }
}

const recorder_port recorder_publish_rpc_port = {
    .ack = recorder_publish_rpc_say_ack, .resume = on_resume, .stopped = on_session_stopped};

/* ---- from the library: its threads ---- */

static void post(recorder_publisher *p, recorder_publish_event_kind kind,
                 Recorder__V1__FromPublisher *m, const rf_rpc_msg *msg)
{
    size_t len = msg != NULL ? msg->attachment_len : 0;
    recorder_publish_event *e = rf_alloc(sizeof(*e) + len);
    e->p = p;
    e->kind = kind;
    e->m = m;
    e->arrived_ns = rf_time_ns();
    e->credit = msg != NULL ? msg->len + len : 0;
    e->len = len;
    if (len > 0) {
        memcpy(e->data, msg->attachment, len);
    }
    rf_loop_post(p->rpc->service->loop, deliver, e);
}

static void on_message(rf_rpc_call *call, const rf_rpc_msg *msg, void *user)
{
    ProtobufCMessage *m = NULL;
    if (rf_rpc_unpack(&recorder__v1__from_publisher__descriptor, msg->data, msg->len, &m) == 0) {
        post(user, RECORDER_PUBLISH_MESSAGE, (Recorder__V1__FromPublisher *)m, msg);
    } else {
        rf_rpc_consumed(call, msg->len + msg->attachment_len);
    }
}

static void on_half_close(rf_rpc_call *call, void *user)
{
    (void)call;
    post(user, RECORDER_PUBLISH_HALF_CLOSE, NULL, NULL);
}

static void on_done(rf_rpc_call *call, const rf_status *status, void *user)
{
    (void)call;
    (void)status;
    post(user, RECORDER_PUBLISH_GONE, NULL, NULL);
}

static void enlist(void *user)
{
    recorder_publisher *p = user;
    p->next = p->rpc->publishers;
    p->rpc->publishers = p;
    p->rpc->service->n_calls++;
}

static void on_open(rf_rpc_call *call, void *user)
{
    static const rf_rpc_events events = {
        .message = on_message, .half_close = on_half_close, .done = on_done, .manual_credit = true};
    recorder_rpc *rpc = user;
    if (recorder_rpc_refuses(rpc, call)) {
        return;
    }
    recorder_publisher *p = RF_NEW(recorder_publisher);
    p->rpc = rpc;
    p->call = call;
    p->tenant = rf_strdup(rf_rpc_call_meta(call)->tenant);
    p->last = &p->first;
    p->refs = 1;
    rf_loop_post(rpc->service->loop, enlist, p);
    rf_rpc_call_listen(call, &events, p);
}

void recorder_publish_rpc_drain(recorder_rpc *rpc)
{
    recorder_error error;
    (void)recorder_fail(&error, RECORDER_NOT_INITIALISED, "the server restarts, attach again");
    for (recorder_publisher *p = rpc->publishers; p != NULL; p = p->next) {
        recorder_publish_rpc_say_error(p, &error);
    }
}

void recorder_publish_rpc_register(recorder_rpc *rpc)
{
    rf_rpc_server_handle_stream(rpc->server, &recorder_v1_recorder, RECORDER_V1_RECORDER_PUBLISH,
                                on_open, rpc);
}
