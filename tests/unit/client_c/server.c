#include "server.h"

#include "rf_base.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER 131072

struct server {
    server_script script;
    void *user;
    pthread_t thread;
    bool is_joined;
    int listen_fd;
    int fd;
    SSL_CTX *context; /* NULL: plain */
    SSL *ssl;
    char url[64];
    char ca_file[64];
    char buffer[BUFFER];
    unsigned pongs;
    int closed;
};

/* ---- bytes ---- */

static bool read_bytes(server *s, void *data, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = s->ssl != NULL ? SSL_read(s->ssl, (char *)data + done, (int)(len - done))
                                   : recv(s->fd, (char *)data + done, len - done, 0);
        if (n <= 0) {
            return false;
        }
        done += (size_t)n;
    }
    return true;
}

void server_raw(server *s, const void *data, size_t len)
{
    for (size_t done = 0; s->fd >= 0 && done < len;) {
        ssize_t n = s->ssl != NULL
                        ? SSL_write(s->ssl, (const char *)data + done, (int)(len - done))
                        : send(s->fd, (const char *)data + done, len - done, MSG_NOSIGNAL);
        if (n <= 0) {
            return;
        }
        done += (size_t)n;
    }
}

static void drop(server *s)
{
    if (s->ssl != NULL) {
        SSL_shutdown(s->ssl);
    }
    SSL_free(s->ssl);
    s->ssl = NULL;
    rf_close(&s->fd);
}

bool server_accept(server *s)
{
    drop(s);
    s->fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (s->fd >= 0 && s->context != NULL) {
        s->ssl = SSL_new(s->context);
        SSL_set_fd(s->ssl, s->fd);
        if (SSL_accept(s->ssl) != 1) {
            SSL_free(s->ssl);
            s->ssl = NULL;
            rf_close(&s->fd);
        }
    }
    return s->fd >= 0;
}

void server_idle(server *s)
{
    int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    rf_close(&fd);
}

/* ---- upgrade ---- */

const char *server_read_head(server *s)
{
    size_t len = 0;
    while (len < BUFFER - 1 && read_bytes(s, s->buffer + len, 1)) {
        s->buffer[++len] = '\0';
        if (len >= 4 && memcmp(s->buffer + len - 4, "\r\n\r\n", 4) == 0) {
            return s->buffer;
        }
    }
    return NULL;
}

