/*
 * Attempts: claims and fences, leases on a driven clock, retries, steps, results
 * (spec jobs.md 4.1-4.3, E1-E4, 4.5).
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

static void set_up(void)
{
    rf_time_drive();
    fixture_open(&f);
    fixture_create(&f, id);
}

static void tear_down(void)
{
    fixture_close(&f);
}

TestSuite(attempts, .init = set_up, .fini = tear_down);

/* ---- claims ---- */

/* E1 */
Test(attempts, a_claim_starts_the_job_and_raises_the_fence)
{
    char claimed[RF_UUID_LEN];
    int64_t created_ms = rf_time_wall_ms();
    fixture_advance(100);
    cr_assert_eq(fixture_claim_one(&f, "w1", claimed), 1);
    cr_assert_str_eq(claimed, id);
    job_op_get *got = fixture_get(&f, id);
    cr_assert_eq(got->job.state, JOB_STARTED);
    cr_assert_eq(got->job.created_ms, created_ms);
    cr_assert_eq(got->job.started_ms, created_ms + 100);
    cr_assert_eq(got->job.n_attempts, 1);
    cr_assert_eq(got->job.attempts[0].state, JOB_ATTEMPT_LEASED);
    cr_assert_str_eq(got->job.attempts[0].worker, "w1");
    job_op_free(&got->op);
}

Test(attempts, a_claimed_job_is_not_claimed_again)
{
    char claimed[RF_UUID_LEN];
    fixture_claim_one(&f, "w1", claimed);
    job_op_claim *none = fixture_claim(&f, "w2", 10);
    cr_assert_eq(none->n_claims, 0);
    job_op_free(&none->op);
}

Test(attempts, claims_come_in_order_of_creation_up_to_the_number_asked_for)
{
    char ids[5][RF_UUID_LEN];
    memcpy(ids[0], id, sizeof(id));
    for (size_t i = 1; i < 5; i++) {
        fixture_create(&f, ids[i]);
    }
    job_op_claim *claim = fixture_claim(&f, "w", 3);
    cr_assert_eq(claim->n_claims, 3);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_str_eq(claim->claims[i].id, ids[i]);
        cr_assert_eq(claim->claims[i].fence, 1);
    }
    job_op_free(&claim->op);
    claim = fixture_claim(&f, "w", 3);
    cr_assert_eq(claim->n_claims, 2);
    job_op_free(&claim->op);
}

Test(attempts, a_pool_gets_its_own_jobs_only)
{
    job_op_create *op = fixture_request(&f);
    op->pool = JOB_POOL_GPU;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    job_op_claim *cpu = fixture_claim(&f, "w", 10);
    cr_assert_eq(cpu->n_claims, 1);
    cr_assert_str_eq(cpu->claims[0].id, id);
    job_op_free(&cpu->op);
    job_op_claim *gpu = JOB_OP_NEW(JOB_OP_CLAIM, job_op_claim, NULL, NULL);
    gpu->worker = "g";
    gpu->pool = JOB_POOL_GPU;
    gpu->max = 10;
    gpu->lease_ms = FIXTURE_LEASE_MS;
    cr_assert_eq(fixture_run(&f, &gpu->op), 0);
    cr_assert_eq(gpu->n_claims, 1);
    cr_assert_str_eq(gpu->claims[0].id, op->id);
    job_op_free(&gpu->op);
    job_op_free(&op->op);
}

Test(attempts, a_claim_carries_what_the_worker_needs)
{
    const job_input inputs[] = {{.param = "inputUrl", .url = "https://h/x.mp3"},
                                {.param = "second", .bad = JOB_TEXT_FILE_NOT_FOUND}};
    const job_target targets[] = {{.output = "out", .url = "https://h/put"}};
    fixture_delete(&f, id, false);
    job_op_create *op = fixture_request(&f);
    op->inputs = inputs;
    op->n_inputs = 2;
    op->targets = targets;
    op->n_targets = 1;
    op->limit_s = 77;
    op->request_id = "req-1";
    op->traceparent = "00-trace";
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    job_op_claim *claim = fixture_claim(&f, "w", 1);
    const job_claim *c = &claim->claims[0];
    cr_assert_str_eq(c->params, "{\"a\":1}");
    cr_assert_str_eq(c->document, "{\"slug\":\"fixture\"}");
    cr_assert_eq(c->limit_s, 77);
    cr_assert_str_eq(c->request_id, "req-1");
    cr_assert_str_eq(c->traceparent, "00-trace");
    cr_assert_eq(c->n_inputs, 2);
    cr_assert_str_eq(c->inputs[0].url, "https://h/x.mp3");
    cr_assert_str_eq(c->inputs[1].bad, "File not found.");
    cr_assert_eq(c->n_targets, 1);
    cr_assert_str_eq(c->targets[0].url, "https://h/put");
    cr_assert_eq(c->n_done, 0);
    job_op_free(&claim->op);
    job_op_free(&op->op);
}

