/* What comes in: frames are taken from the connection's buffer; the bytes of big messages are read
 * where they belong. Whatever breaks the protocol closes the connection. */
#include "rf_rpc_internal.h"

#include <errno.h>
#include <string.h>

#define BULK_TAIL 4096   /* bytes read beyond a frame of a big message, which are copied */
#define MAX_ASSEMBLING 4 /* times the message limit: messages half received on one connection */

static int fail_call(rf_rpc_call *call, rf_code code, const char *what)
{
    rf_status st;
    (void)rf_status_set(&st, code, "%s", what);
    rf_rpc_abort_locked(call, &st);
    return 0;
}

/* ---- credit ---- */

/* Takes received bytes off what the peer may send. */
static int charge(rf_rpc_conn *conn, rf_rpc_call *call, size_t bytes)
{
    conn->recv_left -= (int64_t)bytes;
    if (conn->recv_left < 0) {
        return -EPROTO;
    }
    if (call != NULL) {
        call->recv_left -= (int64_t)bytes;
        return call->recv_left < 0 ? -EPROTO : 0;
    }
    return 0;
}

/* Gives back what nobody will consume. */
static void refund(rf_rpc_conn *conn, size_t bytes)
{
    conn->recv_to_give += (int64_t)bytes;
    rf_rpc_give_credit_locked(conn, NULL);
}

/* ---- messages ---- */

/* Whether the call may get one more message; fails it otherwise. */
static bool may_receive(rf_rpc_call *call, size_t size)
{
    unsigned stream = call->is_server ? RF_RPC_CLIENT_STREAM : RF_RPC_SERVER_STREAM;
    if (size > call->hub->limits.max_message) {
        (void)fail_call(call, RF_RESOURCE_EXHAUSTED, "message larger than the limit");
        return false;
    }
    if (call->n_received > 0 && call->method != NULL && (call->method->kind & stream) == 0) {
        (void)fail_call(call, RF_INVALID_ARGUMENT, "more than one message");
        return false;
    }
    return true;
}

/* The client has sent its last message. */
static int remote_close(rf_rpc_call *call)
{
    if (call->over) {
        return 0;
    }
    call->remote_closed = true;
    bool needs = call->method != NULL && (call->method->kind & RF_RPC_CLIENT_STREAM) == 0;
    if (needs && call->n_received == 0) {
        return fail_call(call, RF_INVALID_ARGUMENT, "no request message");
    }
    call->pending |= RF_EVENT_HALF_CLOSE;
    rf_rpc_dispatch_locked(call);
    return 0;
}

/* A message that stands whole in the buffer; payload begins with its prefix. */
static int whole_message(rf_rpc_conn *conn, rf_rpc_call *call, const uint8_t *payload, size_t len)
{
    size_t head = rf_rpc_get_u32(payload);
    size_t size = head + rf_rpc_get_u32(payload + 4);
    if (size != len - RF_RPC_PREFIX_LEN) {
        return -EPROTO;
    }
    if (call == NULL || call->over || !may_receive(call, size)) {
        refund(conn, len);
        return 0;
    }
    const uint8_t *data = payload + RF_RPC_PREFIX_LEN;
    rf_rpc_msg msg = {data, head, data + head, size - head};
    rf_rpc_deliver_locked(call, &msg, NULL);
    return 0;
}

/* ---- messages in several parts ---- */

static rf_rpc_in *assembly_new(rf_rpc_conn *conn, rf_rpc_call *call, const uint8_t *prefix)
{
    size_t head = rf_rpc_get_u32(prefix);
    size_t size = head + rf_rpc_get_u32(prefix + 4);
    if (!may_receive(call, size)) {
        return NULL;
    }
    bool fits = conn->n_assembling + size <= MAX_ASSEMBLING * conn->hub->limits.max_message;
    rf_rpc_in *in = fits ? rf_rpc_in_new((uint32_t)head, size) : NULL;
    if (in == NULL) {
        (void)fail_call(call, RF_RESOURCE_EXHAUSTED, "no room for a message");
        return NULL;
    }
    conn->n_assembling += size;
    return in;
}

