/*
 * PostgreSQL killed, restarted, cut off, paused and read-only (issue's fault table): nothing that
 * was answered is lost, what is not done is refused as an outage, and all goes on without a
 * restart.
 */
#include "job_fixture.h"
#include "postgres_server.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "job_sql.h"
#include "rf_log.h"
#include "rf_time.h"

#define N_MAKERS 3
/* A second is what the contract allows (spec jobs.md 2.2); the rest is for a busy machine. */
#define PROMPT_NS (3 * RF_NS_PER_S)
#define NAMES_MAX 20000

static fixture f;

static void set_up(void)
{
    postgres_alone();
    rf_log_setup("test", RF_ERROR, RF_LOGFMT);
    fixture_open(&f);
    f.store = job_store_close(f.store);
    f.options.queued_max = NAMES_MAX * N_MAKERS;
    cr_assert_eq(fixture_try_open(&f), 0);
}

static void tear_down(void)
{
    postgres_rules(f.url);
    fixture_close(&f);
}

TestSuite(postgres_faults, .init = set_up, .fini = tear_down, .timeout = 100);

/* Makes jobs all the time; remembers what was said about each, by its name. */
typedef struct maker {
    pthread_t thread;
    int number;
    int answers[NAMES_MAX];
    char seen[NAMES_MAX]; /* in the database */
    _Atomic(int) n_made;
    int n;
    int64_t slowest_ns;
} maker;

static maker makers[N_MAKERS];
static atomic_bool enough;

static void *make(void *arg)
{
    maker *m = arg;
    while (!enough && m->n < NAMES_MAX) {
        char name[32];
        snprintf(name, sizeof(name), "%d-%d", m->number, m->n);
        job_op_create *op = fixture_request(&f);
        op->name = name;
        int64_t from_ns = rf_time_ns();
        int err = job_store_run(f.store, &op->op);
        m->slowest_ns = RF_MAX(m->slowest_ns, rf_time_ns() - from_ns);
        m->answers[m->n++] = err;
        m->n_made += err == 0;
        job_op_free(&op->op);
        if (err != 0) {
            nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
        }
    }
    return NULL;
}

static void start_makers(void)
{
    enough = false;
    for (int i = 0; i < N_MAKERS; i++) {
        makers[i].number = i;
        cr_assert_eq(pthread_create(&makers[i].thread, NULL, make, &makers[i]), 0);
    }
}

/* Waits until every maker has made so many more. */
static void wait_for_more(int more)
{
    for (int i = 0; i < N_MAKERS; i++) {
        int wanted = makers[i].n_made + more;
        while (makers[i].n_made < wanted) {
            nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
        }
    }
}

static void found(void *user, const char *name)
{
    int number, k;
    (void)user;
    cr_assert_eq(sscanf(name, "%d-%d", &number, &k), 2);
    maker *m = &makers[number];
    cr_assert_eq(m->seen[k], 0, "%s was made twice", name);
    m->seen[k] = 1;
}

/* Every job that was said to be made is there, none that was said not to be; where nobody knew
 * either holds. Returns how many were refused. */
static int check_makers(void)
{
    int refused = 0;
    enough = true;
    for (int i = 0; i < N_MAKERS; i++) {
        pthread_join(makers[i].thread, NULL);
    }
    postgres_column(f.url, "SELECT name FROM jobs", found, NULL);
    for (int i = 0; i < N_MAKERS; i++) {
        const maker *m = &makers[i];
        for (int k = 0; k < m->n; k++) {
            int err = m->answers[k];
            refused += err != 0;
            cr_assert(err == 0 || job_op_is_outage(err), "%d", err);
            cr_assert(err == -ECANCELED || m->seen[k] == (err == 0), "%d-%d was answered %d", i, k,
                      err);
        }
    }
    return refused;
}

Test(postgres_faults, a_server_that_is_killed_and_restarted_loses_nothing)
{
    start_makers();
    for (int i = 0; i < 3; i++) {
        wait_for_more(20);
        postgres_order("kill");
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
        postgres_order("start");
    }
    wait_for_more(20);
    cr_assert_gt(check_makers(), 0, "while it was away something was refused");
}

Test(postgres_faults, a_server_that_is_restarted_in_order_loses_nothing)
{
    start_makers();
    wait_for_more(20);
    postgres_order("restart");
    wait_for_more(20);
    check_makers();
}

