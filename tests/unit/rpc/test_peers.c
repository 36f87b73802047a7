/* Servers that come, go, drain and die; several endpoints; retries. */
#include "echo.h"
#include "tally.h"

#include "rf_time.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void start_call(rf_rpc_channel *c, const rf_rpc_method *m, tally *t)
{
    Rpc__Test__Ping p = RPC__TEST__PING__INIT;
    p.text = (char *)"ping";
    rf_rpc_unary(c, m, NULL, &p.base, NULL, tally_done, t, NULL);
}

/* ---- coming and going ---- */

Test(peers, a_client_may_come_before_its_server)
{
    char dir[] = "/tmp/rf-rpc-XXXXXX";
    char url[64];
    cr_assert_not_null(mkdtemp(dir));
    (void)snprintf(url, sizeof(url), "ipc://%s/s", dir);
    rf_rpc_channel *c = NULL;
    cr_assert_eq(rf_rpc_channel_open(&(rf_rpc_channel_config){.target = url}, &c), 0);
    tally t;
    tally_init(&t);
    start_call(c, RPC_TEST_ECHO_ONCE, &t);
    cr_assert_not(rf_rpc_channel_is_ready(c));
    struct timespec nap = {.tv_nsec = 60 * 1000 * 1000};
    (void)nanosleep(&nap, NULL);
    int64_t start_ns = rf_time_ns();
    echo *e = echo_start(url, NULL);
    cr_assert(tally_wait(&t, 1));
    cr_assert_eq(t.by_code[RF_OK], 1);
    cr_assert_lt(rf_time_ns() - start_ns, 600 * RF_NS_PER_MS, "the back-off is short at first");
    cr_assert(rf_rpc_channel_is_ready(c));
    struct stat st;
    cr_assert_eq(stat(url + 6, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600);
    (void)rf_rpc_channel_close(c);
    echo_stop(e);
    (void)unlink(url + 6);
    (void)rmdir(dir);
}

Test(peers, a_server_may_come_back)
{
    echo *e = echo_start(NULL, NULL);
    char url[128];
    (void)rf_copy_str(url, sizeof(url), e->url);
    rf_rpc_channel *c = NULL;
    cr_assert_eq(rf_rpc_channel_open(&(rf_rpc_channel_config){.target = url}, &c), 0);
    cr_assert_eq(echo_unary(c, "first", NULL), 0);
    for (int i = 0; i < 5; i++) {
        e->server = rf_rpc_server_free(e->server);
        echo *again = echo_start(url, NULL);
        rf_status st;
        cr_assert_eq(echo_unary(c, "again", &st), 0, "%s", st.message);
        (void)rf_rpc_server_free(e->server);
        e->server = RF_STEAL(again->server);
        echo_stop(again);
    }
    (void)rf_rpc_channel_close(c);
    echo_stop(e);
}

/* ---- GOAWAY ---- */

typedef struct load {
    rf_rpc_channel *channel;
    tally *tally;
    size_t n;
} load;

static void *load_main(void *arg)
{
    load *l = (load *)arg;
    for (size_t i = 0; i < l->n; i++) {
        start_call(l->channel, RPC_TEST_ECHO_ONCE, l->tally);
        if (i % 64 == 0) {
            (void)tally_wait(l->tally, i > 512 ? i - 512 : 0);
        }
    }
    return NULL;
}

Test(goaway, under_load_loses_no_call, .timeout = 60)
{
    enum { N = 20000 };
    echo *one = echo_start(NULL, NULL);
    echo *two = echo_start(NULL, NULL);
    char both[300];
    (void)snprintf(both, sizeof(both), "%s,%s", one->url, two->url);
    rf_rpc_channel *c = NULL;
    cr_assert_eq(rf_rpc_channel_open(&(rf_rpc_channel_config){.target = both}, &c), 0);
    tally t;
    tally_init(&t);
    load l = {c, &t, N};
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, load_main, &l), 0);
    cr_assert(tally_wait(&t, N / 4));
    cr_assert_eq(rf_rpc_server_drain(one->server, 5000), 0);
    (void)pthread_join(thread, NULL);
    cr_assert(tally_wait(&t, N));
    cr_assert_eq(t.by_code[RF_OK], N, "a method that is never tried twice");
    cr_assert_eq(one->n_unary + two->n_unary, N, "each call was handled once");
    cr_assert_gt(one->n_unary, 0);
    (void)rf_rpc_channel_close(c);
    echo_stop(one);
    echo_stop(two);
}

