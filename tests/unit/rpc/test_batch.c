/* Many frames that come with one read: when their answers go, and what the clock says of them. */
#include "echo.h"
#include "peer.h"

#include "rf_buf.h"
#include "rf_metric.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HELLO "\x0a\x02hi"
#define N_CALLS 24
#define SLOW_NS (50 * RF_NS_PER_MS)

/* ---- frames that are sent with one write ---- */

/* A peer whose frames are kept until batch_send. */
typedef struct batch {
    peer writer;
    int reader;
} batch;

static void batch_init(batch *b)
{
    int fds[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    *b = (batch){.writer = {.fd = fds[0], .listener = -1}, .reader = fds[1]};
}

static void batch_send(batch *b, peer *to)
{
    static uint8_t bytes[65536];
    ssize_t n = recv(b->reader, bytes, sizeof(bytes), MSG_DONTWAIT);
    for (ssize_t more = n; more > 0; n += RF_MAX(more, (ssize_t)0)) {
        more = recv(b->reader, bytes + n, sizeof(bytes) - (size_t)n, MSG_DONTWAIT);
    }
    cr_assert_gt(n, 0);
    cr_assert_eq(send(to->fd, bytes, (size_t)n, MSG_NOSIGNAL), n);
    (void)close(b->reader);
    peer_done(&b->writer);
}

/* ---- a server that is slow with one of the calls ---- */

typedef struct slow {
    rf_rpc_server *server;
    char dir[32], url[64];
    unsigned n;         /* requests so far */
    unsigned waits_at;  /* the request that waits for the test; 0 for none */
    bool is_first_slow; /* the first takes SLOW_NS */
    sem_t may_go_on;
    bool waited_in_vain;
} slow;

static void on_request(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    slow *s = (slow *)user;
    s->n++;
    if (s->n == s->waits_at) {
        struct timespec until;
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += 10;
        s->waited_in_vain = sem_timedwait(&s->may_go_on, &until) != 0;
    }
    if (s->n == 1 && s->is_first_slow) {
        rf_time_advance(SLOW_NS);
    }
    rf_rpc_reply(call, request, NULL);
}

static void slow_start(slow *s)
{
    (void)sem_init(&s->may_go_on, 0, 0);
    (void)snprintf(s->dir, sizeof(s->dir), "/tmp/rf-batch-XXXXXX");
    cr_assert_not_null(mkdtemp(s->dir));
    (void)snprintf(s->url, sizeof(s->url), "ipc://%s/s", s->dir);
    cr_assert_eq(rf_rpc_server_new(&(rf_rpc_server_config){.listen = s->url}, &s->server), 0);
    rf_rpc_server_handle_unary(s->server, &rpc_test_echo, RPC_TEST_ECHO_UNARY, on_request, s);
    cr_assert_eq(rf_rpc_server_start(s->server), 0);
}

static void slow_stop(slow *s)
{
    s->server = rf_rpc_server_free(s->server);
    (void)rmdir(s->dir);
    (void)sem_destroy(&s->may_go_on);
}

/* Sum of the histogram of call times, in seconds. */
static double seconds_of(const char *side)
{
    rf_buf text;
    char name[64];
    rf_buf_init(&text, 1 << 20);
    rf_metric_write(&text);
    (void)snprintf(name, sizeof(name), "reflection_rpc_call_seconds_sum{side=\"%s\"} ", side);
    const char *at = strstr(rf_buf_str(&text), name);
    double sum = at != NULL ? strtod(at + strlen(name), NULL) : -1;
    rf_buf_done(&text);
    return sum;
}

Test(batch, answers_go_out_while_later_calls_are_handled)
{
    static peer_frame f;
    slow s = {.waits_at = N_CALLS};
    batch b;
    peer p;
    slow_start(&s);
    peer_dial(&p, s.url);
    batch_init(&b);
    for (uint32_t id = 1; id <= N_CALLS; id++) {
        cr_assert(peer_call(&b.writer, id, PEER_WHOLE, "Unary", HELLO, 4));
    }
    batch_send(&b, &p);
    for (uint32_t id = 1; id <= N_CALLS; id++) {
        cr_assert(peer_read_type(&p, PEER_END, &f));
        cr_assert_eq(f.call, id, "answers keep the order of their calls");
        cr_assert_eq(peer_end_code(&f, NULL), RF_OK);
        if (id == 1) {
            (void)sem_post(&s.may_go_on); /* the handler of a later call waits for this answer */
        }
    }
    peer_done(&p);
    slow_stop(&s);
    cr_assert(!s.waited_in_vain, "the first answer waited for the calls behind it");
}

Test(batch, a_call_is_timed_from_when_it_came_in)
{
    static peer_frame f;
    slow s = {.is_first_slow = true};
    batch b;
    peer p;
    rf_time_drive();
    slow_start(&s);
    peer_dial(&p, s.url);
    batch_init(&b);
    for (uint32_t id = 1; id <= 2; id++) {
        cr_assert(peer_call(&b.writer, id, PEER_WHOLE, "Unary", HELLO, 4));
    }
    batch_send(&b, &p);
    for (uint32_t id = 1; id <= 2; id++) {
        cr_assert(peer_read_type(&p, PEER_END, &f));
    }
    peer_done(&p);
    slow_stop(&s);
    cr_assert_float_eq(seconds_of("server"), 2 * SLOW_NS / 1e9, 1e-9, "the second waited as long");
}

/* ---- a client that is slow with one of the answers ---- */

typedef struct answers {
    unsigned n;
    sem_t came;
} answers;

static void on_answer(rf_rpc_result *result, void *user)
{
    answers *a = (answers *)user;
    cr_assert_eq(result->status->code, RF_OK);
    if (a->n++ == 0) {
        rf_time_advance(SLOW_NS);
    }
    (void)sem_post(&a->came);
}

Test(batch, a_call_is_timed_to_when_its_end_came_in)
{
    static peer_frame f;
    Rpc__Test__Ping ping = RPC__TEST__PING__INIT;
    answers a = {0};
    rf_rpc_channel *c = NULL;
    batch b;
    peer p;
    rf_time_drive();
    (void)sem_init(&a.came, 0, 0);
    peer_listen(&p);
    cr_assert_eq(rf_rpc_channel_open(&(rf_rpc_channel_config){.target = p.url}, &c), 0);
    peer_accept(&p);
    batch_init(&b);
    for (int i = 0; i < 2; i++) {
        rf_rpc_unary(c, RPC_TEST_ECHO_UNARY, NULL, &ping.base, NULL, on_answer, &a, NULL);
    }
    for (int i = 0; i < 2; i++) {
        cr_assert(peer_read_type(&p, PEER_CALL, &f));
        cr_assert_eq(peer_u32(f.payload), 30000, "the whole default deadline, in ms");
        cr_assert(peer_end(&b.writer, f.call, RF_OK, "", HELLO, 4));
    }
    batch_send(&b, &p);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(sem_wait(&a.came), 0);
    }
    (void)rf_rpc_channel_close(c);
    peer_done(&p);
    (void)sem_destroy(&a.came);
    cr_assert_float_eq(seconds_of("client"), 0, 1e-9, "the callback of the first is not counted");
}
