/*
 * Batches and retention in the store (spec jobs.md section 5, "batchName, batchSize" and
 * "retentionSeconds"). The clock is driven.
 */
#include "job_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "rf_time.h"

static fixture f;

static void set_up(void)
{
    rf_time_drive();
    fixture_open(&f);
}

static void tear_down(void)
{
    fixture_close(&f);
}

TestSuite(batches, .init = set_up, .fini = tear_down);

static int make(const char *app, const char *batch, int64_t size, char id[RF_UUID_LEN])
{
    job_op_create *op = fixture_request(&f);
    op->app = app;
    op->batch_name = batch;
    op->batch_size = size;
    int err = fixture_run(&f, &op->op);
    rf_copy_str(id, RF_UUID_LEN, op->id);
    job_op_free(&op->op);
    return err;
}

/* What a batch holds, in one number of digits: total, queued, started, succeeded, failed; -1 when
 * there is none. */
static int counts(const char *app, const char *name, int64_t *ret_completed_ms)
{
    job_op_batch_get *op = JOB_OP_NEW(JOB_OP_BATCH_GET, job_op_batch_get, NULL, NULL);
    op->app = app;
    op->name = name;
    int err = fixture_run(&f, &op->op);
    int digits = (int)(op->total * 10000 + op->queued * 1000 + op->started * 100 +
                       op->succeeded * 10 + op->failed);
    if (ret_completed_ms != NULL) {
        *ret_completed_ms = op->completed_ms;
    }
    job_op_free(&op->op);
    return err == 0 ? digits : -1;
}

/* X2 */
Test(batches, jobs_are_counted_by_state)
{
    char ids[4][RF_UUID_LEN];
    char claimed[RF_UUID_LEN];
    job_state state;
    int64_t completed_ms;
    cr_assert_eq(counts(f.app, "b", NULL), -1);
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(make(f.app, "b", 0, ids[i]), 0);
        fixture_advance(1);
    }
    cr_assert_eq(counts(f.app, "b", NULL), 44000);
    uint64_t fence = fixture_claim_one(&f, "w", claimed);
    cr_assert_eq(counts(f.app, "b", NULL), 43100);
    cr_assert(fixture_succeed(&f, claimed, fence));
    cr_assert_eq(counts(f.app, "b", NULL), 43010);
    fence = fixture_claim_one(&f, "w", claimed);
    cr_assert(fixture_release(&f, claimed, fence));
    cr_assert_eq(counts(f.app, "b", NULL), 42110, "it stays STARTED");
    fence = fixture_claim_one(&f, "w", claimed);
    cr_assert(fixture_fail(&f, claimed, fence, "BAD_INPUT", "x"));
    cr_assert_eq(fixture_cancel(&f, ids[3], &state), 0);
    cr_assert_eq(counts(f.app, "b", &completed_ms), 40112, "one is left");
    cr_assert_eq(completed_ms, 0);
}

/* X2 */
Test(batches, it_is_completed_when_all_are_final_and_as_many_as_its_size)
{
    char id[RF_UUID_LEN];
    int64_t completed_ms;
    cr_assert_eq(make(f.app, "b", 2, id), 0);
    uint64_t fence = fixture_claim_one(&f, "w", id);
    cr_assert(fixture_succeed(&f, id, fence));
    cr_assert_eq(counts(f.app, "b", &completed_ms), 10010);
    cr_assert_eq(completed_ms, 0, "one of two");
    fixture_advance(5000);
    cr_assert_eq(make(f.app, "b", 0, id), 0);
    fence = fixture_claim_one(&f, "w", id);
    cr_assert(fixture_succeed(&f, id, fence));
    cr_assert_eq(counts(f.app, "b", &completed_ms), 20020);
    cr_assert_eq(completed_ms, rf_time_wall_ms());
}

static size_t messages(const char *type)
{
    job_op_hook_take *op = JOB_OP_NEW(JOB_OP_HOOK_TAKE, job_op_hook_take, NULL, NULL);
    size_t n = 0;
    op->busy = " ";
    op->lease_ms = FIXTURE_HOUR_MS;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    for (size_t i = 0; i < op->n_messages; i++) {
        n +=
            strcmp(op->messages[i].type, type) == 0 && strcmp(op->messages[i].batch_name, "b") == 0;
    }
    job_op_free(&op->op);
    return n;
}

/* W4, X2 */
Test(batches, batch_completed_is_told_once_when_as_many_jobs_as_its_size_are_final)
{
    char id[RF_UUID_LEN];
    for (int i = 0; i < 3; i++) {
        job_op_create *op = fixture_request(&f);
        op->batch_name = "b";
        op->batch_size = 2;
        op->hook = (job_hook){.url = "https://h/x", .host = "h", .events = JOB_HOOK_BATCH};
        op->hook_secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        cr_assert_eq(fixture_run(&f, &op->op), 0);
        job_op_free(&op->op);
    }
    for (size_t i = 0; i < 3; i++) {
        uint64_t fence = fixture_claim_one(&f, "w", id);
        cr_assert(fixture_succeed(&f, id, fence));
        cr_assert_eq(messages("batch.completed"), i == 1, "job %zu", i);
    }
}

