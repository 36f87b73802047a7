#include "job_workflow_internal.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "job_op.h"

#define NAME_MAX_CHARS 256
#define DESCRIPTION_MAX_CHARS 2000
#define LIMIT_DEFAULT_S 1800
#define LIMIT_MIN_S 10
#define LIMIT_MAX_S 86400
#define SCHEMA_DIALECT "https://json-schema.org/draft/2020-12/schema"

static const char *const top_keys[] = {"slug",          "name",   "description", "pool",
                                       "limitSeconds",  "inputs", "constraints", "modules",
                                       "deterministic", "outputs"};
static const char *const input_keys[] = {"type",    "required",  "enum",      "minimum",
                                         "maximum", "minLength", "maxLength", "description"};

static bool slug_part(const char *s, size_t len)
{
    if (len < 1 || len > 63) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!islower((unsigned char)s[i]) && !isdigit((unsigned char)s[i]) && s[i] != '-') {
            return false;
        }
    }
    return true;
}

bool job_slug_valid(const char *slug)
{
    const char *slash = strchr(slug, '/');
    if (slash == NULL) {
        return slug_part(slug, strlen(slug));
    }
    return slug_part(slug, (size_t)(slash - slug)) && slug_part(slash + 1, strlen(slash + 1));
}

bool job_output_name_valid(const char *name)
{
    size_t len = strlen(name);
    if (len < 1 || len > 64 || !isalnum((unsigned char)name[0]) || !isascii(name[0])) {
        return false;
    }
    for (size_t i = 1; i < len; i++) {
        if (!isascii(name[i]) ||
            (!isalnum((unsigned char)name[i]) && strchr(" _-", name[i]) == NULL)) {
            return false;
        }
    }
    return true;
}

int job_workflow_known_keys(json_t *object, const char *const *known, size_t n, const char *where,
                            rf_buf *error)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        bool found = false;
        for (size_t i = 0; i < n; i++) {
            found = found || strcmp(key, known[i]) == 0;
        }
        if (!found) {
            rf_buf_printf(error, "%s: unknown key '%s'", where, key);
            return -EBADMSG;
        }
    }
    return 0;
}

static int refuse(rf_buf *error, const char *key, const char *rule)
{
    rf_buf_printf(error, "key '%s' %s", key, rule);
    return -EBADMSG;
}

static int check_names(job_workflow *w, rf_buf *error)
{
    w->slug = json_string_value(json_object_get(w->root, "slug"));
    w->name = json_string_value(json_object_get(w->root, "name"));
    w->description = json_string_value(json_object_get(w->root, "description"));
    if (w->slug == NULL || !job_slug_valid(w->slug)) {
        return refuse(error, "slug", "must be [a-z0-9-]{1,63}, or two such parts with one '/'");
    }
    if (w->name == NULL || w->name[0] == '\0' || strlen(w->name) > NAME_MAX_CHARS) {
        return refuse(error, "name", "must be a string of 1 to 256 bytes");
    }
    if (w->description == NULL || strlen(w->description) > DESCRIPTION_MAX_CHARS) {
        return refuse(error, "description", "must be a string of at most 2000 bytes");
    }
    return 0;
}

static int check_execution(job_workflow *w, rf_buf *error)
{
    json_t *limit = json_object_get(w->root, "limitSeconds");
    json_t *deterministic = json_object_get(w->root, "deterministic");
    const char *pool = json_string_value(json_object_get(w->root, "pool"));
    if (pool == NULL || job_pool_parse(pool, &w->pool) < 0) {
        return refuse(error, "pool", "must be cpu, gpu, t2v or jam");
    }
    if (limit != NULL && (!json_is_integer(limit) || json_integer_value(limit) < LIMIT_MIN_S ||
                          json_integer_value(limit) > LIMIT_MAX_S)) {
        return refuse(error, "limitSeconds", "must be an integer from 10 to 86400");
    }
    if (deterministic != NULL && !json_is_boolean(deterministic)) {
        return refuse(error, "deterministic", "must be true or false");
    }
    w->deterministic = json_is_true(deterministic);
    w->limit_s = limit == NULL ? LIMIT_DEFAULT_S : (uint32_t)json_integer_value(limit);
    return 0;
}

job_port_type job_workflow_input_type(json_t *input)
{
    job_port_type type = JOB_PORT_STRING;
    (void)job_port_type_parse(json_string_value(json_object_get(input, "type")), &type);
    return type;
}

