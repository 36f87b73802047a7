/*
 * Every method of the job service's RPC with what it must refuse: no application, unknown and
 * foreign ids (one answer for both, spec jobs.md G4 and S7), values out of range (the answer names
 * field and limit).
 */
#include "rpc_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define OUTSIDE "{\"file\":\"https://music.ai/demo.ogg\"}"
#define NOBODY "11111111-1111-4111-8111-111111111111"

static rpc_fixture f;

static char *text(const char *s)
{
    return (char *)(uintptr_t)s;
}

/* ---- a request of each method about one id ---- */

static void *get_job(const char *id)
{
    static Job__V1__GetJobRequest r;
    job__v1__get_job_request__init(&r);
    r.id = text(id);
    return &r;
}

static void *get_status(const char *id)
{
    static Job__V1__GetJobStatusRequest r;
    job__v1__get_job_status_request__init(&r);
    r.id = text(id);
    return &r;
}

static void *cancel(const char *id)
{
    static Job__V1__CancelJobRequest r;
    job__v1__cancel_job_request__init(&r);
    r.id = text(id);
    return &r;
}

static void *delete (const char *id)
{
    static Job__V1__DeleteJobRequest r;
    job__v1__delete_job_request__init(&r);
    r.id = text(id);
    return &r;
}

static void *begin_upload(const char *id)
{
    static Job__V1__BeginUploadRequest r;
    job__v1__begin_upload_request__init(&r);
    r.upload_id = text(id);
    return &r;
}

static void *complete_upload(const char *id)
{
    static Job__V1__CompleteUploadRequest r;
    static uint8_t sha256[RF_SHA256_LEN];
    static char key[20000];
    job__v1__complete_upload_request__init(&r);
    snprintf(key, sizeof(key), "uploads/%s/x", id);
    r.upload_id = text(id);
    r.object_key = key;
    r.sha256 = (ProtobufCBinaryData){.len = sizeof(sha256), .data = sha256};
    return &r;
}

static void *resolve_upload(const char *id)
{
    static Job__V1__ResolveFileRequest r;
    job__v1__resolve_file_request__init(&r);
    r.file_case = JOB__V1__RESOLVE_FILE_REQUEST__FILE_UPLOAD_ID;
    r.upload_id = text(id);
    return &r;
}

static void *resolve_output(const char *id)
{
    static Job__V1__ResolveFileRequest r;
    static Job__V1__JobOutput output;
    job__v1__resolve_file_request__init(&r);
    job__v1__job_output__init(&output);
    output.job_id = text(id);
    output.file_name = text("file.wav");
    r.file_case = JOB__V1__RESOLVE_FILE_REQUEST__FILE_OUTPUT;
    r.output = &output;
    return &r;
}

static void *get_workflow(const char *id)
{
    static Job__V1__GetWorkflowRequest r;
    job__v1__get_workflow_request__init(&r);
    r.workflow = text(id);
    return &r;
}

static void *redrive(const char *id)
{
    static Job__V1__RedriveJobRequest r;
    job__v1__redrive_job_request__init(&r);
    r.id = text(id);
    return &r;
}

static void *delete_workflow(const char *id)
{
    static Job__V1__DeleteWorkflowRequest r;
    job__v1__delete_workflow_request__init(&r);
    r.id = text(id);
    return &r;
}

static void *revoke_key(const char *id)
{
    static Job__V1__RevokeKeyRequest r;
    job__v1__revoke_key_request__init(&r);
    r.id = text(id);
    return &r;
}

static void *rotate_key(const char *id)
{
    static Job__V1__RotateKeyRequest r;
    job__v1__rotate_key_request__init(&r);
    r.id = text(id);
    return &r;
}

static void *step_done(const char *id)
{
    static Job__V1__StepDoneRequest r;
    job__v1__step_done_request__init(&r);
    r.job_id = text(id);
    r.fence = 1;
    return &r;
}

/* Methods that name a thing, what the answer says of an unknown one, and whose things they are. */
typedef struct lookup {
    const rf_rpc_method *method;
    void *(*request)(const char *id);
    rf_code code;
    const char *says;
    bool tenant; /* of an application */
    bool job;    /* about a job */
} lookup;

static lookup lookups[14];

