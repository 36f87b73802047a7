#include "reflection_net.h"

#include "reflection_tls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct reflection_net {
    int fd;
    reflection_tls *tls; /* NULL: plain */
};

/* ---- waiting ---- */

static int wait_fd(int fd, short events, int64_t deadline_ns)
{
    for (;;) {
        int64_t left_ns = deadline_ns - reflection_now_ns();
        int64_t left_ms = left_ns <= 0 ? 0 : left_ns / 1000000 + 1;
        struct pollfd p = {.fd = fd, .events = events};
        int n = poll(&p, 1, left_ms > INT_MAX ? -1 : (int)left_ms);
        if (n > 0) {
            return 0;
        }
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        if (reflection_now_ns() >= deadline_ns) {
            return -ETIMEDOUT;
        }
    }
}

int reflection_net_fd(const reflection_net *net)
{
    return net->fd;
}

short reflection_net_events(const reflection_net *net, bool want_write)
{
    return net->tls != NULL ? reflection_tls_events(net->tls, want_write)
                            : (short)(want_write ? POLLIN | POLLOUT : POLLIN);
}

int reflection_net_wait(const reflection_net *net, bool want_write, int64_t deadline_ns)
{
    return wait_fd(net->fd, reflection_net_events(net, want_write), deadline_ns);
}

/* ---- reading and writing ---- */

static ssize_t result_of(ssize_t n)
{
    if (n >= 0) {
        return n;
    }
    bool is_soon = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    return is_soon ? -EAGAIN : -ECONNRESET;
}

ssize_t reflection_net_read(reflection_net *net, void *data, size_t len)
{
    return net->tls != NULL ? reflection_tls_read(net->tls, data, len)
                            : result_of(recv(net->fd, data, len, 0));
}

ssize_t reflection_net_write(reflection_net *net, const void *data, size_t len)
{
    return net->tls != NULL ? reflection_tls_write(net->tls, data, len)
                            : result_of(send(net->fd, data, len, MSG_NOSIGNAL));
}

/* ---- opening ---- */

static int connect_to(const struct addrinfo *a, int64_t deadline_ns, int *ret_fd)
{
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
    if (fd < 0) {
        return -errno;
    }
    int err = connect(fd, a->ai_addr, a->ai_addrlen) < 0 ? -errno : 0;
    if (err == -EINPROGRESS) {
        socklen_t len = sizeof(err);
        err = wait_fd(fd, POLLOUT, deadline_ns);
        if (err == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) == 0) {
            err = -err;
        }
    }
    if (err < 0) {
        close(fd);
        return err;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    *ret_fd = fd;
    return 0;
}

static int connect_any(const reflection_url *url, int64_t deadline_ns, int *ret_fd,
                       reflection_jam_fault *fault)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *list = NULL;
    int code = getaddrinfo(url->host, url->port, &hints, &list);
    if (code != 0) {
        return reflection_fail(fault, -EHOSTUNREACH, "%s: %s", url->host, gai_strerror(code));
    }
    int err = -EHOSTUNREACH;
    for (const struct addrinfo *a = list; a != NULL && err < 0 && err != -ETIMEDOUT;
         a = a->ai_next) {
        err = connect_to(a, deadline_ns, ret_fd);
    }
    freeaddrinfo(list);
    return err == 0
               ? 0
               : reflection_fail(fault, err, "%s:%s: %s", url->host, url->port, strerror(-err));
}

static int start_tls(reflection_net *net, const reflection_url *url, const char *ca_file,
                     int64_t deadline_ns, reflection_jam_fault *fault)
{
    int err = reflection_tls_new(net->fd, url->host, ca_file, &net->tls, fault);
    while (err == 0 && (err = reflection_tls_handshake(net->tls, fault)) == -EAGAIN) {
        err = reflection_net_wait(net, false, deadline_ns);
        if (err < 0) {
            return reflection_fail(fault, err, "%s:%s: no TLS handshake in time", url->host,
                                   url->port);
        }
    }
    return err;
}

int reflection_net_open(const reflection_url *url, const char *ca_file, int64_t deadline_ns,
                        reflection_net **ret, reflection_jam_fault *fault)
{
    reflection_net *net = calloc(1, sizeof(*net));
    if (net == NULL) {
        return reflection_fail(fault, -ENOMEM, "no memory");
    }
    net->fd = -1;
    int err = connect_any(url, deadline_ns, &net->fd, fault);
    if (err == 0 && url->is_tls) {
        err = start_tls(net, url, ca_file, deadline_ns, fault);
    }
    if (err < 0) {
        reflection_net_close(net);
        return err;
    }
    *ret = net;
    return 0;
}

reflection_net *reflection_net_close(reflection_net *net)
{
    if (net != NULL) {
        reflection_tls_free(net->tls);
        if (net->fd >= 0) {
            close(net->fd);
        }
        free(net);
    }
    return NULL;
}
