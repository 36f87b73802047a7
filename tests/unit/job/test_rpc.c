/*
 * The service behind its RPC, with a real client: the calls of gateway and workers, and the rows of
 * spec jobs.md sections 2 to 4 and 7 that show there.
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

TestSuite(rpc, .init = set_up, .fini = tear_down);

#define OUTSIDE "{\"file\":\"https://music.ai/demo.ogg\"}"

/* ---- the way of a job ---- */

Test(rpc, a_job_goes_from_request_to_result)
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

Test(rpc, q5_status_follows_the_job_from_memory_and_from_the_store)
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

Test(rpc, status_of_unknown_jobs_is_not_found)
{
    cr_assert_eq(status_of("00000000-0000-4000-8000-000000000000"), 0);
    cr_assert_eq(f.status.code, RF_NOT_FOUND);
    cr_assert_eq(status_of("nonsense"), 0);
    cr_assert_eq(f.status.code, RF_NOT_FOUND);
}

Test(rpc, s7_another_application_sees_nothing_of_a_job)
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

Test(rpc, a_call_without_an_application_is_refused)
{
    Job__V1__GetApplicationRequest request = JOB__V1__GET_APPLICATION_REQUEST__INIT;
    cr_assert_null(rpc_fixture_bare(&f, JOB_V1_JOB_SERVICE_GET_APPLICATION, &request));
    cr_assert_eq(f.status.code, RF_UNAUTHENTICATED);
}

Test(rpc, the_application_has_id_and_name)
{
    Job__V1__GetApplicationRequest request = JOB__V1__GET_APPLICATION_REQUEST__INIT;
    Job__V1__Application *app = rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_GET_APPLICATION, &request);
    cr_assert_str_eq(app->id, f.app);
    cr_assert_str_eq(app->name, "demo");
    rf_rpc_message_free(app);
}

/* ---- requests that do not fit ---- */

static const struct {
    const char *workflow;
    const char *params;
    rf_code code;
} requests[] = {
    {"sdk-test", OUTSIDE, RF_OK},
    {"sdk-test", "{\"file\":\"http://h/x\",\"unknown\":[1,2]}", RF_OK},
    {"no/such", "{}", RF_NOT_FOUND},
    {"sdk-test", "[]", RF_INVALID_ARGUMENT},
    {"sdk-test", "{", RF_INVALID_ARGUMENT},
    {"sdk-test", "{}", RF_FAILED_PRECONDITION},
    {"sdk-test", "{\"file\":null}", RF_FAILED_PRECONDITION},
    {"sdk-test", "{\"file\":5}", RF_FAILED_PRECONDITION},
    {"sdk-test", "{\"file\":\"ftp://h/x\"}", RF_FAILED_PRECONDITION},
    {"sdk-test", "{\"file\":\"https://user:pw@h/x\"}", RF_FAILED_PRECONDITION},
    {"sdk-test", "{\"file\":\"https:///x\"}", RF_FAILED_PRECONDITION},
    {"reflection/convert", "{\"inputUrl\":\"https://h/x\",\"format\":\"wav\"}", RF_OK},
    {"reflection/convert", "{\"inputUrl\":\"https://h/x\",\"format\":\"wma\"}",
     RF_FAILED_PRECONDITION},
    {"reflection/convert",
     "{\"inputUrl\":\"https://h/x\",\"format\":\"mp3\",\"sampleRate\":\"44100\"}", RF_OK},
    {"reflection/convert",
     "{\"inputUrl\":\"https://h/x\",\"format\":\"opus\",\"sampleRate\":44100}",
     RF_FAILED_PRECONDITION},
    {"reflection/convert", "{\"inputUrl\":\"https://h/x\",\"format\":\"wav\",\"bitrate\":128}",
     RF_FAILED_PRECONDITION},
};

Test(rpc, requests_are_checked_for_form_only)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(requests); i++) {
        char id[RF_UUID_LEN];
        rf_code code = rpc_fixture_create(&f, requests[i].workflow, requests[i].params, id);
        cr_assert_eq(code, requests[i].code, "row %zu: %s %s", i, rf_code_name(code),
                     f.status.message);
    }
}