/* ---- success ---- */

Test(attempts, a_success_publishes_the_result_once)
{
    uint64_t fence = fixture_claim_one(&f, "w", id);
    char key[128];
    snprintf(key, sizeof(key), "jobs/%s/1/abc", id);
    const job_result results[] = {
        {.output = "Kick drum",
         .kind = JOB_RESULT_FILE,
         .object_key = key,
         .extension = "wav",
         .content_type = "audio/wav",
         .size = 44},
        {.output = "bpm", .kind = JOB_RESULT_TEXT, .text = "64"},
        {.output = "copied", .kind = JOB_RESULT_CUSTOM},
    };
    fixture_advance(250);
    cr_assert(fixture_publish(&f, id, fence, results, 3));
    job_op_get *got = fixture_get(&f, id);
    cr_assert_eq(got->job.state, JOB_SUCCEEDED);
    cr_assert_eq(got->job.completed_ms, rf_time_wall_ms());
    cr_assert_eq(got->job.n_results, 3);
    cr_assert_str_eq(got->job.results[0].output, "Kick drum");
    cr_assert_str_eq(got->job.results[0].object_key, key);
    cr_assert_eq(got->job.results[0].size, 44);
    cr_assert_str_eq(got->job.results[1].text, "64");
    cr_assert_eq(got->job.results[2].kind, JOB_RESULT_CUSTOM);
    cr_assert_eq(got->job.attempts[0].state, JOB_ATTEMPT_DONE);
    job_op_free(&got->op);
    cr_assert(fixture_key_used(&f, key));
}

Test(attempts, e1_a_repeat_of_an_accepted_finish_is_accepted_and_changes_nothing)
{
    uint64_t fence = fixture_claim_one(&f, "w", id);
    cr_assert(fixture_succeed(&f, id, fence));
    fixture_advance(1000);
    cr_assert(fixture_succeed(&f, id, fence));
    cr_assert_not(fixture_fail(&f, id, fence, JOB_CODE_INTERNAL, "x"),
                  "another outcome is refused");
    job_op_get *got = fixture_get(&f, id);
    cr_assert_eq(got->job.state, JOB_SUCCEEDED);
    cr_assert_eq(got->job.completed_ms, rf_time_wall_ms() - 1000);
    cr_assert_eq(got->job.n_attempts, 1);
    job_op_free(&got->op);
}

Test(attempts, e1_an_old_fence_is_refused_everywhere)
{
    uint64_t old = fixture_claim_one(&f, "w1", id);
    fixture_advance(FIXTURE_LEASE_MS + 1);
    cr_assert_eq(fixture_scan(&f, NULL), 1);
    fixture_advance(5000);
    uint64_t new = fixture_claim_one(&f, "w2", id);
    cr_assert_eq(new, old + 1);
    cr_assert(fixture_beat(&f, id, old, "s", 1), "heartbeat");
    cr_assert_not(fixture_succeed(&f, id, old), "success");
    cr_assert_not(fixture_fail(&f, id, old, JOB_CODE_BAD_INPUT, "x"), "failure");
    cr_assert_not(fixture_release(&f, id, old), "release");
    cr_assert_eq(fixture_state(&f, id), JOB_STARTED);
    cr_assert_not(fixture_beat(&f, id, new, "s", 1));
    cr_assert(fixture_succeed(&f, id, new));
    cr_assert_eq(fixture_state(&f, id), JOB_SUCCEEDED);
}

/* E4 */
Test(attempts, a_file_outside_the_attempt_is_not_published)
{
    static const char *const keys[] = {"uploads/a/b", "jobs/x/1/y",
                                       "jobs/00000000-0000-4000-8000-000000000000/1/y"};
    for (size_t i = 0; i < RF_ARRAY_LEN(keys); i++) {
        char job[RF_UUID_LEN];
        fixture_create(&f, job);
        const job_result r = {
            .output = "out", .kind = JOB_RESULT_FILE, .object_key = keys[i], .extension = "wav"};
        job_op_claim *claim = fixture_claim(&f, "w", 10);
        const job_claim *c = &claim->claims[claim->n_claims - 1];
        cr_assert(fixture_publish(&f, c->id, c->fence, &r, 1));
        cr_assert_eq(fixture_state(&f, c->id), JOB_STARTED, "the attempt failed and is retried");
        job_op_free(&claim->op);
    }
}

