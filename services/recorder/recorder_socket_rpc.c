/* Recorder/Socket: a recorder_socket for each call. What the library says on its threads is posted
 * to the loop in order; a message keeps its credit until it has been taken. What is sent waits for
 * the client: the gateway says how many frames the kernel has taken. */
#include "recorder_rpc_internal.h"

#include "recorder_frame.h"
#include "recorder_socket.h"
#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <pthread.h>
#include <reflection/recorder/v1/recorder.rpc.h>
#include <reflection/socket/v1/socket.pb-c.h>
#include <string.h>

#define FLIGHT_MAX 64 /* binary frames sent and not taken */

typedef struct event event;

typedef struct wire {
    recorder_rpc *rpc;
    recorder_socket *socket; /* NULL before Opened */
    char *tenant;
    char *scopes;
    event *first; /* that wait for room */
    event **last;
    bool resuming;
    bool over; /* the client is gone */
    int refs;  /* the call, and the socket */

    pthread_mutex_t lock; /* below */
    rf_rpc_call *call;    /* NULL once it is answered */
    uint64_t sent;        /* frames */
    uint64_t taken;
} wire;

/* Something the library said. */
struct event {
    event *next;
    wire *w;
    enum { OPENED, TEXT, BINARY, TAKEN, WRITABLE, STUCK, GONE } kind;
    uint64_t n_frames; /* TAKEN */
    int64_t arrived_ns;
    size_t credit;
    size_t len;
    char data[];
};

/* ---- towards the client: any thread ---- */

static int send_message(wire *w, const Socket__V1__ToClient *m, const rf_rpc_attachment *attachment,
                        bool limited)
{
    pthread_mutex_lock(&w->lock);
    int err = -ECANCELED;
    if (w->call != NULL) {
        err = limited && w->sent - w->taken >= FLIGHT_MAX
                  ? -EAGAIN
                  : rf_rpc_send(w->call, &m->base, attachment);
        w->sent += err == 0;
    }
    pthread_mutex_unlock(&w->lock);
    return err;
}

static void post(wire *w, const event *head, const void *data, size_t len);

/* A client that does not read what it is told would wait for it in vain: it is sent away. */
static void send_text(void *user, const char *json, size_t len)
{
    Socket__V1__ToClient m = SOCKET__V1__TO_CLIENT__INIT;
    Socket__V1__Frame f = SOCKET__V1__FRAME__INIT;
    const rf_rpc_attachment attachment = {.data = json, .len = len};
    m.kind_case = SOCKET__V1__TO_CLIENT__KIND_FRAME;
    m.frame = &f;
    if (send_message(user, &m, &attachment, false) == -EAGAIN) {
        post(user, &(event){.kind = STUCK}, NULL, 0);
    }
}

static int send_binary(void *user, const uint8_t *head, const void *data, size_t len)
{
    Socket__V1__ToClient m = SOCKET__V1__TO_CLIENT__INIT;
    Socket__V1__Frame f = SOCKET__V1__FRAME__INIT;
    const rf_rpc_attachment attachment = {.data = data, .len = len};
    f.binary = true;
    f.before =
        (ProtobufCBinaryData){.len = RECORDER_FRAME_HEAD, .data = (uint8_t *)(uintptr_t)head};
    m.kind_case = SOCKET__V1__TO_CLIENT__KIND_FRAME;
    m.frame = &f;
    return send_message(user, &m, len > 0 ? &attachment : NULL, true);
}

static void send_close(void *user, uint32_t code, const char *reason)
{
    Socket__V1__ToClient m = SOCKET__V1__TO_CLIENT__INIT;
    Socket__V1__Close c = SOCKET__V1__CLOSE__INIT;
    c.code = code;
    c.reason = (char *)(uintptr_t)reason;
    m.kind_case = SOCKET__V1__TO_CLIENT__KIND_CLOSE;
    m.close = &c;
    (void)send_message(user, &m, NULL, false); /* of a lost call the loop hears anyway */
}

