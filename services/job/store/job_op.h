/*
 * job_op.h - one operation on the store: a request with room for its answer.
 *
 * job_op_new makes an operation of a kind (its struct begins with a job_op), the caller fills the
 * inputs, copying strings into op->arena when they would not live long enough, and submits it with
 * job_store_submit. The store owns it until it calls done() once, on the store's own thread, never
 * from inside submit; from then on it is the callee's, who frees it with job_op_free. Outputs live
 * in the arena. err is 0, a refusal that the operation documents, or the store's failure
 * (job_op_is_outage).
 */
#ifndef JOB_OP_H
#define JOB_OP_H

#include "job_arena.h"
#include "job_lifecycle.h"
#include "rf_crypto.h"
#include "rf_id.h"

typedef enum job_op_kind {
    /* writes: one transaction a group */
    JOB_OP_CREATE,
    JOB_OP_CLAIM,
    JOB_OP_HEARTBEAT,
    JOB_OP_STEP_DONE,
    JOB_OP_FETCHED,
    JOB_OP_FINISH,
    JOB_OP_SCAN,
    JOB_OP_CANCEL,
    JOB_OP_DELETE,
    JOB_OP_UPLOAD_CREATE,
    JOB_OP_UPLOAD_COMPLETE,
    JOB_OP_WORKFLOW_PUT,
    JOB_OP_POSTED_PUT,
    JOB_OP_POSTED_DELETE,
    JOB_OP_REDRIVE,
    JOB_OP_DEAD_REDRIVE,
    JOB_OP_KEY_CREATE,
    JOB_OP_KEY_REVOKE,
    JOB_OP_KEY_ROTATE,
    JOB_OP_APP_LIMIT,
    JOB_OP_OUTBOX_MARK,
    JOB_OP_SWEEP_DUE,
    JOB_OP_SWEEP_DONE,
    JOB_OP_LIMITS,
    JOB_OP_HOOK_TAKE,
    JOB_OP_HOOK_SETTLE,
    JOB_OP_HOOK_GONE,
    JOB_OP_HOOK_ROTATE,
    /* reads: on the reader connections */
    JOB_OP_GET,
    JOB_OP_EVENTS,
    JOB_OP_LIST,
    JOB_OP_UPLOAD_GET,
    JOB_OP_FILE_GET,
    JOB_OP_POSTED_FIND,
    JOB_OP_POSTED_LIST,
    JOB_OP_DEAD_LIST,
    JOB_OP_BATCH_GET,
    JOB_OP_APPLICATION_GET,
    JOB_OP_KEY_LIST,
    JOB_OP_KEY_FIND,
    JOB_OP_OUTBOX_NEXT,
    JOB_OP_SWEEP_CHECK,
    JOB_OP_HOOK_SECRETS,
    JOB_OP_STATS,
    JOB_N_OPS,
} job_op_kind;

typedef struct job_op job_op;
typedef void (*job_op_done_fn)(job_op *op);

struct job_op {
    job_op_kind kind;
    job_arena arena;
    job_op_done_fn done;
    void *user; /* of whoever submits */
    int err;
    int64_t until_ns; /* a read that meets an outage is tried again until then, by rf_time_ns */
    job_op *next;     /* of whoever holds the operation */
};

/* job_op_new makes a zeroed operation of size bytes (the whole struct). */
void *job_op_new(job_op_kind kind, size_t size, job_op_done_fn done, void *user) RF_MUST_USE;
#define JOB_OP_NEW(kind_, type_, done_, user_)                                                     \
    ((type_ *)job_op_new((kind_), sizeof(type_), (done_), (user_)))

/* job_op_free frees operation and arena; NULL is allowed. Returns NULL. */
job_op *job_op_free(job_op *op);

/* job_op_is_write says whether a kind changes the store. */
bool job_op_is_write(job_op_kind kind);

/* job_op_is_outage says whether err is a failure of the store itself (down, full, broken, busy)
 * rather than an answer. */
bool job_op_is_outage(int err);

#include "job_op_events.h"
#include "job_op_hook.h"
#include "job_op_limits.h"
#include "job_op_reuse.h"

/* ---- jobs ---- */

#define JOB_INPUTS_MAX 32 /* that a workflow may ask for */

/* An input that names bytes, as the worker gets it. Exactly one of url, object_key, bad is set. */
typedef struct job_input {
    const char *param;
    const char *url;        /* outside: fetched by the worker; or job_urls_recording */
    const char *object_key; /* own file, pinned with the job */
    const char *bad;        /* own URL without a file: what the client is told */
    /* Only in create: an own URL whose signature holds, resolved inside the transaction. */
    const char *upload_id;
    const char *job_id; /* with file_name */
    const char *file_name;
} job_input;