static void set_up(void)
{
    const lookup rows[] = {
        {JOB_V1_JOB_SERVICE_GET_JOB, get_job, RF_NOT_FOUND, "no such job", true, true},
        {JOB_V1_JOB_SERVICE_GET_JOB_STATUS, get_status, RF_NOT_FOUND, "no such job", true, true},
        {JOB_V1_JOB_SERVICE_CANCEL_JOB, cancel, RF_NOT_FOUND, "no such job", true, true},
        {JOB_V1_JOB_SERVICE_DELETE_JOB, delete, RF_NOT_FOUND, "no such job", true, true},
        {JOB_V1_JOB_SERVICE_REDRIVE_JOB, redrive, RF_NOT_FOUND, "no such job", true, true},
        {JOB_V1_JOB_SERVICE_BEGIN_UPLOAD, begin_upload, RF_NOT_FOUND, "no such upload", false,
         false},
        {JOB_V1_JOB_SERVICE_COMPLETE_UPLOAD, complete_upload, RF_NOT_FOUND, "no such upload", false,
         false},
        {JOB_V1_JOB_SERVICE_RESOLVE_FILE, resolve_upload, RF_NOT_FOUND, "no such file", false,
         false},
        {JOB_V1_JOB_SERVICE_RESOLVE_FILE, resolve_output, RF_NOT_FOUND, "no such file", false,
         false},
        {JOB_V1_JOB_SERVICE_GET_WORKFLOW, get_workflow, RF_NOT_FOUND, "no such workflow", true,
         false},
        {JOB_V1_JOB_SERVICE_DELETE_WORKFLOW, delete_workflow, RF_NOT_FOUND, "no such workflow",
         true, false},
        {JOB_V1_KEY_SERVICE_REVOKE_KEY, revoke_key, RF_NOT_FOUND, "no such key", false, false},
        {JOB_V1_KEY_SERVICE_ROTATE_KEY, rotate_key, RF_NOT_FOUND, "no such key", false, false},
        {JOB_V1_WORKER_SERVICE_STEP_DONE, step_done, RF_ABORTED, "another attempt", false, false},
    };
    _Static_assert(sizeof(rows) == sizeof(lookups), "one row each");
    memcpy(lookups, rows, sizeof(rows));
    rpc_fixture_open(&f, NULL);
}

static void tear_down(void)
{
    rpc_fixture_close(&f);
}

TestSuite(rpc_surface, .init = set_up, .fini = tear_down);

static void refused(const rf_rpc_method *method, const void *request, bool tenant, rf_code code,
                    const char *says)
{
    void *reply =
        tenant ? rpc_fixture_call(&f, method, request) : rpc_fixture_bare(&f, method, request);
    cr_assert_null(reply, "%s was answered", says);
    cr_assert_eq(f.status.code, code, "%s: %s, %s", says, rf_code_name(f.status.code),
                 f.status.message);
    cr_assert_not_null(strstr(f.status.message, says), "'%s' does not say '%s'", f.status.message,
                       says);
}

Test(rpc_surface, g4_unknown_and_malformed_ids_have_one_answer)
{
    static char long_id[10000];
    memset(long_id, 'a', sizeof(long_id) - 1);
    const char *const ids[] = {"",
                               "x",
                               "00000000-0000-4000-8000-000000000000",
                               "00000000000040008000000000000000",
                               "../../etc/passwd",
                               "' OR '1'='1",
                               "%s%n%s",
                               "\xc3\xa9\xf0\x9f\x8e\xb5",
                               "\x01\x02",
                               long_id};
    for (size_t i = 0; i < RF_ARRAY_LEN(lookups); i++) {
        char first[sizeof(f.status.message)] = "";
        for (size_t k = 0; k < RF_ARRAY_LEN(ids); k++) {
            refused(lookups[i].method, lookups[i].request(ids[k]), lookups[i].tenant,
                    lookups[i].code, lookups[i].says);
            if (k == 0) {
                rf_copy_str(first, sizeof(first), f.status.message);
            }
            cr_assert_str_eq(f.status.message, first, "row %zu, id %zu", i, k);
        }
    }
}

Test(rpc_surface, g4_ids_are_in_lower_case)
{
    char id[RF_UUID_LEN];
    char upper[RF_UUID_LEN];
    cr_assert_eq(rpc_fixture_create(&f, "sdk-test", OUTSIDE, id), RF_OK);
    bool has_letter = false;
    for (size_t i = 0; i < sizeof(id); i++) {
        cr_assert_not(id[i] >= 'A' && id[i] <= 'Z');
        has_letter = has_letter || (id[i] >= 'a' && id[i] <= 'f');
        upper[i] = id[i] >= 'a' && id[i] <= 'f' ? (char)(id[i] - 'a' + 'A') : id[i];
    }
    if (has_letter) {
        refused(JOB_V1_JOB_SERVICE_GET_JOB, get_job(upper), true, RF_NOT_FOUND, "no such job");
    }
}

