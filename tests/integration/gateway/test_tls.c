#include "client.h"
#include "fixture.h"
#include "rf_base.h"
#include "rf_time.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GET "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"
#define LAST_GET "GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"

static void setup(void)
{
    fixture_start(NULL, NULL);
}

/* ---- handshakes ---- */

static SSL_CTX *context(int min_version, int max_version)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(ctx, 0); /* this side would take anything */
    SSL_CTX_set_min_proto_version(ctx, min_version);
    SSL_CTX_set_max_proto_version(ctx, max_version);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT);
    return ctx;
}

/* A session of ctx with the TLS port; NULL when the handshake fails. */
static SSL *handshake(SSL_CTX *ctx, SSL_SESSION *earlier)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)fix.https_port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval wait = {.tv_sec = 20};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    SSL *ssl = SSL_new(ctx);
    SSL_set_fd(ssl, fd);
    if (earlier != NULL) {
        SSL_set_session(ssl, earlier);
    }
    if (SSL_connect(ssl) != 1) {
        SSL_free(ssl);
        close(fd);
        return NULL;
    }
    return ssl;
}

static void hang_up(SSL *ssl)
{
    int fd = ssl != NULL ? SSL_get_fd(ssl) : -1;
    SSL_free(ssl);
    if (fd >= 0) {
        close(fd);
    }
}

/* One request; reads until the whole answer, 200 bytes of body, has come. */
static bool served(SSL *ssl)
{
    char text[2048];
    size_t n = 0;
    if (SSL_write(ssl, GET, sizeof(GET) - 1) <= 0) {
        return false;
    }
    while (n < sizeof(text) - 1) {
        int got = SSL_read(ssl, text + n, (int)(sizeof(text) - 1 - n));
        if (got <= 0) {
            return false;
        }
        n += (size_t)got;
        text[n] = '\0';
        const char *end = strstr(text, "\r\n\r\n");
        if (end != NULL && n >= (size_t)(end + 4 - text) + 200) {
            return strncmp(text, "HTTP/1.1 200 ", 13) == 0;
        }
    }
    return false;
}

Test(tls, versions_and_ciphers, .init = setup, .fini = fixture_stop)
{
    static const struct {
        const char *what;
        int version;
        const char *ciphers; /* of TLS 1.2 and below; NULL: all */
        bool accepted;
    } table[] = {
        {"TLS 1.0", TLS1_VERSION, "ALL", false},
        {"TLS 1.1", TLS1_1_VERSION, "ALL", false},
        {"TLS 1.2", TLS1_2_VERSION, NULL, true},
        {"TLS 1.3", TLS1_3_VERSION, NULL, true},
        {"AES-GCM", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256", true},
        {"ChaCha20", TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305", true},
        {"CBC", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA256", false},
        {"without authentication", TLS1_2_VERSION, "AECDH-AES128-SHA", false},
        {"without encryption", TLS1_2_VERSION, "ECDHE-ECDSA-NULL-SHA", false},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        SSL_CTX *ctx = context(table[i].version, table[i].version);
        if (table[i].ciphers != NULL) {
            cr_assert_eq(SSL_CTX_set_cipher_list(ctx, table[i].ciphers), 1);
        }
        SSL *ssl = handshake(ctx, NULL);
        cr_expect_eq(ssl != NULL, table[i].accepted, "%s", table[i].what);
        cr_expect(ssl == NULL || served(ssl), "%s", table[i].what);
        hang_up(ssl);
        SSL_CTX_free(ctx);
    }
}

Test(tls, protocol_is_http_1_1_or_nothing, .init = setup, .fini = fixture_stop)
{
    static const struct {
        const char *offer;  /* as on the wire */
        const char *picked; /* NULL: refused */
    } table[] = {
        {"", ""},
        {"\x08http/1.1", "http/1.1"},
        {"\x02h2\x08http/1.1", "http/1.1"},
        {"\x02h2", NULL},
        {"\x08http/1.0\x05"
         "spdy1",
         NULL},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        SSL_CTX *ctx = context(TLS1_2_VERSION, TLS1_3_VERSION);
        const unsigned char *picked = NULL;
        unsigned len = 0;
        SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)table[i].offer,
                                (unsigned)strlen(table[i].offer));
        SSL *ssl = handshake(ctx, NULL);
        cr_expect_eq(ssl != NULL, table[i].picked != NULL, "%zu", i);
        if (ssl != NULL && table[i].picked != NULL) {
            SSL_get0_alpn_selected(ssl, &picked, &len);
            cr_expect_eq(len, strlen(table[i].picked), "%zu", i);
            cr_expect(len == 0 || memcmp(picked, table[i].picked, len) == 0, "%zu", i);
        }
        hang_up(ssl);
        SSL_CTX_free(ctx);
    }
}

Test(tls, sessions_are_resumed, .init = setup, .fini = fixture_stop)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < RF_ARRAY_LEN(versions); i++) {
        SSL_CTX *ctx = context(versions[i], versions[i]);
        SSL *first = handshake(ctx, NULL);
        cr_assert_not_null(first);
        cr_assert(served(first)); /* the tickets of TLS 1.3 come with the first answer */
        SSL_SESSION *session = SSL_get1_session(first);
        SSL *second = handshake(ctx, session);
        cr_assert_not_null(second);
        cr_expect_eq(SSL_session_reused(first), 0);
        cr_expect_eq(SSL_session_reused(second), 1, "version %x", (unsigned)versions[i]);
        cr_expect(served(second));
        hang_up(first);
        hang_up(second);
        SSL_SESSION_free(session);
        SSL_CTX_free(ctx);
    }
}

