/* Flow control to the byte, seen from the other end of the wire: what is granted is used and no
 * more, what is consumed is given back, nobody starves and nothing locks up. */
#include "echo.h"
#include "peer.h"

#include "rf_time.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define HELLO "\x0a\x02hi"
#define HOLD "\x28\x01" /* Order {hold: true} */
#define QUIET_MS 30     /* in which a sender without credit must stay silent */

/* Order {count, size} */
static size_t order(uint8_t out[32], uint32_t count, uint32_t size)
{
    Rpc__Test__Order o = RPC__TEST__ORDER__INIT;
    o.count = count;
    o.size = size;
    return rpc__test__order__pack(&o, out);
}

static void download(peer *p, uint32_t id, uint32_t count, uint32_t size)
{
    uint8_t body[32];
    size_t len = order(body, count, size);
    cr_assert(peer_call(p, id, PEER_WHOLE, "Download", body, len));
}

/* Reads exactly n bytes of DATA, and nothing follows. They are added up by call in sums. */
static void read_sums(peer *p, size_t n, size_t *sums)
{
    static peer_frame f;
    size_t got = 0;
    while (got < n) {
        cr_assert(peer_read_type(p, PEER_DATA, &f), "%zu of %zu bytes", got, n);
        got += f.len;
        sums[f.call] += f.len;
    }
    cr_assert_eq(got, n);
    cr_assert_not(peer_has_more(p, QUIET_MS), "more than was granted");
}

static void read_exactly(peer *p, size_t n)
{
    size_t sums[32] = {0};
    read_sums(p, n, sums);
}

/* ---- granted by the client ---- */

Test(grants, a_call_sends_its_window_and_then_what_is_given)
{
    static const uint32_t grants[] = {1, 7, 8, 9, 12, 4095, 65535, 65536, 65537, 1u << 20};
    echo *e = echo_start(NULL, NULL);
    peer p;
    peer_dial(&p, e->url);
    download(&p, 1, 1, 12u << 20); /* one message, so that each byte may go by itself */
    read_exactly(&p, PEER_CALL_WINDOW);
    for (size_t i = 0; i < RF_ARRAY_LEN(grants); i++) {
        cr_assert(peer_credit(&p, 1, grants[i]));
        read_exactly(&p, grants[i]);
    }
    peer_done(&p);
    echo_stop(e);
}

Test(grants, a_message_begins_when_its_prefix_can_go)
{
    echo *e = echo_start(NULL, NULL);
    peer p;
    peer_dial(&p, e->url);
    /* Ping {number, body}: 2 + 4 + n bytes; the first message leaves 5 bytes of the window. */
    download(&p, 1, 2, (4u << 20) - PEER_PREFIX - 7 - 5);
    read_exactly(&p, PEER_CALL_WINDOW - 5);
    cr_assert(peer_credit(&p, 1, 2));
    cr_assert_not(peer_has_more(&p, QUIET_MS), "7 are, too");
    cr_assert(peer_credit(&p, 1, 1));
    read_exactly(&p, 8);
    cr_assert(peer_credit(&p, 1, 3));
    read_exactly(&p, 3);
    peer_done(&p);
    echo_stop(e);
}

Test(grants, calls_share_the_credit_of_their_connection)
{
    enum { N = 10 }; /* 40 MiB of call credit in all */
    static size_t sums[N + 1];
    echo *e = echo_start(NULL, NULL);
    peer p;
    peer_dial(&p, e->url);
    for (uint32_t id = 1; id <= N; id++) {
        download(&p, id, 1, 12u << 20);
    }
    cr_assert(peer_call(&p, N + 1, PEER_WHOLE, "Obey", HOLD, 2));
    cr_assert(echo_wait(e, &e->n_held, 1), "all have begun before any has used its credit");
    read_sums(&p, PEER_CONN_WINDOW, sums);
    for (uint32_t id = 1; id <= N; id++) {
        cr_assert_leq(sums[id], PEER_CALL_WINDOW);
        cr_assert_gt(sums[id], PEER_CALL_WINDOW / 2, "call %u got %zu", id, sums[id]);
    }
    for (uint32_t id = 1; id <= N; id++) {
        cr_assert(peer_credit(&p, id, 100000));
    }
    cr_assert_not(peer_has_more(&p, QUIET_MS), "the connection has none left");
    cr_assert(peer_credit(&p, 0, 300001));
    read_exactly(&p, 300001);
    cr_assert(peer_call(&p, N + 2, PEER_WHOLE, "Unary", HELLO, 4));
    cr_assert_not(peer_has_more(&p, QUIET_MS), "an answer counts as well");
    cr_assert(peer_credit(&p, 0, 1u << 20));
    static peer_frame f;
    cr_assert(peer_read_type(&p, PEER_END, &f), "and is not starved");
    cr_assert_eq(f.call, N + 2);
    peer_done(&p);
    echo_stop(e);
}

