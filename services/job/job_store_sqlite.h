/*
 * job_store_sqlite.h - what the files of the SQLite backend share: a transaction's context and the
 * functions of the operations. Included by job_store_sqlite*.c and their tests only.
 */
#ifndef JOB_STORE_SQLITE_H
#define JOB_STORE_SQLITE_H

#include "job_retry.h"
#include "job_sql.h"
#include "job_store.h"

/* A job's state after the group, told to the hooks once it is committed. */
typedef struct job_change {
    const char *app;
    const char *id;
    job_state state;
    struct job_change *next;
} job_change;

/* A fact of the group, likewise. */
typedef struct job_noted {
    job_fact fact;
    struct job_noted *next;
} job_noted;

/* One connection and the group (or read) in progress on it. Owned by its thread. */
typedef struct job_tx {
    job_sql *db;
    const job_store_options *options;
    int64_t now_ms;  /* the store's clock, once a group */
    job_arena arena; /* lives until the group is over */
    job_change *changes;
    job_change **changes_end;
    job_noted *facts;
    job_noted **facts_end;
    bool outbox; /* new outbox rows */
    struct job_documents *documents;
} job_tx;

/* The function of an operation: 0, a refusal before the first write, or whatever job_sql_error
 * says. It may run twice, when the group it was in failed: outputs are set anew each time. */
typedef int (*job_op_fn)(job_tx *tx, job_op *op);
extern const job_op_fn job_sqlite_ops[JOB_N_OPS];

/* job_tx_changed notes the state of a job for the hooks, job_tx_event writes an outbox row when
 * events are on. */
void job_tx_changed(job_tx *tx, const char *app, const char *id, job_state state);
void job_tx_event(job_tx *tx, const char *id, uint64_t fence, const char *kind);

/* job_tx_fact notes a fact for the hooks, job_tx_fenced that a write for the job was refused. */
void job_tx_fact(job_tx *tx, const job_fact *fact);
void job_tx_fenced(job_tx *tx, const char *id);

/* job_tx_application finds the row of an application id, 0 when there is none. */
int64_t job_tx_application(job_tx *tx, const char *app);

/* job_tx_garbage puts a key or prefix up for removal at due_ms. */
void job_tx_garbage(job_tx *tx, const char *key, int64_t due_ms);

/* job_tx_document gives the text of a workflow version, kept in memory; NULL when unknown. */
const char *job_tx_document(job_tx *tx, int64_t version);
void job_tx_documents_free(job_tx *tx);

/* The end of the attempt whose lease row is given, with the job's new state (attempts file). */
typedef struct job_running {
    int64_t job;
    const char *id;
    const char *app;
    uint64_t fence;
    job_state state;
    job_pool pool;
    const char *worker;
    int64_t claimed_ms;
    int64_t limit_s;
    uint32_t retries;
    uint32_t crashes;
    const char *workflow;
    int64_t started_ms;
} job_running;

/* job_tx_running loads job and lease by job id; false when there is no lease. */
bool job_tx_running(job_tx *tx, const char *id, job_running *ret);

/* job_tx_end_attempt moves the lease to the attempts. code and step may be NULL. */
void job_tx_end_attempt(job_tx *tx, const job_running *run, job_attempt_state state,
                        const char *code, const char *step);

/* job_tx_wait makes the job wait for its next attempt from due_ms on. */
void job_tx_wait(job_tx *tx, const job_running *run, int64_t due_ms);

/* Columns of a running job for job_tx_read_running. */
#define JOB_RUNNING_COLUMNS                                                                        \
    " j.seq, j.id, a.id, l.fence, j.state, j.pool, l.worker, l.claimed_ms, j.limit_s, j.retries,"  \
    " j.crashes, j.workflow, j.started_ms FROM jobs j JOIN leases l ON l.job=j.seq JOIN "          \
    "applications a ON a.seq=j.app "
void job_tx_read_running(job_tx *tx, job_rows *rows, job_running *run);

/* job_tx_release_inputs unpins what the job read: uploads keep their own expiry from now on. */
void job_tx_release_inputs(job_tx *tx, int64_t job);

/* job_tx_fail_or_retry decides by the rules of job_retry.h; the attempt has been ended. */
void job_tx_fail_or_retry(job_tx *tx, const job_running *run, const job_failure *failure);

/* How a job ends without a result. */
typedef struct job_ending {
    int64_t job;
    const char *app;
    const char *id;
    uint64_t fence;
    job_pool pool;
    const char *workflow;
    int64_t started_ms; /* 0: it never was */
    job_state from;
    job_event event; /* FAIL, CANCEL or EXPIRE */
    const char *code;
    const char *message;
} job_ending;

/* job_tx_fail makes the job FAILED. */
void job_tx_fail(job_tx *tx, const job_ending *end);

/* job_tx_next is the state after event by the table of job_lifecycle.h. A step that the table does
 * not have is a fault of this program: it is logged and undoes the group. */
job_state job_tx_next(job_tx *tx, job_state from, job_event event);

/* job_tx_delete_job removes a job, of the application or (NULL) of any; -ENOENT. */
int job_tx_delete_job(job_tx *tx, const char *app, const char *id, bool uploads);

int job_sqlite_create(job_tx *tx, job_op *op);
int job_sqlite_claim(job_tx *tx, job_op *op);
int job_sqlite_heartbeat(job_tx *tx, job_op *op);
int job_sqlite_step_done(job_tx *tx, job_op *op);
int job_sqlite_finish(job_tx *tx, job_op *op);
int job_sqlite_scan(job_tx *tx, job_op *op);
int job_sqlite_cancel(job_tx *tx, job_op *op);
int job_sqlite_delete(job_tx *tx, job_op *op);
int job_sqlite_upload_create(job_tx *tx, job_op *op);
int job_sqlite_upload_complete(job_tx *tx, job_op *op);
int job_sqlite_workflow_put(job_tx *tx, job_op *op);
int job_sqlite_key_create(job_tx *tx, job_op *op);
int job_sqlite_key_revoke(job_tx *tx, job_op *op);
int job_sqlite_key_rotate(job_tx *tx, job_op *op);
int job_sqlite_outbox_mark(job_tx *tx, job_op *op);
int job_sqlite_sweep_due(job_tx *tx, job_op *op);
int job_sqlite_sweep_done(job_tx *tx, job_op *op);
int job_sqlite_get(job_tx *tx, job_op *op);
int job_sqlite_list(job_tx *tx, job_op *op);
int job_sqlite_upload_get(job_tx *tx, job_op *op);
int job_sqlite_file_get(job_tx *tx, job_op *op);
int job_sqlite_application_get(job_tx *tx, job_op *op);
int job_sqlite_key_list(job_tx *tx, job_op *op);
int job_sqlite_key_find(job_tx *tx, job_op *op);
int job_sqlite_outbox_next(job_tx *tx, job_op *op);
int job_sqlite_sweep_check(job_tx *tx, job_op *op);
int job_sqlite_stats(job_tx *tx, job_op *op);

#endif
