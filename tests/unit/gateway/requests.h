/*
 * requests.h - a table of requests that are malformed, ambiguous or unusual, and what RFC 9110 and
 * 9112 make of them. The unit test puts them through gateway_http, the integration test through a
 * running gateway. All name /healthz, which takes and drops a body.
 */
#ifndef GATEWAY_TEST_REQUESTS_H
#define GATEWAY_TEST_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct request_case {
    const char *name;
    const char *bytes;
    size_t len;
    int status; /* of the first answer */
    bool keeps; /* the connection may go on; else it is closed after the answer */
} request_case;

extern const request_case request_cases[];
extern const size_t n_request_cases;

#endif
