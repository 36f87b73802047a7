/* What comes in beside DATA: calls, their ends, credit, the life of the connection. */
#include "rf_rpc_internal.h"

#include <errno.h>
#include <string.h>

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
        call->deadline_ns = conn->input_ns + (int64_t)head->timeout_ms * RF_NS_PER_MS;
    }
    rf_rpc_call_set_meta(call, head);
    rf_rpc_metric_begin(call, conn->input_ns);
    rf_rpc_conn_add_locked(conn, call);
    rf_rpc_hub_watch_locked(conn->hub, call->deadline_ns);
    return call;
}

/* Lets the server find the handler. Nothing else of the call runs meanwhile; another thread may
 * have ended the stream by then, and waits for that. */
static void begin_call(rf_rpc_conn *conn, rf_rpc_call *call, const rf_rpc_call_head *head)
{
    call->busy = true;
    conn->hub->n_running++;
    rf_rpc_hub_unlock(conn->hub);
    conn->side->begin(conn, call, head);
    rf_rpc_hub_lock(conn->hub);
    conn->hub->n_running--;
    call->busy = false;
    (void)pthread_cond_broadcast(&conn->hub->changed);
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
        int err = rf_rpc_charge(conn, NULL, rest);
        rf_rpc_refund(conn, rest);
        if (refused && !conn->going) {
            refuse(conn, f->call);
        }
        return err; /* after GOAWAY the client knows that nobody looks at it */
    }
    rf_rpc_call *call = accept_call(conn, f->call, &head);
    (void)__atomic_add_fetch(&call->refs, 1, __ATOMIC_RELAXED);
    int err = rf_rpc_charge(conn, call, rest);
    if (err == 0) {
        begin_call(conn, call, &head);
        err = has_message ? rf_rpc_whole_message(conn, call, payload + used, rest) : 0;
    }
    if (err == 0 && (f->flags & RF_FLAG_LAST) != 0) {
        err = rf_rpc_remote_close(call);
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
        rf_rpc_refund(conn, len);
        return 0;
    }
    return rf_rpc_whole_message(conn, call, payload, len);
}

/* A failure may cut a message short, which then goes with its call. */
static bool may_end(const rf_rpc_call *call, const rf_rpc_end_head *head, bool has_message)
{
    bool is_cut = call != NULL && call->assembling != NULL;
    return !is_cut || (head->code != RF_OK && !has_message);
}

static int on_end(rf_rpc_conn *conn, const rf_rpc_frame *f, const uint8_t *payload)
{
    rf_rpc_end_head head;
    int used = rf_rpc_end_head_parse(payload, f->len, &head);
    size_t rest = f->len - (size_t)RF_MAX(used, 0);
    bool has_message = (f->flags & RF_FLAG_MESSAGE) != 0;
    if (conn->is_server || used < 0 || rf_rpc_check_id(conn, f->call) != 0 ||
        (has_message ? rest < RF_RPC_PREFIX_LEN : rest > 0)) {
        return -EPROTO;
    }
    rf_rpc_call *call = rf_rpc_conn_find_locked(conn, f->call);
    if (rf_rpc_charge(conn, call, rest) != 0 || !may_end(call, &head, has_message)) {
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
            call->ended_ns = conn->input_ns;
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
    return rf_rpc_check_id(conn, f->call);
}

static int on_cancel(rf_rpc_conn *conn, const rf_rpc_frame *f, const uint8_t *payload)
{
    if (!conn->is_server || rf_rpc_check_id(conn, f->call) != 0 ||
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

int rf_rpc_on_control(rf_rpc_conn *conn, const rf_rpc_frame *f, const uint8_t *payload)
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
