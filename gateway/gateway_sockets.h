/*
 * gateway_sockets.h - how many sockets are open, by name (a key, an address, a kind of client), so
 * that each may have only so many. Of this gateway alone. Any thread.
 */
#ifndef GATEWAY_SOCKETS_H
#define GATEWAY_SOCKETS_H

#include "rf_base.h"

typedef struct gateway_sockets gateway_sockets;

#define GATEWAY_SOCKETS_NAME_MAX 56

gateway_sockets *gateway_sockets_new(void);
gateway_sockets *gateway_sockets_free(gateway_sockets *t);

/* gateway_sockets_take counts one more of name (below GATEWAY_SOCKETS_NAME_MAX bytes), to be given
 * back with gateway_sockets_give. False when there are max already. */
bool gateway_sockets_take(gateway_sockets *t, const char *name, size_t max) RF_MUST_USE;
void gateway_sockets_give(gateway_sockets *t, const char *name);

/* gateway_sockets_names counts the names that have a socket. */
size_t gateway_sockets_names(gateway_sockets *t);

#endif