Test(rpc, names_have_1_to_256_characters)
{
    char name[1100];
    Job__V1__CreateJobRequest request = JOB__V1__CREATE_JOB_REQUEST__INIT;
    request.workflow = (char *)"sdk-test";
    request.params_json = (char *)OUTSIDE;
    request.name = name;
    static const struct {
        size_t n;
        const char *character;
        rf_code code;
    } rows[] = {
        {0, "x", RF_INVALID_ARGUMENT},   {1, "x", RF_OK},   {256, "x", RF_OK},
        {257, "x", RF_INVALID_ARGUMENT}, {256, "é", RF_OK}, {257, "é", RF_INVALID_ARGUMENT}};
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        name[0] = '\0';
        for (size_t k = 0; k < rows[i].n; k++) {
            strcat(name, rows[i].character);
        }
        rf_rpc_message_free(rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_CREATE_JOB, &request));
        cr_assert_eq(f.status.code, rows[i].code, "row %zu", i);
    }
}

static rf_code create_with(Job__V1__CreateJobRequest *request)
{
    request->name = (char *)"n";
    request->workflow = (char *)"sdk-test";
    request->params_json = (char *)OUTSIDE;
    rf_rpc_message_free(rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_CREATE_JOB, request));
    return f.status.code;
}

Test(rpc, metadata_is_an_object_of_at_most_16_kib)
{
    char *large = rf_alloc(20000);
    memset(large, ' ', 16383);
    memcpy(large, "{", 1);
    memcpy(large + 16383, "}", 2);
    Job__V1__CreateJobRequest request = JOB__V1__CREATE_JOB_REQUEST__INIT;
    request.metadata_json = (char *)"{\"k\":[1]}";
    cr_assert_eq(create_with(&request), RF_OK);
    request.metadata_json = (char *)"[1]";
    cr_assert_eq(create_with(&request), RF_INVALID_ARGUMENT);
    request.metadata_json = large;
    cr_assert_eq(create_with(&request), RF_OK);
    memset(large, ' ', 16384);
    memcpy(large, "{", 1);
    memcpy(large + 16384, "}", 2);
    cr_assert_eq(create_with(&request), RF_INVALID_ARGUMENT);
    free(large);
}

Test(rpc, copy_results_to_names_outputs_and_web_urls)
{
    static const struct {
        const char *output;
        const char *url;
        rf_code code;
    } rows[] = {{"file", "https://h/put", RF_OK},
                {"File", "https://h/put", RF_FAILED_PRECONDITION},
                {"other", "https://h/put", RF_FAILED_PRECONDITION},
                {"file", "file:///etc/passwd", RF_FAILED_PRECONDITION},
                {"file", "https://a:b@h/put", RF_FAILED_PRECONDITION},
                {"file", "", RF_FAILED_PRECONDITION}};
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        Job__V1__StringEntry entry = JOB__V1__STRING_ENTRY__INIT;
        Job__V1__StringEntry *entries = &entry;
        Job__V1__CreateJobRequest request = JOB__V1__CREATE_JOB_REQUEST__INIT;
        entry.key = (char *)(uintptr_t)rows[i].output;
        entry.value = (char *)(uintptr_t)rows[i].url;
        request.copy_results_to = &entries;
        request.n_copy_results_to = 1;
        cr_assert_eq(create_with(&request), rows[i].code, "row %zu", i);
    }
}

Test(rpc, idempotency_keys_are_replayed_or_refused)
{
    uint8_t one[RF_SHA256_LEN] = {1};
    uint8_t two[RF_SHA256_LEN] = {2};
    Job__V1__CreateJobRequest request = JOB__V1__CREATE_JOB_REQUEST__INIT;
    request.name = (char *)"n";
    request.workflow = (char *)"sdk-test";
    request.params_json = (char *)OUTSIDE;
    request.idempotency_key = (char *)"key-1";
    request.payload_sha256 = (ProtobufCBinaryData){.len = sizeof(one), .data = one};
    Job__V1__CreateJobResponse *a = rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_CREATE_JOB, &request);
    Job__V1__CreateJobResponse *b = rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_CREATE_JOB, &request);
    cr_assert_not(a->replayed);
    cr_assert(b->replayed);
    cr_assert_str_eq(a->id, b->id);
    request.payload_sha256.data = two;
    cr_assert_null(rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_CREATE_JOB, &request));
    cr_assert_eq(f.status.code, RF_FAILED_PRECONDITION);
    request.idempotency_key = (char *)"with\ttab";
    cr_assert_null(rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_CREATE_JOB, &request));
    cr_assert_eq(f.status.code, RF_INVALID_ARGUMENT);
    rf_rpc_message_free(a);
    rf_rpc_message_free(b);
}

