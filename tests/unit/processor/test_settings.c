#include "processor_config.h"
#include "processor_metric.h"
#include "rf_metric.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static processor_config config;
static const rf_config_part part = {processor_settings, 0, &config};
static rf_config_part parts[1];
static rf_config_set set = {"processor", parts, 1};

static int try_load(const char *argument)
{
    char *argv[] = {(char *)(uintptr_t) "processor", (char *)(uintptr_t)argument, NULL};
    rf_buf error;
    rf_buf_init(&error, 4096);
    parts[0] = part;
    parts[0].n_settings = processor_n_settings;
    int err = rf_config_load(&set, NULL, argument == NULL ? 1 : 2, argv, &error);
    rf_buf_done(&error);
    return err;
}

static void load(const char *argument)
{
    cr_assert_eq(try_load(argument), 0, "%s", argument);
}

static int try_number(const char *name, int64_t value)
{
    RF_CLEANUP(rf_cleanup_free)
    char *argument = rf_asprintf("--%s=%lld", name, (long long)value);
    int err = try_load(argument);
    rf_config_done(&set);
    return err;
}

/* S6: what opens the fetcher for tests stops a worker in production. */
Test(settings, production_refuses_what_is_only_for_tests)
{
    static const char *const only_for_tests[] = {
        "--fetch.override=https://music.ai/demo.ogg=/tmp/demo.ogg", "--fetch.allow_loopback=true",
        "--fetch.hosts=name.test:80:127.0.0.1"};
    for (size_t i = 0; i < RF_ARRAY_LEN(only_for_tests); i++) {
        rf_fetch *fetch = NULL;
        load(only_for_tests[i]);
        cr_expect_eq(processor_config_fetch(&config, "production", &fetch), -EINVAL, "%s",
                     only_for_tests[i]);
        cr_expect_null(fetch);
        cr_expect_eq(processor_config_fetch(&config, "test", &fetch), 0, "%s", only_for_tests[i]);
        rf_fetch_free(fetch);
        rf_config_done(&set);
        memset(&config, 0, sizeof(config));
    }
}

Test(settings, production_takes_the_defaults)
{
    rf_fetch *fetch = NULL;
    load(NULL);
    cr_assert_eq(processor_config_fetch(&config, "production", &fetch), 0);
    cr_assert_geq(processor_config_slots(&config), 2);
    rf_fetch_free(fetch);
    rf_config_done(&set);
}

Test(settings, bad_ports_and_ranges_are_refused)
{
    static const char *const bad[] = {"--fetch.ports=http", "--fetch.ports=70000",
                                      "--fetch.deny=10.0.0.0/99"};
    for (size_t i = 0; i < RF_ARRAY_LEN(bad); i++) {
        rf_fetch *fetch = NULL;
        load(bad[i]);
        cr_expect_eq(processor_config_fetch(&config, "test", &fetch), -EINVAL, "%s", bad[i]);
        rf_config_done(&set);
        memset(&config, 0, sizeof(config));
    }
}

/* E2, F5, K4: the numbers of the specification that are settings of a worker. */
Test(settings, defaults_and_limits_are_those_of_the_specification)
{
    static const int64_t MIB = 1 << 20;
    static const int64_t GIB = 1 << 30;
    const struct {
        const char *name;
        const int64_t *value;
        int64_t by_default;
        int64_t min;
        int64_t max;
    } rows[] = {
        {"heartbeat.ms", &config.heartbeat_ms, 10000, 100, 20000},
        {"lease.silent_ms", &config.silent_ms, 25000, 1000, 29000},
        {"fetch.max_bytes", &config.fetch_max_bytes, GIB, MIB, 10 * GIB},
        {"fetch.connect_ms", &config.fetch_connect_ms, 5000, 1000, 60000},
        {"fetch.total_s", &config.fetch_total_s, 600, 10, 3600},
        {"fetch.tries", &config.fetch_tries, 3, 1, 10},
        {"audio.max_seconds", &config.audio_max_seconds, 7200, 1, 43200},
        {"module.memory_bytes", &config.module_memory_bytes, 4 * GIB, 256 * MIB, 64 * GIB},
        {"job.files_bytes", &config.job_files_bytes, 20 * GIB, GIB, 200 * GIB},
    };
    load(NULL);
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        cr_expect_eq(*rows[i].value, rows[i].by_default, "%s", rows[i].name);
    }
    rf_config_done(&set);
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        cr_expect_eq(try_number(rows[i].name, rows[i].min), 0, "%s", rows[i].name);
        cr_expect_eq(try_number(rows[i].name, rows[i].max), 0, "%s", rows[i].name);
        cr_expect_eq(try_number(rows[i].name, rows[i].min - 1), -EINVAL, "%s", rows[i].name);
        cr_expect_eq(try_number(rows[i].name, rows[i].max + 1), -EINVAL, "%s", rows[i].name);
    }
}

Test(settings, S2_ports_are_those_of_the_specification_unless_told)
{
    static const char *const ports[] = {"80", "443", "8080", "8443"};
    load(NULL);
    cr_assert_eq(config.fetch.ports.n, RF_ARRAY_LEN(ports));
    for (size_t i = 0; i < RF_ARRAY_LEN(ports); i++) {
        cr_assert_str_eq(config.fetch.ports.items[i], ports[i]);
    }
    rf_config_done(&set);
}

Test(metrics, families_of_the_specification)
{
    static const char *const families[] = {
        "reflection_processor_module_seconds_bucket{module=\"beats\",method=\"dsp\",",
        "reflection_processor_decode_total{format=\"flac\",code=\"ok\"} 1",
        "reflection_processor_encode_total{format=\"wav\"} 1",
        "reflection_processor_sandbox_kills_total{reason=\"crashed\"} 1",
        "reflection_processor_errors_total{code=\"TIMEOUT\"} 1",
    };
    const rf_sandbox_end crash = {.kind = RF_SANDBOX_CRASHED};
    const rf_sandbox_end well = {.kind = RF_SANDBOX_EXITED};
    rf_buf text;
    rf_buf_init(&text, 1 << 20);
    processor_metric_module("beats", 1.5);
    processor_metric_decode("flac", "ok");
    processor_metric_encode("wav");
    processor_metric_child(&crash);
    processor_metric_child(&well);
    processor_metric_error("TIMEOUT");
    rf_metric_write(&text);
    for (size_t i = 0; i < RF_ARRAY_LEN(families); i++) {
        cr_expect_not_null(strstr(rf_buf_str(&text), families[i]), "%s", families[i]);
    }
    cr_expect_null(strstr(rf_buf_str(&text), "exited"), "a normal end is no kill");
    rf_buf_done(&text);
}