Test(attempts, an_output_given_twice_fails_the_attempt)
{
    uint64_t fence = fixture_claim_one(&f, "w", id);
    const job_result twice[] = {{.output = "a", .kind = JOB_RESULT_TEXT, .text = "1"},
                                {.output = "a", .kind = JOB_RESULT_TEXT, .text = "2"}};
    cr_assert(fixture_publish(&f, id, fence, twice, 2));
    cr_assert_eq(fixture_state(&f, id), JOB_STARTED);
}

/* ---- failure and retries ---- */

static void expect_failed(const char *code, const char *message)
{
    job_op_get *got = fixture_get(&f, id);
    cr_assert_eq(got->job.state, JOB_FAILED);
    cr_assert_str_eq(got->job.code, code);
    cr_assert_str_eq(got->job.message, message);
    cr_assert_neq(got->job.completed_ms, 0);
    cr_assert_eq(got->job.n_results, 0);
    job_op_free(&got->op);
}

/* R1 */
Test(attempts, bad_input_ends_the_job_at_once)
{
    uint64_t fence = fixture_claim_one(&f, "w", id);
    cr_assert(fixture_fail(&f, id, fence, JOB_CODE_BAD_INPUT, "File not found."));
    expect_failed("BAD_INPUT", "File not found.");
}

static void expect_four_attempts(const char *code, const char *message)
{
    for (int attempt = 1; attempt <= 4; attempt++) {
        cr_assert_eq(fixture_state(&f, id), attempt == 1 ? JOB_QUEUED : JOB_STARTED,
                     "a job that started stays STARTED between attempts");
        fixture_advance(300000);
        uint64_t fence = fixture_claim_one(&f, "w", id);
        cr_assert_eq(fence, (uint64_t)attempt);
        cr_assert(fixture_fail(&f, id, fence, code, message));
    }
    expect_failed(code, message);
    fixture_advance(FIXTURE_DAY_MS);
    job_op_claim *none = fixture_claim(&f, "w", 1);
    cr_assert_eq(none->n_claims, 0);
    job_op_free(&none->op);
}

/* R2 */
Test(attempts, an_internal_error_is_retried_three_times)
{
    expect_four_attempts(JOB_CODE_INTERNAL, "Step 'beats' failed.");
}

/* R2, F9 */
Test(attempts, a_timeout_is_retried_three_times)
{
    expect_four_attempts(JOB_CODE_TIMEOUT, "The job ran longer than 1800 seconds.");
}

Test(attempts, the_start_time_stays_that_of_the_first_attempt)
{
    int64_t first_ms = rf_time_wall_ms();
    uint64_t fence = fixture_claim_one(&f, "w", id);
    cr_assert(fixture_fail(&f, id, fence, JOB_CODE_INTERNAL, "x"));
    fixture_advance(300000);
    fixture_claim_one(&f, "w", id);
    job_op_get *got = fixture_get(&f, id);
    cr_assert_eq(got->job.started_ms, first_ms);
    job_op_free(&got->op);
}

/* R1, F6 */
Test(attempts, the_first_decoder_crash_is_retried_and_the_second_is_bad_input)
{
    uint64_t fence = fixture_claim_one(&f, "w", id);
    cr_assert(fixture_crash(&f, id, fence));
    cr_assert_eq(fixture_state(&f, id), JOB_STARTED);
    fixture_advance(300000);
    fence = fixture_claim_one(&f, "w", id);
    cr_assert(fixture_crash(&f, id, fence));
    expect_failed("BAD_INPUT", "The input could not be decoded.");
}

