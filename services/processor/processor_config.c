#include "processor_config.h"

#include "rf_log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define MIB (1 << 20)
#define PORTS_MAX 64

#define STR(field, name, unit, def, help)                                                          \
    RF_SETTING_STR(processor_config, field, name, unit, def, help)
#define INT(field, name, unit, def, min, max, help)                                                \
    RF_SETTING_INT(processor_config, field, name, unit, def, min, max, help)
#define LIST(field, name, unit, def, help)                                                         \
    RF_SETTING_LIST(processor_config, field, name, unit, def, help)
#define BOOL(field, name, def, help) RF_SETTING_BOOL(processor_config, field, name, def, help)

const rf_setting processor_settings[] = {
    STR(pool, "pool", "", "cpu", "pool whose jobs are run: cpu, gpu, t2v or jam"),
    INT(slots, "slots", "jobs", "0", 0, 256, "jobs at once; 0: one for each processor, at least 2"),
    INT(parallel_steps, "steps.parallel", "steps", "4", 1, 64, "steps of one job at once"),
    INT(children_ready, "children.ready", "processes", "2", 0, 16,
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
    LIST(fetch_ports, "fetch.ports", "ports", "80,443,8080,8443", "ports that may be fetched from"),
    LIST(fetch_deny, "fetch.deny", "ranges", "", "further address ranges that are blocked"),
    LIST(fetch_override, "fetch.override", "URL=/file", "",
         "a file that stands for an exact URL; only for tests"),
    LIST(fetch_hosts, "fetch.hosts", "name:port:address", "",
         "addresses that stand for a name; only for tests"),
    BOOL(fetch_allow_loopback, "fetch.allow_loopback", "false",
         "opens 127.0.0.0/8 and ::1; only for tests"),
    BOOL(fetch_nat64, "fetch.nat64", "false", "admits 64:ff9b::/96 behind NAT64"),
    STR(fetch_ca_file, "fetch.ca_file", "path", "", "PEM of trusted authorities; empty: system's"),
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

static int parse_ports(const rf_list *list, uint16_t ret[PORTS_MAX])
{
    if (list->n > PORTS_MAX) {
        return -EINVAL;
    }
    for (size_t i = 0; i < list->n; i++) {
        int64_t port;
        if (rf_parse_i64(list->items[i], &port) < 0 || port < 1 || port > UINT16_MAX) {
            return -EINVAL;
        }
        ret[i] = (uint16_t)port;
    }
    return 0;
}

static int check_production(const processor_config *c, const char *environment)
{
    const char *name = c->fetch_override.n > 0   ? "fetch.override"
                       : c->fetch_hosts.n > 0    ? "fetch.hosts"
                       : c->fetch_allow_loopback ? "fetch.allow_loopback"
                                                 : NULL;
    if (name == NULL || strcmp(environment, "production") != 0) {
        return 0;
    }
    RF_LOG_ERROR("setting is only for tests, environment is production", RF_STR("setting", name));
    return -EINVAL;
}

int processor_config_fetch(const processor_config *config, const char *environment, rf_fetch **ret)
{
    uint16_t ports[PORTS_MAX];
    const char *why = "fetch.ports: not a list of ports";
    int err = check_production(config, environment);
    if (err < 0) {
        return err;
    }
    err = parse_ports(&config->fetch_ports, ports);
    if (err == 0) {
        const rf_fetch_config f = {
            .max_bytes = (uint64_t)config->fetch_max_bytes,
            .connect_timeout_ms = config->fetch_connect_ms,
            .total_timeout_ms = config->fetch_total_s * 1000,
            .max_tries = (unsigned)config->fetch_tries,
            .ports = ports,
            .n_ports = config->fetch_ports.n,
            .deny = (const char *const *)config->fetch_deny.items,
            .n_deny = config->fetch_deny.n,
            .override = (const char *const *)config->fetch_override.items,
            .n_override = config->fetch_override.n,
            .hosts = (const char *const *)config->fetch_hosts.items,
            .n_hosts = config->fetch_hosts.n,
            .allow_loopback = config->fetch_allow_loopback,
            .nat64 = config->fetch_nat64,
            .ca_file = config->fetch_ca_file[0] == '\0' ? NULL : config->fetch_ca_file,
        };
        err = rf_fetch_new(&f, ret, &why);
    }
    if (err < 0) {
        RF_LOG_ERROR("fetch settings are wrong", RF_STR("why", why));
    }
    return err;
}
