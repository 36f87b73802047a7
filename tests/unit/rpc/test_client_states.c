/* A client and every frame a server can send, at each state of its call: how the call ends, and
 * whether the connection lives. The server is peer.c, which speaks README.md. */
#include "echo.h"
#include "peer.h"
#include "tally.h"

#include "rf_time.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HELLO "\x0a\x02hi"

/* A client's call of either kind, told by events. */
typedef struct watch {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t n_messages, n_bytes, n_done;
    rf_status status;
} watch;

static void on_message(rf_rpc_call *call, const rf_rpc_msg *msg, void *user)
{
    watch *w = (watch *)user;
    (void)call;
    (void)pthread_mutex_lock(&w->mutex);
    w->n_messages++;
    w->n_bytes += msg->len + msg->attachment_len;
    (void)pthread_cond_broadcast(&w->changed);
    (void)pthread_mutex_unlock(&w->mutex);
}

static void on_done(rf_rpc_call *call, const rf_status *status, void *user)
{
    watch *w = (watch *)user;
    (void)call;
    (void)pthread_mutex_lock(&w->mutex);
    w->n_done++;
    w->status = *status;
    (void)pthread_cond_broadcast(&w->changed);
    (void)pthread_mutex_unlock(&w->mutex);
}

static const rf_rpc_events events = {.message = on_message, .done = on_done};

static void watch_init(watch *w)
{
    *w = (watch){0};
    (void)pthread_mutex_init(&w->mutex, NULL);
    rf_cond_init(&w->changed);
}

static bool watch_wait(watch *w, const size_t *counter, size_t n)
{
    int64_t at_ns = rf_time_ns() + 10 * RF_NS_PER_S;
    int err = 0;
    (void)pthread_mutex_lock(&w->mutex);
    while (*counter < n && err == 0) {
        err = rf_time_wait_until(&w->changed, &w->mutex, at_ns);
    }
    bool ok = *counter >= n;
    (void)pthread_mutex_unlock(&w->mutex);
    return ok;
}

typedef struct scene {
    peer p;
    rf_rpc_channel *channel;
    rf_rpc_call *call;
    watch w;
} scene;

/* A channel that never tries again, connected to the peer. */
static void scene_open(scene *s)
{
    watch_init(&s->w);
    peer_listen(&s->p);
    rf_rpc_channel_config c = {.target = s->p.url, .attempts = 1, .wait_ready_ms = 200};
    cr_assert_eq(rf_rpc_channel_open(&c, &s->channel), 0);
    peer_accept(&s->p);
    s->call = NULL;
}

static void scene_close(scene *s)
{
    (void)rf_rpc_call_free(s->call);
    (void)rf_rpc_channel_close(s->channel);
    peer_done(&s->p);
}

/* Begins the call under test and reads its CALL. */
static void begin(scene *s, const rf_rpc_method *m)
{
    static peer_frame f;
    s->call = rf_rpc_open(s->channel, m, NULL, &events, &s->w);
    if ((m->kind & RF_RPC_CLIENT_STREAM) == 0) {
        cr_assert_eq(rf_rpc_send_raw(s->call, "", 0, NULL), 0);
    }
    cr_assert(peer_read_type(&s->p, PEER_CALL, &f));
    cr_assert_eq(f.call, 1);
}

/* ---- state x frame ---- */

enum { ID = 1 };

static void none(scene *s)
{
    (void)s;
}

static void unary_waits(scene *s)
{
    begin(s, RPC_TEST_ECHO_ONCE);
}

static void download_waits(scene *s)
{
    begin(s, RPC_TEST_ECHO_DOWNLOAD);
}

static void chat_inside(scene *s)
{
    begin(s, RPC_TEST_ECHO_CHAT);
    (void)peer_begin(&s->p, ID, 20, 0, 4);
}

static void chat_ended(scene *s)
{
    begin(s, RPC_TEST_ECHO_CHAT);
    (void)peer_end(&s->p, ID, RF_ABORTED, "", NULL, 0);
}

