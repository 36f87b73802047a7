/* Where a channel's calls go: several endpoints, names with several addresses, servers that come,
 * die and drain, and what waits for them meanwhile. */
#include "echo.h"
#include "peer.h"
#include "tally.h"

#include "rf_time.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HELLO "\x0a\x02hi"

static rf_rpc_channel *channel_of(const rf_rpc_channel_config *config)
{
    rf_rpc_channel *c = NULL;
    cr_assert_eq(rf_rpc_channel_open(config, &c), 0);
    return c;
}

/* Calls until the server has answered one; false after 10 s. */
static bool reaches(rf_rpc_channel *c, echo *e)
{
    int64_t until_ns = rf_time_ns() + 10 * RF_NS_PER_S;
    (void)pthread_mutex_lock(&e->mutex);
    size_t before = e->n_unary;
    (void)pthread_mutex_unlock(&e->mutex);
    for (;;) {
        (void)echo_unary(c, "who answers?", NULL);
        (void)pthread_mutex_lock(&e->mutex);
        bool yes = e->n_unary > before;
        (void)pthread_mutex_unlock(&e->mutex);
        if (yes || rf_time_ns() > until_ns) {
            return yes;
        }
    }
}

static size_t n_answered(echo *e)
{
    (void)pthread_mutex_lock(&e->mutex);
    size_t n = e->n_unary;
    (void)pthread_mutex_unlock(&e->mutex);
    return n;
}

/* ---- several endpoints ---- */

Test(endpoints, share_calls_one_after_the_other_evenly)
{
    enum { N = 4, CALLS = 400 };
    echo *e[N];
    char target[600] = "";
    for (size_t i = 0; i < N; i++) {
        e[i] = echo_start(NULL, NULL);
        (void)strcat(strcat(target, i > 0 ? "," : ""), e[i]->url);
    }
    rf_rpc_channel *c = channel_of(&(rf_rpc_channel_config){.target = target});
    size_t before[N];
    for (size_t i = 0; i < N; i++) {
        cr_assert(reaches(c, e[i]));
    }
    for (size_t i = 0; i < N; i++) {
        before[i] = n_answered(e[i]);
    }
    for (int i = 0; i < CALLS; i++) {
        cr_assert_eq(echo_unary(c, "turn", NULL), 0);
    }
    for (size_t i = 0; i < N; i++) {
        cr_assert_eq(n_answered(e[i]) - before[i], CALLS / N, "equals take turns");
    }
    (void)rf_rpc_channel_close(c);
    for (size_t i = 0; i < N; i++) {
        echo_stop(e[i]);
    }
}

Test(endpoints, a_stream_counts_as_load)
{
    echo *one = echo_start(NULL, NULL);
    echo *two = echo_start(NULL, NULL);
    char target[300];
    (void)snprintf(target, sizeof(target), "%s,%s", one->url, two->url);
    rf_rpc_channel *c = channel_of(&(rf_rpc_channel_config){.target = target});
    cr_assert(reaches(c, one) && reaches(c, two));
    rf_rpc_stream *streams[3];
    for (size_t i = 0; i < RF_ARRAY_LEN(streams); i++) {
        streams[i] = rf_rpc_stream_open(c, RPC_TEST_ECHO_CHAT, NULL);
        cr_assert_eq(rf_rpc_stream_send_raw(streams[i], HELLO, 4, NULL), 0);
        rf_rpc_item *item = NULL;
        cr_assert_eq(rf_rpc_stream_recv(streams[i], &item), 1);
        (void)rf_rpc_item_free(item);
    }
    size_t on_one = rf_rpc_server_calls(one->server);
    size_t on_two = rf_rpc_server_calls(two->server);
    cr_assert_eq(on_one + on_two, 3);
    cr_assert(on_one >= 1 && on_two >= 1);
    echo *free_one = on_one < on_two ? one : two;
    size_t before = n_answered(free_one);
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(echo_unary(c, "beside", NULL), 0);
    }
    cr_assert_eq(n_answered(free_one) - before, 20, "all go where fewer streams are");
    for (size_t i = 0; i < RF_ARRAY_LEN(streams); i++) {
        (void)rf_rpc_stream_free(streams[i]);
    }
    (void)rf_rpc_channel_close(c);
    echo_stop(one);
    echo_stop(two);
}

