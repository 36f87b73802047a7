/*
 * The graph of a workflow: modules known, links resolve, types match, no cycle, required ports fed,
 * outputs of a format that their port can have.
 */
#include "job_workflow_internal.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

static const char *const module_keys[] = {"id", "use", "in"};
static const char *const output_keys[] = {"from", "format"};

typedef struct graph {
    job_workflow *w;
    const job_catalogue *catalogue;
    const job_module *use[JOB_MODULES_MAX];
    const char *ids[JOB_MODULES_MAX];
    bool feeds[JOB_MODULES_MAX][JOB_MODULES_MAX]; /* [from][to] */
    size_t n;
    rf_buf *error;
} graph;

#define REFUSE(g, ...) (rf_buf_printf((g)->error, __VA_ARGS__), -EBADMSG)

static bool module_id_valid(const char *id)
{
    size_t len = id == NULL ? 0 : strlen(id);
    for (size_t i = 0; i < len; i++) {
        if (!isascii(id[i]) || (!isalnum((unsigned char)id[i]) && id[i] != '_' && id[i] != '-')) {
            return false;
        }
    }
    return len >= 1 && len <= 32;
}

static int find_id(const graph *g, const char *id, size_t len)
{
    for (size_t i = 0; i < g->n; i++) {
        if (strlen(g->ids[i]) == len && strncmp(g->ids[i], id, len) == 0) {
            return (int)i;
        }
    }
    return -ENOENT;
}

static int load_modules(graph *g)
{
    json_t *modules = json_object_get(g->w->root, "modules");
    size_t n = json_array_size(modules);
    if (n < 1 || n > JOB_MODULES_MAX) {
        return REFUSE(g, "key 'modules' must be an array of 1 to 64 modules");
    }
    g->w->modules = modules;
    for (size_t i = 0; i < n; i++) {
        json_t *module = json_array_get(modules, i);
        const char *id = json_string_value(json_object_get(module, "id"));
        const char *use = json_string_value(json_object_get(module, "use"));
        if (!module_id_valid(id) || find_id(g, id, strlen(id)) >= 0) {
            return REFUSE(g, "module number %zu: id must be unique, [A-Za-z0-9_-]{1,32}", i + 1);
        }
        RF_CLEANUP(rf_cleanup_free) char *where = rf_asprintf("module '%s'", id);
        if (job_workflow_known_keys(module, module_keys, RF_ARRAY_LEN(module_keys), where,
                                    g->error) < 0) {
            return -EBADMSG;
        }
        g->use[i] = job_catalogue_find(g->catalogue, use);
        if (g->use[i] == NULL) {
            return REFUSE(g, "module '%s': unknown module '%s'", id, use == NULL ? "" : use);
        }
        g->ids[i] = id;
        g->n++;
    }
    return 0;
}

/* Resolves "ID.PORT" to an output port; *ret_module is its module. NULL when there is none. */
static const job_port *resolve(const graph *g, const char *link, size_t *ret_module)
{
    const char *dot = link == NULL ? NULL : strchr(link, '.');
    int at = dot == NULL ? -ENOENT : find_id(g, link, (size_t)(dot - link));
    if (at < 0) {
        return NULL;
    }
    *ret_module = (size_t)at;
    return job_module_port(g->use[at]->out, g->use[at]->n_out, dot + 1);
}

static int check_parameter_link(const graph *g, size_t to, const job_port *port, const char *name)
{
    json_t *input = json_object_get(g->w->inputs, name);
    if (input == NULL) {
        return REFUSE(g, "module '%s', port '%s': no input '%s'", g->ids[to], port->name, name);
    }
    job_port_type type = job_workflow_input_type(input);
    if (!job_port_takes(port->type, type)) {
        return REFUSE(g, "module '%s', port '%s' takes %s, input '%s' is %s", g->ids[to],
                      port->name, job_port_type_name(port->type), name, job_port_type_name(type));
    }
    if (port->required && !json_is_true(json_object_get(input, "required"))) {
        return REFUSE(g, "module '%s', port '%s' is required, input '%s' is not", g->ids[to],
                      port->name, name);
    }
    return 0;
}