Test(postgres_faults, connections_cut_in_the_middle_of_transactions_lose_nothing)
{
    start_makers();
    for (int i = 0; i < 20; i++) {
        wait_for_more(3);
        postgres_cut(f.url);
    }
    wait_for_more(20);
    check_makers();
}

/* ---- one at a time ---- */

static int create(char id[RF_UUID_LEN])
{
    job_op_create *op = fixture_request(&f);
    int err = job_store_run(f.store, &op->op);
    rf_copy_str(id, RF_UUID_LEN, op->id);
    job_op_free(&op->op);
    return err;
}

static int read_job(const char *id)
{
    job_op_get *op = JOB_OP_NEW(JOB_OP_GET, job_op_get, NULL, NULL);
    op->app = f.app;
    op->id = id;
    int err = job_store_run(f.store, &op->op);
    job_op_free(&op->op);
    return err;
}

static void until_it_works(void)
{
    char id[RF_UUID_LEN];
    for (int err = -EIO; err != 0;) {
        err = create(id);
        cr_assert(err == 0 || job_op_is_outage(err), "%d", err);
    }
}

Test(postgres_faults, what_a_server_that_is_gone_cannot_do_is_refused_as_an_outage)
{
    char id[RF_UUID_LEN];
    cr_assert_eq(create(id), 0);
    postgres_order("kill");
    for (int i = 0; i < 100; i++) {
        char none[RF_UUID_LEN];
        cr_assert(job_op_is_outage(create(none)));
        cr_assert(job_op_is_outage(read_job(id)));
    }
    cr_assert_neq(job_store_failed_ns(f.store), 0, "E2: leases do not run out for it");
    postgres_order("start");
    until_it_works();
    while (read_job(id) != 0) {
    }
}

Test(postgres_faults, a_server_that_only_reads_refuses_writes_and_answers_reads)
{
    char id[RF_UUID_LEN];
    cr_assert_eq(create(id), 0);
    postgres_run(f.url, "ALTER ROLE postgres SET default_transaction_read_only=on");
    postgres_cut(f.url);
    char none[RF_UUID_LEN];
    for (int i = 0; i < 10; i++) {
        cr_assert(job_op_is_outage(create(none)));
    }
    while (read_job(id) != 0) { /* its connection was cut as well */
    }
    postgres_run(f.url, "ALTER ROLE postgres RESET default_transaction_read_only");
    postgres_cut(f.url);
    until_it_works();
}

Test(postgres_faults, a_server_that_does_not_answer_is_an_outage_and_over_when_it_does)
{
    char id[RF_UUID_LEN];
    cr_assert_eq(create(id), 0);
    postgres_order("pause");
    cr_assert(job_op_is_outage(create(id)));
    postgres_order("resume");
    until_it_works();
}

static void open_shared(job_sql_health *health, job_sql **ret)
{
    cr_assert_eq(job_sql_open(f.url, JOB_SQL_WRITER, ret), 0);
    job_sql_share(*ret, health);
}

static int ask(job_sql *db)
{
    job_sql_clear(db);
    job_sql_begin(db);
    (void)job_sql_one(db, 0, "SELECT 1", "");
    return job_sql_commit(db);
}

Test(postgres_faults, what_one_connection_has_found_out_counts_for_the_others)
{
    job_sql_health health = {.hung_ns = 0};
    job_sql *first = NULL;
    job_sql *second = NULL;
    open_shared(&health, &first);
    open_shared(&health, &second);
    postgres_order("pause");
    cr_assert_neq(ask(first), 0);
    cr_assert(job_sql_lost(first));
    cr_assert_not(job_sql_lost(second));
    job_sql_begin(second);
    cr_assert(job_sql_lost(second), "it does not ask once more");
    cr_assert_neq(job_sql_commit(second), 0);
    postgres_order("resume");
    while (ask(first) != 0) {
    }
    while (ask(second) != 0) {
    }
    job_sql_close(first);
    job_sql_close(second);
}

/* ---- reads that wait (spec jobs.md Q5) ---- */

typedef struct patient_read {
    pthread_t thread;
    char id[RF_UUID_LEN];
    int64_t wait_ns;
    int64_t took_ns;
    int err;
} patient_read;

