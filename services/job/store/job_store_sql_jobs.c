/*
 * What clients do with jobs that exist: read, list, cancel, delete. Every query holds the
 * application (spec jobs.md S7).
 */
#include "job_store_sql_batch.h"
#include "job_store_sql_reuse.h"

#include "job_retry.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rf_buf.h"

#define JOB_COLUMNS                                                                                \
    " j.seq, j.id, a.name, j.name, j.batch_name, j.workflow, j.metadata, j.params, j.state,"       \
    " j.code, j.message, j.created_ms, j.started_ms, j.completed_ms, j.priority,"                  \
    " j.retention_s"                                                                               \
    " FROM jobs j JOIN applications a ON a.seq=j.app "

/* A worker that has lost its job may write until its next heartbeat and 5 s more: its files are
 * looked for again after this. */
#define LATE_WRITES_MS 40000

static void read_job(job_rows *rows, job_arena *arena, job_record *job)
{
    job->seq = job_sql_int(rows, 0);
    job->id = job_sql_str(rows, 1, arena);
    job->app = job_sql_str(rows, 2, arena);
    job->name = job_sql_str(rows, 3, arena);
    job->batch_name = job_sql_str(rows, 4, arena);
    job->workflow = job_sql_str(rows, 5, arena);
    job->metadata = job_sql_str(rows, 6, arena);
    job->params = job_sql_str(rows, 7, arena);
    job->state = (job_state)job_sql_int(rows, 8);
    job->code = job_sql_str(rows, 9, arena);
    job->message = job_sql_str(rows, 10, arena);
    job->created_ms = job_sql_int(rows, 11);
    job->started_ms = job_sql_int(rows, 12);
    job->completed_ms = job_sql_int(rows, 13);
    job->priority = (uint32_t)job_sql_int(rows, 14);
    job->retention_s = job_sql_int(rows, 15);
}

static void read_results(job_tx *tx, job_arena *arena, job_record *job)
{
    if (job->state != JOB_SUCCEEDED) {
        return;
    }
    int64_t n = job_sql_one(tx->db, 0, "SELECT count(*) FROM results WHERE job=?", "i", job->seq);
    job_result *results = job_arena_array(arena, (size_t)n, sizeof(*results));
    job_rows *rows = job_sql_query(tx->db,
                                   "SELECT output, kind, text, object_key, extension, content_type,"
                                   " size FROM results WHERE job=? ORDER BY output",
                                   "i", job->seq);
    job->results = results;
    while (job_sql_next(tx->db, rows)) {
        results[job->n_results++] = (job_result){
            .output = job_sql_str(rows, 0, arena),
            .kind = (job_result_kind)job_sql_int(rows, 1),
            .text = job_sql_str(rows, 2, arena),
            .object_key = job_sql_str(rows, 3, arena),
            .extension = job_sql_str(rows, 4, arena),
            .content_type = job_sql_str(rows, 5, arena),
            .size = job_sql_int(rows, 6),
        };
    }
}

static void read_lease(job_tx *tx, job_arena *arena, job_record *job, job_attempt *attempts)
{
    job_rows *rows = job_sql_query(tx->db,
                                   "SELECT fence, worker, claimed_ms, step, percent FROM leases"
                                   " WHERE job=?",
                                   "i", job->seq);
    if (job_sql_next(tx->db, rows)) {
        job->step = job_sql_str(rows, 3, arena);
        job->percent = (uint32_t)job_sql_int(rows, 4);
        attempts[job->n_attempts++] = (job_attempt){
            .fence = (uint64_t)job_sql_int(rows, 0),
            .state = job->step == NULL ? JOB_ATTEMPT_LEASED : JOB_ATTEMPT_RUNNING,
            .worker = job_sql_str(rows, 1, arena),
            .started_ms = job_sql_int(rows, 2),
            .step = job->step,
        };
        job_sql_end(rows);
    }
}

