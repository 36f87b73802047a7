/*
 * gateway_answer.h - answers of exchanges: heads, JSON, errors. Loop thread; nothing happens once
 * the client has gone.
 */
#ifndef GATEWAY_ANSWER_H
#define GATEWAY_ANSWER_H

#include "gateway_error.h"
#include "gateway_exchange.h"

#define GATEWAY_LENGTH_UNKNOWN UINT64_MAX

typedef struct gateway_answer {
    int status;
    const char *type;    /* Content-Type; NULL for none */
    const char *headers; /* further header lines, each with CRLF; NULL for none */
    uint64_t length;     /* Content-Length, or GATEWAY_LENGTH_UNKNOWN: of gateway_stream.h alone */
} gateway_answer;

/* gateway_answer_head queues the head; the body follows through gateway_conn_write or
 * gateway_stream.h. An unknown length ends the connection of an HTTP/1.0 client after it. */
void gateway_answer_head(gateway_exchange *ex, const gateway_answer *answer);

/* gateway_answer_bytes is a whole answer; answer->length is the length of body. A HEAD request gets
 * the head alone. */
void gateway_answer_bytes(gateway_exchange *ex, const gateway_answer *answer, const void *body);

/* gateway_answer_json answers 200 with JSON text. */
void gateway_answer_json(gateway_exchange *ex, const char *json, size_t len);

/* gateway_answer_error answers an error; message NULL takes the usual one; retry_after_s > 0 sends
 * Retry-After. 413 and 408 close the connection. */
void gateway_answer_error(gateway_exchange *ex, gateway_error error, const char *message,
                          unsigned retry_after_s);

/* gateway_answer_not_allowed answers 405 with the methods that the path has. */
void gateway_answer_not_allowed(gateway_exchange *ex, unsigned methods);

/* gateway_answer_upgrade_required answers 426 to a request for a WebSocket that is not an upgrade
 * to version 13. */
void gateway_answer_upgrade_required(gateway_exchange *ex);

/* gateway_answer_preflight answers OPTIONS (fetch standard, CORS) for a path with these methods. */
void gateway_answer_preflight(gateway_exchange *ex, unsigned methods);

/* gateway_answer_refusal queues an error for a head that could not be read, so that there is no
 * exchange. */
void gateway_answer_refusal(gateway_conn *c, gateway_error error);

#endif
