/*
 * Creating a job: idempotency, own files, the row itself and the reference that goes out.
 */
#include "job_store_sql_batch.h"
#include "job_store_sql_reuse.h"

#include "job_retry.h"

#include <errno.h>
#include <string.h>

typedef struct creation {
    job_tx *tx;
    job_op_create *in;
    int64_t app;
    int64_t job;
    const char *reuse_key; /* NULL: none */
    char *reuse_seed;      /* likewise */
} creation;

/* A repeat of an Idempotency-Key: 1 when the first answer was taken over, -EEXIST when the payload
 * differs, 0 when the key is new. */
static int replay(creation *c)
{
    job_op_create *in = c->in;
    if (in->idempotency_key == NULL) {
        return 0;
    }
    job_rows *rows = job_sql_query(
        c->tx->db, "SELECT job, sha256=? FROM idempotency WHERE app=? AND key=?", "bit",
        in->payload_sha256, (size_t)RF_SHA256_LEN, c->app, in->idempotency_key);
    if (!job_sql_next(c->tx->db, rows)) {
        return 0;
    }
    bool same = job_sql_int(rows, 1) != 0;
    if (same) {
        rf_copy_str(in->id, sizeof(in->id), job_sql_str(rows, 0, &in->op.arena));
        in->replayed = true;
    }
    job_sql_end(rows);
    return same ? 1 : -EEXIST;
}

static int find_application(creation *c)
{
    int err = job_tx_has_room(c->tx, c->in->app, &c->app);
    return err == 0 && job_tx_outbox_full(c->tx) ? -ENOBUFS : err;
}

/* A target that cannot be had becomes an input. */
static int64_t brings(const job_op_create *in)
{
    return (in->n_inputs + in->n_targets > 0 ? JOB_BRINGS_INPUTS : 0) |
           (in->n_targets > 0 ? JOB_BRINGS_TARGETS : 0);
}

static void insert_job(creation *c)
{
    const job_op_create *in = c->in;
    c->job = job_tx_new_seq(c->tx);
    job_sql_run(c->tx->db,
                "INSERT INTO jobs(seq, id, app, state, pool, due_ms, limit_s, created_ms, name,"
                " workflow, version, request_id, traceparent, metadata, params, priority,"
                " batch_name, retention_s, hook, reuse_key, reuse_seed, brings, spare)"
                " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,nullif(?,0),?,?,?,?,?)",
                "itiiiiiittittttitiittit", c->job, in->id, c->app,
                (int64_t)job_tx_next(c->tx, JOB_NONE, JOB_EVENT_CREATE), (int64_t)in->pool,
                c->tx->now_ms, (int64_t)in->limit_s, c->tx->now_ms, in->name, in->workflow,
                in->workflow_version, in->request_id, in->traceparent, in->metadata, in->params,
                (int64_t)in->priority, in->batch_name, in->retention_s,
                (int64_t)(in->hook.url == NULL ? 0 : in->hook.events), c->reuse_key, c->reuse_seed,
                brings(in), job_tx_spare(c->tx));
    if (in->hook.url != NULL) {
        job_tx_hook_set(c->tx, c->app, c->job, &in->hook, in->hook_secret);
    }
}

static void wait_for_slot(creation *c)
{
    const job_op_create *in = c->in;
    job_sql_run(c->tx->db, "INSERT INTO ready(pool, due_ms, job, app, priority) VALUES(?,?,?,?,?)",
                "iiiii", (int64_t)in->pool, c->tx->now_ms, c->job, c->app, (int64_t)in->priority);
    job_tx_queued(c->tx, c->app, 1);
    job_tx_changed(c->tx, in->app, in->id, JOB_QUEUED);
    c->tx->outbox = true;
}

/* The object of an own upload that is complete and not expired, NULL when there is none. */
static char *upload_object(creation *c, const char *upload)
{
    char *key = NULL;
    job_rows *rows =
        job_sql_query(c->tx->db,
                      "SELECT object_key FROM uploads WHERE id=? AND app=? AND keep_until_ms>?"
                      " AND object_key IS NOT NULL FOR SHARE",
                      "tii", upload, c->app, c->tx->now_ms);
    if (job_sql_next(c->tx->db, rows)) {
        key = job_sql_str(rows, 0, &c->tx->arena);
        job_sql_end(rows);
    }
    return key;
}

