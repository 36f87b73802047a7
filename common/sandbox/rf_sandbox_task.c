/* One child from its task to its end. */
#include "rf_sandbox_pool.h"
#include "rf_sandbox_wire.h"
#include "rf_time.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOCK_TIMEOUT_NS (10 * RF_NS_PER_S) /* from fork to the ready byte */
#define MAX_DEAD_CHILDREN 3                /* idle ones found dead, before a start gives up */
#define DEFAULT_OPEN_FILES 16

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SHADOW_MEMORY 1 /* terabytes of address space */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SHADOW_MEMORY 1
#endif
#endif

static void kill_child(const rf_sandbox_child *child)
{
    (void)syscall(SYS_pidfd_send_signal, child->pidfd, SIGKILL, NULL, 0);
}

/* Keeps the last bytes of standard error. */
static void drain_output(rf_sandbox_child *child)
{
    char chunk[RF_SANDBOX_STDERR_MAX - 1];
    const size_t room = sizeof(child->output) - 1;
    ssize_t n;
    while ((n = read(child->err_fd, chunk, sizeof(chunk))) > 0) {
        size_t keep = RF_MIN(child->n_output, room - (size_t)n);
        memmove(child->output, child->output + child->n_output - keep, keep);
        memcpy(child->output + keep, chunk, (size_t)n);
        child->n_output = keep + (size_t)n;
    }
    if (n == 0) {
        rf_close(&child->err_fd);
    }
}

static int poll_timeout(int64_t at_ns)
{
    if (at_ns == RF_NEVER_NS) {
        return -1;
    }
    int64_t ms = (at_ns - rf_time_ns() + RF_NS_PER_MS - 1) / RF_NS_PER_MS;
    return (int)RF_MAX(0, RF_MIN(ms, INT32_MAX));
}

/* Waits until fd is readable. Returns 0, -ETIMEDOUT at at_ns, or, with the child killed, -ECANCELED
 * and -ETIMEDOUT. A child is killed once only. */
static int watch_child(rf_sandbox_child *child, int fd, int64_t at_ns)
{
    const bool doomed = child->cancelled || child->timed_out;
    const int64_t until_ns = doomed ? at_ns : RF_MIN(at_ns, child->deadline_ns);
    for (;;) {
        struct pollfd watch[] = {{.fd = fd, .events = POLLIN},
                                 {.fd = child->err_fd, .events = POLLIN},
                                 {.fd = doomed ? -1 : child->cancel_fd, .events = POLLIN}};
        int n = poll(watch, RF_ARRAY_LEN(watch), poll_timeout(until_ns));
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        if (n > 0 && watch[1].revents != 0) {
            drain_output(child);
        }
        if (n > 0 && watch[2].revents != 0) {
            child->cancelled = true;
            kill_child(child);
            return -ECANCELED;
        }
        if (n > 0 && watch[0].revents != 0) {
            return 0;
        }
        if (rf_time_ns() >= until_ns) {
            if (!doomed && until_ns == child->deadline_ns) {
                child->timed_out = true;
                kill_child(child);
            }
            return -ETIMEDOUT;
        }
    }
}

static int limit(const rf_sandbox_child *child, int what, uint64_t soft, uint64_t hard)
{
    struct rlimit bound = {.rlim_cur = soft, .rlim_max = hard};
    return syscall(SYS_prlimit64, child->pid, what, &bound, NULL) == 0 ? 0 : -errno;
}

static int apply_limits(const rf_sandbox_child *child, const rf_sandbox_limits *limits)
{
    uint64_t files = limits->open_files > 0 ? limits->open_files : DEFAULT_OPEN_FILES;
    int err = limit(child, RLIMIT_CORE, 0, 0);
    if (err == 0) {
        err = limit(child, RLIMIT_NOFILE, files, files);
    }
    if (err == 0) {
        err = limit(child, RLIMIT_FSIZE, limits->file_bytes, limits->file_bytes);
    }
    if (err == 0 && limits->cpu_s > 0) {
        err = limit(child, RLIMIT_CPU, limits->cpu_s, (uint64_t)limits->cpu_s + 1);
    }
#ifndef SHADOW_MEMORY
    if (err == 0 && limits->address_bytes > 0) {
        err = limit(child, RLIMIT_AS, limits->address_bytes, limits->address_bytes);
    }
#endif
    return err;
}

static int await_lock(rf_sandbox_child *child)
{
    char ready = 0;
    int err = watch_child(child, child->channel, rf_time_ns() + LOCK_TIMEOUT_NS);
    if (err == 0 && recv(child->channel, &ready, 1, MSG_DONTWAIT) != 1) {
        err = -EPIPE;
    }
    return err == -ETIMEDOUT ? -EPIPE : err;
}

int rf_sandbox_child_begin(rf_sandbox_child *child, const rf_sandbox_task *task)
{
    child->cancel_fd = task->cancel_fd;
    int err = await_lock(child);
    if (err == 0) {
        err = apply_limits(child, &task->limits);
    }
    if (err == 0) {
        child->started_ns = rf_time_ns();
        if (task->limits.wall_ms > 0) {
            child->deadline_ns = child->started_ns + task->limits.wall_ms * RF_NS_PER_MS;
        }
        err = rf_sandbox_send_fds(child->channel, task->data, task->len, task->fds, task->n_fds);
    }
    return err;
}

