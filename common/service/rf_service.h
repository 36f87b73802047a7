/*
 * rf_service.h - the one main() of every service: configuration, logs, signals, probes, drain.
 *
 * A service describes itself by an rf_service_def and its main is one line. rf_service_main
 *   1. reads the settings (--help prints them, --settings their bare names), sets up logs, opens
 * the internal port;
 *   2. calls start() on the main thread; the service creates its servers and threads;
 *   3. runs the owner loop (rf_loop.h) on the main thread until SIGTERM or SIGINT;
 *   4. calls drain(), waits until idle() or drain.seconds have passed, calls stop().
 *
 * With --check it reads the settings and asks check() alone: standard output gets a line
 * "SETTING: WHY" for each setting that cannot be used, and the exit status is 1 then, else 0. So
 * can an operator (an init container) or a supervisor wait for, or be told of, what lies outside.
 *
 * The internal port (HTTP, loopback unless told otherwise) answers /healthz (200 while the process
 * lives), /readyz (200 or 503 with the reason) and /metrics (Prometheus text 0.0.4).
 * A supervisor that passes REFLECTION_READY_FD=n gets one JSON line there when the service is
 * ready:
 * {"service":"job","pid":1234,"internal":"http://127.0.0.1:40123"}.
 */
#ifndef RF_SERVICE_H
#define RF_SERVICE_H

#include "rf_base.h"
#include "rf_config.h"
#include "rf_loop.h"

typedef struct rf_service rf_service;

typedef struct rf_service_def {
    const char *name;    /* "job": prefix of environment, logs and sockets */
    const char *summary; /* one line for --help */
    const rf_setting *settings;
    size_t n_settings;
    size_t config_size;

    /* check tries what the settings name outside of this process and its data directory, for
     * --check: servers are asked, nothing is started. Returns 0, or negative errno after logging
     * each setting that cannot be used as a warning or error with the fields "setting" and "why"
     * ("detail" where there is more). NULL: there is nothing outside. */
    int (*check)(const void *config);

    /* start brings the service up and writes *ret_state. A failure is logged by start, which
     * returns negative errno; the process exits with status 1. */
    int (*start)(rf_service *service, const void *config, void **ret_state);

    /* ready says whether the service can take work, and else why not (for people). Main thread, at
     * most each 100 ms until ready, then for each probe. NULL: ready after start. */
    bool (*ready)(void *state, char *why, size_t why_size);

    /* drain takes no new work from now on. May be NULL. */
    void (*drain)(void *state);

    /* idle says whether what was taken is done. May be NULL: idle at once. */
    bool (*idle)(void *state);

    /* stop ends and frees everything; also called when start succeeded and a later step failed. */
    void (*stop)(void *state);
} rf_service_def;

/* Settings that every service has. */
typedef struct rf_service_common {
    char *data_dir;
    char *environment;
    char *log_level;
    char *log_format;
    char *internal_listen;
    int64_t drain_seconds;
} rf_service_common;

extern const rf_setting rf_service_settings[];
extern const size_t rf_service_n_settings;

int rf_service_main(const rf_service_def *def, int argc, char **argv);

/* rf_service_loop is the owner loop; callbacks run on the main thread. */
rf_loop *rf_service_loop(rf_service *service);

/* rf_service_settings_of gives the common settings; they live as long as the service. */
const rf_service_common *rf_service_settings_of(const rf_service *service);

/* rf_service_stop ends the loop as SIGTERM does. Any thread. */
void rf_service_stop(rf_service *service);

/* rf_service_path returns "<data.dir>/<relative>", making the directories above it (mode 0700); the
 * caller frees. NULL and a log line when they cannot be made. */
char *rf_service_path(const rf_service *service, const char *relative) RF_MUST_USE;

/* rf_service_address returns where the service `name` listens: a copy of configured, or, where that
 * is
 * "", rf_service_socket; the caller frees. NULL as there. */
char *rf_service_address(const rf_service *service, const char *configured,
                         const char *name) RF_MUST_USE;

/* rf_service_socket returns "ipc://<data.dir>/run/<name>.sock", made like rf_service_path; the
 * caller frees. NULL and a log line when the path is longer than a socket address may be. */
char *rf_service_socket(const rf_service *service, const char *name) RF_MUST_USE;

#endif
