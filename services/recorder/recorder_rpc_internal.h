/*
 * recorder_rpc_internal.h - what the adapter files share. No generated header here.
 */
#ifndef RECORDER_RPC_INTERNAL_H
#define RECORDER_RPC_INTERNAL_H

#include "recorder_access.h"
#include "recorder_rpc.h"
#include "rf_rpc.h"

#include <stdatomic.h>

struct recorder_rpc {
    recorder_service *service;
    rf_rpc_server *server;
    struct recorder_publisher *publishers; /* the loop's */
    _Atomic(bool) draining;
};

void recorder_publish_rpc_register(recorder_rpc *rpc);
void recorder_stream_rpc_register(recorder_rpc *rpc);
void recorder_socket_rpc_register(recorder_rpc *rpc);

/* recorder_rpc_caller: who makes the call, lent for as long as it lasts. */
recorder_caller recorder_rpc_caller(const rf_rpc_call *call);

/* recorder_rpc_refuses fails the call while the server is stopping, and tells whether it did. */
bool recorder_rpc_refuses(const recorder_rpc *rpc, rf_rpc_call *call);

/* recorder_publish_rpc_drain sends the publishers away to attach again. The loop. */
void recorder_publish_rpc_drain(recorder_rpc *rpc);

#endif