Test(endpoints, one_that_dies_costs_nothing_that_may_be_tried_again)
{
    enum { CALLS = 2000 };
    echo *one = echo_start(NULL, NULL);
    echo *two = echo_start(NULL, NULL);
    char target[300];
    (void)snprintf(target, sizeof(target), "%s,%s", one->url, two->url);
    rf_rpc_channel *c = channel_of(&(rf_rpc_channel_config){.target = target});
    cr_assert(reaches(c, one) && reaches(c, two));
    tally t;
    tally_init(&t);
    Rpc__Test__Ping p = RPC__TEST__PING__INIT;
    for (int i = 0; i < CALLS; i++) {
        rf_rpc_unary(c, RPC_TEST_ECHO_UNARY, NULL, &p.base, NULL, tally_done, &t, NULL);
        if (i == CALLS / 2) {
            one->server = rf_rpc_server_free(one->server);
        }
    }
    cr_assert(tally_wait(&t, CALLS));
    cr_assert_eq(t.by_code[RF_OK], CALLS, "%zu UNAVAILABLE", t.by_code[RF_UNAVAILABLE]);
    cr_assert_eq(echo_unary(c, "the other one", NULL), 0);
    (void)rf_rpc_channel_close(c);
    echo_stop(one);
    echo_stop(two);
}

Test(endpoints, one_that_never_answers_does_not_hold_up_the_others)
{
    peer silent;
    echo *e = echo_start(NULL, NULL);
    char target[300];
    peer_listen(&silent); /* takes connections and says nothing */
    (void)snprintf(target, sizeof(target), "%s,ipc:///tmp/rf-rpc-nobody,%s", silent.url, e->url);
    rf_rpc_channel *c = channel_of(&(rf_rpc_channel_config){.target = target});
    for (int i = 0; i < 50; i++) {
        rf_status st;
        cr_assert_eq(echo_unary(c, "x", &st), 0, "%s", st.message);
    }
    (void)rf_rpc_channel_close(c);
    peer_done(&silent);
    echo_stop(e);
}

Test(endpoints, the_same_address_twice_is_two_connections)
{
    echo *e = echo_start(NULL, NULL);
    char target[300];
    (void)snprintf(target, sizeof(target), "%s , %s", e->url, e->url);
    rf_rpc_channel *c = channel_of(&(rf_rpc_channel_config){.target = target});
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(echo_unary(c, "x", NULL), 0);
    }
    (void)rf_rpc_channel_close(c);
    echo_stop(e);
}

/* ---- names ---- */

typedef struct names {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int n_lookups;
    int n; /* addresses to give; negative errno to fail */
    const char *addresses[70];
    bool hangs; /* the look-up takes until it is let go */
} names;

static void names_init(names *s)
{
    *s = (names){0};
    (void)pthread_mutex_init(&s->mutex, NULL);
    rf_cond_init(&s->changed);
}

static int resolve(const char *host, rf_rpc_address *ret, size_t max, void *user)
{
    names *s = (names *)user;
    (void)host;
    (void)pthread_mutex_lock(&s->mutex);
    s->n_lookups++;
    (void)pthread_cond_broadcast(&s->changed);
    while (s->hangs) {
        (void)pthread_cond_wait(&s->changed, &s->mutex);
    }
    int n = s->n;
    for (int i = 0; i < n && (size_t)i < max; i++) {
        (void)rf_copy_str(ret[i].text, sizeof(ret[i].text), s->addresses[i]);
    }
    (void)pthread_mutex_unlock(&s->mutex);
    return RF_MIN(n, (int)max);
}

