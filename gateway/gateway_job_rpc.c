/*
 * job.v1.JobService as the gateway sees it: jobs and batches.
 */
#include "gateway_rpc_internal.h"

#include "rf_time.h"

#include <reflection/job/v1/job.pb-c.h>
#include <reflection/job/v1/job.rpc.h>

#include <string.h>

#define WAIT_GRACE_MS 5000 /* what an answer may take beyond the time it was to wait */

/* {"jobs":[...]} becomes the bare array. */
static void read_bare_list(gateway_rpc_call *call, rf_rpc_result *result)
{
    gateway_rpc_read_json(call, result);
    rf_buf *json = &call->reply.json;
    const uint8_t *open = json->len > 0 ? memchr(json->data, '[', json->len) : NULL;
    if (open != NULL) {
        rf_buf_consume(json, (size_t)(open - json->data));
        json->len--;
    }
}

static void read_created(gateway_rpc_call *call, rf_rpc_result *result)
{
    const Job__V1__CreateJobResponse *r = (const Job__V1__CreateJobResponse *)result->message;
    rf_buf_printf(&call->reply.json, "{\"id\":\"%s\"}", r->id);
    call->reply.replayed = r->replayed;
}

int gateway_rpc_status_number(const char *word)
{
    const ProtobufCEnumValue *v =
        protobuf_c_enum_descriptor_get_value_by_name(&job__v1__job_status__descriptor, word);
    return v != NULL && v->value != JOB__V1__JOB_STATUS__JOB_STATUS_UNSPECIFIED ? v->value : -1;
}

static void set_extensions(const gateway_job_extensions *e, Job__V1__JobExtensions *m)
{
    m->batch_name = (char *)(uintptr_t)e->batch_name;
    m->batch_size = e->batch_size;
    m->has_priority = e->has_priority;
    m->priority = e->priority;
    m->retention_seconds = e->retention_s;
    m->no_reuse = e->no_reuse;
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
    Job__V1__JobExtensions extensions = JOB__V1__JOB_EXTENSIONS__INIT;
    set_extensions(&job->extensions, &extensions);
    r.extensions = &extensions;
    memcpy(sha256, job->payload_sha256, sizeof(sha256));
    r.name = (char *)(uintptr_t)job->name;
    r.workflow = (char *)(uintptr_t)job->workflow;
    r.params_json = (char *)(uintptr_t)job->params;
    r.metadata_json = (char *)(uintptr_t)job->metadata;
    r.copy_results_to = list;
    r.n_copy_results_to = job->n_copies;
    Job__V1__Webhook hook = JOB__V1__WEBHOOK__INIT;
    if (job->hook_url != NULL) {
        hook.url = (char *)(uintptr_t)job->hook_url;
        hook.events = (char **)(uintptr_t)job->hook_events;
        hook.n_events = job->n_hook_events;
        r.webhook = &hook;
    }
    r.idempotency_key = (char *)(uintptr_t)job->idempotency_key;
    r.payload_sha256 = (ProtobufCBinaryData){.len = sizeof(sha256), .data = sha256};
    gateway_rpc_ask(ex, ex->gw->rpc->hasty, JOB_V1_JOB_SERVICE_CREATE_JOB, &r.base, read_created,
                    fn);
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
    gateway_rpc_ask(ex, ex->gw->rpc->patient, JOB_V1_JOB_SERVICE_GET_JOB, &r.base,
                    gateway_rpc_read_json, fn);
}

void gateway_rpc_get_status(gateway_exchange *ex, uint32_t wait_ms, gateway_reply_fn fn)
{
    const gateway_rpc *rpc = ex->gw->rpc;
    int64_t longest_ms = ex->gw->config.read_wait_ms + wait_ms + WAIT_GRACE_MS;
    Job__V1__GetJobStatusRequest r = JOB__V1__GET_JOB_STATUS_REQUEST__INIT;
    r.id = ex->id;
    r.wait_ms = wait_ms;
    gateway_rpc_ask_within(ex, wait_ms > 0 ? rpc->waiting : rpc->patient,
                           JOB_V1_JOB_SERVICE_GET_JOB_STATUS,
                           wait_ms > 0 ? rf_time_ns() + longest_ms * RF_NS_PER_MS : 0, &r.base,
                           gateway_rpc_read_json, fn);
}

static void read_events(const ProtobufCMessage *message, bool first, gateway_feed_said *said)
{
    (void)message;
    (void)first;
    (void)said;
}

gateway_feed *gateway_rpc_watch_job(gateway_exchange *ex, int64_t after,
                                    const gateway_feed_events *events, void *user)
{
    Job__V1__WatchJobRequest r = JOB__V1__WATCH_JOB_REQUEST__INIT;
    r.id = ex->id;
    r.after = after;
    return gateway_feed_open(ex, ex->gw->rpc->waiting, JOB_V1_JOB_SERVICE_WATCH_JOB, RF_NEVER_NS,
                             &r.base, read_events, events, user);
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
    gateway_rpc_ask(ex, ex->gw->rpc->patient, JOB_V1_JOB_SERVICE_LIST_JOBS, &r.base, read_bare_list,
                    fn);
}

void gateway_rpc_delete_job(gateway_exchange *ex, bool uploads, gateway_reply_fn fn)
{
    Job__V1__DeleteJobRequest r = JOB__V1__DELETE_JOB_REQUEST__INIT;
    r.id = ex->id;
    r.uploads = uploads;
    gateway_rpc_ask(ex, ex->gw->rpc->hasty, JOB_V1_JOB_SERVICE_DELETE_JOB, &r.base,
                    gateway_rpc_read_json, fn);
}

void gateway_rpc_cancel_job(gateway_exchange *ex, gateway_reply_fn fn)
{
    Job__V1__CancelJobRequest r = JOB__V1__CANCEL_JOB_REQUEST__INIT;
    r.id = ex->id;
    gateway_rpc_ask(ex, ex->gw->rpc->patient, JOB_V1_JOB_SERVICE_CANCEL_JOB, &r.base,
                    gateway_rpc_read_json, fn);
}

void gateway_rpc_get_batch(gateway_exchange *ex, gateway_reply_fn fn)
{
    Job__V1__GetBatchRequest r = JOB__V1__GET_BATCH_REQUEST__INIT;
    r.batch_name = ex->name;
    gateway_rpc_ask(ex, ex->gw->rpc->patient, JOB_V1_JOB_SERVICE_GET_BATCH, &r.base,
                    gateway_rpc_read_json, fn);
}

void gateway_rpc_redrive_job(gateway_exchange *ex, gateway_reply_fn fn)
{
    Job__V1__RedriveJobRequest r = JOB__V1__REDRIVE_JOB_REQUEST__INIT;
    r.id = ex->id;
    gateway_rpc_ask(ex, ex->gw->rpc->hasty, JOB_V1_JOB_SERVICE_REDRIVE_JOB, &r.base,
                    gateway_rpc_read_json, fn);
}
