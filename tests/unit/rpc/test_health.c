/* rpc.v1.Health and rpc.v1.Describe as every server answers them: each change to each watcher, how
 * many may watch, and servers whose own description is wrong. */
#include "echo.h"
#include "peer.h"
#include "tally.h"

#include "rf_rpc_describe.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <reflection/rpc/v1/rpc.rpc.h>
#include <stdio.h>
#include <string.h>

/* ---- health ---- */

static rf_rpc_stream *watch(rf_rpc_channel *c, const char *service)
{
    Rpc__V1__HealthRequest r = RPC__V1__HEALTH_REQUEST__INIT;
    r.service = (char *)(uintptr_t)service;
    rf_rpc_stream *s = rf_rpc_stream_open(c, RPC_V1_HEALTH_WATCH, NULL);
    cr_assert_eq(rf_rpc_stream_send(s, &r.base, NULL), 0);
    return s;
}

static void expect_state(rf_rpc_stream *s, int state, const char *reason)
{
    rf_rpc_item *item = NULL;
    cr_assert_eq(rf_rpc_stream_recv(s, &item), 1, "%s", rf_rpc_stream_status(s)->message);
    const Rpc__V1__HealthResponse *r = (const Rpc__V1__HealthResponse *)item->message;
    cr_assert_eq((int)r->status, state);
    cr_assert_str_eq(r->reason, reason);
    (void)rf_rpc_item_free(item);
}

static int check(rf_rpc_channel *c, const char *service, int *ret_state)
{
    Rpc__V1__HealthRequest r = RPC__V1__HEALTH_REQUEST__INIT;
    ProtobufCMessage *reply = NULL;
    rf_status st;
    r.service = (char *)(uintptr_t)service;
    int err = rf_rpc_invoke(c, RPC_V1_HEALTH_CHECK, NULL, &r.base, &reply, &st);
    if (err == 0) {
        *ret_state = (int)((const Rpc__V1__HealthResponse *)reply)->status;
    }
    (void)rf_rpc_message_free(reply);
    return err;
}

Test(health, is_not_ready_until_it_is_told)
{
    char dir[] = "/tmp/rf-rpc-XXXXXX";
    char url[64];
    rf_rpc_server *s = NULL;
    rf_rpc_channel *c = NULL;
    int state = 0;
    cr_assert_not_null(mkdtemp(dir));
    (void)snprintf(url, sizeof(url), "ipc://%s/s", dir);
    cr_assert_eq(rf_rpc_server_new(&(rf_rpc_server_config){.listen = url}, &s), 0);
    cr_assert_eq(rf_rpc_server_start(s), 0);
    cr_assert_eq(rf_rpc_channel_open(&(rf_rpc_channel_config){.target = url}, &c), 0);
    cr_assert_eq(check(c, "", &state), 0);
    cr_assert_eq(state, RF_RPC_NOT_READY);
    static const rf_rpc_health states[] = {RF_RPC_READY, RF_RPC_DRAINING, RF_RPC_NOT_READY};
    for (size_t i = 0; i < RF_ARRAY_LEN(states); i++) {
        rf_rpc_server_set_health(s, states[i], i % 2 == 0 ? "because" : NULL);
        cr_assert_eq(check(c, "rpc.v1.Health", &state), 0);
        cr_assert_eq(state, (int)states[i]);
    }
    (void)rf_rpc_channel_close(c);
    (void)rf_rpc_server_free(s);
    (void)remove(url + 6);
    (void)remove(dir);
}

Test(health, of_services_is_asked_by_their_full_name)
{
    static const struct {
        const char *name;
        int err;
    } rows[] = {
        {"", 0},
        {"rpc.test.Echo", 0},
        {"rpc.v1.Health", 0},
        {"rpc.v1.Describe", 0},
        {"Echo", -ENOENT},
        {"rpc.test.Echo/Unary", -ENOENT},
        {"rpc.test.echo", -ENOENT},
        {"rpc.test.Echo ", -ENOENT},
    };
    int state = 0;
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        cr_assert_eq(check(c, rows[i].name, &state), rows[i].err, "%s", rows[i].name);
    }
    echo_stop(e);
}

