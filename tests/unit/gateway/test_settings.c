/* The numbers of the job specification that are settings of the gateway. */
#include "gateway_config.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static gateway_config config;

static int load(const char *argument)
{
    const rf_config_part part = {gateway_settings, gateway_n_settings, &config};
    const rf_config_set set = {.service = "gateway", .parts = &part, .n_parts = 1};
    char *argv[] = {(char *)"reflection-gateway", (char *)(uintptr_t)argument, NULL};
    rf_buf error;
    rf_buf_init(&error, 8192);
    memset(&config, 0, sizeof(config));
    int err = rf_config_load(&set, NULL, argument == NULL ? 1 : 2, argv, &error);
    rf_buf_done(&error);
    return err;
}

static void unload(void)
{
    const rf_config_part part = {gateway_settings, gateway_n_settings, &config};
    const rf_config_set set = {.service = "gateway", .parts = &part, .n_parts = 1};
    rf_config_done(&set);
}

#define ROW(name_, field_, default_, min_, max_)                                                   \
    {                                                                                              \
        name_, offsetof(gateway_config, field_), default_, min_, max_                              \
    }

static const struct {
    const char *name;
    size_t offset;
    int64_t by_default;
    int64_t min;
    int64_t max;
} numbers[] = {
    ROW("idle.timeout_s", idle_timeout_s, 75, 5, 600),
    ROW("json.max_bytes", json_max_bytes, 262144, 1024, 16777216),
    ROW("body.window_s", body_window_s, 30, 1, 600),
    ROW("body.min_rate", body_min_rate, 1024, 1, 1048576),
    ROW("rate.requests_per_second", rate_per_second, 200, 1, 1000000),
    ROW("rate.burst", rate_burst, 400, 1, 1000000),
    ROW("rate.poll_per_second", poll_rate_per_second, 1000, 1, 1000000),
    ROW("waiters.max", waiters_max, 10000, 0, 10000),
    ROW("wait.read_ms", read_wait_ms, 10000, 100, 60000),
    ROW("wait.write_ms", write_wait_ms, 900, 50, 60000),
};

static int64_t value_of(size_t row)
{
    int64_t value;
    memcpy(&value, (const char *)&config + numbers[row].offset, sizeof(value));
    return value;
}

static int load_number(const char *name, int64_t value)
{
    char argument[96];
    snprintf(argument, sizeof(argument), "--%s=%lld", name, (long long)value);
    int err = load(argument);
    unload();
    return err;
}

/* G6, G7, H6, H8, H9, Q5, X5 */
Test(settings, defaults_are_those_of_the_specification)
{
    cr_assert_eq(load(NULL), 0);
    for (size_t i = 0; i < RF_ARRAY_LEN(numbers); i++) {
        cr_assert_eq(value_of(i), numbers[i].by_default, "%s", numbers[i].name);
    }
    unload();
}

/* G7 */
Test(settings, every_number_takes_its_limits_and_nothing_beyond)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(numbers); i++) {
        const char *name = numbers[i].name;
        cr_expect_eq(load_number(name, numbers[i].min), 0, "%s", name);
        cr_expect_eq(load_number(name, numbers[i].max), 0, "%s", name);
        cr_expect_eq(load_number(name, numbers[i].min - 1), -EINVAL, "%s", name);
        cr_expect_eq(load_number(name, numbers[i].max + 1), -EINVAL, "%s", name);
    }
}

Test(settings, U6_another_public_base_than_https_is_refused)
{
    static const struct {
        const char *argument;
        int err;
    } rows[] = {{"--public.base=https://h.example", 0},
                {"--public.base=https://h.example:8443", 0},
                {"--public.base=http://h.example", -EINVAL},
                {"--public.base=https://", -EINVAL},
                {"--public.base=https://h.example/", -EINVAL}};
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        cr_assert_eq(load(rows[i].argument), 0);
        cr_expect_eq(gateway_config_check(&config), rows[i].err, "%s", rows[i].argument);
        unload();
    }
}
