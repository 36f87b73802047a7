/*
 * Claiming: the store decides which of the waiting jobs a worker gets, raises their fence and sets
 * their lease (spec jobs.md E1).
 */
#include "job_migrations.h"
#include "job_store_sql_batch.h"
#include "job_store_sql_turns.h"

#include <stdlib.h>
#include <string.h>

typedef struct candidate {
    int64_t due_ms;
    int64_t job;   /* 0: the place is empty */
    int64_t fence; /* of the new attempt */
    int64_t app;
    int64_t priority;
    int64_t brings;
    const char *app_id;
    const char *workflow;
    const char *batch;
    int64_t hook;
    job_input *inputs;
    job_target *targets;
    job_step_output *done;
    job_claim *claim;
} candidate;

/* A claim on its way. */
typedef struct claiming {
    job_tx *tx;
    job_op_claim *in;
    candidate found[JOB_CLAIM_MAX];
    size_t n;
    candidate *asked[JOB_CLAIM_MAX]; /* that a question is about */
    int64_t jobs[JOB_CLAIM_MAX];
} claiming;

/* ---- which jobs ---- */

static void read_job(void *user, size_t at, job_rows *rows)
{
    claiming *c = user;
    job_tx *tx = c->tx;
    job_arena *arena = &c->in->op.arena;
    candidate *f = &c->found[at];
    *f = (candidate){.due_ms = job_sql_int(rows, 0),
                     .job = job_sql_int(rows, 1),
                     .fence = job_sql_int(rows, 2),
                     .app = job_sql_int(rows, 3),
                     .app_id = job_tx_app_id(tx, job_sql_int(rows, 3)),
                     .workflow = job_sql_str(rows, 10, &tx->arena),
                     .brings = job_sql_int(rows, 11),
                     .batch = job_sql_str(rows, 12, &tx->arena),
                     .hook = job_sql_int(rows, 13),
                     .priority = job_sql_int(rows, 14)};
    c->in->claims[at] = (job_claim){.id = job_sql_str(rows, 4, arena),
                                    .fence = (uint64_t)f->fence,
                                    .params = job_sql_str(rows, 5, arena),
                                    .document = job_tx_document(tx, job_sql_int(rows, 6)),
                                    .limit_s = (uint32_t)job_sql_int(rows, 7),
                                    .request_id = job_sql_str(rows, 8, arena),
                                    .traceparent = job_sql_str(rows, 9, arena)};
}

/* Starts the jobs of n turns, whose places have the same number, and raises their fences; one that
 * was cancelled meanwhile leaves its place empty. What ends a job's wait (an end of the job,
 * another due time) changes its row, and other claims are kept out, so that the reference need not
 * be looked at again. */
static void start_jobs(claiming *c, const job_turn *turns, size_t n)
{
    enum { PARAMS = 4 };
    int64_t *params = job_arena_array(&c->tx->arena, n * PARAMS, sizeof(*params));
    for (size_t i = 0; i < n; i++) {
        const int64_t row[PARAMS] = {JOB_STARTED, c->tx->now_ms, turns[i].job, turns[i].due_ms};
        memcpy(&params[i * PARAMS], row, sizeof(row));
    }
    const job_sql_many many = {
        .ints = params, .n_ints = PARAMS, .n = n, .row = read_job, .user = c};
    job_sql_each(c->tx->db,
                 "UPDATE jobs SET state=?, fence=fence+1, started_ms=coalesce(started_ms, ?),"
                 " spare=CASE WHEN started_ms IS NULL THEN " JOB_SPARE_STARTED " ELSE spare END"
                 " WHERE seq=? AND due_ms=? AND completed_ms IS NULL"
                 " RETURNING due_ms, seq, fence, app, id, params, version, limit_s, request_id,"
                 " traceparent, workflow, brings, batch_name, hook, priority",
                 &many);
}

static job_place place_now(job_tx *tx, job_pool pool)
{
    pthread_mutex_lock(&tx->common->mutex);
    job_place place = tx->common->places[pool];
    pthread_mutex_unlock(&tx->common->mutex);
    return place;
}

