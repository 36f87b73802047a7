/* What travels from hop to hop: request id, traceparent, tenant, deadline and cancellation, through
 * a chain of servers that call each other. */
#include "echo.h"
#include "tally.h"

#include "rf_time.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TRACE "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

enum { MAX_HOPS = 4 };

typedef struct hop hop;

/* Server number i, which calls the next one; the last one holds its calls. */
struct hop {
    rf_rpc_server *server;
    rf_rpc_channel *next;
    char url[80];
    rf_rpc_options add; /* what it adds to the calls it makes */
    size_t fan_out;     /* calls it makes for one that it gets */
    rf_rpc_meta seen;
    char seen_text[4][RF_RPC_REQUEST_ID_MAX];
};

typedef struct chain {
    echo *last;
    hop hops[MAX_HOPS];
    size_t n;
    rf_rpc_channel *client;
} chain;

static void on_back(rf_rpc_result *r, void *user)
{
    rf_rpc_end((rf_rpc_call *)user, r->status);
}

static void on_back_ignored(rf_rpc_result *r, void *user)
{
    (void)r;
    (void)user;
}

static void keep_seen(hop *h, const rf_rpc_meta *m)
{
    h->seen = *m;
    (void)rf_copy_str(h->seen_text[0], sizeof(h->seen_text[0]), m->request_id);
    (void)rf_copy_str(h->seen_text[1], sizeof(h->seen_text[1]), m->traceparent);
    (void)rf_copy_str(h->seen_text[2], sizeof(h->seen_text[2]), m->tenant);
    (void)rf_copy_str(h->seen_text[3], sizeof(h->seen_text[3]), m->scopes);
}

static void on_call(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    hop *h = (hop *)user;
    rf_rpc_options o = h->add;
    o.parent = call;
    keep_seen(h, rf_rpc_call_meta(call));
    for (size_t i = 1; i < h->fan_out; i++) {
        rf_rpc_unary(h->next, RPC_TEST_ECHO_OBEY, &o, request, NULL, on_back_ignored, NULL, NULL);
    }
    rf_rpc_unary(h->next, RPC_TEST_ECHO_OBEY, &o, request, NULL, on_back, call, NULL);
}

static void hop_start(hop *h, const char *dir, size_t i, const char *next_url)
{
    h->fan_out = h->fan_out > 0 ? h->fan_out : 1;
    (void)snprintf(h->url, sizeof(h->url), "ipc://%s/%zu", dir, i);
    cr_assert_eq(rf_rpc_channel_open(&(rf_rpc_channel_config){.target = next_url}, &h->next), 0);
    cr_assert_eq(rf_rpc_server_new(&(rf_rpc_server_config){.listen = h->url}, &h->server), 0);
    rf_rpc_server_handle_unary(h->server, &rpc_test_echo, RPC_TEST_ECHO_OBEY, on_call, h);
    cr_assert_eq(rf_rpc_server_start(h->server), 0);
}

/* hops[n - 1] calls the echo server, hops[0] is called by the client. */
static void chain_start(chain *c, size_t n)
{
    c->last = echo_start(NULL, NULL);
    c->n = n;
    const char *next = c->last->url;
    for (size_t i = n; i-- > 0;) {
        hop_start(&c->hops[i], c->last->dir, i, next);
        next = c->hops[i].url;
    }
    cr_assert_eq(rf_rpc_channel_open(&(rf_rpc_channel_config){.target = next}, &c->client), 0);
}

static void chain_stop(chain *c)
{
    (void)rf_rpc_channel_close(c->client);
    for (size_t i = 0; i < c->n; i++) {
        (void)rf_rpc_channel_close(c->hops[i].next);
        (void)rf_rpc_server_free(c->hops[i].server);
        (void)unlink(c->hops[i].url + strlen("ipc://"));
    }
    echo_stop(c->last);
}

static rf_rpc_call *start_held(chain *c, const rf_rpc_options *o, tally *t)
{
    Rpc__Test__Order order = RPC__TEST__ORDER__INIT;
    rf_rpc_call *call = NULL;
    order.hold = true;
    rf_rpc_unary(c->client, RPC_TEST_ECHO_OBEY, o, &order.base, NULL, tally_done, t, &call);
    return call;
}

/* ---- metadata ---- */

