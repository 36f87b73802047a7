#include "gateway_openapi.h"

#include "gateway_error.h"
#include "gateway_routes.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define WORD_MAX 48

static json_t *ref(const char *kind, const char *name)
{
    char path[128];
    snprintf(path, sizeof(path), "#/components/%s/%s", kind, name);
    return json_pack("{s:s}", "$ref", path);
}

/* Calls add(target, word) for each word of a comma list; NULL is an empty one. */
static void each_word(const char *list, void (*add)(json_t *target, const char *word),
                      json_t *target)
{
    for (const char *p = list; p != NULL && *p != '\0';) {
        char word[WORD_MAX];
        size_t len = strcspn(p, ",");
        snprintf(word, sizeof(word), "%.*s", (int)len, p);
        add(target, word);
        p += len + (p[len] == ',');
    }
}

static void add_parameter(json_t *list, const char *name)
{
    json_array_append_new(list, ref("parameters", name));
}

static json_t *parameters(const gateway_route *r)
{
    json_t *list = json_array();
    if (strstr(r->path, "{id}") != NULL) {
        add_parameter(list, "id");
    }
    if (strstr(r->path, "{session}") != NULL) {
        add_parameter(list, "session");
    }
    if (strstr(r->path, "{recording}") != NULL) {
        add_parameter(list, "recording");
    }
    if (strstr(r->path, "{name}") != NULL) {
        add_parameter(list, "name");
    }
    each_word(r->query, add_parameter, list);
    return list;
}

static json_t *content(const char *schema)
{
    if (schema[0] == '\0') {
        return json_pack("{s:{}}", "application/octet-stream");
    }
    if (strchr(schema, '/') != NULL) {
        return json_pack("{s:{s:{s:s}}}", schema, "schema", "type", "string");
    }
    return json_pack("{s:{s:o}}", "application/json", "schema", ref("schemas", schema));
}

/* word: a status, and behind a colon the schema of its body, "" for none; otherwise the body is
 * one of schema. */
static void add_response(json_t *responses, const char *word, const char *schema)
{
    int64_t number = 0;
    char status[WORD_MAX];
    const char *colon = strchr(word, ':');
    rf_copy_str(status, sizeof(status), word);
    status[strcspn(status, ":")] = '\0';
    if (rf_parse_i64(status, &number) < 0) {
        return;
    }
    json_t *response = json_pack("{s:s}", "description", gateway_reason((int)number));
    if (colon == NULL || colon[1] != '\0') {
        json_object_set_new(response, "content", content(colon != NULL ? colon + 1 : schema));
    }
    json_object_set_new(responses, status, response);
}

static void add_error(json_t *responses, const char *word)
{
    add_response(responses, word, "Error");
}

static json_t *responses_of(const gateway_route *r)
{
    json_t *responses = json_object();
    if (r->auth == GATEWAY_AUTH_SOCKET) {
        json_object_set_new(responses, "101",
                            json_pack("{s:s}", "description", gateway_reason(101)));
    } else {
        add_response(responses, strchr(r->answer, ':') != NULL ? r->answer : "200", r->answer);
    }
    if (r->query != NULL && strstr(r->query, "range") != NULL) {
        json_object_set_new(
            responses, "206",
            json_pack("{s:s,s:o}", "description", gateway_reason(206), "content", content("")));
    }
    each_word(r->errors, add_error, responses);
    return responses;
}

/* "get" and the handler's place, with what is done there: unique for each operation. */
static void operation_id(const gateway_route *r, const char *method, char out[128])
{
    size_t n = (size_t)snprintf(out, 128, "%s", method);
    for (const char *p = r->path; *p != '\0' && n < 127; p++) {
        bool word = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z');
        bool between = *p == '/' || *p == ':';
        if (word || (between && n > 0 && out[n - 1] != '_')) {
            out[n++] = word ? *p : '_';
        }
    }
    out[n] = '\0';
}

