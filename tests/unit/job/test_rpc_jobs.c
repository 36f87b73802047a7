/*
 * Jobs over RPC: from request to result, failures as clients see them, lists (spec jobs.md 2, 3,
 * 7).
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

TestSuite(rpc_jobs, .init = set_up, .fini = tear_down);

#define OUTSIDE "{\"file\":\"https://music.ai/demo.ogg\"}"

/* ---- the way of a job ---- */

Test(rpc_jobs, a_job_goes_from_request_to_result)
{
    char id[RF_UUID_LEN];
    cr_assert_eq(rpc_fixture_create(&f, "sdk-test", OUTSIDE, id), RF_OK);
    Job__V1__Job *job = rpc_fixture_get(&f, id);
    cr_assert_eq(job->status, JOB__V1__JOB_STATUS__QUEUED);
    cr_assert_str_eq(job->app, "demo");
    cr_assert_str_eq(job->name, "test job");
    cr_assert_str_eq(job->workflow, "sdk-test");
    cr_assert_str_eq(job->workflow_params->text, OUTSIDE);
    cr_assert_str_eq(job->metadata->text, "{}");
    cr_assert_null(job->batch_name);
    cr_assert_null(job->error);
    cr_assert_null(job->result);
    cr_assert_null(job->started_at);
    cr_assert_null(job->completed_at);
    rf_rpc_message_free(job);
    Job__V1__ClaimResponse *claims = rpc_fixture_claim(&f, "w");
    Job__V1__Claim *claim = claims->claims[0];
    cr_assert_str_eq(claim->job_id, id);
    cr_assert_eq(claim->fence, 1);
    cr_assert_eq(claim->limit_seconds, 60);
    cr_assert_eq(claims->lease_ms, 30000, "E2");
    cr_assert_eq(claims->heartbeat_ms, 10000, "E2");
    cr_assert_eq(claim->n_inputs, 1);
    cr_assert_str_eq(claim->inputs[0]->param, "file");
    cr_assert_str_eq(claim->inputs[0]->url, "https://music.ai/demo.ogg");
    cr_assert_str_eq(claim->request_id, "test");
    rf_rpc_message_free(claims);
    char key[128];
    snprintf(key, sizeof(key), "jobs/%s/1/out", id);
    rpc_fixture_put(&f, key, "RIFF");
    cr_assert(rpc_fixture_finish(&f, id, 1, "file", key));
    job = rpc_fixture_get(&f, id);
    cr_assert_eq(job->status, JOB__V1__JOB_STATUS__SUCCEEDED);
    cr_assert_not_null(job->completed_at);
    cr_assert_not_null(strstr(job->result->text, RPC_FIXTURE_BASE "/files/"));
    rf_rpc_message_free(job);
}

static Job__V1__JobStatus status_of(const char *id)
{
    Job__V1__GetJobStatusRequest request = JOB__V1__GET_JOB_STATUS_REQUEST__INIT;
    request.id = (char *)(uintptr_t)id;
    Job__V1__GetJobStatusResponse *reply =
        rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_GET_JOB_STATUS, &request);
    if (reply == NULL) {
        return JOB__V1__JOB_STATUS__JOB_STATUS_UNSPECIFIED;
    }
    Job__V1__JobStatus status = reply->status;
    cr_assert_str_eq(reply->id, id);
    rf_rpc_message_free(reply);
    return status;
}

Test(rpc_jobs, q5_status_follows_the_job_from_memory_and_from_the_store)
{
    char id[RF_UUID_LEN];
    rpc_fixture_create(&f, "sdk-test", OUTSIDE, id);
    cr_assert_eq(status_of(id), JOB__V1__JOB_STATUS__QUEUED);
    rf_rpc_message_free(rpc_fixture_claim(&f, "w"));
    cr_assert_eq(status_of(id), JOB__V1__JOB_STATUS__STARTED);
    rpc_fixture_reopen(&f); /* the memory is empty now */
    cr_assert_eq(status_of(id), JOB__V1__JOB_STATUS__STARTED);
    cr_assert(rpc_fixture_finish(&f, id, 1, "file", NULL));
    cr_assert_eq(status_of(id), JOB__V1__JOB_STATUS__SUCCEEDED);
}

