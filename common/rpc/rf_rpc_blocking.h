/*
 * rf_rpc_blocking.h - calls for threads that may wait: workers, the command line, tests. Never use
 * these on a library thread (inside a callback) or on an owner loop.
 */
#ifndef RF_RPC_BLOCKING_H
#define RF_RPC_BLOCKING_H

#include "rf_rpc_channel.h"

/* rf_rpc_invoke makes a unary call and waits. Returns 0 with the reply in *ret_reply (to be freed
 * with rf_rpc_message_free), or the negative errno of *st. st and options may be NULL. */
int rf_rpc_invoke(rf_rpc_channel *channel, const rf_rpc_method *method,
                  const rf_rpc_options *options, const ProtobufCMessage *request,
                  ProtobufCMessage **ret_reply, rf_status *st);

/* rf_rpc_end_settled is rf_rpc_end that waits for a callback of the call running on another thread:
 * on return what the events' user points to may be freed. */
void rf_rpc_end_settled(rf_rpc_call *call, const rf_status *status);

/* A stream of either side, read and written by one thread at a time each. */
typedef struct rf_rpc_stream rf_rpc_stream;

/* One received message; freed with rf_rpc_item_free. */
typedef struct rf_rpc_item {
    rf_rpc_msg msg;
    ProtobufCMessage *message; /* unpacked; NULL when the method has no descriptors */
} rf_rpc_item;
rf_rpc_item *rf_rpc_item_free(rf_rpc_item *item);

/* rf_rpc_stream_open begins a client call of any kind. */
rf_rpc_stream *rf_rpc_stream_open(rf_rpc_channel *channel, const rf_rpc_method *method,
                                  const rf_rpc_options *options) RF_MUST_USE;

/* rf_rpc_stream_accept wraps a server call, in its open callback, for use on another thread. It
 * must be ended with rf_rpc_stream_end. */
rf_rpc_stream *rf_rpc_stream_accept(rf_rpc_call *call) RF_MUST_USE;

/* rf_rpc_stream_send waits for room. 0, -ECANCELED when the call is over, -EMSGSIZE. */
int rf_rpc_stream_send(rf_rpc_stream *s, const ProtobufCMessage *message,
                       const rf_rpc_attachment *attachment);
int rf_rpc_stream_send_raw(rf_rpc_stream *s, const void *data, size_t len,
                           const rf_rpc_attachment *attachment);
void rf_rpc_stream_half_close(rf_rpc_stream *s);

/* rf_rpc_stream_recv waits for the next message. 1 and *ret; 0 at the end (client: status OK;
 * server: the client half-closed); the negative errno of the status when the call failed. */
int rf_rpc_stream_recv(rf_rpc_stream *s, rf_rpc_item **ret);

/* rf_rpc_stream_status is the call's final status; valid after recv returned 0 or less. */
const rf_status *rf_rpc_stream_status(const rf_rpc_stream *s);
rf_rpc_call *rf_rpc_stream_call(const rf_rpc_stream *s);
void rf_rpc_stream_cancel(rf_rpc_stream *s);

/* rf_rpc_stream_end answers a server stream (status NULL is OK) and frees it;
 * rf_rpc_stream_free cancels and frees a client stream. Both return NULL. */
rf_rpc_stream *rf_rpc_stream_end(rf_rpc_stream *s, const rf_status *status);
rf_rpc_stream *rf_rpc_stream_free(rf_rpc_stream *s);

#endif
