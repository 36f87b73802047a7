#include "rf_rpc_net.h"

#include "rf_buf.h"
#include "rf_file.h"

#include <errno.h>
#include <netinet/in.h>
#include <nng/nng.h>
#include <nng/supplemental/tls/tls.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_PEM (256u << 10)
#define ACCEPT_PAUSE_MS 20 /* after a failed accept, such as for want of descriptors */

struct rf_rpc_cert {
    nng_tls_config *config;
};

struct rf_rpc_net {
    nng_stream *stream;
    bool is_tls;
    nng_aio *read_aio, *write_aio;
    nng_aio *try_read_aio, *try_write_aio; /* no callback: their end costs no switch of threads */
    rf_rpc_net_events events;
    void *user;
};

struct rf_rpc_dialer {
    nng_stream_dialer *dialer;
    nng_aio *aio;
    bool is_tls;
    rf_rpc_dial_fn done;
    void *user;
};

struct rf_rpc_listener {
    nng_stream_listener *listener;
    nng_aio *aio;
    bool is_tls, is_pausing;
    rf_rpc_accept_fn accepted;
    void *user;
};

static int errno_of(int nng_error)
{
    static const struct {
        int nng, err;
    } map[] = {
        {NNG_EINTR, EINTR},           {NNG_ENOMEM, ENOMEM},       {NNG_EINVAL, EINVAL},
        {NNG_EBUSY, EBUSY},           {NNG_ETIMEDOUT, ETIMEDOUT}, {NNG_ECONNREFUSED, ECONNREFUSED},
        {NNG_ECLOSED, EPIPE},         {NNG_EAGAIN, EAGAIN},       {NNG_ENOTSUP, ENOTSUP},
        {NNG_EADDRINUSE, EADDRINUSE}, {NNG_ENOENT, ENOENT},       {NNG_EUNREACHABLE, EHOSTUNREACH},
        {NNG_EADDRINVAL, EINVAL},     {NNG_EPERM, EACCES},        {NNG_ECONNABORTED, ECONNABORTED},
        {NNG_ECONNRESET, ECONNRESET}, {NNG_ECANCELED, ECANCELED}, {NNG_ENOFILES, EMFILE},
        {NNG_ENOSPC, ENOSPC},         {NNG_EEXIST, EEXIST},       {NNG_ECRYPTO, EACCES},
        {NNG_EPEERAUTH, EACCES},      {NNG_ECONNSHUT, EPIPE},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(map); i++) {
        if (map[i].nng == nng_error) {
            return -map[i].err;
        }
    }
    return (nng_error & NNG_ESYSERR) != 0 ? -(nng_error & ~NNG_ESYSERR) : -EIO;
}

static bool is_tls_url(const char *url)
{
    return strncmp(url, "tls+", 4) == 0;
}

/* ---- certificates ---- */

static int apply_files(nng_tls_config *config, const rf_rpc_tls *tls)
{
    rf_buf cert;
    rf_buf key;
    rf_buf_init(&cert, MAX_PEM);
    rf_buf_init(&key, MAX_PEM);
    int err = rf_file_read(tls->cert_file, &cert);
    err = err == 0 ? rf_file_read(tls->key_file, &key) : err;
    if (err == 0) {
        int rv = nng_tls_config_own_cert(config, rf_buf_str(&cert), rf_buf_str(&key), NULL);
        err = rv != 0 ? errno_of(rv) : 0;
    }
    if (key.data != NULL) {
        explicit_bzero(key.data, key.len);
    }
    rf_buf_done(&cert);
    rf_buf_done(&key);
    return err;
}

static int apply_ca(nng_tls_config *config, const char *ca_file)
{
    rf_buf ca;
    rf_buf_init(&ca, MAX_PEM);
    int err = rf_file_read(ca_file, &ca);
    if (err == 0) {
        int rv = nng_tls_config_ca_chain(config, rf_buf_str(&ca), NULL);
        err = rv != 0 ? errno_of(rv) : 0;
    }
    rf_buf_done(&ca);
    return err;
}

int rf_rpc_cert_load(const rf_rpc_tls *tls, bool is_server, const char *host, rf_rpc_cert **ret)
{
    if (tls == NULL || tls->ca_file == NULL || tls->cert_file == NULL || tls->key_file == NULL) {
        return -EINVAL;
    }
    rf_rpc_cert *c = RF_NEW(rf_rpc_cert);
    int rv =
        nng_tls_config_alloc(&c->config, is_server ? NNG_TLS_MODE_SERVER : NNG_TLS_MODE_CLIENT);
    int err = rv != 0 ? errno_of(rv) : 0;
    err = err == 0 ? apply_ca(c->config, tls->ca_file) : err;
    err = err == 0 ? apply_files(c->config, tls) : err;
    if (err == 0) {
        rv = nng_tls_config_auth_mode(c->config, NNG_TLS_AUTH_MODE_REQUIRED);
        const char *name = tls->server_name != NULL ? tls->server_name : host;
        bool asks_name = !is_server && name != NULL; /* a client may have any name */
        rv = rv == 0 && asks_name ? nng_tls_config_server_name(c->config, name) : rv;
        err = rv != 0 ? errno_of(rv) : 0;
    }
    if (err != 0) {
        (void)rf_rpc_cert_free(c);
        return err;
    }
    *ret = c;
    return 0;
}

