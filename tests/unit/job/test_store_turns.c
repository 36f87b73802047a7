/*
 * Who starts next (spec jobs.md section 5, "priority" and "Concurrency, fairness"; K3): slots
 * rotate over applications by weight, priorities age, and the cost of a claim does not grow with
 * the queue. The clock is driven.
 */
#include "figures.h"
#include "job_fixture.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rf_time.h"

static fixture f;

static void open_with(int64_t concurrency)
{
    f.store = job_store_close(f.store);
    f.options.concurrency = concurrency;
    f.options.queued_max = 10000000;
    cr_assert_eq(fixture_try_open(&f), 0);
}

static void set_up(void)
{
    rf_time_drive();
    fixture_open(&f);
    open_with(1000);
}

static void tear_down(void)
{
    fixture_close(&f);
}

TestSuite(turns, .init = set_up, .fini = tear_down, .timeout = 900); /* of the long form */

/* Jobs are told apart by name. */
static void make(const char *app, const char *name, uint32_t priority)
{
    job_op_create *op = fixture_request(&f);
    op->app = app;
    op->name = name;
    op->priority = priority;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    job_op_free(&op->op);
}

static const char *name_of(const char *app, const char *id, char name[64])
{
    job_op_get *op = JOB_OP_NEW(JOB_OP_GET, job_op_get, NULL, NULL);
    op->app = app;
    op->id = id;
    name[0] = '\0';
    if (fixture_run(&f, &op->op) == 0) {
        rf_copy_str(name, 64, op->job.name);
    }
    job_op_free(&op->op);
    return name;
}

/* Claims up to max jobs at once and expects their names, in order; "" ends them. */
static void expect(const char *const *apps, size_t n_apps, uint32_t max, const char *const *names)
{
    job_op_claim *op = fixture_claim(&f, "w", max);
    size_t n = 0;
    for (; names[n][0] != '\0'; n++) {
        char name[64] = "";
        for (size_t k = 0; n < op->n_claims && k < n_apps && name[0] == '\0'; k++) {
            name_of(apps[k], op->claims[n].id, name);
        }
        cr_assert_str_eq(name, names[n], "claim %zu", n);
    }
    cr_assert_eq(op->n_claims, n);
    job_op_free(&op->op);
}

static void limit(const char *name, uint32_t concurrency, uint32_t weight)
{
    job_op_app_limit *op = JOB_OP_NEW(JOB_OP_APP_LIMIT, job_op_app_limit, NULL, NULL);
    op->name = name;
    op->set_concurrency = op->set_weight = true;
    op->concurrency = concurrency;
    op->weight = weight;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    cr_assert_eq(op->concurrency, concurrency);
    cr_assert_eq(op->weight, weight);
    job_op_free(&op->op);
}

/* ---- priority ---- */

/* X3 */
Test(turns, priority_9_goes_first_and_ties_go_by_age)
{
    const char *const apps[] = {f.app};
    make(f.app, "low", 0);
    make(f.app, "old", 5);
    fixture_advance(1000);
    make(f.app, "new", 5);
    make(f.app, "high", 9);
    make(f.app, "higher", 7);
    expect(apps, 1, 10, (const char *const[]){"high", "higher", "old", "new", "low", ""});
}

/* X3 */
Test(turns, priority_ages_by_one_a_minute_up_to_9)
{
    const char *const apps[] = {f.app};
    make(f.app, "aged", 3);
    fixture_advance(119999);
    make(f.app, "five", 5);
    make(f.app, "four", 4);
    expect(apps, 1, 2, (const char *const[]){"five", "aged", ""});
    expect(apps, 1, 2, (const char *const[]){"four", ""});
    make(f.app, "aged", 3);
    fixture_advance(120000);
    make(f.app, "five", 5);
    expect(apps, 1, 2, (const char *const[]){"aged", "five", ""});
}

/* X3 */
Test(turns, a_priority_0_job_outranks_all_newer_ones_after_540_s)
{
    const char *const apps[] = {f.app};
    make(f.app, "patient", 0);
    fixture_advance(539999);
    make(f.app, "urgent", 9);
    expect(apps, 1, 1, (const char *const[]){"urgent", ""});
    fixture_advance(1);
    make(f.app, "urgent too", 9);
    expect(apps, 1, 2, (const char *const[]){"patient", "urgent too", ""});
}

/* X3 */
Test(turns, priority_counts_within_one_application_only)
{
    char other[RF_UUID_LEN];
    fixture_application(&f, "other", other);
    const char *const apps[] = {f.app, other};
    for (int i = 0; i < 3; i++) {
        make(f.app, "urgent", 9);
        make(other, "calm", 0);
    }
    expect(apps, 2, 6,
           (const char *const[]){"urgent", "calm", "urgent", "calm", "urgent", "calm", ""});
}

