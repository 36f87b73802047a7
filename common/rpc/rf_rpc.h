/*
 * rf_rpc.h - protobuf services over nng byte streams: unary, server-, client- and bidirectional
 * streaming calls with deadlines, cancellation and flow control. README.md has the wire format.
 *
 *   rf_rpc_table.h     services and methods, generated from .proto files
 *   rf_rpc_call.h      one call: events, sending, answering, metadata
 *   rf_rpc_channel.h   client: connections and asynchronous calls
 *   rf_rpc_blocking.h  client: calls that wait
 *   rf_rpc_server.h    server: listeners, handlers, health, drain
 *   rf_rpc_json.h      proto3 JSON by descriptors (include it yourself)
 *   rf_rpc_describe.h  what a server offers, calls by name in JSON (include it yourself)
 */
#ifndef RF_RPC_H
#define RF_RPC_H

#include "rf_rpc_blocking.h"
#include "rf_rpc_call.h"
#include "rf_rpc_channel.h"
#include "rf_rpc_server.h"
#include "rf_rpc_table.h"

/* rf_rpc_rest gives back the memory that is kept for messages to come, up to 32 MiB: for a process
 * that has a burst of them behind it. Any thread. */
void rf_rpc_rest(void);

#endif
