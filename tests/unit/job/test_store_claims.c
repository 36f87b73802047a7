/*
 * What a claim costs and in what order it takes (spec jobs.md E1, section 5): the number of
 * questions to the database, and a model that gives one slot after another. The clock is driven.
 */
#include "job_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "job_sql_driver.h"
#include "job_store_sql.h"
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

TestSuite(claims, .init = set_up, .fini = tear_down, .timeout = 120);

static void make(const char *app, uint32_t priority, char id[RF_UUID_LEN])
{
    job_op_create *op = fixture_request(&f);
    op->app = app;
    op->priority = priority;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    rf_copy_str(id, RF_UUID_LEN, op->id);
    job_op_free(&op->op);
}

/* ---- questions ---- */

/* A connection beside those of the store, whose questions are counted: each may be a round trip. */
static job_sql *db;
static const job_sql_driver *real;
static job_sql_driver counting;
static unsigned n_questions;

static job_rows *count_query(job_sql *sql, const char *text, const char *types, va_list args)
{
    n_questions++;
    return real->query(sql, text, types, args);
}

static void count_each(job_sql *sql, const char *text, const job_sql_many *many)
{
    unsigned before = n_questions;
    real->each(sql, text, many); /* SQLite's asks them one by one, in memory */
    n_questions = before + 1;
}

static int64_t count_exec(job_sql *sql, const char *text, const char *types, va_list args)
{
    n_questions++;
    return real->exec(sql, text, types, args);
}

static job_common common;
static job_tx tx;

static void open_counted(job_sql_role role)
{
    pthread_mutex_init(&common.mutex, NULL);
    cr_assert_eq(job_sql_open(f.url, role, &db), 0);
    real = db->driver;
    counting = *real;
    counting.query = count_query;
    counting.each = count_each;
    counting.exec = count_exec;
    db->driver = &counting;
    tx = (job_tx){.db = db, .options = &f.options, .common = &common};
}

static void close_counted(void)
{
    job_arena_done(&tx.arena);
    job_tx_documents_free(&tx);
    job_common_done(&common);
    db = job_sql_close(db);
}

/* Claims up to max jobs, expects n of them, and returns how many questions that took. */
static unsigned claim(uint32_t max, size_t n)
{
    job_op_claim *op = JOB_OP_NEW(JOB_OP_CLAIM, job_op_claim, NULL, NULL);
    op->worker = "w";
    op->pool = JOB_POOL_CPU;
    op->max = max;
    op->lease_ms = FIXTURE_LEASE_MS;
    n_questions = 0;
    cr_assert_eq(job_tx_run(&tx, &op->op), 0);
    cr_assert_eq(op->n_claims, n);
    job_op_free(&op->op);
    return n_questions;
}

enum { APPS = 8, LEVELS = 3, EACH = 10 };

static void fill(char apps[APPS][RF_UUID_LEN])
{
    char id[RF_UUID_LEN];
    for (int a = 0; a < APPS; a++) {
        char name[16];
        snprintf(name, sizeof(name), "app-%d", a);
        fixture_application(&f, name, apps[a]);
        for (uint32_t i = 0; i < LEVELS * EACH; i++) {
            make(apps[a], i % LEVELS * 4, id);
        }
    }
}

Test(claims, a_claim_asks_three_questions_whatever_the_number_of_jobs_applications_and_priorities)
{
    char apps[APPS][RF_UUID_LEN];
    char id[RF_UUID_LEN];
    make(f.app, 5, id);
    open_counted(JOB_SQL_WRITER);
    claim(1, 1); /* also reads the workflow */
    make(f.app, 5, id);
    cr_assert_eq(claim(1, 1), 3);
    fill(apps);
    cr_assert_eq(claim(1, 1), 3);
    cr_assert_eq(claim(100, 100), 3);
    close_counted();
}

Test(claims, applications_with_few_jobs_cost_one_more_question_together)
{
    char apps[APPS][RF_UUID_LEN];
    char id[RF_UUID_LEN];
    make(f.app, 5, id);
    open_counted(JOB_SQL_WRITER);
    claim(1, 1);
    fill(apps);
    claim(APPS * LEVELS * EACH, APPS * LEVELS * EACH);
    for (int a = 0; a < APPS; a++) {
        for (int i = 0; i < (a == 0 ? 100 : 1); i++) {
            make(apps[a], 5, id);
        }
    }
    cr_assert_leq(claim(50, 50), 4);
    close_counted();
}

