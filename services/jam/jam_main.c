/* reflection-jam: endless music over sockets, steered live. */
#include "jam_config.h"
#include "jam_rpc.h"
#include "jam_service.h"
#include "rf_log.h"
#include "rf_service.h"

#include <errno.h>
#include <string.h>

#define CLOSING_MS 1000 /* of the time to drain, left for closing what the deadline finds */

typedef struct jam_main {
    jam_service service;
    jam_rpc *rpc;
    rf_service *runtime;
} jam_main;

static void stop(void *state)
{
    jam_main *m = state;
    m->rpc = jam_rpc_stop(m->rpc);
    jam_service_close(&m->service);
    free(m);
}

static int listen_rpc(jam_main *m, const jam_config *config)
{
    RF_CLEANUP(rf_cleanup_free)
    char *listen = config->rpc_listen[0] != '\0' ? rf_strdup(config->rpc_listen)
                                                 : rf_service_socket(m->runtime, "jam");
    if (listen == NULL) {
        return -ENAMETOOLONG;
    }
    int err = jam_rpc_start(&m->service, listen, &m->rpc);
    if (err < 0) {
        RF_LOG_ERROR("cannot listen", RF_STR("address", listen), RF_STR("why", strerror(-err)));
    }
    return err;
}

static int open_service(jam_main *m, const jam_config *config)
{
    jam_engines *engines;
    int err = jam_engines_new(config->soundfont, &config->plugins, &engines);
    return err < 0 ? err
                   : jam_service_open(&m->service, config, engines, rf_service_loop(m->runtime));
}

static int start(rf_service *service, const void *config, void **ret_state)
{
    jam_main *m = RF_NEW(jam_main);
    m->runtime = service;
    int err = open_service(m, config);
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
    int64_t limit_ms = rf_service_settings_of(m->runtime)->drain_seconds * 1000 - CLOSING_MS;
    jam_rpc_drain(m->rpc);
    jam_service_drain(&m->service, limit_ms);
}

static bool idle(void *state)
{
    return jam_rpc_calls(((jam_main *)state)->rpc) == 0;
}

int main(int argc, char **argv)
{
    const rf_service_def def = {
        .name = "jam",
        .summary = "endless music over sockets, steered live",
        .settings = jam_settings_rows,
        .n_settings = jam_n_settings_rows,
        .config_size = sizeof(jam_config),
        .start = start,
        .drain = drain,
        .idle = idle,
        .stop = stop,
    };
    return rf_service_main(&def, argc, argv);
}
