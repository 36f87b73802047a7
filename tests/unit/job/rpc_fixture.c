#include "rpc_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void load_config(rpc_fixture *f, void (*change)(job_config *config))
{
    const rf_config_part part = {
        .settings = job_settings, .n_settings = job_n_settings, .config = &f->config};
    const rf_config_set set = {.service = "job", .parts = &part, .n_parts = 1};
    char *argv[] = {"reflection-job", NULL};
    rf_buf error;
    rf_buf_init(&error, 4096);
    cr_assert_eq(rf_config_load(&set, NULL, 1, argv, &error), 0, "%s", rf_buf_str(&error));
    rf_buf_done(&error);
    if (change != NULL) {
        change(&f->config);
    }
}

static void start(rpc_fixture *f)
{
    RF_CLEANUP(rf_cleanup_free) char *database = rf_asprintf("sqlite:%s/job.db", f->dir);
    RF_CLEANUP(rf_cleanup_free) char *signing = rf_asprintf("%s/signing.keys", f->dir);
    RF_CLEANUP(rf_cleanup_free) char *secret = rf_asprintf("%s/api.secret", f->dir);
    RF_CLEANUP(rf_cleanup_free) char *objects = rf_asprintf("dir:%s/objects", f->dir);
    RF_CLEANUP(rf_cleanup_free) char *bus = rf_asprintf("local:%s/bus", f->dir);
    const job_paths paths = {.sql_url = database,
                             .signing_keys = signing,
                             .key_secret = secret,
                             .store_url = objects,
                             .bus_url = bus,
                             .environment = "test"};
    f->loop = rf_loop_new();
    cr_assert_eq(job_parts_open(&f->service, &f->config, &paths, f->loop), 0);
    cr_assert_eq(job_rpc_start(&f->service, f->listen, &f->rpc), 0);
    const rf_rpc_channel_config channel = {.target = f->listen};
    cr_assert_eq(rf_rpc_channel_open(&channel, &f->channel), 0);
}

static void stop(rpc_fixture *f)
{
    f->channel = rf_rpc_channel_close(f->channel);
    f->rpc = job_rpc_stop(f->rpc);
    job_parts_close(&f->service);
    f->loop = rf_loop_free(f->loop);
}

static void make_key(rpc_fixture *f)
{
    Job__V1__CreateKeyRequest request = JOB__V1__CREATE_KEY_REQUEST__INIT;
    request.application = (char *)"demo";
    request.requests_per_second = 300;
    request.burst = 600;
    Job__V1__CreateKeyResponse *reply =
        rpc_fixture_bare(f, JOB_V1_KEY_SERVICE_CREATE_KEY, &request);
    cr_assert_not_null(reply);
    rf_copy_str(f->app, sizeof(f->app), reply->key->application_id);
    rf_copy_str(f->key_id, sizeof(f->key_id), reply->key->id);
    rf_copy_str(f->secret, sizeof(f->secret), reply->secret);
    rf_rpc_message_free(reply);
}

void rpc_fixture_open(rpc_fixture *f, void (*change)(job_config *config))
{
    rf_copy_str(f->dir, sizeof(f->dir), "/tmp/reflection-job-XXXXXX");
    cr_assert_not_null(mkdtemp(f->dir));
    f->listen = rf_asprintf("ipc://%s/job.sock", f->dir);
    load_config(f, change);
    start(f);
    make_key(f);
}

void rpc_fixture_join(rpc_fixture *g, const rpc_fixture *f, void (*change)(job_config *config))
{
    rf_copy_str(g->dir, sizeof(g->dir), f->dir);
    rf_copy_str(g->app, sizeof(g->app), f->app);
    g->listen = rf_asprintf("ipc://%s/job-2.sock", g->dir);
    load_config(g, change);
    start(g);
}

static void config_done(rpc_fixture *f)
{
    const rf_config_part part = {
        .settings = job_settings, .n_settings = job_n_settings, .config = &f->config};
    const rf_config_set set = {.service = "job", .parts = &part, .n_parts = 1};
    rf_config_done(&set);
    free(f->listen);
}

