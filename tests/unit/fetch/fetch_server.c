#include "fetch_server.h"

#include "rf_file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD_MAX 16384
#define BODY_MAX (64u << 20)

/* Waits for fd to be readable; false when the server stops first. */
static bool wait_readable(const fetch_server *s, int fd, int timeout_ms)
{
    struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = s->stop_fd, .events = POLLIN}};
    return poll(p, 2, timeout_ms) > 0 && p[1].revents == 0;
}

static void say(int fd, const char *text)
{
    ssize_t n = send(fd, text, strlen(text), MSG_NOSIGNAL);
    (void)n; /* the client may be gone, which is the client's matter */
}

static void say_bytes(int fd, size_t n)
{
    static const char block[4096] = {[0 ... 4095] = 'x'};
    while (n > 0) {
        ssize_t sent = send(fd, block, RF_MIN(n, sizeof(block)), MSG_NOSIGNAL);
        if (sent <= 0) {
            return;
        }
        n -= (size_t)sent;
    }
}

static void answer(int fd, int status, const char *headers, const char *body)
{
    RF_CLEANUP(rf_cleanup_free)
    char *text = rf_asprintf("HTTP/1.1 %d X\r\nContent-Length: %zu\r\n%s\r\n%s", status,
                             strlen(body), headers, body);
    say(fd, text);
}

static void redirect(int fd, const char *location)
{
    RF_CLEANUP(rf_cleanup_free) char *header = rf_asprintf("Location: %s\r\n", location);
    answer(fd, 302, header, "moved");
}

static void say_chunked(int fd, size_t n)
{
    say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    while (n > 0) {
        size_t part = RF_MIN(n, (size_t)1000);
        RF_CLEANUP(rf_cleanup_free) char *size = rf_asprintf("%zx\r\n", part);
        say(fd, size);
        say_bytes(fd, part);
        say(fd, "\r\n");
        n -= part;
    }
    say(fd, "0\r\n\r\n");
}

static void say_slowly(const fetch_server *s, int fd)
{
    say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    while (!wait_readable(s, fd, 100)) {
        struct pollfd p = {.fd = s->stop_fd, .events = POLLIN};
        if (poll(&p, 1, 0) > 0) {
            return;
        }
        say_bytes(fd, 1);
    }
}

static void hop(int fd, int left)
{
    if (left == 0) {
        answer(fd, 200, "", "hello");
        return;
    }
    RF_CLEANUP(rf_cleanup_free) char *next = rf_asprintf("/hop/%d", left - 1);
    redirect(fd, next);
}

static void flaky(fetch_server *s, int fd, int n)
{
    s->n_failures_left = s->n_failures_left < 0 ? n : s->n_failures_left;
    if (s->n_failures_left > 0) {
        s->n_failures_left--;
        answer(fd, 500, "", "secret");
    } else {
        answer(fd, 200, "", "hello");
    }
}

/* Answers by path; number is the one after the last slash. With the lock. */
static bool answer_simple(fetch_server *s, int fd, const char *path, int number)
{
    if (strcmp(path, "/ok") == 0) {
        answer(fd, 200, "", "hello");
    } else if (strcmp(path, "/empty") == 0) {
        answer(fd, 200, "", "");
    } else if (strncmp(path, "/status/", 8) == 0) {
        answer(fd, number, "", number == 204 || number == 304 ? "" : "secret");
    } else if (strncmp(path, "/flaky/", 7) == 0) {
        flaky(s, fd, number);
    } else if (strcmp(path, "/redirect") == 0) {
        redirect(fd, s->location);
    } else if (strncmp(path, "/hop/", 5) == 0) {
        hop(fd, number);
    } else if (strcmp(path, "/mirror") == 0) {
        answer(fd, 200, "", rf_buf_str(&s->head));
    } else if (strcmp(path, "/cookie") == 0) {
        answer(fd, 302, "Set-Cookie: a=b\r\nLocation: /mirror\r\n", "");
    } else {
        return false;
    }
    return true;
}