/* ---- own files ---- */

static void params_with(const char *url, char *out, size_t size)
{
    snprintf(out, size, "{\"file\":\"%s\"}", url);
}

Test(rpc, an_own_upload_is_resolved_inside_and_pinned)
{
    char put[512];
    char get[512];
    char params[600];
    char id[RF_UUID_LEN];
    rpc_fixture_upload(&f, "hello", true, put, get);
    params_with(get, params, sizeof(params));
    cr_assert_eq(rpc_fixture_create(&f, "sdk-test", params, id), RF_OK);
    Job__V1__ClaimResponse *claims = rpc_fixture_claim(&f, "w");
    const Job__V1__InputRef *input = claims->claims[0]->inputs[0];
    cr_assert_eq(input->source_case, JOB__V1__INPUT_REF__SOURCE_OBJECT_KEY);
    cr_assert(rpc_fixture_has(&f, input->object_key));
    cr_assert(rpc_fixture_finish(&f, id, 1, "file", input->object_key),
              "an input may be passed on without a copy");
    Job__V1__Job *job = rpc_fixture_get(&f, id);
    cr_assert_eq(job->status, JOB__V1__JOB_STATUS__SUCCEEDED);
    rf_rpc_message_free(job);
    rf_rpc_message_free(claims);
}

static void expect_bad_input(const char *url)
{
    char params[1200];
    char id[RF_UUID_LEN];
    params_with(url, params, sizeof(params));
    cr_assert_eq(rpc_fixture_create(&f, "sdk-test", params, id), RF_OK, "accepted all the same");
    Job__V1__ClaimResponse *claims = rpc_fixture_claim(&f, "w");
    const Job__V1__InputRef *input = claims->claims[0]->inputs[0];
    cr_assert_eq(input->source_case, JOB__V1__INPUT_REF__SOURCE_BAD);
    cr_assert_str_eq(input->bad, "File not found.");
    rf_rpc_message_free(claims);
}

Test(rpc, q6_a_job_on_a_missing_upload_is_accepted_and_fails)
{
    char put[512];
    char get[512];
    rpc_fixture_upload(&f, "", false, put, get);
    expect_bad_input(get);
}

Test(rpc, s8_a_wrong_signature_method_or_file_is_a_missing_file)
{
    char put[512];
    char get[512];
    char wrong[600];
    rpc_fixture_upload(&f, "hello", true, put, get);
    expect_bad_input(put); /* a PUT URL does not read */
    snprintf(wrong, sizeof(wrong), "%s0", get);
    expect_bad_input(wrong);
    rf_copy_str(wrong, sizeof(wrong), get);
    *strchr(wrong, '?') = '\0';
    expect_bad_input(wrong);
    expect_bad_input(RPC_FIXTURE_BASE "/files/00000000-0000-4000-8000-000000000000/x.wav?e=1");
}

Test(rpc, other_paths_of_the_base_and_like_hosts_are_outside_urls)
{
    static const char *const urls[] = {RPC_FIXTURE_BASE "/v1/job", RPC_FIXTURE_BASE "/",
                                       "https://localhost:84430/uploads/x",
                                       "https://localhost:8443.evil.test/uploads/x"};
    for (size_t i = 0; i < RF_ARRAY_LEN(urls); i++) {
        char params[600];
        char id[RF_UUID_LEN];
        params_with(urls[i], params, sizeof(params));
        cr_assert_eq(rpc_fixture_create(&f, "sdk-test", params, id), RF_OK);
        Job__V1__ClaimResponse *claims = rpc_fixture_claim(&f, "w");
        cr_assert_str_eq(claims->claims[0]->inputs[0]->url, urls[i]);
        rf_rpc_message_free(claims);
    }
}