Test(attempts, the_history_of_attempts_is_kept)
{
    uint64_t fence = fixture_claim_one(&f, "w1", id);
    cr_assert(fixture_fail(&f, id, fence, JOB_CODE_TIMEOUT, "x"));
    fixture_advance(300000);
    fence = fixture_claim_one(&f, "w2", id);
    cr_assert_not(fixture_beat(&f, id, fence, "beats", 40));
    fixture_advance(FIXTURE_LEASE_MS + 1);
    fixture_scan(&f, NULL);
    fixture_advance(300000);
    fence = fixture_claim_one(&f, "w3", id);
    cr_assert(fixture_release(&f, id, fence));
    fence = fixture_claim_one(&f, "w4", id);
    cr_assert_not(fixture_beat(&f, id, fence, "chords", 10));
    job_op_get *got = fixture_get(&f, id);
    const job_attempt *a = got->job.attempts;
    cr_assert_eq(got->job.n_attempts, 4);
    cr_assert_eq(a[0].state, JOB_ATTEMPT_ERROR);
    cr_assert_str_eq(a[0].code, "TIMEOUT");
    cr_assert_str_eq(a[0].worker, "w1");
    cr_assert_str_eq(a[0].step, "step");
    cr_assert_eq(a[1].state, JOB_ATTEMPT_LOST);
    cr_assert_str_eq(a[1].step, "beats");
    cr_assert_eq(a[2].state, JOB_ATTEMPT_RELEASED);
    cr_assert_null(a[2].code);
    cr_assert_eq(a[3].state, JOB_ATTEMPT_RUNNING);
    cr_assert_eq(got->job.percent, 10);
    cr_assert_str_eq(got->job.step, "chords");
    job_op_free(&got->op);
}

/* ---- leases ---- */

Test(attempts, e2_heartbeats_keep_a_lease_for_as_long_as_they_come)
{
    uint64_t fence = fixture_claim_one(&f, "w", id);
    for (int i = 0; i < 100; i++) {
        fixture_advance(10000);
        cr_assert_not(fixture_beat(&f, id, fence, "s", 1));
        cr_assert_eq(fixture_scan(&f, NULL), 0);
    }
    cr_assert(fixture_succeed(&f, id, fence));
}

Test(attempts, e2_a_lease_lasts_30_seconds)
{
    fixture_claim_one(&f, "w", id);
    fixture_advance(FIXTURE_LEASE_MS);
    cr_assert_eq(fixture_scan(&f, NULL), 0, "not before its end");
    fixture_advance(1);
    cr_assert_eq(fixture_scan(&f, NULL), 1);
    cr_assert_eq(fixture_state(&f, id), JOB_STARTED);
}

/* F8 */
Test(attempts, a_worker_killed_again_and_again_uses_up_the_retries)
{
    for (int attempt = 1; attempt <= 4; attempt++) {
        fixture_advance(300000);
        fixture_claim_one(&f, "w", id);
        fixture_advance(FIXTURE_LEASE_MS + 1);
        cr_assert_eq(fixture_scan(&f, NULL), 1);
    }
    expect_failed("INTERNAL_ERROR", "The job was interrupted too often.");
}

Test(attempts, e2_a_lost_lease_is_followed_within_5_seconds_of_jitter)
{
    fixture_claim_one(&f, "w", id);
    fixture_advance(FIXTURE_LEASE_MS + 1);
    cr_assert_eq(fixture_scan(&f, NULL), 1);
    fixture_advance(5000);
    cr_assert_eq(fixture_claim_one(&f, "w2", id), 2);
}

Test(attempts, e3_heartbeats_do_not_extend_the_total_time)
{
    uint64_t fence = fixture_claim_one(&f, "w", id);
    size_t lost = 0;
    for (int i = 0; i < 200 && lost == 0; i++) {
        fixture_advance(10000);
        (void)fixture_beat(&f, id, fence, "s", 1);
        lost = fixture_scan(&f, NULL);
    }
    cr_assert_eq(lost, 1);
    job_op_get *got = fixture_get(&f, id);
    cr_assert_str_eq(got->job.attempts[0].code, "TIMEOUT");
    int64_t ran_ms = got->job.attempts[0].ended_ms - got->job.attempts[0].started_ms;
    cr_assert_geq(ran_ms, 1800000);
    cr_assert_leq(ran_ms, 1850000);
    job_op_free(&got->op);
}

Test(attempts, e6_a_release_raises_the_fence_and_uses_no_retry)
{
    for (int i = 1; i <= 10; i++) {
        uint64_t fence = fixture_claim_one(&f, "w", id);
        cr_assert_eq(fence, (uint64_t)i);
        cr_assert(fixture_release(&f, id, fence));
        cr_assert(fixture_release(&f, id, fence), "a repeat is accepted");
    }
    cr_assert_eq(fixture_state(&f, id), JOB_STARTED);
    uint64_t fence = fixture_claim_one(&f, "w", id);
    cr_assert(fixture_succeed(&f, id, fence));
}

