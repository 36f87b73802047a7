#include "cli_listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define BACKLOG 4096

RF_DEFINE_CLEANUP(struct addrinfo, addrinfo, freeaddrinfo)

static int split(const char *address, char *host, size_t host_size, const char **ret_port)
{
    const char *colon = strrchr(address, ':');
    int64_t port;
    if (colon == NULL || colon == address || rf_parse_i64(colon + 1, &port) < 0 || port < 0 ||
        port > 65535) {
        return -EINVAL;
    }
    bool bracketed = address[0] == '[' && colon[-1] == ']';
    const char *start = address + (bracketed ? 1 : 0);
    size_t len = (size_t)(colon - start) - (bracketed ? 1 : 0);
    if (len == 0 || len >= host_size) {
        return -EINVAL;
    }
    memcpy(host, start, len);
    host[len] = '\0';
    *ret_port = colon + 1;
    return 0;
}

static int bind_first(const struct addrinfo *list, int *ret_fd)
{
    RF_CLEANUP(rf_cleanup_close)
    int fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int one = 1;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
        bind(fd, list->ai_addr, list->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
        return -errno;
    }
    *ret_fd = fd;
    fd = -1;
    return 0;
}

static int port_of(int fd)
{
    struct sockaddr_in6 addr = {0}; /* the port stands at the same place for both families */
    socklen_t len = sizeof(addr);
    if (getsockname(fd, (struct sockaddr *)&addr, &len) < 0) {
        return -errno;
    }
    return ntohs(addr.sin6_port);
}

int cli_listen(const char *address, cli_listener *ret, rf_buf *error)
{
    const char *port = NULL;
    ret->fd = -1;
    if (split(address, ret->host, sizeof(ret->host), &port) < 0) {
        rf_buf_printf(error, "\"%s\" is not HOST:PORT with a port from 0 to 65535", address);
        return -EINVAL;
    }
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE,
                                   .ai_family = strchr(ret->host, ':') ? AF_INET6 : AF_INET};
    RF_CLEANUP(rf_cleanup_addrinfo) struct addrinfo *list = NULL;
    int gai = getaddrinfo(ret->host, port, &hints, &list);
    if (gai != 0) {
        rf_buf_printf(error, "%s: %s", ret->host, gai_strerror(gai));
        return -EINVAL;
    }
    int err = bind_first(list, &ret->fd);
    if (err < 0) {
        rf_buf_printf(error,
                      "%s: %s; choose another with --http or --https (port 0 picks a free one)",
                      address, strerror(-err));
        return err;
    }
    ret->port = port_of(ret->fd);
    return ret->port < 0 ? ret->port : 0;
}

char *cli_listener_url(const cli_listener *l, const char *scheme)
{
    bool wildcard = strcmp(l->host, "0.0.0.0") == 0 || strcmp(l->host, "::") == 0;
    if (!wildcard && strchr(l->host, ':') != NULL) {
        return rf_asprintf("%s://[%s]:%d", scheme, l->host, l->port);
    }
    return rf_asprintf("%s://%s:%d", scheme, wildcard ? "localhost" : l->host, l->port);
}
