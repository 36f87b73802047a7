/*
 * Several job services on one database (design.md, section 4): two stores of this program.
 */
#include "job_fixture.h"
#include "postgres_server.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job_retry.h"
#include "job_sql.h"
#include "rf_time.h"

#define N_JOBS 400
#define N_TAKERS 4

static fixture f;
static job_store *second;

static void set_up(void)
{
    rf_time_drive();
    fixture_open(&f);
    job_store_options options = f.options;
    options.hooks = (job_store_hooks){.user = NULL}; /* the fixture's are for one store */
    cr_assert_eq(job_store_open(&options, &second), 0);
}

static void tear_down(void)
{
    job_store_close(second);
    postgres_rules(f.url);
    fixture_close(&f);
}

TestSuite(postgres_replicas, .init = set_up, .fini = tear_down);

/* Runs fn with the second store in place of the first. */
#define ON_SECOND(statement)                                                                       \
    do {                                                                                           \
        job_store *first_ = f.store;                                                               \
        f.store = second;                                                                          \
        statement;                                                                                 \
        f.store = first_;                                                                          \
    } while (0)

/* ---- no job is claimed twice (E1) ---- */

typedef struct taker {
    pthread_t thread;
    job_store *store;
    char ids[N_JOBS][RF_UUID_LEN];
    size_t n;
} taker;

static int run_claim(job_store *store, job_op_claim **ret)
{
    job_op_claim *op = JOB_OP_NEW(JOB_OP_CLAIM, job_op_claim, NULL, NULL);
    op->worker = "w";
    op->pool = JOB_POOL_CPU;
    op->max = 7;
    op->lease_ms = FIXTURE_LEASE_MS;
    *ret = op;
    return job_store_run(store, &op->op);
}

static int run_finish(job_store *store, const job_op_claim *claim)
{
    const job_result text = {.output = "out", .kind = JOB_RESULT_TEXT, .text = "done"};
    job_op_finish *op = JOB_OP_NEW(JOB_OP_FINISH, job_op_finish, NULL, NULL);
    op->worker = "w";
    op->items = job_arena_array(&op->op.arena, claim->n_claims, sizeof(job_finish));
    op->n_items = claim->n_claims;
    for (size_t i = 0; i < claim->n_claims; i++) {
        op->items[i] = (job_finish){.id = claim->claims[i].id,
                                    .fence = claim->claims[i].fence,
                                    .outcome = JOB_OUTCOME_SUCCESS,
                                    .results = &text,
                                    .n_results = 1};
    }
    int err = job_store_run(store, &op->op);
    for (size_t i = 0; err == 0 && i < claim->n_claims; i++) {
        err = op->items[i].accepted ? 0 : -ESTALE;
    }
    job_op_free(&op->op);
    return err;
}

