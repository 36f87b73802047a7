/*
 * job_watch.h - who waits for a job to move: long polls and event streams (spec jobs.md section 5).
 *
 *     store's commits ----\
 *                          moved (any thread) --> loop --> the watchers of that job
 *     reflection.job.events (of other replicas) --/
 *
 * One thread runs a loop that owns every watcher; nothing is asked of the store for those that
 * wait. A notice is a hint: it may come twice, late or out of order. Whoever adds a watcher first
 * and reads the store then misses nothing.
 */
#ifndef JOB_WATCH_H
#define JOB_WATCH_H

#include "job_lifecycle.h"
#include "rf_id.h"
#include "rf_loop.h"

typedef struct job_watch job_watch;
typedef struct job_watcher job_watcher;

typedef struct job_watcher_ops {
    /* The job is in this state, or has moved within it; JOB_NONE: deleted. May remove. */
    void (*moved)(job_watcher *watcher, job_state state);
    /* The service stops, or cannot tell what happens: answer and remove at once. */
    void (*stop)(job_watcher *watcher);
} job_watcher_ops;

/* Part of whoever watches. */
struct job_watcher {
    const job_watcher_ops *ops;
    char id[RF_UUID_LEN]; /* of the job */
    job_watcher *next;    /* of the watch */
    job_watcher *prev;
};

/* job_watch_start starts the thread. Returns 0 or negative errno. */
int job_watch_start(job_watch **ret) RF_MUST_USE;

/* job_watch_drain tells every watcher to stop; those added later are told at once. Any thread. */
void job_watch_drain(job_watch *w);

/* job_watch_shake tells every watcher to stop, once: what they wait for may have been missed. Any
 * thread. */
void job_watch_shake(job_watch *w);

/* job_watch_stop drains, runs what was posted and ends the thread. NULL is fine. Nothing may be
 * posted afterwards: the store has been closed. */
job_watch *job_watch_stop(job_watch *w);

/* job_watch_loop is where everything below is called, and timers of watchers run. */
rf_loop *job_watch_loop(job_watch *w);

/* job_watch_moved tells of a job. Any thread; costs next to nothing when nobody watches it. */
void job_watch_moved(job_watch *w, const char *id, job_state state);

/* job_watch_add and job_watch_remove: ops and id are set, the watcher is the caller's. */
void job_watch_add(job_watch *w, job_watcher *watcher);
void job_watch_remove(job_watch *w, job_watcher *watcher);

/* job_watch_count is the number of watchers. Any thread. */
size_t job_watch_count(job_watch *w);

#endif
