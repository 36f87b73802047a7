#include "scenes.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "job_retry.h"

/* What the present scene is about. */
static char id[RF_UUID_LEN];
static char upload[RF_UUID_LEN];
static char key[128];
static uint64_t fence;

static int run(fixture *f, void *op)
{
    int err = fixture_run(f, op);
    job_op_free(op);
    return err;
}

/* ---- what was before ---- */

static void a_queued_job(fixture *f)
{
    fixture_create(f, id);
}

static void a_started_job(fixture *f)
{
    fixture_create(f, id);
    fence = fixture_claim_one(f, "worker", id);
    snprintf(key, sizeof(key), "jobs/%s/%llu/out", id, (unsigned long long)fence);
}

static void a_job_out_of_retries(fixture *f)
{
    a_started_job(f);
    for (int i = 0; i < JOB_RETRIES_MAX; i++) {
        cr_assert(fixture_fail(f, id, fence, JOB_CODE_INTERNAL, "x"));
        fixture_advance(FIXTURE_HOUR_MS);
        fence = fixture_claim_one(f, "worker", id);
    }
}

static void a_finished_job(fixture *f)
{
    a_started_job(f);
    cr_assert(fixture_succeed(f, id, fence));
}

static void an_old_job(fixture *f)
{
    a_finished_job(f);
    fixture_advance(20 * FIXTURE_DAY_MS);
}

static void a_lost_job(fixture *f)
{
    a_started_job(f);
    fixture_advance(FIXTURE_LEASE_MS + 1);
}

static void an_upload(fixture *f)
{
    fixture_upload(f, upload);
    snprintf(key, sizeof(key), "uploads/%s/one", upload);
}

static void a_full_upload(fixture *f)
{
    fixture_upload(f, upload);
    cr_assert_eq(fixture_complete(f, upload, key), 0);
}

/* ---- clients ---- */

static int create(fixture *f)
{
    job_op_create *op = fixture_request(f);
    const job_input input = {.param = "inputUrl", .upload_id = upload};
    const job_target target = {.output = "out", .url = "https://h/put"};
    op->inputs = &input;
    op->n_inputs = 1;
    op->targets = &target;
    op->n_targets = 1;
    op->idempotency_key = "once";
    return run(f, op);
}

static int cancel(fixture *f)
{
    job_state state;
    return fixture_cancel(f, id, &state);
}

static int delete (fixture *f)
{
    return fixture_delete(f, id, true);
}

static int upload_create(fixture *f)
{
    job_op_upload_create *op = JOB_OP_NEW(JOB_OP_UPLOAD_CREATE, job_op_upload_create, NULL, NULL);
    op->app = f->app;
    op->put_ms = FIXTURE_HOUR_MS;
    op->keep_ms = FIXTURE_DAY_MS;
    return run(f, op);
}

static int upload_complete(fixture *f)
{
    job_op_upload_complete *op =
        JOB_OP_NEW(JOB_OP_UPLOAD_COMPLETE, job_op_upload_complete, NULL, NULL);
    op->id = upload;
    op->object_key = key;
    op->size = 4;
    return run(f, op);
}

static int workflow_put(fixture *f)
{
    job_op_workflow_put *op = JOB_OP_NEW(JOB_OP_WORKFLOW_PUT, job_op_workflow_put, NULL, NULL);
    op->slug = "fixture";
    op->document = "{\"slug\":\"fixture\",\"version\":2}";
    return run(f, op);
}

/* ---- workers ---- */

static int claim(fixture *f)
{
    job_op_claim *op = JOB_OP_NEW(JOB_OP_CLAIM, job_op_claim, NULL, NULL);
    op->worker = "worker";
    op->max = 10;
    op->lease_ms = FIXTURE_LEASE_MS;
    return run(f, op);
}

static int heartbeat(fixture *f)
{
    job_lease lease = {.id = id, .fence = fence, .step = "beats", .percent = 40};
    job_op_heartbeat *op = JOB_OP_NEW(JOB_OP_HEARTBEAT, job_op_heartbeat, NULL, NULL);
    op->worker = "worker";
    op->leases = &lease;
    op->n_leases = 1;
    op->lease_ms = 2 * FIXTURE_LEASE_MS;
    return run(f, op);
}