Test(rpc_jobs, status_of_unknown_jobs_is_not_found)
{
    cr_assert_eq(status_of("00000000-0000-4000-8000-000000000000"), 0);
    cr_assert_eq(f.status.code, RF_NOT_FOUND);
    cr_assert_eq(status_of("nonsense"), 0);
    cr_assert_eq(f.status.code, RF_NOT_FOUND);
}

Test(rpc_jobs, s7_another_application_sees_nothing_of_a_job)
{
    char id[RF_UUID_LEN];
    rpc_fixture_create(&f, "sdk-test", OUTSIDE, id);
    char mine[RF_UUID_LEN];
    memcpy(mine, f.app, sizeof(mine));
    rf_copy_str(f.app, sizeof(f.app), "11111111-1111-4111-8111-111111111111");
    cr_assert_null(rpc_fixture_get(&f, id));
    cr_assert_eq(f.status.code, RF_NOT_FOUND);
    rf_status foreign = f.status;
    cr_assert_null(rpc_fixture_get(&f, "22222222-2222-4222-8222-222222222222"));
    cr_assert_str_eq(f.status.message, foreign.message, "one body for foreign and unknown");
    cr_assert_eq(status_of(id), 0);
    Job__V1__DeleteJobRequest request = JOB__V1__DELETE_JOB_REQUEST__INIT;
    request.id = id;
    cr_assert_null(rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_DELETE_JOB, &request));
    cr_assert_eq(f.status.code, RF_NOT_FOUND);
    memcpy(f.app, mine, sizeof(mine));
    cr_assert_eq(status_of(id), JOB__V1__JOB_STATUS__QUEUED);
}

Test(rpc_jobs, a_call_without_an_application_is_refused)
{
    Job__V1__GetApplicationRequest request = JOB__V1__GET_APPLICATION_REQUEST__INIT;
    cr_assert_null(rpc_fixture_bare(&f, JOB_V1_JOB_SERVICE_GET_APPLICATION, &request));
    cr_assert_eq(f.status.code, RF_UNAUTHENTICATED);
}

Test(rpc_jobs, the_application_has_id_and_name)
{
    Job__V1__GetApplicationRequest request = JOB__V1__GET_APPLICATION_REQUEST__INIT;
    Job__V1__Application *app = rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_GET_APPLICATION, &request);
    cr_assert_str_eq(app->id, f.app);
    cr_assert_str_eq(app->name, "demo");
    rf_rpc_message_free(app);
}

/* ---- too much ---- */

static void few(job_config *config)
{
    config->outbox_max = 1;
    config->queued_max = 1;
}

/* H9, K5: 503, since it is the service's and not the client's that is full. */
Test(rpc_jobs, K5_a_job_beyond_the_rows_that_may_wait_is_refused_as_unavailable)
{
    char id[RF_UUID_LEN];
    rpc_fixture_close(&f);
    rpc_fixture_open(&f, few);
    f.service.relay = job_relay_stop(f.service.relay); /* nothing leaves the outbox */
    cr_assert_eq(rpc_fixture_create(&f, "sdk-test", OUTSIDE, id), RF_OK);
    rf_rpc_message_free(rpc_fixture_claim(&f, "w")); /* so that none is queued */
    cr_assert_eq(rpc_fixture_create(&f, "sdk-test", OUTSIDE, id), RF_UNAVAILABLE);
    cr_assert_str_eq(f.status.message, "Too much waits for the message bus; try again later.");
}

Test(rpc_jobs, H8_a_job_beyond_the_most_queued_ones_is_refused_as_too_many)
{
    char id[RF_UUID_LEN];
    rpc_fixture_close(&f);
    rpc_fixture_open(&f, few);
    cr_assert_eq(rpc_fixture_create(&f, "sdk-test", OUTSIDE, id), RF_OK);
    cr_assert_eq(rpc_fixture_create(&f, "sdk-test", OUTSIDE, id), RF_RESOURCE_EXHAUSTED);
    cr_assert_str_eq(f.status.message, "Too many jobs are queued.");
}

