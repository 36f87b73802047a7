/* How calls end: every status, deadlines and cancellation at each state, across hops. */
#include "echo.h"

#include "rf_time.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

Test(status, every_code_arrives_with_its_message)
{
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, &(rf_rpc_channel_config){.attempts = 1});
    for (uint32_t code = 0; code < RF_N_CODES; code++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "code %u \xc3\xa9", code);
        Rpc__Test__Order o = RPC__TEST__ORDER__INIT;
        o.code = code;
        o.message = text;
        rf_status st;
        int err = echo_obey(c, &o, NULL, &st);
        cr_assert_eq(st.code, code);
        cr_assert_eq(err, rf_code_errno((rf_code)code));
        cr_assert_eq(st.retriable, code == RF_UNAVAILABLE);
        cr_assert_str_eq(st.message, code == 0 ? "" : text);
    }
    echo_stop(e);
}

Test(status, every_code_ends_a_stream_after_its_messages)
{
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    for (uint32_t code = 1; code < RF_N_CODES; code++) {
        Rpc__Test__Order o = RPC__TEST__ORDER__INIT;
        o.code = code;
        o.count = 3;
        rf_rpc_stream *s = rf_rpc_stream_open(c, RPC_TEST_ECHO_DOWNLOAD, NULL);
        cr_assert_eq(rf_rpc_stream_send(s, &o.base, NULL), 0);
        int n = 0;
        int err;
        rf_rpc_item *item;
        while ((err = rf_rpc_stream_recv(s, &item)) == 1) {
            (void)rf_rpc_item_free(item);
            n++;
        }
        cr_assert_eq(n, 3);
        cr_assert_eq(err, rf_code_errno((rf_code)code));
        cr_assert_eq(rf_rpc_stream_status(s)->code, code);
        (void)rf_rpc_stream_free(s);
    }
    echo_stop(e);
}

Test(status, unknown_and_unanswered_methods_are_unimplemented)
{
    static const rf_rpc_method nowhere = {"rpc.test.Echo/Nowhere", RF_RPC_UNARY, true,
                                          &rpc__test__ping__descriptor,
                                          &rpc__test__ping__descriptor};
    static const rf_rpc_method chat = {"no.such.Service/Chat", RF_RPC_BIDI, true, NULL, NULL};
    const rf_rpc_method *methods[] = {&nowhere, RPC_TEST_ECHO_MISSING};
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    for (size_t i = 0; i < RF_ARRAY_LEN(methods); i++) {
        Rpc__Test__Ping p = RPC__TEST__PING__INIT;
        ProtobufCMessage *reply = NULL;
        rf_status st;
        cr_assert_eq(rf_rpc_invoke(c, methods[i], NULL, &p.base, &reply, &st), -ENOSYS);
        cr_assert_eq(st.code, RF_UNIMPLEMENTED);
    }
    rf_rpc_stream *s = rf_rpc_stream_open(c, &chat, NULL);
    rf_rpc_item *item;
    (void)rf_rpc_stream_send_raw(s, "x", 1, NULL);
    cr_assert_eq(rf_rpc_stream_recv(s, &item), -ENOSYS);
    (void)rf_rpc_stream_free(s);
    cr_assert_eq(echo_unary(c, "still fine", NULL), 0);
    echo_stop(e);
}

/* ---- deadlines ---- */

static int64_t elapsed_ms(int64_t since_ns)
{
    return (rf_time_ns() - since_ns) / RF_NS_PER_MS;
}

Test(deadline, passes_while_the_handler_holds_the_call)
{
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    Rpc__Test__Order o = RPC__TEST__ORDER__INIT;
    o.hold = true;
    rf_rpc_options within = echo_within(100);
    int64_t start_ns = rf_time_ns();
    rf_status st;
    cr_assert_eq(echo_obey(c, &o, &within, &st), -ETIMEDOUT);
    cr_assert_eq(st.code, RF_DEADLINE_EXCEEDED);
    cr_assert(elapsed_ms(start_ns) >= 99 && elapsed_ms(start_ns) < 3000);
    cr_assert(echo_wait(e, &e->n_done, 1), "the server stops too");
    rf_rpc_call *call = echo_take(e);
    cr_assert(rf_rpc_call_is_over(call));
    rf_rpc_end(call, NULL);
    cr_assert_eq(echo_unary(c, "next", NULL), 0);
    echo_stop(e);
}

Test(deadline, passes_before_any_connection)
{
    rf_rpc_channel *c = NULL;
    cr_assert_eq(rf_rpc_channel_open(
                     &(rf_rpc_channel_config){.target = "ipc:///tmp/rf-rpc-nobody-listens"}, &c),
                 0);
    rf_rpc_options within = echo_within(60);
    Rpc__Test__Ping p = RPC__TEST__PING__INIT;
    ProtobufCMessage *reply = NULL;
    rf_status st;
    cr_assert_eq(rf_rpc_invoke(c, RPC_TEST_ECHO_ONCE, &within, &p.base, &reply, &st), -ETIMEDOUT);
    rf_rpc_options past = {.deadline_ns = 1};
    cr_assert_eq(rf_rpc_invoke(c, RPC_TEST_ECHO_ONCE, &past, &p.base, &reply, &st), -ETIMEDOUT);
    (void)rf_rpc_channel_close(c);
}

