/*
 * What listeners are told of a job: ids, order, resuming, what is kept (spec jobs.md section 5,
 * events).
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

TestSuite(events, .init = set_up, .fini = tear_down);

static job_op_events *read_as(const char *app, int64_t after, int *ret_err)
{
    job_op_events *op = JOB_OP_NEW(JOB_OP_EVENTS, job_op_events, NULL, NULL);
    op->app = app;
    op->id = id;
    op->after = after;
    *ret_err = fixture_run(&f, &op->op);
    return op;
}

static job_op_events *newer(int64_t after)
{
    int err;
    job_op_events *op = read_as(f.app, after, &err);
    cr_assert_eq(err, 0);
    return op;
}

/* Moments as one line: "STARTED/1 10@beats SUCCEEDED/1". */
static void line_of(const job_op_events *op, char *out, size_t size)
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < op->n_moments; i++) {
        const job_moment *m = &op->moments[i];
        const char *gap = i > 0 ? " " : "";
        n += (size_t)(m->progress ? snprintf(out + n, size - n, "%s%d@%s/%d", gap, m->percent,
                                             m->step == NULL ? "" : m->step, (int)m->attempt)
                                  : snprintf(out + n, size - n, "%s%s/%d", gap,
                                             job_state_name(m->state), (int)m->attempt));
        cr_assert(i == 0 || m->id > op->moments[i - 1].id, "ids rise");
        cr_assert_lt(n, size);
    }
}

static int64_t expect(int64_t after, const char *line)
{
    char have[512];
    job_op_events *op = newer(after);
    line_of(op, have, sizeof(have));
    cr_assert_str_eq(have, line);
    int64_t last = op->n_moments > 0 ? op->moments[op->n_moments - 1].id : after;
    cr_assert_eq(last, op->last);
    job_op_free(&op->op);
    return last;
}

static void beat(uint64_t fence, const char *step, uint32_t percent)
{
    fixture_advance(1000);
    cr_assert_not(fixture_beat(&f, id, fence, step, percent));
}

static void start(void)
{
    char claimed[RF_UUID_LEN];
    cr_assert_gt(fixture_claim_one(&f, "w", claimed), 0);
}

/* X6 */
Test(events, a_listener_hears_the_whole_way_of_a_job)
{
    int64_t at = expect(0, "QUEUED/0");
    start();
    at = expect(at, "STARTED/1");
    beat(1, "dec", 10);
    beat(1, "beats", 60);
    at = expect(at, "10@dec/1 60@beats/1");
    cr_assert(fixture_succeed(&f, id, 1));
    at = expect(at, "SUCCEEDED/1");
    expect(at, "");
}

Test(events, the_first_read_is_the_present_state_alone)
{
    start();
    beat(1, "dec", 10);
    beat(1, "beats", 60);
    job_op_events *op = newer(0);
    cr_assert_eq(op->n_moments, 1);
    const job_moment *m = &op->moments[0];
    cr_assert_not(m->progress);
    cr_assert_eq(m->state, JOB_STARTED);
    cr_assert_eq(m->attempt, 1);
    cr_assert_str_eq(m->step, "beats");
    cr_assert_eq(m->percent, 60);
    job_op_free(&op->op);
}

Test(events, ids_are_the_same_in_another_process)
{
    start();
    beat(1, "dec", 10);
    job_op_events *before = newer(1);
    fixture_reopen(&f);
    job_op_events *after = newer(1);
    cr_assert_eq(before->n_moments, 2);
    cr_assert_eq(after->n_moments, 2);
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(before->moments[i].id, after->moments[i].id);
    }
    job_op_free(&before->op);
    job_op_free(&after->op);
}

/* X6 */
Test(events, progress_never_falls_within_an_attempt)
{
    start();
    beat(1, "dec", 50);
    beat(1, "dec", 20);
    beat(1, "dec", 50);
    expect(1, "STARTED/1 50@dec/1");
}

/* X6 */
Test(events, progress_of_one_job_is_noted_4_times_a_second_at_most)
{
    start();
    for (uint32_t i = 1; i <= 100; i++) {
        fixture_advance(10);
        cr_assert_not(fixture_beat(&f, id, 1, "dec", i));
    }
    job_op_events *op = newer(1);
    cr_assert_eq(op->n_moments, 1 + 4, "the start, and what a second has room for");
    job_op_free(&op->op);
}

Test(events, a_retry_is_an_attempt_of_its_own_whose_progress_begins_anew)
{
    start();
    beat(1, "dec", 90);
    cr_assert(fixture_fail(&f, id, 1, JOB_CODE_INTERNAL, "x"));
    int64_t at = expect(1, "STARTED/1 90@dec/1");
    fixture_advance(FIXTURE_HOUR_MS);
    start();
    beat(2, "dec", 5);
    expect(at, "STARTED/2 5@dec/2");
}

Test(events, a_cancelled_job_ends_with_failed)
{
    job_state state;
    int64_t at = expect(0, "QUEUED/0");
    cr_assert_eq(fixture_cancel(&f, id, &state), 0);
    at = expect(at, "FAILED/0");
    expect(at, "");
}

/* X6 */
Test(events, the_last_1000_are_kept_and_an_older_id_gets_the_present_state)
{
    start();
    int64_t first = expect(1, "STARTED/1");
    for (uint32_t i = 0; i < JOB_EVENTS_KEPT + 1; i++) {
        beat(1, i % 2 == 0 ? "a" : "b", 1);
    }
    expect(first, "STARTED/1");
    job_op_events *op = newer(first + 1);
    cr_assert_eq(op->n_moments, JOB_EVENTS_KEPT);
    cr_assert_eq(op->moments[0].id, first + 2);
    job_op_free(&op->op);
    beat(1, "c", 1);
    expect(first + 1, "STARTED/1");
}

/* X6 */
Test(events, what_was_told_is_kept_3600_s_after_the_end)
{
    job_op_sweep_due *sweep;
    start();
    beat(1, "dec", 10);
    cr_assert(fixture_succeed(&f, id, 1));
    fixture_advance(3599 * 1000);
    int64_t at = expect(1, "STARTED/1 10@dec/1 SUCCEEDED/1");
    fixture_advance(1000);
    expect(1, "SUCCEEDED/1");
    expect(at, "");
    sweep = JOB_OP_NEW(JOB_OP_SWEEP_DUE, job_op_sweep_due, NULL, NULL);
    sweep->retention_ms = sweep->idempotency_ms = FIXTURE_DAY_MS;
    cr_assert_eq(fixture_run(&f, &sweep->op), 0);
    job_op_free(&sweep->op);
    expect(1, "SUCCEEDED/1");
}

Test(events, an_id_that_the_job_never_had_gets_the_present_state)
{
    start();
    expect(INT64_MAX, "STARTED/1");
    expect(-5, "STARTED/1");
}

Test(events, s7_another_application_is_told_that_there_is_no_such_job)
{
    int err;
    char other[RF_UUID_LEN];
    fixture_application(&f, "other", other);
    job_op_events *op = read_as(other, 0, &err);
    cr_assert_eq(err, -ENOENT);
    job_op_free(&op->op);
}

Test(events, progress_is_told_to_the_hooks_and_to_the_bus)
{
    start();
    unsigned n = f.n_seen;
    beat(1, "dec", 10);
    cr_assert_eq(f.n_seen, n + 1);
    cr_assert_eq(f.seen, JOB_STARTED);
    beat(1, "dec", 10);
    cr_assert_eq(f.n_seen, n + 1, "nothing new");
}