/* Lets the peer finish a message that is larger than what it may send now: who has let one begin
 * must let it end. What is given in advance is not given again when the message is consumed. */
static void admit(rf_rpc_conn *conn, rf_rpc_call *call, size_t left)
{
    int64_t missing = (int64_t)left - call->recv_left;
    if (missing > 0) {
        uint8_t payload[4];
        rf_rpc_frame frame = {.len = 4, .type = RF_FRAME_CREDIT, .call = call->id};
        rf_rpc_set_u32(payload, (uint32_t)missing);
        call->recv_left += missing;
        call->recv_to_give -= missing;
        rf_rpc_put_frame_locked(conn, &frame, payload);
    }
}

static void direct_drop(rf_rpc_conn *conn)
{
    if (conn->direct != NULL) {
        conn->n_assembling -= conn->direct->size;
        rf_rpc_in_free(conn->direct);
        conn->direct = NULL;
    }
}

/* Begins a message in a DATA frame that is not whole in the buffer, or does not hold all of it. */
static int data_begin(rf_rpc_conn *conn, rf_rpc_call *call, const rf_rpc_frame *f,
                      const uint8_t *prefix)
{
    size_t size = (size_t)rf_rpc_get_u32(prefix) + rf_rpc_get_u32(prefix + 4);
    if (f->len < RF_RPC_PREFIX_LEN || size < f->len - RF_RPC_PREFIX_LEN ||
        (call != NULL && call->assembling != NULL)) {
        return -EPROTO;
    }
    conn->direct = call != NULL ? assembly_new(conn, call, prefix) : NULL;
    if (conn->direct != NULL) {
        admit(conn, call, size - (f->len - RF_RPC_PREFIX_LEN));
    }
    conn->recv_to_give += RF_RPC_PREFIX_LEN;
    conn->direct_left = f->len - RF_RPC_PREFIX_LEN;
    return 0;
}

static int data_continue(rf_rpc_conn *conn, rf_rpc_call *call, const rf_rpc_frame *f)
{
    conn->direct = NULL;
    conn->direct_left = f->len;
    if (call == NULL) {
        return 0;
    }
    rf_rpc_in *in = call->assembling;
    if (in == NULL) {
        bool bare_close = f->len == 0 && (f->flags & RF_FLAG_LAST) != 0;
        return bare_close ? 0 : -EPROTO;
    }
    if (in->size - in->got < f->len) {
        return -EPROTO;
    }
    conn->direct = in;
    call->assembling = NULL;
    return 0;
}

/* The frame's last byte has come. */
static int data_end(rf_rpc_conn *conn)
{
    rf_rpc_call *call = rf_rpc_conn_find_locked(conn, conn->direct_id);
    rf_rpc_in *in = conn->direct;
    if (call == NULL) {
        direct_drop(conn);
        return 0;
    }
    conn->direct = NULL;
    if (in != NULL && in->got < in->size) {
        call->assembling = in;
        return conn->direct_last ? -EPROTO : 0;
    }
    (void)__atomic_add_fetch(&call->refs, 1, __ATOMIC_RELAXED);
    if (in != NULL) {
        rf_rpc_msg msg = rf_rpc_in_msg(in);
        conn->n_assembling -= in->size;
        conn->recv_to_give -= (int64_t)(in->size + RF_RPC_PREFIX_LEN);
        rf_rpc_deliver_locked(call, &msg, in);
    }
    int err = conn->direct_last ? remote_close(call) : 0;
    rf_rpc_call_unref_locked(call);
    return err;
}

/* Counts n bytes of the frame's payload as arrived. */
static int data_got(rf_rpc_conn *conn, size_t n)
{
    if (conn->direct != NULL) {
        conn->direct->got += n;
    }
    conn->recv_to_give += (int64_t)n;
    conn->direct_left -= (uint32_t)n;
    if (conn->direct_left > 0) {
        return 0;
    }
    int err = data_end(conn);
    rf_rpc_give_credit_locked(conn, NULL);
    return err;
}