/* Ended attempts in order, then the one that runs. */
static void read_attempts(job_tx *tx, job_arena *arena, job_record *job)
{
    int64_t n = job_sql_one(tx->db, 0, "SELECT count(*) FROM attempts WHERE job=?", "i", job->seq);
    job_attempt *attempts = job_arena_array(arena, (size_t)n + 1, sizeof(*attempts));
    job_rows *rows = job_sql_query(tx->db,
                                   "SELECT fence, state, worker, step, code, started_ms, ended_ms"
                                   " FROM attempts WHERE job=? ORDER BY fence",
                                   "i", job->seq);
    job->attempts = attempts;
    while (job_sql_next(tx->db, rows)) {
        attempts[job->n_attempts++] = (job_attempt){
            .fence = (uint64_t)job_sql_int(rows, 0),
            .state = (job_attempt_state)job_sql_int(rows, 1),
            .worker = job_sql_str(rows, 2, arena),
            .step = job_sql_str(rows, 3, arena),
            .code = job_sql_str(rows, 4, arena),
            .started_ms = job_sql_int(rows, 5),
            .ended_ms = job_sql_int(rows, 6),
        };
    }
    read_lease(tx, arena, job, attempts);
}

int job_store_sql_get(job_tx *tx, job_op *op)
{
    job_op_get *in = (job_op_get *)op;
    job_rows *rows = job_sql_query(tx->db, "SELECT" JOB_COLUMNS "WHERE j.id=? AND a.id=?", "tt",
                                   in->id, in->app);
    if (!job_sql_next(tx->db, rows)) {
        return -ENOENT;
    }
    read_job(rows, &op->arena, &in->job);
    job_sql_end(rows);
    read_results(tx, &op->arena, &in->job);
    if (in->with_attempts) {
        read_attempts(tx, &op->arena, &in->job);
    }
    return 0;
}

/* ---- list ---- */

static void add_places(rf_buf *sql, const char *column, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        rf_buf_printf(sql, "%s%s", i == 0 ? " AND " : ",", i == 0 ? column : "?");
        if (i == 0) {
            rf_buf_append_str(sql, " IN(?");
        }
    }
    rf_buf_append_str(sql, n > 0 ? ")" : "");
}

static size_t count_bits(uint32_t bits)
{
    return (size_t)__builtin_popcount(bits);
}

static job_rows *list_statement(job_tx *tx, const job_op_list *in)
{
    rf_buf sql;
    rf_buf_init(&sql, 1 << 20);
    rf_buf_append_str(&sql, "SELECT" JOB_COLUMNS "WHERE j.app=?");
    add_places(&sql, "j.state", count_bits(in->states));
    add_places(&sql, "j.workflow", in->n_workflows);
    rf_buf_append_str(&sql, in->batch_name != NULL ? " AND j.batch_name=?" : "");
    rf_buf_append_str(&sql, " ORDER BY j.created_ms DESC, j.id LIMIT ? OFFSET ?");
    job_rows *rows = rf_buf_error(&sql) == 0 ? job_sql_prepare(tx->db, rf_buf_str(&sql)) : NULL;
    rf_buf_done(&sql);
    return rows;
}

static void bind_list(job_rows *rows, const job_op_list *in, int64_t app)
{
    int at = 1;
    job_sql_bind_int(rows, at++, app);
    for (int state = 0; state < JOB_N_STATES; state++) {
        if ((in->states & (1u << state)) != 0) {
            job_sql_bind_int(rows, at++, state);
        }
    }
    for (size_t i = 0; i < in->n_workflows; i++) {
        job_sql_bind_text(rows, at++, in->workflows[i]);
    }
    if (in->batch_name != NULL) {
        job_sql_bind_text(rows, at++, in->batch_name);
    }
    job_sql_bind_int(rows, at++, in->size);
    job_sql_bind_int(rows, at, (int64_t)in->page * in->size);
}