/* ---- failures as clients see them ---- */

/* F3 */
Test(rpc_jobs, a_failed_job_has_code_title_and_message)
{
    static const struct {
        const char *code;
        const char *title;
    } rows[] = {{"BAD_INPUT", "Invalid input"}};
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        char id[RF_UUID_LEN];
        rpc_fixture_create(&f, "sdk-test", OUTSIDE, id);
        rf_rpc_message_free(rpc_fixture_claim(&f, "w"));
        cr_assert(rpc_fixture_fail(&f, id, 1, rows[i].code, "The input is empty."));
        Job__V1__Job *job = rpc_fixture_get(&f, id);
        cr_assert_eq(job->status, JOB__V1__JOB_STATUS__FAILED);
        cr_assert_str_eq(job->error->code, rows[i].code);
        cr_assert_str_eq(job->error->title, rows[i].title);
        cr_assert_str_eq(job->error->message, "The input is empty.");
        cr_assert_null(job->result);
        rf_rpc_message_free(job);
    }
}

Test(rpc_jobs, cancel_answers_the_new_state)
{
    char id[RF_UUID_LEN];
    rpc_fixture_create(&f, "sdk-test", OUTSIDE, id);
    Job__V1__CancelJobRequest request = JOB__V1__CANCEL_JOB_REQUEST__INIT;
    request.id = id;
    Job__V1__GetJobStatusResponse *reply =
        rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_CANCEL_JOB, &request);
    cr_assert_eq(reply->status, JOB__V1__JOB_STATUS__FAILED);
    rf_rpc_message_free(reply);
    Job__V1__Job *job = rpc_fixture_get(&f, id);
    cr_assert_str_eq(job->error->code, "CANCELLED");
    cr_assert_str_eq(job->error->title, "Cancelled");
    rf_rpc_message_free(job);
}

/* ---- include ---- */

/* X12 */
Test(rpc_jobs, include_adds_what_is_asked_for_and_nothing_else)
{
    char id[RF_UUID_LEN];
    rpc_fixture_create(&f, "sdk-test", OUTSIDE, id);
    rf_rpc_message_free(rpc_fixture_claim(&f, "w"));
    Job__V1__Job *job = rpc_fixture_get(&f, id);
    cr_assert_null(job->attempts);
    cr_assert_null(job->progress);
    cr_assert_null(job->priority);
    cr_assert_null(job->retention);
    rf_rpc_message_free(job);
    char *all[] = {"attempts", "progress", "priority", "retention"};
    Job__V1__GetJobRequest request = JOB__V1__GET_JOB_REQUEST__INIT;
    request.id = id;
    request.include = all;
    request.n_include = 4;
    job = rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_GET_JOB, &request);
    cr_assert_not_null(strstr(job->attempts->text, "\"state\":\"LEASED\""));
    cr_assert_not_null(strstr(job->progress->text, "\"percent\":0"));
    cr_assert_str_eq(job->priority->text, "5");
    cr_assert_str_eq(job->retention->text, "1209600");
    rf_rpc_message_free(job);
    char *wrong[] = {"everything"};
    request.include = wrong;
    request.n_include = 1;
    cr_assert_null(rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_GET_JOB, &request));
    cr_assert_eq(f.status.code, RF_INVALID_ARGUMENT);
}

/* ---- lists and workflows ---- */

Test(rpc_jobs, jobs_are_listed_with_filters)
{
    char id[RF_UUID_LEN];
    for (int i = 0; i < 3; i++) {
        rpc_fixture_create(&f, "sdk-test", OUTSIDE, id);
    }
    rf_rpc_message_free(rpc_fixture_claim(&f, "w"));
    Job__V1__JobStatus queued = JOB__V1__JOB_STATUS__QUEUED;
    char *slugs[] = {"sdk-test", "unknown/one"};
    Job__V1__ListJobsRequest request = JOB__V1__LIST_JOBS_REQUEST__INIT;
    request.status = &queued;
    request.n_status = 1;
    request.workflow = slugs;
    request.n_workflow = 2;
    Job__V1__ListJobsResponse *reply = rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_LIST_JOBS, &request);
    cr_assert_eq(reply->n_jobs, 2);
    cr_assert_str_eq(reply->jobs[0]->workflow, "sdk-test");
    rf_rpc_message_free(reply);
    request.size = 1;
    request.page = 5;
    reply = rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_LIST_JOBS, &request);
    cr_assert_eq(reply->n_jobs, 0);
    rf_rpc_message_free(reply);
}

