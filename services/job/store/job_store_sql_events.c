/*
 * What has happened to a job, as its listeners hear it (spec jobs.md section 5, events). Only
 * progress has rows of its own; the rest follows from the job and its attempts, so that a job costs
 * nothing for having events. README.md tells what an id is.
 */
#include "job_store_sql.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_MS 3600000 /* after the end of the job */
#define PROGRESS_MS 250 /* ms between two rows of a job: no listener hears more */
#define ATTEMPT_SHIFT 16
#define LAST_OF_ATTEMPT 0xffff
#define ID_QUEUED 1

typedef struct log {
    job_tx *tx;
    job_op_events *in;
    int64_t job;
    int64_t fence;
    int64_t completed_ms;
    uint64_t attempt; /* the newest that began, 0: none */
    int64_t newest;   /* progress, 0: none */
    const char *step; /* of the attempt that runs */
    int percent;
} log;

static int64_t first_of(int64_t fence)
{
    return fence << ATTEMPT_SHIFT;
}

/* ---- progress ---- */

typedef struct mark {
    int64_t id;
    int64_t at_ms;
    int64_t percent;
    const char *step;
} mark;

static mark last_mark(job_tx *tx, int64_t job)
{
    mark m = {.id = 0};
    job_rows *rows = job_sql_query(tx->db,
                                   "SELECT id, at_ms, percent, step FROM progress WHERE job=?"
                                   " ORDER BY id DESC LIMIT 1",
                                   "i", job);
    if (job_sql_next(tx->db, rows)) {
        m = (mark){.id = job_sql_int(rows, 0),
                   .at_ms = job_sql_int(rows, 1),
                   .percent = job_sql_int(rows, 2),
                   .step = job_sql_str(rows, 3, &tx->arena)};
        job_sql_end(rows);
    }
    return m;
}

static bool same_step(const char *a, const char *b)
{
    return strcmp(a == NULL ? "" : a, b == NULL ? "" : b) == 0;
}

/* The id of the mark that is due for the attempt, 0: there is nothing new, or not yet. */
static int64_t next_mark(const job_tx *tx, const mark *last, int64_t fence, const char *step,
                         int64_t percent)
{
    if (last->id >> ATTEMPT_SHIFT != fence) {
        return step != NULL || percent > 0 ? first_of(fence) + 1 : 0;
    }
    bool news = percent > last->percent || !same_step(step, last->step);
    bool room = (last->id & LAST_OF_ATTEMPT) < LAST_OF_ATTEMPT - 1;
    return news && room && tx->now_ms - last->at_ms >= PROGRESS_MS ? last->id + 1 : 0;
}

void job_tx_progress(job_tx *tx, const char *id, uint64_t fence)
{
    job_rows *rows = job_sql_query(tx->db,
                                   "SELECT j.seq, a.id, l.step, l.percent FROM jobs j JOIN leases l"
                                   " ON l.job=j.seq JOIN applications a ON a.seq=j.app"
                                   " WHERE j.id=?",
                                   "t", id);
    if (!job_sql_next(tx->db, rows)) {
        return;
    }
    int64_t job = job_sql_int(rows, 0);
    const char *app = job_sql_str(rows, 1, &tx->arena);
    const char *step = job_sql_str(rows, 2, &tx->arena);
    int64_t percent = job_sql_int(rows, 3);
    job_sql_end(rows);
    mark last = last_mark(tx, job);
    int64_t next = next_mark(tx, &last, (int64_t)fence, step, percent);
    if (next == 0) {
        return;
    }
    job_sql_run(tx->db, "INSERT INTO progress(job, id, step, percent, at_ms) VALUES(?,?,?,?,?)",
                "iitii", job, next, step, percent, tx->now_ms);
    job_sql_run(tx->db,
                "DELETE FROM progress WHERE job=? AND id<=(SELECT id FROM progress WHERE job=?"
                " ORDER BY id DESC LIMIT 1 OFFSET ?)",
                "iii", job, job, (int64_t)JOB_EVENTS_KEPT + 1);
    job_tx_event(tx, id, fence, "progress");
    job_tx_changed(tx, app, id, JOB_STARTED);
}

void job_tx_progress_ends(job_tx *tx, int64_t job)
{
    job_sql_run(tx->db, "UPDATE progress SET gone_ms=? WHERE job=?", "ii", tx->now_ms + KEPT_MS,
                job);
}

/* What was told of this attempt stands in its lease as well. */
bool job_running_told(const job_running *run)
{
    return run->fence > 1 || run->step != NULL || run->percent > 0;
}

void job_tx_progress_sweep(job_tx *tx)
{
    job_sql_run(tx->db, "DELETE FROM progress WHERE gone_ms<=?", "i", tx->now_ms);
}

/* ---- reading ---- */

