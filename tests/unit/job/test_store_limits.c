/*
 * How much the store takes and gives at once: batches of each operation at their limit and beyond,
 * texts of every length and kind, and that what comes out is what went in.
 */
#include "job_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "job_retry.h"
#include "rf_time.h"

#define MANY 300 /* above every batch but the list's */

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

TestSuite(limits, .init = set_up, .fini = tear_down);

static void create_many(size_t n)
{
    char id[RF_UUID_LEN];
    for (size_t i = 0; i < n; i++) {
        fixture_create(&f, id);
    }
}

/* ---- batches ---- */

Test(limits, a_claim_gives_at_most_256_jobs_whatever_is_asked)
{
    static const struct {
        uint32_t asked;
        size_t got;
    } rows[] = {
        {0, 0}, {1, 1}, {UINT32_MAX, JOB_CLAIM_MAX}, {1000, MANY - 1 - JOB_CLAIM_MAX}, {1, 0}};
    create_many(MANY);
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        job_op_claim *op = fixture_claim(&f, "w", rows[i].asked);
        cr_assert_eq(op->n_claims, rows[i].got, "row %zu: %zu", i, op->n_claims);
        job_op_free(&op->op);
    }
}

Test(limits, a_scan_ends_at_most_500_attempts_and_the_next_one_the_rest)
{
    enum { LOST = JOB_SCAN_MAX + 20 };
    create_many(LOST);
    for (size_t n = 0; n < LOST;) {
        job_op_claim *op = fixture_claim(&f, "w", JOB_CLAIM_MAX);
        n += op->n_claims;
        job_op_free(&op->op);
    }
    fixture_advance(FIXTURE_LEASE_MS + 1);
    cr_assert_eq(fixture_scan(&f, NULL), JOB_SCAN_MAX);
    cr_assert_eq(fixture_scan(&f, NULL), LOST - JOB_SCAN_MAX);
    cr_assert_eq(fixture_scan(&f, NULL), 0);
}

Test(limits, jobs_that_were_not_started_are_ended_500_at_a_time)
{
    enum { LATE = JOB_SCAN_MAX + 20 };
    size_t expired;
    create_many(LATE);
    fixture_advance(FIXTURE_DAY_MS + 1);
    fixture_scan(&f, &expired);
    cr_assert_eq(expired, JOB_SCAN_MAX);
    fixture_scan(&f, &expired);
    cr_assert_eq(expired, LATE - JOB_SCAN_MAX);
    cr_assert_eq(fixture_count(&f, 1u << JOB_QUEUED), 0);
}

/* More levels of application and priority than one scan looks at. */
Test(limits, jobs_that_were_not_started_are_found_whosesoever_they_are)
{
    enum { APPS = 30 };
    size_t n = 0;
    size_t expired = 1;
    char young[RF_UUID_LEN];
    for (int i = 0; i < APPS; i++) {
        char name[32];
        char app[RF_UUID_LEN];
        snprintf(name, sizeof(name), "application %d", i);
        fixture_application(&f, name, app);
        for (uint32_t priority = 0; priority < JOB_PRIORITIES; priority++) {
            job_op_create *op = fixture_request(&f);
            op->app = app;
            op->priority = priority;
            cr_assert_eq(fixture_run(&f, &op->op), 0);
            job_op_free(&op->op);
        }
    }
    fixture_advance(FIXTURE_DAY_MS + 1);
    fixture_create(&f, young);
    for (; expired > 0; n += expired) {
        fixture_scan(&f, &expired);
    }
    cr_assert_eq(n, APPS * JOB_PRIORITIES);
    cr_assert_eq(fixture_state(&f, young), JOB_QUEUED);
}

static size_t sweep(bool done)
{
    job_op_sweep_due *due = JOB_OP_NEW(JOB_OP_SWEEP_DUE, job_op_sweep_due, NULL, NULL);
    due->retention_ms = 14 * FIXTURE_DAY_MS;
    due->idempotency_ms = FIXTURE_DAY_MS;
    cr_assert_eq(fixture_run(&f, &due->op), 0);
    size_t n = due->n_garbage;
    job_op_sweep_done *op = JOB_OP_NEW(JOB_OP_SWEEP_DONE, job_op_sweep_done, NULL, NULL);
    op->garbage = due->garbage;
    op->n_garbage = done ? n : 0;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    job_op_free(&op->op);
    job_op_free(&due->op);
    return n;
}

Test(limits, a_sweep_gives_256_keys_at_a_time_until_they_are_removed)
{
    char id[RF_UUID_LEN];
    for (int i = 0; i < MANY; i++) {
        fixture_upload(&f, id);
    }
    fixture_advance(2 * FIXTURE_DAY_MS);
    cr_assert_eq(sweep(false), JOB_SWEEP_MAX);
    cr_assert_eq(sweep(true), JOB_SWEEP_MAX, "what was not removed comes again");
    cr_assert_eq(sweep(true), MANY - JOB_SWEEP_MAX);
    cr_assert_eq(sweep(true), 0);
}

