/*
 * Uploads, results and own URLs over RPC (spec jobs.md 2.5).
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

TestSuite(rpc_files, .init = set_up, .fini = tear_down);

#define OUTSIDE "{\"file\":\"https://music.ai/demo.ogg\"}"

/* ---- own files ---- */

static void params_with(const char *url, char *out, size_t size)
{
    snprintf(out, size, "{\"file\":\"%s\"}", url);
}

/* U5 */
Test(rpc_files, an_own_upload_is_resolved_inside_and_pinned)
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

Test(rpc_files, q6_a_job_on_a_missing_upload_is_accepted_and_fails)
{
    char put[512];
    char get[512];
    rpc_fixture_upload(&f, "", false, put, get);
    expect_bad_input(get);
}

Test(rpc_files, s8_a_wrong_signature_method_or_file_is_a_missing_file)
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

Test(rpc_files, other_paths_of_the_base_and_like_hosts_are_outside_urls)
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

/* U5, U8 */
Test(rpc_files, results_are_copied_to_an_own_upload_in_the_transaction_that_publishes)
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

Test(rpc_files, an_upload_that_a_job_will_write_takes_no_other_put)
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

Test(rpc_files, a_used_or_wrong_upload_as_target_fails_the_job)
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

/* U3 */
Test(rpc_files, an_upload_takes_one_put)
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

Test(rpc_files, unknown_uploads_and_files_are_not_found)
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

/* C2 */
Test(rpc_files, result_files_are_found_by_output_and_extension_until_the_job_is_deleted)
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