Test(attempts, progress_never_falls_within_an_attempt)
{
    static const uint32_t given[] = {10, 5, 40, 30, 100, 1000};
    static const uint32_t shown[] = {10, 10, 40, 40, 100, 100};
    uint64_t fence = fixture_claim_one(&f, "w", id);
    for (size_t i = 0; i < RF_ARRAY_LEN(given); i++) {
        cr_assert_not(fixture_beat(&f, id, fence, "s", given[i]));
        job_op_get *got = fixture_get(&f, id);
        cr_assert_eq(got->job.percent, shown[i]);
        job_op_free(&got->op);
    }
}

/* F9 */
Test(attempts, a_job_not_started_in_time_fails)
{
    size_t expired;
    fixture_advance(FIXTURE_DAY_MS);
    cr_assert_eq(fixture_scan(&f, &expired), 0);
    cr_assert_eq(expired, 0);
    fixture_advance(1);
    cr_assert_eq(fixture_scan(&f, &expired), 0);
    cr_assert_eq(expired, 1);
    expect_failed("TIMEOUT", "The job was not started within 86400 seconds.");
    job_op_claim *none = fixture_claim(&f, "w", 1);
    cr_assert_eq(none->n_claims, 0);
    job_op_free(&none->op);
}

Test(attempts, a_job_that_waits_for_its_retry_is_not_counted_as_not_started)
{
    size_t expired;
    uint64_t fence = fixture_claim_one(&f, "w", id);
    cr_assert(fixture_fail(&f, id, fence, JOB_CODE_INTERNAL, "x"));
    fixture_advance(2 * FIXTURE_DAY_MS);
    fixture_scan(&f, &expired);
    cr_assert_eq(expired, 0);
    fixture_claim_one(&f, "w", id);
}

/* ---- steps ---- */

static int step_done(uint64_t fence, const char *step, const char *port, const char *key)
{
    const job_step_output out = {
        .step = step, .port = port, .object_key = key, .size = 7, .text = ""};
    job_op_step_done *op = JOB_OP_NEW(JOB_OP_STEP_DONE, job_op_step_done, NULL, NULL);
    op->id = id;
    op->fence = fence;
    op->outputs = &out;
    op->n_outputs = 1;
    int err = fixture_run(&f, &op->op);
    job_op_free(&op->op);
    return err;
}

Test(attempts, e5_durable_steps_are_given_to_the_next_attempt)
{
    char key[128];
    uint64_t fence = fixture_claim_one(&f, "w", id);
    snprintf(key, sizeof(key), "jobs/%s/1/dec", id);
    cr_assert_eq(step_done(fence, "dec", "audio", key), 0);
    cr_assert_eq(step_done(fence, "dec", "audio", key), 0, "a repeat is fine");
    cr_assert(fixture_fail(&f, id, fence, JOB_CODE_INTERNAL, "x"));
    fixture_advance(300000);
    job_op_claim *claim = fixture_claim(&f, "w2", 1);
    cr_assert_eq(claim->claims[0].n_done, 1);
    cr_assert_str_eq(claim->claims[0].done[0].step, "dec");
    cr_assert_str_eq(claim->claims[0].done[0].object_key, key);
    cr_assert_eq(claim->claims[0].done[0].size, 7);
    const job_result r = {
        .output = "out", .kind = JOB_RESULT_FILE, .object_key = key, .extension = "wav"};
    cr_assert(fixture_publish(&f, id, claim->claims[0].fence, &r, 1), "it may become the result");
    cr_assert_eq(fixture_state(&f, id), JOB_SUCCEEDED);
    job_op_free(&claim->op);
}

Test(attempts, steps_of_an_old_fence_or_a_foreign_key_are_refused)
{
    char key[128];
    snprintf(key, sizeof(key), "jobs/%s/1/dec", id);
    cr_assert_eq(step_done(1, "dec", "audio", key), -ESTALE, "not claimed yet");
    uint64_t fence = fixture_claim_one(&f, "w", id);
    cr_assert_eq(step_done(fence + 1, "dec", "audio", key), -ESTALE);
    cr_assert_eq(step_done(fence, "dec", "audio", "jobs/other/1/dec"), -EPERM);
    snprintf(key, sizeof(key), "jobs/%s/2/dec", id);
    cr_assert_eq(step_done(fence, "dec", "audio", key), -EPERM);
}