static void set_place(job_tx *tx, job_pool pool, job_place place)
{
    pthread_mutex_lock(&tx->common->mutex);
    tx->common->places[pool] = place;
    pthread_mutex_unlock(&tx->common->mutex);
}

/* Chooses jobs in the order of turns. One claim at a time does so, or two would start more jobs of
 * an application than it may have. */
static void choose(claiming *c)
{
    job_turn turns[JOB_CLAIM_MAX];
    job_tx *tx = c->tx;
    job_sql_lock(tx->db, JOB_LOCK_CLAIMS);
    job_place place = place_now(tx, c->in->pool);
    size_t n = job_tx_turns(tx, c->in->pool, c->in->max, &place, turns);
    set_place(tx, c->in->pool, place);
    start_jobs(c, turns, n);
    for (size_t i = 0; i < n; i++) {
        if (c->found[i].job != 0) {
            c->in->claims[c->n] = c->in->claims[i];
            c->found[c->n] = c->found[i];
            c->found[c->n].claim = &c->in->claims[c->n];
            c->n++;
        }
    }
    c->in->n_claims = c->n;
}

/* ---- what they come with ---- */

/* Room in a list of n for one more: a list grows by doubling. */
static void *grow(job_arena *arena, void *list, size_t n, size_t size)
{
    bool full = (n & (n - 1)) == 0;
    void *more = full ? job_arena_array(arena, RF_MAX(2 * n, (size_t)1), size) : list;
    if (full && n > 0) {
        memcpy(more, list, n * size);
    }
    return more;
}

static void add_input(void *user, size_t i, job_rows *rows)
{
    claiming *c = user;
    job_arena *arena = &c->in->op.arena;
    candidate *f = c->asked[i];
    f->inputs = grow(arena, f->inputs, f->claim->n_inputs, sizeof(*f->inputs));
    f->claim->inputs = f->inputs;
    f->inputs[f->claim->n_inputs++] = (job_input){.param = job_sql_str(rows, 0, arena),
                                                  .url = job_sql_str(rows, 1, arena),
                                                  .object_key = job_sql_str(rows, 2, arena),
                                                  .bad = job_sql_str(rows, 3, arena)};
}

static void add_target(void *user, size_t i, job_rows *rows)
{
    claiming *c = user;
    job_arena *arena = &c->in->op.arena;
    candidate *f = c->asked[i];
    f->targets = grow(arena, f->targets, f->claim->n_targets, sizeof(*f->targets));
    f->claim->targets = f->targets;
    f->targets[f->claim->n_targets++] = (job_target){.output = job_sql_str(rows, 0, arena),
                                                     .url = job_sql_str(rows, 1, arena),
                                                     .upload_id = job_sql_str(rows, 2, arena)};
}

static void add_step(void *user, size_t i, job_rows *rows)
{
    claiming *c = user;
    job_arena *arena = &c->in->op.arena;
    candidate *f = c->asked[i];
    f->done = grow(arena, f->done, f->claim->n_done, sizeof(*f->done));
    f->claim->done = f->done;
    f->done[f->claim->n_done++] = (job_step_output){.step = job_sql_str(rows, 0, arena),
                                                    .port = job_sql_str(rows, 1, arena),
                                                    .object_key = job_sql_str(rows, 2, arena),
                                                    .size = job_sql_int(rows, 3),
                                                    .text = job_sql_str(rows, 4, arena)};
}

/* Asks about those of the jobs that may have such rows. */
static void ask(claiming *c, bool (*may_have)(const candidate *f), const char *sql,
                void (*add)(void *user, size_t i, job_rows *rows))
{
    size_t n = 0;
    for (candidate *f = c->found; f < c->found + c->n; f++) {
        if (may_have(f)) {
            c->asked[n] = f;
            c->jobs[n++] = f->job;
        }
    }
    const job_sql_many many = {.ints = c->jobs, .n_ints = 1, .n = n, .row = add, .user = c};
    job_sql_each(c->tx->db, sql, &many);
}