Test(rpc_surface, q2_ids_are_uuids_of_version_4)
{
    for (int i = 0; i < 20; i++) {
        char id[RF_UUID_LEN];
        cr_assert_eq(rpc_fixture_create(&f, "sdk-test", OUTSIDE, id), RF_OK);
        cr_assert_eq(strlen(id), 36);
        cr_assert_eq(id[14], '4');
        cr_assert_not_null(strchr("89ab", id[19]));
    }
}

Test(rpc_surface, s7_a_foreign_job_is_answered_like_an_unknown_one)
{
    char id[RF_UUID_LEN];
    char mine[RF_UUID_LEN];
    cr_assert_eq(rpc_fixture_create(&f, "sdk-test", OUTSIDE, id), RF_OK);
    memcpy(mine, f.app, sizeof(mine));
    for (size_t i = 0; i < RF_ARRAY_LEN(lookups); i++) {
        if (lookups[i].job) {
            char unknown[sizeof(f.status.message)];
            rf_copy_str(f.app, sizeof(f.app), NOBODY);
            refused(lookups[i].method, lookups[i].request(NOBODY), true, RF_NOT_FOUND, "no such");
            rf_copy_str(unknown, sizeof(unknown), f.status.message);
            refused(lookups[i].method, lookups[i].request(id), true, RF_NOT_FOUND, "no such");
            cr_assert_str_eq(f.status.message, unknown);
        }
    }
    memcpy(f.app, mine, sizeof(mine));
    Job__V1__Job *job = rpc_fixture_get(&f, id);
    cr_assert_eq(job->status, JOB__V1__JOB_STATUS__QUEUED, "nothing of that touched it");
    rf_rpc_message_free(job);
}

/* ---- no application ---- */

Test(rpc_surface, a_call_of_a_client_names_its_application)
{
    Job__V1__CreateJobRequest create = JOB__V1__CREATE_JOB_REQUEST__INIT;
    Job__V1__ListJobsRequest list = JOB__V1__LIST_JOBS_REQUEST__INIT;
    Job__V1__CreateUploadRequest upload = JOB__V1__CREATE_UPLOAD_REQUEST__INIT;
    Job__V1__ListWorkflowsRequest workflows = JOB__V1__LIST_WORKFLOWS_REQUEST__INIT;
    Job__V1__GetApplicationRequest application = JOB__V1__GET_APPLICATION_REQUEST__INIT;
    Job__V1__AddWorkflowRequest document = JOB__V1__ADD_WORKFLOW_REQUEST__INIT;
    const struct {
        const rf_rpc_method *method;
        const void *request;
    } rows[] = {
        {JOB_V1_JOB_SERVICE_CREATE_JOB, &create},
        {JOB_V1_JOB_SERVICE_LIST_JOBS, &list},
        {JOB_V1_JOB_SERVICE_CREATE_UPLOAD, &upload},
        {JOB_V1_JOB_SERVICE_LIST_WORKFLOWS, &workflows},
        {JOB_V1_JOB_SERVICE_GET_APPLICATION, &application},
        {JOB_V1_JOB_SERVICE_ADD_WORKFLOW, &document},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        refused(rows[i].method, rows[i].request, false, RF_UNAUTHENTICATED, "no application");
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(lookups); i++) {
        if (lookups[i].tenant) {
            refused(lookups[i].method, lookups[i].request("x"), false, RF_UNAUTHENTICATED,
                    "no application");
        }
    }
}

