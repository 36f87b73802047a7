/*
 * The outbox: what the relay publishes next, and what it has published (spec jobs.md K1, K3).
 */
#include "job_store_sql_lanes.h"

#include <string.h>

/* The jobs that may start next, in the order of claims, are those whose references may be out: the
 * ones not sent yet, or sent long ago and never claimed, go out now. Looking at no more of them
 * keeps the cost off the length of the queue. The rotation begins at the same place each time, so
 * that what is out stays what may be out. */
static size_t find_unsent(job_tx *tx, const job_op_outbox_next *in, job_pool pool, job_turn *turns)
{
    int64_t stale_ms = tx->now_ms - in->republish_ms;
    job_place place = {.app = 0};
    size_t n = job_tx_turns(tx, pool, in->allowed[pool], &place, turns);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (turns[i].sent_ms <= stale_ms) { /* 0: not sent */
            turns[kept++] = turns[i];
        }
    }
    return kept;
}

typedef struct naming {
    job_op_outbox_next *in;
    job_pool pool;
    const job_turn *turns;
} naming;

static void add_ready(void *user, size_t i, job_rows *rows)
{
    const naming *n = user;
    n->in->ready[n->in->n_ready++] =
        (job_outbox_row){.seq = n->turns[i].job,
                         .job_id = job_sql_str(rows, 0, &n->in->op.arena),
                         .app = job_sql_int(rows, 1),
                         .priority = job_sql_int(rows, 2),
                         .due_ms = n->turns[i].due_ms,
                         .pool = n->pool};
}

static void find_ready(job_tx *tx, job_op_outbox_next *in, job_pool pool)
{
    job_turn *turns = job_arena_array(&tx->arena, in->allowed[pool], sizeof(*turns));
    size_t n = find_unsent(tx, in, pool, turns);
    int64_t *jobs = job_arena_array(&tx->arena, n, sizeof(*jobs));
    for (size_t i = 0; i < n; i++) {
        jobs[i] = turns[i].job;
    }
    naming user = {.in = in, .pool = pool, .turns = turns};
    const job_sql_many many = {.ints = jobs, .n_ints = 1, .n = n, .row = add_ready, .user = &user};
    job_sql_each(tx->db, "SELECT id, app, priority FROM jobs WHERE seq=?", &many);
}

int job_store_sql_outbox_next(job_tx *tx, job_op *op)
{
    job_op_outbox_next *in = (job_op_outbox_next *)op;
    size_t total = 0;
    for (size_t pool = 0; pool < JOB_N_POOLS; pool++) {
        total += in->allowed[pool];
    }
    in->ready = job_arena_array(&op->arena, total, sizeof(job_outbox_row));
    for (size_t pool = 0; pool < JOB_N_POOLS; pool++) {
        if (in->allowed[pool] > 0) {
            find_ready(tx, in, (job_pool)pool);
        }
    }
    if (job_tx_leads(tx)) {
        job_tx_packs_read(tx, in);
    }
    return 0;
}

typedef struct marking {
    const job_outbox_row **rows; /* that wait still */
    const job_outbox_row *asked;
    size_t n;
} marking;

static void add_marked(void *user, size_t i, job_rows *rows)
{
    marking *m = user;
    (void)rows;
    m->rows[m->n++] = &m->asked[i];
}

/* A reference that was claimed meanwhile has no row any more, which is fine; one that is being
 * claimed is not waited for. */
static void mark_ready(job_tx *tx, const job_op_outbox_mark *in)
{
    enum { KEYS = 5 };
    int64_t *keys = job_arena_array(&tx->arena, in->n_ready * KEYS, sizeof(*keys));
    marking m = {.rows = job_arena_array(&tx->arena, in->n_ready, sizeof(*m.rows)),
                 .asked = in->ready};
    for (size_t i = 0; i < in->n_ready; i++) {
        const job_outbox_row *r = &in->ready[i];
        const int64_t key[KEYS] = {(int64_t)r->pool, r->app, r->priority, r->due_ms, r->seq};
        memcpy(&keys[i * KEYS], key, sizeof(key));
    }
    const job_sql_many many = {
        .ints = keys, .n_ints = KEYS, .n = in->n_ready, .row = add_marked, .user = &m};
    job_sql_each(tx->db, "SELECT 1 FROM ready WHERE " JOB_READY_ROW " FOR UPDATE SKIP LOCKED",
                 &many);
    for (size_t i = 0; i < m.n; i++) {
        const job_outbox_row *r = m.rows[i];
        job_sql_run(tx->db, "UPDATE ready SET sent_ms=? WHERE " JOB_READY_ROW, "iiiiii", tx->now_ms,
                    (int64_t)r->pool, r->app, r->priority, r->due_ms, r->seq);
    }
}

int job_store_sql_outbox_mark(job_tx *tx, job_op *op)
{
    job_op_outbox_mark *in = (job_op_outbox_mark *)op;
    mark_ready(tx, in);
    job_tx_packs_drop(tx, in->events, in->n_events);
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

static void note_oldest(void *user, const job_waiting *w)
{
    int64_t *oldest_ms = user;
    if (*oldest_ms == 0 || w->oldest_ms < *oldest_ms) {
        *oldest_ms = w->oldest_ms;
    }
}

int job_store_sql_stats(job_tx *tx, job_op *op)
{
    job_op_stats *in = (job_op_stats *)op;
    memset(in->oldest_queued_ms, 0, sizeof(in->oldest_queued_ms));
    for (int64_t pool = 0; pool < JOB_N_POOLS; pool++) {
        in->queued[pool] =
            job_sql_one(tx->db, 0, "SELECT count(*) FROM ready WHERE pool=?", "i", pool);
        job_lanes_waiting(tx, pool, note_oldest, &in->oldest_queued_ms[pool]);
        in->running[pool] =
            job_sql_one(tx->db, 0, "SELECT count(*) FROM leases WHERE pool=?", "i", pool);
    }
    in->outbox_unsent = job_tx_packs_count(tx);
    in->outbox_oldest_ms = job_tx_packs_oldest_ms(tx);
    in->hooks_waiting = job_sql_one(tx->db, 0, "SELECT count(*) FROM hook_messages", "");
    in->hooks_oldest_ms = job_sql_one(tx->db, 0, "SELECT min(at_ms) FROM hook_messages", "");
    count_dead(tx, in);
    return 0;
}
