/* reflection-processor: a worker that runs the jobs of one pool. */
#include "processor_config.h"
#include "processor_host.h"
#include "processor_jam_rpc.h"
#include "processor_rpc.h"
#include "processor_worker.h"
#include "rf_bus_check.h"
#include "rf_bus_topics.h"
#include "rf_log.h"
#include "rf_service.h"
#include "rf_time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct processor {
    processor_env env;
    char *scratch_dir;
    rf_store *store;
    rf_fetch *fetch;
    rf_bus *bus;
    processor_rpc *rpc;
    processor_jam_rpc *jam;
    processor_worker *worker;
} processor;

static void stop(void *state)
{
    processor *p = state;
    processor_worker_stop(p->worker);
    processor_host_free(p->env.host);
    processor_jam_rpc_close(p->jam);
    processor_rpc_close(p->rpc);
    rf_bus_close(p->bus);
    rf_fetch_free(p->fetch);
    rf_store_close(p->store);
    free(p->scratch_dir);
    free(p);
}

static int failed(const char *what, int err)
{
    if (err < 0) {
        RF_LOG_ERROR(what, RF_STR("error", strerror(-err)));
    }
    return err;
}

static int open_data(processor *p, const rf_service *service, const processor_config *c)
{
    RF_CLEANUP(rf_cleanup_free) char *bus_url = rf_service_bus_url(service, c->bus_url);
    RF_CLEANUP(rf_cleanup_free) char *store_url = rf_service_store_url(service, c->store_url);
    RF_CLEANUP(rf_cleanup_free)
    char *scratch = rf_service_path(service, "scratch/processor/job");
    if (bus_url == NULL || store_url == NULL || scratch == NULL) {
        return -ENOENT;
    }
    p->scratch_dir = rf_strndup(scratch, (size_t)(strrchr(scratch, '/') - scratch));
    p->env.scratch_dir = p->scratch_dir;
    int err = failed("object store not opened", rf_store_open(store_url, &p->store));
    if (err == 0) {
        err = processor_config_fetch(c, rf_service_settings_of(service)->environment, &p->fetch);
    }
    const rf_bus_config bus = {.url = bus_url};
    err = err == 0 ? failed("bus not opened", rf_bus_open(&bus, &p->bus)) : err;
    return err == 0 ? failed("topics not made", rf_bus_topics_make(p->bus)) : err;
}

static int connect_job(processor *p, const rf_service *service, const processor_config *c)
{
    char host[64] = "worker";
    char worker_id[128];
    gethostname(host, sizeof(host) - 1);
    snprintf(worker_id, sizeof(worker_id), "%s-%d", host, (int)getpid());
    RF_CLEANUP(rf_cleanup_free)
    char *target = rf_service_address(service, c->job_endpoint, "job");
    return target == NULL ? -ENAMETOOLONG
                          : failed("job service not reached",
                                   processor_rpc_open(target, worker_id, c->pool, &p->rpc));
}

static int connect_jam(processor *p, const rf_service *service, const processor_config *c)
{
    RF_CLEANUP(rf_cleanup_free)
    char *target = rf_service_address(service, c->jam_endpoint, "jam");
    return target == NULL ? -ENAMETOOLONG
                          : failed("jam service not reached",
                                   processor_jam_rpc_open(target, p->scratch_dir, &p->jam));
}

static int open_host(processor *p, const processor_config *c)
{
    const processor_remote remotes[] = {processor_jam_rpc_remote(p->jam)};
    const processor_host_config host = {
        .n_ready = (uint32_t)c->children_ready,
        .max_children = (uint32_t)RF_MAX(c->children_max, c->children_ready),
        .memory_bytes = (uint64_t)c->module_memory_bytes,
        .max_file_bytes = (uint64_t)c->job_files_bytes,
        .max_input_bytes = (uint64_t)c->fetch_max_bytes,
        .max_duration_s = c->audio_max_seconds,
        .remotes = remotes,
        .n_remotes = RF_ARRAY_LEN(remotes),
    };
    return failed("children not started", processor_host_new(&host, &p->env.host));
}

static int start_worker(processor *p, const processor_config *c)
{
    p->env.board = processor_rpc_board(p->rpc);
    p->env.store = p->store;
    p->env.fetch = p->fetch;
    p->env.max_input_bytes = (uint64_t)c->fetch_max_bytes;
    p->env.max_duration_s = c->audio_max_seconds;
    p->env.max_files_bytes = (uint64_t)c->job_files_bytes;
    p->env.parallel_steps = (size_t)c->parallel_steps;
    p->env.silent_ns = c->silent_ms * RF_NS_PER_MS;
    const processor_worker_config worker = {.pool = c->pool,
                                            .slots = processor_config_slots(c),
                                            .heartbeat_ns = c->heartbeat_ms * RF_NS_PER_MS};
    return failed("topic not joined", processor_worker_start(&worker, &p->env, p->bus, &p->worker));
}

static int check(const void *config)
{
    const processor_config *c = config;
    int bus = rf_bus_check(c->bus_url);
    int store = rf_store_check(c->store_url);
    return bus < 0 ? bus : store;
}

static int start(rf_service *service, const void *config, void **ret_state)
{
    const processor_config *c = config;
    processor *p = RF_NEW(processor);
    int err = open_data(p, service, c);
    err = err == 0 ? connect_job(p, service, c) : err;
    err = err == 0 ? connect_jam(p, service, c) : err;
    err = err == 0 ? open_host(p, c) : err;
    err = err == 0 ? start_worker(p, c) : err;
    if (err < 0) {
        stop(p);
        return err;
    }
    *ret_state = p;
    return 0;
}

static bool ready(void *state, char *why, size_t why_size)
{
    const processor *p = state;
    bool is_ready = processor_rpc_is_ready(p->rpc);
    rf_copy_str(why, why_size, is_ready ? "" : "the job service is not connected");
    return is_ready;
}

static void drain(void *state)
{
    processor_worker_drain(((processor *)state)->worker);
}

static bool idle(void *state)
{
    return processor_worker_is_idle(((processor *)state)->worker);
}

int main(int argc, char **argv)
{
    const rf_service_def def = {
        .name = "processor",
        .summary = "runs the modules of jobs",
        .settings = processor_settings,
        .n_settings = processor_n_settings,
        .config_size = sizeof(processor_config),
        .check = check,
        .start = start,
        .ready = ready,
        .drain = drain,
        .idle = idle,
        .stop = stop,
    };
    return rf_service_main(&def, argc, argv);
}