Test(grants, credit_may_reach_its_limit_and_not_pass_it)
{
    static const struct {
        bool of_call;
        uint32_t first, second;
        bool legal;
    } rows[] = {
        {true, 0x7fffffffu - (4u << 20), 0, true},
        {true, 0x7fffffffu - (4u << 20), 1, false},
        {true, 0x7fffffffu - (4u << 20) + 1, 0, false},
        {true, 0xffffffffu, 0, false},
        {true, 0, 0, true},
        {false, 0x7fffffffu - (32u << 20), 0, true},
        {false, 0x7fffffffu - (32u << 20), 1, false},
        {false, 0x80000000u, 0, false},
        {false, 0, 1, true},
    };
    echo *e = echo_start(NULL, NULL);
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        peer p;
        peer_dial(&p, e->url);
        cr_assert(peer_open(&p, 1, "Chat"));
        cr_assert(peer_credit(&p, rows[i].of_call ? 1 : 0, rows[i].first));
        (void)peer_credit(&p, rows[i].of_call ? 1 : 0, rows[i].second);
        cr_assert(rows[i].legal ? peer_is_alive(&p) : peer_is_cut_off(&p), "row %zu", i);
        peer_done(&p);
    }
    echo_stop(e);
}

/* ---- given back by the server ---- */

/* Adds up CREDIT of the call and of the connection until a PONG comes. */
static void read_credit(peer *p, size_t *of_call, size_t *of_conn)
{
    static peer_frame f;
    cr_assert(peer_put(p, PEER_PING, 0, 0, "credit?.", 8));
    for (;;) {
        cr_assert(peer_read(p, &f));
        if (f.type == PEER_PONG) {
            return;
        }
        if (f.type == PEER_CREDIT) {
            *(f.call == 0 ? of_conn : of_call) += peer_u32(f.payload);
        }
    }
}

Test(returns, what_is_consumed_comes_back_to_call_and_connection)
{
    enum { N = 900, SIZE = 40000 };
    static uint8_t body[SIZE] = {0x12, 0xbc, 0xb8, 0x02}; /* Ping {body: 39996 zeros} */
    size_t sent = 0;
    size_t of_call = 0;
    size_t of_conn = 0;
    echo *e = echo_start(NULL, NULL);
    peer p;
    peer_dial(&p, e->url);
    cr_assert(peer_open(&p, 1, "Upload"));
    for (int i = 0; i < N; i++) {
        cr_assert(peer_data(&p, 1, 0, body, SIZE));
        sent += PEER_PREFIX + SIZE;
        if (i % 50 == 49) {
            read_credit(&p, &of_call, &of_conn);
            cr_assert_leq(of_call, sent);
            cr_assert_leq(of_conn, sent);
            cr_assert_gt(of_call + PEER_CALL_WINDOW / 4 + SIZE, sent, "%zu of %zu", of_call, sent);
            cr_assert_gt(of_conn + PEER_CONN_WINDOW / 4 + SIZE, sent, "%zu of %zu", of_conn, sent);
        }
    }
    cr_assert_gt(of_conn, PEER_CONN_WINDOW / 4, "more than a window went through");
    peer_done(&p);
    echo_stop(e);
}

/* Calls that are over, refused or unknown: their bytes belong to nobody and come back as well. */
Test(returns, bytes_of_calls_that_are_over_come_back_to_the_connection)
{
    static uint8_t body[60000];
    echo *e = echo_start(NULL, &(rf_rpc_server_config){.max_calls = 1});
    peer p;
    size_t of_call = 0;
    size_t of_conn = 0;
    peer_dial(&p, e->url);
    cr_assert(peer_open(&p, 1, "Chat"));
    cr_assert(peer_open(&p, 2, "Chat"), "refused: one call at a time");
    cr_assert(peer_open(&p, 3, "Missing"));
    for (int i = 0; i < 400; i++) {
        cr_assert(peer_data(&p, 2 + (uint32_t)i % 2, 0, body, sizeof(body)));
        cr_assert(i % 40 != 0 ||
                  (peer_begin(&p, 2, 70000, 0, 60000) && peer_more(&p, 2, 0, 10000)));
    }
    read_credit(&p, &of_call, &of_conn);
    cr_assert_eq(of_call, 0);
    cr_assert_gt(of_conn, 400 * sizeof(body) - PEER_CONN_WINDOW / 4);
    cr_assert(peer_is_alive(&p));
    peer_done(&p);
    echo_stop(e);
}

