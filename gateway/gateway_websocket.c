#include "gateway_websocket.h"

#include "gateway_answer.h"
#include "gateway_metrics.h"
#include "gateway_outbox.h"
#include "gateway_seat.h"
#include "gateway_tls.h"
#include "gateway_upgrade.h"
#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <string.h>

#define CLOSE_WAIT_NS (5 * RF_NS_PER_S)
#define PINGS_MAX 2 /* unanswered */
#define LIMIT_RETRY_S 5
#define UNAVAILABLE_RETRY_S 1

typedef enum websocket_state {
    WEBSOCKET_OPEN,
    WEBSOCKET_CLOSING,
    WEBSOCKET_CLOSED,
} websocket_state;

typedef struct gateway_websocket {
    gateway_exchange *ex;
    gateway_socket *socket; /* NULL once the call is over or has been told of the end */
    gateway_frame_in *in;
    gateway_deflate deflate;
    gateway_outbox out;
    websocket_state state;
    rf_timer *timer; /* next ping; of CLOSING: the end of patience */
    bool closed_by_client;
    unsigned code; /* of our close */
    uint64_t n_taken;
    bool holding;
    gateway_opcode held_opcode;
    rf_buf held; /* a message that the service had no room for */
    gateway_seat seat;
} gateway_websocket;

/* ---- bytes out ---- */

static void count_queue(gateway_websocket *ws, int64_t n)
{
    atomic_fetch_add_explicit(&ws->ex->gw->socket_queue_bytes, n, memory_order_relaxed);
}

/* Below the limit the service may go on sending at once: the credit of the RPC connection is for
 * all sockets, and none may sit on it. */
static void push(gateway_websocket *ws, gateway_frame *f)
{
    count_queue(ws, (int64_t)gateway_frame_payload(f));
    gateway_outbox_push(&ws->out, f);
    if (f->owed && ws->out.n_bytes <= (size_t)ws->ex->gw->config.sockets_queue_bytes) {
        gateway_socket_consumed(ws->socket, f->credit);
        f->owed = false;
    }
}

static void on_release(void *user, gateway_frame *f, bool sent)
{
    gateway_websocket *ws = user;
    size_t n = gateway_frame_payload(f);
    count_queue(ws, -(int64_t)n);
    if (sent && f->opcode != GATEWAY_OP_CLOSE) {
        gateway_metrics_socket_message(false, n);
        ws->n_taken++;
    }
    if (f->owed && ws->socket != NULL) {
        gateway_socket_consumed(ws->socket, f->credit);
    }
    gateway_frame_free(f);
}

/* Writes what there is into the room there is. */
static void make_frames(gateway_websocket *ws)
{
    size_t room = 0;
    gateway_conn *c = ws->ex->conn;
    bool had_closed = ws->out.close_made;
    uint8_t *at = gateway_outbox_has_work(&ws->out) ? gateway_conn_reserve(c, &room) : NULL;
    if (at != NULL) {
        gateway_conn_added(c, gateway_outbox_write(&ws->out, at, room, gateway_conn_offset(c)));
    }
    if (ws->out.close_made && !had_closed) {
        rf_timer_set(ws->timer, rf_time_ns() + CLOSE_WAIT_NS);
    }
    if (gateway_outbox_has_work(&ws->out)) {
        gateway_conn_await_out(c);
    }
}

/* ---- the end ---- */

static void tell_service(gateway_websocket *ws, unsigned code, const char *reason)
{
    if (ws->socket != NULL) {
        gateway_socket_close(ws->socket, code, reason);
        ws->socket = NULL;
    }
}

static void close_behind_queue(gateway_websocket *ws, gateway_frame *close)
{
    ws->state = WEBSOCKET_CLOSING;
    ws->code = close->code;
    ws->out.ping_wanted = false;
    rf_timer_set(ws->timer, RF_NEVER_NS);
    push(ws, close);
}

/* Closes at once, but for a frame that has begun. */
static void close_now(gateway_websocket *ws, unsigned code, const char *reason)
{
    gateway_outbox_cut(&ws->out);
    close_behind_queue(ws, gateway_frame_new_close(code, reason));
}

/* The last of a socket whose two closes have gone: the connection is told. */
static void finish(gateway_websocket *ws)
{
    gateway_conn *c = ws->ex->conn;
    ws->state = WEBSOCKET_CLOSED;
    c->closing = true;
    gateway_conn_answered(c); /* calls on_gone */
}

