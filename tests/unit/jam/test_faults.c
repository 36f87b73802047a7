/* Engines that fail end only their own session. */
#include "world.h"

#include "rf_time.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

static world w;
static engine_fixture bad; /* a second engine, that misbehaves */

/* The engine "bad" goes wrong at the second of the stream that the test says. */
static void open_with(void (*spoil)(void))
{
    rf_time_drive();
    engine_fixture_init(&bad);
    bad.engine.name = "bad";
    if (spoil != NULL) {
        spoil();
    }
    world_open(&w, NULL);
    cr_assert_eq(jam_engines_add(w.service.engines, &bad.engine), 0);
    jam_metrics_engine(w.service.metrics, 1, "bad");
}

static void close_all(void)
{
    engine_fixture_release(&bad);
    world_close(&w);
    engine_fixture_done(&bad);
}

TestSuite(faults, .fini = close_all, .timeout = 60);

static world_client *play(const char *engine)
{
    RF_CLEANUP(rf_cleanup_free)
    char *params =
        rf_asprintf("{\"pace\":\"realtime\",\"max_decode_frames\":25,\"engine\":\"%s\"}", engine);
    world_client *c = world_start(&w, params);
    world_settle(&w);
    return c;
}

static void assert_plays_on(const world_client *c)
{
    size_t n = world_n_chunks(c);
    cr_assert_eq(c->closed, 0);
    world_pass(&w, 3000);
    cr_assert_eq(world_n_chunks(c), n + 3);
    cr_assert_eq(world_count(c, "error"), 0);
}

static void assert_failed(const world_client *c)
{
    cr_assert_str_eq(world_str(world_last(c, "error"), "code"), "ENGINE_FAILED");
    cr_assert_str_eq(world_str(world_last(c, "stopped"), "reason"), "engine");
    cr_assert_eq(c->closed, 1000);
}

static void spoil_nan(void)
{
    bad.nan_at = 2 * JAM_RATE_HZ + 500;
}

Test(faults, nan_fades_out_and_ends_only_its_session)
{
    open_with(spoil_nan);
    world_client *good = play("band");
    world_client *c = play("bad");
    world_pass(&w, 3000);
    assert_failed(c);
    size_t n = world_n_chunks(c);
    cr_assert_eq(world_meta_i64(c, n - 1, "start_sample"), 48000, "the faded chunk is the last");
    const float *pcm = (const float *)(const void *)(world_chunk(c, n - 1)->file + 58);
    size_t n_floats = (world_chunk(c, n - 1)->file_len - 58) / sizeof(float);
    for (size_t i = 0; i < n_floats; i++) {
        float x;
        memcpy(&x, (const char *)pcm + i * sizeof(float), sizeof(x));
        cr_assert(x >= -1.0f && x <= 1.0f);
    }
    assert_plays_on(good);
}

static void spoil_fail(void)
{
    bad.fail_at = 2L * JAM_RATE_HZ;
}

Test(faults, an_error_of_the_engine_ends_only_its_session)
{
    open_with(spoil_fail);
    world_client *good = play("band");
    world_client *c = play("bad");
    world_pass(&w, 3000);
    assert_failed(c);
    cr_assert_eq(bad.n_open, 0);
    assert_plays_on(good);
}

static void spoil_hang(void)
{
    bad.hang_at = 2L * JAM_RATE_HZ; /* within the overlap of chunk 1 */
}

static size_t n_sessions(void)
{
    size_t n = 0;
    while (jam_registry_at(w.service.registry, n) != NULL) {
        n++;
    }
    return n;
}

/* With the clock driven and a thread hanging, the pool is never idle: turns alone. */
static void pass_hung(int64_t ms)
{
    for (int64_t i = 0; i < ms; i++) {
        rf_time_advance(RF_NS_PER_MS);
        for (int k = 0; k < 3; k++) {
            world_turn(&w);
        }
        usleep(200);
    }
}