Test(batches, its_size_is_told_once)
{
    char id[RF_UUID_LEN];
    cr_assert_eq(make(f.app, "b", 0, id), 0);
    cr_assert_eq(make(f.app, "b", 3, id), 0);
    cr_assert_eq(make(f.app, "b", 3, id), 0);
    cr_assert_eq(make(f.app, "b", 4, id), -ERANGE);
    cr_assert_eq(counts(f.app, "b", NULL), 33000, "a refused job is not counted");
}

Test(batches, s7_names_are_of_one_application)
{
    char id[RF_UUID_LEN];
    char other[RF_UUID_LEN];
    fixture_application(&f, "other", other);
    cr_assert_eq(make(f.app, "b", 2, id), 0);
    cr_assert_eq(counts(other, "b", NULL), -1);
    cr_assert_eq(make(other, "b", 7, id), 0);
    cr_assert_eq(counts(f.app, "b", NULL), 11000);
}

Test(batches, a_batch_whose_jobs_are_all_deleted_is_gone)
{
    char ids[2][RF_UUID_LEN];
    cr_assert_eq(make(f.app, "b", 0, ids[0]), 0);
    cr_assert_eq(make(f.app, "b", 0, ids[1]), 0);
    cr_assert_eq(fixture_delete(&f, ids[0], false), 0);
    cr_assert_eq(counts(f.app, "b", NULL), 21001, "a live job is cancelled first");
    cr_assert_eq(fixture_delete(&f, ids[1], false), 0);
    cr_assert_eq(counts(f.app, "b", NULL), -1);
}

Test(batches, late_and_dead_jobs_count_as_failed)
{
    char ids[2][RF_UUID_LEN];
    char claimed[RF_UUID_LEN];
    cr_assert_eq(make(f.app, "b", 0, ids[0]), 0);
    for (int i = 0; i < 4; i++) {
        fixture_advance(FIXTURE_HOUR_MS / 10);
        uint64_t fence = fixture_claim_one(&f, "w", claimed);
        cr_assert(fixture_fail(&f, claimed, fence, "INTERNAL_ERROR", "x"));
    }
    cr_assert_eq(counts(f.app, "b", NULL), 10001);
    cr_assert_eq(make(f.app, "b", 0, ids[1]), 0);
    fixture_advance(FIXTURE_DAY_MS + 1);
    cr_assert_eq(fixture_scan(&f, NULL), 0);
    cr_assert_eq(counts(f.app, "b", NULL), 20002);
}

/* ---- retention ---- */

static void sweep(void)
{
    job_op_sweep_due *op = JOB_OP_NEW(JOB_OP_SWEEP_DUE, job_op_sweep_due, NULL, NULL);
    op->retention_ms = 14 * FIXTURE_DAY_MS;
    op->idempotency_ms = FIXTURE_DAY_MS;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    job_op_free(&op->op);
}

static void make_done(int64_t retention_s, char id[RF_UUID_LEN])
{
    job_op_create *op = fixture_request(&f);
    op->retention_s = retention_s;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    job_op_free(&op->op);
    uint64_t fence = fixture_claim_one(&f, "w", id);
    cr_assert(fixture_succeed(&f, id, fence));
}

/* X11 */
Test(batches, retention_seconds_count_from_the_end_of_the_job)
{
    char brief[RF_UUID_LEN];
    char usual[RF_UUID_LEN];
    char kept[RF_UUID_LEN];
    char running[RF_UUID_LEN];
    make_done(3600, brief);
    make_done(0, usual);
    make_done(2592000, kept);
    job_op_create *op = fixture_request(&f);
    op->retention_s = 3600;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    rf_copy_str(running, sizeof(running), op->id);
    job_op_free(&op->op);
    job_op_get *get = fixture_get(&f, brief);
    cr_assert_eq(get->job.retention_s, 3600);
    job_op_free(&get->op);
    fixture_advance(3600 * 1000 - 1);
    sweep();
    cr_assert_eq(fixture_state(&f, brief), JOB_SUCCEEDED);
    fixture_advance(1);
    sweep();
    cr_assert_eq(fixture_state(&f, brief), JOB_NONE);
    cr_assert_eq(fixture_state(&f, running), JOB_QUEUED, "it has not ended");
    fixture_advance(14 * FIXTURE_DAY_MS);
    sweep();
    cr_assert_eq(fixture_state(&f, usual), JOB_NONE);
    cr_assert_eq(fixture_state(&f, kept), JOB_SUCCEEDED);
    fixture_advance(16 * FIXTURE_DAY_MS);
    sweep();
    cr_assert_eq(fixture_state(&f, kept), JOB_NONE);
}
