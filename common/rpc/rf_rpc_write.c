/* What goes out: small frames are copied into the connection's buffer, big messages wait in the
 * queue of their call and are cut into DATA frames, one a turn, while a batch is made. One thread
 * writes at a time; what others add meanwhile goes with the next batch. */
#include "rf_rpc_internal.h"

#include "rf_rpc_pool.h"

#include <errno.h>
#include <string.h>

#define BATCH_SOFT 262144          /* bytes of small frames after which messages wait */
#define OUT_MAX ((size_t)64 << 20) /* small frames of a peer that does not read */
#define BATCH_KEEP 524288          /* a bigger buffer is freed after use */
#define BATCH_CHUNKS 3             /* DATA frames of big messages in one batch */
#define COPY_BELOW 2048            /* pieces smaller than this are copied, not referred to */

/* ---- messages ---- */

static rf_rpc_out *out_new(size_t len, const rf_rpc_attachment *a)
{
    bool copies = a != NULL && a->len > 0 && a->release == NULL;
    size_t extra = copies ? a->len : 0;
    rf_rpc_out *out =
        (rf_rpc_out *)rf_rpc_pool_get(sizeof(rf_rpc_out) + RF_RPC_PREFIX_LEN + len + extra);
    if (out == NULL) {
        return NULL;
    }
    *out = (rf_rpc_out){.refs = 1, .head_len = (uint32_t)len};
    if (a != NULL) {
        out->attachment = *a;
    }
    rf_rpc_set_u32(out->head, (uint32_t)len);
    rf_rpc_set_u32(out->head + 4, (uint32_t)out->attachment.len);
    if (copies) {
        uint8_t *at = out->head + RF_RPC_PREFIX_LEN + len;
        memcpy(at, a->data, a->len);
        out->attachment.data = at;
    }
    return out;
}

rf_rpc_out *rf_rpc_out_pack(const ProtobufCMessage *message, const rf_rpc_attachment *attachment)
{
    rf_rpc_out *out = out_new(protobuf_c_message_get_packed_size(message), attachment);
    if (out != NULL) {
        (void)protobuf_c_message_pack(message, out->head + RF_RPC_PREFIX_LEN);
    }
    return out;
}

rf_rpc_out *rf_rpc_out_raw(const void *data, size_t len, const rf_rpc_attachment *attachment)
{
    rf_rpc_out *out = out_new(len, attachment);
    if (out != NULL && len > 0) {
        memcpy(out->head + RF_RPC_PREFIX_LEN, data, len);
    }
    return out;
}

void rf_rpc_out_unref(rf_rpc_out *out)
{
    if (--out->refs > 0) {
        return;
    }
    bool copied = out->attachment.len > 0 && out->attachment.release == NULL;
    size_t extra = copied ? out->attachment.len : 0;
    if (out->attachment.release != NULL) {
        out->attachment.release(out->attachment.user);
    }
    rf_rpc_pool_put(out, sizeof(*out) + RF_RPC_PREFIX_LEN + out->head_len + extra);
}

/* Bytes on the wire: prefix, header, attachment. */
size_t rf_rpc_out_size(const rf_rpc_out *out)
{
    return RF_RPC_PREFIX_LEN + out->head_len + out->attachment.len;
}

/* Copies len bytes of the message, from offset. */
static void out_copy(const rf_rpc_out *out, size_t offset, size_t len, uint8_t *to)
{
    size_t head = RF_RPC_PREFIX_LEN + out->head_len;
    if (offset < head) {
        size_t n = RF_MIN(len, head - offset);
        to = (uint8_t *)mempcpy(to, out->head + offset, n);
        offset += n;
        len -= n;
    }
    if (len > 0) {
        memcpy(to, (const uint8_t *)out->attachment.data + (offset - head), len);
    }
}

/* ---- small frames ---- */

/* Room for a frame in the connection's buffer; NULL when the peer reads nothing any more. The end
 * of the stream then comes to the reader, who closes the connection. */
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