static void chat_cancelled(scene *s)
{
    static peer_frame f;
    begin(s, RPC_TEST_ECHO_CHAT);
    rf_rpc_cancel(s->call);
    cr_assert(peer_read_type(&s->p, PEER_CANCEL, &f));
    cr_assert(f.len == 1 && f.payload[0] == RF_CANCELLED);
}

static void end_ok(peer *p)
{
    (void)peer_end(p, ID, RF_OK, "", NULL, 0);
}

static void end_answer(peer *p)
{
    (void)peer_end(p, ID, RF_OK, "", HELLO, 4);
}

static void end_not_found(peer *p)
{
    (void)peer_end(p, ID, RF_NOT_FOUND, "gone", NULL, 0);
}

static void end_of_no_code(peer *p)
{
    (void)peer_put(p, PEER_END, 0, ID, "\x11\0\0\0", 4);
}

static void end_with_rest(peer *p)
{
    (void)peer_put(p, PEER_END, 0, ID, "\0\0\0\0rest", 8);
}

static void end_with_short_message(peer *p)
{
    (void)peer_put(p, PEER_END, PEER_MESSAGE, ID, "\0\0\0\0\3\0\0\0\0\0\0\0ab", 14);
}

static void end_last(peer *p)
{
    (void)peer_put(p, PEER_END, PEER_LAST, ID, "\0\0\0\0", 4);
}

static void data_then_ok(peer *p)
{
    (void)peer_data(p, ID, 0, HELLO, 4);
    end_ok(p);
}

static void two_then_ok(peer *p)
{
    (void)peer_data(p, ID, 0, HELLO, 4);
    data_then_ok(p);
}

static void data_last(peer *p)
{
    (void)peer_data(p, ID, PEER_LAST, HELLO, 4);
}

static void rest_then_ok(peer *p)
{
    (void)peer_more(p, ID, 0, 16);
    end_ok(p);
}

static void too_much_more(peer *p)
{
    (void)peer_more(p, ID, 0, 17);
}

static void begin_again(peer *p)
{
    (void)peer_begin(p, ID, 9, 0, 2);
}

static void a_call(peer *p)
{
    (void)peer_call(p, 2, PEER_WHOLE, "Unary", HELLO, 4);
}

static void a_cancel(peer *p)
{
    (void)peer_put(p, PEER_CANCEL, 0, ID, "\1", 1);
}

static void future_data(peer *p)
{
    (void)peer_data(p, ID + 1, 0, HELLO, 4);
}

static void future_end(peer *p)
{
    (void)peer_end(p, ID + 1, 0, "", NULL, 0);
}

static void future_credit(peer *p)
{
    (void)peer_credit(p, ID + 1, 5);
}

static void goaway_below(peer *p)
{
    (void)peer_goaway(p, 0);
}

static void goaway_of_it(peer *p)
{
    (void)peer_goaway(p, ID);
    end_answer(p);
}

#define NAMED(f) #f, f
typedef void (*state_fn)(scene *s);
typedef void (*frame_fn)(peer *p);

/* How the call under test ends, and whether the client keeps the connection. LOST is UNAVAILABLE
 * because it does not. */
