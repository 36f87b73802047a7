/* Peers that speak the wire format wrongly, frame by frame, over a plain socket. */
#include "echo.h"

#include "rf_buf.h"
#include "rf_rpc_frame.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_OUT (1u << 20)

static int dial(const echo *e)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    (void)rf_copy_str(a.sun_path, sizeof(a.sun_path), e->url + strlen("ipc://"));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

static void put(rf_buf *b, uint8_t type, uint8_t flags, uint32_t call, const void *payload,
                size_t len)
{
    uint8_t header[RF_RPC_HEADER_LEN];
    rf_rpc_frame f = {(uint32_t)len, type, flags, call};
    rf_rpc_frame_put(header, &f);
    (void)rf_buf_append(b, header, sizeof(header));
    (void)rf_buf_append(b, payload, len);
}

static void put_call(rf_buf *b, uint32_t id, uint8_t flags, const char *method, const char *body)
{
    uint8_t payload[512];
    rf_rpc_call_head h = {.timeout_ms = 5000,
                          .method = method,
                          .method_len = strlen(method),
                          .request_id = "",
                          .traceparent = "",
                          .tenant = "",
                          .scopes = ""};
    size_t n = rf_rpc_call_head_len(&h);
    rf_rpc_call_head_put(payload, &h);
    if (body != NULL) {
        rf_rpc_set_u32(payload + n, (uint32_t)strlen(body));
        rf_rpc_set_u32(payload + n + 4, 0);
        memcpy(payload + n + 8, body, strlen(body));
        n += 8 + strlen(body);
    }
    put(b, RF_FRAME_CALL, flags, id, payload, n);
}

/* Whether the server closes the connection within 5 s; what it sends before is dropped. */
static bool is_cut_off(int fd)
{
    char drop[4096];
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 5000) != 1) {
            return false;
        }
        if (read(fd, drop, sizeof(drop)) <= 0) {
            return true;
        }
    }
}

/* Reads frames until one of this type comes; its payload goes to out. */
static bool read_frame(int fd, uint8_t type, rf_rpc_frame *ret, uint8_t *out, size_t room)
{
    for (;;) {
        uint8_t header[RF_RPC_HEADER_LEN];
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 5000) != 1 ||
            recv(fd, header, sizeof(header), MSG_WAITALL) != (ssize_t)sizeof(header) ||
            rf_rpc_frame_parse(header, ret) != 0 || ret->len > room ||
            (ret->len > 0 && recv(fd, out, ret->len, MSG_WAITALL) != (ssize_t)ret->len)) {
            return false;
        }
        if (ret->type == type) {
            return true;
        }
    }
}

static void skip_magic(int fd)
{
    char magic[RF_RPC_MAGIC_LEN];
    cr_assert_eq(recv(fd, magic, sizeof(magic), MSG_WAITALL), (ssize_t)sizeof(magic));
    cr_assert_arr_eq(magic, RF_RPC_MAGIC, RF_RPC_MAGIC_LEN);
}

#define PING "\x0a\x02hi"
#define BOTH (RF_FLAG_MESSAGE | RF_FLAG_LAST)

typedef void (*make_fn)(rf_buf *b);

