#include "rf_sandbox_wire.h"

#include "rf_sandbox.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

typedef union fd_control {
    struct cmsghdr header;
    char room[CMSG_SPACE(RF_SANDBOX_FDS_MAX * sizeof(int))];
} fd_control;

int rf_sandbox_send_fds(int sock, const void *data, size_t len, const int *fds, size_t n_fds)
{
    fd_control control = {0};
    struct iovec iov = {.iov_base = (void *)data, .iov_len = len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    if (n_fds > RF_SANDBOX_FDS_MAX) {
        return -EINVAL;
    }
    if (n_fds > 0) {
        msg.msg_control = &control;
        msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        memcpy(CMSG_DATA(cmsg), fds, n_fds * sizeof(int));
    }
    ssize_t n;
    do {
        n = sendmsg(sock, &msg, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

static size_t take_fds(struct msghdr *msg, int *fds, size_t max_fds)
{
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
    if (cmsg == NULL || cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS) {
        return 0;
    }
    size_t n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    int all[RF_SANDBOX_FDS_MAX];
    memcpy(all, CMSG_DATA(cmsg), n * sizeof(int));
    for (size_t i = 0; i < n; i++) {
        if (i < max_fds) {
            fds[i] = all[i];
        } else {
            rf_close(&all[i]);
        }
    }
    return RF_MIN(n, max_fds);
}

ssize_t rf_sandbox_recv_fds(int sock, void *data, size_t size, int *fds, size_t max_fds,
                            size_t *ret_n_fds)
{
    fd_control control = {0};
    struct iovec iov = {.iov_base = data, .iov_len = size};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof(control)};
    ssize_t n;
    do {
        n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return -errno;
    }
    *ret_n_fds = take_fds(&msg, fds, max_fds);
    return (msg.msg_flags & MSG_TRUNC) != 0 ? -EMSGSIZE : n;
}