Test(tls, the_last_answer_ends_with_close_notify, .init = setup, .fini = fixture_stop)
{
    SSL_CTX *ctx = context(TLS1_2_VERSION, TLS1_3_VERSION);
    SSL *ssl = handshake(ctx, NULL);
    char text[4096];
    int n = 0;
    cr_assert_not_null(ssl);
    cr_assert_gt(SSL_write(ssl, LAST_GET, sizeof(LAST_GET) - 1), 0);
    do {
        n = SSL_read(ssl, text, sizeof(text));
    } while (n > 0);
    cr_expect_eq(SSL_get_error(ssl, n), SSL_ERROR_ZERO_RETURN, "not cut off");
    hang_up(ssl);
    SSL_CTX_free(ctx);
}

/* ---- certificates that change ---- */

static char cert_dir[] = "/tmp/rf-gateway-cert-XXXXXX";
static char cert_file[64];
static char key_file[64];

/* A certificate of its own signature in the two files, as an operator would put it there. */
static void write_certificate(const char *name)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    cr_assert_gt(X509_sign(cert, key, EVP_sha256()), 0);
    FILE *f = fopen(key_file, "w");
    cr_assert(f != NULL && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1);
    fclose(f);
    f = fopen(cert_file, "w");
    cr_assert(f != NULL && PEM_write_X509(f, cert) == 1);
    fclose(f);
    X509_free(cert);
    EVP_PKEY_free(key);
}

/* The common name and, as text, the serial number of what a new connection is shown. */
static void shown(char name[64], char serial[64])
{
    SSL_CTX *ctx = context(TLS1_2_VERSION, TLS1_3_VERSION);
    SSL *ssl = handshake(ctx, NULL);
    cr_assert_not_null(ssl);
    X509 *cert = SSL_get1_peer_certificate(ssl);
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
    char *digits = BN_bn2hex(number);
    X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name, 64);
    rf_copy_str(serial, 64, digits);
    OPENSSL_free(digits);
    BN_free(number);
    X509_free(cert);
    hang_up(ssl);
    SSL_CTX_free(ctx);
}

static void setup_operator(void)
{
    static char cert_arg[96];
    static char key_arg[96];
    static const char *const args[] = {cert_arg, key_arg, "--tls.check_s=1", NULL};
    cr_assert_not_null(mkdtemp(cert_dir));
    snprintf(cert_file, sizeof(cert_file), "%s/cert.pem", cert_dir);
    snprintf(key_file, sizeof(key_file), "%s/key.pem", cert_dir);
    snprintf(cert_arg, sizeof(cert_arg), "--tls.cert=%s", cert_file);
    snprintf(key_arg, sizeof(key_arg), "--tls.key=%s", key_file);
    write_certificate("first.example");
    fixture_start(args, NULL);
}

static void teardown_operator(void)
{
    fixture_stop();
    unlink(cert_file);
    unlink(key_file);
    rmdir(cert_dir);
}

/* Waits, at most 10 s, until new connections are shown name. */
static bool becomes(const char *name)
{
    char now[64] = "";
    char serial[64];
    int64_t end = rf_time_ns() + 10 * RF_NS_PER_S;
    while (strcmp(now, name) != 0 && rf_time_ns() < end) {
        shown(now, serial);
        usleep(50000);
    }
    return strcmp(now, name) == 0;
}

Test(tls, an_operators_certificate_is_read_again_when_it_changes, .init = setup_operator,
     .fini = teardown_operator)
{
    char name[64];
    char serial[64];
    SSL_CTX *ctx = context(TLS1_2_VERSION, TLS1_3_VERSION);
    shown(name, serial);
    cr_expect_str_eq(name, "first.example");
    SSL *kept = handshake(ctx, NULL);
    cr_assert_not_null(kept);
    write_certificate("second.example");
    cr_expect(becomes("second.example"));
    cr_expect(served(kept), "connections that exist go on");
    FILE *f = fopen(cert_file, "w");
    fputs("no certificate\n", f);
    fclose(f);
    usleep(2500000); /* two looks */
    shown(name, serial);
    cr_expect_str_eq(name, "second.example", "a broken one changes nothing");
    write_certificate("third.example");
    cr_expect(becomes("third.example"));
    hang_up(kept);
    SSL_CTX_free(ctx);
}

static void setup_own(void)
{
    static const char *const args[] = {"--tls.check_s=1", NULL};
    fixture_start(args, NULL);
}

/* As when another gateway of the same data directory has renewed it. */
Test(tls, the_authoritys_certificate_is_read_again_when_it_changes, .init = setup_own,
     .fini = fixture_stop)
{
    char path[96];
    char name[64];
    char before[64];
    char after[64];
    shown(name, before);
    cr_expect_str_eq(name, "localhost");
    snprintf(path, sizeof(path), "%s/tls/server.pem", fix.dir);
    cr_assert_eq(unlink(path), 0);
    int64_t end = rf_time_ns() + 10 * RF_NS_PER_S;
    do {
        usleep(50000);
        shown(name, after);
    } while (strcmp(before, after) == 0 && rf_time_ns() < end);
    cr_expect_str_neq(before, after);
    client c = client_open(true); /* verifies against the authority, which stayed */
    client_text(&c, GET);
    answer a = client_answer(&c, true);
    cr_expect_eq(a.status, 200);
    answer_done(&a);
    client_close(&c);
}