static void create_copying(const char *target, char id[RF_UUID_LEN])
{
    Job__V1__StringEntry entry = JOB__V1__STRING_ENTRY__INIT;
    Job__V1__StringEntry *entries = &entry;
    Job__V1__CreateJobRequest request = JOB__V1__CREATE_JOB_REQUEST__INIT;
    entry.key = (char *)"file";
    entry.value = (char *)(uintptr_t)target;
    request.copy_results_to = &entries;
    request.n_copy_results_to = 1;
    request.name = (char *)"n";
    request.workflow = (char *)"sdk-test";
    request.params_json = (char *)OUTSIDE;
    Job__V1__CreateJobResponse *reply =
        rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_CREATE_JOB, &request);
    cr_assert_not_null(reply);
    rf_copy_str(id, RF_UUID_LEN, reply->id);
    rf_rpc_message_free(reply);
}

Test(rpc, results_are_copied_to_an_own_upload_in_the_transaction_that_publishes)
{
    char put[512];
    char get[512];
    char id[RF_UUID_LEN];
    char key[128];
    rpc_fixture_upload(&f, "", false, put, get);
    create_copying(put, id);
    Job__V1__ClaimResponse *claims = rpc_fixture_claim(&f, "w");
    cr_assert_eq(claims->claims[0]->n_copy_results_to, 1);
    cr_assert_eq(claims->claims[0]->copy_results_to[0]->target_case,
                 JOB__V1__OUTPUT_TARGET__TARGET_UPLOAD_ID);
    rf_rpc_message_free(claims);
    snprintf(key, sizeof(key), "jobs/%s/1/out", id);
    rpc_fixture_put(&f, key, "RIFF");
    cr_assert(rpc_fixture_finish(&f, id, 1, "file", key));
    cr_assert(rpc_fixture_finish(&f, id, 1, "file", key), "a repeat meets no conflict");
    Job__V1__Job *job = rpc_fixture_get(&f, id);
    cr_assert_str_eq(job->result->text, "{\"file\":\"[custom storage]\"}");
    rf_rpc_message_free(job);
    Job__V1__ResolveFileRequest resolve = JOB__V1__RESOLVE_FILE_REQUEST__INIT;
    char upload[RF_UUID_LEN];
    rf_copy_str(upload, sizeof(upload), put + strlen(RPC_FIXTURE_BASE "/uploads/"));
    resolve.file_case = JOB__V1__RESOLVE_FILE_REQUEST__FILE_UPLOAD_ID;
    resolve.upload_id = upload;
    Job__V1__ResolveFileResponse *file =
        rpc_fixture_bare(&f, JOB_V1_JOB_SERVICE_RESOLVE_FILE, &resolve);
    cr_assert_str_eq(file->object_key, key);
    rf_rpc_message_free(file);
}

Test(rpc, an_upload_that_a_job_will_write_takes_no_other_put)
{
    char put[512];
    char get[512];
    char id[RF_UUID_LEN];
    char upload[RF_UUID_LEN];
    rpc_fixture_upload(&f, "", false, put, get);
    create_copying(put, id);
    rf_copy_str(upload, sizeof(upload), put + strlen(RPC_FIXTURE_BASE "/uploads/"));
    Job__V1__BeginUploadRequest begin = JOB__V1__BEGIN_UPLOAD_REQUEST__INIT;
    begin.upload_id = upload;
    cr_assert_null(rpc_fixture_bare(&f, JOB_V1_JOB_SERVICE_BEGIN_UPLOAD, &begin));
    cr_assert_eq(f.status.code, RF_ALREADY_EXISTS);
}

