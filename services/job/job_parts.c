#include "job_parts.h"

#include "rf_bus_topics.h"
#include "rf_install.h"
#include "rf_log.h"

#include <limits.h>
#include <string.h>

#define ERROR_MAX 4096

static void on_state(void *user, const char *app, const char *id, job_state state)
{
    job_service *s = user;
    job_cache_put(s->cache, app, id, state);
    job_watch_moved(s->watch, id, state);
}

static void on_fact(void *user, const job_fact *fact)
{
    job_service *s = user;
    job_metrics_fact(s->metrics, fact);
}

static void on_outbox(void *user)
{
    job_service *s = user;
    job_relay_wake(__atomic_load_n(&s->relay, __ATOMIC_ACQUIRE));
}

static void on_webhooks(void *user)
{
    job_service *s = user;
    job_hooks_wake(__atomic_load_n(&s->hooks, __ATOMIC_ACQUIRE));
}

static int open_store(job_service *s, const job_paths *paths)
{
    const job_store_options options = {
        .url = paths->sql_url,
        .queue_max = (size_t)s->config->store_queue,
        .group_max = (size_t)s->config->store_group,
        .n_writers = (size_t)s->config->store_writers,
        .n_readers = (size_t)s->config->store_readers,
        .cache_kib = s->config->store_cache_kib,
        .queued_max = s->config->queued_max,
        .outbox_max = s->config->outbox_max,
        .concurrency = s->config->concurrency,
        .events = s->config->events,
        .hooks = {.state = on_state,
                  .fact = on_fact,
                  .outbox = on_outbox,
                  .webhooks = on_webhooks,
                  .user = s},
    };
    return job_store_open(&options, &s->store);
}

/* The setting, or else what is shipped under that name; if that is missing, the reader says so. */
static const char *shipped(const char *setting, const char *name, char path[static PATH_MAX])
{
    if (setting[0] != '\0') {
        return setting;
    }
    return rf_install_share(name, path, PATH_MAX) == 0 ? path : name;
}

static int open_registry(job_service *s)
{
    char modules[PATH_MAX], workflows[PATH_MAX];
    rf_buf error;
    rf_buf_init(&error, ERROR_MAX);
    int err = job_registry_load(shipped(s->config->modules_file, "modules.json", modules),
                                shipped(s->config->workflows_dir, "workflows", workflows),
                                s->config->workflows_extra_dir, s->store, &error, &s->registry);
    if (err < 0) {
        RF_LOG_ERROR("bad workflow documents", RF_STR("why", rf_buf_str(&error)));
    }
    rf_buf_done(&error);
    for (size_t i = 0; err == 0 && i < job_registry_shipped(s->registry); i++) {
        const job_workflow *w = job_registry_at(s->registry, i);
        job_metrics_workflow(s->metrics, job_workflow_slug(w), job_workflow_pool(w));
    }
    return err;
}

static int open_relay(job_service *s)
{
    job_relay *relay;
    int err = job_relay_start(s->store, s->workers, s->bus, &relay);
    if (err == 0) {
        __atomic_store_n(&s->relay, relay, __ATOMIC_RELEASE);
    }
    return err;
}

static int open_sweep(job_service *s)
{
    const job_sweep_config config = {
        .period_ms = s->config->sweep_s * 1000,
        .retention_ms = s->config->retention_s * 1000,
        .idempotency_ms = s->config->idempotency_s * 1000,
        .orphan_age_ms = s->config->orphan_age_s * 1000,
        .orphan_period_ms = s->config->orphan_period_s * 1000,
    };
    return job_sweep_start(s->store, s->objects, &config, &s->sweep);
}

static void open_leases(job_service *s, rf_loop *loop)
{
    const job_leases_config config = {.scan_ms = s->config->scan_ms,
                                      .grace_ms = s->config->grace_ms,
                                      .start_limit_ms = s->config->start_s * 1000};
    s->leases = job_leases_start(loop, s->store, s->metrics, &config);
}

