#include "client.h"

#include "fixture.h"
#include "rf_base.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES 65536

static void start_tls(client *c)
{
    static const unsigned char alpn[] = "\x08http/1.1";
    c->ctx = SSL_CTX_new(TLS_client_method());
    cr_assert_eq(SSL_CTX_load_verify_locations(c->ctx, fix.ca, NULL), 1);
    SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, NULL);
    c->ssl = SSL_new(c->ctx);
    SSL_set1_host(c->ssl, "localhost");
    SSL_set_alpn_protos(c->ssl, alpn, sizeof(alpn) - 1);
    SSL_set_fd(c->ssl, c->fd);
    cr_assert_eq(SSL_connect(c->ssl), 1, "handshake");
}

client client_open_port(int port)
{
    client c = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    int one = 1;
    struct timeval wait = {.tv_sec = CLIENT_WAIT_MS / 1000};
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    cr_assert_geq(c.fd, 0);
    setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(c.fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    setsockopt(c.fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    cr_assert_eq(connect(c.fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return c;
}

client client_open(bool tls)
{
    client c = client_open_port(tls ? fix.https_port : fix.http_port);
    if (tls) {
        start_tls(&c);
    }
    return c;
}

void client_close(client *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->ctx);
    close(c->fd);
    free(c->data);
    memset(c, 0, sizeof(*c));
    c->fd = -1;
}

bool client_send(client *c, const void *data, size_t len)
{
    const char *p = data;
    while (len > 0) {
        size_t part = RF_MIN(len, (size_t)(1u << 20));
        ssize_t n =
            c->ssl != NULL ? SSL_write(c->ssl, p, (int)part) : send(c->fd, p, part, MSG_NOSIGNAL);
        if (n <= 0) {
            return false;
        }
        p += n;
        len -= (size_t)n;
    }
    return true;
}

bool client_text(client *c, const char *text)
{
    return client_send(c, text, strlen(text));
}

static ssize_t read_some(client *c, void *data, size_t len)
{
    return c->ssl != NULL ? SSL_read(c->ssl, data, (int)len) : recv(c->fd, data, len, 0);
}

/* Reads more behind what is there; false at the end. */
static bool fill(client *c)
{
    c->data = rf_make_room(c->data, c->len + READ_BYTES + 1, &c->cap, 1);
    ssize_t n = read_some(c, c->data + c->len, READ_BYTES);
    if (n <= 0) {
        return false;
    }
    c->len += (size_t)n;
    return true;
}

static void take(client *c, size_t n)
{
    memmove(c->data, c->data + n, c->len - n);
    c->len -= n;
}

answer client_read_head(client *c)
{
    answer a = {.status = 0};
    const char *end = NULL;
    while ((end = c->len > 0 ? memmem(c->data, c->len, "\r\n\r\n", 4) : NULL) == NULL) {
        if (!fill(c)) {
            return a;
        }
    }
    size_t len = (size_t)(end + 4 - c->data);
    cr_assert_lt(len, sizeof(a.head));
    memcpy(a.head, c->data, len);
    cr_assert_eq(sscanf(a.head, "HTTP/1.1 %d ", &a.status), 1, "%s", a.head);
    take(c, len);
    return a;
}

static void take_body(client *c, answer *a, size_t len)
{
    a->body = rf_make_room(a->body, a->body_len + len + 1, &a->body_cap, 1);
    if (len > 0) {
        memcpy(a->body + a->body_len, c->data, len);
        take(c, len);
    }
    a->body_len += len;
    a->body[a->body_len] = '\0';
}

/* Length of the chunk whose line comes next; -1 when the connection ends before. */
static ssize_t take_chunk_line(client *c)
{
    const char *end = NULL;
    while ((end = c->len > 0 ? memmem(c->data, c->len, "\r\n", 2) : NULL) == NULL) {
        if (!fill(c)) {
            return -1;
        }
    }
    size_t n_digits = (size_t)(end - c->data);
    cr_assert(n_digits > 0 && n_digits <= 8, "a chunk's line of %zu", n_digits);
    cr_assert_eq(strspn(c->data, "0123456789abcdefABCDEF"), n_digits);
    ssize_t len = (ssize_t)strtoul(c->data, NULL, 16);
    take(c, n_digits + 2);
    return len;
}

static void read_chunks(client *c, answer *a)
{
    ssize_t len = 0;
    do {
        len = take_chunk_line(c);
        while (len >= 0 && c->len < (size_t)len + 2) {
            len = fill(c) ? len : -1;
        }
        a->cut = len < 0;
        if (!a->cut) {
            take_body(c, a, (size_t)len);
            cr_assert_eq(memcmp(c->data, "\r\n", 2), 0, "a chunk without its end");
            take(c, 2);
        }
    } while (len > 0);
}

/* Up to the end of the connection; cut when that is a reset. */
static void read_to_end(client *c, answer *a)
{
    errno = 0;
    while (fill(c)) {
    }
    a->cut = errno != 0;
    take_body(c, a, c->len);
}

static void read_length(client *c, answer *a, size_t len)
{
    a->body = rf_make_room(a->body, len + 1, &a->body_cap, 1);
    take_body(c, a, RF_MIN(len, c->len));
    while (a->body_len < len && !a->cut) {
        ssize_t n = read_some(c, a->body + a->body_len, len - a->body_len);
        a->cut = n <= 0;
        a->body_len += n > 0 ? (size_t)n : 0;
    }
    a->body[a->body_len] = '\0';
}

answer client_answer(client *c, bool has_body)
{
    char text[32];
    answer a = client_read_head(c);
    a.body = rf_strdup("");
    a.body_cap = 1;
    if (a.status == 0 || !has_body) {
        return a;
    }
    if (answer_header(&a, "Transfer-Encoding:", text, sizeof(text))) {
        cr_assert_str_eq(text, "chunked");
        read_chunks(c, &a);
    } else if (answer_header(&a, "Content-Length:", text, sizeof(text))) {
        read_length(c, &a, (size_t)strtoull(text, NULL, 10));
    } else if (answer_header(&a, "Connection:", text, sizeof(text)) && strcmp(text, "close") == 0) {
        read_to_end(c, &a);
    }
    return a;
}

void answer_done(answer *a)
{
    free(a->body);
    memset(a, 0, sizeof(*a));
}

ssize_t client_read(client *c, void *data, size_t len)
{
    if (c->len > 0) {
        size_t n = RF_MIN(len, c->len);
        memcpy(data, c->data, n);
        take(c, n);
        return (ssize_t)n;
    }
    return read_some(c, data, len);
}

bool client_ended(client *c, int wait_ms)
{
    char byte;
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    if (c->len > 0 || poll(&p, 1, wait_ms) != 1) {
        return false;
    }
    return read_some(c, &byte, 1) <= 0;
}

bool answer_header(const answer *a, const char *name, char *out, size_t out_size)
{
    const char *line = strcasestr(a->head, name);
    if (line == NULL || (line > a->head && line[-1] != '\n')) {
        return false;
    }
    line += strlen(name);
    line += strspn(line, " ");
    snprintf(out, out_size, "%.*s", (int)strcspn(line, "\r"), line);
    return true;
}

answer client_call(const char *method, const char *path, const char *key, const char *headers,
                   const char *body)
{
    client c = client_open(false);
    const char *use = key != NULL ? key : fix.key;
    char *text = rf_asprintf("%s %s HTTP/1.1\r\nHost: localhost\r\n%s%s%s%s", method, path,
                             use[0] != '\0' ? "Authorization: " : "", use,
                             use[0] != '\0' ? "\r\n" : "", headers != NULL ? headers : "");
    char *rest = body != NULL ? rf_asprintf("Content-Length: %zu\r\n\r\n%s", strlen(body), body)
                              : rf_strdup("\r\n");
    cr_assert(client_text(&c, text) && client_text(&c, rest));
    answer a = client_answer(&c, strcmp(method, "HEAD") != 0);
    free(text);
    free(rest);
    client_close(&c);
    return a;
}

int client_status(const char *method, const char *path, const char *key, const char *headers,
                  const char *body)
{
    answer a = client_call(method, path, key, headers, body);
    int status = a.status;
    answer_done(&a);
    return status;
}

void json_text(const answer *a, const char *key, char *out, size_t out_size)
{
    json_t *root = json_loads(a->body, 0, NULL);
    const char *value = json_string_value(json_object_get(root, key));
    cr_assert_not_null(value, "%s in %s", key, a->body);
    rf_copy_str(out, out_size, value);
    json_decref(root);
}
