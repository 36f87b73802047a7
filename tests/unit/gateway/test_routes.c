#include "gateway_routes.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ID "0b6f3c1e-1111-4222-8333-444455556666"

typedef struct found {
    const gateway_route *route;
    unsigned methods;
    int prefixed;
    char id[RF_UUID_LEN];
    char name[GATEWAY_NAME_MAX];
} found;

static found find(gateway_method method, const char *target)
{
    char path[GATEWAY_PATH_MAX];
    found f = {.prefixed = gateway_routes_path(target, strlen(target), path)};
    if (f.prefixed >= 0) {
        f.methods = gateway_routes_find(method, path, f.prefixed > 0, &f.route, f.id, f.name);
    }
    return f;
}

static void serves(gateway_method method, const char *target, const char *path)
{
    found f = find(method, target);
    if (path == NULL) {
        cr_expect_null(f.route, "%s", target);
    } else if (f.route == NULL) {
        cr_expect_fail("%s is not served", target);
    } else {
        cr_expect_str_eq(f.route->path, path, "%s", target);
    }
}

/* G1 */
Test(routes, both_prefixes_and_repeated_slashes)
{
    serves(GATEWAY_GET, "/v1/job", "/job");
    serves(GATEWAY_GET, "/api/job", "/job");
    serves(GATEWAY_POST, "/v1//job", "/job");
    serves(GATEWAY_GET, "//api///job//" ID "//status", "/job/{id}/status");
    serves(GATEWAY_GET, "/v1/job/" ID, "/job/{id}");
    serves(GATEWAY_DELETE, "/v1/job/" ID, "/job/{id}");
    serves(GATEWAY_GET, "/job", NULL);
    serves(GATEWAY_GET, "/v2/job", NULL);
    serves(GATEWAY_GET, "/v1/api/job", NULL);
    serves(GATEWAY_GET, "/v1job", NULL);
    serves(GATEWAY_GET, "/v1/job/", NULL);
    serves(GATEWAY_GET, "/v1/jobs", NULL);
    serves(GATEWAY_GET, "/v1", NULL);
    serves(GATEWAY_GET, "/", NULL);
    serves(GATEWAY_GET, "/v1/healthz", NULL);
    serves(GATEWAY_GET, "/healthz", "/healthz");
    serves(GATEWAY_PUT, "/uploads/" ID, "/uploads/{id}");
    serves(GATEWAY_PUT, "/v1/uploads/" ID, NULL);
}

/* G4 */
Test(routes, ids_are_version_4_in_lower_case)
{
    cr_expect_str_eq(find(GATEWAY_GET, "/v1/job/" ID).id, ID);
    cr_expect_str_eq(find(GATEWAY_GET, "/v1/job/0B6F3C1E-1111-4222-8333-444455556666").id, "");
    cr_expect_str_eq(find(GATEWAY_GET, "/v1/job/0b6f3c1e-1111-7222-8333-444455556666").id, "");
    cr_expect_str_eq(find(GATEWAY_GET, "/v1/job/x").id, "");
    cr_expect_str_eq(find(GATEWAY_GET, "/v1/job/" ID "0").id, "");
}

Test(routes, session_ids_are_26_letters_and_digits)
{
    static const char id[] = "01HZX3K9Q2V7W8Y5T4R6P1N0MB";
    serves(GATEWAY_GET, "/v1/jam/sessions", "/jam/sessions");
    serves(GATEWAY_GET, "/v1/jam/sessions/01HZX3K9Q2V7W8Y5T4R6P1N0MB", "/jam/sessions/{session}");
    cr_expect_str_eq(find(GATEWAY_GET, "/v1/jam/sessions/01HZX3K9Q2V7W8Y5T4R6P1N0MB").id, id);
    cr_expect_str_eq(find(GATEWAY_GET, "/v1/jam/sessions/01HZX3K9Q2V7W8Y5T4R6P1N0M").id, "");
    cr_expect_str_eq(find(GATEWAY_GET, "/v1/jam/sessions/01HZX3K9Q2V7W8Y5T4R6P1N0MBX").id, "");
    cr_expect_str_eq(find(GATEWAY_GET, "/v1/jam/sessions/01HZX3K9Q2V7W8Y5T4R6P1N0M-").id, "");
    cr_expect_str_eq(find(GATEWAY_GET, "/v1/jam/sessions/" ID).id, "");
    serves(GATEWAY_GET, "/v1/jam/sessions/x/y", NULL);
}

