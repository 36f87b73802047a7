#include "gateway_tls_blocks.h"

#include "rf_base.h"

#include <errno.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>

/* What a record buffer asks for, and the like. */
#define BLOCK_LEAST_BYTES (16u << 10)
#define BLOCK_BYTES (17u << 10)
#define BLOCK_MOST_BYTES (18u << 10) /* that malloc makes of it */

/* What building a packet asks for, about once for each part of a record's head. */
#define PIECE_LEAST_BYTES 25
#define PIECE_BYTES 40

#define KEPT_MAX 4

typedef struct stock {
    void *item[KEPT_MAX];
    size_t n;
} stock;

typedef struct kept_stocks {
    stock blocks;
    stock pieces;
    bool noted; /* for the end of the thread */
} kept_stocks;

static _Thread_local kept_stocks kept;
static pthread_key_t at_end;

static void empty(stock *s)
{
    while (s->n > 0) {
        free(s->item[--s->n]);
    }
}

static void free_kept(void *user)
{
    kept_stocks *k = user;
    empty(&k->blocks);
    empty(&k->pieces);
    k->noted = false;
}

static void *take_from(stock *s, size_t n)
{
    return s->n > 0 ? s->item[--s->n] : malloc(n);
}

static void *take(size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    if (n >= PIECE_LEAST_BYTES && n <= PIECE_BYTES) {
        return take_from(&kept.pieces, PIECE_BYTES);
    }
    if (n >= BLOCK_LEAST_BYTES && n <= BLOCK_BYTES) {
        return take_from(&kept.blocks, BLOCK_BYTES);
    }
    return n > 0 ? malloc(n) : NULL;
}

/* The stock for memory of this size, NULL: none, or it is full. */
static stock *stock_for(size_t size)
{
    stock *s = NULL;
    if (size == PIECE_BYTES) {
        s = &kept.pieces;
    } else if (size >= BLOCK_BYTES && size <= BLOCK_MOST_BYTES) {
        s = &kept.blocks;
    }
    return s != NULL && s->n < KEPT_MAX ? s : NULL;
}

static void give_back(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    if (p == NULL) {
        return;
    }
    stock *s = stock_for(malloc_usable_size(p));
    if (s != NULL && !kept.noted) {
        kept.noted = pthread_setspecific(at_end, &kept) == 0;
    }
    if (s != NULL && kept.noted) {
        s->item[s->n++] = p;
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
