/* Where a group goes on: commits, repeats after a restart, first offsets, lag. */
#include "bus_fixture.h"

#include <errno.h>
#include <string.h>

TestSuite(offsets, .init = bus_setup_deathless, .fini = bus_teardown);

/* A topic of one partition, so that "all before" means all. */
static const char *single(rf_bus *bus)
{
    const char *topic = bus_fresh("t");
    cr_assert_eq(rf_bus_topic(bus, topic, 1), 0);
    return topic;
}

Test(offsets, a_group_goes_on_where_it_committed)
{
    rf_bus *bus = bus_open();
    const char *topic = single(bus);
    const char *group = bus_fresh("g");
    bus_put_numbers(bus, topic, 0, 10);
    bus_flush(bus);
    rf_bus_sub *sub = bus_join(bus, group, topic);
    bus_expect(sub, "0", true);
    bus_expect(sub, "1", true);
    bus_expect(sub, "2", false);
    rf_bus_unsubscribe(sub);
    sub = bus_join(bus, group, topic);
    bus_expect(sub, "2", true);
    bus_expect(sub, "3", true);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
    bus = bus_open();
    sub = bus_join(bus, group, topic);
    bus_expect(sub, "4", false);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(offsets, nothing_committed_means_everything_again)
{
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    const char *group = bus_fresh("g");
    bus_put_numbers(bus, topic, 0, 50);
    bus_flush(bus);
    for (int round = 0; round < 3; round++) {
        rf_bus_sub *sub = bus_join(bus, group, topic);
        int counts[50] = {0};
        for (int i = 0; i < 50; i++) {
            rf_bus_message *m = bus_take(sub);
            counts[bus_value(m)]++;
            rf_bus_message_free(m);
        }
        for (int i = 0; i < 50; i++) {
            cr_assert_eq(counts[i], 1);
        }
        rf_bus_unsubscribe(sub);
    }
    rf_bus_close(bus);
}

Test(offsets, a_commit_covers_all_before_it)
{
    rf_bus *bus = bus_open();
    const char *topic = single(bus);
    const char *group = bus_fresh("g");
    bus_put_numbers(bus, topic, 0, 10);
    rf_bus_sub *sub = bus_join(bus, group, topic);
    for (int i = 0; i < 7; i++) {
        rf_bus_message *m = bus_take(sub);
        if (i == 6) {
            cr_assert_eq(rf_bus_commit(sub, m), 0);
        }
        rf_bus_message_free(m);
    }
    rf_bus_unsubscribe(sub);
    sub = bus_join(bus, group, topic);
    bus_expect(sub, "7", false);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(offsets, an_older_commit_does_not_move_back)
{
    rf_bus *bus = bus_open();
    const char *topic = single(bus);
    const char *group = bus_fresh("g");
    bus_put_numbers(bus, topic, 0, 5);
    rf_bus_sub *sub = bus_join(bus, group, topic);
    rf_bus_message *first = bus_take(sub);
    rf_bus_message *second = bus_take(sub);
    cr_assert_eq(rf_bus_commit(sub, second), 0);
    cr_assert_eq(rf_bus_commit_wait(sub, BUS_SOON_NS), 0);
    cr_assert_eq(rf_bus_commit(sub, first), 0);
    cr_assert_eq(rf_bus_commit_wait(sub, BUS_SOON_NS), 0);
    rf_bus_message_free(first);
    rf_bus_message_free(second);
    rf_bus_unsubscribe(sub);
    sub = bus_join(bus, group, topic);
    bus_expect(sub, "2", false);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(offsets, partitions_are_committed_apart)
{
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    const char *group = bus_fresh("g");
    cr_assert_eq(rf_bus_topic(bus, topic, 2), 0);
    for (int i = 0; i < 20; i++) {
        bus_put(bus, topic, NULL, "x"); /* in turn */
    }
    rf_bus_sub *sub = bus_join(bus, group, topic);
    for (int i = 0; i < 20; i++) {
        rf_bus_message *m = bus_take(sub);
        if (m->partition == 1) {
            cr_assert_eq(rf_bus_commit(sub, m), 0);
        }
        rf_bus_message_free(m);
    }
    rf_bus_unsubscribe(sub);
    cr_assert_eq(bus_lag(bus, group, topic), 10);
    sub = bus_join(bus, group, topic);
    for (int i = 0; i < 10; i++) {
        rf_bus_message *m = bus_take(sub);
        cr_assert_eq(m->partition, 0);
        rf_bus_message_free(m);
    }
    bus_expect_none(sub, 30);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(offsets, commit_wait_makes_it_durable_for_others_to_see)
{
    rf_bus *bus = bus_open();
    rf_bus *other = bus_open();
    const char *topic = single(bus);
    const char *group = bus_fresh("g");
    bus_put_numbers(bus, topic, 0, 100);
    bus_flush(bus);
    rf_bus_sub *sub = bus_join(bus, group, topic);
    cr_assert_eq(rf_bus_commit_wait(sub, 0), 0, "nothing to wait for");
    for (int i = 0; i < 100; i++) {
        rf_bus_message *m = bus_take(sub);
        cr_assert_eq(rf_bus_commit(sub, m), 0);
        rf_bus_message_free(m);
        if (i % 10 == 9) {
            cr_assert_eq(rf_bus_commit_wait(sub, BUS_SOON_NS), 0);
            cr_assert_eq(bus_lag(other, group, topic), 99 - i);
        }
    }
    rf_bus_unsubscribe(sub);
    rf_bus_close(other);
    rf_bus_close(bus);
}

Test(offsets, a_commit_becomes_durable_without_being_waited_for)
{
    rf_bus *bus = bus_open();
    const char *topic = single(bus);
    const char *group = bus_fresh("g");
    bus_put(bus, topic, NULL, "x");
    rf_bus_sub *sub = bus_join(bus, group, topic);
    bus_expect(sub, "x", true);
    int64_t until = BUS_SOON_NS;
    while (bus_lag(bus, group, topic) > 0 && rf_time_ns() < until) {
        bus_expect_none(sub, 5);
    }
    cr_assert_eq(bus_lag(bus, group, topic), 0);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(offsets, groups_start_where_they_are_told)
{
    static const struct {
        rf_bus_start start;
        int first;
    } table[] = {{RF_BUS_EARLIEST, 0}, {RF_BUS_LATEST, 10}};
    rf_bus *bus = bus_open();
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        const char *topic = single(bus);
        bus_put_numbers(bus, topic, 0, 10);
        bus_flush(bus);
        rf_bus_sub *sub = bus_join_at(bus, bus_fresh("g"), topic, table[i].start);
        bus_put_numbers(bus, topic, 10, 12);
        rf_bus_message *m = bus_take(sub);
        cr_assert_eq(bus_value(m), table[i].first);
        rf_bus_message_free(m);
        rf_bus_unsubscribe(sub);
    }
    rf_bus_close(bus);
}

Test(offsets, a_known_group_ignores_the_start)
{
    rf_bus *bus = bus_open();
    const char *topic = single(bus);
    const char *group = bus_fresh("g");
    bus_put_numbers(bus, topic, 0, 5);
    bus_flush(bus);
    rf_bus_sub *sub = bus_join_at(bus, group, topic, RF_BUS_EARLIEST);
    bus_expect(sub, "0", true);
    rf_bus_unsubscribe(sub);
    sub = bus_join_at(bus, group, topic, RF_BUS_LATEST);
    bus_expect(sub, "1", true);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(offsets, latest_sees_all_after_subscribe_though_it_reads_late)
{
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    const char *group = bus_fresh("g");
    bus_put_numbers(bus, topic, 0, 100);
    bus_flush(bus);
    rf_bus_sub *sub = bus_join_at(bus, group, topic, RF_BUS_LATEST);
    bus_put_numbers(bus, topic, 100, 150);
    bus_flush(bus);
    int counts[150] = {0};
    cr_assert_eq(bus_drain(sub, 50, counts, 150), 50);
    for (int i = 100; i < 150; i++) {
        cr_assert_eq(counts[i], 1);
    }
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(offsets, lag_counts_what_is_not_committed)
{
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    const char *group = bus_fresh("g");
    cr_assert_eq(rf_bus_topic(bus, topic, 4), 0);
    cr_assert_eq(bus_lag(bus, group, topic), 0);
    bus_put_numbers(bus, topic, 0, 40);
    bus_flush(bus);
    cr_assert_eq(bus_lag(bus, group, topic), 40, "a group nobody knows lags by all");
    rf_bus_sub *sub = bus_join(bus, group, topic);
    cr_assert_eq(bus_drain(sub, 40, NULL, 0), 40);
    cr_assert_eq(rf_bus_commit_wait(sub, BUS_SOON_NS), 0);
    cr_assert_eq(bus_lag(bus, group, topic), 0);
    bus_put_numbers(bus, topic, 0, 3);
    bus_flush(bus);
    cr_assert_eq(bus_lag(bus, group, topic), 3);
    int64_t lag = 7;
    cr_assert_eq(rf_bus_lag(bus, group, bus_fresh("none"), &lag), -ENOENT);
    cr_assert_eq(lag, 7, "written on success only");
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(offsets, messages_in_any_hands_can_be_committed_later)
{
    enum { N = 64 };
    rf_bus *bus = bus_open();
    const char *topic = single(bus);
    const char *group = bus_fresh("g");
    bus_put_numbers(bus, topic, 0, N);
    rf_bus_sub *sub = bus_join(bus, group, topic);
    rf_bus_message *held[N];
    for (int i = 0; i < N; i++) {
        held[i] = bus_take(sub);
    }
    for (int i = 0; i < N; i++) {
        cr_assert_eq(rf_bus_commit(sub, held[i]), 0);
        rf_bus_message_free(held[i]);
    }
    cr_assert_eq(rf_bus_commit_wait(sub, BUS_SOON_NS), 0);
    cr_assert_eq(bus_lag(bus, group, topic), 0);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}
