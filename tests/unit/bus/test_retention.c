/* Old records go by age and by bytes; readers and lag take it well. */
#include "bus_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

TestSuite(retention, .init = bus_setup, .fini = bus_teardown);

static rf_bus *open_with(int64_t retention_ms, int64_t retention_bytes)
{
    rf_bus *bus = NULL;
    rf_bus_config config = {.url = bus_url,
                            .n_partitions = 1,
                            .retention_ms = retention_ms,
                            .retention_bytes = retention_bytes};
    cr_assert_eq(rf_bus_open(&config, &bus), 0);
    return bus;
}

static void wait_for_lag(rf_bus *bus, const char *group, const char *topic, int64_t lag)
{
    int64_t until = BUS_SOON_NS;
    while (bus_lag(bus, group, topic) != lag && rf_time_ns() < until) {
        usleep(5000);
    }
    cr_assert_eq(bus_lag(bus, group, topic), lag);
}

Test(retention, old_records_go)
{
    rf_bus *bus = open_with(300, 0);
    const char *topic = bus_fresh("t");
    bus_put_numbers(bus, topic, 0, 100);
    bus_flush(bus);
    cr_assert_eq(bus_lag(bus, "g", topic), 100);
    wait_for_lag(bus, "g", topic, 0);
    rf_bus_close(bus);
}

Test(retention, young_records_stay)
{
    rf_bus *bus = open_with(1000, 0);
    const char *topic = bus_fresh("t");
    bus_put_numbers(bus, topic, 0, 10);
    bus_flush(bus);
    wait_for_lag(bus, "g", topic, 0);
    bus_put_numbers(bus, topic, 10, 15);
    bus_flush(bus);
    cr_assert_eq(bus_lag(bus, "g", topic), 5);
    rf_bus_sub *sub = bus_join(bus, "g", topic);
    for (int i = 10; i < 15; i++) {
        rf_bus_message *m = bus_take(sub);
        cr_assert_eq(bus_value(m), i);
        cr_assert_eq(m->offset, i, "offsets go on after what went");
        rf_bus_message_free(m);
    }
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(retention, offsets_go_on_in_an_emptied_topic_after_a_restart)
{
    rf_bus *bus = open_with(100, 0);
    const char *topic = bus_fresh("t");
    bus_put_numbers(bus, topic, 0, 20);
    bus_flush(bus);
    wait_for_lag(bus, "g", topic, 0);
    rf_bus_close(bus);
    bus = open_with(0, 0);
    bus_put(bus, topic, NULL, "after");
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), topic);
    rf_bus_message *m = bus_take(sub);
    cr_assert_eq(m->offset, 20);
    rf_bus_message_free(m);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(retention, bytes_are_bounded)
{
    enum { LIMIT = 100000, SIZE = 1000 };
    rf_bus *bus = open_with(0, LIMIT);
    const char *topic = bus_fresh("t");
    char value[SIZE];
    memset(value, 'v', sizeof(value));
    rf_bus_record r = {.topic = topic, .value = value, .value_len = sizeof(value)};
    for (int i = 0; i < 1000; i++) {
        cr_assert_eq(rf_bus_produce(bus, &r, NULL, NULL, BUS_SOON_NS), 0);
        if (i % 50 == 49) {
            bus_flush(bus);
            cr_assert_leq(bus_lag(bus, "g", topic), LIMIT / SIZE);
        }
    }
    cr_assert_geq(bus_lag(bus, "g", topic), LIMIT / SIZE - 1, "no more than needed goes");
    rf_bus_close(bus);
}

Test(retention, partitions_are_bounded_apart)
{
    rf_bus *bus = open_with(0, 10000);
    const char *topic = bus_fresh("t");
    cr_assert_eq(rf_bus_topic(bus, topic, 2), 0);
    char value[1000] = {0};
    rf_bus_record r = {.topic = topic, .value = value, .value_len = sizeof(value)};
    for (int i = 0; i < 16; i++) { /* in turn: 8 each */
        cr_assert_eq(rf_bus_produce(bus, &r, NULL, NULL, BUS_SOON_NS), 0);
    }
    bus_flush(bus);
    cr_assert_eq(bus_lag(bus, "g", topic), 16);
    rf_bus_close(bus);
}

