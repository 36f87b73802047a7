/* What passes through a socket, at whose pace, and how it ends. */
#include "echo.h"
#include "fixture.h"
#include "rf_base.h"
#include "rf_time.h"
#include "websocket.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HALF_OPEN 2000
#define SLACK_BYTES (24u << 20)

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

static websocket open_socket(bool tls)
{
    websocket w = websocket_open(tls, "/ws/jam", NULL, NULL);
    cr_assert_eq(w.status, 101);
    return w;
}

/* ---- from the service ---- */

static void check_base64(websocket *w, size_t before, size_t len, size_t after)
{
    char order[96];
    snprintf(order, sizeof(order), "!base64 %zu %zu %zu", before, len, after);
    websocket_text(w, order);
    message m = websocket_get(w);
    size_t digits = (len + 2) / 3 * 4;
    uint8_t *data = malloc(len + 1);
    uint8_t *want = malloc(digits + 1);
    for (size_t i = 0; i < len; i++) {
        data[i] = echo_pattern(i);
    }
    EVP_EncodeBlock(want, data, (int)len);
    cr_expect_eq(m.opcode, 1u);
    cr_expect_eq(m.len, before + digits + after, "%s: %zu", order, m.len);
    cr_expect_eq(memcmp(m.data + before, want, digits), 0, "%s", order);
    cr_expect(before == 0 || m.data[before - 1] == 'x');
    cr_expect(after == 0 || m.data[m.len - 1] == 'x');
    message_done(&m);
    free(data);
    free(want);
}

/* The pieces end where the gateway's buffer does, 65536 bytes, wherever that falls. */
Test(sockets, base64_is_exact_across_pieces, .init = setup, .fini = teardown)
{
    for (int tls = 0; tls < 2; tls++) {
        websocket w = open_socket(tls != 0);
        for (size_t len = 0; len < 9; len++) {
            check_base64(&w, len, len, 9 - len);
        }
        for (size_t shift = 0; shift < 9; shift++) {
            check_base64(&w, 120 + shift, 49050 + shift / 3, shift);
            check_base64(&w, shift, 768058 + shift, 900);
        }
        check_base64(&w, 3500, 783418, 2);
        websocket_ends(&w, 1000);
        websocket_close(&w);
    }
}

static void check_pair(websocket *w, size_t len)
{
    char order[48];
    snprintf(order, sizeof(order), "!pair %zu", len);
    websocket_text(w, order);
    websocket_frame(w, 0x89, "ping", 4); /* a pong may come anywhere */
    message m = websocket_get(w);
    while (m.opcode == 10) {
        message_done(&m);
        m = websocket_get(w);
    }
    cr_expect_eq(m.opcode, 2u);
    cr_expect_eq(m.len, len);
    for (size_t i = 0; i < m.len; i++) {
        cr_assert_eq((uint8_t)m.data[i], echo_pattern(i), "byte %zu of %zu", i, len);
    }
    message_done(&m);
    m = websocket_get(w);
    bool pong = m.opcode == 10;
    if (pong) {
        message_done(&m);
        m = websocket_get(w);
    }
    cr_expect_eq(m.opcode, 1u);
    cr_expect_str_eq(m.data, "meta");
    message_done(&m);
}

Test(sockets, a_binary_frame_and_the_text_behind_it, .init = setup, .fini = teardown)
{
    static const size_t lengths[] = {0, 1, 125, 126, 65525, 65526, 65535, 65536, 200000, 3000000};
    for (int tls = 0; tls < 2; tls++) {
        websocket w = open_socket(tls != 0);
        for (size_t i = 0; i < RF_ARRAY_LEN(lengths); i++) {
            check_pair(&w, lengths[i]);
        }
        websocket_close(&w);
    }
}

Test(sockets, the_service_learns_what_has_gone, .init = setup, .fini = teardown)
{
    websocket w = open_socket(false);
    websocket_text(&w, "one");
    websocket_says(&w, "one");
    websocket_text(&w, "!pair 100000");
    for (int i = 0; i < 2; i++) {
        message m = websocket_get(&w);
        message_done(&m);
    }
    int64_t end = rf_time_ns() + 5 * RF_NS_PER_S;
    long taken = 0;
    for (long asked = 0; taken != 3 + asked && rf_time_ns() < end; asked++) {
        websocket_text(&w, "!taken");
        message m = websocket_get(&w);
        taken = strtol(m.data, NULL, 10);
        message_done(&m);
        if (taken == 3 + asked) {
            break;
        }
    }
    cr_expect_geq(taken, 3);
    websocket_ends(&w, 1000);
    websocket_close(&w);
}

