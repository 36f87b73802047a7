/*
 * job.v1.JobService, files: uploads, and what signed URLs stand for.
 */
#include "job_message_rpc.h"

#include <errno.h>
#include <string.h>

static void upload_created(job_op *op)
{
    const job_op_upload_create *up = (const job_op_upload_create *)op;
    if (job_call_refuse(op)) {
        return;
    }
    const job_urls *urls = job_call_of(op)->service->urls;
    Job__V1__CreateUploadResponse reply = JOB__V1__CREATE_UPLOAD_RESPONSE__INIT;
    reply.upload_url = job_urls_upload(urls, &op->arena, "PUT", up->id, up->put_until_ms);
    reply.download_url = job_urls_upload(urls, &op->arena, "GET", up->id, up->keep_until_ms);
    job_call_reply(op, &reply.base);
}

static void create_upload(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    (void)request;
    job_service *s = user;
    const char *app = job_call_tenant(call);
    if (app != NULL) {
        job_op_upload_create *op = JOB_CALL_OP(s, call, JOB_OP_UPLOAD_CREATE, job_op_upload_create,
                                               "application", upload_created);
        op->app = job_arena_str(&op->op.arena, app);
        op->put_ms = s->config->upload_put_s * 1000;
        op->keep_ms = s->config->upload_keep_s * 1000;
        job_store_submit(s->store, &op->op);
    }
}

/* Each PUT writes an object of its own, so that two at once cannot mix. */
static void upload_begun(job_op *op)
{
    const job_op_upload_get *up = (const job_op_upload_get *)op;
    char unique[RF_UUID_LEN];
    if (op->err == 0 && up->used) {
        op->err = -EEXIST;
    }
    if (!job_call_refuse(op)) {
        Job__V1__BeginUploadResponse reply = JOB__V1__BEGIN_UPLOAD_RESPONSE__INIT;
        reply.object_key = job_arena_printf(&op->arena, "uploads/%s/%s", up->id, rf_uuid4(unique));
        reply.max_bytes = (uint64_t)job_call_of(op)->service->config->upload_max_bytes;
        job_call_reply(op, &reply.base);
    }
}

static void begin_upload(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    job_service *s = user;
    job_op_upload_get *op =
        JOB_CALL_OP(s, call, JOB_OP_UPLOAD_GET, job_op_upload_get, "upload", upload_begun);
    op->id =
        job_arena_str(&op->op.arena, ((const Job__V1__BeginUploadRequest *)request)->upload_id);
    job_store_submit(s->store, &op->op);
}

static void upload_completed(job_op *op)
{
    if (!job_call_refuse(op)) {
        Job__V1__CompleteUploadResponse reply = JOB__V1__COMPLETE_UPLOAD_RESPONSE__INIT;
        job_call_reply(op, &reply.base);
    }
}

static void complete_upload(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    job_service *s = user;
    const Job__V1__CompleteUploadRequest *m = (const Job__V1__CompleteUploadRequest *)request;
    if (m->sha256.len != RF_SHA256_LEN) {
        job_call_fail(call, RF_INVALID_ARGUMENT, "sha256 must have 32 bytes.");
        return;
    }
    job_op_upload_complete *op = JOB_CALL_OP(s, call, JOB_OP_UPLOAD_COMPLETE,
                                             job_op_upload_complete, "upload", upload_completed);
    op->id = job_arena_str(&op->op.arena, m->upload_id);
    op->object_key = job_arena_str(&op->op.arena, m->object_key);
    op->size = (int64_t)m->size;
    memcpy(op->sha256, m->sha256.data, RF_SHA256_LEN);
    job_store_submit(s->store, &op->op);
}

static void reply_file(job_op *op, const char *key, const char *content_type, int64_t size)
{
    Job__V1__ResolveFileResponse reply = JOB__V1__RESOLVE_FILE_RESPONSE__INIT;
    reply.object_key = job_message_text(key);
    reply.content_type =
        job_message_text(content_type == NULL ? "application/octet-stream" : content_type);
    reply.size = (uint64_t)size;
    job_call_reply(op, &reply.base);
}

static void upload_resolved(job_op *op)
{
    const job_op_upload_get *up = (const job_op_upload_get *)op;
    if (op->err == 0 && up->object_key == NULL) {
        op->err = -ENOENT;
    }
    if (!job_call_refuse(op)) {
        reply_file(op, up->object_key, NULL, up->size);
    }
}

static void output_resolved(job_op *op)
{
    const job_op_file_get *file = (const job_op_file_get *)op;
    if (!job_call_refuse(op)) {
        reply_file(op, file->object_key, file->content_type, file->size);
    }
}

static void resolve_file(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    job_service *s = user;
    const Job__V1__ResolveFileRequest *m = (const Job__V1__ResolveFileRequest *)request;
    if (m->file_case == JOB__V1__RESOLVE_FILE_REQUEST__FILE_UPLOAD_ID) {
        job_op_upload_get *op =
            JOB_CALL_READ(s, call, JOB_OP_UPLOAD_GET, job_op_upload_get, "file", upload_resolved);
        op->id = job_arena_str(&op->op.arena, m->upload_id);
        job_store_submit(s->store, &op->op);
    } else if (m->file_case == JOB__V1__RESOLVE_FILE_REQUEST__FILE_OUTPUT) {
        job_op_file_get *op =
            JOB_CALL_READ(s, call, JOB_OP_FILE_GET, job_op_file_get, "file", output_resolved);
        op->job_id = job_arena_str(&op->op.arena, m->output->job_id);
        op->file_name = job_arena_str(&op->op.arena, m->output->file_name);
        job_store_submit(s->store, &op->op);
    } else {
        job_call_fail(call, RF_INVALID_ARGUMENT, "The call names no file.");
    }
}

void job_files_rpc_register(job_service *s, rf_rpc_server *server)
{
    const rf_rpc_service *service = &job_v1_job_service;
    rf_rpc_server_handle_unary(server, service, JOB_V1_JOB_SERVICE_CREATE_UPLOAD, create_upload, s);
    rf_rpc_server_handle_unary(server, service, JOB_V1_JOB_SERVICE_BEGIN_UPLOAD, begin_upload, s);
    rf_rpc_server_handle_unary(server, service, JOB_V1_JOB_SERVICE_COMPLETE_UPLOAD, complete_upload,
                               s);
    rf_rpc_server_handle_unary(server, service, JOB_V1_JOB_SERVICE_RESOLVE_FILE, resolve_file, s);
}