/* ---- frames ---- */

static int check_id(const rf_rpc_conn *conn, uint32_t id)
{
    return id <= conn->last_id ? 0 : -EPROTO;
}

/* DATA whose payload is whole in the buffer and holds a whole message. */
static int data_whole(rf_rpc_conn *conn, rf_rpc_call *call, const rf_rpc_frame *f,
                      const uint8_t *payload)
{
    if (call != NULL && call->assembling != NULL) {
        return -EPROTO;
    }
    if (call != NULL) {
        (void)__atomic_add_fetch(&call->refs, 1, __ATOMIC_RELAXED);
    }
    int err = whole_message(conn, call, payload, f->len);
    if (call != NULL) {
        if (err == 0 && (f->flags & RF_FLAG_LAST) != 0) {
            err = remote_close(call);
        }
        rf_rpc_call_unref_locked(call);
    }
    return err;
}

/* Handles a DATA frame of which avail bytes of payload are there. Returns how many of them were
 * used, -EAGAIN when more are needed first, or -EPROTO. */
static ssize_t on_data(rf_rpc_conn *conn, const rf_rpc_frame *f, const uint8_t *payload,
                       size_t avail)
{
    bool begins = (f->flags & RF_FLAG_MESSAGE) != 0;
    if (begins && avail < RF_MIN((size_t)f->len, (size_t)RF_RPC_PREFIX_LEN)) {
        return -EAGAIN;
    }
    if ((begins && f->len < RF_RPC_PREFIX_LEN) || check_id(conn, f->call) != 0) {
        return -EPROTO;
    }
    rf_rpc_call *call = rf_rpc_conn_find_locked(conn, f->call);
    if (charge(conn, call, f->len) != 0 || (call != NULL && call->remote_closed) ||
        (!conn->is_server && (f->flags & RF_FLAG_LAST) != 0)) {
        return -EPROTO;
    }
    if (begins && avail >= f->len &&
        (size_t)rf_rpc_get_u32(payload) + rf_rpc_get_u32(payload + 4) ==
            f->len - RF_RPC_PREFIX_LEN) {
        int err = data_whole(conn, call, f, payload);
        return err != 0 ? err : (ssize_t)f->len;
    }
    conn->direct_id = f->call;
    conn->direct_last = (f->flags & RF_FLAG_LAST) != 0;
    int err = begins ? data_begin(conn, call, f, payload) : data_continue(conn, call, f);
    if (err != 0) {
        return err;
    }
    if (conn->direct_left == 0) {
        err = data_end(conn);
    }
    return err != 0 ? err : begins ? RF_RPC_PREFIX_LEN : 0;
}

static void refuse(rf_rpc_conn *conn, uint32_t id)
{
    rf_rpc_end_head head = {.code = RF_RESOURCE_EXHAUSTED,
                            .message = "too many calls on the connection"};
    head.message_len = strlen(head.message);
    uint8_t payload[64];
    rf_rpc_end_head_put(payload, &head);
    rf_rpc_frame frame = {
        .len = (uint32_t)rf_rpc_end_head_len(&head), .type = RF_FRAME_END, .call = id};
    rf_rpc_put_frame_locked(conn, &frame, payload);
}

static rf_rpc_call *accept_call(rf_rpc_conn *conn, uint32_t id, const rf_rpc_call_head *head)
{
    rf_rpc_call *call = rf_rpc_call_new_locked(conn->hub);
    call->is_server = true;
    call->id = id;
    if (head->timeout_ms > 0) {
        call->deadline_ns = rf_time_ns() + (int64_t)head->timeout_ms * RF_NS_PER_MS;
    }
    rf_rpc_call_set_meta(call, head);
    rf_rpc_conn_add_locked(conn, call);
    rf_rpc_hub_watch_locked(conn->hub, call->deadline_ns);
    return call;
}

