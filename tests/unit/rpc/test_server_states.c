/* A server and every frame a client can send, at each state of a call: what is in order is taken,
 * the rest cuts off that client. The client is peer.c, which speaks README.md. */
#include "echo.h"
#include "peer.h"

#include "rf_time.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HELLO "\x0a\x02hi" /* Ping {text: "hi"} */
#define HOLD "\x28\x01"    /* Order {hold: true} */

/* ---- state x frame ---- */

/* The call under test has id 4; where it has begun, the call before it had id 2. */
enum { ID = 4 };

static void never_begun(peer *p)
{
    (void)peer_call(p, 2, PEER_WHOLE, "Unary", HELLO, 4);
}

static void skipped(peer *p)
{
    (void)peer_call(p, 9, PEER_WHOLE, "Unary", HELLO, 4);
}

static void open_chat(peer *p)
{
    (void)peer_call(p, 2, PEER_WHOLE, "Unary", HELLO, 4);
    (void)peer_open(p, ID, "Chat");
}

static void inside_message(peer *p)
{
    open_chat(p);
    (void)peer_begin(p, ID, 20, 0, 4);
}

static void half_closed(peer *p)
{
    (void)peer_call(p, ID, PEER_WHOLE, "Obey", HOLD, 2);
}

static void answered(peer *p)
{
    static peer_frame f;
    (void)peer_call(p, ID, PEER_WHOLE, "Unary", HELLO, 4);
    cr_assert(peer_read_type(p, PEER_END, &f));
}

static void cancelled(peer *p)
{
    open_chat(p);
    (void)peer_put(p, PEER_CANCEL, 0, ID, "\1", 1);
}

static void refused(peer *p)
{
    (void)peer_call(p, ID, PEER_WHOLE, "Nothing", HELLO, 4);
}

static void send_call(peer *p)
{
    (void)peer_call(p, ID, PEER_WHOLE, "Unary", HELLO, 4);
}

static void send_whole(peer *p)
{
    (void)peer_data(p, ID, 0, HELLO, 4);
}

static void send_whole_last(peer *p)
{
    (void)peer_data(p, ID, PEER_LAST, HELLO, 4);
}

static void send_begin(peer *p)
{
    (void)peer_begin(p, ID, 100, 0, 10);
}

static void send_more(peer *p)
{
    (void)peer_more(p, ID, 0, 3);
}

static void send_too_much_more(peer *p)
{
    (void)peer_more(p, ID, 0, 17);
}

static void send_empty(peer *p)
{
    (void)peer_more(p, ID, 0, 0);
}

static void send_last(peer *p)
{
    (void)peer_more(p, ID, PEER_LAST, 0);
}

static void send_credit(peer *p)
{
    (void)peer_credit(p, ID, 1000);
}

static void send_cancel(peer *p)
{
    (void)peer_put(p, PEER_CANCEL, 0, ID, "\1", 1);
}

static void send_end(peer *p)
{
    (void)peer_end(p, ID, 0, "", NULL, 0);
}

typedef struct act {
    const char *name;
    void (*fn)(peer *p);
} act;

#define ACT(f)                                                                                     \
    {                                                                                              \
#f, f                                                                                      \
    }

static const act frames[] = {
    ACT(send_call),   ACT(send_whole),         ACT(send_whole_last), ACT(send_begin),
    ACT(send_more),   ACT(send_too_much_more), ACT(send_empty),      ACT(send_last),
    ACT(send_credit), ACT(send_cancel),        ACT(send_end),
};

/* One letter for each of the frames above: '.' is taken or dropped, 'x' cuts off. */
static const struct {
    act state;
    const char *outcome;
} states[] = {
    {ACT(never_begun), ".xxxxxxxxxx"}, {ACT(skipped), "x.........x"},
    {ACT(open_chat), "x...xxx...x"},   {ACT(inside_message), "xxxx.x.x..x"},
    {ACT(half_closed), "xxxxxxxx..x"}, {ACT(answered), "x.........x"},
    {ACT(cancelled), "x.........x"},   {ACT(refused), "x.........x"},
};