/* Where a named output goes. Exactly one of url and upload_id is set. */
typedef struct job_target {
    const char *output;
    const char *url;
    const char *upload_id;
} job_target;

/* Name of the bad input that stands for a target that cannot be written. */
#define JOB_TARGET_PARAM "copyResultsTo.%s"

#define JOB_PRIORITIES 10
#define JOB_PRIORITY_DEFAULT 5

typedef struct job_op_create {
    job_op op;
    const char *app; /* application id */
    const char *name;
    const char *workflow; /* slug */
    int64_t workflow_version;
    job_pool pool;
    uint32_t limit_s;
    const char *batch_name; /* NULL: none */
    int64_t batch_size;     /* 0: not given */
    int64_t retention_s;    /* 0: as the settings say */
    uint32_t priority;      /* below JOB_PRIORITIES; the highest goes first */
    const char *params;     /* JSON */
    const char *metadata;   /* JSON */
    const char *request_id;
    const char *traceparent;
    const job_input *inputs;
    size_t n_inputs;
    const job_target *targets;
    size_t n_targets;
    job_hook hook;
    const char *hook_secret;     /* the application's, if it has none yet; only beside a hook */
    const char *reuse_seed;      /* what its result depends on but the inputs; NULL: it runs */
    const char *idempotency_key; /* NULL: none */
    uint8_t payload_sha256[RF_SHA256_LEN];
    /* out; err: -ENOENT no such application, -EEXIST key used with another payload, -EDQUOT too
     * many jobs of the application are queued, -EUSERS it has made as many today as it may, -ERANGE
     * the batch has another size */
    char id[RF_UUID_LEN];
    bool replayed;
} job_op_create;

/* One value of a result; text, file or custom storage. */
typedef enum job_result_kind {
    JOB_RESULT_TEXT = 1,
    JOB_RESULT_FILE = 2,
    JOB_RESULT_CUSTOM = 3,
} job_result_kind;

typedef struct job_result {
    const char *output;
    job_result_kind kind;
    const char *text;
    const char *object_key;
    const char *extension;
    const char *content_type;
    int64_t size;
} job_result;

typedef struct job_attempt {
    uint64_t fence;
    job_attempt_state state;
    const char *worker;
    const char *step;
    const char *code; /* NULL when it did not fail */
    int64_t started_ms;
    int64_t ended_ms; /* 0 while it lasts */
} job_attempt;

typedef struct job_record {
    int64_t seq; /* of the store; not for clients */
    const char *id;
    const char *app; /* name of the application */
    const char *name;
    const char *batch_name; /* NULL: none */
    const char *workflow;
    const char *metadata;
    const char *params;
    job_state state;
    const char *code; /* these three NULL unless FAILED */
    const char *message;
    int64_t created_ms;
    int64_t started_ms;   /* 0: not yet */
    int64_t completed_ms; /* 0: not yet */
    uint32_t priority;
    int64_t retention_s; /* 0: as the settings say */
    const job_result *results;
    size_t n_results;
    const job_attempt *attempts; /* only when asked for */
    size_t n_attempts;
    const char *step; /* of the running attempt; NULL: none */
    uint32_t percent;
} job_record;

typedef struct job_op_get {
    job_op op;
    const char *app;
    const char *id;
    bool with_attempts;
    /* out; err: -ENOENT */
    job_record job;
} job_op_get;

#define JOB_LIST_MAX 1000

typedef struct job_op_list {
    job_op op;
    const char *app;
    uint32_t states; /* bit (1 << job_state); 0: all */
    const char *const *workflows;
    size_t n_workflows;
    const char *batch_name; /* NULL: all */
    uint32_t page;
    uint32_t size; /* 1-JOB_LIST_MAX */
    /* out */
    job_record *jobs;
    size_t n_jobs;
} job_op_list;

typedef struct job_op_cancel {
    job_op op;
    const char *app;
    const char *id;
    /* out; err: -ENOENT */
    job_state state;
} job_op_cancel;

typedef struct job_op_delete {
    job_op op;
    const char *app;
    const char *id;
    bool uploads; /* its uploads too, unless another job pins them */
    /* out; err: -ENOENT */
} job_op_delete;

/* ---- workers ---- */

typedef struct job_step_output {
    const char *step;
    const char *port;
    const char *object_key; /* NULL: text */
    int64_t size;
    const char *text;
} job_step_output;

typedef struct job_claim {
    const char *id;
    uint64_t fence;
    const char *document; /* JSON of the workflow version the job was accepted with */
    const char *params;
    const job_input *inputs;
    size_t n_inputs;
    const job_target *targets;
    size_t n_targets;
    const job_step_output *done;
    size_t n_done;
    uint32_t limit_s;
    const char *request_id;
    const char *traceparent;
} job_claim;

