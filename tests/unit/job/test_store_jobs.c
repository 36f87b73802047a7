/*
 * Jobs in the store: creating, reading, listing, idempotency, the documents they keep.
 */
#include "job_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
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

TestSuite(jobs, .init = set_up, .fini = tear_down);

Test(jobs, a_new_job_is_queued_with_everything_it_was_given)
{
    job_op_create *op = fixture_request(&f);
    op->name = "song é";
    op->params = "{\"inputUrl\":\"https://h/x.mp3\",\"n\":1.50}";
    op->metadata = "{\"k\":\"v\"}";
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    cr_assert(rf_uuid4_valid(op->id), "Q2: ids are UUID version 4");
    cr_assert_not(op->replayed);
    job_op_get *got = fixture_get(&f, op->id);
    const job_record *job = &got->job;
    cr_assert_str_eq(job->id, op->id);
    cr_assert_str_eq(job->app, "fixture");
    cr_assert_str_eq(job->name, "song é");
    cr_assert_str_eq(job->workflow, "fixture");
    cr_assert_str_eq(job->params, op->params, "params come back unchanged");
    cr_assert_str_eq(job->metadata, op->metadata);
    cr_assert_null(job->batch_name);
    cr_assert_eq(job->state, JOB_QUEUED);
    cr_assert_null(job->code);
    cr_assert_eq(job->created_ms, rf_time_wall_ms());
    cr_assert_eq(job->started_ms, 0);
    cr_assert_eq(job->completed_ms, 0);
    cr_assert_eq(job->n_results, 0);
    job_op_free(&got->op);
    job_op_free(&op->op);
}

Test(jobs, s7_a_job_of_another_application_is_unknown)
{
    char other[RF_UUID_LEN];
    char id[RF_UUID_LEN];
    fixture_application(&f, "other", other);
    fixture_create(&f, id);
    char mine[RF_UUID_LEN];
    memcpy(mine, f.app, sizeof(mine));
    memcpy(f.app, other, sizeof(other));
    job_state state;
    cr_assert_null(fixture_get(&f, id));
    cr_assert_eq(fixture_cancel(&f, id, &state), -ENOENT);
    cr_assert_eq(fixture_delete(&f, id, false), -ENOENT);
    memcpy(f.app, mine, sizeof(mine));
    cr_assert_eq(fixture_state(&f, id), JOB_QUEUED);
}

Test(jobs, g4_unknown_and_malformed_ids_are_alike)
{
    static const char *const ids[] = {"", "x", "00000000-0000-4000-8000-000000000000", "'; DROP"};
    for (size_t i = 0; i < RF_ARRAY_LEN(ids); i++) {
        job_state state;
        cr_assert_null(fixture_get(&f, ids[i]));
        cr_assert_eq(fixture_cancel(&f, ids[i], &state), -ENOENT);
        cr_assert_eq(fixture_delete(&f, ids[i], true), -ENOENT);
    }
}

Test(jobs, creating_for_an_unknown_application_is_refused)
{
    job_op_create *op = fixture_request(&f);
    op->app = "11111111-1111-4111-8111-111111111111";
    cr_assert_eq(fixture_run(&f, &op->op), -ENOENT);
    job_op_free(&op->op);
}

Test(jobs, jobs_survive_a_restart)
{
    char id[RF_UUID_LEN];
    fixture_create(&f, id);
    fixture_reopen(&f);
    cr_assert_eq(fixture_state(&f, id), JOB_QUEUED);
    char claimed[RF_UUID_LEN];
    cr_assert_eq(fixture_claim_one(&f, "w", claimed), 1);
    cr_assert_str_eq(claimed, id);
}

/* H8 */
Test(jobs, a_job_beyond_the_limit_of_queued_ones_is_refused)
{
    fixture_close(&f);
    fixture_open(&f);
    f.options.queued_max = 3;
    fixture_reopen(&f);
    char id[RF_UUID_LEN];
    for (int i = 0; i < 3; i++) {
        fixture_create(&f, id);
    }
    job_op_create *op = fixture_request(&f);
    cr_assert_eq(fixture_run(&f, &op->op), -EDQUOT);
    job_op_free(&op->op);
    char claimed[RF_UUID_LEN];
    fixture_claim_one(&f, "w", claimed);
    fixture_create(&f, id); /* a started job is not queued any more */
    job_state state;
    cr_assert_eq(fixture_cancel(&f, id, &state), 0);
    fixture_create(&f, id); /* nor is a cancelled one */
}

