/*
 * cli_listen.h - listening sockets made before the gateway, so that its address is known to all and
 * a restart of it refuses nobody.
 */
#ifndef CLI_LISTEN_H
#define CLI_LISTEN_H

#include "rf_base.h"
#include "rf_buf.h"

typedef struct cli_listener {
    int fd;
    char host[256]; /* as given */
    int port;       /* the real one */
} cli_listener;

/* cli_listen binds "HOST:PORT" ("[::1]:8080" for IPv6; port 0 picks a free one) and listens. On
 * failure error gets a text that names the address and what to do; returns negative errno. */
int cli_listen(const char *address, cli_listener *ret, rf_buf *error) RF_MUST_USE;

/* cli_listener_url returns "<scheme>://host:port"; a wildcard host becomes localhost. Caller frees.
 */
char *cli_listener_url(const cli_listener *l, const char *scheme) RF_MUST_USE;

#endif
