/* Kinds of call x ways to end: what the client is told, what the server is told, and that nothing
 * of it stays behind. */
#include "echo.h"
#include "tally.h"

#include "rf_time.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* A method of each kind whose handler does what its Order says; see the handlers below. */
typedef enum kind { UNARY, DOWN, UP, CHAT, N_KINDS } kind;

static const char *const kind_names[N_KINDS] = {"unary", "server stream", "client stream",
                                                "bidirectional"};

static const rf_rpc_method methods[N_KINDS] = {
    {"test.Matrix/Unary", RF_RPC_UNARY, false, &rpc__test__order__descriptor,
     &rpc__test__ping__descriptor},
    {"test.Matrix/Down", RF_RPC_SERVER_STREAM, false, &rpc__test__order__descriptor,
     &rpc__test__ping__descriptor},
    {"test.Matrix/Up", RF_RPC_CLIENT_STREAM, false, &rpc__test__order__descriptor,
     &rpc__test__ping__descriptor},
    {"test.Matrix/Chat", RF_RPC_BIDI, false, &rpc__test__order__descriptor,
     &rpc__test__ping__descriptor},
};

static const rf_rpc_service service = {"test.Matrix", methods, N_KINDS, &echo_file};

/* ---- the server ---- */

typedef struct table {
    rf_rpc_server *server;
    rf_rpc_channel *channel;
    char dir[32], url[64];
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t n_open, n_done; /* calls that began; done events */
    rf_code last_done;
    rf_rpc_call *held[8];
    size_t n_held;
} table;

static void count(table *t, size_t *counter)
{
    (void)pthread_mutex_lock(&t->mutex);
    (*counter)++;
    (void)pthread_cond_broadcast(&t->changed);
    (void)pthread_mutex_unlock(&t->mutex);
}

static void on_done(rf_rpc_call *call, const rf_status *status, void *user)
{
    table *t = (table *)user;
    (void)pthread_mutex_lock(&t->mutex);
    t->last_done = status->code;
    for (size_t i = 0; i < t->n_held; i++) {
        if (t->held[i] == call) {
            t->held[i] = t->held[--t->n_held];
        }
    }
    (void)pthread_mutex_unlock(&t->mutex);
    rf_rpc_end(call, status);
    count(t, &t->n_done);
}

/* Sends as many answers as ordered and ends with the code ordered. */
static void obey(rf_rpc_call *call, const Rpc__Test__Order *o)
{
    static uint8_t body[2 << 20];
    rf_status st = {.code = RF_OK};
    Rpc__Test__Ping out = RPC__TEST__PING__INIT;
    out.body = (ProtobufCBinaryData){o->size, body};
    for (uint32_t i = 0; i < o->count; i++) {
        (void)rf_rpc_send(call, &out.base, NULL);
    }
    if (o->code != 0) {
        (void)rf_status_set(&st, (rf_code)o->code, "%s", o->message);
    }
    rf_rpc_end(call, &st);
}

static void on_message(rf_rpc_call *call, const rf_rpc_msg *msg, void *user)
{
    table *t = (table *)user;
    ProtobufCMessage *m = NULL;
    if (rf_rpc_unpack(&rpc__test__order__descriptor, msg->data, msg->len, &m) != 0) {
        rf_status st;
        (void)rf_status_set(&st, RF_INVALID_ARGUMENT, "malformed request");
        rf_rpc_fail(call, &st);
        return;
    }
    const Rpc__Test__Order *o = (const Rpc__Test__Order *)m;
    if (o->hold) {
        (void)pthread_mutex_lock(&t->mutex);
        t->held[t->n_held++] = call;
        (void)pthread_cond_broadcast(&t->changed);
        (void)pthread_mutex_unlock(&t->mutex);
    } else {
        obey(call, o);
    }
    (void)rf_rpc_message_free(m);
}

static void on_open(rf_rpc_call *call, void *user)
{
    static const rf_rpc_events events = {.message = on_message, .done = on_done};
    rf_rpc_call_listen(call, &events, user);
    count((table *)user, &((table *)user)->n_open);
}

