/*
 * rf_loop.h - an owner loop on epoll: file descriptors, timers and tasks handed over by others.
 * One thread runs the loop and owns everything it calls; only rf_loop_post, rf_loop_post_within and
 * rf_loop_stop may be called by other threads.
 */
#ifndef RF_LOOP_H
#define RF_LOOP_H

#include "rf_base.h"

typedef struct rf_loop rf_loop;
typedef struct rf_loop_fd rf_loop_fd;
typedef struct rf_timer rf_timer;

typedef void (*rf_loop_fd_fn)(uint32_t events, void *user); /* events: EPOLLIN, EPOLLOUT, ... */
typedef void (*rf_loop_fn)(void *user);

rf_loop *rf_loop_new(void);

/* rf_loop_free ends the loop's registrations; tasks posted but not run are dropped. */
rf_loop *rf_loop_free(rf_loop *loop);

/* rf_loop_run calls back until rf_loop_stop; returns 0 or a negative errno of epoll. */
int rf_loop_run(rf_loop *loop);

/* rf_loop_stop makes rf_loop_run return after the callback in progress. Any thread. */
void rf_loop_stop(rf_loop *loop);

/* rf_loop_post runs fn(user) on the loop's thread, in order of posting. Any thread. */
void rf_loop_post(rf_loop *loop, rf_loop_fn fn, void *user);

/* rf_loop_post_within is rf_loop_post for what may wait: a loop that wakes for a timer within
 * slack_ns is not woken for it. Any thread. */
void rf_loop_post_within(rf_loop *loop, rf_loop_fn fn, void *user, int64_t slack_ns);

/* rf_loop_at_round_end has fn(user) called after the events of every round, ahead of timers and of
 * the next wait; one a loop, NULL for none. Set before the loop runs. */
void rf_loop_at_round_end(rf_loop *loop, rf_loop_fn fn, void *user);

/* rf_loop_now_ns is rf_time_ns() at the beginning of the round in progress. Loop thread. */
int64_t rf_loop_now_ns(const rf_loop *loop);

/* rf_loop_settle runs the loop, which must not be running, until all that has been posted so far
 * has run. */
void rf_loop_settle(rf_loop *loop);

/* rf_loop_add watches fd (level-triggered unless EPOLLET is given); the loop does not own it. */
rf_loop_fd *rf_loop_add(rf_loop *loop, int fd, uint32_t events, rf_loop_fd_fn fn, void *user);

/* rf_loop_modify changes the watched events; rf_loop_remove ends the watch, also from inside fn. */
void rf_loop_modify(rf_loop_fd *watch, uint32_t events);
void rf_loop_remove(rf_loop_fd *watch);

/* rf_timer_new makes a stopped timer; set arms it for the monotonic time at_ns (again), RF_NEVER_NS
 * disarms it. It fires once per set. Free is allowed inside its own callback. */
rf_timer *rf_timer_new(rf_loop *loop, rf_loop_fn fn, void *user);
void rf_timer_set(rf_timer *timer, int64_t at_ns);
rf_timer *rf_timer_free(rf_timer *timer);

#endif
