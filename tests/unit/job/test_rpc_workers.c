/*
 * The calls of workers (spec jobs.md 4.2).
 */
#include "rpc_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "rf_time.h"

static rpc_fixture f;

static void set_up(void)
{
    rpc_fixture_open(&f, NULL);
}

static void tear_down(void)
{
    rpc_fixture_close(&f);
}

TestSuite(rpc_workers, .init = set_up, .fini = tear_down);

#define OUTSIDE "{\"file\":\"https://music.ai/demo.ogg\"}"

/* ---- workers ---- */

Test(rpc_workers, claims_of_nobody_or_an_unknown_pool_are_refused)
{
    Job__V1__ClaimRequest request = JOB__V1__CLAIM_REQUEST__INIT;
    request.pool = (char *)"cpu";
    cr_assert_null(rpc_fixture_bare(&f, JOB_V1_WORKER_SERVICE_CLAIM, &request));
    cr_assert_eq(f.status.code, RF_INVALID_ARGUMENT);
    request.worker_id = (char *)"w";
    request.pool = (char *)"tpu";
    cr_assert_null(rpc_fixture_bare(&f, JOB_V1_WORKER_SERVICE_CLAIM, &request));
    cr_assert_eq(f.status.code, RF_INVALID_ARGUMENT);
}

Test(rpc_workers, heartbeats_name_the_jobs_that_are_lost)
{
    char id[RF_UUID_LEN];
    rpc_fixture_create(&f, "sdk-test", OUTSIDE, id);
    rf_rpc_message_free(rpc_fixture_claim(&f, "w"));
    Job__V1__LeaseState mine = JOB__V1__LEASE_STATE__INIT;
    Job__V1__LeaseState old = JOB__V1__LEASE_STATE__INIT;
    Job__V1__LeaseState *leases[] = {&mine, &old};
    mine.job_id = id;
    mine.fence = 1;
    mine.step = (char *)"cp";
    mine.percent = 50;
    old.job_id = (char *)"00000000-0000-4000-8000-000000000000";
    old.fence = 1;
    Job__V1__HeartbeatRequest request = JOB__V1__HEARTBEAT_REQUEST__INIT;
    request.worker_id = (char *)"w";
    request.pool = (char *)"cpu";
    request.leases = leases;
    request.n_leases = 2;
    Job__V1__HeartbeatResponse *reply =
        rpc_fixture_bare(&f, JOB_V1_WORKER_SERVICE_HEARTBEAT, &request);
    cr_assert_eq(reply->n_lost_job_ids, 1);
    cr_assert_str_eq(reply->lost_job_ids[0], old.job_id);
    rf_rpc_message_free(reply);
    char *include[] = {"progress"};
    Job__V1__GetJobRequest get = JOB__V1__GET_JOB_REQUEST__INIT;
    get.id = id;
    get.include = include;
    get.n_include = 1;
    Job__V1__Job *job = rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_GET_JOB, &get);
    cr_assert_str_eq(job->progress->text, "{\"attempt\":1,\"step\":\"cp\",\"percent\":50}");
    rf_rpc_message_free(job);
}

Test(rpc_workers, a_stale_step_is_aborted)
{
    char id[RF_UUID_LEN];
    rpc_fixture_create(&f, "sdk-test", OUTSIDE, id);
    rf_rpc_message_free(rpc_fixture_claim(&f, "w"));
    Job__V1__StepDoneRequest request = JOB__V1__STEP_DONE_REQUEST__INIT;
    request.job_id = id;
    request.fence = 2;
    cr_assert_null(rpc_fixture_bare(&f, JOB_V1_WORKER_SERVICE_STEP_DONE, &request));
    cr_assert_eq(f.status.code, RF_ABORTED);
    request.fence = 1;
    void *reply = rpc_fixture_bare(&f, JOB_V1_WORKER_SERVICE_STEP_DONE, &request);
    cr_assert_not_null(reply);
    rf_rpc_message_free(reply);
}
