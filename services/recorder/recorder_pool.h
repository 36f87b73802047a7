/*
 * recorder_pool.h - a few threads that run tasks in order of arrival and give them back to the
 * owner loop. A task is embedded in what it works for and is in the pool once at a time, so that
 * the number of its owners bounds the queue. put: the loop alone.
 */
#ifndef RECORDER_POOL_H
#define RECORDER_POOL_H

#include "rf_loop.h"

typedef struct recorder_pool recorder_pool;

typedef struct recorder_task {
    struct recorder_task *next;
    recorder_pool *pool;
    void (*run)(struct recorder_task *task);  /* a thread of the pool */
    void (*done)(struct recorder_task *task); /* the loop, afterwards */
} recorder_task;

recorder_pool *recorder_pool_new(rf_loop *loop, size_t n_threads);
void recorder_pool_put(recorder_pool *pool, recorder_task *task);

/* recorder_pool_close runs what is queued and ends the threads; what is done then is posted to the
 * loop, which must run once more. recorder_pool_free closes, runs here and
 * now what has been put since, and frees. */
void recorder_pool_close(recorder_pool *pool);
recorder_pool *recorder_pool_free(recorder_pool *pool);

#endif
