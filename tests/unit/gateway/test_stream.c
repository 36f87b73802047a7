/* Streamed bodies on a real loop and a real connection, the exchange made by hand. */
#include "gateway_metrics.h"
#include "gateway_stream.h"
#include "rf_time.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GET11 "GET /s HTTP/1.1\r\nHost: h\r\n\r\n"
#define HEAD11 "HEAD /s HTTP/1.1\r\nHost: h\r\n\r\n"
#define GET10 "GET /s HTTP/1.0\r\n\r\n"
#define HEAD10 "HEAD /s HTTP/1.0\r\n\r\n"
#define KEEP10 "GET /s HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
#define UNKNOWN GATEWAY_LENGTH_UNKNOWN
#define NEVER SIZE_MAX
#define GARBAGE "\1\r\n\r\n" /* answered with 400 by a connection that reads on */

/* What a handler does. */
typedef struct script {
    const char *request;
    uint64_t length; /* said in the head */
    size_t size;     /* given */
    size_t piece;
    size_t break_at; /* byte behind which it gives up; NEVER */
} script;

typedef struct stage {
    gateway gw;
    gateway_loop *loop;
    const script *s;
    int server_fd;
    int client_fd;
    gateway_stream stream;
    uint8_t *bytes;
    _Atomic(size_t) at; /* bytes that the stream has taken */
    ssize_t fault;      /* of write or end */
    sem_t gone;
} stage;

static const char *trailer = ""; /* of a test, which is a process of its own */

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 7 + i / 253);
}

/* ---- the handler: loop thread ---- */

/* True when it has ended in one way or the other. */
static bool give_piece(stage *g)
{
    size_t at = g->at;
    size_t stop = RF_MIN(g->s->size, g->s->break_at);
    size_t n = RF_MIN(g->s->piece, stop - at);
    if (n == 0 && g->s->break_at != NEVER) {
        gateway_stream_break(&g->stream);
        return true;
    }
    ssize_t took = n == 0 ? gateway_stream_end(&g->stream, trailer)
                          : gateway_stream_write(&g->stream, g->bytes + at, n);
    if (took < 0) {
        g->fault = took;
        gateway_stream_break(&g->stream);
        return true;
    }
    g->at = at + (size_t)took;
    return took == 0;
}

static void on_writable(gateway_exchange *ex)
{
    stage *g = ex->task;
    while (!give_piece(g)) {
    }
}

static void on_gone(gateway_exchange *ex)
{
    stage *g = ex->task;
    sem_post(&g->gone);
}

static void begin(void *user)
{
    static const gateway_exchange_ops ops = {.writable = on_writable, .gone = on_gone};
    stage *g = user;
    const gateway_answer a = {.status = 200, .type = "audio/x", .length = g->s->length};
    gateway_conn *c = gateway_conn_new(g->loop, g->server_fd, NULL);
    gateway_conn_enter(c);
    cr_assert_gt(gateway_http_head(&c->http, g->s->request, strlen(g->s->request)), 0);
    c->ex = gateway_exchange_new(c);
    c->ex->task = g;
    c->ex->ops = &ops;
    c->state = GATEWAY_CONN_WAIT;
    gateway_loop_enter(g->loop, c, GATEWAY_PHASE_NONE);
    gateway_stream_begin(&g->stream, c->ex, &a);
    gateway_conn_leave(c);
}

/* ---- the stage ---- */

static void connect_pair(stage *g)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)&a, len), 0);
    cr_assert_eq(listen(listener, 1), 0);
    cr_assert_eq(getsockname(listener, (struct sockaddr *)&a, &len), 0);
    g->client_fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(g->client_fd, (struct sockaddr *)&a, len), 0);
    g->server_fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    cr_assert_geq(g->server_fd, 0);
    close(listener);
}

static stage *stage_new(const script *s)
{
    stage *g = RF_NEW(stage);
    g->s = s;
    g->gw.config.send_stall_s = 30;
    g->gw.config.idle_timeout_s = 30;
    g->gw.config.head_timeout_ms = 30000;
    g->bytes = rf_alloc(s->size + 1);
    for (size_t i = 0; i < s->size; i++) {
        g->bytes[i] = pattern(i);
    }
    sem_init(&g->gone, 0, 0);
    connect_pair(g);
    g->loop = gateway_loop_start(&g->gw);
    cr_assert_not_null(g->loop);
    rf_loop_post(g->loop->loop, begin, g);
    return g;
}

static void stage_free(stage *g)
{
    close(g->client_fd);
    gateway_loop_close_all(g->loop);
    gateway_loop_stop(g->loop);
    sem_destroy(&g->gone);
    free(g->bytes);
    free(g);
}

/* ---- the client ---- */

typedef struct heard {
    rf_buf bytes;
    bool reset; /* the connection ended with one */
    const char *body;
    size_t body_len; /* up to the end of the connection */
} heard;