int job_store_sql_list(job_tx *tx, job_op *op)
{
    job_op_list *in = (job_op_list *)op;
    int64_t app = job_tx_application(tx, in->app);
    job_rows *rows = list_statement(tx, in);
    bind_list(rows, in, app);
    in->jobs = job_arena_array(&op->arena, in->size, sizeof(job_record));
    while (in->n_jobs < in->size && job_sql_next(tx->db, rows)) {
        read_job(rows, &op->arena, &in->jobs[in->n_jobs++]);
    }
    job_sql_drop(rows);
    for (size_t i = 0; i < in->n_jobs; i++) {
        read_results(tx, &op->arena, &in->jobs[i]);
    }
    return 0;
}

/* ---- cancel and delete ---- */

typedef struct found_job {
    int64_t seq;
    int64_t app;
    const char *app_id;
    job_state state;
    int64_t fence;
    int64_t pool;
    int64_t priority;
    int64_t due_ms;
    const char *workflow;
    int64_t started_ms;
    const char *batch;
    int64_t hook;
} found_job;

static bool find_job(job_tx *tx, const char *app, const char *id, found_job *ret)
{
    job_rows *rows = job_sql_query(tx->db,
                                   "SELECT j.seq, j.app, a.id, j.state, j.fence, j.pool, j.due_ms,"
                                   " j.workflow, j.started_ms, j.batch_name, j.hook, j.priority"
                                   " FROM jobs j JOIN applications a ON a.seq=j.app"
                                   " WHERE j.id=? AND (a.id=? OR ? IS NULL) FOR UPDATE OF j",
                                   "ttt", id, app, app);
    if (!job_sql_next(tx->db, rows)) {
        return false;
    }
    ret->seq = job_sql_int(rows, 0);
    ret->app = job_sql_int(rows, 1);
    ret->app_id = job_sql_str(rows, 2, &tx->arena);
    ret->state = (job_state)job_sql_int(rows, 3);
    ret->fence = job_sql_int(rows, 4);
    ret->pool = job_sql_int(rows, 5);
    ret->due_ms = job_sql_int(rows, 6);
    ret->workflow = job_sql_str(rows, 7, &tx->arena);
    ret->started_ms = job_sql_int(rows, 8);
    ret->batch = job_sql_str(rows, 9, &tx->arena);
    ret->hook = job_sql_int(rows, 10);
    ret->priority = job_sql_int(rows, 11);
    job_sql_end(rows);
    return true;
}

/* Ends whatever the job waits for or runs, and raises its fence. */
static void stop_job(job_tx *tx, const char *id, const found_job *job)
{
    job_running run;
    if (job_tx_running(tx, id, &run)) {
        job_tx_end_attempt(tx, &run, JOB_ATTEMPT_RELEASED, JOB_CODE_CANCELLED, NULL);
    }
    const job_ready row = {job->pool, job->app, job->priority, job->due_ms, job->seq};
    job_tx_ready_delete(tx, &row);
    job_sql_run(tx->db, "UPDATE jobs SET fence=fence+1 WHERE seq=?", "i", job->seq);
    if (job->state == JOB_QUEUED) {
        job_tx_queued(tx, job->app, -1);
    }
}

static void cancel(job_tx *tx, const char *id, const found_job *job)
{
    stop_job(tx, id, job);
    const job_ending end = {.job = job->seq,
                            .app = job->app_id,
                            .id = id,
                            .fence = (uint64_t)job->fence + 1,
                            .pool = (job_pool)job->pool,
                            .workflow = job->workflow,
                            .started_ms = job->started_ms,
                            .batch = job->batch,
                            .hook = job->hook,
                            .from = job->state,
                            .event = JOB_EVENT_CANCEL,
                            .code = JOB_CODE_CANCELLED,
                            .message = JOB_TEXT_CANCELLED};
    job_tx_fail(tx, &end);
    job_tx_release_inputs(tx, job->seq);
}

