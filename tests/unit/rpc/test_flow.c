/* Flow control, limits, load. */
#include "echo.h"

#include "rf_rpc_frame.h"
#include "rf_rpc_pool.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

static size_t rss_kib(void)
{
    size_t kib = 0;
    char line[256];
    FILE *f = fopen("/proc/self/status", "r");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        (void)sscanf(line, "VmRSS: %zu", &kib);
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    return kib;
}

/* ---- a reader that stalls ---- */

typedef struct stalled {
    pthread_mutex_t mutex;
    size_t n, bytes;
    bool done;
} stalled;

static void stalled_message(rf_rpc_call *call, const rf_rpc_msg *msg, void *user)
{
    (void)call;
    stalled *s = (stalled *)user;
    (void)pthread_mutex_lock(&s->mutex);
    s->n++;
    s->bytes += msg->len + RF_RPC_PREFIX_LEN;
    (void)pthread_mutex_unlock(&s->mutex);
}

static void stalled_done(rf_rpc_call *call, const rf_status *status, void *user)
{
    (void)call;
    (void)status;
    stalled *s = (stalled *)user;
    (void)pthread_mutex_lock(&s->mutex);
    s->done = true;
    (void)pthread_mutex_unlock(&s->mutex);
}

static size_t locked(stalled *s, const size_t *value)
{
    (void)pthread_mutex_lock(&s->mutex);
    size_t v = *value;
    (void)pthread_mutex_unlock(&s->mutex);
    return v;
}

Test(flow, a_stalled_reader_holds_the_sender_and_nothing_grows)
{
    static const rf_rpc_events events = {
        .message = stalled_message, .done = stalled_done, .manual_credit = true};
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    cr_assert_eq(echo_unary(c, "warm", NULL), 0);
    size_t before = rss_kib();
    stalled s = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    rf_rpc_call *call = rf_rpc_open(c, RPC_TEST_ECHO_DOWNLOAD, NULL, &events, &s);
    Rpc__Test__Order o = RPC__TEST__ORDER__INIT;
    o.count = 100000; /* 1 GB in all */
    o.size = 10000;
    cr_assert_eq(rf_rpc_send(call, &o.base, NULL), 0);
    for (int i = 0; i < 200; i++) {
        cr_assert_eq(echo_unary(c, "others go on", NULL), 0);
    }
    for (int64_t until_ns = rf_time_ns() + 10 * RF_NS_PER_S;
         locked(&s, &s.bytes) < RF_RPC_STREAM_WINDOW && rf_time_ns() < until_ns;) {
        cr_assert_eq(echo_unary(c, "until the window is full", NULL), 0);
    }
    size_t n = locked(&s, &s.n);
    size_t bytes = locked(&s, &s.bytes);
    cr_assert(n > 0 && bytes <= RF_RPC_STREAM_WINDOW + bytes / n, "%zu messages", n);
    cr_assert_lt(rss_kib(), before + 16 * 1024, "memory stays flat");
    for (int i = 0; i < 50; i++) {
        cr_assert_eq(echo_unary(c, "still", NULL), 0);
    }
    cr_assert_eq(locked(&s, &s.n), n, "no credit, no message");
    for (size_t i = 0; i < n; i++) {
        rf_rpc_consumed(call, bytes / n - RF_RPC_PREFIX_LEN);
    }
    int64_t until_ns = rf_time_ns() + 10 * RF_NS_PER_S;
    while (locked(&s, &s.n) == n && rf_time_ns() < until_ns) {
        cr_assert_eq(echo_unary(c, "turn", NULL), 0);
    }
    cr_assert_gt(locked(&s, &s.n), n, "with credit it goes on");
    (void)rf_rpc_call_free(call);
    echo_stop(e);
}

Test(flow, calls_pass_a_saturating_stream)
{
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    rf_rpc_stream *s = rf_rpc_stream_open(c, RPC_TEST_ECHO_DOWNLOAD, NULL);
    Rpc__Test__Order o = RPC__TEST__ORDER__INIT;
    o.count = 400;
    o.size = 1 << 20;
    cr_assert_eq(rf_rpc_stream_send(s, &o.base, NULL), 0);
    rf_rpc_item *item;
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(rf_rpc_stream_recv(s, &item), 1);
        (void)rf_rpc_item_free(item);
        int64_t start_ns = rf_time_ns();
        cr_assert_eq(echo_unary(c, "in between", NULL), 0);
        cr_assert_lt(rf_time_ns() - start_ns, RF_NS_PER_S);
    }
    (void)rf_rpc_stream_free(s);
    echo_stop(e);
}

/* ---- many calls ---- */

typedef struct many {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t n_done, n_ok;
} many;

