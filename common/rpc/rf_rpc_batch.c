/* Writing: one thread writes at a time, a batch of small frames and of DATA frames of big messages.
 * What others add meanwhile goes with the next batch, and what the kernel did not take is topped up
 * before it is written again. */
#include "rf_rpc_internal.h"

#include <errno.h>
#include <string.h>

#define OUT_MAX ((size_t)64 << 20) /* small frames of a peer that does not read */
#define BATCH_KEEP 524288          /* a bigger buffer is freed after use */
#define TOP_UP_MAX 65536           /* small frames that are added to a batch in progress */
#define COPY_BELOW 2048            /* pieces smaller than this are copied, not referred to */

/* ---- pieces ---- */

/* What was appended to the buffer since offset belongs to the batch. */
static void batch_bytes(rf_rpc_batch *b, size_t offset)
{
    size_t len = b->buf.len - offset;
    if (len == 0) {
        return;
    }
    if (b->n_seg > 0 && b->seg[b->n_seg - 1].out == NULL) {
        b->seg[b->n_seg - 1].len += len;
        return;
    }
    b->seg[b->n_seg++] = (rf_rpc_segment){.offset = offset, .len = len};
}

static void batch_copy(rf_rpc_batch *b, const void *data, size_t len)
{
    size_t offset = b->buf.len;
    (void)rf_buf_append(&b->buf, data, len);
    batch_bytes(b, offset);
}

/* Adds len bytes of the message, referred to when that is worth it. */
static void batch_piece(rf_rpc_batch *b, rf_rpc_out *out, const uint8_t *data, size_t len)
{
    if (len < COPY_BELOW) {
        batch_copy(b, data, len);
        return;
    }
    out->refs++;
    b->seg[b->n_seg++] = (rf_rpc_segment){.out = out, .data = data, .len = len};
}

static void batch_part(rf_rpc_batch *b, rf_rpc_out *out, size_t offset, size_t len)
{
    size_t head = RF_RPC_PREFIX_LEN + out->head_len;
    if (offset < head) {
        size_t n = RF_MIN(len, head - offset);
        batch_piece(b, out, out->head + offset, n);
        offset += n;
        len -= n;
    }
    if (len > 0) {
        batch_piece(b, out, (const uint8_t *)out->attachment.data + (offset - head), len);
    }
}

