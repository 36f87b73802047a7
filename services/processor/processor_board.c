#include "processor_board.h"

processor_claim *processor_claim_free(processor_claim *c)
{
    if (c == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < c->n_inputs; i++) {
        free(c->inputs[i].param);
        free(c->inputs[i].value);
    }
    for (size_t i = 0; i < c->n_targets; i++) {
        free(c->targets[i].output);
        free(c->targets[i].url);
    }
    for (size_t i = 0; i < c->n_done; i++) {
        processor_step_output_done(&c->done[i]);
    }
    free(c->inputs);
    free(c->targets);
    free(c->done);
    free(c->workflow_json);
    free(c->params_json);
    free(c->request_id);
    free(c);
    return NULL;
}

void processor_claims_done(processor_claims *c)
{
    for (size_t i = 0; i < c->n; i++) {
        processor_claim_free(c->items[i]);
    }
    free(c->items);
    *c = (processor_claims){0};
}

void processor_step_output_done(processor_step_output *o)
{
    free(o->step);
    free(o->port);
    free(o->object_key);
    free(o->text);
    *o = (processor_step_output){0};
}

processor_finish *processor_finish_free(processor_finish *f)
{
    if (f == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < f->n_results; i++) {
        free(f->results[i].output);
        free(f->results[i].text);
        free(f->results[i].object_key);
    }
    free(f->results);
    free(f);
    return NULL;
}

const char *processor_code_name(processor_code code)
{
    static const char *const names[] = {
        [PROCESSOR_BAD_INPUT] = "BAD_INPUT",
        [PROCESSOR_INTERNAL_ERROR] = "INTERNAL_ERROR",
        [PROCESSOR_TIMEOUT] = "TIMEOUT",
    };
    return names[code];
}
