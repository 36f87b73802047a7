#include "client.h"
#include "fixture.h"
#include "requests.h"
#include "rf_base.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define GET "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"

static void setup(void)
{
    fixture_start(NULL, NULL);
}

static void expect_status(client *c, int status, const char *what)
{
    answer a = client_answer(c, true);
    cr_expect_eq(a.status, status, "%s: %d", what, a.status);
    answer_done(&a);
}

static void check_case(const request_case *r, bool tls)
{
    client c = client_open(tls);
    client_send(&c, r->bytes, r->len); /* a refused one may be reset while it is sent */
    expect_status(&c, r->status, r->name);
    if (r->keeps) {
        client_text(&c, GET);
        expect_status(&c, 200, r->name);
    } else {
        cr_expect(client_ended(&c, 5000), "%s: stays open, or answers twice", r->name);
    }
    client_close(&c);
}

Test(framing, every_request_of_the_table, .init = setup, .fini = fixture_stop)
{
    cr_assert_geq(n_request_cases, 120);
    for (size_t i = 0; i < n_request_cases; i++) {
        check_case(&request_cases[i], false);
    }
}

Test(framing, every_request_of_the_table_over_tls, .init = setup, .fini = fixture_stop)
{
    for (size_t i = 0; i < n_request_cases; i++) {
        check_case(&request_cases[i], true);
    }
}

Test(framing, requests_in_one_segment_are_answered_in_order, .init = setup, .fini = fixture_stop)
{
    enum { N = 200 };
    client c = client_open(false);
    char *text = calloc(N, 128);
    for (int i = 0; i < N; i++) {
        char one[128];
        snprintf(one, sizeof(one), "GET /healthz HTTP/1.1\r\nHost: h\r\nX-Request-Id: n%d\r\n\r\n",
                 i);
        strcat(text, one);
    }
    cr_assert(client_text(&c, text));
    for (int i = 0; i < N; i++) {
        char id[32];
        char expected[32];
        answer a = client_answer(&c, true);
        snprintf(expected, sizeof(expected), "n%d", i);
        cr_assert_eq(a.status, 200);
        cr_assert(answer_header(&a, "X-Request-Id:", id, sizeof(id)));
        cr_assert_str_eq(id, expected);
        answer_done(&a);
    }
    free(text);
    client_close(&c);
}

Test(framing, byte_by_byte, .init = setup, .fini = fixture_stop)
{
    client c = client_open(false);
    for (const char *p = GET; *p != '\0'; p++) {
        cr_assert(client_send(&c, p, 1));
    }
    expect_status(&c, 200, "byte by byte");
    client_close(&c);
}

Test(framing, a_reader_that_does_not_read_costs_no_memory, .init = setup, .fini = fixture_stop)
{
    client c = client_open(false);
    static const char one[] = "GET /openapi.json HTTP/1.1\r\nHost: h\r\n\r\n";
    struct timeval wait = {.tv_sec = 1};
    setsockopt(c.fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    size_t before = fixture_rss(false);
    size_t sent = 0;
    while (sent < 200000 && client_text(&c, one)) {
        sent++;
    }
    cr_expect_lt(sent, 200000, "the gateway stops reading");
    cr_expect_lt(fixture_rss(false) - before, 8u << 20);
    client_close(&c);
}

/* ---- time ---- */

static void setup_short(void)
{
    static const char *const args[] = {"--head.timeout_ms=400", "--body.window_s=1",
                                       "--idle.timeout_s=5", NULL};
    fixture_start(args, NULL);
}

Test(slow, head, .init = setup_short, .fini = fixture_stop)
{
    client c = client_open(false);
    client other = client_open(false);
    cr_assert(client_text(&c, "GET /healthz HTTP/1.1\r\nHo"));
    client_text(&other, GET);
    expect_status(&other, 200, "others are served");
    int64_t begin = rf_time_ns();
    expect_status(&c, 408, "slow head");
    cr_expect_lt(rf_time_ns() - begin, 2 * RF_NS_PER_S);
    cr_expect(client_ended(&c, 3000));
    client_close(&c);
    client_close(&other);
}

Test(slow, head_that_trickles, .init = setup_short, .fini = fixture_stop)
{
    client c = client_open(false);
    int64_t begin = rf_time_ns();
    const char *p = "GET /healthz HTTP/1.1\r\nHost: h\r\nA: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    while (*p != '\0' && client_send(&c, p, 1) && rf_time_ns() - begin < RF_NS_PER_S) {
        usleep(30000);
        p++;
    }
    expect_status(&c, 408, "every byte in time, the head not");
    client_close(&c);
}