static bool may_have_inputs(const candidate *f)
{
    return (f->brings & JOB_BRINGS_INPUTS) != 0;
}

static bool may_have_targets(const candidate *f)
{
    return (f->brings & JOB_BRINGS_TARGETS) != 0;
}

static bool may_have_steps(const candidate *f)
{
    return f->fence > 1;
}

static void load(claiming *c)
{
    ask(c, may_have_inputs, "SELECT param, url, object_key, bad FROM inputs WHERE job=?",
        add_input);
    ask(c, may_have_targets, "SELECT output, url, upload FROM targets WHERE job=?", add_target);
    ask(c, may_have_steps, "SELECT step, port, object_key, size, text FROM steps WHERE job=?",
        add_step);
}

/* ---- whose they are now ---- */

/* Only a first attempt finds the job QUEUED. */
static job_state state_before(const candidate *c)
{
    return c->fence == 1 ? JOB_QUEUED : JOB_STARTED;
}

/* Sets the lease: from here on the job is this worker's. */
static void take(job_tx *tx, const job_op_claim *in, const candidate *c)
{
    const job_claim *claim = c->claim;
    const job_ready row = {(int64_t)in->pool, c->app, c->priority, c->due_ms, c->job};
    job_tx_ready_delete(tx, &row);
    (void)job_tx_next(tx, state_before(c), JOB_EVENT_CLAIM);
    job_sql_run(tx->db,
                "INSERT INTO leases(job, fence, worker, pool, claimed_ms, until_ms, limit_ms, app)"
                " VALUES(?,?,?,?,?,?,?,?)",
                "iitiiiii", c->job, (int64_t)claim->fence, in->worker, (int64_t)in->pool,
                tx->now_ms, tx->now_ms + in->lease_ms, tx->now_ms + (int64_t)claim->limit_s * 1000,
                c->app);
    job_tx_event(tx, claim->id, claim->fence, "started");
    job_tx_changed(tx, c->app_id, claim->id, JOB_STARTED);
    if (state_before(c) == JOB_QUEUED) {
        job_tx_queued(tx, c->app, -1);
        job_tx_batch_move(tx, c->app_id, c->batch, JOB_QUEUED, JOB_STARTED);
        job_tx_hook(tx, c->job, c->hook, JOB_HOOK_STARTED);
        /* It fell due when it was made. */
        const job_fact fact = {.kind = JOB_FACT_STARTED,
                               .pool = in->pool,
                               .workflow = c->workflow,
                               .ms = tx->now_ms - c->due_ms};
        job_tx_fact(tx, &fact);
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The references that led here are used up: those of jobs that wait still go out again. Most are of
 * jobs just claimed. */
static void use_hints(job_tx *tx, const job_op_claim *in)
{
    const char *claimed[JOB_CLAIM_MAX];
    for (size_t i = 0; i < in->n_claims; i++) {
        claimed[i] = in->claims[i].id;
    }
    qsort(claimed, in->n_claims, sizeof(claimed[0]), by_text);
    for (size_t i = 0; i < in->n_hints; i++) {
        if (bsearch(&in->hints[i], claimed, in->n_claims, sizeof(claimed[0]), by_text) != NULL) {
            continue;
        }
        job_sql_run(tx->db,
                    "UPDATE ready AS r SET sent_ms=NULL FROM jobs j WHERE j.id=?"
                    " AND " JOB_READY_OF_JOB " AND r.sent_ms IS NOT NULL",
                    "t", in->hints[i]);
    }
}

int job_store_sql_claim(job_tx *tx, job_op *op)
{
    job_op_claim *in = (job_op_claim *)op;
    claiming c = {.tx = tx, .in = in};
    in->max = RF_MIN(in->max, (uint32_t)JOB_CLAIM_MAX);
    in->claims = job_arena_array(&op->arena, in->max, sizeof(job_claim));
    choose(&c);
    load(&c);
    for (size_t i = 0; i < c.n; i++) {
        take(tx, in, &c.found[i]);
    }
    use_hints(tx, in);
    return 0;
}