/* After anything that may have changed what is to be sent or whether there is an end. Nothing of ws
 * may be touched afterwards. */
static void after(gateway_websocket *ws)
{
    make_frames(ws);
    if (ws->out.close_made && ws->closed_by_client) {
        finish(ws);
    }
}

static void on_gone(gateway_exchange *ex)
{
    gateway_websocket *ws = ex->task;
    unsigned code = ws->state == WEBSOCKET_OPEN ? GATEWAY_CLOSE_LOST : ws->code;
    ex->task = NULL;
    tell_service(ws, GATEWAY_CLOSE_LOST, "");
    gateway_metrics_socket_closed(code);
    RF_LOG_DEBUG("socket closed", RF_STR("request", ex->request_id), RF_STR("path", ex->path),
                 RF_INT("code", code));
    gateway_outbox_clear(&ws->out);
    gateway_seat_give(&ws->seat);
    gateway_loop_socket_gone(ex->loop);
    rf_timer_free(ws->timer);
    gateway_frame_in_free(ws->in);
    rf_buf_done(&ws->held);
    free(ws);
}

/* ---- from the client ---- */

static int on_message(void *user, gateway_opcode opcode, rf_buf *data)
{
    gateway_websocket *ws = user;
    if (ws->state != WEBSOCKET_OPEN || ws->socket == NULL) {
        return 0;
    }
    gateway_metrics_socket_message(true, data->len);
    if (gateway_socket_send(ws->socket, opcode, data) != -EAGAIN) {
        return 0;
    }
    rf_buf_done(&ws->held);
    ws->held = *data;
    rf_buf_init(data, data->max);
    ws->held_opcode = opcode;
    ws->holding = true;
    return -EAGAIN;
}

static void on_ping(void *user, const uint8_t *data, size_t len)
{
    gateway_websocket *ws = user;
    if (ws->state == WEBSOCKET_OPEN) {
        gateway_outbox_pong(&ws->out, data, len);
        make_frames(ws); /* each ping gets its own answer while there is room */
    }
}

static void on_pong(void *user, const uint8_t *data, size_t len)
{
    gateway_websocket *ws = user;
    (void)data;
    (void)len;
    ws->out.n_pings = 0;
}

static void on_close(void *user, unsigned code, const char *reason)
{
    gateway_websocket *ws = user;
    ws->closed_by_client = true;
    tell_service(ws, code, reason);
    if (!ws->out.close_made) {
        close_now(ws, ws->state == WEBSOCKET_OPEN ? code : ws->code, "");
    }
}

static const gateway_frame_sink sink = {
    .message = on_message, .ping = on_ping, .pong = on_pong, .close = on_close};

static const char *fault_reason(unsigned code)
{
    switch (code) {
    case GATEWAY_CLOSE_BAD_DATA:
        return "text is not UTF-8, or a packed message not DEFLATE";
    case GATEWAY_CLOSE_TOO_BIG:
        return "a message is larger than 65536 bytes or 64 fragments";
    default:
        return "not a frame of RFC 6455";
    }
}

/* Gives bytes to the reader. Returns how many it took. */
static size_t read_frames(gateway_websocket *ws, const char *data, size_t len)
{
    ssize_t n = gateway_frame_in_take(ws->in, data, len);
    if (n >= 0) {
        return (size_t)n;
    }
    unsigned code = (unsigned)-n;
    ws->closed_by_client = true; /* nothing that it says can be understood any more */
    tell_service(ws, code, fault_reason(code));
    if (!ws->out.close_made) {
        close_now(ws, code, fault_reason(code));
    }
    return len;
}

static ssize_t op_take(gateway_exchange *ex, const char *data, size_t len)
{
    gateway_websocket *ws = ex->task;
    if (ws->holding) {
        return 0; /* what stands behind the held message waits with it */
    }
    size_t n = read_frames(ws, data, len);
    after(ws);
    return (ssize_t)n;
}

static size_t op_room(gateway_exchange *ex)
{
    const gateway_websocket *ws = ex->task;
    return ws->holding ? 0 : GATEWAY_IO_BYTES;
}

/* ---- from the service ---- */