/* ---- pace ---- */

static void read_slowly(websocket *w, int seconds)
{
    char bytes[1024];
    for (int i = 0; i < seconds * 4; i++) {
        cr_assert_gt(client_read(&w->c, bytes, 256), 0);
        usleep(250000);
    }
}

/* 1 kB/s against a service that sends 64 MiB, whatever it is told. */
Test(sockets, a_slow_reader_costs_a_fixed_amount, .init = setup, .fini = teardown)
{
    websocket w = open_socket(false);
    websocket t = open_socket(true);
    size_t before = fixture_rss(false);
    websocket_text(&w, "!flood 64 1048576");
    websocket_text(&t, "!flood 64 1048576");
    read_slowly(&w, 2);
    size_t after = fixture_rss(true);
    cr_expect_leq(after, before + SLACK_BYTES, "from %zu to %zu", before, after);
    websocket other = open_socket(false);
    websocket_text(&other, "still served");
    websocket_says(&other, "still served");
    websocket_ends(&other, 1000);
    websocket_close(&other);
    for (int i = 0; i < 40; i++) {
        read_slowly(&w, 0);
    }
    read_slowly(&t, 2);
    cr_expect_leq(fixture_rss(true), before + SLACK_BYTES);
    websocket_close(&w);
    websocket_close(&t);
}

Test(sockets, what_a_slow_reader_gets_is_whole, .init = setup, .fini = teardown)
{
    websocket w = open_socket(true);
    websocket_text(&w, "!flood 24 1048576");
    usleep(500000);
    for (int i = 0; i < 24; i++) {
        message m = websocket_get(&w);
        cr_assert_eq(m.len, 1048576u);
        for (size_t k = 0; k < m.len; k += 997) {
            cr_assert_eq((uint8_t)m.data[k], echo_pattern(k), "frame %d, byte %zu", i, k);
        }
        message_done(&m);
    }
    websocket_ends(&w, 1000);
    websocket_close(&w);
}

static void setup_stall(void)
{
    static const char *const args[] = {"--sockets.stall_s=2", NULL};
    start(args);
}

Test(sockets, a_reader_that_takes_nothing_is_dropped, .init = setup_stall, .fini = teardown)
{
    websocket w = open_socket(false);
    websocket_text(&w, "!flood 64 1048576");
    cr_expect_eq(echo_closed(20000), 1006u);
    websocket_close(&w);
}

/* Frame number i: a big one, or one of the small ones of which many come in one read. */
static bool send_numbered(websocket *w, uint32_t i)
{
    static char text[60000];
    memcpy(text, &i, sizeof(i));
    return websocket_frame(w, 0x82, text, i % 8 == 0 ? sizeof(text) : sizeof(i) + i % 200);
}

static void expect_numbered(websocket *w, uint32_t i)
{
    message m = websocket_get(w);
    while (m.opcode == 9) {
        message_done(&m);
        m = websocket_get(w);
    }
    uint32_t number = UINT32_MAX;
    memcpy(&number, m.data, RF_MIN(m.len, sizeof(number)));
    cr_assert_eq(number, i, "message %u where %u is due", number, i);
    cr_assert_eq(m.len, i % 8 == 0 ? 60000 : sizeof(i) + i % 200);
    message_done(&m);
}