static const char *method_key(gateway_method method)
{
    switch (method) {
    case GATEWAY_POST:
        return "post";
    case GATEWAY_PUT:
        return "put";
    case GATEWAY_DELETE:
        return "delete";
    default:
        return "get";
    }
}

static json_t *operation(const gateway_route *r)
{
    char id[128];
    operation_id(r, method_key(r->method), id);
    json_t *op = json_pack("{s:s,s:s,s:o,s:o}", "operationId", id, "summary", r->summary,
                           "parameters", parameters(r), "responses", responses_of(r));
    if (r->rpc != NULL) {
        json_object_set_new(op, "x-rpc", json_string(r->rpc));
    }
    if (r->request != NULL) {
        json_object_set_new(op, "requestBody",
                            json_pack("{s:b,s:o}", "required", 1, "content", content(r->request)));
    }
    if (r->auth == GATEWAY_AUTH_KEY || r->auth == GATEWAY_AUTH_SOCKET) {
        json_object_set_new(op, "security", json_pack("[{s:[]},{s:[]}]", "key", "bearer"));
    }
    return op;
}

static json_t *path_item(json_t *paths, const gateway_route *r)
{
    json_t *item = json_object_get(paths, r->path);
    if (item == NULL) {
        item = json_object();
        json_object_set_new(paths, r->path, item);
        if (!r->prefixed) {
            json_object_set_new(item, "servers", json_pack("[{s:s}]", "url", "/"));
        }
    }
    return item;
}

static json_t *paths_of_routes(void)
{
    json_t *paths = json_object();
    for (size_t i = 0; i < gateway_n_routes; i++) {
        const gateway_route *r = &gateway_routes[i];
        json_object_set_new(path_item(paths, r), method_key(r->method), operation(r));
    }
    return paths;
}

static json_t *security_schemes(void)
{
    return json_pack("{s:{s:s,s:s,s:s},s:{s:s,s:s}}", "key", "type", "apiKey", "in", "header",
                     "name", "Authorization", "bearer", "type", "http", "scheme", "bearer");
}

static json_t *schemas_of_parts(void)
{
    json_t *schemas = json_object();
    for (size_t i = 0; i < gateway_n_openapi_schemas; i++) {
        const gateway_openapi_schema *s = &gateway_openapi_schemas[i];
        json_object_set_new(schemas, s->name, json_loads(s->json, 0, NULL));
    }
    return schemas;
}

static json_t *parameter(const gateway_openapi_parameter *p)
{
    bool in_path = strcmp(p->in, "path") == 0;
    bool is_signature = strcmp(p->in, "signature") == 0;
    json_t *json = json_pack("{s:s,s:s,s:o}", "name", p->name, "in", is_signature ? "query" : p->in,
                             "schema", json_loads(p->schema, 0, NULL));
    if (in_path || is_signature) {
        json_object_set_new(json, "required", json_true());
    }
    return json;
}

static json_t *parameters_of_parts(void)
{
    json_t *params = json_object();
    for (size_t i = 0; i < gateway_n_openapi_parameters; i++) {
        const gateway_openapi_parameter *p = &gateway_openapi_parameters[i];
        json_object_set_new(params, p->key, parameter(p));
    }
    return params;
}

char *gateway_openapi_make(const char *base, size_t *ret_len)
{
    char v1[512];
    char api[512];
    snprintf(v1, sizeof(v1), "%s/v1", base);
    snprintf(api, sizeof(api), "%s/api", base);
    json_t *root = json_pack("{s:s,s:{s:s,s:s,s:s},s:[{s:s},{s:s}],s:o,s:{s:o,s:o,s:o}}", "openapi",
                             "3.1.0", "info", "title", "reflection", "version", "1", "description",
                             "Jobs over audio files, music played live, and recordings", "servers",
                             "url", v1, "url", api, "paths", paths_of_routes(), "components",
                             "schemas", schemas_of_parts(), "parameters", parameters_of_parts(),
                             "securitySchemes", security_schemes());
    char *text = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    *ret_len = text != NULL ? strlen(text) : 0;
    return text;
}