/* Lets the server find the handler. Nothing else of the call runs meanwhile. */
static void begin_call(rf_rpc_conn *conn, rf_rpc_call *call, const rf_rpc_call_head *head)
{
    call->busy = true;
    conn->hub->n_running++;
    rf_rpc_hub_unlock(conn->hub);
    conn->side->begin(conn, call, head);
    rf_rpc_hub_lock(conn->hub);
    conn->hub->n_running--;
    call->busy = false;
    rf_rpc_dispatch_locked(call);
}

static int on_call(rf_rpc_conn *conn, const rf_rpc_frame *f, const uint8_t *payload)
{
    rf_rpc_call_head head;
    int used = rf_rpc_call_head_parse(payload, f->len, &head);
    if (!conn->is_server || used < 0 || f->call <= conn->last_id) {
        return -EPROTO;
    }
    size_t rest = f->len - (size_t)used;
    bool has_message = (f->flags & RF_FLAG_MESSAGE) != 0;
    if (has_message ? rest < RF_RPC_PREFIX_LEN : rest > 0) {
        return -EPROTO;
    }
    conn->last_id = f->call;
    bool refused = conn->hub->n_calls >= conn->hub->limits.max_calls;
    if (refused || conn->going) {
        int err = charge(conn, NULL, rest);
        refund(conn, rest);
        if (refused && !conn->going) {
            refuse(conn, f->call);
        }
        return err; /* after GOAWAY the client knows that nobody looks at it */
    }
    rf_rpc_call *call = accept_call(conn, f->call, &head);
    (void)__atomic_add_fetch(&call->refs, 1, __ATOMIC_RELAXED);
    int err = charge(conn, call, rest);
    if (err == 0) {
        begin_call(conn, call, &head);
        err = has_message ? whole_message(conn, call, payload + used, rest) : 0;
    }
    if (err == 0 && (f->flags & RF_FLAG_LAST) != 0) {
        err = remote_close(call);
    }
    rf_rpc_call_unref_locked(call);
    return err;
}

static void end_status(const rf_rpc_end_head *head, rf_status *ret)
{
    ret->code = head->code;
    ret->retriable = head->retriable;
    memcpy(ret->message, head->message, head->message_len);
    ret->message[head->message_len] = '\0';
}

/* The answer of a unary call that stands in the END: handed over where it stands, when it can. */
static bool lend_answer(rf_rpc_call *call, const rf_rpc_msg *msg)
{
    if (call->unary_done == NULL || call->busy || call->posted || call->in_first != NULL ||
        call->n_received > 0 || call->pending != 0) {
        return false;
    }
    call->n_received++;
    call->lent = msg;
    return true;
}

static int end_message(rf_rpc_conn *conn, rf_rpc_call *call, const uint8_t *payload, size_t len,
                       rf_rpc_msg *ret_lent)
{
    size_t head = rf_rpc_get_u32(payload);
    size_t size = head + rf_rpc_get_u32(payload + 4);
    const uint8_t *data = payload + RF_RPC_PREFIX_LEN;
    *ret_lent = (rf_rpc_msg){data, head, data + head, size - head};
    if (size == len - RF_RPC_PREFIX_LEN && call != NULL && size <= conn->hub->limits.max_message &&
        lend_answer(call, ret_lent)) {
        refund(conn, len);
        return 0;
    }
    return whole_message(conn, call, payload, len);
}

static int on_end(rf_rpc_conn *conn, const rf_rpc_frame *f, const uint8_t *payload)
{
    rf_rpc_end_head head;
    int used = rf_rpc_end_head_parse(payload, f->len, &head);
    size_t rest = f->len - (size_t)RF_MAX(used, 0);
    bool has_message = (f->flags & RF_FLAG_MESSAGE) != 0;
    if (conn->is_server || used < 0 || check_id(conn, f->call) != 0 ||
        (has_message ? rest < RF_RPC_PREFIX_LEN : rest > 0)) {
        return -EPROTO;
    }
    rf_rpc_call *call = rf_rpc_conn_find_locked(conn, f->call);
    if (charge(conn, call, rest) != 0 || (call != NULL && call->assembling != NULL)) {
        return -EPROTO;
    }
    if (call != NULL) {
        (void)__atomic_add_fetch(&call->refs, 1, __ATOMIC_RELAXED);
    }
    rf_rpc_msg lent;
    int err = has_message ? end_message(conn, call, payload + used, rest, &lent) : 0;
    if (call != NULL) {
        rf_status st;
        end_status(&head, &st);
        if (err == 0 && !(st.code == RF_UNAVAILABLE && rf_rpc_retry_locked(call, false))) {
            rf_rpc_finish_locked(call, &st);
        }
        rf_rpc_call_unref_locked(call);
    }
    return err;
}

