/*
 * What time makes superfluous: expired uploads, jobs past retention, old idempotency keys; and
 * which objects nothing refers to any more.
 */
#include "job_store_sql.h"

#include <stdio.h>

#define EXPIRED_MAX 200
#define PAGE 1000

/* The objects of expired uploads are put up for removal; those that a job pins stay until it is
 * done with them. */
static void expire_uploads(job_tx *tx)
{
    job_sql_run(tx->db,
                "INSERT INTO garbage(due_ms, key) SELECT ?1, object_key FROM uploads"
                " WHERE keep_until_ms<=?1 AND object_key IS NOT NULL"
                " ON CONFLICT DO NOTHING",
                "i", tx->now_ms);
    job_sql_run(tx->db,
                "INSERT INTO garbage(due_ms, key) SELECT ?1, 'uploads/'||id||'/'"
                " FROM uploads WHERE keep_until_ms<=?1 ON CONFLICT DO NOTHING",
                "i", tx->now_ms);
    job_sql_run(tx->db, "DELETE FROM uploads WHERE keep_until_ms<=?", "i", tx->now_ms);
}

/* Reads the jobs after *seq, which it moves on, and adds to expired those that are done for long.
 * False at the first that is too young to be, or at the end. */
static bool find_expired(job_tx *tx, int64_t before_ms, int64_t *seq, char **expired, size_t *n)
{
    bool more = false;
    job_rows *rows =
        job_sql_query(tx->db,
                      "SELECT seq, id, created_ms, completed_ms, retention_s FROM jobs WHERE seq>?"
                      " ORDER BY seq LIMIT ?",
                      "ii", *seq, (int64_t)PAGE);
    while (*n < EXPIRED_MAX && job_sql_next(tx->db, rows)) {
        int64_t completed_ms = job_sql_int(rows, 3);
        more = job_sql_int(rows, 2) <= before_ms;
        if (!more) {
            break;
        }
        *seq = job_sql_int(rows, 0);
        bool own = job_sql_int(rows, 4) != 0; /* found by find_retained */
        if (completed_ms != 0 && completed_ms <= before_ms && !own) {
            expired[(*n)++] = job_sql_str(rows, 1, &tx->arena);
        }
    }
    job_sql_end(rows);
    return more;
}

/* Adds to expired the jobs whose own retentionSeconds are over. */
static void find_retained(job_tx *tx, char **expired, size_t *n)
{
    job_rows *rows = job_sql_query(tx->db,
                                   "SELECT id FROM jobs WHERE retention_s IS NOT NULL"
                                   " AND created_ms+retention_s*1000<=?1" /* by index */
                                   " AND completed_ms+retention_s*1000<=?1"
                                   " ORDER BY created_ms+retention_s*1000 LIMIT ?2",
                                   "ii", tx->now_ms, (int64_t)(EXPIRED_MAX - *n));
    while (job_sql_next(tx->db, rows)) {
        expired[(*n)++] = job_sql_str(rows, 0, &tx->arena);
    }
}

/* Rows are in order of creation, so the search ends at the first job that is too young. */
static void expire_jobs(job_tx *tx, int64_t before_ms)
{
    char *expired[EXPIRED_MAX];
    size_t n = 0;
    int64_t seq = 0;
    while (n < EXPIRED_MAX && find_expired(tx, before_ms, &seq, expired, &n)) {
    }
    find_retained(tx, expired, &n);
    for (size_t i = 0; i < n; i++) {
        job_tx_delete_job(tx, NULL, expired[i], false);
    }
}

static void collect_garbage(job_tx *tx, job_op_sweep_due *in)
{
    in->n_garbage = 0; /* an operation of a failed group runs again */
    in->garbage = job_arena_array(&in->op.arena, JOB_SWEEP_MAX, sizeof(job_garbage));
    job_rows *rows = job_sql_query(
        tx->db, "SELECT key, due_ms FROM garbage WHERE due_ms<=? ORDER BY due_ms LIMIT ?", "ii",
        tx->now_ms, (int64_t)JOB_SWEEP_MAX);
    while (job_sql_next(tx->db, rows)) {
        in->garbage[in->n_garbage++] = (job_garbage){.key = job_sql_str(rows, 0, &in->op.arena),
                                                     .due_ms = job_sql_int(rows, 1)};
    }
}

int job_store_sql_sweep_due(job_tx *tx, job_op *op)
{
    job_op_sweep_due *in = (job_op_sweep_due *)op;
    expire_uploads(tx);
    expire_jobs(tx, tx->now_ms - in->retention_ms);
    job_sql_run(tx->db, "DELETE FROM idempotency WHERE created_ms<=?", "i",
                tx->now_ms - in->idempotency_ms);
    job_tx_progress_sweep(tx);
    collect_garbage(tx, in);
    return 0;
}

int job_store_sql_sweep_done(job_tx *tx, job_op *op)
{
    job_op_sweep_done *in = (job_op_sweep_done *)op;
    for (size_t i = 0; i < in->n_garbage; i++) {
        job_sql_run(tx->db, "DELETE FROM garbage WHERE due_ms=? AND key=?", "it",
                    in->garbage[i].due_ms, in->garbage[i].key);
    }
    return 0;
}

/* Files of an attempt under way are needed though no row names them yet: jobs/<id>/<fence>/... */
static bool of_live_attempt(job_tx *tx, const char *key)
{
    char id[RF_UUID_LEN];
    unsigned long long fence;
    if (sscanf(key, "jobs/%36[0-9a-f-]/%llu/", id, &fence) != 2) {
        return false;
    }
    return job_sql_one(tx->db, 0,
                       "SELECT 1 FROM leases WHERE job=(SELECT seq FROM jobs WHERE id=?)"
                       " AND fence=?",
                       "ti", id, (int64_t)fence) != 0;
}

static bool is_referred_to(job_tx *tx, const char *key)
{
    return job_sql_one(tx->db, 0,
                       "SELECT EXISTS(SELECT 1 FROM results WHERE object_key=?1)"
                       " OR EXISTS(SELECT 1 FROM steps WHERE object_key=?1)"
                       " OR EXISTS(SELECT 1 FROM inputs WHERE object_key=?1)"
                       " OR EXISTS(SELECT 1 FROM uploads WHERE object_key=?1)",
                       "t", key) != 0;
}

int job_store_sql_sweep_check(job_tx *tx, job_op *op)
{
    job_op_sweep_check *in = (job_op_sweep_check *)op;
    in->used = job_arena_array(&op->arena, in->n_keys, sizeof(bool));
    for (size_t i = 0; i < in->n_keys; i++) {
        in->used[i] = is_referred_to(tx, in->keys[i]) || of_live_attempt(tx, in->keys[i]);
    }
    return 0;
}