Test(attempts, e4_files_of_a_live_attempt_are_in_use_and_those_of_stale_ones_are_not)
{
    char first[128];
    char second[128];
    fixture_claim_one(&f, "w", id);
    snprintf(first, sizeof(first), "jobs/%s/1/x", id);
    snprintf(second, sizeof(second), "jobs/%s/2/x", id);
    cr_assert(fixture_key_used(&f, first));
    cr_assert_not(fixture_key_used(&f, second));
    fixture_advance(FIXTURE_LEASE_MS + 1);
    fixture_scan(&f, NULL);
    fixture_advance(300000);
    fixture_claim_one(&f, "w", id);
    cr_assert_not(fixture_key_used(&f, first));
    cr_assert(fixture_key_used(&f, second));
    cr_assert_not(fixture_key_used(&f, "jobs/nonsense"));
    cr_assert_not(fixture_key_used(&f, "uploads/x"));
}

/* ---- cancel and delete ---- */

/* C1, R1, F14 */
Test(attempts, cancelling_a_queued_job_fails_it)
{
    job_state state;
    cr_assert_eq(fixture_cancel(&f, id, &state), 0);
    cr_assert_eq(state, JOB_FAILED);
    expect_failed("CANCELLED", "The job was cancelled.");
    job_op_claim *none = fixture_claim(&f, "w", 1);
    cr_assert_eq(none->n_claims, 0);
    job_op_free(&none->op);
}

/* C1 */
Test(attempts, cancelling_a_started_job_takes_it_from_its_worker)
{
    job_state state;
    uint64_t fence = fixture_claim_one(&f, "w", id);
    cr_assert_eq(fixture_cancel(&f, id, &state), 0);
    cr_assert(fixture_beat(&f, id, fence, "s", 1), "the worker learns it at its next heartbeat");
    cr_assert_not(fixture_succeed(&f, id, fence));
    cr_assert_not(fixture_release(&f, id, fence));
    expect_failed("CANCELLED", "The job was cancelled.");
}

Test(attempts, cancelling_a_job_between_attempts_ends_it)
{
    job_state state;
    uint64_t fence = fixture_claim_one(&f, "w", id);
    cr_assert(fixture_fail(&f, id, fence, JOB_CODE_INTERNAL, "x"));
    cr_assert_eq(fixture_cancel(&f, id, &state), 0);
    fixture_advance(FIXTURE_DAY_MS);
    job_op_claim *none = fixture_claim(&f, "w", 1);
    cr_assert_eq(none->n_claims, 0);
    job_op_free(&none->op);
}

/* C1, X7 */
Test(attempts, cancelling_a_final_job_changes_nothing)
{
    job_state state;
    uint64_t fence = fixture_claim_one(&f, "w", id);
    cr_assert(fixture_succeed(&f, id, fence));
    cr_assert_eq(fixture_cancel(&f, id, &state), 0);
    cr_assert_eq(state, JOB_SUCCEEDED);
    cr_assert_eq(fixture_state(&f, id), JOB_SUCCEEDED);
}

/* C2 */
Test(attempts, deleting_a_job_in_any_state_makes_it_unknown_and_its_worker_lose_it)
{
    uint64_t fence = fixture_claim_one(&f, "w", id);
    cr_assert_eq(fixture_delete(&f, id, false), 0);
    cr_assert_null(fixture_get(&f, id));
    cr_assert(fixture_beat(&f, id, fence, "s", 1));
    cr_assert_not(fixture_succeed(&f, id, fence));
    cr_assert_eq(fixture_delete(&f, id, false), -ENOENT);
    char other[RF_UUID_LEN];
    fixture_create(&f, other);
    cr_assert_eq(fixture_delete(&f, other, false), 0);
    job_op_claim *none = fixture_claim(&f, "w", 1);
    cr_assert_eq(none->n_claims, 0);
    job_op_free(&none->op);
}

Test(attempts, final_jobs_do_not_change_whatever_comes)
{
    job_state state;
    uint64_t fence = fixture_claim_one(&f, "w", id);
    cr_assert(fixture_succeed(&f, id, fence));
    cr_assert_not(fixture_fail(&f, id, fence, JOB_CODE_BAD_INPUT, "x"));
    cr_assert_not(fixture_succeed(&f, id, fence + 1));
    cr_assert(fixture_beat(&f, id, fence, "s", 1));
    fixture_cancel(&f, id, &state);
    fixture_advance(10 * FIXTURE_DAY_MS);
    fixture_scan(&f, NULL);
    fixture_reopen(&f);
    cr_assert_eq(fixture_state(&f, id), JOB_SUCCEEDED);
}
