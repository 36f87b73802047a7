#include "processor_workflow.h"

#include "processor_documents.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* ---- parameters ---- */

/* Text of a parameter's value; NULL for null, objects and lists. */
static char *text_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return rf_strdup(json_string_value(value));
    case JSON_INTEGER:
        return rf_asprintf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
    case JSON_REAL:
        return rf_asprintf("%.17g", json_real_value(value));
    case JSON_TRUE:
        return rf_strdup("true");
    case JSON_FALSE:
        return rf_strdup("false");
    default:
        return NULL;
    }
}

/* A boolean travels as a string: no port takes it as anything else. */
static int parse_param_type(const json_t *declared, processor_type *ret)
{
    const char *type = json_string_value(json_object_get(declared, "type"));
    if (type == NULL) {
        return -EBADMSG;
    }
    if (strcmp(type, "boolean") == 0) {
        *ret = PROCESSOR_STRING;
        return 0;
    }
    return processor_type_parse(type, ret) < 0 ? -EBADMSG : 0;
}

static int read_params(processor_workflow *w, json_t *inputs, const json_t *given)
{
    const char *name;
    json_t *declared;
    if (!json_is_object(inputs) || json_object_size(inputs) > PROCESSOR_MAX_PARAMS) {
        return -EBADMSG;
    }
    json_object_foreach(inputs, name, declared)
    {
        processor_param *p = &w->params[w->n_params];
        int err = parse_param_type(declared, &p->type);
        if (err < 0) {
            return err;
        }
        const json_t *value = json_object_get(given, name);
        p->name = rf_strdup(name);
        p->text = value == NULL ? NULL : text_of(value);
        w->n_params++;
    }
    return 0;
}

