/*
 * Files and time: uploads, pins, garbage, sweeps, retention (spec jobs.md 2.5, 4.5, E4).
 */
#include "job_fixture.h"
#include "job_sweep.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "job_retry.h"
#include "rf_time.h"

static fixture f;
static rf_store *objects;
static char objects_url[96];

static const job_sweep_config sweeping = {
    .period_ms = 1000,
    .retention_ms = 14 * FIXTURE_DAY_MS,
    .idempotency_ms = FIXTURE_DAY_MS,
    .orphan_age_ms = 1800000,
    .orphan_period_ms = 900000,
};

static void set_up(void)
{
    rf_time_drive();
    fixture_open(&f);
    snprintf(objects_url, sizeof(objects_url), "dir:%s/objects", f.dir);
    cr_assert_eq(rf_store_open(objects_url, &objects), 0);
}

static void tear_down(void)
{
    rf_store_close(objects);
    RF_CLEANUP(rf_cleanup_free)
    char *command = rf_asprintf("rm -rf '%s/objects' '%s/bus'", f.dir, f.dir);
    cr_assert_eq(system(command), 0);
    fixture_close(&f);
}

TestSuite(files, .init = set_up, .fini = tear_down);

static void put(const char *key)
{
    rf_store_put *p;
    cr_assert_eq(rf_store_put_open(objects, key, 1000, 0, &p), 0);
    cr_assert_eq(rf_store_put_write(p, "data", 4), 0);
    cr_assert_eq(rf_store_put_commit(p), 0);
    rf_store_put_free(p);
}

static bool exists(const char *key)
{
    rf_store_info info;
    return rf_store_stat(objects, key, &info) == 0;
}

static int64_t sweep(void)
{
    int64_t n = job_sweep_due(f.store, objects, &sweeping);
    cr_assert_geq(n, 0);
    return n;
}

/* ---- uploads ---- */

/* An upload whose bytes have come and are on the disk. */
static void upload_whole(char id[RF_UUID_LEN], char key[128])
{
    fixture_upload(&f, id);
    cr_assert_eq(fixture_complete(&f, id, key), 0);
    put(key);
}

/* U4 */
Test(files, an_upload_is_kept_until_it_expires_and_its_object_goes_then)
{
    char id[RF_UUID_LEN];
    char key[128];
    upload_whole(id, key);
    fixture_advance(FIXTURE_DAY_MS - 1);
    sweep();
    cr_assert(exists(key));
    fixture_advance(1);
    cr_assert_eq(sweep(), 1);
    cr_assert_not(exists(key));
}

Test(files, an_upload_whose_put_never_came_leaves_nothing)
{
    char id[RF_UUID_LEN];
    char key[128];
    fixture_upload(&f, id);
    fixture_advance(FIXTURE_DAY_MS + 1);
    sweep();
    cr_assert_eq(fixture_complete(&f, id, key), -ENOENT);
}

Test(files, the_same_put_may_be_completed_twice_but_not_another)
{
    char id[RF_UUID_LEN];
    char key[128];
    char other[128];
    fixture_upload(&f, id);
    cr_assert_eq(fixture_complete(&f, id, key), 0);
    job_op_upload_complete *op =
        JOB_OP_NEW(JOB_OP_UPLOAD_COMPLETE, job_op_upload_complete, NULL, NULL);
    op->id = id;
    op->object_key = key;
    cr_assert_eq(fixture_run(&f, &op->op), 0, "the answer of the first was lost");
    job_op_free(&op->op);
    cr_assert_eq(fixture_complete(&f, id, other), -EEXIST);
}

static void create_on(const char *upload, char id[RF_UUID_LEN])
{
    const job_input input = {.param = "file", .upload_id = upload};
    job_op_create *op = fixture_request(&f);
    op->inputs = &input;
    op->n_inputs = 1;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    rf_copy_str(id, RF_UUID_LEN, op->id);
    job_op_free(&op->op);
}

Test(files, a_pinned_upload_outlives_its_expiry_until_the_job_is_done)
{
    char upload[RF_UUID_LEN];
    char key[128];
    char id[RF_UUID_LEN];
    upload_whole(upload, key);
    create_on(upload, id);
    uint64_t fence = fixture_claim_one(&f, "w", id);
    fixture_advance(FIXTURE_DAY_MS + 1);
    sweep();
    cr_assert(exists(key), "the job still needs it");
    cr_assert(fixture_succeed(&f, id, fence));
    sweep();
    cr_assert_not(exists(key));
}

