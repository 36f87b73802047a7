#include "gateway_listen.h"

#include "gateway_error.h"
#include "gateway_loop.h"
#include "gateway_metrics.h"
#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096
#define ACCEPTS_PER_EVENT 64
#define FIRST_PASSED_FD 3
#define FULL_MAX_BYTES 1024
#define TURN_AWAY_READS 16
#define PAUSE_NS (100 * RF_NS_PER_MS) /* out of descriptors */

typedef struct door {
    gateway_listen *listen;
    const char *name;
    bool tls;
    int fd;
    rf_loop_fd *watch;
} door;

struct gateway_listen {
    gateway *gw;
    rf_loop *owner;
    rf_timer *pause;
    size_t next;
    rf_buf full; /* the answer to a connection above connections.max */
    door doors[2];
};

/* ---- connections ---- */

static int64_t open_conns(const gateway *gw)
{
    int64_t n = 0;
    for (size_t i = 0; i < gw->n_loops; i++) {
        n += atomic_load_explicit(&gw->loops[i]->n_conns, memory_order_relaxed);
    }
    return n;
}

static void make_full(rf_buf *out)
{
    rf_buf body;
    rf_buf_init(&body, FULL_MAX_BYTES);
    rf_buf_init(out, FULL_MAX_BYTES);
    gateway_error_body(GATEWAY_UNAVAILABLE, "Too many connections; try again later.", &body);
    rf_buf_printf(out,
                  "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
                  "Content-Length: %zu\r\nCache-Control: no-store\r\nRetry-After: 1\r\n"
                  "Connection: close\r\n\r\n%s",
                  body.len, rf_buf_str(&body));
    rf_buf_done(&body);
}

/* Says why, where that needs no handshake. What the client has sent is read first, as far as it has
 * come: closing on unread bytes would reset the connection and take the answer with it. */
static void turn_away(const gateway_listen *l, int fd, bool tls)
{
    char sent[4096];
    gateway_metrics_refused();
    if (!tls && send(fd, l->full.data, l->full.len, MSG_NOSIGNAL) > 0) {
        shutdown(fd, SHUT_WR);
        for (int i = 0; i < TURN_AWAY_READS; i++) {
            if (recv(fd, sent, sizeof(sent), 0) < (ssize_t)sizeof(sent)) {
                break;
            }
        }
    }
    rf_close(&fd);
}

static void deal(gateway_listen *l, int fd, bool tls)
{
    int one = 1;
    if (open_conns(l->gw) >= l->gw->config.connections_max) {
        turn_away(l, fd, tls);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    gateway_loop_give(l->gw->loops[l->next++ % l->gw->n_loops], fd, tls);
}

static void watch_doors(void *user)
{
    gateway_listen *l = user;
    for (size_t i = 0; i < RF_ARRAY_LEN(l->doors); i++) {
        if (l->doors[i].watch != NULL) {
            rf_loop_modify(l->doors[i].watch, EPOLLIN);
        }
    }
}

static void on_accept(uint32_t events, void *user)
{
    door *d = user;
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_EVENT; i++) {
        int fd = accept4(d->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            deal(d->listen, fd, d->tls);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            RF_LOG_WARN("connections wait: out of descriptors or memory");
            rf_loop_modify(d->watch, 0);
            rf_timer_set(d->listen->pause, rf_time_ns() + PAUSE_NS);
            return;
        } else if (errno == EAGAIN) {
            return;
        }
    }
}

/* ---- sockets ---- */

int gateway_listen_parse(const char *text, char host[64], char port[8])
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon == text || colon[1] == '\0' || strlen(colon + 1) >= 8) {
        return -EINVAL;
    }
    const char *from = text;
    size_t len = (size_t)(colon - text);
    if (text[0] == '[' && colon[-1] == ']') {
        from++;
        len -= 2;
    }
    if (len == 0 || len >= 64) {
        return -EINVAL;
    }
    memcpy(host, from, len);
    host[len] = '\0';
    memcpy(port, colon + 1, strlen(colon + 1) + 1);
    return 0;
}

