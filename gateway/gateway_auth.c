#include "gateway_auth.h"

#include "rf_time.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <uthash.h>

typedef struct entry {
    uint8_t hash[RF_SHA256_LEN];
    int64_t until_ns;
    int64_t last_ns;       /* what it is worth in an outage ends then */
    gateway_caller caller; /* of known keys */
    UT_hash_handle hh;     /* oldest first */
} entry;

struct gateway_auth {
    pthread_mutex_t mutex;
    entry *known;
    entry *unknown;
    size_t max;
};

gateway_auth *gateway_auth_new(size_t max)
{
    gateway_auth *a = RF_NEW(gateway_auth);
    pthread_mutex_init(&a->mutex, NULL);
    a->max = max;
    return a;
}

static void drop(entry **table, entry *e)
{
    HASH_DEL(*table, e); // NOLINT(clang-analyzer-core.NullDereference): uthash keeps prev
    free(e);
}

gateway_auth *gateway_auth_free(gateway_auth *a)
{
    if (a == NULL) {
        return NULL;
    }
    while (a->known != NULL) {
        drop(&a->known, a->known);
    }
    while (a->unknown != NULL) {
        drop(&a->unknown, a->unknown);
    }
    pthread_mutex_destroy(&a->mutex);
    free(a);
    return NULL;
}

int gateway_auth_hash(const char *value, size_t len, uint8_t ret[RF_SHA256_LEN])
{
    static const char scheme[] = "bearer";
    const size_t scheme_len = sizeof(scheme) - 1;
    if (len > scheme_len && strncasecmp(value, scheme, scheme_len) == 0 &&
        value[scheme_len] == ' ') {
        value += scheme_len;
        len -= scheme_len;
        while (len > 0 && *value == ' ') {
            value++;
            len--;
        }
    }
    if (len == 0) {
        return -EACCES;
    }
    rf_sha256_of(value, len, ret);
    return 0;
}

static entry *find(entry **table, const uint8_t *hash, int64_t now_ns)
{
    entry *e = NULL;
    HASH_FIND(hh, *table, hash, RF_SHA256_LEN, e);
    if (e != NULL && e->last_ns <= now_ns) {
        drop(table, e);
        return NULL;
    }
    return e;
}

gateway_auth_state gateway_auth_find(gateway_auth *a, const uint8_t hash[RF_SHA256_LEN],
                                     int64_t now_ns, gateway_caller *ret)
{
    gateway_auth_state state = GATEWAY_AUTH_ASK;
    pthread_mutex_lock(&a->mutex);
    entry *e = find(&a->known, hash, now_ns);
    if (e != NULL && e->until_ns > now_ns) {
        *ret = e->caller;
        state = GATEWAY_AUTH_KNOWN;
    } else if (e == NULL && find(&a->unknown, hash, now_ns) != NULL) {
        state = GATEWAY_AUTH_UNKNOWN;
    }
    pthread_mutex_unlock(&a->mutex);
    return state;
}

bool gateway_auth_last(gateway_auth *a, const uint8_t hash[RF_SHA256_LEN], int64_t now_ns,
                       gateway_caller *ret)
{
    pthread_mutex_lock(&a->mutex);
    const entry *e = find(&a->known, hash, now_ns);
    if (e != NULL) {
        *ret = e->caller;
    }
    pthread_mutex_unlock(&a->mutex);
    return e != NULL;
}

static void remember(gateway_auth *a, entry **table, const uint8_t *hash,
                     const gateway_caller *caller, int64_t until_ns, int64_t last_ns)
{
    entry *e = NULL;
    pthread_mutex_lock(&a->mutex);
    HASH_FIND(hh, *table, hash, RF_SHA256_LEN, e);
    if (e != NULL) {
        drop(table, e);
    } else if (HASH_COUNT(*table) >= a->max) {
        drop(table, *table);
    }
    e = RF_NEW(entry);
    memcpy(e->hash, hash, RF_SHA256_LEN);
    e->until_ns = until_ns;
    e->last_ns = last_ns;
    if (caller != NULL) {
        e->caller = *caller;
    }
    HASH_ADD(hh, *table, hash, RF_SHA256_LEN, e);
    pthread_mutex_unlock(&a->mutex);
}

void gateway_auth_know(gateway_auth *a, const uint8_t hash[RF_SHA256_LEN],
                       const gateway_caller *caller, uint32_t cache_s, int64_t now_ns)
{
    int64_t s = RF_MIN(cache_s, (uint32_t)GATEWAY_AUTH_KNOWN_S);
    int64_t last_s = s < GATEWAY_AUTH_KNOWN_S ? s : GATEWAY_AUTH_LAST_S; /* its end is near */
    remember(a, &a->known, hash, caller, now_ns + s * RF_NS_PER_S, now_ns + last_s * RF_NS_PER_S);
}

void gateway_auth_deny(gateway_auth *a, const uint8_t hash[RF_SHA256_LEN], int64_t now_ns)
{
    int64_t until_ns = now_ns + GATEWAY_AUTH_UNKNOWN_S * RF_NS_PER_S;
    entry *e = NULL;
    pthread_mutex_lock(&a->mutex);
    HASH_FIND(hh, a->known, hash, RF_SHA256_LEN, e);
    if (e != NULL) {
        drop(&a->known, e);
    }
    pthread_mutex_unlock(&a->mutex);
    remember(a, &a->unknown, hash, NULL, until_ns, until_ns);
}