static void table_start(table *t, const rf_rpc_server_config *config)
{
    *t = (table){.dir = "/tmp/rf-rpc-XXXXXX"};
    (void)pthread_mutex_init(&t->mutex, NULL);
    rf_cond_init(&t->changed);
    cr_assert_not_null(mkdtemp(t->dir));
    (void)snprintf(t->url, sizeof(t->url), "ipc://%s/s", t->dir);
    rf_rpc_server_config c = *config;
    c.listen = t->url;
    cr_assert_eq(rf_rpc_server_new(&c, &t->server), 0);
    for (size_t i = 0; i < N_KINDS; i++) {
        rf_rpc_server_handle_stream(t->server, &service, &methods[i], on_open, t);
    }
    cr_assert_eq(rf_rpc_server_start(t->server), 0);
    rf_rpc_channel_config cc = {.target = t->url, .wait_ready_ms = 2000, .max_message = 1 << 20};
    cr_assert_eq(rf_rpc_channel_open(&cc, &t->channel), 0);
}

static void table_stop(table *t)
{
    t->channel = rf_rpc_channel_close(t->channel);
    t->server = rf_rpc_server_free(t->server);
    (void)remove(t->url + 6);
    (void)remove(t->dir);
}

static bool table_wait(table *t, const size_t *counter, size_t n)
{
    int64_t at_ns = rf_time_ns() + 20 * RF_NS_PER_S;
    int err = 0;
    (void)pthread_mutex_lock(&t->mutex);
    while (*counter < n && err == 0) {
        err = rf_time_wait_until(&t->changed, &t->mutex, at_ns);
    }
    bool ok = *counter >= n;
    (void)pthread_mutex_unlock(&t->mutex);
    return ok;
}

/* ---- the client ---- */

static rf_rpc_stream *begin(table *t, kind k, const Rpc__Test__Order *o, int64_t within_ms)
{
    rf_rpc_options options = {.deadline_ns = rf_time_ns() + within_ms * RF_NS_PER_MS};
    rf_rpc_stream *s = rf_rpc_stream_open(t->channel, &methods[k], &options);
    if (o != NULL) {
        (void)rf_rpc_stream_send(s, &o->base, NULL);
    }
    return s;
}

/* Reads to the end; returns the number of messages and frees the stream. */
static size_t finish(rf_rpc_stream *s, rf_status *ret)
{
    rf_rpc_item *item = NULL;
    size_t n = 0;
    while (rf_rpc_stream_recv(s, &item) == 1) {
        item = rf_rpc_item_free(item);
        n++;
    }
    *ret = *rf_rpc_stream_status(s);
    (void)rf_rpc_stream_free(s);
    return n;
}

static Rpc__Test__Order plain(uint32_t count_, uint32_t code)
{
    Rpc__Test__Order o = RPC__TEST__ORDER__INIT;
    o.count = count_;
    o.code = code;
    o.message = (char *)"as ordered";
    return o;
}

/* A call that the handler holds without an answer. */
static rf_rpc_stream *hold(table *t, kind k)
{
    Rpc__Test__Order o = plain(0, 0);
    o.hold = true;
    rf_rpc_stream *s = begin(t, k, &o, 20000);
    cr_assert(table_wait(t, &t->n_held, 1));
    return s;
}

/* After each case the same channel makes a good call, and the server has nothing left. */
static void check_clean(table *t, kind k)
{
    rf_status st;
    Rpc__Test__Order o = plain(1, 0);
    cr_assert_eq(finish(begin(t, k, &o, 20000), &st), 1, "%s: %s", kind_names[k], st.message);
    cr_assert_eq(st.code, RF_OK);
    int64_t until_ns = rf_time_ns() + 10 * RF_NS_PER_S;
    while (rf_rpc_server_calls(t->server) > 0) {
        cr_assert_lt(rf_time_ns(), until_ns, "%s: a call stays behind", kind_names[k]);
    }
}

