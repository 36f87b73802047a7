/*
 * gateway_config.h - the settings of the gateway, read once at start and read-only afterwards.
 */
#ifndef GATEWAY_CONFIG_H
#define GATEWAY_CONFIG_H

#include "rf_service_rows.h"

/* Services whose sockets pass through; the index of their rules. */
typedef enum gateway_service {
    GATEWAY_SERVICE_NONE,
    GATEWAY_SERVICE_JAM,
    GATEWAY_SERVICE_RECORDER,
    GATEWAY_N_SERVICES,
} gateway_service;

/* Who may open sockets of a service, and how they are. */
typedef struct gateway_socket_rules {
    bool allow_anonymous;
    bool deflate;
    rf_list allowed_origins; /* empty: the server's own */
    int64_t ping_s;
    int64_t per_key;
    int64_t anonymous_per_address;
    int64_t anonymous_total;
} gateway_socket_rules;

typedef struct gateway_config {
    char *http_listen;  /* host:port, empty for none; LISTEN_FDS named "http" wins */
    char *https_listen; /* likewise "https" */
    char *public_base;  /* https://HOST[:PORT], without a slash at the end */
    char *tls_cert;     /* PEM chain of the operator; empty: of the private authority */
    char *tls_key;
    rf_list tls_names; /* further names and addresses of the private authority's certificate */
    int64_t tls_check_s;
    rf_list job_targets;
    rf_list jam_targets;
    rf_list recorder_targets;
    gateway_socket_rules sockets[GATEWAY_N_SERVICES];
    int64_t sockets_max;
    int64_t sockets_stall_s;
    int64_t sockets_drain_s;
    int64_t sockets_queue_bytes;
    char *signing_keys; /* path; empty: <data.dir>/secrets/signing.keys */
    char *store_url;    /* rf_store.h; empty: dir:<data.dir>/objects */
    rf_rpc_files rpc_tls;
    int64_t loops; /* threads; 0: one a processor */
    int64_t io_threads;
    int64_t connections_max;
    int64_t transfers_max;
    int64_t waiters_max;
    int64_t listeners_max;
    int64_t head_timeout_ms;
    int64_t idle_timeout_s;
    int64_t body_window_s;
    int64_t body_min_rate;
    int64_t send_stall_s;
    int64_t json_max_bytes;
    bool audit;
    bool audit_polls;
    char *audit_dir; /* empty: <data.dir>/audit */
    int64_t audit_max_bytes;
    int64_t audit_files;
    int64_t rate_per_second;
    int64_t rate_burst;
    int64_t poll_rate_per_second;
    int64_t read_wait_ms;
    int64_t write_wait_ms;
} gateway_config;

extern const rf_setting gateway_settings[];
extern const size_t gateway_n_settings;

/* gateway_config_check holds settings to what ranges alone cannot say, and logs what is wrong.
 * Returns 0 or -EINVAL. */
int gateway_config_check(const gateway_config *config);

#endif
