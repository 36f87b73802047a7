/*
 * Webhooks: their outbox, written in the transaction that changes the state, and their secrets
 * (spec jobs.md section 5, webhook rules).
 */
#include "job_store_sql.h"

#include <errno.h>
#include <string.h>

#define LOOK_MAX 256 /* due messages that one take looks at */

/* ---- writing: within the transactions of jobs ---- */

void job_tx_hook_set(job_tx *tx, int64_t app, int64_t job, const job_hook *hook,
                     const char *first_secret)
{
    job_sql_run(tx->db, "INSERT INTO hooks(job, url, host) VALUES(?,?,?)", "itt", job, hook->url,
                hook->host);
    job_sql_run(tx->db,
                "INSERT INTO hook_secrets(app, secret, created_ms) SELECT ?,?,? WHERE NOT EXISTS"
                " (SELECT 1 FROM hook_secrets WHERE app=? AND until_ms IS NULL)",
                "itii", app, first_secret, tx->now_ms, app);
}

static const char *type_of(job_hook_event event)
{
    switch (event) {
    case JOB_HOOK_STARTED:
        return "job.started";
    case JOB_HOOK_SUCCEEDED:
        return "job.succeeded";
    case JOB_HOOK_FAILED:
        return "job.failed";
    default:
        return "batch.completed";
    }
}

/* One message for the hook of a job; the state it tells of is the event's own. */
static void insert_message(job_tx *tx, int64_t job, job_hook_event event)
{
    const char *type = type_of(event);
    job_sql_run(tx->db,
                "INSERT INTO hook_messages(id, type, app, job, status, batch_name, metadata, at_ms,"
                " url, host, due_ms) SELECT j.id||'/'||?, ?, j.app, j.id, j.state, j.batch_name,"
                " j.metadata, ?, h.url, h.host, ? FROM jobs j JOIN hooks h ON h.job=j.seq"
                " WHERE j.seq=? ON CONFLICT DO NOTHING",
                "ttiii", type, type, tx->now_ms, tx->now_ms, job);
    tx->hooks = true;
}

void job_tx_hook(job_tx *tx, int64_t job, int64_t wanted, job_hook_event event)
{
    if ((wanted & (int64_t)event) != 0) {
        insert_message(tx, job, event);
    }
}

void job_tx_hook_batch(job_tx *tx, int64_t app, const char *batch)
{
    int64_t job = job_sql_one(tx->db, 0,
                              "SELECT seq FROM jobs WHERE app=? AND batch_name=? AND hook>=?"
                              " ORDER BY seq LIMIT 1",
                              "iti", app, batch, (int64_t)JOB_HOOK_BATCH);
    if (job != 0) {
        insert_message(tx, job, JOB_HOOK_BATCH);
    }
}

void job_tx_hook_delete(job_tx *tx, int64_t job)
{
    job_sql_run(tx->db, "DELETE FROM hooks WHERE job=?", "i", job);
}

/* ---- taking ---- */

static int64_t next_due(job_tx *tx, const char *busy)
{
    return job_sql_one(tx->db, INT64_MAX,
                       "SELECT due_ms FROM hook_messages WHERE ? NOT LIKE '% '||host||' %'"
                       " ORDER BY due_ms LIMIT 1",
                       "t", busy);
}

/* Another replica may have taken it since it was read. */
static bool take_one(job_tx *tx, const char *id, int64_t due_ms, int64_t until_ms)
{
    return job_sql_exec(tx->db, "UPDATE hook_messages SET due_ms=? WHERE id=? AND due_ms=?", "iti",
                        until_ms, id, due_ms) > 0;
}

static void read_message(job_rows *rows, job_arena *arena, job_hook_message *m)
{
    *m = (job_hook_message){.id = job_sql_str(rows, 0, arena),
                            .type = job_sql_str(rows, 1, arena),
                            .app = job_sql_str(rows, 2, arena),
                            .job = job_sql_str(rows, 3, arena),
                            .status = (job_state)job_sql_int(rows, 4),
                            .batch_name = job_sql_str(rows, 5, arena),
                            .metadata = job_sql_str(rows, 6, arena),
                            .at_ms = job_sql_int(rows, 7),
                            .url = job_sql_str(rows, 8, arena),
                            .host = job_sql_str(rows, 9, arena),
                            .attempts = (uint32_t)job_sql_int(rows, 10)};
}

static size_t read_due(job_tx *tx, const job_op_hook_take *in, job_hook_message *found,
                       int64_t *ret_due)
{
    size_t n = 0;
    job_rows *rows = job_sql_query(
        tx->db,
        "SELECT m.id, m.type, a.id, m.job, m.status, m.batch_name, m.metadata, m.at_ms, m.url,"
        " m.host, m.attempts, m.due_ms FROM hook_messages m JOIN applications a ON a.seq=m.app"
        " WHERE m.due_ms<=? AND ? NOT LIKE '% '||m.host||' %' ORDER BY m.due_ms, m.id LIMIT ?",
        "iti", tx->now_ms, in->busy, (int64_t)LOOK_MAX);
    while (n < LOOK_MAX && job_sql_next(tx->db, rows)) {
        read_message(rows, &tx->arena, &found[n]);
        ret_due[n++] = job_sql_int(rows, 11);
    }
    job_sql_end(rows);
    return n;
}

