/* A hundred sessions at once. */
#include "figures.h"
#include "world.h"

#include "rf_time.h"

#include <criterion/criterion.h>
#include <string.h>

#define N 100
#define SECONDS (20 / FIGURES_EVERY(7))

static world w;

static void allow_many(world *many)
{
    many->fixture.engine.max_sessions = N;
}

/* Sanitizers make the engine dearer than the machine could bear in real time. */
static void allow_any_load(void)
{
    const jam_admission_limits limits = {.max_sessions = N, .max_queue = 1, .max_load = 1000.0};
    w.service.admission = jam_admission_free(w.service.admission);
    w.service.admission = jam_admission_new(w.service.engines, &limits);
}

static void open_world(void)
{
    rf_time_drive();
    world_open(&w, allow_many);
    allow_any_load();
}

static void close_world(void)
{
    world_close(&w);
}

TestSuite(load, .init = open_world, .fini = close_world, .timeout = 120);

Test(load, a_hundred_sessions_play_and_are_steered_without_one_late_chunk)
{
    for (size_t i = 0; i < N; i++) {
        world_client *c = world_start(&w, "{\"pace\":\"realtime\"}");
        c->keeps_no_files = true;
        world_pass(&w, 20);
    }
    for (int s = 0; s < SECONDS; s++) {
        for (size_t i = 0; i < N; i++) {
            world_say(&w.clients[i], "{\"type\":\"update\",\"density\":0.7}");
            world_pass(&w, 10);
        }
    }
    for (size_t i = 0; i < N; i++) {
        world_client *c = &w.clients[i];
        size_t n = world_n_chunks(c);
        cr_assert_geq(n, (size_t)SECONDS / 2);
        cr_assert_eq(world_count(c, "error"), 0);
        cr_assert_eq(world_count(c, "status"), SECONDS);
        cr_assert_eq(c->closed, 0);
        for (size_t k = 1; k < n; k++) {
            double lead = json_number_value(json_object_get(world_meta(c, k), "lead_ms"));
            cr_assert(lead >= 15.0 && lead <= 20.0, "chunk %zu of %zu: %g ms", k, i, lead);
        }
    }
}

Test(load, opening_and_closing_leaves_nothing)
{
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < N / 4; i++) {
            world_client *c = world_start(&w, "{\"pace\":\"realtime\",\"max_decode_frames\":5}");
            c->keeps_no_files = true;
        }
        world_pass(&w, 500);
        for (size_t i = 0; i < w.n_clients; i++) {
            if (w.clients[i].socket != NULL) {
                world_say(&w.clients[i], "{\"type\":\"stop\"}");
            }
        }
        world_settle(&w);
        cr_assert_null(jam_registry_at(w.service.registry, 0));
        cr_assert_eq(w.fixture.n_open, 0);
        cr_assert_eq(w.service.n_sockets, 0);
        cr_assert_float_eq(jam_admission_load(w.service.admission), 0.0, 1e-9);
    }
}

static double heap_calls(void)
{
    return rf_metric_value(w.service.metrics->engines[0].heap_calls);
}

Test(load, no_heap_call_is_made_for_a_chunk_after_the_first_10_s)
{
    world_client *c = world_start(&w, "{\"pace\":\"realtime\",\"max_decode_frames\":10}");
    c->keeps_no_files = true;
    world_pass(&w, 11000);
    double before = heap_calls();
    for (int i = 0; i < 50; i++) {
        world_say(c, i % 2 == 0 ? "{\"type\":\"update\",\"bpm\":120,\"ramp_ms\":500}"
                                : "{\"type\":\"update\",\"styles\":\"jazz,techno\"}");
        world_pass(&w, 200);
    }
    cr_assert_eq(heap_calls(), before);
}
