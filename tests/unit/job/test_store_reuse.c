/*
 * Result reuse in the store (spec jobs.md section 5): what counts as equal, who gets a result, and
 * that files go with the last job that names them. The clock is driven.
 */
#include "job_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
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

TestSuite(reuse, .init = set_up, .fini = tear_down);

/* An upload whose bytes are told by one of theirs. */
static void upload(const char *app, uint8_t byte, char id[RF_UUID_LEN])
{
    job_op_upload_create *made = JOB_OP_NEW(JOB_OP_UPLOAD_CREATE, job_op_upload_create, NULL, NULL);
    made->app = app;
    made->put_ms = FIXTURE_HOUR_MS;
    made->keep_ms = FIXTURE_DAY_MS;
    cr_assert_eq(fixture_run(&f, &made->op), 0);
    rf_copy_str(id, RF_UUID_LEN, made->id);
    job_op_free(&made->op);
    char key[128];
    snprintf(key, sizeof(key), "uploads/%s/x", id);
    job_op_upload_complete *op =
        JOB_OP_NEW(JOB_OP_UPLOAD_COMPLETE, job_op_upload_complete, NULL, NULL);
    op->id = id;
    op->object_key = key;
    op->size = 10;
    memset(op->sha256, byte, sizeof(op->sha256));
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    job_op_free(&op->op);
}

/* Makes a job of one input; returns its state. */
static job_state make(const char *app, const char *upload_id, const char *seed,
                      char id[RF_UUID_LEN])
{
    const job_input input = {.param = "inputUrl", .upload_id = upload_id};
    job_op_create *op = fixture_request(&f);
    op->app = app;
    op->reuse_seed = seed;
    op->inputs = &input;
    op->n_inputs = 1;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    rf_copy_str(id, RF_UUID_LEN, op->id);
    job_op_free(&op->op);
    job_op_get *get = JOB_OP_NEW(JOB_OP_GET, job_op_get, NULL, NULL);
    get->app = app;
    get->id = id;
    cr_assert_eq(fixture_run(&f, &get->op), 0);
    job_state state = get->job.state;
    job_op_free(&get->op);
    return state;
}

/* Runs the one job that waits, with a file and a text as its result. */
static void run(char key[128])
{
    char id[RF_UUID_LEN];
    uint64_t fence = fixture_claim_one(&f, "w", id);
    snprintf(key, 128, "jobs/%s/%llu/out.wav", id, (unsigned long long)fence);
    const job_result results[] = {{.output = "bpm", .kind = JOB_RESULT_TEXT, .text = "64"},
                                  {.output = "out",
                                   .kind = JOB_RESULT_FILE,
                                   .object_key = key,
                                   .extension = "wav",
                                   .content_type = "audio/wav",
                                   .size = 9}};
    cr_assert(fixture_publish(&f, id, fence, results, 2));
}

/* X10 */
Test(reuse, the_same_bytes_workflow_and_parameters_give_the_result_at_once)
{
    char first[RF_UUID_LEN];
    char again[RF_UUID_LEN];
    char uploads[2][RF_UUID_LEN];
    char key[128];
    upload(f.app, 7, uploads[0]);
    upload(f.app, 7, uploads[1]);
    cr_assert_eq(make(f.app, uploads[0], "seed", first), JOB_QUEUED);
    run(key);
    fixture_advance(5000);
    cr_assert_eq(make(f.app, uploads[1], "seed", again), JOB_SUCCEEDED, "other upload, same bytes");
    cr_assert_eq(f.seen, JOB_SUCCEEDED);
    job_op_get *get = fixture_get(&f, again);
    cr_assert_str_neq(again, first);
    cr_assert_eq(get->job.created_ms, rf_time_wall_ms());
    cr_assert_eq(get->job.started_ms, rf_time_wall_ms());
    cr_assert_eq(get->job.completed_ms, rf_time_wall_ms());
    cr_assert_eq(get->job.n_attempts, 0);
    cr_assert_eq(get->job.n_results, 2);
    cr_assert_str_eq(get->job.results[0].text, "64");
    cr_assert_str_eq(get->job.results[1].object_key, key);
    job_op_free(&get->op);
    job_op_claim *none = fixture_claim(&f, "w", 1);
    cr_assert_eq(none->n_claims, 0);
    job_op_free(&none->op);
}