Test(returns, a_message_that_is_larger_than_the_window_is_admitted_at_once)
{
    static const struct {
        uint32_t header, attachment;
    } rows[] = {
        {5u << 20, 0}, {0, 5u << 20},       {3u << 20, 3u << 20},
        {4u << 20, 0}, {(4u << 20) - 8, 1}, {0, 15u << 20},
    };
    static peer_frame f;
    echo *e = echo_start(NULL, NULL);
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        peer p;
        uint32_t size = rows[i].header + rows[i].attachment;
        peer_dial(&p, e->url);
        cr_assert(peer_open(&p, 1, "Upload"));
        cr_assert(peer_begin(&p, 1, rows[i].header, rows[i].attachment, 1000));
        cr_assert(peer_read_type(&p, PEER_CREDIT, &f));
        cr_assert_eq(f.call, 1);
        cr_assert_eq(peer_u32(f.payload), size + PEER_PREFIX - PEER_CALL_WINDOW, "row %zu", i);
        peer_done(&p);
    }
    peer p;
    peer_dial(&p, e->url);
    cr_assert(peer_open(&p, 1, "Upload"));
    cr_assert(peer_begin(&p, 1, (4u << 20) - 8, 0, 1000));
    cr_assert(peer_put(&p, PEER_PING, 0, 0, "12345678", 8));
    cr_assert(peer_read(&p, &f));
    cr_assert_eq(f.type, PEER_PONG, "what fits needs nothing more");
    peer_done(&p);
    echo_stop(e);
}

/* ---- more than was granted ---- */

/* Keeps what it gets: no credit goes back. */
static void keep_open(rf_rpc_call *call, void *user)
{
    static const rf_rpc_events events = {.done = NULL, .manual_credit = true};
    (void)user;
    rf_rpc_call_listen(call, &events, NULL);
}

typedef struct keeper {
    rf_rpc_server *server;
    char url[64];
    char dir[32];
} keeper;

static void keeper_start(keeper *k)
{
    (void)snprintf(k->dir, sizeof(k->dir), "/tmp/rf-rpc-XXXXXX");
    cr_assert_not_null(mkdtemp(k->dir));
    (void)snprintf(k->url, sizeof(k->url), "ipc://%s/s", k->dir);
    cr_assert_eq(rf_rpc_server_new(&(rf_rpc_server_config){.listen = k->url}, &k->server), 0);
    rf_rpc_server_handle_stream(k->server, &rpc_test_echo, RPC_TEST_ECHO_CHAT, keep_open, NULL);
    cr_assert_eq(rf_rpc_server_start(k->server), 0);
}

static void keeper_stop(keeper *k)
{
    (void)rf_rpc_server_free(k->server);
    (void)remove(k->url + 6);
    (void)remove(k->dir);
}

static void send_window(peer *p, uint32_t id, size_t n)
{
    static uint8_t body[60000 - PEER_PREFIX];
    for (; n >= 60000; n -= 60000) {
        cr_assert(peer_data(p, id, 0, body, sizeof(body)));
    }
    if (n > 0) {
        cr_assert(n >= PEER_PREFIX);
        cr_assert(peer_data(p, id, 0, body, n - PEER_PREFIX));
    }
}

Test(excess, one_byte_more_than_the_call_may_send_cuts_off)
{
    keeper k;
    keeper_start(&k);
    for (size_t more = 0; more < 2; more++) {
        peer p;
        peer_dial(&p, k.url);
        cr_assert(peer_open(&p, 1, "Chat"));
        send_window(&p, 1, PEER_CALL_WINDOW - 1000);
        send_window(&p, 1, 1000 + more);
        cr_assert(more == 0 ? peer_is_alive(&p) : peer_is_cut_off(&p));
        peer_done(&p);
    }
    keeper_stop(&k);
}

Test(excess, one_byte_more_than_the_connection_may_send_cuts_off)
{
    keeper k;
    keeper_start(&k);
    for (size_t more = 0; more < 2; more++) {
        peer p;
        peer_dial(&p, k.url);
        for (uint32_t id = 1; id <= 8; id++) {
            cr_assert(peer_open(&p, id, "Chat"));
            send_window(&p, id, PEER_CALL_WINDOW - 1000);
        }
        cr_assert(peer_open(&p, 9, "Chat"));
        send_window(&p, 9, 8000 + more);
        cr_assert(more == 0 ? peer_is_alive(&p) : peer_is_cut_off(&p));
        peer_done(&p);
    }
    keeper_stop(&k);
}

