/*
 * rf_rpc_call.h - one call, seen alike by the client that made it and the server that answers it.
 *
 * Threads: every function may be called by any thread. Callbacks come on threads of the library and
 * MUST NOT block: they hand over to an owner loop, or answer at once. The callbacks of one call
 * never overlap and come in order; those of different calls may run at the same time. Calling any
 * function of this file from inside a callback is allowed.
 *
 * Ownership: a call that rf_rpc_open returned belongs to its opener, who ends it with
 * rf_rpc_call_free. A call handed to a server handler belongs to the handler until it is answered,
 * exactly once, with rf_rpc_reply, rf_rpc_fail or rf_rpc_end, from any thread and at any later
 * time; after that it must not be touched. Answering a call that is over (cancelled, deadline
 * passed, peer gone) is required all the same and does nothing but release it.
 *
 * Errors that a peer causes are an rf_status in the done event; the functions here return negative
 * errno for local reasons.
 */
#ifndef RF_RPC_CALL_H
#define RF_RPC_CALL_H

#include "rf_base.h"
#include "rf_rpc_table.h"
#include "rf_status.h"

typedef struct rf_rpc_call rf_rpc_call;

/* One received message, lent to the callee until the callback returns. The attachment is the raw
 * bytes that follow the protobuf header (media, file chunks). */
typedef struct rf_rpc_msg {
    const uint8_t *data;
    size_t len;
    const uint8_t *attachment;
    size_t attachment_len;
} rf_rpc_msg;

/* Bytes to send after the protobuf header. With release, the library keeps data without copying and
 * calls release(user) exactly once when it needs it no more; release must only free and may not
 * call the library. A send function that fails has not taken the attachment. Without release the
 * bytes are copied. */
typedef struct rf_rpc_attachment {
    const void *data;
    size_t len;
    void (*release)(void *user);
    void *user;
} rf_rpc_attachment;

#define RF_RPC_REQUEST_ID_MAX 128 /* bytes, each with the terminator */
#define RF_RPC_TRACEPARENT_MAX 64
#define RF_RPC_TENANT_MAX 128
#define RF_RPC_SCOPES_MAX 128

/* What travels with a call. Strings are never NULL, "" when absent. */
typedef struct rf_rpc_meta {
    int64_t deadline_ns; /* rf_time_ns clock, RF_NEVER_NS for none */
    const char *request_id;
    const char *traceparent;
    const char *tenant;
    const char *scopes; /* of the caller's API key (rf_scope.h) */
} rf_rpc_meta;

/* How a client call is made; all zero is a good default. Strings are copied; one that is too long
 * (above), not strict UTF-8 or has control characters is left out. */
typedef struct rf_rpc_options {
    /* The server call on whose behalf this one is made: deadline, request id, traceparent,
     * tenant and scopes are inherited where not given below, and its cancellation cancels this
     * call. May be NULL. */
    rf_rpc_call *parent;
    int64_t deadline_ns; /* 0: the parent's, else the channel's default timeout from now */
    const char *request_id;
    const char *traceparent;
    const char *tenant;
    const char *scopes;
} rf_rpc_options;

/* Events of a call; any may be NULL. user is what was given with the table. */
typedef struct rf_rpc_events {
    /* The peer sent a message. Flow control gives its bytes back when the callback returns, unless
     * manual_credit is set: then when rf_rpc_consumed says so. */
    void (*message)(rf_rpc_call *call, const rf_rpc_msg *msg, void *user);
    /* The client will send no more messages. Server side only. */
    void (*half_close)(rf_rpc_call *call, void *user);
    /* There is room to send again after a send function returned -EAGAIN. */
    void (*writable)(rf_rpc_call *call, void *user);
    /* The last event. Client: the call has ended with status. Server: the call was cancelled, its
     * deadline passed or the peer is gone; it is still to be answered (see above). It does not come
     * after the handler's own answer. */
    void (*done)(rf_rpc_call *call, const rf_status *status, void *user);
    bool manual_credit;
} rf_rpc_events;

/* rf_rpc_call_listen sets the events of a server call; to be called in the open or unary callback,
 * before it returns. */
void rf_rpc_call_listen(rf_rpc_call *call, const rf_rpc_events *events, void *user);

/* rf_rpc_send packs and queues one message; rf_rpc_send_raw one that is packed already. attachment
 * may be NULL. Returns 0; -EAGAIN when the call's queue is full (send again on writable); -EPIPE
 * when this side may send no more; -EMSGSIZE above the message limit; -ECANCELED when the call is
 * over. A server uses these for streams and rf_rpc_reply for the one answer of a unary call. */
int rf_rpc_send(rf_rpc_call *call, const ProtobufCMessage *message,
                const rf_rpc_attachment *attachment);
int rf_rpc_send_raw(rf_rpc_call *call, const void *data, size_t len,
                    const rf_rpc_attachment *attachment);

/* rf_rpc_half_close says that the client sends no more messages. Client side only. */
void rf_rpc_half_close(rf_rpc_call *call);

/* rf_rpc_consumed gives back the credit of one message of a manual_credit call: bytes is len +
 * attachment_len of that message. */
void rf_rpc_consumed(rf_rpc_call *call, size_t bytes);

/* rf_rpc_cancel ends a client call; done comes with CANCELLED, unless the call was over already. */
void rf_rpc_cancel(rf_rpc_call *call);

/* rf_rpc_call_free cancels the client call if it is not over and gives it up; no event comes after
 * it returns, save one that is running on another thread at that moment. Returns NULL. */
rf_rpc_call *rf_rpc_call_free(rf_rpc_call *call);

/* Server: answer and give up the call. reply sends the message and OK; reply_raw does so with
 * packed bytes; fail ends it with a status that is not OK; end ends a stream, status NULL meaning
 * OK. Queued messages are sent first. A reply that cannot be sent (too large) ends the call with
 * INTERNAL. */
void rf_rpc_reply(rf_rpc_call *call, const ProtobufCMessage *message,
                  const rf_rpc_attachment *attachment);
void rf_rpc_reply_raw(rf_rpc_call *call, const void *data, size_t len,
                      const rf_rpc_attachment *attachment);
void rf_rpc_fail(rf_rpc_call *call, const rf_status *status);
void rf_rpc_end(rf_rpc_call *call, const rf_status *status);

/* What the call carries; lives as long as the call. */
const rf_rpc_meta *rf_rpc_call_meta(const rf_rpc_call *call);
const rf_rpc_method *rf_rpc_call_method(const rf_rpc_call *call);

/* rf_rpc_call_attachment lends the attachment of the request of a server's unary call, while its
 * handler runs; an empty view when there is none. */
rf_rpc_msg rf_rpc_call_attachment(const rf_rpc_call *call);

/* rf_rpc_call_is_over says that nobody waits for the answer any more: stop working on it. */
bool rf_rpc_call_is_over(const rf_rpc_call *call);

/* rf_rpc_unpack makes a message of received bytes within the limits that every receive has: strict
 * UTF-8, depth, and memory for unpacking at most RF_RPC_UNPACK_FACTOR times len + 64 KiB. Returns 0
 * and the message in *ret (to be freed with rf_rpc_message_free), or -EBADMSG (malformed), -EILSEQ
 * (UTF-8, or a NUL in a string), -E2BIG (budget or depth). */
#define RF_RPC_UNPACK_FACTOR 16
#define RF_RPC_MAX_DEPTH 32
int rf_rpc_unpack(const ProtobufCMessageDescriptor *type, const void *data, size_t len,
                  ProtobufCMessage **ret) RF_MUST_USE;
void *rf_rpc_message_free(void *message);

#endif
