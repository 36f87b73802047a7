/*
 * job_workflow_internal.h - a parsed workflow, for job_workflow*.c only.
 */
#ifndef JOB_WORKFLOW_INTERNAL_H
#define JOB_WORKFLOW_INTERNAL_H

#include "job_workflow.h"

#include <jansson.h>

struct job_workflow {
    json_t *root; /* borrowed below */
    json_t *inputs;
    json_t *constraints; /* NULL: none */
    json_t *modules;
    json_t *outputs;
    /* Of what the outputs hold, in their order; NULL: none. The catalogue's, while parsing. */
    const char *schemas[JOB_OUTPUTS_MAX];
    const char *slug;
    const char *name;
    const char *description;
    job_pool pool;
    uint32_t limit_s;
    bool deterministic;
    char *engine; /* modules and their versions */
    char *document;
    char *inputs_json;
    char *outputs_json;
    job_workflow_row row;
};

/* job_workflow_validate checks the parsed document and fills the plain fields of w. */
int job_workflow_validate(job_workflow *w, const job_catalogue *modules, bool need_file,
                          rf_buf *error);

/* job_workflow_known_keys refuses keys of an object beyond the known ones: a misspelt one would be
 * silently ignored. where names the object in error. */
int job_workflow_known_keys(json_t *object, const char *const *known, size_t n, const char *where,
                            rf_buf *error);

/* The declared type of an input. */
job_port_type job_workflow_input_type(json_t *input);

/* job_workflow_graph_check: links resolve, types match, no cycle, required ports fed, outputs. */
int job_workflow_graph_check(job_workflow *w, const job_catalogue *modules, bool need_file,
                             rf_buf *error);

#endif
