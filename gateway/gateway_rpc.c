#include "gateway_rpc.h"

#include "rf_log.h"
#include "rf_rpc.h"
#include "rf_rpc_json.h"
#include "rf_time.h"

#include <reflection/job/v1/job.pb-c.h>
#include <reflection/job/v1/job.rpc.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define JSON_MAX_BYTES (64u << 20)
#define CALL_TIMEOUT_MS 10000

struct gateway_rpc {
    rf_rpc_channel *patient; /* reads and repeatable changes */
    rf_rpc_channel *hasty;   /* changes that must be answered at once */
    rf_rpc_schema *schema;
};

typedef struct rpc_call rpc_call;

/* What becomes of a reply, on a thread of the RPC library. */
typedef void (*reply_reader)(rpc_call *call, rf_rpc_result *result);

struct rpc_call {
    gateway_exchange *ex;
    gateway_reply_fn fn;
    reply_reader read;
    const rf_rpc_schema *schema;
    const char *type; /* of JSON replies */
    gateway_reply reply;
};

/* ---- life ---- */

static int open_channel(const char *targets, const gateway_config *c, int64_t wait_ms,
                        rf_rpc_channel **ret)
{
    const rf_rpc_tls tls = {
        .ca_file = c->rpc_tls.ca, .cert_file = c->rpc_tls.cert, .key_file = c->rpc_tls.key};
    const rf_rpc_channel_config config = {
        .target = targets,
        .tls = c->rpc_tls.ca[0] != '\0' ? &tls : NULL,
        .timeout_ms = RF_MAX((int64_t)CALL_TIMEOUT_MS, wait_ms),
        .wait_ready_ms = wait_ms,
    };
    return rf_rpc_channel_open(&config, ret);
}

int gateway_rpc_open(const char *targets, const gateway_config *config, gateway_rpc **ret)
{
    gateway_rpc *rpc = RF_NEW(gateway_rpc);
    const rf_rpc_file *file = job_v1_job_service.file;
    int err = rf_rpc_schema_new(file->set, file->set_len, &rpc->schema);
    err = err == 0 ? open_channel(targets, config, config->read_wait_ms, &rpc->patient) : err;
    err = err == 0 ? open_channel(targets, config, config->write_wait_ms, &rpc->hasty) : err;
    if (err < 0) {
        gateway_rpc_close(rpc);
        return err;
    }
    *ret = rpc;
    return 0;
}

gateway_rpc *gateway_rpc_close(gateway_rpc *rpc)
{
    if (rpc != NULL) {
        rpc->patient = rpc->patient != NULL ? rf_rpc_channel_close(rpc->patient) : NULL;
        rpc->hasty = rpc->hasty != NULL ? rf_rpc_channel_close(rpc->hasty) : NULL;
        rpc->schema = rf_rpc_schema_free(rpc->schema);
        free(rpc);
    }
    return NULL;
}

bool gateway_rpc_ready(gateway_rpc *rpc)
{
    return rf_rpc_channel_is_ready(rpc->patient);
}

/* ---- one call ---- */

static void deliver(void *user)
{
    rpc_call *call = user;
    call->fn(call->ex, &call->reply);
    gateway_exchange_unref(call->ex);
    rf_buf_done(&call->reply.json);
    free(call);
}

static void on_done(rf_rpc_result *result, void *user)
{
    rpc_call *call = user;
    call->reply.status = *result->status;
    if (result->status->code == RF_OK) {
        call->read(call, result);
    }
    rf_loop_post(call->ex->loop->loop, deliver, call);
}

static rpc_call *new_call(gateway_exchange *ex, gateway_reply_fn fn, reply_reader read,
                          const char *type)
{
    rpc_call *call = RF_NEW(rpc_call);
    call->ex = gateway_exchange_ref(ex);
    call->fn = fn;
    call->read = read;
    call->type = type;
    call->schema = ex->gw->rpc->schema;
    rf_buf_init(&call->reply.json, JSON_MAX_BYTES);
    return call;
}

static void start(rpc_call *call, rf_rpc_channel *channel, const rf_rpc_method *method,
                  const ProtobufCMessage *request)
{
    gateway_exchange *ex = call->ex;
    if (ex->traceparent[0] == '\0') {
        gateway_exchange_trace(ex);
    }
    const rf_rpc_options options = {.request_id = ex->request_id,
                                    .traceparent = ex->traceparent,
                                    .tenant = ex->caller.application_id};
    rf_rpc_unary(channel, method, &options, request, NULL, on_done, call, NULL);
}

