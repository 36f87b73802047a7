/* The jam service's REST routes before a service that says what it was asked. */
#include "client.h"
#include "echo.h"
#include "fixture.h"
#include "rf_base.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define JSON "Content-Type: application/json\r\n"

static void setup(void)
{
    fixture_start(NULL, NULL);
    echo_start();
}

static void teardown(void)
{
    fixture_stop();
    echo_stop(2000);
}

static void expect(const char *path, const char *key, int status, const char *text)
{
    answer a = client_call("GET", path, key, NULL, NULL);
    cr_expect_eq(a.status, status, "%s: %d", path, a.status);
    cr_expect_not_null(strstr(a.body, text), "%s: %s", path, a.body);
    answer_done(&a);
}

Test(jam, documents_pass_through, .init = setup, .fini = teardown)
{
    expect("/health", "", 200, "{\"ok\":true,\"status\":\"ready\",\"mode\":\"rt\"}");
    expect("/model/config", "", 200, "{\"mean_loaded\":false}");
    expect("/asyncapi.json", "", 200, "{\"asyncapi\":\"3.0.0\"}");
    expect("/v1/jam/engines", NULL, 200, "{\"engines\":[]}");
    expect("/v1/jam/engines", "", 401, "UNAUTHORIZED");
    expect("/api/jam/engines", NULL, 200, "{\"engines\":[]}");
}

Test(jam, sessions, .init = setup, .fini = teardown)
{
    expect("/v1/jam/sessions", NULL, 200, "\"limit\":20,\"cursor\":\"\"");
    expect("/v1/jam/sessions?limit=100&cursor=a%2Fb", NULL, 200,
           "\"limit\":100,\"cursor\":\"a/b\"");
    expect("/v1/jam/sessions?limit=0", NULL, 400, "limit must be an integer from 1 to 100");
    expect("/v1/jam/sessions?limit=101", NULL, 400, "limit must be");
    expect("/v1/jam/sessions?limit=x", NULL, 400, "limit must be");
    expect("/v1/jam/sessions", "", 401, "UNAUTHORIZED");
    expect("/v1/jam/sessions/01HZX3K9Q2V7W8Y5T4R6P1N0MB", NULL, 200,
           "{\"id\":\"01HZX3K9Q2V7W8Y5T4R6P1N0MB\"}");
    expect("/v1/jam/sessions/Z1HZX3K9Q2V7W8Y5T4R6P1N0MB", NULL, 404, "NOT_FOUND");
    expect("/v1/jam/sessions/short", NULL, 404, "NOT_FOUND");
}

Test(jam, scopes_are_those_of_the_key_and_not_what_a_client_says, .init = setup, .fini = teardown)
{
    answer a = client_call("GET", "/v1/jam/sessions", NULL,
                           "Scopes: recorder.device\r\nX-Scopes: recorder.device\r\n", NULL);
    cr_expect_not_null(strstr(a.body, "\"scopes\":\"jam.record\""), "%s", a.body);
    answer_done(&a);
}

/* ---- render ---- */

static bool ask(client *c, const char *version, const char *order)
{
    char *request = rf_asprintf("POST /v1/jam/render HTTP/%s\r\nHost: localhost\r\n"
                                "Authorization: %s\r\n" JSON "Content-Length: %zu\r\n\r\n%s",
                                version, fix.key, strlen(order), order);
    bool sent = client_text(c, request);
    free(request);
    return sent;
}

static void expect_file(const answer *a, size_t size, const char *type)
{
    char text[64];
    cr_expect_eq(a->status, 200);
    cr_expect_eq(a->body_len, size, "%zu of %zu bytes", a->body_len, size);
    cr_expect(!a->cut);
    cr_expect(answer_header(a, "X-Seed:", text, sizeof(text)));
    cr_expect_str_eq(text, "4242");
    cr_expect(answer_header(a, "Content-Type:", text, sizeof(text)));
    cr_expect_str_eq(text, type);
    for (size_t i = 0; i < a->body_len; i++) {
        cr_assert_eq((uint8_t)a->body[i], echo_pattern(i), "byte %zu", i);
    }
}

static void expect_goes_on(client *c)
{
    cr_assert(client_text(c, "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"));
    answer a = client_answer(c, true);
    cr_expect_eq(a.status, 200, "the connection goes on");
    answer_done(&a);
}

static void check_render(bool tls, size_t size, bool unknown)
{
    client c = client_open(tls);
    char order[64];
    char text[64];
    snprintf(order, sizeof(order), "{\"seconds\":%zu%s}", size, unknown ? ",\"unknown\":1" : "");
    cr_assert(ask(&c, "1.1", order));
    answer a = client_answer(&c, true);
    cr_expect_eq(answer_header(&a, "Transfer-Encoding:", text, sizeof(text)), unknown);
    cr_expect_eq(answer_header(&a, "Content-Length:", text, sizeof(text)), !unknown);
    expect_file(&a, size, unknown ? "audio/flac" : "audio/wav");
    answer_done(&a);
    expect_goes_on(&c);
    client_close(&c);
}

static const size_t sizes[] = {1, 44, 65536, 65537, 900000};

Test(jam, renders_are_streamed, .init = setup, .fini = teardown)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(sizes); i++) {
        check_render(false, sizes[i], false);
        check_render(true, sizes[i], false);
    }
}

Test(jam, renders_of_unknown_size_come_in_chunks, .init = setup, .fini = teardown)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(sizes); i++) {
        check_render(false, sizes[i], true);
        check_render(true, sizes[i], true);
    }
}