Test(rpc_surface, an_application_that_was_never_made_has_nothing)
{
    Job__V1__CreateUploadRequest upload = JOB__V1__CREATE_UPLOAD_REQUEST__INIT;
    Job__V1__GetApplicationRequest application = JOB__V1__GET_APPLICATION_REQUEST__INIT;
    Job__V1__ListJobsRequest list = JOB__V1__LIST_JOBS_REQUEST__INIT;
    char id[RF_UUID_LEN];
    rf_copy_str(f.app, sizeof(f.app), NOBODY);
    cr_assert_eq(rpc_fixture_create(&f, "sdk-test", OUTSIDE, id), RF_NOT_FOUND);
    refused(JOB_V1_JOB_SERVICE_CREATE_UPLOAD, &upload, true, RF_NOT_FOUND, "no such application");
    refused(JOB_V1_JOB_SERVICE_GET_APPLICATION, &application, true, RF_NOT_FOUND,
            "no such application");
    Job__V1__ListJobsResponse *jobs = rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_LIST_JOBS, &list);
    cr_assert_eq(jobs->n_jobs, 0);
    rf_rpc_message_free(jobs);
}

/* ---- values out of range ---- */

Test(rpc_surface, lists_name_the_field_that_is_out_of_range)
{
    Job__V1__JobStatus beyond[] = {JOB__V1__JOB_STATUS__QUEUED, (Job__V1__JobStatus)5};
    Job__V1__JobStatus none[] = {JOB__V1__JOB_STATUS__JOB_STATUS_UNSPECIFIED};
    static char *slugs[1001];
    for (size_t i = 0; i < RF_ARRAY_LEN(slugs); i++) {
        slugs[i] = text("a");
    }
    const struct {
        uint32_t page;
        uint32_t size;
        Job__V1__JobStatus *status;
        size_t n_status;
        size_t n_workflow;
        const char *says; /* NULL: fine */
    } rows[] = {
        {0, 0, NULL, 0, 0, NULL},
        {1000000, 1000, NULL, 0, 1000, NULL},
        {1000001, 1, NULL, 0, 0, "page must be at most 1000000"},
        {UINT32_MAX, 1, NULL, 0, 0, "page must be at most 1000000"},
        {0, 1001, NULL, 0, 0, "size must be at most 1000"},
        {0, UINT32_MAX, NULL, 0, 0, "size must be at most 1000"},
        {0, 1, beyond, 2, 0, "status must be QUEUED, STARTED, SUCCEEDED or FAILED"},
        {0, 1, none, 1, 0, "status must be QUEUED"},
        {0, 1, NULL, 0, 1001, "workflow may repeat at most 1000 times"},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        Job__V1__ListJobsRequest r = JOB__V1__LIST_JOBS_REQUEST__INIT;
        r.page = rows[i].page;
        r.size = rows[i].size;
        r.status = rows[i].status;
        r.n_status = rows[i].n_status;
        r.workflow = slugs;
        r.n_workflow = rows[i].n_workflow;
        if (rows[i].says != NULL) {
            refused(JOB_V1_JOB_SERVICE_LIST_JOBS, &r, true, RF_INVALID_ARGUMENT, rows[i].says);
        } else {
            void *reply = rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_LIST_JOBS, &r);
            cr_assert_not_null(reply, "row %zu: %s", i, f.status.message);
            rf_rpc_message_free(reply);
        }
        if (rows[i].n_status + rows[i].n_workflow == 0) {
            Job__V1__ListWorkflowsRequest w = JOB__V1__LIST_WORKFLOWS_REQUEST__INIT;
            w.page = rows[i].page;
            w.size = rows[i].size;
            void *reply = rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_LIST_WORKFLOWS, &w);
            cr_assert_eq(reply == NULL, rows[i].says != NULL, "row %zu", i);
            rf_rpc_message_free(reply);
        }
    }
}

Test(rpc_surface, workers_name_themselves_and_their_pool)
{
    static char long_name[300];
    memset(long_name, 'w', 256);
    const struct {
        const char *worker;
        const char *pool;
        const char *says; /* NULL: fine */
    } rows[] = {
        {"w", "cpu", NULL},
        {long_name + 1, "jam", NULL},
        {"", "cpu", "worker_id must have 1 to 255 bytes"},
        {long_name, "cpu", "worker_id must have 1 to 255 bytes"},
        {"w", "", "pool must be cpu, gpu, t2v or jam"},
        {"w", "CPU", "pool must be cpu, gpu, t2v or jam"},
        {"w", "cpu ", "pool must be cpu, gpu, t2v or jam"},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        Job__V1__ClaimRequest claim = JOB__V1__CLAIM_REQUEST__INIT;
        Job__V1__HeartbeatRequest beat = JOB__V1__HEARTBEAT_REQUEST__INIT;
        claim.worker_id = beat.worker_id = text(rows[i].worker);
        claim.pool = beat.pool = text(rows[i].pool);
        claim.max_jobs = 1;
        if (rows[i].says != NULL) {
            refused(JOB_V1_WORKER_SERVICE_CLAIM, &claim, false, RF_INVALID_ARGUMENT, rows[i].says);
            refused(JOB_V1_WORKER_SERVICE_HEARTBEAT, &beat, false, RF_INVALID_ARGUMENT,
                    rows[i].says);
        } else {
            void *claimed = rpc_fixture_bare(&f, JOB_V1_WORKER_SERVICE_CLAIM, &claim);
            void *beaten = rpc_fixture_bare(&f, JOB_V1_WORKER_SERVICE_HEARTBEAT, &beat);
            cr_assert(claimed != NULL && beaten != NULL, "row %zu", i);
            rf_rpc_message_free(claimed);
            rf_rpc_message_free(beaten);
        }
    }
}