Test(rpc, a_used_or_wrong_upload_as_target_fails_the_job)
{
    char put[512];
    char get[512];
    char id[RF_UUID_LEN];
    rpc_fixture_upload(&f, "taken", true, put, get);
    const char *const targets[] = {put, get};
    for (size_t i = 0; i < RF_ARRAY_LEN(targets); i++) {
        create_copying(targets[i], id);
        Job__V1__ClaimResponse *claims = rpc_fixture_claim(&f, "w");
        bool bad = false;
        for (size_t k = 0; k < claims->claims[0]->n_inputs; k++) {
            bad =
                bad || claims->claims[0]->inputs[k]->source_case == JOB__V1__INPUT_REF__SOURCE_BAD;
        }
        cr_assert(bad);
        rf_rpc_message_free(claims);
    }
}

/* ---- uploads ---- */

Test(rpc, an_upload_takes_one_put)
{
    char put[512];
    char get[512];
    char id[RF_UUID_LEN];
    rpc_fixture_upload(&f, "first", true, put, get);
    rf_copy_str(id, sizeof(id), put + strlen(RPC_FIXTURE_BASE "/uploads/"));
    Job__V1__BeginUploadRequest begin = JOB__V1__BEGIN_UPLOAD_REQUEST__INIT;
    begin.upload_id = id;
    cr_assert_null(rpc_fixture_bare(&f, JOB_V1_JOB_SERVICE_BEGIN_UPLOAD, &begin));
    cr_assert_eq(f.status.code, RF_ALREADY_EXISTS);
    uint8_t sha256[RF_SHA256_LEN] = {0};
    char key[128];
    snprintf(key, sizeof(key), "uploads/%s/other", id);
    Job__V1__CompleteUploadRequest complete = JOB__V1__COMPLETE_UPLOAD_REQUEST__INIT;
    complete.upload_id = id;
    complete.object_key = key;
    complete.sha256 = (ProtobufCBinaryData){.len = sizeof(sha256), .data = sha256};
    cr_assert_null(rpc_fixture_bare(&f, JOB_V1_JOB_SERVICE_COMPLETE_UPLOAD, &complete));
    cr_assert_eq(f.status.code, RF_ALREADY_EXISTS);
    complete.object_key = (char *)"jobs/x/1/y";
    cr_assert_null(rpc_fixture_bare(&f, JOB_V1_JOB_SERVICE_COMPLETE_UPLOAD, &complete));
    cr_assert_eq(f.status.code, RF_PERMISSION_DENIED);
}

Test(rpc, unknown_uploads_and_files_are_not_found)
{
    Job__V1__BeginUploadRequest begin = JOB__V1__BEGIN_UPLOAD_REQUEST__INIT;
    begin.upload_id = (char *)"00000000-0000-4000-8000-000000000000";
    cr_assert_null(rpc_fixture_bare(&f, JOB_V1_JOB_SERVICE_BEGIN_UPLOAD, &begin));
    cr_assert_eq(f.status.code, RF_NOT_FOUND);
    Job__V1__JobOutput output = JOB__V1__JOB_OUTPUT__INIT;
    Job__V1__ResolveFileRequest resolve = JOB__V1__RESOLVE_FILE_REQUEST__INIT;
    output.job_id = begin.upload_id;
    output.file_name = (char *)"x.wav";
    resolve.file_case = JOB__V1__RESOLVE_FILE_REQUEST__FILE_OUTPUT;
    resolve.output = &output;
    cr_assert_null(rpc_fixture_bare(&f, JOB_V1_JOB_SERVICE_RESOLVE_FILE, &resolve));
    cr_assert_eq(f.status.code, RF_NOT_FOUND);
    resolve.file_case = JOB__V1__RESOLVE_FILE_REQUEST__FILE__NOT_SET;
    cr_assert_null(rpc_fixture_bare(&f, JOB_V1_JOB_SERVICE_RESOLVE_FILE, &resolve));
    cr_assert_eq(f.status.code, RF_INVALID_ARGUMENT);
}

