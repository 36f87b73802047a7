/* The template's loop, and what a child does between its fork and its _exit. */
#include "rf_log.h"
#include "rf_sandbox.h"
#include "rf_sandbox_child.h"
#include "rf_sandbox_lock.h"
#include "rf_sandbox_wire.h"
#include "rf_time.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { EXIT_UNLOCKED = 126 }; /* a child that could not lock itself down never sees a task */

static bool started_by_pool(void)
{
    int type = 0;
    socklen_t len = sizeof(type);
    return getsockopt(RF_SANDBOX_FD, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
           type == SOCK_SEQPACKET;
}

/* The layers that still allow fork; children inherit them. */
static int lock_template(rf_sandbox_hello *hello)
{
    if (rf_sandbox_lock_network() == 0) {
        hello->features |= RF_SANDBOX_HAS_NETNS;
    }
    int err = rf_sandbox_lock_privileges();
    if (err != 0) {
        return err;
    }
    err = rf_sandbox_lock_files();
    if (err == 0) {
        hello->features |= RF_SANDBOX_HAS_LANDLOCK;
    }
    return err == -ENOSYS || err == -EOPNOTSUPP ? 0 : err;
}

/* Channel to its place, standard error to the pipe, nothing else open. */
static int arrange_fds(int channel, int err_fd)
{
    if (dup2(err_fd, STDERR_FILENO) < 0 || dup2(channel, RF_SANDBOX_FD) < 0 ||
        close_range(RF_SANDBOX_FD + 1, ~0U, 0) != 0) {
        return -errno;
    }
    return 0;
}

static int lock_child(const rf_sandbox_profile *profile)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || setpgid(0, 0) != 0) {
        return -errno;
    }
    return rf_sandbox_lock_calls(profile);
}

RF_NORETURN static void live_as_child(const rf_sandbox_profile *profile, rf_sandbox_work_fn run,
                                      void *user)
{
    static uint8_t data[RF_SANDBOX_MESSAGE_MAX];
    int fds[RF_SANDBOX_FDS_MAX];
    rf_sandbox_work work = {.data = data, .fds = fds};
    int err = lock_child(profile);
    if (err != 0) {
        RF_LOG_ERROR("sandbox not locked", RF_STR("error", strerrorname_np(-err)));
        _exit(EXIT_UNLOCKED);
    }
    if (rf_sandbox_reply("", 1) != 0) {
        _exit(0);
    }
    ssize_t n =
        rf_sandbox_recv_fds(RF_SANDBOX_FD, data, sizeof(data), fds, RF_ARRAY_LEN(fds), &work.n_fds);
    if (n <= 0) {
        _exit(0);
    }
    work.len = (size_t)n;
    _exit(run(&work, user));
}

/* fork as a sibling: the pool's process, not the template, waits for the child. */
static pid_t fork_sibling(void)
{
    return (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);
}

static int make_child(int channel, int err_fd, const rf_sandbox_profile *profile,
                      rf_sandbox_work_fn run, void *user)
{
    pid_t pid = fork_sibling();
    if (pid == 0) {
        if (arrange_fds(channel, err_fd) != 0) {
            _exit(EXIT_UNLOCKED);
        }
        live_as_child(profile, run, user);
    }
    return pid > 0 ? pid : -errno;
}

/* Answers one request of the pool. Returns false when the pool is gone. */
static bool serve_one(const rf_sandbox_profile *profile, rf_sandbox_work_fn run, void *user)
{
    char request;
    int fds[2];
    size_t n_fds = 0;
    if (rf_sandbox_recv_fds(RF_SANDBOX_FD, &request, 1, fds, 2, &n_fds) != 1 || n_fds != 2) {
        return false;
    }
    int32_t answer = make_child(fds[0], fds[1], profile, run, user);
    rf_close(&fds[0]);
    rf_close(&fds[1]);
    return rf_sandbox_send_fds(RF_SANDBOX_FD, &answer, sizeof(answer), NULL, 0) == 0;
}

int rf_sandbox_serve(const rf_sandbox_profile *profile, rf_sandbox_work_fn run, void *user)
{
    rf_sandbox_hello hello = {0};
    if (!started_by_pool()) {
        RF_LOG_ERROR("this program is started by a sandbox pool only");
        return 1;
    }
    int err = lock_template(&hello);
    if (err == 0) {
        err = rf_sandbox_send_fds(RF_SANDBOX_FD, &hello, sizeof(hello), NULL, 0);
    }
    if (err != 0) {
        RF_LOG_ERROR("sandbox template not locked", RF_STR("error", strerrorname_np(-err)));
        return 1;
    }
    while (serve_one(profile, run, user)) {
    }
    _exit(0);
}

int rf_sandbox_reply(const void *data, size_t len)
{
    if (len == 0 || len > RF_SANDBOX_MESSAGE_MAX) {
        return -EINVAL;
    }
    return rf_sandbox_send_fds(RF_SANDBOX_FD, data, len, NULL, 0);
}

ssize_t rf_sandbox_next(void *data, size_t size, int64_t at_ns)
{
    struct pollfd watch = {.fd = RF_SANDBOX_FD, .events = POLLIN};
    struct timespec left = {0};
    if (at_ns != 0 && at_ns != RF_NEVER_NS) {
        int64_t ns = RF_MAX(at_ns - rf_time_ns(), 0);
        left = (struct timespec){.tv_sec = ns / RF_NS_PER_S, .tv_nsec = ns % RF_NS_PER_S};
    }
    int ready = ppoll(&watch, 1, at_ns == RF_NEVER_NS ? NULL : &left, NULL);
    if (ready <= 0) {
        return ready < 0 ? -errno : (at_ns == 0 ? -EAGAIN : -ETIMEDOUT);
    }
    size_t n_fds = 0;
    ssize_t n = rf_sandbox_recv_fds(RF_SANDBOX_FD, data, size, NULL, 0, &n_fds);
    return n == 0 ? -EPIPE : n;
}
