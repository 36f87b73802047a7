/*
 * The metrics of spec jobs.md section 8, as the Prometheus text shows them after real operations.
 */
#include "job_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "job_retry.h"
#include "rf_metric.h"
#include "rf_time.h"

#define ABSENT (-1.0)
#define SHIPPED "music-ai/generate-chords"

static fixture f;
static char id[RF_UUID_LEN];

static void set_up(void)
{
    rf_time_drive();
    fixture_open(&f);
    f.metrics = job_metrics_new();
    job_metrics_workflow(f.metrics, SHIPPED, JOB_POOL_CPU);
    job_metrics_workflow(f.metrics, "reflection/jam", JOB_POOL_JAM);
}

static void tear_down(void)
{
    fixture_close(&f);
    job_metrics_free(f.metrics);
}

TestSuite(metrics, .init = set_up, .fini = tear_down);

/* The value of a series as it is written, ABSENT when it is not. */
static double value(const char *series)
{
    rf_buf text;
    double found = ABSENT;
    rf_buf_init(&text, 1 << 20);
    rf_metric_write(&text);
    const char *at = rf_buf_str(&text);
    size_t len = strlen(series);
    while (at != NULL && found == ABSENT) {
        if (strncmp(at, series, len) == 0 && at[len] == ' ') {
            found = strtod(at + len, NULL);
        }
        at = strchr(at, '\n');
        at = at == NULL ? NULL : at + 1;
    }
    rf_buf_done(&text);
    return found;
}

static void expect(const char *series, double wanted)
{
    double found = value(series);
    cr_assert_float_eq(found, wanted, 1e-9, "%s is %g, not %g", series, found, wanted);
}

static void create_in(const char *workflow, job_pool pool)
{
    job_op_create *op = fixture_request(&f);
    op->workflow = workflow;
    op->pool = pool;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    rf_copy_str(id, sizeof(id), op->id);
    job_op_free(&op->op);
}

static uint64_t start(void)
{
    create_in(SHIPPED, JOB_POOL_CPU);
    return fixture_claim_one(&f, "worker", id);
}

/* Reads the store and sets the gauges, as the scan does. */
static void refresh(void)
{
    job_op_stats *op = JOB_OP_NEW(JOB_OP_STATS, job_op_stats, NULL, NULL);
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    job_metrics_stats(f.metrics, op, rf_time_wall_ms());
    job_op_free(&op->op);
}

/* ---- series that exist from the start ---- */

Test(metrics, every_series_of_a_shipped_workflow_is_there_before_its_first_job)
{
    static const char *const series[] = {
        "reflection_job_attempts_total{workflow=\"" SHIPPED "\",outcome=\"done\"}",
        "reflection_job_attempts_total{workflow=\"" SHIPPED "\",outcome=\"bad_input\"}",
        "reflection_job_attempts_total{workflow=\"" SHIPPED "\",outcome=\"internal_error\"}",
        "reflection_job_attempts_total{workflow=\"" SHIPPED "\",outcome=\"timeout\"}",
        "reflection_job_attempts_total{workflow=\"" SHIPPED "\",outcome=\"lost\"}",
        "reflection_job_attempts_total{workflow=\"" SHIPPED "\",outcome=\"released\"}",
        "reflection_job_attempts_total{workflow=\"" SHIPPED "\",outcome=\"cancelled\"}",
        "reflection_job_attempts_total{workflow=\"user\",outcome=\"done\"}",
        "reflection_jobs_finished_total{workflow=\"" SHIPPED "\",status=\"SUCCEEDED\",code=\"\"}",
        "reflection_jobs_finished_total{workflow=\"" SHIPPED
        "\",status=\"FAILED\",code=\"TIMEOUT\"}",
        "reflection_jobs_dead_letter{workflow=\"" SHIPPED "\"}",
        "reflection_jobs_dead_letter{workflow=\"user\"}",
        "reflection_job_wait_seconds_count{pool=\"cpu\",workflow=\"" SHIPPED "\"}",
        "reflection_job_run_seconds_count{pool=\"jam\",workflow=\"reflection/jam\"}",
        "reflection_job_leases_lost_total{pool=\"gpu\"}",
        "reflection_job_fenced_writes_total{pool=\"t2v\"}",
        "reflection_job_fenced_writes_total{pool=\"deleted\"}",
        "reflection_jobs_queued{pool=\"cpu\"}",
        "reflection_jobs_running{pool=\"jam\"}",
        "reflection_job_oldest_queued_age_seconds{pool=\"cpu\"}",
        "reflection_outbox_unsent",
        "reflection_outbox_oldest_age_seconds",
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(series); i++) {
        expect(series[i], 0);
    }
    cr_assert_eq(value("reflection_job_wait_seconds_count{pool=\"gpu\",workflow=\"" SHIPPED "\"}"),
                 ABSENT, "a workflow has the series of its own pool");
}