static void on_frame(void *user, gateway_frame *frame)
{
    gateway_websocket *ws = user;
    gateway_conn *c = ws->ex->conn;
    gateway_conn_enter(c);
    if (ws->state != WEBSOCKET_OPEN) {
        gateway_socket_consumed(ws->socket, frame->credit);
        gateway_frame_free(frame);
    } else if (frame->opcode == GATEWAY_OP_CLOSE) {
        close_behind_queue(ws, frame);
    } else {
        push(ws, ws->deflate.agreed ? gateway_frame_pack(frame, &ws->deflate) : frame);
    }
    after(ws);
    gateway_conn_leave(c);
}

static void on_writable(void *user)
{
    gateway_websocket *ws = user;
    gateway_conn *c = ws->ex->conn;
    if (!ws->holding || gateway_socket_send(ws->socket, ws->held_opcode, &ws->held) == -EAGAIN) {
        return;
    }
    rf_buf_clear(&ws->held);
    ws->holding = false;
    gateway_conn_enter(c);
    read_frames(ws, NULL, 0); /* what the reader holds */
    gateway_conn_body_room(c);
    after(ws);
    gateway_conn_leave(c);
}

static unsigned code_of_status(rf_code code)
{
    switch (code) {
    case RF_OK:
        return GATEWAY_CLOSE_NORMAL;
    case RF_UNAVAILABLE:
    case RF_CANCELLED:
        return GATEWAY_CLOSE_RESTART;
    case RF_RESOURCE_EXHAUSTED:
        return GATEWAY_CLOSE_TRY_LATER;
    case RF_INVALID_ARGUMENT:
    case RF_FAILED_PRECONDITION:
    case RF_PERMISSION_DENIED:
    case RF_UNAUTHENTICATED:
        return GATEWAY_CLOSE_POLICY;
    default:
        return GATEWAY_CLOSE_INTERNAL;
    }
}

static void on_ended(void *user, const rf_status *status)
{
    gateway_websocket *ws = user;
    gateway_conn *c = ws->ex->conn;
    ws->socket = NULL;
    ws->holding = false;
    gateway_conn_enter(c);
    gateway_conn_body_room(c);
    if (ws->state == WEBSOCKET_OPEN) {
        close_behind_queue(ws, gateway_frame_new_close(code_of_status(status->code), ""));
    }
    after(ws);
    gateway_conn_leave(c);
}

static const gateway_socket_events socket_events = {
    .frame = on_frame, .writable = on_writable, .ended = on_ended};

/* ---- the connection ---- */

static void op_writable(gateway_exchange *ex)
{
    after(ex->task);
}

static void op_sent(gateway_exchange *ex)
{
    gateway_websocket *ws = ex->task;
    uint64_t before = ws->n_taken;
    gateway_outbox_sent(&ws->out, ex->conn->n_sent);
    if (ws->n_taken > before && ws->socket != NULL) {
        gateway_socket_taken(ws->socket, ws->n_taken);
    }
}

static void op_drain(gateway_exchange *ex)
{
    gateway_websocket *ws = ex->task;
    if (ws->state == WEBSOCKET_OPEN) {
        tell_service(ws, GATEWAY_CLOSE_RESTART, "the gateway shuts down");
        close_now(ws, GATEWAY_CLOSE_RESTART, "the gateway shuts down");
        after(ws);
    }
}

static const gateway_exchange_ops websocket_ops = {.room = op_room,
                                                   .take = op_take,
                                                   .writable = op_writable,
                                                   .sent = op_sent,
                                                   .drain = op_drain,
                                                   .gone = on_gone};

/* ---- time ---- */

static void set_ping_timer(gateway_websocket *ws)
{
    const gateway_socket_rules *rules = &ws->ex->gw->config.sockets[ws->ex->route->service];
    int64_t interval_ns = rules->ping_s * RF_NS_PER_S;
    rf_timer_set(ws->timer, rf_time_ns() + interval_ns);
}

static void on_timer(void *user)
{
    gateway_websocket *ws = user;
    gateway_conn *c = ws->ex->conn;
    gateway_conn_enter(c);
    if (ws->state != WEBSOCKET_OPEN) {
        finish(ws); /* the client does not close its side */
    } else if (ws->out.n_pings >= PINGS_MAX) {
        gateway_conn_close(c);
    } else {
        ws->out.ping_wanted = true;
        set_ping_timer(ws);
        if (c->ssl != NULL) {
            gateway_tls_rest(c->ssl);
        }
        after(ws);
    }
    gateway_conn_leave(c);
}

