/* Deadlines, descriptors, and what wakes a waiter. */
#include "bus_fixture.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

TestSuite(waiting, .init = bus_setup_deathless, .fini = bus_teardown);

Test(waiting, a_deadline_is_kept)
{
    static const int table_ms[] = {0, 1, 30, 150};
    rf_bus *bus = bus_open();
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), bus_fresh("t"));
    for (size_t i = 0; i < RF_ARRAY_LEN(table_ms); i++) {
        rf_bus_message *m = NULL;
        int64_t begin_ns = rf_time_ns();
        int64_t at_ns = begin_ns + table_ms[i] * RF_NS_PER_MS;
        cr_assert_eq(rf_bus_next(sub, &m, table_ms[i] == 0 ? 0 : at_ns),
                     table_ms[i] == 0 ? -EAGAIN : -ETIMEDOUT);
        int64_t took_ns = rf_time_ns() - begin_ns;
        cr_assert_geq(took_ns, table_ms[i] * RF_NS_PER_MS);
        cr_assert_lt(took_ns, (table_ms[i] + 2000) * RF_NS_PER_MS);
        cr_assert_null(m);
    }
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(waiting, a_passed_deadline_still_gives_what_is_there)
{
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), topic);
    bus_put(bus, topic, NULL, "x");
    bus_flush(bus);
    rf_bus_message *m = NULL;
    cr_assert_eq(bus_next_at(sub, &m, 0), 0);
    rf_bus_message_free(m);
    bus_put(bus, topic, NULL, "y");
    bus_flush(bus);
    cr_assert_eq(bus_next_at(sub, &m, rf_time_ns() - RF_NS_PER_S), 0);
    rf_bus_message_free(m);
    cr_assert_eq(rf_bus_next(sub, &m, rf_time_ns() - RF_NS_PER_S), -ETIMEDOUT);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

typedef struct later {
    const char *topic;
    int delay_ms;
} later;

static void sleep_ms(int ms)
{
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * RF_NS_PER_MS};
    nanosleep(&ts, NULL);
}

static void *put_later(void *arg)
{
    const later *l = arg;
    rf_bus *bus = bus_open();
    sleep_ms(l->delay_ms);
    bus_put(bus, l->topic, NULL, "late");
    rf_bus_close(bus);
    return NULL;
}

Test(waiting, a_record_of_another_handle_wakes_the_waiter)
{
    rf_bus *bus = bus_open();
    later l = {bus_fresh("t"), 100};
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), l.topic);
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, put_later, &l), 0);
    int64_t begin_ns = rf_time_ns();
    bus_expect(sub, "late", true);
    cr_assert_lt(rf_time_ns() - begin_ns,
                 (bus_is_kafka() ? 20 : 5) * RF_NS_PER_S); /* joining, too */
    pthread_join(thread, NULL);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(waiting, a_record_of_another_process_wakes_the_waiter)
{
    later l = {bus_fresh("t"), 200};
    pid_t pid = fork();
    if (pid == 0) {
        put_later(&l);
        _exit(0);
    }
    rf_bus *bus = bus_open();
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), l.topic);
    bus_expect(sub, "late", true);
    cr_assert_eq(waitpid(pid, NULL, 0), pid);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

/* Polls the descriptor and takes what it promises until n messages came. */
static int poll_for(rf_bus_sub *sub, int n)
{
    int got = 0;
    struct pollfd p = {.fd = rf_bus_sub_fd(sub), .events = POLLIN};
    while (got < n) {
        cr_assert_eq(poll(&p, 1, 20000), 1, "the descriptor stayed silent after %d", got);
        rf_bus_message *m = NULL;
        int err = 0;
        while ((err = rf_bus_next(sub, &m, 0)) == 0) {
            rf_bus_commit(sub, m);
            rf_bus_message_free(m);
            got++;
        }
        cr_assert_eq(err, -EAGAIN);
    }
    return got;
}

Test(waiting, the_descriptor_tells_of_messages)
{
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), topic);
    cr_assert_geq(rf_bus_sub_fd(sub), 0);
    rf_bus_message *m = NULL;
    cr_assert_eq(rf_bus_next(sub, &m, 0), -EAGAIN);
    for (int round = 0; round < 20; round++) {
        bus_put_numbers(bus, topic, 0, 10);
        cr_assert_eq(poll_for(sub, 10), 10);
    }
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(waiting, the_descriptor_stays_readable_while_messages_wait)
{
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), topic);
    bus_put_numbers(bus, topic, 0, 300);
    bus_flush(bus);
    for (int i = 0; i < 300; i++) { /* one message a wake-up */
        struct pollfd p = {.fd = rf_bus_sub_fd(sub), .events = POLLIN};
        rf_bus_message *m = NULL;
        cr_assert_eq(poll(&p, 1, 5000), 1, "silent after %d", i);
        cr_assert_eq(bus_next_at(sub, &m, 0), 0);
        rf_bus_message_free(m);
    }
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(waiting, the_descriptor_falls_silent_when_there_is_nothing)
{
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), topic);
    bus_put(bus, topic, NULL, "x");
    poll_for(sub, 1);
    /* Looks after members may make it readable now and then, never for long. */
    int n_wakes = 0;
    int64_t until = BUS_MS(300);
    while (rf_time_ns() < until) {
        struct pollfd p = {.fd = rf_bus_sub_fd(sub), .events = POLLIN};
        rf_bus_message *m = NULL;
        n_wakes += poll(&p, 1, 300);
        cr_assert_eq(rf_bus_next(sub, &m, 0), -EAGAIN);
    }
    cr_assert_leq(n_wakes, 10, "%d wake-ups in 300 ms", n_wakes);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(waiting, the_descriptor_tells_of_records_made_before_the_first_look)
{
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), topic);
    bus_put_numbers(bus, topic, 0, 5);
    bus_flush(bus);
    cr_assert_eq(poll_for(sub, 5), 5);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(waiting, an_idle_waiter_costs_no_cpu)
{
    rf_bus *bus = bus_open();
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), bus_fresh("t"));
    cr_assert_gt(bus_owned(sub), 0); /* to join a group costs some */
    bus_expect_none(sub, 200);
    double before_s = bus_processor_s();
    bus_expect_none(sub, 1000);
    double used_s = bus_processor_s() - before_s;
    cr_assert_lt(used_s, 0.1, "%.3f s of CPU in one idle second", used_s);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(waiting, records_of_foreign_topics_wake_nobody)
{
    rf_bus *bus = bus_open();
    const char *other = bus_fresh("other");
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), bus_fresh("t"));
    cr_assert_gt(bus_owned(sub), 0); /* to join a group wakes the reader, too */
    bus_expect_none(sub, 200);
    int n_wakes = 0;
    for (int i = 0; i < 100; i++) {
        bus_put(bus, other, NULL, "x");
        bus_flush(bus);
        struct pollfd p = {.fd = rf_bus_sub_fd(sub), .events = POLLIN};
        rf_bus_message *m = NULL;
        n_wakes += poll(&p, 1, 0);
        cr_assert_eq(rf_bus_next(sub, &m, 0), -EAGAIN);
    }
    cr_assert_leq(n_wakes, 3, "%d of 100 foreign records woke the reader", n_wakes);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}