/* Makes a job of one outside URL; writes its id. */
static void make_outside(const char *app, const char *url, char id[RF_UUID_LEN])
{
    const job_input input = {.param = "inputUrl", .url = url};
    job_op_create *op = fixture_request(&f);
    op->app = app;
    op->reuse_seed = "seed";
    op->inputs = &input;
    op->n_inputs = 1;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    rf_copy_str(id, RF_UUID_LEN, op->id);
    job_op_free(&op->op);
}

/* A worker has fetched a byte of this value; returns whether the job took a result over. */
static bool fetched(const char *id, uint64_t fence, const char *param, uint8_t byte)
{
    uint8_t sum[RF_SHA256_LEN];
    const job_digest digest = {.param = param, .sha256 = sum};
    memset(sum, byte, sizeof(sum));
    job_op_fetched *op = JOB_OP_NEW(JOB_OP_FETCHED, job_op_fetched, NULL, NULL);
    op->id = id;
    op->fence = fence;
    op->worker = "w";
    op->digests = &digest;
    op->n_digests = 1;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    bool taken = op->taken;
    job_op_free(&op->op);
    return taken;
}

/* Claims the one job that waits, tells what it fetched, and lets it succeed unless it has. */
static bool run_fetched(uint8_t byte, char key[128])
{
    char id[RF_UUID_LEN];
    uint64_t fence = fixture_claim_one(&f, "w", id);
    snprintf(key, 128, "jobs/%s/%llu/out.wav", id, (unsigned long long)fence);
    const job_result result = {.output = "out",
                               .kind = JOB_RESULT_FILE,
                               .object_key = key,
                               .extension = "wav",
                               .content_type = "audio/wav",
                               .size = 9};
    bool taken = fetched(id, fence, "inputUrl", byte);
    cr_assert_eq(fixture_publish(&f, id, fence, &result, 1), true, "again, or for the first time");
    return taken;
}

/* X10: bytes of outside URLs are known when a worker has them. */
Test(reuse, the_same_bytes_behind_urls_give_the_result_when_they_are_fetched)
{
    char ids[3][RF_UUID_LEN];
    char uploaded[RF_UUID_LEN];
    char key[128];
    char other[128];
    make_outside(f.app, "https://h/a", ids[0]);
    cr_assert_not(run_fetched(7, key));
    fixture_advance(5000);
    make_outside(f.app, "https://elsewhere/b?x=1", ids[1]);
    cr_assert(run_fetched(7, other), "another URL, the same bytes");
    job_op_get *get = fixture_get(&f, ids[1]);
    cr_assert_eq(get->job.state, JOB_SUCCEEDED);
    cr_assert_eq(get->job.completed_ms, rf_time_wall_ms());
    cr_assert_eq(get->job.n_results, 1);
    cr_assert_str_eq(get->job.results[0].object_key, key, "of the first");
    cr_assert_eq(get->job.n_attempts, 1);
    cr_assert_eq(get->job.attempts[0].state, JOB_ATTEMPT_DONE);
    job_op_free(&get->op);
    make_outside(f.app, "https://h/a", ids[2]);
    cr_assert_not(run_fetched(8, other), "the same URL, other bytes");
    upload(f.app, 7, uploaded);
    cr_assert_eq(make(f.app, uploaded, "seed", ids[2]), JOB_SUCCEEDED, "uploads are no different");
    cr_assert_eq(fixture_delete(&f, ids[0], false), 0);
    cr_assert(fixture_key_used(&f, key), "others name it");
}

Test(reuse, a_result_of_an_upload_is_taken_for_the_same_bytes_behind_a_url)
{
    char id[RF_UUID_LEN];
    char bytes[RF_UUID_LEN];
    char key[128];
    upload(f.app, 7, bytes);
    cr_assert_eq(make(f.app, bytes, "seed", id), JOB_QUEUED);
    run(key);
    make_outside(f.app, "https://h/a", id);
    cr_assert(run_fetched(7, key));
}

