/*
 * gateway_ca.h - the private certificate authority of an installation and the gateway's own
 * certificate, made on first start: <dir>/ca.pem, ca.key, server.pem, server.key (keys mode 0600).
 * Clients trust ca.pem; its key never leaves the directory. Blocking; one thread.
 */
#ifndef GATEWAY_CA_H
#define GATEWAY_CA_H

#include "rf_base.h"
#include "rf_config.h"

#define GATEWAY_CA_DAYS 3650
#define GATEWAY_LEAF_DAYS 90
#define GATEWAY_LEAF_RENEW_DAYS 30 /* before its end */

/* gateway_ca_ensure makes what is missing in dir, which must exist, and a new server certificate
 * when the present one ends soon (at now_s, Unix time), is not signed by the authority, or lacks
 * one of names (beside localhost, 127.0.0.1 and ::1). Safe against two processes starting at once.
 * Returns 1 when the certificate is new, 0 when the present one stands, or negative errno, logged.
 */
int gateway_ca_ensure(const char *dir, const rf_list *names, int64_t now_s);

#endif
