#include "recorder_ring.h"

#include <stdatomic.h>
#include <string.h>

typedef struct slot {
    int64_t arrival_ns;
    uint64_t lost_frames;
    uint32_t n_frames;
    uint32_t stream;
    bool overflow;
} slot;

/* Written and read count blocks and never wrap. Each side writes its own; `lost` is the producer's
 * alone. The two counters stand on cache lines of their own. */
struct recorder_ring {
    _Alignas(64) _Atomic(uint64_t) written;
    uint64_t lost;
    _Alignas(64) _Atomic(uint64_t) read;
    _Alignas(64) uint32_t cap;
    uint32_t block_frames;
    uint32_t frame_bytes;
    slot *slots;
    uint8_t *bytes;
};

static size_t block_bytes(const recorder_ring *ring)
{
    return (size_t)ring->block_frames * ring->frame_bytes;
}

recorder_ring *recorder_ring_new(uint32_t rate_hz, uint32_t frame_bytes, uint32_t block_frames,
                                 uint32_t ring_ms)
{
    recorder_ring *ring = aligned_alloc(64, sizeof(*ring));
    if (ring == NULL) {
        abort();
    }
    memset(ring, 0, sizeof(*ring));
    ring->block_frames = block_frames;
    ring->frame_bytes = frame_bytes;
    uint64_t frames = (uint64_t)rate_hz * ring_ms / 1000;
    uint64_t wanted = (frames + block_frames - 1) / block_frames;
    uint64_t most = RECORDER_RING_BYTES_MAX / block_bytes(ring);
    ring->cap = (uint32_t)RF_MAX(RF_MIN(wanted, most), (uint64_t)2);
    ring->slots = RF_NEW_ARRAY(slot, ring->cap);
    ring->bytes = rf_alloc_array(ring->cap, block_bytes(ring));
    return ring;
}

recorder_ring *recorder_ring_free(recorder_ring *ring)
{
    if (ring != NULL) {
        free(ring->slots);
        free(ring->bytes);
        free(ring);
    }
    return NULL;
}

/* put_one stores up to one block and returns how many frames it took; none when the ring is full.
 */
static uint32_t put_one(recorder_ring *ring, const recorder_block *block, uint32_t from)
{
    uint64_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);
    if (written - atomic_load_explicit(&ring->read, memory_order_acquire) >= ring->cap) {
        return 0;
    }
    uint32_t n = RF_MIN(block->n_frames - from, ring->block_frames);
    size_t at = (size_t)(written % ring->cap);
    ring->slots[at] = (slot){.arrival_ns = block->arrival_ns,
                             .lost_frames = ring->lost,
                             .n_frames = n,
                             .stream = block->stream,
                             .overflow = block->overflow && from == 0};
    memcpy(ring->bytes + at * block_bytes(ring),
           (const uint8_t *)block->data + (size_t)from * ring->frame_bytes,
           (size_t)n * ring->frame_bytes);
    ring->lost = 0;
    atomic_store_explicit(&ring->written, written + 1, memory_order_release);
    return n;
}

void recorder_ring_put(recorder_ring *ring, const recorder_block *block)
{
    uint32_t from = 0;
    while (from < block->n_frames) {
        uint32_t n = put_one(ring, block, from);
        if (n == 0) {
            ring->lost += block->n_frames - from;
            return;
        }
        from += n;
    }
}

bool recorder_ring_peek(const recorder_ring *ring, uint32_t ahead, recorder_block *ret)
{
    if (ahead >= recorder_ring_n(ring)) {
        return false;
    }
    uint64_t read = atomic_load_explicit(&ring->read, memory_order_relaxed);
    size_t at = (size_t)((read + ahead) % ring->cap);
    const slot *s = &ring->slots[at];
    *ret = (recorder_block){.arrival_ns = s->arrival_ns,
                            .lost_frames = s->lost_frames,
                            .n_frames = s->n_frames,
                            .stream = s->stream,
                            .overflow = s->overflow,
                            .data = ring->bytes + at * block_bytes(ring)};
    return true;
}

void recorder_ring_drop(recorder_ring *ring)
{
    uint64_t read = atomic_load_explicit(&ring->read, memory_order_relaxed);
    atomic_store_explicit(&ring->read, read + 1, memory_order_release);
}

uint32_t recorder_ring_n(const recorder_ring *ring)
{
    uint64_t written = atomic_load_explicit(&ring->written, memory_order_acquire);
    return (uint32_t)(written - atomic_load_explicit(&ring->read, memory_order_relaxed));
}

uint32_t recorder_ring_cap(const recorder_ring *ring)
{
    return ring->cap;
}