static int on_credit(rf_rpc_conn *conn, const rf_rpc_frame *f, const uint8_t *payload)
{
    int64_t bytes = rf_rpc_get_u32(payload);
    if (f->call == 0) {
        conn->send_credit += bytes;
        return conn->send_credit > INT32_MAX ? -EPROTO : 0;
    }
    rf_rpc_call *call = rf_rpc_conn_find_locked(conn, f->call);
    if (call != NULL) {
        call->send_credit += bytes;
        rf_rpc_schedule_locked(call);
        return call->send_credit > INT32_MAX ? -EPROTO : 0;
    }
    return check_id(conn, f->call);
}

static int on_cancel(rf_rpc_conn *conn, const rf_rpc_frame *f, const uint8_t *payload)
{
    if (!conn->is_server || check_id(conn, f->call) != 0 ||
        (payload[0] != RF_CANCELLED && payload[0] != RF_DEADLINE_EXCEEDED &&
         payload[0] != RF_RESOURCE_EXHAUSTED && payload[0] != RF_INVALID_ARGUMENT)) {
        return -EPROTO;
    }
    rf_rpc_call *call = rf_rpc_conn_find_locked(conn, f->call);
    if (call != NULL) {
        rf_status st;
        (void)rf_status_set(&st, (rf_code)payload[0], "cancelled by the client");
        rf_rpc_finish_locked(call, &st);
    }
    return 0;
}

/* Calls above the given id were never looked at: they go elsewhere. */
static void leave_peer(rf_rpc_conn *conn, uint32_t last_id)
{
    rf_status st;
    (void)rf_status_set(&st, RF_UNAVAILABLE, "the server is going away");
    for (size_t i = 0; i < conn->table_size; i++) {
        rf_rpc_call *call = conn->table[i];
        while (call != NULL) {
            if (call->id <= last_id) {
                call = call->bucket_next;
                continue;
            }
            if (!rf_rpc_retry_locked(call, true)) {
                rf_rpc_finish_locked(call, &st);
            }
            call = conn->table[i]; /* the chain has changed */
        }
    }
}

static int on_goaway(rf_rpc_conn *conn, const uint8_t *payload)
{
    if (conn->is_server) {
        return -EPROTO;
    }
    bool first = !conn->peer_going;
    conn->peer_going = true;
    if (first) {
        conn->side->goaway(conn);
    }
    leave_peer(conn, rf_rpc_get_u32(payload));
    if (conn->n_calls == 0) {
        rf_rpc_conn_close_locked(conn, "the server is going away");
    }
    return 0;
}

static int on_ping(rf_rpc_conn *conn, const uint8_t *payload)
{
    rf_rpc_frame frame = {.len = 8, .type = RF_FRAME_PONG};
    rf_rpc_put_frame_locked(conn, &frame, payload);
    return 0;
}

static int on_frame(rf_rpc_conn *conn, const rf_rpc_frame *f, const uint8_t *payload)
{
    switch (f->type) {
    case RF_FRAME_CALL:
        return on_call(conn, f, payload);
    case RF_FRAME_END:
        return on_end(conn, f, payload);
    case RF_FRAME_CREDIT:
        return on_credit(conn, f, payload);
    case RF_FRAME_CANCEL:
        return on_cancel(conn, f, payload);
    case RF_FRAME_PING:
        return on_ping(conn, payload);
    case RF_FRAME_PONG:
        return 0; /* that something came is all that counts */
    case RF_FRAME_GOAWAY:
        return on_goaway(conn, payload);
    default:
        return -EPROTO;
    }
}

