/*
 * Dead letters: jobs out of retries, and the new jobs that take their place (spec jobs.md 4.3).
 */
#include "job_store_sql.h"

#include <errno.h>

typedef struct redrive {
    job_tx *tx;
    int64_t app;
    const char *app_id;
    int64_t from; /* the dead letter */
    int64_t job;  /* the new one */
    char id[RF_UUID_LEN];
} redrive;

static void copy_job(const redrive *r)
{
    job_sql_run(
        r->tx->db,
        "INSERT INTO jobs(seq, id, app, state, pool, due_ms, limit_s, created_ms, name,"
        " workflow, version, request_id, traceparent, metadata, params, priority, retention_s,"
        " hook, reuse_key, reuse_seed, spare)"
        " SELECT ?1, ?2, app, ?3, pool, ?4, limit_s, ?4, name, workflow, version,"
        " request_id, traceparent, metadata, params, priority, retention_s, hook,"
        " CASE WHEN reuse_seed IS NULL THEN reuse_key END, reuse_seed, ?6 FROM jobs WHERE seq=?5",
        "itiiit", r->job, r->id, (int64_t)job_tx_next(r->tx, JOB_NONE, JOB_EVENT_CREATE),
        r->tx->now_ms, r->from, job_tx_spare(r->tx));
    job_sql_run(r->tx->db,
                "INSERT INTO ready(pool, due_ms, job, app, priority)"
                " SELECT pool, due_ms, seq, app, priority FROM jobs WHERE seq=?",
                "i", r->job);
    job_tx_queued(r->tx, r->app, 1);
    job_tx_made(r->tx, r->app);
}

/* The dead letter's inputs are pinned still. An upload that its output was meant for may have
 * expired or been used meanwhile, which is told as when a job is made. */
static void copy_files(const redrive *r)
{
    job_sql *db = r->tx->db;
    job_sql_run(db,
                "INSERT INTO inputs(job, param, url, object_key, bad, upload)"
                " SELECT ?1, param, url, object_key, bad, upload FROM inputs WHERE job=?2",
                "ii", r->job, r->from);
    job_sql_run(db,
                "UPDATE uploads SET job=?1 WHERE id IN (SELECT upload FROM targets WHERE job=?2)"
                " AND object_key IS NULL AND job IS NULL AND put_until_ms>?3",
                "iii", r->job, r->from, r->tx->now_ms);
    job_sql_run(db,
                "INSERT INTO inputs(job, param, bad) SELECT ?1, 'copyResultsTo.'||t.output, ?3"
                " FROM targets t WHERE t.job=?2 AND t.upload IS NOT NULL AND NOT EXISTS"
                " (SELECT 1 FROM uploads u WHERE u.id=t.upload AND u.job=?1)",
                "iit", r->job, r->from, JOB_TEXT_FILE_NOT_FOUND);
    job_sql_run(db,
                "INSERT INTO targets(job, output, url, upload)"
                " SELECT ?1, t.output, t.url, t.upload FROM targets t WHERE t.job=?2"
                " AND (t.upload IS NULL OR EXISTS"
                " (SELECT 1 FROM uploads u WHERE u.id=t.upload AND u.job=?1))",
                "ii", r->job, r->from);
}

static void copy_hook(const redrive *r)
{
    job_sql_run(r->tx->db,
                "INSERT INTO hooks(job, url, host) SELECT ?1, url, host FROM hooks WHERE job=?2",
                "ii", r->job, r->from);
}

/* Puts a new job in the place of a dead letter: 0, -EDQUOT or -EUSERS. */
static int run_again(redrive *r)
{
    int64_t app;
    int err = job_tx_has_room(r->tx, r->app_id, &app);
    if (err < 0) {
        return err;
    }
    rf_uuid4(r->id);
    r->job = job_tx_new_seq(r->tx);
    copy_job(r);
    copy_files(r);
    copy_hook(r);
    job_sql_run(r->tx->db, "DELETE FROM dead_letters WHERE job=?", "i", r->from);
    job_tx_event(r->tx, r->id, 0, "queued");
    job_tx_changed(r->tx, r->app_id, r->id, JOB_QUEUED);
    r->tx->outbox = true;
    return 0;
}