Test(retention, a_slow_reader_goes_on_at_what_is_left)
{
    rf_bus *bus = NULL;
    rf_bus_config config = {
        .url = bus_url, .n_partitions = 1, .retention_bytes = 10000, .prefetch_bytes = 1};
    cr_assert_eq(rf_bus_open(&config, &bus), 0);
    const char *topic = bus_fresh("t");
    char value[1000];
    rf_bus_record r = {.topic = topic, .value = value, .value_len = sizeof(value)};
    rf_bus_sub *sub = bus_join(bus, "g", topic);
    for (int i = 0; i < 100; i++) {
        snprintf(value, sizeof(value), "%d", i);
        cr_assert_eq(rf_bus_produce(bus, &r, NULL, NULL, BUS_SOON_NS), 0);
        if (i == 0) {
            bus_flush(bus);
            rf_bus_message *m = bus_take(sub);
            cr_assert_eq(rf_bus_commit(sub, m), 0);
            rf_bus_message_free(m);
        }
    }
    bus_flush(bus);
    int64_t last = -1;
    for (int i = 0; i < 10; i++) {
        rf_bus_message *m = bus_take(sub);
        cr_assert_gt(m->offset, last);
        cr_assert_geq(m->offset, 90);
        last = m->offset;
        rf_bus_message_free(m);
    }
    cr_assert_eq(last, 99);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

/* Produced at once, so that they become durable together. */
static void put_thousands(rf_bus *bus, const char *topic, int n)
{
    char value[1000];
    memset(value, 'v', sizeof(value));
    rf_bus_record r = {.topic = topic, .value = value, .value_len = sizeof(value)};
    for (int i = 0; i < n; i++) {
        cr_assert_eq(rf_bus_produce(bus, &r, NULL, NULL, BUS_SOON_NS), 0);
    }
    bus_flush(bus);
}

Test(retention, of_records_that_became_durable_together_some_may_go)
{
    rf_bus *bus = open_with(0, 10500);
    const char *topic = bus_fresh("t");
    put_thousands(bus, topic, 150);
    for (int n = 150; n < 155; n++) {
        cr_assert_eq(bus_lag(bus, "g", topic), 10);
        rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), topic);
        for (int i = n - 10; i < n; i++) {
            rf_bus_message *m = bus_take(sub);
            cr_assert_eq(m->offset, i);
            rf_bus_message_free(m);
        }
        bus_expect_none(sub, 50);
        rf_bus_unsubscribe(sub);
        rf_bus_close(bus);
        bus = open_with(0, 10500);
        put_thousands(bus, topic, 1);
    }
    rf_bus_close(bus);
}

Test(retention, a_limit_lowered_later_holds_from_the_next_record_on)
{
    rf_bus *bus = open_with(0, 0);
    const char *topic = bus_fresh("t");
    put_thousands(bus, topic, 3000);
    cr_assert_eq(bus_lag(bus, "g", topic), 3000);
    rf_bus_close(bus);
    bus = open_with(0, 5000);
    put_thousands(bus, topic, 1);
    cr_assert_eq(bus_lag(bus, "g", topic), 5);
    rf_bus_close(bus);
}

Test(retention, a_large_backlog_goes_in_pieces)
{
    rf_bus *bus = open_with(0, 0);
    const char *topic = bus_fresh("t");
    bus_put_numbers(bus, topic, 0, 12000);
    bus_flush(bus);
    rf_bus_close(bus);
    bus = open_with(1, 0);
    wait_for_lag(bus, "g", topic, 0);
    rf_bus_close(bus);
}