Test(turns, a_retry_waits_for_its_time_and_keeps_its_priority)
{
    char id[RF_UUID_LEN];
    const char *const apps[] = {f.app};
    make(f.app, "failing", 9);
    uint64_t fence = fixture_claim_one(&f, "w", id);
    cr_assert(fixture_fail(&f, id, fence, "INTERNAL_ERROR", "x"));
    fixture_advance(FIXTURE_HOUR_MS);
    make(f.app, "other", 8);
    expect(apps, 1, 2, (const char *const[]){"failing", "other", ""});
}

/* ---- concurrency ---- */

/* X4 */
Test(turns, an_application_runs_so_many_jobs_and_the_rest_stays_queued)
{
    char ids[3][RF_UUID_LEN];
    uint64_t fence = 0;
    open_with(3);
    for (int i = 0; i < 5; i++) {
        make(f.app, "job", 5);
    }
    for (int i = 0; i < 3; i++) {
        fence = fixture_claim_one(&f, "w", ids[i]);
    }
    job_op_claim *none = fixture_claim(&f, "w", 10);
    cr_assert_eq(none->n_claims, 0);
    job_op_free(&none->op);
    cr_assert_eq(fixture_count(&f, 1u << JOB_QUEUED), 2);
    cr_assert(fixture_succeed(&f, ids[2], fence));
    job_op_claim *one = fixture_claim(&f, "w", 10);
    cr_assert_eq(one->n_claims, 1);
    job_op_free(&one->op);
}

Test(turns, the_limit_is_of_all_pools_together_and_of_each_application_alone)
{
    char other[RF_UUID_LEN];
    fixture_application(&f, "other", other);
    limit("other", 1, 1);
    for (int i = 0; i < 3; i++) {
        job_op_create *op = fixture_request(&f);
        op->app = other;
        op->pool = i == 0 ? JOB_POOL_GPU : JOB_POOL_CPU;
        cr_assert_eq(fixture_run(&f, &op->op), 0);
        job_op_free(&op->op);
        make(f.app, "mine", 5);
    }
    job_op_claim *gpu = JOB_OP_NEW(JOB_OP_CLAIM, job_op_claim, NULL, NULL);
    gpu->worker = "g";
    gpu->pool = JOB_POOL_GPU;
    gpu->max = 1;
    gpu->lease_ms = FIXTURE_LEASE_MS;
    cr_assert_eq(fixture_run(&f, &gpu->op), 0);
    cr_assert_eq(gpu->n_claims, 1);
    job_op_free(&gpu->op);
    const char *const apps[] = {f.app, other};
    expect(apps, 2, 10, (const char *const[]){"mine", "mine", "mine", ""});
}

Test(turns, a_reference_is_not_sent_for_a_job_that_may_not_start)
{
    open_with(2);
    for (int i = 0; i < 5; i++) {
        make(f.app, "job", 5);
    }
    job_op_outbox_next *next = JOB_OP_NEW(JOB_OP_OUTBOX_NEXT, job_op_outbox_next, NULL, NULL);
    next->allowed[JOB_POOL_CPU] = 10;
    next->republish_ms = 60000;
    cr_assert_eq(fixture_run(&f, &next->op), 0);
    cr_assert_eq(next->n_ready, 2, "K3");
    job_op_free(&next->op);
}

Test(turns, k3_references_go_out_by_fairness_then_priority)
{
    char other[RF_UUID_LEN];
    char id[64];
    fixture_application(&f, "other", other);
    make(f.app, "a-low", 1);
    make(f.app, "a-high", 8);
    make(other, "b-low", 1);
    make(other, "b-high", 8);
    static const char *const wanted[] = {"a-high", "b-high", "a-low"};
    job_op_outbox_next *next = JOB_OP_NEW(JOB_OP_OUTBOX_NEXT, job_op_outbox_next, NULL, NULL);
    next->allowed[JOB_POOL_CPU] = 3;
    next->republish_ms = 60000;
    cr_assert_eq(fixture_run(&f, &next->op), 0);
    cr_assert_eq(next->n_ready, 3);
    for (size_t i = 0; i < 3; i++) {
        const char *app = i == 1 ? other : f.app;
        cr_assert_str_eq(name_of(app, next->ready[i].job_id, id), wanted[i]);
    }
    job_op_free(&next->op);
}

