/*
 * job.v1.JobService, jobs: create, get, list, cancel, delete.
 */
#include "job_message_rpc.h"

#include "job_posted.h"

#include <errno.h>
#include <string.h>

#define JSON_MAX (256u << 10)
#define LIST_MAX_BYTES (15u << 20) /* of one answer; RPC carries 16 MiB */
#define WORKFLOW_FILTERS_MAX 1000

/* ---- create ---- */

static void create_done(job_op *op)
{
    job_op_create *create = (job_op_create *)op;
    if (op->err == -EEXIST) {
        job_call_fail(job_call_of(op)->call, RF_FAILED_PRECONDITION,
                      "The Idempotency-Key was used with another payload.");
        job_op_free(op);
        return;
    }
    if (op->err == -ERANGE) {
        job_call_fail(job_call_of(op)->call, RF_FAILED_PRECONDITION,
                      "batchSize: the batch has another size already.");
        job_op_free(op);
        return;
    }
    if (job_call_refuse(op)) {
        return;
    }
    Job__V1__CreateJobResponse reply = JOB__V1__CREATE_JOB_RESPONSE__INIT;
    reply.id = create->id;
    reply.replayed = create->replayed;
    job_call_reply(op, &reply.base);
}

/* Names and URLs of copyResultsTo as two arrays. */
static void split_targets(const Job__V1__CreateJobRequest *m, job_arena *arena, job_request *r)
{
    const char **outputs = job_arena_array(arena, m->n_copy_results_to, sizeof(char *));
    const char **urls = job_arena_array(arena, m->n_copy_results_to, sizeof(char *));
    for (size_t i = 0; i < m->n_copy_results_to; i++) {
        outputs[i] = m->copy_results_to[i]->key;
        urls[i] = m->copy_results_to[i]->value;
    }
    r->outputs = outputs;
    r->urls = urls;
    r->n_targets = m->n_copy_results_to;
}

static void set_extensions(const Job__V1__JobExtensions *m, job_request *r)
{
    static const Job__V1__JobExtensions none = JOB__V1__JOB_EXTENSIONS__INIT;
    m = m != NULL ? m : &none;
    r->priority = m->has_priority ? m->priority : JOB_PRIORITY_DEFAULT;
    r->batch_name = m->batch_name;
    r->batch_size = m->batch_size;
    r->retention_s = m->retention_seconds;
    r->no_reuse = m->no_reuse != 0;
}

static void submit_create(job_service *s, rf_rpc_call *call, const job_workflow *w,
                          const job_request *r)
{
    job_op_create *op =
        JOB_CALL_OP(s, call, JOB_OP_CREATE, job_op_create, "application", create_done);
    rf_status st;
    if (job_accept(s, w, r, op, &st) < 0) {
        rf_rpc_fail(call, &st);
        job_op_free(&op->op);
        return;
    }
    job_store_submit(s->store, &op->op);
}

/* A workflow that the application has posted is looked up first, with the request put aside. */
typedef struct find_context {
    job_op_posted_find find;
    job_request request;
} find_context;

static void posted_found(job_op *op)
{
    find_context *c = (find_context *)op;
    job_service *s = job_call_of(op)->service;
    job_workflow *w = NULL;
    if (op->err == 0 &&
        job_posted_parse(&c->find.posted, job_registry_modules(s->registry), &w) < 0) {
        op->err = -ENOENT;
    }
    if (op->err == -ENOENT) {
        op->err = 0; /* told by job_accept, after what else is wrong */
    }
    if (!job_call_refuse(op)) {
        submit_create(s, job_call_of(op)->call, w, &c->request);
        job_workflow_free(w);
        job_op_free(op);
    }
}

static void find_posted(job_service *s, rf_rpc_call *call, const job_request *r)
{
    find_context *c =
        JOB_CALL_OP(s, call, JOB_OP_POSTED_FIND, find_context, "workflow", posted_found);
    c->request = job_request_copy(&c->find.op.arena, r);
    c->find.app = c->request.app;
    c->find.name = c->request.workflow;
    job_store_submit(s->store, &c->find.op);
}

static void create_job(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    static const uint8_t no_sha256[RF_SHA256_LEN];
    job_service *s = user;
    const Job__V1__CreateJobRequest *m = (const Job__V1__CreateJobRequest *)request;
    const char *app = job_call_tenant(call);
    if (app == NULL) {
        return;
    }
    if (m->idempotency_key[0] != '\0' && m->payload_sha256.len != RF_SHA256_LEN) {
        job_call_fail(call, RF_INVALID_ARGUMENT,
                      "payload_sha256 must have 32 bytes beside an idempotency_key.");
        return;
    }
    const rf_rpc_meta *meta = rf_rpc_call_meta(call);
    job_arena arena = {.blocks = NULL};
    job_request r = {
        .app = app,
        .name = m->name,
        .workflow = m->workflow,
        .params = m->params_json,
        .metadata = m->metadata_json,
        .idempotency_key = m->idempotency_key,
        .payload_sha256 =
            m->payload_sha256.len == RF_SHA256_LEN ? m->payload_sha256.data : no_sha256,
        .request_id = meta->request_id,
        .traceparent = meta->traceparent,
    };
    split_targets(m, &arena, &r);
    set_extensions(m->extensions, &r);
    if (m->webhook != NULL) {
        r.hook_url = m->webhook->url;
        r.hook_events = (const char *const *)m->webhook->events;
        r.n_hook_events = m->webhook->n_events;
    }
    const job_workflow *w = job_registry_find(s->registry, r.workflow);
    if (w != NULL) {
        submit_create(s, call, w, &r);
    } else {
        find_posted(s, call, &r);
    }
    job_arena_done(&arena);
}

