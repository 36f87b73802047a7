/*
 * job_store_sql.h - what the operations in SQL share: a transaction's context and the functions of
 * the operations. Included by job_store_sql*.c and their tests only.
 */
#ifndef JOB_STORE_SQL_H
#define JOB_STORE_SQL_H

#include "job_retry.h"
#include "job_sql.h"
#include "job_store.h"

#include <pthread.h>

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

/* What a transaction knows of an application. */
typedef struct job_tally {
    int64_t app;
    const char *id;  /* NULL: only the change is known */
    int64_t queued;  /* before the transaction */
    int64_t more;    /* by the transaction */
    int64_t per_day; /* jobs that it may make a day; 0: any number */
    int64_t today;   /* made today, before the transaction */
    int64_t made;    /* by the transaction */
    struct job_tally *next;
} job_tally;

/* Where the rotation of slots over applications stands: who had the last turn, and how many more
 * jobs are left of it. */
typedef struct job_place {
    int64_t app;
    int64_t left;
} job_place;

/* Events of a transaction, a line for each (job_store_sql_packs.c). */
#define JOB_PACK_MAX 40      /* so that PostgreSQL keeps the row on its page, as it is */
#define JOB_PACK_LINE_MAX 80 /* kind, number and id */
typedef struct job_pack {
    size_t n;
    size_t len;
    char lines[JOB_PACK_MAX * JOB_PACK_LINE_MAX];
} job_pack;

/* What a transaction changes of a batch (job_store_sql_batch.h). */
typedef struct job_batch job_batch;

/* What the connections of a store share. */
typedef struct job_common {
    pthread_mutex_t mutex;
    job_sql *holder; /* of what one replica at a time does; NULL: none */
    unsigned session;
    int64_t next_seq; /* keys for jobs, so that they rise in the order of creation */
    int64_t n_seqs;
    int64_t now_ms;                /* the latest time of any transaction */
    job_place places[JOB_N_POOLS]; /* of claims */
    struct job_room *rooms;        /* what was last heard of applications (room file) */
    job_sql_health health;         /* of the server */
    struct job_app *apps;          /* ids of applications (apps file) */
    int64_t outbox_rows;           /* at outbox_asked_ns, and those made since */
    int64_t outbox_asked_ns;       /* 0: never */
} job_common;

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
    job_pack pack;       /* events that are not written yet */
    bool outbox;         /* new outbox rows */
    bool hooks;          /* new messages for webhooks */
    int64_t outbox_room; /* rows that may still be added, once asked; 0: not asked */
    job_tally *tallies;
    job_batch *batches;
    struct job_ahead *ahead;
    job_common *common; /* of the store */
    int64_t part;       /* its own of the counts (application_counts) */
    unsigned session;   /* of the connection when it last took a key */
    struct job_documents *documents;
} job_tx;

/* The function of an operation: 0, a refusal before the first write, or whatever job_sql_error
 * says. It may run twice, when the group it was in failed: outputs are set anew each time. */
typedef int (*job_op_fn)(job_tx *tx, job_op *op);
extern const job_op_fn job_store_sql_ops[JOB_N_OPS];

/* job_tx_open connects. options and common must outlive it. Returns 0 or negative errno. */
int job_tx_open(job_tx *tx, const job_store_options *options, job_common *common,
                job_sql_role role);

/* job_tx_run runs the operations from first on in one transaction, again when another program's
 * transaction came between; returns the store's error. */
int job_tx_run(job_tx *tx, job_op *first);

/* job_tx_is_lazy says whether an operation may be forgotten by a crash after it was answered, since
 * it is done again then. A transaction of such operations does not wait for the disk where several
 * programs write. */
bool job_tx_is_lazy(const job_op *op);

/* job_tx_leads says whether this store is the one replica that publishes the events. */
bool job_tx_leads(job_tx *tx);

/* job_tx_changed notes the state of a job for the hooks, job_tx_event an event to publish when
 * events are on. */
void job_tx_changed(job_tx *tx, const char *app, const char *id, job_state state);
void job_tx_event(job_tx *tx, const char *id, uint64_t fence, const char *kind);

/* Events in the database (packs file): job_tx_packs_settle writes those of the transaction at its
 * end, before job_tx_settle; job_tx_packs_read gives what is published next, job_tx_packs_drop
 * removes what was, job_tx_packs_count is how many wait, job_tx_packs_oldest_ms since when (0: none
 * do). */
void job_tx_packs_settle(job_tx *tx);
void job_tx_packs_read(job_tx *tx, job_op_outbox_next *in);
void job_tx_packs_drop(job_tx *tx, const job_outbox_row *events, size_t n);
int64_t job_tx_packs_count(job_tx *tx);
int64_t job_tx_packs_oldest_ms(job_tx *tx);

/* job_tx_outbox_full says whether as many rows wait for the bus as may (spec jobs.md K5). Below
 * half of that, where others write too, it may go by what was true a moment ago. */
bool job_tx_outbox_full(job_tx *tx);