/* ---- frames ---- */

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
    uint8_t header[RF_RPC_HEADER_LEN];
    rf_rpc_frame_put(header, &frame);
    batch_copy(&conn->batch, header, sizeof(header));
    batch_part(&conn->batch, out, out->sent, len);
    out->sent += len;
    call->send_credit -= (int64_t)len;
    conn->send_credit -= (int64_t)len;
    if (whole) {
        rf_rpc_unqueue_locked(call);
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
static void batch_end(rf_rpc_call *call)
{
    rf_status st = {.code = call->end_code, .retriable = call->end_retriable};
    rf_rpc_put_end_locked(call);
    rf_rpc_finish_locked(call, &st);
}

static rf_rpc_call *ring_call(rf_rpc_link *link)
{
    return (rf_rpc_call *)((char *)link - offsetof(rf_rpc_call, ring));
}

/* Gives the call its turn. False when the connection's credit is used up. */
static bool batch_turn(rf_rpc_conn *conn, rf_rpc_call *call)
{
    if (call->out_first != NULL) {
        if (!has_credit(conn, call)) {
            /* CREDIT for the call puts it into the ring again */
            return conn->send_credit >= RF_RPC_PREFIX_LEN;
        }
        batch_chunk(conn, call);
        tell_writable(call);
    }
    if (call->out_first == NULL && call->end_pending) {
        batch_end(call);
        return true;
    }
    rf_rpc_schedule_locked(call);
    return true;
}

/* The most segments that the call's next frame can take: header with what is copied, a big protobuf
 * header, the attachment. */
static size_t turn_segments(const rf_rpc_call *call)
{
    const rf_rpc_out *out = call->out_first;
    return out != NULL && out->sent + COPY_BELOW <= RF_RPC_PREFIX_LEN + out->head_len ? 3 : 2;
}

/* Gives each call in the ring its turn: one DATA frame, then to the end of the ring. */
static void batch_calls(rf_rpc_conn *conn)
{
    while (conn->ring.next != &conn->ring) {
        rf_rpc_call *call = ring_call(conn->ring.next);
        if (conn->batch.n_seg + turn_segments(call) > RF_RPC_BATCH_SEGMENTS) {
            return;
        }
        rf_rpc_unschedule_locked(call);
        if (!batch_turn(conn, call)) {
            rf_rpc_schedule_locked(call);
            return;
        }
    }
}

/* ---- batches ---- */

/* Takes the connection's small frames. False when they have to wait, and all after them. */
static bool batch_small(rf_rpc_conn *conn)
{
    rf_rpc_batch *b = &conn->batch;
    if (conn->out.len == 0) {
        return true;
    }
    if (b->n_seg == 0) {
        rf_buf swap = b->buf;
        b->buf = conn->out;
        conn->out = swap;
        batch_bytes(b, 0);
        return true;
    }
    if (conn->out.len > TOP_UP_MAX || b->n_seg == RF_RPC_BATCH_SEGMENTS) {
        return false;
    }
    batch_copy(b, conn->out.data, conn->out.len);
    rf_buf_clear(&conn->out);
    return true;
}

/* Drops written bytes at the front of the buffer when there are many. */
static void batch_compact(rf_rpc_batch *b)
{
    size_t i = 0;
    while (i < b->n_seg && b->seg[i].out != NULL) {
        i++;
    }
    size_t written = i < b->n_seg ? b->seg[i].offset : b->buf.len;
    if (written < TOP_UP_MAX) {
        return;
    }
    rf_buf_consume(&b->buf, written);
    for (; i < b->n_seg; i++) {
        b->seg[i].offset -= b->seg[i].out == NULL ? written : 0;
    }
}

/* Adds to the batch what has room in it. False when it is empty then. */
static bool batch_fill(rf_rpc_conn *conn)
{
    rf_rpc_batch *b = &conn->batch;
    batch_compact(b);
    if (batch_small(conn)) {
        batch_calls(conn);
        (void)batch_small(conn); /* ENDs */
    }
    if (rf_buf_error(&b->buf) != 0) {
        rf_rpc_net_close(conn->net); /* no memory */
    }
    return b->n_seg > 0;
}

static size_t batch_iov(const rf_rpc_batch *b, rf_rpc_iov iov[RF_RPC_BATCH_SEGMENTS])
{
    for (size_t i = 0; i < b->n_seg; i++) {
        const rf_rpc_segment *s = &b->seg[i];
        const uint8_t *data = s->out != NULL ? s->data : b->buf.data;
        iov[i] = (rf_rpc_iov){(void *)(uintptr_t)(data + s->offset), s->len};
    }
    return b->n_seg;
}

/* Takes n written bytes off the front. */
static void batch_written(rf_rpc_batch *b, size_t n)
{
    size_t i = 0;
    for (; i < b->n_seg && n >= b->seg[i].len; i++) {
        n -= b->seg[i].len;
        if (b->seg[i].out != NULL) {
            rf_rpc_out_unref(b->seg[i].out);
        }
    }
    b->n_seg -= i;
    memmove(&b->seg[0], &b->seg[i], b->n_seg * sizeof(b->seg[0]));
    if (b->n_seg > 0) {
        b->seg[0].len -= n;
        b->seg[0].offset += n;
    } else if (b->buf.cap > BATCH_KEEP) {
        rf_buf_done(&b->buf);
        rf_buf_init(&b->buf, OUT_MAX);
    } else {
        rf_buf_clear(&b->buf);
    }
}

static void batch_drop(rf_rpc_batch *b)
{
    batch_written(b, SIZE_MAX);
}

/* ---- sending ---- */

/* Writes of the batch what the kernel takes: 0 when that was all, -EAGAIN when it is full. The
 * batch belongs to whoever set conn->sending, the lock is released meanwhile. */
static int batch_write(rf_rpc_conn *conn)
{
    rf_rpc_iov iov[RF_RPC_BATCH_SEGMENTS];
    size_t n_iov = batch_iov(&conn->batch, iov);
    rf_rpc_hub_unlock(conn->hub);
    ssize_t n = rf_rpc_net_write(conn->net, iov, n_iov);
    rf_rpc_hub_lock(conn->hub);
    if (n < 0) {
        return (int)n;
    }
    batch_written(&conn->batch, (size_t)n);
    return conn->batch.n_seg == 0 ? 0 : -EAGAIN;
}

static void write_later(rf_rpc_conn *conn)
{
    rf_rpc_iov iov[RF_RPC_BATCH_SEGMENTS];
    (void)batch_fill(conn);
    size_t n_iov = batch_iov(&conn->batch, iov);
    rf_rpc_net_write_later(conn->net, iov, n_iov);
}

/* Sends what there is; called with sending set and a reference. */
static void send_on(rf_rpc_conn *conn)
{
    int err = 0;
    while (err == 0 && !conn->dead && batch_fill(conn)) {
        err = batch_write(conn);
    }
    if (err == -EAGAIN && !conn->dead) {
        write_later(conn);
        return; /* the reference goes with the write */
    }
    batch_drop(&conn->batch);
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
    rf_rpc_enter_library_locked(hub);
    if (n > 0) {
        batch_written(&conn->batch, (size_t)n);
    } else {
        rf_rpc_conn_close_locked(conn, "connection lost while writing");
    }
    send_on(conn);
    rf_rpc_leave_library_locked(hub);
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
    batch_drop(&conn->batch);
    rf_buf_done(&conn->out);
    rf_buf_done(&conn->batch.buf);
}
