/*
 * The outbox: what is published next, what was, and how much waits (spec jobs.md K1, K3).
 */
#include "job_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "job_retry.h"
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

TestSuite(outbox, .init = set_up, .fini = tear_down);

static job_op_outbox_next *next(uint32_t allowed)
{
    job_op_outbox_next *op = JOB_OP_NEW(JOB_OP_OUTBOX_NEXT, job_op_outbox_next, NULL, NULL);
    op->allowed[JOB_POOL_CPU] = allowed;
    op->republish_ms = 60000;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    return op;
}

static void mark(const job_op_outbox_next *sent)
{
    job_op_outbox_mark *op = JOB_OP_NEW(JOB_OP_OUTBOX_MARK, job_op_outbox_mark, NULL, NULL);
    op->ready = sent->ready;
    op->n_ready = sent->n_ready;
    op->events = sent->events;
    op->n_events = sent->n_events;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    job_op_free(&op->op);
}

static size_t send(uint32_t allowed)
{
    job_op_outbox_next *op = next(allowed);
    size_t n = op->n_ready;
    mark(op);
    job_op_free(&op->op);
    return n;
}

Test(outbox, k1_what_was_not_acknowledged_is_published_again)
{
    char id[RF_UUID_LEN];
    fixture_create(&f, id);
    for (int i = 0; i < 3; i++) {
        job_op_outbox_next *op = next(10);
        cr_assert_eq(op->n_ready, 1, "a crash before the mark");
        cr_assert_str_eq(op->ready[0].job_id, id);
        cr_assert_eq(op->n_events, 1);
        cr_assert_str_eq(op->events[0].message, "queued");
        job_op_free(&op->op);
        fixture_reopen(&f);
    }
    cr_assert_eq(send(10), 1);
    job_op_outbox_next *op = next(10);
    cr_assert_eq(op->n_ready, 0);
    cr_assert_eq(op->n_events, 0);
    job_op_free(&op->op);
}

Test(outbox, k3_references_are_held_back_to_what_the_slots_allow)
{
    char id[RF_UUID_LEN];
    for (int i = 0; i < 10; i++) {
        fixture_create(&f, id);
    }
    cr_assert_eq(send(0), 0);
    cr_assert_eq(send(4), 4);
    cr_assert_eq(send(4), 0, "four are out");
    char claimed[RF_UUID_LEN];
    fixture_claim_one(&f, "w", claimed);
    cr_assert_eq(send(4), 1, "one was claimed");
    cr_assert_eq(send(6), 2);
}

/* K5 */
Test(outbox, a_reference_that_is_not_claimed_goes_out_again_after_a_minute)
{
    char id[RF_UUID_LEN];
    fixture_create(&f, id);
    cr_assert_eq(send(2), 1);
    fixture_advance(59000);
    cr_assert_eq(send(2), 0);
    fixture_advance(1000);
    cr_assert_eq(send(2), 1);
}

Test(outbox, a_retry_is_published_when_it_falls_due)
{
    char id[RF_UUID_LEN];
    fixture_create(&f, id);
    uint64_t fence = fixture_claim_one(&f, "w", id);
    cr_assert(fixture_fail(&f, id, fence, JOB_CODE_INTERNAL, "x"));
    fixture_advance(5000);
    cr_assert_eq(send(2), 1);
}

/* K1: the events of a transaction are one row. */
Test(outbox, a_row_of_events_stays_until_all_of_them_were_acknowledged)
{
    char id[RF_UUID_LEN];
    fixture_create(&f, id);
    cr_assert_eq(fixture_delete(&f, id, false), 0); /* failed, deleted */
    job_op_outbox_next *op = next(0);
    cr_assert_eq(op->n_events, 3);
    op->n_events = 2;
    mark(op);
    job_op_free(&op->op);
    op = next(0);
    cr_assert_eq(op->n_events, 2, "%zu", op->n_events);
    cr_assert_str_eq(op->events[0].message, "failed");
    cr_assert_str_eq(op->events[1].message, "deleted");
    mark(op);
    mark(op);
    job_op_free(&op->op);
    op = next(0);
    cr_assert_eq(op->n_events, 0);
    job_op_free(&op->op);
}

Test(outbox, events_that_wait_are_counted)
{
    enum { JOBS = 50 }; /* the claim writes two rows */
    char id[RF_UUID_LEN];
    for (int i = 0; i < JOBS; i++) {
        fixture_create(&f, id);
    }
    job_op_claim *claim = fixture_claim(&f, "w", JOBS);
    job_op_free(&claim->op);
    for (int64_t unsent = 2 * JOBS; unsent >= 0; unsent -= 2 * JOBS) {
        job_op_stats *stats = JOB_OP_NEW(JOB_OP_STATS, job_op_stats, NULL, NULL);
        cr_assert_eq(fixture_run(&f, &stats->op), 0);
        cr_assert_eq(stats->outbox_unsent, unsent);
        job_op_free(&stats->op);
        send(0);
    }
}

/* K1 */
Test(outbox, each_state_change_leaves_one_event)
{
    static const char *const kinds[] = {"queued", "started", "succeeded", "deleted"};
    char id[RF_UUID_LEN];
    fixture_create(&f, id);
    uint64_t fence = fixture_claim_one(&f, "w", id);
    cr_assert(fixture_succeed(&f, id, fence));
    cr_assert_eq(fixture_delete(&f, id, false), 0);
    job_op_outbox_next *op = next(0);
    cr_assert_eq(op->n_events, RF_ARRAY_LEN(kinds));
    for (size_t i = 0; i < op->n_events; i++) {
        cr_assert_str_eq(op->events[i].message, kinds[i]);
        cr_assert_str_eq(op->events[i].job_id, id);
    }
    job_op_free(&op->op);
}

Test(outbox, metrics_of_the_store_count_what_waits_and_runs)
{
    char id[RF_UUID_LEN];
    fixture_create(&f, id);
    fixture_create(&f, id);
    fixture_claim_one(&f, "w", id);
    job_op_stats *op = JOB_OP_NEW(JOB_OP_STATS, job_op_stats, NULL, NULL);
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    cr_assert_eq(op->queued[JOB_POOL_CPU], 1);
    cr_assert_eq(op->running[JOB_POOL_CPU], 1);
    cr_assert_eq(op->queued[JOB_POOL_GPU], 0);
    cr_assert_eq(op->oldest_queued_ms[JOB_POOL_CPU], rf_time_wall_ms());
    cr_assert_eq(op->n_dead, 0);
    cr_assert_gt(op->outbox_unsent, 0);
    job_op_free(&op->op);
}
