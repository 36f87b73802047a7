#include "gateway_limits.h"

#include "rf_time.h"

#include <pthread.h>
#include <uthash.h>

#define REPORTED_PART 0.05 /* of a rate; less matters to no other gateway */
#define SHARE_MIN 0.001

typedef struct bucket {
    char name[GATEWAY_LIMITS_NAME_MAX];
    int64_t arrival_ns;  /* theoretical */
    uint32_t per_second; /* as it was asked for last */
    uint32_t offered;    /* since the last collection */
    uint32_t admitted;
    double share; /* of rate and burst, above 0, at most 1 */
    int64_t share_until_ns;
    UT_hash_handle hh;
} bucket;

struct gateway_limits {
    pthread_mutex_t mutex;
    bucket *buckets;
    size_t max;
    int64_t collected_ns;
};

gateway_limits *gateway_limits_new(size_t max)
{
    gateway_limits *t = RF_NEW(gateway_limits);
    pthread_mutex_init(&t->mutex, NULL);
    t->max = max;
    return t;
}

static void drop(gateway_limits *t, bucket *b)
{
    HASH_DEL(t->buckets, b); // NOLINT(clang-analyzer-core.NullDereference): uthash keeps prev
    free(b);
}

gateway_limits *gateway_limits_free(gateway_limits *t)
{
    bucket *b;
    bucket *next;
    if (t == NULL) {
        return NULL;
    }
    HASH_ITER(hh, t->buckets, b, next)
    {
        drop(t, b);
    }
    pthread_mutex_destroy(&t->mutex);
    free(t);
    return NULL;
}

/* Full table: forgets every bucket that has run full again, and else the oldest one. */
static void make_room(gateway_limits *t, int64_t now_ns)
{
    bucket *b;
    bucket *next;
    HASH_ITER(hh, t->buckets, b, next)
    {
        if (b->arrival_ns <= now_ns) {
            drop(t, b);
        }
    }
    if (HASH_COUNT(t->buckets) >= t->max) {
        drop(t, t->buckets);
    }
}

static bucket *find(gateway_limits *t, const char *name, int64_t now_ns)
{
    bucket *b = NULL;
    HASH_FIND_STR(t->buckets, name, b);
    if (b != NULL) {
        return b;
    }
    if (HASH_COUNT(t->buckets) >= t->max) {
        make_room(t, now_ns);
    }
    b = RF_NEW(bucket);
    rf_copy_str(b->name, sizeof(b->name), name);
    b->arrival_ns = now_ns;
    b->share = 1;
    HASH_ADD_STR(t->buckets, name, b);
    return b;
}

static double share_of(bucket *b, int64_t now_ns)
{
    if (b->share < 1 && b->share_until_ns <= now_ns) {
        b->share = 1;
    }
    return b->share;
}

unsigned gateway_limits_take(gateway_limits *t, const char *name, uint32_t per_second,
                             uint32_t burst, int64_t now_ns)
{
    int64_t wait_ns = 0;
    pthread_mutex_lock(&t->mutex);
    bucket *b = find(t, name, now_ns);
    double share = share_of(b, now_ns);
    int64_t interval = (int64_t)((double)RF_NS_PER_S / (per_second * share));
    int64_t ahead = (int64_t)((double)interval * RF_MAX(burst * share - 1, 0.0));
    b->per_second = per_second;
    b->offered++;
    int64_t arrival = RF_MAX(b->arrival_ns, now_ns);
    if (arrival - now_ns > ahead) {
        wait_ns = arrival - now_ns - ahead;
    } else {
        b->arrival_ns = arrival + interval;
        b->admitted++;
    }
    pthread_mutex_unlock(&t->mutex);
    return (unsigned)((wait_ns + RF_NS_PER_S - 1) / RF_NS_PER_S);
}

/* ---- sharing ---- */

size_t gateway_limits_collect(gateway_limits *t, int64_t now_ns, gateway_limit_use *out, size_t max)
{
    size_t n = 0;
    pthread_mutex_lock(&t->mutex);
    double seconds = (double)(now_ns - t->collected_ns) / (double)RF_NS_PER_S;
    for (bucket *b = t->buckets; b != NULL && seconds > 0; b = b->hh.next) {
        if (n < max && b->offered > 0 && b->offered >= REPORTED_PART * b->per_second * seconds) {
            gateway_limit_use *use = &out[n++];
            rf_copy_str(use->name, sizeof(use->name), b->name);
            use->offered = b->offered / seconds;
            use->admitted = b->admitted / seconds;
        }
        b->offered = 0;
        b->admitted = 0;
    }
    t->collected_ns = now_ns;
    pthread_mutex_unlock(&t->mutex);
    return n;
}

void gateway_limits_share(gateway_limits *t, const gateway_limit_use *mine, double others_offered,
                          double others_admitted, int64_t now_ns)
{
    bucket *b = NULL;
    pthread_mutex_lock(&t->mutex);
    HASH_FIND_STR(t->buckets, mine->name, b);
    if (b != NULL && b->per_second > 0) {
        double left = 1 - others_admitted / b->per_second;
        double part = mine->offered / (mine->offered + others_offered);
        b->share = RF_MIN(RF_MAX(RF_MAX(left, part), SHARE_MIN), 1.0);
        b->share_until_ns = now_ns + GATEWAY_LIMITS_SHARE_S * RF_NS_PER_S;
    }
    pthread_mutex_unlock(&t->mutex);
}

size_t gateway_limits_len(gateway_limits *t)
{
    pthread_mutex_lock(&t->mutex);
    size_t n = HASH_COUNT(t->buckets);
    pthread_mutex_unlock(&t->mutex);
    return n;
}
