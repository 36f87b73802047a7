/*
 * rf_rpc_builtin.h - rpc.v1.Health and rpc.v1.Describe, which every server answers. Internal to
 * common/rpc.
 */
#ifndef RF_RPC_BUILTIN_H
#define RF_RPC_BUILTIN_H

#include "rf_buf.h"
#include "rf_rpc_server.h"

typedef struct rf_rpc_builtin rf_rpc_builtin;

/* Registers both services with the server, before it starts. */
rf_rpc_builtin *rf_rpc_builtin_new(rf_rpc_server *server);
rf_rpc_builtin *rf_rpc_builtin_free(rf_rpc_builtin *b);

/* Tells the watchers. Any thread. */
void rf_rpc_builtin_set_health(rf_rpc_builtin *b, rf_rpc_health health, const char *reason);

/* Ends the watches: the server drains. */
void rf_rpc_builtin_stop(rf_rpc_builtin *b);

/* rf_rpc_server_service gives the services of a server one by one, NULL after the last. */
const rf_rpc_service *rf_rpc_server_service(const rf_rpc_server *server, size_t index);

#endif
