/*
 * What nobody ended: attempts whose lease or time ran out, jobs that were not started in time.
 */
#include "job_store_sql_lanes.h"

#include "job_retry.h"

#include <string.h>

/* Of another replica that scans as well, or of a worker that is just in time. */
#define LOCK " FOR UPDATE OF j, l SKIP LOCKED"

static size_t load_running(job_tx *tx, job_rows *rows, job_running *runs)
{
    size_t n = 0;
    while (n < JOB_SCAN_MAX && job_sql_next(tx->db, rows)) {
        job_tx_read_running(tx, rows, &runs[n++]);
    }
    job_sql_end(rows);
    return n;
}

static void lose(job_tx *tx, const job_running *run, const char *code, const char *message)
{
    const job_failure failure = {.code = code,
                                 .message = message,
                                 .retries_used = run->retries,
                                 .crashes_before = run->crashes};
    job_tx_end_attempt(tx, run, JOB_ATTEMPT_LOST, code, NULL);
    job_tx_fail_or_retry(tx, run, &failure);
}

static size_t scan_leases(job_tx *tx)
{
    job_running *runs = job_arena_array(&tx->arena, JOB_SCAN_MAX, sizeof(*runs));
    job_rows *rows =
        job_sql_query(tx->db, "SELECT" JOB_RUNNING_COLUMNS "WHERE l.until_ms<? LIMIT ?" LOCK, "ii",
                      tx->now_ms, (int64_t)JOB_SCAN_MAX);
    size_t n = load_running(tx, rows, runs);
    for (size_t i = 0; i < n; i++) {
        lose(tx, &runs[i], JOB_CODE_INTERNAL, JOB_TEXT_INTERRUPTED);
    }
    return n;
}

/* The worker kills an attempt that runs too long; this is for a worker that does not. */
#define LIMIT_GRACE_MS 30000

static size_t scan_limits(job_tx *tx)
{
    job_running *runs = job_arena_array(&tx->arena, JOB_SCAN_MAX, sizeof(*runs));
    job_rows *rows =
        job_sql_query(tx->db, "SELECT" JOB_RUNNING_COLUMNS "WHERE l.limit_ms<? LIMIT ?" LOCK, "ii",
                      tx->now_ms - LIMIT_GRACE_MS, (int64_t)JOB_SCAN_MAX);
    size_t n = load_running(tx, rows, runs);
    for (size_t i = 0; i < n; i++) {
        const char *message = job_arena_printf(&tx->arena, "The job ran longer than %lld seconds.",
                                               (long long)runs[i].limit_s);
        lose(tx, &runs[i], JOB_CODE_TIMEOUT, message);
    }
    return n;
}

typedef struct late_job {
    int64_t seq;
    int64_t pool;
    int64_t due_ms;
    int64_t app;
    int64_t priority;
    const char *id;
    const char *app_id;
    const char *workflow;
    const char *batch;
    int64_t hook;
} late_job;

enum { LATE_PARAMS = 6, LATE_LEVELS_MAX = 256 };

/* The levels of a pool in which a job waits for too long, as parameters of the query for them. */
typedef struct late_levels {
    int64_t pool;
    int64_t before_ms;
    int64_t params[LATE_LEVELS_MAX * LATE_PARAMS];
    size_t n;
} late_levels;

typedef struct late_jobs {
    job_tx *tx;
    late_job list[JOB_SCAN_MAX];
    size_t n;
} late_jobs;

static void add_late_level(void *user, const job_waiting *w)
{
    late_levels *l = user;
    if (w->oldest_ms < l->before_ms && l->n < LATE_LEVELS_MAX) {
        const int64_t params[LATE_PARAMS] = {l->pool,      w->app,     w->priority,
                                             l->before_ms, JOB_QUEUED, 0};
        memcpy(&l->params[l->n++ * LATE_PARAMS], params, sizeof(params));
    }
}

static void add_late_job(void *user, size_t level, job_rows *rows)
{
    late_jobs *late = user;
    job_arena *arena = &late->tx->arena;
    (void)level;
    if (late->n < JOB_SCAN_MAX) {
        late->list[late->n++] = (late_job){job_sql_int(rows, 0),        job_sql_int(rows, 1),
                                           job_sql_int(rows, 2),        job_sql_int(rows, 3),
                                           job_sql_int(rows, 4),        job_sql_str(rows, 5, arena),
                                           job_sql_str(rows, 6, arena), job_sql_str(rows, 7, arena),
                                           job_sql_str(rows, 8, arena), job_sql_int(rows, 9)};
    }
}

/* Those of many levels by turns: what is left of them the next scan finds. */
static void find_late(late_jobs *late, late_levels *levels)
{
    size_t share = RF_MAX((JOB_SCAN_MAX - late->n) / RF_MAX(levels->n, (size_t)1), (size_t)1);
    for (size_t i = 1; i <= levels->n; i++) {
        levels->params[i * LATE_PARAMS - 1] = (int64_t)share;
    }
    const job_sql_many many = {.ints = levels->params,
                               .n_ints = LATE_PARAMS,
                               .n = levels->n,
                               .row = add_late_job,
                               .user = late};
    job_sql_each(late->tx->db,
                 "SELECT j.seq, r.pool, r.due_ms, j.app, r.priority, j.id, a.id, j.workflow, "
                 "j.batch_name, j.hook"
                 " FROM ready r JOIN jobs j ON j.seq=r.job JOIN applications a ON a.seq=j.app"
                 " WHERE r.pool=? AND r.app=? AND r.priority=? AND r.due_ms<? AND j.state=?"
                 " ORDER BY r.due_ms LIMIT ? FOR UPDATE OF j, r SKIP LOCKED",
                 &many);
}

/* A QUEUED job fell due when it was made, so the age of its reference is its own. */
static size_t scan_not_started(job_tx *tx, int64_t limit_ms)
{
    late_jobs *found = job_arena_alloc(&tx->arena, sizeof(*found));
    found->tx = tx;
    for (int64_t pool = 0; pool < JOB_N_POOLS; pool++) {
        late_levels levels = {.pool = pool, .before_ms = tx->now_ms - limit_ms};
        job_lanes_waiting(tx, pool, add_late_level, &levels);
        find_late(found, &levels);
    }
    const late_job *late = found->list;
    size_t n = found->n;
    const char *message = job_arena_printf(
        &tx->arena, "The job was not started within %lld seconds.", (long long)(limit_ms / 1000));
    for (size_t i = 0; i < n; i++) {
        const job_ready row = {late[i].pool, late[i].app, late[i].priority, late[i].due_ms,
                               late[i].seq};
        job_tx_ready_delete(tx, &row);
        job_tx_queued(tx, late[i].app, -1);
        const job_ending end = {.job = late[i].seq,
                                .app = late[i].app_id,
                                .id = late[i].id,
                                .pool = (job_pool)late[i].pool,
                                .workflow = late[i].workflow,
                                .batch = late[i].batch,
                                .hook = late[i].hook,
                                .from = JOB_QUEUED,
                                .event = JOB_EVENT_EXPIRE,
                                .code = JOB_CODE_TIMEOUT,
                                .message = message};
        job_tx_fail(tx, &end);
        job_tx_release_inputs(tx, late[i].seq);
    }
    return n;
}

int job_store_sql_scan(job_tx *tx, job_op *op)
{
    job_op_scan *in = (job_op_scan *)op;
    in->n_lost = scan_leases(tx) + scan_limits(tx);
    in->n_expired = scan_not_started(tx, in->start_limit_ms);
    return 0;
}
