/*
 * What nobody ended: attempts whose lease or time ran out, jobs that were not started in time.
 */
#include "job_store_sql.h"

#include "job_retry.h"

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

static size_t find_late(job_tx *tx, int64_t before_ms, late_job *late)
{
    size_t n = 0;
    for (int64_t pool = 0; pool < JOB_N_POOLS; pool++) {
        job_rows *rows = job_sql_query(
            tx->db,
            "SELECT j.seq, r.pool, r.due_ms, j.app, r.priority, j.id, a.id, j.workflow, "
            "j.batch_name, j.hook"
            " FROM ready r JOIN jobs j ON j.seq=r.job JOIN applications a ON a.seq=j.app"
            " WHERE r.pool=? AND r.due_ms<? AND j.state=? ORDER BY r.due_ms LIMIT ?"
            " FOR UPDATE OF j, r SKIP LOCKED",
            "iiii", pool, before_ms, (int64_t)JOB_QUEUED, (int64_t)(JOB_SCAN_MAX - n));
        while (n < JOB_SCAN_MAX && job_sql_next(tx->db, rows)) {
            late[n++] = (late_job){job_sql_int(rows, 0),
                                   job_sql_int(rows, 1),
                                   job_sql_int(rows, 2),
                                   job_sql_int(rows, 3),
                                   job_sql_int(rows, 4),
                                   job_sql_str(rows, 5, &tx->arena),
                                   job_sql_str(rows, 6, &tx->arena),
                                   job_sql_str(rows, 7, &tx->arena),
                                   job_sql_str(rows, 8, &tx->arena),
                                   job_sql_int(rows, 9)};
        }
        job_sql_end(rows);
    }
    return n;
}

/* A QUEUED job fell due when it was made, so the age of its reference is its own. */
static size_t scan_not_started(job_tx *tx, int64_t limit_ms)
{
    late_job *late = job_arena_array(&tx->arena, JOB_SCAN_MAX, sizeof(*late));
    size_t n = find_late(tx, tx->now_ms - limit_ms, late);
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