/* ---- the client's side ---- */

Test(client, sends_its_window_and_goes_on_with_credit)
{
    static uint8_t body[9 << 20];
    peer p;
    peer_listen(&p);
    rf_rpc_channel *c = NULL;
    cr_assert_eq(rf_rpc_channel_open(&(rf_rpc_channel_config){.target = p.url}, &c), 0);
    peer_accept(&p);
    rf_rpc_stream *s = rf_rpc_stream_open(c, RPC_TEST_ECHO_UPLOAD, NULL);
    cr_assert_eq(rf_rpc_stream_send_raw(s, body, sizeof(body), NULL), 0);
    read_exactly(&p, PEER_CALL_WINDOW);
    cr_assert(peer_credit(&p, 1, 70000));
    read_exactly(&p, 70000);
    cr_assert(peer_credit(&p, 1, 16u << 20));
    read_exactly(&p, sizeof(body) + PEER_PREFIX - PEER_CALL_WINDOW - 70000);
    (void)rf_rpc_stream_free(s);
    (void)rf_rpc_channel_close(c);
    peer_done(&p);
}

Test(client, keeps_unread_messages_within_the_window_and_returns_what_is_read)
{
    static uint8_t body[50000];
    static peer_frame f;
    peer p;
    peer_listen(&p);
    rf_rpc_channel *c = NULL;
    cr_assert_eq(rf_rpc_channel_open(&(rf_rpc_channel_config){.target = p.url}, &c), 0);
    peer_accept(&p);
    rf_rpc_method raw = *RPC_TEST_ECHO_CHAT;
    raw.output = NULL;
    rf_rpc_stream *s = rf_rpc_stream_open(c, &raw, NULL);
    cr_assert(peer_read_type(&p, PEER_CALL, &f));
    size_t n = PEER_CALL_WINDOW / (PEER_PREFIX + sizeof(body));
    for (size_t i = 0; i < n; i++) {
        cr_assert(peer_data(&p, 1, 0, body, sizeof(body)));
    }
    cr_assert(peer_is_alive(&p));
    cr_assert_not(peer_has_more(&p, QUIET_MS), "nothing was read, nothing is given back");
    for (size_t i = 0; i < n; i++) {
        rf_rpc_item *item = NULL;
        cr_assert_eq(rf_rpc_stream_recv(s, &item), 1);
        cr_assert_eq(item->msg.len, sizeof(body));
        (void)rf_rpc_item_free(item);
    }
    size_t of_call = 0;
    size_t of_conn = 0;
    read_credit(&p, &of_call, &of_conn);
    cr_assert_gt(of_call, PEER_CALL_WINDOW * 3 / 4 - sizeof(body));
    (void)rf_rpc_stream_free(s);
    (void)rf_rpc_channel_close(c);
    peer_done(&p);
}

/* Both sides fill their windows and read nothing until then: nobody waits for the other for ever.
 */
Test(client, both_sides_may_run_out_of_credit_at_once)
{
    enum { N = 300, SIZE = 60000 };
    static uint8_t body[SIZE];
    echo *e = echo_start(NULL, &(rf_rpc_server_config){.max_queue = 8 << 20});
    rf_rpc_channel *c = echo_connect(e, NULL);
    rf_rpc_stream *s = rf_rpc_stream_open(c, RPC_TEST_ECHO_CHAT, NULL);
    Rpc__Test__Ping ping = RPC__TEST__PING__INIT;
    ping.body = (ProtobufCBinaryData){sizeof(body), body};
    size_t n_sent = 0;
    size_t n_got = 0;
    rf_rpc_item *item = NULL;
    while (n_sent < 60) { /* 3.6 MB, within all windows: no answer has been read yet */
        cr_assert_eq(rf_rpc_stream_send(s, &ping.base, NULL), 0);
        n_sent++;
    }
    while (n_got < N) {
        cr_assert_eq(rf_rpc_stream_recv(s, &item), 1);
        item = rf_rpc_item_free(item);
        n_got++;
        if (n_sent < N) {
            cr_assert_eq(rf_rpc_stream_send(s, &ping.base, NULL), 0);
            n_sent++;
        }
    }
    rf_rpc_stream_half_close(s);
    cr_assert_eq(rf_rpc_stream_recv(s, &item), 0);
    (void)rf_rpc_stream_free(s);
    echo_stop(e);
}