Test(states, every_frame_at_every_state_of_a_call)
{
    echo *e = echo_start(NULL, NULL);
    for (size_t s = 0; s < RF_ARRAY_LEN(states); s++) {
        for (size_t f = 0; f < RF_ARRAY_LEN(frames); f++) {
            peer p;
            peer_dial(&p, e->url);
            states[s].state.fn(&p);
            frames[f].fn(&p);
            bool cut = states[s].outcome[f] == 'x';
            cr_assert(cut ? peer_is_cut_off(&p) : peer_is_alive(&p), "%s at %s: wanted %s",
                      frames[f].name, states[s].state.name, cut ? "an end" : "life");
            peer_done(&p);
        }
    }
    echo_stop(e);
}

/* ---- what is answered ---- */

static unsigned end_of(peer *p, uint32_t id, char text[512])
{
    static peer_frame f;
    do {
        cr_assert(peer_read_type(p, PEER_END, &f), "no END for call %u", id);
    } while (f.call != id);
    return peer_end_code(&f, text);
}

Test(answers, of_requests_that_are_in_order_but_wrong)
{
    static const struct {
        const char *method;
        const char *body;
        size_t len;
        rf_code code;
        const char *text;
    } rows[] = {
        {"Unary", "", 0, RF_OK, ""},
        {"Unary", HELLO, 4, RF_OK, ""},
        {"Unary", "\x0a\x05hi", 4, RF_INVALID_ARGUMENT, "malformed request"},
        {"Unary", "\x0a\x02\xc3\x28", 4, RF_INVALID_ARGUMENT, "malformed request"},
        {"Unary", "\x0a\x03h\0i", 5, RF_INVALID_ARGUMENT, "malformed request"},
        {"Unary", "\xff\xff", 2, RF_INVALID_ARGUMENT, "malformed request"},
        {"Missing", HELLO, 4, RF_UNIMPLEMENTED, "unknown method rpc.test.Echo/Missing"},
        {"unary", HELLO, 4, RF_UNIMPLEMENTED, "unknown method rpc.test.Echo/unary"},
        {"no.such.Service/Unary", HELLO, 4, RF_UNIMPLEMENTED, "no.such.Service/Unary"},
        {"rpc.test.Echo/", HELLO, 4, RF_UNIMPLEMENTED, "rpc.test.Echo/"},
        {"/Unary", HELLO, 4, RF_UNIMPLEMENTED, "/Unary"},
        {"rpc.test.Echo/Unary/", HELLO, 4, RF_UNIMPLEMENTED, "rpc.test.Echo/Unary/"},
        {"rpc.v1.Health/Check", "\x0a\x04nope", 6, RF_NOT_FOUND, "unknown service nope"},
        {"rpc.v1.Health/Check", "", 0, RF_OK, ""},
        {"rpc.v1.Health/Watch", "\x0a\x04nope", 6, RF_NOT_FOUND, "unknown service nope"},
        {"rpc.v1.Health/Watch", "\x0a\x09", 2, RF_INVALID_ARGUMENT, "malformed request"},
    };
    echo *e = echo_start(NULL, NULL);
    peer p;
    peer_dial(&p, e->url);
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        char text[512];
        uint32_t id = (uint32_t)i * 7 + 1;
        cr_assert(peer_call(&p, id, PEER_WHOLE, rows[i].method, rows[i].body, rows[i].len));
        cr_assert_eq(end_of(&p, id, text), rows[i].code, "row %zu: %s", i, text);
        cr_assert_not_null(strstr(text, rows[i].text), "row %zu: %s", i, text);
    }
    cr_assert(peer_is_alive(&p));
    peer_done(&p);
    echo_stop(e);
}

Test(answers, say_when_a_method_with_one_request_gets_none_or_two)
{
    echo *e = echo_start(NULL, NULL);
    peer p;
    char text[512];
    peer_dial(&p, e->url);
    cr_assert(peer_call(&p, 1, PEER_LAST, "Unary", NULL, 0));
    cr_assert_eq(end_of(&p, 1, text), RF_INVALID_ARGUMENT);
    cr_assert_str_eq(text, "no request message");
    cr_assert(peer_open(&p, 2, "Unary"));
    cr_assert(peer_more(&p, 2, PEER_LAST, 0));
    cr_assert_eq(end_of(&p, 2, text), RF_INVALID_ARGUMENT);
    cr_assert(peer_call(&p, 3, PEER_MESSAGE, "Obey", HOLD, 2));
    cr_assert(peer_data(&p, 3, PEER_LAST, HOLD, 2));
    cr_assert_eq(end_of(&p, 3, text), RF_INVALID_ARGUMENT);
    cr_assert_str_eq(text, "more than one message");
    cr_assert(peer_open(&p, 4, "Unary"));
    cr_assert(peer_data(&p, 4, PEER_LAST, HELLO, 4));
    cr_assert_eq(end_of(&p, 4, text), RF_OK, "in DATA a request is as good as in CALL");
    peer_done(&p);
    echo_stop(e);
}

