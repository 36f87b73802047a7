/* What goes in comes out: bytes, keys, headers, order, partitions, several topics and readers. */
#include "bus_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

TestSuite(messages, .init = bus_setup_deathless, .fini = bus_teardown);

Test(messages, a_record_comes_back_as_it_was)
{
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), topic);
    static const char value[] = "with\0a zero";
    rf_bus_header headers[] = {
        {RF_BUS_MESSAGE_ID, "id-1", 4}, {"traceparent", "00-abc", 6}, {"empty", NULL, 0}};
    rf_bus_record r = {.topic = topic,
                       .key = "key",
                       .key_len = 3,
                       .value = value,
                       .value_len = sizeof(value),
                       .headers = headers,
                       .n_headers = RF_ARRAY_LEN(headers)};
    int64_t before_ms = rf_time_wall_ms();
    cr_assert_eq(rf_bus_produce(bus, &r, NULL, NULL, 0), 0);
    rf_bus_message *m = bus_take(sub);
    cr_assert_str_eq(m->topic, topic);
    cr_assert_eq(m->key_len, 3);
    cr_assert_eq(memcmp(m->key, "key", 3), 0);
    cr_assert_eq(m->value_len, sizeof(value));
    cr_assert_eq(memcmp(m->value, value, sizeof(value)), 0);
    cr_assert_eq(m->n_headers, RF_ARRAY_LEN(headers));
    for (size_t i = 0; i < m->n_headers; i++) {
        cr_assert_str_eq(m->headers[i].name, headers[i].name);
        cr_assert_eq(m->headers[i].value_len, headers[i].value_len);
    }
    cr_assert_eq(memcmp(rf_bus_message_header(m, RF_BUS_MESSAGE_ID)->value, "id-1", 4), 0);
    cr_assert_null(rf_bus_message_header(m, "absent"));
    cr_assert_geq(m->at_ms, before_ms);
    cr_assert_leq(m->at_ms, rf_time_wall_ms());
    cr_assert_eq(m->offset, 0);
    rf_bus_message_free(m);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(messages, empty_value_empty_key_and_no_key_are_told_apart)
{
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    cr_assert_eq(rf_bus_topic(bus, topic, 1), 0);
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), topic);
    rf_bus_record no_key = {.topic = topic};
    rf_bus_record empty_key = {.topic = topic, .key = "", .key_len = 0};
    cr_assert_eq(rf_bus_produce(bus, &no_key, NULL, NULL, 0), 0);
    cr_assert_eq(rf_bus_produce(bus, &empty_key, NULL, NULL, 0), 0);
    rf_bus_message *a = bus_take(sub);
    rf_bus_message *b = bus_take(sub);
    cr_assert_null(a->key);
    cr_assert_not_null(b->key);
    cr_assert_eq(a->value_len + b->value_len + b->key_len, 0);
    cr_assert_eq(a->n_headers, 0);
    rf_bus_message_free(a);
    rf_bus_message_free(b);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(messages, the_largest_record_passes)
{
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), topic);
    char *value = rf_alloc(RF_BUS_MAX_VALUE);
    char key[RF_BUS_MAX_KEY];
    memset(value, 'v', RF_BUS_MAX_VALUE);
    memset(key, 'k', sizeof(key));
    rf_bus_record r = {.topic = topic,
                       .key = key,
                       .key_len = sizeof(key),
                       .value = value,
                       .value_len = RF_BUS_MAX_VALUE};
    for (int i = 0; i < 50; i++) {
        cr_assert_eq(rf_bus_produce(bus, &r, NULL, NULL, BUS_SOON_NS), 0);
    }
    for (int i = 0; i < 50; i++) {
        rf_bus_message *m = bus_take(sub);
        cr_assert_eq(m->value_len, RF_BUS_MAX_VALUE);
        cr_assert_eq(memcmp(m->value, value, RF_BUS_MAX_VALUE), 0);
        cr_assert_eq(m->offset, i);
        rf_bus_message_free(m);
    }
    free(value);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(messages, order_is_kept_within_a_key)
{
    enum { KEYS = 20, EACH = 100 };
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), topic);
    for (int i = 0; i < KEYS * EACH; i++) {
        char key[16];
        char value[16];
        snprintf(key, sizeof(key), "k%d", i % KEYS);
        snprintf(value, sizeof(value), "%d", i / KEYS);
        bus_put(bus, topic, key, value);
    }
    int next[KEYS] = {0};
    uint32_t partition[KEYS];
    for (int i = 0; i < KEYS * EACH; i++) {
        rf_bus_message *m = bus_take(sub);
        char text[16] = {0};
        memcpy(text, m->key, RF_MIN(m->key_len, sizeof(text) - 1));
        int key = atoi(text + 1);
        cr_assert_eq(bus_value(m), next[key], "key %d", key);
        cr_assert(next[key] == 0 || partition[key] == m->partition, "a key moved");
        partition[key] = m->partition;
        next[key]++;
        rf_bus_message_free(m);
    }
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(messages, keys_and_turns_use_every_partition)
{
    rf_bus *bus = bus_open();
    static const struct {
        bool keyed;
        int n;
        int least; /* of each partition */
    } table[] = {{false, 80, 10}, {true, 800, 40}};
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        const char *topic = bus_fresh("t");
        cr_assert_eq(rf_bus_topic(bus, topic, 8), 0);
        rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), topic);
        int counts[8] = {0};
        for (int n = 0; n < table[i].n; n++) {
            char key[16];
            snprintf(key, sizeof(key), "key-%d", n);
            bus_put(bus, topic, table[i].keyed ? key : NULL, "x");
        }
        for (int n = 0; n < table[i].n; n++) {
            rf_bus_message *m = bus_take(sub);
            counts[m->partition]++;
            rf_bus_message_free(m);
        }
        for (int p = 0; p < 8; p++) {
            cr_assert_geq(counts[p], table[i].least, "partition %d of row %zu", p, i);
        }
        rf_bus_unsubscribe(sub);
    }
    rf_bus_close(bus);
}

