/*
 * jam_rpc_internal.h - what the adapter files share. No generated header here.
 */
#ifndef JAM_RPC_INTERNAL_H
#define JAM_RPC_INTERNAL_H

#include "jam_rpc.h"
#include "rf_rpc.h"

#include <stdatomic.h>

struct jam_rpc {
    jam_service *service;
    rf_rpc_server *server;
    _Atomic(bool) draining;
};

void jam_socket_rpc_register(jam_rpc *rpc);
void jam_render_rpc_register(jam_rpc *rpc);

#endif
