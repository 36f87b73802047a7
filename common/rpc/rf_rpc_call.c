/* What programs do with calls: send, answer, cancel, look. */
#include "rf_rpc_internal.h"

#include <errno.h>
#include <string.h>

/* Takes the lock of the call's hub, which may hang on this call alone. */
static rf_rpc_hub *lock_hub(rf_rpc_call *call)
{
    rf_rpc_hub *hub = call->hub;
    rf_rpc_hub_ref(hub);
    rf_rpc_hub_lock(hub);
    return hub;
}

static void unlock_hub(rf_rpc_hub *hub)
{
    rf_rpc_hub_unlock(hub);
    rf_rpc_hub_unref(hub);
}

static void flush(rf_rpc_call *call)
{
    if (call->conn != NULL) {
        rf_rpc_flush_locked(call->conn);
    }
}

void rf_rpc_call_listen(rf_rpc_call *call, const rf_rpc_events *events, void *user)
{
    rf_rpc_hub *hub = lock_hub(call);
    call->events = *events;
    call->user = user;
    unlock_hub(hub);
}

/* ---- sending ---- */

static int check_send(rf_rpc_call *call, size_t size)
{
    if (size > call->hub->limits.max_message) {
        return -EMSGSIZE;
    }
    if (call->over || call->given_up) {
        return -ECANCELED;
    }
    if (call->local_closed || call->end_pending) {
        return -EPIPE;
    }
    if (call->out_bytes > 0 && call->out_bytes + size > call->hub->limits.max_queue) {
        call->want_writable = true;
        return -EAGAIN;
    }
    return 0;
}

/* A method with one request: the call is made when it is there. */
static bool is_single(const rf_rpc_call *call)
{
    return !call->is_server && (call->method->kind & RF_RPC_CLIENT_STREAM) == 0;
}

static void send_locked(rf_rpc_call *call, rf_rpc_out *out)
{
    if (!is_single(call)) {
        rf_rpc_enqueue_locked(call, out);
        flush(call);
        return;
    }
    out->last = true;
    out->refs++;
    call->request = out;
    call->local_closed = true;
    rf_rpc_enqueue_locked(call, out);
    rf_rpc_place_locked(call, rf_time_ns());
}

/* Packs (message) or copies (data) and queues. */
static int send_any(rf_rpc_call *call, const ProtobufCMessage *message, const void *data,
                    size_t len, const rf_rpc_attachment *attachment)
{
    size_t size = (message != NULL ? protobuf_c_message_get_packed_size(message) : len) +
                  (attachment != NULL ? attachment->len : 0);
    rf_rpc_hub *hub = lock_hub(call);
    int err = check_send(call, size);
    rf_rpc_hub_unlock(hub);
    if (err == 0) {
        rf_rpc_out *out = message != NULL ? rf_rpc_out_pack(message, attachment)
                                          : rf_rpc_out_raw(data, len, attachment);
        rf_rpc_hub_lock(hub);
        err = out == NULL ? -ENOMEM : 0;
        if (err == 0 && (call->over || call->given_up)) {
            err = -ECANCELED;
            out->attachment.release = NULL; /* stays the caller's */
            out->attachment.len = 0;
            rf_rpc_out_unref(out);
        } else if (err == 0) {
            send_locked(call, out);
        }
        rf_rpc_hub_unlock(hub);
    }
    rf_rpc_hub_unref(hub);
    return err;
}

int rf_rpc_send(rf_rpc_call *call, const ProtobufCMessage *message,
                const rf_rpc_attachment *attachment)
{
    return send_any(call, message, NULL, 0, attachment);
}

int rf_rpc_send_raw(rf_rpc_call *call, const void *data, size_t len,
                    const rf_rpc_attachment *attachment)
{
    return send_any(call, NULL, data, len, attachment);
}