Test(rpc, result_files_are_found_by_output_and_extension_until_the_job_is_deleted)
{
    char id[RF_UUID_LEN];
    char key[128];
    rpc_fixture_create(&f, "sdk-test", OUTSIDE, id);
    rf_rpc_message_free(rpc_fixture_claim(&f, "w"));
    snprintf(key, sizeof(key), "jobs/%s/1/out", id);
    cr_assert(rpc_fixture_finish(&f, id, 1, "Kick drum", key));
    Job__V1__Job *job = rpc_fixture_get(&f, id);
    json_t *result = json_loads(job->result->text, 0, NULL);
    const char *url = json_string_value(json_object_get(result, "Kick drum"));
    cr_assert_not_null(strstr(url, "/Kick%20drum.wav?e="), "Q3: %s", url);
    json_decref(result);
    rf_rpc_message_free(job);
    Job__V1__JobOutput output = JOB__V1__JOB_OUTPUT__INIT;
    Job__V1__ResolveFileRequest resolve = JOB__V1__RESOLVE_FILE_REQUEST__INIT;
    output.job_id = id;
    output.file_name = (char *)"Kick drum.wav";
    resolve.file_case = JOB__V1__RESOLVE_FILE_REQUEST__FILE_OUTPUT;
    resolve.output = &output;
    Job__V1__ResolveFileResponse *file =
        rpc_fixture_bare(&f, JOB_V1_JOB_SERVICE_RESOLVE_FILE, &resolve);
    cr_assert_str_eq(file->object_key, key);
    cr_assert_str_eq(file->content_type, "audio/wav");
    rf_rpc_message_free(file);
    Job__V1__DeleteJobRequest delete = JOB__V1__DELETE_JOB_REQUEST__INIT;
    delete.id = id;
    rf_rpc_message_free(rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_DELETE_JOB, &delete));
    cr_assert_null(rpc_fixture_bare(&f, JOB_V1_JOB_SERVICE_RESOLVE_FILE, &resolve));
    cr_assert_null(rpc_fixture_get(&f, id));
}

/* ---- failures as clients see them ---- */

Test(rpc, a_failed_job_has_code_title_and_message)
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

Test(rpc, cancel_answers_the_new_state)
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

Test(rpc, include_adds_what_is_asked_for_and_nothing_else)
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

Test(rpc, jobs_are_listed_with_filters)
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

Test(rpc, shipped_workflows_are_listed_by_slug_with_schemas)
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
        cr_assert_gt(json_array_size(outputs), 0);
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

/* ---- keys ---- */

static Job__V1__AuthenticateResponse *authenticate(const char *secret)
{
    uint8_t sha256[RF_SHA256_LEN];
    rf_sha256_of(secret, strlen(secret), sha256);
    Job__V1__AuthenticateRequest request = JOB__V1__AUTHENTICATE_REQUEST__INIT;
    request.secret_sha256 = (ProtobufCBinaryData){.len = sizeof(sha256), .data = sha256};
    return rpc_fixture_bare(&f, JOB_V1_KEY_SERVICE_AUTHENTICATE, &request);
}

Test(rpc, a_key_authenticates_its_application)
{
    Job__V1__AuthenticateResponse *who = authenticate(f.secret);
    cr_assert_str_eq(who->application_id, f.app);
    cr_assert_str_eq(who->application, "demo");
    cr_assert_str_eq(who->key_id, f.key_id);
    cr_assert_eq(who->requests_per_second, 300);
    cr_assert_eq(who->burst, 600);
    cr_assert_leq(who->cache_seconds, 60, "S9: a revoked key stops within 60 s");
    rf_rpc_message_free(who);
    static const char *const wrong[] = {"", "undefined", "rk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    for (size_t i = 0; i < RF_ARRAY_LEN(wrong); i++) {
        cr_assert_null(authenticate(wrong[i]), "Q8");
        cr_assert_eq(f.status.code, RF_UNAUTHENTICATED);
    }
}

Test(rpc, a_revoked_key_stops_and_survives_no_restart)
{
    Job__V1__RevokeKeyRequest revoke = JOB__V1__REVOKE_KEY_REQUEST__INIT;
    revoke.id = f.key_id;
    Job__V1__ApiKey *key = rpc_fixture_bare(&f, JOB_V1_KEY_SERVICE_REVOKE_KEY, &revoke);
    cr_assert_not_null(key->revoked_at);
    rf_rpc_message_free(key);
    cr_assert_null(authenticate(f.secret));
    rpc_fixture_reopen(&f);
    cr_assert_null(authenticate(f.secret));
    revoke.id = (char *)"none";
    cr_assert_null(rpc_fixture_bare(&f, JOB_V1_KEY_SERVICE_REVOKE_KEY, &revoke));
    cr_assert_eq(f.status.code, RF_NOT_FOUND);
}

