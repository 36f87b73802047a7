#include "client.h"
#include "fixture.h"
#include "rf_base.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define GET "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"

static void expect_served(client *c, const char *what)
{
    client_text(c, GET);
    answer a = client_answer(c, true);
    cr_expect_eq(a.status, 200, "%s: %d", what, a.status);
    answer_done(&a);
}

static bool speaks(client *c, int wait_ms)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    return poll(&p, 1, wait_ms) == 1;
}

/* ---- connections ---- */

static void setup_few(void)
{
    static const char *const args[] = {"--connections.max=16", NULL};
    fixture_start(args, NULL);
}

/* Connections end on the gateway's loops a moment after their clients close. */
static client open_when_there_is_room(void)
{
    int64_t end = rf_time_ns() + 5 * RF_NS_PER_S;
    for (;;) {
        client c = client_open(false);
        client_text(&c, GET);
        answer a = client_answer(&c, true);
        int status = a.status;
        answer_done(&a);
        if (status == 200 || rf_time_ns() > end) {
            cr_expect_eq(status, 200);
            return c;
        }
        client_close(&c);
        usleep(10000);
    }
}

Test(pressure, connections_above_the_limit_get_503, .init = setup_few, .fini = fixture_stop)
{
    client all[16];
    char text[32];
    for (int i = 0; i < 16; i++) {
        all[i] = client_open(false);
        expect_served(&all[i], "within the limit");
    }
    client above = client_open(false);
    answer a = client_answer(&above, true); /* without a request */
    cr_expect_eq(a.status, 503);
    cr_expect_not_null(strstr(a.body, "\"code\":\"UNAVAILABLE\""), "%s", a.body);
    cr_expect(answer_header(&a, "Retry-After:", text, sizeof(text)));
    cr_expect(answer_header(&a, "Connection:", text, sizeof(text)));
    cr_expect_str_eq(text, "close");
    cr_expect(client_ended(&above, 3000));
    answer_done(&a);
    client_close(&above);
    fix.http_port = fix.https_port;
    above = client_open(false);
    cr_expect(client_ended(&above, 3000), "nothing is said before a handshake");
    client_close(&above);
    for (int i = 0; i < 16; i++) {
        expect_served(&all[i], "those within go on");
    }
    for (int i = 0; i < 16; i++) {
        client_close(&all[i]);
    }
}

Test(pressure, room_comes_back_when_connections_end, .init = setup_few, .fini = fixture_stop)
{
    for (int round = 0; round < 3; round++) {
        client all[16];
        for (int i = 0; i < 16; i++) {
            all[i] = open_when_there_is_room();
        }
        for (int i = 0; i < 16; i++) {
            client_close(&all[i]);
        }
    }
}

static void setup(void)
{
    fixture_start(NULL, NULL);
}

static size_t descriptors(void)
{
    char path[64];
    size_t n = 0;
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)fix.gateway);
    DIR *d = opendir(path);
    cr_assert_not_null(d);
    while (readdir(d) != NULL) {
        n++;
    }
    closedir(d);
    return n - 2; /* . and .. */
}

static void limit_descriptors(size_t n)
{
    struct rlimit limit;
    cr_assert_eq(prlimit(fix.gateway, RLIMIT_NOFILE, NULL, &limit), 0);
    limit.rlim_cur = n > 0 ? n : limit.rlim_max;
    cr_assert_eq(prlimit(fix.gateway, RLIMIT_NOFILE, &limit, NULL), 0);
}

Test(pressure, without_descriptors_new_connections_wait_and_others_go_on, .init = setup,
     .fini = fixture_stop)
{
    enum { ROOM = 4, N = 20 };
    client early = client_open(false);
    client late[N];
    int answered = 0;
    expect_served(&early, "before");
    limit_descriptors(descriptors() + ROOM);
    for (int i = 0; i < N; i++) {
        late[i] = client_open(false);
        client_text(&late[i], GET);
    }
    usleep(300000); /* several tries of the gateway */
    for (int i = 0; i < N; i++) {
        answered += speaks(&late[i], 0);
    }
    cr_expect(answered > 0 && answered <= ROOM + 1, "%d", answered);
    expect_served(&early, "meanwhile");
    limit_descriptors(0);
    for (int i = 0; i < N; i++) {
        answer a = client_answer(&late[i], true);
        cr_expect_eq(a.status, 200, "%d: %d", i, a.status);
        answer_done(&a);
        client_close(&late[i]);
    }
    client_close(&early);
}

/* ---- many requests at once ---- */

static void setup_one_loop(void)
{
    static const char *const args[] = {"--loops=1", NULL};
    fixture_start(args, NULL);
}

/* Request number i of client who; headers end in CRLF each. */
static void ask(client *c, const char *path, const char *headers, int who, int i)
{
    char text[320];
    snprintf(text, sizeof(text),
             "GET %s HTTP/1.1\r\nHost: h\r\nX-Request-Id: client-%d-request-%d\r\n%s\r\n", path,
             who, i, headers);
    cr_assert(client_text(c, text));
}