Test(rpc_jobs, shipped_workflows_are_listed_by_slug_with_schemas)
{
    Job__V1__ListWorkflowsRequest request = JOB__V1__LIST_WORKFLOWS_REQUEST__INIT;
    Job__V1__ListWorkflowsResponse *reply =
        rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_LIST_WORKFLOWS, &request);
    cr_assert_geq(reply->n_workflows, 7);
    for (size_t i = 0; i < reply->n_workflows; i++) {
        const Job__V1__Workflow *w = reply->workflows[i];
        cr_assert(rf_uuid4_valid(w->id));
        cr_assert_neq(w->name[0], '\0');
        cr_assert(i == 0 || strcmp(reply->workflows[i - 1]->slug, w->slug) < 0);
        json_t *inputs = json_loads(w->inputs->text, 0, NULL);
        json_t *outputs = json_loads(w->outputs->text, 0, NULL);
        cr_assert_str_eq(json_string_value(json_object_get(inputs, "type")), "object");
        cr_assert_gt(json_object_size(json_object_get(outputs, "properties")), 0);
        json_decref(inputs);
        json_decref(outputs);
    }
    Job__V1__GetWorkflowRequest one = JOB__V1__GET_WORKFLOW_REQUEST__INIT;
    one.workflow = reply->workflows[0]->id;
    Job__V1__Workflow *by_id = rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_GET_WORKFLOW, &one);
    cr_assert_str_eq(by_id->slug, reply->workflows[0]->slug);
    one.workflow = by_id->slug;
    Job__V1__Workflow *by_slug = rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_GET_WORKFLOW, &one);
    cr_assert_str_eq(by_slug->id, by_id->id);
    one.workflow = (char *)"none";
    cr_assert_null(rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_GET_WORKFLOW, &one));
    rf_rpc_message_free(by_slug);
    rf_rpc_message_free(by_id);
    rf_rpc_message_free(reply);
    request.page = 3;
    request.size = 100;
    reply = rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_LIST_WORKFLOWS, &request);
    cr_assert_eq(reply->n_workflows, 0);
    rf_rpc_message_free(reply);
}

/* ---- large jobs ---- */

static size_t n_listed(uint32_t size)
{
    Job__V1__ListJobsRequest list = JOB__V1__LIST_JOBS_REQUEST__INIT;
    list.size = size;
    Job__V1__ListJobsResponse *reply = rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_LIST_JOBS, &list);
    size_t n = reply == NULL ? 0 : reply->n_jobs;
    rf_rpc_message_free(reply);
    return n;
}

Test(rpc_jobs, a_list_that_no_message_can_carry_is_refused_and_a_shorter_one_is_not)
{
    enum { N = 300, LEN = 60000 };
    char id[RF_UUID_LEN];
    RF_CLEANUP(rf_cleanup_free) char *params = rf_alloc(LEN + 100);
    int n = snprintf(params, LEN, "{\"file\":\"https://h/x\",\"note\":\"");
    memset(params + n, 'x', LEN);
    memcpy(params + n + LEN, "\"}", 3);
    for (int i = 0; i < N; i++) {
        cr_assert_eq(rpc_fixture_create(&f, "sdk-test", params, id), RF_OK);
    }
    cr_assert_eq(n_listed(1000), 0);
    cr_assert_eq(f.status.code, RF_INVALID_ARGUMENT);
    cr_assert_not_null(strstr(f.status.message, "size is too large"), "%s", f.status.message);
    cr_assert_eq(n_listed(250), 250);
}
