/*
 * jam_pool.h - the threads that do the heavy work: rendering and encoding of chunks, opening of
 * engines, files.
 *
 * Work is put into one of four lanes. Each has threads of its own, so that no lane waits behind
 * another one's long work; the kernel shares the processors among them by the lanes' niceness. In a
 * lane the task that is due earliest goes first.
 *
 *     lane       threads            nice   for
 *     REALTIME   one a processor       0   chunks of sessions in pace "realtime"
 *     ASAP       one a processor      10   chunks of sessions in pace "asap"
 *     RENDER     2                    19   one-shot renders
 *     HOUSE      2                     0   opening and closing of engines, parked state
 *
 * The last thread of REALTIME is a reserve: it takes what is due within 200 ms alone. While there
 * is time, renders leave a processor to those that have to answer at once.
 *
 * A task that gives no sign of life for its limit is abandoned with its thread: its `hung` is
 * called, a fresh thread takes the place, and should the old one ever come back, it calls `left`,
 * after `hung` has returned, and ends.
 *
 * Threads: everything but `run`, `left` and jam_task_beat is the owner loop's.
 */
#ifndef JAM_POOL_H
#define JAM_POOL_H

#include "rf_base.h"
#include "rf_loop.h"
#include "rf_time.h"

#include <stdatomic.h>

#define JAM_POOL_URGENT_NS (200 * RF_NS_PER_MS)

typedef enum jam_lane {
    JAM_LANE_REALTIME,
    JAM_LANE_ASAP,
    JAM_LANE_RENDER,
    JAM_LANE_HOUSE,
    JAM_N_LANES,
} jam_lane;

typedef struct jam_pool jam_pool;
typedef struct jam_task jam_task;

/* Memory of the caller, who keeps it until done (or, of a hung task, left) has been called. */
struct jam_task {
    void (*run)(jam_task *task);  /* on a thread of the lane */
    void (*done)(jam_task *task); /* owner loop, after run has returned */
    void (*hung)(jam_task *task); /* owner loop, instead of done; run is still going on */
    void (*left)(jam_task *task); /* abandoned thread, when the run of a hung task has returned */
    void *user;
    jam_lane lane;
    int64_t due_ns;   /* monotonic clock */
    int64_t limit_ns; /* longest time without a beat */

    int64_t cpu_ns;  /* of the last run, set before done */
    int64_t wall_ns; /* likewise */

    /* the pool's */
    jam_pool *pool;
    _Atomic(int64_t) beat_ns;
    size_t at; /* in the lane's heap */
    bool is_queued;
};

/* jam_pool_new starts the threads; n_threads is for the two lanes that have one a processor, 0: as
 * many as there are processors. max_queued is the largest number of tasks that wait in a lane. */
jam_pool *jam_pool_new(rf_loop *loop, size_t n_threads, size_t max_queued);

/* jam_pool_free waits for running tasks, at most their limit, and abandons the others; queued tasks
 * are dropped, and no callback comes but `left`. The loop must not be running. Returns NULL. */
jam_pool *jam_pool_free(jam_pool *pool);

/* jam_pool_settle runs the loop until no task is queued or running, at most limit_ns, so that what
 * is in hand comes to its end; the caller takes back what it does not want to wait for. Not from a
 * callback of the loop. */
void jam_pool_settle(jam_pool *pool, int64_t limit_ns);

/* jam_pool_put queues the task. 0, or -EAGAIN when the lane is full. */
int jam_pool_put(jam_pool *pool, jam_task *task) RF_MUST_USE;

/* jam_pool_cancel takes a queued task back; false when it runs or has run: done still comes. */
bool jam_pool_cancel(jam_pool *pool, jam_task *task);

/* jam_pool_queued counts the tasks of a lane that wait for a thread. */
size_t jam_pool_queued(jam_pool *pool, jam_lane lane);

/* jam_pool_earliest tells when the first of them is due, RF_NEVER_NS when there is none. */
int64_t jam_pool_earliest(jam_pool *pool, jam_lane lane);

/* jam_pool_is_busy: a task is queued or running. */
bool jam_pool_is_busy(const jam_pool *pool);

/* jam_pool_threads tells how many threads the lane REALTIME has. */
size_t jam_pool_threads(const jam_pool *pool);

/* jam_task_beat says that a run makes progress. Its thread. */
void jam_task_beat(jam_task *task);

#endif
