/* What goes out: small frames are copied into the connection's buffer, big messages wait in the
 * queue of their call, and the call in the connection's ring, until a batch takes them. */
#include "rf_rpc_internal.h"

#include <string.h>

#define OUT_SOFT 262144 /* bytes of small frames after which messages wait */

/* ---- small frames ---- */

uint8_t *rf_rpc_frame_reserve_locked(rf_rpc_conn *conn, const rf_rpc_frame *frame)
{
    if (conn->dead) {
        return NULL;
    }
    uint8_t *at = (uint8_t *)rf_buf_reserve(&conn->out, RF_RPC_HEADER_LEN + frame->len);
    if (at == NULL) {
        if (conn->net != NULL) {
            rf_rpc_net_close(conn->net);
        }
        return NULL;
    }
    rf_rpc_frame_put(at, frame);
    rf_buf_added(&conn->out, RF_RPC_HEADER_LEN + frame->len);
    return at + RF_RPC_HEADER_LEN;
}

void rf_rpc_put_frame_locked(rf_rpc_conn *conn, const rf_rpc_frame *frame, const void *payload)
{
    uint8_t *at = rf_rpc_frame_reserve_locked(conn, frame);
    if (at != NULL && frame->len > 0) {
        memcpy(at, payload, frame->len);
    }
}

void rf_rpc_give_credit_locked(rf_rpc_conn *conn, rf_rpc_call *call)
{
    int64_t *to_give = call != NULL ? &call->recv_to_give : &conn->recv_to_give;
    int64_t *left = call != NULL ? &call->recv_left : &conn->recv_left;
    int64_t window = call != NULL ? RF_RPC_STREAM_WINDOW : RF_RPC_CONN_WINDOW;
    if (*to_give < window / 4 || (call != NULL && call->remote_closed)) {
        return;
    }
    uint8_t payload[4];
    rf_rpc_set_u32(payload, (uint32_t)*to_give);
    rf_rpc_frame frame = {.len = 4, .type = RF_FRAME_CREDIT, .call = call != NULL ? call->id : 0};
    *left += *to_give;
    *to_give = 0;
    rf_rpc_put_frame_locked(conn, &frame, payload);
}

void rf_rpc_put_end_locked(rf_rpc_call *call)
{
    const char *text = call->end_message != NULL ? call->end_message : "";
    rf_rpc_end_head head = {call->end_code, call->end_retriable, text, strlen(text)};
    rf_rpc_frame frame = {
        .len = (uint32_t)rf_rpc_end_head_len(&head), .type = RF_FRAME_END, .call = call->id};
    uint8_t *at = rf_rpc_frame_reserve_locked(call->conn, &frame);
    if (at != NULL) {
        rf_rpc_end_head_put(at, &head);
    }
}

static uint32_t timeout_of(int64_t deadline_ns, int64_t now_ns)
{
    if (deadline_ns == RF_NEVER_NS) {
        return 0;
    }
    int64_t ms = (deadline_ns - now_ns + RF_NS_PER_MS - 1) / RF_NS_PER_MS;
    return (uint32_t)RF_MAX((int64_t)1, RF_MIN(ms, (int64_t)UINT32_MAX));
}

static rf_rpc_call_head head_of(const rf_rpc_call *call, int64_t now_ns)
{
    return (rf_rpc_call_head){
        .timeout_ms = timeout_of(call->deadline_ns, now_ns),
        .method = call->method->name,
        .method_len = strlen(call->method->name),
        .request_id = call->meta.request_id,
        .request_id_len = strlen(call->meta.request_id),
        .traceparent = call->meta.traceparent,
        .traceparent_len = strlen(call->meta.traceparent),
        .tenant = call->meta.tenant,
        .tenant_len = strlen(call->meta.tenant),
        .scopes = call->meta.scopes,
        .scopes_len = strlen(call->meta.scopes),
    };
}

/* The first queued message, when it can stand whole in the CALL. */
static rf_rpc_out *inline_message(const rf_rpc_conn *conn, const rf_rpc_call *call, size_t head_len)
{
    rf_rpc_out *out = call->out_first;
    bool fits = out != NULL && head_len + rf_rpc_out_size(out) <= RF_RPC_SMALL &&
                (int64_t)rf_rpc_out_size(out) <= conn->send_credit;
    return fits ? out : NULL;
}

