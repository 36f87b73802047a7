#include "gateway_answer.h"

#include "gateway_audit.h"
#include "gateway_metrics.h"
#include "rf_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HEAD_ROOM 1536 /* longest head: fixed lines, id, type and a handler's own lines */
#define ERROR_MAX_BYTES 4096

#define JSON_TYPE "application/json"
#define FIXED_LINES                                                                                \
    "X-Content-Type-Options: nosniff\r\n"                                                          \
    "Access-Control-Allow-Origin: *\r\n"                                                           \
    "Access-Control-Expose-Headers: *\r\n"

/* A head under construction; what does not fit marks it. */
typedef struct head_text {
    char text[HEAD_ROOM];
    size_t len;
    bool full;
} head_text;

static void put(head_text *h, const char *text, size_t len)
{
    if (len > sizeof(h->text) - h->len) {
        h->full = true;
        return;
    }
    memcpy(h->text + h->len, text, len);
    h->len += len;
}

static void put_str(head_text *h, const char *text)
{
    put(h, text, strlen(text));
}

#define PUT_LITERAL(h, literal) put((h), (literal), sizeof(literal) - 1)

static void put_number(head_text *h, uint64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    put(h, digits + at, sizeof(digits) - at);
}

static void put_status(head_text *h, int status)
{
    if (status == 200) {
        PUT_LITERAL(h, "HTTP/1.1 200 OK\r\n");
        return;
    }
    PUT_LITERAL(h, "HTTP/1.1 ");
    put_number(h, (uint64_t)status);
    PUT_LITERAL(h, " ");
    put_str(h, gateway_reason(status));
    PUT_LITERAL(h, "\r\n");
}

static void put_connection(head_text *h, const gateway_conn *c)
{
    if (!gateway_conn_keeps_alive(c)) {
        PUT_LITERAL(h, "Connection: close\r\n");
    } else if (c->req.http10) {
        PUT_LITERAL(h, "Connection: keep-alive\r\n");
    }
}

static void put_framing(head_text *h, const gateway_conn *c, const gateway_answer *a)
{
    if (a->length != GATEWAY_LENGTH_UNKNOWN) {
        PUT_LITERAL(h, "Content-Length: ");
        put_number(h, a->length);
        PUT_LITERAL(h, "\r\n");
    } else if (!c->req.http10) {
        PUT_LITERAL(h, "Transfer-Encoding: chunked\r\n");
    }
}

static void put_head(head_text *h, gateway_conn *c, const gateway_answer *a, const char *request_id)
{
    h->len = 0;
    h->full = false;
    put_status(h, a->status);
    put(h, gateway_loop_date(c->loop), GATEWAY_DATE_LEN);
    if (a->type != NULL) {
        PUT_LITERAL(h, "Content-Type: ");
        put_str(h, a->type);
        PUT_LITERAL(h, "\r\n");
    }
    if (a->status != 204) {
        put_framing(h, c, a);
    }
    PUT_LITERAL(h, FIXED_LINES "X-Request-Id: ");
    put_str(h, request_id);
    PUT_LITERAL(h, "\r\n");
    put_str(h, a->headers != NULL ? a->headers : "");
    put_connection(h, c);
    PUT_LITERAL(h, "\r\n");
}

static void queue_head(gateway_conn *c, const gateway_answer *a, const char *request_id)
{
    head_text h;
    put_head(&h, c, a, request_id);
    if (h.full) {
        RF_LOG_ERROR("answer head too long", RF_STR("request", request_id));
        gateway_conn_close(c);
        return;
    }
    gateway_conn_append(c, h.text, h.len);
}

static void note(const gateway_exchange *ex, int status)
{
    gateway_metrics_answer(ex->route, status);
    if (status >= 500 && status != 503) {
        RF_LOG_WARN("request failed", RF_STR("request", ex->request_id), RF_STR("path", ex->path),
                    RF_INT("status", status));
    } else {
        RF_LOG_DEBUG("request", RF_STR("request", ex->request_id), RF_STR("path", ex->path),
                     RF_INT("status", status));
    }
}

void gateway_answer_head(gateway_exchange *ex, const gateway_answer *answer)
{
    gateway_conn *c = ex->conn;
    if (c == NULL) {
        return;
    }
    if (answer->length == GATEWAY_LENGTH_UNKNOWN && c->req.http10) {
        c->req.keep_alive = false; /* nothing else says where the body ends */
    }
    note(ex, answer->status);
    gateway_audit_request(ex->gw->audit, ex, answer->status);
    ex->audited = true;
    queue_head(c, answer, ex->request_id);
}

