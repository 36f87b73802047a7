/* Pause and resume: of all, of a topic, of one partition. */
#include "bus_fixture.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

TestSuite(pausing, .init = bus_setup_deathless, .fini = bus_teardown);

Test(pausing, nothing_comes_while_all_is_paused)
{
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), topic);
    bus_put_numbers(bus, topic, 0, 20);
    bus_flush(bus);
    cr_assert_eq(rf_bus_pause(sub, NULL, -1), 0);
    bus_expect_none(sub, 50);
    cr_assert_eq(rf_bus_resume(sub, NULL, -1), 0);
    int counts[20] = {0};
    cr_assert_eq(bus_drain(sub, 20, counts, 20), 20);
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(counts[i], 1);
    }
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(pausing, what_was_read_ahead_comes_after_the_resume_in_order)
{
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    cr_assert_eq(rf_bus_topic(bus, topic, 1), 0);
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), topic);
    bus_put_numbers(bus, topic, 0, 50);
    bus_flush(bus);
    for (int i = 0; i < 50; i++) {
        rf_bus_message *m = bus_take(sub);
        cr_assert_eq(bus_value(m), i, "once each, in order");
        rf_bus_message_free(m);
        rf_bus_pause(sub, NULL, -1);
        bus_expect_none(sub, 1);
        rf_bus_resume(sub, NULL, -1);
    }
    bus_expect_none(sub, 20);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(pausing, one_partition_stands_while_others_go_on)
{
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    cr_assert_eq(rf_bus_topic(bus, topic, 4), 0);
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), topic);
    bus_owned(sub);
    cr_assert_eq(rf_bus_pause(sub, topic, 2), 0);
    for (int i = 0; i < 40; i++) {
        bus_put(bus, topic, NULL, "x");
    }
    bus_flush(bus);
    for (int i = 0; i < 30; i++) {
        rf_bus_message *m = bus_take(sub);
        cr_assert_neq(m->partition, 2);
        rf_bus_message_free(m);
    }
    bus_expect_none(sub, 30);
    cr_assert_eq(rf_bus_resume(sub, topic, 2), 0);
    for (int i = 0; i < 10; i++) {
        rf_bus_message *m = bus_take(sub);
        cr_assert_eq(m->partition, 2);
        rf_bus_message_free(m);
    }
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(pausing, one_topic_stands_while_others_go_on)
{
    rf_bus *bus = bus_open();
    const char *topics[] = {bus_fresh("a"), bus_fresh("b")};
    rf_bus_sub_config config = {.group = bus_fresh("g"), .topics = topics, .n_topics = 2};
    rf_bus_sub *sub = NULL;
    cr_assert_eq(rf_bus_subscribe(bus, &config, &sub), 0);
    cr_assert_eq(rf_bus_pause(sub, topics[0], -1), 0);
    bus_put(bus, topics[0], NULL, "a");
    bus_put(bus, topics[1], NULL, "b");
    bus_expect(sub, "b", true);
    bus_expect_none(sub, 30);
    cr_assert_eq(rf_bus_resume(sub, topics[0], -1), 0);
    bus_expect(sub, "a", true);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(pausing, an_unknown_topic_or_partition_is_told)
{
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    cr_assert_eq(rf_bus_topic(bus, topic, 4), 0);
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), topic);
    static const struct {
        bool known;
        int partition;
        int err;
    } table[] = {{true, -1, 0},      {true, 0, 0},        {true, 3, 0},
                 {true, 4, -ENOENT}, {false, 0, -ENOENT}, {false, -1, -ENOENT}};
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        const char *name = table[i].known ? topic : "unknown";
        cr_assert_eq(rf_bus_pause(sub, name, table[i].partition), table[i].err, "row %zu", i);
        cr_assert_eq(rf_bus_resume(sub, name, table[i].partition), table[i].err, "row %zu", i);
    }
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(pausing, a_pause_of_all_holds_for_new_partitions)
{
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    const char *group = bus_fresh("g");
    bus_put_numbers(bus, topic, 0, 80);
    bus_flush(bus);
    rf_bus_sub *subs[] = {bus_join(bus, group, topic), bus_join(bus, group, topic)};
    rf_bus_pause(subs[0], NULL, -1);
    bus_expect_none(subs[0], 20);
    rf_bus_unsubscribe(subs[1]);
    int64_t until = BUS_SOON_NS;
    while (rf_bus_assignment(subs[0], NULL, 0) < 8 && rf_time_ns() < until) {
        bus_expect_none(subs[0], 5);
    }
    cr_assert_eq(rf_bus_assignment(subs[0], NULL, 0), 8);
    bus_expect_none(subs[0], 30);
    rf_bus_resume(subs[0], NULL, -1);
    cr_assert_eq(bus_drain(subs[0], 80, NULL, 0), 80);
    rf_bus_unsubscribe(subs[0]);
    rf_bus_close(bus);
}