Test(faults, hangs_end_only_their_sessions_and_their_threads_are_replaced)
{
    open_with(spoil_hang);
    world_client *good = play("band");
    world_client *hung[4];
    for (size_t i = 0; i < 4; i++) { /* more than there are threads */
        hung[i] = play("bad");
    }
    pass_hung(500); /* chunk 1 is begun, and hangs */
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(hung[i]->closed, 0);
    }
    pass_hung(5000);
    for (size_t i = 0; i < 4; i++) {
        assert_failed(hung[i]);
        cr_assert_eq(world_n_chunks(hung[i]), 1);
    }
    cr_assert_eq(n_sessions(), 1);
    cr_assert_eq(bad.n_open, 4, "what hangs is not closed");
    cr_assert_eq(good->closed, 0);
    size_t n = world_n_chunks(good);
    pass_hung(3000);
    cr_assert_geq(world_n_chunks(good), n + 2, "fresh threads play on");
    engine_fixture_release(&bad);
    for (int i = 0; i < 2000 && bad.n_open > 0; i++) {
        usleep(1000);
    }
    cr_assert_eq(bad.n_open, 0, "a thread that comes back cleans up");
}

static void spoil_open(void)
{
    bad.fail_open = true;
}

Test(faults, an_engine_that_cannot_open_is_unavailable_and_the_socket_stays)
{
    open_with(spoil_open);
    world_client *c = world_connect(&w, "tenant", "10.0.0.1");
    world_say(c, "{\"type\":\"start\",\"id\":\"s\",\"params\":{\"engine\":\"bad\"}}");
    json_t *error = world_wait(c, "error", 0);
    cr_assert_str_eq(world_str(error, "code"), "ENGINE_UNAVAILABLE");
    cr_assert_str_eq(world_str(error, "id"), "s");
    cr_assert_eq(c->closed, 0);
    world_say(c, "{\"type\":\"start\",\"params\":{\"pace\":\"realtime\"}}");
    world_wait(c, "started", 0);
    cr_assert_eq(w.service.engines->entries[1].n_used, 0);
}

Test(faults, an_engine_that_is_not_there_is_unavailable)
{
    open_with(NULL);
    world_client *c = world_connect(&w, "tenant", "10.0.0.1");
    world_say(c, "{\"type\":\"start\",\"params\":{\"engine\":\"cello\"}}");
    cr_assert_str_eq(world_str(world_last(c, "error"), "code"), "ENGINE_UNAVAILABLE");
    cr_assert_str_eq(world_str(world_last(c, "error"), "field"), "engine");
}

static void spoil_slow(void)
{
    bad.slow_us = 2000;
}

Test(faults, an_engine_that_is_slow_but_alive_is_no_hang)
{
    open_with(spoil_slow);
    world_client *c = play("bad");
    world_pass(&w, 3000);
    cr_assert_eq(c->closed, 0);
    cr_assert_eq(world_n_chunks(c), 4);
}

Test(faults, a_reset_whose_engine_does_not_open_leaves_the_old_one_playing)
{
    open_with(NULL);
    world_client *c = play("bad");
    bad.fail_open = true;
    world_say(c, "{\"type\":\"reset_context\",\"id\":\"r\"}");
    world_settle(&w);
    cr_assert_str_eq(world_str(world_last(c, "error"), "code"), "ENGINE_UNAVAILABLE");
    cr_assert_str_eq(world_str(world_last(c, "error"), "id"), "r");
    world_pass(&w, 2000);
    cr_assert_eq(world_n_chunks(c), 3);
}

Test(faults, a_client_that_vanishes_while_a_chunk_is_made_leaves_nothing_behind)
{
    open_with(spoil_slow);
    world_client *c = play("bad");
    pass_hung(510);
    cr_assert(jam_pool_is_busy(w.service.pool));
    world_leave(c);
    world_settle(&w);
    rf_time_advance(30 * RF_NS_PER_S);
    world_settle(&w);
    cr_assert_eq(bad.n_open, 0);
    cr_assert_eq(n_sessions(), 0);
}
