#include "load_socket.h"

#include "rf_time.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OP_TEXT 1
#define OP_CLOSE 8
#define OP_PING 9
#define OP_PONG 10
#define FINAL 0x80
#define MASKED 0x80
#define SEND_MAX 1024
#define ANSWER_MAX 4096

static int connect_to(const char *host, const char *port)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    if (getaddrinfo(host, port, &hints, &found) != 0) {
        return -EINVAL;
    }
    int one = 1;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int err = 0;
    if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0) {
        err = -errno;
    }
    freeaddrinfo(found);
    if (err < 0 && fd >= 0) {
        close(fd);
    }
    return err < 0 ? err : fd;
}

int load_socket_open(load_socket *s, const char *host, const char *port, const char *path,
                     const char *key)
{
    bool keep_all = s->keep_all;
    *s = (load_socket){.fd = connect_to(host, port), .keep_all = keep_all};
    if (s->fd < 0) {
        return s->fd;
    }
    s->text = rf_alloc(keep_all ? LOAD_MESSAGE_MAX + 1 : (size_t)2 * LOAD_END_BYTES + 1);
    RF_CLEANUP(rf_cleanup_free)
    char *request = rf_asprintf("GET %s HTTP/1.1\r\nHost: %s:%s\r\nAuthorization: Bearer %s\r\n"
                                "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                                "Sec-WebSocket-Version: 13\r\n"
                                "Sec-WebSocket-Key: bG9hZCBnZW5lcmF0b3IhIQ==\r\n\r\n",
                                path, host, port, key);
    ssize_t n = send(s->fd, request, strlen(request), MSG_NOSIGNAL);
    return n == (ssize_t)strlen(request) ? 0 : -errno;
}

void load_socket_close(load_socket *s)
{
    if (s->fd >= 0) {
        close(s->fd);
    }
    free(s->text);
    *s = (load_socket){.fd = -1};
}

/* Unmasked frames come in, masked ones go out. The mask is all zeros: the bytes stay as they are.
 */