Test(turns, a_reference_that_was_used_up_for_another_job_goes_out_again)
{
    char waiting[RF_UUID_LEN];
    make(f.app, "first", 5);
    fixture_advance(1);
    fixture_create(&f, waiting);
    job_op_outbox_mark *mark = JOB_OP_NEW(JOB_OP_OUTBOX_MARK, job_op_outbox_mark, NULL, NULL);
    job_op_outbox_next *next = JOB_OP_NEW(JOB_OP_OUTBOX_NEXT, job_op_outbox_next, NULL, NULL);
    next->allowed[JOB_POOL_CPU] = 10;
    next->republish_ms = 60000;
    cr_assert_eq(fixture_run(&f, &next->op), 0);
    cr_assert_eq(next->n_ready, 2);
    mark->ready = next->ready;
    mark->n_ready = 2;
    cr_assert_eq(fixture_run(&f, &mark->op), 0);
    const char *const hints[] = {waiting};
    job_op_claim *claim = JOB_OP_NEW(JOB_OP_CLAIM, job_op_claim, NULL, NULL);
    claim->worker = "w";
    claim->max = 1;
    claim->lease_ms = FIXTURE_LEASE_MS;
    claim->hints = hints;
    claim->n_hints = 1;
    cr_assert_eq(fixture_run(&f, &claim->op), 0);
    cr_assert_str_neq(claim->claims[0].id, waiting, "the order is the store's");
    job_op_free(&next->op);
    next = JOB_OP_NEW(JOB_OP_OUTBOX_NEXT, job_op_outbox_next, NULL, NULL);
    next->allowed[JOB_POOL_CPU] = 10;
    next->republish_ms = 60000;
    cr_assert_eq(fixture_run(&f, &next->op), 0);
    cr_assert_eq(next->n_ready, 1);
    cr_assert_str_eq(next->ready[0].job_id, waiting);
    job_op_free(&next->op);
    job_op_free(&mark->op);
    job_op_free(&claim->op);
}

/* ---- fairness ---- */

/* X4 */
Test(turns, slots_rotate_over_applications_by_weight)
{
    char b[RF_UUID_LEN];
    char c[RF_UUID_LEN];
    fixture_application(&f, "b", b);
    fixture_application(&f, "c", c);
    limit("b", 1000, 3);
    const char *const apps[] = {f.app, b, c};
    for (int i = 0; i < 10; i++) {
        make(f.app, "a", 5);
        make(b, "b", 5);
        make(c, "c", 5);
    }
    static const char *const order[] = {"a", "b", "b", "b", "c", "a", "b", "b", "b", "c"};
    for (size_t i = 0; i < RF_ARRAY_LEN(order); i++) { /* one slot at a time */
        expect(apps, 3, 1, (const char *const[]){order[i], ""});
    }
    expect(apps, 3, 10,
           (const char *const[]){"a", "b", "b", "b", "c", "a", "b", "c", "a", "c", ""});
}

Test(turns, the_rotation_goes_on_over_claims_of_several_slots)
{
    char b[RF_UUID_LEN];
    fixture_application(&f, "b", b);
    const char *const apps[] = {f.app, b};
    for (int i = 0; i < 6; i++) {
        make(f.app, "a", 5);
        make(b, "b", 5);
    }
    expect(apps, 2, 3, (const char *const[]){"a", "b", "a", ""});
    expect(apps, 2, 3, (const char *const[]){"b", "a", "b", ""});
}

/* X4 */
Test(turns, a_first_job_starts_within_as_many_grants_as_there_are_applications)
{
    enum { APPS = 20 };
    char apps[APPS][RF_UUID_LEN];
    const char *list[APPS];
    for (int i = 0; i < APPS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "app-%d", i);
        fixture_application(&f, name, apps[i]);
        list[i] = apps[i];
        for (int k = 0; i < APPS - 1 && k < 5; k++) {
            make(apps[i], "other", 5);
        }
    }
    for (int before = 0; before < APPS; before++) {
        size_t grants = 0;
        make(apps[APPS - 1], "new", 0);
        for (char name[64] = ""; strcmp(name, "new") != 0; grants++) {
            char id[RF_UUID_LEN];
            fixture_claim_one(&f, "w", id);
            name[0] = '\0';
            for (size_t k = 0; k < APPS && name[0] == '\0'; k++) {
                name_of(list[k], id, name);
            }
            if (strcmp(name, "other") == 0) {
                for (size_t k = 0; k < APPS - 1; k++) { /* keep all of them busy */
                    if (strcmp(name_of(list[k], id, name), "other") == 0) {
                        make(list[k], "other", 5);
                        break;
                    }
                }
            }
        }
        cr_assert_leq(grants, APPS, "after %d", before);
    }
}