Test(claims, what_jobs_come_with_costs_a_question_for_all_of_them)
{
    char id[RF_UUID_LEN];
    make(f.app, 5, id);
    open_counted(JOB_SQL_WRITER);
    claim(1, 1);
    for (int i = 0; i < 20; i++) {
        const job_input input = {.param = "in", .url = "https://example.com/a.wav"};
        job_op_create *op = fixture_request(&f);
        op->inputs = &input;
        op->n_inputs = 1;
        cr_assert_eq(fixture_run(&f, &op->op), 0);
        job_op_free(&op->op);
    }
    cr_assert_eq(claim(20, 20), 4);
    close_counted();
}

/* Returns how many questions it takes to find n references. */
static unsigned find_references(size_t n)
{
    job_op_outbox_next *next = JOB_OP_NEW(JOB_OP_OUTBOX_NEXT, job_op_outbox_next, NULL, NULL);
    next->allowed[JOB_POOL_CPU] = 100;
    next->republish_ms = 60000;
    n_questions = 0;
    cr_assert_eq(job_tx_run(&tx, &next->op), 0);
    cr_assert_eq(next->n_ready, n);
    job_op_free(&next->op);
    return n_questions;
}

Test(claims, references_of_many_jobs_are_found_with_as_many_questions_as_that_of_one)
{
    char apps[APPS][RF_UUID_LEN];
    char id[RF_UUID_LEN];
    make(f.app, 5, id);
    open_counted(JOB_SQL_READER);
    find_references(1); /* also asks whether this replica publishes the events */
    unsigned one = find_references(1);
    fill(apps);
    cr_assert_eq(find_references(100), one);
    close_counted();
}

/* ---- what a claim brings ---- */

Test(claims, each_job_of_a_claim_comes_with_its_own_inputs_targets_and_steps)
{
    enum { JOBS = 6 };
    char ids[JOBS][RF_UUID_LEN];
    for (size_t i = 0; i < JOBS; i++) {
        job_input inputs[JOBS];
        char params[JOBS][16];
        for (size_t k = 0; k < i; k++) {
            snprintf(params[k], sizeof(params[k]), "%zu-%zu", i, k);
            inputs[k] = (job_input){.param = params[k], .url = "https://example.com/a.wav"};
        }
        const job_target target = {.output = i % 2 == 0 ? "even" : "odd",
                                   .url = "https://example.com/put"};
        job_op_create *op = fixture_request(&f);
        op->inputs = inputs;
        op->n_inputs = i;
        op->targets = &target;
        op->n_targets = i > 0;
        cr_assert_eq(fixture_run(&f, &op->op), 0);
        rf_copy_str(ids[i], RF_UUID_LEN, op->id);
        job_op_free(&op->op);
    }
    job_op_claim *first = fixture_claim(&f, "w", JOBS);
    for (size_t i = 0; i < JOBS; i++) {
        const job_step_output done = {.step = "s", .port = "p", .text = first->claims[i].id};
        job_op_step_done *step = JOB_OP_NEW(JOB_OP_STEP_DONE, job_op_step_done, NULL, NULL);
        step->id = first->claims[i].id;
        step->fence = first->claims[i].fence;
        step->outputs = &done;
        step->n_outputs = i % 2;
        cr_assert_eq(fixture_run(&f, &step->op), 0);
        job_op_free(&step->op);
        cr_assert(fixture_release(&f, first->claims[i].id, first->claims[i].fence));
    }
    job_op_free(&first->op);
    job_op_claim *again = fixture_claim(&f, "w", JOBS);
    cr_assert_eq(again->n_claims, JOBS);
    for (size_t i = 0; i < JOBS; i++) {
        const job_claim *c = &again->claims[i];
        cr_assert_str_eq(c->id, ids[i]);
        cr_assert_eq(c->fence, 2);
        cr_assert_eq(c->n_inputs, i);
        for (size_t k = 0; k < i; k++) {
            char param[16];
            snprintf(param, sizeof(param), "%zu-%zu", i, k);
            cr_assert_str_eq(c->inputs[k].param, param);
        }
        cr_assert_eq(c->n_targets, i > 0);
        cr_assert(i == 0 || strcmp(c->targets[0].output, i % 2 == 0 ? "even" : "odd") == 0);
        cr_assert_eq(c->n_done, i % 2);
        cr_assert(i % 2 == 0 || strcmp(c->done[0].text, c->id) == 0);
    }
    job_op_free(&again->op);
}