Test(metadata, what_a_hop_gives_replaces_what_it_inherits)
{
    static const struct {
        rf_rpc_options client, hop;
        const char *request_id, *traceparent, *tenant, *scopes; /* as the last one sees them */
    } rows[] = {
        {{.request_id = "r", .traceparent = TRACE, .tenant = "t", .scopes = "s"},
         {.parent = NULL},
         "r",
         TRACE,
         "t",
         "s"},
        {{.request_id = "r"}, {.parent = NULL}, "r", "", "", ""},
        {{.parent = NULL}, {.request_id = "own"}, "own", "", "", ""},
        {{.request_id = "r", .tenant = "t"}, {.request_id = "own"}, "own", "", "t", ""},
        {{.request_id = "r", .tenant = "t"}, {.tenant = ""}, "r", "", "", ""},
        {{.traceparent = "one"}, {.traceparent = TRACE}, "", TRACE, "", ""},
        {{.tenant = "t\xc3\xa9nant"}, {.parent = NULL}, "", "", "t\xc3\xa9nant", ""},
        {{.scopes = "none"}, {.scopes = "s"}, "", "", "", "s"},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        chain c = {.hops[1].add = rows[i].hop};
        tally t;
        tally_init(&t);
        chain_start(&c, 2);
        rf_rpc_call *call = start_held(&c, &rows[i].client, &t);
        cr_assert(echo_wait(c.last, &c.last->n_held, 1));
        const rf_rpc_meta *m = rf_rpc_call_meta(c.last->held[0]);
        cr_assert_str_eq(m->request_id, rows[i].request_id, "row %zu", i);
        cr_assert_str_eq(m->traceparent, rows[i].traceparent, "row %zu", i);
        cr_assert_str_eq(m->tenant, rows[i].tenant, "row %zu", i);
        cr_assert_str_eq(m->scopes, rows[i].scopes, "row %zu", i);
        (void)rf_rpc_call_free(call);
        chain_stop(&c);
    }
}

/* ---- deadlines ---- */

Test(deadline, shrinks_and_never_grows_from_hop_to_hop)
{
    static const struct {
        int64_t client_ms, hop_ms, last_ms; /* 0: none given */
    } rows[] = {
        {10000, 0, 10000},    {10000, 4000, 4000},
        {4000, 10000, 10000}, /* an own deadline is the hop's own decision */
        {0, 0, 30000},        /* the channel's default */
        {60000, 0, 30000},    /* which a longer one does not pass on */
        {0, 5000, 5000},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        chain c = {.n = 0};
        tally t;
        tally_init(&t);
        rf_rpc_options client = {.deadline_ns = 0};
        int64_t now_ns = rf_time_ns();
        if (rows[i].client_ms > 0) {
            client.deadline_ns = now_ns + rows[i].client_ms * RF_NS_PER_MS;
        }
        if (rows[i].hop_ms > 0) {
            c.hops[0].add.deadline_ns = now_ns + rows[i].hop_ms * RF_NS_PER_MS;
        }
        chain_start(&c, 1);
        rf_rpc_call *call = start_held(&c, &client, &t);
        cr_assert(echo_wait(c.last, &c.last->n_held, 1));
        int64_t at_ns = rf_rpc_call_meta(c.last->held[0])->deadline_ns;
        int64_t want_ns = now_ns + rows[i].last_ms * RF_NS_PER_MS;
        int64_t late_ns = rf_time_ns() - now_ns + 10 * RF_NS_PER_MS; /* of a loaded machine */
        cr_assert(at_ns >= want_ns - 10 * RF_NS_PER_MS && at_ns <= want_ns + late_ns,
                  "row %zu: %lld ms", i, (long long)((at_ns - now_ns) / RF_NS_PER_MS));
        (void)rf_rpc_call_free(call);
        chain_stop(&c);
    }
}

Test(deadline, that_passes_is_told_on_every_hop)
{
    chain c = {.n = 0};
    tally t;
    tally_init(&t);
    chain_start(&c, 4);
    rf_rpc_options o = echo_within(400);
    rf_rpc_call *call = start_held(&c, &o, &t);
    cr_assert(echo_wait(c.last, &c.last->n_held, 1));
    cr_assert(tally_wait(&t, 1));
    cr_assert_eq(t.last.code, RF_DEADLINE_EXCEEDED);
    cr_assert(echo_wait(c.last, &c.last->n_done, 1), "the last one stops");
    for (size_t i = 0; i < c.n; i++) {
        int64_t until_ns = rf_time_ns() + 10 * RF_NS_PER_S;
        while (rf_rpc_server_calls(c.hops[i].server) > 0) {
            cr_assert_lt(rf_time_ns(), until_ns, "hop %zu keeps a call", i);
        }
    }
    (void)rf_rpc_call_free(call);
    chain_stop(&c);
}

/* ---- cancellation ---- */

