#include "gateway_openapi.h"
#include "gateway_routes.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static json_t *document(void)
{
    size_t len = 0;
    char *text = gateway_openapi_make("https://h:1", &len);
    cr_assert_not_null(text);
    cr_assert_eq(len, strlen(text));
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(root);
    free(text);
    return root;
}

static const char *method_key(gateway_method method)
{
    return method == GATEWAY_POST     ? "post"
           : method == GATEWAY_PUT    ? "put"
           : method == GATEWAY_DELETE ? "delete"
                                      : "get";
}

static json_t *operation(json_t *root, const gateway_route *r)
{
    json_t *item = json_object_get(json_object_get(root, "paths"), r->path);
    return json_object_get(item, method_key(r->method));
}

static const char *success_of(const gateway_route *r)
{
    static const char *const statuses[] = {"201", "204"};
    for (size_t i = 0; i < RF_ARRAY_LEN(statuses); i++) {
        if (strncmp(r->answer, statuses[i], 3) == 0) {
            return statuses[i];
        }
    }
    return r->auth == GATEWAY_AUTH_SOCKET ? "101" : "200";
}

Test(openapi, has_every_route)
{
    json_t *root = document();
    cr_expect_str_eq(json_string_value(json_object_get(root, "openapi")), "3.1.0");
    for (size_t i = 0; i < gateway_n_routes; i++) {
        json_t *op = operation(root, &gateway_routes[i]);
        cr_expect_not_null(op, "%s", gateway_routes[i].path);
        json_t *responses = json_object_get(op, "responses");
        cr_expect_not_null(json_object_get(responses, success_of(&gateway_routes[i])), "%s",
                           gateway_routes[i].path);
    }
    json_decref(root);
}

Test(openapi, operation_ids_are_unique)
{
    json_t *root = document();
    json_t *seen = json_object();
    for (size_t i = 0; i < gateway_n_routes; i++) {
        const char *id =
            json_string_value(json_object_get(operation(root, &gateway_routes[i]), "operationId"));
        cr_assert_not_null(id);
        cr_expect_null(json_object_get(seen, id), "%s twice", id);
        json_object_set_new(seen, id, json_true());
    }
    json_decref(seen);
    json_decref(root);
}

/* Every "$ref" must lead somewhere. */
static void check_refs(const json_t *root, json_t *value)
{
    const char *key;
    json_t *child;
    size_t i;
    json_object_foreach(value, key, child)
    {
        char section[64];
        char name[64];
        if (strcmp(key, "$ref") == 0) {
            cr_assert_eq(
                sscanf(json_string_value(child), "#/components/%63[^/]/%63s", section, name), 2);
            json_t *parts = json_object_get(json_object_get(root, "components"), section);
            cr_expect_not_null(json_object_get(parts, name), "%s", json_string_value(child));
        } else {
            check_refs(root, child);
        }
    }
    json_array_foreach(value, i, child)
    {
        check_refs(root, child);
    }
}

Test(openapi, references_resolve)
{
    json_t *root = document();
    check_refs(root, root);
    json_decref(root);
}

Test(openapi, path_parameters_are_declared)
{
    json_t *root = document();
    for (size_t i = 0; i < gateway_n_routes; i++) {
        json_t *op = operation(root, &gateway_routes[i]);
        char *text = json_dumps(json_object_get(op, "parameters"), 0);
        bool has_id = strstr(gateway_routes[i].path, "{id}") != NULL;
        cr_expect_eq(strstr(text, "parameters/id\"") != NULL, has_id, "%s", gateway_routes[i].path);
        bool has_session = strstr(gateway_routes[i].path, "{session}") != NULL;
        cr_expect_eq(strstr(text, "parameters/session\"") != NULL, has_session, "%s",
                     gateway_routes[i].path);
        bool has_recording = strstr(gateway_routes[i].path, "{recording}") != NULL;
        cr_expect_eq(strstr(text, "parameters/recording\"") != NULL, has_recording, "%s",
                     gateway_routes[i].path);
        free(text);
    }
    json_decref(root);
}

static json_t *schema_of(json_t *root, const char *name)
{
    return json_object_get(json_object_get(json_object_get(root, "components"), "schemas"), name);
}

static bool requires(json_t *schema, const char *name)
{
    json_t *word;
    size_t i;
    json_array_foreach(json_object_get(schema, "required"), i, word)
    {
        if (strcmp(json_string_value(word), name) == 0) {
            return json_object_get(json_object_get(schema, "properties"), name) != NULL;
        }
    }
    return false;
}

Test(openapi, a_bad_field_of_a_render_is_an_error_with_its_field_and_limit)
{
    static const char *const names[] = {"code", "title", "message", "field", "limit"};
    json_t *root = document();
    const char *ref = NULL;
    cr_assert_eq(json_unpack(json_object_get(root, "paths"), "{s:{s:{s:{s:{s:{s:{s:{s:s}}}}}}}}",
                             "/jam/render", "post", "responses", "422", "content",
                             "application/json", "schema", "$ref", &ref),
                 0);
    cr_expect_str_eq(ref, "#/components/schemas/FieldError");
    for (size_t i = 0; i < RF_ARRAY_LEN(names); i++) {
        cr_expect(requires(schema_of(root, "FieldError"), names[i]), "%s", names[i]);
    }
    json_decref(root);
}

Test(openapi, an_answer_says_its_own_status_and_has_no_content_where_there_is_none)
{
    json_t *root = document();
    json_t *paths = json_object_get(root, "paths");
    json_t *deleted = NULL;
    const char *ref = NULL;
    cr_assert_eq(json_unpack(paths, "{s:{s:{s:{s:o}}}}", "/recordings/{recording}", "delete",
                             "responses", "204", &deleted),
                 0);
    cr_expect_null(json_object_get(deleted, "content"));
    cr_assert_eq(json_unpack(paths, "{s:{s:{s:{s:{s:{s:{s:{s:s}}}}}}}}", "/recordings", "post",
                             "responses", "201", "content", "application/json", "schema", "$ref",
                             &ref),
                 0);
    cr_expect_str_eq(ref, "#/components/schemas/RecordingBrief");
    json_decref(root);
}
