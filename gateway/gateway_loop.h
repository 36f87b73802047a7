/*
 * gateway_loop.h - the event loops of the gateway: one thread each, which owns the connections that
 * it was given and everything they hold. Only gateway_loop_give and rf_loop_post (on the loop's
 * rf_loop) may be called by other threads.
 */
#ifndef GATEWAY_LOOP_H
#define GATEWAY_LOOP_H

#include "gateway.h"
#include "rf_loop.h"

#include <stdatomic.h>

typedef struct gateway_conn gateway_conn;
typedef struct gateway_exchange gateway_exchange;

/* What a connection is waiting for; each has one length of time for the whole gateway, so that the
 * connections of a phase stand in the order of their deadlines and no heap is needed. */
typedef enum gateway_phase {
    GATEWAY_PHASE_FRESH,  /* next request, soon: 1 s, then IDLE */
    GATEWAY_PHASE_IDLE,   /* next request: the rest of idle.timeout_s */
    GATEWAY_PHASE_HEAD,   /* handshake or head complete: head.timeout_ms */
    GATEWAY_PHASE_BODY,   /* window of the least rate: body.window_s */
    GATEWAY_PHASE_SEND,   /* any byte of the answer taken: send.stall_s */
    GATEWAY_PHASE_LINGER, /* client reads the last answer: 2 s */
    GATEWAY_PHASE_STALL,  /* any byte taken of what a socket has for its client: sockets.stall_s */
    GATEWAY_PHASE_NONE,   /* a service answers: the call has its own deadline */
    GATEWAY_N_PHASES,
} gateway_phase;

#define GATEWAY_IO_BYTES 65536 /* one read or write of a socket */

/* "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" */
#define GATEWAY_DATE_LEN 37

typedef struct gateway_conn_list {
    gateway_conn *first;
    gateway_conn *last;
} gateway_conn_list;

typedef struct gateway_loop {
    gateway *gw;
    rf_loop *loop;
    pthread_t thread;
    rf_timer *timer;
    int64_t armed_ns;
    int64_t phase_ns[GATEWAY_N_PHASES];
    gateway_conn_list phases[GATEWAY_N_PHASES];
    _Atomic(int64_t) n_conns;
    bool draining;
    rf_timer *drain_timer;   /* upgraded connections go on so long */
    rf_timer *rest;          /* what the last sockets have left behind is given back then */
    gateway_exchange *spare; /* free list */
    size_t n_spare;
    uint64_t next_request; /* of the request ids made here */
    char id_prefix[9];
    time_t date_s;
    char date[GATEWAY_DATE_LEN + 1];
    /* scratch of the connection being served */
    size_t tx_len;
    char rx[GATEWAY_IO_BYTES];
    char tx[GATEWAY_IO_BYTES];
    /* gateway_round.h */
    gateway_conn_list held;
    size_t n_held_bytes;
    char held_bytes[GATEWAY_IO_BYTES];
} gateway_loop;

/* gateway_loop_start makes a loop and its thread. NULL when the kernel gives none. */
gateway_loop *gateway_loop_start(gateway *gw);

/* gateway_loop_close_all closes every connection and waits for that; none is taken afterwards. */
void gateway_loop_close_all(gateway_loop *l);

/* gateway_loop_stop runs what was posted before, ends the thread and frees the loop, whose
 * connections must have been closed. */
gateway_loop *gateway_loop_stop(gateway_loop *l);

/* gateway_loop_give hands a new socket over; tls may be NULL. */
void gateway_loop_give(gateway_loop *l, int fd, bool tls);

/* gateway_loop_drain closes idle connections and lets the others finish their request; those that
 * are upgraded go on for sockets.drain_s and are then asked to end. */
void gateway_loop_drain(gateway_loop *l);

/* gateway_loop_enter puts a connection at the end of a phase's list, its deadline counted from now.
 * Loop thread. */
void gateway_loop_enter(gateway_loop *l, gateway_conn *conn, gateway_phase phase);

/* gateway_loop_leave takes it out of all lists. */
void gateway_loop_leave(gateway_loop *l, gateway_conn *conn);

/* gateway_loop_socket_gone: a socket has closed and given its seat back. A second after the last
 * one of the gateway the free memory goes back to the system. Loop thread. */
void gateway_loop_socket_gone(gateway_loop *l);

/* gateway_loop_date gives the Date header line of this second, GATEWAY_DATE_LEN bytes. */
const char *gateway_loop_date(gateway_loop *l);

#endif
