/*
 * job_store.h - the truth about jobs: operations (job_op.h) on a database.
 *
 * The database is SQLite (one machine, one program) or PostgreSQL (any number of them). Writes
 * queue up and are committed in groups, with SQLite in the order of submission; done() of an
 * operation runs after its commit is durable. Reads see every write whose done() has run. An
 * operation refuses before its first write, so a refusal leaves no trace; a failure of the store
 * undoes the group. Any thread may submit. done() runs on threads of the store and must not block.
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
    /* A job is now in this state, or has moved within it; JOB_NONE: deleted. */
    void (*state)(void *user, const char *app, const char *id, job_state state);
    void (*fact)(void *user, const job_fact *fact);
    /* The outbox has new rows. */
    void (*outbox)(void *user);
    /* So have the webhooks. */
    void (*webhooks)(void *user);
    void *user;
} job_store_hooks;

typedef struct job_store_options {
    const char *url;  /* sqlite:PATH, whose directory exists, or postgresql://... */
    size_t queue_max; /* operations waiting, writes and reads each */
    size_t group_max; /* operations in one transaction */
    size_t n_readers;
    int64_t cache_kib;   /* pages that each connection to SQLite keeps; 0: 16 MiB */
    size_t n_writers;    /* 0: one; SQLite has one always */
    int64_t queued_max;  /* QUEUED jobs of one application */
    int64_t outbox_max;  /* outbox rows that may wait for the bus; 0: any number */
    int64_t concurrency; /* running jobs of an application that has no number of its own */
    bool events;         /* state changes are written for reflection.job.events */
    job_store_hooks hooks;
} job_store_options;

/* job_store_open opens or makes the database, migrates it and starts the threads. Returns 0 or
 * negative errno: -EINVAL for a url of no known kind, -EIO, -ENOSPC, -EPROTO when the database was
 * written by a newer version. */
int job_store_open(const job_store_options *options, job_store **ret) RF_MUST_USE;

/* job_store_close ends the threads after the operations that wait; done() of all has run. */
job_store *job_store_close(job_store *store);

/* job_store_submit hands op over. A full queue or a closing store ends it at once with -EAGAIN:
 * done() is called on this thread then, the one exception to the rule. */
void job_store_submit(job_store *store, job_op *op);

/* job_store_shared says whether other programs may write to the database as well (PostgreSQL), so
 * that what the hooks heard may not be the last word. Any thread. */
bool job_store_shared(const job_store *store);

/* job_store_failed_ns is when a write last failed for the store's own reasons (job_op_is_outage),
 * by rf_time_ns; 0: never. Any thread. */
int64_t job_store_failed_ns(const job_store *store);

/* job_store_run submits op and waits for it; returns op->err. For start-up and tests; done and
 * user of op are overwritten, op stays the caller's. */
int job_store_run(job_store *store, job_op *op);

#endif
