/*
 * gateway_call.h - calls that a service answers once, with what becomes a JSON document, and the
 * channels they go over: what the adapters (gateway_*_rpc.c) share. Calls are made on the
 * exchange's loop thread and come back there, as gateway_rpc.h says.
 */
#ifndef GATEWAY_CALL_H
#define GATEWAY_CALL_H

#include "gateway_rpc.h"
#include "rf_rpc.h"

/* gateway_call_channel starts connecting. wait_ms: how long a call waits for a service that is
 * away. Returns 0, -EINVAL for a bad target or the error of reading TLS files. */
int gateway_call_channel(const char *targets, const gateway_config *config, int64_t wait_ms,
                         rf_rpc_channel **ret);

/* gateway_call_options: the exchange's request id, trace, tenant and scopes, the channel's
 * deadline.
 */
rf_rpc_options gateway_call_options(gateway_exchange *ex);

/* Writes a reply as JSON, on a thread of the RPC library. Returns 0, or an error: the call has
 * failed with INTERNAL. */
typedef int (*gateway_call_reader)(const ProtobufCMessage *reply, rf_buf *json);

/* gateway_call calls a unary method; deadline_ns as in rf_rpc_options, 0 for the channel's. */
void gateway_call(gateway_exchange *ex, rf_rpc_channel *channel, const rf_rpc_method *method,
                  int64_t deadline_ns, const ProtobufCMessage *request, gateway_call_reader read,
                  gateway_reply_fn fn);

#endif