static int step_done(fixture *f)
{
    const job_step_output outputs[] = {{.step = "dec", .port = "audio", .object_key = key},
                                       {.step = "dec", .port = "text", .text = "t"}};
    job_op_step_done *op = JOB_OP_NEW(JOB_OP_STEP_DONE, job_op_step_done, NULL, NULL);
    op->id = id;
    op->fence = fence;
    op->outputs = outputs;
    op->n_outputs = RF_ARRAY_LEN(outputs);
    return run(f, op);
}

static int finish(fixture *f, job_finish item)
{
    item.id = id;
    item.fence = fence;
    job_op_finish *op = JOB_OP_NEW(JOB_OP_FINISH, job_op_finish, NULL, NULL);
    op->worker = "worker";
    op->items = &item;
    op->n_items = 1;
    return run(f, op);
}

static int succeed(fixture *f)
{
    const job_result results[] = {
        {.output = "file", .kind = JOB_RESULT_FILE, .object_key = key, .extension = "wav"},
        {.output = "text", .kind = JOB_RESULT_TEXT, .text = "done"}};
    return finish(f, (job_finish){.outcome = JOB_OUTCOME_SUCCESS,
                                  .results = results,
                                  .n_results = RF_ARRAY_LEN(results)});
}

static int fail(fixture *f)
{
    return finish(f, (job_finish){.outcome = JOB_OUTCOME_FAILURE,
                                  .code = JOB_CODE_INTERNAL,
                                  .message = "Step 'dec' failed."});
}

static int refuse(fixture *f)
{
    return finish(f, (job_finish){.outcome = JOB_OUTCOME_FAILURE,
                                  .code = JOB_CODE_BAD_INPUT,
                                  .message = JOB_TEXT_FILE_NOT_FOUND});
}

static int release(fixture *f)
{
    return finish(f, (job_finish){.outcome = JOB_OUTCOME_RELEASED});
}

/* ---- keys ---- */

static int key_create(fixture *f)
{
    job_op_key_create *op = JOB_OP_NEW(JOB_OP_KEY_CREATE, job_op_key_create, NULL, NULL);
    op->scopes = "none";
    op->app_name = "another";
    op->prefix = "rk_other";
    rf_random(op->hash, sizeof(op->hash));
    return run(f, op);
}

static int key_rotate(fixture *f)
{
    job_op_key_rotate *op = JOB_OP_NEW(JOB_OP_KEY_ROTATE, job_op_key_rotate, NULL, NULL);
    op->id = f->key_id;
    op->prefix = "rk_next";
    op->overlap_ms = FIXTURE_HOUR_MS;
    rf_random(op->hash, sizeof(op->hash));
    return run(f, op);
}

static int key_revoke(fixture *f)
{
    job_op_key_revoke *op = JOB_OP_NEW(JOB_OP_KEY_REVOKE, job_op_key_revoke, NULL, NULL);
    op->id = f->key_id;
    return run(f, op);
}

/* ---- the service itself ---- */

static int scan(fixture *f)
{
    job_op_scan *op = JOB_OP_NEW(JOB_OP_SCAN, job_op_scan, NULL, NULL);
    op->start_limit_ms = FIXTURE_DAY_MS;
    return run(f, op);
}

static int outbox_mark(fixture *f)
{
    job_op_outbox_next *next = JOB_OP_NEW(JOB_OP_OUTBOX_NEXT, job_op_outbox_next, NULL, NULL);
    next->allowed[JOB_POOL_CPU] = 10;
    next->republish_ms = FIXTURE_HOUR_MS;
    int err = fixture_run(f, &next->op);
    job_op_outbox_mark *op = JOB_OP_NEW(JOB_OP_OUTBOX_MARK, job_op_outbox_mark, NULL, NULL);
    op->ready = next->ready;
    op->n_ready = next->n_ready;
    op->events = next->events;
    op->n_events = next->n_events;
    err = err == 0 ? fixture_run(f, &op->op) : err;
    job_op_free(&op->op);
    job_op_free(&next->op);
    return err;
}

static int sweep_due(fixture *f)
{
    job_op_sweep_due *op = JOB_OP_NEW(JOB_OP_SWEEP_DUE, job_op_sweep_due, NULL, NULL);
    op->retention_ms = 14 * FIXTURE_DAY_MS;
    op->idempotency_ms = FIXTURE_DAY_MS;
    return run(f, op);
}

static void garbage(fixture *f)
{
    an_old_job(f);
    cr_assert_eq(sweep_due(f), 0);
}

