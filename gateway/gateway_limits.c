#include "gateway_limits.h"

#include "rf_time.h"

#include <pthread.h>
#include <uthash.h>

typedef struct bucket {
    char name[GATEWAY_LIMITS_NAME_MAX];
    int64_t arrival_ns; /* theoretical */
    UT_hash_handle hh;
} bucket;

struct gateway_limits {
    pthread_mutex_t mutex;
    bucket *buckets;
    size_t max;
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
    HASH_ADD_STR(t->buckets, name, b);
    return b;
}

unsigned gateway_limits_take(gateway_limits *t, const char *name, uint32_t per_second,
                             uint32_t burst, int64_t now_ns)
{
    int64_t interval = RF_NS_PER_S / (int64_t)per_second;
    int64_t ahead = interval * ((int64_t)burst - 1);
    int64_t wait_ns = 0;
    pthread_mutex_lock(&t->mutex);
    bucket *b = find(t, name, now_ns);
    int64_t arrival = RF_MAX(b->arrival_ns, now_ns);
    if (arrival - now_ns > ahead) {
        wait_ns = arrival - now_ns - ahead;
    } else {
        b->arrival_ns = arrival + interval;
    }
    pthread_mutex_unlock(&t->mutex);
    return (unsigned)((wait_ns + RF_NS_PER_S - 1) / RF_NS_PER_S);
}

size_t gateway_limits_len(gateway_limits *t)
{
    pthread_mutex_lock(&t->mutex);
    size_t n = HASH_COUNT(t->buckets);
    pthread_mutex_unlock(&t->mutex);
    return n;
}