static void *take(void *arg)
{
    taker *t = arg;
    for (bool more = true; more;) {
        job_op_claim *claim = NULL;
        int err = run_claim(t->store, &claim);
        more = err == 0 && claim->n_claims > 0;
        for (size_t i = 0; more && i < claim->n_claims; i++) {
            rf_copy_str(t->ids[t->n++], RF_UUID_LEN, claim->claims[i].id);
        }
        if (more && run_finish(t->store, claim) != 0) {
            more = false;
            t->n = SIZE_MAX;
        }
        job_op_free(&claim->op);
    }
    return NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

Test(postgres_replicas, E1_no_job_is_claimed_twice_by_workers_of_different_replicas)
{
    static taker takers[N_TAKERS];
    static char all[N_JOBS][RF_UUID_LEN];
    char id[RF_UUID_LEN];
    for (int i = 0; i < N_JOBS; i++) {
        fixture_create(&f, id);
    }
    for (size_t i = 0; i < N_TAKERS; i++) {
        takers[i].store = i % 2 == 0 ? f.store : second;
        cr_assert_eq(pthread_create(&takers[i].thread, NULL, take, &takers[i]), 0);
    }
    size_t n = 0;
    for (size_t i = 0; i < N_TAKERS; i++) {
        pthread_join(takers[i].thread, NULL);
        cr_assert_leq(takers[i].n, N_JOBS - n, "a finish was refused, or a job was claimed twice");
        memcpy(all[n], takers[i].ids, takers[i].n * RF_UUID_LEN);
        n += takers[i].n;
    }
    cr_assert_eq(n, N_JOBS, "every job was claimed");
    qsort(all, n, RF_UUID_LEN, by_text);
    for (size_t i = 1; i < n; i++) {
        cr_assert_neq(strcmp(all[i - 1], all[i]), 0, "%s was claimed twice", all[i]);
    }
    cr_assert_eq(fixture_count(&f, 1u << JOB_SUCCEEDED), N_JOBS);
}

Test(postgres_replicas, E1_a_fence_that_one_replica_raised_is_old_at_the_other)
{
    char id[RF_UUID_LEN], again[RF_UUID_LEN];
    uint64_t old, fresh;
    bool accepted;
    fixture_create(&f, id);
    old = fixture_claim_one(&f, "w1", id);
    fixture_advance(FIXTURE_LEASE_MS + 1);
    ON_SECOND(cr_assert_eq(fixture_scan(&f, NULL), 1));
    fixture_advance(FIXTURE_DAY_MS / 2);
    ON_SECOND(fresh = fixture_claim_one(&f, "w2", again));
    cr_assert_str_eq(again, id);
    cr_assert_gt(fresh, old);
    cr_assert_not(fixture_succeed(&f, id, old));
    ON_SECOND(accepted = fixture_succeed(&f, id, fresh));
    cr_assert(accepted);
    cr_assert_eq(fixture_state(&f, id), JOB_SUCCEEDED, "seen here as well");
}

static void *claim_one(void *arg)
{
    job_op_claim **claim = arg;
    cr_assert_eq(run_claim(f.store, claim), 0);
    return NULL;
}

/* The reference is out before it is marked, so a worker may come while the mark is under way. */
Test(postgres_replicas, K3_a_job_whose_reference_is_just_being_marked_is_claimed_all_the_same)
{
    char id[RF_UUID_LEN];
    pthread_t thread;
    job_op_claim *claim = NULL;
    job_sql *mark = NULL;
    fixture_create(&f, id);
    cr_assert_eq(job_sql_open(f.url, JOB_SQL_WRITER, &mark), 0);
    job_sql_begin(mark);
    cr_assert_eq(job_sql_exec(mark, "UPDATE ready SET sent_ms=1", ""), 1);
    cr_assert_eq(pthread_create(&thread, NULL, claim_one, &claim), 0);
    while (postgres_one(f.url, "SELECT count(*) FROM pg_locks WHERE NOT granted") == 0) {
    }
    cr_assert_eq(job_sql_commit(mark), 0);
    pthread_join(thread, NULL);
    cr_assert_eq(claim->n_claims, 1);
    job_op_free(&claim->op);
    job_sql_close(mark);
}

/* ---- what both do at once has one effect ---- */

typedef struct pair {
    job_op *op;
    job_store *store;
    pthread_t thread;
} pair;

static void *run_one(void *arg)
{
    pair *p = arg;
    job_store_run(p->store, p->op);
    return NULL;
}

static void run_both(job_op *a, job_op *b)
{
    pair pairs[] = {{.op = a, .store = f.store}, {.op = b, .store = second}};
    for (size_t i = 0; i < RF_ARRAY_LEN(pairs); i++) {
        cr_assert_eq(pthread_create(&pairs[i].thread, NULL, run_one, &pairs[i]), 0);
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(pairs); i++) {
        pthread_join(pairs[i].thread, NULL);
    }
}

Test(postgres_replicas, an_idempotency_key_used_at_both_makes_one_job)
{
    for (int i = 0; i < 30; i++) {
        char key[32];
        snprintf(key, sizeof(key), "key-%d", i);
        job_op_create *a = fixture_request(&f), *b = fixture_request(&f);
        a->idempotency_key = b->idempotency_key = key;
        run_both(&a->op, &b->op);
        cr_assert_eq(a->op.err, 0);
        cr_assert_eq(b->op.err, 0);
        cr_assert_str_eq(a->id, b->id);
        cr_assert_eq(a->replayed + b->replayed, 1);
        job_op_free(&a->op);
        job_op_free(&b->op);
    }
    cr_assert_eq(fixture_count(&f, 0), 30);
}

static job_op_key_create *new_key(const char *app)
{
    job_op_key_create *op = JOB_OP_NEW(JOB_OP_KEY_CREATE, job_op_key_create, NULL, NULL);
    op->app_name = app;
    op->scopes = "none";
    op->prefix = "rk_test";
    rf_random(op->hash, sizeof(op->hash));
    return op;
}

Test(postgres_replicas, an_application_gets_one_key_when_both_make_one)
{
    for (int i = 0; i < 20; i++) {
        char app[32];
        snprintf(app, sizeof(app), "app-%d", i);
        job_op_key_create *a = new_key(app), *b = new_key(app);
        run_both(&a->op, &b->op);
        cr_assert_eq(a->op.err + b->op.err, -EEXIST);
        job_op_free(&a->op);
        job_op_free(&b->op);
    }
}

Test(postgres_replicas, replicas_that_start_store_a_workflow_once)
{
    for (int i = 0; i < 20; i++) {
        char slug[32];
        snprintf(slug, sizeof(slug), "flow-%d", i);
        job_op_workflow_put *ops[2];
        for (int k = 0; k < 2; k++) {
            ops[k] = JOB_OP_NEW(JOB_OP_WORKFLOW_PUT, job_op_workflow_put, NULL, NULL);
            ops[k]->slug = slug;
            ops[k]->document = "{}";
        }
        run_both(&ops[0]->op, &ops[1]->op);
        cr_assert_eq(ops[0]->op.err, 0);
        cr_assert_eq(ops[1]->op.err, 0);
        cr_assert_eq(ops[0]->version, ops[1]->version);
        cr_assert_str_eq(ops[0]->id, ops[1]->id);
        job_op_free(&ops[0]->op);
        job_op_free(&ops[1]->op);
    }
}

Test(postgres_replicas, E2_an_attempt_that_both_scan_is_lost_once)
{
    char id[RF_UUID_LEN];
    for (int i = 0; i < 20; i++) {
        fixture_create(&f, id);
    }
    job_op_free(&fixture_claim(&f, "w", 20)->op);
    fixture_advance(FIXTURE_LEASE_MS + 1);
    job_op_scan *a = JOB_OP_NEW(JOB_OP_SCAN, job_op_scan, NULL, NULL);
    job_op_scan *b = JOB_OP_NEW(JOB_OP_SCAN, job_op_scan, NULL, NULL);
    a->start_limit_ms = b->start_limit_ms = FIXTURE_DAY_MS;
    run_both(&a->op, &b->op);
    cr_assert_eq(a->n_lost + b->n_lost, 20);
    job_op_free(&a->op);
    job_op_free(&b->op);
    cr_assert_eq(postgres_one(f.url, "SELECT max(retries) FROM jobs"), 1, "one retry was used");
}

Test(postgres_replicas, a_cancel_at_one_and_an_end_at_the_other_leave_one_of_them)
{
    for (int i = 0; i < 20; i++) {
        char id[RF_UUID_LEN];
        const job_result text = {.output = "out", .kind = JOB_RESULT_TEXT, .text = "done"};
        fixture_create(&f, id);
        job_finish item = {.id = id,
                           .fence = fixture_claim_one(&f, "w", id),
                           .outcome = JOB_OUTCOME_SUCCESS,
                           .results = &text,
                           .n_results = 1};
        job_op_finish *finish = JOB_OP_NEW(JOB_OP_FINISH, job_op_finish, NULL, NULL);
        finish->worker = "w";
        finish->items = &item;
        finish->n_items = 1;
        job_op_cancel *cancel = JOB_OP_NEW(JOB_OP_CANCEL, job_op_cancel, NULL, NULL);
        cancel->app = f.app;
        cancel->id = id;
        run_both(&finish->op, &cancel->op);
        cr_assert_eq(finish->op.err, 0);
        cr_assert_eq(cancel->op.err, 0);
        cr_assert_eq(fixture_state(&f, id), item.accepted ? JOB_SUCCEEDED : JOB_FAILED);
        cr_assert_eq(cancel->state, item.accepted ? JOB_SUCCEEDED : JOB_FAILED);
        job_op_free(&finish->op);
        job_op_free(&cancel->op);
    }
}

/* ---- the outbox ---- */

static size_t events_at(job_store *store)
{
    job_op_outbox_next *op = JOB_OP_NEW(JOB_OP_OUTBOX_NEXT, job_op_outbox_next, NULL, NULL);
    op->republish_ms = 60000;
    cr_assert_eq(job_store_run(store, &op->op), 0);
    size_t n = op->n_events;
    job_op_free(&op->op);
    return n;
}

Test(postgres_replicas, K1_events_are_published_by_one_replica_and_by_the_next_when_it_ends)
{
    char id[RF_UUID_LEN];
    fixture_create(&f, id);
    cr_assert_eq(events_at(f.store), 1);
    cr_assert_eq(events_at(second), 0);
    for (int i = 0; i < 8; i++) { /* whichever of its connections answers */
        cr_assert_eq(events_at(f.store), 1);
    }
    f.store = job_store_close(f.store);
    while (events_at(second) == 0) { /* the server notices the end on its own time */
    }
    cr_assert_eq(fixture_try_open(&f), 0);
    cr_assert_eq(events_at(f.store), 0, "who comes back waits for the next turn");
}

Test(postgres_replicas, a_state_that_another_replica_set_is_read_here)
{
    char id[RF_UUID_LEN];
    job_state state;
    fixture_create(&f, id);
    cr_assert(job_store_shared(f.store));
    ON_SECOND(cr_assert_eq(fixture_cancel(&f, id, &state), 0));
    cr_assert_eq(fixture_state(&f, id), JOB_FAILED);
    ON_SECOND(cr_assert_eq(fixture_delete(&f, id, false), 0));
    cr_assert_eq(fixture_state(&f, id), JOB_NONE);
}
