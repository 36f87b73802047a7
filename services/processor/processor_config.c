#include "processor_config.h"

#include "rf_log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define MIB (1 << 20)

#define STR(field, name, unit, def, help)                                                          \
    RF_SETTING_STR(processor_config, field, name, unit, def, help)
#define INT(field, name, unit, def, min, max, help)                                                \
    RF_SETTING_INT(processor_config, field, name, unit, def, min, max, help)
#define LIST(field, name, unit, def, help)                                                         \
    RF_SETTING_LIST(processor_config, field, name, unit, def, help)

const rf_setting processor_settings[] = {
    STR(pool, "pool", "", "cpu", "pool whose jobs are run: cpu, gpu, t2v or jam"),
    INT(slots, "slots", "jobs", "0", 0, 256, "jobs at once; 0: one for each processor, at least 2"),
    INT(parallel_steps, "steps.parallel", "steps", "4", 1, 64, "steps of one job at once"),
    INT(children_ready, "children.ready", "processes", "1", 0, 16,
        "idle children kept, of decoders and of modules each"),
    INT(children_max, "children.max", "processes", "64", 1, 1024,
        "children alive at once, of decoders and of modules each"),
    STR(job_endpoint, "job.endpoint", "", "", "job service; empty: its socket in data.dir"),
    STR(jam_endpoint, "jam.endpoint", "", "", "jam service; empty: its socket in data.dir"),
    RF_ROW_BUS_URL(processor_config, bus_url),
    RF_ROW_STORE_URL(processor_config, store_url),
    INT(heartbeat_ms, "heartbeat.ms", "ms", "10000", 100, 20000,
        "how often leases are renewed until the job service says"),
    INT(silent_ms, "lease.silent_ms", "ms", "25000", 1000, 29000,
        "without a renewal for this long nothing is written outside"),
    INT(fetch_max_bytes, "fetch.max_bytes", "B", "1073741824", MIB, 10.0 * 1024 * MIB,
        "largest fetched input"),
    INT(fetch_connect_ms, "fetch.connect_ms", "ms", "5000", 1000, 60000, "to connect"),
    INT(fetch_total_s, "fetch.total_s", "s", "600", 10, 3600, "for one fetch, all tries"),
    INT(fetch_tries, "fetch.tries", "", "3", 1, 10, "tries of one fetch"),
    RF_ROWS_FETCH(processor_config, fetch),
    LIST(fetch_override, "fetch.override", "URL=/file", "",
         "a file that stands for an exact URL; only for tests"),
    LIST(fetch_hosts, "fetch.hosts", "name:port:address", "",
         "addresses that stand for a name; only for tests"),
    INT(audio_max_seconds, "audio.max_seconds", "s", "7200", 1, 43200, "longest decoded audio"),
    INT(module_memory_bytes, "module.memory_bytes", "B", "4294967296", 256.0 * MIB,
        64.0 * 1024 * MIB, "memory of one module's child"),
    INT(job_files_bytes, "job.files_bytes", "B", "21474836480", 1024.0 * MIB, 200.0 * 1024 * MIB,
        "files of one job together"),
};
const size_t processor_n_settings = RF_ARRAY_LEN(processor_settings);

uint32_t processor_config_slots(const processor_config *config)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return config->slots > 0 ? (uint32_t)config->slots : (uint32_t)RF_MAX(n, 2);
}

static int check_production(const processor_config *c, const char *environment)
{
    const char *name = c->fetch_override.n > 0 ? "fetch.override"
                       : c->fetch_hosts.n > 0  ? "fetch.hosts"
                                               : NULL;
    if (name == NULL || strcmp(environment, "production") != 0) {
        return rf_service_fetch_check(&c->fetch, environment);
    }
    RF_LOG_ERROR("setting is only for tests, environment is production", RF_STR("setting", name));
    return -EINVAL;
}

int processor_config_fetch(const processor_config *config, const char *environment, rf_fetch **ret)
{
    const rf_fetch_config limits = {
        .max_bytes = (uint64_t)config->fetch_max_bytes,
        .connect_timeout_ms = config->fetch_connect_ms,
        .total_timeout_ms = config->fetch_total_s * 1000,
        .max_tries = (unsigned)config->fetch_tries,
        .override = (const char *const *)config->fetch_override.items,
        .n_override = config->fetch_override.n,
        .hosts = (const char *const *)config->fetch_hosts.items,
        .n_hosts = config->fetch_hosts.n,
    };
    int err = check_production(config, environment);
    return err < 0 ? err : rf_service_fetch_open(&config->fetch, &limits, ret);
}
