/* Streams that wait, from both ends; how streams share a connection; attachments of every size. */
#include "echo.h"
#include "peer.h"

#include "rf_rpc_frame.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HELLO "\x0a\x02hi"

/* ---- fairness ---- */

static void order_download(peer *p, uint32_t id, uint32_t count, uint32_t size, uint32_t attachment)
{
    uint8_t body[32];
    Rpc__Test__Order o = RPC__TEST__ORDER__INIT;
    o.count = count;
    o.size = size;
    o.attachment = attachment;
    size_t len = rpc__test__order__pack(&o, body);
    cr_assert(peer_call(p, id, PEER_WHOLE, "Download", body, len));
}

/* Reads n bytes of DATA, added up by call. */
static void read_bytes(peer *p, size_t n, size_t *sums)
{
    static peer_frame f;
    for (size_t got = 0; got < n; got += f.len) {
        cr_assert(peer_read_type(p, PEER_DATA, &f), "%zu of %zu bytes", got, n);
        sums[f.call] += f.len;
    }
}

/* Uses up the credit of the connection: calls 1 to 8 have some bytes left and no credit either. */
static void exhaust(peer *p)
{
    size_t sums[9] = {0};
    for (uint32_t id = 1; id <= 8; id++) {
        order_download(p, id, 1, 4u << 20, 0);
    }
    read_bytes(p, PEER_CONN_WINDOW, sums);
}

/* Streams of any number take turns of one frame each: when all have something to send and the
 * connection gets credit, each gets as much of it as the others, to a few frames. */
Test(fairness, streams_share_a_connection_by_bytes)
{
    enum { FIRST = 9, MAX = 64, TURNS = 12, SLACK = 2 };
    static const uint32_t counts[] = {2, 3, 8, 64};
    echo *e = echo_start(NULL, NULL);
    for (size_t c = 0; c < RF_ARRAY_LEN(counts); c++) {
        size_t sums[FIRST + MAX] = {0};
        uint32_t n = counts[c];
        peer p;
        peer_dial(&p, e->url);
        exhaust(&p);
        for (uint32_t i = 0; i < n; i++) {
            order_download(&p, FIRST + i, 1, 4u << 20, 0);
        }
        cr_assert(peer_is_alive(&p), "all have been begun");
        cr_assert(peer_credit(&p, 0, TURNS * n * PEER_FRAME_MAX));
        read_bytes(&p, (size_t)TURNS * n * PEER_FRAME_MAX, sums);
        for (uint32_t i = 0; i < n; i++) {
            size_t bytes = sums[FIRST + i];
            cr_assert(bytes >= (TURNS - SLACK) * PEER_FRAME_MAX &&
                          bytes <= (TURNS + SLACK) * PEER_FRAME_MAX,
                      "stream %u of %u got %zu bytes", i, n, bytes);
        }
        peer_done(&p);
    }
    echo_stop(e);
}

/* An answer that comes behind streams with much to send has its turn as they do. */
Test(fairness, a_small_answer_passes_between_big_messages)
{
    enum { N = 8 };
    static peer_frame f;
    echo *e = echo_start(NULL, NULL);
    peer p;
    peer_dial(&p, e->url);
    exhaust(&p);
    for (uint32_t i = 0; i < N; i++) {
        order_download(&p, 9 + i, 1, 4u << 20, 0);
    }
    cr_assert(peer_call(&p, 9 + N, PEER_WHOLE, "Unary", HELLO, 4));
    cr_assert(peer_is_alive(&p), "all have been begun");
    cr_assert(peer_credit(&p, 0, 8 * N * PEER_FRAME_MAX));
    size_t n_before = 0;
    do {
        cr_assert(peer_read(&p, &f));
        n_before += f.type == PEER_DATA && f.call != 9 + N ? 1 : 0;
    } while (f.type != PEER_END);
    cr_assert_eq(f.call, 9 + N);
    cr_assert_leq(n_before, 2 * N, "%zu frames before it", n_before);
    peer_done(&p);
    echo_stop(e);
}

/* ---- attachments ---- */