static heard hear(stage *g)
{
    static uint8_t piece[65536];
    heard h = {.reset = false};
    ssize_t n = 0;
    rf_buf_init(&h.bytes, SIZE_MAX / 2);
    while ((n = recv(g->client_fd, piece, sizeof(piece), 0)) > 0) {
        rf_buf_append(&h.bytes, piece, (size_t)n);
    }
    h.reset = n < 0 && errno == ECONNRESET;
    const char *text = rf_buf_str(&h.bytes);
    const char *end = strstr(text, "\r\n\r\n");
    h.body = end != NULL ? end + 4 : text + h.bytes.len;
    h.body_len = h.bytes.len - (size_t)(h.body - text);
    return h;
}

static bool head_has(heard *h, const char *line)
{
    const char *at = strstr(rf_buf_str(&h->bytes), line);
    return at != NULL && at < h->body;
}

static void expect_pattern(const char *data, size_t at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        cr_assert_eq((uint8_t)data[i], pattern(at + i), "byte %zu", at + i);
    }
}

/* Reads chunks and gives what stands in them and how many bytes they take; whole when the last one
 * is there. */
static size_t read_chunks(const heard *h, size_t *ret_used, bool *ret_whole)
{
    const char *at = h->body;
    const char *end = h->body + h->body_len;
    size_t size = 0;
    *ret_whole = false;
    while (at < end && !*ret_whole) {
        char *line_end = NULL;
        size_t len = strtoul(at, &line_end, 16);
        if (line_end + 2 > end || line_end + 2 + len + 2 > end) {
            break;
        }
        cr_assert(line_end > at && memcmp(line_end, "\r\n", 2) == 0);
        cr_assert_eq(memcmp(line_end + 2 + len, "\r\n", 2), 0);
        expect_pattern(line_end + 2, size, len);
        size += len;
        at = line_end + 2 + len + 2;
        *ret_whole = len == 0;
    }
    *ret_used = (size_t)(at - h->body);
    return size;
}

TestSuite(stream, .init = gateway_metrics_init);

/* ---- whole bodies ---- */

typedef enum framing {
    BY_LENGTH,
    BY_CHUNKS,
    BY_END,
    BY_NOTHING, /* HEAD */
} framing;

typedef struct whole_case {
    const char *name;
    script s;
    framing framing;
    bool chunked; /* the head says so */
    bool length;  /* the head says one */
    bool goes_on; /* to the next request */
} whole_case;

static const whole_case whole_cases[] = {
    {"known length", {GET11, 1000, 1000, 100, NEVER}, BY_LENGTH, false, true, true},
    {"no bytes of known length", {GET11, 0, 0, 100, NEVER}, BY_LENGTH, false, true, true},
    {"known length, HTTP/1.0", {GET10, 1000, 1000, 100, NEVER}, BY_LENGTH, false, true, false},
    {"known length, HTTP/1.0 kept", {KEEP10, 1000, 1000, 9, NEVER}, BY_LENGTH, false, true, true},
    {"known length, HEAD", {HEAD11, 1000, 1000, 100, NEVER}, BY_NOTHING, false, true, true},
    {"chunks", {GET11, UNKNOWN, 1000, 100, NEVER}, BY_CHUNKS, true, false, true},
    {"chunks of a byte", {GET11, UNKNOWN, 3000, 1, NEVER}, BY_CHUNKS, true, false, true},
    {"no bytes in chunks", {GET11, UNKNOWN, 0, 100, NEVER}, BY_CHUNKS, true, false, true},
    {"more than fits at once",
     {GET11, UNKNOWN, 300000, 262144, NEVER},
     BY_CHUNKS,
     true,
     false,
     true},
    {"unknown, HTTP/1.0", {GET10, UNKNOWN, 300000, 262144, NEVER}, BY_END, false, false, false},
    {"unknown, HTTP/1.0 kept", {KEEP10, UNKNOWN, 1000, 100, NEVER}, BY_END, false, false, false},
    {"no bytes to the end", {GET10, UNKNOWN, 0, 100, NEVER}, BY_END, false, false, false},
    {"unknown, HEAD", {HEAD11, UNKNOWN, 1000, 100, NEVER}, BY_NOTHING, true, false, true},
    {"unknown, HEAD, HTTP/1.0", {HEAD10, UNKNOWN, 9, 9, NEVER}, BY_NOTHING, false, false, false},
};

/* Bytes of the connection that the body takes. */
static size_t expect_body(const whole_case *k, const heard *h)
{
    size_t used = 0;
    bool whole = true;
    size_t size = k->s.size;
    if (k->framing == BY_NOTHING) {
        return 0;
    }
    if (k->framing == BY_CHUNKS) {
        cr_expect_eq(read_chunks(h, &used, &whole), size, "%s", k->name);
        cr_expect(whole, "%s: no last chunk", k->name);
        return used;
    }
    cr_assert_geq(h->body_len, size, "%s", k->name);
    expect_pattern(h->body, 0, size);
    return size;
}