Test(goaway, calls_in_progress_end_before_drain_returns)
{
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    tally t;
    tally_init(&t);
    Rpc__Test__Order o = RPC__TEST__ORDER__INIT;
    o.hold = true;
    rf_rpc_unary(c, RPC_TEST_ECHO_OBEY, NULL, &o.base, NULL, tally_done, &t, NULL);
    cr_assert(echo_wait(e, &e->n_held, 1));
    cr_assert_eq(rf_rpc_server_drain(e->server, 30), -ETIMEDOUT);
    Rpc__Test__Ping p = RPC__TEST__PING__INIT;
    rf_rpc_reply(echo_take(e), &p.base, NULL);
    cr_assert_eq(rf_rpc_server_drain(e->server, 5000), 0);
    cr_assert(tally_wait(&t, 1));
    cr_assert_eq(t.by_code[RF_OK], 1);
    echo_stop(e);
}

/* ---- death ---- */

/* A server in a process of its own; it is ready when its socket answers. */
static pid_t spawn_server(const char *url)
{
    pid_t pid = -1;
    char *argv[] = {(char *)ECHO_SERVER, (char *)(uintptr_t)url, NULL};
    cr_assert_eq(posix_spawn(&pid, ECHO_SERVER, NULL, NULL, argv, environ), 0);
    return pid;
}

Test(death, of_a_peer_ends_every_call_with_a_status, .timeout = 120)
{
    enum { ROUNDS = 12, CALLS = 400 };
    char dir[] = "/tmp/rf-rpc-XXXXXX";
    char url[64];
    cr_assert_not_null(mkdtemp(dir));
    (void)snprintf(url, sizeof(url), "ipc://%s/s", dir);
    rf_rpc_channel *c = NULL;
    cr_assert_eq(
        rf_rpc_channel_open(&(rf_rpc_channel_config){.target = url, .wait_ready_ms = 300}, &c), 0);
    size_t n_ok = 0;
    size_t n_lost = 0;
    for (int i = 0; i < ROUNDS; i++) {
        pid_t pid = spawn_server(url); /* takes over the socket that the last one left */
        int64_t until_ns = rf_time_ns() + 10 * RF_NS_PER_S;
        while (echo_unary(c, "up", NULL) != 0) {
            cr_assert_lt(rf_time_ns(), until_ns, "round %d", i);
        }
        tally t;
        tally_init(&t);
        for (int k = 0; k < CALLS; k++) {
            start_call(c, RPC_TEST_ECHO_ONCE, &t);
            if (k == i * CALLS / ROUNDS) {
                cr_assert(tally_wait(&t, (size_t)k / 2));
                (void)kill(pid, SIGKILL);
                (void)waitpid(pid, NULL, 0);
            }
        }
        cr_assert(tally_wait(&t, CALLS), "round %d: every call ends", i);
        cr_assert_eq(t.by_code[RF_OK] + t.by_code[RF_UNAVAILABLE], CALLS);
        n_ok += t.by_code[RF_OK];
        n_lost += t.by_code[RF_UNAVAILABLE];
    }
    cr_assert_gt(n_lost, 0);
    cr_assert_gt(n_ok, 0);
    (void)rf_rpc_channel_close(c);
    (void)unlink(url + 6);
    (void)rmdir(dir);
}