#define LOST (-1)
static const struct {
    const char *state_name;
    state_fn state;
    const char *frame_name;
    frame_fn frame;
    int code;
    bool closes; /* in order, although the call ended well */
} rows[] = {
    {NAMED(unary_waits), NAMED(end_answer), RF_OK, false},
    {NAMED(unary_waits), NAMED(end_ok), RF_OK, false},
    {NAMED(unary_waits), NAMED(end_not_found), RF_NOT_FOUND, false},
    {NAMED(unary_waits), NAMED(data_then_ok), RF_OK, false},
    {NAMED(unary_waits), NAMED(two_then_ok), RF_INVALID_ARGUMENT, false},
    {NAMED(unary_waits), NAMED(end_of_no_code), LOST, true},
    {NAMED(unary_waits), NAMED(end_with_rest), LOST, true},
    {NAMED(unary_waits), NAMED(end_with_short_message), LOST, true},
    {NAMED(unary_waits), NAMED(end_last), LOST, true},
    {NAMED(unary_waits), NAMED(data_last), LOST, true},
    {NAMED(unary_waits), NAMED(a_call), LOST, true},
    {NAMED(unary_waits), NAMED(a_cancel), LOST, true},
    {NAMED(unary_waits), NAMED(future_data), LOST, true},
    {NAMED(unary_waits), NAMED(future_end), LOST, true},
    {NAMED(unary_waits), NAMED(future_credit), LOST, true},
    {NAMED(unary_waits), NAMED(goaway_of_it), RF_OK, true},
    {NAMED(download_waits), NAMED(end_ok), RF_OK, false},
    {NAMED(download_waits), NAMED(end_answer), RF_OK, false},
    {NAMED(download_waits), NAMED(two_then_ok), RF_OK, false},
    {NAMED(download_waits), NAMED(data_last), LOST, true},
    {NAMED(download_waits), NAMED(too_much_more), LOST, true},
    {NAMED(chat_inside), NAMED(rest_then_ok), RF_OK, false},
    {NAMED(chat_inside), NAMED(end_ok), LOST, true},
    {NAMED(chat_inside), NAMED(end_answer), LOST, true},
    {NAMED(chat_inside), NAMED(end_not_found), RF_NOT_FOUND, false},
    {NAMED(chat_inside), NAMED(too_much_more), LOST, true},
    {NAMED(chat_inside), NAMED(begin_again), LOST, true},
    {NAMED(chat_inside), NAMED(data_last), LOST, true},
    {NAMED(chat_inside), NAMED(goaway_below), RF_UNAVAILABLE, true},
    {NAMED(chat_ended), NAMED(end_answer), RF_ABORTED, false},
    {NAMED(chat_ended), NAMED(two_then_ok), RF_ABORTED, false},
    {NAMED(chat_ended), NAMED(begin_again), RF_ABORTED, false},
    {NAMED(chat_ended), NAMED(too_much_more), RF_ABORTED, false},
    {NAMED(chat_ended), NAMED(a_call), RF_ABORTED, true},
    {NAMED(chat_ended), NAMED(goaway_of_it), RF_ABORTED, true},
    {NAMED(chat_cancelled), NAMED(end_not_found), RF_CANCELLED, false},
    {NAMED(chat_cancelled), NAMED(two_then_ok), RF_CANCELLED, false},
    {NAMED(chat_cancelled), NAMED(begin_again), RF_CANCELLED, false},
    {NAMED(chat_cancelled), NAMED(data_last), RF_CANCELLED, true},
};

Test(states, every_frame_at_every_state_of_a_call)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        scene s;
        scene_open(&s);
        rows[i].state(&s);
        rows[i].frame(&s.p);
        cr_assert(watch_wait(&s.w, &s.w.n_done, 1), "%s, %s: no end", rows[i].state_name,
                  rows[i].frame_name);
        int code = rows[i].code == LOST ? RF_UNAVAILABLE : rows[i].code;
        cr_assert_eq((int)s.w.status.code, code, "%s, %s: %s", rows[i].state_name,
                     rows[i].frame_name, s.w.status.message);
        cr_assert(rows[i].closes ? peer_is_cut_off(&s.p) : peer_is_alive(&s.p),
                  "%s, %s: the connection", rows[i].state_name, rows[i].frame_name);
        cr_assert_eq(s.w.n_done, 1);
        scene_close(&s);
    }
}

