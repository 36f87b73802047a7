/*
 * job.v1.JobService: protobuf in and out of the operations of the store, for the gateway.
 */
#include "job_rpc.h"

#include "job_rpc_internal.h"

#include <errno.h>
#include <string.h>

#include <reflection/job/v1/job.rpc.h>

#include "rf_time.h"

#define RESULT_MAX (256u << 10)
#define SIZE_DEFAULT 100

struct job_rpc {
    rf_rpc_server *server;
};

static char *text(const char *s)
{
    return (char *)(uintptr_t)(s == NULL ? "" : s);
}

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

static void create_job(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    static const uint8_t no_sha256[RF_SHA256_LEN];
    job_service *s = user;
    const Job__V1__CreateJobRequest *m = (const Job__V1__CreateJobRequest *)request;
    const char *app = job_call_tenant(call);
    if (app == NULL) {
        return;
    }
    const rf_rpc_meta *meta = rf_rpc_call_meta(call);
    job_op_create *op =
        JOB_CALL_OP(s, call, JOB_OP_CREATE, job_op_create, "application", create_done);
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
    split_targets(m, &op->op.arena, &r);
    rf_status st;
    if (job_accept(s, &r, op, &st) < 0) {
        rf_rpc_fail(call, &st);
        job_op_free(&op->op);
        return;
    }
    job_store_submit(s->store, &op->op);
}

/* ---- a job as a message ---- */

/* A job with everything its pointers need, in one piece of an arena. */
typedef struct job_message {
    Job__V1__Job job;
    Job__V1__Error error;
    Rpc__V1__OptionalString batch_name;
    Rpc__V1__Json metadata;
    Rpc__V1__Json params;
    Rpc__V1__Json result;
    Rpc__V1__Json attempts;
    Rpc__V1__Json progress;
    Rpc__V1__Json priority;
    Rpc__V1__Json retention;
    Rpc__V1__Time created;
    Rpc__V1__Time started;
    Rpc__V1__Time completed;
} job_message;

static Rpc__V1__Json *set_json(Rpc__V1__Json *m, char *json)
{
    rpc__v1__json__init(m);
    m->text = json;
    return m;
}

static Rpc__V1__Time *set_time(Rpc__V1__Time *m, int64_t wall_ms)
{
    if (wall_ms == 0) {
        return NULL;
    }
    rpc__v1__time__init(m);
    m->wall_ms = wall_ms;
    return m;
}

static void set_error(job_message *m, const job_record *job)
{
    job__v1__error__init(&m->error);
    m->error.code = text(job->code);
    m->error.title = text(job_code_title(job->code));
    m->error.message = text(job->message);
    m->job.error = &m->error;
}

static void set_result(const job_service *s, job_arena *arena, job_message *m,
                       const job_record *job)
{
    rf_buf json;
    rf_buf_init(&json, RESULT_MAX);
    job_result_json(s, job, &json);
    m->job.result = set_json(&m->result, job_arena_str(arena, rf_buf_str(&json)));
    rf_buf_done(&json);
}

static void set_plain(job_message *m, const job_record *job)
{
    m->job.id = text(job->id);
    m->job.app = text(job->app);
    m->job.name = text(job->name);
    m->job.workflow = text(job->workflow);
    m->job.status = (Job__V1__JobStatus)job->state;
    m->job.metadata = set_json(&m->metadata, text(job->metadata));
    m->job.workflow_params = set_json(&m->params, text(job->params));
    m->job.created_at = set_time(&m->created, job->created_ms);
    m->job.started_at = set_time(&m->started, job->started_ms);
    m->job.completed_at = set_time(&m->completed, job->completed_ms);
    if (job->batch_name != NULL) {
        rpc__v1__optional_string__init(&m->batch_name);
        m->batch_name.value = text(job->batch_name);
        m->job.batch_name = &m->batch_name;
    }
}

static Job__V1__Job *make_job(const job_service *s, job_arena *arena, const job_record *job)
{
    job_message *m = job_arena_alloc(arena, sizeof(*m));
    job__v1__job__init(&m->job);
    set_plain(m, job);
    if (job->state == JOB_SUCCEEDED) {
        set_result(s, arena, m, job);
    } else if (job->state == JOB_FAILED) {
        set_error(m, job);
    }
    return &m->job;
}

/* ---- get ---- */

