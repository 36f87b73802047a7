/*
 * Custom storage and own files in the store (spec jobs.md 2.5): uploads that a job will write, what
 * becomes of them at its end, and inputs that come from uploads and results.
 */
#include "job_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "job_retry.h"
#include "rf_time.h"

static fixture f;
static char id[RF_UUID_LEN];
static char upload[RF_UUID_LEN];

static void set_up(void)
{
    rf_time_drive();
    fixture_open(&f);
    fixture_upload(&f, upload);
}

static void tear_down(void)
{
    fixture_close(&f);
}

TestSuite(storage, .init = set_up, .fini = tear_down);

/* A job of an application whose output "out" goes to the upload; returns its fence once claimed. */
static uint64_t start_writing(const char *app, const char *to)
{
    job_op_create *op = fixture_request(&f);
    const job_target target = {.output = "out", .upload_id = to};
    op->app = app;
    op->targets = &target;
    op->n_targets = 1;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    job_op_free(&op->op);
    return fixture_claim_one(&f, "w", id);
}

static bool publish(uint64_t fence, char key[128])
{
    snprintf(key, 128, "jobs/%s/%llu/out", id, (unsigned long long)fence);
    const job_result result = {.output = "out",
                               .kind = JOB_RESULT_FILE,
                               .object_key = key,
                               .extension = "wav",
                               .content_type = "audio/wav",
                               .size = 5};
    return fixture_publish(&f, id, fence, &result, 1);
}

static job_op_upload_get *look_up(const char *which)
{
    job_op_upload_get *op = JOB_OP_NEW(JOB_OP_UPLOAD_GET, job_op_upload_get, NULL, NULL);
    op->id = which;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    return op;
}

static bool is_used(const char *which)
{
    job_op_upload_get *op = look_up(which);
    bool used = op->used;
    job_op_free(&op->op);
    return used;
}

/* What the worker is told of the job's one bad input; "" when there is none. */
static void bad_of(job_op_create *op, char *out, size_t size)
{
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    job_op_claim *claim = fixture_claim(&f, "w", 1);
    cr_assert_eq(claim->n_claims, 1);
    rf_copy_str(out, size, "");
    for (size_t i = 0; i < claim->claims[0].n_inputs; i++) {
        if (claim->claims[0].inputs[i].bad != NULL) {
            snprintf(out, size, "%s: %s", claim->claims[0].inputs[i].param,
                     claim->claims[0].inputs[i].bad);
        }
    }
    cr_assert(fixture_fail(&f, claim->claims[0].id, 1, JOB_CODE_BAD_INPUT, "x"));
    job_op_free(&claim->op);
    job_op_free(&op->op);
}

/* ---- results that go to an upload ---- */

Test(storage, an_upload_is_reserved_until_the_job_wrote_it)
{
    char key[128];
    uint64_t fence = start_writing(f.app, upload);
    cr_assert(is_used(upload));
    cr_assert_eq(fixture_complete(&f, upload, key), -EEXIST, "no PUT comes between");
    cr_assert(publish(fence, key));
    job_op_upload_get *up = look_up(upload);
    cr_assert_str_eq(up->object_key, key);
    cr_assert_eq(up->size, 5);
    job_op_free(&up->op);
    job_op_get *got = fixture_get(&f, id);
    cr_assert_eq(got->job.results[0].kind, JOB_RESULT_CUSTOM);
    cr_assert_null(got->job.results[0].object_key, "the upload has it now");
    job_op_free(&got->op);
}

/* U5, U8 */
Test(storage, a_repeat_of_the_write_by_the_same_job_is_accepted)
{
    char key[128];
    uint64_t fence = start_writing(f.app, upload);
    cr_assert(publish(fence, key));
    cr_assert(publish(fence, key), "a retry meets no 409");
}

Test(storage, the_attempt_that_succeeds_writes_it_not_the_one_that_was_lost)
{
    char key[128];
    uint64_t first = start_writing(f.app, upload);
    fixture_advance(FIXTURE_LEASE_MS + 1);
    cr_assert_eq(fixture_scan(&f, NULL), 1);
    cr_assert_not(publish(first, key), "E1");
    fixture_advance(FIXTURE_HOUR_MS / 2);
    uint64_t second = fixture_claim_one(&f, "w", id);
    cr_assert(publish(second, key));
    job_op_upload_get *up = look_up(upload);
    cr_assert_str_eq(up->object_key, key);
    job_op_free(&up->op);
}

static void by_failure(uint64_t fence)
{
    cr_assert(fixture_fail(&f, id, fence, JOB_CODE_BAD_INPUT, "x"));
}

static void by_cancel(uint64_t fence)
{
    job_state state;
    (void)fence;
    cr_assert_eq(fixture_cancel(&f, id, &state), 0);
}

static void by_delete(uint64_t fence)
{
    (void)fence;
    cr_assert_eq(fixture_delete(&f, id, false), 0);
}