Test(rpc_surface, leases_and_ends_are_counted)
{
    static Job__V1__LeaseState lease;
    static Job__V1__Finish item;
    static Job__V1__LeaseState *leases[10001];
    static Job__V1__Finish *items[10001];
    job__v1__lease_state__init(&lease);
    job__v1__finish__init(&item);
    lease.job_id = item.job_id = text(NOBODY);
    for (size_t i = 0; i < RF_ARRAY_LEN(leases); i++) {
        leases[i] = &lease;
        items[i] = &item;
    }
    Job__V1__HeartbeatRequest beat = JOB__V1__HEARTBEAT_REQUEST__INIT;
    Job__V1__FinishRequest finish = JOB__V1__FINISH_REQUEST__INIT;
    beat.worker_id = finish.worker_id = text("w");
    beat.pool = text("cpu");
    beat.leases = leases;
    beat.n_leases = RF_ARRAY_LEN(leases);
    finish.items = items;
    finish.n_items = RF_ARRAY_LEN(items);
    refused(JOB_V1_WORKER_SERVICE_HEARTBEAT, &beat, false, RF_INVALID_ARGUMENT,
            "leases must be at most 10000");
    refused(JOB_V1_WORKER_SERVICE_FINISH, &finish, false, RF_INVALID_ARGUMENT,
            "items must be at most 10000");
    beat.n_leases = finish.n_items = 100;
    Job__V1__HeartbeatResponse *lost = rpc_fixture_bare(&f, JOB_V1_WORKER_SERVICE_HEARTBEAT, &beat);
    Job__V1__FinishResponse *ended = rpc_fixture_bare(&f, JOB_V1_WORKER_SERVICE_FINISH, &finish);
    cr_assert_eq(lost->n_lost_job_ids, 100);
    cr_assert_eq(ended->n_results, 100);
    cr_assert_not(ended->results[99]->accepted);
    rf_rpc_message_free(lost);
    rf_rpc_message_free(ended);
}

Test(rpc_surface, hashes_have_32_bytes)
{
    static uint8_t bytes[64];
    for (size_t len = 0; len <= sizeof(bytes); len += 16) {
        Job__V1__AuthenticateRequest who = JOB__V1__AUTHENTICATE_REQUEST__INIT;
        Job__V1__CreateJobRequest create = JOB__V1__CREATE_JOB_REQUEST__INIT;
        Job__V1__CompleteUploadRequest *complete = complete_upload(NOBODY);
        const ProtobufCBinaryData hash = {.len = len, .data = bytes};
        who.secret_sha256 = create.payload_sha256 = complete->sha256 = hash;
        create.idempotency_key = text("k");
        create.name = text("n");
        create.workflow = text("sdk-test");
        create.params_json = text(OUTSIDE);
        if (len == RF_SHA256_LEN) {
            refused(JOB_V1_KEY_SERVICE_AUTHENTICATE, &who, false, RF_UNAUTHENTICATED, "not valid");
            refused(JOB_V1_JOB_SERVICE_COMPLETE_UPLOAD, complete, false, RF_NOT_FOUND, "upload");
            void *reply = rpc_fixture_call(&f, JOB_V1_JOB_SERVICE_CREATE_JOB, &create);
            cr_assert_not_null(reply);
            rf_rpc_message_free(reply);
            continue;
        }
        refused(JOB_V1_KEY_SERVICE_AUTHENTICATE, &who, false, RF_INVALID_ARGUMENT,
                "secret_sha256 must have 32 bytes");
        refused(JOB_V1_JOB_SERVICE_COMPLETE_UPLOAD, complete, false, RF_INVALID_ARGUMENT,
                "sha256 must have 32 bytes");
        refused(JOB_V1_JOB_SERVICE_CREATE_JOB, &create, true, RF_INVALID_ARGUMENT,
                "payload_sha256 must have 32 bytes");
    }
}