#define JOB_CLAIM_MAX 256

typedef struct job_op_claim {
    job_op op;
    const char *worker;
    job_pool pool;
    uint32_t max; /* 1-JOB_CLAIM_MAX */
    int64_t lease_ms;
    const char *const *hints; /* jobs whose references are used up by this claim */
    size_t n_hints;
    /* out */
    job_claim *claims;
    size_t n_claims;
} job_op_claim;

typedef struct job_lease {
    const char *id;
    uint64_t fence;
    const char *step;
    uint32_t percent;
    bool lost; /* out */
} job_lease;

typedef struct job_op_heartbeat {
    job_op op;
    const char *worker;
    job_lease *leases;
    size_t n_leases;
    int64_t lease_ms;
} job_op_heartbeat;

typedef struct job_op_step_done {
    job_op op;
    const char *id;
    uint64_t fence;
    const job_step_output *outputs;
    size_t n_outputs;
    /* err: -ESTALE the fence is old, -EPERM an object key outside the attempt */
} job_op_step_done;

typedef enum job_outcome {
    JOB_OUTCOME_SUCCESS,
    JOB_OUTCOME_FAILURE,
    JOB_OUTCOME_RELEASED
} job_outcome;

typedef struct job_finish {
    const char *id;
    uint64_t fence;
    job_outcome outcome;
    const job_result *results;
    size_t n_results;
    const char *code;
    const char *message;
    const char *step;
    bool decoder_crash;
    bool accepted; /* out */
} job_finish;

typedef struct job_op_finish {
    job_op op;
    const char *worker;
    job_finish *items;
    size_t n_items;
} job_op_finish;

/* Ends attempts whose lease or total time ran out, and jobs that were not started in time; at most
 * JOB_SCAN_MAX of each. */
#define JOB_SCAN_MAX 500
typedef struct job_op_scan {
    job_op op;
    int64_t start_limit_ms;
    /* out */
    size_t n_lost;
    size_t n_expired;
} job_op_scan;

/* ---- uploads and files ---- */

typedef struct job_op_upload_create {
    job_op op;
    const char *app;
    int64_t put_ms;  /* how long the upload URL works */
    int64_t keep_ms; /* how long the file is kept */
    /* out; err: -ENOENT no such application */
    char id[RF_UUID_LEN];
    int64_t put_until_ms;
    int64_t keep_until_ms;
} job_op_upload_create;

typedef struct job_op_upload_complete {
    job_op op;
    const char *id;
    const char *object_key;
    int64_t size;
    uint8_t sha256[RF_SHA256_LEN];
    /* err: -ENOENT unknown or expired, -EEXIST another PUT was first, -EPERM a foreign key */
} job_op_upload_complete;

typedef struct job_op_upload_get {
    job_op op;
    const char *id;
    /* out; err: -ENOENT */
    bool used;              /* a PUT was first, or a job will write it */
    const char *object_key; /* NULL until complete */
    int64_t size;
} job_op_upload_get;

typedef struct job_op_file_get {
    job_op op;
    const char *job_id;
    const char *file_name; /* output name, '.', extension */
    /* out; err: -ENOENT */
    const char *object_key;
    const char *content_type;
    int64_t size;
} job_op_file_get;

/* ---- workflows ---- */

/* Stores a document; an equal one changes nothing, a different one makes a new version. */
typedef struct job_op_workflow_put {
    job_op op;
    const char *slug;
    const char *document;
    /* out */
    char id[RF_UUID_LEN];
    int64_t version;
    int64_t created_ms;
    int64_t updated_ms;
} job_op_workflow_put;

/* ---- applications and keys ---- */

typedef struct job_key {
    const char *id;
    const char *app;
    const char *app_name;
    const char *prefix;
    int64_t created_ms;
    int64_t revoked_ms; /* 0: not; in the future while a rotated key still works */
    uint32_t rate;
    uint32_t burst;
    const char *scopes; /* rf_scope.h */
} job_key;

typedef struct job_op_application_get {
    job_op op;
    const char *app;
    /* out; err: -ENOENT */
    const char *name;
} job_op_application_get;

#define JOB_CONCURRENCY_MAX 1000
#define JOB_WEIGHT_MAX 100
#define JOB_PER_DAY_MAX 1000000000

/* How many jobs of an application may run, how large its share of free slots is, and how many jobs
 * it may make from one midnight (UTC) to the next; what is not set stays. */
