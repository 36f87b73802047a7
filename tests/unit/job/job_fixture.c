#include "job_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "job_retry.h"
#include "rf_time.h"

#define DOCUMENT "{\"slug\":\"fixture\"}"

static void on_state(void *user, const char *app, const char *id, job_state state)
{
    fixture *f = user;
    (void)app;
    f->seen = state;
    rf_copy_str(f->seen_id, sizeof(f->seen_id), id);
    f->n_seen++;
}

static void on_outbox(void *user)
{
    fixture *f = user;
    f->n_outbox++;
}

static void on_fact(void *user, const job_fact *fact)
{
    fixture *f = user;
    if (f->metrics != NULL) {
        job_metrics_fact(f->metrics, fact);
    }
}

int fixture_run(fixture *f, job_op *op)
{
    return job_store_run(f->store, op);
}

static void put_workflow(fixture *f)
{
    job_op_workflow_put *op = JOB_OP_NEW(JOB_OP_WORKFLOW_PUT, job_op_workflow_put, NULL, NULL);
    op->slug = "fixture";
    op->document = DOCUMENT;
    cr_assert_eq(fixture_run(f, &op->op), 0);
    f->version = op->version;
    job_op_free(&op->op);
}

static void make_key(fixture *f, const char *name, char app[RF_UUID_LEN], char key[RF_UUID_LEN])
{
    job_op_key_create *op = JOB_OP_NEW(JOB_OP_KEY_CREATE, job_op_key_create, NULL, NULL);
    op->app_name = name;
    op->scopes = "none";
    op->prefix = "rk_test";
    rf_random(op->hash, sizeof(op->hash));
    cr_assert_eq(fixture_run(f, &op->op), 0);
    rf_copy_str(app, RF_UUID_LEN, op->key.app);
    rf_copy_str(key, RF_UUID_LEN, op->key.id);
    job_op_free(&op->op);
}

void fixture_application(fixture *f, const char *name, char app[RF_UUID_LEN])
{
    char key[RF_UUID_LEN];
    make_key(f, name, app, key);
}

void fixture_open(fixture *f)
{
    rf_copy_str(f->dir, sizeof(f->dir), "/tmp/reflection-job-XXXXXX");
    cr_assert_not_null(mkdtemp(f->dir));
    f->path = rf_asprintf("%s/job.db", f->dir);
    f->url = fixture_store.make_url(f);
    f->options = (job_store_options){
        .url = f->url,
        .queue_max = 10000,
        .group_max = 1000,
        .n_readers = 2,
        .n_writers = fixture_store.n_writers,
        .queued_max = 1000,
        .concurrency = 1000000,
        .events = true,
        .hooks = {.state = on_state, .fact = on_fact, .outbox = on_outbox, .user = f},
    };
    cr_assert_eq(fixture_try_open(f), 0);
    put_workflow(f);
    make_key(f, "fixture", f->app, f->key_id);
}

int fixture_try_open(fixture *f)
{
    return job_store_open(&f->options, &f->store);
}

void fixture_reopen(fixture *f)
{
    f->store = job_store_close(f->store);
    cr_assert_eq(fixture_try_open(f), 0);
}

void fixture_close(fixture *f)
{
    f->store = job_store_close(f->store);
    fixture_store.remove_url(f->url);
    rmdir(f->dir);
    free(f->path);
    free(f->url);
}

void fixture_advance(int64_t ms)
{
    rf_time_advance(ms * RF_NS_PER_MS);
}

job_op_create *fixture_request(fixture *f)
{
    job_op_create *op = JOB_OP_NEW(JOB_OP_CREATE, job_op_create, NULL, NULL);
    op->app = f->app;
    op->name = "job";
    op->workflow = "fixture";
    op->workflow_version = f->version;
    op->limit_s = 1800;
    op->priority = JOB_PRIORITY_DEFAULT;
    op->params = "{\"a\":1}";
    op->metadata = "{}";
    return op;
}

void fixture_create(fixture *f, char id[RF_UUID_LEN])
{
    job_op_create *op = fixture_request(f);
    cr_assert_eq(fixture_run(f, &op->op), 0);
    rf_copy_str(id, RF_UUID_LEN, op->id);
    job_op_free(&op->op);
}

job_op_claim *fixture_claim(fixture *f, const char *worker, uint32_t max)
{
    job_op_claim *op = JOB_OP_NEW(JOB_OP_CLAIM, job_op_claim, NULL, NULL);
    op->worker = worker;
    op->pool = JOB_POOL_CPU;
    op->max = max;
    op->lease_ms = FIXTURE_LEASE_MS;
    cr_assert_eq(fixture_run(f, &op->op), 0);
    return op;
}

uint64_t fixture_claim_one(fixture *f, const char *worker, char id[RF_UUID_LEN])
{
    job_op_claim *op = fixture_claim(f, worker, 1);
    cr_assert_eq(op->n_claims, 1, "no job waits");
    uint64_t fence = op->claims[0].fence;
    rf_copy_str(id, RF_UUID_LEN, op->claims[0].id);
    job_op_free(&op->op);
    return fence;
}

static bool finish(fixture *f, const job_finish *item)
{
    job_finish copy = *item;
    job_op_finish *op = JOB_OP_NEW(JOB_OP_FINISH, job_op_finish, NULL, NULL);
    op->worker = "worker";
    op->items = &copy;
    op->n_items = 1;
    cr_assert_eq(fixture_run(f, &op->op), 0);
    job_op_free(&op->op);
    return copy.accepted;
}

bool fixture_publish(fixture *f, const char *id, uint64_t fence, const job_result *results,
                     size_t n)
{
    const job_finish item = {.id = id,
                             .fence = fence,
                             .outcome = JOB_OUTCOME_SUCCESS,
                             .results = results,
                             .n_results = n};
    return finish(f, &item);
}