static int send_frame(load_socket *s, int op, const char *payload, size_t len)
{
    uint8_t out[SEND_MAX + 8] = {(uint8_t)(FINAL | op)};
    size_t n = 1;
    if (len < 126) {
        out[n++] = (uint8_t)(MASKED | len);
    } else if (len <= SEND_MAX - 8) {
        out[n++] = MASKED | 126;
        out[n++] = (uint8_t)(len >> 8);
        out[n++] = (uint8_t)len;
    } else {
        return -EMSGSIZE;
    }
    n += 4;
    memcpy(out + n, payload, len);
    n += len;
    return send(s->fd, out, n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n ? 0 : -EPIPE;
}

int load_socket_send(load_socket *s, const char *text)
{
    return send_frame(s, OP_TEXT, text, strlen(text));
}

static load_event fail(load_socket *s, const char *why)
{
    snprintf(s->why, sizeof(s->why), "%s", why);
    return LOAD_FAILED;
}

/* recv that tells -EAGAIN and the end apart. */
static ssize_t receive(load_socket *s, void *buf, size_t len, int flags)
{
    ssize_t n = recv(s->fd, buf, len, flags | MSG_DONTWAIT);
    return n < 0 ? -errno : n == 0 ? -ECONNRESET : n;
}

static load_event ended(load_socket *s, ssize_t err)
{
    if (err == -EAGAIN) {
        return LOAD_NOTHING;
    }
    s->close_code = s->close_code == 0 ? 1006 : s->close_code;
    return LOAD_CLOSED;
}

/* The answer to the upgrade, byte by byte so that nothing of the first frame is taken. */
static load_event step_upgrade(load_socket *s)
{
    for (;;) {
        ssize_t n = receive(s, s->text + s->text_len, 1, 0);
        if (n < 0) {
            return ended(s, n);
        }
        s->text_len++;
        s->text[s->text_len] = '\0';
        if (s->text_len >= 4 && strcmp(s->text + s->text_len - 4, "\r\n\r\n") == 0) {
            break;
        }
        if (s->text_len == ANSWER_MAX) {
            return fail(s, "no end of the answer to the upgrade");
        }
    }
    s->open = strncmp(s->text, "HTTP/1.1 101 ", 13) == 0;
    s->text[strcspn(s->text, "\r")] = '\0';
    return s->open ? LOAD_OPENED : fail(s, s->text);
}

/* Bytes of a frame's head, as far as they tell. */
static size_t head_size(const load_socket *s)
{
    if (s->head_len < 2) {
        return 2;
    }
    return s->head[1] == 126 ? 4 : s->head[1] == 127 ? 10 : 2;
}

static uint64_t payload_size(const load_socket *s)
{
    size_t n = head_size(s);
    if (n == 2) {
        return s->head[1];
    }
    uint64_t len = 0;
    for (size_t i = 2; i < n; i++) {
        len = len << 8 | s->head[i];
    }
    return len;
}

/* 1 when the head is there, 0 to wait, negative errno when the connection ended. */
static int read_head(load_socket *s)
{
    while (s->head_len < head_size(s)) {
        ssize_t n = receive(s, s->head + s->head_len, head_size(s) - s->head_len, 0);
        if (n < 0) {
            return n == -EAGAIN ? 0 : (int)n;
        }
        s->first_ns = s->head_len == 0 ? rf_time_ns() : s->first_ns;
        s->head_len += (size_t)n;
    }
    s->len = payload_size(s);
    return 1;
}

/* Reads the payload on: its begin, the middle into nowhere, its end. As read_head. */
static int read_payload(load_socket *s)
{
    bool cut = !s->keep_all && s->len > (uint64_t)2 * LOAD_END_BYTES;
    while (s->got < s->len) {
        uint64_t left = s->len - s->got;
        bool middle = cut && s->got >= LOAD_END_BYTES && left > LOAD_END_BYTES;
        size_t want = middle                           ? (size_t)(left - LOAD_END_BYTES)
                      : cut && s->got < LOAD_END_BYTES ? (size_t)(LOAD_END_BYTES - s->got)
                                                       : (size_t)left;
        ssize_t n = receive(s, middle ? NULL : s->text + s->text_len, want, middle ? MSG_TRUNC : 0);
        if (n < 0) {
            return n == -EAGAIN ? 0 : (int)n;
        }
        s->got += (uint64_t)n;
        s->text_len += middle ? 0 : (size_t)n;
    }
    s->text[s->text_len] = '\0';
    s->last_ns = rf_time_ns();
    return 1;
}

static load_event on_frame(load_socket *s)
{
    switch (s->head[0]) {
    case FINAL | OP_TEXT:
        return LOAD_MESSAGE;
    case FINAL | OP_PING:
        return send_frame(s, OP_PONG, s->text, s->text_len) == 0 ? LOAD_NOTHING
                                                                 : fail(s, "no place for a pong");
    case FINAL | OP_CLOSE:
        s->close_code = s->text_len < 2 ? 1005 : (uint8_t)s->text[0] << 8 | (uint8_t)s->text[1];
        send_frame(s, OP_CLOSE, s->text, s->text_len < 2 ? 0 : 2);
        return LOAD_CLOSED;
    default:
        return fail(s, "a frame that a load socket does not take: fragmented, binary or reserved");
    }
}

load_event load_socket_step(load_socket *s)
{
    if (!s->open) {
        return step_upgrade(s);
    }
    for (;;) {
        if (s->head_len == 0) {
            s->got = 0;
            s->text_len = 0;
        }
        int there = read_head(s);
        if (there == 1 && s->len > LOAD_MESSAGE_MAX) {
            return fail(s, "a message above 2 MiB");
        }
        there = there == 1 ? read_payload(s) : there;
        if (there <= 0) {
            return there == 0 ? LOAD_NOTHING : ended(s, there);
        }
        s->head_len = 0;
        load_event event = on_frame(s);
        if (event != LOAD_NOTHING) {
            return event;
        }
    }
}
