/*
 * bus_fixture.h - what the bus tests share. The suite runs against any backend: REFLECTION_BUS_URL
 * names one that is up; without it every test gets a local bus in a directory of its own.
 */
#ifndef BUS_FIXTURE_H
#define BUS_FIXTURE_H

#include "rf_bus.h"
#include "rf_time.h"

#include <criterion/criterion.h>

#define BUS_SOON_NS (rf_time_ns() + 60 * RF_NS_PER_S) /* what must happen, happens long before */
#define BUS_MS(n) (rf_time_ns() + (int64_t)(n)*RF_NS_PER_MS)

extern char bus_url[512];

/* The directory of the local bus under test, "" for another backend. */
extern char bus_dir[256];

/* Whether the bus under test is Kafka: its groups take a moment to share out partitions. */
bool bus_is_kafka(void);

/* BUS_ONLY_LOCAL leaves a test out on other backends: it shows what only the local one promises. */
#define BUS_ONLY_LOCAL(why)                                                                        \
    do {                                                                                           \
        if (bus_dir[0] == '\0') {                                                                  \
            cr_skip_test("only the local bus: " why);                                              \
        }                                                                                          \
    } while (0)

/* Before and after each test of a suite: TestSuite(x, .init = bus_setup, .fini = bus_teardown). */
void bus_setup(void);
void bus_teardown(void);

/* bus_setup_deathless is for suites in which no member dies: the sessions of Kafka's members are
 * long, which else end soon, also on a machine too busy to let them be heard of. */
void bus_setup_deathless(void);

/* bus_fresh makes a name no other test uses; one of 8 static buffers in turn. */
const char *bus_fresh(const char *prefix);

rf_bus *bus_open(void);
rf_bus_sub *bus_join(rf_bus *bus, const char *group, const char *topic);
rf_bus_sub *bus_join_at(rf_bus *bus, const char *group, const char *topic, rf_bus_start start);

/* bus_put produces one record and asserts that it was taken; key NULL for none. */
void bus_put(rf_bus *bus, const char *topic, const char *key, const char *value);
void bus_put_numbers(rf_bus *bus, const char *topic, int from, int to); /* values "from".."to-1" */
void bus_flush(rf_bus *bus);

/* bus_take waits for a message and asserts that there is one. */
rf_bus_message *bus_take(rf_bus_sub *sub);

/* bus_next_at is rf_bus_next for a message that is there. Kafka reads ahead in its own time: it is
 * asked again until it has it. */
int bus_next_at(rf_bus_sub *sub, rf_bus_message **ret, int64_t at_ns);

/* bus_expect takes a message, compares its value, commits when told so, and frees it. */
void bus_expect(rf_bus_sub *sub, const char *value, bool commit);

/* bus_expect_none asserts that nothing comes within ms. */
void bus_expect_none(rf_bus_sub *sub, int ms);

/* bus_value is the value as a number; bus_text copies it as a string (static buffer). */
int bus_value(const rf_bus_message *m);
const char *bus_text(const rf_bus_message *m);

/* bus_drain takes messages and commits each, until at least so many came, which may take its time,
 * and then until none comes for a moment; counts[value]++ for values below n. Returns how many
 * there were. bus_drain_all does so with several in turn; taken[i] += how many subs[i] had. */
int bus_drain(rf_bus_sub *sub, int least, int *counts, int n);
int bus_drain_all(rf_bus_sub **subs, size_t n_subs, int *taken, int least, int *counts, int n);

/* bus_settle polls every subscription until together they own n partitions of their topics,
 * and none more than one above another; _somehow does not ask for that. */
void bus_settle(rf_bus_sub **subs, size_t n_subs, size_t n_partitions);

void bus_settle_somehow(rf_bus_sub **subs, size_t n_subs, size_t n_partitions);

/* bus_owned counts the partitions of a subscription, polled once; Kafka until it has some. */
size_t bus_owned(rf_bus_sub *sub);

/* bus_processor_s is the processor time of this process so far. */
double bus_processor_s(void);

int64_t bus_lag(rf_bus *bus, const char *group, const char *topic);

#endif
