/*
 * gateway_socket.h - a socket as its service sees it: one bidirectional call of socket.v1 messages.
 * Made once for every service; gateway_socket_rpc.c knows the protobuf types. The functions and the
 * events are of the loop's thread; what the RPC library says on its own threads is handed over.
 *
 *   OPEN -> CLOSED (gateway_socket_close: Closed is sent) -> ENDED (the call is over; freed)
 *     \--------- the service ends the call -------------------^
 */
#ifndef GATEWAY_SOCKET_H
#define GATEWAY_SOCKET_H

#include "gateway_frame.h"
#include "rf_loop.h"
#include "rf_status.h"

typedef struct gateway_socket gateway_socket;
struct rf_rpc_channel;
struct rf_rpc_method;

typedef struct gateway_socket_events {
    /* A message for the client, or the close that ends the socket behind those before it. Takes the
     * frame, whose credit is to be given back with gateway_socket_consumed. */
    void (*frame)(void *user, gateway_frame *frame);
    /* There is room again after -EAGAIN. */
    void (*writable)(void *user);
    /* The last event: the call is over and the socket gone. */
    void (*ended)(void *user, const rf_status *status);
} gateway_socket_events;

/* Who has connected. Texts are copied. */
typedef struct gateway_socket_client {
    const char *tenant; /* application id, "" for an anonymous client */
    const char *scopes;
    const char *key_id;
    const char *address;
    const char *query;
    const char *request_id;
    const char *traceparent;
} gateway_socket_client;

/* gateway_socket_open begins the call. It never fails: an error comes as ended. */
gateway_socket *gateway_socket_open(struct rf_rpc_channel *channel,
                                    const struct rf_rpc_method *method,
                                    const gateway_socket_client *client, rf_loop *loop,
                                    const gateway_socket_events *events, void *user);

/* gateway_socket_send passes a message of the client on and steals data. -EAGAIN when the service
 * is slow: data stays, try again on writable. A call that is over swallows it. */
int gateway_socket_send(gateway_socket *s, gateway_opcode opcode, rf_buf *data);

/* gateway_socket_taken tells how many messages have gone to the client since the call began. */
void gateway_socket_taken(gateway_socket *s, uint64_t frames);

/* gateway_socket_consumed lets the service send bytes more. */
void gateway_socket_consumed(gateway_socket *s, size_t bytes);

/* gateway_socket_close says that the client's side is closed; no event comes any more. The service
 * gets some seconds to end the call. */
void gateway_socket_close(gateway_socket *s, unsigned code, const char *reason);

#endif