/* ---- durations ---- */

/* M2 */
Test(metrics, a_wait_lasts_from_the_request_to_the_first_claim)
{
    create_in(SHIPPED, JOB_POOL_CPU);
    fixture_advance(2500);
    uint64_t fence = fixture_claim_one(&f, "worker", id);
    expect("reflection_job_wait_seconds_count{pool=\"cpu\",workflow=\"" SHIPPED "\"}", 1);
    expect("reflection_job_wait_seconds_sum{pool=\"cpu\",workflow=\"" SHIPPED "\"}", 2.5);
    cr_assert(fixture_release(&f, id, fence));
    fixture_claim_one(&f, "worker", id);
    expect("reflection_job_wait_seconds_count{pool=\"cpu\",workflow=\"" SHIPPED "\"}", 1);
}

/* M2 */
Test(metrics, a_run_lasts_from_the_first_claim_to_the_end_over_all_attempts)
{
    uint64_t fence = start();
    fixture_advance(1000);
    cr_assert(fixture_release(&f, id, fence));
    fixture_advance(2000);
    fence = fixture_claim_one(&f, "worker", id);
    fixture_advance(4000);
    expect("reflection_job_run_seconds_count{pool=\"cpu\",workflow=\"" SHIPPED "\"}", 0);
    cr_assert(fixture_succeed(&f, id, fence));
    expect("reflection_job_run_seconds_count{pool=\"cpu\",workflow=\"" SHIPPED "\"}", 1);
    expect("reflection_job_run_seconds_sum{pool=\"cpu\",workflow=\"" SHIPPED "\"}", 7);
}

Test(metrics, a_job_that_never_ran_has_no_run)
{
    job_state state;
    create_in(SHIPPED, JOB_POOL_CPU);
    cr_assert_eq(fixture_cancel(&f, id, &state), 0);
    expect("reflection_job_run_seconds_count{pool=\"cpu\",workflow=\"" SHIPPED "\"}", 0);
    expect("reflection_jobs_finished_total{workflow=\"" SHIPPED
           "\",status=\"FAILED\",code=\"CANCELLED\"}",
           1);
}

Test(metrics, a_workflow_in_another_pool_gets_its_series_when_it_runs_there)
{
    create_in(SHIPPED, JOB_POOL_GPU);
    job_op_claim *op = JOB_OP_NEW(JOB_OP_CLAIM, job_op_claim, NULL, NULL);
    op->worker = "worker";
    op->pool = JOB_POOL_GPU;
    op->max = 1;
    op->lease_ms = FIXTURE_LEASE_MS;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    job_op_free(&op->op);
    expect("reflection_job_wait_seconds_count{pool=\"gpu\",workflow=\"" SHIPPED "\"}", 1);
}

/* ---- how attempts and jobs end ---- */

static void by_success(uint64_t fence)
{
    cr_assert(fixture_succeed(&f, id, fence));
}

static void by_bad_input(uint64_t fence)
{
    cr_assert(fixture_fail(&f, id, fence, JOB_CODE_BAD_INPUT, "x"));
}

static void by_error(uint64_t fence)
{
    cr_assert(fixture_fail(&f, id, fence, JOB_CODE_INTERNAL, "x"));
}

static void by_unknown_code(uint64_t fence)
{
    cr_assert(fixture_fail(&f, id, fence, "SOMETHING", "x"));
}

static void by_crash(uint64_t fence)
{
    cr_assert(fixture_crash(&f, id, fence));
}

static void by_timeout(uint64_t fence)
{
    cr_assert(fixture_fail(&f, id, fence, JOB_CODE_TIMEOUT, "x"));
}

static void by_silence(uint64_t fence)
{
    (void)fence;
    fixture_advance(FIXTURE_LEASE_MS + 1);
    cr_assert_eq(fixture_scan(&f, NULL), 1);
}

