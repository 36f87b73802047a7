/* Who answers over https must prove the name, by a certificate that the settings trust. */
#include "fetch_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DAY_S (24L * 3600)

typedef struct tls_server {
    SSL_CTX *ctx;
    int listen_fd;
    uint16_t port;
    int n_handshakes; /* that the client accepted */
    int n_connections;
    int n_expected;
    pthread_t thread;
    char ca_file[64];
} tls_server;

/* A certificate that signs itself, for the names given, valid from begin_s to end_s from now. */
static X509 *make_certificate(EVP_PKEY *key, const char *names, long begin_s, long end_s)
{
    X509 *cert = X509_new();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), begin_s);
    X509_gmtime_adj(X509_getm_notAfter(cert), end_s);
    X509_set_pubkey(cert, key);
    X509_NAME *name = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(cert, name);
    X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
    cr_assert_not_null(san);
    X509_add_ext(cert, san, -1);
    X509_EXTENSION_free(san);
    cr_assert_gt(X509_sign(cert, key, EVP_sha256()), 0);
    return cert;
}

static void write_ca(tls_server *s, X509 *cert)
{
    rf_copy_str(s->ca_file, sizeof(s->ca_file), "/tmp/rf-fetch-ca-XXXXXX");
    int fd = mkstemp(s->ca_file);
    cr_assert_geq(fd, 0);
    FILE *f = fdopen(fd, "w");
    cr_assert_eq(PEM_write_X509(f, cert), 1);
    fclose(f);
}

static void serve_one(tls_server *s, int fd)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    char request[4096];
    SSL *ssl = SSL_new(s->ctx);
    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1 && SSL_read(ssl, request, sizeof(request)) > 0) {
        s->n_handshakes++;
        SSL_write(ssl, answer, (int)strlen(answer));
        SSL_shutdown(ssl);
    }
    SSL_free(ssl);
}

/* The client hangs up on a certificate it does not trust; only this thread shall shrug that off. */
static void *serve(void *arg)
{
    tls_server *s = arg;
    sigset_t pipe_set;
    sigemptyset(&pipe_set);
    sigaddset(&pipe_set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_set, NULL);
    while (s->n_connections < s->n_expected) {
        struct pollfd p = {.fd = s->listen_fd, .events = POLLIN};
        if (poll(&p, 1, 5000) <= 0) {
            break;
        }
        int fd = accept(s->listen_fd, NULL, NULL);
        s->n_connections++;
        serve_one(s, fd);
        close(fd);
    }
    return NULL;
}

static void start(tls_server *s, const char *names, long begin_s, long end_s, int n_expected)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = make_certificate(key, names, begin_s, end_s);
    *s = (tls_server){.ctx = SSL_CTX_new(TLS_server_method()), .n_expected = n_expected};
    cr_assert_eq(SSL_CTX_use_certificate(s->ctx, cert), 1);
    cr_assert_eq(SSL_CTX_use_PrivateKey(s->ctx, key), 1);
    write_ca(s, cert);
    s->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(s->listen_fd, (struct sockaddr *)&a, sizeof(a)), 0);
    cr_assert_eq(listen(s->listen_fd, 8), 0);
    cr_assert_eq(getsockname(s->listen_fd, (struct sockaddr *)&a, &len), 0);
    s->port = ntohs(a.sin_port);
    cr_assert_eq(pthread_create(&s->thread, NULL, serve, s), 0);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void stop(tls_server *s)
{
    pthread_join(s->thread, NULL);
    close(s->listen_fd);
    SSL_CTX_free(s->ctx);
    unlink(s->ca_file);
}

/* Fetches "https://<host>:<port>/" from 127.0.0.1, trusting the server's certificate or not. */
static rf_fetch_result fetch(const tls_server *s, const char *host, bool trusted)
{
    char entry[128];
    char url[128];
    const char *hosts[] = {entry};
    memory_sink sink;
    rf_fetch_result r;
    rf_fetch *f = NULL;
    snprintf(entry, sizeof(entry), "%s:%u:127.0.0.1", host, s->port);
    snprintf(url, sizeof(url), "https://%s:%u/", host, s->port);
    rf_fetch_config config = {.allow_loopback = true,
                              .hosts = hosts,
                              .n_hosts = 1,
                              .retry_delay_ms = 1,
                              .ca_file = trusted ? s->ca_file : NULL};
    cr_assert_eq(rf_fetch_new(&config, &f, NULL), 0);
    memory_sink_init(&sink);
    rf_fetch_get(f, RF_FETCH_INPUT, url, 0, &sink.sink, -1, &r);
    cr_assert_eq(sink.bytes.len, r.outcome == RF_FETCH_OK ? 5 : 0);
    memory_sink_done(&sink);
    rf_fetch_free(f);
    return r;
}

Test(tls, a_trusted_certificate_of_the_name_is_accepted)
{
    tls_server s;
    start(&s, "DNS:good.example", -DAY_S, DAY_S, 1);
    rf_fetch_result r = fetch(&s, "good.example", true);
    cr_assert_eq(r.outcome, RF_FETCH_OK, "%s", r.detail);
    stop(&s);
    cr_assert_eq(s.n_handshakes, 1);
}

Test(tls, every_other_certificate_is_refused_and_not_tried_again)
{
    static const struct {
        const char *names;
        long begin_s;
        long end_s;
        bool trusted;
    } table[] = {
        {"DNS:good.example", -DAY_S, DAY_S, false},     /* nobody vouches for it */
        {"DNS:other.example", -DAY_S, DAY_S, true},     /* of another name */
        {"IP:127.0.0.1", -DAY_S, DAY_S, true},          /* of the address, not the name */
        {"DNS:*.good.example", -DAY_S, DAY_S, true},    /* of names below */
        {"DNS:good.example", -2 * DAY_S, -DAY_S, true}, /* expired */
        {"DNS:good.example", DAY_S, 2 * DAY_S, true},   /* not valid yet */
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        tls_server s;
        start(&s, table[i].names, table[i].begin_s, table[i].end_s, 1);
        rf_fetch_result r = fetch(&s, "good.example", table[i].trusted);
        cr_assert_eq(r.outcome, RF_FETCH_UNREACHABLE, "row %zu", i);
        cr_assert_eq(r.err, -EKEYREJECTED, "row %zu: %s", i, r.detail);
        cr_assert_eq(r.n_tries, 1, "row %zu", i);
        stop(&s);
        cr_assert_eq(s.n_handshakes, 0, "row %zu: a request was sent", i);
    }
}