Test(matrix, every_code_ends_every_kind_after_its_messages)
{
    table t;
    table_start(&t, &(rf_rpc_server_config){.max_queue = 0});
    for (kind k = 0; k < N_KINDS; k++) {
        bool streams = (methods[k].kind & RF_RPC_SERVER_STREAM) != 0;
        for (uint32_t code = 0; code < RF_N_CODES; code++) {
            for (uint32_t n = streams ? 0 : 1; n <= (streams ? 5u : 1u); n += 5) {
                rf_status st;
                Rpc__Test__Order o = plain(n, code);
                cr_assert_eq(finish(begin(&t, k, &o, 20000), &st), n, "%s", kind_names[k]);
                cr_assert_eq(st.code, code, "%s", kind_names[k]);
                cr_assert_str_eq(st.message, code == 0 ? "" : "as ordered");
                cr_assert_eq(st.retriable, code == RF_UNAVAILABLE);
            }
        }
        check_clean(&t, k);
    }
    cr_assert_eq(t.n_done, 0, "who answers hears no more");
    table_stop(&t);
}

Test(matrix, a_deadline_ends_every_kind_on_both_sides)
{
    table t;
    table_start(&t, &(rf_rpc_server_config){.max_queue = 0});
    for (kind k = 0; k < N_KINDS; k++) {
        rf_status st;
        Rpc__Test__Order o = plain(0, 0);
        o.hold = true;
        size_t done = t.n_done;
        cr_assert_eq(finish(begin(&t, k, &o, 150), &st), 0);
        cr_assert_eq(st.code, RF_DEADLINE_EXCEEDED, "%s", kind_names[k]);
        cr_assert(table_wait(&t, &t.n_done, done + 1), "%s", kind_names[k]);
        cr_assert_eq(t.last_done, RF_DEADLINE_EXCEEDED, "%s: %d", kind_names[k], t.last_done);
        check_clean(&t, k);
    }
    table_stop(&t);
}

Test(matrix, a_cancel_ends_every_kind_on_both_sides)
{
    table t;
    table_start(&t, &(rf_rpc_server_config){.max_queue = 0});
    for (kind k = 0; k < N_KINDS; k++) {
        rf_status st;
        size_t done = t.n_done;
        rf_rpc_stream *s = hold(&t, k);
        rf_rpc_stream_cancel(s);
        cr_assert_eq(finish(s, &st), 0);
        cr_assert_eq(st.code, RF_CANCELLED, "%s", kind_names[k]);
        cr_assert(table_wait(&t, &t.n_done, done + 1), "%s", kind_names[k]);
        cr_assert_eq(t.last_done, RF_CANCELLED, "%s", kind_names[k]);
        check_clean(&t, k);
    }
    table_stop(&t);
}

Test(matrix, a_server_that_stops_ends_every_kind)
{
    for (kind k = 0; k < N_KINDS; k++) {
        table t;
        rf_status st;
        table_start(&t, &(rf_rpc_server_config){.max_queue = 0});
        rf_rpc_stream *s = hold(&t, k);
        t.server = rf_rpc_server_free(t.server);
        cr_assert_eq(finish(s, &st), 0);
        cr_assert_eq(st.code, RF_UNAVAILABLE, "%s: %s", kind_names[k], st.message);
        cr_assert_eq(t.n_done, 1, "%s: the handler hears of it before the server is gone",
                     kind_names[k]);
        cr_assert_eq(t.last_done, RF_UNAVAILABLE);
        table_stop(&t);
    }
}

Test(matrix, a_client_that_goes_ends_every_kind)
{
    for (kind k = 0; k < N_KINDS; k++) {
        table t;
        rf_status st;
        table_start(&t, &(rf_rpc_server_config){.max_queue = 0});
        rf_rpc_stream *s = hold(&t, k);
        rf_rpc_channel *c = RF_STEAL(t.channel);
        (void)rf_rpc_channel_close(c);
        cr_assert_eq(finish(s, &st), 0, "the stream outlives its channel");
        cr_assert_eq(st.code, RF_CANCELLED, "%s", kind_names[k]);
        cr_assert(table_wait(&t, &t.n_done, 1), "%s", kind_names[k]);
        table_stop(&t);
    }
}