Test(answers, a_unary_answer_is_one_frame_with_the_same_bytes)
{
    static peer_frame f;
    echo *e = echo_start(NULL, NULL);
    peer p;
    peer_dial(&p, e->url);
    cr_assert(peer_call(&p, 1, PEER_WHOLE, "Unary", HELLO, 4));
    cr_assert(peer_read(&p, &f));
    cr_assert_eq(f.type, PEER_END);
    cr_assert_eq(f.flags, PEER_MESSAGE);
    cr_assert_eq(f.call, 1);
    cr_assert_eq(f.len, 4 + PEER_PREFIX + 4);
    cr_assert_eq(peer_u32(f.payload), 0, "OK, not retriable, no text");
    cr_assert_eq(peer_u32(f.payload + 4), 4, "the header");
    cr_assert_eq(peer_u32(f.payload + 8), 0, "no attachment");
    cr_assert_arr_eq(f.payload + 12, HELLO, 4);
    peer_done(&p);
    echo_stop(e);
}

Test(answers, every_status_code_is_its_number_on_the_wire)
{
    static peer_frame f;
    echo *e = echo_start(NULL, NULL);
    peer p;
    peer_dial(&p, e->url);
    for (unsigned code = 1; code < RF_N_CODES; code++) {
        uint8_t order[] = {0x08, (uint8_t)code, 0x12, 2, 'n', 'o'};
        char text[512];
        cr_assert(peer_call(&p, code, PEER_WHOLE, "Obey", order, sizeof(order)));
        cr_assert(peer_read_type(&p, PEER_END, &f));
        cr_assert_eq(f.call, code);
        cr_assert_eq(f.flags, 0);
        cr_assert_eq(peer_end_code(&f, text), code);
        cr_assert_eq(f.payload[1], code == RF_UNAVAILABLE);
        cr_assert_str_eq(text, "no");
    }
    peer_done(&p);
    echo_stop(e);
}

Test(answers, a_deadline_ends_the_call_on_the_server)
{
    echo *e = echo_start(NULL, NULL);
    peer p;
    char text[512];
    uint8_t payload[128];
    peer_dial(&p, e->url);
    size_t n =
        peer_head_put(payload, &(peer_head){.timeout_ms = 30, .method = "rpc.test.Echo/Obey"});
    memcpy(payload + n, "\2\0\0\0\0\0\0\0" HOLD, 10);
    cr_assert(peer_put(&p, PEER_CALL, PEER_WHOLE, 1, payload, n + 10));
    cr_assert_eq(end_of(&p, 1, text), RF_DEADLINE_EXCEEDED);
    cr_assert_not_null(strstr(text, "rpc.test.Echo/Obey"));
    cr_assert(echo_wait(e, &e->n_done, 1));
    cr_assert_eq(e->last_done, RF_DEADLINE_EXCEEDED);
    peer_done(&p);
    echo_stop(e);
}

/* ---- CANCEL ---- */

Test(cancel, is_told_with_its_code)
{
    static const struct {
        unsigned code;
        bool legal;
    } rows[] = {{1, true},  {3, true},   {4, true},   {8, true},   {0, false},
                {2, false}, {14, false}, {16, false}, {17, false}, {255, false}};
    echo *e = echo_start(NULL, NULL);
    size_t n_done = 0;
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        peer p;
        uint8_t code = (uint8_t)rows[i].code;
        peer_dial(&p, e->url);
        cr_assert(peer_call(&p, 1, PEER_WHOLE, "Obey", HOLD, 2));
        cr_assert(peer_put(&p, PEER_CANCEL, 0, 1, &code, 1));
        cr_assert(rows[i].legal ? peer_is_alive(&p) : peer_is_cut_off(&p), "code %u", code);
        cr_assert(echo_wait(e, &e->n_done, ++n_done));
        (void)pthread_mutex_lock(&e->mutex);
        rf_code told = e->last_done;
        (void)pthread_mutex_unlock(&e->mutex);
        cr_assert_eq(told, rows[i].legal ? rows[i].code : RF_UNAVAILABLE, "code %u", code);
        peer_done(&p);
    }
    echo_stop(e);
}