static int bind_one(const struct addrinfo *a)
{
    int one = 1;
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
        bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
        int err = -errno;
        rf_close(&fd);
        return err;
    }
    return fd;
}

static int bind_text(const char *text)
{
    char host[64];
    char port[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    if (gateway_listen_parse(text, host, port) < 0 || getaddrinfo(host, port, &hints, &list) != 0) {
        return -EINVAL;
    }
    int fd = bind_one(list);
    freeaddrinfo(list);
    return fd;
}

/* The descriptor passed under name, -ENOENT when there is none. */
static int passed_fd(const char *name)
{
    const char *count = getenv("LISTEN_FDS");
    const char *pid = getenv("LISTEN_PID");
    const char *names = getenv("LISTEN_FDNAMES");
    int64_t n = 0;
    int64_t owner = 0;
    if (count == NULL || names == NULL || rf_parse_i64(count, &n) < 0 ||
        (pid != NULL && (rf_parse_i64(pid, &owner) < 0 || owner != getpid()))) {
        return -ENOENT;
    }
    for (int fd = FIRST_PASSED_FD; fd < FIRST_PASSED_FD + n; fd++) {
        size_t len = strcspn(names, ":");
        if (len == strlen(name) && memcmp(names, name, len) == 0) {
            return fd;
        }
        names += len + (names[len] == ':');
    }
    return -ENOENT;
}

static int open_door(door *d, const char *setting)
{
    d->fd = passed_fd(d->name);
    if (d->fd >= 0) {
        int flags = fcntl(d->fd, F_GETFL);
        if (flags < 0 || fcntl(d->fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
            fcntl(d->fd, F_SETFD, FD_CLOEXEC) < 0) {
            return -errno;
        }
    } else if (setting[0] == '\0') {
        return 0;
    } else {
        d->fd = bind_text(setting);
    }
    if (d->fd < 0) {
        RF_LOG_ERROR("cannot listen", RF_STR("for", d->name), RF_STR("address", setting),
                     RF_STR("error", strerror(-d->fd)));
        return d->fd;
    }
    d->watch = rf_loop_add(d->listen->owner, d->fd, EPOLLIN, on_accept, d);
    return d->watch != NULL ? 0 : -ENOMEM;
}

static void log_door(const door *d)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);
    char host[64];
    char port[8];
    if (d->fd >= 0 && getsockname(d->fd, (struct sockaddr *)&address, &len) == 0 &&
        getnameinfo((struct sockaddr *)&address, len, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) == 0) {
        RF_LOG_INFO("listening", RF_STR("for", d->name), RF_STR("host", host),
                    RF_STR("port", port));
    }
}

int gateway_listen_start(gateway *gw, rf_loop *owner, gateway_listen **ret)
{
    gateway_listen *l = RF_NEW(gateway_listen);
    l->gw = gw;
    l->owner = owner;
    l->pause = rf_timer_new(owner, watch_doors, l);
    make_full(&l->full);
    l->doors[0] = (door){.listen = l, .name = "http", .fd = -1};
    l->doors[1] = (door){.listen = l, .name = "https", .tls = true, .fd = -1};
    int err = open_door(&l->doors[0], gw->config.http_listen);
    err = err == 0 ? open_door(&l->doors[1], gw->config.https_listen) : err;
    if (err < 0) {
        gateway_listen_stop(l);
        return err;
    }
    log_door(&l->doors[0]);
    log_door(&l->doors[1]);
    *ret = l;
    return 0;
}

gateway_listen *gateway_listen_stop(gateway_listen *l)
{
    if (l == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(l->doors); i++) {
        rf_loop_remove(l->doors[i].watch);
        rf_close(&l->doors[i].fd);
    }
    rf_timer_free(l->pause);
    rf_buf_done(&l->full);
    free(l);
    return NULL;
}
