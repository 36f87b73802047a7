/*
 * rf_service_fetch.h - the settings fetch.* of every service that connects to addresses which users
 * give (spec jobs.md S1 to S6), as rows for its table (rf_service_rows.h), and the fetcher made of
 * them. A library of its own, so that other services do not link the fetcher.
 */
#ifndef RF_SERVICE_FETCH_H
#define RF_SERVICE_FETCH_H

#include "rf_config.h"
#include "rf_fetch.h"

typedef struct rf_service_fetch {
    rf_list ports;
    rf_list deny;
    bool allow_loopback; /* not in production */
    bool nat64;
    char *ca_file; /* "": the system's */
} rf_service_fetch;

#define RF_ROWS_FETCH(struct_, field)                                                              \
    RF_SETTING_LIST(struct_, field.ports, "fetch.ports", "ports", "80,443,8080,8443",              \
                    "ports that may be connected to outside"),                                     \
        RF_SETTING_LIST(struct_, field.deny, "fetch.deny", "ranges", "",                           \
                        "further address ranges that are blocked"),                                \
        RF_SETTING_BOOL(struct_, field.allow_loopback, "fetch.allow_loopback", "false",            \
                        "opens 127.0.0.0/8 and ::1, on any port; only for tests"),                 \
        RF_SETTING_BOOL(struct_, field.nat64, "fetch.nat64", "false",                              \
                        "admits 64:ff9b::/96 behind NAT64"),                                       \
        RF_SETTING_STR(struct_, field.ca_file, "fetch.ca_file", "path", "",                        \
                       "PEM of trusted authorities; empty: system's")

/* rf_service_fetch_check refuses what is only for tests where environment is "production": -EINVAL
 * after a log line that names the setting. */
int rf_service_fetch_check(const rf_service_fetch *settings, const char *environment) RF_MUST_USE;

/* rf_service_fetch_open makes the fetcher; limits gives what is no matter of these settings (sizes,
 * times, overrides); NULL: the fetcher's defaults. Returns 0, or -EINVAL after a log line that says
 * which setting is wrong. */
int rf_service_fetch_open(const rf_service_fetch *settings, const rf_fetch_config *limits,
                          rf_fetch **ret) RF_MUST_USE;

#endif
