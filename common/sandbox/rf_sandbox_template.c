/* Starting and stopping the template, and asking it for children. */
#include "rf_log.h"
#include "rf_sandbox_pool.h"
#include "rf_sandbox_wire.h"
#include "rf_time.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_TIMEOUT_MS 10000
#define MAX_ENVIRONMENT 16

/* What sanitizers and a development loader need; nothing of the service's settings or secrets. */
static void pick_environment(char *env[MAX_ENVIRONMENT])
{
    static const char *const names[] = {
        "ASAN_OPTIONS=", "UBSAN_OPTIONS=", "TSAN_OPTIONS=", "LD_LIBRARY_PATH="};
    size_t n = 0;
    for (char **e = environ; *e != NULL && n + 1 < MAX_ENVIRONMENT; e++) {
        for (size_t i = 0; i < RF_ARRAY_LEN(names); i++) {
            if (strncmp(*e, names[i], strlen(names[i])) == 0) {
                env[n++] = *e;
                break;
            }
        }
    }
    env[n] = NULL;
}

/* Between fork and exec in a threaded process: async-signal-safe calls only. */
RF_NORETURN static void exec_template(const char *program, char *const *argv, char *const *env,
                                      int control)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    int null_fd = open("/dev/null", O_RDWR);
    if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 || dup2(null_fd, STDOUT_FILENO) < 0 ||
        prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
        _exit(127);
    }
    if (control == RF_SANDBOX_FD) {
        fcntl(control, F_SETFD, 0);
    } else if (dup2(control, RF_SANDBOX_FD) < 0) {
        _exit(127);
    }
    close_range(RF_SANDBOX_FD + 1, ~0U, 0);
    execve(program, argv, env);
    _exit(127);
}

static int spawn(rf_sandbox_template *t, const char *program, char *const *argv)
{
    char *env[MAX_ENVIRONMENT];
    int pair[2];
    pick_environment(env);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return -errno;
    }
    pid_t pid = fork();
    if (pid == 0) {
        exec_template(program, argv, env, pair[1]);
    }
    int err = pid < 0 ? -errno : 0;
    rf_close(&pair[1]);
    if (err != 0) {
        rf_close(&pair[0]);
        return err;
    }
    *t = (rf_sandbox_template){.pid = pid, .control = pair[0]};
    return 0;
}

/* Receives one message of exactly size bytes, -EIO when the template ended or took too long. */
static int hear(const rf_sandbox_template *t, void *data, size_t size)
{
    struct pollfd watch = {.fd = t->control, .events = POLLIN};
    int ready;
    do {
        ready = poll(&watch, 1, START_TIMEOUT_MS);
    } while (ready < 0 && errno == EINTR);
    size_t n_fds = 0;
    if (ready <= 0 ||
        rf_sandbox_recv_fds(t->control, data, size, NULL, 0, &n_fds) != (ssize_t)size) {
        return -EIO;
    }
    return 0;
}

static void log_missing_layers(const char *program, uint32_t features)
{
    if ((features & RF_SANDBOX_HAS_LANDLOCK) == 0) {
        RF_LOG_WARN("sandbox without Landlock: this kernel has none", RF_STR("program", program));
    }
    if ((features & RF_SANDBOX_HAS_NETNS) == 0) {
        RF_LOG_WARN("sandbox without a network namespace: not permitted here",
                    RF_STR("program", program));
    }
}

int rf_sandbox_template_start(rf_sandbox_template *t, const char *program, char *const *argv)
{
    rf_sandbox_hello hello;
    int err = spawn(t, program, argv);
    if (err != 0) {
        return err;
    }
    err = hear(t, &hello, sizeof(hello));
    if (err != 0) {
        RF_LOG_ERROR("sandbox program does not start", RF_STR("program", program));
        rf_sandbox_template_stop(t);
        return err;
    }
    log_missing_layers(program, hello.features);
    return 0;
}

void rf_sandbox_template_stop(rf_sandbox_template *t)
{
    if (t->pid > 0) {
        rf_close(&t->control);
        kill(t->pid, SIGKILL);
        waitpid(t->pid, NULL, 0);
        t->pid = 0;
    }
}

static int request_child(const rf_sandbox_template *t, const int ends[2], pid_t *ret_pid)
{
    int32_t answer = 0;
    int err = rf_sandbox_send_fds(t->control, "c", 1, ends, 2);
    if (err == 0) {
        err = hear(t, &answer, sizeof(answer));
    }
    if (err == 0 && answer <= 0) {
        err = answer < 0 ? answer : -EIO;
    }
    *ret_pid = answer;
    return err;
}

static int open_ends(int channel[2], int errors[2])
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) != 0) {
        return -errno;
    }
    if (pipe2(errors, O_CLOEXEC | O_NONBLOCK) != 0) {
        int err = -errno;
        rf_close(&channel[0]);
        rf_close(&channel[1]);
        return err;
    }
    return 0;
}

int rf_sandbox_template_fork(const rf_sandbox_template *t, rf_sandbox_child **ret_child)
{
    int channel[2];
    int errors[2];
    pid_t pid = 0;
    int err = open_ends(channel, errors);
    if (err != 0) {
        return err;
    }
    err = request_child(t, (int[2]){channel[1], errors[1]}, &pid);
    rf_close(&channel[1]);
    rf_close(&errors[1]);
    int pidfd = err == 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    if (pidfd < 0) {
        rf_close(&channel[0]); /* a child that was made after all ends at this */
        rf_close(&errors[0]);
        return err != 0 ? err : -errno;
    }
    rf_sandbox_child *child = RF_NEW(rf_sandbox_child);
    *child = (rf_sandbox_child){.pid = pid,
                                .pidfd = pidfd,
                                .channel = channel[0],
                                .err_fd = errors[0],
                                .cancel_fd = -1,
                                .started_ns = rf_time_ns(),
                                .deadline_ns = RF_NEVER_NS};
    *ret_child = child;
    return 0;
}
