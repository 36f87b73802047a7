/*
 * reflection_http.h - one request of HTTP/1.1 and its answer, on a connection of its own. No state.
 */
#ifndef REFLECTION_HTTP_H
#define REFLECTION_HTTP_H

#include "reflection_head.h"

#define REFLECTION_BODY_MAX ((size_t)16 << 20) /* bytes of an answer that is kept */

/* Takes a piece of a body; anything but 0 ends the request with -ECANCELED. */
typedef int (*reflection_sink)(void *user, const void *data, size_t len);

typedef struct reflection_request {
    const reflection_url *url; /* host and port; its path is not looked at */
    const char *ca_file;
    const char *key; /* NULL or "": none */
    const char *method;
    const char *path;     /* with the query */
    const char *body;     /* JSON, NULL: none */
    reflection_sink sink; /* takes the body of a 200; NULL: it is kept too */
    void *user;
    int64_t timeout_ms; /* to the head, and of each wait for more of the body */
} reflection_request;

typedef struct reflection_answer {
    int status;
    char *head; /* for reflection_head_value */
    char *body; /* terminated; "" when a sink took it */
} reflection_answer;

/* reflection_http_call gives 0 with *ret, to be freed with reflection_answer_done, whatever the
 * status is; or the errors of reflection_net_open, -ETIMEDOUT, -ECONNRESET (also for a body that
 * was cut), -EPROTO, -EMSGSIZE, -ECANCELED. */
REFLECTION_LOCAL int reflection_http_call(const reflection_request *q, reflection_answer *ret,
                                          reflection_jam_fault *fault);
REFLECTION_LOCAL void reflection_answer_done(reflection_answer *a);

#endif
