/* The jam service's REST routes before a service that says what it was asked. */
#include "client.h"
#include "echo.h"
#include "fixture.h"
#include "rf_base.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
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

/* ---- render ---- */

static void check_render(bool tls, size_t size)
{
    client c = client_open(tls);
    char body[64];
    char text[64];
    snprintf(body, sizeof(body), "{\"seconds\":%zu}", size);
    char *request = rf_asprintf("POST /v1/jam/render HTTP/1.1\r\nHost: localhost\r\n"
                                "Authorization: %s\r\n" JSON "Content-Length: %zu\r\n\r\n%s",
                                fix.key, strlen(body), body);
    cr_assert(client_text(&c, request));
    answer a = client_answer(&c, true);
    cr_expect_eq(a.status, 200);
    cr_expect_eq(a.body_len, size);
    cr_expect(answer_header(&a, "X-Seed:", text, sizeof(text)));
    cr_expect_str_eq(text, "4242");
    cr_expect(answer_header(&a, "Content-Type:", text, sizeof(text)));
    cr_expect_str_eq(text, "audio/wav");
    for (size_t i = 0; i < a.body_len; i += 331) {
        cr_assert_eq((uint8_t)a.body[i], echo_pattern(i), "byte %zu", i);
    }
    answer_done(&a);
    cr_assert(client_text(&c, "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"));
    a = client_answer(&c, true);
    cr_expect_eq(a.status, 200, "the connection goes on");
    answer_done(&a);
    free(request);
    client_close(&c);
}

Test(jam, renders_are_streamed, .init = setup, .fini = teardown)
{
    static const size_t sizes[] = {1, 44, 65536, 65537, 900000};
    for (size_t i = 0; i < RF_ARRAY_LEN(sizes); i++) {
        check_render(false, sizes[i]);
        check_render(true, sizes[i]);
    }
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
    expect_refusal(NULL, JSON, "{\"bad\":1}", 422,
                   "{\"code\":\"OUT_OF_RANGE\",\"field\":\"seconds\",\"limit\":{\"min\":0.04}}");
    expect_refusal(NULL, JSON, "{\"busy\":1}", 429, "TOO_MANY_REQUESTS");
    expect_refusal(NULL, JSON, "{\"other\":1}", 500, "INTERNAL");
    expect_refusal(NULL, JSON, "", 400, "BAD_REQUEST");
    expect_refusal(NULL, JSON, "{\"a\":\"\xff\"}", 400, "UTF-8");
    expect_refusal(NULL, "Content-Type: text/plain\r\n", "{}", 415, "UNSUPPORTED_MEDIA_TYPE");
    expect_refusal("", JSON, "{}", 401, "UNAUTHORIZED");
}

Test(jam, a_render_that_breaks_off_breaks_the_connection_off, .init = setup, .fini = teardown)
{
    client c = client_open(false);
    char bytes[4096];
    size_t n = 0;
    ssize_t got = 0;
    const char *body = "{\"seconds\":5000,\"cut\":1}";
    char *request = rf_asprintf("POST /v1/jam/render HTTP/1.1\r\nHost: localhost\r\n"
                                "Authorization: %s\r\n" JSON "Content-Length: %zu\r\n\r\n%s",
                                fix.key, strlen(body), body);
    cr_assert(client_text(&c, request));
    answer a = client_read_head(&c);
    cr_expect_eq(a.status, 200);
    while ((got = client_read(&c, bytes, sizeof(bytes))) > 0) {
        n += (size_t)got;
    }
    cr_expect_leq(n, 5000u);
    free(request);
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