static bool names_wait(names *s, int n)
{
    int64_t at_ns = rf_time_ns() + 10 * RF_NS_PER_S;
    int err = 0;
    (void)pthread_mutex_lock(&s->mutex);
    while (s->n_lookups < n && err == 0) {
        err = rf_time_wait_until(&s->changed, &s->mutex, at_ns);
    }
    bool ok = s->n_lookups >= n;
    (void)pthread_mutex_unlock(&s->mutex);
    return ok;
}

static void names_set(names *s, int n, const char *first)
{
    (void)pthread_mutex_lock(&s->mutex);
    s->n = n;
    s->addresses[0] = first;
    s->hangs = false;
    (void)pthread_cond_broadcast(&s->changed);
    (void)pthread_mutex_unlock(&s->mutex);
}

static void url_of(char url[64], const char *host, unsigned port)
{
    (void)snprintf(url, 64, "tcp://%s:%u", host, port);
}

Test(names, a_failed_lookup_keeps_the_addresses)
{
    names s;
    char url[64];
    echo *e = echo_start("tcp://127.0.0.1:0", NULL);
    names_init(&s);
    names_set(&s, 1, "127.0.0.1");
    url_of(url, "name.test", rf_rpc_server_port(e->server, 0));
    rf_rpc_channel *c = channel_of(&(rf_rpc_channel_config){
        .target = url, .resolve = resolve, .resolve_user = &s, .resolve_ms = 20});
    cr_assert_eq(echo_unary(c, "x", NULL), 0);
    names_set(&s, -5, "");
    cr_assert(names_wait(&s, s.n_lookups + 1));
    cr_assert_eq(echo_unary(c, "still", NULL), 0);
    names_set(&s, 0, "");
    cr_assert_eq(echo_unary(c, "none is no answer either", NULL), 0);
    (void)rf_rpc_channel_close(c);
    echo_stop(e);
}

Test(names, an_address_that_leaves_ends_its_calls_first)
{
    names s;
    char url[64];
    echo *one = echo_start("tcp://127.0.0.1:0", NULL);
    unsigned port = rf_rpc_server_port(one->server, 0);
    url_of(url, "127.0.0.2", port);
    echo *two = echo_start(url, NULL);
    names_init(&s);
    names_set(&s, 1, "127.0.0.1");
    url_of(url, "name.test", port);
    rf_rpc_channel *c = channel_of(&(rf_rpc_channel_config){
        .target = url, .resolve = resolve, .resolve_user = &s, .resolve_ms = 20});
    tally t;
    tally_init(&t);
    Rpc__Test__Order o = RPC__TEST__ORDER__INIT;
    o.hold = true;
    rf_rpc_unary(c, RPC_TEST_ECHO_OBEY, NULL, &o.base, NULL, tally_done, &t, NULL);
    cr_assert(echo_wait(one, &one->n_held, 1));
    names_set(&s, 1, "127.0.0.2");
    cr_assert(reaches(c, two));
    cr_assert_eq(tally_count(&t), 0, "the call on the old address goes on");
    Rpc__Test__Ping p = RPC__TEST__PING__INIT;
    rf_rpc_reply(echo_take(one), &p.base, NULL);
    cr_assert(tally_wait(&t, 1));
    cr_assert_eq(t.last.code, RF_OK);
    (void)rf_rpc_channel_close(c);
    echo_stop(one);
    echo_stop(two);
}

