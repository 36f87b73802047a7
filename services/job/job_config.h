/*
 * job_config.h - the settings of the job service (reflection-job --help prints them).
 */
#ifndef JOB_CONFIG_H
#define JOB_CONFIG_H

#include "rf_service_fetch.h"
#include "rf_service_rows.h"

typedef struct job_config {
    char *public_base;
    char *rpc_listen;
    rf_rpc_files rpc_tls;
    char *sql_url;
    char *signing_keys;
    char *store_url;
    char *bus_url;
    char *modules_file;
    char *workflows_dir;
    char *workflows_extra_dir;
    int64_t upload_max_bytes;
    int64_t upload_put_s;
    int64_t upload_keep_s;
    int64_t result_url_s;
    int64_t start_s;
    int64_t queued_max;
    int64_t outbox_max;
    int64_t concurrency;
    int64_t retention_s;
    int64_t idempotency_s;
    int64_t lease_ms;
    int64_t heartbeat_ms;
    int64_t scan_ms;
    int64_t grace_ms;
    int64_t sweep_s;
    int64_t orphan_age_s;
    int64_t orphan_period_s;
    int64_t store_queue;
    int64_t store_group;
    int64_t store_writers;
    int64_t store_readers;
    int64_t store_cache_kib;
    int64_t cache_jobs;
    bool events;
    bool events_hear;
    rf_service_fetch fetch; /* of webhooks */
} job_config;

extern const rf_setting job_settings[];
extern const size_t job_n_settings;

#endif
