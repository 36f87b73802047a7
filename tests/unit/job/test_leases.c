/*
 * The lease scan on the owner loop with a driven clock: grace after a start and after an outage
 * (spec jobs.md E2).
 */
#include "job_fixture.h"
#include "job_leases.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <time.h>

#include "rf_time.h"

static fixture f;
static rf_loop *loop;
static job_leases *leases;
static pthread_t thread;

static const job_leases_config config = {
    .scan_ms = 5000, .grace_ms = 30000, .start_limit_ms = FIXTURE_DAY_MS};

static void *run_loop(void *arg)
{
    rf_loop_run(arg);
    return NULL;
}

static void start(void)
{
    loop = rf_loop_new();
    leases = job_leases_start(loop, f.store, NULL, &config);
    pthread_create(&thread, NULL, run_loop, loop);
}

static void stop(void)
{
    rf_loop_stop(loop);
    pthread_join(thread, NULL);
    leases = job_leases_stop(leases);
    loop = rf_loop_free(loop);
}

static void set_up(void)
{
    rf_time_drive();
    fixture_open(&f);
}

static void tear_down(void)
{
    fixture_close(&f);
}

TestSuite(leases, .init = set_up, .fini = tear_down);

static size_t ended_attempts(const char *id)
{
    job_op_get *got = fixture_get(&f, id);
    size_t n = 0;
    for (size_t i = 0; i < got->job.n_attempts; i++) {
        n += got->job.attempts[i].ended_ms != 0;
    }
    job_op_free(&got->op);
    return n;
}

/* Moves the clock by steps of a second, leaving the loop real time to act on each. Returns after
 * how many an attempt had ended, 0 when none did. */
static int seconds_until_lost(const char *id, int at_most)
{
    for (int second = 1; second <= at_most; second++) {
        fixture_advance(1000);
        nanosleep(&(struct timespec){.tv_nsec = 15000000}, NULL);
        if (ended_attempts(id) > 0) {
            return second;
        }
    }
    return 0;
}

Test(leases, e2_a_lost_worker_is_noticed_within_35_seconds)
{
    char id[RF_UUID_LEN];
    start();
    fixture_advance(31000); /* past the grace of the start */
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    fixture_create(&f, id);
    fixture_claim_one(&f, "w", id);
    int lost = seconds_until_lost(id, 60);
    cr_assert_geq(lost, 30);
    cr_assert_leq(lost, 37, "30 s of lease, 5 s of scan, 2 s of the test's own steps: %d", lost);
    stop();
}

Test(leases, e2_nothing_expires_in_the_grace_after_a_start)
{
    char id[RF_UUID_LEN];
    fixture_create(&f, id);
    fixture_claim_one(&f, "w", id);
    fixture_advance(10 * 60000); /* the service was down for ten minutes */
    start();
    cr_assert_eq(seconds_until_lost(id, 28), 0, "workers get 30 s to come back");
    cr_assert_neq(seconds_until_lost(id, 12), 0);
    stop();
}

Test(leases, e2_a_worker_that_comes_back_in_the_grace_loses_nothing)
{
    char id[RF_UUID_LEN];
    fixture_create(&f, id);
    uint64_t fence = fixture_claim_one(&f, "w", id);
    fixture_advance(10 * 60000);
    start();
    cr_assert_eq(seconds_until_lost(id, 20), 0);
    cr_assert_not(fixture_beat(&f, id, fence, "s", 1), "the lease is renewed, no retry is used");
    cr_assert_eq(seconds_until_lost(id, 25), 0);
    cr_assert(fixture_succeed(&f, id, fence));
    stop();
}

Test(leases, stopping_waits_for_the_scan_in_progress)
{
    for (int i = 0; i < 20; i++) {
        start();
        fixture_advance(5000);
        stop();
    }
}
