/*
 * job_workflow.h - workflow documents (spec jobs.md section 6): JSON that names modules and how
 * their outputs feed inputs. Parsing validates everything, so that a job that is accepted can run.
 * A workflow is read-only after parsing: any thread may read.
 */
#ifndef JOB_WORKFLOW_H
#define JOB_WORKFLOW_H

#include "job_catalogue.h"
#include "job_lifecycle.h"
#include "rf_id.h"

#define JOB_DOCUMENT_MAX (64u << 10) /* bytes */
#define JOB_MODULES_MAX 64
#define JOB_OUTPUTS_MAX 32

typedef struct job_workflow job_workflow;

/* What the store knows of a workflow beside its document. */
typedef struct job_workflow_row {
    char id[RF_UUID_LEN];
    int64_t version;
    int64_t created_ms;
    int64_t updated_ms;
} job_workflow_row;

/* job_workflow_parse reads and validates a document. need_file: at least one output must be a file,
 * as the SDKs' downloads want; an operator's own documents may do without. On failure error names
 * the key and the rule. Returns 0 or -EBADMSG. */
int job_workflow_parse(const char *text, size_t len, const job_catalogue *modules, bool need_file,
                       rf_buf *error, job_workflow **ret) RF_MUST_USE;
job_workflow *job_workflow_free(job_workflow *w);

const char *job_workflow_slug(const job_workflow *w);
const char *job_workflow_name(const job_workflow *w);
const char *job_workflow_description(const job_workflow *w);
job_pool job_workflow_pool(const job_workflow *w);
uint32_t job_workflow_limit_s(const job_workflow *w);

/* Whether equal inputs and parameters give an equal result, as long as engine is the same: names
 * and versions of the modules. */
bool job_workflow_deterministic(const job_workflow *w);
const char *job_workflow_engine(const job_workflow *w);

/* The document in compact form, equal for equal documents. */
const char *job_workflow_document(const job_workflow *w);

/* JSON Schema (draft 2020-12) of the parameters, and the list of outputs, as JSON text. */
const char *job_workflow_inputs_json(const job_workflow *w);
const char *job_workflow_outputs_json(const job_workflow *w);

bool job_workflow_has_output(const job_workflow *w, const char *name);

/* job_workflow_check_params says in error (for the client, 422) why params (JSON text of an object)
 * do not fit. Returns 0, -EINVAL, or -EBADMSG when they are not an object. */
int job_workflow_check_params(const job_workflow *w, const char *params, rf_buf *error);

/* job_workflow_each_url calls fn for every parameter of type url that is given. The strings live
 * until fn returns. params must have passed the check. */
void job_workflow_each_url(const job_workflow *w, const char *params,
                           void (*fn)(const char *param, const char *url, void *user), void *user);

job_workflow_row *job_workflow_row_of(job_workflow *w);

/* job_url_check: http or https, at most 2,048 bytes, a host, no user info. Returns NULL or what is
 * wrong, to follow "must be ". */
const char *job_url_check(const char *url);

/* Slug: [a-z0-9-]{1,63}, and one '/' with a second such part allowed. */
bool job_slug_valid(const char *slug);

/* Output name: [A-Za-z0-9][A-Za-z0-9 _-]{0,63}. */
bool job_output_name_valid(const char *name);

#endif
