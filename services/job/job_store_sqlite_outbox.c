/*
 * The outbox: what the relay publishes next, and what it has published (spec jobs.md K1, K3).
 */
#include "job_store_sqlite.h"

#define EVENTS_MAX 1000

/* The first rows of a pool are those that may be out: the ones not sent yet, or sent long ago and
 * never claimed, go out now. Looking at no more of them keeps the cost off the length of the queue.
 */
static void find_ready(job_tx *tx, job_op_outbox_next *in, job_pool pool, uint32_t allowed)
{
    int64_t stale_ms = tx->now_ms - in->republish_ms;
    job_rows *rows = job_sql_query(tx->db,
                                   "SELECT r.job, j.id, r.due_ms, r.sent_ms FROM ready r"
                                   " JOIN jobs j ON j.seq=r.job WHERE r.pool=? AND r.due_ms<=?"
                                   " ORDER BY r.due_ms, r.job LIMIT ?",
                                   "iii", (int64_t)pool, tx->now_ms, (int64_t)allowed);
    while (job_sql_next(tx->db, rows)) {
        if (job_sql_int(rows, 3) <= stale_ms) { /* 0: not sent */
            in->ready[in->n_ready++] =
                (job_outbox_row){.seq = job_sql_int(rows, 0),
                                 .job_id = job_sql_str(rows, 1, &in->op.arena),
                                 .due_ms = job_sql_int(rows, 2),
                                 .pool = pool};
        }
    }
}

static void find_events(job_tx *tx, job_op_outbox_next *in)
{
    in->events = job_arena_array(&in->op.arena, EVENTS_MAX, sizeof(job_outbox_row));
    job_rows *rows =
        job_sql_query(tx->db, "SELECT seq, job, fence, kind FROM outbox ORDER BY seq LIMIT ?", "i",
                      (int64_t)EVENTS_MAX);
    while (job_sql_next(tx->db, rows)) {
        in->events[in->n_events++] =
            (job_outbox_row){.seq = job_sql_int(rows, 0),
                             .job_id = job_sql_str(rows, 1, &in->op.arena),
                             .fence = (uint64_t)job_sql_int(rows, 2),
                             .message = job_sql_str(rows, 3, &in->op.arena)};
    }
    in->more = in->n_events == EVENTS_MAX;
}

int job_sqlite_outbox_next(job_tx *tx, job_op *op)
{
    job_op_outbox_next *in = (job_op_outbox_next *)op;
    size_t total = 0;
    for (size_t pool = 0; pool < JOB_N_POOLS; pool++) {
        total += in->allowed[pool];
    }
    in->ready = job_arena_array(&op->arena, total, sizeof(job_outbox_row));
    for (size_t pool = 0; pool < JOB_N_POOLS; pool++) {
        if (in->allowed[pool] > 0) {
            find_ready(tx, in, (job_pool)pool, in->allowed[pool]);
        }
    }
    find_events(tx, in);
    return 0;
}

/* A reference that was claimed meanwhile has no row any more, which is fine. */
int job_sqlite_outbox_mark(job_tx *tx, job_op *op)
{
    job_op_outbox_mark *in = (job_op_outbox_mark *)op;
    for (size_t i = 0; i < in->n_ready; i++) {
        const job_outbox_row *r = &in->ready[i];
        job_sql_exec(tx->db, "UPDATE ready SET sent_ms=? WHERE pool=? AND due_ms=? AND job=?",
                     "iiii", tx->now_ms, (int64_t)r->pool, r->due_ms, r->seq);
    }
    for (size_t i = 0; i < in->n_events; i++) {
        job_sql_exec(tx->db, "DELETE FROM outbox WHERE seq=?", "i", in->events[i].seq);
    }
    return 0;
}

static void count_dead(job_tx *tx, job_op_stats *in)
{
    in->dead = job_arena_array(&in->op.arena, JOB_DEAD_MAX, sizeof(job_dead));
    job_rows *rows =
        job_sql_query(tx->db,
                      "SELECT j.workflow, count(*) AS n FROM dead_letters d JOIN jobs j"
                      " ON j.seq=d.job GROUP BY j.workflow ORDER BY n DESC LIMIT ?",
                      "i", (int64_t)JOB_DEAD_MAX);
    while (job_sql_next(tx->db, rows)) {
        in->dead[in->n_dead++] =
            (job_dead){.workflow = job_sql_str(rows, 0, &in->op.arena), .n = job_sql_int(rows, 1)};
    }
}

int job_sqlite_stats(job_tx *tx, job_op *op)
{
    job_op_stats *in = (job_op_stats *)op;
    for (int64_t pool = 0; pool < JOB_N_POOLS; pool++) {
        in->queued[pool] =
            job_sql_one(tx->db, 0, "SELECT count(*) FROM ready WHERE pool=?", "i", pool);
        in->oldest_queued_ms[pool] =
            job_sql_one(tx->db, 0, "SELECT min(due_ms) FROM ready WHERE pool=?", "i", pool);
        in->running[pool] =
            job_sql_one(tx->db, 0, "SELECT count(*) FROM leases WHERE pool=?", "i", pool);
    }
    in->outbox_unsent = job_sql_one(tx->db, 0, "SELECT count(*) FROM outbox", "");
    in->outbox_oldest_ms = job_sql_one(tx->db, 0, "SELECT min(created_ms) FROM outbox", "");
    count_dead(tx, in);
    return 0;
}
