/*
 * rf_rpc_net.h - byte streams over nng: the only file pair that includes nng. Internal to
 * common/rpc. Callbacks come on nng's task threads. At most one read and one write are in progress
 * on a stream.
 */
#ifndef RF_RPC_NET_H
#define RF_RPC_NET_H

#include "rf_base.h"
#include "rf_rpc_channel.h"

typedef struct rf_rpc_net rf_rpc_net;
typedef struct rf_rpc_dialer rf_rpc_dialer;
typedef struct rf_rpc_listener rf_rpc_listener;
typedef struct rf_rpc_cert rf_rpc_cert;

typedef struct rf_rpc_iov {
    void *data;
    size_t len;
} rf_rpc_iov;

#define RF_RPC_NET_IOV 8

/* n is the number of bytes, at least 1, or the negative errno that ended the stream. */
typedef struct rf_rpc_net_events {
    void (*read)(void *user, ssize_t n);
    void (*written)(void *user, ssize_t n);
} rf_rpc_net_events;

/* Certificates read from PEM files, for either side; one object serves any number of connections.
 * host is the name that a server must show, NULL for a server's own side. */
int rf_rpc_cert_load(const rf_rpc_tls *tls, bool is_server, const char *host, rf_rpc_cert **ret);
rf_rpc_cert *rf_rpc_cert_free(rf_rpc_cert *cert);

/* rf_rpc_net_start names the callbacks; before the first read or write. */
void rf_rpc_net_start(rf_rpc_net *net, const rf_rpc_net_events *events, void *user);

/* rf_rpc_net_read reads into up to RF_RPC_NET_IOV pieces; the read callback follows. Not after
 * close: nng forgets what is asked of a closed stream. */
void rf_rpc_net_read(rf_rpc_net *net, const rf_rpc_iov *iov, size_t n_iov);

/* rf_rpc_net_read_now reads what has come and returns the bytes; -EAGAIN when nothing has, then
 * rf_rpc_net_read is to be asked; or another negative errno. Not while a read is in progress. */
ssize_t rf_rpc_net_read_now(rf_rpc_net *net, const rf_rpc_iov *iov, size_t n_iov);

/* rf_rpc_net_write writes what the kernel takes at once and returns the bytes; -EAGAIN when it
 * takes nothing now, then rf_rpc_net_write_later is to be asked; or another negative errno. */
ssize_t rf_rpc_net_write(rf_rpc_net *net, const rf_rpc_iov *iov, size_t n_iov);

/* rf_rpc_net_write_later writes when the kernel takes something; the written callback follows. Not
 * after close. */
void rf_rpc_net_write_later(rf_rpc_net *net, const rf_rpc_iov *iov, size_t n_iov);

/* rf_rpc_net_close ends reads and writes in progress; their callbacks come. */
void rf_rpc_net_close(rf_rpc_net *net);

/* rf_rpc_net_free waits for callbacks in progress. Not from a callback. */
rf_rpc_net *rf_rpc_net_free(rf_rpc_net *net);

/* done(user, net or NULL, 0 or negative errno) comes once for each dial. */
typedef void (*rf_rpc_dial_fn)(void *user, rf_rpc_net *net, int err);
int rf_rpc_dialer_new(const char *url, const rf_rpc_cert *cert, rf_rpc_dial_fn done, void *user,
                      rf_rpc_dialer **ret);
void rf_rpc_dialer_dial(rf_rpc_dialer *d);
/* Ends a dial in progress (its callback comes) and frees. Not from a callback. */
rf_rpc_dialer *rf_rpc_dialer_free(rf_rpc_dialer *d);

typedef void (*rf_rpc_accept_fn)(void *user, rf_rpc_net *net);
int rf_rpc_listener_new(const char *url, const rf_rpc_cert *cert, rf_rpc_accept_fn accepted,
                        void *user, rf_rpc_listener **ret);
uint16_t rf_rpc_listener_port(const rf_rpc_listener *l);
/* Stops accepting and waits for a callback in progress. Not from a callback. */
rf_rpc_listener *rf_rpc_listener_free(rf_rpc_listener *l);

#endif
