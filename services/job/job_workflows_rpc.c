/*
 * job.v1.JobService, what an application may use: workflows, and the application itself.
 */
#include "job_message_rpc.h"

typedef struct workflow_message {
    Job__V1__Workflow workflow;
    Rpc__V1__Time created;
    Rpc__V1__Time updated;
    Rpc__V1__Json inputs;
    Rpc__V1__Json outputs;
} workflow_message;

static void set_workflow(workflow_message *m, const job_workflow *w)
{
    const job_workflow_row *row = job_registry_row(w);
    job__v1__workflow__init(&m->workflow);
    m->workflow.id = job_message_text(row->id);
    m->workflow.name = job_message_text(job_workflow_name(w));
    m->workflow.slug = job_message_text(job_workflow_slug(w));
    m->workflow.description = job_message_text(job_workflow_description(w));
    m->workflow.created_at = job_message_time(&m->created, row->created_ms);
    m->workflow.updated_at = job_message_time(&m->updated, row->updated_ms);
    m->workflow.inputs =
        job_message_json(&m->inputs, job_message_text(job_workflow_inputs_json(w)));
    m->workflow.outputs =
        job_message_json(&m->outputs, job_message_text(job_workflow_outputs_json(w)));
}

static void list_workflows(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    const job_service *s = user;
    const Job__V1__ListWorkflowsRequest *m = (const Job__V1__ListWorkflowsRequest *)request;
    if (job_call_tenant(call) == NULL) {
        return;
    }
    const char *wrong = job_message_page(m->page, m->size);
    if (wrong != NULL) {
        job_call_fail(call, RF_INVALID_ARGUMENT, wrong);
        return;
    }
    job_arena arena = {.blocks = NULL};
    size_t size = m->size == 0 ? JOB_PAGE_SIZE : m->size;
    size_t first = (size_t)m->page * size;
    size_t n = job_registry_count(s->registry);
    Job__V1__ListWorkflowsResponse reply = JOB__V1__LIST_WORKFLOWS_RESPONSE__INIT;
    reply.workflows = job_arena_array(&arena, size, sizeof(Job__V1__Workflow *));
    for (size_t i = first; i < n && reply.n_workflows < size; i++) {
        workflow_message *w = job_arena_alloc(&arena, sizeof(*w));
        set_workflow(w, job_registry_at(s->registry, i));
        reply.workflows[reply.n_workflows++] = &w->workflow;
    }
    rf_rpc_reply(call, &reply.base, NULL);
    job_arena_done(&arena);
}

static void get_workflow(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    const job_service *s = user;
    const char *name = ((const Job__V1__GetWorkflowRequest *)request)->workflow;
    if (job_call_tenant(call) == NULL) {
        return;
    }
    const job_workflow *w = job_registry_find(s->registry, name);
    w = w == NULL ? job_registry_find_id(s->registry, name) : w;
    if (w == NULL) {
        job_call_fail(call, RF_NOT_FOUND, "There is no such workflow.");
        return;
    }
    workflow_message m;
    set_workflow(&m, w);
    rf_rpc_reply(call, &m.workflow.base, NULL);
}

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
            JOB_CALL_OP(s, call, JOB_OP_APPLICATION_GET, job_op_application_get, "application",
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