Test(slow, body, .init = setup_short, .fini = fixture_stop)
{
    client c = client_open(false);
    cr_assert(
        client_text(&c, "GET /healthz HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nab"));
    answer a = client_answer(&c, true);
    cr_expect_eq(a.status, 408);
    cr_expect_not_null(strstr(a.body, "UPLOAD_TOO_SLOW"));
    cr_expect(client_ended(&c, 3000));
    answer_done(&a);
    client_close(&c);
}

Test(slow, handshake, .init = setup_short, .fini = fixture_stop)
{
    client c = client_open(false);
    client_close(&c);
    fix.http_port = fix.https_port; /* a plain socket to the TLS port */
    c = client_open(false);
    cr_expect(client_ended(&c, 3000), "says nothing, is closed");
    client_close(&c);
    c = client_open(false);
    client_text(&c, GET);
    cr_expect(client_ended(&c, 3000) || c.len > 0, "plain HTTP to the TLS port ends");
    client_close(&c);
}

/* G7 */
Test(slow, idle, .init = setup_short, .fini = fixture_stop)
{
    client c = client_open(false);
    client_text(&c, GET);
    expect_status(&c, 200, "first");
    cr_expect(!client_ended(&c, 3000), "kept");
    client_text(&c, GET);
    expect_status(&c, 200, "second");
    cr_expect(client_ended(&c, 9000), "closed after 5 s");
    client_close(&c);
}

/* ---- many ---- */

Test(many, two_thousand_idle_connections, .init = setup, .fini = fixture_stop)
{
    enum { N = 2000 };
    static client all[N];
    struct rlimit limit = {.rlim_cur = 4096, .rlim_max = 4096};
    setrlimit(RLIMIT_NOFILE, &limit);
    for (int i = 0; i < N; i++) {
        all[i] = client_open(false);
    }
    client c = client_open(false);
    int64_t begin = rf_time_ns();
    for (int i = 0; i < 100; i++) {
        client_text(&c, GET);
        expect_status(&c, 200, "beside the idle ones");
    }
    cr_log_info("100 requests beside %d idle connections: %.1f ms, RSS %.1f MiB", N,
                (double)(rf_time_ns() - begin) / RF_NS_PER_MS,
                (double)fixture_rss(false) / (1 << 20));
    cr_expect_lt(fixture_rss(false), 64u << 20);
    for (int i = 0; i < N; i++) {
        client_text(&all[i], GET);
    }
    for (int i = 0; i < N; i++) {
        expect_status(&all[i], 200, "an idle one");
        client_close(&all[i]);
    }
    client_close(&c);
}

/* ---- end ---- */

Test(drain, requests_in_flight_are_finished, .init = setup, .fini = fixture_stop)
{
    client idle = client_open(false);
    client busy = client_open(false);
    client_text(&idle, GET);
    expect_status(&idle, 200, "idle");
    cr_assert(
        client_text(&busy, "GET /healthz HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe"));
    usleep(100000);
    kill(fix.gateway, SIGTERM);
    cr_expect(client_ended(&idle, 3000), "idle connections end at once");
    usleep(200000); /* the other loop learns of the drain on its own */
    cr_assert(client_text(&busy, "llo"));
    answer a = client_answer(&busy, true);
    char connection[16];
    cr_expect_eq(a.status, 200);
    cr_expect(answer_header(&a, "Connection:", connection, sizeof(connection)));
    cr_expect_str_eq(connection, "close");
    cr_expect(client_ended(&busy, 3000));
    answer_done(&a);
    client_close(&idle);
    client_close(&busy);
    int status = 0;
    cr_expect_eq(waitpid(fix.gateway, &status, 0), fix.gateway);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    fix.gateway = 0;
}

/* Both buffers of a connection would be another 33 KiB. */
Test(many, tls_connections_that_have_asked_keep_no_buffers, .init = setup, .fini = fixture_stop)
{
    enum { N = 400 };
    static client all[N];
    client first = client_open(true);
    client_text(&first, GET);
    expect_status(&first, 200, "first");
    size_t before = fixture_rss(false);
    for (int i = 0; i < N; i++) {
        all[i] = client_open(true);
        client_text(&all[i], GET);
        expect_status(&all[i], 200, "one of them");
    }
    cr_log_info("%.1f KiB a connection", (double)(fixture_rss(false) - before) / N / 1024);
    cr_expect_leq(fixture_rss(false), before + N * (18u << 10));
    for (int i = 0; i < N; i++) {
        client_close(&all[i]);
    }
    client_close(&first);
}