static void allow_a_day(const char *name, uint32_t per_day, int64_t today)
{
    job_op_app_limit *op = JOB_OP_NEW(JOB_OP_APP_LIMIT, job_op_app_limit, NULL, NULL);
    op->name = name;
    op->set_per_day = true;
    op->per_day = per_day;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    cr_assert_eq(op->per_day, per_day);
    cr_assert_eq(op->today, today);
    job_op_free(&op->op);
}

static int try_create(const char *app, const char *key, bool *ret_replayed)
{
    job_op_create *op = fixture_request(&f);
    op->app = app;
    op->idempotency_key = key;
    int err = fixture_run(&f, &op->op);
    *ret_replayed = op->replayed;
    job_op_free(&op->op);
    return err;
}

/* H8: a quota is of jobs made from midnight to midnight (UTC), whatever becomes of them. */
Test(jobs, a_job_beyond_the_quota_of_the_day_is_refused_until_midnight)
{
    char id[RF_UUID_LEN];
    char other[RF_UUID_LEN];
    bool replayed;
    fixture_application(&f, "other", other);
    fixture_advance(FIXTURE_DAY_MS - rf_time_wall_ms() % FIXTURE_DAY_MS); /* 00:00 */
    fixture_create(&f, id);
    allow_a_day("fixture", 3, 1); /* those made before it was set count */
    cr_assert_eq(fixture_delete(&f, id, false), 0);
    fixture_create(&f, id);
    cr_assert_eq(try_create(f.app, "k", &replayed), 0);
    cr_assert_eq(try_create(f.app, NULL, &replayed), -EUSERS);
    cr_assert_eq(try_create(f.app, "k", &replayed), 0, "a repeat makes no job");
    cr_assert(replayed);
    cr_assert_eq(try_create(other, NULL, &replayed), 0, "of each application alone");
    fixture_reopen(&f);
    fixture_advance(FIXTURE_DAY_MS - 1);
    cr_assert_eq(try_create(f.app, NULL, &replayed), -EUSERS);
    allow_a_day("fixture", 3, 3);
    fixture_advance(1);
    allow_a_day("fixture", 3, 0);
    for (int i = 0; i < 3; i++) {
        fixture_create(&f, id);
    }
    cr_assert_eq(try_create(f.app, NULL, &replayed), -EUSERS);
    allow_a_day("fixture", 0, 3);
    fixture_create(&f, id);
}

static void *create_one(void *arg)
{
    bool replayed;
    *(int *)arg = try_create(f.app, NULL, &replayed);
    return NULL;
}

/* Those of one transaction count each other; of several at once each may pass it. */
Test(jobs, a_quota_holds_for_many_that_come_at_once)
{
    enum { N = 60, MOST = 15 };
    pthread_t threads[N];
    int errs[N];
    size_t n = 0;
    allow_a_day("fixture", MOST, 0);
    for (size_t i = 0; i < N; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, create_one, &errs[i]), 0);
    }
    for (size_t i = 0; i < N; i++) {
        pthread_join(threads[i], NULL);
        cr_assert(errs[i] == 0 || errs[i] == -EUSERS);
        n += errs[i] == 0;
    }
    cr_assert_geq(n, MOST);
    cr_assert_leq(n, MOST * RF_MAX(fixture_store.n_writers, (size_t)1));
    allow_a_day("fixture", MOST, (int64_t)n);
    bool replayed;
    cr_assert_eq(try_create(f.app, NULL, &replayed), -EUSERS);
}

/* K5: the outbox is bounded; a job that is refused leaves nothing behind. */
Test(jobs, a_job_beyond_the_limit_of_rows_that_wait_for_the_bus_is_refused)
{
    f.options.outbox_max = 3;
    fixture_reopen(&f);
    char id[RF_UUID_LEN];
    for (int i = 0; i < 3; i++) {
        fixture_create(&f, id);
    }
    job_op_create *op = fixture_request(&f);
    cr_assert_eq(fixture_run(&f, &op->op), -ENOBUFS);
    job_op_free(&op->op);
    job_op_outbox_next *next = JOB_OP_NEW(JOB_OP_OUTBOX_NEXT, job_op_outbox_next, NULL, NULL);
    cr_assert_eq(fixture_run(&f, &next->op), 0);
    cr_assert_eq(next->n_events, 3);
    job_op_outbox_mark *mark = JOB_OP_NEW(JOB_OP_OUTBOX_MARK, job_op_outbox_mark, NULL, NULL);
    mark->n_events = 1;
    mark->events = next->events;
    cr_assert_eq(fixture_run(&f, &mark->op), 0);
    job_op_free(&mark->op);
    job_op_free(&next->op);
    fixture_create(&f, id); /* one row has gone */
}