/* job_tx_fact notes a fact for the hooks, job_tx_fenced that a write for the job was refused. */
void job_tx_fact(job_tx *tx, const job_fact *fact);
void job_tx_fenced(job_tx *tx, const char *id);

/* job_tx_application finds the row of an application id, 0 when there is none; job_tx_app_id is the
 * id of a row, kept in memory: text that lives as long as the store. */
int64_t job_tx_application(job_tx *tx, const char *app);
const char *job_tx_app_id(job_tx *tx, int64_t app);

/* job_tx_queued counts jobs of the application more (or fewer) queued, job_tx_made one more that it
 * made today; job_tx_settle writes the counts at the end of the transaction, once each.
 * job_tx_tally says what they are, asking the database once a transaction; NULL when there is no
 * such application. */
void job_tx_queued(job_tx *tx, int64_t app, int64_t more);
void job_tx_made(job_tx *tx, int64_t app);
void job_tx_settle(job_tx *tx);
const job_tally *job_tx_tally(job_tx *tx, const char *app);

/* How many jobs of application a are queued, and how many it made on a day (a parameter). */
#define JOB_QUEUED_OF_A                                                                            \
    "a.queued+coalesce((SELECT CAST(sum(queued) AS BIGINT) FROM application_counts WHERE "         \
    "app=a.seq), 0)"
#define JOB_MADE_OF_A                                                                              \
    "coalesce((SELECT CAST(sum(made) AS BIGINT) FROM application_counts WHERE app=a.seq AND "      \
    "day=?), 0)"

/* job_tx_has_room finds the application, and says whether it may make one more job: 0, -EDQUOT too
 * many are queued, -EUSERS as many as it may have been made today, or -ENOENT. Far from the limit,
 * where others write too, it may go by what was true a moment ago. */
int job_tx_has_room(job_tx *tx, const char *app, int64_t *ret_app);
void job_tx_forget_rooms(job_tx *tx); /* what was true a moment ago is not any more */
#define JOB_DAY_MS 86400000
void job_common_done(job_common *c);
void job_common_forget_apps(job_common *c);

/* job_tx_new_seq is the key of a job that is about to be inserted. */
int64_t job_tx_new_seq(job_tx *tx);

/* A row of ready is named by its whole key, and by way of jobs by the second text: so the index
 * leads to it alone, whatever PostgreSQL holds for the size of the table. */
#define JOB_READY_ROW "pool=? AND app=? AND priority=? AND due_ms=? AND job=?"
#define JOB_READY_OF_JOB                                                                           \
    "r.pool=j.pool AND r.app=j.app AND r.priority=j.priority AND r.due_ms=j.due_ms AND "           \
    "r.job=j.seq"

typedef struct job_ready {
    int64_t pool;
    int64_t app;
    int64_t priority;
    int64_t due_ms;
    int64_t job;
} job_ready;

/* job_tx_spare is jobs.spare of a new job: 13 bytes, less the 7 by which a start makes SQLite's row
 * longer (JOB_SPARE_STARTED: started_ms of 6, and a state other than 1), less the 6 of
 * completed_ms. Rows lie close in the pages of a deep queue, and each that grew would split its
 * page. NULL where every update writes the row anew (job_sql_in_place). */
#define JOB_SPARE_STARTED "substr(spare, 8)"
static inline const char *job_tx_spare(const job_tx *tx)
{
    return job_sql_in_place(tx->db) ? "             " : NULL;
}

/* Tables in which a job may have rows (jobs.brings). */
enum { JOB_BRINGS_INPUTS = 1, JOB_BRINGS_TARGETS = 2 };

/* job_tx_ready_delete ends a job's wait. */
void job_tx_ready_delete(job_tx *tx, const job_ready *row);

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
    const char *batch; /* NULL: none */
    int64_t hook;      /* events that its webhook wants */
    bool reusable;     /* its result may be taken by other jobs */
    bool inputs;       /* it may pin some */
    bool steps;        /* it has durable outputs */
    const char *step;  /* that its lease names; NULL: none */
    int64_t percent;   /* likewise */
} job_running;

/* job_tx_running loads job and lease by job id; false when there is no lease. */
bool job_tx_running(job_tx *tx, const char *id, job_running *ret);

/* job_tx_look_ahead asks for what the operations that end attempts from first on will need, until
 * job_tx_forget_ahead. job_tx_ahead says whether the answer for a job is there, once: the attempt,
 * or NULL when the job has no lease. */
void job_tx_look_ahead(job_tx *tx, const job_op *first);
void job_tx_forget_ahead(job_tx *tx);
bool job_tx_ahead(job_tx *tx, const char *id, const job_running **ret);

/* job_tx_end_attempt moves the lease to the attempts. code may be NULL; step NULL: the lease's. */
void job_tx_end_attempt(job_tx *tx, const job_running *run, job_attempt_state state,
                        const char *code, const char *step);

/* job_tx_succeed makes the job SUCCEEDED and ends its attempt; its results are there. */
void job_tx_succeed(job_tx *tx, const job_running *run);

/* job_tx_wait makes the job wait for its next attempt from due_ms on. */
void job_tx_wait(job_tx *tx, const job_running *run, int64_t due_ms);