/* Without a call: what a server may say to an idle client. */
Test(states, an_idle_connection)
{
    static const struct {
        const char *name;
        frame_fn frame;
        bool closes;
    } idle[] = {
        {NAMED(end_ok), true},       {NAMED(end_answer), true},   {NAMED(data_last), true},
        {NAMED(data_then_ok), true}, {NAMED(a_call), true},       {NAMED(a_cancel), true},
        {NAMED(begin_again), true},  {NAMED(goaway_below), true}, {NAMED(goaway_of_it), true},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(idle); i++) {
        scene s;
        scene_open(&s);
        none(&s);
        idle[i].frame(&s.p);
        cr_assert(idle[i].closes ? peer_is_cut_off(&s.p) : peer_is_alive(&s.p), "%s", idle[i].name);
        scene_close(&s);
    }
    scene s;
    scene_open(&s);
    cr_assert(peer_credit(&s.p, 0, 1));
    cr_assert(peer_put(&s.p, PEER_PONG, 0, 0, "unasked.", 8));
    cr_assert(peer_is_alive(&s.p));
    scene_close(&s);
}

/* ---- what the client sends ---- */

Test(sends, a_unary_call_as_one_frame)
{
    static peer_frame f;
    peer_head_text head;
    scene s;
    scene_open(&s);
    rf_rpc_options o = {.deadline_ns = rf_time_ns() + 5 * RF_NS_PER_S,
                        .request_id = "r-1",
                        .traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                        .tenant = "t\xc3\xa9",
                        .scopes = "jam.record"};
    s.call = rf_rpc_open(s.channel, RPC_TEST_ECHO_UNARY, &o, &events, &s.w);
    cr_assert_eq(rf_rpc_send_raw(s.call, HELLO, 4, NULL), 0);
    cr_assert_eq(rf_rpc_send_raw(s.call, HELLO, 4, NULL), -EPIPE, "there is one request");
    cr_assert(peer_read(&s.p, &f));
    cr_assert_eq(f.type, PEER_CALL);
    cr_assert_eq(f.flags, PEER_WHOLE);
    cr_assert(peer_head_get(&f, &head));
    cr_assert(head.timeout_ms > 4000 && head.timeout_ms <= 5000, "%u ms", head.timeout_ms);
    cr_assert_str_eq(head.method, "rpc.test.Echo/Unary");
    cr_assert_str_eq(head.request_id, o.request_id);
    cr_assert_str_eq(head.traceparent, o.traceparent);
    cr_assert_str_eq(head.tenant, o.tenant);
    cr_assert_str_eq(head.scopes, o.scopes);
    cr_assert_eq(f.len - head.len, PEER_PREFIX + 4);
    cr_assert_arr_eq(f.payload + head.len, "\4\0\0\0\0\0\0\0" HELLO, 12);
    scene_close(&s);
}

Test(sends, no_deadline_as_zero)
{
    static peer_frame f;
    peer_head_text head;
    scene s;
    scene_open(&s);
    rf_rpc_options o = {.deadline_ns = RF_NEVER_NS};
    s.call = rf_rpc_open(s.channel, RPC_TEST_ECHO_CHAT, &o, &events, &s.w);
    cr_assert(peer_read(&s.p, &f));
    cr_assert(peer_head_get(&f, &head));
    cr_assert_eq(head.timeout_ms, 0);
    cr_assert_eq(f.flags, 0, "a stream begins without a message");
    cr_assert_eq(f.len, head.len);
    scene_close(&s);
}

Test(sends, messages_of_every_size_in_frames_of_at_most_64_KiB)
{
    static const size_t sizes[] = {0,     1,     8180,  8184,  8185,   8192,   16384,  65527,
                                   65528, 65529, 65536, 65537, 131064, 131065, 131072, 1000000};
    static uint8_t body[1000000];
    static peer_frame f;
    scene s;
    scene_open(&s);
    begin(&s, RPC_TEST_ECHO_CHAT);
    for (size_t i = 0; i < RF_ARRAY_LEN(sizes); i++) {
        cr_assert_eq(rf_rpc_send_raw(s.call, body, sizes[i], NULL), 0);
        size_t got = 0;
        do {
            cr_assert(peer_read(&s.p, &f));
            cr_assert_eq(f.type, PEER_DATA);
            cr_assert_eq(f.call, ID);
            cr_assert_eq(f.flags, got == 0 ? PEER_MESSAGE : 0, "size %zu at %zu", sizes[i], got);
            cr_assert(got > 0 || peer_u32(f.payload) == sizes[i]);
            cr_assert(f.len > 0);
            got += f.len;
        } while (got < PEER_PREFIX + sizes[i]);
        cr_assert_eq(got, PEER_PREFIX + sizes[i]);
    }
    rf_rpc_half_close(s.call);
    cr_assert(peer_read(&s.p, &f));
    cr_assert(f.type == PEER_DATA && f.flags == PEER_LAST && f.len == 0);
    cr_assert_eq(rf_rpc_send_raw(s.call, "", 0, NULL), -EPIPE);
    scene_close(&s);
}