static int check_module_link(graph *g, size_t to, const job_port *port, const char *link)
{
    size_t from = 0;
    const job_port *source = resolve(g, link, &from);
    if (source == NULL) {
        return REFUSE(g, "module '%s', port '%s': nothing is called '%s'", g->ids[to], port->name,
                      link);
    }
    if (!job_port_takes(port->type, source->type)) {
        return REFUSE(g, "module '%s', port '%s' takes %s, '%s' is %s", g->ids[to], port->name,
                      job_port_type_name(port->type), link, job_port_type_name(source->type));
    }
    g->feeds[from][to] = true;
    return 0;
}

static int check_link(graph *g, size_t to, const char *port_name, json_t *value)
{
    const job_module *use = g->use[to];
    const job_port *port = job_module_port(use->in, use->n_in, port_name);
    const char *link = json_string_value(value);
    if (port == NULL) {
        return REFUSE(g, "module '%s': '%s' has no input port '%s'", g->ids[to], use->name,
                      port_name);
    }
    if (link == NULL) {
        return REFUSE(g, "module '%s', port '%s' must be a string", g->ids[to], port_name);
    }
    return link[0] == '$' ? check_parameter_link(g, to, port, link + 1)
                          : check_module_link(g, to, port, link);
}

static int check_module(graph *g, size_t at)
{
    json_t *in = json_object_get(json_array_get(g->w->modules, at), "in");
    const char *name;
    json_t *value;
    if (in != NULL && !json_is_object(in)) {
        return REFUSE(g, "module '%s': key 'in' must be an object", g->ids[at]);
    }
    json_object_foreach(in, name, value)
    {
        int err = check_link(g, at, name, value);
        if (err < 0) {
            return err;
        }
    }
    for (size_t i = 0; i < g->use[at]->n_in; i++) {
        const job_port *port = &g->use[at]->in[i];
        if (port->required && json_object_get(in, port->name) == NULL) {
            return REFUSE(g, "module '%s': required port '%s' is not fed", g->ids[at], port->name);
        }
    }
    return 0;
}

static bool has_open_source(const graph *g, const bool *done, size_t to)
{
    for (size_t from = 0; from < g->n; from++) {
        if (g->feeds[from][to] && !done[from]) {
            return true;
        }
    }
    return false;
}

/* Kahn's algorithm: what never becomes free of open sources stands in a cycle. */
static int check_cycles(const graph *g)
{
    bool done[JOB_MODULES_MAX] = {false};
    size_t n_done = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t i = 0; i < g->n; i++) {
            if (!done[i] && !has_open_source(g, done, i)) {
                done[i] = moved = true;
                n_done++;
            }
        }
    }
    return n_done == g->n ? 0 : REFUSE(g, "key 'modules': the links form a cycle");
}

static bool extension_valid(const char *s)
{
    size_t len = s == NULL ? 0 : strlen(s);
    for (size_t i = 0; i < len; i++) {
        if (!islower((unsigned char)s[i]) && !isdigit((unsigned char)s[i])) {
            return false;
        }
    }
    return len >= 1 && len <= 5;
}

/* "$NAME": the parameter's value is the extension, so it must be a required one of known values. */
static bool parameter_extension(const graph *g, const char *name)
{
    json_t *input = json_object_get(g->w->inputs, name);
    json_t *values = json_object_get(input, "enum");
    for (size_t i = 0; i < json_array_size(values); i++) {
        if (!extension_valid(json_string_value(json_array_get(values, i)))) {
            return false;
        }
    }
    return json_array_size(values) > 0 && json_is_true(json_object_get(input, "required"));
}

