#include "jam_block.h"

#include <pthread.h>
#include <stdatomic.h>

#define GRAIN 4096 /* bytes; capacities are multiples of it */

struct jam_blocks {
    pthread_mutex_t mutex;
    size_t cap; /* of every block in `free`: that of the newest chunk */
    jam_block *free;
    size_t n_made; /* blocks of that capacity, free or out */
    size_t n_out;  /* of any */
    bool is_over;  /* given up: whoever brings back the last block frees the pool */
};

jam_blocks *jam_blocks_new(void)
{
    jam_blocks *b = RF_NEW(jam_blocks);
    pthread_mutex_init(&b->mutex, NULL);
    return b;
}

static void free_list(jam_block *block)
{
    while (block != NULL) {
        jam_block *next = block->next;
        free(block);
        block = next;
    }
}

static void destroy(jam_blocks *b)
{
    free_list(b->free);
    pthread_mutex_destroy(&b->mutex);
    free(b);
}

jam_blocks *jam_blocks_free(jam_blocks *b)
{
    if (b != NULL) {
        pthread_mutex_lock(&b->mutex);
        b->is_over = true;
        bool is_last = b->n_out == 0;
        pthread_mutex_unlock(&b->mutex);
        if (is_last) {
            destroy(b);
        }
    }
    return NULL;
}

/* With the mutex held, like what follows. */
static bool add_one(jam_blocks *b)
{
    jam_block *block = malloc(sizeof(*block) + b->cap);
    if (block == NULL) {
        return false;
    }
    block->home = b;
    block->cap = b->cap;
    block->next = b->free;
    b->free = block;
    b->n_made++;
    return true;
}

/* Chunks have another length now: blocks of the old one are of no use. */
static void change_cap(jam_blocks *b, size_t cap)
{
    free_list(b->free);
    b->free = NULL;
    b->cap = cap;
    b->n_made = 0;
}

static jam_block *take_one(jam_blocks *b, size_t n_reserve)
{
    while (b->n_made < n_reserve && add_one(b)) {
    }
    if (b->free == NULL && !add_one(b)) {
        return NULL;
    }
    jam_block *block = b->free;
    b->free = block->next;
    b->n_out++;
    return block;
}

jam_block *jam_blocks_take(jam_blocks *b, size_t cap, size_t n_reserve)
{
    size_t rounded = (cap + GRAIN - 1) / GRAIN * GRAIN;
    pthread_mutex_lock(&b->mutex);
    if (rounded != b->cap) {
        change_cap(b, rounded);
    }
    jam_block *block = take_one(b, n_reserve);
    pthread_mutex_unlock(&b->mutex);
    if (block != NULL) {
        block->next = NULL;
        block->size = 0;
        atomic_init(&block->refs, 1);
    }
    return block;
}

jam_block *jam_block_ref(jam_block *block)
{
    atomic_fetch_add_explicit(&block->refs, 1, memory_order_relaxed);
    return block;
}

jam_block *jam_block_unref(jam_block *block)
{
    if (block == NULL || atomic_fetch_sub_explicit(&block->refs, 1, memory_order_acq_rel) > 1) {
        return NULL;
    }
    jam_blocks *b = block->home;
    pthread_mutex_lock(&b->mutex);
    bool fits = block->cap == b->cap;
    if (fits) {
        block->next = b->free;
        b->free = block;
    }
    b->n_out--;
    bool is_last = b->is_over && b->n_out == 0;
    pthread_mutex_unlock(&b->mutex);
    if (!fits) {
        free(block);
    }
    if (is_last) {
        destroy(b);
    }
    return NULL;
}

void jam_block_release(void *block)
{
    jam_block_unref(block);
}