static void no_magic(rf_buf *b)
{
    rf_buf_clear(b);
    (void)rf_buf_append_str(b, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
}

static void wrong_version(rf_buf *b)
{
    rf_buf_clear(b);
    (void)rf_buf_append(b, "rfrpc\r\n\2", 8);
}

static void unknown_type(rf_buf *b)
{
    put(b, 9, 0, 1, "x", 1);
}

static void type_zero(rf_buf *b)
{
    put(b, 0, 0, 0, "", 0);
}

static void reserved_bytes(rf_buf *b)
{
    put_call(b, 1, BOTH, "rpc.test.Echo/Unary", PING);
    b->data[RF_RPC_MAGIC_LEN + 6] = 1;
}

static void unknown_flags(rf_buf *b)
{
    put(b, RF_FRAME_DATA, 0x80, 1, "", 0);
}

static void oversized_length(rf_buf *b)
{
    uint8_t header[RF_RPC_HEADER_LEN] = {0xff, 0xff, 0xff, 0x7f, RF_FRAME_DATA, 0, 0, 0, 1};
    (void)rf_buf_append(b, header, sizeof(header));
}

static void one_byte_too_long(rf_buf *b)
{
    uint8_t header[RF_RPC_HEADER_LEN];
    rf_rpc_frame f = {RF_RPC_PAYLOAD_MAX + 1, RF_FRAME_DATA, 0, 1};
    rf_rpc_frame_put(header, &f);
    (void)rf_buf_append(b, header, sizeof(header));
}

static void call_of_zero(rf_buf *b)
{
    put_call(b, 0, BOTH, "rpc.test.Echo/Unary", PING);
}

static void replayed_call(rf_buf *b)
{
    put_call(b, 1, BOTH, "rpc.test.Echo/Unary", PING);
    put_call(b, 1, BOTH, "rpc.test.Echo/Unary", PING);
}

static void ids_that_go_back(rf_buf *b)
{
    put_call(b, 7, BOTH, "rpc.test.Echo/Unary", PING);
    put_call(b, 6, BOTH, "rpc.test.Echo/Unary", PING);
}

static void data_before_its_call(rf_buf *b)
{
    put(b, RF_FRAME_DATA, RF_FLAG_MESSAGE, 1, "\0\0\0\0\0\0\0\0", 8);
}

static void data_after_the_last(rf_buf *b)
{
    put_call(b, 1, 0, "rpc.test.Echo/Chat", NULL);
    put(b, RF_FRAME_DATA, RF_FLAG_LAST | RF_FLAG_MESSAGE, 1, "\4\0\0\0\0\0\0\0" PING, 12);
    put_call(b, 2, 0, "rpc.test.Echo/Upload", NULL);
    put(b, RF_FRAME_DATA, RF_FLAG_MESSAGE, 2, "\4\0\0\0\0\0\0\0" PING, 12);
    put(b, RF_FRAME_DATA, 0, 2, "more", 4);
}

static void continuation_of_nothing(rf_buf *b)
{
    put_call(b, 1, 0, "rpc.test.Echo/Chat", NULL);
    put(b, RF_FRAME_DATA, 0, 1, "abc", 3);
}

static void second_begin_inside_a_message(rf_buf *b)
{
    put_call(b, 1, 0, "rpc.test.Echo/Chat", NULL);
    put(b, RF_FRAME_DATA, RF_FLAG_MESSAGE, 1, "\x64\0\0\0\0\0\0\0abc", 11);
    put(b, RF_FRAME_DATA, RF_FLAG_MESSAGE, 1, "\x64\0\0\0\0\0\0\0abc", 11);
}

static void last_inside_a_message(rf_buf *b)
{
    put_call(b, 1, 0, "rpc.test.Echo/Chat", NULL);
    put(b, RF_FRAME_DATA, BOTH, 1, "\x64\0\0\0\0\0\0\0abc", 11);
}

static void more_than_the_message(rf_buf *b)
{
    put_call(b, 1, 0, "rpc.test.Echo/Chat", NULL);
    put(b, RF_FRAME_DATA, RF_FLAG_MESSAGE, 1, "\5\0\0\0\0\0\0\0abc", 11);
    put(b, RF_FRAME_DATA, 0, 1, "abc", 3);
}

static void short_prefix(rf_buf *b)
{
    put_call(b, 1, 0, "rpc.test.Echo/Chat", NULL);
    put(b, RF_FRAME_DATA, RF_FLAG_MESSAGE, 1, "\5\0\0", 3);
}

static void lengths_that_overflow(rf_buf *b)
{
    put_call(b, 1, 0, "rpc.test.Echo/Chat", NULL);
    put(b, RF_FRAME_DATA, RF_FLAG_MESSAGE, 1, "\xff\xff\xff\xff\x09\0\0\0abc", 11);
    put(b, RF_FRAME_DATA, RF_FLAG_MESSAGE, 1, "\0\0", 2);
}

static void call_with_message_that_lies(rf_buf *b)
{
    put_call(b, 1, BOTH, "rpc.test.Echo/Unary", PING);
    b->data[b->len - 12] = 99;
}

static void call_with_rest(rf_buf *b)
{
    put_call(b, 1, RF_FLAG_LAST, "rpc.test.Echo/Unary", PING);
}

static void call_with_reserved(rf_buf *b)
{
    put_call(b, 1, BOTH, "rpc.test.Echo/Unary", PING);
    b->data[RF_RPC_MAGIC_LEN + RF_RPC_HEADER_LEN + 9] = 1;
}

static void call_without_method(rf_buf *b)
{
    put_call(b, 1, 0, "", NULL);
}

static void call_with_control_characters(rf_buf *b)
{
    put_call(b, 1, 0, "rpc.test\nEcho", NULL);
}

static void call_with_bad_utf8(rf_buf *b)
{
    put_call(b, 1, 0, "rpc.test\xff", NULL);
}

static void call_cut_short(rf_buf *b)
{
    put(b, RF_FRAME_CALL, 0, 1, "\0\0\0\0\xff\0\0\0\0\0\0\0abc", 15);
}

static void end_from_a_client(rf_buf *b)
{
    put_call(b, 1, 0, "rpc.test.Echo/Chat", NULL);
    put(b, RF_FRAME_END, 0, 1, "\0\0\0\0", 4);
}

static void goaway_from_a_client(rf_buf *b)
{
    put(b, RF_FRAME_GOAWAY, 0, 0, "\0\0\0\0", 4);
}

static void cancel_with_odd_code(rf_buf *b)
{
    put_call(b, 1, 0, "rpc.test.Echo/Chat", NULL);
    put(b, RF_FRAME_CANCEL, 0, 1, "\x63", 1);
}

static void cancel_of_a_future_call(rf_buf *b)
{
    put(b, RF_FRAME_CANCEL, 0, 5, "\1", 1);
}

static void credit_of_a_future_call(rf_buf *b)
{
    put(b, RF_FRAME_CREDIT, 0, 5, "\1\0\0\0", 4);
}

static void credit_without_end(rf_buf *b)
{
    put(b, RF_FRAME_CREDIT, 0, 0, "\xff\xff\xff\xff", 4);
}

static void short_ping(rf_buf *b)
{
    put(b, RF_FRAME_PING, 0, 0, "abc", 3);
}

static void ping_of_a_call(rf_buf *b)
{
    put(b, RF_FRAME_PING, 0, 1, "12345678", 8);
}

static const struct {
    const char *name;
    make_fn make;
} rows[] = {
#define ROW(f)                                                                                     \
    {                                                                                              \
#f, f                                                                                      \
    }
    ROW(no_magic),
    ROW(wrong_version),
    ROW(unknown_type),
    ROW(type_zero),
    ROW(reserved_bytes),
    ROW(unknown_flags),
    ROW(oversized_length),
    ROW(one_byte_too_long),
    ROW(call_of_zero),
    ROW(replayed_call),
    ROW(ids_that_go_back),
    ROW(data_before_its_call),
    ROW(data_after_the_last),
    ROW(continuation_of_nothing),
    ROW(second_begin_inside_a_message),
    ROW(last_inside_a_message),
    ROW(more_than_the_message),
    ROW(short_prefix),
    ROW(lengths_that_overflow),
    ROW(call_with_message_that_lies),
    ROW(call_with_rest),
    ROW(call_with_reserved),
    ROW(call_without_method),
    ROW(call_with_control_characters),
    ROW(call_with_bad_utf8),
    ROW(call_cut_short),
    ROW(end_from_a_client),
    ROW(goaway_from_a_client),
    ROW(cancel_with_odd_code),
    ROW(cancel_of_a_future_call),
    ROW(credit_of_a_future_call),
    ROW(credit_without_end),
    ROW(short_ping),
    ROW(ping_of_a_call),
};

Test(hostile, who_breaks_the_protocol_is_cut_off_and_nobody_else)
{
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        rf_buf b;
        rf_buf_init(&b, MAX_OUT);
        (void)rf_buf_append(&b, RF_RPC_MAGIC, RF_RPC_MAGIC_LEN);
        rows[i].make(&b);
        int fd = dial(e);
        cr_assert_eq(send(fd, b.data, b.len, MSG_NOSIGNAL), (ssize_t)b.len);
        cr_assert(is_cut_off(fd), "%s was let live", rows[i].name);
        (void)close(fd);
        rf_buf_done(&b);
        cr_assert_eq(echo_unary(c, rows[i].name, NULL), 0);
    }
    echo_stop(e);
}