Test(reuse, s7_bytes_behind_urls_are_of_one_application)
{
    char id[RF_UUID_LEN];
    char other[RF_UUID_LEN];
    char key[128];
    fixture_application(&f, "other", other);
    make_outside(f.app, "https://h/a", id);
    cr_assert_not(run_fetched(7, key));
    make_outside(other, "https://h/a", id);
    uint64_t fence = fixture_claim_one(&f, "w", id);
    cr_assert_not(fetched(id, fence, "inputUrl", 7));
}

/* What two attempts read may differ: then nobody knows what the result is of. */
Test(reuse, an_attempt_that_fetched_other_bytes_than_the_one_before_offers_nothing)
{
    char id[RF_UUID_LEN];
    char key[128];
    make_outside(f.app, "https://h/a", id);
    uint64_t fence = fixture_claim_one(&f, "w", id);
    cr_assert_not(fetched(id, fence, "inputUrl", 7));
    cr_assert(fixture_fail(&f, id, fence, "INTERNAL_ERROR", "x"));
    fixture_advance(FIXTURE_HOUR_MS);
    cr_assert_not(run_fetched(8, key));
    for (uint8_t byte = 7; byte <= 8; byte++) {
        make_outside(f.app, "https://h/a", id);
        fence = fixture_claim_one(&f, "w", id);
        cr_assert_not(fetched(id, fence, "inputUrl", byte));
        cr_assert(fixture_fail(&f, id, fence, "BAD_INPUT", "x"));
    }
}

Test(reuse, what_was_fetched_is_told_by_the_present_attempt_and_whole)
{
    char id[RF_UUID_LEN];
    make_outside(f.app, "https://h/a", id);
    uint64_t fence = fixture_claim_one(&f, "w", id);
    job_op_fetched *op = JOB_OP_NEW(JOB_OP_FETCHED, job_op_fetched, NULL, NULL);
    op->id = id;
    op->fence = fence + 1;
    cr_assert_eq(fixture_run(&f, &op->op), -ESTALE);
    job_op_free(&op->op);
    cr_assert_not(fetched(id, fence, "another", 7), "not what the job reads");
    cr_assert_not(fetched(id, fence, "inputUrl", 7), "too late");
    cr_assert(fixture_succeed(&f, id, fence));
    make_outside(f.app, "https://h/a", id);
    cr_assert_not(fetched(id, fixture_claim_one(&f, "w", id), "inputUrl", 7), "none is offered");
}

/* X10 */
Test(reuse, whatever_differs_is_run)
{
    char id[RF_UUID_LEN];
    char same[RF_UUID_LEN];
    char differs[RF_UUID_LEN];
    char missing[RF_UUID_LEN];
    char key[128];
    upload(f.app, 7, same);
    upload(f.app, 8, differs);
    fixture_upload(&f, missing);
    cr_assert_eq(make(f.app, same, "seed", id), JOB_QUEUED);
    cr_assert_eq(make(f.app, same, "seed", id), JOB_QUEUED, "the first is not done");
    run(key);
    run(key);
    cr_assert_eq(make(f.app, same, "seed", id), JOB_SUCCEEDED);
    cr_assert_eq(make(f.app, differs, "seed", id), JOB_QUEUED, "other bytes");
    cr_assert_eq(make(f.app, same, "other", id), JOB_QUEUED, "other parameters or version");
    cr_assert_eq(make(f.app, same, NULL, id), JOB_QUEUED, "not asked for");
    cr_assert_eq(make(f.app, missing, "seed", id), JOB_QUEUED, "bytes that are not there");
    job_op_create *outside = fixture_request(&f);
    const job_input url = {.param = "inputUrl", .url = "https://h/x"};
    outside->reuse_seed = "seed";
    outside->inputs = &url;
    outside->n_inputs = 1;
    cr_assert_eq(fixture_run(&f, &outside->op), 0);
    cr_assert_eq(fixture_state(&f, outside->id), JOB_QUEUED, "bytes that nobody has seen");
    job_op_free(&outside->op);
    job_op_create *bare = fixture_request(&f);
    bare->reuse_seed = "seed";
    cr_assert_eq(fixture_run(&f, &bare->op), 0);
    cr_assert_eq(fixture_state(&f, bare->id), JOB_QUEUED, "no input");
    job_op_free(&bare->op);
}

