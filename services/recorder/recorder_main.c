/* reflection-recorder: live audio, kept safely, served live and by range, stored at its end. */
#include "recorder_rpc.h"
#include "rf_bus_check.h"
#include "rf_log.h"
#include "rf_service.h"

#include <errno.h>
#include <string.h>

typedef struct recorder_main {
    recorder_service service;
    recorder_rpc *rpc;
    rf_service *runtime;
    bool opened;
} recorder_main;

static void stop(void *state)
{
    recorder_main *m = state;
    m->rpc = recorder_rpc_stop(m->rpc);
    if (m->opened) {
        recorder_service_close(&m->service);
    }
    free(m);
}

static int listen_rpc(recorder_main *m, const recorder_config *config)
{
    RF_CLEANUP(rf_cleanup_free)
    char *listen = rf_service_address(m->runtime, config->rpc_listen, "recorder");
    if (listen == NULL) {
        return -ENAMETOOLONG;
    }
    int err = recorder_rpc_start(&m->service, listen, &m->rpc);
    if (err < 0) {
        RF_LOG_ERROR("cannot listen", RF_STR("address", listen), RF_STR("why", strerror(-err)));
    }
    return err;
}

static int open_service(recorder_main *m, const recorder_config *config)
{
    RF_CLEANUP(rf_cleanup_free) char *store = rf_service_store_url(m->runtime, config->store_url);
    RF_CLEANUP(rf_cleanup_free) char *bus = rf_service_bus_url(m->runtime, config->bus_url);
    RF_CLEANUP(rf_cleanup_free) char *dir = rf_service_path(m->runtime, "recorder");
    if (store == NULL || bus == NULL || dir == NULL) {
        return -ENOENT;
    }
    m->opened = true;
    return recorder_service_open(&m->service, config, rf_service_loop(m->runtime), dir, store, bus);
}

static int check(const void *config)
{
    const recorder_config *c = config;
    int bus = rf_bus_check(c->bus_url);
    int store = rf_store_check(c->store_url);
    return bus < 0 ? bus : store;
}

static int start(rf_service *service, const void *config, void **ret_state)
{
    recorder_main *m = RF_NEW(recorder_main);
    m->runtime = service;
    int err = rf_service_fetch_check(&((const recorder_config *)config)->fetch,
                                     rf_service_settings_of(service)->environment);
    err = err == 0 ? open_service(m, config) : err;
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
    recorder_main *m = state;
    recorder_service_drain(&m->service);
    recorder_rpc_drain(m->rpc);
}

static bool idle(void *state)
{
    recorder_main *m = state;
    return recorder_rpc_calls(m->rpc) == 0 && recorder_service_is_idle(&m->service);
}

int main(int argc, char **argv)
{
    const rf_service_def def = {
        .name = "recorder",
        .summary = "live audio, kept safely, served live and by range, stored at its end",
        .settings = recorder_settings_rows,
        .n_settings = recorder_n_settings_rows,
        .config_size = sizeof(recorder_config),
        .check = check,
        .start = start,
        .drain = drain,
        .idle = idle,
        .stop = stop,
    };
    return rf_service_main(&def, argc, argv);
}
