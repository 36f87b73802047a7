#include "cli_supervisor.h"

#include "rf_id.h"
#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN_MAX 8
#define FIRST_LISTEN_FD 3 /* of the LISTEN_FDS protocol */
#define LISTEN_FDS_MAX 8
#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 5000
#define STEADY_NS (30 * RF_NS_PER_S) /* alive this long: the back-off starts again */
#define TRIES_BEFORE_READY 5
#define READY_LINE_MAX 512

/*
 *            spawn              ready line
 *   DOWN ------------> STARTING ----------> READY
 *    ^  ^                 | exit              | exit
 *    |  +---- back-off ---+-------------------+
 *    +------- stop: no more spawns; the last exit ends the supervisor
 */
typedef enum child_state { DOWN, STARTING, READY } child_state;

typedef struct child {
    cli_supervisor *owner;
    cli_child_spec spec;
    child_state state;
    pid_t pid;
    int pid_fd;
    int ready_fd;
    rf_loop_fd *exit_watch;
    rf_loop_fd *ready_watch;
    rf_timer *restart;
    int64_t started_ns;
    int64_t backoff_ms;
    int failures; /* exits since it was last ready */
    bool was_ready;
    bool told; /* SIGTERM sent */
    char line[READY_LINE_MAX];
    size_t line_len;
    char internal[128];
} child;

struct cli_supervisor {
    rf_loop *loop;
    cli_supervisor_events events;
    void *user;
    child children[CHILDREN_MAX];
    size_t n;
    bool stopping;
    bool ended;
    rf_timer *kill_timer;
};

static void on_restart(void *user);
static void stop_next(cli_supervisor *s);

cli_supervisor *cli_supervisor_new(rf_loop *loop, const cli_supervisor_events *events, void *user)
{
    cli_supervisor *s = RF_NEW(cli_supervisor);
    s->loop = loop;
    s->events = *events;
    s->user = user;
    return s;
}

static void forget_process(child *c)
{
    rf_loop_remove(c->exit_watch);
    rf_loop_remove(c->ready_watch);
    c->exit_watch = NULL;
    c->ready_watch = NULL;
    rf_close(&c->pid_fd);
    rf_close(&c->ready_fd);
    c->state = DOWN;
    c->pid = 0;
    c->line_len = 0;
    c->told = false;
}

cli_supervisor *cli_supervisor_free(cli_supervisor *s)
{
    if (s == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < s->n; i++) {
        child *c = &s->children[i];
        if (c->pid > 0) {
            kill(c->pid, SIGKILL);
            waitpid(c->pid, NULL, 0);
        }
        forget_process(c);
        rf_timer_free(c->restart);
    }
    rf_timer_free(s->kill_timer);
    free(s);
    return NULL;
}

/* ---- the child's side of fork ---- */

/* Moves the sockets to 3, 4, ... and the ready pipe behind them. They are first copied above the
 * target range, so that no move overwrites one that is still to come. */
static int place_fds(const child *c, int ready_fd)
{
    int high[LISTEN_FDS_MAX + 1];
    size_t n = c->spec.n_listen_fds;
    for (size_t i = 0; i <= n; i++) {
        int from = i < n ? c->spec.listen_fds[i] : ready_fd;
        high[i] = fcntl(from, F_DUPFD, FIRST_LISTEN_FD + LISTEN_FDS_MAX + 1);
        if (high[i] < 0) {
            return -errno;
        }
    }
    for (size_t i = 0; i <= n; i++) {
        if (dup2(high[i], FIRST_LISTEN_FD + (int)i) < 0) {
            return -errno;
        }
    }
    return syscall(SYS_close_range, FIRST_LISTEN_FD + (unsigned)n + 1, ~0u, 0) < 0 ? -errno : 0;
}

static void set_environment(const child *c)
{
    char text[24];
    size_t n = c->spec.n_listen_fds;
    snprintf(text, sizeof(text), "%zu", FIRST_LISTEN_FD + n);
    setenv("REFLECTION_READY_FD", text, 1);
    if (n > 0) {
        snprintf(text, sizeof(text), "%zu", n);
        setenv("LISTEN_FDS", text, 1);
        snprintf(text, sizeof(text), "%d", (int)getpid());
        setenv("LISTEN_PID", text, 1);
        setenv("LISTEN_FDNAMES", c->spec.listen_names, 1);
    }
}

static RF_NORETURN void become(const child *c, int ready_fd, pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* A supervisor that dies takes its services along, as a container would. A new session keeps
     * the terminal's Ctrl-C for the supervisor, which ends them in order. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    setsid();
    if (getppid() == parent && place_fds(c, ready_fd) == 0) {
        set_environment(c);
        execv(c->spec.argv[0], c->spec.argv);
        fprintf(stderr, "%s: %s\n", c->spec.argv[0], strerror(errno));
    }
    _exit(127);
}

/* ---- readiness ---- */

static bool all_ready(const cli_supervisor *s)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->children[i].state != READY) {
            return false;
        }
    }
    return true;
}

static void take_ready_line(child *c)
{
    json_t *line = json_loadb(c->line, c->line_len, 0, NULL);
    const char *internal = json_string_value(json_object_get(line, "internal"));
    rf_copy_str(c->internal, sizeof(c->internal), internal != NULL ? internal : "");
    json_decref(line);
    c->state = READY;
    c->was_ready = true;
    c->failures = 0;
    if (all_ready(c->owner) && !c->owner->stopping) {
        c->owner->events.all_ready(c->owner->user);
    }
}

