#include "gateway_tls_blocks.h"

#include "rf_base.h"

#include <errno.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>

#define LEAST_BYTES (16u << 10)
#define BLOCK_BYTES (17u << 10)
#define LARGEST_BYTES (18u << 10) /* that is kept */
#define KEPT_MAX 4

typedef struct kept_blocks {
    void *block[KEPT_MAX];
    size_t n;
    bool noted; /* for the end of the thread */
} kept_blocks;

static _Thread_local kept_blocks kept;
static pthread_key_t at_end;

static void free_kept(void *user)
{
    kept_blocks *k = user;
    while (k->n > 0) {
        free(k->block[--k->n]);
    }
    k->noted = false;
}

static void *take(size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    if (n < LEAST_BYTES || n > BLOCK_BYTES) {
        return n > 0 ? malloc(n) : NULL;
    }
    return kept.n > 0 ? kept.block[--kept.n] : malloc(BLOCK_BYTES);
}

static void give_back(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    size_t size = malloc_usable_size(p);
    if (size < BLOCK_BYTES || size > LARGEST_BYTES || kept.n == KEPT_MAX) {
        free(p);
        return;
    }
    if (!kept.noted) {
        kept.noted = pthread_setspecific(at_end, &kept) == 0;
    }
    if (kept.noted) {
        kept.block[kept.n++] = p;
    } else {
        free(p);
    }
}

static void *resize(void *p, size_t n, const char *file, int line)
{
    if (n == 0) {
        give_back(p, file, line);
        return NULL;
    }
    return realloc(p, n);
}

int gateway_tls_blocks_use(void)
{
    if (pthread_key_create(&at_end, free_kept) != 0) {
        return -EAGAIN;
    }
    return CRYPTO_set_mem_functions(take, resize, give_back) == 1 ? 0 : -EALREADY;
}
