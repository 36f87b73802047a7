/*
 * gateway_tls.h - TLS 1.2 and 1.3 on OpenSSL: one context for all loops, exchanged as a whole when
 * the certificate is renewed. Sockets are non-blocking. gateway_tls_new_session may be called by
 * any thread, gateway_tls_refresh by one at a time; a session belongs to one thread.
 */
#ifndef GATEWAY_TLS_H
#define GATEWAY_TLS_H

#include "rf_base.h"

#include <openssl/ssl.h>
#include <sys/types.h>

typedef struct gateway_tls gateway_tls;

/* gateway_tls_open reads certificate chain and key (PEM files). Returns 0 or -EBADMSG, logged. */
int gateway_tls_open(const char *cert_file, const char *key_file, gateway_tls **ret);
gateway_tls *gateway_tls_close(gateway_tls *tls);

/* gateway_tls_refresh reads the files again if they are others than those in use: this gateway, one
 * beside it or the operator may have renewed them. Sessions that exist keep what they have. Returns
 * 1 when new ones are in use, 0 when nothing changed, or -EBADMSG, logged, when they cannot be
 * used: then the old ones stay, and the next call tries again. */
int gateway_tls_refresh(gateway_tls *tls);

/* gateway_tls_new_session makes the server side of one connection; NULL without memory. */
SSL *gateway_tls_new_session(gateway_tls *tls, int fd);

/* gateway_tls_accept goes on with the handshake. 0 when it is complete, -EAGAIN when it waits for
 * bytes, -EINPROGRESS when it waits to send, -EPROTO when it failed. */
int gateway_tls_accept(SSL *ssl);

/* gateway_tls_read fills data as far as bytes are at hand; *more says that some are left inside.
 * Returns their number, 0 at the end, -EAGAIN, or -EPROTO. */
ssize_t gateway_tls_read(SSL *ssl, void *data, size_t len, bool *more);

/* gateway_tls_write sends what the socket takes. Returns the number of bytes, -EAGAIN, or -EPROTO.
 * After -EAGAIN the next write must begin with the same bytes. */
ssize_t gateway_tls_write(SSL *ssl, const void *data, size_t len);

/* gateway_tls_shutdown says that no more bytes follow, as far as the socket takes that now. */
void gateway_tls_shutdown(SSL *ssl);

/* gateway_tls_rest gives back the buffers of a connection at rest, about 34 KiB; they come again by
 * themselves. */
void gateway_tls_rest(SSL *ssl);

#endif