Test(names, a_lost_connection_asks_the_resolver_again)
{
    names s;
    char url[64];
    echo *one = echo_start("tcp://127.0.0.1:0", NULL);
    unsigned port = rf_rpc_server_port(one->server, 0);
    names_init(&s);
    names_set(&s, 1, "127.0.0.1");
    url_of(url, "name.test", port);
    rf_rpc_channel *c = channel_of(&(rf_rpc_channel_config){
        .target = url, .resolve = resolve, .resolve_user = &s, .resolve_ms = 3600000});
    cr_assert_eq(echo_unary(c, "x", NULL), 0);
    url_of(url, "127.0.0.2", port);
    echo *two = echo_start(url, NULL);
    names_set(&s, 1, "127.0.0.2");
    one->server = rf_rpc_server_free(one->server);
    cr_assert(reaches(c, two), "an hour before the next look-up was due");
    (void)rf_rpc_channel_close(c);
    echo_stop(one);
    echo_stop(two);
}

Test(names, more_addresses_than_fit_are_cut)
{
    names s;
    char url[64];
    echo *e = echo_start("tcp://127.0.0.1:0", NULL);
    names_init(&s);
    s.n = 70;
    for (int i = 0; i < 70; i++) {
        s.addresses[i] = "127.0.0.1"; /* the same again and again is one endpoint */
    }
    url_of(url, "name.test", rf_rpc_server_port(e->server, 0));
    rf_rpc_channel *c =
        channel_of(&(rf_rpc_channel_config){.target = url, .resolve = resolve, .resolve_user = &s});
    cr_assert_eq(echo_unary(c, "x", NULL), 0);
    (void)rf_rpc_channel_close(c);
    echo_stop(e);
}

Test(names, a_channel_may_close_while_a_lookup_hangs)
{
    static names s; /* outlives the test's frame: the look-up ends after it */
    names_init(&s);
    s.hangs = true;
    rf_rpc_channel *c = channel_of(&(rf_rpc_channel_config){.target = "tcp://slow.test:1",
                                                            .resolve = resolve,
                                                            .resolve_user = &s,
                                                            .wait_ready_ms = 30});
    cr_assert(names_wait(&s, 1));
    rf_status st;
    cr_assert_eq(echo_unary(c, "x", &st), -EAGAIN);
    (void)rf_rpc_channel_close(c);
    names_set(&s, 0, "");
}

Test(names, localhost_is_found_by_the_system)
{
    char url[64];
    echo *e = echo_start("tcp://127.0.0.1:0", NULL);
    url_of(url, "localhost", rf_rpc_server_port(e->server, 0));
    rf_rpc_channel *c = channel_of(&(rf_rpc_channel_config){.target = url});
    rf_status st;
    cr_assert_eq(echo_unary(c, "x", &st), 0, "%s", st.message);
    (void)rf_rpc_channel_close(c);
    echo_stop(e);
}

Test(names, ipv6_stands_in_brackets)
{
    rf_rpc_server *probe = NULL;
    cr_assert_eq(rf_rpc_server_new(&(rf_rpc_server_config){.listen = "tcp://[::1]:0"}, &probe), 0);
    int err = rf_rpc_server_start(probe);
    (void)rf_rpc_server_free(probe);
    if (err != 0) {
        cr_skip_test("no IPv6 here");
    }
    char url[64];
    echo *e = echo_start("tcp://[::1]:0", NULL);
    (void)snprintf(url, sizeof(url), "tcp://[::1]:%u", rf_rpc_server_port(e->server, 0));
    rf_rpc_channel *c = channel_of(&(rf_rpc_channel_config){.target = url});
    rf_status st;
    cr_assert_eq(echo_unary(c, "x", &st), 0, "%s", st.message);
    (void)rf_rpc_channel_close(c);
    echo_stop(e);
}

/* ---- waiting ---- */

