/*
 * jam_config.h - the settings of reflection-jam. Plain data, constant once loaded.
 */
#ifndef JAM_CONFIG_H
#define JAM_CONFIG_H

#include "rf_service_rows.h"

typedef struct jam_config {
    char *rpc_listen;
    rf_rpc_files rpc_tls;
    char *store_url;
    char *recorder_endpoint;
    char *soundfont;
    rf_list plugins;
    int64_t threads;
    int64_t render_ahead_ms;
    char *crossfade_default;
    int64_t sessions_max;
    int64_t sockets_max;
    int64_t parked_max;
    int64_t park_s;
    int64_t duration_max_s;
    int64_t pause_max_s;
    int64_t start_s;
    int64_t cpu_percent;
    int64_t queue_max;
    int64_t anonymous_per_address;
    int64_t anonymous_max;
} jam_config;

extern const rf_setting jam_settings_rows[];
extern const size_t jam_n_settings_rows;

/* jam_config_crossfade reads crossfade_default: seconds, negative for automatic. Returns 0, or
 * -EINVAL after a log line. */
int jam_config_crossfade(const jam_config *config, double *ret_seconds);

#endif
