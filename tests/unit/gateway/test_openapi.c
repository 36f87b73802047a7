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

Test(openapi, has_every_route)
{
    json_t *root = document();
    cr_expect_str_eq(json_string_value(json_object_get(root, "openapi")), "3.1.0");
    for (size_t i = 0; i < gateway_n_routes; i++) {
        json_t *op = operation(root, &gateway_routes[i]);
        cr_expect_not_null(op, "%s", gateway_routes[i].path);
        bool socket = gateway_routes[i].auth == GATEWAY_AUTH_SOCKET;
        json_t *responses = json_object_get(op, "responses");
        cr_expect_not_null(json_object_get(responses, socket ? "101" : "200"), "%s",
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
        free(text);
    }
    json_decref(root);
}