/* Webhooks, in the transaction of the change: job_tx_hook_set keeps where a new job's messages go,
 * and gives its application a first secret; job_tx_hook writes the message of an event that the
 * job's hook wants (jobs.hook), job_tx_hook_batch the one of a batch whose last job is final, for
 * the first of its jobs that wants it. A message is written once, whatever is tried. */
void job_tx_hook_set(job_tx *tx, int64_t app, int64_t job, const job_hook *hook,
                     const char *first_secret);
void job_tx_hook(job_tx *tx, int64_t job, int64_t wanted, job_hook_event event);
void job_tx_hook_batch(job_tx *tx, int64_t app, const char *batch);
void job_tx_hook_delete(job_tx *tx, int64_t job);

/* job_tx_progress notes what the attempt's lease says, when it is news for listeners;
 * job_tx_progress_ends that the job is final: it is kept an hour more; job_tx_progress_sweep
 * forgets what has been kept so long. */
void job_tx_progress(job_tx *tx, const char *id, uint64_t fence);
void job_tx_progress_ends(job_tx *tx, int64_t job);
bool job_running_told(const job_running *run); /* whether it may have any */
void job_tx_progress_sweep(job_tx *tx);

/* Columns of a running job for job_tx_read_running. */
#define JOB_RUNNING_COLUMNS                                                                        \
    " j.seq, j.id, j.app, l.fence, j.state, j.pool, l.worker, l.claimed_ms, j.limit_s, j.retries," \
    " j.crashes, j.workflow, j.started_ms, j.batch_name, j.hook, j.reuse_key IS NOT NULL,"         \
    " j.brings, EXISTS(SELECT 1 FROM steps s WHERE s.job=j.seq), l.step, l.percent"                \
    " FROM jobs j JOIN leases l ON l.job=j.seq "
#define JOB_RUNNING_QUERY "SELECT" JOB_RUNNING_COLUMNS "WHERE j.id=? FOR UPDATE OF j, l"
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
    const char *batch;  /* NULL: none */
    int64_t hook;
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

int job_store_sql_create(job_tx *tx, job_op *op);
int job_store_sql_claim(job_tx *tx, job_op *op);
int job_store_sql_heartbeat(job_tx *tx, job_op *op);
int job_store_sql_step_done(job_tx *tx, job_op *op);
int job_store_sql_fetched(job_tx *tx, job_op *op);
int job_store_sql_finish(job_tx *tx, job_op *op);
int job_store_sql_scan(job_tx *tx, job_op *op);
int job_store_sql_cancel(job_tx *tx, job_op *op);
int job_store_sql_delete(job_tx *tx, job_op *op);
int job_store_sql_upload_create(job_tx *tx, job_op *op);
int job_store_sql_upload_complete(job_tx *tx, job_op *op);
int job_store_sql_workflow_put(job_tx *tx, job_op *op);
int job_store_sql_posted_put(job_tx *tx, job_op *op);
int job_store_sql_posted_delete(job_tx *tx, job_op *op);
int job_store_sql_posted_find(job_tx *tx, job_op *op);
int job_store_sql_posted_list(job_tx *tx, job_op *op);
int job_store_sql_redrive(job_tx *tx, job_op *op);
int job_store_sql_dead_redrive(job_tx *tx, job_op *op);
int job_store_sql_dead_list(job_tx *tx, job_op *op);
int job_store_sql_app_limit(job_tx *tx, job_op *op);
int job_store_sql_batch_get(job_tx *tx, job_op *op);
int job_store_sql_key_create(job_tx *tx, job_op *op);
int job_store_sql_key_revoke(job_tx *tx, job_op *op);
int job_store_sql_key_rotate(job_tx *tx, job_op *op);
int job_store_sql_outbox_mark(job_tx *tx, job_op *op);
int job_store_sql_sweep_due(job_tx *tx, job_op *op);
int job_store_sql_sweep_done(job_tx *tx, job_op *op);
int job_store_sql_get(job_tx *tx, job_op *op);
int job_store_sql_events(job_tx *tx, job_op *op);
int job_store_sql_list(job_tx *tx, job_op *op);
int job_store_sql_upload_get(job_tx *tx, job_op *op);
int job_store_sql_file_get(job_tx *tx, job_op *op);
int job_store_sql_application_get(job_tx *tx, job_op *op);
int job_store_sql_key_list(job_tx *tx, job_op *op);
int job_store_sql_key_find(job_tx *tx, job_op *op);
int job_store_sql_outbox_next(job_tx *tx, job_op *op);
int job_store_sql_limits(job_tx *tx, job_op *op);
int job_store_sql_hook_take(job_tx *tx, job_op *op);
int job_store_sql_hook_settle(job_tx *tx, job_op *op);
int job_store_sql_hook_gone(job_tx *tx, job_op *op);
int job_store_sql_hook_rotate(job_tx *tx, job_op *op);
int job_store_sql_hook_secrets(job_tx *tx, job_op *op);
int job_store_sql_sweep_check(job_tx *tx, job_op *op);
int job_store_sql_stats(job_tx *tx, job_op *op);

#endif
