/*
 * A database of a version before, with jobs in it, under this one: nothing is lost, and what that
 * version still writes beside is understood.
 */
#include "job_fixture.h"

#include <criterion/criterion.h>
#include <string.h>

#include "job_migrations.h"
#include "job_sql.h"
#include "rf_time.h"

/* Before jobs.brings and packs. */
#define BEFORE 12

#define WAITING "11111111-1111-4111-8111-111111111111"
#define RUNNING "22222222-2222-4222-8222-222222222222"

static fixture f;

/* A database as the version before has left it: a job that waits, with an input and a target, one
 * that runs, and events that are not published. */
static const char jobs_of_before[] =
    "INSERT INTO applications(seq, id, name, created_ms, queued)"
    " VALUES(1, '99999999-9999-4999-8999-999999999999', 'old', 1000, 1);"
    "INSERT INTO workflow_versions(version, slug, document, created_ms)"
    " VALUES(1, 'old', '{}', 1000);"
    "INSERT INTO jobs(seq, id, app, state, fence, pool, due_ms, limit_s, created_ms, started_ms,"
    " name, workflow, version, metadata, params) VALUES"
    "(1, '" WAITING "', 1, 1, 0, 0, 1000, 60, 1000, NULL, 'job', 'old', 1, '{}', '{}'),"
    "(2, '" RUNNING "', 1, 2, 1, 0, 1000, 60, 1000, 1000, 'job', 'old', 1, '{}', '{}');"
    "INSERT INTO ready(pool, due_ms, job, app, priority) VALUES(0, 1000, 1, 1, 5);"
    "INSERT INTO inputs(job, param, url) VALUES(1, 'file', 'http://example.com/a'),"
    "(2, 'file', 'http://example.com/b');"
    "INSERT INTO targets(job, output, url) VALUES(1, 'out', 'http://example.com/c');"
    "INSERT INTO leases(job, fence, worker, pool, claimed_ms, until_ms, limit_ms, app)"
    " VALUES(2, 1, 'w', 0, 1000, 9000000000000, 9000000000000, 1);"
    "INSERT INTO outbox(job, fence, kind, created_ms) VALUES('" WAITING "', 0, 'queued', 1000),"
    "('" RUNNING "', 0, 'queued', 1000), ('" RUNNING "', 1, 'started', 1000);";

static void run(const char *script, int version)
{
    job_sql *db = NULL;
    cr_assert_eq(job_sql_open(f.url, JOB_SQL_WRITER, &db), 0);
    cr_assert_eq(job_migrations_upto(db, version), 0);
    job_sql_begin(db);
    job_sql_script(db, script);
    cr_assert_eq(job_sql_commit(db), 0);
    job_sql_close(db);
}

static void set_up(void)
{
    rf_time_drive();
    fixture_open(&f);
    f.store = job_store_close(f.store);
    fixture_store.remove_url(f.url);
    free(f.url);
    f.url = fixture_store.make_url(&f);
    f.options.url = f.url;
    run(jobs_of_before, BEFORE);
    cr_assert_eq(fixture_try_open(&f), 0);
}

static void tear_down(void)
{
    fixture_close(&f);
}

TestSuite(upgrade, .init = set_up, .fini = tear_down);

static job_op_outbox_next *next(void)
{
    job_op_outbox_next *op = JOB_OP_NEW(JOB_OP_OUTBOX_NEXT, job_op_outbox_next, NULL, NULL);
    op->republish_ms = 60000;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    return op;
}

static void mark(const job_outbox_row *events, size_t n)
{
    job_op_outbox_mark *op = JOB_OP_NEW(JOB_OP_OUTBOX_MARK, job_op_outbox_mark, NULL, NULL);
    op->events = events;
    op->n_events = n;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    job_op_free(&op->op);
}

Test(upgrade, a_job_that_waited_is_claimed_with_what_it_brought)
{
    job_op_claim *op = fixture_claim(&f, "w", 10);
    cr_assert_eq(op->n_claims, 1);
    cr_assert_str_eq(op->claims[0].id, WAITING);
    cr_assert_eq(op->claims[0].fence, 1);
    cr_assert_eq(op->claims[0].n_inputs, 1);
    cr_assert_str_eq(op->claims[0].inputs[0].url, "http://example.com/a");
    cr_assert_eq(op->claims[0].n_targets, 1);
    cr_assert_str_eq(op->claims[0].targets[0].url, "http://example.com/c");
    job_op_free(&op->op);
}

Test(upgrade, a_job_that_ran_is_ended_by_its_worker)
{
    cr_assert(fixture_succeed(&f, RUNNING, 1));
    cr_assert_not(fixture_succeed(&f, RUNNING, 2), "another attempt");
}

Test(upgrade, events_of_both_versions_go_out_in_order)
{
    static const char *const kinds[] = {"queued", "queued", "started", "succeeded"};
    cr_assert(fixture_succeed(&f, RUNNING, 1));
    job_op_outbox_next *op = next();
    cr_assert_eq(op->n_events, RF_ARRAY_LEN(kinds));
    for (size_t i = 0; i < op->n_events; i++) {
        cr_assert_str_eq(op->events[i].message, kinds[i]);
        cr_assert_str_eq(op->events[i].job_id, i == 0 ? WAITING : RUNNING);
    }
    mark(op->events, op->n_events - 1);
    job_op_free(&op->op);
    op = next();
    cr_assert_eq(op->n_events, 1, "the last was not acknowledged");
    cr_assert_eq(op->events[0].fence, 1);
    mark(op->events, 1);
    job_op_free(&op->op);
    op = next();
    cr_assert_eq(op->n_events, 0);
    job_op_free(&op->op);
}

/* A replica of the version before may run on while this one is rolled out. */
Test(upgrade, jobs_that_the_version_before_still_makes_are_done)
{
    run("INSERT INTO jobs(seq, id, app, state, pool, due_ms, limit_s, created_ms, name, workflow,"
        " version, metadata, params) VALUES(3, '33333333-3333-4333-8333-333333333333', 1, 1, 0,"
        " 900, 60, 900, 'job', 'old', 1, '{}', '{}');"
        "INSERT INTO ready(pool, due_ms, job, app, priority) VALUES(0, 900, 3, 1, 5);"
        "INSERT INTO inputs(job, param, url) VALUES(3, 'file', 'http://example.com/d');",
        job_migrations_latest());
    job_op_claim *op = fixture_claim(&f, "w", 1);
    cr_assert_eq(op->n_claims, 1);
    cr_assert_eq(op->claims[0].n_inputs, 1);
    cr_assert(fixture_succeed(&f, op->claims[0].id, op->claims[0].fence));
    job_op_free(&op->op);
}
