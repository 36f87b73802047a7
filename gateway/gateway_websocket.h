/*
 * gateway_websocket.h - a WebSocket on an upgraded connection, between its client and its service.
 *
 *   OPEN ---> CLOSING ---> CLOSED
 *
 *   state    client: message   ping     close      fault      service: message  close, end
 *   OPEN     to the service    pong     CLOSING    CLOSING    queued            CLOSING
 *   CLOSING  dropped           dropped  note it    dropped    dropped           dropped
 *
 *   OPEN     messages pass both ways
 *   CLOSING  our close frame is on its way: behind all that is queued when the service asked for
 *            it, else behind the frame in the making alone. The client's is awaited, 5 s at most
 *   CLOSED   both have gone: the connection sends the rest and lingers
 *
 * A frame of the service is written into what is sent, piece by piece, when the client has room. Up
 * to sockets.queue_bytes wait, then the service is held back; a message of the client that the
 * service has no room for stops the reading of the client. Loop thread.
 */
#ifndef GATEWAY_WEBSOCKET_H
#define GATEWAY_WEBSOCKET_H

#include "gateway_exchange.h"
#include "gateway_socket.h"

/* How a service takes sockets: gives the call of a new one. */
typedef gateway_socket *(*gateway_websocket_opener)(gateway_exchange *ex,
                                                    const gateway_socket_client *client,
                                                    const gateway_socket_events *events,
                                                    void *user);

/* gateway_websocket_begin answers 101 and makes the exchange's connection a socket; or 429, 503.
 * The exchange has passed gateway_upgrade.h. */
void gateway_websocket_begin(gateway_exchange *ex, bool service_ready,
                             gateway_websocket_opener open);

#endif
