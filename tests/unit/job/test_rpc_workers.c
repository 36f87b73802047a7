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

static void run_many(job_config *config)
{
    config->concurrency = 1000;
}

static void set_up(void)
{
    rpc_fixture_open(&f, run_many);
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

/* ---- what a worker says in words ---- */

/* The message that a client reads after a worker ended the job with one. */
static void message_of(const char *said, char *out, size_t size)
{
    char id[RF_UUID_LEN];
    cr_assert_eq(rpc_fixture_create(&f, "sdk-test", OUTSIDE, id), RF_OK);
    rf_rpc_message_free(rpc_fixture_claim(&f, "w"));
    cr_assert(rpc_fixture_fail(&f, id, 1, "BAD_INPUT", said));
    Job__V1__Job *job = rpc_fixture_get(&f, id);
    cr_assert_not_null(job, "%s", f.status.message);
    rf_copy_str(out, size, job->error->message);
    rf_rpc_message_free(job);
}

Test(rpc_workers, a_long_message_is_cut_between_characters)
{
    static const struct {
        size_t before; /* letters */
        const char *then;
        size_t kept;
    } rows[] = {
        {512, "", 512},
        {513, "", 512},
        {511, "\xc3\xa9", 511},
        {510, "\xc3\xa9", 512},
        {509, "\xe2\x99\xaa", 512},
        {510, "\xe2\x99\xaa", 510},
        {511, "\xe2\x99\xaa", 511},
        {509, "\xf0\x9f\x8e\xb5", 509},
        {2000, "\xc3\xa9", 512},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        char said[2100];
        char heard[2100];
        memset(said, 'a', rows[i].before);
        rf_copy_str(said + rows[i].before, sizeof(said) - rows[i].before, rows[i].then);
        message_of(said, heard, sizeof(heard));
        cr_assert_eq(strlen(heard), rows[i].kept, "row %zu: %zu", i, strlen(heard));
        cr_assert(rf_utf8_valid(heard, strlen(heard)), "row %zu", i);
        cr_assert_eq(strncmp(heard, said, rows[i].kept), 0);
    }
}

Test(rpc_workers, a_code_nobody_knows_is_an_internal_error)
{
    char id[RF_UUID_LEN];
    cr_assert_eq(rpc_fixture_create(&f, "sdk-test", OUTSIDE, id), RF_OK);
    rf_rpc_message_free(rpc_fixture_claim(&f, "w"));
    cr_assert(rpc_fixture_fail(&f, id, 1, "RM_RF", "x"));
    Job__V1__Job *job = rpc_fixture_get(&f, id);
    cr_assert_eq(job->status, JOB__V1__JOB_STATUS__STARTED, "retried like one");
    cr_assert_null(job->error);
    rf_rpc_message_free(job);
}

/* ---- claims over RPC ---- */

Test(rpc_workers, a_claim_takes_at_most_256_jobs_and_none_when_it_asks_for_none)
{
    static const struct {
        uint32_t asked;
        size_t got;
    } rows[] = {{0, 0}, {1, 1}, {7, 7}, {UINT32_MAX, 256}, {256, 36}};
    char id[RF_UUID_LEN];
    for (int i = 0; i < 300; i++) {
        cr_assert_eq(rpc_fixture_create(&f, "sdk-test", OUTSIDE, id), RF_OK);
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        Job__V1__ClaimRequest request = JOB__V1__CLAIM_REQUEST__INIT;
        request.worker_id = (char *)"w";
        request.pool = (char *)"cpu";
        request.max_jobs = rows[i].asked;
        Job__V1__ClaimResponse *reply = rpc_fixture_bare(&f, JOB_V1_WORKER_SERVICE_CLAIM, &request);
        cr_assert_eq(reply->n_claims, rows[i].got, "row %zu: %zu", i, reply->n_claims);
        rf_rpc_message_free(reply);
    }
}

Test(rpc_workers, e5_durable_steps_reach_the_next_attempt_whole)
{
    char id[RF_UUID_LEN];
    char key[128];
    cr_assert_eq(rpc_fixture_create(&f, "sdk-test", OUTSIDE, id), RF_OK);
    rf_rpc_message_free(rpc_fixture_claim(&f, "w"));
    snprintf(key, sizeof(key), "jobs/%s/1/audio", id);
    Job__V1__StepOutput file = JOB__V1__STEP_OUTPUT__INIT;
    Job__V1__StepOutput text = JOB__V1__STEP_OUTPUT__INIT;
    Job__V1__StepOutput *outputs[] = {&file, &text};
    file.step = text.step = (char *)"dec";
    file.port = (char *)"audio";
    file.object_key = key;
    file.size = 12345678901ULL;
    text.port = (char *)"format";
    text.text = (char *)"wav \xe2\x99\xaa";
    Job__V1__StepDoneRequest request = JOB__V1__STEP_DONE_REQUEST__INIT;
    request.job_id = id;
    request.fence = 1;
    request.outputs = outputs;
    request.n_outputs = RF_ARRAY_LEN(outputs);
    void *reply = rpc_fixture_bare(&f, JOB_V1_WORKER_SERVICE_STEP_DONE, &request);
    cr_assert_not_null(reply, "%s", f.status.message);
    rf_rpc_message_free(reply);
    file.object_key = (char *)"jobs/another/1/audio";
    cr_assert_null(rpc_fixture_bare(&f, JOB_V1_WORKER_SERVICE_STEP_DONE, &request));
    cr_assert_eq(f.status.code, RF_PERMISSION_DENIED, "S10: an attempt writes below its prefix");
    Job__V1__Released released = JOB__V1__RELEASED__INIT;
    Job__V1__Finish item = JOB__V1__FINISH__INIT;
    Job__V1__Finish *items[] = {&item};
    Job__V1__FinishRequest finish = JOB__V1__FINISH_REQUEST__INIT;
    item.job_id = id;
    item.fence = 1;
    item.outcome_case = JOB__V1__FINISH__OUTCOME_RELEASED;
    item.released = &released;
    finish.worker_id = (char *)"w";
    finish.items = items;
    finish.n_items = 1;
    rf_rpc_message_free(rpc_fixture_bare(&f, JOB_V1_WORKER_SERVICE_FINISH, &finish));
    Job__V1__ClaimResponse *claims = rpc_fixture_claim(&f, "w2");
    cr_assert_eq(claims->claims[0]->fence, 2);
    cr_assert_eq(claims->claims[0]->n_done, 2);
    const Job__V1__StepOutput *done = claims->claims[0]->done[0];
    const Job__V1__StepOutput *other = claims->claims[0]->done[1];
    cr_assert_str_eq(done->step, "dec");
    cr_assert_str_eq(done->port, "audio");
    cr_assert_str_eq(done->object_key, key);
    cr_assert_eq(done->size, 12345678901ULL);
    cr_assert_str_eq(other->text, "wav \xe2\x99\xaa");
    cr_assert_str_eq(other->object_key, "");
    rf_rpc_message_free(claims);
}