/* ---- life: the loop ---- */

static void release(void *user)
{
    wire *w = user;
    if (--w->refs == 0) {
        pthread_mutex_destroy(&w->lock);
        free(w->tenant);
        free(w->scopes);
        free(w);
    }
}

static void on_released(void *user)
{
    release(user);
}

static void free_event(event *e)
{
    wire *w = e->w;
    pthread_mutex_lock(&w->lock);
    if (w->call != NULL && e->credit > 0) {
        rf_rpc_consumed(w->call, e->credit);
    }
    pthread_mutex_unlock(&w->lock);
    free(e);
}

static void end(wire *w, const rf_status *status)
{
    pthread_mutex_lock(&w->lock);
    rf_rpc_call *call = RF_STEAL(w->call);
    pthread_mutex_unlock(&w->lock);
    w->over = true;
    if (w->socket != NULL) {
        recorder_socket_gone(RF_STEAL(w->socket));
    }
    while (w->first != NULL) {
        event *e = w->first;
        w->first = e->next;
        free_event(e);
    }
    w->last = &w->first;
    rf_rpc_end_settled(call, status);
    rf_loop_post(w->rpc->service->loop, release, w); /* behind what was posted for it */
}

/* ---- from the client: the loop ---- */

static void run_waiting(void *user);

static void on_resume(void *user)
{
    wire *w = user;
    if (w->first != NULL && !w->resuming) {
        w->resuming = true;
        rf_loop_post(w->rpc->service->loop, run_waiting, w);
    }
}

static const recorder_socket_port port = {send_text, send_binary, send_close, on_resume,
                                          on_released};

static void note_taken(wire *w, uint64_t n_frames)
{
    pthread_mutex_lock(&w->lock);
    w->taken = n_frames;
    pthread_mutex_unlock(&w->lock);
    recorder_socket_room(w->socket);
}

/* True when it is done with. */
static bool run_event(event *e)
{
    wire *w = e->w;
    if (e->kind == OPENED && w->socket == NULL) {
        w->refs++;
        const recorder_caller caller = {.tenant = w->tenant, .scopes = w->scopes};
        w->socket = recorder_socket_open(w->rpc->service, &port, w, &caller);
        if (w->rpc->service->draining) {
            send_close(w, 1012, "the server restarts");
        }
    } else if (w->socket == NULL) {
        RF_LOG_DEBUG("message on no socket");
    } else if (e->kind == TEXT) {
        recorder_socket_text(w->socket, e->data, e->len);
    } else if (e->kind == BINARY) {
        return recorder_socket_binary(w->socket, e->data, e->len, e->arrived_ns) != -ENOBUFS;
    }
    return true;
}

static void run_waiting(void *user)
{
    wire *w = user;
    w->resuming = false;
    while (!w->over && w->first != NULL) {
        event *e = w->first;
        if (!run_event(e)) {
            return;
        }
        w->first = e->next;
        w->last = w->first == NULL ? &w->first : w->last;
        free_event(e);
    }
}

/* The client is gone, or is sent away. */
static void leave(wire *w, bool stuck)
{
    rf_status st = RF_STATUS_OK;
    if (w->over) {
        return;
    }
    if (stuck) {
        RF_LOG_WARN("a client of a socket does not read");
        (void)rf_status_set(&st, RF_RESOURCE_EXHAUSTED, "the client does not read");
    }
    end(w, &st);
}

static void deliver(void *user)
{
    event *e = user;
    wire *w = e->w;
    if (e->kind == GONE || e->kind == STUCK) {
        leave(w, e->kind == STUCK);
    } else if (w->over) {
        RF_LOG_DEBUG("message of a client that is gone");
    } else if (e->kind == TAKEN || e->kind == WRITABLE) { /* overtake what waits */
        if (w->socket != NULL && e->kind == TAKEN) {
            note_taken(w, e->n_frames);
        } else if (w->socket != NULL) {
            recorder_socket_room(w->socket);
        }
    } else if (w->first != NULL || !run_event(e)) {
        e->next = NULL;
        *w->last = e;
        w->last = &e->next;
        return;
    }
    free_event(e);
}