/* ---- idempotency ---- */

static int create_with_key(const char *key, uint8_t payload, char id[RF_UUID_LEN], bool *replayed)
{
    job_op_create *op = fixture_request(&f);
    op->idempotency_key = key;
    memset(op->payload_sha256, payload, sizeof(op->payload_sha256));
    int err = fixture_run(&f, &op->op);
    memcpy(id, op->id, RF_UUID_LEN);
    *replayed = op->replayed;
    job_op_free(&op->op);
    return err;
}

/* X1 */
Test(jobs, an_idempotency_key_gives_the_first_answer_again)
{
    char first[RF_UUID_LEN];
    char second[RF_UUID_LEN];
    bool replayed;
    cr_assert_eq(create_with_key("k", 1, first, &replayed), 0);
    cr_assert_not(replayed);
    cr_assert_eq(create_with_key("k", 1, second, &replayed), 0);
    cr_assert(replayed);
    cr_assert_str_eq(first, second);
    cr_assert_eq(create_with_key("K", 1, second, &replayed), 0);
    cr_assert_not(replayed, "keys are case-sensitive");
}

/* X1 */
Test(jobs, an_idempotency_key_with_another_payload_is_refused)
{
    char id[RF_UUID_LEN];
    bool replayed;
    cr_assert_eq(create_with_key("k", 1, id, &replayed), 0);
    cr_assert_eq(create_with_key("k", 2, id, &replayed), -EEXIST);
}

Test(jobs, idempotency_keys_belong_to_an_application)
{
    char other[RF_UUID_LEN];
    char first[RF_UUID_LEN];
    char second[RF_UUID_LEN];
    bool replayed;
    fixture_application(&f, "other", other);
    cr_assert_eq(create_with_key("k", 1, first, &replayed), 0);
    memcpy(f.app, other, sizeof(other));
    cr_assert_eq(create_with_key("k", 2, second, &replayed), 0);
    cr_assert_not(replayed);
    cr_assert_str_neq(first, second);
}

/* X1 */
Test(jobs, an_idempotency_key_survives_restart_and_deletion_of_its_job)
{
    char first[RF_UUID_LEN];
    char second[RF_UUID_LEN];
    bool replayed;
    cr_assert_eq(create_with_key("k", 1, first, &replayed), 0);
    cr_assert_eq(fixture_delete(&f, first, false), 0);
    fixture_reopen(&f);
    cr_assert_eq(create_with_key("k", 1, second, &replayed), 0);
    cr_assert(replayed);
    cr_assert_str_eq(first, second);
}

typedef struct racer {
    pthread_t thread;
    char id[RF_UUID_LEN];
    bool replayed;
    int err;
} racer;

static void *race(void *arg)
{
    racer *r = arg;
    r->err = create_with_key("race", 7, r->id, &r->replayed);
    return NULL;
}

/* X1 */
Test(jobs, racing_requests_with_one_idempotency_key_make_one_job)
{
    racer racers[16];
    for (size_t i = 0; i < RF_ARRAY_LEN(racers); i++) {
        pthread_create(&racers[i].thread, NULL, race, &racers[i]);
    }
    size_t n_first = 0;
    for (size_t i = 0; i < RF_ARRAY_LEN(racers); i++) {
        pthread_join(racers[i].thread, NULL);
        cr_assert_eq(racers[i].err, 0);
        cr_assert_str_eq(racers[i].id, racers[0].id);
        n_first += !racers[i].replayed;
    }
    cr_assert_eq(n_first, 1);
}

/* ---- listing ---- */

static job_op_list *list(uint32_t states, const char *const *workflows, size_t n_workflows,
                         uint32_t page, uint32_t size)
{
    job_op_list *op = JOB_OP_NEW(JOB_OP_LIST, job_op_list, NULL, NULL);
    op->app = f.app;
    op->states = states;
    op->workflows = workflows;
    op->n_workflows = n_workflows;
    op->page = page;
    op->size = size;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    return op;
}

static size_t count(uint32_t states, const char *workflow, uint32_t page, uint32_t size)
{
    job_op_list *op = list(states, &workflow, workflow == NULL ? 0 : 1, page, size);
    size_t n = op->n_jobs;
    job_op_free(&op->op);
    return n;
}