static int check_range(json_t *input, const char *low, const char *high, const char *name,
                       rf_buf *error)
{
    json_t *min = json_object_get(input, low);
    json_t *max = json_object_get(input, high);
    if ((min != NULL && !json_is_number(min)) || (max != NULL && !json_is_number(max)) ||
        (min != NULL && max != NULL && json_number_value(min) > json_number_value(max))) {
        rf_buf_printf(error, "input '%s': %s and %s must be numbers in order", name, low, high);
        return -EBADMSG;
    }
    return 0;
}

static int check_input(const char *name, json_t *input, rf_buf *error)
{
    RF_CLEANUP(rf_cleanup_free) char *where = rf_asprintf("input '%s'", name);
    job_port_type type;
    if (!json_is_object(input)) {
        return refuse(error, where, "must be an object");
    }
    int err = job_workflow_known_keys(input, input_keys, RF_ARRAY_LEN(input_keys), where, error);
    if (err < 0) {
        return err;
    }
    if (job_port_type_parse(json_string_value(json_object_get(input, "type")), &type) < 0 ||
        type > JOB_PORT_BOOLEAN) {
        rf_buf_printf(error, "%s: type must be url, string, integer, number or boolean", where);
        return -EBADMSG;
    }
    json_t *required = json_object_get(input, "required");
    json_t *values = json_object_get(input, "enum");
    if ((required != NULL && !json_is_boolean(required)) ||
        (values != NULL && json_array_size(values) == 0)) {
        rf_buf_printf(error, "%s: required must be a boolean, enum an array with values", where);
        return -EBADMSG;
    }
    err = check_range(input, "minimum", "maximum", name, error);
    return err < 0 ? err : check_range(input, "minLength", "maxLength", name, error);
}

static int check_inputs(job_workflow *w, rf_buf *error)
{
    const char *name;
    json_t *input;
    w->inputs = json_object_get(w->root, "inputs");
    if (!json_is_object(w->inputs) || json_object_size(w->inputs) > JOB_INPUTS_MAX) {
        return refuse(error, "inputs", "must be an object of at most 32 inputs");
    }
    json_object_foreach(w->inputs, name, input)
    {
        int err = check_input(name, input, error);
        if (err < 0) {
            return err;
        }
    }
    return 0;
}

static int names_inputs(const job_workflow *w, json_t *object, rf_buf *error)
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        if (json_object_get(w->inputs, name) == NULL) {
            rf_buf_printf(error, "key 'constraints' names the unknown input '%s'", name);
            return -EBADMSG;
        }
    }
    return 0;
}

static int check_constraints(job_workflow *w, rf_buf *error)
{
    w->constraints = json_object_get(w->root, "constraints");
    if (w->constraints != NULL && !json_is_array(w->constraints)) {
        return refuse(error, "constraints", "must be an array");
    }
    for (size_t i = 0; i < json_array_size(w->constraints); i++) {
        json_t *constraint = json_array_get(w->constraints, i);
        json_t *when = json_object_get(constraint, "when");
        json_t *inputs = json_object_get(constraint, "inputs");
        if (!json_is_object(when) || !json_is_object(inputs)) {
            return refuse(error, "constraints", "must hold objects with 'when' and 'inputs'");
        }
        if (names_inputs(w, when, error) < 0 || names_inputs(w, inputs, error) < 0) {
            return -EBADMSG;
        }
    }
    return 0;
}

int job_workflow_validate(job_workflow *w, const job_catalogue *modules, bool need_file,
                          rf_buf *error)
{
    if (!json_is_object(w->root)) {
        rf_buf_append_str(error, "the document is not an object");
        return -EBADMSG;
    }
    int err = job_workflow_known_keys(w->root, top_keys, RF_ARRAY_LEN(top_keys), "document", error);
    err = err == 0 ? check_names(w, error) : err;
    err = err == 0 ? check_execution(w, error) : err;
    err = err == 0 ? check_inputs(w, error) : err;
    err = err == 0 ? check_constraints(w, error) : err;
    return err == 0 ? job_workflow_graph_check(w, modules, need_file, error) : err;
}

/* ---- what clients see ---- */

static json_t *schema_of(json_t *input)
{
    json_t *schema = json_deep_copy(input);
    json_object_del(schema, "required");
    if (job_workflow_input_type(input) == JOB_PORT_URL) {
        json_object_set_new(schema, "type", json_string("string"));
        json_object_set_new(schema, "format", json_string("uri"));
    }
    return schema;
}