/* ---- from the library: its threads ---- */

static void post(wire *w, const event *head, const void *data, size_t len)
{
    event *e = rf_alloc(sizeof(*e) + len + 1);
    *e = *head;
    e->w = w;
    e->arrived_ns = rf_time_ns();
    e->len = len;
    if (len > 0) {
        memcpy(e->data, data, len);
    }
    rf_loop_post(w->rpc->service->loop, deliver, e);
}

static void post_message(wire *w, const Socket__V1__FromClient *m, const rf_rpc_msg *msg)
{
    const size_t credit = msg->len + msg->attachment_len;
    event head = {.kind = WRITABLE, .credit = credit};
    switch (m->kind_case) {
    case SOCKET__V1__FROM_CLIENT__KIND_OPENED:
        head.kind = OPENED;
        post(w, &head, NULL, 0);
        break;
    case SOCKET__V1__FROM_CLIENT__KIND_TEXT:
        head.kind = TEXT;
        post(w, &head, msg->attachment, msg->attachment_len);
        break;
    case SOCKET__V1__FROM_CLIENT__KIND_BINARY:
        head.kind = BINARY;
        post(w, &head, msg->attachment, msg->attachment_len);
        break;
    case SOCKET__V1__FROM_CLIENT__KIND_TAKEN:
        head.kind = TAKEN;
        head.n_frames = m->taken->frames;
        post(w, &head, NULL, 0);
        break;
    default: /* closed: half_close follows */
        post(w, &head, NULL, 0);
        break;
    }
}

static void on_message(rf_rpc_call *call, const rf_rpc_msg *msg, void *user)
{
    ProtobufCMessage *m = NULL;
    if (rf_rpc_unpack(&socket__v1__from_client__descriptor, msg->data, msg->len, &m) == 0) {
        post_message(user, (const Socket__V1__FromClient *)m, msg);
        rf_rpc_message_free(m);
    } else {
        rf_rpc_consumed(call, msg->len + msg->attachment_len);
    }
}

static void on_half_close(rf_rpc_call *call, void *user)
{
    (void)call;
    post(user, &(event){.kind = GONE}, NULL, 0);
}

static void on_writable(rf_rpc_call *call, void *user)
{
    (void)call;
    post(user, &(event){.kind = WRITABLE}, NULL, 0);
}

static void on_done(rf_rpc_call *call, const rf_status *status, void *user)
{
    (void)call;
    (void)status;
    post(user, &(event){.kind = GONE}, NULL, 0);
}

static void on_open(rf_rpc_call *call, void *user)
{
    static const rf_rpc_events events = {.message = on_message,
                                         .half_close = on_half_close,
                                         .writable = on_writable,
                                         .done = on_done,
                                         .manual_credit = true};
    recorder_rpc *rpc = user;
    if (recorder_rpc_refuses(rpc, call)) {
        return;
    }
    wire *w = RF_NEW(wire);
    w->rpc = rpc;
    const recorder_caller caller = recorder_rpc_caller(call);
    w->tenant = rf_strdup(caller.tenant);
    w->scopes = rf_strdup(caller.scopes);
    w->call = call;
    w->last = &w->first;
    w->refs = 1;
    pthread_mutex_init(&w->lock, NULL);
    rf_rpc_call_listen(call, &events, w);
}

void recorder_socket_rpc_register(recorder_rpc *rpc)
{
    rf_rpc_server_handle_stream(rpc->server, &recorder_v1_recorder, RECORDER_V1_RECORDER_SOCKET,
                                on_open, rpc);
}
