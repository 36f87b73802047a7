/* What stands before a WebSocket: form, key, ticket, origin, limits. */
#include "echo.h"
#include "fixture.h"
#include "handshakes.h"
#include "rf_base.h"
#include "rf_time.h"
#include "websocket.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define PER_KEY 16

static void start(const char *const *args)
{
    fixture_start(args, NULL);
    echo_start();
}

static void setup(void)
{
    start(NULL);
}

static void teardown(void)
{
    cr_expect(echo_in_order());
    fixture_stop();
    echo_stop(2000);
}

/* Opens a socket that must be refused or not; says what Retry-After says. */
static int status_of(const char *path, const char *key, const char *headers, int *ret_retry_s)
{
    websocket w = websocket_open(false, path, key, headers);
    char text[32];
    answer a = {.status = w.status};
    rf_copy_str(a.head, sizeof(a.head), w.head);
    if (ret_retry_s != NULL) {
        *ret_retry_s = answer_header(&a, "Retry-After:", text, sizeof(text)) ? atoi(text) : 0;
    }
    int status = w.status;
    websocket_close(&w);
    return status;
}

/* ---- form ---- */

static void check_handshake(const handshake_case *h, bool tls)
{
    client c = client_open(tls);
    char *text = rf_asprintf("%sAuthorization: %s\r\n\r\n", h->head, fix.key);
    cr_assert(client_text(&c, text));
    answer a = client_read_head(&c);
    cr_expect_eq(a.status, h->status, "%s: %d", h->name, a.status);
    if (h->status == 426) {
        cr_expect_not_null(strcasestr(a.head, "Upgrade: websocket\r\n"), "%s", h->name);
        cr_expect_not_null(strcasestr(a.head, "Sec-WebSocket-Version: 13\r\n"), "%s", h->name);
    }
    free(text);
    client_close(&c);
}

Test(handshake, forms, .init = setup, .fini = teardown)
{
    for (size_t i = 0; i < n_handshake_cases; i++) {
        check_handshake(&handshake_cases[i], false);
        check_handshake(&handshake_cases[i], true);
    }
}

Test(handshake, other_methods_are_not_allowed, .init = setup, .fini = teardown)
{
    answer a = client_call("POST", "/ws/jam", NULL, NULL, "");
    cr_expect_eq(a.status, 405);
    answer_done(&a);
}

Test(handshake, frames_may_come_with_the_request, .init = setup, .fini = teardown)
{
    static const char hello[] = "\x81\x85\0\0\0\0hello";
    for (int tls = 0; tls < 2; tls++) {
        websocket w = {.c = client_open(tls != 0)};
        char *text = rf_asprintf("%sAuthorization: %s\r\n\r\n", handshake_cases[0].head, fix.key);
        size_t len = strlen(text);
        text = rf_grow(text, len + sizeof(hello) - 1, 1);
        memcpy(text + len, hello, sizeof(hello) - 1);
        cr_assert(client_send(&w.c, text, len + sizeof(hello) - 1));
        answer a = client_read_head(&w.c);
        cr_assert_eq(a.status, 101);
        websocket_says(&w, "hello");
        websocket_ends(&w, 1000);
        free(text);
        websocket_close(&w);
    }
}

/* ---- keys ---- */

Test(handshake, keys, .init = setup, .fini = teardown)
{
    char path[256];
    char other[128];
    char header[192];
    fixture_key("another", other);
    cr_expect_eq(status_of("/ws/jam", "", NULL, NULL), 401);
    cr_expect_eq(status_of("/ws/jam", "wrong", NULL, NULL), 401);
    cr_expect_eq(status_of("/ws/jam", NULL, NULL, NULL), 101);
    snprintf(header, sizeof(header), "Authorization: Bearer %s\r\n", fix.key);
    cr_expect_eq(status_of("/ws/jam", "", header, NULL), 101);
    snprintf(path, sizeof(path), "/ws/jam?api_key=%s", fix.key);
    cr_expect_eq(status_of(path, "", NULL, NULL), 101);
    cr_expect_eq(status_of(path, NULL, NULL, NULL), 101);
    cr_expect_eq(status_of(path, other, NULL, NULL), 401);
    cr_expect_eq(status_of("/ws/jam?api_key=wrong", "", NULL, NULL), 401);
    cr_expect_eq(status_of("/ws/jam?api_key=", "", NULL, NULL), 401);
    snprintf(path, sizeof(path), "/ws/jam?api_key=%s&api_key=%s", fix.key, other);
    cr_expect_eq(status_of(path, "", NULL, NULL), 401);
    snprintf(path, sizeof(path), "/ws/jam?api_key=%s&a=%%zz", fix.key);
    cr_expect_eq(status_of(path, "", NULL, NULL), 400);
}

