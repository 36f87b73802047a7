/*
 * recorder_ring.h - blocks of audio from a real-time callback to the owner loop (S2).
 *
 * One producer (the callback of the sound library) and one consumer (the owner loop). Neither
 * locks, allocates or makes a system call; all memory is taken in recorder_ring_new. What finds no
 * room is counted and told with the next block that does, so that a loss has an exact length and
 * place. The producer may be replaced by another thread once the first one has been joined.
 */
#ifndef RECORDER_RING_H
#define RECORDER_RING_H

#include "rf_base.h"

#define RECORDER_RING_BYTES_MAX (4u << 20)

typedef struct recorder_ring recorder_ring;

typedef struct recorder_block {
    int64_t arrival_ns;   /* monotonic: when the callback was given the last frame */
    uint64_t lost_frames; /* found no room between the block before and this one */
    uint32_t n_frames;
    uint32_t stream; /* which opening of the device captured it, from 1 */
    bool overflow;   /* the sound library says that frames were lost before this block */
    const void *data;
} recorder_block;

/* recorder_ring_new makes a ring of at least two blocks of block_frames x frame_bytes, for ring_ms
 * of audio at rate_hz or RECORDER_RING_BYTES_MAX of audio, whichever is less. */
recorder_ring *recorder_ring_new(uint32_t rate_hz, uint32_t frame_bytes, uint32_t block_frames,
                                 uint32_t ring_ms);
recorder_ring *recorder_ring_free(recorder_ring *ring);

/* recorder_ring_put copies a block in (producer); block->lost_frames is not read. More frames than
 * a block of the ring holds become several blocks, of which the first is marked. */
void recorder_ring_put(recorder_ring *ring, const recorder_block *block);

/* recorder_ring_peek shows the block that is `ahead` places behind the oldest (consumer); false
 * when there is none. Its data is valid until it is dropped. */
bool recorder_ring_peek(const recorder_ring *ring, uint32_t ahead, recorder_block *ret);

/* recorder_ring_drop gives the oldest block's room back (consumer). There must be one. */
void recorder_ring_drop(recorder_ring *ring);

/* recorder_ring_n: blocks that wait (consumer); recorder_ring_cap: blocks it has room for. */
uint32_t recorder_ring_n(const recorder_ring *ring);
uint32_t recorder_ring_cap(const recorder_ring *ring);

#endif