static int open_bus(job_service *s, const job_paths *paths)
{
    const rf_bus_config config = {.url = paths->bus_url};
    int err = rf_bus_open(&config, &s->bus);
    return err < 0 ? err : rf_bus_topics_make(s->bus);
}

static int open_hooks(job_service *s, const job_paths *paths)
{
    job_hooks *hooks = NULL;
    int err = rf_service_fetch_check(&s->config->fetch, paths->environment);
    err = err == 0 ? rf_service_fetch_open(&s->config->fetch, NULL, &s->fetch) : err;
    err = err == 0 ? job_hooks_start(s->store, s->fetch, &hooks) : err;
    __atomic_store_n(&s->hooks, hooks, __ATOMIC_RELEASE);
    return err;
}

static int open_hear(job_service *s)
{
    return job_store_shared(s->store) || s->config->events_hear
               ? job_hear_start(s->bus, s->watch, s->cache, &s->hear)
               : 0;
}

/* Logs which part failed, and passes the error on. */
static int named(const char *part, int err)
{
    if (err < 0) {
        RF_LOG_ERROR("cannot start", RF_STR("part", part), RF_STR("why", strerror(-err)));
    }
    return err;
}

static int open_all(job_service *s, const job_paths *paths)
{
    int err = named("watch", job_watch_start(&s->watch));
    err = err == 0 ? named("signing keys", rf_signer_open(paths->signing_keys, &s->signer)) : err;
    err = err == 0 ? named("public.base", job_urls_new(s->config->public_base, s->signer, &s->urls))
                   : err;
    err = err == 0 ? named("key secret", job_keys_open(paths->key_secret, &s->keys)) : err;
    err = err == 0 ? named("objects", rf_store_open(paths->store_url, &s->objects)) : err;
    err = err == 0 ? named("sql.url", open_store(s, paths)) : err;
    err = err == 0 ? open_registry(s) : err;
    err = err == 0 ? named("bus", open_bus(s, paths)) : err;
    err = err == 0 ? named("relay", open_relay(s)) : err;
    err = err == 0 ? named("events", open_hear(s)) : err;
    err = err == 0 ? named("webhooks", open_hooks(s, paths)) : err;
    return err == 0 ? named("sweep", open_sweep(s)) : err;
}

int job_parts_open(job_service *s, const job_config *config, const job_paths *paths, rf_loop *loop)
{
    *s = (job_service){.config = config};
    s->metrics = job_metrics_new();
    s->cache = job_cache_new((size_t)config->cache_jobs);
    s->workers = job_workers_new();
    int err = open_all(s, paths);
    if (err < 0) {
        job_parts_close(s);
        return err;
    }
    open_leases(s, loop);
    return 0;
}

void job_parts_close(job_service *s)
{
    s->leases = job_leases_stop(s->leases);
    s->sweep = job_sweep_stop(s->sweep);
    s->hear = job_hear_stop(s->hear);
    job_relay *relay = __atomic_exchange_n(&s->relay, NULL, __ATOMIC_ACQ_REL);
    job_relay_stop(relay);
    job_hooks *hooks = __atomic_exchange_n(&s->hooks, NULL, __ATOMIC_ACQ_REL);
    job_hooks_stop(hooks);
    s->fetch = rf_fetch_free(s->fetch);
    s->store = job_store_close(s->store);
    s->watch = job_watch_stop(s->watch);
    s->bus = rf_bus_close(s->bus);
    s->objects = rf_store_close(s->objects);
    s->registry = job_registry_free(s->registry);
    s->keys = job_keys_free(s->keys);
    s->urls = job_urls_free(s->urls);
    s->signer = rf_signer_free(s->signer);
    s->workers = job_workers_free(s->workers);
    s->cache = job_cache_free(s->cache);
    s->metrics = job_metrics_free(s->metrics);
}
