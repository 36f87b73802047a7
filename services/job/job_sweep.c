#include "job_sweep.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "rf_log.h"
#include "rf_time.h"

struct job_sweep {
    job_store *store;
    rf_store *objects;
    job_sweep_config config;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool stopping;
};

/* 1 when something refers to key, 0 when nothing does, or the store's error. */
static int is_used(job_store *store, const char *key)
{
    job_op_sweep_check *op = JOB_OP_NEW(JOB_OP_SWEEP_CHECK, job_op_sweep_check, NULL, NULL);
    op->keys = &key;
    op->n_keys = 1;
    int err = job_store_run(store, &op->op);
    int used = err == 0 ? op->used[0] : err;
    job_op_free(&op->op);
    return used;
}

typedef struct removal {
    job_store *store;
    rf_store *objects;
    int64_t n;
} removal;

static int remove_unused(removal *r, const char *key)
{
    int used = is_used(r->store, key);
    if (used != 0) {
        return used < 0 ? used : 0;
    }
    int err = rf_store_delete(r->objects, key);
    if (err == 0) {
        r->n++;
    }
    return err == -ENOENT ? 0 : err;
}

static int remove_listed(const char *key, const rf_store_info *info, void *user)
{
    (void)info;
    return remove_unused(user, key);
}

static int remove_garbage(removal *r, const char *key)
{
    size_t len = strlen(key);
    if (len == 0 || key[len - 1] != '/') {
        return remove_unused(r, key);
    }
    RF_CLEANUP(rf_cleanup_free) char *prefix = rf_strndup(key, len - 1);
    int err = rf_store_list(r->objects, prefix, remove_listed, r);
    return err == -ENOENT ? 0 : err;
}

/* Tells the store what is gone; what failed stays and is tried again. */
static int forget(job_store *store, const job_garbage *done, size_t n)
{
    job_op_sweep_done *op = JOB_OP_NEW(JOB_OP_SWEEP_DONE, job_op_sweep_done, NULL, NULL);
    op->garbage = done;
    op->n_garbage = n;
    int err = n > 0 ? job_store_run(store, &op->op) : 0;
    job_op_free(&op->op);
    return err;
}

/* Returns how many rows are settled, or the store's error. */
static int64_t sweep_garbage(removal *r, job_op_sweep_due *due)
{
    size_t n = 0;
    for (size_t i = 0; i < due->n_garbage; i++) {
        int err = remove_garbage(r, due->garbage[i].key);
        if (err == 0) {
            due->garbage[n++] = due->garbage[i];
        } else {
            RF_LOG_WARN("object cannot be removed", RF_STR("why", strerror(-err)));
        }
    }
    int err = forget(r->store, due->garbage, n);
    return err < 0 ? err : (int64_t)n;
}

/* One batch; returns how many rows are settled, 0 when nothing is due or nothing moves. */
static int64_t sweep_batch(removal *r, const job_sweep_config *config)
{
    job_op_sweep_due *due = JOB_OP_NEW(JOB_OP_SWEEP_DUE, job_op_sweep_due, NULL, NULL);
    due->retention_ms = config->retention_ms;
    due->idempotency_ms = config->idempotency_ms;
    int64_t settled = job_store_run(r->store, &due->op);
    if (settled == 0 && due->n_garbage > 0) {
        settled = sweep_garbage(r, due);
    }
    job_op_free(&due->op);
    return settled;
}

int64_t job_sweep_due(job_store *store, rf_store *objects, const job_sweep_config *config)
{
    removal r = {.store = store, .objects = objects};
    int64_t settled;
    do {
        settled = sweep_batch(&r, config);
    } while (settled > 0);
    return settled < 0 ? settled : r.n;
}

/* When the store cannot say, the object stays. */
static bool wanted(const char *key, const rf_store_info *info, void *user)
{
    (void)info;
    return is_used(user, key) != 0;
}

int64_t job_sweep_orphans(job_store *store, rf_store *objects, const job_sweep_config *config)
{
    static const char *const prefixes[] = {"jobs", "uploads"};
    int64_t older_than_ms = rf_time_wall_ms() - config->orphan_age_ms;
    int64_t total = 0;
    for (size_t i = 0; i < RF_ARRAY_LEN(prefixes); i++) {
        uint64_t removed = 0;
        int err = rf_store_sweep(objects, prefixes[i], older_than_ms, wanted, store, &removed);
        if (err < 0 && err != -ENOENT) {
            return err;
        }
        total += (int64_t)removed;
    }
    return total;
}

static void report(const char *what, int64_t n)
{
    if (n < 0) {
        RF_LOG_WARN("sweep failed", RF_STR("kind", what), RF_STR("why", strerror((int)-n)));
    } else if (n > 0) {
        RF_LOG_INFO("objects removed", RF_STR("kind", what), RF_INT("n", n));
    }
}

static bool stopping_at(job_sweep *s, int64_t at_ns)
{
    pthread_mutex_lock(&s->mutex);
    while (!s->stopping && rf_time_ns() < at_ns) {
        rf_time_wait_until(&s->cond, &s->mutex, at_ns);
    }
    bool stopping = s->stopping;
    pthread_mutex_unlock(&s->mutex);
    return stopping;
}

static void *sweep_main(void *arg)
{
    job_sweep *s = arg;
    int64_t orphans_ns = rf_time_ns() + s->config.orphan_period_ms * RF_NS_PER_MS;
    while (!stopping_at(s, rf_time_ns() + s->config.period_ms * RF_NS_PER_MS)) {
        report("due", job_sweep_due(s->store, s->objects, &s->config));
        if (rf_time_ns() >= orphans_ns) {
            report("orphan", job_sweep_orphans(s->store, s->objects, &s->config));
            orphans_ns = rf_time_ns() + s->config.orphan_period_ms * RF_NS_PER_MS;
        }
    }
    return NULL;
}

int job_sweep_start(job_store *store, rf_store *objects, const job_sweep_config *config,
                    job_sweep **ret)
{
    job_sweep *s = RF_NEW(job_sweep);
    s->store = store;
    s->objects = objects;
    s->config = *config;
    pthread_mutex_init(&s->mutex, NULL);
    rf_cond_init(&s->cond);
    int err = pthread_create(&s->thread, NULL, sweep_main, s);
    if (err != 0) {
        pthread_cond_destroy(&s->cond);
        pthread_mutex_destroy(&s->mutex);
        free(s);
        return -err;
    }
    *ret = s;
    return 0;
}

job_sweep *job_sweep_stop(job_sweep *s)
{
    if (s != NULL) {
        pthread_mutex_lock(&s->mutex);
        s->stopping = true;
        pthread_cond_signal(&s->cond);
        pthread_mutex_unlock(&s->mutex);
        pthread_join(s->thread, NULL);
        pthread_cond_destroy(&s->cond);
        pthread_mutex_destroy(&s->mutex);
        free(s);
    }
    return NULL;
}