void rf_rpc_unqueue_locked(rf_rpc_call *call)
{
    rf_rpc_out *out = call->out_first;
    call->out_bytes -= rf_rpc_out_size(out);
    rf_rpc_metric_queued(out, -1);
    call->out_first = out->next;
    call->out_last = call->out_first == NULL ? &call->out_first : call->out_last;
    out->next = NULL;
}

void rf_rpc_start_locked(rf_rpc_conn *conn, rf_rpc_call *call, int64_t now_ns)
{
    rf_rpc_conn_add_locked(conn, call);
    rf_rpc_call_head head = head_of(call, now_ns);
    size_t head_len = rf_rpc_call_head_len(&head);
    rf_rpc_out *out = inline_message(conn, call, head_len);
    size_t size = out != NULL ? rf_rpc_out_size(out) : 0;
    bool last = out != NULL ? out->last : call->local_closed && call->out_first == NULL;
    rf_rpc_frame frame = {
        .len = (uint32_t)(head_len + size),
        .type = RF_FRAME_CALL,
        .flags = (uint8_t)((out != NULL ? RF_FLAG_MESSAGE : 0) | (last ? RF_FLAG_LAST : 0)),
        .call = call->id,
    };
    uint8_t *at = rf_rpc_frame_reserve_locked(conn, &frame);
    if (at == NULL) {
        return;
    }
    rf_rpc_call_head_put(at, &head);
    if (out != NULL) {
        rf_rpc_out_copy(out, 0, size, at + head_len);
        call->send_credit -= (int64_t)size;
        conn->send_credit -= (int64_t)size;
        rf_rpc_unqueue_locked(call);
        rf_rpc_out_unref(out);
    }
    rf_rpc_schedule_locked(call);
}

/* ---- the queue of a call ---- */

void rf_rpc_unschedule_locked(rf_rpc_call *call)
{
    if (call->ring.next != NULL) {
        call->ring.prev->next = call->ring.next;
        call->ring.next->prev = call->ring.prev;
        call->ring.next = NULL;
    }
}

void rf_rpc_schedule_locked(rf_rpc_call *call)
{
    rf_rpc_conn *conn = call->conn;
    bool has = call->out_first != NULL ? call->send_credit > 0 : call->end_pending;
    if (conn == NULL || call->over || call->ring.next != NULL || !has) {
        return;
    }
    call->ring.next = &conn->ring;
    call->ring.prev = conn->ring.prev;
    conn->ring.prev->next = &call->ring;
    conn->ring.prev = &call->ring;
}

void rf_rpc_drop_output_locked(rf_rpc_call *call)
{
    rf_rpc_unschedule_locked(call);
    while (call->out_first != NULL) {
        rf_rpc_out *out = call->out_first;
        rf_rpc_unqueue_locked(call);
        rf_rpc_out_unref(out);
    }
}

static bool put_small(rf_rpc_call *call, rf_rpc_out *out)
{
    rf_rpc_conn *conn = call->conn;
    int64_t size = (int64_t)rf_rpc_out_size(out);
    if (call->out_first != NULL || size > RF_RPC_SMALL || size > call->send_credit ||
        size > conn->send_credit || conn->out.len > OUT_SOFT) {
        return false;
    }
    rf_rpc_frame frame = {
        .len = (uint32_t)size,
        .type = RF_FRAME_DATA,
        .flags = (uint8_t)(RF_FLAG_MESSAGE | (out->last ? RF_FLAG_LAST : 0)),
        .call = call->id,
    };
    uint8_t *at = rf_rpc_frame_reserve_locked(conn, &frame);
    if (at != NULL) {
        rf_rpc_out_copy(out, 0, (size_t)size, at);
        call->send_credit -= size;
        conn->send_credit -= size;
    }
    return true;
}

void rf_rpc_enqueue_locked(rf_rpc_call *call, rf_rpc_out *out)
{
    if (call->conn != NULL && put_small(call, out)) {
        rf_rpc_out_unref(out);
        return;
    }
    *call->out_last = out;
    call->out_last = &out->next;
    call->out_bytes += rf_rpc_out_size(out);
    rf_rpc_metric_queued(out, 1);
    rf_rpc_schedule_locked(call);
}
