/*
 * reflection_socket.h - whole messages over one WebSocket, the client's side of RFC 6455 (wslay).
 * Pings are answered here. Belongs to one thread at a time.
 */
#ifndef REFLECTION_SOCKET_H
#define REFLECTION_SOCKET_H

#include "reflection_net.h"

#define REFLECTION_MESSAGE_MAX 1048576 /* bytes received */
#define REFLECTION_QUEUE_MAX 262144    /* bytes waiting to be sent */

typedef struct reflection_socket reflection_socket;

/* A received message; data has a terminating zero behind len. */
typedef struct reflection_message {
    struct reflection_message *next;
    bool is_binary;
    size_t len;
    char data[];
} reflection_message;

/* reflection_socket_open connects and upgrades, see reflection_net_open and reflection_upgrade. */
REFLECTION_LOCAL int reflection_socket_open(const reflection_url *url, const char *ca_file,
                                            const char *key, int64_t deadline_ns,
                                            reflection_socket **ret, reflection_jam_fault *fault);
REFLECTION_LOCAL reflection_socket *reflection_socket_close(reflection_socket *s);

/* reflection_socket_send queues a text message, _send_binary a binary one, and sends what the
 * kernel takes. 0, -EAGAIN above REFLECTION_QUEUE_MAX, -ECONNRESET or -EPIPE when the connection is
 * over, -ENOMEM. */
REFLECTION_LOCAL int reflection_socket_send(reflection_socket *s, const char *text);
REFLECTION_LOCAL int reflection_socket_send_binary(reflection_socket *s, const void *data,
                                                   size_t len);

/* reflection_socket_heard_ns: when the server last sent anything, a ping too. */
REFLECTION_LOCAL int64_t reflection_socket_heard_ns(const reflection_socket *s);

/* reflection_socket_next waits for a message. 1 with *ret, which the caller frees; 0 when the
 * deadline has passed; -ECONNRESET or -EPIPE (closed by the server: close_code says how) with all
 * messages given, -EMSGSIZE, -EPROTO. */
REFLECTION_LOCAL int reflection_socket_next(reflection_socket *s, int64_t deadline_ns,
                                            reflection_message **ret);

/* The server's close code; 1005 without one, 1006 for a lost connection, 0 while it is open. */
REFLECTION_LOCAL int reflection_socket_close_code(const reflection_socket *s);

REFLECTION_LOCAL int reflection_socket_fd(const reflection_socket *s);
REFLECTION_LOCAL short reflection_socket_events(const reflection_socket *s);

#endif