#define INCLUDE_ATTEMPTS 1u
#define INCLUDE_PROGRESS 2u
#define INCLUDE_PRIORITY 4u
#define INCLUDE_RETENTION 8u
#define PRIORITY_DEFAULT "5"

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
    rf_buf_init(&json, RESULT_MAX);
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
        job->attempts = set_json(&json[0], json_of(arena, job_attempts_json, &c->get.job));
    }
    if ((c->include & INCLUDE_PROGRESS) != 0) {
        job->progress = set_json(&json[1], json_of(arena, job_progress_json, &c->get.job));
    }
    if ((c->include & INCLUDE_PRIORITY) != 0) {
        job->priority = set_json(&json[2], text(PRIORITY_DEFAULT));
    }
    if ((c->include & INCLUDE_RETENTION) != 0) {
        char *seconds = job_arena_printf(arena, "%lld", (long long)s->config->retention_s);
        job->retention = set_json(&json[3], seconds);
    }
}

static void get_done(job_op *op)
{
    get_context *c = (get_context *)op;
    const job_service *s = job_call_of(op)->service;
    if (!job_call_refuse(op)) {
        Job__V1__Job *job = make_job(s, &op->arena, &c->get.job);
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
    get_context *c = JOB_CALL_OP(s, call, JOB_OP_GET, get_context, "job", get_done);
    c->include = include;
    c->get.app = job_arena_str(&c->get.op.arena, app);
    c->get.id = job_arena_str(&c->get.op.arena, m->id);
    c->get.with_attempts = (include & (INCLUDE_ATTEMPTS | INCLUDE_PROGRESS)) != 0;
    job_store_submit(s->store, &c->get.op);
}

/* ---- status ---- */

static void reply_status(rf_rpc_call *call, const char *id, job_state state)
{
    Job__V1__GetJobStatusResponse reply = JOB__V1__GET_JOB_STATUS_RESPONSE__INIT;
    reply.id = text(id);
    reply.status = (Job__V1__JobStatus)state;
    rf_rpc_reply(call, &reply.base, NULL);
}

static void status_done(job_op *op)
{
    if (!job_call_refuse(op)) {
        const job_op_get *get = (const job_op_get *)op;
        reply_status(job_call_of(op)->call, get->id, get->job.state);
        job_op_free(op);
    }
}

static void get_status(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    job_service *s = user;
    const Job__V1__GetJobStatusRequest *m = (const Job__V1__GetJobStatusRequest *)request;
    const char *app = job_call_tenant(call);
    if (app == NULL) {
        return;
    }
    job_state known = job_cache_get(s->cache, app, m->id);
    if (known != JOB_NONE) {
        reply_status(call, m->id, known);
        return;
    }
    job_op_get *op = JOB_CALL_OP(s, call, JOB_OP_GET, job_op_get, "job", status_done);
    op->app = job_arena_str(&op->op.arena, app);
    op->id = job_arena_str(&op->op.arena, m->id);
    job_store_submit(s->store, &op->op);
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
        reply.jobs[reply.n_jobs] = make_job(s, &op->arena, &list->jobs[reply.n_jobs]);
    }
    job_call_reply(op, &reply.base);
}

static uint32_t state_bits(const Job__V1__ListJobsRequest *m)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < m->n_status; i++) {
        if (m->status[i] >= JOB__V1__JOB_STATUS__QUEUED &&
            m->status[i] <= JOB__V1__JOB_STATUS__FAILED) {
            bits |= 1u << m->status[i];
        }
    }
    return bits;
}

static void list_jobs(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    job_service *s = user;
    const Job__V1__ListJobsRequest *m = (const Job__V1__ListJobsRequest *)request;
    const char *app = job_call_tenant(call);
    if (app == NULL) {
        return;
    }
    job_op_list *op = JOB_CALL_OP(s, call, JOB_OP_LIST, job_op_list, "list", list_done);
    job_arena *arena = &op->op.arena;
    const char **workflows = job_arena_array(arena, m->n_workflow, sizeof(char *));
    for (; op->n_workflows < m->n_workflow; op->n_workflows++) {
        workflows[op->n_workflows] = job_arena_str(arena, m->workflow[op->n_workflows]);
    }
    op->workflows = workflows;
    op->app = job_arena_str(arena, app);
    op->states = state_bits(m);
    op->batch_name = m->batch_name[0] != '\0' ? job_arena_str(arena, m->batch_name) : NULL;
    op->page = m->page;
    op->size = m->size == 0 ? SIZE_DEFAULT : RF_MIN(m->size, (uint32_t)JOB_LIST_MAX);
    job_store_submit(s->store, &op->op);
}

/* ---- cancel, delete ---- */

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
        reply.id = text(((const job_op_delete *)op)->id);
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

