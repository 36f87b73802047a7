/*
 * Many threads at once on one store: clients that create, cancel and delete, workers that claim and
 * finish, a scan that takes jobs away. Each job is one worker's at a time, and ends once.
 */
#include "job_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "job_retry.h"
#include "rf_time.h"

#define N_JOBS 400
#define N_WORKERS 4
#define N_CLIENTS 3

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

TestSuite(races, .init = set_up, .fini = tear_down, .timeout = 60);

/* What the hooks heard, from the store's own thread: how often each job became final. */
static struct {
    pthread_mutex_t mutex;
    char ids[N_JOBS][RF_UUID_LEN];
    unsigned n_final[N_JOBS];
    size_t n;
} seen = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void on_state(void *user, const char *app, const char *id, job_state state)
{
    (void)user;
    (void)app;
    pthread_mutex_lock(&seen.mutex);
    size_t i = 0;
    while (i < seen.n && strcmp(seen.ids[i], id) != 0) {
        i++;
    }
    if (i == seen.n && seen.n < N_JOBS) {
        rf_copy_str(seen.ids[seen.n++], RF_UUID_LEN, id);
    }
    if (i < N_JOBS && job_state_final(state)) {
        seen.n_final[i]++;
    }
    pthread_mutex_unlock(&seen.mutex);
}

static void listen(void)
{
    f.options.hooks = (job_store_hooks){.state = on_state};
    fixture_reopen(&f);
}

/* ---- claims ---- */

static _Atomic(unsigned) n_claimed;
static _Atomic(unsigned) n_accepted;

static void *claim_all(void *arg)
{
    const char *name = arg;
    for (;;) {
        job_op_claim *op = fixture_claim(&f, name, 7);
        size_t n = op->n_claims;
        atomic_fetch_add(&n_claimed, (unsigned)n);
        for (size_t i = 0; i < n; i++) {
            atomic_fetch_add(&n_accepted,
                             fixture_succeed(&f, op->claims[i].id, op->claims[i].fence));
        }
        job_op_free(&op->op);
        if (n == 0) {
            return NULL;
        }
    }
}

Test(races, workers_share_the_jobs_without_doubling_one)
{
    static char names[N_WORKERS][16];
    pthread_t threads[N_WORKERS];
    char id[RF_UUID_LEN];
    listen();
    for (int i = 0; i < N_JOBS; i++) {
        fixture_create(&f, id);
    }
    for (size_t i = 0; i < N_WORKERS; i++) {
        snprintf(names[i], sizeof(names[i]), "worker %zu", i);
        pthread_create(&threads[i], NULL, claim_all, names[i]);
    }
    for (size_t i = 0; i < N_WORKERS; i++) {
        pthread_join(threads[i], NULL);
    }
    cr_assert_eq(n_claimed, N_JOBS);
    cr_assert_eq(n_accepted, N_JOBS);
    cr_assert_eq(fixture_count(&f, 1u << JOB_SUCCEEDED), N_JOBS);
    for (size_t i = 0; i < N_JOBS; i++) {
        cr_assert_eq(seen.n_final[i], 1);
    }
}

/* ---- everything at once ---- */

static _Atomic(unsigned) n_created;
static _Atomic(unsigned) n_deleted;
static _Atomic(unsigned) n_succeeded;
static _Atomic(bool) over;

static void *be_a_client(void *arg)
{
    unsigned turn = (unsigned)(uintptr_t)arg;
    while (atomic_fetch_add(&n_created, 1) < N_JOBS) {
        char id[RF_UUID_LEN];
        job_state state;
        fixture_create(&f, id);
        turn++;
        if (turn % 5 == 0) {
            cr_assert_eq(fixture_cancel(&f, id, &state), 0);
            cr_assert(job_state_final(state));
        } else if (turn % 7 == 0) {
            cr_assert_eq(fixture_delete(&f, id, true), 0);
            cr_assert_eq(fixture_state(&f, id), JOB_NONE);
            atomic_fetch_add(&n_deleted, 1);
        }
    }
    return NULL;
}

static void end(const job_claim *c, unsigned turn)
{
    switch (turn % 6) {
    case 0:
        (void)fixture_release(&f, c->id, c->fence);
        break;
    case 1:
        (void)fixture_fail(&f, c->id, c->fence, JOB_CODE_BAD_INPUT, "x");
        break;
    case 2:
        break; /* forgotten: the scan finds it */
    default:
        if (!fixture_beat(&f, c->id, c->fence, "s", turn % 100)) {
            atomic_fetch_add(&n_succeeded, fixture_succeed(&f, c->id, c->fence));
        }
    }
}

static void *be_a_worker(void *arg)
{
    unsigned turn = (unsigned)(uintptr_t)arg;
    while (!over) {
        job_op_claim *op = fixture_claim(&f, "worker", 5);
        for (size_t i = 0; i < op->n_claims; i++) {
            end(&op->claims[i], turn++);
        }
        job_op_free(&op->op);
    }
    return NULL;
}

static void *be_the_scan(void *arg)
{
    (void)arg;
    while (!over) {
        fixture_advance(1000);
        (void)fixture_scan(&f, NULL);
    }
    return NULL;
}

