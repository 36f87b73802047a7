/*
 * rf_sandbox_pool.h - what the files of the parent's side share. Private to common/sandbox.
 */
#ifndef RF_SANDBOX_POOL_H
#define RF_SANDBOX_POOL_H

#include "rf_sandbox.h"

/* The running template of a pool. Only the pool's own thread touches it. */
typedef struct rf_sandbox_template {
    pid_t pid; /* 0: none */
    int control;
} rf_sandbox_template;

/* rf_sandbox_template_start runs the program and waits until it is locked down. Returns 0, -EIO
 * when it ends instead, other negative errno. */
int rf_sandbox_template_start(rf_sandbox_template *t, const char *program, char *const *argv);

/* rf_sandbox_template_stop ends and reaps it; fine when there is none. */
void rf_sandbox_template_stop(rf_sandbox_template *t);

/* rf_sandbox_template_fork makes one child. Returns 0 or negative errno; after a failure the
 * template should be stopped. */
int rf_sandbox_template_fork(const rf_sandbox_template *t, rf_sandbox_child **ret_child);

struct rf_sandbox_child {
    rf_sandbox_pool *pool;
    pid_t pid;
    int pidfd;
    int channel;
    int err_fd;
    int cancel_fd;
    int64_t started_ns;
    int64_t deadline_ns;
    bool timed_out;
    bool cancelled;
    char output[RF_SANDBOX_STDERR_MAX]; /* last n_output bytes of its standard error */
    size_t n_output;
};

/* rf_sandbox_child_reap kills the child when it still runs, waits for its end and frees it. ret_end
 * may be NULL. Does not touch the pool. */
void rf_sandbox_child_reap(rf_sandbox_child *child, rf_sandbox_end *ret_end);

/* rf_sandbox_child_begin waits until a child has locked itself down and gives it the task. */
int rf_sandbox_child_begin(rf_sandbox_child *child, const rf_sandbox_task *task);

/* rf_sandbox_pool_take and rf_sandbox_pool_gone bracket the life of a started child. */
int rf_sandbox_pool_take(rf_sandbox_pool *pool, int64_t at_ns, rf_sandbox_child **ret_child);
void rf_sandbox_pool_gone(rf_sandbox_pool *pool);

#endif