static rf_rpc_call_head head_of(const rf_rpc_call *call)
{
    return (rf_rpc_call_head){
        .timeout_ms = timeout_of(call->deadline_ns, rf_time_ns()),
        .method = call->method->name,
        .method_len = strlen(call->method->name),
        .request_id = call->meta.request_id,
        .request_id_len = strlen(call->meta.request_id),
        .traceparent = call->meta.traceparent,
        .traceparent_len = strlen(call->meta.traceparent),
        .tenant = call->meta.tenant,
        .tenant_len = strlen(call->meta.tenant),
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

static void unqueue(rf_rpc_call *call)
{
    rf_rpc_out *out = call->out_first;
    call->out_bytes -= rf_rpc_out_size(out);
    call->out_first = out->next;
    call->out_last = call->out_first == NULL ? &call->out_first : call->out_last;
    out->next = NULL;
}

void rf_rpc_start_locked(rf_rpc_conn *conn, rf_rpc_call *call)
{
    rf_rpc_conn_add_locked(conn, call);
    rf_rpc_call_head head = head_of(call);
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
        out_copy(out, 0, size, at + head_len);
        call->send_credit -= (int64_t)size;
        conn->send_credit -= (int64_t)size;
        unqueue(call);
        rf_rpc_out_unref(out);
    }
    rf_rpc_schedule_locked(call);
}

/* ---- the queue of a call ---- */

static void ring_remove(rf_rpc_call *call)
{
    if (call->ring.next != NULL) {
        call->ring.prev->next = call->ring.next;
        call->ring.next->prev = call->ring.prev;
        call->ring.next = NULL;
    }
}

static rf_rpc_call *ring_call(rf_rpc_link *link)
{
    return (rf_rpc_call *)((char *)link - offsetof(rf_rpc_call, ring));
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
    ring_remove(call);
    while (call->out_first != NULL) {
        rf_rpc_out *out = call->out_first;
        unqueue(call);
        rf_rpc_out_unref(out);
    }
}

static bool put_small(rf_rpc_call *call, rf_rpc_out *out)
{
    rf_rpc_conn *conn = call->conn;
    int64_t size = (int64_t)rf_rpc_out_size(out);
    if (call->out_first != NULL || size > RF_RPC_SMALL || size > call->send_credit ||
        size > conn->send_credit || conn->out.len > BATCH_SOFT) {
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
        out_copy(out, 0, (size_t)size, at);
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
    rf_rpc_schedule_locked(call);
}

/* ---- batches ---- */

static void batch_bytes(rf_rpc_batch *b, size_t offset)
{
    size_t len = b->buf.len - offset;
    if (len == 0) {
        return;
    }
    if (b->n_seg > 0 && b->seg[b->n_seg - 1].data == NULL) {
        b->seg[b->n_seg - 1].len += len;
        return;
    }
    b->seg[b->n_seg].data = NULL;
    b->seg[b->n_seg].offset = offset;
    b->seg[b->n_seg++].len = len;
}

static void batch_frame(rf_rpc_batch *b, const rf_rpc_frame *frame)
{
    size_t offset = b->buf.len;
    uint8_t header[RF_RPC_HEADER_LEN];
    rf_rpc_frame_put(header, frame);
    (void)rf_buf_append(&b->buf, header, sizeof(header));
    batch_bytes(b, offset);
}

/* Adds len bytes at data, referred to when that is worth it. */
static void batch_piece(rf_rpc_batch *b, const uint8_t *data, size_t len)
{
    if (len < COPY_BELOW) {
        size_t offset = b->buf.len;
        (void)rf_buf_append(&b->buf, data, len);
        batch_bytes(b, offset);
        return;
    }
    b->seg[b->n_seg].data = data;
    b->seg[b->n_seg++].len = len;
}

static void batch_part(rf_rpc_batch *b, const rf_rpc_out *out, size_t offset, size_t len)
{
    size_t head = RF_RPC_PREFIX_LEN + out->head_len;
    if (offset < head) {
        size_t n = RF_MIN(len, head - offset);
        batch_piece(b, out->head + offset, n);
        offset += n;
        len -= n;
    }
    if (len > 0) {
        batch_piece(b, (const uint8_t *)out->attachment.data + (offset - head), len);
    }
}

/* One DATA frame of the call's first message, as long as both credits allow. */
static void batch_chunk(rf_rpc_conn *conn, rf_rpc_call *call)
{
    rf_rpc_out *out = call->out_first;
    size_t left = rf_rpc_out_size(out) - out->sent;
    int64_t credit = RF_MIN(call->send_credit, conn->send_credit);
    size_t len = RF_MIN(RF_MIN(left, (size_t)RF_RPC_PAYLOAD_MAX), (size_t)credit);
    bool whole = len == left;
    rf_rpc_frame frame = {
        .len = (uint32_t)len,
        .type = RF_FRAME_DATA,
        .flags = (uint8_t)((out->sent == 0 ? RF_FLAG_MESSAGE : 0) |
                           (whole && out->last ? RF_FLAG_LAST : 0)),
        .call = call->id,
    };
    batch_frame(&conn->batch, &frame);
    batch_part(&conn->batch, out, out->sent, len);
    out->sent += len;
    call->send_credit -= (int64_t)len;
    conn->send_credit -= (int64_t)len;
    out->refs++;
    conn->batch.held[conn->batch.n_held++] = out;
    if (whole) {
        unqueue(call);
        rf_rpc_out_unref(out);
    }
}

/* A message begins only when its prefix can go whole. */
static bool has_credit(const rf_rpc_conn *conn, const rf_rpc_call *call)
{
    int64_t credit = RF_MIN(call->send_credit, conn->send_credit);
    return credit >= (call->out_first->sent == 0 ? RF_RPC_PREFIX_LEN : 1);
}

static void tell_writable(rf_rpc_call *call)
{
    if (call->want_writable && call->out_bytes <= call->hub->limits.max_queue / 2) {
        call->want_writable = false;
        call->pending |= RF_EVENT_WRITABLE;
        rf_rpc_post_locked(call);
    }
}

/* An answered call whose queue is empty ends here. */
static void batch_end(rf_rpc_conn *conn, rf_rpc_call *call)
{
    size_t offset = conn->batch.buf.len;
    const char *text = call->end_message != NULL ? call->end_message : "";
    rf_rpc_end_head head = {call->end_code, call->end_retriable, text, strlen(text)};
    rf_rpc_frame frame = {
        .len = (uint32_t)rf_rpc_end_head_len(&head), .type = RF_FRAME_END, .call = call->id};
    uint8_t *at = (uint8_t *)rf_buf_reserve(&conn->batch.buf, RF_RPC_HEADER_LEN + frame.len);
    if (at != NULL) {
        rf_rpc_frame_put(at, &frame);
        rf_rpc_end_head_put(at + RF_RPC_HEADER_LEN, &head);
        rf_buf_added(&conn->batch.buf, RF_RPC_HEADER_LEN + frame.len);
        batch_bytes(&conn->batch, offset);
    }
    rf_status st = {.code = call->end_code, .retriable = call->end_retriable};
    rf_rpc_finish_locked(call, &st);
}

/* Gives each call in the ring its turn: one DATA frame, then to the end of the ring. */
static void batch_calls(rf_rpc_conn *conn)
{
    /* A turn adds at most four segments: header, two pieces, END. */
    for (int n = 0; n < BATCH_CHUNKS && conn->ring.next != &conn->ring &&
                    conn->batch.n_seg + 4 <= RF_RPC_BATCH_SEGMENTS;) {
        rf_rpc_call *call = ring_call(conn->ring.next);
        ring_remove(call);
        if (call->out_first != NULL) {
            if (!has_credit(conn, call)) {
                if (conn->send_credit < RF_RPC_PREFIX_LEN) {
                    rf_rpc_schedule_locked(call);
                    return;
                }
                continue;
            }
            batch_chunk(conn, call);
            tell_writable(call);
            n++;
        }
        if (call->out_first == NULL && call->end_pending) {
            batch_end(conn, call);
            continue;
        }
        rf_rpc_schedule_locked(call);
    }
}

static bool batch_build(rf_rpc_conn *conn)
{
    rf_rpc_batch *b = &conn->batch;
    b->n_seg = 0;
    b->n_held = 0;
    rf_buf swap = b->buf;
    b->buf = conn->out;
    conn->out = swap;
    batch_bytes(b, 0);
    batch_calls(conn);
    return b->n_seg > 0;
}

static void batch_done(rf_rpc_conn *conn)
{
    rf_rpc_batch *b = &conn->batch;
    for (size_t i = 0; i < b->n_held; i++) {
        rf_rpc_out_unref(b->held[i]);
    }
    b->n_held = 0;
    b->n_seg = 0;
    if (b->buf.cap > BATCH_KEEP) {
        rf_buf_done(&b->buf);
        rf_buf_init(&b->buf, OUT_MAX);
    } else {
        rf_buf_clear(&b->buf);
    }
}

static size_t batch_iov(const rf_rpc_batch *b, rf_rpc_iov iov[RF_RPC_BATCH_SEGMENTS])
{
    for (size_t i = 0; i < b->n_seg; i++) {
        const uint8_t *data =
            b->seg[i].data != NULL ? b->seg[i].data : b->buf.data + b->seg[i].offset;
        iov[i] = (rf_rpc_iov){(void *)(uintptr_t)data, b->seg[i].len};
    }
    return b->n_seg;
}

/* Takes n written bytes off the front. */
static void batch_written(rf_rpc_batch *b, size_t n)
{
    size_t i = 0;
    for (; i < b->n_seg && n >= b->seg[i].len; i++) {
        n -= b->seg[i].len;
    }
    if (i < b->n_seg && n > 0) {
        b->seg[i].len -= n;
        b->seg[i].offset += n;
        b->seg[i].data = b->seg[i].data != NULL ? b->seg[i].data + n : NULL;
    }
    memmove(&b->seg[0], &b->seg[i], (b->n_seg - i) * sizeof(b->seg[0]));
    b->n_seg -= i;
}

/* Writes of the batch what the kernel takes: 0 when that was all, -EAGAIN when it is full.
 * Without the lock: the batch belongs to whoever set conn->sending. */
static int batch_write(rf_rpc_conn *conn)
{
    rf_rpc_iov iov[RF_RPC_BATCH_SEGMENTS];
    size_t n_iov = batch_iov(&conn->batch, iov);
    ssize_t n = rf_rpc_net_write(conn->net, iov, n_iov);
    if (n < 0) {
        return (int)n;
    }
    batch_written(&conn->batch, (size_t)n);
    return conn->batch.n_seg == 0 ? 0 : -EAGAIN;
}

/* Sends what is left of a batch, then batch after batch; called with sending set. */
static void send_on(rf_rpc_conn *conn)
{
    int err = 0;
    while (err == 0 && !conn->dead && (conn->batch.n_seg > 0 || batch_build(conn))) {
        rf_rpc_hub_unlock(conn->hub);
        err = batch_write(conn);
        rf_rpc_hub_lock(conn->hub);
        if (err == 0) {
            batch_done(conn);
        }
    }
    if (err == -EAGAIN && !conn->dead) {
        rf_rpc_iov iov[RF_RPC_BATCH_SEGMENTS];
        size_t n_iov = batch_iov(&conn->batch, iov);
        rf_rpc_net_write_later(conn->net, iov, n_iov);
        return; /* the reference goes with the write */
    }
    batch_done(conn);
    conn->sending = false;
    if (err != 0) {
        rf_rpc_conn_close_locked(conn, "connection lost while writing");
    }
    rf_rpc_conn_unref(conn);
}

void rf_rpc_flush_locked(rf_rpc_conn *conn)
{
    bool idle = conn->out.len == 0 && conn->ring.next == &conn->ring;
    if (conn->sending || conn->corked || conn->dead || conn->net == NULL || idle) {
        return;
    }
    conn->sending = true;
    rf_rpc_conn_ref(conn);
    send_on(conn);
}

void rf_rpc_written(void *user, ssize_t n)
{
    rf_rpc_conn *conn = (rf_rpc_conn *)user;
    rf_rpc_hub *hub = conn->hub;
    rf_rpc_hub_ref(hub);
    rf_rpc_hub_lock(hub);
    if (n > 0) {
        batch_written(&conn->batch, (size_t)n);
    } else {
        conn->batch.n_seg = 0;
        rf_rpc_conn_close_locked(conn, "connection lost while writing");
    }
    if (conn->batch.n_seg == 0) {
        batch_done(conn);
    }
    send_on(conn);
    rf_rpc_hub_unlock(hub);
    rf_rpc_hub_unref(hub);
}

void rf_rpc_write_init(rf_rpc_conn *conn)
{
    rf_buf_init(&conn->out, OUT_MAX);
    rf_buf_init(&conn->batch.buf, OUT_MAX);
}

void rf_rpc_write_done(rf_rpc_conn *conn)
{
    batch_done(conn);
    rf_buf_done(&conn->out);
    rf_buf_done(&conn->batch.buf);
}