/* The name comes back in the message, which must be UTF-8 however it is cut. */
Test(health, a_long_unknown_name_does_not_cost_the_connection)
{
    static const char *const characters[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    int state = 0;
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    for (size_t i = 0; i < RF_ARRAY_LEN(characters); i++) {
        for (size_t lead = 0; lead < 4; lead++) {
            char name[1200] = "";
            memset(name, 'x', lead);
            while (strlen(name) < 1000) {
                (void)strcat(name, characters[i]);
            }
            cr_assert_eq(check(c, name, &state), -ENOENT);
            rf_rpc_stream *s = watch(c, name);
            rf_rpc_item *item = NULL;
            cr_assert_eq(rf_rpc_stream_recv(s, &item), -ENOENT);
            (void)rf_rpc_stream_free(s);
        }
    }
    cr_assert_eq(echo_unary(c, "still here", NULL), 0);
    echo_stop(e);
}

Test(watch, each_watcher_sees_each_change_in_order)
{
    enum { WATCHERS = 20, CHANGES = 30 };
    rf_rpc_stream *s[WATCHERS];
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    for (size_t i = 0; i < WATCHERS; i++) {
        s[i] = watch(c, i % 2 == 0 ? "" : "rpc.test.Echo");
        expect_state(s[i], RF_RPC_READY, "");
    }
    for (int n = 0; n < CHANGES; n++) {
        char reason[16];
        (void)snprintf(reason, sizeof(reason), "change %d", n);
        rf_rpc_server_set_health(e->server, n % 2 == 0 ? RF_RPC_NOT_READY : RF_RPC_READY, reason);
    }
    for (size_t i = 0; i < WATCHERS; i++) {
        for (int n = 0; n < CHANGES; n++) {
            char reason[16];
            (void)snprintf(reason, sizeof(reason), "change %d", n);
            expect_state(s[i], n % 2 == 0 ? RF_RPC_NOT_READY : RF_RPC_READY, reason);
        }
        (void)rf_rpc_stream_free(s[i]);
    }
    echo_stop(e);
}

Test(watch, at_most_256_at_a_time)
{
    enum { MAX = 256 };
    static rf_rpc_stream *s[MAX];
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    for (size_t i = 0; i < MAX; i++) {
        s[i] = watch(c, "");
        expect_state(s[i], RF_RPC_READY, "");
    }
    rf_rpc_item *item = NULL;
    rf_rpc_stream *more = watch(c, "");
    cr_assert_eq(rf_rpc_stream_recv(more, &item), -ENOSPC);
    (void)rf_rpc_stream_free(more);
    s[0] = rf_rpc_stream_free(s[0]);
    int64_t until_ns = rf_time_ns() + 10 * RF_NS_PER_S;
    int got;
    do { /* the server hears of it a moment later */
        more = watch(c, "");
        got = rf_rpc_stream_recv(more, &item);
        item = rf_rpc_item_free(got == 1 ? item : NULL);
        (void)rf_rpc_stream_free(more);
    } while (got == -ENOSPC && rf_time_ns() < until_ns);
    cr_assert_eq(got, 1, "a place is free again");
    for (size_t i = 1; i < MAX; i++) {
        (void)rf_rpc_stream_free(s[i]);
    }
    echo_stop(e);
}

static void *change_health(void *arg)
{
    for (int i = 0; i < 200; i++) {
        rf_rpc_server_set_health((rf_rpc_server *)arg, i % 2 == 0 ? RF_RPC_NOT_READY : RF_RPC_READY,
                                 i % 3 == 0 ? "why" : NULL);
    }
    return NULL;
}

/* Watchers come, go and are told at the same time, from several threads. */
Test(watch, may_begin_and_end_while_the_state_changes)
{
    pthread_t thread;
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    cr_assert_eq(pthread_create(&thread, NULL, change_health, e->server), 0);
    for (int i = 0; i < 100; i++) {
        rf_rpc_stream *s = watch(c, "");
        rf_rpc_item *item = NULL;
        if (i % 4 != 0) {
            cr_assert_eq(rf_rpc_stream_recv(s, &item), 1, "the present state, at least");
            item = rf_rpc_item_free(item);
        }
        (void)rf_rpc_stream_free(s);
    }
    (void)pthread_join(thread, NULL);
    cr_assert_eq(rf_rpc_server_drain(e->server, 10000), 0);
    echo_stop(e);
}

Test(watch, ends_well_when_the_server_drains_and_none_begins_then)
{
    rf_rpc_item *item = NULL;
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    rf_rpc_stream *s = watch(c, "");
    expect_state(s, RF_RPC_READY, "");
    cr_assert_eq(rf_rpc_server_drain(e->server, 10000), 0);
    expect_state(s, RF_RPC_DRAINING, "shutting down");
    cr_assert_eq(rf_rpc_stream_recv(s, &item), 0, "OK is the end of a watch");
    (void)rf_rpc_stream_free(s);
    echo_stop(e);
}

/* ---- describe: servers that say something odd of themselves ---- */

static void *describe_once(void *arg)
{
    static rf_status st;
    rf_rpc_description *d = NULL;
    st = RF_STATUS_OK;
    int err = rf_rpc_describe((rf_rpc_channel *)arg, NULL, &d, &st);
    (void)rf_rpc_description_free(d);
    st.retriable = err != 0; /* so that the test sees both */
    return &st;
}

Test(describe, answers_that_are_no_description)
{
    static const struct {
        const char *what;
        const char *body;
        size_t len;
        unsigned end;
        rf_code code;
    } rows[] = {
        {"nothing", NULL, 0, RF_OK, RF_INTERNAL},
        {"no set", "", 0, RF_OK, RF_DATA_LOSS},
        {"an empty set", "\x0a\0", 2, RF_OK, RF_OK},
        {"a set that is a number", "\x08\1", 2, RF_OK, RF_DATA_LOSS},
        {"bytes that are no set", "\x0a\x02\xff\xff", 4, RF_OK, RF_DATA_LOSS},
        {"a cut answer", "\x0a\x09\x0a", 3, RF_OK, RF_DATA_LOSS},
        {"an error", NULL, 0, RF_PERMISSION_DENIED, RF_PERMISSION_DENIED},
        {"no such method", NULL, 0, RF_UNIMPLEMENTED, RF_UNIMPLEMENTED},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        static peer_frame f;
        peer p;
        pthread_t thread;
        void *status = NULL;
        rf_rpc_channel *c = NULL;
        peer_listen(&p);
        cr_assert_eq(rf_rpc_channel_open(&(rf_rpc_channel_config){.target = p.url}, &c), 0);
        cr_assert_eq(pthread_create(&thread, NULL, describe_once, c), 0);
        peer_accept(&p);
        cr_assert(peer_read_type(&p, PEER_CALL, &f));
        cr_assert(peer_end(&p, f.call, rows[i].end, "", rows[i].body, rows[i].len));
        (void)pthread_join(thread, &status);
        const rf_status *st = (const rf_status *)status;
        cr_assert_eq(st->code, rows[i].code, "%s: %s", rows[i].what, st->message);
        cr_assert_eq(st->retriable, rows[i].code != RF_OK);
        (void)rf_rpc_channel_close(c);
        peer_done(&p);
    }
}

static int next_none(void *user, const char **text, size_t *len)
{
    (void)user;
    (void)text;
    (void)len;
    return 0;
}

static int next_error(void *user, const char **text, size_t *len)
{
    (void)user;
    (void)text;
    (void)len;
    return -EIO;
}

static int next_empty(void *user, const char **text, size_t *len)
{
    size_t *n = (size_t *)user;
    *text = "{\"count\":100}";
    *len = strlen(*text);
    return (*n)++ == 0 ? 1 : 0;
}

static int answer_error(void *user, const char *text, size_t len)
{
    (void)user;
    (void)text;
    (void)len;
    return -EPIPE;
}

static int answer_taken(void *user, const char *text, size_t len)
{
    (void)user;
    cr_assert_eq(strlen(text), len);
    return 0;
}

/* What goes wrong on the caller's own side is told as well, and cancels the call. */
Test(describe, errors_of_reading_and_writing_end_the_call)
{
    static const struct {
        const char *method;
        rf_rpc_json_io io;
        const char *says; /* NULL: it works */
    } rows[] = {
        {"rpc.test.Echo/Upload", {next_error, answer_taken, NULL, NULL}, "reading a request"},
        {"rpc.test.Echo/Unary", {next_error, answer_taken, NULL, NULL}, "reading a request"},
        {"rpc.test.Echo/Download", {next_empty, answer_error, NULL, NULL}, "writing an answer"},
        {"rpc.test.Echo/Download", {next_empty, answer_taken, NULL, NULL}, NULL},
        {"rpc.test.Echo/Chat", {next_none, answer_taken, NULL, NULL}, NULL},
    };
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    rf_rpc_description *d = NULL;
    rf_status st;
    cr_assert_eq(rf_rpc_describe(c, NULL, &d, &st), 0);
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        size_t n = 0;
        rf_rpc_json_io io = rows[i].io;
        io.user = &n;
        int err = rf_rpc_call_json(c, d, rows[i].method, NULL, NULL, &io, &st);
        cr_assert_eq(err < 0, rows[i].says != NULL, "row %zu: %s", i, st.message);
        cr_assert(rows[i].says == NULL || strstr(st.message, rows[i].says) != NULL, "%s",
                  st.message);
        cr_assert_eq(echo_unary(c, "goes on", NULL), 0);
    }
    (void)rf_rpc_description_free(d);
    cr_assert_null(rf_rpc_description_free(NULL));
    echo_stop(e);
}
