/*
 * jam_rpc.h - jam.v1.JamService on the parts of the service: documents and renders here, sockets in
 * jam_socket_rpc.c. Callbacks of the RPC library only hand over to the owner loop.
 */
#ifndef JAM_RPC_H
#define JAM_RPC_H

#include "jam_service.h"

typedef struct jam_rpc jam_rpc;

/* jam_rpc_start listens on listen. Returns 0 or a negative errno. */
int jam_rpc_start(jam_service *service, const char *listen, jam_rpc **ret);

/* jam_rpc_drain takes no new calls; those in hand go on. */
void jam_rpc_drain(jam_rpc *rpc);

/* jam_rpc_calls counts the calls in progress. */
size_t jam_rpc_calls(jam_rpc *rpc);

/* jam_rpc_stop ends the calls, running the loop so that the sockets learn of it. Returns NULL. */
jam_rpc *jam_rpc_stop(jam_rpc *rpc);

#endif
