/* reflection-jam: endless music over sockets, steered live. */
#include "jam_config.h"
#include "jam_recorder_rpc.h"
#include "jam_rpc.h"
#include "jam_service.h"
#include "rf_log.h"
#include "rf_service.h"

#include <errno.h>
#include <string.h>

#define CLOSING_MS                                                                                 \
    5000 /* of the time to drain, at most half of it: for what the deadline finds                  \
          */

typedef struct jam_main {
    jam_service service;
    jam_rpc *rpc;
    rf_service *runtime;
} jam_main;

static void stop(void *state)
{
    jam_main *m = state;
    m->rpc = jam_rpc_stop(m->rpc);
    jam_recorder *recorder = m->service.recorder;
    jam_service_close(&m->service);
    jam_recorder_rpc_close(recorder);
    free(m);
}

static int listen_rpc(jam_main *m, const jam_config *config)
{
    RF_CLEANUP(rf_cleanup_free)
    char *listen = rf_service_address(m->runtime, config->rpc_listen, "jam");
    if (listen == NULL) {
        return -ENAMETOOLONG;
    }
    int err = jam_rpc_start(&m->service, listen, &m->rpc);
    if (err < 0) {
        RF_LOG_ERROR("cannot listen", RF_STR("address", listen), RF_STR("why", strerror(-err)));
    }
    return err;
}

static int open_recorder(jam_main *m, const jam_config *config)
{
    RF_CLEANUP(rf_cleanup_free)
    char *target = rf_service_address(m->runtime, config->recorder_endpoint, "recorder");
    int err = target == NULL ? -ENAMETOOLONG
                             : jam_recorder_rpc_open(target, rf_service_loop(m->runtime),
                                                     &m->service.recorder);
    if (err < 0) {
        RF_LOG_ERROR("bad recorder.endpoint", RF_STR("why", strerror(-err)));
    }
    return err;
}

static int open_service(jam_main *m, const jam_config *config)
{
    jam_engines *engines;
    RF_CLEANUP(rf_cleanup_free) char *url = rf_service_store_url(m->runtime, config->store_url);
    if (url == NULL) {
        return -ENOENT;
    }
    RF_CLEANUP(rf_cleanup_free)
    char *cache_dir = rf_asprintf("%s/cache/jam", rf_service_settings_of(m->runtime)->data_dir);
    int err = jam_engines_new(config->soundfont, cache_dir, &config->plugins, &engines);
    return err < 0
               ? err
               : jam_service_open(&m->service, config, engines, rf_service_loop(m->runtime), url);
}

static int check(const void *config)
{
    return rf_store_check(((const jam_config *)config)->store_url);
}

static int start(rf_service *service, const void *config, void **ret_state)
{
    jam_main *m = RF_NEW(jam_main);
    m->runtime = service;
    int err = open_service(m, config);
    err = err == 0 ? open_recorder(m, config) : err;
    err = err == 0 ? listen_rpc(m, config) : err;
    if (err < 0) {
        stop(m);
        return err;
    }
    *ret_state = m;
    return 0;
}

static void drain(void *state)
{
    jam_main *m = state;
    int64_t all_ms = rf_service_settings_of(m->runtime)->drain_seconds * 1000;
    int64_t limit_ms = all_ms - RF_MIN((int64_t)CLOSING_MS, all_ms / 2);
    jam_rpc_drain(m->rpc);
    jam_service_drain(&m->service, limit_ms);
}

static bool idle(void *state)
{
    jam_main *m = state;
    return jam_rpc_calls(m->rpc) == 0 && jam_service_is_idle(&m->service);
}

int main(int argc, char **argv)
{
    const rf_service_def def = {
        .name = "jam",
        .summary = "endless music over sockets, steered live",
        .settings = jam_settings_rows,
        .n_settings = jam_n_settings_rows,
        .config_size = sizeof(jam_config),
        .check = check,
        .start = start,
        .drain = drain,
        .idle = idle,
        .stop = stop,
    };
    return rf_service_main(&def, argc, argv);
}
