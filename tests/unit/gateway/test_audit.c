#include "gateway_audit.h"
#include "gateway_routes.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define APP "0b6f3c1e-1111-4222-8333-444455556666"
#define KEY "1b6f3c1e-1111-4222-8333-444455556666"
#define JOB "2b6f3c1e-1111-4222-8333-444455556666"
#define MAX_BYTES 4096

static char dir[64];
static gateway gw;
static gateway_audit *audit;

static void start(int64_t n_files)
{
    cr_assert_eq(gateway_audit_start(dir, MAX_BYTES, n_files, &audit), 0);
}

static void setup(void)
{
    rf_copy_str(dir, sizeof(dir), "/tmp/reflection-audit-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    start(3);
}

static void teardown(void)
{
    audit = gateway_audit_stop(audit);
    RF_CLEANUP(rf_cleanup_free) char *command = rf_asprintf("rm -rf '%s'", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(audit, .init = setup, .fini = teardown);

static void request(gateway_method method, const char *path, bool prefixed, int status)
{
    gateway_exchange ex = {.gw = &gw};
    ex.req.method = method;
    cr_assert_neq(gateway_routes_find(method, path, prefixed, &ex.route, ex.id, ex.name), 0u);
    cr_assert_not_null(ex.route);
    rf_copy_str(ex.caller.application_id, sizeof(ex.caller.application_id), APP);
    rf_copy_str(ex.caller.key_id, sizeof(ex.caller.key_id), KEY);
    rf_copy_str(ex.request_id, sizeof(ex.request_id), "r-1");
    gateway_audit_request(audit, &ex, status);
}

/* Lines of a file that are JSON objects; 0 when it is missing. */
static size_t count_lines(const char *name, char *last, size_t size)
{
    char line[1024];
    size_t n = 0;
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/%s", dir, name);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        cr_assert_eq(json_object_size(json), 9, "%s", line);
        json_decref(json);
        rf_copy_str(last, size, line);
        n++;
    }
    if (file != NULL) {
        fclose(file);
    }
    return n;
}

static void flush(void)
{
    audit = gateway_audit_stop(audit);
    start(3);
}

Test(audit, a_line_says_who_did_what_when_and_what_came_of_it)
{
    char line[1024] = "";
    request(GATEWAY_POST, "/job/" JOB "/cancel", true, 200);
    flush();
    cr_assert_eq(count_lines("gateway.log", line, sizeof(line)), 1);
    json_t *json = json_loads(line, 0, NULL);
    static const char *const expected[][2] = {
        {"application", APP}, {"key", KEY},       {"method", "POST"}, {"route", "/job/{id}/cancel"},
        {"id", JOB},          {"request", "r-1"}, {"address", ""},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(expected); i++) {
        cr_expect_str_eq(json_string_value(json_object_get(json, expected[i][0])), expected[i][1]);
    }
    cr_expect_eq(json_integer_value(json_object_get(json, "status")), 200);
    cr_expect_eq(strlen(json_string_value(json_object_get(json, "at"))), 24);
    json_decref(json);
}

Test(audit, only_what_a_key_is_for_and_polls_when_asked)
{
    char line[1024];
    request(GATEWAY_GET, "/healthz", false, 200);
    request(GATEWAY_GET, "/uploads/" JOB, false, 200);
    request(GATEWAY_GET, "/job/" JOB "/status", true, 200);
    flush();
    cr_assert_eq(count_lines("gateway.log", line, sizeof(line)), 0);
    gw.config.audit_polls = true;
    request(GATEWAY_GET, "/job/" JOB "/status", true, 200);
    request(GATEWAY_GET, "/ws/jam", false, 101);
    flush();
    cr_assert_eq(count_lines("gateway.log", line, sizeof(line)), 2);
}

Test(audit, is_bounded_and_keeps_the_newest)
{
    char line[1024] = "";
    size_t n = 0;
    for (int i = 0; i < 200; i++) {
        request(GATEWAY_DELETE, "/job/" JOB, true, i);
    }
    flush();
    static const char *const names[] = {"gateway.log", "gateway.log.1", "gateway.log.2"};
    for (size_t i = 0; i < RF_ARRAY_LEN(names); i++) {
        struct stat st;
        RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/%s", dir, names[i]);
        cr_assert_eq(stat(path, &st), 0, "%s", names[i]);
        cr_expect_leq(st.st_size, MAX_BYTES);
        cr_expect_eq(st.st_mode & 0777, 0600);
        size_t lines = count_lines(names[i], line, sizeof(line));
        cr_expect_gt(lines, 0);
        cr_expect(i > 0 || strstr(line, "\"status\":199,") != NULL, "%s", line);
        n += lines;
    }
    cr_assert_lt(n, 200);
    RF_CLEANUP(rf_cleanup_free) char *more = rf_asprintf("%s/gateway.log.3", dir);
    cr_assert_neq(access(more, F_OK), 0);
}

Test(audit, goes_on_where_it_was)
{
    char line[1024];
    request(GATEWAY_GET, "/application", true, 200);
    flush();
    request(GATEWAY_GET, "/application", true, 0);
    flush();
    cr_assert_eq(count_lines("gateway.log", line, sizeof(line)), 2);
}

Test(audit, none_is_written_where_it_is_off)
{
    gateway_exchange ex = {.gw = &gw, .route = &gateway_routes[0]};
    gateway_audit_request(NULL, &ex, 200);
    gateway_audit *a = NULL;
    cr_assert_lt(gateway_audit_start("/proc/nowhere", MAX_BYTES, 3, &a), 0);
}
