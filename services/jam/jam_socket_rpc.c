/* JamService/Socket: a jam_socket for each call. What the library says on its threads is posted to
 * the loop in order. The last thing it says (the client sends no more, or the call is over) ends
 * the call there and then, so that no callback can come after; the loop hears of it last of all. */
#include "jam_rpc_internal.h"

#include "jam_socket.h"
#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <pthread.h>
#include <reflection/jam/v1/jam.rpc.h>
#include <reflection/socket/v1/socket.pb-c.h>
#include <string.h>

typedef struct wire {
    jam_service *service;
    jam_socket *socket; /* the loop's; NULL before Opened */
    char *tenant;
    char *scopes;
    pthread_mutex_t mutex; /* the call */
    rf_rpc_call *call;     /* NULL once it is answered */
} wire;

/* Something the library said. */
typedef struct event {
    wire *wire;
    enum { OPENED, TEXT, BINARY, TAKEN, GONE } kind;
    uint64_t n_frames;  /* TAKEN */
    int64_t arrived_ns; /* TEXT */
    size_t len;
    char text[]; /* TEXT: the message; OPENED: the address */
} event;

/* ---- towards the client: the loop ---- */

static int send_message(wire *w, const Socket__V1__ToClient *m, const rf_rpc_attachment *attachment)
{
    pthread_mutex_lock(&w->mutex);
    int err = w->call == NULL ? -ECANCELED : rf_rpc_send(w->call, &m->base, attachment);
    pthread_mutex_unlock(&w->mutex);
    return err;
}

static ProtobufCBinaryData bytes_of(const char *data, size_t len)
{
    return (ProtobufCBinaryData){.len = len, .data = (uint8_t *)(uintptr_t)data};
}

static int send_frame(void *port, const jam_frame *frame)
{
    Socket__V1__ToClient m = SOCKET__V1__TO_CLIENT__INIT;
    Socket__V1__Frame f = SOCKET__V1__FRAME__INIT;
    f.binary = frame->binary;
    f.base64 = frame->base64;
    f.before = bytes_of(frame->before, frame->n_before);
    f.after = bytes_of(frame->after, frame->n_after);
    m.kind_case = SOCKET__V1__TO_CLIENT__KIND_FRAME;
    m.frame = &f;
    if (frame->block == NULL) {
        return send_message(port, &m, NULL);
    }
    const rf_rpc_attachment attachment = {.data = frame->block->data,
                                          .len = frame->block->size,
                                          .release = jam_block_release,
                                          .user = jam_block_ref(frame->block)};
    int err = send_message(port, &m, &attachment);
    if (err < 0) {
        jam_block_unref(frame->block);
    }
    return err;
}

static void send_close(void *port, uint32_t code, const char *reason)
{
    Socket__V1__ToClient m = SOCKET__V1__TO_CLIENT__INIT;
    Socket__V1__Close c = SOCKET__V1__CLOSE__INIT;
    c.code = code;
    c.reason = (char *)(uintptr_t)reason;
    m.kind_case = SOCKET__V1__TO_CLIENT__KIND_CLOSE;
    m.close = &c;
    (void)send_message(port, &m, NULL); /* of a lost call the loop hears anyway */
}

static const jam_port port = {.frame = send_frame, .close = send_close};

/* ---- from the client: the loop ---- */

static void open_socket(wire *w, const char *address)
{
    const jam_client client = {.tenant = w->tenant, .scopes = w->scopes, .address = address};
    w->socket = jam_socket_open(w->service, &port, w, &client);
    if (w->socket == NULL) {
        send_close(w, 1008, "too many sockets");
    }
}

static void free_wire(wire *w)
{
    if (w->socket != NULL) {
        jam_socket_gone(w->socket);
    }
    pthread_mutex_destroy(&w->mutex);
    free(w->tenant);
    free(w->scopes);
    free(w);
}