/* Sends until the gateway takes no more; then the service reads on, and gets all in its order. */
Test(sockets, a_slow_service_stops_the_client, .init = setup, .fini = teardown)
{
    websocket w = open_socket(false);
    struct timeval wait = {.tv_sec = 2};
    uint32_t n = 0;
    websocket_text(&w, "!deaf");
    setsockopt(w.c.fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    while (n < 32000 && send_numbered(&w, n)) {
        n++;
    }
    cr_expect_lt(n, 32000u, "the gateway takes all");
    echo_hear();
    for (uint32_t i = 0; i < n; i++) {
        expect_numbered(&w, i);
    }
    websocket_close(&w);
}

/* ---- life ---- */

static void setup_ping(void)
{
    static const char *const args[] = {"--sockets.ping_s=1", NULL};
    start(args);
}

Test(sockets, clients_that_answer_pings_stay, .init = setup_ping, .fini = teardown)
{
    websocket w = open_socket(true);
    for (int i = 0; i < 4; i++) {
        message m = websocket_get(&w);
        cr_assert_eq(m.opcode, 9u);
        websocket_frame(&w, 0x8a, m.data, m.len);
        message_done(&m);
    }
    websocket_text(&w, "here");
    websocket_says(&w, "here");
    websocket_ends(&w, 1000);
    websocket_close(&w);
}

Test(sockets, two_pings_without_an_answer_end_it, .init = setup_ping, .fini = teardown)
{
    websocket w = open_socket(false);
    for (int i = 0; i < 2; i++) {
        message m = websocket_get(&w);
        cr_assert_eq(m.opcode, 9u);
        message_done(&m);
    }
    message m = websocket_get(&w);
    cr_expect_eq(m.opcode, 0u, "opcode %u", m.opcode);
    cr_expect_eq(echo_closed(5000), 1006u);
    message_done(&m);
    websocket_close(&w);
}

Test(sockets, a_lost_connection_is_1006, .init = setup, .fini = teardown)
{
    websocket w = open_socket(false);
    websocket_text(&w, "x");
    websocket_says(&w, "x");
    websocket_close(&w);
    cr_expect_eq(echo_closed(5000), 1006u);
}

Test(sockets, a_client_that_never_closes_its_side_is_let_go, .init = setup, .fini = teardown)
{
    websocket w = open_socket(false);
    websocket_text(&w, "!close 1000 done");
    message m = websocket_get(&w);
    cr_expect_eq(m.code, 1000u);
    cr_expect_str_eq(m.data + 2, "done");
    message_done(&m);
    cr_expect(client_ended(&w.c, 10000));
    websocket_close(&w);
}

Test(sockets, the_service_closes_behind_its_messages, .init = setup, .fini = teardown)
{
    websocket w = open_socket(true);
    websocket_text(&w, "!pair 500000");
    websocket_text(&w, "!close 1008 policy");
    message m = websocket_get(&w);
    cr_expect_eq(m.len, 500000u);
    message_done(&m);
    websocket_says(&w, "meta");
    m = websocket_get(&w);
    cr_expect_eq(m.code, 1008u);
    websocket_frame(&w, 0x88, m.data, m.len);
    message_done(&m);
    cr_expect(client_ended(&w.c, 10000));
    cr_expect_eq(echo_closed(5000), 1008u);
    websocket_close(&w);
}

Test(sockets, an_impossible_close_code_is_an_internal_fault, .init = setup, .fini = teardown)
{
    websocket w = open_socket(false);
    websocket_text(&w, "!close 1006 never");
    websocket_closed(&w, 1011, "1006");
    websocket_close(&w);
}

Test(sockets, the_end_of_the_call_has_a_close_code, .init = setup, .fini = teardown)
{
    static const struct {
        int status;
        unsigned code;
    } cases[] = {{0, 1000}, {14, 1012}, {13, 1011}, {2, 1011}, {8, 1013}, {3, 1008}, {7, 1008}};
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        char order[32];
        websocket w = open_socket(false);
        snprintf(order, sizeof(order), "!end %d", cases[i].status);
        websocket_text(&w, order);
        websocket_closed(&w, cases[i].code, order);
        websocket_close(&w);
    }
}

Test(sockets, a_service_that_dies_is_a_restart, .init = setup, .fini = fixture_stop)
{
    websocket w = open_socket(false);
    websocket_text(&w, "x");
    websocket_says(&w, "x");
    echo_stop(0);
    websocket_closed(&w, 1012, "service gone");
    websocket_close(&w);
    websocket again = websocket_open(false, "/ws/jam", NULL, NULL);
    cr_expect_eq(again.status, 503);
    websocket_close(&again);
    echo_start();
    again = open_socket(false);
    websocket_text(&again, "back");
    websocket_says(&again, "back");
    websocket_close(&again);
    echo_stop(1000);
}

