/*
 * When the next attempt comes (spec jobs.md 4.3), on a driven clock through real operations: the
 * window of each retry, what counts as one and what does not, and when there is none.
 */
#include "job_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "job_retry.h"
#include "rf_time.h"

#define SAMPLES 120

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

TestSuite(retries, .init = set_up, .fini = tear_down);

/* ---- ways of losing an attempt ---- */

static void by_error(const char *id, uint64_t fence)
{
    cr_assert(fixture_fail(&f, id, fence, JOB_CODE_INTERNAL, "Step 'beats' failed."));
}

static void by_timeout(const char *id, uint64_t fence)
{
    cr_assert(fixture_fail(&f, id, fence, JOB_CODE_TIMEOUT, "The job ran longer than 60 seconds."));
}

static void by_silence(const char *id, uint64_t fence)
{
    (void)id;
    (void)fence;
    fixture_advance(FIXTURE_LEASE_MS + 1);
    cr_assert_geq(fixture_scan(&f, NULL), 1);
}

static void by_crash(const char *id, uint64_t fence)
{
    cr_assert(fixture_crash(&f, id, fence));
}

static void by_bad_input(const char *id, uint64_t fence)
{
    cr_assert(fixture_fail(&f, id, fence, JOB_CODE_BAD_INPUT, "x"));
}

static void by_release(const char *id, uint64_t fence)
{
    cr_assert(fixture_release(&f, id, fence));
}

typedef void (*way)(const char *id, uint64_t fence);

/* Claims as many jobs as wait now. */
static size_t claim_waiting(void)
{
    job_op_claim *op = fixture_claim(&f, "w", JOB_CLAIM_MAX);
    size_t n = op->n_claims;
    job_op_free(&op->op);
    return n;
}

static uint64_t claim_again(char id[RF_UUID_LEN])
{
    fixture_advance(FIXTURE_HOUR_MS);
    return fixture_claim_one(&f, "w", id);
}

/* ---- windows ---- */

/* Fails each of many jobs n times; returns when the last failure was, for all of them at once. */
static void fail_all(unsigned n)
{
    char id[RF_UUID_LEN];
    for (int i = 0; i < SAMPLES; i++) {
        fixture_create(&f, id);
    }
    for (unsigned round = 0; round < n; round++) {
        job_op_claim *op = fixture_claim(&f, "w", SAMPLES);
        cr_assert_eq(op->n_claims, SAMPLES);
        for (size_t i = 0; i < SAMPLES; i++) {
            by_error(op->claims[i].id, op->claims[i].fence);
        }
        job_op_free(&op->op);
        if (round + 1 < n) {
            fixture_advance(FIXTURE_HOUR_MS);
        }
    }
}

/* R3 */
Test(retries, each_retry_has_its_window_and_is_spread_over_all_of_it)
{
    static const int64_t windows_ms[JOB_RETRIES_MAX] = {5000, 10000, 20000};
    for (unsigned n = 1; n <= JOB_RETRIES_MAX; n++) {
        int64_t window_ms = windows_ms[n - 1];
        size_t quarter[4];
        fail_all(n);
        cr_assert_lt(claim_waiting(), SAMPLES / 20, "retry %u comes at once", n);
        for (size_t q = 0; q < RF_ARRAY_LEN(quarter); q++) {
            fixture_advance(window_ms / 4);
            quarter[q] = claim_waiting();
            cr_assert_gt(quarter[q], SAMPLES / 10, "retry %u, quarter %zu: %zu", n, q, quarter[q]);
            cr_assert_lt(quarter[q], SAMPLES / 2, "retry %u, quarter %zu: %zu", n, q, quarter[q]);
        }
        cr_assert_eq(fixture_count(&f, 1u << JOB_STARTED), SAMPLES, "they stay STARTED");
        cr_assert_eq(claim_waiting(), 0, "retry %u: none is later than its window", n);
        fixture_close(&f);
        fixture_open(&f);
    }
}

Test(retries, waiting_jobs_are_claimed_in_the_order_in_which_they_fall_due)
{
    fail_all(1);
    int64_t before_ms = 0;
    for (int step = 0; step < 100; step++) {
        fixture_advance(50);
        job_op_claim *op = fixture_claim(&f, "w", JOB_CLAIM_MAX);
        cr_assert_geq(rf_time_wall_ms(), before_ms);
        before_ms = rf_time_wall_ms();
        job_op_free(&op->op);
    }
    cr_assert_eq(claim_waiting(), 0);
}

Test(retries, a_job_that_waits_for_a_retry_keeps_no_other_from_starting)
{
    char first[RF_UUID_LEN];
    char second[RF_UUID_LEN];
    char got[RF_UUID_LEN];
    fixture_create(&f, first);
    by_error(first, fixture_claim_one(&f, "w", got));
    fixture_create(&f, second);
    fixture_advance(1);
    fixture_claim_one(&f, "w", got);
    if (strcmp(got, second) != 0) { /* the retry was due within the millisecond */
        fixture_claim_one(&f, "w", got);
    }
    cr_assert_str_eq(got, second);
}

/* ---- budgets ---- */

