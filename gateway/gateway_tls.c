#include "gateway_tls.h"

#include "rf_log.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

static const char session_context[] = "reflection-gateway";

/* Which file a path named, and in which state. */
typedef struct file_mark {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
} file_mark;

struct gateway_tls {
    char *cert_file;
    char *key_file;
    file_mark cert_mark; /* as they were just before ctx was made of them */
    file_mark key_mark;
    pthread_mutex_t mutex;
    SSL_CTX *ctx; /* guarded by mutex; sessions hold references of their own */
};

/* Picks http/1.1; a client that offers only other protocols gets the alert of RFC 7301. */
static int select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                       const unsigned char *in, unsigned in_len, void *user)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *picked = NULL;
    (void)ssl;
    (void)user;
    if (SSL_select_next_proto(&picked, out_len, ours, sizeof(ours) - 1, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = picked;
    return SSL_TLSEXT_ERR_OK;
}

static void set_options(SSL_CTX *ctx)
{
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS); /* gateway_tls_blocks.h */
    SSL_CTX_set_read_ahead(ctx, 1);                      /* one read(2) a record instead of two */
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets instead */
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)session_context,
                                   sizeof(session_context) - 1);
    SSL_CTX_set_alpn_select_cb(ctx, select_alpn, NULL);
}

static SSL_CTX *make_context(const char *cert_file, const char *key_file)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (ctx == NULL) {
        return NULL;
    }
    set_options(ctx);
    if (SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1 ||
        SSL_CTX_use_certificate_chain_file(ctx, cert_file) != 1 ||
        SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(ctx) != 1) {
        char text[256];
        ERR_error_string_n(ERR_get_error(), text, sizeof(text));
        RF_LOG_ERROR("certificate cannot be used", RF_STR("file", cert_file),
                     RF_STR("error", text));
        SSL_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

static file_mark mark_of(const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0) {
        return (file_mark){.inode = 0};
    }
    return (file_mark){
        .device = st.st_dev, .inode = st.st_ino, .size = st.st_size, .changed = st.st_mtim};
}

static bool same_mark(const file_mark *a, const file_mark *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

int gateway_tls_open(const char *cert_file, const char *key_file, gateway_tls **ret)
{
    const file_mark cert_mark = mark_of(cert_file);
    const file_mark key_mark = mark_of(key_file);
    SSL_CTX *ctx = make_context(cert_file, key_file);
    if (ctx == NULL) {
        return -EBADMSG;
    }
    gateway_tls *tls = RF_NEW(gateway_tls);
    tls->cert_mark = cert_mark;
    tls->key_mark = key_mark;
    tls->cert_file = rf_strdup(cert_file);
    tls->key_file = rf_strdup(key_file);
    pthread_mutex_init(&tls->mutex, NULL);
    tls->ctx = ctx;
    *ret = tls;
    return 0;
}

gateway_tls *gateway_tls_close(gateway_tls *tls)
{
    if (tls != NULL) {
        SSL_CTX_free(tls->ctx);
        pthread_mutex_destroy(&tls->mutex);
        free(tls->cert_file);
        free(tls->key_file);
        free(tls);
    }
    return NULL;
}

int gateway_tls_refresh(gateway_tls *tls)
{
    const file_mark cert_mark = mark_of(tls->cert_file);
    const file_mark key_mark = mark_of(tls->key_file);
    if (same_mark(&cert_mark, &tls->cert_mark) && same_mark(&key_mark, &tls->key_mark)) {
        return 0;
    }
    SSL_CTX *fresh = make_context(tls->cert_file, tls->key_file);
    if (fresh == NULL) {
        return -EBADMSG;
    }
    tls->cert_mark = cert_mark;
    tls->key_mark = key_mark;
    pthread_mutex_lock(&tls->mutex);
    SSL_CTX *old = tls->ctx;
    tls->ctx = fresh;
    pthread_mutex_unlock(&tls->mutex);
    SSL_CTX_free(old);
    return 1;
}

SSL *gateway_tls_new_session(gateway_tls *tls, int fd)
{
    pthread_mutex_lock(&tls->mutex);
    SSL *ssl = SSL_new(tls->ctx);
    pthread_mutex_unlock(&tls->mutex);
    if (ssl != NULL && SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        return NULL;
    }
    if (ssl != NULL) {
        SSL_set_accept_state(ssl);
    }
    return ssl;
}

/* The error of a read or write that moved nothing. The thread's error queue, which SSL_get_error
 * looks at, is left empty, so that calls that succeed need not clear it. */
static ssize_t stalled(SSL *ssl, int n)
{
    int error = SSL_get_error(ssl, n);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        return -EAGAIN;
    }
    ERR_clear_error();
    return error == SSL_ERROR_ZERO_RETURN ? 0 : -EPROTO;
}

int gateway_tls_accept(SSL *ssl)
{
    ERR_clear_error();
    int n = SSL_do_handshake(ssl);
    if (n == 1) {
        return 0;
    }
    if (stalled(ssl, n) != -EAGAIN) {
        return -EPROTO;
    }
    return SSL_want_write(ssl) ? -EINPROGRESS : -EAGAIN;
}

ssize_t gateway_tls_read(SSL *ssl, void *data, size_t len, bool *more)
{
    size_t got = 0;
    *more = false;
    while (got < len) {
        int n = SSL_read(ssl, (char *)data + got, (int)RF_MIN(len - got, (size_t)INT_MAX));
        if (n <= 0) {
            ssize_t err = stalled(ssl, n);
            return got > 0 ? (ssize_t)got : err;
        }
        got += (size_t)n;
        if (SSL_has_pending(ssl) == 0) {
            return (ssize_t)got;
        }
    }
    *more = true;
    return (ssize_t)got;
}

ssize_t gateway_tls_write(SSL *ssl, const void *data, size_t len)
{
    int n = SSL_write(ssl, data, (int)RF_MIN(len, (size_t)INT_MAX));
    return n > 0 ? n : (stalled(ssl, n) == -EAGAIN ? -EAGAIN : -EPROTO);
}

void gateway_tls_shutdown(SSL *ssl)
{
    SSL_shutdown(ssl);
    ERR_clear_error();
}

void gateway_tls_rest(SSL *ssl)
{
    SSL_free_buffers(ssl); /* refuses by itself when bytes are inside */
}
