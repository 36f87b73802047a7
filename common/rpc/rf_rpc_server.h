/*
 * rf_rpc_server.h - the server's side: listeners, method handlers, health and drain.
 *
 * Register handlers between new and start; rpc.v1.Health and rpc.v1.Describe are there already.
 * Handlers run on threads of the library and must not block (rf_rpc_call.h).
 */
#ifndef RF_RPC_SERVER_H
#define RF_RPC_SERVER_H

#include "rf_rpc_call.h"
#include "rf_rpc_channel.h"

typedef struct rf_rpc_server rf_rpc_server;

/* Zero means the default in brackets. Strings are copied. */
typedef struct rf_rpc_server_config {
    /* Comma list of ipc:///path (socket of mode 0600, a stale one is replaced), tcp://addr:port,
     * tls+tcp://addr:port. Port 0 picks a free one, see rf_rpc_server_port. */
    const char *listen;
    const rf_rpc_tls *tls;
    size_t max_message;     /* bytes of one received message, attachment included [16 MiB] */
    size_t max_queue;       /* bytes that one call may have queued for sending [1 MiB, at least one
                               message] */
    size_t max_calls;       /* calls in flight on one connection [16384] */
    size_t max_connections; /* [1024] */
    int64_t keepalive_ms;   /* ping after this silence; cut off after twice it [10000] */
} rf_rpc_server_config;

/* Typed unary handler: request lives until fn returns. Answer with rf_rpc_reply or rf_rpc_fail, now
 * or later. Give rf_rpc_call_listen a done event to learn of cancellation. */
typedef void (*rf_rpc_unary_fn)(rf_rpc_call *call, const ProtobufCMessage *request, void *user);

/* Any other kind, or packed bytes: called when the call begins; sets events with
 * rf_rpc_call_listen. */
typedef void (*rf_rpc_open_fn)(rf_rpc_call *call, void *user);

int rf_rpc_server_new(const rf_rpc_server_config *config, rf_rpc_server **ret) RF_MUST_USE;

/* rf_rpc_server_handle_unary and _stream set the handler of one method. Methods of a registered
 * service that have no handler are answered UNIMPLEMENTED. Both make the service known to
 * rpc.v1.Describe. The service object must outlive the server. */
void rf_rpc_server_handle_unary(rf_rpc_server *server, const rf_rpc_service *service,
                                const rf_rpc_method *method, rf_rpc_unary_fn fn, void *user);
void rf_rpc_server_handle_stream(rf_rpc_server *server, const rf_rpc_service *service,
                                 const rf_rpc_method *method, rf_rpc_open_fn fn, void *user);

/* rf_rpc_server_start listens. 0, or the negative errno of the first listener that failed. */
int rf_rpc_server_start(rf_rpc_server *server) RF_MUST_USE;

/* rf_rpc_server_port gives the TCP port of listener number index, 0 for ipc. After start. */
uint16_t rf_rpc_server_port(const rf_rpc_server *server, size_t index);

/* rf_rpc_server_set_health changes what rpc.v1.Health answers; reason may be NULL. A new server is
 * NOT_READY until told otherwise. */
typedef enum rf_rpc_health {
    RF_RPC_READY = 1,
    RF_RPC_DRAINING = 2,
    RF_RPC_NOT_READY = 3
} rf_rpc_health;
void rf_rpc_server_set_health(rf_rpc_server *server, rf_rpc_health health, const char *reason);

/* rf_rpc_server_drain stops listening, sends GOAWAY to every client (new calls go elsewhere) and
 * waits until the calls in progress have been answered, at most timeout_ms. Returns 0, or
 * -ETIMEDOUT when calls are left. Blocks; not from a callback. */
int rf_rpc_server_drain(rf_rpc_server *server, int64_t timeout_ms);

/* rf_rpc_server_calls counts the calls in progress. */
size_t rf_rpc_server_calls(rf_rpc_server *server);

/* rf_rpc_server_free closes every connection, ends calls in progress (their done events come) and
 * frees the server. Calls that the handlers still owe an answer may be answered afterwards. Not
 * from a callback. Returns NULL. */
rf_rpc_server *rf_rpc_server_free(rf_rpc_server *server);

#endif