Test(death, of_a_server_with_held_calls_is_heard_on_both_sides)
{
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    tally t;
    tally_init(&t);
    Rpc__Test__Order o = RPC__TEST__ORDER__INIT;
    o.hold = true;
    rf_rpc_options within = echo_within(3000);
    for (int i = 0; i < 10; i++) {
        rf_rpc_unary(c, RPC_TEST_ECHO_OBEY, &within, &o.base, NULL, tally_done, &t, NULL);
    }
    cr_assert(echo_wait(e, &e->n_held, 10));
    e->server = rf_rpc_server_free(e->server);
    cr_assert(echo_wait(e, &e->n_done, 10), "the handlers hear of it");
    cr_assert(tally_wait(&t, 10));
    cr_assert_eq(t.by_code[RF_OK], 0);
    echo_stop(e);
}

Test(death, of_a_client_is_heard_by_the_handlers)
{
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    tally t;
    tally_init(&t);
    Rpc__Test__Order o = RPC__TEST__ORDER__INIT;
    o.hold = true;
    rf_rpc_unary(c, RPC_TEST_ECHO_OBEY, NULL, &o.base, NULL, tally_done, &t, NULL);
    cr_assert(echo_wait(e, &e->n_held, 1));
    e->channel = rf_rpc_channel_close(c);
    cr_assert_eq(t.by_code[RF_CANCELLED], 1);
    cr_assert(echo_wait(e, &e->n_done, 1));
    echo_stop(e);
}

/* ---- retries ---- */

Test(retry, only_idempotent_methods_are_tried_again)
{
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, &(rf_rpc_channel_config){.attempts = 3});
    static const uint32_t codes[] = {RF_UNAVAILABLE, RF_INTERNAL, RF_ABORTED};
    static const size_t tries[] = {3, 1, 1};
    for (size_t i = 0; i < RF_ARRAY_LEN(codes); i++) {
        Rpc__Test__Order o = RPC__TEST__ORDER__INIT;
        o.code = codes[i];
        o.message = (char *)"no";
        size_t before = e->n_unary;
        rf_status st;
        (void)echo_obey(c, &o, NULL, &st);
        cr_assert_eq(st.code, codes[i]);
        cr_assert_eq(e->n_unary - before, tries[i]);
    }
    rf_rpc_method once = *RPC_TEST_ECHO_OBEY;
    once.idempotent = false;
    Rpc__Test__Order o = RPC__TEST__ORDER__INIT;
    o.code = RF_UNAVAILABLE;
    size_t before = e->n_unary;
    ProtobufCMessage *reply = NULL;
    cr_assert_eq(rf_rpc_invoke(c, &once, NULL, &o.base, &reply, NULL), -EAGAIN);
    cr_assert_eq(e->n_unary - before, 1);
    echo_stop(e);
}

Test(retry, an_answered_stream_is_not_begun_again)
{
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    rf_rpc_method again = *RPC_TEST_ECHO_DOWNLOAD;
    again.idempotent = true;
    rf_rpc_stream *s = rf_rpc_stream_open(c, &again, NULL);
    Rpc__Test__Order o = RPC__TEST__ORDER__INIT;
    o.count = 2;
    o.code = RF_UNAVAILABLE;
    cr_assert_eq(rf_rpc_stream_send(s, &o.base, NULL), 0);
    rf_rpc_item *item;
    int n = 0;
    int err;
    while ((err = rf_rpc_stream_recv(s, &item)) == 1) {
        (void)rf_rpc_item_free(item);
        n++;
    }
    cr_assert_eq(n, 2);
    cr_assert_eq(err, -EAGAIN);
    (void)rf_rpc_stream_free(s);
    echo_stop(e);
}

/* ---- several endpoints ---- */