Test(attachments, of_every_size_come_back_to_the_byte)
{
    static const size_t sizes[] = {0,      1,       7,       8,       4095,    8171,   8172,
                                   8183,   8184,    8185,    8192,    65515,   65527,  65528,
                                   65529,  65535,   65536,   65537,   131055,  131056, 131057,
                                   131072, 1 << 20, 4194295, 4194296, 4194297, 8388608};
    static const size_t headers[] = {0, 1, 5000, 65528, 70000};
    static uint8_t bytes[8 << 20];
    static uint8_t body[70000];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i ^ i >> 8 ^ i >> 16);
    }
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    rf_rpc_method raw = *RPC_TEST_ECHO_CHAT;
    raw.output = NULL;
    for (size_t h = 0; h < RF_ARRAY_LEN(headers); h++) {
        rf_rpc_stream *s = rf_rpc_stream_open(c, &raw, NULL);
        for (size_t i = 0; i < RF_ARRAY_LEN(sizes); i++) {
            rf_rpc_item *item = NULL;
            size_t offset = (i * 4096) % (sizeof(bytes) - sizes[i] + 1);
            rf_rpc_attachment a = {.data = bytes + offset, .len = sizes[i]};
            cr_assert_eq(rf_rpc_stream_send_raw(s, body, headers[h], &a), 0);
            cr_assert_eq(rf_rpc_stream_recv(s, &item), 1);
            cr_assert_eq(item->msg.len, headers[h]);
            cr_assert_eq(item->msg.attachment_len, sizes[i], "header %zu", headers[h]);
            cr_assert_arr_eq(item->msg.attachment, bytes + offset, sizes[i], "%zu", sizes[i]);
            (void)rf_rpc_item_free(item);
        }
        rf_rpc_stream_half_close(s);
        rf_rpc_item *none = NULL;
        cr_assert_eq(rf_rpc_stream_recv(s, &none), 0);
        (void)rf_rpc_stream_free(s);
    }
    echo_stop(e);
}

static void count_release(void *user)
{
    (void)__atomic_add_fetch((int *)user, 1, __ATOMIC_ACQ_REL);
}

/* A send that fails has not taken the attachment; one that worked releases it once, at the latest
 * when the call is gone. */
Test(attachments, belong_to_who_the_result_says)
{
    static uint8_t bytes[100000];
    int released = 0;
    rf_rpc_attachment a = {bytes, sizeof(bytes), count_release, &released};
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, &(rf_rpc_channel_config){.max_message = 50000});
    rf_rpc_stream *s = rf_rpc_stream_open(c, RPC_TEST_ECHO_UPLOAD, NULL);
    cr_assert_eq(rf_rpc_stream_send_raw(s, "", 0, &a), -EMSGSIZE);
    a.len = 50000;
    cr_assert_eq(rf_rpc_stream_send_raw(s, "", 0, &a), 0, "exactly the limit");
    rf_rpc_stream_half_close(s);
    int err = rf_rpc_stream_send_raw(s, "", 0, &a);
    cr_assert(err == -EPIPE || err == -ECANCELED, "%d: the answer may be there already", err);
    rf_rpc_item *item = NULL;
    while (rf_rpc_stream_recv(s, &item) == 1) {
        item = rf_rpc_item_free(item);
    }
    cr_assert_eq(rf_rpc_stream_send_raw(s, "", 0, &a), -ECANCELED);
    (void)rf_rpc_stream_free(s);
    echo_stop(e);
    cr_assert_eq(released, 1);
}

Test(attachments, that_were_never_sent_are_released_when_the_call_goes)
{
    static uint8_t bytes[10000];
    int released = 0;
    rf_rpc_attachment a = {bytes, sizeof(bytes), count_release, &released};
    rf_rpc_channel *c = NULL;
    cr_assert_eq(rf_rpc_channel_open(
                     &(rf_rpc_channel_config){.target = "ipc:///tmp/rf-rpc-nobody-listens"}, &c),
                 0);
    rf_rpc_stream *s = rf_rpc_stream_open(c, RPC_TEST_ECHO_CHAT, NULL);
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(rf_rpc_stream_send_raw(s, "", 0, &a), 0, "it waits for a connection");
    }
    cr_assert_eq(released, 0);
    (void)rf_rpc_stream_free(s);
    (void)rf_rpc_channel_close(c);
    cr_assert_eq(released, 5);
}

/* ---- room to send ---- */

typedef struct room {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t n_writable;
} room;

static void on_writable(rf_rpc_call *call, void *user)
{
    room *r = (room *)user;
    (void)call;
    (void)pthread_mutex_lock(&r->mutex);
    r->n_writable++;
    (void)pthread_cond_broadcast(&r->changed);
    (void)pthread_mutex_unlock(&r->mutex);
}

static bool room_wait(room *r, size_t n)
{
    int64_t at_ns = rf_time_ns() + 10 * RF_NS_PER_S;
    int err = 0;
    (void)pthread_mutex_lock(&r->mutex);
    while (r->n_writable < n && err == 0) {
        err = rf_time_wait_until(&r->changed, &r->mutex, at_ns);
    }
    bool ok = r->n_writable >= n;
    (void)pthread_mutex_unlock(&r->mutex);
    return ok;
}

