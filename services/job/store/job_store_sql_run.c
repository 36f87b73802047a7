/*
 * One transaction of operations: what it notes for the hooks, its end, and when it is run again.
 */
#include "job_store_sql_batch.h"

#include <errno.h>

#define TRIES_MAX 5
#define CLOCK_APART_MS 2000

const job_op_fn job_store_sql_ops[JOB_N_OPS] = {
    [JOB_OP_CREATE] = job_store_sql_create,
    [JOB_OP_CLAIM] = job_store_sql_claim,
    [JOB_OP_HEARTBEAT] = job_store_sql_heartbeat,
    [JOB_OP_STEP_DONE] = job_store_sql_step_done,
    [JOB_OP_FETCHED] = job_store_sql_fetched,
    [JOB_OP_FINISH] = job_store_sql_finish,
    [JOB_OP_SCAN] = job_store_sql_scan,
    [JOB_OP_CANCEL] = job_store_sql_cancel,
    [JOB_OP_DELETE] = job_store_sql_delete,
    [JOB_OP_UPLOAD_CREATE] = job_store_sql_upload_create,
    [JOB_OP_UPLOAD_COMPLETE] = job_store_sql_upload_complete,
    [JOB_OP_WORKFLOW_PUT] = job_store_sql_workflow_put,
    [JOB_OP_POSTED_PUT] = job_store_sql_posted_put,
    [JOB_OP_POSTED_DELETE] = job_store_sql_posted_delete,
    [JOB_OP_POSTED_FIND] = job_store_sql_posted_find,
    [JOB_OP_POSTED_LIST] = job_store_sql_posted_list,
    [JOB_OP_REDRIVE] = job_store_sql_redrive,
    [JOB_OP_DEAD_REDRIVE] = job_store_sql_dead_redrive,
    [JOB_OP_BATCH_GET] = job_store_sql_batch_get,
    [JOB_OP_DEAD_LIST] = job_store_sql_dead_list,
    [JOB_OP_APP_LIMIT] = job_store_sql_app_limit,
    [JOB_OP_KEY_CREATE] = job_store_sql_key_create,
    [JOB_OP_KEY_REVOKE] = job_store_sql_key_revoke,
    [JOB_OP_KEY_ROTATE] = job_store_sql_key_rotate,
    [JOB_OP_OUTBOX_MARK] = job_store_sql_outbox_mark,
    [JOB_OP_SWEEP_DUE] = job_store_sql_sweep_due,
    [JOB_OP_SWEEP_DONE] = job_store_sql_sweep_done,
    [JOB_OP_GET] = job_store_sql_get,
    [JOB_OP_EVENTS] = job_store_sql_events,
    [JOB_OP_LIST] = job_store_sql_list,
    [JOB_OP_UPLOAD_GET] = job_store_sql_upload_get,
    [JOB_OP_FILE_GET] = job_store_sql_file_get,
    [JOB_OP_APPLICATION_GET] = job_store_sql_application_get,
    [JOB_OP_KEY_LIST] = job_store_sql_key_list,
    [JOB_OP_KEY_FIND] = job_store_sql_key_find,
    [JOB_OP_OUTBOX_NEXT] = job_store_sql_outbox_next,
    [JOB_OP_LIMITS] = job_store_sql_limits,
    [JOB_OP_HOOK_TAKE] = job_store_sql_hook_take,
    [JOB_OP_HOOK_SETTLE] = job_store_sql_hook_settle,
    [JOB_OP_HOOK_GONE] = job_store_sql_hook_gone,
    [JOB_OP_HOOK_ROTATE] = job_store_sql_hook_rotate,
    [JOB_OP_HOOK_SECRETS] = job_store_sql_hook_secrets,
    [JOB_OP_SWEEP_CHECK] = job_store_sql_sweep_check,
    [JOB_OP_STATS] = job_store_sql_stats,
};

int job_tx_open(job_tx *tx, const job_store_options *options, job_common *common, job_sql_role role)
{
    tx->options = options;
    tx->common = common;
    int err = job_sql_open(options->url, role, &tx->db);
    if (err == 0) {
        job_sql_share(tx->db, &common->health);
    }
    if (err == 0 && options->cache_kib > 0) {
        job_sql_cache(tx->db, options->cache_kib);
    }
    return err;
}

static void forget_notes(job_tx *tx)
{
    tx->changes = NULL;
    tx->changes_end = &tx->changes;
    tx->facts = NULL;
    tx->facts_end = &tx->facts;
    tx->outbox = false;
    tx->hooks = false;
    tx->tallies = NULL;
    tx->outbox_room = 0;
    tx->batches = NULL;
    tx->pack.n = tx->pack.len = 0;
}

/* Each connection knows the server's clock a little differently: what one wrote as due now must not
 * lie ahead for the next. A clock that was set back is followed all the same. */
static void never_before(job_tx *tx)
{
    job_common *c = tx->common;
    pthread_mutex_lock(&c->mutex);
    if (c->now_ms > tx->now_ms && c->now_ms - tx->now_ms < CLOCK_APART_MS) {
        tx->now_ms = c->now_ms;
    }
    c->now_ms = tx->now_ms;
    pthread_mutex_unlock(&c->mutex);
}

/* What was published is published again when its mark is lost. */
bool job_tx_is_lazy(const job_op *op)
{
    return op->kind == JOB_OP_OUTBOX_MARK;
}

static bool all_lazy(const job_op *op)
{
    while (op != NULL && job_tx_is_lazy(op)) {
        op = op->next;
    }
    return op == NULL;
}

static void tx_begin(job_tx *tx)
{
    job_sql_clear(tx->db);
    forget_notes(tx);
    job_sql_begin(tx->db);
    tx->now_ms = job_sql_now_ms(tx->db);
    if (job_sql_shared(tx->db)) {
        never_before(tx);
    }
}

/* Commits, or undoes everything; returns the store's error. */
static int tx_end(job_tx *tx)
{
    job_tx_packs_settle(tx);
    job_tx_settle(tx);
    job_tx_forget_ahead(tx);
    job_tx_batch_settle(tx);
    int err = job_sql_commit(tx->db);
    if (err != 0) {
        job_arena_done(&tx->arena);
        forget_notes(tx);
    }
    return err;
}

/* Where answers come from the memory of this process, looking ahead gains nothing. */
static void turn_to(job_tx *tx, const job_op *op, const job_op *before)
{
    if (!job_sql_shared(tx->db) || (before != NULL && op->kind == before->kind)) {
        return;
    }
    if (op->kind == JOB_OP_FINISH) {
        job_tx_look_ahead(tx, op);
    } else {
        job_tx_forget_ahead(tx);
    }
}

static int run_once(job_tx *tx, job_op *first)
{
    tx_begin(tx);
    if (all_lazy(first)) {
        job_sql_lazy(tx->db);
    }
    const job_op *before = NULL;
    for (job_op *op = first; op != NULL && job_sql_error(tx->db) == 0; op = op->next) {
        turn_to(tx, op, before);
        before = op;
        op->err = job_store_sql_ops[op->kind](tx, op);
    }
    return tx_end(tx);
}

int job_tx_run(job_tx *tx, job_op *first)
{
    int err = run_once(tx, first);
    for (int i = 1; i < TRIES_MAX && err != 0 && job_sql_again(tx->db); i++) {
        err = run_once(tx, first);
    }
    return err;
}
