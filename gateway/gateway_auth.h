/*
 * gateway_auth.h - API keys: reading them from a request, and the cache of what the job service
 * says about them (KeyService/Authenticate). Only SHA-256 of a key is kept. Any thread.
 *
 * A known key is believed for as long as the service allows, at most 30 s, and while the service
 * cannot be asked 55 s, so that a revoked one stops within a minute (spec jobs.md S9); an unknown
 * one is remembered for 2 s in a table of its own, so that guessing pushes no known key out.
 */
#ifndef GATEWAY_AUTH_H
#define GATEWAY_AUTH_H

#include "gateway_exchange.h"
#include "rf_crypto.h"

#define GATEWAY_AUTH_KNOWN_S 30
#define GATEWAY_AUTH_LAST_S 55
#define GATEWAY_AUTH_UNKNOWN_S 2

typedef enum gateway_auth_state {
    GATEWAY_AUTH_KNOWN,
    GATEWAY_AUTH_UNKNOWN,
    GATEWAY_AUTH_ASK, /* not in the cache */
} gateway_auth_state;

/* gateway_auth_new makes tables of at most max keys each. */
gateway_auth *gateway_auth_new(size_t max);
gateway_auth *gateway_auth_free(gateway_auth *a);

/* gateway_auth_hash reads an Authorization value, the raw key or "Bearer KEY" with the scheme in
 * any case, and gives the key's SHA-256. -EACCES when there is no key in it. */
int gateway_auth_hash(const char *value, size_t len, uint8_t ret[RF_SHA256_LEN]);

/* gateway_auth_find looks a key up; *ret is written when it is known. */
gateway_auth_state gateway_auth_find(gateway_auth *a, const uint8_t hash[RF_SHA256_LEN],
                                     int64_t now_ns, gateway_caller *ret);

/* gateway_auth_last says who a key belonged to when it was last known, for an outage; false when
 * that is too long ago. */
bool gateway_auth_last(gateway_auth *a, const uint8_t hash[RF_SHA256_LEN], int64_t now_ns,
                       gateway_caller *ret);

/* gateway_auth_know and gateway_auth_deny remember an answer; cache_s is cut to
 * GATEWAY_AUTH_KNOWN_S. */
void gateway_auth_know(gateway_auth *a, const uint8_t hash[RF_SHA256_LEN],
                       const gateway_caller *caller, uint32_t cache_s, int64_t now_ns);
void gateway_auth_deny(gateway_auth *a, const uint8_t hash[RF_SHA256_LEN], int64_t now_ns);

#endif