Test(rpc, a_rotated_key_works_beside_the_new_one_until_the_overlap_ends)
{
    Job__V1__RotateKeyRequest rotate = JOB__V1__ROTATE_KEY_REQUEST__INIT;
    rotate.id = f.key_id;
    rotate.overlap_seconds = 1;
    Job__V1__CreateKeyResponse *fresh =
        rpc_fixture_bare(&f, JOB_V1_KEY_SERVICE_ROTATE_KEY, &rotate);
    cr_assert_str_eq(fresh->key->application_id, f.app);
    cr_assert_eq(fresh->key->requests_per_second, 300);
    Job__V1__AuthenticateResponse *old = authenticate(f.secret);
    cr_assert_not_null(old);
    cr_assert_leq(old->cache_seconds, 1, "not remembered beyond its end");
    rf_rpc_message_free(old);
    Job__V1__AuthenticateResponse *now = authenticate(fresh->secret);
    cr_assert_not_null(now);
    rf_rpc_message_free(now);
    cr_assert_null(rpc_fixture_bare(&f, JOB_V1_KEY_SERVICE_ROTATE_KEY, &rotate));
    cr_assert_eq(f.status.code, RF_ALREADY_EXISTS, "one rotation at a time");
    rotate.overlap_seconds = 86401;
    cr_assert_null(rpc_fixture_bare(&f, JOB_V1_KEY_SERVICE_ROTATE_KEY, &rotate));
    cr_assert_eq(f.status.code, RF_INVALID_ARGUMENT);
    rf_time_drive();
    rf_time_advance(1001 * RF_NS_PER_MS);
    cr_assert_null(authenticate(f.secret));
    now = authenticate(fresh->secret);
    cr_assert_not_null(now);
    rf_rpc_message_free(now);
    rf_rpc_message_free(fresh);
}

Test(rpc, keys_are_listed_without_their_secrets)
{
    Job__V1__ListKeysRequest request = JOB__V1__LIST_KEYS_REQUEST__INIT;
    Job__V1__ListKeysResponse *reply = rpc_fixture_bare(&f, JOB_V1_KEY_SERVICE_LIST_KEYS, &request);
    cr_assert_eq(reply->n_keys, 1);
    cr_assert_str_eq(reply->keys[0]->id, f.key_id);
    cr_assert_eq(strncmp(reply->keys[0]->prefix, f.secret, strlen(reply->keys[0]->prefix)), 0);
    cr_assert_lt(strlen(reply->keys[0]->prefix), 10);
    rf_rpc_message_free(reply);
    RF_CLEANUP(rf_cleanup_free)
    char *command = rf_asprintf("grep -rqa -e '%s' '%s'", f.secret, f.dir);
    cr_assert_neq(system(command), 0, "S9: the key itself is nowhere on disk");
}

Test(rpc, an_application_has_one_key)
{
    Job__V1__CreateKeyRequest request = JOB__V1__CREATE_KEY_REQUEST__INIT;
    request.application = (char *)"demo";
    cr_assert_null(rpc_fixture_bare(&f, JOB_V1_KEY_SERVICE_CREATE_KEY, &request));
    cr_assert_eq(f.status.code, RF_ALREADY_EXISTS);
    static const char *const wrong[] = {"", "with\nnewline"};
    for (size_t i = 0; i < RF_ARRAY_LEN(wrong); i++) {
        request.application = (char *)(uintptr_t)wrong[i];
        cr_assert_null(rpc_fixture_bare(&f, JOB_V1_KEY_SERVICE_CREATE_KEY, &request));
        cr_assert_eq(f.status.code, RF_INVALID_ARGUMENT);
    }
}

/* ---- workers ---- */

Test(rpc, claims_of_nobody_or_an_unknown_pool_are_refused)
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

Test(rpc, heartbeats_name_the_jobs_that_are_lost)
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

Test(rpc, a_stale_step_is_aborted)
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