static void many_done(rf_rpc_result *r, void *user)
{
    many *m = (many *)user;
    (void)pthread_mutex_lock(&m->mutex);
    m->n_done++;
    m->n_ok += r->status->code == RF_OK ? 1 : 0;
    (void)pthread_cond_broadcast(&m->changed);
    (void)pthread_mutex_unlock(&m->mutex);
}

static void many_wait(many *m, size_t n)
{
    int64_t at_ns = rf_time_ns() + 60 * RF_NS_PER_S;
    int err = 0;
    (void)pthread_mutex_lock(&m->mutex);
    while (m->n_done < n && err == 0) {
        err = rf_time_wait_until(&m->changed, &m->mutex, at_ns);
    }
    (void)pthread_mutex_unlock(&m->mutex);
}

Test(flow, ten_thousand_calls_in_flight, .timeout = 60)
{
    enum { N = 10000 };
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    many m = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    rf_cond_init(&m.changed);
    Rpc__Test__Order o = RPC__TEST__ORDER__INIT;
    o.hold = true;
    for (int i = 0; i < N; i++) {
        rf_rpc_unary(c, RPC_TEST_ECHO_OBEY, NULL, &o.base, NULL, many_done, &m, NULL);
    }
    cr_assert(echo_wait(e, &e->n_held, N));
    cr_assert_eq(rf_rpc_server_calls(e->server), N);
    cr_assert_eq(echo_unary(c, "one more", NULL), 0);
    Rpc__Test__Ping p = RPC__TEST__PING__INIT;
    for (rf_rpc_call *call = echo_take(e); call != NULL; call = echo_take(e)) {
        rf_rpc_reply(call, &p.base, NULL);
    }
    many_wait(&m, N);
    cr_assert_eq(m.n_ok, N);
    cr_assert_eq(rf_rpc_server_calls(e->server), 0);
    echo_stop(e);
}

Test(flow, ten_thousand_deadlines_pass_at_once, .timeout = 60)
{
    enum { N = 10000 };
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    many m = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    rf_cond_init(&m.changed);
    Rpc__Test__Order o = RPC__TEST__ORDER__INIT;
    o.hold = true;
    rf_rpc_options within = echo_within(1500);
    for (int i = 0; i < N; i++) {
        rf_rpc_unary(c, RPC_TEST_ECHO_OBEY, &within, &o.base, NULL, many_done, &m, NULL);
    }
    many_wait(&m, N);
    cr_assert_eq(m.n_done, N);
    cr_assert_eq(m.n_ok, 0);
    echo_stop(e);
}

/* ---- limits ---- */

Test(limits, too_many_calls_on_a_connection_are_refused)
{
    echo *e = echo_start(NULL, &(rf_rpc_server_config){.max_calls = 5});
    rf_rpc_channel *c = echo_connect(e, NULL);
    many m = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    rf_cond_init(&m.changed);
    Rpc__Test__Order o = RPC__TEST__ORDER__INIT;
    o.hold = true;
    for (int i = 0; i < 5; i++) {
        rf_rpc_unary(c, RPC_TEST_ECHO_OBEY, NULL, &o.base, NULL, many_done, &m, NULL);
    }
    cr_assert(echo_wait(e, &e->n_held, 5));
    rf_status st;
    cr_assert_eq(echo_unary(c, "x", &st), -ENOSPC);
    cr_assert_eq(st.code, RF_RESOURCE_EXHAUSTED);
    rf_rpc_end(echo_take(e), NULL);
    many_wait(&m, 1);
    cr_assert_eq(echo_unary(c, "x", &st), 0, "%s", st.message);
    echo_stop(e);
}

Test(limits, too_many_calls_on_a_channel_are_refused)
{
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, &(rf_rpc_channel_config){.max_calls = 3});
    many m = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    rf_cond_init(&m.changed);
    Rpc__Test__Order o = RPC__TEST__ORDER__INIT;
    o.hold = true;
    for (int i = 0; i < 5; i++) {
        rf_rpc_unary(c, RPC_TEST_ECHO_OBEY, NULL, &o.base, NULL, many_done, &m, NULL);
    }
    many_wait(&m, 2);
    cr_assert_eq(m.n_done, 2);
    echo_stop(e);
}

static int send_body(rf_rpc_channel *c, size_t size, rf_status *st)
{
    uint8_t *body = (uint8_t *)calloc(1, size);
    Rpc__Test__Ping p = RPC__TEST__PING__INIT;
    p.body = (ProtobufCBinaryData){size, body};
    ProtobufCMessage *reply = NULL;
    int err = rf_rpc_invoke(c, RPC_TEST_ECHO_UNARY, NULL, &p.base, &reply, st);
    if (err == 0) {
        cr_assert_eq(((Rpc__Test__Ping *)reply)->body.len, size);
    }
    (void)rf_rpc_message_free(reply);
    free(body);
    return err;
}

