#include "peer.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

uint32_t peer_u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

void peer_set_u32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

/* ---- connections ---- */

static int dial_ipc(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    (void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

static int dial_tcp(const char *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

static bool read_all(const peer *p, void *data, size_t len)
{
    for (size_t got = 0; got < len;) {
        if (!peer_has_more(p, PEER_WAIT_MS)) {
            return false;
        }
        ssize_t n = recv(p->fd, (char *)data + got, len - got, 0);
        if (n <= 0) {
            return false;
        }
        got += (size_t)n;
    }
    return true;
}

static void exchange_magic(peer *p)
{
    char magic[8] = "";
    cr_assert(peer_send(p, PEER_MAGIC, 8));
    cr_assert(read_all(p, magic, 8));
    cr_assert_arr_eq(magic, PEER_MAGIC, 8);
}

void peer_dial_silent(peer *p, const char *url)
{
    *p = (peer){.listener = -1};
    p->fd = strncmp(url, "ipc://", 6) == 0 ? dial_ipc(url + 6) : dial_tcp(strrchr(url, ':') + 1);
}

void peer_dial(peer *p, const char *url)
{
    peer_dial_silent(p, url);
    exchange_magic(p);
}

void peer_listen(peer *p)
{
    *p = (peer){.fd = -1, .dir = "/tmp/rf-peer-XXXXXX"};
    cr_assert_not_null(mkdtemp(p->dir));
    (void)snprintf(p->path, sizeof(p->path), "%s/s", p->dir);
    (void)snprintf(p->url, sizeof(p->url), "ipc://%s", p->path);
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    (void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", p->path);
    p->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(p->listener, (struct sockaddr *)&a, sizeof(a)), 0);
    cr_assert_eq(listen(p->listener, 64), 0);
}

bool peer_accept_silent(peer *p, int wait_ms)
{
    struct pollfd poll_fd = {.fd = p->listener, .events = POLLIN};
    if (poll(&poll_fd, 1, wait_ms) != 1) {
        return false;
    }
    peer_hang_up(p);
    p->fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
    return p->fd >= 0;
}

void peer_accept(peer *p)
{
    cr_assert(peer_accept_silent(p, PEER_WAIT_MS), "nobody connects");
    exchange_magic(p);
}

void peer_hang_up(peer *p)
{
    if (p->fd >= 0) {
        (void)close(p->fd);
        p->fd = -1;
    }
}

void peer_done(peer *p)
{
    peer_hang_up(p);
    if (p->listener >= 0) {
        (void)close(p->listener);
        (void)unlink(p->path);
        (void)rmdir(p->dir);
    }
}

/* ---- out ---- */

bool peer_send(peer *p, const void *data, size_t len)
{
    for (size_t sent = 0; sent < len;) {
        struct pollfd poll_fd = {.fd = p->fd, .events = POLLOUT};
        if (poll(&poll_fd, 1, PEER_WAIT_MS) != 1) {
            return false;
        }
        ssize_t n = send(p->fd, (const char *)data + sent, len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0) {
            return false;
        }
        sent += (size_t)n;
    }
    return true;
}

bool peer_put(peer *p, unsigned type, unsigned flags, uint32_t call, const void *payload,
              size_t len)
{
    uint8_t header[PEER_HEADER] = {0};
    peer_set_u32(header, (uint32_t)len);
    header[4] = (uint8_t)type;
    header[5] = (uint8_t)flags;
    peer_set_u32(header + 8, call);
    return peer_send(p, header, sizeof(header)) && peer_send(p, payload, len);
}

static size_t put_text(uint8_t *out, uint8_t *len, const char *text)
{
    size_t n = text != NULL ? strlen(text) : 0;
    *len = (uint8_t)n;
    if (n > 0) {
        memcpy(out, text, n);
    }
    return n;
}

size_t peer_head_put(uint8_t *out, const peer_head *head)
{
    const char *const texts[PEER_TEXTS] = {head->method, head->request_id, head->traceparent,
                                           head->tenant, head->scopes};
    size_t n = 12;
    memset(out, 0, n);
    peer_set_u32(out, head->timeout_ms);
    for (size_t i = 0; i < PEER_TEXTS; i++) {
        n += put_text(out + n, &out[4 + i], texts[i]);
    }
    return n;
}

static size_t put_prefix(uint8_t *out, size_t header, size_t attachment)
{
    peer_set_u32(out, (uint32_t)header);
    peer_set_u32(out + 4, (uint32_t)attachment);
    return PEER_PREFIX;
}

static size_t put_message(uint8_t *out, const void *body, size_t len)
{
    size_t n = put_prefix(out, len, 0);
    if (len > 0) {
        memcpy(out + n, body, len);
    }
    return n + len;
}

bool peer_call(peer *p, uint32_t id, unsigned flags, const char *method, const void *body,
               size_t len)
{
    static uint8_t payload[PEER_FRAME_MAX + 1024];
    char name[256];
    bool is_full = strchr(method, '/') != NULL;
    (void)snprintf(name, sizeof(name), "%s%s", is_full ? "" : "rpc.test.Echo/", method);
    size_t n = peer_head_put(payload, &(peer_head){.timeout_ms = 60000, .method = name});
    n += body != NULL ? put_message(payload + n, body, len) : 0;
    return peer_put(p, PEER_CALL, flags, id, payload, n);
}

bool peer_open(peer *p, uint32_t id, const char *method)
{
    return peer_call(p, id, 0, method, NULL, 0);
}

bool peer_data(peer *p, uint32_t id, unsigned flags, const void *body, size_t len)
{
    static uint8_t payload[PEER_FRAME_MAX];
    return peer_put(p, PEER_DATA, flags | PEER_MESSAGE, id, payload,
                    put_message(payload, body, len));
}

bool peer_begin(peer *p, uint32_t id, uint32_t header, uint32_t attachment, size_t n)
{
    static uint8_t payload[PEER_FRAME_MAX];
    (void)put_prefix(payload, header, attachment);
    return peer_put(p, PEER_DATA, PEER_MESSAGE, id, payload, PEER_PREFIX + n);
}

bool peer_more(peer *p, uint32_t id, unsigned flags, size_t n)
{
    static const uint8_t zeros[PEER_FRAME_MAX];
    return peer_put(p, PEER_DATA, flags, id, zeros, n);
}

bool peer_credit(peer *p, uint32_t id, uint32_t bytes)
{
    uint8_t payload[4];
    peer_set_u32(payload, bytes);
    return peer_put(p, PEER_CREDIT, 0, id, payload, 4);
}

bool peer_end(peer *p, uint32_t id, unsigned code, const char *text, const void *body, size_t len)
{
    static uint8_t payload[PEER_FRAME_MAX];
    size_t n = strlen(text);
    payload[0] = (uint8_t)code;
    payload[1] = code == 14 ? 1 : 0;
    payload[2] = (uint8_t)n;
    payload[3] = (uint8_t)(n >> 8);
    memcpy(payload + 4, text, n);
    n += 4;
    n += body != NULL ? put_message(payload + n, body, len) : 0;
    return peer_put(p, PEER_END, body != NULL ? PEER_MESSAGE : 0, id, payload, n);
}

bool peer_goaway(peer *p, uint32_t last_id)
{
    uint8_t payload[4];
    peer_set_u32(payload, last_id);
    return peer_put(p, PEER_GOAWAY, 0, 0, payload, 4);
}

/* ---- in ---- */

bool peer_has_more(const peer *p, int wait_ms)
{
    struct pollfd poll_fd = {.fd = p->fd, .events = POLLIN};
    return poll(&poll_fd, 1, wait_ms) == 1;
}

bool peer_read(peer *p, peer_frame *ret)
{
    uint8_t h[PEER_HEADER];
    if (!read_all(p, h, sizeof(h))) {
        return false;
    }
    ret->len = peer_u32(h);
    ret->type = h[4];
    ret->flags = h[5];
    ret->reserved = (uint16_t)(h[6] | h[7] << 8);
    ret->call = peer_u32(h + 8);
    cr_assert_leq(ret->len, PEER_FRAME_MAX, "a frame of type %u is too long", ret->type);
    cr_assert_eq(ret->reserved, 0);
    return read_all(p, ret->payload, ret->len);
}

bool peer_read_type(peer *p, unsigned type, peer_frame *ret)
{
    do {
        if (!peer_read(p, ret)) {
            return false;
        }
    } while (ret->type != type);
    return true;
}

bool peer_is_cut_off(peer *p)
{
    static char drop[PEER_FRAME_MAX];
    while (peer_has_more(p, PEER_WAIT_MS)) {
        if (recv(p->fd, drop, sizeof(drop), 0) <= 0) {
            return true;
        }
    }
    return false;
}

bool peer_is_alive(peer *p)
{
    static peer_frame f;
    static uint8_t count;
    const uint8_t ping[8] = {'p', 'i', 'n', 'g', 0, 0xff, 0x80, ++count};
    return peer_put(p, PEER_PING, 0, 0, ping, 8) && peer_read_type(p, PEER_PONG, &f) &&
           f.len == 8 && f.call == 0 && memcmp(f.payload, ping, 8) == 0;
}

bool peer_head_get(const peer_frame *f, peer_head_text *ret)
{
    char *const texts[PEER_TEXTS] = {ret->method, ret->request_id, ret->traceparent, ret->tenant,
                                     ret->scopes};
    size_t at = 12;
    if (f->len < at || peer_u32(f->payload + 8) >> 8 != 0) {
        return false;
    }
    ret->timeout_ms = peer_u32(f->payload);
    for (size_t i = 0; i < PEER_TEXTS; i++) {
        size_t n = f->payload[4 + i];
        if (at + n > f->len) {
            return false;
        }
        memcpy(texts[i], f->payload + at, n);
        texts[i][n] = '\0';
        at += n;
    }
    ret->len = at;
    return true;
}

unsigned peer_end_code(const peer_frame *f, char text[512])
{
    size_t n = (size_t)(f->payload[2] | f->payload[3] << 8);
    cr_assert_eq(f->type, PEER_END);
    cr_assert(f->len >= 4 && n <= 511 && n <= f->len - 4);
    if (text != NULL) {
        memcpy(text, f->payload + 4, n);
        text[n] = '\0';
    }
    return f->payload[0];
}