/* The object of an own result, NULL when there is none. */
static char *result_object(creation *c, const job_input *input)
{
    char *key = NULL;
    job_rows *rows = job_sql_query(
        c->tx->db,
        "SELECT r.object_key FROM jobs j JOIN results r ON r.job=j.seq"
        " WHERE j.id=? AND j.app=? AND r.object_key IS NOT NULL AND r.output||'.'||r.extension=?"
        " FOR SHARE OF r",
        "tit", input->job_id, c->app, input->file_name);
    if (job_sql_next(c->tx->db, rows)) {
        key = job_sql_str(rows, 0, &c->tx->arena);
        job_sql_end(rows);
    }
    return key;
}

static void insert_input(creation *c, const job_input *input)
{
    const char *key = NULL;
    const char *bad = input->bad;
    if (input->upload_id != NULL) {
        key = upload_object(c, input->upload_id);
    } else if (input->job_id != NULL) {
        key = result_object(c, input);
    }
    if (key == NULL && bad == NULL && input->url == NULL) {
        bad = JOB_TEXT_FILE_NOT_FOUND;
    }
    job_sql_run(c->tx->db,
                "INSERT INTO inputs(job, param, url, object_key, bad, upload) VALUES(?,?,?,?,?,?)",
                "ittttt", c->job, input->param, input->url, key, bad, input->upload_id);
}

/* Reserves an own upload for the job; a target that cannot be had becomes a bad input, named by the
 * output. */
static void insert_target(creation *c, const job_target *target)
{
    if (target->upload_id != NULL &&
        job_sql_exec(c->tx->db,
                     "UPDATE uploads SET job=? WHERE id=? AND app=? AND put_until_ms>?"
                     " AND object_key IS NULL AND job IS NULL",
                     "itii", c->job, target->upload_id, c->app, c->tx->now_ms) == 0) {
        const job_input missing = {
            .param = job_arena_printf(&c->tx->arena, JOB_TARGET_PARAM, target->output),
            .bad = JOB_TEXT_FILE_NOT_FOUND};
        insert_input(c, &missing);
        return;
    }
    job_sql_run(c->tx->db, "INSERT INTO targets(job, output, url, upload) VALUES(?,?,?,?)", "ittt",
                c->job, target->output, target->url, target->upload_id);
}

static void insert_key(creation *c)
{
    const job_op_create *in = c->in;
    if (in->idempotency_key != NULL) {
        job_sql_run(c->tx->db,
                    "INSERT INTO idempotency(app, key, sha256, job, created_ms) VALUES(?,?,?,?,?)",
                    "itbti", c->app, in->idempotency_key, in->payload_sha256, (size_t)RF_SHA256_LEN,
                    in->id, c->tx->now_ms);
    }
}

int job_store_sql_create(job_tx *tx, job_op *op)
{
    creation c = {.tx = tx, .in = (job_op_create *)op};
    c.in->replayed = false; /* an operation of a failed group runs again */
    int full = find_application(&c);
    if (c.app == 0) {
        return full;
    }
    int replayed = replay(&c);
    if (replayed != 0 || full < 0) {
        return replayed > 0 ? 0 : replayed < 0 ? replayed : full;
    }
    int err = job_tx_batch_add(tx, c.in->app, c.in->batch_name, c.in->batch_size);
    if (err < 0) {
        return err;
    }
    rf_uuid4_beside(c.in->id);
    c.reuse_key = job_tx_reuse_key(tx, c.app, c.in, &c.reuse_seed);
    int64_t same = job_tx_reuse_find(tx, c.app, c.reuse_key);
    insert_job(&c);
    for (size_t i = 0; i < c.in->n_inputs; i++) {
        insert_input(&c, &c.in->inputs[i]);
    }
    for (size_t i = 0; i < c.in->n_targets; i++) {
        insert_target(&c, &c.in->targets[i]);
    }
    insert_key(&c);
    job_tx_made(tx, c.app);
    job_tx_event(tx, c.in->id, 0, "queued");
    if (same != 0) {
        job_tx_reuse_take(tx, c.in, c.job, same);
    } else {
        wait_for_slot(&c);
    }
    return 0;
}