Test(jam, without_chunks_the_end_of_the_connection_ends_a_render, .init = setup, .fini = teardown)
{
    for (size_t i = 0; i < 2 * RF_ARRAY_LEN(sizes); i++) {
        client c = client_open(i % 2 != 0);
        char order[64];
        char text[64];
        snprintf(order, sizeof(order), "{\"seconds\":%zu,\"unknown\":1}", sizes[i / 2]);
        cr_assert(ask(&c, "1.0", order));
        answer a = client_answer(&c, true);
        cr_expect(!answer_header(&a, "Transfer-Encoding:", text, sizeof(text)));
        cr_expect(!answer_header(&a, "Content-Length:", text, sizeof(text)));
        expect_file(&a, sizes[i / 2], "audio/flac");
        answer_done(&a);
        client_close(&c);
    }
}

/* What waits in the gateway and in the sockets on the way is far less than the file. */
Test(jam, a_render_waits_for_a_slow_reader, .init = setup, .fini = teardown)
{
    const size_t size = 32u << 20;
    size_t before = fixture_rss(false);
    client c = client_open(false);
    int small = 65536;
    setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    cr_assert(ask(&c, "1.1", "{\"seconds\":33554432,\"unknown\":1}"));
    usleep(500000);
    cr_expect(before == 0 || fixture_rss(false) < before + size / 2, "%zu, then %zu", before,
              fixture_rss(false));
    answer a = client_answer(&c, true);
    expect_file(&a, size, "audio/flac");
    answer_done(&a);
    expect_goes_on(&c);
    client_close(&c);
}

static void expect_refusal(const char *key, const char *headers, const char *body, int status,
                           const char *text)
{
    answer a = client_call("POST", "/v1/jam/render", key, headers, body);
    cr_expect_eq(a.status, status, "%s: %d", body, a.status);
    cr_expect_not_null(strstr(a.body, text), "%s: %s", body, a.body);
    answer_done(&a);
}

Test(jam, renders_are_refused_as_the_service_says, .init = setup, .fini = teardown)
{
    expect_refusal(
        NULL, JSON, "{\"bad\":1}", 422,
        "{\"title\":\"Unprocessable\",\"code\":\"OUT_OF_RANGE\",\"message\":\"too short\","
        "\"field\":\"seconds\",\"limit\":{\"min\":0.04}}");
    expect_refusal(NULL, JSON, "{\"busy\":1}", 429, "TOO_MANY_REQUESTS");
    expect_refusal(NULL, JSON, "{\"other\":1}", 500, "INTERNAL");
    expect_refusal(NULL, JSON, "", 400, "BAD_REQUEST");
    expect_refusal(NULL, JSON, "{\"a\":\"\xff\"}", 400, "UTF-8");
    expect_refusal(NULL, "Content-Type: text/plain\r\n", "{}", 415, "UNSUPPORTED_MEDIA_TYPE");
    expect_refusal("", JSON, "{}", 401, "UNAUTHORIZED");
}

static void expect_cut(bool tls, const char *version, const char *order)
{
    client c = client_open(tls);
    cr_assert(ask(&c, version, order));
    answer a = client_answer(&c, true);
    cr_expect_eq(a.status, 200, "%s", order);
    cr_expect(a.cut, "%s over HTTP/%s: whole", order, version);
    answer_done(&a);
    client_close(&c);
}

Test(jam, a_render_that_breaks_off_breaks_the_connection_off, .init = setup, .fini = teardown)
{
    static const char *const orders[] = {
        "{\"seconds\":5000,\"cut\":1}",
        "{\"seconds\":900000,\"cut\":1}",
        "{\"seconds\":5000,\"unknown\":1,\"cut\":1}",
        "{\"seconds\":900000,\"unknown\":1,\"cut\":1}",
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(orders); i++) {
        expect_cut(false, "1.1", orders[i]);
        expect_cut(true, "1.1", orders[i]);
        expect_cut(false, "1.0", orders[i]);
    }
    expect_cut(false, "1.1", "{\"seconds\":70000,\"more\":1}");
}

static void setup_stall(void)
{
    static const char *const args[] = {"--send.stall_s=1", NULL};
    fixture_start(args, NULL);
    echo_start();
}

Test(jam, a_slow_service_is_not_the_clients_fault, .init = setup_stall, .fini = teardown)
{
    client c = client_open(false);
    cr_assert(ask(&c, "1.1", "{\"seconds\":100000,\"unknown\":1,\"slow\":1}"));
    answer a = client_answer(&c, true);
    expect_file(&a, 100000, "audio/flac");
    answer_done(&a);
    expect_goes_on(&c);
    client_close(&c);
}

Test(jam, a_client_that_takes_nothing_of_a_render_is_dropped, .init = setup_stall, .fini = teardown)
{
    client c = client_open(false);
    int small = 65536;
    setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    cr_assert(ask(&c, "1.1", "{\"seconds\":33554432,\"unknown\":1}"));
    usleep(8000000);
    answer a = client_answer(&c, true);
    cr_expect(a.cut);
    cr_expect_lt(a.body_len, 33554432u);
    answer_done(&a);
    client_close(&c);
}

static void setup_alone(void)
{
    fixture_start(NULL, NULL);
}

Test(jam, without_a_service_503, .init = setup_alone, .fini = fixture_stop)
{
    expect("/health", "", 503, "UNAVAILABLE");
    expect("/v1/jam/sessions", NULL, 503, "UNAVAILABLE");
    expect_refusal(NULL, JSON, "{\"seconds\":1}", 503, "UNAVAILABLE");
    expect("/healthz", "", 200, "ok");
    expect("/readyz", "", 200, "ok");
}
