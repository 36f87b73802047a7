/*
 * processor_config.h - the settings of a worker. Plain data, filled by rf_config.h.
 */
#ifndef PROCESSOR_CONFIG_H
#define PROCESSOR_CONFIG_H

#include "rf_service_fetch.h"
#include "rf_service_rows.h"

typedef struct processor_config {
    char *pool;
    int64_t slots; /* 0: one for each processor, at least 2 */
    int64_t parallel_steps;
    int64_t children_ready;
    int64_t children_max;
    char *job_endpoint; /* "": <data.dir>/run/job.sock */
    char *jam_endpoint; /* "": <data.dir>/run/jam.sock */
    char *bus_url;      /* "": local:<data.dir>/bus */
    char *store_url;    /* "": dir:<data.dir>/objects */
    int64_t heartbeat_ms;
    int64_t silent_ms;
    int64_t fetch_max_bytes;
    int64_t fetch_connect_ms;
    int64_t fetch_total_s;
    int64_t fetch_tries;
    rf_service_fetch fetch;
    rf_list fetch_override;
    rf_list fetch_hosts;
    int64_t audio_max_seconds;
    int64_t module_memory_bytes;
    int64_t job_files_bytes;
} processor_config;

extern const rf_setting processor_settings[];
extern const size_t processor_n_settings;

/* processor_config_fetch makes the guarded fetcher of the settings. What is only for tests is
 * refused with environment "production" (S6). Failures are logged. Returns 0 or -EINVAL. */
int processor_config_fetch(const processor_config *config, const char *environment, rf_fetch **ret);

/* processor_config_slots resolves the default. */
uint32_t processor_config_slots(const processor_config *config);

#endif