Test(stream, whole_bodies_by_version_and_length)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(whole_cases); i++) {
        const whole_case *k = &whole_cases[i];
        stage *g = stage_new(&k->s);
        send(g->client_fd, GARBAGE, sizeof(GARBAGE) - 1, MSG_NOSIGNAL);
        heard h = hear(g);
        size_t used = expect_body(k, &h);
        const char *next = "HTTP/1.1 400 ";
        bool goes_on = h.body_len > used && strncmp(h.body + used, next, strlen(next)) == 0;
        cr_expect_eq(head_has(&h, "Transfer-Encoding: chunked\r\n"), k->chunked, "%s", k->name);
        cr_expect_eq(head_has(&h, "Content-Length: "), k->length, "%s", k->name);
        cr_expect_eq(goes_on, k->goes_on, "%s", k->name);
        cr_expect_eq(head_has(&h, "Connection: close\r\n"), !k->goes_on, "%s", k->name);
        cr_expect(k->goes_on || h.body_len == used, "%s: more than the body", k->name);
        cr_expect(!h.reset, "%s", k->name);
        cr_expect_eq(g->fault, 0, "%s", k->name);
        rf_buf_done(&h.bytes);
        stage_free(g);
    }
}

static heard hear_with_trailer(const script *s, stage **ret)
{
    trailer = "Last: 7\r\n";
    *ret = stage_new(s);
    return hear(*ret);
}

Test(stream, a_trailer_stands_behind_the_last_chunk)
{
    static const char end[] = "0\r\nLast: 7\r\n\r\n";
    const script s = {"GET /s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", UNKNOWN, 1000, 100,
                      NEVER};
    stage *g;
    heard h = hear_with_trailer(&s, &g);
    cr_assert_gt(h.body_len, sizeof(end));
    cr_expect_str_eq(h.body + h.body_len - strlen(end), end);
    rf_buf_done(&h.bytes);
    stage_free(g);
}

Test(stream, only_chunks_have_a_place_for_a_trailer)
{
    static const script scripts[] = {
        {GET10, UNKNOWN, 1000, 100, NEVER},
        {"GET /s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", 1000, 1000, 100, NEVER},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(scripts); i++) {
        stage *g;
        heard h = hear_with_trailer(&scripts[i], &g);
        cr_expect_eq(h.body_len, (size_t)1000, "%zu", i);
        rf_buf_done(&h.bytes);
        stage_free(g);
    }
}

/* ---- bodies that break off ---- */

typedef struct broken_case {
    const char *name;
    script s;
    ssize_t fault;
} broken_case;

Test(stream, what_breaks_off_is_seen_to)
{
    static const broken_case cases[] = {
        {"chunks", {GET11, UNKNOWN, 1000, 100, 500}, 0},
        {"chunks, before the first", {GET11, UNKNOWN, 1000, 100, 0}, 0},
        {"chunks, before the last", {GET11, UNKNOWN, 1000, 100, 1000}, 0},
        {"to the end of the connection", {GET10, UNKNOWN, 1000, 100, 500}, 0},
        {"to the end, all bytes given", {GET10, UNKNOWN, 1000, 100, 1000}, 0},
        {"a length", {GET11, 1000, 1000, 100, 500}, 0},
        {"longer than said", {GET11, 1000, 1001, 100, NEVER}, -EMSGSIZE},
        {"longer than said in one piece", {GET11, 1000, 1001, 5000, NEVER}, -EMSGSIZE},
        {"shorter than said", {GET11, 1000, 999, 100, NEVER}, -EMSGSIZE},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        const broken_case *k = &cases[i];
        size_t used = 0;
        bool whole = false;
        stage *g = stage_new(&k->s);
        heard h = hear(g);
        sem_wait(&g->gone);
        cr_expect(h.reset, "%s: an end like any other", k->name);
        cr_expect_eq(g->fault, k->fault, "%s", k->name);
        if (head_has(&h, "chunked")) {
            read_chunks(&h, &used, &whole);
            cr_expect(!whole, "%s: a last chunk", k->name);
        }
        rf_buf_done(&h.bytes);
        stage_free(g);
    }
}

/* ---- backpressure ---- */

static void check_slow_reader(const char *request)
{
    const script s = {request, UNKNOWN, 32u << 20, 262144, NEVER};
    bool whole = false;
    size_t used = 0;
    stage *g = stage_new(&s);
    usleep(300000);
    size_t taken = g->at;
    usleep(100000);
    cr_expect_lt(taken, s.size / 2, "the stream takes what nobody reads: %zu", taken);
    cr_expect_eq(g->at, taken, "and goes on");
    heard h = hear(g);
    if (strcmp(request, GET10) == 0) {
        cr_expect_eq(h.body_len, s.size);
        expect_pattern(h.body, 0, h.body_len);
    } else {
        cr_expect_eq(read_chunks(&h, &used, &whole), s.size);
        cr_expect(whole);
    }
    rf_buf_done(&h.bytes);
    stage_free(g);
}

Test(stream, a_slow_reader_holds_the_writer_back)
{
    check_slow_reader("GET /s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    check_slow_reader(GET10);
}
