#include "job_catalogue.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "rf_file.h"

#define FILE_MAX (256u << 10)

struct job_catalogue {
    job_module *modules;
    size_t n_modules;
};

static const char *const type_names[JOB_N_PORT_TYPES] = {
    "url", "string", "integer", "number", "boolean", "audio", "features", "json", "wav", "file",
};

const char *job_port_type_name(job_port_type type)
{
    return type_names[type];
}

int job_port_type_parse(const char *name, job_port_type *ret)
{
    for (size_t i = 0; name != NULL && i < JOB_N_PORT_TYPES; i++) {
        if (strcmp(name, type_names[i]) == 0) {
            *ret = (job_port_type)i;
            return 0;
        }
    }
    return -EINVAL;
}

bool job_port_takes(job_port_type to, job_port_type from)
{
    return to == from ||
           (to == JOB_PORT_STRING && (from == JOB_PORT_INTEGER || from == JOB_PORT_NUMBER));
}

static void free_ports(job_port *ports, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(ports[i].name);
        free(ports[i].schema);
    }
    free(ports);
}

job_catalogue *job_catalogue_free(job_catalogue *c)
{
    if (c != NULL) {
        for (size_t i = 0; i < c->n_modules; i++) {
            free(c->modules[i].name);
            free_ports(c->modules[i].in, c->modules[i].n_in);
            free_ports(c->modules[i].out, c->modules[i].n_out);
        }
        free(c->modules);
        free(c);
    }
    return NULL;
}

static int load_ports(json_t *object, const char *module, job_port **ret, size_t *ret_n,
                      rf_buf *error)
{
    const char *name;
    json_t *port;
    *ret = RF_NEW_ARRAY(job_port, json_object_size(object) + 1);
    json_object_foreach(object, name, port)
    {
        job_port *p = &(*ret)[*ret_n];
        if (job_port_type_parse(json_string_value(json_object_get(port, "type")), &p->type) < 0) {
            rf_buf_printf(error, "module '%s', port '%s': type is missing or unknown", module,
                          name);
            return -EBADMSG;
        }
        p->name = rf_strdup(name);
        p->required = json_is_true(json_object_get(port, "required"));
        (*ret_n)++;
    }
    return 0;
}

static int load_module(json_t *item, job_module *m, rf_buf *error)
{
    const char *name = json_string_value(json_object_get(item, "name"));
    if (name == NULL) {
        rf_buf_append_str(error, "a module has no name");
        return -EBADMSG;
    }
    m->name = rf_strdup(name);
    m->version = json_integer_value(json_object_get(item, "version"));
    int err = load_ports(json_object_get(item, "in"), name, &m->in, &m->n_in, error);
    return err < 0 ? err
                   : load_ports(json_object_get(item, "out"), name, &m->out, &m->n_out, error);
}

static void add_schemas(json_t *schemas, job_module *m)
{
    for (size_t i = 0; i < m->n_out; i++) {
        RF_CLEANUP(rf_cleanup_free) char *name = rf_asprintf("%s.%s", m->name, m->out[i].name);
        m->out[i].schema = json_dumps(json_object_get(schemas, name), JSON_COMPACT);
    }
}

static int load_modules(json_t *root, job_catalogue *c, rf_buf *error)
{
    json_t *modules = json_object_get(root, "modules");
    if (!json_is_array(modules)) {
        rf_buf_append_str(error, "key 'modules' is not an array");
        return -EBADMSG;
    }
    c->modules = RF_NEW_ARRAY(job_module, json_array_size(modules) + 1);
    int err = 0;
    for (size_t i = 0; i < json_array_size(modules) && err == 0; i++) {
        c->n_modules++;
        err = load_module(json_array_get(modules, i), &c->modules[i], error);
        add_schemas(json_object_get(root, "schemas"), &c->modules[i]);
    }
    return err;
}

static int parse(const char *text, job_catalogue *c, rf_buf *error)
{
    json_error_t where;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &where);
    if (root == NULL) {
        rf_buf_printf(error, "line %d: %s", where.line, where.text);
        return -EBADMSG;
    }
    int err = load_modules(root, c, error);
    json_decref(root);
    return err;
}

int job_catalogue_load(const char *path, rf_buf *error, job_catalogue **ret)
{
    rf_buf text;
    rf_buf_init(&text, FILE_MAX);
    job_catalogue *c = RF_NEW(job_catalogue);
    rf_buf_printf(error, "%s: ", path);
    int err = rf_file_read(path, &text);
    if (err < 0) {
        rf_buf_append_str(error, strerror(-err));
    } else {
        err = parse(rf_buf_str(&text), c, error);
    }
    rf_buf_done(&text);
    if (err < 0) {
        job_catalogue_free(c);
        return err;
    }
    rf_buf_clear(error);
    *ret = c;
    return 0;
}

const job_module *job_catalogue_find(const job_catalogue *c, const char *name)
{
    for (size_t i = 0; name != NULL && i < c->n_modules; i++) {
        if (strcmp(c->modules[i].name, name) == 0) {
            return &c->modules[i];
        }
    }
    return NULL;
}

const job_port *job_module_port(const job_port *ports, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(ports[i].name, name) == 0) {
            return &ports[i];
        }
    }
    return NULL;
}
