/*
 * The settings of the job service: defaults and ranges are those of the specification (spec
 * jobs.md; "default" numbers in brackets), a value outside is refused by name.
 */
#include "job_config.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static job_config config;
static rf_buf error;

static int load(const char *argument)
{
    const rf_config_part part = {
        .settings = job_settings, .n_settings = job_n_settings, .config = &config};
    const rf_config_set set = {.service = "job", .parts = &part, .n_parts = 1};
    char *argv[] = {(char *)"reflection-job", (char *)(uintptr_t)argument, NULL};
    rf_buf_clear(&error);
    memset(&config, 0, sizeof(config));
    return rf_config_load(&set, NULL, argument == NULL ? 1 : 2, argv, &error);
}

static void unload(void)
{
    const rf_config_part part = {
        .settings = job_settings, .n_settings = job_n_settings, .config = &config};
    const rf_config_set set = {.service = "job", .parts = &part, .n_parts = 1};
    rf_config_done(&set);
}

static void set_up(void)
{
    rf_buf_init(&error, 8192);
}

static void tear_down(void)
{
    rf_buf_done(&error);
}

TestSuite(settings, .init = set_up, .fini = tear_down);

#define ROW(name_, field_, default_, min_, max_)                                                   \
    {                                                                                              \
        name_, offsetof(job_config, field_), default_, min_, max_                                  \
    }

static const struct {
    const char *name;
    size_t offset;
    int64_t by_default;
    int64_t min;
    int64_t max;
} numbers[] = {
    ROW("upload.max_bytes", upload_max_bytes, 1073741824, 1048576, 10737418240),
    ROW("upload.put_s", upload_put_s, 3600, 60, 86400),
    ROW("upload.keep_s", upload_keep_s, 86400, 3600, 604800),
    ROW("result.url_s", result_url_s, 86400, 60, 604800),
    ROW("job.start_s", start_s, 86400, 60, 604800),
    ROW("job.queued_max", queued_max, 100000, 1, 100000000),
    ROW("outbox.max", outbox_max, 1000000, 1000, 100000000),
    ROW("job.concurrency", concurrency, 10, 1, 1000),
    ROW("job.retention_s", retention_s, 1209600, 3600, 2592000),
    ROW("idempotency.window_s", idempotency_s, 86400, 60, 604800),
    ROW("lease.length_ms", lease_ms, 30000, 1000, 600000),
    ROW("lease.heartbeat_ms", heartbeat_ms, 10000, 100, 60000),
    ROW("lease.scan_ms", scan_ms, 5000, 50, 60000),
    ROW("lease.grace_ms", grace_ms, 30000, 0, 600000),
    ROW("sweep.period_s", sweep_s, 10, 1, 60),
    ROW("sweep.orphan_age_s", orphan_age_s, 1800, 0, 3000),
    ROW("sweep.orphan_period_s", orphan_period_s, 900, 1, 86400),
    ROW("store.queue", store_queue, 20000, 100, 1000000),
    ROW("store.group", store_group, 1000, 1, 100000),
    ROW("store.writers", store_writers, 3, 1, 16),
    ROW("store.readers", store_readers, 2, 1, 16),
    ROW("store.cache_kib", store_cache_kib, 16384, 256, 1048576),
    ROW("status.cache", cache_jobs, 50000, 100, 10000000),
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
    return load(argument);
}

/* E2, K5, H8, U2, U4, U6, X1, X4, X11 */
Test(settings, defaults_are_those_of_the_specification)
{
    cr_assert_eq(load(NULL), 0, "%s", rf_buf_str(&error));
    for (size_t i = 0; i < RF_ARRAY_LEN(numbers); i++) {
        cr_assert_eq(value_of(i), numbers[i].by_default, "%s", numbers[i].name);
    }
    cr_assert_str_eq(config.public_base, "https://localhost:8443");
    cr_assert(config.events);
    unload();
}

/* E2, K5, H8, U2, U4, U6, X1, X4, X11 */
Test(settings, every_number_takes_its_limits_and_nothing_beyond)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(numbers); i++) {
        const int64_t good[] = {numbers[i].min, numbers[i].max};
        const int64_t bad[] = {numbers[i].min - 1, numbers[i].max + 1};
        for (size_t k = 0; k < RF_ARRAY_LEN(good); k++) {
            cr_assert_eq(load_number(numbers[i].name, good[k]), 0, "%s", rf_buf_str(&error));
            cr_assert_eq(value_of(i), good[k], "%s", numbers[i].name);
            unload();
            char limit[32];
            snprintf(limit, sizeof(limit), "%lld", (long long)good[k]);
            cr_assert_eq(load_number(numbers[i].name, bad[k]), -EINVAL, "%s", numbers[i].name);
            cr_assert_not_null(strstr(rf_buf_str(&error), numbers[i].name), "%s",
                               rf_buf_str(&error));
            cr_assert_not_null(strstr(rf_buf_str(&error), limit), "the limit: %s",
                               rf_buf_str(&error));
            unload();
        }
    }
}

Test(settings, the_table_of_this_test_has_every_number)
{
    size_t n = 0;
    for (size_t i = 0; i < job_n_settings; i++) {
        n += job_settings[i].type == RF_TYPE_INT;
    }
    cr_assert_eq(n, RF_ARRAY_LEN(numbers));
}

Test(settings, nonsense_is_refused_by_name)
{
    static const char *const arguments[] = {
        "--job.start_s=soon", "--job.start_s=",           "--job.start_s=1e3",
        "--job.start_s=60s",  "--events.publish=perhaps", "--no.such.setting=1"};
    for (size_t i = 0; i < RF_ARRAY_LEN(arguments); i++) {
        char name[64];
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(arguments[i] + 2, "="), arguments[i] + 2);
        cr_assert_eq(load(arguments[i]), -EINVAL, "%s", arguments[i]);
        cr_assert_not_null(strstr(rf_buf_str(&error), name), "%s", rf_buf_str(&error));
        unload();
    }
}

Test(settings, S6_production_refuses_what_is_only_for_tests)
{
    cr_assert_eq(load("--fetch.allow_loopback=true"), 0);
    cr_assert_eq(rf_service_fetch_check(&config.fetch, "production"), -EINVAL);
    cr_assert_eq(rf_service_fetch_check(&config.fetch, "test"), 0);
    unload();
    cr_assert_eq(load(NULL), 0);
    cr_assert_eq(rf_service_fetch_check(&config.fetch, "production"), 0);
    unload();
}

Test(settings, every_setting_has_a_name_a_unit_and_a_word_of_help)
{
    for (size_t i = 0; i < job_n_settings; i++) {
        const rf_setting *s = &job_settings[i];
        cr_assert_str_not_empty(s->name);
        cr_assert_str_not_empty(s->help, "%s", s->name);
        cr_assert_not_null(s->unit, "%s", s->name);
        for (const char *c = s->name; *c != '\0'; c++) {
            cr_assert_not_null(strchr("abcdefghijklmnopqrstuvwxyz0123456789._", *c), "%s", s->name);
        }
        for (size_t k = 0; k < i; k++) {
            cr_assert_str_neq(s->name, job_settings[k].name);
        }
    }
}