Test(deadline, without_a_server_a_call_is_unavailable_in_time)
{
    rf_rpc_channel *c = NULL;
    rf_rpc_channel_config config = {.target = "ipc:///tmp/rf-rpc-nobody-listens",
                                    .wait_ready_ms = 80};
    cr_assert_eq(rf_rpc_channel_open(&config, &c), 0);
    int64_t start_ns = rf_time_ns();
    rf_status st;
    cr_assert_eq(echo_unary(c, "x", &st), -EAGAIN);
    cr_assert_eq(st.code, RF_UNAVAILABLE);
    cr_assert_not_null(strstr(st.message, "rf-rpc-nobody-listens"), "%s", st.message);
    cr_assert(elapsed_ms(start_ns) >= 79);
    (void)rf_rpc_channel_close(c);
}

Test(deadline, passes_in_the_middle_of_streams)
{
    const rf_rpc_method *kinds[] = {RPC_TEST_ECHO_DOWNLOAD, RPC_TEST_ECHO_UPLOAD,
                                    RPC_TEST_ECHO_CHAT};
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    for (size_t i = 0; i < RF_ARRAY_LEN(kinds); i++) {
        rf_rpc_options within = echo_within(80);
        rf_rpc_stream *s = rf_rpc_stream_open(c, kinds[i], &within);
        Rpc__Test__Order o = RPC__TEST__ORDER__INIT;
        Rpc__Test__Ping p = RPC__TEST__PING__INIT;
        o.count = 2;
        o.hold = true;
        cr_assert_eq(rf_rpc_stream_send(s, i == 0 ? &o.base : &p.base, NULL), 0);
        rf_rpc_item *item;
        int err;
        while ((err = rf_rpc_stream_recv(s, &item)) == 1) {
            (void)rf_rpc_item_free(item);
        }
        cr_assert_eq(err, -ETIMEDOUT, "kind %zu: %d", i, err);
        cr_assert(echo_wait(e, &e->n_done, i + 1));
        (void)rf_rpc_stream_free(s);
    }
    echo_stop(e);
}

/* ---- cancellation ---- */

typedef struct outcome {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t n;
    rf_code code;
} outcome;

static void on_done(rf_rpc_result *r, void *user)
{
    outcome *o = (outcome *)user;
    (void)pthread_mutex_lock(&o->mutex);
    o->n++;
    o->code = r->status->code;
    (void)pthread_cond_broadcast(&o->changed);
    (void)pthread_mutex_unlock(&o->mutex);
}

static void outcome_init(outcome *o)
{
    *o = (outcome){0};
    (void)pthread_mutex_init(&o->mutex, NULL);
    rf_cond_init(&o->changed);
}

static bool outcome_wait(outcome *o, size_t n)
{
    int64_t at_ns = rf_time_ns() + 10 * RF_NS_PER_S;
    int err = 0;
    (void)pthread_mutex_lock(&o->mutex);
    while (o->n < n && err == 0) {
        err = rf_time_wait_until(&o->changed, &o->mutex, at_ns);
    }
    bool ok = o->n >= n;
    (void)pthread_mutex_unlock(&o->mutex);
    return ok;
}

static rf_rpc_call *start_held(rf_rpc_channel *c, outcome *o)
{
    Rpc__Test__Order order = RPC__TEST__ORDER__INIT;
    rf_rpc_call *call = NULL;
    order.hold = true;
    rf_rpc_unary(c, RPC_TEST_ECHO_OBEY, NULL, &order.base, NULL, on_done, o, &call);
    return call;
}

Test(cancel, reaches_a_handler_that_holds_the_call)
{
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    outcome o;
    outcome_init(&o);
    rf_rpc_call *call = start_held(c, &o);
    cr_assert(echo_wait(e, &e->n_held, 1));
    rf_rpc_cancel(call);
    rf_rpc_cancel(call);
    cr_assert(outcome_wait(&o, 1));
    cr_assert_eq(o.code, RF_CANCELLED);
    cr_assert(echo_wait(e, &e->n_done, 1));
    cr_assert_eq(e->last_done, RF_CANCELLED);
    (void)rf_rpc_call_free(call);
    cr_assert_eq(o.n, 1, "done comes once");
    echo_stop(e);
}

Test(cancel, before_a_connection_and_by_free)
{
    rf_rpc_channel *c = NULL;
    cr_assert_eq(rf_rpc_channel_open(
                     &(rf_rpc_channel_config){.target = "ipc:///tmp/rf-rpc-nobody-listens"}, &c),
                 0);
    outcome o;
    outcome_init(&o);
    rf_rpc_call *call = start_held(c, &o);
    (void)rf_rpc_call_free(call);
    cr_assert(outcome_wait(&o, 1));
    cr_assert_eq(o.code, RF_CANCELLED);
    call = start_held(c, &o);
    (void)rf_rpc_channel_close(c);
    cr_assert_eq(o.n, 2, "close ends what is left");
    (void)rf_rpc_call_free(call);
}