static bool find_job(log *l)
{
    job_rows *rows = job_sql_query(l->tx->db,
                                   "SELECT j.seq, j.state, j.fence, j.completed_ms FROM jobs j"
                                   " JOIN applications a ON a.seq=j.app WHERE j.id=? AND a.id=?",
                                   "tt", l->in->id, l->in->app);
    if (!job_sql_next(l->tx->db, rows)) {
        return false;
    }
    l->job = job_sql_int(rows, 0);
    l->in->state = (job_state)job_sql_int(rows, 1);
    l->fence = job_sql_int(rows, 2);
    l->completed_ms = job_sql_int(rows, 3);
    job_sql_end(rows);
    return true;
}

static void find_attempt(log *l)
{
    job_sql *db = l->tx->db;
    int64_t ended = job_sql_one(db, 0, "SELECT max(fence) FROM attempts WHERE job=?", "i", l->job);
    l->attempt = (uint64_t)ended;
    l->newest = job_sql_one(db, 0, "SELECT max(id) FROM progress WHERE job=?", "i", l->job);
    job_rows *rows =
        job_sql_query(db, "SELECT fence, step, percent FROM leases WHERE job=?", "i", l->job);
    if (job_sql_next(db, rows)) {
        l->attempt = (uint64_t)job_sql_int(rows, 0);
        l->step = job_sql_str(rows, 1, &l->in->op.arena);
        l->percent = (int)job_sql_int(rows, 2);
        job_sql_end(rows);
    }
}

static int64_t last_id(const log *l)
{
    if (job_state_final(l->in->state)) {
        return first_of(l->fence) + LAST_OF_ATTEMPT;
    }
    return l->in->state == JOB_QUEUED ? ID_QUEUED : RF_MAX(first_of(l->fence), l->newest);
}

static void add(log *l, job_moment m)
{
    job_op_events *in = l->in;
    if (in->n_moments <= JOB_EVENTS_KEPT) { /* one above tells that there are too many */
        in->moments[in->n_moments++] = m;
    }
}

/* The present state, under the id of the newest event. */
static void add_present(log *l)
{
    job_state state = l->in->state;
    add(l, (job_moment){.id = l->in->last,
                        .state = state,
                        .attempt = l->attempt,
                        .step = state == JOB_STARTED ? l->step : NULL,
                        .percent = state == JOB_SUCCEEDED ? 100
                                   : state == JOB_STARTED ? l->percent
                                                          : -1});
}

static void add_starts(log *l)
{
    job_rows *rows = job_sql_query(
        l->tx->db,
        "SELECT fence FROM attempts WHERE job=? AND fence>? UNION SELECT fence FROM leases"
        " WHERE job=? AND fence>? ORDER BY fence DESC LIMIT ?",
        "iiiii", l->job, l->in->after >> ATTEMPT_SHIFT, l->job, l->in->after >> ATTEMPT_SHIFT,
        (int64_t)JOB_EVENTS_KEPT + 1);
    while (job_sql_next(l->tx->db, rows)) {
        int64_t fence = job_sql_int(rows, 0);
        add(l,
            (job_moment){.id = first_of(fence), .state = JOB_STARTED, .attempt = (uint64_t)fence});
    }
}

static void add_progress(log *l)
{
    job_rows *rows = job_sql_query(l->tx->db,
                                   "SELECT id, step, percent FROM progress WHERE job=? AND id>?"
                                   " ORDER BY id DESC LIMIT ?",
                                   "iii", l->job, l->in->after, (int64_t)JOB_EVENTS_KEPT + 1);
    while (job_sql_next(l->tx->db, rows)) {
        int64_t id = job_sql_int(rows, 0);
        add(l, (job_moment){.id = id,
                            .progress = true,
                            .state = JOB_STARTED,
                            .attempt = (uint64_t)(id >> ATTEMPT_SHIFT),
                            .step = job_sql_str(rows, 1, &l->in->op.arena),
                            .percent = (int)job_sql_int(rows, 2)});
    }
}

static int by_id(const void *a, const void *b)
{
    const job_moment *x = a;
    const job_moment *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static void add_newer(log *l)
{
    add_starts(l);
    add_progress(l);
    if (job_state_final(l->in->state)) {
        add_present(l);
    }
    qsort(l->in->moments, l->in->n_moments, sizeof(job_moment), by_id);
}

int job_store_sql_events(job_tx *tx, job_op *op)
{
    log l = {.tx = tx, .in = (job_op_events *)op};
    job_op_events *in = l.in;
    if (!find_job(&l)) {
        return -ENOENT;
    }
    find_attempt(&l);
    in->last = last_id(&l);
    in->n_moments = 0;
    in->moments = job_arena_array(&op->arena, JOB_EVENTS_KEPT + 1, sizeof(job_moment));
    bool kept = l.completed_ms == 0 || tx->now_ms - l.completed_ms < KEPT_MS;
    if (in->after == in->last) {
        return 0;
    }
    if (kept && in->after > 0 && in->after < in->last) {
        add_newer(&l);
    }
    if (in->n_moments == 0 || in->n_moments > JOB_EVENTS_KEPT) {
        in->n_moments = 0;
        add_present(&l);
    }
    return 0;
}