static void by_release(uint64_t fence)
{
    cr_assert(fixture_release(&f, id, fence));
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

static const struct {
    const char *how;
    void (*end)(uint64_t fence);
    const char *outcome;
    const char *status; /* of the job, NULL: it goes on */
    const char *code;
} ends[] = {
    {"success", by_success, "done", "SUCCEEDED", ""},
    {"bad input", by_bad_input, "bad_input", "FAILED", "BAD_INPUT"},
    {"error", by_error, "internal_error", NULL, NULL},
    {"a code nobody knows", by_unknown_code, "internal_error", NULL, NULL},
    {"decoder crash", by_crash, "internal_error", NULL, NULL},
    {"timeout", by_timeout, "timeout", NULL, NULL},
    {"a silent worker", by_silence, "lost", NULL, NULL},
    {"release", by_release, "released", NULL, NULL},
    {"cancel", by_cancel, "cancelled", "FAILED", "CANCELLED"},
    {"deletion", by_delete, "cancelled", "FAILED", "CANCELLED"},
};

static double total_of(const char *name)
{
    double total = 0;
    rf_buf text;
    rf_buf_init(&text, 1 << 20);
    rf_metric_write(&text);
    for (const char *at = rf_buf_str(&text); at != NULL; at = strchr(at, '\n')) {
        at += *at == '\n';
        const char *end = strchr(at, '}');
        if (strncmp(at, name, strlen(name)) == 0 && end != NULL) {
            total += strtod(end + 1, NULL);
        }
    }
    rf_buf_done(&text);
    return total;
}

/* M3 */
Test(metrics, each_end_of_an_attempt_is_counted_once_under_its_outcome)
{
    char series[256];
    for (size_t i = 0; i < RF_ARRAY_LEN(ends); i++) {
        double attempts = total_of("reflection_job_attempts_total{");
        double finished = total_of("reflection_jobs_finished_total{");
        snprintf(series, sizeof(series),
                 "reflection_job_attempts_total{workflow=\"" SHIPPED "\",outcome=\"%s\"}",
                 ends[i].outcome);
        double before = value(series);
        ends[i].end(start());
        expect(series, before + 1);
        cr_assert_eq(total_of("reflection_job_attempts_total{"), attempts + 1, "%s", ends[i].how);
        cr_assert_eq(total_of("reflection_jobs_finished_total{"),
                     finished + (ends[i].status != NULL), "%s", ends[i].how);
        if (ends[i].status != NULL) {
            snprintf(series, sizeof(series),
                     "reflection_jobs_finished_total{workflow=\"" SHIPPED
                     "\",status=\"%s\",code=\"%s\"}",
                     ends[i].status, ends[i].code);
            cr_assert_geq(value(series), 1, "%s", series);
        } else {
            cr_assert_eq(fixture_delete(&f, id, false), 0);
        }
    }
}

Test(metrics, a_job_not_started_in_time_is_final_without_an_attempt)
{
    size_t expired;
    create_in(SHIPPED, JOB_POOL_CPU);
    fixture_advance(FIXTURE_DAY_MS + 1);
    fixture_scan(&f, &expired);
    cr_assert_eq(expired, 1);
    expect("reflection_jobs_finished_total{workflow=\"" SHIPPED
           "\",status=\"FAILED\",code=\"TIMEOUT\"}",
           1);
    cr_assert_eq(total_of("reflection_job_attempts_total{"), 0);
}

Test(metrics, an_attempt_beyond_its_total_time_is_a_timeout_and_no_lost_lease)
{
    uint64_t fence = start();
    for (int i = 0; i < 1840; i += 10) { /* limit_s of the fixture's jobs, and the grace */
        fixture_advance(10000);
        cr_assert_not(fixture_beat(&f, id, fence, "s", 1));
    }
    cr_assert_eq(fixture_scan(&f, NULL), 1);
    expect("reflection_job_attempts_total{workflow=\"" SHIPPED "\",outcome=\"timeout\"}", 1);
    expect("reflection_job_leases_lost_total{pool=\"cpu\"}", 0);
}

/* M4 */
Test(metrics, lost_leases_are_counted_by_pool)
{
    by_silence(start());
    by_silence(start());
    expect("reflection_job_leases_lost_total{pool=\"cpu\"}", 2);
    expect("reflection_job_leases_lost_total{pool=\"gpu\"}", 0);
}

/* ---- labels ---- */

/* M5 */
Test(metrics, a_workflow_that_is_not_shipped_is_called_user)
{
    create_in("acme/secret-project", JOB_POOL_CPU);
    uint64_t fence = fixture_claim_one(&f, "worker", id);
    cr_assert(fixture_succeed(&f, id, fence));
    expect("reflection_jobs_finished_total{workflow=\"user\",status=\"SUCCEEDED\",code=\"\"}", 1);
    expect("reflection_job_run_seconds_count{pool=\"cpu\",workflow=\"user\"}", 1);
    rf_buf text;
    rf_buf_init(&text, 1 << 20);
    rf_metric_write(&text);
    cr_assert_null(strstr(rf_buf_str(&text), "acme"), "no label holds a user's text");
    rf_buf_done(&text);
}

/* ---- refused writes ---- */

Test(metrics, e1_each_write_with_an_old_fence_is_counted)
{
    uint64_t fence = start();
    by_silence(fence);
    fixture_advance(FIXTURE_HOUR_MS);
    uint64_t current = fixture_claim_one(&f, "another", id);
    cr_assert(fixture_beat(&f, id, fence, "s", 1));
    cr_assert_not(fixture_succeed(&f, id, fence));
    expect("reflection_job_fenced_writes_total{pool=\"cpu\"}", 2);
    const job_step_output output = {.step = "s", .port = "p", .text = "t"};
    job_op_step_done *op = JOB_OP_NEW(JOB_OP_STEP_DONE, job_op_step_done, NULL, NULL);
    op->id = id;
    op->fence = fence;
    op->outputs = &output;
    op->n_outputs = 1;
    cr_assert_lt(fixture_run(&f, &op->op), 0);
    job_op_free(&op->op);
    expect("reflection_job_fenced_writes_total{pool=\"cpu\"}", 3);
    cr_assert(fixture_succeed(&f, id, current));
    cr_assert(fixture_succeed(&f, id, current), "a repeat is no stale write");
    expect("reflection_job_fenced_writes_total{pool=\"cpu\"}", 3);
}

Test(metrics, writes_for_a_deleted_job_have_no_pool)
{
    uint64_t fence = start();
    by_delete(fence);
    cr_assert_not(fixture_succeed(&f, id, fence));
    expect("reflection_job_fenced_writes_total{pool=\"deleted\"}", 1);
}

/* ---- gauges ---- */

/* M1 */
Test(metrics, gauges_follow_what_waits_and_runs)
{
    create_in(SHIPPED, JOB_POOL_CPU);
    fixture_advance(3000);
    create_in(SHIPPED, JOB_POOL_CPU);
    create_in("reflection/jam", JOB_POOL_JAM);
    fixture_advance(1000);
    refresh();
    expect("reflection_jobs_queued{pool=\"cpu\"}", 2);
    expect("reflection_jobs_queued{pool=\"jam\"}", 1);
    expect("reflection_job_oldest_queued_age_seconds{pool=\"cpu\"}", 4);
    expect("reflection_job_oldest_queued_age_seconds{pool=\"jam\"}", 1);
    expect("reflection_job_oldest_queued_age_seconds{pool=\"gpu\"}", 0);
    expect("reflection_outbox_unsent", 3);
    expect("reflection_outbox_oldest_age_seconds", 4);
    fixture_claim_one(&f, "worker", id);
    refresh();
    expect("reflection_jobs_queued{pool=\"cpu\"}", 1);
    expect("reflection_jobs_running{pool=\"cpu\"}", 1);
    expect("reflection_job_oldest_queued_age_seconds{pool=\"cpu\"}", 1);
}

Test(metrics, a_retry_in_the_future_is_not_an_old_one)
{
    by_error(start());
    refresh();
    expect("reflection_jobs_queued{pool=\"cpu\"}", 1);
    expect("reflection_job_oldest_queued_age_seconds{pool=\"cpu\"}", 0);
}

static void use_up_retries(void)
{
    for (int i = 0; i <= JOB_RETRIES_MAX; i++) {
        uint64_t fence = i == 0 ? start() : fixture_claim_one(&f, "worker", id);
        by_error(fence);
        fixture_advance(FIXTURE_HOUR_MS);
    }
    cr_assert_eq(fixture_state(&f, id), JOB_FAILED);
}

/* M5 */
Test(metrics, dead_letters_are_counted_by_workflow_until_they_are_deleted)
{
    use_up_retries();
    use_up_retries();
    refresh();
    expect("reflection_jobs_dead_letter{workflow=\"" SHIPPED "\"}", 2);
    expect("reflection_jobs_dead_letter{workflow=\"user\"}", 0);
    expect("reflection_jobs_finished_total{workflow=\"" SHIPPED
           "\",status=\"FAILED\",code=\"INTERNAL_ERROR\"}",
           2);
    cr_assert_eq(fixture_delete(&f, id, false), 0);
    refresh();
    expect("reflection_jobs_dead_letter{workflow=\"" SHIPPED "\"}", 1);
}