typedef struct job_op_app_limit {
    job_op op;
    const char *name;
    bool set_concurrency;
    bool set_weight;
    bool set_per_day;
    uint32_t concurrency; /* 1-JOB_CONCURRENCY_MAX; set to 0: that of the settings */
    uint32_t weight;      /* 1-JOB_WEIGHT_MAX */
    uint32_t per_day;     /* 1-JOB_PER_DAY_MAX; set to 0: any number */
    /* out: what is in force, and what is there now; err: -ENOENT */
    int64_t queued;
    int64_t running;
    int64_t today; /* jobs made today */
} job_op_app_limit;

typedef struct job_op_key_create {
    job_op op;
    const char *app_name;
    uint8_t hash[RF_SHA256_LEN];
    const char *prefix;
    uint32_t rate;
    uint32_t burst;
    const char *scopes;
    /* out; err: -EEXIST the application has a key that was not revoked or rotated */
    job_key key;
} job_op_key_create;

typedef struct job_op_key_revoke {
    job_op op;
    const char *id;
    /* out; err: -ENOENT */
    job_key key;
} job_op_key_revoke;

typedef struct job_op_key_rotate {
    job_op op;
    const char *id;
    uint8_t hash[RF_SHA256_LEN];
    const char *prefix;
    int64_t overlap_ms;
    /* out; err: -ENOENT unknown or revoked, -EEXIST a rotation is under way */
    job_key key;
} job_op_key_rotate;

typedef struct job_op_key_list {
    job_op op;
    /* out */
    job_key *keys;
    size_t n_keys;
} job_op_key_list;

typedef struct job_op_key_find {
    job_op op;
    uint8_t hash[RF_SHA256_LEN];
    /* out; err: -ENOENT unknown or revoked */
    job_key key;
} job_op_key_find;

/* ---- outbox ---- */

/* A reference to publish: a waiting job (ready) or a state change (event). */
typedef struct job_outbox_row {
    int64_t seq; /* the job's for ready, the row's for an event */
    uint32_t at; /* event only: its place in the row, */
    uint32_t of; /* and how many the row has; 0: it is no pack (job_store_sql_packs.c) */
    const char *job_id;
    job_pool pool;
    int64_t app; /* this and the next two: ready only */
    int64_t priority;
    int64_t due_ms;
    uint64_t fence;      /* event only */
    const char *message; /* event only: "started", ... */
} job_outbox_row;

typedef struct job_op_outbox_next {
    job_op op;
    uint32_t allowed[JOB_N_POOLS]; /* references that may be out at once */
    int64_t republish_ms;          /* one that was not claimed for so long goes out again */
    /* out */
    job_outbox_row *ready;
    size_t n_ready;
    job_outbox_row *events;
    size_t n_events;
    bool more; /* events were left for the next time */
} job_op_outbox_next;

/* Marks what was acknowledged: ready rows as sent, event rows are removed, once all of their events
 * were. Events come in the order in which they were given. */
typedef struct job_op_outbox_mark {
    job_op op;
    const job_outbox_row *ready;
    size_t n_ready;
    const job_outbox_row *events;
    size_t n_events;
} job_op_outbox_mark;

/* ---- sweeping ---- */

#define JOB_SWEEP_MAX 256

/* What may be removed from the object store: a key, or a prefix that ends in '/'. */
typedef struct job_garbage {
    const char *key;
    int64_t due_ms;
} job_garbage;

/* Collects what is due, and turns expired rows (uploads, idempotency keys, jobs past retention)
 * into garbage. */
typedef struct job_op_sweep_due {
    job_op op;
    int64_t retention_ms;
    int64_t idempotency_ms;
    /* out */
    job_garbage *garbage;
    size_t n_garbage;
} job_op_sweep_due;

typedef struct job_op_sweep_done {
    job_op op;
    const job_garbage *garbage;
    size_t n_garbage;
} job_op_sweep_done;

/* Says for each key whether anything in the store refers to it. */
typedef struct job_op_sweep_check {
    job_op op;
    const char *const *keys;
    size_t n_keys;
    /* out */
    bool *used;
} job_op_sweep_check;

/* Dead letters of one workflow. */
typedef struct job_dead {
    const char *workflow;
    int64_t n;
} job_dead;

#define JOB_DEAD_MAX 1000 /* workflows */

typedef struct job_op_stats {
    job_op op;
    /* out */
    int64_t queued[JOB_N_POOLS];
    int64_t running[JOB_N_POOLS];
    int64_t oldest_queued_ms[JOB_N_POOLS]; /* when it fell due, 0: none */
    int64_t outbox_unsent;
    int64_t outbox_oldest_ms;
    int64_t hooks_waiting; /* messages for webhooks */
    int64_t hooks_oldest_ms;
    job_dead *dead;
    size_t n_dead; /* at most JOB_DEAD_MAX, those with most of them */
} job_op_stats;

#include "job_op_batch.h"
#include "job_op_dead.h"
#include "job_op_posted.h"

#endif
