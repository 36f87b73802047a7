/*
 * jam_ring.h - the chunks of the last 10 s, by index: what a socket that comes back is sent again,
 * and what every socket of the session is sent from. Holds references; owner loop.
 */
#ifndef JAM_RING_H
#define JAM_RING_H

#include "jam_block.h"

#define JAM_RING_SAMPLES ((int64_t)10 * JAM_RATE_HZ)
#define JAM_RING_CHUNKS 256 /* at least 10 s of 40 ms */

typedef struct jam_ring {
    jam_block *chunks[JAM_RING_CHUNKS]; /* chunk i stands at i % JAM_RING_CHUNKS */
    int64_t first;                      /* index of the oldest kept */
    int64_t next;                       /* of the next to be added */
} jam_ring;

/* jam_ring_init: next is the index of the first chunk that will be added. */
void jam_ring_init(jam_ring *ring, int64_t next);
void jam_ring_done(jam_ring *ring);

/* jam_ring_add takes the reference of the chunk, whose index is ring->next, and drops what is
 * older than needed for 10 s. */
void jam_ring_add(jam_ring *ring, jam_block *block);

/* jam_ring_get lends the chunk of an index; NULL when it is no longer or not yet there. */
jam_block *jam_ring_get(const jam_ring *ring, int64_t index);

#endif
