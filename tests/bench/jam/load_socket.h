/*
 * load_socket.h - a WebSocket client that costs next to nothing, for load: of a long message it
 * keeps the two ends and lets the kernel drop the middle, unless it is told to keep all. Plain TCP,
 * unfragmented messages. One thread; non-blocking.
 */
#ifndef LOAD_SOCKET_H
#define LOAD_SOCKET_H

#include "rf_base.h"

#define LOAD_END_BYTES 4096         /* kept of either end */
#define LOAD_MESSAGE_MAX (2u << 20) /* longer ones are an error */

typedef enum load_event {
    LOAD_NOTHING, /* wait for the socket */
    LOAD_OPENED,  /* the upgrade was accepted */
    LOAD_MESSAGE, /* text and its times are in the socket until the next step */
    LOAD_CLOSED,  /* by the peer: close_code says how */
    LOAD_FAILED,  /* why says what went wrong */
} load_event;

typedef struct load_socket {
    int fd;
    bool keep_all;
    bool open;
    char why[128];
    int close_code; /* 1005 when the peer gave none, 1006 without a close frame */
    /* the message */
    int64_t first_ns; /* when its first byte was read */
    int64_t last_ns;
    uint64_t len;
    char *text; /* terminated; of a long message without keep_all: its two ends, joined */
    size_t text_len;
    /* how far it is */
    uint8_t head[10];
    size_t head_len;
    uint64_t got;
} load_socket;

/* load_socket_open connects (blocking) to host:port and asks for the upgrade of path with an API
 * key. Returns 0 or negative errno. */
int load_socket_open(load_socket *s, const char *host, const char *port, const char *path,
                     const char *key);
void load_socket_close(load_socket *s);

/* load_socket_step reads on; call it until LOAD_NOTHING whenever the socket is readable. */
load_event load_socket_step(load_socket *s);

/* load_socket_send sends a text message. Returns 0 or negative errno. */
int load_socket_send(load_socket *s, const char *text);

#endif