/* The end of the client's side goes with the last queued message, or by itself. */
static void half_close_locked(rf_rpc_call *call)
{
    call->local_closed = true;
    rf_rpc_out *last = call->out_first;
    while (last != NULL && last->next != NULL) {
        last = last->next;
    }
    if (last != NULL) {
        last->last = true;
    } else if (call->conn != NULL) {
        rf_rpc_frame frame = {.type = RF_FRAME_DATA, .flags = RF_FLAG_LAST, .call = call->id};
        rf_rpc_put_frame_locked(call->conn, &frame, NULL);
        flush(call);
    }
}

void rf_rpc_half_close(rf_rpc_call *call)
{
    rf_rpc_hub *hub = lock_hub(call);
    if (!call->is_server && !call->over && !call->local_closed) {
        half_close_locked(call);
        if ((call->method->kind & RF_RPC_CLIENT_STREAM) == 0) {
            rf_rpc_place_locked(
                call, rf_time_ns()); /* without a request: the server says what is wrong */
        }
    }
    unlock_hub(hub);
}

void rf_rpc_consumed(rf_rpc_call *call, size_t bytes)
{
    rf_rpc_hub *hub = lock_hub(call);
    rf_rpc_consume_locked(call, RF_RPC_PREFIX_LEN + bytes);
    unlock_hub(hub);
}

/* ---- ending ---- */

void rf_rpc_give_up_locked(rf_rpc_call *call)
{
    call->given_up = true;
    rf_rpc_call_unref_locked(call);
}

void rf_rpc_cancel(rf_rpc_call *call)
{
    rf_rpc_hub *hub = lock_hub(call);
    rf_status st;
    (void)rf_status_set(&st, RF_CANCELLED, "cancelled");
    rf_rpc_abort_locked(call, &st);
    unlock_hub(hub);
}

rf_rpc_call *rf_rpc_call_free(rf_rpc_call *call)
{
    if (call != NULL) {
        rf_rpc_hub *hub = lock_hub(call);
        rf_status st;
        (void)rf_status_set(&st, RF_CANCELLED, "cancelled");
        call->given_up = call->unary_done == NULL;
        rf_rpc_abort_locked(call, &st);
        rf_rpc_call_unref_locked(call);
        unlock_hub(hub);
    }
    return NULL;
}

/* ---- answering ---- */

/* A text that is not UTF-8 would cost the connection: a handler's mistake costs its text alone. */
static void make_ascii(char *s)
{
    for (; *s != '\0'; s++) {
        *s = (char)((unsigned char)*s < 0x80 ? *s : '?');
    }
}

static void set_end(rf_rpc_call *call, const rf_status *status)
{
    call->end_code = status->code;
    call->end_retriable = status->retriable;
    if (status->message[0] != '\0') {
        call->end_message = rf_strdup(status->message);
        if (!rf_utf8_valid(call->end_message, strlen(call->end_message))) {
            make_ascii(call->end_message);
        }
    }
}

/* Ends an answered call now, or when its queue has been sent. */
static void end_locked(rf_rpc_call *call, const rf_status *status)
{
    if (!call->over) {
        set_end(call, status);
        call->given_up = true;
        call->end_pending = true;
        if (call->out_first == NULL) {
            rf_rpc_conn *conn = call->conn;
            rf_rpc_put_end_locked(call);
            rf_rpc_finish_locked(call, status);
            rf_rpc_flush_locked(conn);
        } else {
            flush(call);
        }
    }
    rf_rpc_give_up_locked(call);
}

void rf_rpc_end(rf_rpc_call *call, const rf_status *status)
{
    static const rf_status ok = {.code = RF_OK};
    rf_rpc_hub *hub = lock_hub(call);
    end_locked(call, status != NULL ? status : &ok);
    unlock_hub(hub);
}

void rf_rpc_fail(rf_rpc_call *call, const rf_status *status)
{
    rf_rpc_end(call, status);
}

