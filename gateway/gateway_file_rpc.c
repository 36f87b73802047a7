/*
 * job.v1.JobService as the gateway sees it: uploads and files.
 */
#include "gateway_rpc_internal.h"

#include <reflection/job/v1/job.pb-c.h>
#include <reflection/job/v1/job.rpc.h>

#include <string.h>

static void set_key(gateway_rpc_call *call, const char *key)
{
    if (rf_copy_str(call->reply.object_key, sizeof(call->reply.object_key), key) < 0) {
        rf_status_set(&call->reply.status, RF_INTERNAL, "object key too long");
    }
}

static void read_begun(gateway_rpc_call *call, rf_rpc_result *result)
{
    const Job__V1__BeginUploadResponse *r = (const Job__V1__BeginUploadResponse *)result->message;
    set_key(call, r->object_key);
    call->reply.max_bytes = r->max_bytes;
}

static void read_resolved(gateway_rpc_call *call, rf_rpc_result *result)
{
    const Job__V1__ResolveFileResponse *r = (const Job__V1__ResolveFileResponse *)result->message;
    set_key(call, r->object_key);
    rf_copy_str(call->reply.content_type, sizeof(call->reply.content_type), r->content_type);
}

void gateway_rpc_create_upload(gateway_exchange *ex, gateway_reply_fn fn)
{
    Job__V1__CreateUploadRequest r = JOB__V1__CREATE_UPLOAD_REQUEST__INIT;
    gateway_rpc_ask(ex, ex->gw->rpc->patient, JOB_V1_JOB_SERVICE_CREATE_UPLOAD, &r.base,
                    gateway_rpc_read_json, fn);
}

void gateway_rpc_begin_upload(gateway_exchange *ex, gateway_reply_fn fn)
{
    Job__V1__BeginUploadRequest r = JOB__V1__BEGIN_UPLOAD_REQUEST__INIT;
    r.upload_id = ex->id;
    gateway_rpc_ask(ex, ex->gw->rpc->patient, JOB_V1_JOB_SERVICE_BEGIN_UPLOAD, &r.base, read_begun,
                    fn);
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
    gateway_rpc_ask(ex, ex->gw->rpc->patient, JOB_V1_JOB_SERVICE_COMPLETE_UPLOAD, &r.base,
                    gateway_rpc_read_nothing, fn);
}

static void resolve(gateway_exchange *ex, Job__V1__ResolveFileRequest *r, gateway_reply_fn fn)
{
    gateway_rpc_ask(ex, ex->gw->rpc->patient, JOB_V1_JOB_SERVICE_RESOLVE_FILE, &r->base,
                    read_resolved, fn);
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
