/*
 * rf_sandbox_wire.h - what a pool, its template and its children say to each other. Private to
 * common/sandbox.
 *
 * control (pool <-> template, SOCK_SEQPACKET):
 *     template -> pool   rf_sandbox_hello   once, when it is locked down
 *     pool -> template   one byte + 2 descriptors (channel end, standard error): make a child
 *     template -> pool   int32_t            its pid, or a negative errno
 * channel (parent <-> child, SOCK_SEQPACKET):
 *     child -> parent    one byte           locked down, waiting
 *     parent -> child    the task + its descriptors
 *     both ways          messages of the task
 */
#ifndef RF_SANDBOX_WIRE_H
#define RF_SANDBOX_WIRE_H

#include "rf_base.h"

#include <sys/types.h>

#define RF_SANDBOX_FD 3 /* control in the template, channel in a child */

enum { RF_SANDBOX_HAS_LANDLOCK = 1, RF_SANDBOX_HAS_NETNS = 2 };

typedef struct rf_sandbox_hello {
    uint32_t features; /* RF_SANDBOX_HAS_* */
} rf_sandbox_hello;

/* rf_sandbox_send_fds sends one message with n_fds descriptors. Returns 0 or negative errno. */
int rf_sandbox_send_fds(int sock, const void *data, size_t len, const int *fds, size_t n_fds);

/* rf_sandbox_recv_fds receives one message and up to max_fds descriptors (close-on-exec). Returns
 * the length, 0 at the end, -EMSGSIZE for a message that does not fit, other negative errno. */
ssize_t rf_sandbox_recv_fds(int sock, void *data, size_t size, int *fds, size_t max_fds,
                            size_t *ret_n_fds);

#endif