static void deliver(void *user)
{
    event *e = user;
    wire *w = e->wire;
    if (e->kind == OPENED && w->socket == NULL) {
        open_socket(w, e->text);
    } else if (e->kind == GONE) {
        free_wire(w);
    } else if (w->socket == NULL) {
        RF_LOG_DEBUG("message on no socket");
    } else if (e->kind == TEXT) {
        jam_socket_message(w->socket, e->text, e->len, e->arrived_ns);
    } else if (e->kind == BINARY) {
        jam_socket_binary(w->socket);
    } else if (e->kind == TAKEN) {
        jam_socket_taken(w->socket, e->n_frames);
    }
    free(e);
}

/* ---- from the library: its threads ---- */

static void post(wire *w, const event *header, const void *text, size_t len)
{
    event *e = rf_alloc(sizeof(*e) + len + 1);
    *e = *header;
    e->wire = w;
    e->arrived_ns = rf_time_ns();
    e->len = len;
    if (len > 0) {
        memcpy(e->text, text, len);
    }
    rf_loop_post(w->service->loop, deliver, e);
}

static void post_message(wire *w, const Socket__V1__FromClient *m, const rf_rpc_msg *msg)
{
    switch (m->kind_case) {
    case SOCKET__V1__FROM_CLIENT__KIND_OPENED:
        post(w, &(event){.kind = OPENED}, m->opened->address, strlen(m->opened->address));
        break;
    case SOCKET__V1__FROM_CLIENT__KIND_TEXT:
        post(w, &(event){.kind = TEXT}, msg->attachment, msg->attachment_len);
        break;
    case SOCKET__V1__FROM_CLIENT__KIND_BINARY:
        post(w, &(event){.kind = BINARY}, NULL, 0);
        break;
    case SOCKET__V1__FROM_CLIENT__KIND_TAKEN:
        post(w, &(event){.kind = TAKEN, .n_frames = m->taken->frames}, NULL, 0);
        break;
    default: /* closed: half_close follows */
        break;
    }
}

static void on_message(rf_rpc_call *call, const rf_rpc_msg *msg, void *user)
{
    ProtobufCMessage *m = NULL;
    (void)call;
    if (rf_rpc_unpack(&socket__v1__from_client__descriptor, msg->data, msg->len, &m) == 0) {
        post_message(user, (const Socket__V1__FromClient *)m, msg);
        rf_rpc_message_free(m);
    }
}

static void end_call(wire *w)
{
    pthread_mutex_lock(&w->mutex);
    rf_rpc_call *call = RF_STEAL(w->call);
    pthread_mutex_unlock(&w->mutex);
    rf_rpc_end(call, NULL);
    post(w, &(event){.kind = GONE}, NULL, 0);
}

static void on_half_close(rf_rpc_call *call, void *user)
{
    (void)call;
    end_call(user);
}

static void on_done(rf_rpc_call *call, const rf_status *status, void *user)
{
    (void)call;
    (void)status;
    end_call(user);
}

static void on_open(rf_rpc_call *call, void *user)
{
    static const rf_rpc_events events = {
        .message = on_message, .half_close = on_half_close, .done = on_done};
    jam_rpc *rpc = user;
    if (atomic_load(&rpc->draining)) {
        rf_status st;
        (void)rf_status_set(&st, RF_UNAVAILABLE, "the server is stopping");
        rf_rpc_fail(call, &st);
        return;
    }
    wire *w = RF_NEW(wire);
    w->service = rpc->service;
    w->tenant = rf_strdup(rf_rpc_call_meta(call)->tenant);
    w->scopes = rf_strdup(rf_rpc_call_meta(call)->scopes);
    w->call = call;
    pthread_mutex_init(&w->mutex, NULL);
    rf_rpc_call_listen(call, &events, w);
}

void jam_socket_rpc_register(jam_rpc *rpc)
{
    rf_rpc_server_handle_stream(rpc->server, &jam_v1_jam_service, JAM_V1_JAM_SERVICE_SOCKET,
                                on_open, rpc);
}