bool fixture_succeed(fixture *f, const char *id, uint64_t fence)
{
    const job_result text = {.output = "out", .kind = JOB_RESULT_TEXT, .text = "done"};
    return fixture_publish(f, id, fence, &text, 1);
}

bool fixture_fail(fixture *f, const char *id, uint64_t fence, const char *code, const char *message)
{
    const job_finish item = {.id = id,
                             .fence = fence,
                             .outcome = JOB_OUTCOME_FAILURE,
                             .code = code,
                             .message = message,
                             .step = "step"};
    return finish(f, &item);
}

bool fixture_crash(fixture *f, const char *id, uint64_t fence)
{
    const job_finish item = {.id = id,
                             .fence = fence,
                             .outcome = JOB_OUTCOME_FAILURE,
                             .code = JOB_CODE_INTERNAL,
                             .message = "Step 'dec' failed.",
                             .step = "dec",
                             .decoder_crash = true};
    return finish(f, &item);
}

bool fixture_release(fixture *f, const char *id, uint64_t fence)
{
    const job_finish item = {.id = id, .fence = fence, .outcome = JOB_OUTCOME_RELEASED};
    return finish(f, &item);
}

bool fixture_beat(fixture *f, const char *id, uint64_t fence, const char *step, uint32_t percent)
{
    job_lease lease = {.id = id, .fence = fence, .step = step, .percent = percent};
    job_op_heartbeat *op = JOB_OP_NEW(JOB_OP_HEARTBEAT, job_op_heartbeat, NULL, NULL);
    op->worker = "worker";
    op->leases = &lease;
    op->n_leases = 1;
    op->lease_ms = FIXTURE_LEASE_MS;
    cr_assert_eq(fixture_run(f, &op->op), 0);
    job_op_free(&op->op);
    return lease.lost;
}

size_t fixture_scan(fixture *f, size_t *ret_expired)
{
    job_op_scan *op = JOB_OP_NEW(JOB_OP_SCAN, job_op_scan, NULL, NULL);
    op->start_limit_ms = FIXTURE_DAY_MS;
    cr_assert_eq(fixture_run(f, &op->op), 0);
    size_t n = op->n_lost;
    if (ret_expired != NULL) {
        *ret_expired = op->n_expired;
    }
    job_op_free(&op->op);
    return n;
}

job_op_get *fixture_get(fixture *f, const char *id)
{
    job_op_get *op = JOB_OP_NEW(JOB_OP_GET, job_op_get, NULL, NULL);
    op->app = f->app;
    op->id = id;
    op->with_attempts = true;
    int err = fixture_run(f, &op->op);
    if (err == -ENOENT) {
        job_op_free(&op->op);
        return NULL;
    }
    cr_assert_eq(err, 0);
    return op;
}

job_state fixture_state(fixture *f, const char *id)
{
    job_op_get *op = fixture_get(f, id);
    job_state state = op == NULL ? JOB_NONE : op->job.state;
    job_op_free(op == NULL ? NULL : &op->op);
    return state;
}

size_t fixture_count(fixture *f, uint32_t states)
{
    job_op_list *op = JOB_OP_NEW(JOB_OP_LIST, job_op_list, NULL, NULL);
    op->app = f->app;
    op->states = states;
    op->size = JOB_LIST_MAX;
    cr_assert_eq(fixture_run(f, &op->op), 0);
    size_t n = op->n_jobs;
    job_op_free(&op->op);
    return n;
}

int fixture_delete(fixture *f, const char *id, bool uploads)
{
    job_op_delete *op = JOB_OP_NEW(JOB_OP_DELETE, job_op_delete, NULL, NULL);
    op->app = f->app;
    op->id = id;
    op->uploads = uploads;
    int err = fixture_run(f, &op->op);
    job_op_free(&op->op);
    return err;
}

int fixture_cancel(fixture *f, const char *id, job_state *ret)
{
    job_op_cancel *op = JOB_OP_NEW(JOB_OP_CANCEL, job_op_cancel, NULL, NULL);
    op->app = f->app;
    op->id = id;
    int err = fixture_run(f, &op->op);
    *ret = op->state;
    job_op_free(&op->op);
    return err;
}

void fixture_upload(fixture *f, char id[RF_UUID_LEN])
{
    job_op_upload_create *op = JOB_OP_NEW(JOB_OP_UPLOAD_CREATE, job_op_upload_create, NULL, NULL);
    op->app = f->app;
    op->put_ms = FIXTURE_HOUR_MS;
    op->keep_ms = FIXTURE_DAY_MS;
    cr_assert_eq(fixture_run(f, &op->op), 0);
    rf_copy_str(id, RF_UUID_LEN, op->id);
    job_op_free(&op->op);
}

int fixture_complete(fixture *f, const char *id, char key[128])
{
    char unique[RF_UUID_LEN];
    snprintf(key, 128, "uploads/%s/%s", id, rf_uuid4(unique));
    job_op_upload_complete *op =
        JOB_OP_NEW(JOB_OP_UPLOAD_COMPLETE, job_op_upload_complete, NULL, NULL);
    op->id = id;
    op->object_key = key;
    op->size = 10;
    int err = fixture_run(f, &op->op);
    job_op_free(&op->op);
    return err;
}

bool fixture_key_used(fixture *f, const char *key)
{
    job_op_sweep_check *op = JOB_OP_NEW(JOB_OP_SWEEP_CHECK, job_op_sweep_check, NULL, NULL);
    op->keys = &key;
    op->n_keys = 1;
    cr_assert_eq(fixture_run(f, &op->op), 0);
    bool used = op->used[0];
    job_op_free(&op->op);
    return used;
}
