/* Shared chunks and the ring of the last 10 s. */
#include "jam_heap.h"
#include "jam_ring.h"

#include <criterion/criterion.h>
#include <pthread.h>

static jam_blocks *blocks;
static jam_ring ring;

static void make(void)
{
    blocks = jam_blocks_new();
    jam_ring_init(&ring, 0);
}

static void done(void)
{
    jam_ring_done(&ring);
    blocks = jam_blocks_free(blocks);
}

TestSuite(ring, .init = make, .fini = done);

static jam_block *add(uint32_t n_frames)
{
    jam_block *b = jam_blocks_take(blocks, n_frames * 100, 0);
    const jam_block *last = jam_ring_get(&ring, ring.next - 1);
    b->chunk.n_frames = n_frames;
    b->chunk.index = ring.next;
    b->chunk.start_sample =
        last == NULL ? 0
                     : last->chunk.start_sample + (int64_t)last->chunk.n_frames * JAM_FRAME_SAMPLES;
    jam_ring_add(&ring, b);
    return b;
}

static int64_t kept_samples(void)
{
    const jam_block *first = jam_ring_get(&ring, ring.first);
    const jam_block *last = jam_ring_get(&ring, ring.next - 1);
    return last->chunk.start_sample + (int64_t)last->chunk.n_frames * JAM_FRAME_SAMPLES -
           first->chunk.start_sample;
}

Test(ring, ten_seconds_are_kept_and_hardly_more_whatever_the_length_of_chunks)
{
    static const uint32_t lengths[] = {1, 7, 25, 50, 13};
    for (int i = 0; i < 2000; i++) {
        uint32_t n = lengths[(i / 300) % 5];
        add(n);
        if (ring.first > 0) {
            cr_assert_geq(kept_samples(), JAM_RING_SAMPLES);
            cr_assert_lt(kept_samples(), JAM_RING_SAMPLES + 50 * JAM_FRAME_SAMPLES);
        }
        cr_assert_leq(ring.next - ring.first, JAM_RING_CHUNKS);
    }
}

Test(ring, chunks_are_found_by_index_while_they_are_kept)
{
    for (int i = 0; i < 20; i++) {
        add(50);
    }
    cr_assert_eq(ring.first, 15);
    cr_assert_null(jam_ring_get(&ring, 14));
    cr_assert_eq(jam_ring_get(&ring, 15)->chunk.index, 15);
    cr_assert_eq(jam_ring_get(&ring, 19)->chunk.index, 19);
    cr_assert_null(jam_ring_get(&ring, 20));
    cr_assert_null(jam_ring_get(&ring, -1));
}

Test(ring, blocks_that_come_back_are_used_again)
{
    jam_block *a = jam_blocks_take(blocks, 10000, 0);
    jam_block_ref(a);
    jam_block_unref(a);
    jam_block_unref(a);
    jam_block *b = jam_blocks_take(blocks, 9000, 0);
    cr_assert_eq(a, b);
    jam_block *c = jam_blocks_take(blocks, 9000, 0);
    cr_assert_neq(b, c);
    jam_block_unref(b);
    jam_block_unref(c);
    jam_block *larger = jam_blocks_take(blocks, 100000, 0);
    cr_assert_geq(larger->cap, 100000u);
    jam_block_unref(larger);
}

Test(ring, a_reserve_is_made_ahead)
{
    jam_block *taken[5];
    taken[0] = jam_blocks_take(blocks, 10000, 5);
    int64_t before = jam_heap_calls();
    for (size_t i = 1; i < 5; i++) {
        taken[i] = jam_blocks_take(blocks, 10000, 5);
    }
    cr_assert_eq(jam_heap_calls(), before);
    for (size_t i = 0; i < 5; i++) {
        jam_block_unref(taken[i]);
    }
}

Test(ring, a_block_may_outlive_its_pool)
{
    jam_blocks *short_lived = jam_blocks_new();
    jam_block *b = jam_blocks_take(short_lived, 100, 0);
    jam_blocks_free(short_lived);
    b->data[99] = 1;
    jam_block_release(b);
}

static void *hold_and_release(void *user)
{
    for (int i = 0; i < 20000; i++) {
        jam_block *b = jam_blocks_take(blocks, 500, 0);
        jam_block_ref(b);
        jam_block_unref(user);
        user = b;
        jam_block_unref(b);
    }
    jam_block_unref(user);
    return NULL;
}

Test(ring, blocks_are_taken_and_given_back_by_many_threads)
{
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(
            pthread_create(&threads[i], NULL, hold_and_release, jam_blocks_take(blocks, 500, 0)),
            0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
}
