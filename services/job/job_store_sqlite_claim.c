/*
 * Claiming: the store decides which of the waiting jobs a worker gets, raises their fence and sets
 * their lease (spec jobs.md E1).
 */
#include "job_store_sqlite.h"

typedef struct candidate {
    int64_t due_ms;
    int64_t job;
    int64_t fence;
    int64_t app;
    job_state state;
    const char *app_id;
    const char *workflow;
} candidate;

static size_t find_candidates(job_tx *tx, job_op_claim *in, candidate *found)
{
    size_t n = 0;
    job_arena *arena = &in->op.arena;
    job_rows *rows = job_sql_query(
        tx->db,
        "SELECT r.due_ms, j.seq, j.fence, j.app, j.state, a.id, j.id, j.params, j.version,"
        " j.limit_s, j.request_id, j.traceparent, j.workflow FROM ready r JOIN jobs j ON "
        "j.seq=r.job"
        " JOIN applications a ON a.seq=j.app"
        " WHERE r.pool=? AND r.due_ms<=? ORDER BY r.due_ms, r.job LIMIT ?",
        "iii", (int64_t)in->pool, tx->now_ms, (int64_t)in->max);
    while (job_sql_next(tx->db, rows)) {
        found[n] = (candidate){.due_ms = job_sql_int(rows, 0),
                               .job = job_sql_int(rows, 1),
                               .fence = job_sql_int(rows, 2),
                               .app = job_sql_int(rows, 3),
                               .state = (job_state)job_sql_int(rows, 4),
                               .app_id = job_sql_str(rows, 5, &tx->arena),
                               .workflow = job_sql_str(rows, 12, &tx->arena)};
        in->claims[n] = (job_claim){.id = job_sql_str(rows, 6, arena),
                                    .fence = (uint64_t)found[n].fence + 1,
                                    .params = job_sql_str(rows, 7, arena),
                                    .document = job_tx_document(tx, job_sql_int(rows, 8)),
                                    .limit_s = (uint32_t)job_sql_int(rows, 9),
                                    .request_id = job_sql_str(rows, 10, arena),
                                    .traceparent = job_sql_str(rows, 11, arena)};
        n++;
    }
    return n;
}

static void claim_inputs(job_tx *tx, job_arena *arena, int64_t job, job_claim *claim)
{
    int64_t n = job_sql_one(tx->db, 0, "SELECT count(*) FROM inputs WHERE job=?", "i", job);
    job_input *inputs = job_arena_array(arena, (size_t)n, sizeof(*inputs));
    job_rows *rows = job_sql_query(
        tx->db, "SELECT param, url, object_key, bad FROM inputs WHERE job=?", "i", job);
    claim->inputs = inputs;
    while (job_sql_next(tx->db, rows)) {
        inputs[claim->n_inputs++] = (job_input){.param = job_sql_str(rows, 0, arena),
                                                .url = job_sql_str(rows, 1, arena),
                                                .object_key = job_sql_str(rows, 2, arena),
                                                .bad = job_sql_str(rows, 3, arena)};
    }
}

static void claim_targets(job_tx *tx, job_arena *arena, int64_t job, job_claim *claim)
{
    int64_t n = job_sql_one(tx->db, 0, "SELECT count(*) FROM targets WHERE job=?", "i", job);
    job_target *targets = job_arena_array(arena, (size_t)n, sizeof(*targets));
    job_rows *rows =
        job_sql_query(tx->db, "SELECT output, url, upload FROM targets WHERE job=?", "i", job);
    claim->targets = targets;
    while (job_sql_next(tx->db, rows)) {
        targets[claim->n_targets++] = (job_target){.output = job_sql_str(rows, 0, arena),
                                                   .url = job_sql_str(rows, 1, arena),
                                                   .upload_id = job_sql_str(rows, 2, arena)};
    }
}

static void claim_steps(job_tx *tx, job_arena *arena, int64_t job, job_claim *claim)
{
    int64_t n = job_sql_one(tx->db, 0, "SELECT count(*) FROM steps WHERE job=?", "i", job);
    job_step_output *done = job_arena_array(arena, (size_t)n, sizeof(*done));
    job_rows *rows = job_sql_query(
        tx->db, "SELECT step, port, object_key, size, text FROM steps WHERE job=?", "i", job);
    claim->done = done;
    while (job_sql_next(tx->db, rows)) {
        done[claim->n_done++] = (job_step_output){.step = job_sql_str(rows, 0, arena),
                                                  .port = job_sql_str(rows, 1, arena),
                                                  .object_key = job_sql_str(rows, 2, arena),
                                                  .size = job_sql_int(rows, 3),
                                                  .text = job_sql_str(rows, 4, arena)};
    }
}

/* Raises the fence and sets the lease: from here on the job is this worker's. */
static void take(job_tx *tx, const job_op_claim *in, const candidate *c, const job_claim *claim)
{
    job_sql_exec(tx->db, "DELETE FROM ready WHERE pool=? AND due_ms=? AND job=?", "iii",
                 (int64_t)in->pool, c->due_ms, c->job);
    job_sql_exec(tx->db,
                 "UPDATE jobs SET state=?, fence=fence+1, started_ms=coalesce(started_ms,?)"
                 " WHERE seq=?",
                 "iii", (int64_t)job_tx_next(tx, c->state, JOB_EVENT_CLAIM), tx->now_ms, c->job);
    job_sql_exec(tx->db,
                 "INSERT INTO leases(job, fence, worker, pool, claimed_ms, until_ms, limit_ms)"
                 " VALUES(?,?,?,?,?,?,?)",
                 "iitiiii", c->job, (int64_t)claim->fence, in->worker, (int64_t)in->pool,
                 tx->now_ms, tx->now_ms + in->lease_ms,
                 tx->now_ms + (int64_t)claim->limit_s * 1000);
    if (c->state == JOB_QUEUED) {
        job_sql_exec(tx->db, "UPDATE applications SET queued=queued-1 WHERE seq=?", "i", c->app);
        job_tx_event(tx, claim->id, claim->fence, "started");
        job_tx_changed(tx, c->app_id, claim->id, JOB_STARTED);
        /* It fell due when it was made. */
        const job_fact fact = {.kind = JOB_FACT_STARTED,
                               .pool = in->pool,
                               .workflow = c->workflow,
                               .ms = tx->now_ms - c->due_ms};
        job_tx_fact(tx, &fact);
    }
}

int job_sqlite_claim(job_tx *tx, job_op *op)
{
    job_op_claim *in = (job_op_claim *)op;
    candidate found[JOB_CLAIM_MAX];
    in->max = RF_MIN(in->max, (uint32_t)JOB_CLAIM_MAX);
    in->claims = job_arena_array(&op->arena, in->max, sizeof(job_claim));
    in->n_claims = find_candidates(tx, in, found);
    for (size_t i = 0; i < in->n_claims; i++) {
        take(tx, in, &found[i], &in->claims[i]);
        claim_inputs(tx, &op->arena, found[i].job, &in->claims[i]);
        claim_targets(tx, &op->arena, found[i].job, &in->claims[i]);
        if (found[i].fence > 0) {
            claim_steps(tx, &op->arena, found[i].job, &in->claims[i]);
        }
    }
    return 0;
}
