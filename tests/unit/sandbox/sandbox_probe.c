/* A template whose children do what a captured decoder would try. The task is the name of the
 * attempt; the answer is "did" or the name of the error. */
#include "rf_sandbox.h"
#include "rf_sandbox_child.h"
#include "rf_time.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int answer(long result)
{
    const char *text = result < 0 ? strerrorname_np(errno) : "did";
    return rf_sandbox_reply(text, strlen(text)) == 0 ? 0 : 1;
}

static int try_open(const rf_sandbox_work *work)
{
    (void)work;
    return answer(open("/etc/passwd", O_RDONLY));
}

static int try_create(const rf_sandbox_work *work)
{
    (void)work;
    return answer(open("/tmp/reflection-sandbox-probe", O_CREAT | O_WRONLY, 0600));
}

static int try_stat(const rf_sandbox_work *work)
{
    (void)work;
    return answer(access("/etc/passwd", R_OK));
}

static int try_socket(const rf_sandbox_work *work)
{
    (void)work;
    return answer(socket(AF_INET, SOCK_STREAM, 0));
}

static int try_connect(const rf_sandbox_work *work)
{
    struct sockaddr address = {.sa_family = AF_INET};
    return answer(connect(work->n_fds > 0 ? work->fds[0] : 0, &address, sizeof(address)));
}

static int try_exec(const rf_sandbox_work *work)
{
    (void)work;
    char *const argv[] = {"/bin/true", NULL};
    return answer(execv(argv[0], argv));
}

static int try_fork(const rf_sandbox_work *work)
{
    (void)work;
    return answer(fork());
}

static int try_raw_fork(const rf_sandbox_work *work)
{
    (void)work;
    return answer(syscall(SYS_fork));
}

static int try_clone3(const rf_sandbox_work *work)
{
    (void)work;
    uint64_t args[8] = {[4] = SIGCHLD};
    return answer(syscall(SYS_clone3, args, sizeof(args)));
}

static int try_kill(const rf_sandbox_work *work)
{
    (void)work;
    return answer(kill(getppid(), SIGKILL));
}

static int try_ptrace(const rf_sandbox_work *work)
{
    (void)work;
    return answer(syscall(SYS_ptrace, 16, getppid(), 0, 0));
}

static int try_code(const rf_sandbox_work *work)
{
    (void)work;
    void *p =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return answer(p == MAP_FAILED ? -1 : 0);
}

static int try_raise_limit(const rf_sandbox_work *work)
{
    (void)work;
    uint64_t all[2] = {UINT64_MAX, UINT64_MAX};
    return answer(syscall(SYS_prlimit64, 0, 7, all, NULL));
}

static int try_open_files(const rf_sandbox_work *work)
{
    (void)work;
    int n = 0;
    for (int fd = 0; fd < 1024; fd++) {
        n += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    }
    char text[16];
    snprintf(text, sizeof(text), "%d", n);
    return rf_sandbox_reply(text, strlen(text)) == 0 ? 0 : 1;
}

static int try_write_file(const rf_sandbox_work *work)
{
    signal(SIGXFSZ, SIG_IGN);
    return answer(pwrite(work->fds[0], "0123456789", 10, 0));
}

static int try_overrun_file(const rf_sandbox_work *work)
{
    return answer(pwrite(work->fds[0], "x", 1, 4096));
}

static int try_read_file(const rf_sandbox_work *work)
{
    char text[64];
    ssize_t n = pread(work->fds[0], text, sizeof(text), 0);
    return n > 0 && rf_sandbox_reply(text, (size_t)n) == 0 ? 0 : 1;
}

static int try_memory(const rf_sandbox_work *work)
{
    (void)work;
    void *p = mmap(NULL, 1ULL << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return answer(p == MAP_FAILED ? -1 : 0);
}

static int crash(const rf_sandbox_work *work)
{
    (void)work;
    fputs("about to die\n", stderr);
    __builtin_trap();
}

static int try_abort(const rf_sandbox_work *work)
{
    (void)work;
    signal(SIGABRT, SIG_DFL);
    abort();
}

static int spin(const rf_sandbox_work *work)
{
    (void)work;
    for (volatile uint64_t i = 0;; i++) {
    }
    return 0;
}

static int wait_for_ever(const rf_sandbox_work *work)
{
    (void)work;
    for (;;) {
        poll(NULL, 0, -1);
    }
    return 0;
}

static int chatter(const rf_sandbox_work *work)
{
    (void)work;
    for (int i = 0; i < 100000; i++) {
        fprintf(stderr, "line %d\n", i);
    }
    return answer(0);
}

static int flood(const rf_sandbox_work *work)
{
    (void)work;
    static char big[RF_SANDBOX_MESSAGE_MAX];
    for (int i = 0; i < 64; i++) {
        big[0] = (char)i;
        if (rf_sandbox_reply(big, sizeof(big)) != 0) {
            return 1;
        }
    }
    return 7;
}

static int echo(const rf_sandbox_work *work)
{
    (void)work;
    char text[64];
    ssize_t n = rf_sandbox_next(text, sizeof(text), RF_NEVER_NS);
    return n > 0 && rf_sandbox_reply(text, (size_t)n) == 0 ? 0 : 1;
}

static void *count_thread(void *arg)
{
    *(int *)arg = 1;
    return NULL;
}

static int try_thread(const rf_sandbox_work *work)
{
    (void)work;
    pthread_t thread;
    int ran = 0;
    int err = pthread_create(&thread, NULL, count_thread, &ran);
    if (err == 0) {
        pthread_join(thread, NULL);
    }
    errno = err;
    return answer(ran == 1 ? 0 : -1);
}

static const struct {
    const char *name;
    int (*run)(const rf_sandbox_work *work);
} attempts[] = {
    {"open", try_open},
    {"create", try_create},
    {"stat", try_stat},
    {"socket", try_socket},
    {"connect", try_connect},
    {"exec", try_exec},
    {"fork", try_fork},
    {"raw fork", try_raw_fork},
    {"clone3", try_clone3},
    {"kill", try_kill},
    {"ptrace", try_ptrace},
    {"code", try_code},
    {"raise limit", try_raise_limit},
    {"open files", try_open_files},
    {"write file", try_write_file},
    {"overrun file", try_overrun_file},
    {"read file", try_read_file},
    {"memory", try_memory},
    {"crash", crash},
    {"abort", try_abort},
    {"spin", spin},
    {"wait", wait_for_ever},
    {"chatter", chatter},
    {"flood", flood},
    {"echo", echo},
    {"thread", try_thread},
};

static int run(const rf_sandbox_work *work, void *user)
{
    (void)user;
    for (size_t i = 0; i < RF_ARRAY_LEN(attempts); i++) {
        if (work->len == strlen(attempts[i].name) &&
            memcmp(work->data, attempts[i].name, work->len) == 0) {
            return attempts[i].run(work);
        }
    }
    return 99;
}

int main(int argc, char **argv)
{
    bool threads = argc > 1 && strcmp(argv[1], "threads") == 0;
    return rf_sandbox_serve(&(rf_sandbox_profile){.threads = threads}, run, NULL);
}