static int sweep_done(fixture *f)
{
    job_op_sweep_due *due = JOB_OP_NEW(JOB_OP_SWEEP_DUE, job_op_sweep_due, NULL, NULL);
    due->retention_ms = 14 * FIXTURE_DAY_MS;
    due->idempotency_ms = FIXTURE_DAY_MS;
    int err = fixture_run(f, &due->op);
    job_op_sweep_done *op = JOB_OP_NEW(JOB_OP_SWEEP_DONE, job_op_sweep_done, NULL, NULL);
    op->garbage = due->garbage;
    op->n_garbage = due->n_garbage;
    err = err == 0 ? fixture_run(f, &op->op) : err;
    job_op_free(&op->op);
    job_op_free(&due->op);
    return err;
}

#define JOBS_IN(state) "SELECT count(*) FROM jobs WHERE state=" state

const scene scenes[] = {
    {"a job is created", a_full_upload, create,
     "SELECT count(*) FROM jobs j JOIN ready r ON r.job=j.seq JOIN inputs i ON i.job=j.seq"
     " JOIN targets t ON t.job=j.seq JOIN idempotency k ON k.job=j.id JOIN packs p"
     " ON p.events LIKE 'queued 0 '||j.id||'%'"},
    {"a job is claimed", a_queued_job, claim,
     "SELECT count(*) FROM jobs j JOIN leases l ON l.job=j.seq WHERE j.state=2 AND j.fence=1"},
    {"a lease is renewed", a_started_job, heartbeat,
     "SELECT count(*) FROM leases WHERE percent=40 AND step='beats'"},
    {"a step is made durable", a_started_job, step_done, "SELECT count(*)=2 FROM steps"},
    {"a result is published", a_started_job, succeed,
     "SELECT count(*)=2 FROM results r JOIN jobs j ON j.seq=r.job WHERE j.state=3"},
    {"an attempt fails", a_started_job, fail,
     "SELECT count(*) FROM jobs j JOIN attempts a ON a.job=j.seq JOIN ready r ON r.job=j.seq"
     " WHERE j.state=2 AND j.retries=1"},
    {"the last attempt fails", a_job_out_of_retries, fail,
     "SELECT count(*) FROM dead_letters d JOIN jobs j ON j.seq=d.job WHERE j.state=4"},
    {"an input is refused", a_started_job, refuse, JOBS_IN("4")},
    {"a job is given up", a_started_job, release,
     "SELECT count(*) FROM ready r JOIN attempts a ON a.job=r.job WHERE a.state=6"},
    {"a job is cancelled", a_started_job, cancel, JOBS_IN("4 AND fence=2")},
    {"a job is deleted", a_finished_job, delete, "SELECT count(*)=0 FROM jobs"},
    {"a lost job is noticed", a_lost_job, scan,
     "SELECT count(*) FROM ready r JOIN attempts a ON a.job=r.job WHERE a.state=5"},
    {"an upload is made", NULL, upload_create, "SELECT count(*) FROM uploads"},
    {"an upload is filled", an_upload, upload_complete,
     "SELECT count(*) FROM uploads WHERE object_key IS NOT NULL AND size=4"},
    {"a workflow gets a new version", NULL, workflow_put,
     "SELECT count(*)=2 AND (SELECT max(version) FROM workflow_versions)="
     "(SELECT version FROM workflows) FROM workflow_versions"},
    {"a key is made", NULL, key_create,
     "SELECT count(*) FROM keys k JOIN applications a ON a.seq=k.app WHERE a.name='another'"},
    {"a key is rotated", NULL, key_rotate,
     "SELECT count(*)=2 AND sum(revoked_ms IS NULL)=1 FROM keys"},
    {"a key is revoked", NULL, key_revoke,
     "SELECT count(*) FROM keys WHERE revoked_ms IS NOT NULL"},
    {"messages are marked as sent", a_queued_job, outbox_mark,
     "SELECT count(*) FROM ready WHERE sent_ms IS NOT NULL AND NOT EXISTS (SELECT 1 FROM packs)"},
    {"old jobs go", an_old_job, sweep_due,
     "SELECT count(*) FROM garbage WHERE NOT EXISTS (SELECT 1 FROM jobs)"},
    {"garbage was removed", garbage, sweep_done, "SELECT count(*)=0 FROM garbage"},
};
const size_t n_scenes = RF_ARRAY_LEN(scenes);