/* ---- readers of replies ---- */

static void read_json(rpc_call *call, rf_rpc_result *result)
{
    static const char *const absent[] = {"job.v1.Job.attempts", "job.v1.Job.progress",
                                         "job.v1.Job.priority", "job.v1.Job.retention", NULL};
    const rf_rpc_json_options options = {.emit_unset = true, .omit_unset = absent};
    rf_status st = RF_STATUS_OK;
    if (rf_rpc_json_encode(call->schema, call->type, result->raw.data, result->raw.len, &options,
                           &call->reply.json, &st) < 0) {
        RF_LOG_ERROR("reply has no JSON form", RF_STR("type", call->type),
                     RF_STR("error", st.message));
        rf_status_set(&call->reply.status, RF_INTERNAL, "reply has no JSON form");
    }
}

/* {"jobs":[...]} becomes the bare array. */
static void read_bare_list(rpc_call *call, rf_rpc_result *result)
{
    read_json(call, result);
    rf_buf *json = &call->reply.json;
    const uint8_t *open = json->len > 0 ? memchr(json->data, '[', json->len) : NULL;
    if (open != NULL) {
        rf_buf_consume(json, (size_t)(open - json->data));
        json->len--;
    }
}

static void read_nothing(rpc_call *call, rf_rpc_result *result)
{
    (void)call;
    (void)result;
}

static void read_created(rpc_call *call, rf_rpc_result *result)
{
    const Job__V1__CreateJobResponse *r = (const Job__V1__CreateJobResponse *)result->message;
    rf_buf_printf(&call->reply.json, "{\"id\":\"%s\"}", r->id);
    call->reply.replayed = r->replayed;
}

static void read_caller(rpc_call *call, rf_rpc_result *result)
{
    const Job__V1__AuthenticateResponse *r = (const Job__V1__AuthenticateResponse *)result->message;
    gateway_caller *caller = &call->reply.caller;
    rf_copy_str(caller->application_id, sizeof(caller->application_id), r->application_id);
    rf_copy_str(caller->key_id, sizeof(caller->key_id), r->key_id);
    caller->requests_per_second = r->requests_per_second;
    caller->burst = r->burst;
    call->reply.cache_s = r->cache_seconds;
}

static void set_key(rpc_call *call, const char *key)
{
    if (rf_copy_str(call->reply.object_key, sizeof(call->reply.object_key), key) < 0) {
        rf_status_set(&call->reply.status, RF_INTERNAL, "object key too long");
    }
}

static void read_begun(rpc_call *call, rf_rpc_result *result)
{
    const Job__V1__BeginUploadResponse *r = (const Job__V1__BeginUploadResponse *)result->message;
    set_key(call, r->object_key);
    call->reply.max_bytes = r->max_bytes;
}

static void read_resolved(rpc_call *call, rf_rpc_result *result)
{
    const Job__V1__ResolveFileResponse *r = (const Job__V1__ResolveFileResponse *)result->message;
    set_key(call, r->object_key);
    rf_copy_str(call->reply.content_type, sizeof(call->reply.content_type), r->content_type);
}

/* ---- calls ---- */

void gateway_rpc_authenticate(gateway_exchange *ex, const uint8_t hash[RF_SHA256_LEN],
                              gateway_reply_fn fn)
{
    uint8_t copy[RF_SHA256_LEN];
    memcpy(copy, hash, sizeof(copy));
    Job__V1__AuthenticateRequest r = JOB__V1__AUTHENTICATE_REQUEST__INIT;
    r.secret_sha256 = (ProtobufCBinaryData){.len = sizeof(copy), .data = copy};
    start(new_call(ex, fn, read_caller, NULL), ex->gw->rpc->patient,
          JOB_V1_KEY_SERVICE_AUTHENTICATE, &r.base);
}

int gateway_rpc_status_number(const char *word)
{
    const ProtobufCEnumValue *v =
        protobuf_c_enum_descriptor_get_value_by_name(&job__v1__job_status__descriptor, word);
    return v != NULL && v->value != JOB__V1__JOB_STATUS__JOB_STATUS_UNSPECIFIED ? v->value : -1;
}

