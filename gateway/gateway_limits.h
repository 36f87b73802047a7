/*
 * gateway_limits.h - token buckets of applications and keys. Any thread.
 *
 * A bucket is one number, the theoretical arrival time of the generic cell rate algorithm (ITU-T
 * I.371): a request is let in when that time is no more than burst intervals ahead of now. Buckets
 * that have run full again hold nothing worth keeping, so the table forgets them when it is full.
 *
 * Where several gateways stand side by side a bucket has a share of its rate and burst, which
 * follows from what this gateway and the others have made of it lately (gateway_share.h).
 */
#ifndef GATEWAY_LIMITS_H
#define GATEWAY_LIMITS_H

#include "rf_base.h"

typedef struct gateway_limits gateway_limits;

#define GATEWAY_LIMITS_NAME_MAX 48

/* gateway_limits_new makes a table of at most max buckets. */
gateway_limits *gateway_limits_new(size_t max);
gateway_limits *gateway_limits_free(gateway_limits *t);

/* gateway_limits_take counts one request of name (below GATEWAY_LIMITS_NAME_MAX bytes) at now_ns
 * against this gateway's share of per_second requests a second with bursts of burst. Returns 0 when
 * it is let in, else the whole seconds, at least 1, after which the next one is. */
unsigned gateway_limits_take(gateway_limits *t, const char *name, uint32_t per_second,
                             uint32_t burst, int64_t now_ns);

/* What has been made of a bucket since it was collected last. */
typedef struct gateway_limit_use {
    char name[GATEWAY_LIMITS_NAME_MAX];
    double offered;  /* requests a second that came */
    double admitted; /* and that were let in */
} gateway_limit_use;

/* gateway_limits_collect writes the buckets that were asked for a twentieth of their rate or more
 * since the last time, at most max; returns their number. */
size_t gateway_limits_collect(gateway_limits *t, int64_t now_ns, gateway_limit_use *out,
                              size_t max);

/* gateway_limits_share tells what all other gateways have made of a bucket meanwhile: from now on
 * it has what they leave, and at least its part of all that is asked for. Without further word that
 * holds for GATEWAY_LIMITS_SHARE_S. */
#define GATEWAY_LIMITS_SHARE_S 30
void gateway_limits_share(gateway_limits *t, const gateway_limit_use *mine, double others_offered,
                          double others_admitted, int64_t now_ns);

/* gateway_limits_len counts the buckets held. */
size_t gateway_limits_len(gateway_limits *t);

#endif