Test(rpc_surface, keys_have_limits)
{
    static char name[130];
    memset(name, 'a', sizeof(name) - 1);
    const struct {
        const char *application;
        uint32_t rate;
        uint32_t burst;
        bool fine;
    } rows[] = {
        {name + 1, 1000000, 1000000, true},
        {name, 0, 0, false},
        {"", 0, 0, false},
        {"a\tb", 0, 0, false},
        {"a\x7f", 0, 0, false},
        {"b", 1000001, 0, false},
        {"c", 0, 1000001, false},
        {"\xc3\xa9", 0, 0, true},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        Job__V1__CreateKeyRequest r = JOB__V1__CREATE_KEY_REQUEST__INIT;
        r.application = text(rows[i].application);
        r.requests_per_second = rows[i].rate;
        r.burst = rows[i].burst;
        if (rows[i].fine) {
            void *reply = rpc_fixture_bare(&f, JOB_V1_KEY_SERVICE_CREATE_KEY, &r);
            cr_assert_not_null(reply, "row %zu: %s", i, f.status.message);
            rf_rpc_message_free(reply);
        } else {
            refused(JOB_V1_KEY_SERVICE_CREATE_KEY, &r, false, RF_INVALID_ARGUMENT,
                    "application must be 1 to 128 bytes, rate and burst at most 1000000");
        }
    }
}

/* X4, H8 */
Test(rpc_surface, limits_of_an_application_have_limits)
{
    static const struct {
        uint32_t concurrency;
        uint32_t weight;
        uint32_t per_day;
        bool fine;
    } rows[] = {
        {1000, 100, 1000000000, true},
        {0, 1, 0, true},
        {1001, 1, 0, false},
        {1, 0, 0, false},
        {1, 101, 0, false},
        {1, 1, 1000000001, false},
        {1, 1, UINT32_MAX, false},
        {UINT32_MAX, 1, 0, false},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        Job__V1__LimitApplicationRequest r = JOB__V1__LIMIT_APPLICATION_REQUEST__INIT;
        r.application = text("demo");
        r.set_concurrency = r.set_weight = r.set_per_day = true;
        r.concurrency = rows[i].concurrency;
        r.weight = rows[i].weight;
        r.per_day = rows[i].per_day;
        if (!rows[i].fine) {
            refused(JOB_V1_KEY_SERVICE_LIMIT_APPLICATION, &r, false, RF_INVALID_ARGUMENT,
                    "concurrency must be at most 1000, weight from 1 to 100");
            continue;
        }
        Job__V1__LimitApplicationResponse *now =
            rpc_fixture_bare(&f, JOB_V1_KEY_SERVICE_LIMIT_APPLICATION, &r);
        cr_assert_not_null(now, "row %zu: %s", i, f.status.message);
        cr_assert_eq(now->concurrency, rows[i].concurrency == 0 ? (uint32_t)f.config.concurrency
                                                                : rows[i].concurrency);
        cr_assert_eq(now->weight, rows[i].weight);
        cr_assert_eq(now->per_day, rows[i].per_day);
        rf_rpc_message_free(now);
    }
}

Test(rpc_surface, a_file_is_named_by_one_of_two_ways)
{
    Job__V1__ResolveFileRequest r = JOB__V1__RESOLVE_FILE_REQUEST__INIT;
    refused(JOB_V1_JOB_SERVICE_RESOLVE_FILE, &r, false, RF_INVALID_ARGUMENT, "names no file");
}

Test(rpc_surface, include_says_what_it_takes)
{
    static const char *const wrong[] = {"", "Attempts", "attempts,progress", "result", "*"};
    for (size_t i = 0; i < RF_ARRAY_LEN(wrong); i++) {
        Job__V1__GetJobRequest *r = get_job(NOBODY);
        char *include = text(wrong[i]);
        r->include = &include;
        r->n_include = 1;
        refused(JOB_V1_JOB_SERVICE_GET_JOB, r, true, RF_INVALID_ARGUMENT,
                "include takes attempts, progress, priority and retention");
    }
}