void rpc_fixture_leave(rpc_fixture *g)
{
    stop(g);
    config_done(g);
}

void rpc_fixture_reopen(rpc_fixture *f)
{
    stop(f);
    start(f);
}

void rpc_fixture_close(rpc_fixture *f)
{
    stop(f);
    config_done(f);
    RF_CLEANUP(rf_cleanup_free) char *command = rf_asprintf("rm -rf '%s'", f->dir);
    cr_assert_eq(system(command), 0);
}

static void *invoke(rpc_fixture *f, const rf_rpc_method *method, const char *tenant,
                    const void *request)
{
    const rf_rpc_options options = {.tenant = tenant, .request_id = "test"};
    ProtobufCMessage *reply = NULL;
    f->status = RF_STATUS_OK;
    if (rf_rpc_invoke(f->channel, method, &options, request, &reply, &f->status) < 0) {
        return NULL;
    }
    return reply;
}

void *rpc_fixture_call(rpc_fixture *f, const rf_rpc_method *method, const void *request)
{
    return invoke(f, method, f->app, request);
}

void *rpc_fixture_bare(rpc_fixture *f, const rf_rpc_method *method, const void *request)
{
    return invoke(f, method, NULL, request);
}

rf_code rpc_fixture_create(rpc_fixture *f, const char *workflow, const char *params,
                           char id[RF_UUID_LEN])
{
    Job__V1__CreateJobRequest request = JOB__V1__CREATE_JOB_REQUEST__INIT;
    request.name = (char *)"test job";
    request.workflow = (char *)(uintptr_t)workflow;
    request.params_json = (char *)(uintptr_t)params;
    Job__V1__CreateJobResponse *reply =
        rpc_fixture_call(f, JOB_V1_JOB_SERVICE_CREATE_JOB, &request);
    if (reply != NULL) {
        rf_copy_str(id, RF_UUID_LEN, reply->id);
        rf_rpc_message_free(reply);
    }
    return f->status.code;
}

Job__V1__ClaimResponse *rpc_fixture_claim(rpc_fixture *f, const char *worker)
{
    Job__V1__ClaimRequest request = JOB__V1__CLAIM_REQUEST__INIT;
    request.worker_id = (char *)(uintptr_t)worker;
    request.pool = (char *)"cpu";
    request.max_jobs = 1;
    Job__V1__ClaimResponse *reply = rpc_fixture_bare(f, JOB_V1_WORKER_SERVICE_CLAIM, &request);
    cr_assert_not_null(reply);
    if (reply->n_claims == 0) {
        reply = rf_rpc_message_free(reply);
    }
    return reply;
}

static bool finish(rpc_fixture *f, Job__V1__Finish *item)
{
    Job__V1__FinishRequest request = JOB__V1__FINISH_REQUEST__INIT;
    request.worker_id = (char *)"w";
    request.items = &item;
    request.n_items = 1;
    Job__V1__FinishResponse *reply = rpc_fixture_bare(f, JOB_V1_WORKER_SERVICE_FINISH, &request);
    cr_assert_not_null(reply);
    cr_assert_eq(reply->n_results, 1);
    bool accepted = reply->results[0]->accepted != 0;
    rf_rpc_message_free(reply);
    return accepted;
}

bool rpc_fixture_finish(rpc_fixture *f, const char *id, uint64_t fence, const char *output,
                        const char *key)
{
    Job__V1__File file = JOB__V1__FILE__INIT;
    Job__V1__JobResult result = JOB__V1__JOB_RESULT__INIT;
    Job__V1__JobResult *results = &result;
    Job__V1__Success success = JOB__V1__SUCCESS__INIT;
    Job__V1__Finish item = JOB__V1__FINISH__INIT;
    result.output = (char *)(uintptr_t)output;
    if (key != NULL) {
        file.object_key = (char *)(uintptr_t)key;
        file.extension = (char *)"wav";
        file.content_type = (char *)"audio/wav";
        file.size = 4;
        result.value_case = JOB__V1__JOB_RESULT__VALUE_FILE;
        result.file = &file;
    } else {
        result.value_case = JOB__V1__JOB_RESULT__VALUE_TEXT;
        result.text = (char *)"text";
    }
    success.results = &results;
    success.n_results = 1;
    item.job_id = (char *)(uintptr_t)id;
    item.fence = fence;
    item.outcome_case = JOB__V1__FINISH__OUTCOME_SUCCESS;
    item.success = &success;
    return finish(f, &item);
}