Test(hostile, one_byte_at_a_time_is_understood)
{
    echo *e = echo_start(NULL, NULL);
    rf_buf b;
    rf_buf_init(&b, MAX_OUT);
    (void)rf_buf_append(&b, RF_RPC_MAGIC, RF_RPC_MAGIC_LEN);
    put_call(&b, 1, BOTH, "rpc.test.Echo/Unary", PING);
    put(&b, RF_FRAME_PING, 0, 0, "12345678", 8);
    put_call(&b, 2, 0, "rpc.test.Echo/Upload", NULL);
    put(&b, RF_FRAME_DATA, RF_FLAG_MESSAGE, 2, "\4\0\0\0\0\0\0\0", 8);
    put(&b, RF_FRAME_DATA, 0, 2, PING, 4);
    put(&b, RF_FRAME_DATA, RF_FLAG_LAST, 2, "", 0);
    int fd = dial(e);
    for (size_t i = 0; i < b.len; i++) {
        cr_assert_eq(send(fd, b.data + i, 1, MSG_NOSIGNAL), 1);
    }
    uint8_t payload[256];
    rf_rpc_frame f;
    skip_magic(fd);
    cr_assert(read_frame(fd, RF_FRAME_END, &f, payload, sizeof(payload)));
    cr_assert_eq(f.call, 1);
    cr_assert_eq(payload[0], RF_OK);
    cr_assert_arr_eq(payload + 12, PING, 4);
    cr_assert(read_frame(fd, RF_FRAME_PONG, &f, payload, sizeof(payload)));
    cr_assert_arr_eq(payload, "12345678", 8);
    cr_assert(read_frame(fd, RF_FRAME_END, &f, payload, sizeof(payload)));
    cr_assert_eq(f.call, 2);
    cr_assert_eq(payload[0], RF_OK);
    (void)close(fd);
    rf_buf_done(&b);
    echo_stop(e);
}