int rf_sandbox_start(rf_sandbox_pool *pool, const rf_sandbox_task *task, int64_t at_ns,
                     rf_sandbox_child **ret_child)
{
    if (task->len == 0 || task->len > RF_SANDBOX_MESSAGE_MAX || task->n_fds > RF_SANDBOX_FDS_MAX) {
        return -EINVAL;
    }
    int err = -EIO;
    for (int i = 0; i < MAX_DEAD_CHILDREN; i++) {
        rf_sandbox_child *child = NULL;
        err = rf_sandbox_pool_take(pool, at_ns, &child);
        if (err != 0) {
            return err;
        }
        err = rf_sandbox_child_begin(child, task);
        if (err == 0) {
            *ret_child = child;
            return 0;
        }
        (void)rf_sandbox_finish(child, 0, NULL);
        if (err != -EPIPE && err != -ESRCH) {
            break;
        }
    }
    return err == -ECANCELED || err == -ETIMEDOUT ? err : -EIO;
}

ssize_t rf_sandbox_recv(rf_sandbox_child *child, void *data, size_t size, int64_t at_ns)
{
    int err = watch_child(child, child->channel, at_ns);
    if (err != 0) {
        return err;
    }
    struct iovec iov = {.iov_base = data, .iov_len = size};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t n = recvmsg(child->channel, &msg, MSG_DONTWAIT);
    if (n <= 0) {
        return -EPIPE;
    }
    return (msg.msg_flags & MSG_TRUNC) != 0 ? -EMSGSIZE : n;
}

int rf_sandbox_send(rf_sandbox_child *child, const void *data, size_t len)
{
    if (len == 0 || len > RF_SANDBOX_MESSAGE_MAX) {
        return -EMSGSIZE;
    }
    ssize_t n = send(child->channel, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) {
        return errno == EAGAIN ? -EAGAIN : -EPIPE;
    }
    return 0;
}

static rf_sandbox_end_kind classify_signal(const rf_sandbox_child *child, int sig)
{
    if (sig == SIGSYS) {
        return RF_SANDBOX_FORBIDDEN;
    }
    if (sig == SIGXCPU) {
        return RF_SANDBOX_CPU;
    }
    if (sig == SIGXFSZ) {
        return RF_SANDBOX_FILE;
    }
    if (sig != SIGKILL) {
        return RF_SANDBOX_CRASHED;
    }
    if (child->cancelled) {
        return RF_SANDBOX_CANCELLED;
    }
    return child->timed_out ? RF_SANDBOX_WALL : RF_SANDBOX_KILLED;
}

static void describe_end(const rf_sandbox_child *child, int status, const struct rusage *used,
                         rf_sandbox_end *end)
{
    const bool exited = WIFEXITED(status);
    *end = (rf_sandbox_end){
        .kind = exited ? RF_SANDBOX_EXITED : classify_signal(child, WTERMSIG(status)),
        .exit_code = exited ? WEXITSTATUS(status) : 0,
        .signal = exited ? 0 : WTERMSIG(status),
        .cpu_ns = (used->ru_utime.tv_sec + used->ru_stime.tv_sec) * RF_NS_PER_S +
                  (used->ru_utime.tv_usec + used->ru_stime.tv_usec) * 1000,
        .wall_ns = rf_time_ns() - child->started_ns,
        .max_rss_bytes = used->ru_maxrss * 1024};
    memcpy(end->output, child->output, child->n_output);
}

void rf_sandbox_child_reap(rf_sandbox_child *child, rf_sandbox_end *ret_end)
{
    int status = 0;
    struct rusage used = {0};
    kill_child(child);
    while (wait4(child->pid, &status, 0, &used) < 0 && errno == EINTR) {
    }
    if (child->err_fd >= 0) {
        drain_output(child);
    }
    if (ret_end != NULL) {
        describe_end(child, status, &used, ret_end);
    }
    rf_close(&child->channel);
    rf_close(&child->err_fd);
    rf_close(&child->pidfd);
    free(child);
}

rf_sandbox_child *rf_sandbox_finish(rf_sandbox_child *child, uint32_t grace_ms,
                                    rf_sandbox_end *ret_end)
{
    if (child == NULL) {
        return NULL;
    }
    if (grace_ms > 0) {
        (void)watch_child(child, child->pidfd, rf_time_ns() + grace_ms * RF_NS_PER_MS);
    }
    rf_sandbox_pool *pool = child->pool;
    rf_sandbox_child_reap(child, ret_end);
    rf_sandbox_pool_gone(pool);
    return NULL;
}

const char *rf_sandbox_end_name(rf_sandbox_end_kind kind)
{
    static const char *const names[] = {"exited", "crashed", "forbidden", "cpu",
                                        "file",   "wall",    "cancelled", "killed"};
    return (size_t)kind < RF_ARRAY_LEN(names) ? names[kind] : "unknown";
}