static void expect_own(client *c, int status, int who, int i)
{
    char wanted[64];
    char got[64] = "";
    answer a = client_answer(c, true);
    snprintf(wanted, sizeof(wanted), "client-%d-request-%d", who, i);
    cr_expect_eq(a.status, status, "%s: %d", wanted, a.status);
    cr_expect(answer_header(&a, "X-Request-Id:", got, sizeof(got)));
    cr_expect_str_eq(got, wanted);
    answer_done(&a);
}

/* More of them than the room for answers of one round (gateway_round.h) holds. */
Test(pressure, requests_found_at_once_are_answered_each_to_its_own, .init = setup_one_loop,
     .fini = fixture_stop)
{
    enum { N = 150 };
    client all[N];
    for (int i = 0; i < N; i++) {
        all[i] = client_open(i % 2 == 0);
        expect_served(&all[i], "before");
    }
    kill(fix.gateway, SIGSTOP);
    for (int i = 0; i < N; i++) {
        for (int request = 0; request < 3; request++) {
            ask(&all[i], "/none", "", i, request);
        }
    }
    shutdown(all[N - 1].fd, SHUT_WR);
    kill(fix.gateway, SIGCONT);
    for (int i = 0; i < N; i++) {
        for (int request = 0; request < 3; request++) {
            expect_own(&all[i], 404, i, request);
        }
    }
    cr_expect(client_ended(&all[N - 1], 3000), "which said that it asks no more");
    for (int i = 0; i < N; i++) {
        if (i < N - 1) {
            expect_served(&all[i], "afterwards");
        }
        client_close(&all[i]);
    }
}

/* Half of the clients ask the gateway, half the service, whose answers wake the loop from another
 * thread: what is held for a client has gone before its next request is taken. */
Test(pressure, requests_in_a_row_are_answered_in_order_beside_a_services_answers,
     .init = setup_one_loop, .fini = fixture_stop)
{
    enum { N = 32, REQUESTS = 300 };
    client all[N];
    char key[128];
    char headers[160];
    fixture_key_with_rate("many", 1000000, 1000000, key);
    snprintf(headers, sizeof(headers), "Authorization: %s\r\n", key);
    for (int i = 0; i < N; i++) {
        all[i] = client_open(i % 4 == 0);
    }
    for (int request = 0; request < REQUESTS; request++) {
        for (int i = 0; i < N; i++) {
            bool serviced = i % 2 == 1;
            ask(&all[i], serviced ? "/v1/application" : "/none", serviced ? headers : "", i,
                request);
        }
    }
    for (int i = 0; i < N; i++) {
        for (int request = 0; request < REQUESTS; request++) {
            expect_own(&all[i], i % 2 == 1 ? 200 : 404, i, request);
        }
        client_close(&all[i]);
    }
}

/* ---- clients that do not read ---- */

static void setup_stall(void)
{
    static const char *const args[] = {"--send.stall_s=1", NULL};
    fixture_start(args, NULL);
}

Test(pressure, a_client_that_takes_nothing_is_closed, .init = setup_stall, .fini = fixture_stop)
{
    static const char one[] = "GET /openapi.json HTTP/1.1\r\nHost: h\r\n\r\n";
    client c = client_open(false);
    struct timeval wait = {.tv_sec = 1};
    int sent = 0;
    setsockopt(c.fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    while (sent < 200000 && client_text(&c, one)) {
        sent++;
    }
    cr_assert_lt(sent, 200000);
    int64_t begin = rf_time_ns();
    struct pollfd p = {.fd = c.fd, .events = POLLOUT};
    cr_expect_eq(poll(&p, 1, 8000), 1);
    cr_expect_neq(p.revents & (POLLHUP | POLLERR), 0, "reset, %x after %.1f s", (unsigned)p.revents,
                  (double)(rf_time_ns() - begin) / RF_NS_PER_S);
    client_close(&c);
}

/* ---- keys ---- */

Test(pressure, a_key_may_have_a_rate_of_its_own, .init = setup, .fini = fixture_stop)
{
    char key[128];
    int allowed = 0;
    fixture_key_with_rate("slow", 3, 6, key);
    for (int i = 0; i < 40; i++) {
        answer a = client_call("GET", "/v1/application", key, NULL, NULL);
        allowed += a.status == 200;
        cr_expect(a.status == 200 || a.status == 429, "%d", a.status);
        answer_done(&a);
    }
    cr_expect(allowed >= 6 && allowed < 30, "%d", allowed);
    answer a = client_call("GET", "/v1/application", NULL, NULL, NULL);
    cr_expect_eq(a.status, 200, "other keys keep theirs");
    answer_done(&a);
}
