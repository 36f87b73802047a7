/*
 * rf_sandbox.h - work on foreign bytes in locked-down children: one child, one task, then it ends.
 *
 * A pool runs one copy of a program, the template. The template loads its libraries, locks itself
 * down as far as it can while it still has to fork, and never sees foreign bytes. Children are
 * forked from it (cheap: nothing is loaded again), lock themselves down completely, say so, and
 * wait for their one task on a SOCK_SEQPACKET channel. `n_ready` of them are made ahead and
 * replaced in the background; when none is ready one is made on demand.
 *
 *     worker --- control ---> template (rf_sandbox_serve, rf_sandbox_child.h)
 *        |                        | fork, as a child of the worker
 *        +------ channel ------> child: no_new_privs, no capabilities, seccomp allow-list, Landlock
 *                                without a path, empty network namespace, rlimits, own process
 *                                group, dies with the worker
 *
 * The template has an empty environment (sanitizer options apart), /dev/null as standard input and
 * output, and the worker's standard error; children write standard error to a pipe, of which the
 * last text is kept. A kernel without Landlock, or a host that forbids network namespaces, is
 * logged once a pool; all other layers are mandatory.
 *
 * Threads: a pool may be used by any thread. A child belongs to one thread at a time. Nobody else
 * in the process may reap children with wait(-1).
 */
#ifndef RF_SANDBOX_H
#define RF_SANDBOX_H

#include "rf_base.h"

#include <sys/types.h>

#define RF_SANDBOX_MESSAGE_MAX 65536 /* bytes of one message on a channel */
#define RF_SANDBOX_FDS_MAX 8         /* descriptors of one task */
#define RF_SANDBOX_STDERR_MAX 2048   /* bytes kept of what a child wrote to its standard error */

typedef struct rf_sandbox_pool rf_sandbox_pool;
typedef struct rf_sandbox_child rf_sandbox_child;

/* What one task may use. 0 means no limit, except for file_bytes and open_files. */
typedef struct rf_sandbox_limits {
    uint64_t address_bytes; /* address space; not applied to sanitizer builds */
    uint64_t file_bytes;    /* largest offset it may write(2) to, memfds included; 0: none. Memory
                               mapped writes to a memfd that has its size already are not counted */
    uint32_t open_files;    /* 0 means 16 */
    uint32_t cpu_s;         /* processor time of the child */
    uint32_t wall_ms;       /* from rf_sandbox_start; then it is killed */
} rf_sandbox_limits;

typedef struct rf_sandbox_pool_config {
    const char *program;     /* absolute path, see rf_install_program */
    const char *const *args; /* NULL-terminated arguments after the program's name, or NULL */
    uint32_t n_ready;      /* idle children kept, 0..64; with 0 the template starts on first use */
    uint32_t max_children; /* children alive at once, idle ones included, 1..1024 */
} rf_sandbox_pool_config;

/* One task as it is handed to a child. Nothing of it is owned by the sandbox. */
typedef struct rf_sandbox_task {
    const void *data; /* 1..RF_SANDBOX_MESSAGE_MAX bytes */
    size_t len;
    const int *fds; /* copied into the child, in this order */
    size_t n_fds;   /* 0..RF_SANDBOX_FDS_MAX */
    rf_sandbox_limits limits;
    int cancel_fd; /* an eventfd or pipe that becomes readable to cancel; -1 for none */
} rf_sandbox_task;

typedef enum rf_sandbox_end_kind {
    RF_SANDBOX_EXITED,    /* by itself; see exit_code */
    RF_SANDBOX_CRASHED,   /* by a signal of its own making; see signal */
    RF_SANDBOX_FORBIDDEN, /* by a system call outside the allow-list */
    RF_SANDBOX_CPU,       /* processor time used up */
    RF_SANDBOX_FILE,      /* wrote beyond file_bytes */
    RF_SANDBOX_WALL,      /* killed at wall_ms */
    RF_SANDBOX_CANCELLED, /* killed because cancel_fd became readable */
    RF_SANDBOX_KILLED,    /* killed by rf_sandbox_finish, or from outside (out of memory) */
} rf_sandbox_end_kind;

typedef struct rf_sandbox_end {
    rf_sandbox_end_kind kind;
    int exit_code; /* of RF_SANDBOX_EXITED */
    int signal;    /* of every other kind */
    int64_t cpu_ns;
    int64_t wall_ns;
    int64_t max_rss_bytes;
    char output[RF_SANDBOX_STDERR_MAX]; /* last text of its standard error; for the log only */
} rf_sandbox_end;

/* rf_sandbox_pool_new starts the pool; the configuration is copied. Children are made from a
 * thread of the pool. Returns 0, or -EINVAL when a number is out of range. A program that does not
 * start is reported by rf_sandbox_start. */
int rf_sandbox_pool_new(const rf_sandbox_pool_config *config,
                        rf_sandbox_pool **ret_pool) RF_MUST_USE;

/* rf_sandbox_pool_free ends the idle children and the template. Every child that was started must
 * have been finished. NULL is fine; returns NULL. */
rf_sandbox_pool *rf_sandbox_pool_free(rf_sandbox_pool *pool);

/* rf_sandbox_start takes a child, applies the limits and hands it the task; waits for room under
 * max_children until at_ns. Returns 0 and a child that the caller finishes, -ETIMEDOUT, -ECANCELED
 * (cancel_fd was readable already), -EINVAL, or -EIO when the program does not start or dies. */
int rf_sandbox_start(rf_sandbox_pool *pool, const rf_sandbox_task *task, int64_t at_ns,
                     rf_sandbox_child **ret_child) RF_MUST_USE;

/* rf_sandbox_recv waits for the child's next message until at_ns (RF_NEVER_NS: as long as the task
 * may run). The bytes are hostile. Returns the length, -EPIPE when the child is done or dead,
 * -ETIMEDOUT at at_ns or, with the child killed, at its wall limit, -ECANCELED with the child
 * killed, -EMSGSIZE when the message did not fit (it is dropped). */
ssize_t rf_sandbox_recv(rf_sandbox_child *child, void *data, size_t size,
                        int64_t at_ns) RF_MUST_USE;

/* rf_sandbox_send gives a running child one more message. Returns 0, -EPIPE, -EAGAIN when its
 * channel is full, -EMSGSIZE. */
int rf_sandbox_send(rf_sandbox_child *child, const void *data, size_t len) RF_MUST_USE;

/* rf_sandbox_finish waits grace_ms at most for the child to end by itself, kills it otherwise (or
 * at its wall limit or cancel), reaps it and frees child. ret_end may be NULL. NULL child is fine;
 * returns NULL. */
rf_sandbox_child *rf_sandbox_finish(rf_sandbox_child *child, uint32_t grace_ms,
                                    rf_sandbox_end *ret_end);

/* rf_sandbox_end_name gives "exited", "crashed", "forbidden", "cpu", "file", "wall", "cancelled",
 * "killed": the metric label `reason`. */
const char *rf_sandbox_end_name(rf_sandbox_end_kind kind);

#endif