Test(pausing, a_resume_holds_for_partitions_that_come_back)
{
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    const char *group = bus_fresh("g");
    cr_assert_eq(rf_bus_topic(bus, topic, 8), 0);
    rf_bus_sub *subs[] = {bus_join(bus, group, topic), NULL};
    bus_settle(subs, 1, 8);
    rf_bus_pause(subs[0], NULL, -1);
    subs[1] = bus_join(bus, group, topic);
    while (rf_bus_assignment(subs[0], NULL, 0) != 4 || rf_bus_assignment(subs[1], NULL, 0) != 4) {
        bus_expect_none(subs[0], 5);
        bus_expect_none(subs[1], 5);
    }
    rf_bus_resume(subs[0], NULL, -1);
    rf_bus_unsubscribe(subs[1]);
    bus_put_numbers(bus, topic, 0, 80);
    bus_flush(bus);
    int counts[80] = {0};
    cr_assert_eq(bus_drain(subs[0], 80, counts, 80), 80);
    for (int i = 0; i < 80; i++) {
        cr_assert_eq(counts[i], 1, "%d came %d times", i, counts[i]);
    }
    rf_bus_unsubscribe(subs[0]);
    rf_bus_close(bus);
}

Test(pausing, commits_go_on_while_paused)
{
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    const char *group = bus_fresh("g");
    rf_bus_sub *sub = bus_join(bus, group, topic);
    bus_put(bus, topic, NULL, "long job");
    rf_bus_message *m = bus_take(sub);
    rf_bus_pause(sub, NULL, -1);
    bus_expect_none(sub, 20);
    cr_assert_eq(rf_bus_commit(sub, m), 0);
    cr_assert_eq(rf_bus_commit_wait(sub, BUS_SOON_NS), 0);
    cr_assert_eq(bus_lag(bus, group, topic), 0);
    rf_bus_message_free(m);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

static void *resume_later(void *arg)
{
    struct timespec ts = {.tv_nsec = 100 * RF_NS_PER_MS};
    nanosleep(&ts, NULL);
    rf_bus_resume(arg, NULL, -1);
    return NULL;
}

Test(pausing, a_resume_by_another_thread_wakes_the_waiter)
{
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), topic);
    bus_put(bus, topic, NULL, "x");
    bus_flush(bus);
    rf_bus_pause(sub, NULL, -1);
    bus_expect_none(sub, 20);
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, resume_later, sub), 0);
    bus_expect(sub, "x", true);
    pthread_join(thread, NULL);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(pausing, a_resume_makes_the_descriptor_readable)
{
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), topic);
    bus_put(bus, topic, NULL, "x");
    bus_flush(bus);
    rf_bus_pause(sub, NULL, -1);
    bus_expect_none(sub, 50);
    rf_bus_resume(sub, NULL, -1);
    struct pollfd p = {.fd = rf_bus_sub_fd(sub), .events = POLLIN};
    cr_assert_eq(poll(&p, 1, bus_is_kafka() ? 20000 : 0), 1);
    rf_bus_message *m = NULL;
    cr_assert_eq(bus_next_at(sub, &m, 0), 0);
    rf_bus_message_free(m);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}