/* One of each host at most: the rest of them comes with the next take, which knows who is busy. */
static bool has_host(const job_op_hook_take *in, const char *host)
{
    for (size_t i = 0; i < in->n_messages; i++) {
        if (strcmp(in->messages[i].host, host) == 0) {
            return true;
        }
    }
    return false;
}

static void keep(job_op_hook_take *in, const job_hook_message *m)
{
    job_arena *arena = &in->op.arena;
    job_hook_message *to = &in->messages[in->n_messages++];
    *to = *m;
    to->id = job_arena_str(arena, m->id);
    to->type = job_arena_str(arena, m->type);
    to->app = job_arena_str(arena, m->app);
    to->job = job_arena_str(arena, m->job);
    to->batch_name = job_arena_str(arena, m->batch_name);
    to->metadata = job_arena_str(arena, m->metadata);
    to->url = job_arena_str(arena, m->url);
    to->host = job_arena_str(arena, m->host);
}

int job_store_sql_hook_take(job_tx *tx, job_op *op)
{
    job_op_hook_take *in = (job_op_hook_take *)op;
    job_hook_message *found = job_arena_array(&tx->arena, LOOK_MAX, sizeof(*found));
    int64_t *due = job_arena_array(&tx->arena, LOOK_MAX, sizeof(*due));
    in->n_messages = 0; /* an operation of a failed group runs again */
    in->messages = job_arena_array(&op->arena, JOB_HOOK_TAKE_MAX, sizeof(job_hook_message));
    size_t n = read_due(tx, in, found, due);
    for (size_t i = 0; i < n && in->n_messages < JOB_HOOK_TAKE_MAX; i++) {
        if (!has_host(in, found[i].host) &&
            take_one(tx, found[i].id, due[i], tx->now_ms + in->lease_ms)) {
            keep(in, &found[i]);
        }
    }
    in->next_ms = next_due(tx, in->busy);
    return 0;
}

int job_store_sql_hook_settle(job_tx *tx, job_op *op)
{
    const job_op_hook_settle *in = (const job_op_hook_settle *)op;
    if (in->done) {
        job_sql_run(tx->db, "DELETE FROM hook_messages WHERE id=?", "t", in->id);
    } else {
        job_sql_run(tx->db, "UPDATE hook_messages SET due_ms=?, attempts=attempts+? WHERE id=?",
                    "iit", in->due_ms, (int64_t)in->tried, in->id);
    }
    return 0;
}

int job_store_sql_hook_gone(job_tx *tx, job_op *op)
{
    const job_op_hook_gone *in = (const job_op_hook_gone *)op;
    int64_t app = job_tx_application(tx, in->app);
    job_sql_run(tx->db, "DELETE FROM hook_messages WHERE app=? AND url=?", "it", app, in->url);
    job_sql_run(tx->db,
                "DELETE FROM hooks WHERE url=? AND job IN (SELECT seq FROM jobs WHERE app=?)", "ti",
                in->url, app);
    return 0;
}

/* ---- secrets ---- */

int job_store_sql_hook_secrets(job_tx *tx, job_op *op)
{
    job_op_hook_secrets *in = (job_op_hook_secrets *)op;
    job_rows *rows = job_sql_query(
        tx->db,
        "SELECT s.secret FROM hook_secrets s JOIN applications a ON a.seq=s.app WHERE a.id=?"
        " AND (s.until_ms IS NULL OR s.until_ms>?) ORDER BY CASE WHEN s.until_ms IS NULL THEN 0 "
        "ELSE 1 END, s.until_ms DESC LIMIT ?",
        "tii", in->app, tx->now_ms, (int64_t)JOB_HOOK_SECRETS_MAX);
    in->n_secrets = 0;
    while (in->n_secrets < JOB_HOOK_SECRETS_MAX && job_sql_next(tx->db, rows)) {
        in->secrets[in->n_secrets++] = job_sql_str(rows, 0, &op->arena);
    }
    job_sql_end(rows);
    return in->n_secrets > 0 ? 0 : -ENOENT;
}

int job_store_sql_hook_rotate(job_tx *tx, job_op *op)
{
    job_op_hook_rotate *in = (job_op_hook_rotate *)op;
    int64_t app = job_tx_application(tx, in->app);
    if (app == 0) {
        return -ENOENT;
    }
    int64_t until_ms = tx->now_ms + in->overlap_ms;
    int64_t ended =
        job_sql_exec(tx->db, "UPDATE hook_secrets SET until_ms=? WHERE app=? AND until_ms IS NULL",
                     "ii", until_ms, app);
    job_sql_run(tx->db, "DELETE FROM hook_secrets WHERE app=? AND until_ms<=?", "ii", app,
                tx->now_ms);
    job_sql_run(tx->db, "INSERT INTO hook_secrets(app, secret, created_ms) VALUES(?,?,?)", "iti",
                app, in->secret, tx->now_ms);
    in->previous_until_ms = ended > 0 ? until_ms : 0;
    return 0;
}
