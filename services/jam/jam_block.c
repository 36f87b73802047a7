#include "jam_block.h"

#include <pthread.h>
#include <stdatomic.h>

#define GRAIN 4096 /* bytes; capacities are multiples of it */

struct jam_blocks {
    pthread_mutex_t mutex;
    jam_block *free;
    size_t n_out;
    bool is_over; /* given up: whoever brings back the last block frees the pool */
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

/* With the mutex held: a free block that is large enough. Others are of a chunk length that is no
 * longer asked for, and go into *ret_unfit. */
static jam_block *find(jam_blocks *b, size_t cap, jam_block **ret_unfit)
{
    jam_block *found = NULL;
    *ret_unfit = NULL;
    while (b->free != NULL && found == NULL) {
        jam_block *block = b->free;
        b->free = block->next;
        if (block->cap >= cap && block->cap / 2 <= cap) {
            found = block;
        } else {
            block->next = *ret_unfit;
            *ret_unfit = block;
        }
    }
    return found;
}

jam_block *jam_blocks_take(jam_blocks *b, size_t cap)
{
    size_t rounded = (cap + GRAIN - 1) / GRAIN * GRAIN;
    jam_block *unfit;
    pthread_mutex_lock(&b->mutex);
    jam_block *block = find(b, rounded, &unfit);
    b->n_out++;
    pthread_mutex_unlock(&b->mutex);
    free_list(unfit);
    if (block == NULL) {
        block = malloc(sizeof(*block) + rounded);
        if (block == NULL) {
            pthread_mutex_lock(&b->mutex);
            b->n_out--;
            pthread_mutex_unlock(&b->mutex);
            return NULL;
        }
        block->home = b;
        block->cap = rounded;
    }
    block->next = NULL;
    block->size = 0;
    atomic_init(&block->refs, 1);
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
    block->next = b->free;
    b->free = block;
    b->n_out--;
    bool is_last = b->is_over && b->n_out == 0;
    pthread_mutex_unlock(&b->mutex);
    if (is_last) {
        destroy(b);
    }
    return NULL;
}

void jam_block_release(void *block)
{
    jam_block_unref(block);
}
