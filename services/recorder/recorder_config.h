/*
 * recorder_config.h - the settings of reflection-recorder. Plain data, constant once loaded.
 */
#ifndef RECORDER_CONFIG_H
#define RECORDER_CONFIG_H

#include "rf_service_fetch.h"
#include "rf_service_rows.h"

typedef struct recorder_config {
    char *rpc_listen;
    rf_rpc_files rpc_tls;
    char *store_url;
    char *bus_url;
    char *key_prefix;
    char *file_root;   /* "": no file source (S5) */
    char *webhook_url; /* "": none */
    char *webhook_secret_file;
    int64_t webhook_backlog;
    rf_service_fetch fetch; /* of webhooks */
    int64_t capture_period_ms;
    int64_t ring_ms;
    int64_t stall_ms;
    int64_t reopen_s;
    int64_t sessions_per_tenant;
    int64_t sessions_max;
    int64_t finished_max;
    int64_t recorders_max;
    int64_t consumers_per_session;
    int64_t consumers_max;
    int64_t stream_threads;
    int64_t extract_threads;
    int64_t publish_threads;
    int64_t follow_threads;
    int64_t ack_ms;
    int64_t stop_wait_s;
    int64_t commit_ms;
    int64_t slow_sync_ms;
    int64_t reserve_mib;
    int64_t low_mib;
    int64_t min_free_mib;
} recorder_config;

extern const rf_setting recorder_settings_rows[];
extern const size_t recorder_n_settings_rows;

#endif
