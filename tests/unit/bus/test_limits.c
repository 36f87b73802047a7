/* What the interface refuses, and with which error. */
#include "bus_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

TestSuite(limits, .init = bus_setup_deathless, .fini = bus_teardown);

#define X32 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X128 X32 X32 X32 X32

static const struct {
    const char *name;
    bool valid;
} names[] = {
    {"a", true},
    {"0", true},
    {"made.up_name-2.cpu", true},
    {"with-dash_and.dot", true},
    {X128, true},
    {X128 "x", false},
    {"", false},
    {".hidden", false},
    {"-flag", false},
    {"_under", false},
    {"Upper", false},
    {"sp ace", false},
    {"slash/name", false},
    {"..", false},
    {"new\nline", false},
    {"quote'", false},
    {"uml\xc3\xa4ut", false},
    {"star*", false},
    {NULL, false},
};

Test(limits, names_of_topics)
{
    rf_bus *bus = bus_open();
    for (size_t i = 0; i < RF_ARRAY_LEN(names); i++) {
        int expected = names[i].valid ? 0 : -EINVAL;
        const char *name = names[i].name == NULL ? "(null)" : names[i].name;
        rf_bus_record r = {.topic = names[i].name};
        cr_assert_eq(rf_bus_topic(bus, names[i].name, 1), expected, "topic %s", name);
        cr_assert_eq(rf_bus_produce(bus, &r, NULL, NULL, 0), expected, "produce %s", name);
        int64_t lag = 0;
        int lag_err = rf_bus_lag(bus, "g", names[i].name, &lag);
        cr_assert_eq(lag_err, expected, "lag %s", name);
    }
    rf_bus_close(bus);
}

Test(limits, names_of_groups)
{
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    for (size_t i = 0; i < RF_ARRAY_LEN(names); i++) {
        rf_bus_sub *sub = NULL;
        rf_bus_sub_config config = {.group = names[i].name, .topics = &topic, .n_topics = 1};
        bool valid = names[i].valid || names[i].name == NULL; /* NULL is a reader without group */
        cr_assert_eq(rf_bus_subscribe(bus, &config, &sub), valid ? 0 : -EINVAL, "row %zu", i);
        cr_assert_eq(sub != NULL, valid);
        rf_bus_unsubscribe(sub);
    }
    rf_bus_close(bus);
}

Test(limits, lists_of_topics)
{
    rf_bus *bus = bus_open();
    const char *twice[] = {"one", "two", "one"};
    const char *bad[] = {"one", "Two"};
    static char many_names[RF_BUS_MAX_TOPICS + 1][32];
    const char *many[RF_BUS_MAX_TOPICS + 1];
    for (int i = 0; i <= RF_BUS_MAX_TOPICS; i++) {
        snprintf(many_names[i], sizeof(many_names[i]), "many-%d", i);
        many[i] = many_names[i];
    }
    const struct {
        const char *const *topics;
        size_t n;
        int err;
    } table[] = {
        {twice, 0, -EINVAL},
        {twice, 1, 0},
        {twice, 2, 0},
        {twice, 3, -EINVAL},
        {bad, 2, -EINVAL},
        {many, RF_BUS_MAX_TOPICS, 0},
        {many, RF_BUS_MAX_TOPICS + 1, -EINVAL},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        rf_bus_sub *sub = NULL;
        rf_bus_sub_config config = {
            .group = "g", .topics = table[i].topics, .n_topics = table[i].n};
        cr_assert_eq(rf_bus_subscribe(bus, &config, &sub), table[i].err, "row %zu", i);
        rf_bus_unsubscribe(sub);
    }
    rf_bus_close(bus);
}

Test(limits, numbers_of_partitions)
{
    static const struct {
        uint32_t n;
        int err;
    } table[] = {{0, -EINVAL},
                 {1, 0},
                 {RF_BUS_MAX_PARTITIONS, 0},
                 {RF_BUS_MAX_PARTITIONS + 1, -EINVAL},
                 {UINT32_MAX, -EINVAL}};
    rf_bus *bus = bus_open();
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        cr_assert_eq(rf_bus_topic(bus, bus_fresh("t"), table[i].n), table[i].err, "row %zu", i);
    }
    rf_bus_close(bus);
}

Test(limits, a_topic_of_most_partitions_works)
{
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    cr_assert_eq(rf_bus_topic(bus, topic, RF_BUS_MAX_PARTITIONS), 0);
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), topic);
    bus_put_numbers(bus, topic, 0, 1000);
    int counts[1000] = {0};
    cr_assert_eq(bus_drain(sub, 1000, counts, 1000), 1000);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(limits, sizes_of_records)
{
    static char bytes[RF_BUS_MAX_VALUE + 1];
    static const struct {
        size_t key_len;
        size_t value_len;
        int err;
    } table[] = {
        {0, 0, 0},
        {RF_BUS_MAX_KEY, 0, 0},
        {RF_BUS_MAX_KEY + 1, 0, -EMSGSIZE},
        {0, RF_BUS_MAX_VALUE, 0},
        {0, RF_BUS_MAX_VALUE + 1, -EMSGSIZE},
        {RF_BUS_MAX_KEY, RF_BUS_MAX_VALUE, 0},
        {SIZE_MAX, 0, -EMSGSIZE},
        {0, SIZE_MAX, -EMSGSIZE},
    };
    rf_bus *bus = bus_open();
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        rf_bus_record r = {.topic = "t",
                           .key = bytes,
                           .key_len = table[i].key_len,
                           .value = bytes,
                           .value_len = table[i].value_len};
        cr_assert_eq(rf_bus_produce(bus, &r, NULL, NULL, 0), table[i].err, "row %zu", i);
    }
    rf_bus_record no_value = {.topic = "t", .value_len = 1};
    rf_bus_record no_key = {.topic = "t", .key_len = 1};
    cr_assert_eq(rf_bus_produce(bus, &no_value, NULL, NULL, 0), -EINVAL);
    cr_assert_eq(rf_bus_produce(bus, &no_key, NULL, NULL, 0), -EINVAL);
    rf_bus_close(bus);
}