Test(matrix, a_drain_lets_every_kind_end_well)
{
    for (kind k = 0; k < N_KINDS; k++) {
        table t;
        rf_status st;
        table_start(&t, &(rf_rpc_server_config){.max_queue = 0});
        rf_rpc_stream *s = hold(&t, k);
        cr_assert_eq(rf_rpc_server_drain(t.server, 10), -ETIMEDOUT);
        Rpc__Test__Order answer = plain(1, 0);
        obey(t.held[0], &answer);
        cr_assert_eq(finish(s, &st), 1, "%s", kind_names[k]);
        cr_assert_eq(st.code, RF_OK, "%s: %s", kind_names[k], st.message);
        cr_assert_eq(rf_rpc_server_drain(t.server, 10000), 0);
        cr_assert_eq(t.n_done, 0);
        table_stop(&t);
    }
}

Test(matrix, overload_refuses_every_kind)
{
    table t;
    table_start(&t, &(rf_rpc_server_config){.max_calls = 1});
    Rpc__Test__Order o = plain(0, 0);
    o.hold = true;
    rf_rpc_stream *first = begin(&t, CHAT, &o, 20000);
    cr_assert(table_wait(&t, &t.n_held, 1));
    for (kind k = 0; k < N_KINDS; k++) {
        rf_status st;
        size_t n_open = t.n_open;
        cr_assert_eq(finish(begin(&t, k, &o, 20000), &st), 0);
        cr_assert_eq(st.code, RF_RESOURCE_EXHAUSTED, "%s", kind_names[k]);
        cr_assert_eq(t.n_open, n_open, "%s: no handler sees it", kind_names[k]);
    }
    (void)rf_rpc_stream_free(first);
    cr_assert(table_wait(&t, &t.n_done, 1));
    check_clean(&t, UNARY);
    table_stop(&t);
}

Test(matrix, too_large_a_request_ends_every_kind)
{
    static char text[200001];
    memset(text, 'x', sizeof(text) - 1);
    table t;
    table_start(&t, &(rf_rpc_server_config){.max_message = 100000});
    for (kind k = 0; k < N_KINDS; k++) {
        rf_status st;
        Rpc__Test__Order o = RPC__TEST__ORDER__INIT;
        o.message = text;
        cr_assert_eq(finish(begin(&t, k, &o, 20000), &st), 0);
        cr_assert_eq(st.code, RF_RESOURCE_EXHAUSTED, "%s: %s", kind_names[k], st.message);
        check_clean(&t, k);
    }
    table_stop(&t);
}

Test(matrix, too_large_an_answer_ends_every_kind)
{
    table t;
    table_start(&t, &(rf_rpc_server_config){.max_queue = 0});
    for (kind k = 0; k < N_KINDS; k++) {
        rf_status st;
        Rpc__Test__Order o = plain(1, 0);
        o.size = 3 << 19; /* the client takes 1 MiB */
        cr_assert_eq(finish(begin(&t, k, &o, 20000), &st), 0);
        cr_assert_eq(st.code, RF_RESOURCE_EXHAUSTED, "%s: %s", kind_names[k], st.message);
        check_clean(&t, k);
    }
    table_stop(&t);
}

Test(matrix, bytes_that_are_no_request_end_every_kind)
{
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {{"\x12\x02\xff\xff", 4}, {"\x12\x05", 2}, {"\xff", 1}, {"\x12\x01\0", 3}};
    table t;
    table_start(&t, &(rf_rpc_server_config){.max_queue = 0});
    for (kind k = 0; k < N_KINDS; k++) {
        for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
            rf_status st;
            rf_rpc_stream *s = begin(&t, k, NULL, 20000);
            cr_assert_eq(rf_rpc_stream_send_raw(s, rows[i].bytes, rows[i].len, NULL), 0);
            cr_assert_eq(finish(s, &st), 0);
            cr_assert_eq(st.code, RF_INVALID_ARGUMENT, "%s, row %zu", kind_names[k], i);
        }
        check_clean(&t, k);
    }
    table_stop(&t);
}

/* ---- a method taken for another kind, or that is not there ---- */