Test(cancel, is_not_answered)
{
    static peer_frame f;
    echo *e = echo_start(NULL, NULL);
    peer p;
    peer_dial(&p, e->url);
    cr_assert(peer_open(&p, 1, "Chat"));
    cr_assert(peer_put(&p, PEER_CANCEL, 0, 1, "\1", 1));
    cr_assert(peer_put(&p, PEER_PING, 0, 0, "12345678", 8));
    cr_assert(peer_read(&p, &f));
    cr_assert_eq(f.type, PEER_PONG, "nothing comes before the PONG");
    peer_done(&p);
    echo_stop(e);
}

/* A watch that ends before its request came was never listed among the watchers. */
Test(cancel, of_a_watch_without_a_request_leaves_nothing_behind)
{
    echo *e = echo_start(NULL, NULL);
    for (int i = 0; i < 10; i++) {
        peer p;
        peer_dial(&p, e->url);
        cr_assert(peer_open(&p, 1, "rpc.v1.Health/Watch"));
        cr_assert(peer_open(&p, 2, "rpc.v1.Health/Watch"));
        cr_assert(peer_more(&p, 2, PEER_LAST, 0));
        cr_assert(peer_put(&p, PEER_CANCEL, 0, 1, "\1", 1));
        cr_assert(peer_is_alive(&p));
        cr_assert_eq(rf_rpc_server_calls(e->server), 0);
        peer_done(&p);
    }
    cr_assert_eq(rf_rpc_server_drain(e->server, 5000), 0);
    echo_stop(e);
}

/* ---- ids ---- */

Test(ids, rise_in_any_steps_up_to_the_last_one)
{
    static const uint32_t ids[] = {1,     2,          3,           10,          1000,
                                   65536, 0x7fffffff, 0x80000000u, 0xfffffffeu, 0xffffffffu};
    static peer_frame f;
    echo *e = echo_start(NULL, NULL);
    peer p;
    peer_dial(&p, e->url);
    for (size_t i = 0; i < RF_ARRAY_LEN(ids); i++) {
        cr_assert(peer_call(&p, ids[i], PEER_WHOLE, "Unary", HELLO, 4));
        cr_assert(peer_read_type(&p, PEER_END, &f));
        cr_assert_eq(f.call, ids[i]);
    }
    cr_assert(peer_call(&p, 1, PEER_WHOLE, "Unary", HELLO, 4));
    cr_assert(peer_is_cut_off(&p), "after the last one there is none");
    peer_done(&p);
    echo_stop(e);
}

Test(ids, of_many_open_calls_do_not_mix)
{
    enum { N = 300 };
    static peer_frame f;
    echo *e = echo_start(NULL, NULL);
    peer p;
    size_t n_seen[N] = {0};
    peer_dial(&p, e->url);
    for (uint32_t i = 0; i < N; i++) {
        cr_assert(peer_open(&p, 16 * i + 1, "Chat")); /* all in one bucket of the first table */
    }
    for (uint32_t k = 0; k < 2 * N; k++) {
        uint32_t i = k * 7 % N;
        uint8_t body[] = {0x18, (uint8_t)(0x80 | (i & 0x7f)), (uint8_t)(i >> 7)};
        cr_assert(peer_data(&p, 16 * i + 1, 0, body, sizeof(body)));
        cr_assert(peer_read_type(&p, PEER_DATA, &f));
        cr_assert_eq(f.call, 16 * i + 1);
        cr_assert_arr_eq(f.payload + PEER_PREFIX, body, sizeof(body));
        n_seen[i]++;
    }
    for (size_t i = 0; i < N; i++) {
        cr_assert_eq(n_seen[i], 2);
    }
    peer_done(&p);
    echo_stop(e);
}