int job_store_sql_cancel(job_tx *tx, job_op *op)
{
    job_op_cancel *in = (job_op_cancel *)op;
    found_job job;
    if (!find_job(tx, in->app, in->id, &job)) {
        return -ENOENT;
    }
    in->state = job.state;
    if (!job_state_final(job.state)) {
        cancel(tx, in->id, &job);
        in->state = JOB_FAILED;
    }
    return 0;
}

/* Uploads that the job read or wrote expire now, unless another job pins them. */
static void expire_uploads(job_tx *tx, int64_t job)
{
    job_sql_run(tx->db,
                "UPDATE uploads SET keep_until_ms=?1, put_until_ms="
                "CASE WHEN put_until_ms<?1 THEN put_until_ms ELSE ?1 END WHERE id IN"
                " (SELECT upload FROM inputs WHERE job=?2 AND upload IS NOT NULL"
                "  UNION SELECT upload FROM targets WHERE job=?2 AND upload IS NOT NULL)"
                " AND NOT EXISTS (SELECT 1 FROM inputs i WHERE i.object_key=uploads.object_key"
                "  AND i.job<>?2)",
                "ii", tx->now_ms, job);
}

/* Everything the job's rows refer to may go, and whatever its attempts left behind. */
static void put_up_files(job_tx *tx, const char *id, int64_t job, bool live)
{
    job_sql_run(tx->db,
                "INSERT INTO garbage(due_ms, key)"
                " SELECT ?1, object_key FROM results WHERE job=?2 AND object_key IS NOT NULL"
                " UNION SELECT ?1, object_key FROM inputs WHERE job=?2 AND object_key IS NOT NULL"
                " ON CONFLICT DO NOTHING",
                "ii", tx->now_ms, job);
    char *prefix = job_arena_printf(&tx->arena, "jobs/%s/", id);
    job_tx_garbage(tx, prefix, tx->now_ms);
    if (live) {
        job_tx_garbage(tx, prefix, tx->now_ms + LATE_WRITES_MS);
    }
}

static void delete_rows(job_tx *tx, int64_t job)
{
    job_sql_run(tx->db, "DELETE FROM results WHERE job=?", "i", job);
    job_sql_run(tx->db, "DELETE FROM steps WHERE job=?", "i", job);
    job_sql_run(tx->db, "DELETE FROM inputs WHERE job=?", "i", job);
    job_sql_run(tx->db, "DELETE FROM targets WHERE job=?", "i", job);
    job_sql_run(tx->db, "DELETE FROM attempts WHERE job=?", "i", job);
    job_sql_run(tx->db, "DELETE FROM dead_letters WHERE job=?", "i", job);
    job_sql_run(tx->db, "DELETE FROM progress WHERE job=?", "i", job);
    job_tx_hook_delete(tx, job);
    job_tx_reuse_forget(tx, job);
    job_sql_run(tx->db, "DELETE FROM jobs WHERE seq=?", "i", job);
}

int job_tx_delete_job(job_tx *tx, const char *app, const char *id, bool uploads)
{
    found_job job;
    if (!find_job(tx, app, id, &job)) {
        return -ENOENT;
    }
    bool live = !job_state_final(job.state);
    if (live) {
        cancel(tx, id, &job);
    }
    if (uploads) {
        expire_uploads(tx, job.seq);
    }
    put_up_files(tx, id, job.seq, live);
    delete_rows(tx, job.seq);
    job_tx_batch_move(tx, job.app_id, job.batch, job.state, JOB_NONE);
    job_tx_event(tx, id, (uint64_t)job.fence, "deleted");
    job_tx_changed(tx, job.app_id, id, JOB_NONE);
    return 0;
}

int job_store_sql_delete(job_tx *tx, job_op *op)
{
    job_op_delete *in = (job_op_delete *)op;
    return job_tx_delete_job(tx, in->app, in->id, in->uploads);
}
