/*
 * jam_socket.h - one client: reads its messages, guards rate and errors, answers, and writes chunks
 * and texts in an order that keeps each binary frame and its chunk_meta together.
 *
 *     NEW --start--> STARTING --started--> JOINED --stopped--> CLOSING --gone--> freed
 *      \               \--error--> NEW       \                  ^
 *       \-- 30 s, 10 protocol errors, client leaves ------------/
 *
 * What carries the frames is the adapter's (a jam_port); this file knows no transport. Owner loop.
 */
#ifndef JAM_SOCKET_H
#define JAM_SOCKET_H

#include "jam_block.h"
#include "jam_message.h"

struct jam_service;
struct jam_session;
typedef struct jam_socket jam_socket;

/* One WebSocket message: before, the file of block (NULL: none), after. */
typedef struct jam_frame {
    bool binary;
    bool base64; /* the file goes out in base64 */
    const char *before;
    size_t n_before;
    const char *after;
    size_t n_after;
    jam_block *block; /* the port takes a reference of its own for as long as it needs it */
} jam_frame;

typedef struct jam_port {
    /* frame passes one message on. Returns 0, or a negative errno: the client is lost. */
    int (*frame)(void *port, const jam_frame *frame);
    /* close ends the socket once the frames before it are out. */
    void (*close)(void *port, uint32_t code, const char *reason);
} jam_port;

/* Who has connected; texts are copied. */
typedef struct jam_client {
    const char *tenant; /* "" for an anonymous client */
    const char *scopes; /* rf_scope.h */
    const char *address;
} jam_client;

/* jam_socket_open: NULL when there are too many. */
jam_socket *jam_socket_open(struct jam_service *service, const jam_port *port, void *port_user,
                            const jam_client *client);

/* jam_socket_gone frees it: the client is gone or has closed. The port is not called any more. */
void jam_socket_gone(jam_socket *s);

/* From the client. arrived_ns is when the message came, for the metrics. */
void jam_socket_message(jam_socket *s, const char *text, size_t len, int64_t arrived_ns);
void jam_socket_binary(jam_socket *s);

/* jam_socket_taken: so many frames have gone to the client since the socket was opened. */
void jam_socket_taken(jam_socket *s, uint64_t n_frames);

/* ---- for the session ---- */

/* jam_socket_text passes a JSON text on. */
void jam_socket_text(jam_socket *s, const char *text, size_t len);

/* jam_socket_error answers with an error; id may be NULL. */
void jam_socket_error(jam_socket *s, const jam_error *error, const char *id);

/* jam_socket_chunk passes a chunk on; only when jam_socket_has_room. */
void jam_socket_chunk(jam_socket *s, jam_block *block);

/* jam_socket_has_room: no chunk is in hand that the client has not taken. */
bool jam_socket_has_room(const jam_socket *s);

/* jam_socket_joined: the start has led to this session. jam_socket_refused: it has not. */
void jam_socket_joined(jam_socket *s, struct jam_session *session);
void jam_socket_refused(jam_socket *s, const jam_error *error, const char *id);

/* jam_socket_restored: the start has led to a session from the store, which opens now. */
void jam_socket_restored(jam_socket *s, struct jam_session *session);

/* jam_socket_close ends it; the session must have let go of it. */
void jam_socket_close(jam_socket *s, uint32_t code, const char *reason);

/* jam_socket_drain tells the client that the server ends in so many ms. */
void jam_socket_drain(jam_socket *s, uint32_t deadline_ms);

/* jam_socket_next walks from service->sockets on. */
jam_socket *jam_socket_next(const jam_socket *s);
bool jam_socket_is_joined(const jam_socket *s);
bool jam_socket_is_binary(const jam_socket *s);
const char *jam_socket_tenant(const jam_socket *s);
const char *jam_socket_address(const jam_socket *s);
uint64_t jam_socket_number(const jam_socket *s); /* of this process; never twice */

#endif
