/*
 * handshakes.h - a table of WebSocket handshakes (RFC 6455 section 4.2.1) and the status that each
 * gets from /ws/jam with a good key. The unit test looks at their form, the integration test sends
 * them to a running gateway.
 */
#ifndef GATEWAY_TEST_HANDSHAKES_H
#define GATEWAY_TEST_HANDSHAKES_H

#include <stddef.h>

typedef struct handshake_case {
    const char *name;
    const char *head; /* ends where further headers and the empty line follow */
    int status;       /* 101, 400, 426 */
} handshake_case;

extern const handshake_case handshake_cases[];
extern const size_t n_handshake_cases;

#endif
