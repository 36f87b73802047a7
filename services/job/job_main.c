/*
 * reflection-job: jobs, uploads, workflows and API keys (job_service.h shows the parts).
 */
#include "job_parts.h"
#include "job_rpc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rf_log.h"
#include "rf_service.h"

typedef struct job_main {
    job_service service;
    job_rpc *rpc;
    char *listen;
    char *database;
    char *signing_keys;
    char *key_secret;
    char *store_url;
    char *bus_url;
} job_main;

static int find_places(job_main *m, rf_service *service, const job_config *config)
{
    m->listen = config->rpc_listen[0] != '\0' ? rf_strdup(config->rpc_listen)
                                              : rf_service_socket(service, "job");
    m->database = config->database[0] != '\0' ? rf_strdup(config->database)
                                              : rf_service_path(service, "job/job.db");
    m->signing_keys = rf_service_signing_keys(service, config->signing_keys);
    m->key_secret = rf_service_path(service, "secrets/api.secret");
    m->store_url = rf_service_store_url(service, config->store_url);
    m->bus_url = rf_service_bus_url(service, config->bus_url);
    return m->listen != NULL && m->database != NULL && m->signing_keys != NULL &&
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
    free(m->database);
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
    const job_paths paths = {.database = m->database,
                             .signing_keys = m->signing_keys,
                             .key_secret = m->key_secret,
                             .store_url = m->store_url,
                             .bus_url = m->bus_url};
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
    job_rpc_drain(m->rpc, 0);
}

static bool idle(void *state)
{
    job_main *m = state;
    return job_rpc_calls(m->rpc) == 0;
}

int main(int argc, char **argv)
{
    const rf_service_def def = {
        .name = "job",
        .summary = "jobs, uploads, workflows and API keys",
        .settings = job_settings,
        .n_settings = job_n_settings,
        .config_size = sizeof(job_config),
        .start = start,
        .drain = drain,
        .idle = idle,
        .stop = stop,
    };
    return rf_service_main(&def, argc, argv);
}