static void setup_drain(void)
{
    static const char *const args[] = {"--sockets.drain_s=1", NULL};
    start(args);
}

Test(sockets, a_gateway_that_shuts_down_gives_them_time, .init = setup_drain, .fini = teardown)
{
    websocket w = open_socket(true);
    websocket_text(&w, "x");
    websocket_says(&w, "x");
    int64_t begin = rf_time_ns();
    kill(fix.gateway, SIGTERM);
    websocket_text(&w, "meanwhile");
    websocket_says(&w, "meanwhile");
    websocket_closed(&w, 1012, "drain");
    cr_expect_geq(rf_time_ns() - begin, 900 * RF_NS_PER_MS);
    cr_expect_eq(echo_closed(5000), 1012u);
    websocket_close(&w);
}

/* ---- metrics ---- */

/* The value of a series, -1 when it is not there. */
static double metric(const char *series)
{
    char name[128];
    client c = client_open_port(fix.internal_port);
    cr_assert(client_text(&c, "GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    answer a = client_answer(&c, true);
    snprintf(name, sizeof(name), "\n%s ", series);
    const char *at = strstr(a.body, name);
    double value = at != NULL ? strtod(at + strlen(name), NULL) : -1;
    answer_done(&a);
    client_close(&c);
    return value;
}

Test(sockets, metrics, .init = setup, .fini = teardown)
{
    websocket w = open_socket(false);
    websocket_text(&w, "four");
    websocket_says(&w, "four");
    websocket_text(&w, "!pair 1000");
    for (int i = 0; i < 2; i++) {
        message m = websocket_get(&w);
        message_done(&m);
    }
    cr_expect_eq(metric("reflection_websockets"), 1);
    cr_expect_eq(metric("reflection_websocket_messages_total{direction=\"in\"}"), 2);
    cr_expect_eq(metric("reflection_websocket_bytes_total{direction=\"in\"}"), 4 + 10);
    cr_expect_eq(metric("reflection_websocket_messages_total{direction=\"out\"}"), 3);
    cr_expect_eq(metric("reflection_websocket_bytes_total{direction=\"out\"}"), 4 + 1000 + 4);
    cr_expect_eq(metric("reflection_websocket_queue_bytes"), 0);
    websocket_ends(&w, 3001);
    websocket_close(&w);
    w = open_socket(false);
    websocket_frame(&w, 0x83, "x", 1);
    websocket_closed(&w, 1002, "opcode 3");
    websocket_close(&w);
    cr_expect_eq(metric("reflection_websocket_closes_total{code=\"1002\"}"), 1);
    cr_expect_eq(metric("reflection_websocket_closes_total{code=\"other\"}"), 1);
    cr_expect_eq(metric("reflection_websockets"), 0);
}

/* ---- many ---- */

/* Connections that begin a handshake and leave it there. */
Test(sockets, two_thousand_half_open_ones_hurt_nobody, .init = setup, .fini = teardown)
{
    static client all[HALF_OPEN];
    size_t before = fixture_rss(false);
    for (size_t i = 0; i < HALF_OPEN; i++) {
        all[i] = client_open(false);
        client_text(&all[i], "GET /ws/jam HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n");
    }
    websocket w = open_socket(true);
    websocket_text(&w, "served");
    websocket_says(&w, "served");
    websocket_ends(&w, 1000);
    websocket_close(&w);
    cr_expect_leq(fixture_rss(false), before + SLACK_BYTES);
    for (size_t i = 0; i < HALF_OPEN; i++) {
        client_close(&all[i]);
    }
}

Test(sockets, those_that_open_and_break_off_leave_nothing_behind, .init = setup, .fini = teardown)
{
    for (int i = 0; i < 300; i++) {
        websocket w = websocket_open(i % 3 == 0, "/ws/jam", NULL, NULL);
        if (w.status == 101 && i % 2 == 0) {
            websocket_text(&w, "!flood 3 300000");
        }
        websocket_close(&w);
    }
    int64_t end = rf_time_ns() + 20 * RF_NS_PER_S;
    while (echo_sockets() > 0 && rf_time_ns() < end) {
        usleep(10000);
    }
    cr_expect_eq(echo_sockets(), 0u);
    websocket w = open_socket(false);
    websocket_ends(&w, 1000);
    websocket_close(&w);
}