static job_op_outbox_next *unsent(void)
{
    job_op_outbox_next *next = JOB_OP_NEW(JOB_OP_OUTBOX_NEXT, job_op_outbox_next, NULL, NULL);
    next->allowed[JOB_POOL_CPU] = 100;
    next->republish_ms = 60000;
    cr_assert_eq(fixture_run(&f, &next->op), 0);
    return next;
}

Test(claims, of_many_references_those_of_jobs_that_still_wait_go_out_again)
{
    enum { JOBS = 8, TAKEN = 3 };
    char ids[JOBS][RF_UUID_LEN];
    const char *hints[JOBS] = {"no such job"};
    for (int i = 0; i < JOBS; i++) {
        make(f.app, 5, ids[i]);
        hints[i] = i == 0 ? hints[0] : ids[i];
        fixture_advance(1);
    }
    job_op_outbox_next *next = unsent();
    cr_assert_eq(next->n_ready, JOBS);
    job_op_outbox_mark *mark = JOB_OP_NEW(JOB_OP_OUTBOX_MARK, job_op_outbox_mark, NULL, NULL);
    mark->ready = next->ready;
    mark->n_ready = JOBS;
    cr_assert_eq(fixture_run(&f, &mark->op), 0);
    job_op_free(&mark->op);
    job_op_free(&next->op);
    job_op_claim *op = JOB_OP_NEW(JOB_OP_CLAIM, job_op_claim, NULL, NULL);
    op->worker = "w";
    op->max = TAKEN;
    op->lease_ms = FIXTURE_LEASE_MS;
    op->hints = hints;
    op->n_hints = JOBS - 1; /* the last one's is still out */
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    cr_assert_eq(op->n_claims, TAKEN);
    job_op_free(&op->op);
    next = unsent();
    cr_assert_eq(next->n_ready, JOBS - 1 - TAKEN);
    for (size_t i = 0; i < next->n_ready; i++) {
        cr_assert_str_eq(next->ready[i].job_id, ids[TAKEN + i]);
    }
    job_op_free(&next->op);
}

/* ---- the order, against a model ---- */

enum { MODEL_APPS = 5, MODEL_JOBS = 60, SEEDS = 6 };

typedef struct model_job {
    char id[RF_UUID_LEN];
    int app;
    int64_t priority;
    int64_t made_ms;
    bool gone;
} model_job;

typedef struct model {
    uint64_t random;
    int64_t now_ms;
    char apps[MODEL_APPS][RF_UUID_LEN];
    int weight[MODEL_APPS];
    int most[MODEL_APPS]; /* at once */
    int running[MODEL_APPS];
    model_job jobs[MODEL_JOBS];
    int place; /* who had the last turn; -1: nobody yet */
    int left;  /* of it */
} model;

static int dice(model *m, int sides)
{
    m->random = m->random * 6364136223846793005ULL + 1442695040888963407ULL;
    return (int)((m->random >> 33) % (uint64_t)sides);
}

static int64_t aged(const model *m, const model_job *j)
{
    return RF_MIN(j->priority + (m->now_ms - j->made_ms) / 60000, 9);
}

/* In the order of making, so that of equals the first stays. */
static model_job *best_of(model *m, int app)
{
    model_job *best = NULL;
    for (int i = 0; i < MODEL_JOBS; i++) {
        model_job *j = &m->jobs[i];
        bool waits = !j->gone && j->app == app;
        if (waits && (best == NULL || aged(m, j) > aged(m, best))) {
            best = j;
        }
    }
    return m->running[app] < m->most[app] ? best : NULL;
}