Test(handshake, the_service_learns_who_it_is_and_no_key, .init = setup, .fini = teardown)
{
    char path[256];
    snprintf(path, sizeof(path), "/ws/jam?a=1&api_key=%s&b=%%202", fix.key);
    websocket w = websocket_open(false, path, "", NULL);
    websocket_text(&w, "!opened");
    message m = websocket_get(&w);
    cr_expect_not_null(strstr(m.data, " address=127.0.0.1 query=a=1&b=%202"), "%s", m.data);
    cr_expect_null(strstr(m.data, fix.key), "%s", m.data);
    cr_expect_null(strstr(m.data, "tenant= "), "%s", m.data);
    cr_expect_null(strstr(m.data, "key= "), "%s", m.data);
    cr_expect_not_null(strstr(m.data, " scopes=jam.record "), "%s", m.data);
    message_done(&m);
    websocket_ends(&w, 1000);
    websocket_close(&w);
}

/* ---- tickets ---- */

static void get_ticket(char out[512])
{
    answer a = client_call("POST", "/v1/socket-tickets", NULL, "Content-Type: application/json\r\n",
                           "{\"path\":\"/ws/jam\"}");
    cr_assert_eq(a.status, 200, "%s", a.body);
    json_text(&a, "ticket", out, 512);
    answer_done(&a);
}

Test(handshake, tickets, .init = setup, .fini = teardown)
{
    char ticket[512];
    char path[640];
    get_ticket(ticket);
    snprintf(path, sizeof(path), "/ws/jam?ticket=%s", ticket);
    cr_expect_eq(status_of(path, "", NULL, NULL), 101);
    cr_expect_eq(status_of(path, NULL, NULL, NULL), 401, "both a key and a ticket");
    path[strlen(path) - 1] = path[strlen(path) - 1] == 'A' ? 'Q' : 'A';
    cr_expect_eq(status_of(path, "", NULL, NULL), 401);
    cr_expect_eq(status_of("/ws/jam?ticket=", "", NULL, NULL), 401);
}

Test(handshake, tickets_are_for_socket_paths_and_keys, .init = setup, .fini = teardown)
{
    static const char *const bodies[] = {"{\"path\":\"/ws/other\"}", "{\"path\":1}", "{}", "[]",
                                         "nonsense"};
    const char *json = "Content-Type: application/json\r\n";
    for (size_t i = 0; i < RF_ARRAY_LEN(bodies); i++) {
        answer a = client_call("POST", "/v1/socket-tickets", NULL, json, bodies[i]);
        cr_expect_eq(a.status, 422, "%s: %d", bodies[i], a.status);
        answer_done(&a);
    }
    answer a = client_call("POST", "/v1/socket-tickets", "", json, "{\"path\":\"/ws/jam\"}");
    cr_expect_eq(a.status, 401);
    answer_done(&a);
}

/* ---- origins ---- */

static void setup_origins(void)
{
    static const char *const args[] = {"--jam.allowed_origins=https://page.example,null", NULL};
    start(args);
}

Test(handshake, listed_origins, .init = setup_origins, .fini = teardown)
{
    cr_expect_eq(status_of("/ws/jam", NULL, NULL, NULL), 101);
    cr_expect_eq(status_of("/ws/jam", NULL, "Origin: https://page.example\r\n", NULL), 101);
    cr_expect_eq(status_of("/ws/jam", NULL, "Origin: null\r\n", NULL), 101);
    cr_expect_eq(status_of("/ws/jam", NULL, "Origin: https://other.example\r\n", NULL), 403);
    cr_expect_eq(status_of("/ws/jam", "", "Origin: https://other.example\r\n", NULL), 403);
}

Test(handshake, the_servers_own_origin, .init = setup, .fini = teardown)
{
    char own[96];
    snprintf(own, sizeof(own), "Origin: https://localhost:%d\r\n", fix.https_port);
    cr_expect_eq(status_of("/ws/jam", NULL, own, NULL), 101);
    cr_expect_eq(status_of("/ws/jam", NULL, "Origin: http://localhost\r\n", NULL), 101);
    cr_expect_eq(status_of("/ws/jam", NULL, "Origin: null\r\n", NULL), 403);
    cr_expect_eq(status_of("/ws/jam", NULL, "Origin: https://page.example\r\n", NULL), 403);
}

/* ---- numbers ---- */

static void open_many(websocket *all, size_t n, const char *key)
{
    for (size_t i = 0; i < n; i++) {
        all[i] = websocket_open(false, "/ws/jam", key, NULL);
        cr_expect_eq(all[i].status, 101, "socket %zu: %d", i, all[i].status);
    }
}