Test(limits, headers_of_records)
{
    static char bytes[RF_BUS_MAX_HEADER_BYTES + 1];
    rf_bus_header most[RF_BUS_MAX_HEADERS + 1];
    for (size_t i = 0; i < RF_ARRAY_LEN(most); i++) {
        most[i] = (rf_bus_header){"h", "v", 1};
    }
    const struct {
        rf_bus_header headers[2];
        size_t n;
        int err;
    } table[] = {
        {{{"message-id", "x", 1}}, 1, 0},
        {{{"h", NULL, 0}}, 1, 0},
        {{{"h", NULL, 1}}, 1, -EINVAL},
        {{{NULL, "x", 1}}, 1, -EINVAL},
        {{{"", "x", 1}}, 1, -EINVAL},
        {{{"Upper", "x", 1}}, 1, -EINVAL},
        {{{"un_der", "x", 1}}, 1, -EINVAL},
        {{{"h", bytes, RF_BUS_MAX_HEADER_BYTES - 1}}, 1, 0},
        {{{"h", bytes, RF_BUS_MAX_HEADER_BYTES}}, 1, -EMSGSIZE},
        {{{"a", bytes, 511}, {"b", bytes, 511}}, 2, 0},
        {{{"a", bytes, 512}, {"b", bytes, 511}}, 2, -EMSGSIZE},
        {{{"h", bytes, SIZE_MAX}}, 1, -EMSGSIZE},
    };
    rf_bus *bus = bus_open();
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        rf_bus_record r = {.topic = "t", .headers = table[i].headers, .n_headers = table[i].n};
        cr_assert_eq(rf_bus_produce(bus, &r, NULL, NULL, 0), table[i].err, "row %zu", i);
    }
    rf_bus_record r = {.topic = "t", .headers = most, .n_headers = RF_BUS_MAX_HEADERS};
    cr_assert_eq(rf_bus_produce(bus, &r, NULL, NULL, 0), 0);
    r.n_headers++;
    cr_assert_eq(rf_bus_produce(bus, &r, NULL, NULL, 0), -EMSGSIZE);
    rf_bus_close(bus);
}

Test(limits, urls_and_settings)
{
    char file[600];
    snprintf(file, sizeof(file), "%s/file", bus_dir[0] == '\0' ? "/tmp" : bus_dir);
    FILE *f = fopen(file, "w");
    cr_assert_not_null(f);
    fclose(f);
    char in_file[700];
    snprintf(in_file, sizeof(in_file), "local:%s/below", file);
    const struct {
        rf_bus_config config;
        int err;
    } table[] = {
        {{.url = NULL}, -EINVAL},
        {{.url = ""}, -EINVAL},
        {{.url = "local"}, -EINVAL},
        {{.url = "local:"}, -EINVAL},
        {{.url = "locale:/x"}, -EINVAL},
        {{.url = "carrier-pigeon:coop"}, -EINVAL},
        {{.url = in_file}, -ENOTDIR},
        {{.url = bus_url, .n_partitions = RF_BUS_MAX_PARTITIONS + 1}, -EINVAL},
        {{.url = bus_url, .retention_ms = -1}, -EINVAL},
        {{.url = bus_url, .retention_bytes = -1}, -EINVAL},
        {{.url = bus_url}, 0},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        rf_bus *bus = NULL;
        cr_assert_eq(rf_bus_open(&table[i].config, &bus), table[i].err, "row %zu", i);
        cr_assert_eq(bus != NULL, table[i].err == 0);
        rf_bus_close(bus);
    }
    remove(file);
}

Test(limits, first_use_makes_topics_of_the_default_size)
{
    static const struct {
        uint32_t setting;
        size_t partitions;
    } table[] = {{0, 8}, {1, 1}, {5, 5}};
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        rf_bus *bus = NULL;
        rf_bus_config config = {.url = bus_url, .n_partitions = table[i].setting};
        cr_assert_eq(rf_bus_open(&config, &bus), 0);
        rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), bus_fresh("t"));
        cr_assert_eq(bus_owned(sub), table[i].partitions);
        rf_bus_unsubscribe(sub);
        rf_bus_close(bus);
    }
}

/* K4 */
Test(limits, reading_ahead_is_bounded_and_loses_nothing)
{
    rf_bus *bus = NULL;
    rf_bus_config config = {.url = bus_url, .prefetch_bytes = 1}; /* one message at a time */
    cr_assert_eq(rf_bus_open(&config, &bus), 0);
    const char *topic = bus_fresh("t");
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), topic);
    bus_put_numbers(bus, topic, 0, 500);
    int counts[500] = {0};
    for (int i = 0; i < 500; i++) {
        rf_bus_message *m = bus_take(sub);
        counts[bus_value(m)]++;
        rf_bus_message_free(m);
    }
    for (int i = 0; i < 500; i++) {
        cr_assert_eq(counts[i], 1);
    }
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}