rf_rpc_cert *rf_rpc_cert_free(rf_rpc_cert *cert)
{
    if (cert != NULL) {
        if (cert->config != NULL) {
            nng_tls_config_free(cert->config);
        }
        free(cert);
    }
    return NULL;
}

/* ---- streams ---- */

static ssize_t aio_count(nng_aio *aio)
{
    int rv = nng_aio_result(aio);
    return rv != 0 ? errno_of(rv) : (ssize_t)nng_aio_count(aio);
}

static void on_read(void *arg)
{
    rf_rpc_net *net = (rf_rpc_net *)arg;
    net->events.read(net->user, aio_count(net->read_aio));
}

static void on_written(void *arg)
{
    rf_rpc_net *net = (rf_rpc_net *)arg;
    net->events.written(net->user, aio_count(net->write_aio));
}

static rf_rpc_net *net_new(nng_stream *stream, bool is_tls)
{
    rf_rpc_net *net = RF_NEW(rf_rpc_net);
    net->stream = stream;
    net->is_tls = is_tls;
    if (nng_aio_alloc(&net->read_aio, on_read, net) != 0 ||
        nng_aio_alloc(&net->write_aio, on_written, net) != 0 ||
        nng_aio_alloc(&net->try_read_aio, NULL, NULL) != 0 ||
        nng_aio_alloc(&net->try_write_aio, NULL, NULL) != 0) {
        abort();
    }
    nng_aio_set_timeout(net->read_aio, NNG_DURATION_INFINITE);
    nng_aio_set_timeout(net->write_aio, NNG_DURATION_INFINITE);
    nng_aio_set_timeout(net->try_read_aio, NNG_DURATION_INFINITE);
    nng_aio_set_timeout(net->try_write_aio, NNG_DURATION_INFINITE);
    (void)nng_stream_set_bool(stream, NNG_OPT_TCP_NODELAY, true);
    return net;
}

void rf_rpc_net_start(rf_rpc_net *net, const rf_rpc_net_events *events, void *user)
{
    net->events = *events;
    net->user = user;
}

static void set_iov(nng_aio *aio, const rf_rpc_iov *iov, size_t n_iov)
{
    nng_iov v[RF_RPC_NET_IOV];
    for (size_t i = 0; i < n_iov; i++) {
        v[i] = (nng_iov){iov[i].data, iov[i].len};
    }
    (void)nng_aio_set_iov(aio, (unsigned)n_iov, v);
}

void rf_rpc_net_read(rf_rpc_net *net, const rf_rpc_iov *iov, size_t n_iov)
{
    set_iov(net->read_aio, iov, n_iov);
    nng_stream_recv(net->stream, net->read_aio);
}

/* nng reads and writes sockets at once when it can. An attempt has no callback; when nothing came
 * or went it is taken back. */
static ssize_t end_attempt(nng_aio *aio)
{
    nng_aio_cancel(aio);
    nng_aio_wait(aio);
    ssize_t n = aio_count(aio);
    return n == -ECANCELED ? -EAGAIN : n;
}

ssize_t rf_rpc_net_read_now(rf_rpc_net *net, const rf_rpc_iov *iov, size_t n_iov)
{
    if (net->is_tls) {
        return -EAGAIN; /* its records are opened on threads of nng */
    }
    set_iov(net->try_read_aio, iov, n_iov);
    nng_stream_recv(net->stream, net->try_read_aio);
    return end_attempt(net->try_read_aio);
}

ssize_t rf_rpc_net_write(rf_rpc_net *net, const rf_rpc_iov *iov, size_t n_iov)
{
    if (net->is_tls) {
        return -EAGAIN; /* its records are made on threads of nng */
    }
    set_iov(net->try_write_aio, iov, n_iov);
    nng_stream_send(net->stream, net->try_write_aio);
    return end_attempt(net->try_write_aio);
}

void rf_rpc_net_write_later(rf_rpc_net *net, const rf_rpc_iov *iov, size_t n_iov)
{
    set_iov(net->write_aio, iov, n_iov);
    nng_stream_send(net->stream, net->write_aio);
}

void rf_rpc_net_close(rf_rpc_net *net)
{
    nng_stream_close(net->stream);
}

rf_rpc_net *rf_rpc_net_free(rf_rpc_net *net)
{
    if (net != NULL) {
        nng_stream_close(net->stream);
        nng_aio_stop(net->read_aio);
        nng_aio_stop(net->write_aio);
        nng_aio_free(net->read_aio);
        nng_aio_free(net->write_aio);
        nng_aio_free(net->try_read_aio);
        nng_aio_free(net->try_write_aio);
        nng_stream_free(net->stream);
        free(net);
    }
    return NULL;
}

/* ---- dialing ---- */