Test(writable, comes_once_for_each_time_that_there_was_no_room)
{
    static const rf_rpc_events events = {.writable = on_writable};
    static uint8_t body[100000];
    static peer_frame f;
    room r = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    rf_cond_init(&r.changed);
    peer p;
    peer_listen(&p);
    rf_rpc_channel *c = NULL;
    rf_rpc_channel_config config = {.target = p.url, .max_queue = 1000000};
    cr_assert_eq(rf_rpc_channel_open(&config, &c), 0);
    peer_accept(&p);
    rf_rpc_call *call = rf_rpc_open(c, RPC_TEST_ECHO_UPLOAD, NULL, &events, &r);
    cr_assert(peer_read_type(&p, PEER_CALL, &f));
    for (size_t round = 1; round <= 3; round++) {
        size_t n_sent = 0;
        int err;
        while ((err = rf_rpc_send_raw(call, body, sizeof(body), NULL)) == 0) {
            n_sent++;
            cr_assert_lt(n_sent, 1000, "there is a limit");
        }
        cr_assert_eq(err, -EAGAIN);
        cr_assert_eq(r.n_writable, round - 1, "not before there is room");
        cr_assert(peer_credit(&p, 1, (uint32_t)(n_sent * sizeof(body))));
        for (size_t got = 0; got < n_sent * (PEER_PREFIX + sizeof(body)); got += f.len) {
            cr_assert(peer_read_type(&p, PEER_DATA, &f));
        }
        cr_assert(room_wait(&r, round));
    }
    (void)rf_rpc_call_free(call);
    (void)rf_rpc_channel_close(c);
    peer_done(&p);
}

/* One message always has room, however large: else it could never be sent. */
Test(writable, one_message_may_be_larger_than_the_queue)
{
    static uint8_t body[500000];
    static const rf_rpc_events events = {.done = NULL};
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, &(rf_rpc_channel_config){.max_queue = 1000});
    rf_rpc_call *call = rf_rpc_open(c, RPC_TEST_ECHO_UPLOAD, NULL, &events, NULL);
    cr_assert_eq(rf_rpc_send_raw(call, body, sizeof(body), NULL), 0);
    (void)rf_rpc_call_free(call);
    echo_stop(e);
}

/* ---- a server's stream on a thread of its own ---- */

static void *serve_stream(void *arg)
{
    rf_rpc_stream *s = (rf_rpc_stream *)arg;
    rf_rpc_item *item = NULL;
    size_t n = 0;
    int err;
    while ((err = rf_rpc_stream_recv(s, &item)) == 1) {
        const Rpc__Test__Ping *in = (const Rpc__Test__Ping *)item->message;
        Rpc__Test__Ping out = RPC__TEST__PING__INIT;
        out.number = in->number * 2;
        (void)rf_rpc_stream_send(s, &out.base, NULL);
        item = rf_rpc_item_free(item);
        n++;
    }
    rf_status st = {.code = RF_OK};
    if (err < 0) {
        st = *rf_rpc_stream_status(s);
    } else if (n == 0) {
        (void)rf_status_set(&st, RF_INVALID_ARGUMENT, "nothing came");
    }
    (void)rf_rpc_stream_end(s, &st);
    return NULL;
}

static void on_threaded(rf_rpc_call *call, void *user)
{
    pthread_t thread;
    (void)user;
    cr_assert_eq(pthread_create(&thread, NULL, serve_stream, rf_rpc_stream_accept(call)), 0);
    (void)pthread_detach(thread);
}

Test(accept, a_handler_may_wait_on_its_own_thread)
{
    char dir[] = "/tmp/rf-rpc-XXXXXX";
    char url[64];
    rf_rpc_server *server = NULL;
    rf_rpc_channel *c = NULL;
    rf_rpc_item *item = NULL;
    cr_assert_not_null(mkdtemp(dir));
    (void)snprintf(url, sizeof(url), "ipc://%s/s", dir);
    cr_assert_eq(rf_rpc_server_new(&(rf_rpc_server_config){.listen = url}, &server), 0);
    rf_rpc_server_handle_stream(server, &rpc_test_echo, RPC_TEST_ECHO_CHAT, on_threaded, NULL);
    cr_assert_eq(rf_rpc_server_start(server), 0);
    cr_assert_eq(rf_rpc_channel_open(&(rf_rpc_channel_config){.target = url}, &c), 0);
    for (int64_t n = 0; n < 20; n++) {
        rf_rpc_stream *s = rf_rpc_stream_open(c, RPC_TEST_ECHO_CHAT, NULL);
        for (int64_t i = 0; i < n; i++) {
            Rpc__Test__Ping p = RPC__TEST__PING__INIT;
            p.number = i;
            cr_assert_eq(rf_rpc_stream_send(s, &p.base, NULL), 0);
        }
        rf_rpc_stream_half_close(s);
        for (int64_t i = 0; i < n; i++) {
            cr_assert_eq(rf_rpc_stream_recv(s, &item), 1);
            cr_assert_eq(((const Rpc__Test__Ping *)item->message)->number, 2 * i);
            item = rf_rpc_item_free(item);
        }
        cr_assert_eq(rf_rpc_stream_recv(s, &item), n == 0 ? -EINVAL : 0);
        cr_assert_eq(rf_rpc_stream_recv(s, &item), n == 0 ? -EINVAL : 0, "the end stays the end");
        (void)rf_rpc_stream_free(s);
    }
    rf_rpc_stream *s = rf_rpc_stream_open(c, RPC_TEST_ECHO_CHAT, NULL);
    (void)rf_rpc_stream_free(s); /* cancelled: the handler's thread ends too */
    (void)rf_rpc_channel_close(c);
    (void)rf_rpc_server_free(server);
    (void)remove(url + 6);
    (void)remove(dir);
}