typedef struct filling {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    size_t out;
} filling;

static void filled(job_op *op)
{
    filling *fill = op->user;
    pthread_mutex_lock(&fill->mutex);
    cr_assert_eq(op->err, 0);
    fill->out--;
    pthread_cond_signal(&fill->cond);
    pthread_mutex_unlock(&fill->mutex);
    job_op_free(op);
}

/* Many jobs of one application, several at a time on their way. */
static void fill(const char *app, size_t n)
{
    filling fill = {.out = 0};
    pthread_mutex_init(&fill.mutex, NULL);
    pthread_cond_init(&fill.cond, NULL);
    pthread_mutex_lock(&fill.mutex);
    for (size_t i = 0; i < n; i++) {
        job_op_create *op = fixture_request(&f);
        op->app = app;
        op->op.done = filled;
        op->op.user = &fill;
        while (fill.out >= 2000) {
            pthread_cond_wait(&fill.cond, &fill.mutex);
        }
        fill.out++;
        pthread_mutex_unlock(&fill.mutex);
        job_store_submit(f.store, &op->op);
        pthread_mutex_lock(&fill.mutex);
    }
    while (fill.out > 0) {
        pthread_cond_wait(&fill.cond, &fill.mutex);
    }
    pthread_mutex_unlock(&fill.mutex);
    pthread_cond_destroy(&fill.cond);
    pthread_mutex_destroy(&fill.mutex);
}

