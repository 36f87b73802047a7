/* Places, load and the queue. */
#include "world.h"

#include "jam_admission.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <errno.h>

#define S RF_NS_PER_S

static jam_engine engine = {.name = "x", .max_sessions = 3};
static jam_engines engines;
static int waiters[200]; /* their addresses */

static jam_admission *make(double ratio, size_t max_sessions, size_t max_queue, double max_load)
{
    const jam_admission_limits limits = {
        .max_sessions = max_sessions, .max_queue = max_queue, .max_load = max_load};
    engines = (jam_engines){.n = 1};
    engines.entries[0] = (jam_engine_entry){.engine = &engine, .ratio = ratio};
    return jam_admission_new(&engines, &limits);
}

static int ask(jam_admission *a, int who, int64_t now_ns, jam_refusal *ret)
{
    return jam_admission_ask(a, &engines.entries[0], &waiters[who], now_ns, ret);
}

Test(admission, an_engine_has_so_many_places)
{
    jam_refusal r;
    jam_admission *a = make(0.01, 100, 100, 1.6);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(ask(a, i, 0, &r), 0);
    }
    cr_assert_eq(ask(a, 3, 0, &r), -EBUSY);
    cr_assert_eq(r.queue_place, 1);
    cr_assert(r.retry_after_ms >= 100 && r.retry_after_ms <= 60000);
    jam_admission_free(a);
}

Test(admission, predicted_load_is_bounded)
{
    jam_refusal r;
    jam_admission *a = make(0.7, 100, 100, 1.6);
    cr_assert_eq(ask(a, 0, 0, &r), 0);
    cr_assert_eq(ask(a, 1, 0, &r), 0);
    cr_assert_float_eq(jam_admission_load(a), 1.4, 1e-9);
    cr_assert_eq(ask(a, 2, 0, &r), -EBUSY);
    engines.entries[0].ratio = 0.4; /* measured anew */
    cr_assert_eq(ask(a, 2, 0, &r), 0);
    jam_admission_free(a);
}

Test(admission, places_of_all_engines_together_are_bounded)
{
    jam_refusal r;
    jam_admission *a = make(0.01, 2, 100, 1.6);
    cr_assert_eq(ask(a, 0, 0, &r), 0);
    cr_assert_eq(ask(a, 1, 0, &r), 0);
    cr_assert_eq(ask(a, 2, 0, &r), -EBUSY);
    jam_admission_free(a);
}

Test(admission, a_place_that_becomes_free_is_held_for_the_first_who_waits)
{
    jam_refusal r;
    jam_admission *a = make(0.01, 1, 100, 1.6);
    cr_assert_eq(ask(a, 0, 0, &r), 0);
    cr_assert_eq(ask(a, 1, 0, &r), -EBUSY);
    cr_assert_eq(ask(a, 2, 0, &r), -EBUSY);
    cr_assert_eq(r.queue_place, 2);
    jam_admission_give(a, &engines.entries[0]);
    cr_assert_eq(ask(a, 3, S / 2, &r), -EBUSY, "a newcomer goes behind them");
    cr_assert_eq(r.queue_place, 3);
    cr_assert_eq(ask(a, 2, S / 2, &r), -EBUSY);
    cr_assert_eq(r.queue_place, 2, "and keeps its place");
    cr_assert_eq(ask(a, 1, S / 2, &r), 0);
    jam_admission_free(a);
}

Test(admission, a_place_is_held_for_the_time_told_and_2_s)
{
    jam_refusal r;
    jam_admission *a = make(0.01, 1, 100, 1.6);
    cr_assert_eq(ask(a, 0, 0, &r), 0);
    cr_assert_eq(ask(a, 1, 0, &r), -EBUSY);
    int64_t held_ns = (r.retry_after_ms + 2000) * RF_NS_PER_MS;
    jam_admission_give(a, &engines.entries[0]);
    cr_assert_eq(ask(a, 2, held_ns - 1, &r), -EBUSY);
    cr_assert_eq(ask(a, 2, held_ns, &r), 0);
    jam_admission_free(a);
}

Test(admission, the_queue_has_an_end)
{
    jam_refusal r;
    jam_admission *a = make(0.01, 1, 100, 1.6);
    cr_assert_eq(ask(a, 0, 0, &r), 0);
    for (int i = 1; i <= 100; i++) {
        cr_assert_eq(ask(a, i, 0, &r), -EBUSY);
        cr_assert_eq(r.queue_place, (uint32_t)i);
    }
    cr_assert_eq(ask(a, 101, 0, &r), -EBUSY);
    cr_assert_eq(r.queue_place, 0);
    cr_assert_eq(r.retry_after_ms, 60000);
    cr_assert_eq(jam_admission_queued(a, &engines.entries[0], 0), 100);
    jam_admission_forget(a, &waiters[50]);
    cr_assert_eq(ask(a, 101, 0, &r), -EBUSY);
    cr_assert_eq(r.queue_place, 100);
    jam_admission_free(a);
}

/* ---- as clients see it ---- */

static world w;

static void one_place(world *few)
{
    few->fixture.engine.max_sessions = 1;
}

static const char *last_error(const world_client *c)
{
    return world_str(world_last(c, "error"), "code");
}

static world_client *start_as(const char *tenant, const char *address)
{
    world_client *c = world_connect(&w, tenant, address);
    world_say(c, "{\"type\":\"start\",\"params\":{\"pace\":\"realtime\"}}");
    world_settle(&w);
    return c;
}

Test(admission, a_socket_told_busy_stays_open_and_gets_the_place_it_waited_for)
{
    rf_time_drive();
    world_open(&w, one_place);
    world_client *a = start_as("tenant", "1.1.1.1");
    world_client *b = start_as("tenant", "1.1.1.1");
    json_t *error = world_last(b, "error");
    cr_assert_str_eq(world_str(error, "code"), "BUSY");
    cr_assert_eq(json_integer_value(json_object_get(error, "queue_place")), 1);
    int64_t wait_ms = json_integer_value(json_object_get(error, "retry_after_ms"));
    world_say(a, "{\"type\":\"stop\"}");
    world_settle(&w);
    world_client *c = start_as("tenant", "1.1.1.1");
    cr_assert_str_eq(last_error(c), "BUSY", "the place is held");
    rf_time_advance(wait_ms * RF_NS_PER_MS);
    world_say(b, "{\"type\":\"start\",\"params\":{\"pace\":\"realtime\"}}");
    world_settle(&w);
    cr_assert_not_null(world_nth(b, "started", 0));
    world_leave(c);
    world_close(&w);
}

Test(admission, without_a_key_an_address_has_2_sessions_and_all_have_20)
{
    rf_time_drive();
    world_open(&w, NULL);
    cr_assert_not_null(world_nth(start_as("", "10.0.0.1"), "started", 0));
    cr_assert_not_null(world_nth(start_as("", "10.0.0.1"), "started", 0));
    cr_assert_str_eq(last_error(start_as("", "10.0.0.1")), "BUSY");
    for (int i = 2; i < 20; i++) {
        char address[32];
        snprintf(address, sizeof(address), "10.0.1.%d", i);
        cr_assert_not_null(world_nth(start_as("", address), "started", 0));
    }
    cr_assert_str_eq(last_error(start_as("", "10.0.2.1")), "BUSY");
    cr_assert_not_null(world_nth(start_as("tenant", "10.0.0.1"), "started", 0));
    world_close(&w);
}