Test(reuse, a_failed_job_gives_nothing)
{
    char id[RF_UUID_LEN];
    char bytes[RF_UUID_LEN];
    upload(f.app, 7, bytes);
    make(f.app, bytes, "seed", id);
    uint64_t fence = fixture_claim_one(&f, "w", id);
    cr_assert(fixture_fail(&f, id, fence, "BAD_INPUT", "x"));
    cr_assert_eq(make(f.app, bytes, "seed", id), JOB_QUEUED);
}

Test(reuse, s7_never_across_applications)
{
    char id[RF_UUID_LEN];
    char other[RF_UUID_LEN];
    char mine[RF_UUID_LEN];
    char theirs[RF_UUID_LEN];
    char key[128];
    fixture_application(&f, "other", other);
    upload(f.app, 7, mine);
    upload(other, 7, theirs);
    make(f.app, mine, "seed", id);
    run(key);
    cr_assert_eq(make(other, theirs, "seed", id), JOB_QUEUED);
    cr_assert_eq(make(f.app, mine, "seed", id), JOB_SUCCEEDED);
}

/* X10 */
Test(reuse, deleting_one_job_breaks_no_other_and_files_go_with_the_last)
{
    char first[RF_UUID_LEN];
    char again[RF_UUID_LEN];
    char third[RF_UUID_LEN];
    char bytes[RF_UUID_LEN];
    char key[128];
    upload(f.app, 7, bytes);
    make(f.app, bytes, "seed", first);
    run(key);
    cr_assert_eq(make(f.app, bytes, "seed", again), JOB_SUCCEEDED);
    cr_assert_eq(fixture_delete(&f, first, false), 0);
    cr_assert(fixture_key_used(&f, key), "the second names it");
    job_op_file_get *file = JOB_OP_NEW(JOB_OP_FILE_GET, job_op_file_get, NULL, NULL);
    file->job_id = again;
    file->file_name = "out.wav";
    cr_assert_eq(fixture_run(&f, &file->op), 0);
    cr_assert_str_eq(file->object_key, key);
    job_op_free(&file->op);
    cr_assert_eq(make(f.app, bytes, "seed", third), JOB_QUEUED, "the one that ran is gone");
    cr_assert_eq(fixture_delete(&f, again, false), 0);
    cr_assert_not(fixture_key_used(&f, key));
}

Test(reuse, it_counts_in_a_batch_and_tells_its_webhook)
{
    char id[RF_UUID_LEN];
    char bytes[RF_UUID_LEN];
    char key[128];
    upload(f.app, 7, bytes);
    make(f.app, bytes, "seed", id);
    run(key);
    const job_input input = {.param = "inputUrl", .upload_id = bytes};
    job_op_create *op = fixture_request(&f);
    op->reuse_seed = "seed";
    op->inputs = &input;
    op->n_inputs = 1;
    op->batch_name = "b";
    op->hook = (job_hook){.url = "https://h/x", .host = "h", .events = JOB_HOOK_DEFAULT};
    op->hook_secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    job_op_free(&op->op);
    job_op_batch_get *batch = JOB_OP_NEW(JOB_OP_BATCH_GET, job_op_batch_get, NULL, NULL);
    batch->app = f.app;
    batch->name = "b";
    cr_assert_eq(fixture_run(&f, &batch->op), 0);
    cr_assert_eq(batch->queued, 0);
    cr_assert_eq(batch->succeeded, 1);
    job_op_free(&batch->op);
    job_op_hook_take *take = JOB_OP_NEW(JOB_OP_HOOK_TAKE, job_op_hook_take, NULL, NULL);
    take->busy = " ";
    take->lease_ms = FIXTURE_HOUR_MS;
    cr_assert_eq(fixture_run(&f, &take->op), 0);
    cr_assert_eq(take->n_messages, 1);
    cr_assert_str_eq(take->messages[0].type, "job.succeeded");
    job_op_free(&take->op);
}
