/*
 * gateway_conn.h - one client connection: bytes in, requests out, answers back, plain or TLS.
 *
 *   HANDSHAKE -> HEAD -> [BODY] -> WAIT -> [SEND] -> HEAD ...
 *                                    \---> UPGRADED
 *                  any error or close: -> LINGER -> CLOSED
 *
 *   HANDSHAKE  TLS only
 *   HEAD       between requests, or in a request's head
 *   BODY       content goes to the exchange's sink, as much as it has room for
 *   WAIT       a service or the disk is at work; nothing is read
 *   SEND       the head of the answer is out, its body follows piece by piece; the client must take
 *              some of what waits for it within send.stall_s
 *   UPGRADED   bytes are no longer HTTP: they go both ways at once through the exchange's take and
 *              writable, until the exchange is answered or the client takes nothing for
 *              sockets.stall_s
 *   LINGER     the last answer is out; what still arrives is thrown away, so that the answer is not
 *              lost to a reset (RFC 9112 section 9.6)
 *
 * No thread waits for a connection. Everything here runs on the thread of the connection's loop.
 * Whoever changes a connection from outside its own events (a completed call, say) stands between
 * gateway_conn_enter and gateway_conn_leave; the latter sends, reads on, and may free it.
 */
#ifndef GATEWAY_CONN_H
#define GATEWAY_CONN_H

#include "gateway_http.h"
#include "gateway_loop.h"
#include "rf_buf.h"

#include <openssl/ssl.h>

#define GATEWAY_OUT_MAX_BYTES (64u << 20) /* the largest answer of a service is 16 MiB packed */

typedef enum gateway_conn_state {
    GATEWAY_CONN_HANDSHAKE,
    GATEWAY_CONN_HEAD,
    GATEWAY_CONN_BODY,
    GATEWAY_CONN_WAIT,
    GATEWAY_CONN_SEND,
    GATEWAY_CONN_UPGRADED,
    GATEWAY_CONN_LINGER,
    GATEWAY_CONN_CLOSED,
} gateway_conn_state;

struct gateway_conn {
    gateway_loop *loop;
    gateway_conn *next; /* list of its phase */
    gateway_conn *prev;
    gateway_phase phase;
    gateway_conn_state state;
    int64_t deadline_ns;
    int fd;
    SSL *ssl; /* NULL: plain */
    rf_loop_fd *watch;
    uint32_t events; /* watched */
    unsigned depth;  /* of enter */
    bool again;      /* bytes in hand may be read on */
    bool want_out;   /* the exchange waits until the socket takes bytes */
    bool closing;    /* no request after this answer */
    bool more;       /* TLS: bytes that no event will tell of */
    gateway_exchange *ex;
    gateway_request req;
    gateway_http http;
    uint64_t window_bytes;   /* of body since the window began */
    uint64_t n_sent;         /* bytes of scratch and queue that the socket has taken, ever */
    gateway_conn *next_held; /* gateway_round.h */
    const char *held;        /* an answer that waits for the end of the round, in the loop */
    size_t held_len;
    rf_buf in;  /* read, not taken yet */
    rf_buf out; /* answered, not sent yet */
};

/* gateway_conn_new takes fd (and ssl, NULL for plain) over. NULL when it cannot be watched; both
 * are closed then. */
gateway_conn *gateway_conn_new(gateway_loop *l, int fd, SSL *ssl);

/* gateway_conn_enter and gateway_conn_leave frame every change from outside. */
void gateway_conn_enter(gateway_conn *c);
void gateway_conn_leave(gateway_conn *c);

/* gateway_conn_flush sends what scratch and queue hold, as far as the socket takes it. Only for the
 * connection itself, which does so in leave. */
void gateway_conn_flush(gateway_conn *c);

/* gateway_conn_close ends the connection at once, between enter and leave; the latter frees it. */
void gateway_conn_close(gateway_conn *c);

/* gateway_conn_reset closes it so that the client sees a reset in place of an end: an answer is not
 * whole, whatever its framing says. */
void gateway_conn_reset(gateway_conn *c);

/* gateway_conn_expired is called when the deadline of its phase has come. */
void gateway_conn_expired(gateway_conn *c);

/* gateway_conn_drain closes the connection if it is between requests. */
void gateway_conn_drain(gateway_conn *c);

/* gateway_conn_end_upgraded asks an upgraded connection's exchange to come to its end. */
void gateway_conn_end_upgraded(gateway_conn *c);

/* gateway_conn_read_body lets the request's body come, after 100 Continue where that is awaited. */
void gateway_conn_read_body(gateway_conn *c);

/* gateway_conn_body_room tells that the sink has room again. */
void gateway_conn_body_room(gateway_conn *c);

/* gateway_conn_append queues bytes of the answer. */
void gateway_conn_append(gateway_conn *c, const void *data, size_t len);

/* gateway_conn_send lets the exchange send the body itself, by its ops' writable. */
void gateway_conn_send(gateway_conn *c);

/* gateway_conn_upgrade makes the connection the exchange's own, behind what is queued. */
void gateway_conn_upgrade(gateway_conn *c);

/* gateway_conn_reserve gives the place where the next bytes out may be written, without a copy, and
 * its size; NULL when there is none until writable comes (ask with gateway_conn_await_out).
 * gateway_conn_added counts those written, gateway_conn_offset gives the n_sent that the first of
 * them will follow. */
uint8_t *gateway_conn_reserve(gateway_conn *c, size_t *ret_room) RF_MUST_USE;
void gateway_conn_added(gateway_conn *c, size_t len);
uint64_t gateway_conn_offset(const gateway_conn *c);

/* gateway_conn_write gives bytes to the socket at once. Returns how many it took, 0 when it takes
 * none now (writable comes later), or negative errno. */
ssize_t gateway_conn_write(gateway_conn *c, const void *data, size_t len);

/* gateway_conn_await_out asks for writable when the socket takes bytes again. */
void gateway_conn_await_out(gateway_conn *c);

/* gateway_conn_progress tells that the client has taken some of the answer. */
void gateway_conn_progress(gateway_conn *c);

/* gateway_conn_answered ends the exchange: the whole answer is queued or sent. */
void gateway_conn_answered(gateway_conn *c);

/* gateway_conn_keeps_alive says whether another request may follow the present one; an answer says
 * so in its head. */
bool gateway_conn_keeps_alive(const gateway_conn *c);

#endif
