/*
 * processor_workflow.h - the workflow document of one job, linked to the modules that run it.
 * Plain data made by one thread and only read afterwards. Documents come validated by the job
 * service; what is checked again here is all that running them relies on.
 */
#ifndef PROCESSOR_WORKFLOW_H
#define PROCESSOR_WORKFLOW_H

#include "processor_module.h"

#define PROCESSOR_MAX_STEPS 64
#define PROCESSOR_MAX_OUTPUTS 32
#define PROCESSOR_MAX_PARAMS 32
#define PROCESSOR_NAME_MAX 65

/* What feeds one input port of a step. */
typedef struct processor_link {
    enum { PROCESSOR_UNFED, PROCESSOR_FROM_PARAM, PROCESSOR_FROM_STEP } kind;
    size_t from; /* index of the parameter or step */
    size_t port; /* output port of the step */
} processor_link;

typedef struct processor_step {
    char *id;
    const processor_module *module;
    processor_link in[PROCESSOR_MAX_PORTS];
    uint32_t used; /* bit per output port that an output or another step reads */
} processor_step;

typedef struct processor_output {
    char *name;
    size_t step;
    size_t port;
    char *format; /* "string", an extension, or "auto": extension by content */
} processor_output;

typedef struct processor_param {
    char *name;
    processor_type type;
    char *text; /* as given; NULL when not given */
} processor_param;

typedef struct processor_workflow {
    processor_param params[PROCESSOR_MAX_PARAMS];
    size_t n_params;
    processor_step *steps;
    size_t n_steps;
    processor_output outputs[PROCESSOR_MAX_OUTPUTS];
    size_t n_outputs;
    bool is_deterministic; /* equal inputs give an equal result */
} processor_workflow;

/* processor_workflow_new links the document with the parameters of a job (both JSON objects).
 * Returns 0; -EBADMSG when it is no such document: unknown module or port, bad link, types that do
 * not match, a cycle, a required port that is not fed. */
int processor_workflow_new(const char *document, const char *params, processor_workflow **ret);
processor_workflow *processor_workflow_free(processor_workflow *w);

/* processor_workflow_is_inline says whether every module runs inline. */
bool processor_workflow_is_inline(const processor_workflow *w);

/* processor_workflow_step returns the index of a step by id, -ENOENT when there is none. */
int processor_workflow_step(const processor_workflow *w, const char *id);

#endif