bool rpc_fixture_fail(rpc_fixture *f, const char *id, uint64_t fence, const char *code,
                      const char *message)
{
    Job__V1__Failure failure = JOB__V1__FAILURE__INIT;
    Job__V1__Finish item = JOB__V1__FINISH__INIT;
    failure.code = (char *)(uintptr_t)code;
    failure.message = (char *)(uintptr_t)message;
    item.job_id = (char *)(uintptr_t)id;
    item.fence = fence;
    item.outcome_case = JOB__V1__FINISH__OUTCOME_FAILURE;
    item.failure = &failure;
    return finish(f, &item);
}

Job__V1__Job *rpc_fixture_get(rpc_fixture *f, const char *id)
{
    Job__V1__GetJobRequest request = JOB__V1__GET_JOB_REQUEST__INIT;
    request.id = (char *)(uintptr_t)id;
    return rpc_fixture_call(f, JOB_V1_JOB_SERVICE_GET_JOB, &request);
}

void rpc_fixture_put(rpc_fixture *f, const char *key, const char *text)
{
    rf_store_put *put;
    cr_assert_eq(rf_store_put_open(f->service.objects, key, 1 << 20, 0, &put), 0);
    cr_assert_eq(rf_store_put_write(put, text, strlen(text)), 0);
    cr_assert_eq(rf_store_put_commit(put), 0);
    rf_store_put_free(put);
}

bool rpc_fixture_has(rpc_fixture *f, const char *key)
{
    rf_store_info info;
    return rf_store_stat(f->service.objects, key, &info) == 0;
}

static void complete_upload(rpc_fixture *f, const char *id, const char *text)
{
    Job__V1__BeginUploadRequest begin = JOB__V1__BEGIN_UPLOAD_REQUEST__INIT;
    begin.upload_id = (char *)(uintptr_t)id;
    Job__V1__BeginUploadResponse *begun =
        rpc_fixture_bare(f, JOB_V1_JOB_SERVICE_BEGIN_UPLOAD, &begin);
    cr_assert_not_null(begun);
    rpc_fixture_put(f, begun->object_key, text);
    uint8_t sha256[RF_SHA256_LEN];
    rf_sha256_of(text, strlen(text), sha256);
    Job__V1__CompleteUploadRequest complete = JOB__V1__COMPLETE_UPLOAD_REQUEST__INIT;
    complete.upload_id = (char *)(uintptr_t)id;
    complete.object_key = begun->object_key;
    complete.size = strlen(text);
    complete.sha256 = (ProtobufCBinaryData){.len = sizeof(sha256), .data = sha256};
    void *completed = rpc_fixture_bare(f, JOB_V1_JOB_SERVICE_COMPLETE_UPLOAD, &complete);
    cr_assert_not_null(completed);
    rf_rpc_message_free(completed);
    rf_rpc_message_free(begun);
}

void rpc_fixture_upload(rpc_fixture *f, const char *text, bool complete, char *put_url,
                        char *get_url)
{
    Job__V1__CreateUploadRequest request = JOB__V1__CREATE_UPLOAD_REQUEST__INIT;
    Job__V1__CreateUploadResponse *reply =
        rpc_fixture_call(f, JOB_V1_JOB_SERVICE_CREATE_UPLOAD, &request);
    cr_assert_not_null(reply);
    rf_copy_str(put_url, 512, reply->upload_url);
    rf_copy_str(get_url, 512, reply->download_url);
    rf_rpc_message_free(reply);
    if (complete) {
        char id[RF_UUID_LEN];
        rf_copy_str(id, sizeof(id), put_url + strlen(RPC_FIXTURE_BASE "/uploads/"));
        complete_upload(f, id, text);
    }
}
