/*
 * job_store.h - the truth about jobs: operations (job_op.h) on a database.
 *
 * The backend is chosen by the function that opens it: job_store_sqlite_open (one machine). Writes
 * queue up and are committed in groups, in the order of submission; done() of an operation runs
 * after its commit is durable. Reads see every write whose done() has run. An operation refuses
 * before its first write, so a refusal leaves no trace; a failure of the store undoes the group.
 * Any thread may submit. done() runs on threads of the store and must not block.
 */
#ifndef JOB_STORE_H
#define JOB_STORE_H

#include "job_op.h"

typedef struct job_store job_store;

typedef enum job_fact_kind {
    JOB_FACT_STARTED, /* a job's first attempt was claimed; ms: since the job was made */
    JOB_FACT_ENDED,   /* an attempt is over; attempt, code */
    JOB_FACT_FINAL,   /* a job is over; state, code, ms: since its first start, -1: never started */
    JOB_FACT_FENCED,  /* a worker's write was refused: its attempt is not the current one */
} job_fact_kind;

/* What a commit made true, for metrics. Strings live until the hook returns. */
typedef struct job_fact {
    job_fact_kind kind;
    job_pool pool;        /* JOB_N_POOLS: of a job that is deleted */
    const char *workflow; /* slug; NULL for FENCED */
    job_attempt_state attempt;
    job_state state;
    const char *code; /* NULL: none */
    int64_t ms;
} job_fact;

/* Called on a store thread after each commit, before done(). */
typedef struct job_store_hooks {
    /* A job is now in this state; JOB_NONE: deleted. */
    void (*state)(void *user, const char *app, const char *id, job_state state);
    void (*fact)(void *user, const job_fact *fact);
    /* The outbox has new rows. */
    void (*outbox)(void *user);
    void *user;
} job_store_hooks;

typedef struct job_store_options {
    const char *path; /* of the database file; its directory exists */
    size_t queue_max; /* operations waiting, writes and reads each */
    size_t group_max; /* operations in one transaction */
    size_t n_readers;
    int64_t queued_max; /* QUEUED jobs of one application */
    bool events;        /* state changes are written for reflection.job.events */
    job_store_hooks hooks;
} job_store_options;

/* job_store_sqlite_open opens or makes the database, migrates it and starts the threads. Returns 0
 * or negative errno: -EIO, -ENOSPC, -EPROTO when the file was written by a newer version. */
int job_store_sqlite_open(const job_store_options *options, job_store **ret) RF_MUST_USE;

/* job_store_close ends the threads after the operations that wait; done() of all has run. */
job_store *job_store_close(job_store *store);

/* job_store_submit hands op over. A full queue or a closing store ends it at once with -EAGAIN:
 * done() is called on this thread then, the one exception to the rule. */
void job_store_submit(job_store *store, job_op *op);

/* job_store_failed_ns is when a write last failed for the store's own reasons (job_op_is_outage),
 * by rf_time_ns; 0: never. Any thread. */
int64_t job_store_failed_ns(const job_store *store);

/* job_store_run submits op and waits for it; returns op->err. For start-up and tests; done and
 * user of op are overwritten, op stays the caller's. */
int job_store_run(job_store *store, job_op *op);

#endif