static void create_with(gateway_exchange *ex, const gateway_new_job *job,
                        Job__V1__StringEntry *entries, Job__V1__StringEntry **list,
                        gateway_reply_fn fn)
{
    uint8_t sha256[RF_SHA256_LEN];
    Job__V1__CreateJobRequest r = JOB__V1__CREATE_JOB_REQUEST__INIT;
    for (size_t i = 0; i < job->n_copies; i++) {
        job__v1__string_entry__init(&entries[i]);
        entries[i].key = (char *)(uintptr_t)job->copies[i].output;
        entries[i].value = (char *)(uintptr_t)job->copies[i].url;
        list[i] = &entries[i];
    }
    memcpy(sha256, job->payload_sha256, sizeof(sha256));
    r.name = (char *)(uintptr_t)job->name;
    r.workflow = (char *)(uintptr_t)job->workflow;
    r.params_json = (char *)(uintptr_t)job->params;
    r.metadata_json = (char *)(uintptr_t)job->metadata;
    r.copy_results_to = list;
    r.n_copy_results_to = job->n_copies;
    r.idempotency_key = (char *)(uintptr_t)job->idempotency_key;
    r.payload_sha256 = (ProtobufCBinaryData){.len = sizeof(sha256), .data = sha256};
    start(new_call(ex, fn, read_created, NULL), ex->gw->rpc->hasty, JOB_V1_JOB_SERVICE_CREATE_JOB,
          &r.base);
}

void gateway_rpc_create_job(gateway_exchange *ex, const gateway_new_job *job, gateway_reply_fn fn)
{
    RF_CLEANUP(rf_cleanup_free)
    Job__V1__StringEntry *entries = RF_NEW_ARRAY(Job__V1__StringEntry, job->n_copies + 1);
    RF_CLEANUP(rf_cleanup_free)
    Job__V1__StringEntry **list = RF_NEW_ARRAY(Job__V1__StringEntry *, job->n_copies + 1);
    create_with(ex, job, entries, list, fn);
}

void gateway_rpc_get_job(gateway_exchange *ex, char *const *include, size_t n_include,
                         gateway_reply_fn fn)
{
    Job__V1__GetJobRequest r = JOB__V1__GET_JOB_REQUEST__INIT;
    r.id = ex->id;
    r.include = (char **)(uintptr_t)include;
    r.n_include = n_include;
    start(new_call(ex, fn, read_json, "job.v1.Job"), ex->gw->rpc->patient,
          JOB_V1_JOB_SERVICE_GET_JOB, &r.base);
}

void gateway_rpc_get_status(gateway_exchange *ex, gateway_reply_fn fn)
{
    Job__V1__GetJobStatusRequest r = JOB__V1__GET_JOB_STATUS_REQUEST__INIT;
    r.id = ex->id;
    start(new_call(ex, fn, read_json, "job.v1.GetJobStatusResponse"), ex->gw->rpc->patient,
          JOB_V1_JOB_SERVICE_GET_JOB_STATUS, &r.base);
}

void gateway_rpc_list_jobs(gateway_exchange *ex, const gateway_filter *filter, gateway_reply_fn fn)
{
    Job__V1__JobStatus status[GATEWAY_FILTER_MAX];
    Job__V1__ListJobsRequest r = JOB__V1__LIST_JOBS_REQUEST__INIT;
    for (size_t i = 0; i < filter->n_status; i++) {
        status[i] = (Job__V1__JobStatus)filter->status[i];
    }
    r.status = status;
    r.n_status = filter->n_status;
    r.workflow = (char **)(uintptr_t)filter->workflow;
    r.n_workflow = filter->n_workflow;
    if (filter->batch_name != NULL) {
        r.batch_name = filter->batch_name;
    }
    r.page = filter->page;
    r.size = filter->size;
    start(new_call(ex, fn, read_bare_list, "job.v1.ListJobsResponse"), ex->gw->rpc->patient,
          JOB_V1_JOB_SERVICE_LIST_JOBS, &r.base);
}

void gateway_rpc_delete_job(gateway_exchange *ex, bool uploads, gateway_reply_fn fn)
{
    Job__V1__DeleteJobRequest r = JOB__V1__DELETE_JOB_REQUEST__INIT;
    r.id = ex->id;
    r.uploads = uploads;
    start(new_call(ex, fn, read_json, "job.v1.DeleteJobResponse"), ex->gw->rpc->hasty,
          JOB_V1_JOB_SERVICE_DELETE_JOB, &r.base);
}