static void on_ready_line(uint32_t events, void *user)
{
    (void)events;
    child *c = user;
    ssize_t n = read(c->ready_fd, c->line + c->line_len, sizeof(c->line) - c->line_len);
    if (n > 0) {
        c->line_len += (size_t)n;
        if (c->line[c->line_len - 1] != '\n' && c->line_len < sizeof(c->line)) {
            return;
        }
    }
    rf_loop_remove(c->ready_watch);
    c->ready_watch = NULL;
    rf_close(&c->ready_fd);
    if (c->line_len > 0) {
        take_ready_line(c);
    }
}

/* ---- the end of a process ---- */

static void log_exit(const child *c, int status)
{
    if (WIFSIGNALED(status)) {
        RF_LOG_WARN("service was killed", RF_STR("name", c->spec.name), RF_INT("pid", c->pid),
                    RF_INT("signal", WTERMSIG(status)));
    } else {
        RF_LOG_WARN("service ended", RF_STR("name", c->spec.name), RF_INT("pid", c->pid),
                    RF_INT("status", WEXITSTATUS(status)));
    }
}

static void plan_restart(child *c)
{
    bool steady = rf_time_ns() - c->started_ns > STEADY_NS;
    c->backoff_ms =
        steady || c->backoff_ms == 0 ? BACKOFF_FIRST_MS : RF_MIN(c->backoff_ms * 2, BACKOFF_MAX_MS);
    if (++c->failures >= TRIES_BEFORE_READY && !c->was_ready) {
        c->owner->events.gave_up(c->spec.name, c->owner->user);
        return;
    }
    /* Between half and all of the back-off, so that services do not restart in step. */
    int64_t half_ns = c->backoff_ms * RF_NS_PER_MS / 2;
    rf_timer_set(c->restart, rf_time_ns() + half_ns + (int64_t)rf_random_u64((uint64_t)half_ns));
}

static void on_child_exit(uint32_t events, void *user)
{
    (void)events;
    child *c = user;
    int status = 0;
    if (waitpid(c->pid, &status, WNOHANG) != c->pid) {
        return;
    }
    if (!c->owner->stopping) {
        log_exit(c, status);
    }
    forget_process(c);
    if (c->owner->stopping) {
        stop_next(c->owner);
    } else {
        plan_restart(c);
    }
}

/* ---- start ---- */

static int watch_child(child *c)
{
    c->pid_fd = (int)syscall(SYS_pidfd_open, c->pid, 0);
    if (c->pid_fd < 0) {
        return -errno;
    }
    c->exit_watch = rf_loop_add(c->owner->loop, c->pid_fd, EPOLLIN, on_child_exit, c);
    c->ready_watch = rf_loop_add(c->owner->loop, c->ready_fd, EPOLLIN, on_ready_line, c);
    return c->exit_watch == NULL || c->ready_watch == NULL ? -ENOMEM : 0;
}

static int spawn(child *c)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0) {
        return -errno;
    }
    pid_t parent = getpid();
    c->pid = fork();
    if (c->pid == 0) {
        become(c, fds[1], parent);
    }
    int err = c->pid < 0 ? -errno : 0;
    close(fds[1]);
    c->ready_fd = fds[0];
    c->started_ns = rf_time_ns();
    if (err == 0) {
        c->state = STARTING;
        err = watch_child(c);
    }
    return err;
}

static void on_restart(void *user)
{
    child *c = user;
    if (!c->owner->stopping && spawn(c) < 0) {
        forget_process(c);
        plan_restart(c);
    }
}

int cli_supervisor_start(cli_supervisor *s, const cli_child_spec *spec)
{
    if (s->n == CHILDREN_MAX || spec->n_listen_fds > LISTEN_FDS_MAX) {
        return -ENOSPC;
    }
    child *c = &s->children[s->n++];
    *c = (child){.owner = s, .spec = *spec, .pid_fd = -1, .ready_fd = -1};
    c->restart = rf_timer_new(s->loop, on_restart, c);
    return spawn(c);
}

/* ---- stop ---- */

static void on_kill(void *user)
{
    cli_supervisor *s = user;
    for (size_t i = 0; i < s->n; i++) {
        if (s->children[i].pid > 0) {
            RF_LOG_WARN("service did not end in time", RF_STR("name", s->children[i].spec.name));
            kill(s->children[i].pid, SIGKILL);
        }
    }
}

/* Tells the lowest order that still runs; says so when none does. */
static void stop_next(cli_supervisor *s)
{
    int lowest = INT32_MAX;
    for (size_t i = 0; i < s->n; i++) {
        if (s->children[i].pid > 0) {
            lowest = RF_MIN(lowest, s->children[i].spec.stop_order);
        }
    }
    for (size_t i = 0; i < s->n; i++) {
        child *c = &s->children[i];
        if (c->pid > 0 && c->spec.stop_order == lowest && !c->told) {
            c->told = true;
            kill(c->pid, SIGTERM);
        }
    }
    if (lowest == INT32_MAX && !s->ended) {
        s->ended = true;
        s->events.ended(s->user);
    }
}

void cli_supervisor_stop(cli_supervisor *s, int64_t limit_ms)
{
    if (s->stopping) {
        return;
    }
    s->stopping = true;
    s->kill_timer = rf_timer_new(s->loop, on_kill, s);
    rf_timer_set(s->kill_timer, rf_time_ns() + limit_ms * RF_NS_PER_MS);
    stop_next(s);
}

size_t cli_supervisor_count(const cli_supervisor *s)
{
    return s->n;
}

cli_child_info cli_supervisor_info(const cli_supervisor *s, size_t i)
{
    const child *c = &s->children[i];
    return (cli_child_info){
        .name = c->spec.name, .pid = c->pid, .internal = c->internal, .ready = c->state == READY};
}
