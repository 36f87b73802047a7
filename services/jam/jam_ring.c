#include "jam_ring.h"

static jam_block **slot(jam_ring *ring, int64_t index)
{
    return &ring->chunks[index % JAM_RING_CHUNKS];
}

void jam_ring_init(jam_ring *ring, int64_t next)
{
    *ring = (jam_ring){.first = next, .next = next};
}

static void drop_first(jam_ring *ring)
{
    *slot(ring, ring->first) = jam_block_unref(*slot(ring, ring->first));
    ring->first++;
}

void jam_ring_done(jam_ring *ring)
{
    while (ring->first < ring->next) {
        drop_first(ring);
    }
}

/* Whether 10 s are left without the oldest chunk. */
static bool first_is_spare(const jam_ring *ring, const jam_block *newest)
{
    const jam_block *second = jam_ring_get(ring, ring->first + 1);
    int64_t end = newest->chunk.start_sample + (int64_t)newest->chunk.n_frames * JAM_FRAME_SAMPLES;
    return second != NULL && end - second->chunk.start_sample >= JAM_RING_SAMPLES;
}

void jam_ring_add(jam_ring *ring, jam_block *block)
{
    if (ring->next - ring->first == JAM_RING_CHUNKS) {
        drop_first(ring);
    }
    *slot(ring, ring->next++) = block;
    while (first_is_spare(ring, block)) {
        drop_first(ring);
    }
}

jam_block *jam_ring_get(const jam_ring *ring, int64_t index)
{
    bool is_kept = index >= ring->first && index < ring->next;
    return is_kept ? ring->chunks[index % JAM_RING_CHUNKS] : NULL;
}
