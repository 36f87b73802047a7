/* What comes in as messages: those that stand whole in the buffer are handed over from there, the
 * bytes of others go to a block of their own, into which they are read. */
#include "rf_rpc_internal.h"

#include <errno.h>

#define MAX_ASSEMBLING 4 /* times the message limit: messages half received on one connection */

static int fail_call(rf_rpc_call *call, rf_code code, const char *what)
{
    rf_status st;
    (void)rf_status_set(&st, code, "%s", what);
    rf_rpc_abort_locked(call, &st);
    return 0;
}

/* ---- credit ---- */

int rf_rpc_charge(rf_rpc_conn *conn, rf_rpc_call *call, size_t bytes)
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

void rf_rpc_refund(rf_rpc_conn *conn, size_t bytes)
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

int rf_rpc_remote_close(rf_rpc_call *call)
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

int rf_rpc_whole_message(rf_rpc_conn *conn, rf_rpc_call *call, const uint8_t *payload, size_t len)
{
    size_t head = rf_rpc_get_u32(payload);
    size_t size = head + rf_rpc_get_u32(payload + 4);
    if (size != len - RF_RPC_PREFIX_LEN) {
        return -EPROTO;
    }
    if (call == NULL || call->over || !may_receive(call, size)) {
        rf_rpc_refund(conn, len);
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

void rf_rpc_data_park(rf_rpc_conn *conn)
{
    rf_rpc_call *call =
        conn->direct != NULL ? rf_rpc_conn_find_locked(conn, conn->direct_id) : NULL;
    if (call != NULL) {
        call->assembling = conn->direct;
        conn->direct = NULL;
    } else {
        direct_drop(conn);
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
    if (in != NULL && in->got < in->size) {
        return conn->direct_last ? -EPROTO : 0;
    }
    conn->direct = NULL;
    (void)__atomic_add_fetch(&call->refs, 1, __ATOMIC_RELAXED);
    if (in != NULL) {
        rf_rpc_msg msg = rf_rpc_in_msg(in);
        conn->n_assembling -= in->size;
        conn->recv_to_give -= (int64_t)(in->size + RF_RPC_PREFIX_LEN);
        rf_rpc_deliver_locked(call, &msg, in);
    }
    int err = conn->direct_last ? rf_rpc_remote_close(call) : 0;
    rf_rpc_call_unref_locked(call);
    return err;
}

int rf_rpc_data_got(rf_rpc_conn *conn, size_t n)
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

int rf_rpc_check_id(const rf_rpc_conn *conn, uint32_t id)
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
    int err = rf_rpc_whole_message(conn, call, payload, f->len);
    if (call != NULL) {
        if (err == 0 && (f->flags & RF_FLAG_LAST) != 0) {
            err = rf_rpc_remote_close(call);
        }
        rf_rpc_call_unref_locked(call);
    }
    return err;
}

ssize_t rf_rpc_on_data(rf_rpc_conn *conn, const rf_rpc_frame *f, const uint8_t *payload,
                       size_t avail)
{
    bool begins = (f->flags & RF_FLAG_MESSAGE) != 0;
    if ((begins && f->len < RF_RPC_PREFIX_LEN) || rf_rpc_check_id(conn, f->call) != 0) {
        return -EPROTO;
    }
    rf_rpc_call *call = rf_rpc_conn_find_locked(conn, f->call);
    if (rf_rpc_charge(conn, call, f->len) != 0 || (call != NULL && call->remote_closed) ||
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
    conn->direct_len = f->len;
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