/* ---- bytes in pieces ---- */

/* A conversation with a message in three frames, split in two writes at each byte. */
Test(pieces, a_conversation_may_be_split_anywhere)
{
    static peer_frame f;
    uint8_t talk[256];
    size_t n = 8;
    memcpy(talk, PEER_MAGIC, 8);
    uint8_t *at = talk + n;
    size_t head = peer_head_put(at + 12, &(peer_head){.method = "rpc.test.Echo/Chat"});
    memset(at, 0, 12);
    at[0] = (uint8_t)head;
    at[4] = PEER_CALL;
    at[8] = 1;
    n += 12 + head;
    static const uint8_t parts[] = "\x0a\0\0\0\2\1\0\0\1\0\0\0" /* DATA, a message begins */
                                   "\6\0\0\0\0\0\0\0\x0a\4"
                                   "\1\0\0\0\2\0\0\0\1\0\0\0"
                                   "a"
                                   "\3\0\0\0\2\2\0\0\1\0\0\0" /* LAST */
                                   "bcd";
    memcpy(talk + n, parts, sizeof(parts) - 1);
    n += sizeof(parts) - 1;
    echo *e = echo_start(NULL, NULL);
    for (size_t cut = 1; cut < n; cut++) {
        peer p;
        peer_dial_silent(&p, e->url);
        cr_assert(peer_send(&p, talk, cut));
        (void)usleep(200);
        cr_assert(peer_send(&p, talk + cut, n - cut));
        uint8_t magic[8];
        cr_assert_eq(read(p.fd, magic, 8), 8);
        cr_assert(peer_read(&p, &f), "cut at %zu", cut);
        cr_assert_eq(f.type, PEER_DATA);
        cr_assert_eq(f.len, PEER_PREFIX + 6);
        cr_assert_arr_eq(f.payload + PEER_PREFIX, "\x0a\4abcd", 6);
        cr_assert(peer_read(&p, &f));
        cr_assert_eq(f.type, PEER_END);
        peer_done(&p);
    }
    echo_stop(e);
}

Test(pieces, an_empty_frame_inside_a_message_is_nothing)
{
    static peer_frame f;
    echo *e = echo_start(NULL, NULL);
    peer p;
    peer_dial(&p, e->url);
    cr_assert(peer_open(&p, 1, "Chat"));
    cr_assert(peer_begin(&p, 1, 0, 5, 0));
    for (int i = 0; i < 5; i++) {
        cr_assert(peer_more(&p, 1, 0, 0));
        cr_assert(peer_more(&p, 1, i == 4 ? PEER_LAST : 0, 1));
    }
    cr_assert(peer_read_type(&p, PEER_DATA, &f));
    cr_assert_eq(peer_u32(f.payload), 0);
    cr_assert_eq(peer_u32(f.payload + 4), 5);
    cr_assert_eq(f.len, PEER_PREFIX + 5);
    peer_done(&p);
    echo_stop(e);
}

/* ---- PING ---- */

Test(ping, each_is_answered_with_its_bytes_in_order)
{
    static peer_frame f;
    echo *e = echo_start(NULL, NULL);
    peer p;
    peer_dial(&p, e->url);
    for (uint8_t i = 0; i < 200; i++) {
        uint8_t bytes[8] = {i, 0, 0xff, (uint8_t)(i * 3), 1, 2, 3, 0x80};
        cr_assert(peer_put(&p, PEER_PING, 0, 0, bytes, 8));
    }
    cr_assert(peer_put(&p, PEER_PONG, 0, 0, "unasked.", 8), "a PONG without a PING is dropped");
    for (uint8_t i = 0; i < 200; i++) {
        cr_assert(peer_read(&p, &f));
        cr_assert_eq(f.type, PEER_PONG);
        cr_assert_eq(f.payload[0], i);
        cr_assert_eq(f.payload[3], (uint8_t)(i * 3));
    }
    cr_assert(peer_is_alive(&p));
    peer_done(&p);
    echo_stop(e);
}

/* Lets silences pass until the server says something, or closes. The first after an answer is only
 * noted; the second brings the ping, and however late that is, no third may pass meanwhile. */
