#include "rf_rpc_pool.h"

#include "rf_rpc.h"

#include <pthread.h>
#include <string.h>

#define MIN_SHIFT 16 /* 64 KiB */
#define N_CLASSES 12 /* up to 128 MiB */
#define MAX_KEPT ((size_t)32 << 20)

/* A kept block holds the link in its first bytes. */
typedef struct block {
    struct block *next;
} block;

static struct {
    pthread_mutex_t mutex;
    block *free[N_CLASSES];
    size_t kept;
} pool = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* The class whose blocks hold size bytes; N_CLASSES when none does. */
static size_t class_of(size_t size)
{
    size_t c = 0;
    while (c < N_CLASSES && ((size_t)1 << (MIN_SHIFT + c)) < size) {
        c++;
    }
    return c;
}

static bool is_pooled(size_t size)
{
    return size >= ((size_t)1 << (MIN_SHIFT - 1)) && class_of(size) < N_CLASSES;
}

void *rf_rpc_pool_get(size_t size)
{
    if (!is_pooled(size)) {
        return malloc(size);
    }
    size_t c = class_of(size);
    (void)pthread_mutex_lock(&pool.mutex);
    block *b = pool.free[c];
    if (b != NULL) {
        pool.free[c] = b->next;
        pool.kept -= (size_t)1 << (MIN_SHIFT + c);
    }
    (void)pthread_mutex_unlock(&pool.mutex);
    return b != NULL ? b : malloc((size_t)1 << (MIN_SHIFT + c));
}

void rf_rpc_pool_put(void *data, size_t size)
{
    block *b = (block *)data;
    if (b == NULL || !is_pooled(size)) {
        free(b);
        return;
    }
    size_t c = class_of(size);
    size_t bytes = (size_t)1 << (MIN_SHIFT + c);
    (void)pthread_mutex_lock(&pool.mutex);
    bool keep = pool.kept + bytes <= MAX_KEPT;
    if (keep) {
        b->next = pool.free[c];
        pool.free[c] = b;
        pool.kept += bytes;
    }
    (void)pthread_mutex_unlock(&pool.mutex);
    if (!keep) {
        free(b);
    }
}

void rf_rpc_rest(void)
{
    block *all[N_CLASSES];
    (void)pthread_mutex_lock(&pool.mutex);
    memcpy(all, pool.free, sizeof(all));
    memset(pool.free, 0, sizeof(pool.free));
    pool.kept = 0;
    (void)pthread_mutex_unlock(&pool.mutex);
    for (size_t c = 0; c < N_CLASSES; c++) {
        for (block *b = all[c], *next = NULL; b != NULL; b = next) {
            next = b->next;
            free(b);
        }
    }
}

size_t rf_rpc_pool_kept(void)
{
    (void)pthread_mutex_lock(&pool.mutex);
    size_t kept = pool.kept;
    (void)pthread_mutex_unlock(&pool.mutex);
    return kept;
}