static char *make_inputs_json(const job_workflow *w)
{
    const char *name;
    json_t *input;
    json_t *properties = json_object();
    json_t *required = json_array();
    json_object_foreach(w->inputs, name, input)
    {
        json_object_set_new(properties, name, schema_of(input));
        if (json_is_true(json_object_get(input, "required"))) {
            json_array_append_new(required, json_string(name));
        }
    }
    json_t *schema = json_pack("{s:s, s:s, s:o, s:o}", "$schema", SCHEMA_DIALECT, "type", "object",
                               "properties", properties, "required", required);
    char *text = json_dumps(schema, JSON_COMPACT);
    json_decref(schema);
    return text;
}

static const char *content_schema(const job_workflow *w, const char *name)
{
    const char *other;
    json_t *output;
    size_t i = 0;
    json_object_foreach(w->outputs, other, output)
    {
        if (strcmp(other, name) == 0) {
            return w->schemas[i];
        }
        i++;
    }
    return NULL;
}

/* A schema of the job's result: every value is a string, a URL or "[custom storage]" for a file.
 * "name" and "format" are what the document says; contentSchema is for what a JSON file holds. */
static json_t *output_schema(const job_workflow *w, const char *name, json_t *output)
{
    const char *format = json_string_value(json_object_get(output, "format"));
    const char *content = content_schema(w, name);
    json_t *schema = json_pack("{s:s, s:s, s:s}", "name", name, "type", "string", "format", format);
    if (strcmp(format, "json") == 0) {
        json_object_set_new(schema, "contentMediaType", json_string("application/json"));
    }
    if (content != NULL) {
        json_object_set_new(schema, "contentSchema", json_loads(content, JSON_DECODE_ANY, NULL));
    }
    return schema;
}

static char *make_outputs_json(const job_workflow *w)
{
    const char *name;
    json_t *output;
    json_t *properties = json_object();
    json_t *required = json_array();
    json_object_foreach(w->outputs, name, output)
    {
        json_object_set_new(properties, name, output_schema(w, name, output));
        json_array_append_new(required, json_string(name));
    }
    json_t *schema = json_pack("{s:s, s:s, s:o, s:o}", "$schema", SCHEMA_DIALECT, "type", "object",
                               "properties", properties, "required", required);
    char *text = json_dumps(schema, JSON_COMPACT);
    json_decref(schema);
    return text;
}

int job_workflow_parse(const char *text, size_t len, const job_catalogue *modules, bool need_file,
                       rf_buf *error, job_workflow **ret)
{
    if (len > JOB_DOCUMENT_MAX) {
        rf_buf_append_str(error, "the document is larger than 65536 bytes");
        return -EBADMSG;
    }
    json_error_t where;
    job_workflow *w = RF_NEW(job_workflow);
    w->root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
    if (w->root == NULL) {
        rf_buf_printf(error, "line %d: %s", where.line, where.text);
        job_workflow_free(w);
        return -EBADMSG;
    }
    int err = job_workflow_validate(w, modules, need_file, error);
    if (err < 0) {
        job_workflow_free(w);
        return err;
    }
    w->document = json_dumps(w->root, JSON_COMPACT);
    w->inputs_json = make_inputs_json(w);
    w->outputs_json = make_outputs_json(w);
    *ret = w;
    return 0;
}

job_workflow *job_workflow_free(job_workflow *w)
{
    if (w != NULL) {
        json_decref(w->root);
        free(w->engine);
        free(w->document);
        free(w->inputs_json);
        free(w->outputs_json);
        free(w);
    }
    return NULL;
}

const char *job_workflow_slug(const job_workflow *w)
{
    return w->slug;
}

const char *job_workflow_name(const job_workflow *w)
{
    return w->name;
}

const char *job_workflow_description(const job_workflow *w)
{
    return w->description;
}

job_pool job_workflow_pool(const job_workflow *w)
{
    return w->pool;
}

uint32_t job_workflow_limit_s(const job_workflow *w)
{
    return w->limit_s;
}

bool job_workflow_deterministic(const job_workflow *w)
{
    return w->deterministic;
}

const char *job_workflow_engine(const job_workflow *w)
{
    return w->engine;
}

const char *job_workflow_document(const job_workflow *w)
{
    return w->document;
}

const char *job_workflow_inputs_json(const job_workflow *w)
{
    return w->inputs_json;
}

const char *job_workflow_outputs_json(const job_workflow *w)
{
    return w->outputs_json;
}

bool job_workflow_has_output(const job_workflow *w, const char *name)
{
    return json_object_get(w->outputs, name) != NULL;
}

job_workflow_row *job_workflow_row_of(job_workflow *w)
{
    return &w->row;
}
