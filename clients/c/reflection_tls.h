/*
 * reflection_tls.h - the client's side of TLS on a connected, non-blocking socket that somebody
 * else owns. Belongs to one thread at a time.
 */
#ifndef REFLECTION_TLS_H
#define REFLECTION_TLS_H

#include "reflection_fault.h"

#include <sys/types.h>

typedef struct reflection_tls reflection_tls;

/* reflection_tls_new prepares TLS 1.2 or 1.3 to host (a name or an address, checked against the
 * certificate); ca_file NULL or "" trusts the system's authorities. Returns 0, -EKEYREJECTED when
 * ca_file cannot be used, or -ENOMEM. */
REFLECTION_LOCAL int reflection_tls_new(int fd, const char *host, const char *ca_file,
                                        reflection_tls **ret, reflection_jam_fault *fault);

/* reflection_tls_free sends close_notify if it can. NULL is fine; returns NULL. */
REFLECTION_LOCAL reflection_tls *reflection_tls_free(reflection_tls *tls);

/* reflection_tls_handshake goes on with the handshake: 0 when it is done, -EAGAIN when poll must
 * wait, -EKEYREJECTED or -ECONNRESET. */
REFLECTION_LOCAL int reflection_tls_handshake(reflection_tls *tls, reflection_jam_fault *fault);

/* As reflection_net_read, _write and _events. */
REFLECTION_LOCAL ssize_t reflection_tls_read(reflection_tls *tls, void *data, size_t len);
REFLECTION_LOCAL ssize_t reflection_tls_write(reflection_tls *tls, const void *data, size_t len);
REFLECTION_LOCAL short reflection_tls_events(const reflection_tls *tls, bool want_write);

#endif
