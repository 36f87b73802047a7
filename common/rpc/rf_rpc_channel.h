/*
 * rf_rpc_channel.h - the client's side: connections to one service, and calls on them.
 *
 * A channel keeps one connection to each endpoint, reconnects with jittered back-off (10 ms
 * doubling to 1 s), pings when idle, and places each call on the ready connection with the fewest
 * calls. Calls made before any connection is ready wait for one, at most wait_ready_ms. A call that
 * ends UNAVAILABLE without any answer is tried again when its method is idempotent, or when it
 * surely never reached a handler (not sent, or refused by GOAWAY). Any thread may use a channel.
 */
#ifndef RF_RPC_CHANNEL_H
#define RF_RPC_CHANNEL_H

#include "rf_rpc_call.h"

typedef struct rf_rpc_channel rf_rpc_channel;

/* Files in PEM. With tls+tcp both sides show a certificate signed by ca_file. */
typedef struct rf_rpc_tls {
    const char *ca_file;
    const char *cert_file;
    const char *key_file;
    const char *server_name; /* client: name that the server's certificate must carry; NULL: host */
} rf_rpc_tls;

typedef struct rf_rpc_address {
    char text[64]; /* numeric: "10.0.0.7", "::1" */
} rf_rpc_address;

/* Looks up a host name, up to max addresses; returns their number or negative errno. May block: it
 * runs on a thread of its own. */
typedef int (*rf_rpc_resolve_fn)(const char *host, rf_rpc_address *ret, size_t max, void *user);

/* Zero means the default in brackets. Strings are copied. */
typedef struct rf_rpc_channel_config {
    /* Comma list of ipc:///path, tcp://host:port, tls+tcp://host:port. A host name stands for all
     * its addresses and is looked up again every resolve_ms and after a failed connection. */
    const char *target;
    const rf_rpc_tls *tls;
    int64_t timeout_ms;    /* default deadline of a call [30000] */
    int64_t wait_ready_ms; /* longest wait for a connection, then UNAVAILABLE [5000] */
    int64_t keepalive_ms;  /* ping after this silence; dead after twice it [10000] */
    int64_t resolve_ms;    /* [30000] */
    uint32_t attempts;     /* tries of one call, the first included [3] */
    size_t max_message;    /* bytes of one received message, attachment included [16 MiB] */
    size_t max_calls;      /* calls in flight or waiting [65536] */
    size_t max_queue;      /* bytes that one call may have queued for sending [1 MiB, at least one
                              message] */
    rf_rpc_resolve_fn resolve; /* [getaddrinfo] */
    void *resolve_user;
} rf_rpc_channel_config;

/* rf_rpc_channel_open starts connecting and returns at once. -EINVAL for a bad target, or the error
 * of reading TLS files. */
int rf_rpc_channel_open(const rf_rpc_channel_config *config, rf_rpc_channel **ret) RF_MUST_USE;

/* rf_rpc_channel_close ends every call (CANCELLED), waits for callbacks in progress and frees the
 * channel. Not from a callback. Returns NULL. */
rf_rpc_channel *rf_rpc_channel_close(rf_rpc_channel *channel);

/* rf_rpc_channel_is_ready says whether a connection is up now. */
bool rf_rpc_channel_is_ready(rf_rpc_channel *channel);

/* The end of an asynchronous unary call. */
typedef struct rf_rpc_result {
    const rf_status *status;
    /* The reply, unpacked; freed after the callback unless taken with RF_STEAL, then to be freed
     * with rf_rpc_message_free. NULL when the call failed or was raw. */
    ProtobufCMessage *message;
    rf_rpc_msg raw; /* packed reply and attachment, lent for the callback */
} rf_rpc_result;

typedef void (*rf_rpc_done_fn)(rf_rpc_result *result, void *user);

/* rf_rpc_unary calls a unary method; done(result, user) comes exactly once, on a library thread or
 * before this returns. rf_rpc_unary_raw takes and gives packed bytes (result->message stays NULL).
 * options and attachment may be NULL. ret_call may be NULL; otherwise it receives the call, to be
 * cancelled with rf_rpc_cancel if need be and given up with rf_rpc_call_free (done still comes,
 * with CANCELLED, when the call is not over). */
void rf_rpc_unary(rf_rpc_channel *channel, const rf_rpc_method *method,
                  const rf_rpc_options *options, const ProtobufCMessage *request,
                  const rf_rpc_attachment *attachment, rf_rpc_done_fn done, void *user,
                  rf_rpc_call **ret_call);
void rf_rpc_unary_raw(rf_rpc_channel *channel, const rf_rpc_method *method,
                      const rf_rpc_options *options, const void *request, size_t len,
                      const rf_rpc_attachment *attachment, rf_rpc_done_fn done, void *user,
                      rf_rpc_call **ret_call);

/* rf_rpc_open begins a call of any kind with event callbacks; the caller owns it. It never fails:
 * an error comes as done. method must live as long as the call; its descriptors may be NULL when
 * only packed bytes are used. */
rf_rpc_call *rf_rpc_open(rf_rpc_channel *channel, const rf_rpc_method *method,
                         const rf_rpc_options *options, const rf_rpc_events *events,
                         void *user) RF_MUST_USE;

#endif