Test(limits, events_are_read_1000_at_a_time)
{
    static const struct {
        size_t n;
        bool more;
    } rows[] = {{1000, true}, {50, false}, {0, false}};
    char id[RF_UUID_LEN];
    for (int i = 0; i < 350; i++) { /* queued, failed, deleted */
        fixture_create(&f, id);
        cr_assert_eq(fixture_delete(&f, id, false), 0);
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        job_op_outbox_next *next = JOB_OP_NEW(JOB_OP_OUTBOX_NEXT, job_op_outbox_next, NULL, NULL);
        cr_assert_eq(fixture_run(&f, &next->op), 0);
        cr_assert_eq(next->n_events, rows[i].n, "row %zu: %zu", i, next->n_events);
        cr_assert_eq(next->more, rows[i].more);
        job_op_outbox_mark *op = JOB_OP_NEW(JOB_OP_OUTBOX_MARK, job_op_outbox_mark, NULL, NULL);
        op->events = next->events;
        op->n_events = next->n_events;
        cr_assert_eq(fixture_run(&f, &op->op), 0);
        job_op_free(&op->op);
        job_op_free(&next->op);
    }
}

/* ---- pages ---- */

Test(limits, pages_together_are_the_whole_list_without_gap_or_repeat)
{
    enum { JOBS = 57 };
    static const uint32_t sizes[] = {1, 7, 56, 57, 58, JOB_LIST_MAX};
    char ids[JOBS][RF_UUID_LEN];
    for (int i = 0; i < JOBS; i++) {
        fixture_create(&f, ids[i]);
        fixture_advance(i % 3); /* some at the same millisecond */
    }
    for (size_t s = 0; s < RF_ARRAY_LEN(sizes); s++) {
        bool seen[JOBS] = {false};
        size_t total = 0;
        int64_t before_ms = INT64_MAX;
        for (uint32_t page = 0; page <= JOBS / sizes[s] + 1; page++) {
            job_op_list *op = JOB_OP_NEW(JOB_OP_LIST, job_op_list, NULL, NULL);
            op->app = f.app;
            op->page = page;
            op->size = sizes[s];
            cr_assert_eq(fixture_run(&f, &op->op), 0);
            for (size_t i = 0; i < op->n_jobs; i++) {
                cr_assert_leq(op->jobs[i].created_ms, before_ms, "newest first");
                before_ms = op->jobs[i].created_ms;
                for (size_t k = 0; k < JOBS; k++) {
                    if (strcmp(op->jobs[i].id, ids[k]) == 0) {
                        cr_assert_not(seen[k], "size %u gives a job twice", sizes[s]);
                        seen[k] = true;
                    }
                }
            }
            total += op->n_jobs;
            job_op_free(&op->op);
        }
        cr_assert_eq(total, JOBS, "size %u", sizes[s]);
    }
}

Test(limits, a_page_far_past_the_end_is_empty)
{
    create_many(3);
    job_op_list *op = JOB_OP_NEW(JOB_OP_LIST, job_op_list, NULL, NULL);
    op->app = f.app;
    op->page = 1000000;
    op->size = JOB_LIST_MAX;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    cr_assert_eq(op->n_jobs, 0);
    job_op_free(&op->op);
}

/* ---- texts ---- */

static char *repeat(const char *piece, size_t len)
{
    size_t n = strlen(piece);
    char *text = rf_alloc(len + 1);
    for (size_t i = 0; i + n <= len; i += n) {
        memcpy(text + i, piece, n);
    }
    return text;
}

