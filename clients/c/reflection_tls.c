#include "reflection_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

struct reflection_tls {
    SSL_CTX *context;
    BIO_METHOD *method;
    SSL *ssl;
    int fd;
    int wants; /* SSL_ERROR_WANT_READ or _WRITE of the handshake or the last reading; 0 */
};

/* ---- the socket under it; OpenSSL's own BIO would raise SIGPIPE ---- */

static int bio_result(BIO *bio, ssize_t n)
{
    BIO_clear_retry_flags(bio);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        return -1;
    }
    return n < 0 ? -2 : (int)n;
}

static int bio_write(BIO *bio, const char *data, int len)
{
    const reflection_tls *tls = BIO_get_data(bio);
    int n = bio_result(bio, send(tls->fd, data, (size_t)len, MSG_NOSIGNAL));
    if (n == -1) {
        BIO_set_retry_write(bio);
    }
    return n;
}

static int bio_read(BIO *bio, char *data, int len)
{
    const reflection_tls *tls = BIO_get_data(bio);
    int n = bio_result(bio, recv(tls->fd, data, (size_t)len, 0));
    if (n == -1) {
        BIO_set_retry_read(bio);
    }
    return n;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO *new_bio(reflection_tls *tls)
{
    tls->method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "reflection");
    if (tls->method == NULL || BIO_meth_set_write(tls->method, bio_write) != 1 ||
        BIO_meth_set_read(tls->method, bio_read) != 1 ||
        BIO_meth_set_ctrl(tls->method, bio_ctrl) != 1) {
        return NULL;
    }
    BIO *bio = BIO_new(tls->method);
    if (bio != NULL) {
        BIO_set_data(bio, tls);
        BIO_set_init(bio, 1);
    }
    return bio;
}

/* ---- opening ---- */

static bool check_host(SSL *ssl, const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    bool is_address =
        inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
    if (is_address) {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    }
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

static bool trust(SSL_CTX *context, const char *ca_file)
{
    return ca_file != NULL && ca_file[0] != '\0'
               ? SSL_CTX_load_verify_locations(context, ca_file, NULL) == 1
               : SSL_CTX_set_default_verify_paths(context) == 1;
}

static int prepare(reflection_tls *tls, const char *host, const char *ca_file,
                   reflection_jam_fault *fault)
{
    tls->context = SSL_CTX_new(TLS_client_method());
    if (tls->context == NULL || SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION) != 1) {
        return reflection_fail(fault, -ENOMEM, "TLS cannot be set up");
    }
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(tls->context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (!trust(tls->context, ca_file)) {
        return reflection_fail(fault, -EKEYREJECTED, "ca_file: %s holds no certificate to trust",
                               ca_file != NULL ? ca_file : "the system");
    }
    tls->ssl = SSL_new(tls->context);
    BIO *bio = tls->ssl == NULL ? NULL : new_bio(tls);
    if (bio == NULL || !check_host(tls->ssl, host)) {
        BIO_free(bio);
        return reflection_fail(fault, -ENOMEM, "TLS cannot be set up");
    }
    SSL_set_bio(tls->ssl, bio, bio);
    SSL_set_connect_state(tls->ssl);
    return 0;
}

int reflection_tls_new(int fd, const char *host, const char *ca_file, reflection_tls **ret,
                       reflection_jam_fault *fault)
{
    reflection_tls *tls = calloc(1, sizeof(*tls));
    if (tls == NULL) {
        return reflection_fail(fault, -ENOMEM, "no memory");
    }
    tls->fd = fd;
    int err = prepare(tls, host, ca_file, fault);
    if (err < 0) {
        reflection_tls_free(tls);
        return err;
    }
    *ret = tls;
    return 0;
}

reflection_tls *reflection_tls_free(reflection_tls *tls)
{
    if (tls != NULL) {
        if (tls->ssl != NULL && SSL_is_init_finished(tls->ssl)) {
            ERR_clear_error();
            SSL_shutdown(tls->ssl);
        }
        SSL_free(tls->ssl);
        BIO_meth_free(tls->method);
        SSL_CTX_free(tls->context);
        free(tls);
    }
    return NULL;
}

/* ---- use ---- */

int reflection_tls_handshake(reflection_tls *tls, reflection_jam_fault *fault)
{
    ERR_clear_error();
    int n = SSL_do_handshake(tls->ssl);
    int code = SSL_get_error(tls->ssl, n);
    tls->wants = code;
    if (n == 1) {
        tls->wants = 0;
        return 0;
    }
    if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE) {
        return -EAGAIN;
    }
    long verified = SSL_get_verify_result(tls->ssl);
    if (verified != X509_V_OK) {
        return reflection_fail(fault, -EKEYREJECTED, "the server's certificate: %s",
                               X509_verify_cert_error_string(verified));
    }
    const char *why = ERR_reason_error_string(ERR_peek_error());
    return reflection_fail(fault, -ECONNRESET, "TLS: %s",
                           why != NULL ? why : "the connection was closed");
}

/* What a failed SSL_read or SSL_write means: 0 for the end of the stream. */
static ssize_t failed(reflection_tls *tls, int n)
{
    switch (SSL_get_error(tls->ssl, n)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return -EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        return -ECONNRESET;
    }
}

ssize_t reflection_tls_read(reflection_tls *tls, void *data, size_t len)
{
    ERR_clear_error();
    int n = SSL_read(tls->ssl, data, len > INT_MAX ? INT_MAX : (int)len);
    tls->wants = n > 0 ? 0 : SSL_get_error(tls->ssl, n);
    return n > 0 ? n : failed(tls, n);
}

ssize_t reflection_tls_write(reflection_tls *tls, const void *data, size_t len)
{
    ERR_clear_error();
    int n = SSL_write(tls->ssl, data, len > INT_MAX ? INT_MAX : (int)len);
    ssize_t result = n > 0 ? n : failed(tls, n);
    return result == 0 ? -ECONNRESET : result;
}

short reflection_tls_events(const reflection_tls *tls, bool want_write)
{
    bool out = want_write || tls->wants == SSL_ERROR_WANT_WRITE;
    return (short)(out ? POLLIN | POLLOUT : POLLIN);
}
