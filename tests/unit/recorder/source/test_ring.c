/* S2: the ring between the callback of the sound library and the owner loop. */
#include "recorder_ring.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#define BLOCK 480

static int16_t audio[4 * BLOCK];

static void put(recorder_ring *ring, uint32_t n_frames, int16_t from)
{
    for (uint32_t i = 0; i < n_frames; i++) {
        audio[i] = (int16_t)(from + (int16_t)i);
    }
    recorder_block block = {
        .arrival_ns = 7, .n_frames = n_frames, .stream = 1, .overflow = true, .data = audio};
    recorder_ring_put(ring, &block);
}

static int16_t value(const recorder_block *block, uint32_t frame)
{
    int16_t v;
    memcpy(&v, (const uint8_t *)block->data + frame * sizeof(v), sizeof(v));
    return v;
}

Test(ring, S2_holds_its_time_and_at_most_four_mebibytes)
{
    recorder_ring *ring = recorder_ring_new(48000, 4, 480, 4000);
    cr_expect_eq(recorder_ring_cap(ring), 400u);
    ring = recorder_ring_free(ring);
    ring = recorder_ring_new(192000, 32, 1920, 20000);
    cr_expect_eq(recorder_ring_cap(ring), RECORDER_RING_BYTES_MAX / (1920u * 32u));
    recorder_ring_free(ring);
}

Test(ring, blocks_come_out_as_they_went_in)
{
    recorder_ring *ring = recorder_ring_new(48000, 2, BLOCK, 500);
    recorder_block block;
    cr_expect_not(recorder_ring_peek(ring, 0, &block));
    put(ring, 100, 5);
    put(ring, BLOCK, 1000);
    cr_expect_eq(recorder_ring_n(ring), 2u);
    cr_assert(recorder_ring_peek(ring, 1, &block));
    cr_expect_eq(value(&block, BLOCK - 1), 1000 + BLOCK - 1);
    cr_assert(recorder_ring_peek(ring, 0, &block));
    cr_expect_eq(block.n_frames, 100u);
    cr_expect_eq(block.arrival_ns, 7);
    cr_expect_eq(block.stream, 1u);
    cr_expect(block.overflow);
    cr_expect_eq(value(&block, 0), 5);
    recorder_ring_drop(ring);
    recorder_ring_drop(ring);
    cr_expect_not(recorder_ring_peek(ring, 0, &block));
    recorder_ring_free(ring);
}

Test(ring, more_than_a_block_becomes_several_of_which_the_first_is_marked)
{
    recorder_ring *ring = recorder_ring_new(48000, 2, BLOCK, 500);
    put(ring, 2 * BLOCK + 3, 0);
    cr_assert_eq(recorder_ring_n(ring), 3u);
    recorder_block block;
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert(recorder_ring_peek(ring, i, &block));
        cr_expect_eq(block.overflow, i == 0);
        cr_expect_eq(block.n_frames, i < 2 ? (uint32_t)BLOCK : 3u);
        cr_expect_eq(value(&block, 0), (int16_t)(i * BLOCK));
    }
    recorder_ring_free(ring);
}

Test(ring, S2_what_finds_no_room_is_counted_where_it_is_missing)
{
    recorder_ring *ring = recorder_ring_new(48000, 2, BLOCK, 500);
    uint32_t cap = recorder_ring_cap(ring);
    for (uint32_t i = 0; i < cap + 3; i++) {
        put(ring, BLOCK, 0);
    }
    cr_assert_eq(recorder_ring_n(ring), cap);
    recorder_ring_drop(ring);
    put(ring, 2 * BLOCK, 77); /* one block of it finds room */
    recorder_ring_drop(ring);
    put(ring, BLOCK, 99);
    recorder_block block;
    cr_assert(recorder_ring_peek(ring, cap - 3, &block));
    cr_expect_eq(block.lost_frames, 0u);
    cr_assert(recorder_ring_peek(ring, cap - 2, &block));
    cr_expect_eq(block.lost_frames, 3u * BLOCK);
    cr_expect_eq(value(&block, 0), 77);
    cr_assert(recorder_ring_peek(ring, cap - 1, &block));
    cr_expect_eq(block.lost_frames, (uint64_t)BLOCK);
    cr_expect_eq(value(&block, 0), 99);
    recorder_ring_free(ring);
}

/* ---- two threads ---- */

#define STREAM_FRAMES 2000000

static void *produce(void *user)
{
    recorder_ring *ring = user;
    int32_t data[2 * BLOCK];
    int32_t frame = 0;
    for (uint32_t n = 1; frame < STREAM_FRAMES; n = n % (2 * BLOCK) + 1) {
        for (uint32_t i = 0; i < n; i++) {
            data[i] = frame++;
        }
        recorder_block block = {.arrival_ns = frame, .n_frames = n, .stream = 1, .data = data};
        recorder_ring_put(ring, &block);
    }
    return NULL;
}

/* Every frame is either there, in its place, or counted as lost. */
static int64_t consume(recorder_ring *ring, int64_t *next)
{
    recorder_block block;
    int64_t wrong = 0;
    while (recorder_ring_peek(ring, 0, &block)) {
        *next += (int64_t)block.lost_frames;
        for (uint32_t i = 0; i < block.n_frames; i++) {
            int32_t v;
            memcpy(&v, (const uint8_t *)block.data + i * sizeof(v), sizeof(v));
            wrong += v != (*next)++;
        }
        recorder_ring_drop(ring);
    }
    return wrong;
}

Test(ring, S2_no_frame_is_lost_uncounted_or_doubled_between_two_threads, .timeout = 60)
{
    recorder_ring *ring = recorder_ring_new(48000, 4, BLOCK, 500);
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, produce, ring), 0);
    int64_t next = 0;
    int64_t wrong = 0;
    for (int i = 0; i < 1000; i++) {
        wrong += consume(ring, &next);
        sched_yield();
    }
    pthread_join(thread, NULL);
    wrong += consume(ring, &next);
    cr_expect_eq(wrong, 0);
    cr_expect_gt(next, 0);
    cr_expect_leq(next, STREAM_FRAMES + 2 * BLOCK);
    recorder_ring_free(ring);
}