static void answer_body(const fetch_server *s, int fd, const char *path, int number)
{
    RF_CLEANUP(rf_cleanup_free)
    char *head = rf_asprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", number);
    if (strncmp(path, "/size/", 6) == 0) {
        say(fd, head);
        say_bytes(fd, (size_t)number);
    } else if (strncmp(path, "/cut/", 5) == 0) {
        say(fd, head);
        say_bytes(fd, 10);
    } else if (strncmp(path, "/chunked/", 9) == 0) {
        say_chunked(fd, (size_t)number);
    } else if (strcmp(path, "/slow") == 0) {
        say_slowly(s, fd);
    } else if (strcmp(path, "/silent") == 0) {
        wait_readable(s, fd, 30000);
    } else if (strcmp(path, "/huge-error") == 0) {
        say(fd, "HTTP/1.1 404 X\r\nContent-Length: 9999999999\r\n\r\n");
        say_bytes(fd, 1u << 20);
    } else if (strcmp(path, "/drop") != 0) {
        answer(fd, 404, "", "secret");
    }
}

/* Reads the head, and the body that Content-Length announces. False when the client left. */
static bool read_request(fetch_server *s, int fd, char *head)
{
    size_t n = 0;
    while (n < HEAD_MAX - 1 && (n < 4 || memcmp(head + n - 4, "\r\n\r\n", 4) != 0)) {
        if (!wait_readable(s, fd, 5000) || read(fd, head + n, 1) != 1) {
            return false;
        }
        head[++n] = '\0';
    }
    const char *length = strcasestr(head, "\r\nContent-Length:");
    size_t left = length == NULL ? 0 : strtoul(length + 17, NULL, 10);
    pthread_mutex_lock(&s->mutex);
    s->n_requests++;
    rf_buf_clear(&s->head);
    rf_buf_append_str(&s->head, head);
    rf_buf_clear(&s->body);
    pthread_mutex_unlock(&s->mutex);
    while (left > 0) {
        char block[4096];
        ssize_t got =
            wait_readable(s, fd, 5000) ? read(fd, block, RF_MIN(left, sizeof(block))) : -1;
        if (got <= 0) {
            return false;
        }
        pthread_mutex_lock(&s->mutex);
        rf_buf_append(&s->body, block, (size_t)got);
        pthread_mutex_unlock(&s->mutex);
        left -= (size_t)got;
    }
    return true;
}

static void *serve_one(void *arg)
{
    void **pair = arg;
    fetch_server *s = pair[0];
    int fd = (int)(intptr_t)pair[1];
    char *head = rf_alloc(HEAD_MAX);
    char path[2100] = "";
    char method[16] = "";
    if (read_request(s, fd, head) && sscanf(head, "%15s %2099s", method, path) == 2) {
        const char *slash = strrchr(path, '/');
        int number = slash == NULL ? 0 : atoi(slash + 1);
        pthread_mutex_lock(&s->mutex);
        bool done = answer_simple(s, fd, path, number);
        pthread_mutex_unlock(&s->mutex);
        if (!done && strcmp(method, "PUT") == 0 && strcmp(path, "/silent") != 0) {
            answer(fd, 201, "", "");
        } else if (!done) {
            answer_body(s, fd, path, number);
        }
    }
    shutdown(fd, SHUT_WR);
    char rest[256];
    while (wait_readable(s, fd, 1000) && read(fd, rest, sizeof(rest)) > 0) {
    }
    close(fd);
    free(head);
    free(pair);
    return NULL;
}