static bool format_fits(const graph *g, job_port_type type, const char *format)
{
    switch (type) {
    case JOB_PORT_STRING:
    case JOB_PORT_JSON:
    case JOB_PORT_WAV:
        return strcmp(format, job_port_type_name(type)) == 0;
    case JOB_PORT_FILE:
        return strcmp(format, "auto") == 0 ||
               (format[0] == '$' && parameter_extension(g, format + 1));
    default:
        return false;
    }
}

static int check_output(const graph *g, const char *name, json_t *output, bool *has_file,
                        const char **ret_schema)
{
    const char *from = json_string_value(json_object_get(output, "from"));
    const char *format = json_string_value(json_object_get(output, "format"));
    if (!job_output_name_valid(name)) {
        return REFUSE(g, "output '%s': name must be [A-Za-z0-9][A-Za-z0-9 _-]{0,63}", name);
    }
    RF_CLEANUP(rf_cleanup_free) char *where = rf_asprintf("output '%s'", name);
    if (job_workflow_known_keys(output, output_keys, RF_ARRAY_LEN(output_keys), where, g->error) <
        0) {
        return -EBADMSG;
    }
    size_t module = 0;
    const job_port *port = resolve(g, from, &module);
    if (port == NULL) {
        return REFUSE(g, "output '%s': nothing is called '%s'", name, from == NULL ? "" : from);
    }
    if (format == NULL || !format_fits(g, port->type, format)) {
        return REFUSE(g, "output '%s': a port of type %s cannot have format '%s'", name,
                      job_port_type_name(port->type), format == NULL ? "" : format);
    }
    *has_file = *has_file || port->type != JOB_PORT_STRING;
    *ret_schema = port->schema;
    return 0;
}

static int check_unique(const graph *g, const char *name)
{
    const char *other;
    json_t *value;
    json_object_foreach(g->w->outputs, other, value)
    {
        if (other != name && strcmp(other, name) != 0 && strcasecmp(other, name) == 0) {
            return REFUSE(g, "output '%s': there is one that differs in case only", name);
        }
    }
    return 0;
}

static int check_outputs(graph *g, bool need_file)
{
    const char *name;
    json_t *output;
    bool has_file = false;
    size_t i = 0;
    g->w->outputs = json_object_get(g->w->root, "outputs");
    size_t n = json_object_size(g->w->outputs);
    if (n < 1 || n > JOB_OUTPUTS_MAX) {
        return REFUSE(g, "key 'outputs' must be an object of 1 to 32 outputs");
    }
    json_object_foreach(g->w->outputs, name, output)
    {
        if (check_output(g, name, output, &has_file, &g->w->schemas[i++]) < 0 ||
            check_unique(g, name) < 0) {
            return -EBADMSG;
        }
    }
    return has_file || !need_file ? 0 : REFUSE(g, "key 'outputs': at least one must be a file");
}

static char *make_engine(const graph *g)
{
    rf_buf text;
    rf_buf_init(&text, JOB_DOCUMENT_MAX);
    for (size_t i = 0; i < g->n; i++) {
        rf_buf_printf(&text, "%s@%lld ", g->use[i]->name, (long long)g->use[i]->version);
    }
    char *copy = rf_strdup(rf_buf_str(&text));
    rf_buf_done(&text);
    return copy;
}

int job_workflow_graph_check(job_workflow *w, const job_catalogue *modules, bool need_file,
                             rf_buf *error)
{
    graph *g = RF_NEW(graph);
    *g = (graph){.w = w, .catalogue = modules, .error = error};
    int err = load_modules(g);
    for (size_t i = 0; i < g->n && err == 0; i++) {
        err = check_module(g, i);
    }
    err = err == 0 ? check_cycles(g) : err;
    err = err == 0 ? check_outputs(g, need_file) : err;
    if (err == 0) {
        w->engine = make_engine(g);
    }
    free(g);
    return err;
}