Test(routes, recordings_have_32_hex_digits_and_what_is_done_behind_a_colon)
{
    static const char id[] = "0123456789abcdef0123456789abcdef";
    serves(GATEWAY_POST, "/v1/recordings", "/recordings");
    serves(GATEWAY_GET, "/v1/recordings/0123456789abcdef0123456789abcdef",
           "/recordings/{recording}");
    serves(GATEWAY_POST, "/v1/recordings/0123456789abcdef0123456789abcdef:stop",
           "/recordings/{recording}:stop");
    serves(GATEWAY_GET, "/v1/recordings/0123456789abcdef0123456789abcdef/segment",
           "/recordings/{recording}/segment");
    serves(GATEWAY_GET, "/v1/recordings/0123456789abcdef0123456789abcdef/notes",
           "/recordings/{recording}/notes");
    cr_expect_str_eq(find(GATEWAY_POST, "/v1/recordings/0123456789abcdef0123456789abcdef:pause").id,
                     id);
    cr_expect_str_eq(find(GATEWAY_POST, "/v1/recordings/0123456789ABCDEF0123456789abcdef:stop").id,
                     "");
    cr_expect_str_eq(find(GATEWAY_GET, "/v1/recordings/0123").id, "");
    serves(GATEWAY_POST, "/v1/recordings/0123456789abcdef0123456789abcdef:start", NULL);
    serves(GATEWAY_POST, "/v1/recordings/:stop", NULL);
    found f = find(GATEWAY_GET, "/v1/recordings/0123456789abcdef0123456789abcdef:stop");
    cr_expect_null(f.route);
    cr_expect_eq(f.methods, (unsigned)GATEWAY_POST);
}

Test(routes, sockets_stand_below_no_prefix)
{
    serves(GATEWAY_GET, "/ws/recorder", "/ws/recorder");
    serves(GATEWAY_GET, "/ws/jam", "/ws/jam");
    serves(GATEWAY_GET, "/v1/ws/jam", NULL);
    serves(GATEWAY_POST, "/v1/socket-tickets", "/socket-tickets");
    cr_expect_not_null(gateway_routes_socket("/ws/jam"));
    cr_expect_null(gateway_routes_socket("/job"));
    cr_expect_null(gateway_routes_socket("/ws/jam/"));
}

Test(routes, names_are_decoded)
{
    found f = find(GATEWAY_GET, "/files/" ID "/Kick%20drum.wav");
    cr_assert_not_null(f.route);
    cr_expect_str_eq(f.name, "Kick drum.wav");
    cr_expect_str_eq(find(GATEWAY_GET, "/files/" ID "/%zz.wav").name, "");
    serves(GATEWAY_GET, "/files/" ID, NULL);
    serves(GATEWAY_GET, "/files/" ID "/a/b", NULL);
}

Test(routes, methods_of_a_path)
{
    found f = find(GATEWAY_PUT, "/v1/job");
    cr_expect_null(f.route);
    cr_expect_eq(f.methods, (unsigned)(GATEWAY_GET | GATEWAY_HEAD | GATEWAY_POST));
    f = find(GATEWAY_POST, "/v1/job/" ID);
    cr_expect_null(f.route);
    cr_expect_eq(f.methods, (unsigned)(GATEWAY_GET | GATEWAY_HEAD | GATEWAY_DELETE));
    cr_expect_eq(find(GATEWAY_GET, "/nowhere").methods, 0u);
    cr_expect_not_null(find(GATEWAY_HEAD, "/v1/job").route);
}

Test(routes, long_paths)
{
    char path[GATEWAY_PATH_MAX + 8];
    char out[GATEWAY_PATH_MAX];
    memset(path, 'a', sizeof(path));
    path[0] = '/';
    cr_expect_eq(gateway_routes_path(path, sizeof(path), out), -ENAMETOOLONG);
    cr_expect_eq(gateway_routes_path(path, GATEWAY_PATH_MAX - 1, out), 0);
    memset(path, '/', sizeof(path));
    cr_expect_eq(gateway_routes_path(path, sizeof(path), out), 0);
    cr_expect_str_eq(out, "/");
}

/* Writes a route's path below a prefix, with an id for whatever stands in braces. */
static void path_below(const char *prefix, const char *path, char out[GATEWAY_PATH_MAX])
{
    size_t at = (size_t)snprintf(out, GATEWAY_PATH_MAX, "%s", prefix);
    for (const char *p = path; *p != '\0'; p++) {
        bool id = *p == '{';
        at += (size_t)snprintf(out + at, GATEWAY_PATH_MAX - at, "%.*s", id ? 36 : 1, id ? ID : p);
        p = id ? strchr(p, '}') : p;
    }
}

Test(routes, G1_every_route_below_one_prefix_is_below_both)
{
    static const char *const prefixes[] = {"/v1", "/api"};
    for (size_t i = 0; i < gateway_n_routes; i++) {
        const gateway_route *r = &gateway_routes[i];
        for (size_t k = 0; k < RF_ARRAY_LEN(prefixes); k++) {
            char target[GATEWAY_PATH_MAX];
            path_below(prefixes[k], r->path, target);
            cr_expect_eq(find(r->method, target).route, r->prefixed ? r : NULL, "%s", target);
        }
    }
}

Test(routes, every_route_is_found_by_its_own_path)
{
    for (size_t i = 0; i < gateway_n_routes; i++) {
        const gateway_route *route = NULL;
        char id[RF_UUID_LEN] = "";
        char name[GATEWAY_NAME_MAX] = "";
        const gateway_route *r = &gateway_routes[i];
        gateway_routes_find(r->method, r->path, r->prefixed, &route, id, name);
        cr_expect_eq(route, r, "%s", r->path);
        cr_expect(r->handle != NULL && r->summary != NULL && r->answer != NULL);
    }
}
