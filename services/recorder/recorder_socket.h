/*
 * recorder_socket.h - one client of /ws/recorder: JSON control, binary audio, any number of
 * publishers and subscribers, each a stream with its own id (section 8). The owner loop alone, but
 * for what it sends: pieces of live streams go out on the threads that code them.
 *
 * Control messages are {"type": ..., "req": ..., ...}; "req" comes back with the answer. Calls on a
 * publisher name its stream_id. What happens to a session is told to each of its streams
 * (recorder_notice.h) as {"type": "event", "event": ..., "stream_id": ...}; levels only to those
 * begun with "levels": true.
 */
#ifndef RECORDER_SOCKET_H
#define RECORDER_SOCKET_H

#include "recorder_access.h"
#include "recorder_service.h"

#define RECORDER_SOCKET_TEXT_MAX 16384 /* bytes of a control message */
#define RECORDER_SOCKET_STREAMS_MAX 1024

typedef struct recorder_socket recorder_socket;

/* Where it sends. text and binary: any thread. */
typedef struct recorder_socket_port {
    void (*text)(void *user, const char *json, size_t len);
    /* 0, -EAGAIN: no room, recorder_socket_room will be called; another error: it is over. */
    int (*binary)(void *user, const uint8_t *head, const void *data, size_t len);
    void (*close)(void *user, uint32_t code, const char *reason);
    /* A message that was not taken may be now. */
    void (*resume)(void *user);
    /* Nothing of the socket will be used any more. */
    void (*released)(void *user);
} recorder_socket_port;

/* recorder_socket_open copies what caller says. */
recorder_socket *recorder_socket_open(recorder_service *service, const recorder_socket_port *port,
                                      void *user, const recorder_caller *caller);

/* recorder_socket_text and _binary take a message. binary: -ENOBUFS: offer it again when resume is
 * called. */
void recorder_socket_text(recorder_socket *socket, const char *json, size_t len);
int recorder_socket_binary(recorder_socket *socket, const void *data, size_t len,
                           int64_t arrived_ns);

/* recorder_socket_room: the client has taken what was sent. */
void recorder_socket_room(recorder_socket *socket);

/* recorder_socket_gone: the client is gone; its publishers may attach again elsewhere. The socket
 * frees itself, after which released is called. */
void recorder_socket_gone(recorder_socket *socket);

/* recorder_socket_drain closes all of them with 1012. */
void recorder_socket_drain(recorder_service *service);

#endif