/* The answer and OK in one END frame, packed where it is sent from. False when it does not fit. */
static bool reply_inline(rf_rpc_call *call, const ProtobufCMessage *message, const void *data,
                         size_t len)
{
    static const rf_status ok = {.code = RF_OK};
    static const rf_rpc_end_head head = {.message = ""};
    rf_rpc_conn *conn = call->conn;
    size_t head_len = rf_rpc_end_head_len(&head);
    size_t size = RF_RPC_PREFIX_LEN + len;
    if (size > RF_RPC_SMALL || call->out_first != NULL || (int64_t)size > call->send_credit ||
        (int64_t)size > conn->send_credit) {
        return false;
    }
    rf_rpc_frame frame = {.len = (uint32_t)(head_len + size),
                          .type = RF_FRAME_END,
                          .flags = RF_FLAG_MESSAGE,
                          .call = call->id};
    uint8_t *at = rf_rpc_frame_reserve_locked(conn, &frame);
    if (at != NULL) {
        rf_rpc_end_head_put(at, &head);
        rf_rpc_set_u32(at + head_len, (uint32_t)len);
        rf_rpc_set_u32(at + head_len + 4, 0);
        at += head_len + RF_RPC_PREFIX_LEN;
        if (message != NULL) {
            (void)protobuf_c_message_pack(message, at);
        } else if (data != NULL && len > 0) {
            memcpy(at, data, len);
        }
        conn->send_credit -= (int64_t)size;
    }
    call->given_up = true;
    rf_rpc_finish_locked(call, &ok);
    rf_rpc_flush_locked(conn);
    return true;
}

static void release(const rf_rpc_attachment *attachment)
{
    if (attachment != NULL && attachment->release != NULL) {
        attachment->release(attachment->user);
    }
}

static void reply_queued(rf_rpc_call *call, const ProtobufCMessage *message, const void *data,
                         size_t len, const rf_rpc_attachment *attachment)
{
    rf_status st = {.code = RF_OK};
    size_t size = len + (attachment != NULL ? attachment->len : 0);
    rf_rpc_out *out = NULL;
    if (size <= call->hub->limits.max_message) {
        out = message != NULL ? rf_rpc_out_pack(message, attachment)
                              : rf_rpc_out_raw(data, len, attachment);
    }
    if (out == NULL) {
        release(attachment);
        (void)rf_status_set(&st, RF_INTERNAL, "the answer of %zu bytes cannot be sent", size);
    } else {
        rf_rpc_enqueue_locked(call, out);
    }
    end_locked(call, &st);
}

static void reply_any(rf_rpc_call *call, const ProtobufCMessage *message, const void *data,
                      size_t len, const rf_rpc_attachment *attachment)
{
    size_t size = message != NULL ? protobuf_c_message_get_packed_size(message) : len;
    rf_rpc_hub *hub = lock_hub(call);
    if (call->over) {
        release(attachment);
        rf_rpc_give_up_locked(call);
    } else if (attachment == NULL && reply_inline(call, message, data, size)) {
        rf_rpc_give_up_locked(call);
    } else {
        reply_queued(call, message, data, size, attachment);
    }
    unlock_hub(hub);
}

void rf_rpc_reply(rf_rpc_call *call, const ProtobufCMessage *message,
                  const rf_rpc_attachment *attachment)
{
    reply_any(call, message, NULL, 0, attachment);
}

void rf_rpc_reply_raw(rf_rpc_call *call, const void *data, size_t len,
                      const rf_rpc_attachment *attachment)
{
    reply_any(call, NULL, data, len, attachment);
}

/* ---- looking ---- */

const rf_rpc_meta *rf_rpc_call_meta(const rf_rpc_call *call)
{
    return &call->meta;
}

const rf_rpc_method *rf_rpc_call_method(const rf_rpc_call *call)
{
    return call->method;
}

rf_rpc_msg rf_rpc_call_attachment(const rf_rpc_call *call)
{
    rf_rpc_msg none = {0};
    return call->lent != NULL ? *call->lent : none;
}

bool rf_rpc_call_is_over(const rf_rpc_call *call)
{
    rf_rpc_call *c = (rf_rpc_call *)(uintptr_t)call;
    rf_rpc_hub *hub = lock_hub(c);
    bool over = c->over;
    unlock_hub(hub);
    return over;
}
