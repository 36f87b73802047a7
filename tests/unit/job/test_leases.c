/*
 * The lease scan on the owner loop with a driven clock: grace after a start and after an outage
 * (spec jobs.md E2).
 */
#include "fault_vfs.h"
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
    fault_vfs_install();
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

/* ---- an outage of the store ---- */

/* Past the grace of the start, with a job whose worker was heard of just now. */
static uint64_t settle(char id[RF_UUID_LEN])
{
    start();
    fixture_advance(31000);
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    fixture_create(&f, id);
    return fixture_claim_one(&f, "w", id);
}

static bool heartbeat_fails(const char *id, uint64_t fence)
{
    job_lease lease = {.id = id, .fence = fence};
    job_op_heartbeat *op = JOB_OP_NEW(JOB_OP_HEARTBEAT, job_op_heartbeat, NULL, NULL);
    op->worker = "w";
    op->leases = &lease;
    op->n_leases = 1;
    op->lease_ms = FIXTURE_LEASE_MS;
    int err = fixture_run(&f, &op->op);
    job_op_free(&op->op);
    return job_op_is_outage(err);
}

Test(leases, e2_an_outage_of_the_store_uses_no_retry)
{
    char id[RF_UUID_LEN];
    uint64_t fence = settle(id);
    fault_vfs_arm(FAULT_EIO, 1); /* the disk fails from here on */
    for (int i = 0; i < 6; i++) {
        cr_assert_eq(seconds_until_lost(id, 10), 0, "nothing can be written down");
        cr_assert(heartbeat_fails(id, fence));
    }
    fault_vfs_arm(FAULT_NONE, 0);
    cr_assert_eq(seconds_until_lost(id, 28), 0, "30 s for the workers to come back");
    cr_assert_not(fixture_beat(&f, id, fence, "s", 1));
    cr_assert(fixture_succeed(&f, id, fence));
    job_op_get *got = fixture_get(&f, id);
    cr_assert_eq(got->job.n_attempts, 1, "the first attempt made it");
    job_op_free(&got->op);
    stop();
}

Test(leases, e2_a_worker_that_does_not_come_back_after_an_outage_is_lost)
{
    char id[RF_UUID_LEN];
    settle(id);
    fault_vfs_arm(FAULT_FULL, 1);
    cr_assert_eq(seconds_until_lost(id, 60), 0);
    fault_vfs_arm(FAULT_NONE, 0);
    int lost = seconds_until_lost(id, 60);
    cr_assert(lost > 0 && lost <= 42, "30 s of grace and two scans: %d", lost);
    stop();
}

Test(leases, a_job_that_nobody_starts_is_ended_by_the_scan)
{
    char id[RF_UUID_LEN];
    start();
    fixture_advance(31000);
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    fixture_create(&f, id);
    fixture_advance(FIXTURE_DAY_MS);
    for (int i = 0; i < 100 && fixture_state(&f, id) == JOB_QUEUED; i++) {
        fixture_advance(1000);
        nanosleep(&(struct timespec){.tv_nsec = 15000000}, NULL);
    }
    job_op_get *got = fixture_get(&f, id);
    cr_assert_eq(got->job.state, JOB_FAILED);
    cr_assert_str_eq(got->job.code, "TIMEOUT");
    cr_assert_str_eq(got->job.message, "The job was not started within 86400 seconds.");
    job_op_free(&got->op);
    stop();
}
