#include "job_message_rpc.h"

#define RESULT_MAX (256u << 10)

const char *job_message_page(uint32_t page, uint32_t size)
{
    return page > JOB_PAGE_MAX   ? "page must be at most 1000000."
           : size > JOB_LIST_MAX ? "size must be at most 1000."
                                 : NULL;
}

char *job_message_text(const char *s)
{
    return (char *)(uintptr_t)(s == NULL ? "" : s);
}

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

Rpc__V1__Json *job_message_json(Rpc__V1__Json *m, char *json)
{
    rpc__v1__json__init(m);
    m->text = json;
    return m;
}

Rpc__V1__Time *job_message_time(Rpc__V1__Time *m, int64_t wall_ms)
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
    m->error.code = job_message_text(job->code);
    m->error.title = job_message_text(job_code_title(job->code));
    m->error.message = job_message_text(job->message);
    m->job.error = &m->error;
}

static void set_result(const job_service *s, job_arena *arena, job_message *m,
                       const job_record *job)
{
    rf_buf json;
    rf_buf_init(&json, RESULT_MAX);
    job_result_json(s, job, &json);
    m->job.result = job_message_json(&m->result, job_arena_str(arena, rf_buf_str(&json)));
    rf_buf_done(&json);
}

static void set_plain(job_message *m, const job_record *job)
{
    m->job.id = job_message_text(job->id);
    m->job.app = job_message_text(job->app);
    m->job.name = job_message_text(job->name);
    m->job.workflow = job_message_text(job->workflow);
    m->job.status = (Job__V1__JobStatus)job->state;
    m->job.metadata = job_message_json(&m->metadata, job_message_text(job->metadata));
    m->job.workflow_params = job_message_json(&m->params, job_message_text(job->params));
    m->job.created_at = job_message_time(&m->created, job->created_ms);
    m->job.started_at = job_message_time(&m->started, job->started_ms);
    m->job.completed_at = job_message_time(&m->completed, job->completed_ms);
    if (job->batch_name != NULL) {
        rpc__v1__optional_string__init(&m->batch_name);
        m->batch_name.value = job_message_text(job->batch_name);
        m->job.batch_name = &m->batch_name;
    }
}

Job__V1__Job *job_message_job(const job_service *s, job_arena *arena, const job_record *job)
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

/* A workflow with everything its pointers need. */
typedef struct workflow_message {
    Job__V1__Workflow workflow;
    Rpc__V1__Time created;
    Rpc__V1__Time updated;
    Rpc__V1__Json inputs;
    Rpc__V1__Json outputs;
} workflow_message;

Job__V1__Workflow *job_message_workflow(job_arena *arena, const job_workflow *w)
{
    workflow_message *m = job_arena_alloc(arena, sizeof(*m));
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
    return &m->workflow;
}