Test(hostile, truncation_at_every_byte_harms_nobody)
{
    echo *e = echo_start(NULL, NULL);
    rf_buf b;
    rf_buf_init(&b, MAX_OUT);
    (void)rf_buf_append(&b, RF_RPC_MAGIC, RF_RPC_MAGIC_LEN);
    put_call(&b, 1, BOTH, "rpc.test.Echo/Unary", PING);
    put_call(&b, 2, 0, "rpc.test.Echo/Upload", NULL);
    put(&b, RF_FRAME_DATA, RF_FLAG_MESSAGE, 2, "\x10\0\0\0\0\0\0\0" PING, 12);
    for (size_t n = 0; n < b.len; n++) {
        int fd = dial(e);
        cr_assert_eq(send(fd, b.data, n, MSG_NOSIGNAL), (ssize_t)n);
        (void)close(fd);
    }
    rf_rpc_channel *c = echo_connect(e, NULL);
    cr_assert_eq(echo_unary(c, "fine", NULL), 0);
    int64_t until_ns = rf_time_ns() + 10 * RF_NS_PER_S;
    while (rf_rpc_server_calls(e->server) > 0 && rf_time_ns() < until_ns) {
        cr_assert_eq(echo_unary(c, "fine", NULL), 0);
    }
    cr_assert_eq(rf_rpc_server_calls(e->server), 0);
    rf_buf_done(&b);
    echo_stop(e);
}

Test(hostile, random_damage_harms_nobody)
{
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    unsigned seed = 20260101;
    for (int round = 0; round < 300; round++) {
        rf_buf b;
        rf_buf_init(&b, MAX_OUT);
        (void)rf_buf_append(&b, RF_RPC_MAGIC, RF_RPC_MAGIC_LEN);
        for (uint32_t id = 1; id < 6; id++) {
            put_call(&b, 2 * id, BOTH, "rpc.test.Echo/Unary", PING);
            put_call(&b, 2 * id + 1, 0, "rpc.test.Echo/Chat", NULL);
            put(&b, RF_FRAME_DATA, RF_FLAG_MESSAGE, 2 * id + 1, "\4\0\0\0\0\0\0\0" PING, 12);
            put(&b, RF_FRAME_CREDIT, 0, 2 * id + 1, "\4\0\0\0", 4);
        }
        for (int k = 0; k < 4; k++) {
            seed = seed * 1664525u + 1013904223u;
            b.data[RF_RPC_MAGIC_LEN + (seed >> 8) % (b.len - RF_RPC_MAGIC_LEN)] ^=
                (uint8_t)(1u << (seed & 7));
        }
        int fd = dial(e);
        cr_assert_eq(send(fd, b.data, b.len, MSG_NOSIGNAL), (ssize_t)b.len);
        (void)close(fd);
        rf_buf_done(&b);
    }
    cr_assert_eq(echo_unary(c, "fine", NULL), 0);
    echo_stop(e);
}

