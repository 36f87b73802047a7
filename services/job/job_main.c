/*
 * reflection-job: jobs, uploads, workflows and API keys (job_service.h shows the parts).
 */
#include "job_parts.h"
#include "job_posted.h"
#include "job_rpc.h"
#include "job_sql_check.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "rf_bus_check.h"
#include "rf_install.h"
#include "rf_log.h"
#include "rf_service.h"

typedef struct job_main {
    job_service service;
    job_rpc *rpc;
    char *listen;
    char *sql_url;
    char *signing_keys;
    char *key_secret;
    char *store_url;
    char *bus_url;
} job_main;

/* The setting, or a file in the data directory; NULL when that cannot be made. */
static char *sql_url(rf_service *service, const char *setting)
{
    if (setting[0] != '\0') {
        return rf_strdup(setting);
    }
    RF_CLEANUP(rf_cleanup_free) char *path = rf_service_path(service, "job/job.db");
    return path == NULL ? NULL : rf_asprintf("sqlite:%s", path);
}

static int find_places(job_main *m, rf_service *service, const job_config *config)
{
    m->listen = rf_service_address(service, config->rpc_listen, "job");
    m->sql_url = sql_url(service, config->sql_url);
    m->signing_keys = rf_service_signing_keys(service, config->signing_keys);
    m->key_secret = rf_service_path(service, "secrets/api.secret");
    m->store_url = rf_service_store_url(service, config->store_url);
    m->bus_url = rf_service_bus_url(service, config->bus_url);
    return m->listen != NULL && m->sql_url != NULL && m->signing_keys != NULL &&
                   m->key_secret != NULL && m->store_url != NULL && m->bus_url != NULL
               ? 0
               : -EIO;
}

static void stop(void *state)
{
    job_main *m = state;
    m->rpc = job_rpc_stop(m->rpc);
    job_parts_close(&m->service);
    free(m->listen);
    free(m->sql_url);
    free(m->signing_keys);
    free(m->key_secret);
    free(m->store_url);
    free(m->bus_url);
    free(m);
}

static int open_all(job_main *m, rf_service *service, const job_config *config)
{
    int err = find_places(m, service, config);
    if (err < 0) {
        return err;
    }
    const job_paths paths = {.sql_url = m->sql_url,
                             .signing_keys = m->signing_keys,
                             .key_secret = m->key_secret,
                             .store_url = m->store_url,
                             .bus_url = m->bus_url,
                             .environment = rf_service_settings_of(service)->environment};
    err = job_parts_open(&m->service, config, &paths, rf_service_loop(service));
    if (err < 0) {
        return err;
    }
    err = job_rpc_start(&m->service, m->listen, &m->rpc);
    if (err < 0) {
        RF_LOG_ERROR("cannot listen", RF_STR("address", m->listen), RF_STR("why", strerror(-err)));
    }
    return err;
}

/* All three, so that all that is wrong is told. */
static int check(const void *config)
{
    const job_config *c = config;
    int sql = job_sql_check(c->sql_url);
    int bus = rf_bus_check(c->bus_url);
    int store = rf_store_check(c->store_url);
    return sql < 0 ? sql : bus < 0 ? bus : store;
}

static int start(rf_service *service, const void *config, void **ret_state)
{
    job_main *m = RF_NEW(job_main);
    int err = open_all(m, service, config);
    if (err < 0) {
        stop(m);
        return err;
    }
    *ret_state = m;
    return 0;
}

static void drain(void *state)
{
    job_main *m = state;
    job_watch_drain(m->service.watch); /* long polls are answered, streams go elsewhere */
    job_rpc_drain(m->rpc, 0);
}

static bool idle(void *state)
{
    job_main *m = state;
    return job_rpc_calls(m->rpc) == 0;
}

/* `reflection-job --check-workflow FILE`: what POST /workflow would say, without a server. */
static int check_workflow(const char *path)
{
    char modules[PATH_MAX];
    bool found = rf_install_share("modules.json", modules, sizeof(modules)) == 0;
    return job_posted_check(found ? modules : "modules.json", path);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--check-workflow") == 0) {
        return check_workflow(argv[2]);
    }
    const rf_service_def def = {
        .name = "job",
        .summary = "jobs, uploads, workflows and API keys",
        .settings = job_settings,
        .n_settings = job_n_settings,
        .config_size = sizeof(job_config),
        .check = check,
        .start = start,
        .drain = drain,
        .idle = idle,
        .stop = stop,
    };
    return rf_service_main(&def, argc, argv);
}