Test(waiting, calls_go_out_in_their_order_when_a_server_comes)
{
    static peer_frame f;
    peer p;
    peer_listen(&p);
    rf_rpc_channel *c = channel_of(&(rf_rpc_channel_config){.target = p.url});
    tally t;
    tally_init(&t);
    for (uint32_t i = 0; i < 100; i++) {
        uint8_t body[] = {0x18, (uint8_t)(i + 1)};
        rf_rpc_unary_raw(c, RPC_TEST_ECHO_ONCE, NULL, body, 2, NULL, tally_done, &t, NULL);
    }
    cr_assert_eq(tally_count(&t), 0);
    peer_accept(&p);
    for (uint32_t i = 0; i < 100; i++) {
        cr_assert(peer_read_type(&p, PEER_CALL, &f));
        cr_assert_eq(f.call, i + 1);
        cr_assert_eq(f.payload[f.len - 1], i + 1, "the order in which they were made");
        cr_assert(peer_end(&p, f.call, RF_OK, "", "", 0));
    }
    cr_assert(tally_wait(&t, 100));
    cr_assert_eq(t.by_code[RF_OK], 100);
    (void)rf_rpc_channel_close(c);
    peer_done(&p);
}

Test(waiting, ends_unavailable_and_says_why)
{
    static const struct {
        const char *target, *says;
    } rows[] = {
        {"ipc:///tmp/rf-rpc-no-such-folder/s", "rf-rpc-no-such-folder"},
        {"tcp://127.0.0.1:1", "127.0.0.1:1"},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        rf_rpc_channel *c =
            channel_of(&(rf_rpc_channel_config){.target = rows[i].target, .wait_ready_ms = 1000});
        rf_status st;
        cr_assert_eq(echo_unary(c, "x", &st), -EAGAIN);
        cr_assert_eq(st.code, RF_UNAVAILABLE);
        cr_assert(st.retriable);
        cr_assert_not_null(strstr(st.message, rows[i].says), "%s", st.message);
        (void)rf_rpc_channel_close(c);
    }
}

Test(waiting, a_call_that_is_cancelled_never_goes_out)
{
    static peer_frame f;
    peer p;
    peer_listen(&p);
    rf_rpc_channel *c = channel_of(&(rf_rpc_channel_config){.target = p.url});
    tally t;
    rf_rpc_call *call = NULL;
    tally_init(&t);
    rf_rpc_unary_raw(c, RPC_TEST_ECHO_ONCE, NULL, "", 0, NULL, tally_done, &t, &call);
    rf_rpc_cancel(call);
    (void)rf_rpc_call_free(call);
    cr_assert(tally_wait(&t, 1));
    cr_assert_eq(t.last.code, RF_CANCELLED);
    peer_accept(&p);
    rf_rpc_unary_raw(c, RPC_TEST_ECHO_UNARY, NULL, "", 0, NULL, tally_done, &t, NULL);
    peer_head_text head;
    cr_assert(peer_read_type(&p, PEER_CALL, &f));
    cr_assert(peer_head_get(&f, &head));
    cr_assert_str_eq(head.method, "rpc.test.Echo/Unary");
    cr_assert_eq(f.call, 1);
    (void)rf_rpc_channel_close(c);
    cr_assert(tally_wait(&t, 2));
    peer_done(&p);
}

/* ---- sockets and drain ---- */

Test(ipc, sockets_are_for_their_owner_alone)
{
    char path[128];
    struct stat st;
    echo *e = echo_start(NULL, NULL);
    (void)rf_copy_str(path, sizeof(path), e->url + strlen("ipc://"));
    cr_assert_eq(stat(path, &st), 0);
    cr_assert(S_ISSOCK(st.st_mode));
    cr_assert_eq(st.st_mode & 07777, 0600);
    cr_assert_eq(st.st_uid, geteuid());
    echo_stop(e);
}

