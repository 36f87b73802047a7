/*
 * bench_jobs_submit: makes no-op jobs as fast as they are accepted, with a fixed number in flight.
 *
 *     bench_jobs_submit http HOST PORT KEY JOBS SUBMITTERS
 *     bench_jobs_submit rpc TARGET APPLICATION JOBS SUBMITTERS
 *
 * Prints the monotonic time of the first request and of the last answer, in seconds.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <reflection/job/v1/job.rpc.h>

#include "rf_rpc.h"
#include "rf_time.h"

#define BODY "{\"name\":\"noop\",\"workflow\":\"bench/noop\",\"params\":{\"text\":\"x\"}}"
#define ANSWER_MAX 4096
#define SUBMITTERS_MAX 1024

static void die(const char *what)
{
    fprintf(stderr, "bench_jobs_submit: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void print_times(int64_t start_ns)
{
    printf("%.6f %.6f\n", (double)start_ns / 1e9, (double)rf_time_ns() / 1e9);
}

/* ---- HTTP: one thread, each submitter a connection that is kept alive ---- */

typedef struct submitter {
    int fd;
    char answer[ANSWER_MAX];
    size_t len;
} submitter;

typedef struct http_bench {
    int epoll_fd;
    char *request;
    size_t request_len;
    size_t left;    /* jobs not submitted yet */
    size_t waiting; /* answers to come */
} http_bench;

static int connect_to(const char *host, const char *port)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    if (getaddrinfo(host, port, &hints, &found) != 0) {
        die("getaddrinfo");
    }
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;
    if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0) {
        die("connect");
    }
    freeaddrinfo(found);
    return fd;
}

static void send_next(http_bench *b, submitter *s)
{
    if (b->left == 0) {
        return;
    }
    b->left--;
    b->waiting++;
    s->len = 0;
    if (write(s->fd, b->request, b->request_len) != (ssize_t)b->request_len) {
        die("write");
    }
}

/* Whether the whole answer is there; ends the program when it is no 200. */
static bool answered(submitter *s)
{
    s->answer[s->len] = '\0';
    char *end = strstr(s->answer, "\r\n\r\n");
    if (end == NULL) {
        return false;
    }
    if (strncmp(s->answer, "HTTP/1.1 200", 12) != 0) {
        fprintf(stderr, "answer: %s\n", s->answer);
        exit(1);
    }
    const char *length = strcasestr(s->answer, "content-length:");
    size_t body = length == NULL ? 0 : strtoul(length + 15, NULL, 10);
    return s->len >= (size_t)(end + 4 - s->answer) + body;
}

static void on_readable(http_bench *b, submitter *s)
{
    ssize_t n = read(s->fd, s->answer + s->len, ANSWER_MAX - 1 - s->len);
    if (n <= 0) {
        die("read");
    }
    s->len += (size_t)n;
    if (answered(s)) {
        b->waiting--;
        send_next(b, s);
    }
}

static void run_http(char **argv)
{
    size_t n = strtoul(argv[5], NULL, 10);
    submitter *submitters = calloc(n, sizeof(*submitters));
    http_bench b = {.epoll_fd = epoll_create1(EPOLL_CLOEXEC), .left = strtoul(argv[4], NULL, 10)};
    b.request = rf_asprintf("POST /v1/job HTTP/1.1\r\nHost: %s:%s\r\nAuthorization: %s\r\n"
                            "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                            argv[1], argv[2], argv[3], strlen(BODY), BODY);
    b.request_len = strlen(b.request);
    for (size_t i = 0; i < n; i++) {
        submitters[i].fd = connect_to(argv[1], argv[2]);
        struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &submitters[i]};
        epoll_ctl(b.epoll_fd, EPOLL_CTL_ADD, submitters[i].fd, &ev);
    }
    int64_t start_ns = rf_time_ns();
    for (size_t i = 0; i < n; i++) {
        send_next(&b, &submitters[i]);
    }
    while (b.waiting > 0) {
        struct epoll_event events[64];
        int got = epoll_wait(b.epoll_fd, events, 64, -1);
        for (int i = 0; i < got; i++) {
            on_readable(&b, events[i].data.ptr);
        }
    }
    print_times(start_ns);
    free(b.request);
    free(submitters);
}

/* ---- RPC: a fixed number of calls in flight on one channel ---- */

typedef struct rpc_bench {
    rf_rpc_channel *channel;
    rf_rpc_options options;
    Job__V1__CreateJobRequest request;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    size_t left;
    size_t waiting;
} rpc_bench;

static void call_next(rpc_bench *b);

static void on_reply(rf_rpc_result *result, void *user)
{
    rpc_bench *b = user;
    if (result->status->code != RF_OK) {
        fprintf(stderr, "answer: %s\n", result->status->message);
        exit(1);
    }
    call_next(b);
    pthread_mutex_lock(&b->mutex);
    b->waiting--;
    pthread_cond_signal(&b->cond);
    pthread_mutex_unlock(&b->mutex);
}

static void call_next(rpc_bench *b)
{
    pthread_mutex_lock(&b->mutex);
    bool more = b->left > 0;
    b->left -= more;
    b->waiting += more;
    pthread_mutex_unlock(&b->mutex);
    if (more) {
        rf_rpc_unary(b->channel, JOB_V1_JOB_SERVICE_CREATE_JOB, &b->options, &b->request.base, NULL,
                     on_reply, b, NULL);
    }
}

static void run_rpc(char **argv)
{
    const rf_rpc_channel_config config = {.target = argv[1]};
    rpc_bench b = {.options = {.tenant = argv[2]},
                   .request = JOB__V1__CREATE_JOB_REQUEST__INIT,
                   .mutex = PTHREAD_MUTEX_INITIALIZER,
                   .cond = PTHREAD_COND_INITIALIZER,
                   .left = strtoul(argv[3], NULL, 10)};
    b.request.name = (char *)"noop";
    b.request.workflow = (char *)"bench/noop";
    b.request.params_json = (char *)"{\"text\":\"x\"}";
    if (rf_rpc_channel_open(&config, &b.channel) < 0) {
        die("channel");
    }
    int64_t start_ns = rf_time_ns();
    for (size_t i = strtoul(argv[4], NULL, 10); i > 0; i--) {
        call_next(&b);
    }
    pthread_mutex_lock(&b.mutex);
    while (b.waiting > 0) {
        pthread_cond_wait(&b.cond, &b.mutex);
    }
    pthread_mutex_unlock(&b.mutex);
    print_times(start_ns);
    rf_rpc_channel_close(b.channel);
}

int main(int argc, char **argv)
{
    if (argc == 7 && strcmp(argv[1], "http") == 0) {
        run_http(argv + 1);
    } else if (argc == 6 && strcmp(argv[1], "rpc") == 0) {
        run_rpc(argv + 1);
    } else {
        fputs("usage: bench_jobs_submit http HOST PORT KEY JOBS SUBMITTERS\n"
              "       bench_jobs_submit rpc TARGET APPLICATION JOBS SUBMITTERS\n",
              stderr);
        return 2;
    }
    return 0;
}