static bool find_job(redrive *r, const char *app, const char *id, bool *ret_dead)
{
    job_rows *rows = job_sql_query(r->tx->db,
                                   "SELECT j.seq, j.app,"
                                   " EXISTS(SELECT 1 FROM dead_letters d WHERE d.job=j.seq)"
                                   " FROM jobs j JOIN applications a ON a.seq=j.app"
                                   " WHERE j.id=? AND a.id=? FOR UPDATE OF j",
                                   "tt", id, app);
    if (!job_sql_next(r->tx->db, rows)) {
        return false;
    }
    r->from = job_sql_int(rows, 0);
    r->app = job_sql_int(rows, 1);
    *ret_dead = job_sql_int(rows, 2) != 0;
    job_sql_end(rows);
    return true;
}

int job_store_sql_redrive(job_tx *tx, job_op *op)
{
    job_op_redrive *in = (job_op_redrive *)op;
    redrive r = {.tx = tx, .app_id = in->app};
    bool dead;
    if (!find_job(&r, in->app, in->id, &dead)) {
        return -ENOENT;
    }
    int err = dead ? run_again(&r) : -EEXIST;
    if (err == 0) {
        rf_copy_str(in->new_id, sizeof(in->new_id), r.id);
    }
    return err;
}

/* ---- for operators ---- */

#define IN_RANGE                                                                                   \
    " (CAST(?1 AS TEXT) IS NULL OR j.workflow=?1) AND d.at_ms>=?2 AND (?3=0 OR d.at_ms<?3) "

int job_store_sql_dead_redrive(job_tx *tx, job_op *op)
{
    job_op_dead_redrive *in = (job_op_dead_redrive *)op;
    redrive *found = job_arena_array(&tx->arena, JOB_REDRIVE_MAX, sizeof(*found));
    size_t n = 0;
    in->n_redriven = in->n_left = 0; /* an operation of a failed group runs again */
    job_rows *rows = job_sql_query(
        tx->db,
        "SELECT j.seq, j.app, a.id FROM dead_letters d JOIN jobs j ON j.seq=d.job"
        " JOIN applications a ON a.seq=j.app WHERE" IN_RANGE "AND d.job>?4 ORDER BY d.job LIMIT ?5"
        " FOR UPDATE OF j",
        "tiiii", in->range.workflow, in->range.from_ms, in->range.to_ms, in->after,
        (int64_t)JOB_REDRIVE_MAX);
    while (job_sql_next(tx->db, rows)) {
        found[n++] = (redrive){.tx = tx,
                               .from = job_sql_int(rows, 0),
                               .app = job_sql_int(rows, 1),
                               .app_id = job_sql_str(rows, 2, &tx->arena)};
    }
    for (size_t i = 0; i < n; i++) {
        bool done = run_again(&found[i]) == 0;
        in->n_redriven += done;
        in->n_left += !done;
    }
    in->last = n == JOB_REDRIVE_MAX ? found[n - 1].from : 0;
    return 0;
}

int job_store_sql_dead_list(job_tx *tx, job_op *op)
{
    job_op_dead_list *in = (job_op_dead_list *)op;
    job_arena *arena = &op->arena;
    in->letters = job_arena_array(arena, in->size, sizeof(job_dead_letter));
    job_rows *rows = job_sql_query(
        tx->db,
        "SELECT j.id, a.name, j.name, j.workflow, j.code, j.message,"
        " (SELECT count(*) FROM attempts t WHERE t.job=j.seq), d.at_ms"
        " FROM dead_letters d JOIN jobs j ON j.seq=d.job JOIN applications a ON a.seq=j.app"
        " WHERE" IN_RANGE "ORDER BY d.at_ms DESC, d.job DESC LIMIT ?4 OFFSET ?5",
        "tiiii", in->range.workflow, in->range.from_ms, in->range.to_ms, (int64_t)in->size,
        (int64_t)in->page * in->size);
    while (job_sql_next(tx->db, rows)) {
        in->letters[in->n_letters++] = (job_dead_letter){.id = job_sql_str(rows, 0, arena),
                                                         .app = job_sql_str(rows, 1, arena),
                                                         .name = job_sql_str(rows, 2, arena),
                                                         .workflow = job_sql_str(rows, 3, arena),
                                                         .code = job_sql_str(rows, 4, arena),
                                                         .message = job_sql_str(rows, 5, arena),
                                                         .attempts = job_sql_int(rows, 6),
                                                         .at_ms = job_sql_int(rows, 7)};
    }
    return 0;
}
