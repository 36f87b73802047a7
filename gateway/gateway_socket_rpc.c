#include "gateway_socket.h"

#include "rf_log.h"
#include "rf_rpc.h"
#include "rf_time.h"

#include <reflection/socket/v1/socket.pb-c.h>

#include <errno.h>
#include <string.h>

#define END_WAIT_NS (5 * RF_NS_PER_S) /* from Closed to the end of the call */

struct gateway_socket {
    rf_rpc_call *call;
    rf_loop *loop;
    const gateway_socket_events *events;
    void *user;       /* NULL: closed, nobody listens */
    rf_timer *linger; /* of a closed one */
    uint64_t taken;   /* told to the service once there is room */
    bool taken_waits;
    rf_status status; /* written before the end is posted */
};

/* ---- from the service: threads of the RPC library ---- */

static void deliver_frame(void *user)
{
    gateway_frame *frame = user;
    gateway_socket *s = frame->owner;
    if (s->user != NULL) {
        s->events->frame(s->user, frame);
    } else {
        rf_rpc_consumed(s->call, frame->credit);
        gateway_frame_free(frame);
    }
}

static gateway_piece piece(ProtobufCBinaryData data)
{
    return (gateway_piece){data.data, data.len};
}

static gateway_frame *frame_of(const Socket__V1__ToClient *m, const rf_rpc_msg *msg)
{
    if (m->kind_case == SOCKET__V1__TO_CLIENT__KIND_FRAME) {
        const Socket__V1__Frame *f = m->frame;
        return gateway_frame_new(
            f->binary ? GATEWAY_OP_BINARY : GATEWAY_OP_TEXT, f->base64, piece(f->before),
            (gateway_piece){msg->attachment, msg->attachment_len}, piece(f->after));
    }
    if (m->kind_case == SOCKET__V1__TO_CLIENT__KIND_CLOSE) {
        bool valid = gateway_close_code_valid(m->close->code);
        return gateway_frame_new_close(valid ? m->close->code : GATEWAY_CLOSE_INTERNAL,
                                       valid ? m->close->reason : "");
    }
    return NULL;
}

static void on_message(rf_rpc_call *call, const rf_rpc_msg *msg, void *user)
{
    gateway_socket *s = user;
    ProtobufCMessage *m = NULL;
    gateway_frame *frame = NULL;
    if (rf_rpc_unpack(&socket__v1__to_client__descriptor, msg->data, msg->len, &m) == 0) {
        frame = frame_of((const Socket__V1__ToClient *)m, msg);
    }
    rf_rpc_message_free(m);
    if (frame == NULL) { /* not of the contract, or no memory: the call's end closes the socket */
        rf_rpc_cancel(call);
        return;
    }
    frame->owner = s;
    frame->credit = msg->len + msg->attachment_len;
    frame->owed = true;
    rf_loop_post(s->loop, deliver_frame, frame);
}

static void deliver_writable(void *user)
{
    gateway_socket *s = user;
    if (s->taken_waits) {
        gateway_socket_taken(s, s->taken);
    }
    if (s->user != NULL && !s->taken_waits) {
        s->events->writable(s->user);
    }
}

static void on_writable(rf_rpc_call *call, void *user)
{
    gateway_socket *s = user;
    (void)call;
    rf_loop_post(s->loop, deliver_writable, s);
}

static void deliver_done(void *user)
{
    gateway_socket *s = user;
    if (s->user != NULL) {
        s->events->ended(s->user, &s->status);
    }
    rf_rpc_call_free(s->call);
    rf_timer_free(s->linger);
    free(s);
}

static void on_done(rf_rpc_call *call, const rf_status *status, void *user)
{
    gateway_socket *s = user;
    (void)call;
    s->status = *status;
    rf_loop_post(s->loop, deliver_done, s);
}

/* ---- towards the service ---- */