Test(hostile, a_message_larger_than_its_credit_is_cut_off)
{
    static uint8_t body[RF_RPC_PAYLOAD_MAX];
    echo *e = echo_start(NULL, NULL);
    rf_buf b;
    rf_buf_init(&b, 64u << 20);
    (void)rf_buf_append(&b, RF_RPC_MAGIC, RF_RPC_MAGIC_LEN);
    put_call(&b, 1, RF_FLAG_LAST, "rpc.test.Echo/Obey", NULL);
    put_call(&b, 2, 0, "rpc.test.Echo/Upload", NULL);
    rf_rpc_set_u32(body, RF_RPC_PAYLOAD_MAX - 8);
    int fd = dial(e);
    cr_assert_eq(send(fd, b.data, b.len, MSG_NOSIGNAL), (ssize_t)b.len);
    rf_rpc_frame f;
    uint8_t payload[256];
    skip_magic(fd);
    cr_assert(read_frame(fd, RF_FRAME_END, &f, payload, sizeof(payload)));
    cr_assert_eq(f.call, 1);
    cr_assert_eq(payload[0], RF_INVALID_ARGUMENT, "a request is missing");
    (void)close(fd);
    rf_buf_done(&b);
    echo_stop(e);
}

Test(hostile, connections_above_the_limit_are_refused)
{
    echo *e = echo_start(NULL, &(rf_rpc_server_config){.max_connections = 3});
    int fds[5];
    for (int i = 0; i < 5; i++) {
        fds[i] = dial(e);
        if (i < 3) {
            skip_magic(fds[i]);
        }
    }
    cr_assert(is_cut_off(fds[3]));
    cr_assert(is_cut_off(fds[4]));
    for (int i = 0; i < 5; i++) {
        (void)close(fds[i]);
    }
    echo_stop(e);
}

/* ---- a server that answers nonsense ---- */

static int serve_nonsense(const char *path, const void *data, size_t len)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    (void)rf_copy_str(a.sun_path, sizeof(a.sun_path), path);
    (void)unlink(path);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)&a, sizeof(a)), 0);
    cr_assert_eq(listen(listener, 8), 0);
    int fd = accept(listener, NULL, NULL);
    char drop[4096];
    (void)!read(fd, drop, sizeof(drop));
    cr_assert_eq(send(fd, data, len, MSG_NOSIGNAL), (ssize_t)len);
    (void)close(listener);
    return fd;
}

static void *one_call(void *arg)
{
    static rf_status st;
    (void)echo_unary((rf_rpc_channel *)arg, "x", &st);
    return &st;
}

Test(hostile, a_client_gives_up_a_server_that_speaks_nonsense)
{
    static const char *const bytes[] = {"HTTP/1.1 200 OK\r\n\r\n", RF_RPC_MAGIC "\x04\0\0\0\x03"};
    static const size_t lens[] = {19, 13};
    char dir[] = "/tmp/rf-rpc-XXXXXX";
    cr_assert_not_null(mkdtemp(dir));
    for (size_t i = 0; i < RF_ARRAY_LEN(bytes); i++) {
        RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/s", dir);
        RF_CLEANUP(rf_cleanup_free) char *url = rf_asprintf("ipc://%s", path);
        rf_rpc_channel *c = NULL;
        rf_rpc_channel_config config = {.target = url, .wait_ready_ms = 500, .timeout_ms = 2000};
        cr_assert_eq(rf_rpc_channel_open(&config, &c), 0);
        pthread_t thread;
        void *status;
        cr_assert_eq(pthread_create(&thread, NULL, one_call, c), 0);
        int fd = serve_nonsense(path, bytes[i], lens[i]);
        (void)pthread_join(thread, &status);
        cr_assert_neq(((rf_status *)status)->code, RF_OK);
        (void)close(fd);
        (void)rf_rpc_channel_close(c);
        (void)unlink(path);
    }
    (void)rmdir(dir);
}
