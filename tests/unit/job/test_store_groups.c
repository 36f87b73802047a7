/*
 * Commits in groups: many writers, a poisonous operation, full queues, closing, hooks.
 */
#include "job_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
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

TestSuite(groups, .init = set_up, .fini = tear_down);

typedef struct counter {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    size_t n_done;
    size_t n_failed;
} counter;

static void count_done(job_op *op)
{
    counter *c = op->user;
    pthread_mutex_lock(&c->mutex);
    c->n_done++;
    c->n_failed += op->err != 0;
    pthread_cond_signal(&c->cond);
    pthread_mutex_unlock(&c->mutex);
    job_op_free(op);
}

static void wait_for(counter *c, size_t n)
{
    pthread_mutex_lock(&c->mutex);
    while (c->n_done < n) {
        pthread_cond_wait(&c->cond, &c->mutex);
    }
    pthread_mutex_unlock(&c->mutex);
}

Test(groups, many_writes_commit_in_groups_and_each_is_answered)
{
    counter c = {.mutex = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};
    for (int i = 0; i < 900; i++) {
        job_op_create *op = fixture_request(&f);
        op->op.done = count_done;
        op->op.user = &c;
        job_store_submit(f.store, &op->op);
    }
    wait_for(&c, 900);
    cr_assert_eq(c.n_failed, 0);
    cr_assert_eq(fixture_count(&f, 0), 900);
}

Test(groups, a_poisonous_operation_fails_alone)
{
    counter c = {.mutex = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};
    for (int i = 0; i < 50; i++) {
        job_op_create *op = fixture_request(&f);
        op->name = i == 25 ? NULL : "job"; /* NOT NULL in the schema */
        op->op.done = count_done;
        op->op.user = &c;
        job_store_submit(f.store, &op->op);
    }
    wait_for(&c, 50);
    cr_assert_eq(c.n_failed, 1);
    cr_assert_eq(fixture_count(&f, 0), 49);
}

Test(groups, a_full_queue_refuses_at_once)
{
    fixture_close(&f);
    fixture_open(&f);
    f.options.queue_max = 0;
    fixture_reopen(&f);
    job_op_create *op = fixture_request(&f);
    cr_assert_eq(fixture_run(&f, &op->op), -EAGAIN);
    cr_assert(job_op_is_outage(op->op.err));
    job_op_free(&op->op);
    job_op_get *get = JOB_OP_NEW(JOB_OP_GET, job_op_get, NULL, NULL);
    get->app = f.app;
    get->id = "x";
    cr_assert_eq(fixture_run(&f, &get->op), -EAGAIN);
    job_op_free(&get->op);
}

Test(groups, closing_answers_what_was_submitted_before)
{
    counter c = {.mutex = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};
    for (int i = 0; i < 200; i++) {
        job_op_create *op = fixture_request(&f);
        op->op.done = count_done;
        op->op.user = &c;
        job_store_submit(f.store, &op->op);
    }
    fixture_reopen(&f);
    cr_assert_eq(c.n_done, 200);
    cr_assert_eq(c.n_failed, 0);
    cr_assert_eq(fixture_count(&f, 0), 200);
}

Test(groups, hooks_hear_of_each_state_before_the_answer)
{
    char id[RF_UUID_LEN];
    fixture_create(&f, id);
    cr_assert_eq(f.seen, JOB_QUEUED);
    cr_assert_str_eq(f.seen_id, id);
    cr_assert_geq(f.n_outbox, 1);
    uint64_t fence = fixture_claim_one(&f, "w", id);
    cr_assert_eq(f.seen, JOB_STARTED);
    cr_assert(fixture_succeed(&f, id, fence));
    cr_assert_eq(f.seen, JOB_SUCCEEDED);
    cr_assert_eq(fixture_delete(&f, id, false), 0);
    cr_assert_eq(f.seen, JOB_NONE);
}
