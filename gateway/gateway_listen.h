/*
 * gateway_listen.h - the listening sockets: passed by a supervisor (LISTEN_FDS, LISTEN_FDNAMES as
 * in sd_listen_fds(3), names http and https) or opened here, and connections dealt out to the loops
 * in turn. Runs on the service's owner loop.
 */
#ifndef GATEWAY_LISTEN_H
#define GATEWAY_LISTEN_H

#include "gateway.h"
#include "rf_loop.h"

typedef struct gateway_listen gateway_listen;

/* gateway_listen_start serves http.listen and https.listen on owner's thread. Returns 0 or negative
 * errno, logged. */
int gateway_listen_start(gateway *gw, rf_loop *owner, gateway_listen **ret);

/* gateway_listen_stop closes the sockets and frees. NULL is fine. */
gateway_listen *gateway_listen_stop(gateway_listen *l);

/* gateway_listen_parse splits "host:port" or "[v6]:port" into host (64 bytes) and port. Returns 0
 * or -EINVAL. */
int gateway_listen_parse(const char *text, char host[64], char port[8]);

#endif
