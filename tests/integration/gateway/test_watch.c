/*
 * Waiting for a job from outside: cancel, long poll, Server-Sent Events (spec jobs.md 4.5,
 * section 5).
 */
#include "client.h"
#include "fixture.h"
#include "rf_base.h"
#include "rf_time.h"
#include "worker.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define JSON "Content-Type: application/json\r\n"
#define BODY                                                                                       \
    "{\"name\":\"one\",\"workflow\":\"sdk-test\",\"params\":{\"file\":\"https://h.example/x\"}}"
#define N_WAITERS 300
#define STREAM_MAX 65536

static void setup(void)
{
    fixture_start(NULL, NULL);
}

static void setup_few(void)
{
    static const char *const args[] = {"--waiters.max=2", "--events.max=1", NULL};
    fixture_start(args, NULL);
}

static void create(char id[RF_UUID_LEN])
{
    answer a = client_call("POST", "/v1/job", NULL, JSON, BODY);
    cr_assert_eq(a.status, 200, "%d: %s", a.status, a.body);
    json_text(&a, "id", id, RF_UUID_LEN);
    answer_done(&a);
}

static const char *path_of(const char *id, const char *rest)
{
    static char path[160];
    snprintf(path, sizeof(path), "/v1/job/%s%s", id, rest);
    return path;
}

static int status_of(const char *method, const char *path, const char *key)
{
    answer a = client_call(method, path, key, NULL, NULL);
    int status = a.status;
    answer_done(&a);
    return status;
}

static void expect_state(const char *method, const char *path, const char *headers,
                         const char *body, const char *state)
{
    char have[16];
    answer a = client_call(method, path, NULL, headers, body);
    cr_assert_eq(a.status, 200, "%s: %d", path, a.status);
    json_text(&a, "status", have, sizeof(have));
    cr_assert_str_eq(have, state, "%s: %s", path, a.body);
    answer_done(&a);
}

/* ---- POST /job/{id}/cancel ---- */

/* C1, X7, F14 */
Test(cancel, a_live_job_fails_at_once_and_a_final_one_is_unchanged, .init = setup,
     .fini = fixture_stop)
{
    static const struct {
        const char *headers;
        const char *body;
    } bodies[] = {{NULL, NULL}, {JSON, "{}"}};
    for (size_t i = 0; i < RF_ARRAY_LEN(bodies); i++) {
        char id[RF_UUID_LEN];
        char api[128];
        create(id);
        snprintf(api, sizeof(api), "/api/job/%s/cancel", id);
        expect_state("POST", i == 0 ? path_of(id, "/cancel") : api, bodies[i].headers,
                     bodies[i].body, "FAILED");
        answer a = client_call("GET", path_of(id, ""), NULL, NULL, NULL);
        cr_expect_not_null(strstr(a.body, "\"code\":\"CANCELLED\""), "%s", a.body);
        answer_done(&a);
        expect_state("POST", path_of(id, "/cancel"), NULL, NULL, "FAILED");
    }
    char id[RF_UUID_LEN];
    create(id);
    worker_finish(id, worker_claim(id), "file");
    expect_state("POST", path_of(id, "/cancel"), NULL, NULL, "SUCCEEDED");
    char other[128];
    fixture_key("other", other);
    cr_expect_eq(status_of("POST", path_of(id, "/cancel"), other), 404, "S7");
    cr_expect_eq(status_of("GET", path_of(id, "/cancel"), NULL), 405);
}

/* ---- GET /job/{id}/status?wait= ---- */

/* X5 */
Test(long_poll, seconds_are_whole_from_0_to_60, .init = setup, .fini = fixture_stop)
{
    static const char *const bad[] = {"61", "-1", "x", "1.5", "", "0&wait=0", "1e1"};
    char id[RF_UUID_LEN];
    create(id);
    for (size_t i = 0; i < RF_ARRAY_LEN(bad); i++) {
        char rest[64];
        snprintf(rest, sizeof(rest), "/status?wait=%s", bad[i]);
        cr_expect_eq(status_of("GET", path_of(id, rest), NULL), 400, "%s", rest);
    }
    expect_state("GET", path_of(id, "/status?wait=0"), NULL, NULL, "QUEUED");
    int64_t begun_ns = rf_time_ns();
    expect_state("GET", path_of(id, "/status?wait=1"), NULL, NULL, "QUEUED");
    cr_expect_geq(rf_time_ns() - begun_ns, RF_NS_PER_S);
    worker_finish(id, worker_claim(id), "file");
    expect_state("GET", path_of(id, "/status?wait=60"), NULL, NULL, "SUCCEEDED");
    cr_expect_eq(
        status_of("GET", "/v1/job/0b6f3c1e-1111-4222-8333-444455556666/status?wait=60", NULL), 404);
}