const char *server_upgrade(server *s)
{
    const char *head = server_accept(s) ? server_read_head(s) : NULL;
    const char *key = head == NULL ? NULL : strstr(head, "Sec-WebSocket-Key: ");
    if (key == NULL) {
        return NULL;
    }
    char text[64];
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned char accept[32];
    snprintf(text, sizeof(text), "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key + 19);
    EVP_Digest(text, strlen(text), digest, NULL, EVP_sha1(), NULL);
    EVP_EncodeBlock(accept, digest, 20);
    char answer[256];
    snprintf(answer, sizeof(answer),
             "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Accept: %s\r\n\r\n",
             (char *)accept);
    server_raw(s, answer, strlen(answer));
    return head;
}

/* ---- frames ---- */

void server_frame(server *s, uint8_t first_byte, const void *data, size_t len)
{
    uint8_t head[10] = {first_byte};
    size_t n = 2;
    if (len < 126) {
        head[1] = (uint8_t)len;
    } else {
        n = len < 65536 ? 4 : 10;
        head[1] = n == 4 ? 126 : 127;
        for (size_t i = 2; i < n; i++) {
            head[i] = (uint8_t)(len >> 8 * (n - 1 - i));
        }
    }
    server_raw(s, head, n);
    server_raw(s, data, len);
}

void server_text(server *s, const char *text)
{
    server_frame(s, 0x81, text, strlen(text));
}

void server_binary(server *s, const void *data, size_t len)
{
    server_frame(s, 0x82, data, len);
}

void server_close_frame(server *s, unsigned code)
{
    const uint8_t body[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    server_frame(s, 0x88, body, sizeof(body));
}

/* One masked frame of the client; its opcode, or -1. */
static int read_frame(server *s, size_t *ret_len)
{
    uint8_t head[2];
    uint8_t size[8];
    uint8_t mask[4];
    if (!read_bytes(s, head, 2) || (head[1] & 0x80) == 0) {
        return -1;
    }
    size_t len = head[1] & 0x7f;
    size_t n = len == 126 ? 2 : len == 127 ? 8 : 0;
    if (!read_bytes(s, size, n)) {
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        len = (i == 0 ? 0 : len << 8) | size[i];
    }
    if (len >= BUFFER || !read_bytes(s, mask, 4) || !read_bytes(s, s->buffer, len)) {
        return -1;
    }
    for (size_t i = 0; i < len; i++) {
        s->buffer[i] = (char)(s->buffer[i] ^ mask[i % 4]);
    }
    s->buffer[len] = '\0';
    *ret_len = len;
    return head[0] & 0x0f;
}

const char *server_read(server *s)
{
    for (;;) {
        size_t len = 0;
        int opcode = read_frame(s, &len);
        if (opcode == 1) {
            return s->buffer;
        }
        if (opcode == 8) {
            s->closed = len < 2 ? 1005 : (uint8_t)s->buffer[0] << 8 | (uint8_t)s->buffer[1];
        }
        if (opcode != 10) {
            return NULL;
        }
        s->pongs++;
    }
}

const void *server_read_binary(server *s, size_t *ret_len)
{
    int opcode = read_frame(s, ret_len);
    return opcode == 2 ? s->buffer : NULL;
}

unsigned server_pongs(const server *s)
{
    return s->pongs;
}

int server_closed(const server *s)
{
    return s->closed;
}

const char *server_begin(server *s, unsigned overlap)
{
    const char *start = server_upgrade(s) != NULL ? server_read(s) : NULL;
    if (start != NULL) {
        char text[1024];
        snprintf(text, sizeof(text), SERVER_STARTED, overlap, "wav-f32", "token-1", "false", 0u);
        server_text(s, text);
    }
    return start;
}

/* ---- audio ---- */

float server_sample(uint64_t n, unsigned channel)
{
    return (float)(0.5 * sin((double)n * (channel == 0 ? 0.05 : 0.07)));
}

uint8_t *server_wav(uint64_t first, size_t n, size_t *ret_len)
{
    *ret_len = 58 + 8 * n;
    uint8_t *file = rf_alloc(*ret_len);
    const uint32_t words[] = {50 + 8 * (uint32_t)n, 18, 0x00020003, 48000, 384000, 0x00200008};
    memcpy(file, "RIFF", 4);
    memcpy(file + 4, &words[0], 4);
    memcpy(file + 8, "WAVEfmt ", 8);
    memcpy(file + 16, &words[1], 20);
    memcpy(file + 38, "fact\4\0\0\0", 8);
    memcpy(file + 46, &(uint32_t){(uint32_t)n}, 4);
    memcpy(file + 50, "data", 4);
    memcpy(file + 54, &(uint32_t){8 * (uint32_t)n}, 4);
    for (size_t i = 0; i < 2 * n; i++) {
        float x = server_sample(first + i / 2, i & 1);
        memcpy(file + 58 + 4 * i, &x, 4);
    }
    return file;
}

void server_meta(server *s, uint64_t index, size_t hop, size_t overlap)
{
    char text[1024];
    snprintf(text, sizeof(text),
             "{\"type\":\"chunk_meta\",\"metadata\":{\"sample_rate\":48000,\"channels\":2,"
             "\"crossfade_seconds\":%.9f,\"chunk_frames\":%zu,\"chunk_seconds\":%.2f,"
             "\"index\":%llu,\"start_sample\":%llu,\"samples\":%zu,\"format\":\"wav-f32\","
             "\"seed\":7,\"styles\":[{\"name\":\"jazz\",\"weight\":0.75},{\"name\":\"techno\","
             "\"weight\":0.25}],\"bpm\":120.5,\"rev\":3,\"bar\":2,\"beat\":3.5,"
             "\"generation_ms\":1.25,\"lead_ms\":-4}}",
             (double)overlap / 48000, hop / 1920, (double)hop / 48000, (unsigned long long)index,
             (unsigned long long)index * hop, hop + overlap);
    server_text(s, text);
}

void server_chunk(server *s, uint64_t index, size_t hop, size_t overlap)
{
    size_t len;
    RF_CLEANUP(rf_cleanup_free) uint8_t *file = server_wav(index * hop, hop + overlap, &len);
    server_binary(s, file, len);
    server_meta(s, index, hop, overlap);
}

/* ---- certificate ---- */

static void add_extension(X509 *x, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, x, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
}

static X509 *make_certificate(EVP_PKEY *key, const char *name)
{
    char names[128];
    struct in_addr address;
    snprintf(names, sizeof(names), "%s:%s", inet_pton(AF_INET, name, &address) == 1 ? "IP" : "DNS",
             name);
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    add_extension(x, NID_subject_alt_name, names);
    add_extension(x, NID_basic_constraints, "critical,CA:TRUE");
    X509_sign(x, key, EVP_sha256());
    return x;
}

static void prepare_tls(server *s, const char *name)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = make_certificate(key, name);
    s->context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(s->context, x);
    SSL_CTX_use_PrivateKey(s->context, key);
    snprintf(s->ca_file, sizeof(s->ca_file), "/tmp/client_c_XXXXXX");
    FILE *file = fdopen(mkstemp(s->ca_file), "w");
    PEM_write_X509(file, x);
    fclose(file);
    X509_free(x);
    EVP_PKEY_free(key);
}

/* ---- life ---- */

static void *run(void *user)
{
    server *s = user;
    s->script(s);
    drop(s);
    return NULL;
}

static server *start(server_script script, void *user, const char *tls_name)
{
    server *s = RF_NEW(server);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    s->script = script;
    s->user = user;
    s->fd = -1;
    s->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(s->listen_fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(s->listen_fd, 8) < 0 ||
        getsockname(s->listen_fd, (struct sockaddr *)&a, &len) < 0) {
        abort();
    }
    if (tls_name != NULL) {
        prepare_tls(s, tls_name);
    }
    snprintf(s->url, sizeof(s->url), "%s://127.0.0.1:%d", tls_name != NULL ? "wss" : "ws",
             ntohs(a.sin_port));
    pthread_create(&s->thread, NULL, run, s);
    return s;
}

server *server_start(server_script script, void *user)
{
    return start(script, user, NULL);
}

server *server_start_tls(server_script script, void *user, const char *name)
{
    return start(script, user, name);
}

void server_join(server *s)
{
    if (!s->is_joined) {
        pthread_join(s->thread, NULL);
        s->is_joined = true;
    }
}

server *server_stop(server *s)
{
    shutdown(s->listen_fd, SHUT_RDWR); /* ends a waiting accept */
    server_join(s);
    close(s->listen_fd);
    SSL_CTX_free(s->context);
    if (s->ca_file[0] != '\0') {
        unlink(s->ca_file);
    }
    free(s);
    return NULL;
}

const char *server_url(const server *s)
{
    return s->url;
}

const char *server_ca_file(const server *s)
{
    return s->ca_file;
}

void *server_user(const server *s)
{
    return s->user;
}
