#include "job_store_sql_batch.h"

#include <errno.h>
#include <string.h>

/* What the transaction changes of one batch. */
struct job_batch {
    const char *app;
    const char *name;
    int64_t size; /* 0: none given */
    int64_t jobs; /* new ones */
    int64_t kept; /* new ones less deleted ones */
    int64_t in[JOB_N_STATES];
    job_batch *next;
};

static int order(const job_batch *b, const char *app, const char *name)
{
    int by_app = strcmp(b->app, app);
    return by_app != 0 ? by_app : strcmp(b->name, name);
}

/* In the order of keys, so that writers do not lock crosswise. */
static job_batch *batch_of(job_tx *tx, const char *app, const char *name)
{
    job_batch **at = &tx->batches;
    while (*at != NULL && order(*at, app, name) < 0) {
        at = &(*at)->next;
    }
    if (*at != NULL && order(*at, app, name) == 0) {
        return *at;
    }
    job_batch *b = job_arena_alloc(&tx->arena, sizeof(*b));
    b->app = job_arena_str(&tx->arena, app);
    b->name = job_arena_str(&tx->arena, name);
    b->next = *at;
    *at = b;
    return b;
}

int job_tx_batch_add(job_tx *tx, const char *app, const char *batch, int64_t size)
{
    if (batch == NULL) {
        return 0;
    }
    job_batch *b = batch_of(tx, app, batch);
    if (size > 0) {
        int64_t known =
            b->size > 0 ? b->size
                        : job_sql_one(tx->db, 0, "SELECT size FROM batches WHERE app=? AND name=?",
                                      "tt", app, batch);
        if (known > 0 && known != size) {
            return -ERANGE;
        }
        b->size = size;
    }
    b->jobs++;
    b->kept++;
    b->in[JOB_QUEUED]++;
    return 0;
}

void job_tx_batch_move(job_tx *tx, const char *app, const char *batch, job_state from, job_state to)
{
    if (batch == NULL) {
        return;
    }
    job_batch *b = batch_of(tx, app, batch);
    if (to == JOB_NONE) {
        b->kept--;
        return;
    }
    b->in[from]--;
    b->in[to]++;
}

/* A batch whose last job is deleted is gone. */
static void write_batch(job_tx *tx, const job_batch *b)
{
    int64_t n_final = b->in[JOB_SUCCEEDED] + b->in[JOB_FAILED];
    job_rows *rows = job_sql_query(
        tx->db,
        "INSERT INTO batches(app, name, size, total, kept, queued, started, succeeded, failed,"
        " created_ms, final_ms) VALUES(?,?,?,?,?,?,?,?,?,?,nullif(?,0)) ON CONFLICT(app, name) DO "
        "UPDATE SET"
        " size=CASE WHEN excluded.size>0 THEN excluded.size ELSE batches.size END,"
        " total=batches.total+excluded.total, kept=batches.kept+excluded.kept,"
        " queued=batches.queued+excluded.queued, started=batches.started+excluded.started,"
        " succeeded=batches.succeeded+excluded.succeeded, failed=batches.failed+excluded.failed,"
        " final_ms=coalesce(excluded.final_ms, batches.final_ms)"
        " RETURNING kept, completed=0 AND size>0 AND succeeded+failed>=size",
        "ttiiiiiiiii", b->app, b->name, b->size, b->jobs, b->kept, b->in[JOB_QUEUED],
        b->in[JOB_STARTED], b->in[JOB_SUCCEEDED], b->in[JOB_FAILED], tx->now_ms,
        n_final > 0 ? tx->now_ms : 0);
    if (!job_sql_next(tx->db, rows)) {
        return;
    }
    bool gone = job_sql_int(rows, 0) <= 0;
    bool completes = job_sql_int(rows, 1) != 0;
    job_sql_end(rows);
    if (completes) {
        job_sql_run(tx->db, "UPDATE batches SET completed=1 WHERE app=? AND name=?", "tt", b->app,
                    b->name);
        job_tx_hook_batch(tx, job_tx_application(tx, b->app), b->name);
    }
    if (gone) {
        job_sql_run(tx->db, "DELETE FROM batches WHERE app=? AND name=?", "tt", b->app, b->name);
    }
}

static bool has_changed(const job_batch *b)
{
    bool moved = b->jobs != 0 || b->kept != 0;
    for (size_t i = 0; i < JOB_N_STATES; i++) {
        moved = moved || b->in[i] != 0;
    }
    return moved;
}

void job_tx_batch_settle(job_tx *tx)
{
    for (const job_batch *b = tx->batches; b != NULL; b = b->next) {
        if (has_changed(b)) { /* not only refused */
            write_batch(tx, b);
        }
    }
    tx->batches = NULL;
}

int job_store_sql_batch_get(job_tx *tx, job_op *op)
{
    job_op_batch_get *in = (job_op_batch_get *)op;
    job_rows *rows = job_sql_query(tx->db,
                                   "SELECT total, queued, started, succeeded, failed, created_ms,"
                                   " CASE WHEN queued+started=0 AND succeeded+failed>=size"
                                   " THEN final_ms END FROM batches WHERE app=? AND name=?",
                                   "tt", in->app, in->name);
    if (!job_sql_next(tx->db, rows)) {
        return -ENOENT;
    }
    in->total = job_sql_int(rows, 0);
    in->queued = job_sql_int(rows, 1);
    in->started = job_sql_int(rows, 2);
    in->succeeded = job_sql_int(rows, 3);
    in->failed = job_sql_int(rows, 4);
    in->created_ms = job_sql_int(rows, 5);
    in->completed_ms = job_sql_int(rows, 6);
    job_sql_end(rows);
    return 0;
}
