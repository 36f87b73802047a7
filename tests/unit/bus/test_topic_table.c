/* The table of topics is fit for the bus and for itself. */
#include "bus_fixture.h"
#include "rf_bus_topics.h"

#include <string.h>

TestSuite(topic_table, .init = bus_setup, .fini = bus_teardown);

Test(topic_table, every_topic_can_be_made_and_used)
{
    rf_bus *bus = bus_open();
    for (size_t i = 0; i < RF_N_TOPICS; i++) {
        const rf_topic *t = &rf_topics[i];
        cr_assert_eq(rf_bus_topic(bus, t->name, t->n_partitions), 0, "%s", t->name);
        rf_bus_sub *sub = bus_join(bus, t->name, t->name); /* groups are named like topics */
        bus_settle(&sub, 1, t->n_partitions);
        bus_put(bus, t->name, t->key, t->name);
        bus_expect(sub, t->name, true);
        rf_bus_unsubscribe(sub);
    }
    rf_bus_close(bus);
}

Test(topic_table, all_are_made_at_once_with_their_partitions)
{
    rf_bus *bus = bus_open();
    cr_assert_eq(rf_bus_topics_make(bus), 0);
    cr_assert_eq(rf_bus_topics_make(bus), 0, "those that exist stay");
    for (size_t i = 0; i < RF_N_TOPICS; i++) {
        rf_bus_sub *sub = bus_join(bus, rf_topics[i].name, rf_topics[i].name);
        bus_settle(&sub, 1, rf_topics[i].n_partitions);
        rf_bus_unsubscribe(sub);
    }
    rf_bus_close(bus);
}

Test(topic_table, names_are_unique_and_of_the_project)
{
    for (size_t i = 0; i < RF_N_TOPICS; i++) {
        cr_assert_eq(strncmp(rf_topics[i].name, "reflection.", 11), 0);
        cr_assert_gt(strlen(rf_topics[i].key), 0);
        for (size_t j = 0; j < i; j++) {
            cr_assert_str_neq(rf_topics[i].name, rf_topics[j].name);
        }
    }
}

/* K2 */
Test(topic_table, each_pool_has_its_ready_topic)
{
    static const char *const pools[] = {"cpu", "gpu", "t2v", "jam"};
    size_t n = 0;
    for (size_t i = 0; i < RF_N_TOPICS; i++) {
        size_t prefix = strlen(RF_TOPIC_JOB_READY);
        if (strncmp(rf_topics[i].name, RF_TOPIC_JOB_READY, prefix) == 0) {
            cr_assert_str_eq(rf_topics[i].name + prefix, pools[n++]);
        }
    }
    cr_assert_eq(n, RF_ARRAY_LEN(pools));
}

Test(topic_table, values_fit_the_bus)
{
    cr_assert_leq(RF_TOPIC_VALUE_MAX, RF_BUS_MAX_VALUE);
}
