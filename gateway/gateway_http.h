/*
 * gateway_http.h - HTTP/1.1 request framing (RFC 9112) on llhttp, strict. No sockets, no memory of
 * its own: bytes in, one gateway_request out, body content handed to a sink. One thread at a time.
 *
 * llhttp parses; in front of it stands a guard that holds every line of the head, of chunk framing
 * and of trailers to "ends with CRLF, no other CR or LF, no folding", since a proxy that reads such
 * bytes in another way would see other requests than we do (request smuggling).
 *
 * A message: gateway_http_head until it returns the head's length, then gateway_http_body until
 * gateway_http_done, then gateway_http_reset for the next one. After an error the bytes that follow
 * cannot be trusted: answer with gateway_http_error_status and close.
 */
#ifndef GATEWAY_HTTP_H
#define GATEWAY_HTTP_H

#include "llhttp.h"
#include "rf_base.h"

#include <sys/types.h>

#define GATEWAY_HEAD_MAX_BYTES 16384 /* request line and all headers */
#define GATEWAY_LINE_MAX_BYTES 8192  /* request target */
#define GATEWAY_HEADERS_MAX 100      /* lines, trailers included */
#define GATEWAY_FRAMING_MAX_BYTES                                                                  \
    512 /* of chunk line and extensions between two pieces of body                                 \
         */
#define GATEWAY_TRAILER_MAX_BYTES 4096

typedef enum gateway_method {
    GATEWAY_GET = 1 << 0,
    GATEWAY_HEAD = 1 << 1,
    GATEWAY_POST = 1 << 2,
    GATEWAY_PUT = 1 << 3,
    GATEWAY_DELETE = 1 << 4,
    GATEWAY_OPTIONS = 1 << 5,
    GATEWAY_OTHER = 1 << 6, /* a known method that no route serves */
} gateway_method;

/* gateway_method_name is its word; "other" for those that no route serves. */
const char *gateway_method_name(gateway_method method);

/* The headers that somebody reads; all others are checked and dropped. */
typedef enum gateway_header {
    GATEWAY_H_ACCESS_CONTROL_REQUEST_METHOD,
    GATEWAY_H_AUTHORIZATION,
    GATEWAY_H_CONTENT_DIGEST,
    GATEWAY_H_CONTENT_ENCODING,
    GATEWAY_H_CONTENT_TYPE,
    GATEWAY_H_EXPECT,
    GATEWAY_H_HOST,
    GATEWAY_H_IDEMPOTENCY_KEY,
    GATEWAY_H_IF_RANGE,
    GATEWAY_H_LAST_EVENT_ID,
    GATEWAY_H_ORIGIN,
    GATEWAY_H_RANGE,
    GATEWAY_H_SEC_WEBSOCKET_EXTENSIONS, /* several: empty, so that none is taken up */
    GATEWAY_H_SEC_WEBSOCKET_KEY,
    GATEWAY_H_SEC_WEBSOCKET_VERSION,
    GATEWAY_H_TRACEPARENT,
    GATEWAY_H_TRANSFER_ENCODING,
    GATEWAY_H_UPGRADE,
    GATEWAY_H_X_REQUEST_ID,
    GATEWAY_N_HEADERS,
} gateway_header;

/* A part of the head, by offset, so that the head may be copied elsewhere. */
typedef struct gateway_span {
    uint16_t at;
    uint16_t len;
    bool present;
} gateway_span;

typedef struct gateway_request {
    const char *head; /* not owned; gateway_request_move gives it another place */
    size_t head_len;
    gateway_method method;
    gateway_span path;  /* of the target, without query; as sent */
    gateway_span query; /* after '?', which a bare one leaves empty */
    gateway_span headers[GATEWAY_N_HEADERS];
    int64_t content_length; /* bytes; 0 without a body, -1 when chunked */
    bool keep_alive;
    bool expect_continue;
    bool http10;
    bool connection_upgrade; /* the Connection header has the token */
} gateway_request;

typedef struct gateway_http {
    llhttp_t parser;
    gateway_request *req;
    size_t skip;    /* bytes of an empty line before the request line */
    size_t line_at; /* where the first line that is not complete yet begins, after skip */
    unsigned n_headers;
    int current; /* gateway_header of the value that follows, -1 for one nobody reads */
    bool repeated;
    bool done;
    int err;
    /* framing guard of the body */
    const char *guarded;
    size_t framing_bytes;
    bool cr;
    bool line_start;
    bool trailers;
    /* sink of the call in progress */
    int (*sink)(void *user, const char *data, size_t len);
    void *user;
} gateway_http;

/* gateway_http_reset prepares h for the next message, to be written to req. */
void gateway_http_reset(gateway_http *h, gateway_request *req);

/* gateway_http_head reads the head from data, which begins where the message begins and holds all
 * of its bytes up to now; req keeps pointing into data. Returns the head's length, 0 when more
 * bytes are needed, or: -EBADMSG       malformed or ambiguous          (400) -ENAMETOOLONG  target
 * too long                 (414) -EMSGSIZE      head too big, too many headers  (431) -EOPNOTSUPP
 * transfer coding not understood  (501) -EPROTONOSUPPORT  HTTP version                 (505) -EBADE
 * expectation other than 100-continue (417) */
ssize_t gateway_http_head(gateway_http *h, const char *data, size_t len);

/* gateway_http_body decodes message bytes after the head and hands content to sink, never more than
 * len bytes of it in all. Returns how many bytes were taken (fewer than len only when the message
 * ended), -EBADMSG for bad framing, or what sink returned when that was negative. */
ssize_t gateway_http_body(gateway_http *h, const char *data, size_t len,
                          int (*sink)(void *user, const char *data, size_t len), void *user);

/* gateway_http_done says whether the whole message, body included, has been read. */
bool gateway_http_done(const gateway_http *h);

/* gateway_http_error_status gives the status that answers an error of head or body. */
int gateway_http_error_status(ssize_t err);

/* gateway_request_move points req at a copy of its head. */
void gateway_request_move(gateway_request *req, const char *head);

/* gateway_request_str returns where a span begins; its length is span.len, there is no terminator.
 */
const char *gateway_request_str(const gateway_request *req, gateway_span span);

/* gateway_request_header copies a header's value, terminated, to out. Returns its length, -ENOENT
 * when absent, -ENOSPC when it does not fit. */
int gateway_request_header(const gateway_request *req, gateway_header id, char *out,
                           size_t out_size);

#endif