/* ---- uploads and files ---- */

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
    reply.object_key = text(key);
    reply.content_type = text(content_type == NULL ? "application/octet-stream" : content_type);
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
            JOB_CALL_OP(s, call, JOB_OP_UPLOAD_GET, job_op_upload_get, "file", upload_resolved);
        op->id = job_arena_str(&op->op.arena, m->upload_id);
        job_store_submit(s->store, &op->op);
    } else if (m->file_case == JOB__V1__RESOLVE_FILE_REQUEST__FILE_OUTPUT) {
        job_op_file_get *op =
            JOB_CALL_OP(s, call, JOB_OP_FILE_GET, job_op_file_get, "file", output_resolved);
        op->job_id = job_arena_str(&op->op.arena, m->output->job_id);
        op->file_name = job_arena_str(&op->op.arena, m->output->file_name);
        job_store_submit(s->store, &op->op);
    } else {
        job_call_fail(call, RF_INVALID_ARGUMENT, "The call names no file.");
    }
}

/* ---- workflows and the application ---- */

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
    m->workflow.id = text(row->id);
    m->workflow.name = text(job_workflow_name(w));
    m->workflow.slug = text(job_workflow_slug(w));
    m->workflow.description = text(job_workflow_description(w));
    m->workflow.created_at = set_time(&m->created, row->created_ms);
    m->workflow.updated_at = set_time(&m->updated, row->updated_ms);
    m->workflow.inputs = set_json(&m->inputs, text(job_workflow_inputs_json(w)));
    m->workflow.outputs = set_json(&m->outputs, text(job_workflow_outputs_json(w)));
}

static void list_workflows(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    const job_service *s = user;
    const Job__V1__ListWorkflowsRequest *m = (const Job__V1__ListWorkflowsRequest *)request;
    if (job_call_tenant(call) == NULL) {
        return;
    }
    job_arena arena = {.blocks = NULL};
    size_t size = m->size == 0 ? SIZE_DEFAULT : RF_MIN(m->size, (uint32_t)JOB_LIST_MAX);
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
        reply.id = text(app->app);
        reply.name = text(app->name);
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

/* ---- the server ---- */

static void register_jobs(job_service *s, rf_rpc_server *server)
{
    const struct {
        const rf_rpc_method *method;
        rf_rpc_unary_fn fn;
    } methods[] = {
        {JOB_V1_JOB_SERVICE_CREATE_JOB, create_job},
        {JOB_V1_JOB_SERVICE_GET_JOB, get_job},
        {JOB_V1_JOB_SERVICE_GET_JOB_STATUS, get_status},
        {JOB_V1_JOB_SERVICE_LIST_JOBS, list_jobs},
        {JOB_V1_JOB_SERVICE_CANCEL_JOB, cancel_job},
        {JOB_V1_JOB_SERVICE_DELETE_JOB, delete_job},
        {JOB_V1_JOB_SERVICE_CREATE_UPLOAD, create_upload},
        {JOB_V1_JOB_SERVICE_BEGIN_UPLOAD, begin_upload},
        {JOB_V1_JOB_SERVICE_COMPLETE_UPLOAD, complete_upload},
        {JOB_V1_JOB_SERVICE_RESOLVE_FILE, resolve_file},
        {JOB_V1_JOB_SERVICE_LIST_WORKFLOWS, list_workflows},
        {JOB_V1_JOB_SERVICE_GET_WORKFLOW, get_workflow},
        {JOB_V1_JOB_SERVICE_GET_APPLICATION, get_application},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(methods); i++) {
        rf_rpc_server_handle_unary(server, &job_v1_job_service, methods[i].method, methods[i].fn,
                                   s);
    }
}

int job_rpc_start(job_service *s, const char *listen, job_rpc **ret)
{
    const rf_rpc_tls tls = {.ca_file = s->config->rpc_tls.ca,
                            .cert_file = s->config->rpc_tls.cert,
                            .key_file = s->config->rpc_tls.key};
    const rf_rpc_server_config config = {.listen = listen,
                                         .tls = tls.ca_file[0] != '\0' ? &tls : NULL};
    rf_rpc_server *server;
    int err = rf_rpc_server_new(&config, &server);
    if (err < 0) {
        return err;
    }
    register_jobs(s, server);
    job_worker_rpc_register(s, server);
    job_key_rpc_register(s, server);
    err = rf_rpc_server_start(server);
    if (err < 0) {
        rf_rpc_server_free(server);
        return err;
    }
    rf_rpc_server_set_health(server, RF_RPC_READY, NULL);
    job_rpc *rpc = RF_NEW(job_rpc);
    rpc->server = server;
    *ret = rpc;
    return 0;
}

void job_rpc_drain(job_rpc *rpc, int64_t timeout_ms)
{
    rf_rpc_server_set_health(rpc->server, RF_RPC_DRAINING, "stopping");
    (void)rf_rpc_server_drain(rpc->server, timeout_ms);
}

size_t job_rpc_calls(job_rpc *rpc)
{
    return rf_rpc_server_calls(rpc->server);
}

job_rpc *job_rpc_stop(job_rpc *rpc)
{
    if (rpc != NULL) {
        rf_rpc_server_free(rpc->server);
        free(rpc);
    }
    return NULL;
}