/* C3 */
Test(files, uploads_keep_their_own_expiry_after_the_job)
{
    char upload[RF_UUID_LEN];
    char key[128];
    char id[RF_UUID_LEN];
    upload_whole(upload, key);
    create_on(upload, id);
    uint64_t fence = fixture_claim_one(&f, "w", id);
    cr_assert(fixture_succeed(&f, id, fence));
    sweep();
    cr_assert(exists(key));
    cr_assert_eq(fixture_delete(&f, id, false), 0);
    sweep();
    cr_assert(exists(key), "deleting the job alone leaves the upload");
}

/* C3 */
Test(files, deleting_with_uploads_removes_those_that_no_other_job_pins)
{
    char upload[RF_UUID_LEN];
    char key[128];
    char first[RF_UUID_LEN];
    char second[RF_UUID_LEN];
    upload_whole(upload, key);
    create_on(upload, first);
    create_on(upload, second);
    cr_assert_eq(fixture_delete(&f, first, true), 0);
    sweep();
    cr_assert(exists(key), "the second job pins it");
    cr_assert_eq(fixture_delete(&f, second, true), 0);
    sweep();
    cr_assert_not(exists(key));
}

/* R4 */
Test(files, a_dead_letter_keeps_its_input_pinned)
{
    char upload[RF_UUID_LEN];
    char key[128];
    char id[RF_UUID_LEN];
    upload_whole(upload, key);
    create_on(upload, id);
    for (int i = 0; i < 4; i++) {
        fixture_advance(300000);
        uint64_t fence = fixture_claim_one(&f, "w", id);
        cr_assert(fixture_fail(&f, id, fence, JOB_CODE_INTERNAL, "x"));
    }
    cr_assert_eq(fixture_state(&f, id), JOB_FAILED);
    fixture_advance(2 * FIXTURE_DAY_MS);
    sweep();
    cr_assert(exists(key));
}

Test(files, an_upload_of_another_application_is_a_missing_file)
{
    char upload[RF_UUID_LEN];
    char key[128];
    char id[RF_UUID_LEN];
    fixture_upload(&f, upload);
    cr_assert_eq(fixture_complete(&f, upload, key), 0);
    fixture_application(&f, "other", f.app);
    create_on(upload, id);
    job_op_claim *claim = fixture_claim(&f, "w", 1);
    cr_assert_str_eq(claim->claims[0].inputs[0].bad, "File not found.");
    job_op_free(&claim->op);
}

/* ---- results ---- */

static void publish_file(const char *id, uint64_t fence, const char *key)
{
    const job_result r = {
        .output = "out", .kind = JOB_RESULT_FILE, .object_key = key, .extension = "wav", .size = 4};
    cr_assert(fixture_publish(&f, id, fence, &r, 1));
}

/* C2 */
Test(files, results_go_with_their_job_and_everything_below_it)
{
    char id[RF_UUID_LEN];
    char key[128];
    char stray[128];
    fixture_create(&f, id);
    uint64_t fence = fixture_claim_one(&f, "w", id);
    snprintf(key, sizeof(key), "jobs/%s/1/out", id);
    snprintf(stray, sizeof(stray), "jobs/%s/1/stray", id);
    put(key);
    put(stray);
    publish_file(id, fence, key);
    sweep();
    cr_assert(exists(key));
    cr_assert_eq(fixture_delete(&f, id, false), 0);
    sweep();
    cr_assert_not(exists(key));
    cr_assert_not(exists(stray));
}

Test(files, e4_files_of_stale_attempts_go_when_the_job_is_done)
{
    char id[RF_UUID_LEN];
    char stale[128];
    char good[128];
    fixture_create(&f, id);
    fixture_claim_one(&f, "w", id);
    snprintf(stale, sizeof(stale), "jobs/%s/1/out", id);
    snprintf(good, sizeof(good), "jobs/%s/2/out", id);
    put(stale);
    fixture_advance(FIXTURE_LEASE_MS + 1);
    fixture_scan(&f, NULL);
    fixture_advance(5000);
    uint64_t fence = fixture_claim_one(&f, "w", id);
    put(good);
    publish_file(id, fence, good);
    sweep();
    cr_assert_not(exists(stale));
    cr_assert(exists(good));
}