void gateway_rpc_cancel_job(gateway_exchange *ex, gateway_reply_fn fn)
{
    Job__V1__CancelJobRequest r = JOB__V1__CANCEL_JOB_REQUEST__INIT;
    r.id = ex->id;
    start(new_call(ex, fn, read_json, "job.v1.GetJobStatusResponse"), ex->gw->rpc->patient,
          JOB_V1_JOB_SERVICE_CANCEL_JOB, &r.base);
}

void gateway_rpc_create_upload(gateway_exchange *ex, gateway_reply_fn fn)
{
    Job__V1__CreateUploadRequest r = JOB__V1__CREATE_UPLOAD_REQUEST__INIT;
    start(new_call(ex, fn, read_json, "job.v1.CreateUploadResponse"), ex->gw->rpc->patient,
          JOB_V1_JOB_SERVICE_CREATE_UPLOAD, &r.base);
}

void gateway_rpc_list_workflows(gateway_exchange *ex, uint32_t page, uint32_t size,
                                gateway_reply_fn fn)
{
    Job__V1__ListWorkflowsRequest r = JOB__V1__LIST_WORKFLOWS_REQUEST__INIT;
    r.page = page;
    r.size = size;
    start(new_call(ex, fn, read_json, "job.v1.ListWorkflowsResponse"), ex->gw->rpc->patient,
          JOB_V1_JOB_SERVICE_LIST_WORKFLOWS, &r.base);
}

void gateway_rpc_get_application(gateway_exchange *ex, gateway_reply_fn fn)
{
    Job__V1__GetApplicationRequest r = JOB__V1__GET_APPLICATION_REQUEST__INIT;
    start(new_call(ex, fn, read_json, "job.v1.Application"), ex->gw->rpc->patient,
          JOB_V1_JOB_SERVICE_GET_APPLICATION, &r.base);
}

void gateway_rpc_begin_upload(gateway_exchange *ex, gateway_reply_fn fn)
{
    Job__V1__BeginUploadRequest r = JOB__V1__BEGIN_UPLOAD_REQUEST__INIT;
    r.upload_id = ex->id;
    start(new_call(ex, fn, read_begun, NULL), ex->gw->rpc->patient, JOB_V1_JOB_SERVICE_BEGIN_UPLOAD,
          &r.base);
}

void gateway_rpc_complete_upload(gateway_exchange *ex, const char *object_key, uint64_t size,
                                 const uint8_t sha256[RF_SHA256_LEN], gateway_reply_fn fn)
{
    uint8_t copy[RF_SHA256_LEN];
    memcpy(copy, sha256, sizeof(copy));
    Job__V1__CompleteUploadRequest r = JOB__V1__COMPLETE_UPLOAD_REQUEST__INIT;
    r.upload_id = ex->id;
    r.object_key = (char *)(uintptr_t)object_key;
    r.size = size;
    r.sha256 = (ProtobufCBinaryData){.len = sizeof(copy), .data = copy};
    start(new_call(ex, fn, read_nothing, NULL), ex->gw->rpc->patient,
          JOB_V1_JOB_SERVICE_COMPLETE_UPLOAD, &r.base);
}

static void resolve(gateway_exchange *ex, Job__V1__ResolveFileRequest *r, gateway_reply_fn fn)
{
    start(new_call(ex, fn, read_resolved, NULL), ex->gw->rpc->patient,
          JOB_V1_JOB_SERVICE_RESOLVE_FILE, &r->base);
}

void gateway_rpc_resolve_upload(gateway_exchange *ex, gateway_reply_fn fn)
{
    Job__V1__ResolveFileRequest r = JOB__V1__RESOLVE_FILE_REQUEST__INIT;
    r.file_case = JOB__V1__RESOLVE_FILE_REQUEST__FILE_UPLOAD_ID;
    r.upload_id = ex->id;
    resolve(ex, &r, fn);
}

void gateway_rpc_resolve_output(gateway_exchange *ex, gateway_reply_fn fn)
{
    Job__V1__JobOutput output = JOB__V1__JOB_OUTPUT__INIT;
    Job__V1__ResolveFileRequest r = JOB__V1__RESOLVE_FILE_REQUEST__INIT;
    output.job_id = ex->id;
    output.file_name = ex->name;
    r.file_case = JOB__V1__RESOLVE_FILE_REQUEST__FILE_OUTPUT;
    r.output = &output;
    resolve(ex, &r, fn);
}