Test(kinds, a_client_that_takes_a_method_for_another_kind)
{
    static const struct {
        kind server;
        rf_rpc_kind client;
        uint32_t n_answers, n_requests;
        rf_code code;
    } rows[] = {
        {UNARY, RF_RPC_BIDI, 1, 1, RF_OK},
        {UNARY, RF_RPC_CLIENT_STREAM, 1, 1, RF_OK},
        {UP, RF_RPC_UNARY, 1, 1, RF_OK},
        {DOWN, RF_RPC_UNARY, 1, 1, RF_OK},
        {DOWN, RF_RPC_UNARY, 2, 1, RF_INVALID_ARGUMENT},
        {CHAT, RF_RPC_CLIENT_STREAM, 3, 1, RF_INVALID_ARGUMENT},
        {CHAT, RF_RPC_SERVER_STREAM, 3, 1, RF_OK},
        {DOWN, RF_RPC_BIDI, 1, 0, RF_INVALID_ARGUMENT},
        {UNARY, RF_RPC_BIDI, 1, 0, RF_INVALID_ARGUMENT},
        {UP, RF_RPC_BIDI, 1, 1, RF_OK},
    };
    table t;
    table_start(&t, &(rf_rpc_server_config){.max_queue = 0});
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        rf_rpc_method m = methods[rows[i].server];
        m.kind = rows[i].client;
        Rpc__Test__Order o = plain(rows[i].n_answers, 0);
        rf_rpc_stream *s = rf_rpc_stream_open(t.channel, &m, NULL);
        for (uint32_t n = 0; n < rows[i].n_requests; n++) {
            cr_assert_eq(rf_rpc_stream_send(s, &o.base, NULL), 0);
        }
        if (rows[i].n_requests == 0) {
            rf_rpc_stream_half_close(s);
        }
        rf_status st;
        (void)finish(s, &st);
        cr_assert_eq(st.code, rows[i].code, "row %zu: %s", i, st.message);
    }
    table_stop(&t);
}

Test(kinds, unknown_methods_and_services_of_every_kind)
{
    static const char *const names[] = {
        "test.Matrix/Nothing", "no.Service/Unary", "test.Matrix/", "test.Matrix", "x",
        "test.Matrix/unary"};
    table t;
    table_start(&t, &(rf_rpc_server_config){.max_queue = 0});
    for (size_t i = 0; i < RF_ARRAY_LEN(names); i++) {
        for (kind k = 0; k < N_KINDS; k++) {
            rf_rpc_method m = methods[k];
            m.name = names[i];
            Rpc__Test__Order o = plain(1, 0);
            rf_rpc_stream *s = rf_rpc_stream_open(t.channel, &m, NULL);
            (void)rf_rpc_stream_send(s, &o.base, NULL);
            rf_status st;
            cr_assert_eq(finish(s, &st), 0);
            cr_assert_eq(st.code, RF_UNIMPLEMENTED, "%s: %s", names[i], st.message);
            cr_assert_not_null(strstr(st.message, names[i]));
        }
    }
    cr_assert_eq(t.n_open, 0);
    table_stop(&t);
}

/* ---- what a handler may do wrong ---- */

static void fail_with(rf_rpc_call *call, void *user)
{
    rf_rpc_fail(call, (const rf_status *)user);
}

Test(handlers, a_text_that_is_no_utf8_costs_the_text_and_not_the_connection)
{
    static const struct {
        const char *text, *arrives;
    } rows[] = {{"bad \xff byte", "bad ? byte"}, {"\xc3\xa9\xff", "???"}, {"\xc3\xa9", "\xc3\xa9"}};
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        table t;
        rf_status st;
        rf_status fails;
        (void)rf_status_set(&fails, RF_NOT_FOUND, "%s", rows[i].text);
        static const rf_rpc_method bad = {"test.Matrix/Bad", RF_RPC_BIDI, false, NULL, NULL};
        table_start(&t, &(rf_rpc_server_config){.max_queue = 0});
        t.server = rf_rpc_server_free(t.server);
        cr_assert_eq(rf_rpc_server_new(&(rf_rpc_server_config){.listen = t.url}, &t.server), 0);
        rf_rpc_server_handle_stream(t.server, &service, &bad, fail_with, &fails);
        cr_assert_eq(rf_rpc_server_start(t.server), 0);
        cr_assert_eq(finish(rf_rpc_stream_open(t.channel, &bad, NULL), &st), 0);
        cr_assert_eq(st.code, RF_NOT_FOUND, "%s", st.message);
        cr_assert_str_eq(st.message, rows[i].arrives);
        table_stop(&t);
    }
}