/* ---- get ---- */

#define INCLUDE_ATTEMPTS 1u
#define INCLUDE_PROGRESS 2u
#define INCLUDE_PRIORITY 4u
#define INCLUDE_RETENTION 8u

typedef struct get_context {
    job_op_get get;
    unsigned include;
} get_context;

static int parse_include(const Job__V1__GetJobRequest *m, unsigned *ret)
{
    static const char *const names[] = {"attempts", "progress", "priority", "retention"};
    for (size_t i = 0; i < m->n_include; i++) {
        size_t k = 0;
        while (k < RF_ARRAY_LEN(names) && strcmp(m->include[i], names[k]) != 0) {
            k++;
        }
        if (k == RF_ARRAY_LEN(names)) {
            return -EINVAL;
        }
        *ret |= 1u << k;
    }
    return 0;
}

static char *json_of(job_arena *arena, void (*fn)(const job_record *job, rf_buf *out),
                     const job_record *job)
{
    rf_buf json;
    rf_buf_init(&json, JSON_MAX);
    fn(job, &json);
    char *copy = job_arena_str(arena, rf_buf_str(&json));
    rf_buf_done(&json);
    return copy;
}

static void set_included(const job_service *s, get_context *c, Job__V1__Job *job)
{
    job_arena *arena = &c->get.op.arena;
    Rpc__V1__Json *json = job_arena_array(arena, 4, sizeof(*json));
    if ((c->include & INCLUDE_ATTEMPTS) != 0) {
        job->attempts = job_message_json(&json[0], json_of(arena, job_attempts_json, &c->get.job));
    }
    if ((c->include & INCLUDE_PROGRESS) != 0) {
        job->progress = job_message_json(&json[1], json_of(arena, job_progress_json, &c->get.job));
    }
    if ((c->include & INCLUDE_PRIORITY) != 0) {
        char *priority = job_arena_printf(arena, "%u", (unsigned)c->get.job.priority);
        job->priority = job_message_json(&json[2], priority);
    }
    if ((c->include & INCLUDE_RETENTION) != 0) {
        char *seconds = job_arena_printf(arena, "%lld", (long long)job_retention_s(s, &c->get.job));
        job->retention = job_message_json(&json[3], seconds);
    }
}

static void get_done(job_op *op)
{
    get_context *c = (get_context *)op;
    const job_service *s = job_call_of(op)->service;
    if (!job_call_refuse(op)) {
        Job__V1__Job *job = job_message_job(s, &op->arena, &c->get.job);
        set_included(s, c, job);
        job_call_reply(op, &job->base);
    }
}

static void get_job(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    job_service *s = user;
    const Job__V1__GetJobRequest *m = (const Job__V1__GetJobRequest *)request;
    const char *app = job_call_tenant(call);
    unsigned include = 0;
    if (app == NULL) {
        return;
    }
    if (parse_include(m, &include) < 0) {
        job_call_fail(call, RF_INVALID_ARGUMENT,
                      "include takes attempts, progress, priority and retention.");
        return;
    }
    get_context *c = JOB_CALL_READ(s, call, JOB_OP_GET, get_context, "job", get_done);
    c->include = include;
    c->get.app = job_arena_str(&c->get.op.arena, app);
    c->get.id = job_arena_str(&c->get.op.arena, m->id);
    c->get.with_attempts = (include & (INCLUDE_ATTEMPTS | INCLUDE_PROGRESS)) != 0;
    job_store_submit(s->store, &c->get.op);
}

/* ---- list ---- */

static void list_done(job_op *op)
{
    job_op_list *list = (job_op_list *)op;
    const job_service *s = job_call_of(op)->service;
    if (job_call_refuse(op)) {
        return;
    }
    Job__V1__ListJobsResponse reply = JOB__V1__LIST_JOBS_RESPONSE__INIT;
    reply.jobs = job_arena_array(&op->arena, list->n_jobs, sizeof(Job__V1__Job *));
    for (; reply.n_jobs < list->n_jobs; reply.n_jobs++) {
        reply.jobs[reply.n_jobs] = job_message_job(s, &op->arena, &list->jobs[reply.n_jobs]);
    }
    if (protobuf_c_message_get_packed_size(&reply.base) > LIST_MAX_BYTES) {
        job_call_fail(job_call_of(op)->call, RF_INVALID_ARGUMENT,
                      "size is too large: the list would be above 15 MiB.");
        job_op_free(op);
        return;
    }
    job_call_reply(op, &reply.base);
}