/* ---- the buffer ---- */

/* Takes one step at the front of the bytes. Returns how many it used, -EAGAIN when it needs more,
 * -EPROTO when the peer broke the protocol. */
static ssize_t step(rf_rpc_conn *conn, const uint8_t *at, size_t n)
{
    if (!conn->got_magic) {
        if (memcmp(at, RF_RPC_MAGIC, RF_MIN(n, (size_t)RF_RPC_MAGIC_LEN)) != 0) {
            return -EPROTO;
        }
        if (n < RF_RPC_MAGIC_LEN) {
            return -EAGAIN;
        }
        conn->got_magic = true;
        conn->side->ready(conn);
        return RF_RPC_MAGIC_LEN;
    }
    if (conn->direct_left > 0) {
        size_t take = RF_MIN(n, (size_t)conn->direct_left);
        if (conn->direct != NULL) {
            memcpy(conn->direct->data + conn->direct->got, at, take);
        }
        int err = data_got(conn, take);
        return err != 0 ? err : (ssize_t)take;
    }
    rf_rpc_frame f;
    if (n < RF_RPC_HEADER_LEN) {
        return -EAGAIN;
    }
    if (rf_rpc_frame_parse(at, &f) != 0) {
        return -EPROTO;
    }
    if (f.type == RF_FRAME_DATA) {
        ssize_t used = on_data(conn, &f, at + RF_RPC_HEADER_LEN, n - RF_RPC_HEADER_LEN);
        return used < 0 ? used : used + RF_RPC_HEADER_LEN;
    }
    if (n - RF_RPC_HEADER_LEN < f.len) {
        return -EAGAIN;
    }
    int err = on_frame(conn, &f, at + RF_RPC_HEADER_LEN);
    return err != 0 ? err : (ssize_t)(RF_RPC_HEADER_LEN + f.len);
}

static int consume_buffer(rf_rpc_conn *conn)
{
    size_t pos = 0;
    ssize_t used = 0;
    while (pos < conn->in_len && !conn->dead) {
        used = step(conn, conn->in + pos, conn->in_len - pos);
        if (used < 0) {
            break;
        }
        pos += (size_t)used;
    }
    conn->in_len -= pos;
    if (pos > 0 && conn->in_len > 0) {
        memmove(conn->in, conn->in + pos, conn->in_len);
    }
    return used == -EPROTO ? -EPROTO : 0;
}

size_t rf_rpc_input_iov(rf_rpc_conn *conn, rf_rpc_iov iov[2])
{
    size_t n = 0;
    size_t room = RF_RPC_IN_SIZE - conn->in_len;
    if (conn->n_assembling > 0) {
        room = RF_MIN(room, (size_t)BULK_TAIL);
    }
    if (conn->direct != NULL && conn->direct_left > 0) {
        iov[n++] = (rf_rpc_iov){conn->direct->data + conn->direct->got, conn->direct_left};
    }
    iov[n++] = (rf_rpc_iov){conn->in + conn->in_len, room};
    return n;
}

bool rf_rpc_input(rf_rpc_conn *conn, size_t n)
{
    rf_rpc_hub_lock(conn->hub);
    rf_rpc_enter_library();
    conn->corked = true;
    conn->heard = true;
    int err = 0;
    if (conn->direct != NULL && conn->direct_left > 0) {
        size_t direct = RF_MIN(n, (size_t)conn->direct_left);
        n -= direct;
        err = data_got(conn, direct);
    }
    conn->in_len += n;
    err = err == 0 ? consume_buffer(conn) : err;
    conn->corked = false;
    if (err != 0) {
        rf_rpc_conn_close_locked(conn, "the peer broke the protocol");
    }
    rf_rpc_flush_locked(conn);
    bool alive = !conn->dead;
    rf_rpc_leave_library();
    rf_rpc_hub_unlock(conn->hub);
    return alive;
}