Test(storage, an_upload_that_was_not_written_may_be_used_again)
{
    static void (*const ends[])(uint64_t) = {by_failure, by_cancel, by_delete};
    for (size_t i = 0; i < RF_ARRAY_LEN(ends); i++) {
        ends[i](start_writing(f.app, upload));
        cr_assert_not(is_used(upload), "end %zu", i);
    }
    char key[128];
    cr_assert(publish(start_writing(f.app, upload), key), "by another job");
    cr_assert(is_used(upload));
}

Test(storage, the_bytes_outlive_the_job_that_wrote_them)
{
    char key[128];
    cr_assert(publish(start_writing(f.app, upload), key));
    cr_assert_eq(fixture_delete(&f, id, false), 0);
    cr_assert(fixture_key_used(&f, key));
    job_op_upload_get *up = look_up(upload);
    cr_assert_str_eq(up->object_key, key);
    job_op_free(&up->op);
}

Test(storage, a_target_that_cannot_be_had_is_a_bad_input_named_by_its_output)
{
    char full[RF_UUID_LEN];
    char foreign[RF_UUID_LEN];
    char key[128];
    char mine[RF_UUID_LEN];
    char other[RF_UUID_LEN];
    fixture_upload(&f, full);
    cr_assert_eq(fixture_complete(&f, full, key), 0);
    fixture_application(&f, "other", other);
    memcpy(mine, f.app, sizeof(mine));
    memcpy(f.app, other, sizeof(mine));
    fixture_upload(&f, foreign);
    memcpy(f.app, mine, sizeof(mine));
    const char *const targets[] = {full, foreign, "00000000-0000-4000-8000-000000000000", ""};
    for (size_t i = 0; i < RF_ARRAY_LEN(targets); i++) {
        char bad[128];
        job_op_create *op = fixture_request(&f);
        const job_target target = {.output = "Kick drum", .upload_id = targets[i]};
        op->targets = &target;
        op->n_targets = 1;
        bad_of(op, bad, sizeof(bad));
        cr_assert_str_eq(bad, "copyResultsTo.Kick drum: File not found.", "row %zu", i);
    }
    cr_assert_not(is_used(foreign), "S7: nothing happened to what is another's");
}

Test(storage, an_upload_url_that_ran_out_is_no_target)
{
    char bad[128];
    job_op_create *op = fixture_request(&f);
    const job_target target = {.output = "out", .upload_id = upload};
    op->targets = &target;
    op->n_targets = 1;
    fixture_advance(FIXTURE_HOUR_MS);
    bad_of(op, bad, sizeof(bad));
    cr_assert_str_eq(bad, "copyResultsTo.out: File not found.");
}

Test(storage, two_outputs_cannot_share_an_upload)
{
    char bad[128];
    const job_target targets[] = {{.output = "one", .upload_id = upload},
                                  {.output = "two", .upload_id = upload}};
    job_op_create *op = fixture_request(&f);
    op->targets = targets;
    op->n_targets = RF_ARRAY_LEN(targets);
    bad_of(op, bad, sizeof(bad));
    cr_assert_str_eq(bad, "copyResultsTo.two: File not found.");
}

/* ---- inputs ---- */

/* U5 */
Test(storage, inputs_are_pinned_when_the_job_is_accepted)
{
    char key[128];
    cr_assert_eq(fixture_complete(&f, upload, key), 0);
    job_op_create *op = fixture_request(&f);
    const job_input input = {.param = "inputUrl", .upload_id = upload};
    op->inputs = &input;
    op->n_inputs = 1;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    fixture_advance(2 * FIXTURE_DAY_MS); /* the upload has expired since */
    job_op_claim *claim = fixture_claim(&f, "w", 1);
    cr_assert_str_eq(claim->claims[0].inputs[0].object_key, key);
    cr_assert_null(claim->claims[0].inputs[0].bad);
    job_op_free(&claim->op);
    job_op_free(&op->op);
}

Test(storage, the_result_of_a_job_is_an_input_of_another_of_the_same_application)
{
    char key[128];
    char file[RF_UUID_LEN];
    char target_less[RF_UUID_LEN];
    fixture_create(&f, target_less);
    uint64_t fence = fixture_claim_one(&f, "w", id);
    cr_assert(publish(fence, key));
    rf_copy_str(file, sizeof(file), id);
    static const struct {
        const char *name;
        bool found;
    } rows[] = {{"out.wav", true}, {"out.mp3", false}, {"OUT.wav", false},
                {"out", false},    {"", false},        {"../out.wav", false}};
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        char bad[128];
        job_op_create *op = fixture_request(&f);
        const job_input input = {.param = "in", .job_id = file, .file_name = rows[i].name};
        op->inputs = &input;
        op->n_inputs = 1;
        bad_of(op, bad, sizeof(bad));
        cr_assert_str_eq(bad, rows[i].found ? "" : "in: File not found.", "%s", rows[i].name);
    }
    char other[RF_UUID_LEN];
    char bad[128];
    fixture_application(&f, "other", other);
    job_op_create *op = fixture_request(&f);
    const job_input input = {.param = "in", .job_id = file, .file_name = "out.wav"};
    op->app = other;
    op->inputs = &input;
    op->n_inputs = 1;
    bad_of(op, bad, sizeof(bad));
    cr_assert_str_eq(bad, "in: File not found.", "S7");
}
