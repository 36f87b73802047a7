/*
 * reflection_net.h - one TCP connection, plain or TLS, that never blocks and never raises SIGPIPE.
 * The only user of OpenSSL besides the upgrade's hash. Belongs to one thread at a time.
 */
#ifndef REFLECTION_NET_H
#define REFLECTION_NET_H

#include "reflection_url.h"

#include <sys/types.h>

typedef struct reflection_net reflection_net;

/* reflection_net_open connects to the first address that answers and ends its TLS handshake,
 * certificate and host name checked. Waits until deadline_ns (looking up the name may be longer).
 * On failure returns the negative errno of the fault. */
REFLECTION_LOCAL int reflection_net_open(const reflection_url *url, const char *ca_file,
                                         int64_t deadline_ns, reflection_net **ret,
                                         reflection_jam_fault *fault);

/* reflection_net_close says goodbye where TLS does and frees; NULL is fine. Returns NULL. */
REFLECTION_LOCAL reflection_net *reflection_net_close(reflection_net *net);

/* reflection_net_read gives 1 or more bytes, 0 at the end, -EAGAIN when there are none yet, or
 * -ECONNRESET. write takes 1 or more bytes, or gives -EAGAIN or -ECONNRESET. */
REFLECTION_LOCAL ssize_t reflection_net_read(reflection_net *net, void *data, size_t len);
REFLECTION_LOCAL ssize_t reflection_net_write(reflection_net *net, const void *data, size_t len);

REFLECTION_LOCAL int reflection_net_fd(const reflection_net *net);

/* reflection_net_events is what poll must wait for so that reading, and writing too when it is
 * wanted, can go on. */
REFLECTION_LOCAL short reflection_net_events(const reflection_net *net, bool want_write);

/* reflection_net_wait polls for that. Returns 0 or -ETIMEDOUT. */
REFLECTION_LOCAL int reflection_net_wait(const reflection_net *net, bool want_write,
                                         int64_t deadline_ns);

#endif