/* One thread a connection; all are joined at the end. */
static void *serve(void *arg)
{
    fetch_server *s = arg;
    pthread_t *threads = NULL;
    size_t n = 0;
    while (wait_readable(s, s->listen_fd, -1)) {
        int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) {
            continue;
        }
        pthread_mutex_lock(&s->mutex);
        s->n_connections++;
        pthread_mutex_unlock(&s->mutex);
        void **pair = rf_alloc(2 * sizeof(void *));
        pair[0] = s;
        pair[1] = (void *)(intptr_t)fd;
        threads = rf_grow(threads, n + 1, sizeof(pthread_t));
        pthread_create(&threads[n++], NULL, serve_one, pair);
    }
    for (size_t i = 0; i < n; i++) {
        pthread_join(threads[i], NULL);
    }
    free(threads);
    return NULL;
}

fetch_server *fetch_server_start(void)
{
    fetch_server *s = RF_NEW(fetch_server);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    s->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    s->stop_fd = eventfd(0, EFD_CLOEXEC);
    s->n_failures_left = -1;
    rf_buf_init(&s->head, HEAD_MAX);
    rf_buf_init(&s->body, BODY_MAX);
    pthread_mutex_init(&s->mutex, NULL);
    cr_assert_eq(bind(s->listen_fd, (struct sockaddr *)&a, sizeof(a)), 0);
    cr_assert_eq(listen(s->listen_fd, 64), 0);
    cr_assert_eq(getsockname(s->listen_fd, (struct sockaddr *)&a, &len), 0);
    s->port = ntohs(a.sin_port);
    cr_assert_eq(pthread_create(&s->thread, NULL, serve, s), 0);
    return s;
}

void fetch_server_stop(fetch_server *s)
{
    uint64_t one = 1;
    cr_assert_eq(write(s->stop_fd, &one, sizeof(one)), (ssize_t)sizeof(one));
    pthread_join(s->thread, NULL);
    close(s->listen_fd);
    close(s->stop_fd);
    rf_buf_done(&s->head);
    rf_buf_done(&s->body);
    pthread_mutex_destroy(&s->mutex);
    free(s);
}

int fetch_server_connections(fetch_server *s)
{
    pthread_mutex_lock(&s->mutex);
    int n = s->n_connections;
    pthread_mutex_unlock(&s->mutex);
    return n;
}

int fetch_server_requests(fetch_server *s)
{
    pthread_mutex_lock(&s->mutex);
    int n = s->n_requests;
    pthread_mutex_unlock(&s->mutex);
    return n;
}

void fetch_server_redirect_to(fetch_server *s, const char *location)
{
    pthread_mutex_lock(&s->mutex);
    rf_copy_str(s->location, sizeof(s->location), location);
    pthread_mutex_unlock(&s->mutex);
}

const char *fetch_server_url(const fetch_server *s, const char *path)
{
    static _Thread_local char urls[4][256];
    static _Thread_local unsigned turn;
    char *url = urls[turn++ % 4];
    snprintf(url, sizeof(urls[0]), "http://127.0.0.1:%u%s", s->port, path);
    return url;
}

/* ---- sinks ---- */

static int memory_begin(void *user)
{
    memory_sink *m = user;
    m->n_begins++;
    rf_buf_clear(&m->bytes);
    return m->begin_err;
}

static int memory_write(void *user, const void *data, size_t len)
{
    memory_sink *m = user;
    if (m->fail_at > 0 && m->bytes.len + len >= m->fail_at) {
        return -ENOSPC;
    }
    return rf_buf_append(&m->bytes, data, len);
}

void memory_sink_init(memory_sink *m)
{
    *m = (memory_sink){.sink = {memory_begin, memory_write, m}};
    rf_buf_init(&m->bytes, BODY_MAX);
}

void memory_sink_done(memory_sink *m)
{
    rf_buf_done(&m->bytes);
}

rf_fetch *fetch_new(bool allow_loopback)
{
    rf_fetch *f = NULL;
    rf_fetch_config config = {
        .allow_loopback = allow_loopback, .retry_delay_ms = 1, .total_timeout_ms = 20000};
    cr_assert_eq(rf_fetch_new(&config, &f, NULL), 0);
    return f;
}