void gateway_answer_bytes(gateway_exchange *ex, const gateway_answer *answer, const void *body)
{
    gateway_conn *c = ex->conn;
    if (c == NULL) {
        return;
    }
    gateway_conn_enter(c);
    gateway_answer_head(ex, answer);
    if (ex->req.method != GATEWAY_HEAD && answer->length > 0) {
        gateway_conn_append(c, body, answer->length);
    }
    if (c->state != GATEWAY_CONN_CLOSED) {
        gateway_conn_answered(c);
    }
    gateway_conn_leave(c);
}

void gateway_answer_json(gateway_exchange *ex, const char *json, size_t len)
{
    gateway_answer a = {
        .status = 200, .type = JSON_TYPE, .headers = "Cache-Control: no-store\r\n", .length = len};
    gateway_answer_bytes(ex, &a, json);
}

static void answer_error(gateway_exchange *ex, gateway_error error, const char *message,
                         const char *headers)
{
    rf_buf body;
    rf_buf_init(&body, ERROR_MAX_BYTES);
    gateway_error_body(error, message, &body);
    gateway_answer a = {.status = gateway_error_info(error)->status,
                        .type = JSON_TYPE,
                        .headers = headers,
                        .length = body.len};
    gateway_answer_bytes(ex, &a, body.data);
    rf_buf_done(&body);
}

void gateway_answer_error(gateway_exchange *ex, gateway_error error, const char *message,
                          unsigned retry_after_s)
{
    char headers[128];
    int status = gateway_error_info(error)->status;
    if (ex->conn != NULL && (status == 413 || status == 408)) {
        ex->conn->closing = true;
    }
    snprintf(headers, sizeof(headers), "Cache-Control: no-store\r\n");
    if (retry_after_s > 0) {
        snprintf(headers, sizeof(headers), "Cache-Control: no-store\r\nRetry-After: %u\r\n",
                 retry_after_s);
    }
    answer_error(ex, error, message, headers);
}

void gateway_answer_upgrade_required(gateway_exchange *ex)
{
    answer_error(ex, GATEWAY_UPGRADE_REQUIRED, NULL,
                 "Cache-Control: no-store\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Version: 13\r\n");
}

/* ---- methods of a path ---- */

static void list_methods(unsigned methods, char out[64])
{
    static const struct {
        gateway_method method;
        const char *name;
    } names[] = {
        {GATEWAY_GET, "GET"}, {GATEWAY_HEAD, "HEAD"},     {GATEWAY_POST, "POST"},
        {GATEWAY_PUT, "PUT"}, {GATEWAY_DELETE, "DELETE"}, {GATEWAY_OPTIONS, "OPTIONS"},
    };
    int n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < RF_ARRAY_LEN(names); i++) {
        if (methods & names[i].method) {
            n += snprintf(out + n, 64 - (size_t)n, "%s%s", n > 0 ? ", " : "", names[i].name);
        }
    }
}

void gateway_answer_not_allowed(gateway_exchange *ex, unsigned methods)
{
    char list[64];
    char headers[128];
    list_methods(methods | GATEWAY_OPTIONS, list);
    snprintf(headers, sizeof(headers), "Allow: %s\r\n", list);
    answer_error(ex, GATEWAY_METHOD_NOT_ALLOWED, NULL, headers);
}

void gateway_answer_preflight(gateway_exchange *ex, unsigned methods)
{
    char list[64];
    char headers[512];
    list_methods(methods | GATEWAY_OPTIONS, list);
    snprintf(headers, sizeof(headers),
             "Allow: %s\r\n"
             "Access-Control-Allow-Methods: %s\r\n"
             "Access-Control-Allow-Headers: Authorization, Content-Type, Content-Digest, "
             "Idempotency-Key, Last-Event-ID, Range, Traceparent, X-Request-Id\r\n"
             "Access-Control-Max-Age: 86400\r\n",
             list, list);
    gateway_answer a = {.status = 204, .headers = headers};
    gateway_answer_bytes(ex, &a, NULL);
}

void gateway_answer_refusal(gateway_conn *c, gateway_error error)
{
    rf_buf body;
    rf_buf_init(&body, ERROR_MAX_BYTES);
    gateway_error_body(error, NULL, &body);
    gateway_answer a = {
        .status = gateway_error_info(error)->status, .type = JSON_TYPE, .length = body.len};
    gateway_conn_enter(c);
    gateway_metrics_answer(NULL, a.status);
    queue_head(c, &a, "-");
    gateway_conn_append(c, body.data, body.len);
    gateway_conn_answered(c);
    gateway_conn_leave(c);
    rf_buf_done(&body);
}