Test(endpoints, the_least_loaded_gets_the_call)
{
    echo *one = echo_start(NULL, NULL);
    echo *two = echo_start(NULL, NULL);
    char both[300];
    (void)snprintf(both, sizeof(both), "%s, %s", one->url, two->url);
    rf_rpc_channel *c = NULL;
    cr_assert_eq(rf_rpc_channel_open(&(rf_rpc_channel_config){.target = both}, &c), 0);
    int64_t until_ns = rf_time_ns() + 5 * RF_NS_PER_S;
    while ((one->n_unary == 0 || two->n_unary == 0) && rf_time_ns() < until_ns) {
        cr_assert_eq(echo_unary(c, "until both are there", NULL), 0);
    }
    tally t;
    tally_init(&t);
    Rpc__Test__Order o = RPC__TEST__ORDER__INIT;
    o.hold = true;
    for (int i = 0; i < 100; i++) {
        rf_rpc_unary(c, RPC_TEST_ECHO_OBEY, NULL, &o.base, NULL, tally_done, &t, NULL);
    }
    cr_assert(echo_wait(one, &one->n_held, 50));
    cr_assert(echo_wait(two, &two->n_held, 50));
    rf_rpc_call *call;
    for (int i = 0; i < 30 && (call = echo_take(one)) != NULL; i++) {
        rf_rpc_end(call, NULL);
    }
    cr_assert(tally_wait(&t, 30));
    for (int i = 0; i < 30; i++) {
        rf_rpc_unary(c, RPC_TEST_ECHO_OBEY, NULL, &o.base, NULL, tally_done, &t, NULL);
    }
    cr_assert(echo_wait(one, &one->n_held, 50), "all thirty go where there is room");
    cr_assert_eq(two->n_held, 50);
    (void)rf_rpc_channel_close(c);
    echo_stop(one);
    echo_stop(two);
}

typedef struct names {
    pthread_mutex_t mutex;
    int n_lookups, n_addresses;
} names;

static int resolve(const char *host, rf_rpc_address *ret, size_t max, void *user)
{
    names *s = (names *)user;
    (void)pthread_mutex_lock(&s->mutex);
    s->n_lookups++;
    int n = s->n_addresses;
    (void)pthread_mutex_unlock(&s->mutex);
    cr_assert_str_eq(host, "backend.test");
    cr_assert_geq(max, 2);
    (void)rf_copy_str(ret[0].text, sizeof(ret[0].text), n == 1 ? "127.0.0.3" : "127.0.0.1");
    (void)rf_copy_str(ret[1].text, sizeof(ret[1].text), "127.0.0.2");
    return n;
}

Test(endpoints, a_host_name_stands_for_all_its_addresses)
{
    echo *one = echo_start("tcp://127.0.0.1:0", NULL);
    char url[64];
    unsigned port = rf_rpc_server_port(one->server, 0);
    (void)snprintf(url, sizeof(url), "tcp://127.0.0.2:%u", port);
    echo *two = echo_start(url, NULL);
    (void)snprintf(url, sizeof(url), "tcp://127.0.0.3:%u", port);
    echo *three = echo_start(url, NULL);
    names s = {.mutex = PTHREAD_MUTEX_INITIALIZER, .n_addresses = 2};
    (void)snprintf(url, sizeof(url), "tcp://backend.test:%u", port);
    rf_rpc_channel *c = NULL;
    rf_rpc_channel_config config = {
        .target = url, .resolve = resolve, .resolve_user = &s, .resolve_ms = 100};
    cr_assert_eq(rf_rpc_channel_open(&config, &c), 0);
    int64_t until_ns = rf_time_ns() + 5 * RF_NS_PER_S;
    while ((one->n_unary == 0 || two->n_unary == 0) && rf_time_ns() < until_ns) {
        cr_assert_eq(echo_unary(c, "x", NULL), 0);
    }
    cr_assert(one->n_unary > 0 && two->n_unary > 0);
    cr_assert_eq(three->n_unary, 0);
    (void)pthread_mutex_lock(&s.mutex);
    s.n_addresses = 1; /* the name moves to the third */
    (void)pthread_mutex_unlock(&s.mutex);
    until_ns = rf_time_ns() + 5 * RF_NS_PER_S;
    while (three->n_unary == 0 && rf_time_ns() < until_ns) {
        cr_assert_eq(echo_unary(c, "x", NULL), 0);
    }
    cr_assert_gt(three->n_unary, 0);
    size_t n_one = one->n_unary;
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(echo_unary(c, "x", NULL), 0);
    }
    cr_assert_eq(one->n_unary, n_one, "the old addresses are out of use");
    cr_assert_gt(s.n_lookups, 1);
    (void)rf_rpc_channel_close(c);
    echo_stop(one);
    echo_stop(two);
    echo_stop(three);
}

