/*
 * job.v1.JobService, workflows that applications post: add, delete.
 */
#include "job_message_rpc.h"

#include "job_posted.h"

#include <errno.h>

#define ERROR_MAX 480

/* ---- add ---- */

static bool refuse_put(job_op *op)
{
    rf_rpc_call *call = job_call_of(op)->call;
    if (op->err == -EEXIST) {
        job_call_fail(call, RF_ALREADY_EXISTS,
                      "Another document has this slug; \"replace\": true makes a new version.");
    } else if (op->err == -EDQUOT) {
        job_call_fail(call, RF_RESOURCE_EXHAUSTED, "An application has at most 1000 workflows.");
    } else {
        return job_call_refuse(op);
    }
    job_op_free(op);
    return true;
}

static void added(job_op *op)
{
    const job_op_posted_put *put = (const job_op_posted_put *)op;
    const job_service *s = job_call_of(op)->service;
    job_workflow *w = NULL;
    if (refuse_put(op)) {
        return;
    }
    if (job_posted_parse(&put->posted, job_registry_modules(s->registry), &w) < 0) {
        job_call_fail(job_call_of(op)->call, RF_INTERNAL, "The stored document is not valid.");
        job_op_free(op);
        return;
    }
    job_call_reply(op, &job_message_workflow(&op->arena, w)->base);
    job_workflow_free(w);
}

/* The document of a request, NULL after the call has been answered. */
static job_workflow *read_document(const job_service *s, rf_rpc_call *call, const char *text,
                                   bool *ret_replace)
{
    rf_buf error;
    rf_buf_init(&error, ERROR_MAX);
    job_workflow *w = NULL;
    int err = job_posted_read(text, job_registry_modules(s->registry), &error, ret_replace, &w);
    if (err < 0) {
        job_call_fail(call, RF_FAILED_PRECONDITION, rf_buf_str(&error));
    } else if (job_registry_find(s->registry, job_workflow_slug(w)) != NULL) {
        job_call_fail(call, RF_ALREADY_EXISTS, "The operator has a workflow of this slug.");
        w = job_workflow_free(w);
    }
    rf_buf_done(&error);
    return w;
}

static void add_workflow(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    job_service *s = user;
    const char *app = job_call_tenant(call);
    if (app == NULL) {
        return;
    }
    bool replace = false;
    job_workflow *w = read_document(
        s, call, ((const Job__V1__AddWorkflowRequest *)request)->document_json, &replace);
    if (w == NULL) {
        return;
    }
    job_op_posted_put *op =
        JOB_CALL_OP(s, call, JOB_OP_POSTED_PUT, job_op_posted_put, "application", added);
    op->app = job_arena_str(&op->op.arena, app);
    op->slug = job_arena_str(&op->op.arena, job_workflow_slug(w));
    op->document = job_arena_str(&op->op.arena, job_workflow_document(w));
    op->replace = replace;
    job_workflow_free(w);
    job_store_submit(s->store, &op->op);
}

/* ---- delete ---- */

static void deleted(job_op *op)
{
    if (!job_call_refuse(op)) {
        Job__V1__DeleteWorkflowResponse reply = JOB__V1__DELETE_WORKFLOW_RESPONSE__INIT;
        reply.id = job_message_text(((const job_op_posted_delete *)op)->id);
        job_call_reply(op, &reply.base);
    }
}

static void delete_workflow(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    job_service *s = user;
    const char *app = job_call_tenant(call);
    if (app != NULL) {
        job_op_posted_delete *op =
            JOB_CALL_OP(s, call, JOB_OP_POSTED_DELETE, job_op_posted_delete, "workflow", deleted);
        op->app = job_arena_str(&op->op.arena, app);
        op->id =
            job_arena_str(&op->op.arena, ((const Job__V1__DeleteWorkflowRequest *)request)->id);
        job_store_submit(s->store, &op->op);
    }
}

void job_posted_rpc_register(job_service *s, rf_rpc_server *server)
{
    const rf_rpc_service *service = &job_v1_job_service;
    rf_rpc_server_handle_unary(server, service, JOB_V1_JOB_SERVICE_ADD_WORKFLOW, add_workflow, s);
    rf_rpc_server_handle_unary(server, service, JOB_V1_JOB_SERVICE_DELETE_WORKFLOW, delete_workflow,
                               s);
}
