/*
 * gateway_dispatch.h - the way of a request from its head to its handler: route, key or signature,
 * limits, body. Loop thread.
 */
#ifndef GATEWAY_DISPATCH_H
#define GATEWAY_DISPATCH_H

#include "gateway_exchange.h"

/* gateway_dispatch takes a request whose head is complete. It is answered in the end. */
void gateway_dispatch(gateway_exchange *ex);

#endif