Test(limits, texts_of_any_kind_come_back_unchanged)
{
    RF_CLEANUP(rf_cleanup_free) char *params = repeat("{}", 65536);
    RF_CLEANUP(rf_cleanup_free) char *metadata = repeat("\xe2\x99\xaa", 16383);
    RF_CLEANUP(rf_cleanup_free) char *name = repeat("\xf0\x9f\x8e\xb5", 1024);
    const char *const texts[] = {
        "",        "'",         "'; DROP TABLE jobs; --",
        "\"",      "%s%n",      "\\u0000",
        "a\tb\nc", params,      metadata,
        name,      "NULL",      "\x7f\x01",
        "0",       "{\"a\":1}", "\xc3\xa9 e\xcc\x81", /* composed and not: never made alike */
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(texts); i++) {
        job_op_create *op = fixture_request(&f);
        op->name = op->params = op->metadata = texts[i];
        op->workflow = texts[i];
        op->request_id = op->traceparent = texts[i];
        cr_assert_eq(fixture_run(&f, &op->op), 0, "row %zu", i);
        job_op_get *got = fixture_get(&f, op->id);
        cr_assert_str_eq(got->job.name, texts[i]);
        cr_assert_str_eq(got->job.params, texts[i]);
        cr_assert_str_eq(got->job.metadata, texts[i]);
        cr_assert_str_eq(got->job.workflow, texts[i]);
        job_op_claim *claim = fixture_claim(&f, texts[i], 1);
        cr_assert_str_eq(claim->claims[0].params, texts[i]);
        cr_assert_str_eq(claim->claims[0].request_id, texts[i]);
        cr_assert(fixture_fail(&f, op->id, 1, JOB_CODE_BAD_INPUT, texts[i]));
        job_op_get *failed = fixture_get(&f, op->id);
        cr_assert_str_eq(failed->job.message, texts[i]);
        cr_assert_str_eq(failed->job.attempts[0].worker, texts[i]);
        job_op_free(&failed->op);
        job_op_free(&claim->op);
        job_op_free(&got->op);
        job_op_free(&op->op);
    }
}

Test(limits, a_job_has_as_many_inputs_targets_and_results_as_a_workflow_may_have)
{
    enum { N = 32 };
    static char names[N][16];
    static char urls[N][64];
    job_input inputs[N] = {0};
    job_target targets[N] = {0};
    job_result results[N] = {0};
    for (size_t i = 0; i < N; i++) {
        snprintf(names[i], sizeof(names[i]), "name %02zu", i);
        snprintf(urls[i], sizeof(urls[i]), "https://h/%zu?a=1&b=%%20", i);
        inputs[i] = (job_input){.param = names[i], .url = urls[i]};
        targets[i] = (job_target){.output = names[i], .url = urls[i]};
        results[i] = (job_result){.output = names[i], .kind = JOB_RESULT_TEXT, .text = urls[i]};
    }
    job_op_create *op = fixture_request(&f);
    op->inputs = inputs;
    op->targets = targets;
    op->n_inputs = op->n_targets = N;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    job_op_claim *claim = fixture_claim(&f, "w", 1);
    cr_assert_eq(claim->claims[0].n_inputs, N);
    cr_assert_eq(claim->claims[0].n_targets, N);
    for (size_t i = 0; i < N; i++) {
        cr_assert_str_eq(claim->claims[0].inputs[i].param, names[i]);
        cr_assert_str_eq(claim->claims[0].inputs[i].url, urls[i]);
        cr_assert_null(claim->claims[0].inputs[i].object_key);
        cr_assert_str_eq(claim->claims[0].targets[i].output, names[i]);
        cr_assert_str_eq(claim->claims[0].targets[i].url, urls[i]);
    }
    cr_assert(fixture_publish(&f, op->id, 1, results, N));
    job_op_get *got = fixture_get(&f, op->id);
    cr_assert_eq(got->job.n_results, N);
    for (size_t i = 0; i < N; i++) {
        cr_assert_str_eq(got->job.results[i].output, names[i]);
        cr_assert_str_eq(got->job.results[i].text, urls[i]);
    }
    job_op_free(&got->op);
    job_op_free(&claim->op);
    job_op_free(&op->op);
}

Test(limits, idempotency_keys_are_compared_to_the_last_byte)
{
    RF_CLEANUP(rf_cleanup_free) char *key = repeat("k", 255);
    for (int round = 0; round < 2; round++) {
        for (char last = 'a'; last <= 'c'; last++) {
            key[254] = last;
            job_op_create *op = fixture_request(&f);
            op->idempotency_key = key;
            cr_assert_eq(fixture_run(&f, &op->op), 0);
            cr_assert_eq(op->replayed, round == 1);
            job_op_free(&op->op);
        }
    }
    cr_assert_eq(fixture_count(&f, 0), 3);
}

Test(limits, sizes_above_4_gib_are_kept)
{
    char id[RF_UUID_LEN];
    char key[128];
    fixture_create(&f, id);
    uint64_t fence = fixture_claim_one(&f, "w", id);
    snprintf(key, sizeof(key), "jobs/%s/1/out", id);
    const job_result result = {.output = "out",
                               .kind = JOB_RESULT_FILE,
                               .object_key = key,
                               .extension = "wav",
                               .content_type = "audio/wav",
                               .size = INT64_C(20) << 30};
    cr_assert(fixture_publish(&f, id, fence, &result, 1));
    job_op_file_get *op = JOB_OP_NEW(JOB_OP_FILE_GET, job_op_file_get, NULL, NULL);
    op->job_id = id;
    op->file_name = "out.wav";
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    cr_assert_eq(op->size, INT64_C(20) << 30);
    cr_assert_str_eq(op->object_key, key);
    job_op_free(&op->op);
}