Test(cancel, after_the_end_changes_nothing)
{
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    outcome o;
    outcome_init(&o);
    Rpc__Test__Ping p = RPC__TEST__PING__INIT;
    rf_rpc_call *call = NULL;
    rf_rpc_unary(c, RPC_TEST_ECHO_UNARY, NULL, &p.base, NULL, on_done, &o, &call);
    cr_assert(outcome_wait(&o, 1));
    cr_assert_eq(o.code, RF_OK);
    rf_rpc_cancel(call);
    (void)rf_rpc_call_free(call);
    cr_assert_eq(o.n, 1);
    echo_stop(e);
}

Test(cancel, in_the_middle_of_a_download)
{
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    cr_assert_eq(echo_unary(c, "connected", NULL), 0);
    for (size_t i = 0; i < 20; i++) {
        rf_rpc_stream *s = rf_rpc_stream_open(c, RPC_TEST_ECHO_DOWNLOAD, NULL);
        Rpc__Test__Order o = RPC__TEST__ORDER__INIT;
        o.count = 100000;
        o.size = 50000;
        cr_assert_eq(rf_rpc_stream_send(s, &o.base, NULL), 0);
        for (size_t k = 0; k < i; k++) {
            rf_rpc_item *item;
            cr_assert_eq(rf_rpc_stream_recv(s, &item), 1);
            (void)rf_rpc_item_free(item);
        }
        (void)rf_rpc_stream_free(s);
        cr_assert(echo_wait(e, &e->n_done, i + 1));
        cr_assert_eq(echo_unary(c, "between", NULL), 0);
    }
    echo_stop(e);
}

/* ---- across hops: front calls back on behalf of the caller ---- */

typedef struct front {
    rf_rpc_channel *back;
    outcome back_done;
} front;

static void on_back_done(rf_rpc_result *r, void *user)
{
    rf_rpc_call *call = (rf_rpc_call *)user;
    rf_rpc_end(call, r->status);
}

static void on_front(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    front *f = (front *)user;
    rf_rpc_options o = {.parent = call};
    rf_rpc_unary(f->back, RPC_TEST_ECHO_OBEY, &o, request, NULL, on_back_done, call, NULL);
}

Test(hops, metadata_deadline_and_cancellation_travel)
{
    echo *back = echo_start(NULL, NULL);
    front f = {.back = echo_connect(back, NULL)};
    rf_rpc_server *server = NULL;
    char url[160];
    (void)snprintf(url, sizeof(url), "ipc://%s/front", back->dir);
    cr_assert_eq(rf_rpc_server_new(&(rf_rpc_server_config){.listen = url}, &server), 0);
    rf_rpc_server_handle_unary(server, &rpc_test_echo, RPC_TEST_ECHO_OBEY, on_front, &f);
    cr_assert_eq(rf_rpc_server_start(server), 0);
    rf_rpc_channel *c = NULL;
    cr_assert_eq(rf_rpc_channel_open(&(rf_rpc_channel_config){.target = url}, &c), 0);
    outcome o;
    outcome_init(&o);
    Rpc__Test__Order order = RPC__TEST__ORDER__INIT;
    order.hold = true;
    rf_rpc_options options = echo_within(60000);
    options.request_id = "req-1";
    options.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    options.tenant = "app-7";
    rf_rpc_call *call = NULL;
    rf_rpc_unary(c, RPC_TEST_ECHO_OBEY, &options, &order.base, NULL, on_done, &o, &call);
    cr_assert(echo_wait(back, &back->n_held, 1));
    const rf_rpc_meta *meta = rf_rpc_call_meta(back->held[0]);
    cr_assert_str_eq(meta->request_id, "req-1");
    cr_assert_str_eq(meta->traceparent, options.traceparent);
    cr_assert_str_eq(meta->tenant, "app-7");
    int64_t left_ms = (meta->deadline_ns - rf_time_ns()) / RF_NS_PER_MS;
    cr_assert(left_ms > 20000 && left_ms <= 60001, "%lld ms left", (long long)left_ms);
    rf_rpc_cancel(call);
    cr_assert(outcome_wait(&o, 1));
    cr_assert(echo_wait(back, &back->n_done, 1), "the call behind ends as well");
    cr_assert_eq(back->last_done, RF_CANCELLED);
    (void)rf_rpc_call_free(call);
    (void)rf_rpc_channel_close(c);
    back->channel = rf_rpc_channel_close(back->channel);
    (void)rf_rpc_server_free(server);
    (void)unlink(url + 6);
    echo_stop(back);
}

Test(hops, the_shorter_deadline_counts)
{
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, &(rf_rpc_channel_config){.timeout_ms = 50});
    Rpc__Test__Order o = RPC__TEST__ORDER__INIT;
    o.hold = true;
    rf_status st;
    cr_assert_eq(echo_obey(c, &o, NULL, &st), -ETIMEDOUT, "the channel's default");
    echo_stop(e);
}
