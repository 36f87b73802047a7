/*
 * recorder_worker.h - one thread for calls that may block or must not run side by side, as those of
 * the sound library: takes tasks in order, hands each back to the owner loop when it is done.
 * The owner loop's thread calls everything here.
 */
#ifndef RECORDER_WORKER_H
#define RECORDER_WORKER_H

#include "rf_loop.h"

typedef struct recorder_worker recorder_worker;

/* A part of what it belongs to, which the worker borrows until done() is called. */
typedef struct recorder_errand {
    void (*work)(void *user); /* on the worker's thread */
    void (*done)(void *user); /* on the owner's */
    void *user;
    struct recorder_errand *next; /* the worker's */
} recorder_errand;

recorder_worker *recorder_worker_new(rf_loop *loop);

/* recorder_worker_free runs the tasks that are left to their end, done() included, which adds no
 * more, and ends the thread. May wait for the sound library. */
recorder_worker *recorder_worker_free(recorder_worker *worker);

/* recorder_worker_run adds a task; it is not in the worker's hands already. */
void recorder_worker_run(recorder_worker *worker, recorder_errand *task);

/* recorder_worker_n: tasks not handed back yet. */
size_t recorder_worker_n(const recorder_worker *worker);

#endif
