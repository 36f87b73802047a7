#include "cli_check.h"

#include "cli.h"

#include "rf_buf.h"
#include "rf_time.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX 256
#define TEXT_MAX (64u << 10)

/* A program that runs, and what it says, in memory: what it found, and its log. */
typedef struct check {
    const char *program;
    pid_t pid;
    int pid_fd;
    int found_fd;
    int log_fd;
    int status;
    bool late;
} check;

static const char *const outside[] = {"sql.url", "bus.url", "store.url"};

static bool in_environment(const char *service, const char *setting)
{
    RF_CLEANUP(rf_cleanup_free) char *name = rf_asprintf("REFLECTION_%s_%s", service, setting);
    for (char *at = name; *at != '\0'; at++) {
        *at = (char)(isalnum((unsigned char)*at) ? toupper((unsigned char)*at) : '_');
    }
    return getenv(name) != NULL;
}

static bool in_words(const char *setting, char *const *words)
{
    size_t len = strlen(setting);
    for (; *words != NULL; words++) {
        if (strncmp(*words, "--", 2) == 0 && strncmp(*words + 2, setting, len) == 0 &&
            (*words)[2 + len] == '=') {
            return true;
        }
    }
    return false;
}

bool cli_check_needed(const char *service, char *const *words)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(outside); i++) {
        if (in_words(outside[i], words) || in_environment(service, outside[i])) {
            return true;
        }
    }
    return false;
}

/* ---- running ---- */

static RF_NORETURN void become(const check *c, char *const *argv, pid_t parent)
{
    const char *words[WORDS_MAX + 2] = {argv[0], "--check"};
    for (size_t i = 1; argv[i] != NULL && i < WORDS_MAX; i++) {
        words[i + 1] = argv[i];
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent && dup2(c->found_fd, STDOUT_FILENO) >= 0 &&
        dup2(c->log_fd, STDERR_FILENO) >= 0) {
        execv(argv[0], (char *const *)words);
        fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
    }
    _exit(127);
}

static int start(check *c, char *const *argv)
{
    const char *slash = strrchr(argv[0], '/');
    *c = (check){.program = slash == NULL ? argv[0] : slash + 1, .pid_fd = -1};
    c->found_fd = memfd_create("found", MFD_CLOEXEC);
    c->log_fd = memfd_create("log", MFD_CLOEXEC);
    if (c->found_fd < 0 || c->log_fd < 0) {
        return -errno;
    }
    pid_t parent = getpid();
    c->pid = fork();
    if (c->pid == 0) {
        become(c, argv, parent);
    }
    c->pid_fd = c->pid < 0 ? -1 : (int)syscall(SYS_pidfd_open, c->pid, 0);
    return c->pid_fd < 0 ? -errno : 0;
}

static void wait_for(check *c, int64_t until_ns)
{
    struct pollfd fd = {.fd = c->pid_fd, .events = POLLIN};
    int64_t left_ms = RF_MAX((until_ns - rf_time_ns()) / RF_NS_PER_MS, (int64_t)0);
    while (c->pid_fd >= 0 && poll(&fd, 1, (int)left_ms) < 0 && errno == EINTR) {
        left_ms = RF_MAX((until_ns - rf_time_ns()) / RF_NS_PER_MS, (int64_t)0);
    }
    if (c->pid > 0) {
        c->late = fd.revents == 0;
        if (c->late) {
            kill(c->pid, SIGKILL);
        }
        waitpid(c->pid, &c->status, 0);
    }
}

/* ---- telling ---- */

static char *text_of(int fd)
{
    char *text = rf_alloc(TEXT_MAX + 1);
    ssize_t n = pread(fd, text, TEXT_MAX, 0);
    text[RF_MAX(n, (ssize_t)0)] = '\0';
    return text;
}

/* Tells each line that was not told before; returns how many lines there were. */
static size_t tell_lines(char *text, rf_buf *told)
{
    size_t n = 0;
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        RF_CLEANUP(rf_cleanup_free) char *whole = rf_asprintf("\n%s\n", line);
        if (line[0] == '\0') {
            continue;
        }
        n++;
        if (strstr(rf_buf_str(told), whole) == NULL) {
            rf_buf_append_str(told, whole);
            cli_fail(CLI_FAILED, "%s", line);
        }
    }
    return n;
}

static int tell(const check *c, rf_buf *told)
{
    if (!c->late && WIFEXITED(c->status) && WEXITSTATUS(c->status) == 0) {
        return CLI_OK;
    }
    RF_CLEANUP(rf_cleanup_free) char *found = text_of(c->found_fd);
    if (tell_lines(found, told) == 0) {
        RF_CLEANUP(rf_cleanup_free) char *log = text_of(c->log_fd);
        fputs(log, stderr);
        cli_fail(CLI_FAILED, "%s --check %s", c->program,
                 c->late ? "did not end in time" : "failed; its last lines above say why");
    }
    return CLI_FAILED;
}

static void done(check *c)
{
    rf_close(&c->pid_fd);
    rf_close(&c->found_fd);
    rf_close(&c->log_fd);
}

int cli_check_all(char *const *const *argvs, size_t n, int64_t limit_ms)
{
    check checks[CLI_CHECK_MAX];
    int64_t until_ns = rf_time_ns() + limit_ms * RF_NS_PER_MS;
    size_t n_started = 0;
    int code = CLI_OK;
    rf_buf told;
    rf_buf_init(&told, CLI_CHECK_MAX * TEXT_MAX);
    while (code == CLI_OK && n_started < RF_MIN(n, (size_t)CLI_CHECK_MAX)) {
        int err = start(&checks[n_started], argvs[n_started]);
        if (err < 0) {
            code = cli_fail(CLI_FAILED, "%s --check: %s", argvs[n_started][0], strerror(-err));
        }
        n_started++;
    }
    for (size_t i = 0; i < n_started; i++) {
        wait_for(&checks[i], until_ns);
        int found = tell(&checks[i], &told);
        code = code == CLI_OK ? found : code;
        done(&checks[i]);
    }
    rf_buf_done(&told);
    return code;
}