Test(limits, large_messages_pass_and_larger_ones_end_the_call)
{
    echo *e = echo_start(NULL, &(rf_rpc_server_config){.max_message = 1 << 20});
    rf_rpc_channel *c = echo_connect(e, NULL);
    rf_status st;
    size_t sizes[] = {0,     1,      4000,   8100,   8192,   8300,   65500,  65536,
                      65600, 131072, 262100, 262144, 262200, 524288, 1000000};
    for (size_t i = 0; i < RF_ARRAY_LEN(sizes); i++) {
        cr_assert_eq(send_body(c, sizes[i], &st), 0, "%zu: %s", sizes[i], st.message);
    }
    cr_assert_eq(send_body(c, 2 << 20, &st), -ENOSPC);
    cr_assert_eq(st.code, RF_RESOURCE_EXHAUSTED);
    cr_assert_eq(send_body(c, 20 << 20, &st), -ENOSPC, "the client's own limit");
    cr_assert_eq(send_body(c, 100, &st), 0, "the connection lives");
    echo_stop(e);
}

Test(limits, too_large_an_answer_ends_the_call)
{
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, &(rf_rpc_channel_config){.max_message = 1 << 20});
    rf_rpc_stream *s = rf_rpc_stream_open(c, RPC_TEST_ECHO_DOWNLOAD, NULL);
    Rpc__Test__Order o = RPC__TEST__ORDER__INIT;
    o.count = 2;
    o.size = 2 << 20;
    cr_assert_eq(rf_rpc_stream_send(s, &o.base, NULL), 0);
    rf_rpc_item *item;
    cr_assert_eq(rf_rpc_stream_recv(s, &item), -ENOSPC);
    (void)rf_rpc_stream_free(s);
    cr_assert_eq(echo_unary(c, "lives", NULL), 0);
    echo_stop(e);
}

static void count_release(void *user)
{
    (*(int *)user)++;
}

Test(attachments, are_sent_without_a_copy_and_released_once)
{
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    uint8_t *big = (uint8_t *)malloc(3 << 20);
    memset(big, 7, 3 << 20);
    int released = 0;
    rf_rpc_attachment a = {big, 3 << 20, count_release, &released};
    rf_rpc_stream *s = rf_rpc_stream_open(c, RPC_TEST_ECHO_CHAT, NULL);
    Rpc__Test__Ping p = RPC__TEST__PING__INIT;
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(rf_rpc_stream_send(s, &p.base, &a), 0);
        rf_rpc_item *item;
        cr_assert_eq(rf_rpc_stream_recv(s, &item), 1);
        cr_assert_eq(item->msg.attachment_len, 3 << 20);
        cr_assert_arr_eq(item->msg.attachment, big, 3 << 20);
        (void)rf_rpc_item_free(item);
    }
    rf_rpc_stream_half_close(s);
    rf_rpc_item *item;
    cr_assert_eq(rf_rpc_stream_recv(s, &item), 0);
    (void)rf_rpc_stream_free(s);
    echo_stop(e);
    cr_assert_eq(released, 5);
    free(big);
}

Test(pool, keeps_big_blocks_within_its_limit)
{
    void *blocks[64];
    for (int i = 0; i < 64; i++) {
        blocks[i] = rf_rpc_pool_get(1 << 20);
        cr_assert_not_null(blocks[i]);
    }
    for (int i = 0; i < 64; i++) {
        rf_rpc_pool_put(blocks[i], 1 << 20);
    }
    cr_assert_eq(rf_rpc_pool_kept(), (size_t)32 << 20);
    void *again = rf_rpc_pool_get(1 << 20);
    cr_assert_eq(rf_rpc_pool_kept(), (size_t)31 << 20);
    rf_rpc_pool_put(again, 1 << 20);
    rf_rpc_pool_put(rf_rpc_pool_get(100), 100);
    rf_rpc_pool_put(NULL, 0);
    cr_assert_eq(rf_rpc_pool_kept(), (size_t)32 << 20);
}

Test(pool, keeps_nothing_after_a_rest)
{
    void *used = rf_rpc_pool_get(100000);
    rf_rpc_pool_put(rf_rpc_pool_get(1 << 20), 1 << 20);
    rf_rpc_pool_put(rf_rpc_pool_get(100000), 100000);
    cr_assert_eq(rf_rpc_pool_kept(), ((size_t)1 << 20) + ((size_t)128 << 10));
    rf_rpc_rest();
    cr_assert_eq(rf_rpc_pool_kept(), 0);
    rf_rpc_pool_put(used, 100000);
    cr_assert_eq(rf_rpc_pool_kept(), (size_t)128 << 10);
}
