/*
 * Webhooks in the store: messages written with the change they tell of, taken by one sender at a
 * time, and the secrets that sign them (spec jobs.md section 5, webhook rules).
 */
#include "job_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "job_retry.h"
#include "rf_time.h"

#define LEASE_MS 60000
#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define ALL (JOB_HOOK_STARTED | JOB_HOOK_SUCCEEDED | JOB_HOOK_FAILED)

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

TestSuite(hooks, .init = set_up, .fini = tear_down);

static void create(unsigned events, const char *host, char id[RF_UUID_LEN])
{
    char url[128];
    snprintf(url, sizeof(url), "https://%s/hook", host);
    job_op_create *op = fixture_request(&f);
    op->metadata = "{\"k\":1}";
    op->hook = (job_hook){.url = url, .host = host, .events = events};
    op->hook_secret = SECRET;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    rf_copy_str(id, RF_UUID_LEN, op->id);
    job_op_free(&op->op);
}

static job_op_hook_take *take(const char *busy)
{
    job_op_hook_take *op = JOB_OP_NEW(JOB_OP_HOOK_TAKE, job_op_hook_take, NULL, NULL);
    op->busy = busy;
    op->lease_ms = LEASE_MS;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    return op;
}

static void settle(const char *id, bool done, bool tried, int64_t due_ms)
{
    job_op_hook_settle *op = JOB_OP_NEW(JOB_OP_HOOK_SETTLE, job_op_hook_settle, NULL, NULL);
    op->id = id;
    op->done = done;
    op->tried = tried;
    op->due_ms = due_ms;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    job_op_free(&op->op);
}

/* Takes the one message that is due, of that type, and has done with it. */
static void expect_one(const char *id, const char *type, job_state status)
{
    job_op_hook_take *op = take(" ");
    cr_assert_eq(op->n_messages, 1, "%s", type);
    const job_hook_message *m = &op->messages[0];
    char name[80];
    snprintf(name, sizeof(name), "%s/%s", id, type);
    cr_assert_str_eq(m->id, name);
    cr_assert_str_eq(m->type, type);
    cr_assert_str_eq(m->app, f.app);
    cr_assert_str_eq(m->job, id);
    cr_assert_eq(m->status, status);
    cr_assert_null(m->batch_name);
    cr_assert_str_eq(m->metadata, "{\"k\":1}");
    cr_assert_str_eq(m->url, "https://h.example/hook");
    cr_assert_eq(m->attempts, 0);
    settle(m->id, true, true, 0);
    job_op_free(&op->op);
}

static void expect_none(void)
{
    job_op_hook_take *op = take(" ");
    cr_assert_eq(op->n_messages, 0);
    job_op_free(&op->op);
}

static uint64_t claim(void)
{
    char claimed[RF_UUID_LEN];
    return fixture_claim_one(&f, "w", claimed);
}

/* W4 */
Test(hooks, each_change_that_is_wanted_is_told_once)
{
    char id[RF_UUID_LEN];
    create(ALL, "h.example", id);
    expect_none();
    uint64_t fence = claim();
    expect_one(id, "job.started", JOB_STARTED);
    cr_assert(fixture_succeed(&f, id, fence));
    cr_assert(fixture_succeed(&f, id, fence), "a repeat");
    expect_one(id, "job.succeeded", JOB_SUCCEEDED);
    expect_none();
}

/* X8 */
Test(hooks, succeeded_and_failed_are_told_by_default)
{
    char id[RF_UUID_LEN];
    create(JOB_HOOK_DEFAULT, "h.example", id);
    claim();
    expect_none();
    cr_assert(fixture_fail(&f, id, 1, JOB_CODE_BAD_INPUT, "x"));
    expect_one(id, "job.failed", JOB_FAILED);
}

/* W4 */
Test(hooks, every_way_in_which_a_job_fails_is_told)
{
    char id[RF_UUID_LEN];
    job_state state;
    create(JOB_HOOK_DEFAULT, "h.example", id);
    cr_assert_eq(fixture_cancel(&f, id, &state), 0);
    expect_one(id, "job.failed", JOB_FAILED);
    create(JOB_HOOK_DEFAULT, "h.example", id);
    fixture_advance(FIXTURE_DAY_MS + 1000);
    size_t expired = 0;
    fixture_scan(&f, &expired);
    cr_assert_eq(expired, 1);
    expect_one(id, "job.failed", JOB_FAILED);
    create(JOB_HOOK_DEFAULT, "h.example", id);
    claim();
    cr_assert_eq(fixture_delete(&f, id, false), 0);
    expect_one(id, "job.failed", JOB_FAILED);
}

Test(hooks, a_retry_is_no_second_start)
{
    char id[RF_UUID_LEN];
    create(ALL, "h.example", id);
    claim();
    expect_one(id, "job.started", JOB_STARTED);
    cr_assert(fixture_fail(&f, id, 1, JOB_CODE_INTERNAL, "x"));
    expect_none();
    fixture_advance(FIXTURE_HOUR_MS);
    claim();
    expect_none();
}

Test(hooks, a_job_without_a_hook_writes_nothing)
{
    char id[RF_UUID_LEN];
    fixture_create(&f, id);
    cr_assert(fixture_succeed(&f, id, claim()));
    expect_none();
}

Test(hooks, a_message_taken_is_anothers_only_after_its_time)
{
    char id[RF_UUID_LEN];
    create(JOB_HOOK_DEFAULT, "h.example", id);
    cr_assert(fixture_succeed(&f, id, claim()));
    job_op_hook_take *op = take(" ");
    cr_assert_eq(op->n_messages, 1);
    job_op_free(&op->op);
    expect_none();
    fixture_reopen(&f); /* whoever had it is gone */
    expect_none();
    fixture_advance(LEASE_MS);
    expect_one(id, "job.succeeded", JOB_SUCCEEDED);
}