static int state_bits(const Job__V1__ListJobsRequest *m, uint32_t *ret)
{
    for (size_t i = 0; i < m->n_status; i++) {
        if (m->status[i] < JOB__V1__JOB_STATUS__QUEUED ||
            m->status[i] > JOB__V1__JOB_STATUS__FAILED) {
            return -EINVAL;
        }
        *ret |= 1u << m->status[i];
    }
    return 0;
}

/* NULL, or what is wrong with the request. */
static const char *check_list(const Job__V1__ListJobsRequest *m, uint32_t *ret_states)
{
    if (state_bits(m, ret_states) < 0) {
        return "status must be QUEUED, STARTED, SUCCEEDED or FAILED.";
    }
    if (m->n_workflow > WORKFLOW_FILTERS_MAX) {
        return "workflow may repeat at most 1000 times.";
    }
    return job_message_page(m->page, m->size);
}

static void list_jobs(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    job_service *s = user;
    const Job__V1__ListJobsRequest *m = (const Job__V1__ListJobsRequest *)request;
    const char *app = job_call_tenant(call);
    uint32_t states = 0;
    if (app == NULL) {
        return;
    }
    const char *wrong = check_list(m, &states);
    if (wrong != NULL) {
        job_call_fail(call, RF_INVALID_ARGUMENT, wrong);
        return;
    }
    job_op_list *op = JOB_CALL_READ(s, call, JOB_OP_LIST, job_op_list, "list", list_done);
    job_arena *arena = &op->op.arena;
    const char **workflows = job_arena_array(arena, m->n_workflow, sizeof(char *));
    for (; op->n_workflows < m->n_workflow; op->n_workflows++) {
        workflows[op->n_workflows] = job_arena_str(arena, m->workflow[op->n_workflows]);
    }
    op->workflows = workflows;
    op->app = job_arena_str(arena, app);
    op->states = states;
    op->batch_name = m->batch_name[0] != '\0' ? job_arena_str(arena, m->batch_name) : NULL;
    op->page = m->page;
    op->size = m->size == 0 ? JOB_PAGE_SIZE : m->size;
    job_store_submit(s->store, &op->op);
}

/* ---- cancel, delete ---- */

static void reply_status(rf_rpc_call *call, const char *id, job_state state)
{
    Job__V1__GetJobStatusResponse reply = JOB__V1__GET_JOB_STATUS_RESPONSE__INIT;
    reply.id = job_message_text(id);
    reply.status = (Job__V1__JobStatus)state;
    rf_rpc_reply(call, &reply.base, NULL);
}

static void cancel_done(job_op *op)
{
    const job_op_cancel *cancel = (const job_op_cancel *)op;
    if (!job_call_refuse(op)) {
        reply_status(job_call_of(op)->call, cancel->id, cancel->state);
        job_op_free(op);
    }
}

static void cancel_job(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    job_service *s = user;
    const char *app = job_call_tenant(call);
    if (app != NULL) {
        job_op_cancel *op = JOB_CALL_OP(s, call, JOB_OP_CANCEL, job_op_cancel, "job", cancel_done);
        op->app = job_arena_str(&op->op.arena, app);
        op->id = job_arena_str(&op->op.arena, ((const Job__V1__CancelJobRequest *)request)->id);
        job_store_submit(s->store, &op->op);
    }
}

static void delete_done(job_op *op)
{
    if (!job_call_refuse(op)) {
        Job__V1__DeleteJobResponse reply = JOB__V1__DELETE_JOB_RESPONSE__INIT;
        reply.id = job_message_text(((const job_op_delete *)op)->id);
        job_call_reply(op, &reply.base);
    }
}

static void delete_job(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    job_service *s = user;
    const Job__V1__DeleteJobRequest *m = (const Job__V1__DeleteJobRequest *)request;
    const char *app = job_call_tenant(call);
    if (app != NULL) {
        job_op_delete *op = JOB_CALL_OP(s, call, JOB_OP_DELETE, job_op_delete, "job", delete_done);
        op->app = job_arena_str(&op->op.arena, app);
        op->id = job_arena_str(&op->op.arena, m->id);
        op->uploads = m->uploads;
        job_store_submit(s->store, &op->op);
    }
}

void job_jobs_rpc_register(job_service *s, rf_rpc_server *server)
{
    const rf_rpc_service *service = &job_v1_job_service;
    rf_rpc_server_handle_unary(server, service, JOB_V1_JOB_SERVICE_CREATE_JOB, create_job, s);
    rf_rpc_server_handle_unary(server, service, JOB_V1_JOB_SERVICE_GET_JOB, get_job, s);
    rf_rpc_server_handle_unary(server, service, JOB_V1_JOB_SERVICE_LIST_JOBS, list_jobs, s);
    rf_rpc_server_handle_unary(server, service, JOB_V1_JOB_SERVICE_CANCEL_JOB, cancel_job, s);
    rf_rpc_server_handle_unary(server, service, JOB_V1_JOB_SERVICE_DELETE_JOB, delete_job, s);
}
