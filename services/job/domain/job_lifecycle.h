/*
 * job_lifecycle.h - the states of a job and of its attempts (spec jobs.md 4.1) as a table.
 *
 *                 claim                    finish: success
 *     (none) --> QUEUED -----> STARTED -----------------------> SUCCEEDED
 *        create    |            |  ^  |
 *                  |    retry,  |  |  | finish: no retry left, cancel
 *                  |    lost,   v  |  v
 *                  |    release STARTED --> FAILED
 *                  +-----------------------> FAILED
 *                    cancel, not started in time
 *
 * A job that waits for its next attempt stays STARTED: what clients saw started never goes back.
 * SUCCEEDED and FAILED have no way out. No state here, any thread may call.
 */
#ifndef JOB_LIFECYCLE_H
#define JOB_LIFECYCLE_H

#include "rf_base.h"

/* Numbers are those of the database and of proto job.v1.JobStatus. */
typedef enum job_state {
    JOB_NONE = 0,
    JOB_QUEUED = 1,
    JOB_STARTED = 2,
    JOB_SUCCEEDED = 3,
    JOB_FAILED = 4,
} job_state;
#define JOB_N_STATES 5

typedef enum job_event {
    JOB_EVENT_CREATE,
    JOB_EVENT_CLAIM,
    JOB_EVENT_RETRY,   /* attempt failed, lost or released; another one follows */
    JOB_EVENT_SUCCEED, /* the current attempt published its result */
    JOB_EVENT_FAIL,    /* bad input, retries used up */
    JOB_EVENT_CANCEL,
    JOB_EVENT_EXPIRE, /* not started in time */
} job_event;
#define JOB_N_EVENTS 7

/* How an attempt stands or ended (internal). Numbers are those of the database. */
typedef enum job_attempt_state {
    JOB_ATTEMPT_LEASED = 1,
    JOB_ATTEMPT_RUNNING = 2,
    JOB_ATTEMPT_DONE = 3,
    JOB_ATTEMPT_ERROR = 4,
    JOB_ATTEMPT_LOST = 5,
    JOB_ATTEMPT_RELEASED = 6,
} job_attempt_state;

/* job_lifecycle_next returns the state after event, or -EPERM when the table has no such step. */
int job_lifecycle_next(job_state from, job_event event);

/* job_state_final: SUCCEEDED and FAILED never change. */
bool job_state_final(job_state state);

/* Names as clients see them, "QUEUED"; parse gives -EINVAL for anything else. */
const char *job_state_name(job_state state);
int job_state_parse(const char *name, job_state *ret);
const char *job_attempt_state_name(job_attempt_state state);
const char *job_event_name(job_event event);

/* A pool is a set of like workers. Numbers are those of the database. */
typedef enum job_pool { JOB_POOL_CPU, JOB_POOL_GPU, JOB_POOL_T2V, JOB_POOL_JAM } job_pool;
#define JOB_N_POOLS 4

const char *job_pool_name(job_pool pool);
int job_pool_parse(const char *name, job_pool *ret);

#endif