Test(messages, offsets_rise_by_one_within_a_partition)
{
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    cr_assert_eq(rf_bus_topic(bus, topic, 4), 0);
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), topic);
    bus_put_numbers(bus, topic, 0, 400);
    int64_t next[4] = {0};
    for (int i = 0; i < 400; i++) {
        rf_bus_message *m = bus_take(sub);
        cr_assert_lt(m->partition, 4);
        cr_assert_eq(m->offset, next[m->partition]++);
        rf_bus_message_free(m);
    }
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(messages, one_subscription_reads_several_topics)
{
    rf_bus *bus = bus_open();
    const char *topics[] = {bus_fresh("a"), bus_fresh("b"), bus_fresh("c")};
    rf_bus_sub_config config = {.group = bus_fresh("g"), .topics = topics, .n_topics = 3};
    rf_bus_sub *sub = NULL;
    cr_assert_eq(rf_bus_subscribe(bus, &config, &sub), 0);
    for (int i = 0; i < 30; i++) {
        bus_put(bus, topics[i % 3], NULL, topics[i % 3]);
    }
    int counts[3] = {0};
    for (int i = 0; i < 30; i++) {
        rf_bus_message *m = bus_take(sub);
        cr_assert_str_eq(bus_text(m), m->topic);
        for (int t = 0; t < 3; t++) {
            counts[t] += strcmp(m->topic, topics[t]) == 0 ? 1 : 0;
        }
        rf_bus_message_free(m);
    }
    for (int t = 0; t < 3; t++) {
        cr_assert_eq(counts[t], 10);
    }
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(messages, topics_do_not_mix)
{
    rf_bus *bus = bus_open();
    const char *a = bus_fresh("a");
    const char *b = bus_fresh("b");
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), b);
    bus_put(bus, a, NULL, "of a");
    bus_put(bus, b, NULL, "of b");
    bus_expect(sub, "of b", true);
    bus_expect_none(sub, 50);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(messages, each_group_gets_every_message)
{
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    rf_bus_sub *subs[3];
    for (int i = 0; i < 3; i++) {
        subs[i] = bus_join(bus, bus_fresh("g"), topic);
    }
    bus_put_numbers(bus, topic, 0, 100);
    bus_flush(bus);
    for (int i = 0; i < 3; i++) {
        int counts[100] = {0};
        cr_assert_eq(bus_drain(subs[i], 100, counts, 100), 100);
        for (int n = 0; n < 100; n++) {
            cr_assert_eq(counts[n], 1, "group %d, message %d", i, n);
        }
        rf_bus_unsubscribe(subs[i]);
    }
    rf_bus_close(bus);
}

