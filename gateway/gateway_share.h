/*
 * gateway_share.h - rate limits that several gateways keep together. Every GATEWAY_SHARE_S each
 * tells the job service what it has made of the buckets that are in use, hears what the others
 * have, and takes its share (gateway_limits_share). README.md says how far off that is. Owner loop.
 */
#ifndef GATEWAY_SHARE_H
#define GATEWAY_SHARE_H

#include "gateway.h"
#include "rf_loop.h"

#define GATEWAY_SHARE_S 2
#define GATEWAY_SHARE_MAX 1000 /* buckets told of at once */

typedef struct gateway_share gateway_share;

/* gateway_share_start begins to; gw's limits and rpc must outlive it. */
gateway_share *gateway_share_start(gateway *gw, rf_loop *loop);

/* gateway_share_stop ends it, before gateway_rpc_close. NULL is fine. */
gateway_share *gateway_share_stop(gateway_share *s);

#endif
