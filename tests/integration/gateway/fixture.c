#include "fixture.h"

#include "rf_base.h"
#include "rf_rpc.h"

#include <reflection/job/v1/job.pb-c.h>
#include <reflection/job/v1/job.rpc.h>

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_MS 20000
#define ARGS_MAX 32
#define FIRST_PASSED_FD 3
#define READY_FD 9
#define HIGH_FD 100

fixture fix;
static const char *const *job_extra;
static const char *const *gateway_extra;

/* A listening socket on a free port of 127.0.0.1. */
static int listener(int *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&address, len) == 0 && listen(fd, 4096) == 0 &&
              getsockname(fd, (struct sockaddr *)&address, &len) == 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

/* The numbers that the child gives its descriptors may be in use: all are copied out of the way
 * first. */
static void place(const int *from, const int *to, size_t n)
{
    int high[3];
    for (size_t i = 0; i < n; i++) {
        high[i] = fcntl(from[i], F_DUPFD_CLOEXEC, HIGH_FD);
    }
    for (size_t i = 0; i < n; i++) {
        dup2(high[i], to[i]);
    }
}

static void exec_program(const char *program, char **argv, const int *passed, int ready)
{
    char path[512];
    const char *bin = getenv("REFLECTION_BIN");
    const int from[3] = {ready, passed != NULL ? passed[0] : -1, passed != NULL ? passed[1] : -1};
    const int to[3] = {READY_FD, FIRST_PASSED_FD, FIRST_PASSED_FD + 1};
    snprintf(path, sizeof(path), "%s/%s", bin != NULL ? bin : "bin", program);
    argv[0] = path;
    place(from, to, passed != NULL ? 3 : 1);
    setenv("REFLECTION_READY_FD", "9", 1);
    if (passed != NULL) {
        setenv("LISTEN_FDS", "2", 1);
        setenv("LISTEN_FDNAMES", "http:https", 1);
    }
    execv(path, argv);
    perror(path);
    _exit(127);
}

/* Returns the internal port, which the line names. */
static int wait_ready(int fd, const char *program)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char line[256] = "";
    cr_assert_eq(poll(&p, 1, READY_MS), 1, "%s is not ready in time", program);
    cr_assert_gt(read(fd, line, sizeof(line) - 1), 0, "%s ended early", program);
    close(fd);
    const char *colon = strrchr(line, ':');
    return colon != NULL ? atoi(colon + 1) : 0;
}

static pid_t start(const char *program, const char *const *fixed, const char *const *extra,
                   const int *passed, int *ret_internal_port)
{
    char *argv[ARGS_MAX] = {NULL};
    size_t n = 1;
    int ready[2];
    for (; *fixed != NULL; fixed++) {
        argv[n++] = (char *)(uintptr_t)*fixed;
    }
    for (; extra != NULL && *extra != NULL; extra++) {
        argv[n++] = (char *)(uintptr_t)*extra;
    }
    cr_assert_eq(pipe2(ready, O_CLOEXEC), 0);
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        exec_program(program, argv, passed, ready[1]);
    }
    close(ready[1]);
    *ret_internal_port = wait_ready(ready[0], program);
    return pid;
}

void fixture_start_job(void)
{
    char dir[96];
    char base[96];
    snprintf(dir, sizeof(dir), "--data.dir=%s", fix.dir);
    snprintf(base, sizeof(base), "--public.base=https://localhost:%d", fix.https_port);
    const char *const args[] = {dir, base, "--log.level=error", NULL};
    int internal_port = 0;
    fix.job = start("reflection-job", args, job_extra, NULL, &internal_port);
}

static pid_t start_gateway(const char *const *extra, const int *passed, int *ret_internal_port)
{
    char dir[96];
    char base[96];
    snprintf(dir, sizeof(dir), "--data.dir=%s", fix.dir);
    snprintf(base, sizeof(base), "--public.base=https://localhost:%d", fix.https_port);
    const char *const args[] = {dir, base, "--log.level=error", NULL};
    return start("reflection-gateway", args, extra, passed, ret_internal_port);
}

void fixture_key(const char *application, char key[128])
{
    fixture_key_with_rate(application, 0, 0, key);
}

void fixture_key_with_rate(const char *application, uint32_t requests_per_second, uint32_t burst,
                           char key[128])
{
    char target[128];
    rf_rpc_channel *channel = NULL;
    ProtobufCMessage *reply = NULL;
    rf_status st;
    snprintf(target, sizeof(target), "ipc://%s/run/job.sock", fix.dir);
    const rf_rpc_channel_config config = {.target = target};
    Job__V1__CreateKeyRequest r = JOB__V1__CREATE_KEY_REQUEST__INIT;
    r.application = (char *)(uintptr_t)application;
    r.requests_per_second = requests_per_second;
    r.burst = burst;
    cr_assert_eq(rf_rpc_channel_open(&config, &channel), 0);
    cr_assert_eq(rf_rpc_invoke(channel, JOB_V1_KEY_SERVICE_CREATE_KEY, NULL, &r.base, &reply, &st),
                 0, "%s", st.message);
    rf_copy_str(key, 128, ((Job__V1__CreateKeyResponse *)reply)->secret);
    rf_rpc_message_free(reply);
    rf_rpc_channel_close(channel);
}

void fixture_start(const char *const *gateway_args, const char *const *job_args)
{
    int passed[2];
    signal(SIGPIPE, SIG_IGN);
    rf_copy_str(fix.dir, sizeof(fix.dir), "/tmp/rf-gateway-XXXXXX");
    cr_assert_not_null(mkdtemp(fix.dir));
    snprintf(fix.ca, sizeof(fix.ca), "%s/tls/ca.pem", fix.dir);
    passed[0] = listener(&fix.http_port);
    passed[1] = listener(&fix.https_port);
    job_extra = job_args;
    fixture_start_job();
    gateway_extra = gateway_args;
    fix.gateway = start_gateway(gateway_args, passed, &fix.internal_port);
    close(passed[0]);
    close(passed[1]);
    fixture_key("demo", fix.key);
}

int fixture_start_second(void)
{
    int ports[2];
    int passed[2] = {listener(&ports[0]), listener(&ports[1])};
    int internal_port = 0;
    fix.second = start_gateway(gateway_extra, passed, &internal_port);
    close(passed[0]);
    close(passed[1]);
    return ports[0];
}

static void end(pid_t *pid, const char *program)
{
    int status = 0;
    if (*pid <= 0) {
        return;
    }
    kill(*pid, SIGTERM);
    cr_expect_eq(waitpid(*pid, &status, 0), *pid);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s ended with %x", program, status);
    *pid = 0;
}

void fixture_stop_job(void)
{
    end(&fix.job, "reflection-job");
}

void fixture_stop(void)
{
    char command[128];
    end(&fix.second, "reflection-gateway");
    end(&fix.gateway, "reflection-gateway");
    end(&fix.job, "reflection-job");
    snprintf(command, sizeof(command), "rm -rf %s", fix.dir);
    cr_expect_eq(system(command), 0);
}

size_t fixture_rss(bool peak)
{
    char path[64];
    char line[256];
    size_t kib = 0;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)fix.gateway);
    FILE *f = fopen(path, "r");
    cr_assert_not_null(f);
    while (fgets(line, sizeof(line), f) != NULL) {
        if (sscanf(line, peak ? "VmHWM: %zu kB" : "VmRSS: %zu kB", &kib) == 1) {
            break;
        }
    }
    fclose(f);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return 0;
#else
    return kib << 10;
#endif
}