Test(messages, readers_without_group_see_what_comes_after_them)
{
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    bus_put_numbers(bus, topic, 0, 10);
    bus_flush(bus);
    rf_bus_sub *a = bus_join(bus, NULL, topic);
    rf_bus_sub *b = bus_join(bus, NULL, topic);
    bus_put_numbers(bus, topic, 10, 20);
    rf_bus_sub *subs[] = {a, b};
    for (int i = 0; i < 2; i++) {
        int counts[20] = {0};
        for (int n = 0; n < 10; n++) {
            rf_bus_message *m = bus_take(subs[i]);
            counts[bus_value(m)]++;
            cr_assert_eq(rf_bus_commit(subs[i], m), 0, "a commit without group does nothing");
            rf_bus_message_free(m);
        }
        bus_expect_none(subs[i], 20);
        for (int n = 0; n < 20; n++) {
            cr_assert_eq(counts[n], n < 10 ? 0 : 1);
        }
        cr_assert_eq(rf_bus_commit_wait(subs[i], BUS_SOON_NS), 0);
        rf_bus_unsubscribe(subs[i]);
    }
    rf_bus_close(bus);
}

Test(messages, a_message_outlives_its_subscription)
{
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), topic);
    bus_put(bus, topic, "k", "kept");
    rf_bus_message *m = bus_take(sub);
    bus_put_numbers(bus, topic, 0, 100);
    bus_drain(sub, 100, NULL, 0);
    cr_assert_str_eq(bus_text(m), "kept");
    cr_assert_null(rf_bus_message_free(m));
    cr_assert_null(rf_bus_message_free(NULL));
    cr_assert_null(rf_bus_unsubscribe(sub));
    cr_assert_null(rf_bus_unsubscribe(NULL));
    cr_assert_null(rf_bus_close(bus));
    cr_assert_null(rf_bus_close(NULL));
}

Test(messages, a_second_handle_reads_what_the_first_wrote)
{
    rf_bus *writer = bus_open();
    rf_bus *reader = bus_open();
    const char *topic = bus_fresh("t");
    rf_bus_sub *sub = bus_join(reader, bus_fresh("g"), topic);
    bus_put(writer, topic, NULL, "one");
    bus_expect(sub, "one", true);
    bus_put(reader, topic, NULL, "two");
    bus_expect(sub, "two", true);
    rf_bus_close(writer);
    bus_put(reader, topic, NULL, "three");
    bus_expect(sub, "three", true);
    rf_bus_unsubscribe(sub);
    rf_bus_close(reader);
}

Test(messages, records_outlive_the_bus)
{
    const char *topic = bus_fresh("t");
    const char *group = bus_fresh("g");
    for (int round = 0; round < 5; round++) {
        rf_bus *bus = bus_open();
        bus_put_numbers(bus, topic, round * 20, round * 20 + 20);
        rf_bus_close(bus); /* closing waits for what was produced */
    }
    rf_bus *bus = bus_open();
    rf_bus_sub *sub = bus_join(bus, group, topic);
    int counts[100] = {0};
    cr_assert_eq(bus_drain(sub, 100, counts, 100), 100);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(counts[i], 1);
    }
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(messages, a_topic_keeps_the_partitions_it_was_made_with)
{
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    cr_assert_eq(rf_bus_topic(bus, topic, 3), 0);
    cr_assert_eq(rf_bus_topic(bus, topic, 5), 0);
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), topic);
    cr_assert_eq(bus_owned(sub), 3);
    rf_bus_partition parts[2];
    cr_assert_eq(rf_bus_assignment(sub, parts, 2), 3);
    cr_assert_str_eq(parts[0].topic, topic);
    cr_assert_eq(parts[0].partition, 0);
    cr_assert_eq(parts[1].partition, 1);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}