static int find_param(const processor_workflow *w, const char *name)
{
    for (size_t i = 0; i < w->n_params; i++) {
        if (strcmp(w->params[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -ENOENT;
}

/* ---- steps ---- */

int processor_workflow_step(const processor_workflow *w, const char *id)
{
    for (size_t i = 0; i < w->n_steps; i++) {
        if (strcmp(w->steps[i].id, id) == 0) {
            return (int)i;
        }
    }
    return -ENOENT;
}

static int read_steps(processor_workflow *w, const json_t *modules)
{
    size_t i;
    json_t *entry;
    if (!json_is_array(modules) || json_array_size(modules) > PROCESSOR_MAX_STEPS) {
        return -EBADMSG;
    }
    w->steps = RF_NEW_ARRAY(processor_step, json_array_size(modules));
    json_array_foreach(modules, i, entry)
    {
        const char *id = json_string_value(json_object_get(entry, "id"));
        const char *use = json_string_value(json_object_get(entry, "use"));
        const processor_module *module = use == NULL ? NULL : processor_module_find(use);
        if (id == NULL || id[0] == '\0' || strlen(id) >= PROCESSOR_NAME_MAX || module == NULL ||
            processor_workflow_step(w, id) >= 0) {
            return -EBADMSG;
        }
        w->steps[w->n_steps].id = rf_strdup(id);
        w->steps[w->n_steps].module = module;
        w->n_steps++;
    }
    return 0;
}

/* Reads "ID.PORT"; marks the port as used. */
static int parse_source(processor_workflow *w, const char *text, size_t *ret_step, size_t *ret_port)
{
    const char *dot = strrchr(text, '.');
    if (dot == NULL) {
        return -EBADMSG;
    }
    RF_CLEANUP(rf_cleanup_free) char *id = rf_strndup(text, (size_t)(dot - text));
    int step = processor_workflow_step(w, id);
    if (step < 0) {
        return -EBADMSG;
    }
    const processor_module *m = w->steps[step].module;
    int port = processor_port_find(m->out, m->n_out, dot + 1);
    if (port < 0) {
        return -EBADMSG;
    }
    w->steps[step].used |= 1u << port;
    *ret_step = (size_t)step;
    *ret_port = (size_t)port;
    return 0;
}

static int link_param(const processor_workflow *w, const char *name, processor_type to,
                      processor_link *ret)
{
    int param = find_param(w, name);
    if (param < 0 || !processor_type_feeds(w->params[param].type, to)) {
        return -EBADMSG;
    }
    bool is_given = w->params[param].text != NULL;
    *ret = (processor_link){.kind = is_given ? PROCESSOR_FROM_PARAM : PROCESSOR_UNFED,
                            .from = (size_t)param};
    return 0;
}

static int link_step(processor_workflow *w, const char *text, processor_type to,
                     processor_link *ret)
{
    processor_link link = {.kind = PROCESSOR_FROM_STEP};
    int err = parse_source(w, text, &link.from, &link.port);
    if (err < 0) {
        return err;
    }
    if (!processor_type_feeds(w->steps[link.from].module->out[link.port].type, to)) {
        return -EBADMSG;
    }
    *ret = link;
    return 0;
}

static int link_inputs(processor_workflow *w, processor_step *step, json_t *in)
{
    const processor_module *m = step->module;
    const char *name;
    json_t *from;
    json_object_foreach(in, name, from)
    {
        const char *text = json_string_value(from);
        int port = processor_port_find(m->in, m->n_in, name);
        if (text == NULL || port < 0) {
            return -EBADMSG;
        }
        int err = text[0] == '$' ? link_param(w, text + 1, m->in[port].type, &step->in[port])
                                 : link_step(w, text, m->in[port].type, &step->in[port]);
        if (err < 0) {
            return err;
        }
    }
    for (size_t i = 0; i < m->n_in; i++) {
        if (m->in[i].required && step->in[i].kind == PROCESSOR_UNFED) {
            return -EBADMSG;
        }
    }
    return 0;
}

static int link_steps(processor_workflow *w, const json_t *modules)
{
    for (size_t i = 0; i < w->n_steps; i++) {
        json_t *in = json_object_get(json_array_get(modules, i), "in");
        int err = link_inputs(w, &w->steps[i], in);
        if (err < 0) {
            return err;
        }
    }
    return 0;
}

static bool step_is_fed(const processor_workflow *w, size_t step, uint64_t ended)
{
    const processor_step *s = &w->steps[step];
    for (size_t i = 0; i < s->module->n_in; i++) {
        if (s->in[i].kind == PROCESSOR_FROM_STEP && (ended >> s->in[i].from & 1) == 0) {
            return false;
        }
    }
    return true;
}

/* Runs the graph dry: a step that never becomes ready stands on a cycle. */
static int check_cycle(const processor_workflow *w)
{
    uint64_t ended = 0;
    for (size_t round = 0; round < w->n_steps; round++) {
        for (size_t i = 0; i < w->n_steps; i++) {
            ended |= (uint64_t)step_is_fed(w, i, ended) << i;
        }
    }
    for (size_t i = 0; i < w->n_steps; i++) {
        if ((ended >> i & 1) == 0) {
            return -EBADMSG;
        }
    }
    return 0;
}

/* ---- outputs ---- */

/* "$name" stands for the value of that parameter. */
static int resolve_format(const processor_workflow *w, const char *format, char **ret)
{
    if (format[0] != '$') {
        *ret = rf_strdup(format);
        return 0;
    }
    int param = find_param(w, format + 1);
    if (param < 0 || w->params[param].text == NULL) {
        return -EBADMSG;
    }
    *ret = rf_strdup(w->params[param].text);
    return 0;
}

static int read_outputs(processor_workflow *w, json_t *outputs)
{
    const char *name;
    json_t *entry;
    if (!json_is_object(outputs) || json_object_size(outputs) > PROCESSOR_MAX_OUTPUTS) {
        return -EBADMSG;
    }
    json_object_foreach(outputs, name, entry)
    {
        processor_output *o = &w->outputs[w->n_outputs];
        const char *from = json_string_value(json_object_get(entry, "from"));
        const char *format = json_string_value(json_object_get(entry, "format"));
        if (from == NULL || format == NULL) {
            return -EBADMSG;
        }
        int err = parse_source(w, from, &o->step, &o->port);
        err = err == 0 ? resolve_format(w, format, &o->format) : err;
        if (err < 0) {
            return err;
        }
        o->name = rf_strdup(name);
        w->n_outputs++;
    }
    return 0;
}

/* ---- whole ---- */

static int build(processor_workflow *w, const json_t *document, const json_t *params)
{
    w->is_deterministic = json_is_true(json_object_get(document, "deterministic"));
    int err = read_params(w, json_object_get(document, "inputs"), params);
    const json_t *modules = json_object_get(document, "modules");
    err = err == 0 ? read_steps(w, modules) : err;
    err = err == 0 ? link_steps(w, modules) : err;
    err = err == 0 ? check_cycle(w) : err;
    return err == 0 ? read_outputs(w, json_object_get(document, "outputs")) : err;
}

int processor_workflow_new(const char *document, const char *params, processor_workflow **ret)
{
    json_t *d = processor_documents_get(document);
    json_t *p = json_loads(params, 0, NULL);
    processor_workflow *w = RF_NEW(processor_workflow);
    int err = d == NULL || p == NULL ? -EBADMSG : build(w, d, p);
    json_decref(d);
    json_decref(p);
    if (err < 0) {
        processor_workflow_free(w);
        return err;
    }
    *ret = w;
    return 0;
}

processor_workflow *processor_workflow_free(processor_workflow *w)
{
    if (w == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < w->n_params; i++) {
        free(w->params[i].name);
        free(w->params[i].text);
    }
    for (size_t i = 0; i < w->n_steps; i++) {
        free(w->steps[i].id);
    }
    free(w->steps);
    for (size_t i = 0; i < w->n_outputs; i++) {
        free(w->outputs[i].name);
        free(w->outputs[i].format);
    }
    free(w);
    return NULL;
}

bool processor_workflow_is_inline(const processor_workflow *w)
{
    for (size_t i = 0; i < w->n_steps; i++) {
        if (w->steps[i].module->isolation != PROCESSOR_INLINE) {
            return false;
        }
    }
    return true;
}