static client ask(const char *id, const char *rest)
{
    char text[512];
    client c = client_open(false);
    snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: h\r\nAuthorization: %s\r\n\r\n",
             path_of(id, rest), fix.key);
    cr_assert(client_text(&c, text));
    return c;
}

/* A gauge of the gateway. */
static long gauge(const char *name)
{
    long value = -1;
    client c = client_open_port(fix.internal_port);
    cr_assert(client_text(&c, "GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    answer a = client_answer(&c, true);
    const char *at = strstr(a.body, name);
    while (at != NULL && (at[-1] != '\n' || sscanf(at + strlen(name), " %ld", &value) != 1)) {
        at = strstr(at + 1, name);
    }
    answer_done(&a);
    client_close(&c);
    return value;
}

/* X5 */
Test(long_poll, one_change_answers_all_who_wait, .init = setup, .fini = fixture_stop)
{
    static client clients[N_WAITERS];
    char id[RF_UUID_LEN];
    create(id);
    for (size_t i = 0; i < N_WAITERS; i++) {
        clients[i] = ask(id, "/status?wait=60");
    }
    while (gauge("reflection_job_waiters") < N_WAITERS) {
        usleep(10000);
    }
    worker_claim(id);
    for (size_t i = 0; i < N_WAITERS; i++) {
        answer a = client_answer(&clients[i], true);
        cr_assert_eq(a.status, 200);
        cr_assert_not_null(strstr(a.body, "\"STARTED\""), "%s", a.body);
        answer_done(&a);
        client_close(&clients[i]);
    }
    while (gauge("reflection_job_waiters") > 0) {
        usleep(10000);
    }
}

/* X5 */
Test(long_poll, those_above_the_most_act_as_wait_0, .init = setup_few, .fini = fixture_stop)
{
    client clients[2];
    char id[RF_UUID_LEN];
    create(id);
    for (size_t i = 0; i < 2; i++) {
        clients[i] = ask(id, "/status?wait=60");
    }
    while (gauge("reflection_job_waiters") < 2) {
        usleep(10000);
    }
    expect_state("GET", path_of(id, "/status?wait=60"), NULL, NULL, "QUEUED");
    worker_claim(id);
    for (size_t i = 0; i < 2; i++) {
        answer a = client_answer(&clients[i], true);
        cr_expect_not_null(strstr(a.body, "\"STARTED\""), "%s", a.body);
        answer_done(&a);
        client_close(&clients[i]);
    }
}

/* X5, Q5 */
Test(long_poll, a_job_service_that_is_replaced_leaves_no_5xx, .init = setup, .fini = fixture_stop)
{
    char id[RF_UUID_LEN];
    create(id);
    client c = ask(id, "/status?wait=60");
    while (gauge("reflection_job_waiters") < 1) {
        usleep(10000);
    }
    fixture_stop_job(); /* which answers at once, if it has the call already */
    fixture_start_job();
    worker_claim(id);
    answer a = client_answer(&c, true);
    cr_expect_eq(a.status, 200, "%d: %s", a.status, a.body);
    answer_done(&a);
    client_close(&c);
}

/* ---- GET /job/{id}/events ---- */

typedef struct listener {
    client c;
    answer head;
    char text[STREAM_MAX]; /* chunks and all */
    size_t len;
} listener;

static listener *listen_with(const char *id, const char *headers)
{
    char text[512];
    listener *l = RF_NEW(listener);
    l->c = client_open(false);
    snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: h\r\nAuthorization: %s\r\n%s\r\n",
             path_of(id, "/events"), fix.key, headers);
    cr_assert(client_text(&l->c, text));
    l->head = client_read_head(&l->c);
    return l;
}

/* Reads until text stands in what came; false when the stream has ended without it. */
static bool hears(listener *l, const char *text)
{
    while (strstr(l->text, text) == NULL) {
        ssize_t n = client_read(&l->c, l->text + l->len, sizeof(l->text) - 1 - l->len);
        if (n <= 0) {
            return false;
        }
        l->len += (size_t)n;
        l->text[l->len] = '\0';
    }
    return true;
}

static void leave(listener *l)
{
    answer_done(&l->head);
    client_close(&l->c);
    free(l);
}

static int resume_status(const char *id, const char *last)
{
    char headers[128];
    snprintf(headers, sizeof(headers), "Last-Event-ID: %s\r\n", last);
    answer a = client_call("GET", path_of(id, "/events"), NULL, headers, NULL);
    int status = a.status;
    cr_expect(status != 204 || a.body_len == 0);
    answer_done(&a);
    return status;
}

/* X6 */
Test(events, a_listener_hears_of_a_job_up_to_its_end_and_then_204, .init = setup,
     .fini = fixture_stop)
{
    char id[RF_UUID_LEN];
    char type[64];
    create(id);
    listener *l = listen_with(id, "");
    cr_assert_eq(l->head.status, 200);
    cr_assert(answer_header(&l->head, "Content-Type:", type, sizeof(type)));
    cr_assert_str_eq(type, "text/event-stream");
    cr_assert(hears(l, "retry: 2000\n\n"));
    cr_assert(hears(l, "id: 1\nevent: status\ndata: {\"status\":\"QUEUED\",\"attempt\":0}\n\n"));
    uint64_t fence = worker_claim(id);
    cr_assert(hears(l, "id: 65536\nevent: status\ndata: {\"status\":\"STARTED\",\"attempt\":1,"));
    worker_beat(id, fence, "copy", 42);
    cr_assert(hears(l, "event: progress\ndata: {\"status\":\"STARTED\",\"attempt\":1,\"step\":"
                       "\"copy\",\"progress\":42}\n\n"));
    worker_finish(id, fence, "file");
    cr_assert(hears(l, "id: 131071\nevent: status\ndata: {\"status\":\"SUCCEEDED\",\"attempt\":1,"
                       "\"progress\":100}\n\n"));
    cr_assert(hears(l, "0\r\n\r\n"), "the stream closes after the final event");
    leave(l);
    cr_expect_eq(resume_status(id, "131071"), 204);
    answer a = client_call("GET", path_of(id, "/events"), NULL, "Last-Event-ID: 65536\r\n", NULL);
    cr_expect_null(strstr(a.body, "id: 65536\n"));
    cr_expect_not_null(strstr(a.body, "id: 65537\n"), "resumed: %s", a.body);
    cr_expect_not_null(strstr(a.body, "id: 131071\n"), "%s", a.body);
    answer_done(&a);
    a = client_call("GET", path_of(id, "/events"), NULL, "Last-Event-ID: nonsense\r\n", NULL);
    cr_expect_null(strstr(a.body, "id: 65537\n"), "a snapshot: %s", a.body);
    cr_expect_not_null(strstr(a.body, "id: 131071\n"), "%s", a.body);
    answer_done(&a);
}

Test(events, s7_only_the_owner_hears, .init = setup, .fini = fixture_stop)
{
    char id[RF_UUID_LEN];
    char other[128];
    create(id);
    fixture_key("other", other);
    cr_expect_eq(status_of("GET", path_of(id, "/events"), other), 404);
    cr_expect_eq(status_of("GET", path_of(id, "/events"), ""), 401);
    cr_expect_eq(status_of("GET", "/v1/job/x/events", NULL), 404);
    cr_expect_eq(status_of("POST", path_of(id, "/events"), NULL), 405);
}

Test(events, more_streams_than_there_may_be_get_503, .init = setup_few, .fini = fixture_stop)
{
    char id[RF_UUID_LEN];
    create(id);
    listener *l = listen_with(id, "");
    cr_assert(hears(l, "QUEUED"));
    cr_expect_eq(status_of("GET", path_of(id, "/events"), NULL), 503);
    leave(l);
    while (gauge("reflection_job_event_streams") > 0) {
        usleep(10000);
    }
}

/* X6 */
Test(events, a_listener_may_come_again_to_a_job_service_that_was_away, .init = setup,
     .fini = fixture_stop)
{
    char id[RF_UUID_LEN];
    create(id);
    uint64_t fence = worker_claim(id);
    listener *l = listen_with(id, "");
    cr_assert(hears(l, "id: 65536\n"));
    fixture_stop_job();
    cr_assert(hears(l, "0\r\n\r\n"), "the stream ends as one does");
    leave(l);
    fixture_start_job();
    worker_finish(id, fence, "file");
    answer a = client_call("GET", path_of(id, "/events"), NULL, "Last-Event-ID: 65536\r\n", NULL);
    cr_expect_eq(a.status, 200);
    cr_expect_not_null(strstr(a.body, "id: 131071\n"), "%s", a.body);
    answer_done(&a);
}

/* X6: A comment each 15 s; and the key is revoked meanwhile. */
Test(events, s9_a_revoked_key_ends_a_stream_within_60_s, .init = setup, .fini = fixture_stop)
{
    char id[RF_UUID_LEN];
    create(id);
    listener *l = listen_with(id, "");
    cr_assert(hears(l, "QUEUED"));
    int64_t begun_ns = rf_time_ns();
    worker_revoke("demo");
    cr_assert(hears(l, "\r\n:\n\n\r\n"), "a comment");
    cr_expect_geq(rf_time_ns() - begun_ns, 10 * RF_NS_PER_S);
    cr_assert(hears(l, "\r\n0\r\n\r\n"));
    cr_expect_leq(rf_time_ns() - begun_ns, 60 * RF_NS_PER_S);
    leave(l);
}
