/*
 * job.v1.JobService, what an application may use: workflows, and the application itself.
 */
#include "job_message_rpc.h"

#include "job_posted.h"

#include <errno.h>

#define LIST_MAX_BYTES (15u << 20) /* of one answer; RPC carries 16 MiB */

/* ---- list ---- */

typedef struct list_context {
    job_op_posted_list list;
    size_t first; /* of the registry's that come before, and how many */
    size_t n_before;
} list_context;

static void reply_list(rf_rpc_call *call, Job__V1__ListWorkflowsResponse *reply)
{
    if (protobuf_c_message_get_packed_size(&reply->base) > LIST_MAX_BYTES) {
        job_call_fail(call, RF_INVALID_ARGUMENT,
                      "size is too large: the list would be above 15 MiB.");
        return;
    }
    rf_rpc_reply(call, &reply->base, NULL);
}

/* The registry's of the page, then the application's own; one whose modules are gone is left out.
 */
static void listed(job_op *op)
{
    const list_context *c = (const list_context *)op;
    const job_registry *registry = job_call_of(op)->service->registry;
    if (job_call_refuse(op)) {
        return;
    }
    size_t n_own = 0;
    job_workflow **own = job_arena_array(&op->arena, c->list.n_list, sizeof(*own));
    Job__V1__ListWorkflowsResponse reply = JOB__V1__LIST_WORKFLOWS_RESPONSE__INIT;
    reply.workflows =
        job_arena_array(&op->arena, c->n_before + c->list.n_list, sizeof(Job__V1__Workflow *));
    for (size_t i = 0; i < c->n_before; i++) {
        reply.workflows[reply.n_workflows++] =
            job_message_workflow(&op->arena, job_registry_at(registry, c->first + i));
    }
    for (size_t i = 0; i < c->list.n_list; i++) {
        if (job_posted_parse(&c->list.list[i], job_registry_modules(registry), &own[n_own]) == 0) {
            reply.workflows[reply.n_workflows++] = job_message_workflow(&op->arena, own[n_own++]);
        }
    }
    reply_list(job_call_of(op)->call, &reply);
    for (size_t i = 0; i < n_own; i++) {
        job_workflow_free(own[i]);
    }
    job_op_free(op);
}

static void list_workflows(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    job_service *s = user;
    const Job__V1__ListWorkflowsRequest *m = (const Job__V1__ListWorkflowsRequest *)request;
    const char *app = job_call_tenant(call);
    if (app == NULL) {
        return;
    }
    const char *wrong = job_message_page(m->page, m->size);
    if (wrong != NULL) {
        job_call_fail(call, RF_INVALID_ARGUMENT, wrong);
        return;
    }
    list_context *c =
        JOB_CALL_READ(s, call, JOB_OP_POSTED_LIST, list_context, "application", listed);
    size_t size = m->size == 0 ? JOB_PAGE_SIZE : m->size;
    size_t n = job_registry_count(s->registry);
    c->first = (size_t)m->page * size;
    c->n_before = c->first < n ? RF_MIN(size, n - c->first) : 0;
    c->list.app = job_arena_str(&c->list.op.arena, app);
    c->list.offset = c->first > n ? c->first - n : 0;
    c->list.limit = size - c->n_before;
    job_store_submit(s->store, &c->list.op);
}

/* ---- get ---- */

static void found(job_op *op)
{
    const job_op_posted_find *find = (const job_op_posted_find *)op;
    const job_service *s = job_call_of(op)->service;
    job_workflow *w = NULL;
    if (op->err == 0 &&
        job_posted_parse(&find->posted, job_registry_modules(s->registry), &w) < 0) {
        op->err = -ENOENT;
    }
    if (!job_call_refuse(op)) {
        job_call_reply(op, &job_message_workflow(&op->arena, w)->base);
        job_workflow_free(w);
    }
}

static void get_workflow(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    job_service *s = user;
    const char *name = ((const Job__V1__GetWorkflowRequest *)request)->workflow;
    const char *app = job_call_tenant(call);
    if (app == NULL) {
        return;
    }
    const job_workflow *w = job_registry_find(s->registry, name);
    w = w == NULL ? job_registry_find_id(s->registry, name) : w;
    if (w != NULL) {
        job_arena arena = {.blocks = NULL};
        rf_rpc_reply(call, &job_message_workflow(&arena, w)->base, NULL);
        job_arena_done(&arena);
        return;
    }
    job_op_posted_find *op =
        JOB_CALL_READ(s, call, JOB_OP_POSTED_FIND, job_op_posted_find, "workflow", found);
    op->app = job_arena_str(&op->op.arena, app);
    op->name = job_arena_str(&op->op.arena, name);
    job_store_submit(s->store, &op->op);
}

/* ---- application ---- */

static void application_done(job_op *op)
{
    const job_op_application_get *app = (const job_op_application_get *)op;
    if (!job_call_refuse(op)) {
        Job__V1__Application reply = JOB__V1__APPLICATION__INIT;
        reply.id = job_message_text(app->app);
        reply.name = job_message_text(app->name);
        job_call_reply(op, &reply.base);
    }
}

static void get_application(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    (void)request;
    job_service *s = user;
    const char *app = job_call_tenant(call);
    if (app != NULL) {
        job_op_application_get *op =
            JOB_CALL_READ(s, call, JOB_OP_APPLICATION_GET, job_op_application_get, "application",
                          application_done);
        op->app = job_arena_str(&op->op.arena, app);
        job_store_submit(s->store, &op->op);
    }
}

void job_workflows_rpc_register(job_service *s, rf_rpc_server *server)
{
    const rf_rpc_service *service = &job_v1_job_service;
    rf_rpc_server_handle_unary(server, service, JOB_V1_JOB_SERVICE_LIST_WORKFLOWS, list_workflows,
                               s);
    rf_rpc_server_handle_unary(server, service, JOB_V1_JOB_SERVICE_GET_WORKFLOW, get_workflow, s);
    rf_rpc_server_handle_unary(server, service, JOB_V1_JOB_SERVICE_GET_APPLICATION, get_application,
                               s);
}
