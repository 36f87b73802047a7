/*
 * jam_block.h - finished chunks in shared memory: one encoded file for all sockets, the ring and
 * the transport. Blocks come from a pool a session and go back to it with their last reference, so
 * that a running session takes no memory from the heap. The pool lives until its last block is
 * back.
 *
 * Threads: ref, unref, take and the pool's own functions: any. What is in a block is written by the
 * one who took it and constant once it is shared.
 */
#ifndef JAM_BLOCK_H
#define JAM_BLOCK_H

#include "jam_chunk.h"

typedef struct jam_blocks jam_blocks;

typedef struct jam_block {
    jam_blocks *home;
    struct jam_block *next; /* in the pool */
    _Atomic(uint32_t) refs;
    size_t cap;
    size_t size; /* of the file */
    jam_chunk chunk;
    double lead_ms; /* set as it leaves, before it is shared */
    uint8_t data[];
} jam_block;

jam_blocks *jam_blocks_new(void);

/* jam_blocks_free gives the pool up. Returns NULL. */
jam_blocks *jam_blocks_free(jam_blocks *blocks);

/* jam_blocks_take gives a block of at least cap bytes with one reference, and sees to it that there
 * are n_reserve of this size from now on, free or not. NULL without memory. */
jam_block *jam_blocks_take(jam_blocks *blocks, size_t cap, size_t n_reserve) RF_MUST_USE;

jam_block *jam_block_ref(jam_block *block);
jam_block *jam_block_unref(jam_block *block); /* returns NULL */

/* jam_block_release is unref in the shape of an attachment's release. */
void jam_block_release(void *block);

#endif
