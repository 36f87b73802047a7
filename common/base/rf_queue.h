/*
 * rf_queue.h - bounded blocking queue of pointers between threads.
 * Any number of threads may put and take. The queue does not own what it holds.
 */
#ifndef RF_QUEUE_H
#define RF_QUEUE_H

#include "rf_base.h"

typedef struct rf_queue rf_queue;

rf_queue *rf_queue_new(size_t capacity);
rf_queue *rf_queue_free(rf_queue *q);

/* rf_queue_put waits for room until at_ns (rf_time_ns; 0 does not wait, RF_NEVER_NS has no end).
 * Returns 0, -EAGAIN or -ETIMEDOUT when full, -EPIPE once closed; the item is the caller's then. */
int rf_queue_put(rf_queue *q, void *item, int64_t at_ns) RF_MUST_USE;

/* rf_queue_take waits likewise for an item. Returns 0, -EAGAIN or -ETIMEDOUT when there is none,
 * -EPIPE once the queue is closed and empty. */
int rf_queue_take(rf_queue *q, void **ret_item, int64_t at_ns) RF_MUST_USE;

/* rf_queue_close refuses further puts; takes drain what is left. Wakes everyone. */
void rf_queue_close(rf_queue *q);

size_t rf_queue_len(rf_queue *q);

#endif