Test(sends, a_deadline_that_passes_as_cancel_4)
{
    static peer_frame f;
    scene s;
    scene_open(&s);
    rf_rpc_options o = echo_within(30);
    s.call = rf_rpc_open(s.channel, RPC_TEST_ECHO_CHAT, &o, &events, &s.w);
    cr_assert(peer_read_type(&s.p, PEER_CANCEL, &f));
    cr_assert_eq(f.call, ID);
    cr_assert_eq(f.payload[0], RF_DEADLINE_EXCEEDED);
    cr_assert(watch_wait(&s.w, &s.w.n_done, 1));
    cr_assert_eq(s.w.status.code, RF_DEADLINE_EXCEEDED);
    scene_close(&s);
}

Test(sends, a_message_too_large_as_cancel_8)
{
    static peer_frame f;
    scene s;
    watch_init(&s.w);
    peer_listen(&s.p);
    rf_rpc_channel_config c = {.target = s.p.url, .max_message = 1000};
    cr_assert_eq(rf_rpc_channel_open(&c, &s.channel), 0);
    peer_accept(&s.p);
    begin(&s, RPC_TEST_ECHO_CHAT);
    cr_assert(peer_begin(&s.p, ID, 900, 100, 1000));
    cr_assert(watch_wait(&s.w, &s.w.n_messages, 1), "exactly at the limit");
    cr_assert(peer_begin(&s.p, ID, 900, 101, 10));
    cr_assert(peer_read_type(&s.p, PEER_CANCEL, &f));
    cr_assert_eq(f.payload[0], RF_RESOURCE_EXHAUSTED);
    cr_assert(watch_wait(&s.w, &s.w.n_done, 1));
    cr_assert_eq(s.w.status.code, RF_RESOURCE_EXHAUSTED);
    cr_assert(peer_more(&s.p, ID, 0, 991), "its bytes are on their way still");
    cr_assert(peer_is_alive(&s.p));
    scene_close(&s);
}

Test(sends, metadata_that_may_not_travel_is_left_out)
{
    static const struct {
        const char *text;
        bool travels;
    } texts[] = {
        {"plain", true}, {"", true},      {"\xc3\xa9", true},  {"line\nbreak", false},
        {"\x7f", false}, {"\xff", false}, {"cut \xc3", false}, {"\t", false},
    };
    static peer_frame f;
    char max[256];
    scene s;
    scene_open(&s);
    for (size_t i = 0; i < RF_ARRAY_LEN(texts); i++) {
        rf_rpc_options o = {.request_id = texts[i].text, .tenant = "tenant"};
        rf_rpc_call *call = rf_rpc_open(s.channel, RPC_TEST_ECHO_CHAT, &o, &events, &s.w);
        peer_head_text head;
        cr_assert(peer_read_type(&s.p, PEER_CALL, &f));
        cr_assert(peer_head_get(&f, &head));
        cr_assert_str_eq(head.request_id, texts[i].travels ? texts[i].text : "", "row %zu", i);
        cr_assert_str_eq(head.tenant, "tenant");
        (void)rf_rpc_call_free(call);
    }
    for (size_t len = 126; len < 130; len++) {
        memset(max, 'm', len);
        max[len] = '\0';
        rf_rpc_options o = {
            .request_id = max, .traceparent = max + len - 63, .tenant = max, .scopes = max};
        rf_rpc_call *call = rf_rpc_open(s.channel, RPC_TEST_ECHO_CHAT, &o, &events, &s.w);
        peer_head_text head;
        cr_assert(peer_read_type(&s.p, PEER_CALL, &f));
        cr_assert(peer_head_get(&f, &head));
        cr_assert_eq(strlen(head.request_id), len <= 127 ? len : 0);
        cr_assert_eq(strlen(head.traceparent), 63);
        cr_assert_eq(strlen(head.tenant), len <= 127 ? len : 0);
        cr_assert_eq(strlen(head.scopes), len <= 127 ? len : 0);
        (void)rf_rpc_call_free(call);
    }
    scene_close(&s);
}