static int resolve_none(const char *host, rf_rpc_address *ret, size_t max, void *user)
{
    (void)host;
    (void)ret;
    (void)max;
    (void)user;
    return -EHOSTUNREACH;
}

Test(endpoints, an_unknown_host_is_unavailable)
{
    rf_rpc_channel *c = NULL;
    rf_rpc_channel_config config = {
        .target = "tcp://nowhere.test:1", .resolve = resolve_none, .wait_ready_ms = 50};
    cr_assert_eq(rf_rpc_channel_open(&config, &c), 0);
    rf_status st;
    cr_assert_eq(echo_unary(c, "x", &st), -EAGAIN);
    cr_assert_not_null(strstr(st.message, "nowhere.test"));
    (void)rf_rpc_channel_close(c);
}

Test(endpoints, bad_targets_are_refused)
{
    static const char *const bad[] = {"",
                                      ",",
                                      "tcp://",
                                      "tcp://host",
                                      "tcp://host:0",
                                      "tcp://host:65536",
                                      "tcp://:80",
                                      "http://host:80",
                                      "ipc://",
                                      "tcp://host:port",
                                      "host:80",
                                      "tls+tcp://host:1"};
    for (size_t i = 0; i < RF_ARRAY_LEN(bad); i++) {
        rf_rpc_channel *c = NULL;
        cr_assert_lt(rf_rpc_channel_open(&(rf_rpc_channel_config){.target = bad[i]}, &c), 0, "%s",
                     bad[i]);
    }
    static const char *const bad_listen[] = {"", "http://127.0.0.1:1", "tls+tcp://127.0.0.1:0",
                                             "ipc:///no/such/folder/s"};
    for (size_t i = 0; i < RF_ARRAY_LEN(bad_listen); i++) {
        rf_rpc_server *s = NULL;
        cr_assert_eq(rf_rpc_server_new(&(rf_rpc_server_config){.listen = bad_listen[i]}, &s), 0);
        cr_assert_lt(rf_rpc_server_start(s), 0, "%s", bad_listen[i]);
        (void)rf_rpc_server_free(s);
    }
}

/* ---- keep-alive ---- */

Test(keepalive, an_idle_connection_stays)
{
    echo *e = echo_start(NULL, &(rf_rpc_server_config){.keepalive_ms = 100});
    rf_rpc_channel *c = echo_connect(e, &(rf_rpc_channel_config){.keepalive_ms = 100});
    cr_assert_eq(echo_unary(c, "x", NULL), 0);
    struct timespec nap = {.tv_nsec = 700 * 1000 * 1000};
    (void)nanosleep(&nap, NULL);
    cr_assert(rf_rpc_channel_is_ready(c));
    cr_assert_eq(echo_unary(c, "x", NULL), 0);
    echo_stop(e);
}

Test(keepalive, a_stopped_peer_is_given_up, .timeout = 30)
{
    char dir[] = "/tmp/rf-rpc-XXXXXX";
    char url[64];
    cr_assert_not_null(mkdtemp(dir));
    (void)snprintf(url, sizeof(url), "ipc://%s/s", dir);
    pid_t pid = spawn_server(url);
    rf_rpc_channel *c = NULL;
    rf_rpc_channel_config config = {.target = url, .keepalive_ms = 100, .wait_ready_ms = 3000};
    cr_assert_eq(rf_rpc_channel_open(&config, &c), 0);
    cr_assert_eq(echo_unary(c, "x", NULL), 0);
    (void)kill(pid, SIGSTOP);
    (void)waitpid(pid, NULL, WUNTRACED);
    tally t;
    tally_init(&t);
    int64_t start_ns = rf_time_ns();
    start_call(c, RPC_TEST_ECHO_ONCE, &t);
    cr_assert(tally_wait(&t, 1));
    cr_assert_eq(t.by_code[RF_UNAVAILABLE], 1);
    cr_assert_lt(rf_time_ns() - start_ns, 5 * RF_NS_PER_S);
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    (void)rf_rpc_channel_close(c);
    (void)unlink(url + 6);
    (void)rmdir(dir);
}
