/*
 * Requests that do not fit, over RPC: each says what is wrong (spec jobs.md 2.2).
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

TestSuite(rpc_requests, .init = set_up, .fini = tear_down);

#define OUTSIDE "{\"file\":\"https://music.ai/demo.ogg\"}"

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

/* Q12, H7 */
Test(rpc_requests, requests_are_checked_for_form_only)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(requests); i++) {
        char id[RF_UUID_LEN];
        rf_code code = rpc_fixture_create(&f, requests[i].workflow, requests[i].params, id);
        cr_assert_eq(code, requests[i].code, "row %zu: %s %s", i, rf_code_name(code),
                     f.status.message);
    }
}

Test(rpc_requests, names_have_1_to_256_characters)
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

Test(rpc_requests, metadata_is_an_object_of_at_most_16_kib)
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

/* U8, H7 */
Test(rpc_requests, copy_results_to_names_outputs_and_web_urls)
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

/* X1 */
Test(rpc_requests, idempotency_keys_are_replayed_or_refused)
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
