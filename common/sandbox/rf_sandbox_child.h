/*
 * rf_sandbox_child.h - the inside of a sandbox: what the main of a template program calls.
 *
 *     int main(void)
 *     {
 *         return rf_sandbox_serve(&(rf_sandbox_profile){.threads = true}, run, NULL);
 *     }
 *
 * The program must still be single-threaded when it calls rf_sandbox_serve, and should have loaded
 * and warmed up by then whatever opens files.
 */
#ifndef RF_SANDBOX_CHILD_H
#define RF_SANDBOX_CHILD_H

#include "rf_base.h"

#include <sys/types.h>

/* What a child may do beyond computing, its channel and the descriptors of its task. */
typedef struct rf_sandbox_profile {
    bool threads; /* may make threads (never processes) */
} rf_sandbox_profile;

/* The task as the child sees it. Bytes and descriptors belong to the sandbox and live as long as
 * the child. */
typedef struct rf_sandbox_work {
    const void *data;
    size_t len;
    const int *fds;
    size_t n_fds;
} rf_sandbox_work;

/* A handler runs one task in a locked-down child and returns its exit code, 0..125. The child then
 * ends by _exit: no destructors, no atexit. */
typedef int (*rf_sandbox_work_fn)(const rf_sandbox_work *work, void *user);

/* rf_sandbox_serve is the whole life of a template and of its children, which end by _exit. It
 * returns only when it cannot begin: 1, with the reason logged, when the program was not started
 * by a pool or could not lock itself down. */
int rf_sandbox_serve(const rf_sandbox_profile *profile, rf_sandbox_work_fn run, void *user);

/* rf_sandbox_reply sends one message of 1..RF_SANDBOX_MESSAGE_MAX bytes to the parent; waits while
 * the channel is full. Any thread of the child. Returns 0 or negative errno. */
int rf_sandbox_reply(const void *data, size_t len);

/* rf_sandbox_next waits for a further message of the parent until at_ns (0 does not wait). Returns
 * the length, -EAGAIN, -ETIMEDOUT, -EPIPE. One thread at a time. */
ssize_t rf_sandbox_next(void *data, size_t size, int64_t at_ns);

#endif