static const struct {
    const char *name;
    way ways[6];
    size_t n_ways;
    job_state state; /* after all of them */
    const char *code;
    const char *message;
    bool dead;
} budgets[] = {
    {"four errors",
     {by_error, by_error, by_error, by_error},
     4,
     JOB_FAILED,
     "INTERNAL_ERROR",
     "Step 'beats' failed.",
     true},
    {"three errors", {by_error, by_error, by_error}, 3, JOB_STARTED, NULL, NULL, false},
    {"four timeouts",
     {by_timeout, by_timeout, by_timeout, by_timeout},
     4,
     JOB_FAILED,
     "TIMEOUT",
     "The job ran longer than 60 seconds.",
     true},
    {"four silent workers",
     {by_silence, by_silence, by_silence, by_silence},
     4,
     JOB_FAILED,
     "INTERNAL_ERROR",
     "The job was interrupted too often.",
     true},
    {"all kinds share one budget",
     {by_error, by_timeout, by_silence, by_timeout},
     4,
     JOB_FAILED,
     "TIMEOUT",
     "The job ran longer than 60 seconds.",
     true},
    {"the last one gives code and message",
     {by_timeout, by_error, by_error, by_silence},
     4,
     JOB_FAILED,
     "INTERNAL_ERROR",
     "The job was interrupted too often.",
     true},
    {"releases are free",
     {by_release, by_release, by_release, by_release, by_release},
     5,
     JOB_STARTED,
     NULL,
     NULL,
     false},
    {"releases between errors",
     {by_error, by_release, by_error, by_release, by_error, by_error},
     6,
     JOB_FAILED,
     "INTERNAL_ERROR",
     "Step 'beats' failed.",
     true},
    {"two crashes of a decoder",
     {by_crash, by_crash},
     2,
     JOB_FAILED,
     "BAD_INPUT",
     "The input could not be decoded.",
     false},
    {"crashes that are not in a row",
     {by_crash, by_error, by_crash},
     3,
     JOB_FAILED,
     "BAD_INPUT",
     "The input could not be decoded.",
     false},
    {"one crash is an error like others",
     {by_crash, by_error, by_error, by_error},
     4,
     JOB_FAILED,
     "INTERNAL_ERROR",
     "Step 'beats' failed.",
     true},
    {"a last crash",
     {by_error, by_error, by_error, by_crash},
     4,
     JOB_FAILED,
     "INTERNAL_ERROR",
     "Step 'dec' failed.",
     true},
    {"bad input at once", {by_bad_input}, 1, JOB_FAILED, "BAD_INPUT", "x", false},
    {"bad input after errors",
     {by_error, by_silence, by_bad_input},
     3,
     JOB_FAILED,
     "BAD_INPUT",
     "x",
     false},
};

static size_t n_dead(void)
{
    job_op_stats *op = JOB_OP_NEW(JOB_OP_STATS, job_op_stats, NULL, NULL);
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    size_t n = 0;
    for (size_t i = 0; i < op->n_dead; i++) {
        n += (size_t)op->dead[i].n;
    }
    job_op_free(&op->op);
    return n;
}

/* R1, R2, R4, F6 */
Test(retries, four_attempts_in_all_whatever_they_died_of)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(budgets); i++) {
        char id[RF_UUID_LEN];
        size_t dead = n_dead();
        fixture_create(&f, id);
        for (size_t k = 0; k < budgets[i].n_ways; k++) {
            uint64_t fence = claim_again(id);
            cr_assert_eq(fence, k + 1, "%s", budgets[i].name);
            budgets[i].ways[k](id, fence);
        }
        job_op_get *got = fixture_get(&f, id);
        cr_assert_eq(got->job.state, budgets[i].state, "%s", budgets[i].name);
        cr_assert_eq(got->job.n_attempts, budgets[i].n_ways, "%s", budgets[i].name);
        if (budgets[i].code != NULL) {
            cr_assert_str_eq(got->job.code, budgets[i].code, "%s", budgets[i].name);
            cr_assert_str_eq(got->job.message, budgets[i].message, "%s", budgets[i].name);
        }
        cr_assert_eq(n_dead() - dead, budgets[i].dead, "%s", budgets[i].name);
        job_op_free(&got->op);
        cr_assert_eq(fixture_delete(&f, id, false), 0);
    }
}

/* ---- what ends the waiting ---- */

Test(retries, cancelling_or_deleting_a_waiting_job_leaves_nothing_to_claim)
{
    char id[RF_UUID_LEN];
    job_state state;
    for (int round = 0; round < 2; round++) {
        fixture_create(&f, id);
        by_error(id, claim_again(id));
        if (round == 0) {
            cr_assert_eq(fixture_cancel(&f, id, &state), 0);
            cr_assert_eq(state, JOB_FAILED);
        } else {
            cr_assert_eq(fixture_delete(&f, id, false), 0);
        }
        fixture_advance(FIXTURE_HOUR_MS);
        cr_assert_eq(claim_waiting(), 0);
    }
}

Test(retries, a_retry_waits_over_a_restart_of_the_store)
{
    char id[RF_UUID_LEN];
    fixture_create(&f, id);
    by_error(id, claim_again(id));
    fixture_reopen(&f);
    fixture_advance(5000);
    cr_assert_eq(fixture_claim_one(&f, "w", id), 2);
}
