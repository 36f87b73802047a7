/*
 * jam_socket_internal.h - what the files of a socket share:
 *
 *   jam_socket.c        life, what goes to the client, what the session says
 *   jam_socket_read.c   what comes from the client
 */
#ifndef JAM_SOCKET_INTERNAL_H
#define JAM_SOCKET_INTERNAL_H

#include "jam_session.h"
#include "jam_start.h"

#define JAM_SOCKET_BURST 200.0 /* messages at once */

typedef enum jam_socket_state {
    JAM_SOCKET_NEW,
    JAM_SOCKET_STARTING,
    JAM_SOCKET_JOINED,
    JAM_SOCKET_CLOSING,
} jam_socket_state;

/* A message that waits for an engine to open. */
typedef struct jam_held {
    char *text;
    size_t len;
    int64_t arrived_ns;
} jam_held;

struct jam_socket {
    jam_service *service;
    jam_socket *next, *prev; /* in the service's list */
    const jam_port *port;
    void *port_user;
    char *tenant;
    bool may_record;
    char *address;
    uint64_t number;
    jam_socket_state state;
    jam_session *session; /* of JAM_SOCKET_STARTING and JAM_SOCKET_JOINED */
    jam_restore *restore; /* of JAM_SOCKET_STARTING, before there is a session */
    bool is_binary;
    rf_timer *timer; /* NEW: until the start must have come; else to end a lost one */
    bool is_lost;    /* its port has failed, or it does not read */
    double rate_left;
    int64_t rate_ns; /* when rate_left held */
    unsigned n_protocol_errors;
    uint64_t n_sent, n_taken; /* frames */
    uint64_t chunk_end;       /* n_sent behind the last chunk */
    size_t chunk_bytes;       /* of the chunk in hand */
    jam_held *held;
    size_t n_held, held_bytes;
};

/* jam_socket_shut lets go of the session and closes. */
void jam_socket_shut(jam_socket *s, uint32_t code, const char *reason);

/* jam_socket_tell answers with an error; the tenth of those that break the protocol ends the
 * socket. */
void jam_socket_tell(jam_socket *s, const jam_error *error, const char *id);

/* jam_socket_read_held reads what has waited for the engine to open. */
void jam_socket_read_held(jam_socket *s);

#endif
