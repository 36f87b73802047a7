/*
 * reflection_head.h - requests of HTTP/1.1 out and heads of answers in, on a connection. No state.
 */
#ifndef REFLECTION_HEAD_H
#define REFLECTION_HEAD_H

#include "reflection_net.h"

/* Bytes of an answer: its head, or head and body of a refusal. */
#define REFLECTION_HEAD_MAX 16384

/* What was read of an answer, in the end what followed its head. */
typedef struct reflection_early {
    uint8_t data[REFLECTION_HEAD_MAX];
    size_t len;
} reflection_early;

/* reflection_head_is_text: no control character, and ASCII: may stand in a header. */
REFLECTION_LOCAL bool reflection_head_is_text(const char *text);

/* reflection_head_send sends all of data, or gives the error of the fault. */
REFLECTION_LOCAL int reflection_head_send(reflection_net *net, const char *data, size_t len,
                                          int64_t deadline_ns, reflection_jam_fault *fault);

/* reflection_head_more adds what comes to in. 1, 0 at the end of the stream, or an error; -EMSGSIZE
 * when in is full. reflection_head_read does so until there is a head: its bytes, the empty line
 * included. */
REFLECTION_LOCAL int reflection_head_more(reflection_net *net, reflection_early *in,
                                          int64_t deadline_ns);
REFLECTION_LOCAL ssize_t reflection_head_read(reflection_net *net, reflection_early *in,
                                              int64_t deadline_ns);

/* reflection_head_value copies the value of a header; "" when it is absent. head ends with an empty
 * line. */
REFLECTION_LOCAL void reflection_head_value(const char *head, const char *name, char *ret,
                                            size_t size);

/* reflection_head_status is that of HTTP/1.x, else -1; reflection_head_retry_ms what Retry-After
 * says, 0 without. */
REFLECTION_LOCAL int reflection_head_status(const char *head);
REFLECTION_LOCAL int64_t reflection_head_retry_ms(const char *head);

#endif