static bool hears_after_silence(const peer *p)
{
    for (int i = 0; i < 4; i++) {
        rf_time_advance(10 * RF_NS_PER_S);
        if (peer_has_more(p, i == 0 ? 100 : PEER_WAIT_MS)) {
            return true;
        }
    }
    return false;
}

Test(ping, a_silent_client_is_pinged_and_then_given_up)
{
    static peer_frame f;
    rf_time_drive();
    echo *e = echo_start(NULL, NULL);
    peer p;
    peer_dial(&p, e->url);
    cr_assert(peer_is_alive(&p));
    for (int round = 0; round < 5; round++) {
        cr_assert(hears_after_silence(&p));
        cr_assert(peer_read(&p, &f), "round %d: who answers is asked again", round);
        cr_assert(f.type == PEER_PING && f.call == 0 && f.len == 8);
        cr_assert(peer_put(&p, PEER_PONG, 0, 0, f.payload, 8));
        cr_assert(peer_is_alive(&p));
    }
    cr_assert(hears_after_silence(&p));
    cr_assert(peer_read(&p, &f));
    cr_assert_eq(f.type, PEER_PING);
    cr_assert(hears_after_silence(&p));
    cr_assert_not(peer_read(&p, &f), "who does not is given up");
    peer_done(&p);
    echo_stop(e);
}

/* ---- GOAWAY ---- */

Test(goaway, names_the_last_call_that_was_looked_at)
{
    static peer_frame f;
    char text[512];
    echo *e = echo_start(NULL, NULL);
    peer p;
    peer_dial(&p, e->url);
    cr_assert(peer_call(&p, 5, PEER_WHOLE, "Obey", HOLD, 2));
    cr_assert(echo_wait(e, &e->n_held, 1));
    cr_assert_eq(rf_rpc_server_drain(e->server, 20), -ETIMEDOUT);
    cr_assert(peer_read(&p, &f));
    cr_assert_eq(f.type, PEER_GOAWAY);
    cr_assert_eq(f.call, 0);
    cr_assert_eq(f.len, 4);
    cr_assert_eq(peer_u32(f.payload), 5);
    cr_assert(peer_call(&p, 6, PEER_WHOLE, "Unary", HELLO, 4), "too late: nobody looks at it");
    cr_assert(peer_data(&p, 6, 0, HELLO, 4));
    cr_assert(peer_is_alive(&p));
    cr_assert_eq(e->n_unary, 1);
    rf_rpc_end(echo_take(e), NULL);
    cr_assert_eq(end_of(&p, 5, text), RF_OK, "what was begun is ended");
    peer_done(&p);
    echo_stop(e);
}

/* ---- magic ---- */

Test(magic, each_wrong_byte_is_refused_by_both_sides)
{
    echo *e = echo_start(NULL, NULL);
    for (size_t at = 0; at < 8; at++) {
        uint8_t magic[8];
        memcpy(magic, PEER_MAGIC, 8);
        magic[at] ^= 1;
        peer p;
        peer_dial_silent(&p, e->url);
        cr_assert(peer_send(&p, magic, at + 1), "even before all of it has come");
        cr_assert(peer_is_cut_off(&p), "byte %zu", at);
        peer_done(&p);
        peer_listen(&p);
        rf_rpc_channel *c = NULL;
        cr_assert_eq(rf_rpc_channel_open(&(rf_rpc_channel_config){.target = p.url}, &c), 0);
        cr_assert(peer_accept_silent(&p, PEER_WAIT_MS));
        cr_assert(peer_send(&p, magic, at + 1));
        cr_assert(peer_is_cut_off(&p), "byte %zu", at);
        cr_assert_not(rf_rpc_channel_is_ready(c));
        (void)rf_rpc_channel_close(c);
        peer_done(&p);
    }
    echo_stop(e);
}

Test(magic, comes_from_both_sides_without_waiting)
{
    uint8_t magic[8];
    echo *e = echo_start(NULL, NULL);
    peer p;
    peer_dial_silent(&p, e->url);
    cr_assert(peer_has_more(&p, PEER_WAIT_MS), "the server speaks first");
    cr_assert_eq(read(p.fd, magic, 8), 8);
    cr_assert_arr_eq(magic, PEER_MAGIC, 8);
    peer_done(&p);
    echo_stop(e);
}