/* ---- the beginning ---- */

/* Takes up what the client offers, where its service lets it. Returns 0 or -EBADMSG. */
static int agree(gateway_websocket *ws)
{
    const gateway_request *req = &ws->ex->req;
    gateway_span s = req->headers[GATEWAY_H_SEC_WEBSOCKET_EXTENSIONS];
    if (s.len == 0 || !ws->ex->gw->config.sockets[ws->ex->route->service].deflate) {
        return 0;
    }
    return gateway_deflate_agree(gateway_request_str(req, s), s.len, &ws->deflate);
}

static void answer_101(gateway_exchange *ex, const gateway_deflate *deflate)
{
    char extensions[GATEWAY_DEFLATE_ANSWER_MAX] = "";
    char accept[GATEWAY_ACCEPT_LEN + 1];
    gateway_span key = ex->req.headers[GATEWAY_H_SEC_WEBSOCKET_KEY];
    gateway_upgrade_accept(gateway_request_str(&ex->req, key), accept);
    if (deflate->agreed) {
        gateway_deflate_answer(deflate, extensions);
    }
    RF_CLEANUP(rf_cleanup_free)
    char *head = rf_asprintf("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                             "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n"
                             "%s%s%sX-Request-Id: %s\r\n\r\n",
                             accept, deflate->agreed ? "Sec-WebSocket-Extensions: " : "",
                             extensions, deflate->agreed ? "\r\n" : "", ex->request_id);
    gateway_conn_append(ex->conn, head, strlen(head));
}

static void open_socket(gateway_websocket *ws, gateway_websocket_opener open)
{
    gateway_exchange *ex = ws->ex;
    rf_buf query;
    rf_buf_init(&query, GATEWAY_LINE_MAX_BYTES);
    gateway_upgrade_query(&ex->req, &query);
    gateway_exchange_trace(ex);
    const gateway_socket_client client = {.tenant = ex->caller.application_id,
                                          .scopes = ex->caller.scopes,
                                          .key_id = ex->caller.key_id,
                                          .address = ws->seat.address,
                                          .query = rf_buf_str(&query),
                                          .request_id = ex->request_id,
                                          .traceparent = ex->traceparent};
    ws->socket = open(ex, &client, &socket_events, ws);
    rf_buf_done(&query);
}

static void upgrade(gateway_websocket *ws, gateway_websocket_opener open)
{
    gateway_exchange *ex = ws->ex;
    gateway_conn *c = ex->conn;
    gateway_conn_enter(c);
    ws->timer = rf_timer_new(ex->loop->loop, on_timer, ws);
    ws->in = gateway_frame_in_new(&sink, ws, ws->deflate.agreed);
    ws->out = (gateway_outbox){.release = on_release, .user = ws};
    rf_buf_init(&ws->held, GATEWAY_MESSAGE_MAX_BYTES);
    ex->task = ws;
    ex->ops = &websocket_ops;
    answer_101(ex, &ws->deflate);
    open_socket(ws, open);
    gateway_conn_upgrade(c);
    set_ping_timer(ws);
    gateway_conn_leave(c);
}

void gateway_websocket_begin(gateway_exchange *ex, bool service_ready,
                             gateway_websocket_opener open)
{
    gateway_websocket *ws = RF_NEW(gateway_websocket);
    ws->ex = ex;
    int err = agree(ws);
    if (err == 0) {
        err = service_ready ? gateway_seat_take(&ws->seat, ex) : -ENOENT;
    }
    if (err == 0) {
        upgrade(ws, open);
        return;
    }
    if (err == -EBADMSG) {
        gateway_answer_error(ex, GATEWAY_BAD_REQUEST, "Sec-WebSocket-Extensions is malformed.", 0);
    } else if (err == -EMFILE) {
        gateway_answer_error(ex, GATEWAY_TOO_MANY_REQUESTS, "Too many sockets are open.",
                             LIMIT_RETRY_S);
    } else {
        gateway_answer_error(ex, GATEWAY_UNAVAILABLE, NULL, UNAVAILABLE_RETRY_S);
    }
    free(ws);
}