Test(cancel, ends_every_call_made_for_the_call)
{
    chain c = {.hops[0].fan_out = 5, .hops[1].fan_out = 4};
    tally t;
    tally_init(&t);
    chain_start(&c, 2);
    rf_rpc_call *call = start_held(&c, NULL, &t);
    cr_assert(echo_wait(c.last, &c.last->n_held, 20), "a tree of calls");
    rf_rpc_cancel(call);
    cr_assert(tally_wait(&t, 1));
    cr_assert_eq(t.last.code, RF_CANCELLED);
    cr_assert(echo_wait(c.last, &c.last->n_done, 20), "all its leaves fall");
    (void)rf_rpc_call_free(call);
    chain_stop(&c);
}

Test(cancel, a_client_that_is_gone_cancels_as_well)
{
    chain c = {.n = 0};
    tally t;
    tally_init(&t);
    chain_start(&c, 3);
    rf_rpc_call *call = start_held(&c, NULL, &t);
    cr_assert(echo_wait(c.last, &c.last->n_held, 1));
    rf_rpc_channel *client = RF_STEAL(c.client);
    (void)rf_rpc_channel_close(client);
    cr_assert(echo_wait(c.last, &c.last->n_done, 1));
    (void)rf_rpc_call_free(call);
    chain_stop(&c);
}

static void end_early(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    hop *h = (hop *)user;
    rf_rpc_options o = {.parent = call};
    Rpc__Test__Ping reply = RPC__TEST__PING__INIT;
    rf_rpc_unary(h->next, RPC_TEST_ECHO_OBEY, &o, request, NULL, on_back_ignored, NULL, NULL);
    rf_rpc_reply(call, &reply.base, NULL);
}

/* Who answers without waiting for the calls made meanwhile has no more say in them. */
Test(cancel, an_answered_call_leaves_its_children_alone)
{
    echo *last = echo_start(NULL, NULL);
    hop h = {.fan_out = 1};
    (void)snprintf(h.url, sizeof(h.url), "ipc://%s/0", last->dir);
    cr_assert_eq(rf_rpc_channel_open(&(rf_rpc_channel_config){.target = last->url}, &h.next), 0);
    cr_assert_eq(rf_rpc_server_new(&(rf_rpc_server_config){.listen = h.url}, &h.server), 0);
    rf_rpc_server_handle_unary(h.server, &rpc_test_echo, RPC_TEST_ECHO_OBEY, end_early, &h);
    cr_assert_eq(rf_rpc_server_start(h.server), 0);
    rf_rpc_channel *c = NULL;
    cr_assert_eq(rf_rpc_channel_open(&(rf_rpc_channel_config){.target = h.url}, &c), 0);
    Rpc__Test__Order order = RPC__TEST__ORDER__INIT;
    order.hold = true;
    rf_status st;
    for (size_t i = 1; i <= 20; i++) {
        cr_assert_eq(echo_obey(c, &order, NULL, &st), 0, "%s", st.message);
        cr_assert(echo_wait(last, &last->n_held, i));
    }
    (void)rf_rpc_channel_close(c);
    cr_assert_eq(last->n_done, 0);
    (void)rf_rpc_channel_close(h.next);
    cr_assert(echo_wait(last, &last->n_done, 20), "until their channel goes");
    (void)rf_rpc_server_free(h.server);
    (void)unlink(h.url + strlen("ipc://"));
    echo_stop(last);
}

/* ---- errors ---- */

Test(errors, of_the_last_hop_arrive_at_the_first)
{
    chain c = {.n = 0};
    chain_start(&c, 3);
    for (uint32_t code = 1; code < RF_N_CODES; code++) {
        Rpc__Test__Order order = RPC__TEST__ORDER__INIT;
        order.code = code;
        order.message = (char *)"from far away";
        rf_status st;
        cr_assert_lt(echo_obey(c.client, &order, NULL, &st), 0);
        cr_assert_eq(st.code, code);
        cr_assert_str_eq(st.message, "from far away");
        cr_assert_eq(st.retriable, code == RF_UNAVAILABLE);
    }
    chain_stop(&c);
}

/* Three tries on each of three hops would be 27 calls at the last: each hop tries for itself, and
 * that is why the number of tries is small. */
Test(errors, each_hop_tries_again_for_itself)
{
    chain c = {.n = 0};
    chain_start(&c, 1);
    Rpc__Test__Order order = RPC__TEST__ORDER__INIT;
    order.code = RF_UNAVAILABLE;
    rf_status st;
    cr_assert_eq(echo_obey(c.client, &order, NULL, &st), -EAGAIN);
    cr_assert_eq(c.last->n_unary, 9, "%zu", c.last->n_unary);
    chain_stop(&c);
}