Test(ipc, a_stale_socket_is_replaced_and_a_file_is_not)
{
    char dir[] = "/tmp/rf-rpc-XXXXXX";
    char url[64];
    cr_assert_not_null(mkdtemp(dir));
    (void)snprintf(url, sizeof(url), "ipc://%s/s", dir);
    peer stale;
    peer_listen(&stale);
    (void)rename(stale.path, url + 6);
    (void)close(stale.listener);
    stale.listener = -1;
    (void)rmdir(stale.dir);
    rf_rpc_server *s = NULL;
    cr_assert_eq(rf_rpc_server_new(&(rf_rpc_server_config){.listen = url}, &s), 0);
    cr_assert_eq(rf_rpc_server_start(s), 0, "nobody listens there any more");
    (void)rf_rpc_server_free(s);
    (void)unlink(url + 6);
    FILE *f = fopen(url + 6, "w");
    cr_assert(f != NULL && fputs("precious", f) > 0 && fclose(f) == 0);
    cr_assert_eq(rf_rpc_server_new(&(rf_rpc_server_config){.listen = url}, &s), 0);
    cr_assert_lt(rf_rpc_server_start(s), 0);
    (void)rf_rpc_server_free(s);
    struct stat st;
    cr_assert(stat(url + 6, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 8);
    (void)unlink(url + 6);
    (void)rmdir(dir);
}

Test(listen, several_at_once)
{
    char dir[] = "/tmp/rf-rpc-XXXXXX";
    char listen[200];
    char url[64];
    cr_assert_not_null(mkdtemp(dir));
    (void)snprintf(listen, sizeof(listen), "ipc://%s/a,tcp://127.0.0.1:0, ipc://%s/b", dir, dir);
    rf_rpc_server *s = NULL;
    cr_assert_eq(rf_rpc_server_new(&(rf_rpc_server_config){.listen = listen}, &s), 0);
    cr_assert_eq(rf_rpc_server_start(s), 0);
    cr_assert_eq(rf_rpc_server_port(s, 0), 0);
    cr_assert_gt(rf_rpc_server_port(s, 1), 0);
    cr_assert_eq(rf_rpc_server_port(s, 2), 0);
    cr_assert_eq(rf_rpc_server_port(s, 3), 0, "there is no fourth");
    url_of(url, "127.0.0.1", rf_rpc_server_port(s, 1));
    peer p;
    peer_dial(&p, url);
    cr_assert(peer_is_alive(&p));
    peer_done(&p);
    for (int i = 0; i < 2; i++) {
        (void)snprintf(url, sizeof(url), "ipc://%s/%c", dir, 'a' + i);
        peer_dial(&p, url);
        cr_assert(peer_is_alive(&p));
        peer_done(&p);
        (void)unlink(url + 6);
    }
    (void)rf_rpc_server_free(s);
    (void)rmdir(dir);
}

Test(drain, moves_a_channel_to_the_server_that_follows)
{
    enum { N = 5 };
    echo *e[N + 1];
    e[0] = echo_start(NULL, NULL);
    rf_rpc_channel *c = channel_of(&(rf_rpc_channel_config){.target = e[0]->url});
    for (size_t i = 0; i < N; i++) {
        rf_status st;
        cr_assert_eq(echo_unary(c, "before", &st), 0, "%s", st.message);
        cr_assert_eq(rf_rpc_server_drain(e[i]->server, 5000), 0);
        e[i + 1] = echo_start(e[0]->url, NULL);
        cr_assert_eq(echo_unary(c, "after", &st), 0, "%s", st.message);
        cr_assert_eq(n_answered(e[i + 1]), 1, "by the new one");
    }
    (void)rf_rpc_channel_close(c);
    for (size_t i = N + 1; i-- > 0;) {
        echo_stop(e[i]);
    }
}

Test(drain, twice_and_without_calls_is_at_once)
{
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    cr_assert_eq(echo_unary(c, "x", NULL), 0);
    int64_t start_ns = rf_time_ns();
    cr_assert_eq(rf_rpc_server_drain(e->server, 60000), 0);
    cr_assert_eq(rf_rpc_server_drain(e->server, 60000), 0);
    cr_assert_lt(rf_time_ns() - start_ns, 10 * RF_NS_PER_S);
    echo_stop(e);
}
