#include "gateway_http.h"
#include "requests.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int drop(void *user, const char *data, size_t len)
{
    (void)data;
    *(size_t *)user += len;
    return 0;
}

/* Feeds bytes in pieces of step; returns 0 when the message was complete, an error, or 1 when bytes
 * are missing. */
static int feed(gateway_http *h, gateway_request *req, const char *bytes, size_t len, size_t step)
{
    size_t body = 0;
    ssize_t head = 0;
    size_t have = 0;
    gateway_http_reset(h, req);
    while (head == 0 && have < len) {
        have = RF_MIN(have + step, len);
        head = gateway_http_head(h, bytes, have);
    }
    if (head <= 0) {
        return head < 0 ? (int)head : 1;
    }
    for (size_t at = (size_t)head; !gateway_http_done(h) && at < len;) {
        ssize_t n = gateway_http_body(h, bytes + at, RF_MIN(step, len - at), drop, &body);
        if (n < 0) {
            return (int)n;
        }
        at += (size_t)n;
    }
    return gateway_http_done(h) ? 0 : 1;
}

/* 200 stands for every request that the parser lets through: routes decide the rest. */
static int status_of(int err, const request_case *c)
{
    return err < 0 ? gateway_http_error_status(err) : (c->status < 400 ? c->status : 404);
}

static void check_case(const request_case *c, size_t step)
{
    gateway_http h;
    gateway_request req;
    int err = feed(&h, &req, c->bytes, c->len, step);
    bool routed = c->status == 404 || c->status == 405 || c->status < 400;
    if (routed) {
        cr_expect_eq(err, 0, "%s: %d in steps of %zu", c->name, err, step);
        cr_expect_eq(req.keep_alive, c->keeps, "%s: keep-alive", c->name);
    } else {
        cr_expect_lt(err, 0, "%s: accepted (%d) in steps of %zu", c->name, err, step);
        cr_expect_eq(status_of(err, c), c->status, "%s: %d in steps of %zu", c->name,
                     status_of(err, c), step);
    }
}

Test(http, table_whole)
{
    cr_assert_geq(n_request_cases, 120);
    for (size_t i = 0; i < n_request_cases; i++) {
        check_case(&request_cases[i], SIZE_MAX / 2);
    }
}

Test(http, table_byte_by_byte)
{
    for (size_t i = 0; i < n_request_cases; i++) {
        check_case(&request_cases[i], 1);
    }
}

Test(http, table_in_sevens)
{
    for (size_t i = 0; i < n_request_cases; i++) {
        check_case(&request_cases[i], 7);
    }
}

static gateway_request parse(gateway_http *h, const char *text)
{
    gateway_request req;
    cr_assert_eq(feed(h, &req, text, strlen(text), SIZE_MAX / 2), 0, "%s", text);
    return req;
}

static void assert_span(const gateway_request *req, gateway_span span, const char *text)
{
    cr_assert_eq(span.len, strlen(text));
    cr_assert_eq(memcmp(gateway_request_str(req, span), text, span.len), 0);
}

Test(http, reads_what_handlers_need)
{
    gateway_http h;
    gateway_request req = parse(&h, "PUT /a/b?c=d&e HTTP/1.1\r\nHost: h\r\nAuthorization:  key \r\n"
                                    "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\nxy");
    cr_assert_eq(req.method, GATEWAY_PUT);
    assert_span(&req, req.path, "/a/b");
    assert_span(&req, req.query, "c=d&e");
    assert_span(&req, req.headers[GATEWAY_H_AUTHORIZATION], "key");
    cr_assert(req.expect_continue);
    cr_assert_eq(req.content_length, 2);
    cr_assert(!req.headers[GATEWAY_H_RANGE].present);
}

Test(http, absolute_target_gives_path)
{
    gateway_http h;
    gateway_request req = parse(&h, "GET http://other:1/x/y?z HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_span(&req, req.path, "/x/y");
    assert_span(&req, req.query, "z");
}

Test(http, head_may_be_moved)
{
    static const char text[] = "GET /p HTTP/1.1\r\nHost: h\r\nRange: bytes=0-1\r\n\r\n";
    gateway_http h;
    char value[32];
    gateway_request req = parse(&h, text);
    char *copy = strdup(text);
    gateway_request_move(&req, copy);
    cr_assert_eq(gateway_request_header(&req, GATEWAY_H_RANGE, value, sizeof(value)), 9);
    cr_assert_str_eq(value, "bytes=0-1");
    cr_assert_eq(gateway_request_header(&req, GATEWAY_H_RANGE, value, 9), -ENOSPC);
    cr_assert_eq(gateway_request_header(&req, GATEWAY_H_IF_RANGE, value, 9), -ENOENT);
    free(copy);
}

Test(http, pipelined_requests_are_told_apart)
{
    static const char text[] = "GET /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
                               "GET /2 HTTP/1.1\r\nHost: h\r\n\r\n";
    gateway_http h;
    gateway_request req;
    size_t body = 0;
    gateway_http_reset(&h, &req);
    ssize_t head = gateway_http_head(&h, text, sizeof(text) - 1);
    cr_assert_gt(head, 0);
    ssize_t n = gateway_http_body(&h, text + head, sizeof(text) - 1 - (size_t)head, drop, &body);
    cr_assert_eq(n, 3);
    cr_assert_eq(body, 3);
    cr_assert(gateway_http_done(&h));
    gateway_http_reset(&h, &req);
    size_t at = (size_t)(head + n);
    cr_assert_eq((size_t)gateway_http_head(&h, text + at, sizeof(text) - 1 - at),
                 sizeof(text) - 1 - at);
    assert_span(&req, req.path, "/2");
}

static int refuse(void *user, const char *data, size_t len)
{
    (void)user;
    (void)data;
    (void)len;
    return -ECANCELED;
}

Test(http, sink_may_refuse)
{
    static const char text[] = "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
    gateway_http h;
    gateway_request req;
    gateway_http_reset(&h, &req);
    ssize_t head = gateway_http_head(&h, text, sizeof(text) - 1);
    cr_assert_eq(gateway_http_body(&h, text + head, 3, refuse, NULL), -ECANCELED);
}