Test(sends, ids_that_rise_by_one_from_one)
{
    static peer_frame f;
    tally t;
    scene s;
    scene_open(&s);
    tally_init(&t);
    for (uint32_t i = 1; i <= 100; i++) {
        rf_rpc_unary_raw(s.channel, RPC_TEST_ECHO_ONCE, NULL, HELLO, 4, NULL, tally_done, &t, NULL);
        cr_assert(peer_read_type(&s.p, PEER_CALL, &f));
        cr_assert_eq(f.call, i);
        cr_assert(peer_end(&s.p, i, RF_OK, "", HELLO, 4));
    }
    cr_assert(tally_wait(&t, 100));
    cr_assert_eq(t.by_code[RF_OK], 100);
    scene_close(&s);
}

/* ---- answers of unary calls ---- */

Test(unary, answers_that_are_no_answers)
{
    static const struct {
        const char *name;
        frame_fn frame;
        rf_code code;
    } answers[] = {
        {NAMED(end_ok), RF_INTERNAL},         {NAMED(end_answer), RF_OK},
        {NAMED(data_then_ok), RF_OK},         {NAMED(two_then_ok), RF_INVALID_ARGUMENT},
        {NAMED(end_not_found), RF_NOT_FOUND},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(answers); i++) {
        static peer_frame f;
        tally t;
        scene s;
        scene_open(&s);
        tally_init(&t);
        Rpc__Test__Ping ping = RPC__TEST__PING__INIT;
        rf_rpc_unary(s.channel, RPC_TEST_ECHO_ONCE, NULL, &ping.base, NULL, tally_done, &t, NULL);
        cr_assert(peer_read_type(&s.p, PEER_CALL, &f));
        answers[i].frame(&s.p);
        cr_assert(tally_wait(&t, 1));
        cr_assert_eq(t.last.code, answers[i].code, "%s: %s", answers[i].name, t.last.message);
        scene_close(&s);
    }
}

Test(unary, an_answer_that_cannot_be_unpacked_is_data_loss)
{
    static const struct {
        const char *body;
        size_t len;
    } bodies[] = {{"\x0a\x05hi", 4}, {"\x0a\x01\xff", 3}, {"\xff", 1}, {"\x0a\x01\0", 3}};
    for (size_t i = 0; i < RF_ARRAY_LEN(bodies); i++) {
        static peer_frame f;
        tally t;
        scene s;
        scene_open(&s);
        tally_init(&t);
        Rpc__Test__Ping ping = RPC__TEST__PING__INIT;
        rf_rpc_unary(s.channel, RPC_TEST_ECHO_ONCE, NULL, &ping.base, NULL, tally_done, &t, NULL);
        cr_assert(peer_read_type(&s.p, PEER_CALL, &f));
        cr_assert(peer_end(&s.p, f.call, RF_OK, "", bodies[i].body, bodies[i].len));
        cr_assert(tally_wait(&t, 1));
        cr_assert_eq(t.last.code, RF_DATA_LOSS, "row %zu", i);
        cr_assert_not_null(strstr(t.last.message, "rpc.test.Echo/Once"));
        cr_assert(peer_is_alive(&s.p));
        scene_close(&s);
    }
}