static void send_opened(gateway_socket *s, const gateway_socket_client *c)
{
    Socket__V1__Opened opened = SOCKET__V1__OPENED__INIT;
    Socket__V1__FromClient m = SOCKET__V1__FROM_CLIENT__INIT;
    opened.key_id = (char *)(uintptr_t)c->key_id;
    opened.address = (char *)(uintptr_t)c->address;
    opened.query = (char *)(uintptr_t)c->query;
    m.kind_case = SOCKET__V1__FROM_CLIENT__KIND_OPENED;
    m.opened = &opened;
    rf_rpc_send(s->call, &m.base, NULL); /* the first of the queue: there is room */
}

gateway_socket *gateway_socket_open(rf_rpc_channel *channel, const rf_rpc_method *method,
                                    const gateway_socket_client *client, rf_loop *loop,
                                    const gateway_socket_events *events, void *user)
{
    static const rf_rpc_events rpc_events = {
        .message = on_message, .writable = on_writable, .done = on_done, .manual_credit = true};
    const rf_rpc_options options = {.deadline_ns = RF_NEVER_NS, /* pings tell whether it lives */
                                    .request_id = client->request_id,
                                    .traceparent = client->traceparent,
                                    .tenant = client->tenant,
                                    .scopes = client->scopes};
    gateway_socket *s = RF_NEW(gateway_socket);
    s->loop = loop;
    s->events = events;
    s->user = user;
    s->call = rf_rpc_open(channel, method, &options, &rpc_events, s);
    send_opened(s, client);
    return s;
}

int gateway_socket_send(gateway_socket *s, gateway_opcode opcode, rf_buf *data)
{
    Socket__V1__FromClient m = SOCKET__V1__FROM_CLIENT__INIT;
    rf_rpc_attachment attachment = {
        .data = data->data, .len = data->len, .release = free, .user = data->data};
    if (opcode == GATEWAY_OP_TEXT) {
        m.kind_case = SOCKET__V1__FROM_CLIENT__KIND_TEXT;
        m.text = true;
    } else {
        m.kind_case = SOCKET__V1__FROM_CLIENT__KIND_BINARY;
        m.binary = true;
    }
    int err = rf_rpc_send(s->call, &m.base, data->len > 0 ? &attachment : NULL);
    if (err == 0 && data->len > 0) {
        rf_buf_init(data, data->max); /* the bytes are the library's now */
    }
    return err == -EAGAIN ? err : 0;
}

void gateway_socket_taken(gateway_socket *s, uint64_t frames)
{
    Socket__V1__Taken taken = SOCKET__V1__TAKEN__INIT;
    Socket__V1__FromClient m = SOCKET__V1__FROM_CLIENT__INIT;
    taken.frames = frames;
    m.kind_case = SOCKET__V1__FROM_CLIENT__KIND_TAKEN;
    m.taken = &taken;
    s->taken = frames;
    s->taken_waits = rf_rpc_send(s->call, &m.base, NULL) == -EAGAIN;
}

void gateway_socket_consumed(gateway_socket *s, size_t bytes)
{
    rf_rpc_consumed(s->call, bytes);
}

/* The service did not end the call in time. */
static void on_linger(void *user)
{
    gateway_socket *s = user;
    rf_rpc_cancel(s->call);
}

void gateway_socket_close(gateway_socket *s, unsigned code, const char *reason)
{
    Socket__V1__Closed closed = SOCKET__V1__CLOSED__INIT;
    Socket__V1__FromClient m = SOCKET__V1__FROM_CLIENT__INIT;
    closed.code = code;
    closed.reason = (char *)(uintptr_t)reason;
    m.kind_case = SOCKET__V1__FROM_CLIENT__KIND_CLOSED;
    m.closed = &closed;
    s->user = NULL;
    if (rf_rpc_send(s->call, &m.base, NULL) == -EAGAIN) { /* it reads nothing: no use in words */
        rf_rpc_cancel(s->call);
        return;
    }
    rf_rpc_half_close(s->call);
    s->linger = rf_timer_new(s->loop, on_linger, s);
    rf_timer_set(s->linger, rf_time_ns() + END_WAIT_NS);
}