/* C2 */
Test(files, a_worker_that_writes_after_the_deletion_is_swept_up_within_60_seconds)
{
    char id[RF_UUID_LEN];
    char key[128];
    fixture_create(&f, id);
    fixture_claim_one(&f, "w", id);
    cr_assert_eq(fixture_delete(&f, id, false), 0);
    sweep();
    snprintf(key, sizeof(key), "jobs/%s/1/late", id);
    put(key);
    fixture_advance(15000);
    sweep();
    fixture_advance(40000);
    sweep();
    cr_assert_not(exists(key));
}

Test(files, a_result_that_another_job_reads_survives_its_own_job)
{
    char first[RF_UUID_LEN];
    char second[RF_UUID_LEN];
    char key[128];
    fixture_create(&f, first);
    uint64_t fence = fixture_claim_one(&f, "w", first);
    snprintf(key, sizeof(key), "jobs/%s/1/out", first);
    put(key);
    publish_file(first, fence, key);
    const job_input input = {.param = "file", .job_id = first, .file_name = "out.wav"};
    job_op_create *op = fixture_request(&f);
    op->inputs = &input;
    op->n_inputs = 1;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    job_op_claim *claim = fixture_claim(&f, "w", 1);
    rf_copy_str(second, sizeof(second), claim->claims[0].id);
    cr_assert_str_eq(claim->claims[0].inputs[0].object_key, key);
    cr_assert_eq(fixture_delete(&f, first, false), 0);
    sweep();
    cr_assert(exists(key), "pinned by the second job");
    cr_assert(fixture_succeed(&f, second, claim->claims[0].fence));
    sweep();
    cr_assert_not(exists(key));
    job_op_free(&claim->op);
    job_op_free(&op->op);
}

/* E4 */
Test(files, orphans_are_found_once_they_are_old)
{
    static const char orphan[] = "jobs/00000000-0000-4000-8000-000000000000/1/x";
    char id[RF_UUID_LEN];
    char key[128];
    fixture_create(&f, id);
    fixture_claim_one(&f, "w", id);
    snprintf(key, sizeof(key), "jobs/%s/1/x", id);
    put(orphan);
    put(key);
    put("uploads/lost/x");
    cr_assert_eq(job_sweep_orphans(f.store, objects, &sweeping), 0, "too young");
    const job_sweep_config at_once = {.orphan_age_ms = -60000};
    cr_assert_eq(job_sweep_orphans(f.store, objects, &at_once), 2);
    cr_assert_not(exists(orphan));
    cr_assert_not(exists("uploads/lost/x"));
    cr_assert(exists(key), "its attempt is under way");
}

Test(files, nothing_is_removed_while_the_store_cannot_say)
{
    put("jobs/00000000-0000-4000-8000-000000000000/1/x");
    f.options.queue_max = 0;
    fixture_reopen(&f);
    const job_sweep_config at_once = {.orphan_age_ms = -60000};
    cr_assert_eq(job_sweep_orphans(f.store, objects, &at_once), 0);
    cr_assert(exists("jobs/00000000-0000-4000-8000-000000000000/1/x"));
    cr_assert_lt(job_sweep_due(f.store, objects, &sweeping), 0);
}

/* ---- retention ---- */

/* X11 */
Test(files, jobs_go_14_days_after_their_end)
{
    char done[RF_UUID_LEN];
    char waiting[RF_UUID_LEN];
    char key[128];
    fixture_create(&f, done);
    uint64_t fence = fixture_claim_one(&f, "w", done);
    fixture_create(&f, waiting);
    snprintf(key, sizeof(key), "jobs/%s/1/out", done);
    put(key);
    publish_file(done, fence, key);
    fixture_advance(14 * FIXTURE_DAY_MS - 1);
    sweep();
    cr_assert_eq(fixture_state(&f, done), JOB_SUCCEEDED);
    fixture_advance(1);
    sweep();
    cr_assert_eq(fixture_state(&f, done), JOB_NONE);
    sweep();
    cr_assert_not(exists(key));
    cr_assert_eq(fixture_state(&f, waiting), JOB_QUEUED, "a job that is not final stays");
}

/* X1 */
Test(files, idempotency_keys_are_forgotten_after_their_window)
{
    bool replayed = true;
    for (int round = 0; round < 2; round++) {
        job_op_create *op = fixture_request(&f);
        op->idempotency_key = "k";
        cr_assert_eq(fixture_run(&f, &op->op), 0);
        replayed = op->replayed;
        cr_assert_not(replayed, "round %d", round);
        job_op_free(&op->op);
        fixture_advance(FIXTURE_DAY_MS);
        sweep();
    }
}
