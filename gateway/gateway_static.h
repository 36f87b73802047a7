/*
 * gateway_static.h - what the gateway answers by itself: /healthz, /readyz, /openapi.json.
 */
#ifndef GATEWAY_STATIC_H
#define GATEWAY_STATIC_H

#include "gateway_exchange.h"

#define GATEWAY_HEALTH_BYTES                                                                       \
    200 /* body of /healthz, padded: monitors and benchmarks rely on it                            \
         */

void gateway_static_healthz(gateway_exchange *ex);
void gateway_static_readyz(gateway_exchange *ex);
void gateway_static_openapi(gateway_exchange *ex);

#endif