/* W1, W3 */
Test(hooks, what_is_tried_again_keeps_its_id_and_counts_its_attempts)
{
    char id[RF_UUID_LEN];
    create(JOB_HOOK_DEFAULT, "h.example", id);
    cr_assert(fixture_succeed(&f, id, claim()));
    for (uint32_t i = 0; i < 3; i++) {
        job_op_hook_take *op = take(" ");
        cr_assert_eq(op->n_messages, 1);
        cr_assert_eq(op->messages[0].attempts, i);
        settle(op->messages[0].id, false, true, rf_time_wall_ms() + 5000);
        job_op_free(&op->op);
        op = take(" ");
        cr_assert_eq(op->n_messages, 0);
        cr_assert_leq(op->next_ms, rf_time_wall_ms() + 5000);
        job_op_free(&op->op);
        fixture_advance(5000);
    }
    job_op_hook_take *op = take(" ");
    settle(op->messages[0].id, false, false, rf_time_wall_ms());
    job_op_free(&op->op);
    op = take(" ");
    cr_assert_eq(op->messages[0].attempts, 3, "one that was not tried does not count");
    job_op_free(&op->op);
}

Test(hooks, a_host_that_is_busy_holds_up_no_other)
{
    char id[RF_UUID_LEN];
    for (int i = 0; i < 3; i++) {
        create(JOB_HOOK_DEFAULT, "slow.example", id);
        cr_assert(fixture_succeed(&f, id, claim()));
    }
    create(JOB_HOOK_DEFAULT, "h.example:8443", id);
    cr_assert(fixture_succeed(&f, id, claim()));
    job_op_hook_take *op = take(" slow.example ");
    cr_assert_eq(op->n_messages, 1);
    cr_assert_str_eq(op->messages[0].host, "h.example:8443");
    cr_assert_geq(op->next_ms, rf_time_wall_ms() + LEASE_MS, "the busy one is not asked for");
    job_op_free(&op->op);
    op = take(" ");
    cr_assert_eq(op->n_messages, 1, "one of a host at a time");
    job_op_free(&op->op);
}

Test(hooks, a_410_forgets_what_waits_and_what_would_come)
{
    char gone[RF_UUID_LEN];
    char id[RF_UUID_LEN];
    create(ALL, "gone.example", gone);
    claim();
    create(ALL, "h.example", id);
    claim();
    job_op_hook_gone *op = JOB_OP_NEW(JOB_OP_HOOK_GONE, job_op_hook_gone, NULL, NULL);
    op->app = f.app;
    op->url = "https://gone.example/hook";
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    job_op_free(&op->op);
    expect_one(id, "job.started", JOB_STARTED);
    cr_assert(fixture_succeed(&f, gone, 1));
    expect_none();
}

/* ---- secrets ---- */

static job_op_hook_secrets *secrets_of(const char *app, int *ret_err)
{
    job_op_hook_secrets *op = JOB_OP_NEW(JOB_OP_HOOK_SECRETS, job_op_hook_secrets, NULL, NULL);
    op->app = app;
    *ret_err = fixture_run(&f, &op->op);
    return op;
}

static int64_t rotate(const char *secret)
{
    job_op_hook_rotate *op = JOB_OP_NEW(JOB_OP_HOOK_ROTATE, job_op_hook_rotate, NULL, NULL);
    op->app = f.app;
    op->secret = secret;
    op->overlap_ms = FIXTURE_DAY_MS;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    int64_t until_ms = op->previous_until_ms;
    job_op_free(&op->op);
    fixture_advance(1);
    return until_ms;
}

static void expect_secrets(size_t n, const char *first, const char *second)
{
    int err;
    job_op_hook_secrets *op = secrets_of(f.app, &err);
    cr_assert_eq(err, n > 0 ? 0 : -ENOENT);
    cr_assert_eq(op->n_secrets, n);
    cr_assert(n < 1 || strcmp(op->secrets[0], first) == 0);
    cr_assert(n < 2 || strcmp(op->secrets[1], second) == 0);
    job_op_free(&op->op);
}

/* W1 */
Test(hooks, both_secrets_sign_for_86400_s_after_a_rotation)
{
    expect_secrets(0, NULL, NULL);
    cr_assert_eq(rotate("whsec_a"), 0);
    expect_secrets(1, "whsec_a", NULL);
    cr_assert_eq(rotate("whsec_b"), rf_time_wall_ms() - 1 + 86400000);
    expect_secrets(2, "whsec_b", "whsec_a");
    fixture_advance(86400000 - 2);
    expect_secrets(2, "whsec_b", "whsec_a");
    fixture_advance(1);
    expect_secrets(1, "whsec_b", NULL);
}

Test(hooks, the_first_hook_of_an_application_gives_it_a_secret)
{
    char id[RF_UUID_LEN];
    create(JOB_HOOK_DEFAULT, "h.example", id);
    expect_secrets(1, SECRET, NULL);
    rotate("whsec_mine");
    create(JOB_HOOK_DEFAULT, "h.example", id);
    expect_secrets(2, "whsec_mine", SECRET);
}

Test(hooks, s7_an_application_has_its_own_secrets)
{
    int err;
    char other[RF_UUID_LEN];
    fixture_application(&f, "other", other);
    rotate("whsec_a");
    job_op_hook_secrets *op = secrets_of(other, &err);
    cr_assert_eq(err, -ENOENT);
    job_op_free(&op->op);
}
