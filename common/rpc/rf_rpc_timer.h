/*
 * rf_rpc_timer.h - the library's own thread: timers, and work that must leave the caller's stack.
 * Internal to common/rpc. The thread starts with the first use and stays for the life of the
 * process. Timers follow rf_time.h, so that a driven clock drives them.
 */
#ifndef RF_RPC_TIMER_H
#define RF_RPC_TIMER_H

#include "rf_base.h"

/* Embedded in what it serves; zeroed, then fn and user set. */
typedef struct rf_rpc_timer {
    void (*fn)(void *user); /* on the timer thread; must not block */
    void *user;
    int64_t at_ns;
    size_t place; /* in the heap, from 1; 0 when not armed */
} rf_rpc_timer;

/* rf_rpc_timer_set arms the timer for at_ns, also when it is armed; RF_NEVER_NS disarms it. Returns
 * the change in armed timers: 1 newly armed, -1 disarmed, 0 neither, so that the caller can count a
 * reference for an armed timer. fn runs once a set, with the timer disarmed. */
int rf_rpc_timer_set(rf_rpc_timer *timer, int64_t at_ns);

/* A piece of work, embedded likewise; runs once on the timer thread. */
typedef struct rf_rpc_task {
    struct rf_rpc_task *next;
    void (*fn)(void *user);
    void *user;
} rf_rpc_task;
void rf_rpc_task_post(rf_rpc_task *task);

#endif
