/*
 * rf_service_rows.h - settings that several services have in common, as rows for their tables, so
 * that a name means the same everywhere. A service takes the rows that it heeds and no others:
 *
 *     typedef struct jam_config { rf_rpc_files rpc_tls; char *store_url; } jam_config;
 *     const rf_setting jam_settings[] = {
 *         RF_ROWS_RPC_TLS(jam_config, rpc_tls),
 *         RF_ROW_STORE_URL(jam_config, store_url),
 *     };
 *
 * What is left empty lies in the data directory: the functions below say where.
 */
#ifndef RF_SERVICE_ROWS_H
#define RF_SERVICE_ROWS_H

#include "rf_config.h"
#include "rf_service.h"

/* PEM files of both ends of tls+tcp; empty: none. */
typedef struct rf_rpc_files {
    char *ca;
    char *cert;
    char *key;
} rf_rpc_files;

#define RF_ROWS_RPC_TLS(struct_, field)                                                            \
    RF_SETTING_STR(struct_, field.ca, "rpc.tls.ca", "path", "",                                    \
                   "certificate authority of tls+tcp peers"),                                      \
        RF_SETTING_STR(struct_, field.cert, "rpc.tls.cert", "path", "",                            \
                       "certificate for tls+tcp"),                                                 \
        RF_SETTING_STR(struct_, field.key, "rpc.tls.key", "path", "", "key of that certificate")

#define RF_ROW_SIGNING_KEYS(struct_, field)                                                        \
    RF_SETTING_STR(struct_, field, "signing.keys", "path", "",                                     \
                   "keys of signed URLs; empty: secrets/signing.keys in the data directory")

#define RF_ROW_STORE_URL(struct_, field)                                                           \
    RF_SETTING_STR(struct_, field, "store.url", "store URL", "",                                   \
                   "objects; empty: objects in the data directory")

#define RF_ROW_BUS_URL(struct_, field)                                                             \
    RF_SETTING_STR(struct_, field, "bus.url", "bus URL", "", "empty: bus in the data directory")

/* rf_service_signing_keys, rf_service_store_url and rf_service_bus_url return what the setting
 * says, or its place in the data directory, made like rf_service_path; the caller frees. NULL and a
 * log line when that cannot be made. */
char *rf_service_signing_keys(const rf_service *service, const char *setting) RF_MUST_USE;
char *rf_service_store_url(const rf_service *service, const char *setting) RF_MUST_USE;
char *rf_service_bus_url(const rf_service *service, const char *setting) RF_MUST_USE;

#endif