Test(jobs, lists_are_newest_first_then_by_id)
{
    char ids[6][RF_UUID_LEN];
    for (size_t i = 0; i < 6; i++) {
        fixture_create(&f, ids[i]);
        fixture_advance(i % 2 == 0 ? 0 : 5); /* pairs of the same time */
    }
    job_op_list *op = list(0, NULL, 0, 0, 100);
    cr_assert_eq(op->n_jobs, 6);
    for (size_t i = 1; i < op->n_jobs; i++) {
        const job_record *a = &op->jobs[i - 1];
        const job_record *b = &op->jobs[i];
        cr_assert(a->created_ms > b->created_ms ||
                  (a->created_ms == b->created_ms && strcmp(a->id, b->id) < 0));
    }
    job_op_free(&op->op);
}

Test(jobs, list_filters_join_by_or_within_a_name_and_by_and_between)
{
    char id[RF_UUID_LEN];
    char claimed[RF_UUID_LEN];
    for (int i = 0; i < 3; i++) {
        fixture_create(&f, id);
    }
    uint64_t fence = fixture_claim_one(&f, "w", claimed);
    cr_assert(fixture_succeed(&f, claimed, fence));
    fixture_claim_one(&f, "w", claimed);
    const uint32_t queued = 1u << JOB_QUEUED;
    const uint32_t started = 1u << JOB_STARTED;
    const uint32_t succeeded = 1u << JOB_SUCCEEDED;
    cr_assert_eq(count(0, NULL, 0, 100), 3);
    cr_assert_eq(count(queued, NULL, 0, 100), 1);
    cr_assert_eq(count(started, NULL, 0, 100), 1);
    cr_assert_eq(count(succeeded | queued, NULL, 0, 100), 2);
    cr_assert_eq(count(1u << JOB_FAILED, NULL, 0, 100), 0);
    cr_assert_eq(count(queued, "fixture", 0, 100), 1);
    cr_assert_eq(count(0, "unknown/slug", 0, 100), 0, "Q12: an unknown slug gives an empty list");
    static const char *const two[] = {"unknown/slug", "fixture"};
    job_op_list *op = list(0, two, 2, 0, 100);
    cr_assert_eq(op->n_jobs, 3);
    job_op_free(&op->op);
}

Test(jobs, lists_are_paged)
{
    char id[RF_UUID_LEN];
    for (int i = 0; i < 7; i++) {
        fixture_create(&f, id);
    }
    cr_assert_eq(count(0, NULL, 0, 3), 3);
    cr_assert_eq(count(0, NULL, 1, 3), 3);
    cr_assert_eq(count(0, NULL, 2, 3), 1);
    cr_assert_eq(count(0, NULL, 3, 3), 0);
    cr_assert_eq(count(0, NULL, 1000000, 1000), 0, "a page past the end is empty");
}

Test(jobs, lists_hold_results_of_jobs_that_succeeded)
{
    char id[RF_UUID_LEN];
    fixture_create(&f, id);
    uint64_t fence = fixture_claim_one(&f, "w", id);
    cr_assert(fixture_succeed(&f, id, fence));
    job_op_list *op = list(0, NULL, 0, 0, 10);
    cr_assert_eq(op->jobs[0].n_results, 1);
    cr_assert_str_eq(op->jobs[0].results[0].text, "done");
    job_op_free(&op->op);
}

/* ---- workflows ---- */

static int64_t put(const char *slug, const char *document, char id[RF_UUID_LEN])
{
    job_op_workflow_put *op = JOB_OP_NEW(JOB_OP_WORKFLOW_PUT, job_op_workflow_put, NULL, NULL);
    op->slug = slug;
    op->document = document;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    int64_t version = op->version;
    memcpy(id, op->id, RF_UUID_LEN);
    job_op_free(&op->op);
    return version;
}

Test(jobs, an_equal_document_changes_nothing_and_another_makes_a_version)
{
    char a[RF_UUID_LEN];
    char b[RF_UUID_LEN];
    int64_t first = put("acme/x", "{\"v\":1}", a);
    cr_assert_eq(put("acme/x", "{\"v\":1}", b), first);
    cr_assert_str_eq(a, b);
    int64_t second = put("acme/x", "{\"v\":2}", b);
    cr_assert_gt(second, first);
    cr_assert_str_eq(a, b, "the workflow keeps its id");
    fixture_reopen(&f);
    cr_assert_eq(put("acme/x", "{\"v\":2}", b), second);
    cr_assert_str_eq(a, b);
}

Test(jobs, a_job_keeps_the_version_it_was_accepted_with)
{
    char id[RF_UUID_LEN];
    fixture_create(&f, id);
    put("fixture", "{\"slug\":\"fixture\",\"new\":true}", id);
    job_op_claim *claim = fixture_claim(&f, "w", 1);
    cr_assert_str_eq(claim->claims[0].document, "{\"slug\":\"fixture\"}");
    job_op_free(&claim->op);
}