/* A handler that hands its call over, and is still at it when the other thread has answered. */
typedef struct hand_over {
    rf_rpc_stream *stream;
    sem_t taken, ended;
} hand_over;

static void *end_at_once(void *user)
{
    hand_over *h = user;
    const rf_status refused = {.code = RF_RESOURCE_EXHAUSTED, .message = "no place"};
    (void)sem_post(&h->taken);
    (void)rf_rpc_stream_end(h->stream, &refused);
    (void)sem_post(&h->ended);
    return NULL;
}

static void on_handed_over(rf_rpc_call *call, void *user)
{
    hand_over *h = user;
    pthread_t thread;
    h->stream = rf_rpc_stream_accept(call);
    cr_assert_eq(pthread_create(&thread, NULL, end_at_once, h), 0);
    (void)pthread_detach(thread);
    (void)sem_wait(&h->taken);
    (void)usleep(50000); /* the thread waits for the end of this */
}

Test(accept, a_call_may_be_answered_before_its_handler_returns)
{
    char dir[] = "/tmp/rf-rpc-XXXXXX";
    char url[64];
    hand_over h = {0};
    rf_rpc_server *server = NULL;
    rf_rpc_channel *c = NULL;
    rf_rpc_item *item = NULL;
    struct timespec until;
    cr_assert_eq(sem_init(&h.taken, 0, 0), 0);
    cr_assert_eq(sem_init(&h.ended, 0, 0), 0);
    cr_assert_not_null(mkdtemp(dir));
    (void)snprintf(url, sizeof(url), "ipc://%s/s", dir);
    cr_assert_eq(rf_rpc_server_new(&(rf_rpc_server_config){.listen = url}, &server), 0);
    rf_rpc_server_handle_stream(server, &rpc_test_echo, RPC_TEST_ECHO_CHAT, on_handed_over, &h);
    cr_assert_eq(rf_rpc_server_start(server), 0);
    cr_assert_eq(rf_rpc_channel_open(&(rf_rpc_channel_config){.target = url}, &c), 0);
    rf_rpc_stream *s = rf_rpc_stream_open(c, RPC_TEST_ECHO_CHAT, NULL);
    cr_assert_lt(rf_rpc_stream_recv(s, &item), 0);
    cr_expect_eq(rf_rpc_stream_status(s)->code, RF_RESOURCE_EXHAUSTED);
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 5;
    cr_assert_eq(sem_timedwait(&h.ended, &until), 0, "the thread that answered has not come back");
    (void)rf_rpc_stream_free(s);
    (void)rf_rpc_channel_close(c);
    (void)rf_rpc_server_free(server);
    (void)remove(url + 6);
    (void)remove(dir);
}

Test(accept, malformed_messages_are_told_from_the_end)
{
    static peer_frame f;
    rf_rpc_item *item = NULL;
    rf_rpc_channel *c = NULL;
    peer p;
    peer_listen(&p);
    cr_assert_eq(rf_rpc_channel_open(&(rf_rpc_channel_config){.target = p.url}, &c), 0);
    peer_accept(&p);
    rf_rpc_stream *s = rf_rpc_stream_open(c, RPC_TEST_ECHO_CHAT, NULL);
    cr_assert(peer_read_type(&p, PEER_CALL, &f));
    cr_assert(peer_data(&p, 1, 0, HELLO, 4));
    cr_assert(peer_data(&p, 1, 0, "\x0a\x01\xff", 3));
    cr_assert(peer_data(&p, 1, 0, HELLO, 4));
    cr_assert_eq(rf_rpc_stream_recv(s, &item), 1);
    item = rf_rpc_item_free(item);
    cr_assert_eq(rf_rpc_stream_recv(s, &item), -EBADMSG);
    cr_assert_eq(rf_rpc_stream_status(s)->code, RF_DATA_LOSS);
    cr_assert_eq(rf_rpc_stream_recv(s, &item), 1, "the next one is as good as ever");
    item = rf_rpc_item_free(item);
    (void)rf_rpc_stream_free(s);
    (void)rf_rpc_channel_close(c);
    peer_done(&p);
}