static void *read_patiently(void *arg)
{
    patient_read *r = arg;
    int64_t begin_ns = rf_time_ns();
    job_op_get *op = JOB_OP_NEW(JOB_OP_GET, job_op_get, NULL, NULL);
    op->app = f.app;
    op->id = r->id;
    op->op.until_ns = begin_ns + r->wait_ns;
    r->err = job_store_run(f.store, &op->op);
    r->took_ns = rf_time_ns() - begin_ns;
    job_op_free(&op->op);
    return NULL;
}

/* Asks for a job while the server is gone. */
static void start_reading(patient_read *r, int64_t wait_ns)
{
    r->wait_ns = wait_ns;
    cr_assert_eq(create(r->id), 0);
    postgres_order("kill");
    cr_assert_eq(pthread_create(&r->thread, NULL, read_patiently, r), 0);
}

Test(postgres_faults, Q5_a_read_waits_for_a_server_that_comes_back)
{
    patient_read r;
    start_reading(&r, 60 * RF_NS_PER_S);
    nanosleep(&(struct timespec){.tv_nsec = 500000000}, NULL);
    cr_assert(job_op_is_outage(read_job(r.id)), "it is gone for one that does not wait");
    postgres_order("start");
    pthread_join(r.thread, NULL);
    cr_assert_eq(r.err, 0, "%d", r.err);
    cr_assert_geq(r.took_ns, 500 * RF_NS_PER_MS);
}

Test(postgres_faults, Q5_a_read_waits_no_longer_than_it_may)
{
    patient_read r;
    start_reading(&r, RF_NS_PER_S);
    pthread_join(r.thread, NULL);
    cr_assert(job_op_is_outage(r.err), "%d", r.err);
    cr_assert_geq(r.took_ns, RF_NS_PER_S);
    postgres_order("start");
    until_it_works();
}

Test(postgres_faults, a_read_that_waits_ends_with_the_store)
{
    patient_read r;
    start_reading(&r, 3600 * RF_NS_PER_S);
    nanosleep(&(struct timespec){.tv_nsec = 500000000}, NULL);
    f.store = job_store_close(f.store);
    pthread_join(r.thread, NULL);
    cr_assert(job_op_is_outage(r.err), "%d", r.err);
    postgres_order("start");
    while (fixture_try_open(&f) != 0) {
    }
}

Test(postgres_faults, a_server_that_stands_still_under_load_is_refused_within_a_second)
{
    start_makers();
    wait_for_more(20);
    postgres_order("pause");
    sleep(5);
    postgres_order("resume");
    wait_for_more(20);
    cr_assert_gt(check_makers(), 0, "while it stood still something was refused");
    for (int i = 0; i < N_MAKERS; i++) {
        cr_assert_lt(makers[i].slowest_ns, PROMPT_NS, "%lld ms",
                     (long long)(makers[i].slowest_ns / RF_NS_PER_MS));
    }
}

Test(postgres_faults, reads_of_a_server_that_stands_still_end_as_well)
{
    char id[RF_UUID_LEN];
    cr_assert_eq(create(id), 0);
    postgres_order("pause");
    for (int i = 0; i < 4; i++) {
        int64_t from_ns = rf_time_ns();
        cr_assert(job_op_is_outage(read_job(id)));
        cr_assert_lt(rf_time_ns() - from_ns, PROMPT_NS);
    }
    postgres_order("resume");
    while (read_job(id) != 0) {
    }
}

static void *hold_a_lock(void *arg)
{
    (void)arg;
    postgres_run(f.url, "BEGIN; LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(2.5);"
                        " COMMIT");
    return NULL;
}

Test(postgres_faults, a_lock_that_is_waited_for_is_no_outage)
{
    pthread_t holder;
    char id[RF_UUID_LEN];
    cr_assert_eq(create(id), 0);
    cr_assert_eq(pthread_create(&holder, NULL, hold_a_lock, NULL), 0);
    while (postgres_one(f.url, "SELECT count(*) FROM pg_locks WHERE granted AND"
                               " mode='AccessExclusiveLock' AND relation='jobs'::regclass") == 0) {
    }
    cr_assert_eq(create(id), 0);
    cr_assert_eq(read_job(id), 0);
    cr_assert_eq(pthread_join(holder, NULL), 0);
    cr_assert_eq(job_store_failed_ns(f.store), 0, "nothing failed");
}