/* Whose turn it is, and which job: one slot. */
static model_job *grant(model *m)
{
    int from = m->left > 0 ? m->place : m->place + 1;
    for (int i = 0; i < MODEL_APPS; i++) {
        int app = (from + i) % MODEL_APPS;
        model_job *j = best_of(m, app);
        if (j != NULL) {
            m->left = (app == m->place && m->left > 0 ? m->left : m->weight[app]) - 1;
            m->place = app;
            m->running[app]++;
            j->gone = true;
            return j;
        }
    }
    return NULL;
}

static void advance(model *m, int64_t ms)
{
    fixture_advance(ms);
    m->now_ms += ms;
}

static void begin(model *m)
{
    for (int a = 0; a < MODEL_APPS; a++) {
        char name[16];
        snprintf(name, sizeof(name), "model-%d", a);
        m->weight[a] = 1 + dice(m, 3);
        m->most[a] = 1 + dice(m, 20);
        job_op_app_limit *op = JOB_OP_NEW(JOB_OP_APP_LIMIT, job_op_app_limit, NULL, NULL);
        op->name = name;
        op->set_concurrency = op->set_weight = true;
        op->concurrency = (uint32_t)m->most[a];
        op->weight = (uint32_t)m->weight[a];
        cr_assert_eq(fixture_run(&f, &op->op), 0);
        job_op_free(&op->op);
    }
    m->left = RF_MIN(m->left, m->place < 0 ? 0 : m->weight[m->place]);
    for (int i = 0; i < MODEL_JOBS; i++) {
        model_job *j = &m->jobs[i];
        *j = (model_job){.app = dice(m, dice(m, 2) == 0 ? 2 : MODEL_APPS),
                         .priority = dice(m, 2) == 0 ? 5 : dice(m, JOB_PRIORITIES),
                         .made_ms = m->now_ms};
        make(m->apps[j->app], (uint32_t)j->priority, j->id);
        advance(m, dice(m, 3) == 0 ? dice(m, 40000) : 1);
    }
}

/* Claims as the model says, then ends some of what runs. Returns whether anything was claimed. */
static bool step(model *m, char running[MODEL_JOBS][RF_UUID_LEN], uint64_t fences[MODEL_JOBS])
{
    job_op_claim *op = fixture_claim(&f, "w", 1 + (uint32_t)dice(m, 20));
    for (uint32_t i = 0; i < op->max; i++) {
        model_job *j = grant(m);
        cr_assert_eq(j != NULL, i < op->n_claims, "grant %u", i);
        if (j == NULL) {
            m->left = i > 0 ? 0 : m->left; /* the last turn is over */
            break;
        }
        cr_assert_str_eq(op->claims[i].id, j->id, "grant %u", i);
        size_t at = (size_t)(j - m->jobs);
        rf_copy_str(running[at], RF_UUID_LEN, j->id);
        fences[at] = op->claims[i].fence;
    }
    bool any = op->n_claims > 0;
    job_op_free(&op->op);
    for (size_t i = 0; i < MODEL_JOBS; i++) {
        if (running[i][0] != '\0' && (!any || dice(m, 3) > 0)) {
            cr_assert(fixture_succeed(&f, running[i], fences[i]));
            running[i][0] = '\0';
            m->running[m->jobs[i].app]--;
            any = true;
        }
    }
    return any;
}

Test(claims, of_many_slots_are_those_of_a_model_that_gives_one_after_another)
{
    static model m = {.random = 6, .place = -1};
    for (int a = 0; a < MODEL_APPS; a++) {
        char name[16];
        snprintf(name, sizeof(name), "model-%d", a);
        fixture_application(&f, name, m.apps[a]);
    }
    for (int seed = 0; seed < SEEDS; seed++) {
        char running[MODEL_JOBS][RF_UUID_LEN] = {""};
        uint64_t fences[MODEL_JOBS] = {0};
        begin(&m);
        while (step(&m, running, fences)) {
            advance(&m, dice(&m, 20000));
        }
        for (int i = 0; i < MODEL_JOBS; i++) {
            cr_assert(m.jobs[i].gone, "every job has come");
        }
    }
}