/* Ends what is left, so that every job is final. */
static void finish_the_rest(void)
{
    const uint32_t live = 1u << JOB_QUEUED | 1u << JOB_STARTED;
    for (int i = 0; i < 100 && fixture_count(&f, live) > 0; i++) {
        fixture_advance(FIXTURE_HOUR_MS / 2);
        (void)fixture_scan(&f, NULL);
        job_op_claim *op = fixture_claim(&f, "last", JOB_CLAIM_MAX);
        for (size_t k = 0; k < op->n_claims; k++) {
            atomic_fetch_add(&n_succeeded,
                             fixture_succeed(&f, op->claims[k].id, op->claims[k].fence));
        }
        job_op_free(&op->op);
    }
    cr_assert_eq(fixture_count(&f, live), 0);
}

Test(races, clients_workers_and_the_scan_at_once_end_each_job_once)
{
    pthread_t clients[N_CLIENTS];
    pthread_t workers[N_WORKERS];
    pthread_t scanner;
    listen();
    pthread_create(&scanner, NULL, be_the_scan, NULL);
    for (uintptr_t i = 0; i < N_WORKERS; i++) {
        pthread_create(&workers[i], NULL, be_a_worker, (void *)i);
    }
    for (uintptr_t i = 0; i < N_CLIENTS; i++) {
        pthread_create(&clients[i], NULL, be_a_client, (void *)(i * 100));
    }
    for (size_t i = 0; i < N_CLIENTS; i++) {
        pthread_join(clients[i], NULL);
    }
    over = true;
    for (size_t i = 0; i < N_WORKERS; i++) {
        pthread_join(workers[i], NULL);
    }
    pthread_join(scanner, NULL);
    finish_the_rest();
    cr_assert_eq(seen.n, N_JOBS);
    for (size_t i = 0; i < N_JOBS; i++) {
        cr_assert_eq(seen.n_final[i], 1, "job %zu became final %u times", i, seen.n_final[i]);
    }
    cr_assert_eq(fixture_count(&f, 0), N_JOBS - n_deleted);
    cr_assert_leq(fixture_count(&f, 1u << JOB_SUCCEEDED), n_succeeded);
}

/* ---- one thing, wanted by many ---- */

typedef struct rival {
    pthread_t thread;
    int err;
} rival;

static char upload[RF_UUID_LEN];

static void *complete(void *arg)
{
    char key[128];
    ((rival *)arg)->err = fixture_complete(&f, upload, key);
    return NULL;
}

static void *make_key(void *arg)
{
    job_op_key_create *op = JOB_OP_NEW(JOB_OP_KEY_CREATE, job_op_key_create, NULL, NULL);
    op->scopes = "none";
    op->app_name = "contested";
    op->prefix = "rk_x";
    rf_random(op->hash, sizeof(op->hash));
    ((rival *)arg)->err = fixture_run(&f, &op->op);
    job_op_free(&op->op);
    return NULL;
}

static void *rotate_key(void *arg)
{
    job_op_key_rotate *op = JOB_OP_NEW(JOB_OP_KEY_ROTATE, job_op_key_rotate, NULL, NULL);
    op->id = f.key_id;
    op->prefix = "rk_x";
    op->overlap_ms = 1000;
    rf_random(op->hash, sizeof(op->hash));
    ((rival *)arg)->err = fixture_run(&f, &op->op);
    job_op_free(&op->op);
    return NULL;
}

Test(races, one_of_many_wins_and_the_others_are_told)
{
    static const struct {
        const char *what;
        void *(*fn)(void *);
    } rows[] = {{"a PUT", complete}, {"a first key", make_key}, {"a rotation", rotate_key}};
    fixture_upload(&f, upload);
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        rival rivals[8];
        size_t n_won = 0;
        for (size_t k = 0; k < RF_ARRAY_LEN(rivals); k++) {
            pthread_create(&rivals[k].thread, NULL, rows[i].fn, &rivals[k]);
        }
        for (size_t k = 0; k < RF_ARRAY_LEN(rivals); k++) {
            pthread_join(rivals[k].thread, NULL);
            n_won += rivals[k].err == 0;
            cr_assert(rivals[k].err == 0 || rivals[k].err == -EEXIST, "%s: %d", rows[i].what,
                      rivals[k].err);
        }
        cr_assert_eq(n_won, 1, "%s", rows[i].what);
    }
}

/* ---- readers beside writers ---- */

static void *read_lists(void *arg)
{
    (void)arg;
    while (!over) {
        job_op_list *op = JOB_OP_NEW(JOB_OP_LIST, job_op_list, NULL, NULL);
        op->app = f.app;
        op->size = 50;
        cr_assert_eq(fixture_run(&f, &op->op), 0);
        for (size_t i = 0; i < op->n_jobs; i++) { /* one moment of the store, never half of one */
            cr_assert_eq(op->jobs[i].state == JOB_SUCCEEDED, op->jobs[i].n_results == 1);
            cr_assert_eq(op->jobs[i].started_ms != 0, op->jobs[i].state != JOB_QUEUED);
        }
        job_op_free(&op->op);
    }
    return NULL;
}

Test(races, readers_see_whole_jobs_while_they_change)
{
    pthread_t readers[3];
    char id[RF_UUID_LEN];
    for (size_t i = 0; i < RF_ARRAY_LEN(readers); i++) {
        pthread_create(&readers[i], NULL, read_lists, NULL);
    }
    for (int i = 0; i < 200; i++) {
        fixture_create(&f, id);
        uint64_t fence = fixture_claim_one(&f, "w", id);
        cr_assert(fixture_succeed(&f, id, fence));
        cr_assert_eq(fixture_state(&f, id), JOB_SUCCEEDED, "what was answered is seen");
    }
    over = true;
    for (size_t i = 0; i < RF_ARRAY_LEN(readers); i++) {
        pthread_join(readers[i], NULL);
    }
}