/* Claims and ends n jobs, 50 at a time; returns the seconds that took. */
static double drain(size_t n)
{
    const job_result text = {.output = "out", .kind = JOB_RESULT_TEXT, .text = "done"};
    struct timespec from;
    struct timespec to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (size_t done = 0; done < n;) {
        job_finish items[50];
        job_op_claim *claim = fixture_claim(&f, "w", RF_ARRAY_LEN(items));
        cr_assert_gt(claim->n_claims, 0);
        for (size_t i = 0; i < claim->n_claims; i++) {
            items[i] = (job_finish){.id = claim->claims[i].id,
                                    .fence = claim->claims[i].fence,
                                    .outcome = JOB_OUTCOME_SUCCESS,
                                    .results = &text,
                                    .n_results = 1};
        }
        job_op_finish *finish = JOB_OP_NEW(JOB_OP_FINISH, job_op_finish, NULL, NULL);
        finish->worker = "w";
        finish->items = items;
        finish->n_items = claim->n_claims;
        cr_assert_eq(fixture_run(&f, &finish->op), 0);
        done += claim->n_claims;
        job_op_free(&finish->op);
        job_op_free(&claim->op);
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    return (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
}

/* A server beside makes it too long for every day: a tenth there, unless REFLECTION_LONG=1. */
static size_t many(size_t n)
{
    bool embedded = strcmp(fixture_store.name, "sqlite") == 0;
    return figures_are_long() ? n : n / (embedded ? FIGURES_EVERY(2) : 10);
}

/* X4: Issue 6, fault table. */
Test(turns, with_100000_jobs_queued_another_tenant_s_first_starts_within_2_slot_grants)
{
    char other[RF_UUID_LEN];
    char name[64];
    fill(f.app, many(100000));
    fixture_application(&f, "other", other);
    for (int i = 0; i < 3; i++) {
        char id[RF_UUID_LEN];
        fixture_claim_one(&f, "w", id);
    }
    make(other, "first", 0);
    bool started = false;
    for (int grant = 0; grant < 2; grant++) {
        char id[RF_UUID_LEN];
        fixture_claim_one(&f, "w", id);
        started = started || strcmp(name_of(other, id, name), "first") == 0;
    }
    cr_assert(started);
}

/* ---- a long run at random ---- */

enum { CROWD = 8, AT_ONCE = 32 };

typedef struct crowd {
    char apps[CROWD][RF_UUID_LEN];
    size_t weights[CROWD];
    size_t waiting[CROWD];
    size_t passed[CROWD]; /* grants to others while it waited, since its last one */
    size_t had[CROWD];
    size_t rotation; /* of all weights */
    uint32_t dice;
} crowd;

/* The same run each time (a linear congruential generator with the multiplier of Knuth). */
static uint32_t roll(crowd *c, uint32_t sides)
{
    c->dice = c->dice * 1664525 + 1013904223;
    return (c->dice >> 16) % sides;
}

static void gather(crowd *c)
{
    *c = (crowd){.dice = 1};
    for (size_t i = 0; i < CROWD; i++) {
        char name[16];
        snprintf(name, sizeof(name), "app-%zu", i);
        fixture_application(&f, name, c->apps[i]);
        c->weights[i] = 1 + i % 3;
        c->rotation += c->weights[i];
        limit(name, 1000, (uint32_t)c->weights[i]);
    }
}

/* Some applications get jobs more, many or few, whose parameters tell whose they are. */
static void add_jobs(crowd *c)
{
    for (size_t i = 0; i < CROWD; i++) {
        size_t n = roll(c, 3) == 0 ? 1 + roll(c, roll(c, 4) == 0 ? 40 : 3) : 0;
        for (size_t k = 0; k < n; k++) {
            char params[16];
            job_op_create *op = fixture_request(&f);
            snprintf(params, sizeof(params), "%zu", i);
            op->app = c->apps[i];
            op->params = params;
            cr_assert_eq(fixture_run(&f, &op->op), 0);
            job_op_free(&op->op);
        }
        c->waiting[i] += n;
    }
}

static void expect_fair(crowd *c, size_t who)
{
    cr_assert_gt(c->waiting[who], 0);
    c->waiting[who]--;
    c->had[who]++;
    for (size_t k = 0; k < CROWD; k++) {
        c->passed[k] = c->waiting[k] > 0 && k != who ? c->passed[k] + 1 : 0;
        cr_assert_leq(c->passed[k], c->rotation - c->weights[k], "application %zu", k);
    }
}

/* Grants some slots at once, looks at their order, and ends the jobs; returns how many. */
static size_t grant_some(crowd *c)
{
    const job_result text = {.output = "out", .kind = JOB_RESULT_TEXT, .text = "done"};
    job_finish items[AT_ONCE];
    job_op_claim *claim = fixture_claim(&f, "w", 1 + roll(c, AT_ONCE));
    size_t n = claim->n_claims;
    for (size_t i = 0; i < n; i++) {
        expect_fair(c, (size_t)atoi(claim->claims[i].params));
        items[i] = (job_finish){.id = claim->claims[i].id,
                                .fence = claim->claims[i].fence,
                                .outcome = JOB_OUTCOME_SUCCESS,
                                .results = &text,
                                .n_results = 1};
    }
    job_op_finish *finish = JOB_OP_NEW(JOB_OP_FINISH, job_op_finish, NULL, NULL);
    finish->worker = "w";
    finish->items = items;
    finish->n_items = n;
    cr_assert_eq(fixture_run(&f, &finish->op), 0);
    job_op_free(&finish->op);
    job_op_free(&claim->op);
    return n;
}

/* X4: applications of several weights come and go, and slots are granted by ones and many. None is
 * passed over, while it waits, by more grants than one turn of all others takes. 3,000 grants;
 * REFLECTION_LONG=1 takes 1,000,000. */
Test(turns, nobody_waits_longer_than_one_turn_of_all_others)
{
    crowd c;
    size_t n = figures_are_long() ? 1000000 : many(3000);
    f.options.events = false; /* nobody takes them here */
    open_with(1000);
    gather(&c);
    for (size_t grants = 0; grants < n;) {
        add_jobs(&c);
        grants += grant_some(&c);
        fixture_advance(roll(&c, 100));
    }
    for (size_t k = 0; k < CROWD; k++) {
        cr_assert_gt(c.had[k], 0);
    }
}

/* The growth with the queue's depth that the issue asks for, printed; REFLECTION_LONG=1 takes 1 M
 * and holds it against 0.8; without, that every job of a deep queue comes is what is held. */
Test(turns, the_rate_of_starts_does_not_fall_with_the_queue)
{
    enum { DRAINED = 2000, TIMES = 3 };
    bool deep = figures_are_long();
    double shallow_s = 1e9;
    double deep_s = 1e9;
    for (int i = 0; i < TIMES; i++) { /* the best of them: others use the machine too */
        fill(f.app, DRAINED);
        shallow_s = RF_MIN(shallow_s, drain(DRAINED));
    }
    fill(f.app, deep ? 1000000 : RF_MAX(many(30000), (size_t)(DRAINED * (TIMES + 1))));
    for (int i = 0; i < TIMES; i++) {
        deep_s = RF_MIN(deep_s, drain(DRAINED));
    }
    double ratio = shallow_s / deep_s;
    printf("starts and ends a second: %.0f, and %.0f with a deep queue: %.2f\n",
           DRAINED / shallow_s, DRAINED / deep_s, ratio);
    cr_assert(!deep || ratio > 0.8, "%.2f", ratio);
}
