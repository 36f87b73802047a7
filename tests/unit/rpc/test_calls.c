/* Every kind of call, over ipc and tcp. */
#include "echo.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

static const char *const listens[] = {NULL, "tcp://127.0.0.1:0"};
static const char *const names[] = {"ipc", "tcp"};
static int indices[] = {0, 1};

ParameterizedTestParameters(calls, unary)
{
    return cr_make_param_array(int, indices, 2);
}

ParameterizedTest(int *i, calls, unary)
{
    echo *e = echo_start(listens[*i], NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    for (int n = 0; n < 100; n++) {
        rf_status st;
        cr_assert_eq(echo_unary(c, names[*i], &st), 0, "%s", st.message);
    }
    cr_assert_eq(e->n_unary, 100);
    echo_stop(e);
}

static size_t download(rf_rpc_channel *c, uint32_t count, uint32_t size, uint32_t attachment)
{
    Rpc__Test__Order o = RPC__TEST__ORDER__INIT;
    o.count = count;
    o.size = size;
    o.attachment = attachment;
    rf_rpc_stream *s = rf_rpc_stream_open(c, RPC_TEST_ECHO_DOWNLOAD, NULL);
    cr_assert_eq(rf_rpc_stream_send(s, &o.base, NULL), 0);
    size_t n = 0;
    rf_rpc_item *item;
    while (rf_rpc_stream_recv(s, &item) == 1) {
        const Rpc__Test__Ping *p = (const Rpc__Test__Ping *)item->message;
        cr_assert_eq(p->number, (int64_t)(count - n));
        cr_assert_eq(p->body.len, size);
        cr_assert_eq(item->msg.attachment_len, attachment);
        (void)rf_rpc_item_free(item);
        n++;
    }
    cr_assert_eq(rf_rpc_stream_status(s)->code, RF_OK, "%s", rf_rpc_stream_status(s)->message);
    (void)rf_rpc_stream_free(s);
    return n;
}

ParameterizedTestParameters(calls, server_stream)
{
    return cr_make_param_array(int, indices, 2);
}

ParameterizedTest(int *i, calls, server_stream)
{
    echo *e = echo_start(listens[*i], NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    static const struct {
        uint32_t count, size, attachment;
    } rows[] = {
        {0, 0, 0},        {1, 0, 0},       {1000, 10, 0},   {5000, 300, 0},   {10, 100000, 0},
        {40, 1048576, 0}, {3, 9000000, 0}, {20, 16, 70000}, {8, 70000, 1000}, {5, 500, 6000000},
    };
    for (size_t r = 0; r < RF_ARRAY_LEN(rows); r++) {
        cr_assert_eq(download(c, rows[r].count, rows[r].size, rows[r].attachment), rows[r].count,
                     "row %zu", r);
    }
    echo_stop(e);
}

ParameterizedTestParameters(calls, client_stream)
{
    return cr_make_param_array(int, indices, 2);
}

ParameterizedTest(int *i, calls, client_stream)
{
    echo *e = echo_start(listens[*i], NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    rf_rpc_stream *s = rf_rpc_stream_open(c, RPC_TEST_ECHO_UPLOAD, NULL);
    static uint8_t body[50000];
    for (int n = 1; n <= 500; n++) {
        Rpc__Test__Ping p = RPC__TEST__PING__INIT;
        p.number = n;
        p.body = (ProtobufCBinaryData){(size_t)n * 100, body};
        cr_assert_eq(rf_rpc_stream_send(s, &p.base, NULL), 0);
    }
    rf_rpc_stream_half_close(s);
    rf_rpc_item *item;
    cr_assert_eq(rf_rpc_stream_recv(s, &item), 1);
    const Rpc__Test__Ping *p = (const Rpc__Test__Ping *)item->message;
    cr_assert_eq(p->number, 500 * 501 / 2);
    cr_assert_eq(p->counts[0], 500);
    (void)rf_rpc_item_free(item);
    cr_assert_eq(rf_rpc_stream_recv(s, &item), 0);
    (void)rf_rpc_stream_free(s);
    echo_stop(e);
}

ParameterizedTestParameters(calls, bidirectional)
{
    return cr_make_param_array(int, indices, 2);
}

ParameterizedTest(int *i, calls, bidirectional)
{
    echo *e = echo_start(listens[*i], NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    rf_rpc_stream *s = rf_rpc_stream_open(c, RPC_TEST_ECHO_CHAT, NULL);
    for (int n = 0; n < 300; n++) {
        Rpc__Test__Ping p = RPC__TEST__PING__INIT;
        p.number = n;
        char tail[64];
        (void)snprintf(tail, sizeof(tail), "attachment %d", n);
        rf_rpc_attachment a = {.data = tail, .len = strlen(tail)};
        cr_assert_eq(rf_rpc_stream_send(s, &p.base, &a), 0);
        rf_rpc_item *item;
        cr_assert_eq(rf_rpc_stream_recv(s, &item), 1);
        cr_assert_eq(((const Rpc__Test__Ping *)item->message)->number, n);
        cr_assert_eq(item->msg.attachment_len, strlen(tail));
        cr_assert_arr_eq(item->msg.attachment, tail, strlen(tail));
        (void)rf_rpc_item_free(item);
    }
    rf_rpc_stream_half_close(s);
    rf_rpc_item *item;
    cr_assert_eq(rf_rpc_stream_recv(s, &item), 0);
    (void)rf_rpc_stream_free(s);
    echo_stop(e);
}