static void on_dialed(void *arg)
{
    rf_rpc_dialer *d = (rf_rpc_dialer *)arg;
    int rv = nng_aio_result(d->aio);
    if (rv != 0) {
        d->done(d->user, NULL, errno_of(rv));
        return;
    }
    d->done(d->user, net_new((nng_stream *)nng_aio_get_output(d->aio, 0), d->is_tls), 0);
}

int rf_rpc_dialer_new(const char *url, const rf_rpc_cert *cert, rf_rpc_dial_fn done, void *user,
                      rf_rpc_dialer **ret)
{
    nng_stream_dialer *dialer = NULL;
    int rv = nng_stream_dialer_alloc(&dialer, url);
    if (rv == 0 && cert != NULL) {
        rv = nng_stream_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, cert->config);
    }
    if (rv != 0) {
        nng_stream_dialer_free(dialer);
        return errno_of(rv);
    }
    rf_rpc_dialer *d = RF_NEW(rf_rpc_dialer);
    *d = (rf_rpc_dialer){.dialer = dialer, .is_tls = is_tls_url(url), .done = done, .user = user};
    if (nng_aio_alloc(&d->aio, on_dialed, d) != 0) {
        abort();
    }
    *ret = d;
    return 0;
}

void rf_rpc_dialer_dial(rf_rpc_dialer *d)
{
    nng_stream_dialer_dial(d->dialer, d->aio);
}

rf_rpc_dialer *rf_rpc_dialer_free(rf_rpc_dialer *d)
{
    if (d != NULL) {
        nng_stream_dialer_close(d->dialer);
        nng_aio_stop(d->aio);
        nng_aio_free(d->aio);
        nng_stream_dialer_free(d->dialer);
        free(d);
    }
    return NULL;
}

/* ---- listening ---- */

static void on_accepted(void *arg)
{
    rf_rpc_listener *l = (rf_rpc_listener *)arg;
    int rv = nng_aio_result(l->aio);
    if (rv == NNG_ECLOSED || rv == NNG_ECANCELED) {
        return;
    }
    if (rv == 0 && !l->is_pausing) {
        l->accepted(l->user, net_new((nng_stream *)nng_aio_get_output(l->aio, 0), l->is_tls));
    }
    l->is_pausing = rv != 0;
    if (rv != 0) {
        nng_sleep_aio(ACCEPT_PAUSE_MS, l->aio);
        return;
    }
    nng_stream_listener_accept(l->listener, l->aio);
}

/* A server that was killed leaves its socket behind: one that refuses connections is removed. Any
 * other file refuses them as well, and nng would remove it: 0, or -EEXIST for that. */
static int remove_stale(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct stat st;
    if (rf_copy_str(a.sun_path, sizeof(a.sun_path), path) != 0 || lstat(path, &st) != 0) {
        return 0;
    }
    if (!S_ISSOCK(st.st_mode)) {
        return -EEXIST;
    }
    RF_CLEANUP(rf_cleanup_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 && errno == ECONNREFUSED) {
        (void)unlink(path);
    }
    return 0;
}

static int listener_open(rf_rpc_listener *l, const char *url, const rf_rpc_cert *cert)
{
    bool is_ipc = strncmp(url, "ipc://", 6) == 0;
    int err = is_ipc ? remove_stale(url + 6) : 0;
    if (err != 0) {
        return err;
    }
    int rv = nng_stream_listener_alloc(&l->listener, url);
    if (rv == 0 && cert != NULL) {
        rv = nng_stream_listener_set_ptr(l->listener, NNG_OPT_TLS_CONFIG, cert->config);
    }
    if (rv == 0 && is_ipc) {
        rv = nng_stream_listener_set_int(l->listener, NNG_OPT_IPC_PERMISSIONS, 0600);
    }
    rv = rv == 0 ? nng_stream_listener_listen(l->listener) : rv;
    return rv != 0 ? errno_of(rv) : 0;
}

int rf_rpc_listener_new(const char *url, const rf_rpc_cert *cert, rf_rpc_accept_fn accepted,
                        void *user, rf_rpc_listener **ret)
{
    rf_rpc_listener *l = RF_NEW(rf_rpc_listener);
    l->is_tls = is_tls_url(url);
    l->accepted = accepted;
    l->user = user;
    if (nng_aio_alloc(&l->aio, on_accepted, l) != 0) {
        abort();
    }
    int err = listener_open(l, url, cert);
    if (err != 0) {
        (void)rf_rpc_listener_free(l);
        return err;
    }
    nng_stream_listener_accept(l->listener, l->aio);
    *ret = l;
    return 0;
}

uint16_t rf_rpc_listener_port(const rf_rpc_listener *l)
{
    int port = 0;
    (void)nng_stream_listener_get_int(l->listener, NNG_OPT_TCP_BOUND_PORT, &port);
    return (uint16_t)port;
}

rf_rpc_listener *rf_rpc_listener_free(rf_rpc_listener *l)
{
    if (l != NULL) {
        if (l->listener != NULL) {
            nng_stream_listener_close(l->listener);
        }
        nng_aio_stop(l->aio);
        nng_aio_free(l->aio);
        if (l->listener != NULL) {
            nng_stream_listener_free(l->listener);
        }
        free(l);
    }
    return NULL;
}