static void close_many(websocket *all, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        websocket_ends(&all[i], 1000);
        websocket_close(&all[i]);
    }
}

Test(handshake, sixteen_sockets_a_key, .init = setup, .fini = teardown)
{
    websocket all[PER_KEY];
    char other[128];
    int retry_s = 0;
    fixture_key("another", other);
    open_many(all, PER_KEY, NULL);
    cr_expect_eq(status_of("/ws/jam", NULL, NULL, &retry_s), 429);
    cr_expect_eq(retry_s, 5);
    cr_expect_eq(status_of("/ws/jam", other, NULL, NULL), 101);
    close_many(all, 1);
    cr_expect_eq(status_of("/ws/jam", NULL, NULL, NULL), 101);
    close_many(all + 1, PER_KEY - 1);
}

static void setup_anonymous(void)
{
    static const char *const args[] = {"--jam.allow_anonymous=true",
                                       "--jam.anonymous_per_address=2", "--jam.anonymous_total=20",
                                       NULL};
    start(args);
}

Test(handshake, anonymous_clients_have_two_sockets, .init = setup_anonymous, .fini = teardown)
{
    websocket all[2];
    int retry_s = 0;
    open_many(all, 2, "");
    websocket_text(&all[0], "!opened");
    websocket_says(&all[0], "tenant= scopes=none key= address=127.0.0.1 query=");
    cr_expect_eq(status_of("/ws/jam", "", NULL, &retry_s), 429);
    cr_expect_eq(retry_s, 5);
    cr_expect_eq(status_of("/ws/jam", NULL, NULL, NULL), 101);
    cr_expect_eq(status_of("/ws/jam", "wrong", NULL, NULL), 401);
    close_many(all, 2);
}

static void setup_total(void)
{
    static const char *const args[] = {"--jam.allow_anonymous=true",
                                       "--jam.anonymous_per_address=20", "--jam.anonymous_total=3",
                                       "--sockets.max=5", NULL};
    start(args);
}

Test(handshake, all_anonymous_clients_together_have_a_limit, .init = setup_total, .fini = teardown)
{
    websocket all[3];
    websocket more[2];
    int retry_s = 0;
    open_many(all, 3, "");
    cr_expect_eq(status_of("/ws/jam", "", NULL, NULL), 429);
    open_many(more, 2, NULL);
    cr_expect_eq(status_of("/ws/jam", NULL, NULL, &retry_s), 503);
    cr_expect_eq(retry_s, 1);
    close_many(all, 3);
    close_many(more, 2);
}

/* ---- no service ---- */

static void setup_alone(void)
{
    fixture_start(NULL, NULL);
}

Test(handshake, without_a_service_503, .init = setup_alone, .fini = fixture_stop)
{
    int retry_s = 0;
    cr_expect_eq(status_of("/ws/jam", NULL, NULL, &retry_s), 503);
    cr_expect_eq(retry_s, 1);
    cr_expect_eq(status_of("/ws/jam", "", NULL, NULL), 401);
}

/* ---- secrets ---- */

static bool file_has(const char *path, const char *text)
{
    static char bytes[1u << 20];
    FILE *f = fopen(path, "r");
    cr_assert_not_null(f);
    size_t n = fread(bytes, 1, sizeof(bytes) - 1, f);
    fclose(f);
    cr_expect_gt(n, 0u, "nothing is logged at all");
    return memmem(bytes, n, text, strlen(text)) != NULL;
}

/* Everything that the gateway writes, at its most talkative. */
Test(handshake, no_key_and_no_ticket_is_ever_logged)
{
    static const char *const args[] = {"--log.level=debug", NULL};
    char log[64];
    char path[640];
    char ticket[512];
    snprintf(log, sizeof(log), "/tmp/rf-ws-log-%d", (int)getpid());
    cr_assert_not_null(freopen(log, "w", stderr));
    start(args);
    get_ticket(ticket);
    snprintf(path, sizeof(path), "/ws/jam?api_key=%s", fix.key);
    cr_expect_eq(status_of(path, "", NULL, NULL), 101);
    cr_expect_eq(status_of("/ws/jam?api_key=guessed-secret", "", NULL, NULL), 401);
    cr_expect_eq(status_of("/ws/jam?api_key=broken-secret%zz", "", NULL, NULL), 400);
    snprintf(path, sizeof(path), "/ws/jam?ticket=%s", ticket);
    cr_expect_eq(status_of(path, "", NULL, NULL), 101);
    teardown();
    cr_expect(file_has(log, "/ws/jam"));
    cr_expect_not(file_has(log, fix.key));
    cr_expect_not(file_has(log, "guessed-secret"));
    cr_expect_not(file_has(log, "broken-secret"));
    cr_expect_not(file_has(log, ticket));
    unlink(log);
}
