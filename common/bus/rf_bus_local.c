#include "rf_bus_local.h"

#include "rf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void local_free(rf_bus_local *local)
{
    rf_bus_db_close(local->db);
    rf_bus_db_close(local->reader);
    rf_bus_db_close(local->checkpointer);
    rf_close(&local->lock_fd);
    rf_close(&local->dir_fd);
    while (local->n_spare > 0) {
        free(local->spare[--local->n_spare]);
    }
    free(local->dir);
    free(local);
}

static int make_dirs(const char *dir)
{
    static const char *const names[] = {"wake", "members"};
    int err = rf_mkdirs(dir, 0700);
    for (size_t i = 0; err == 0 && i < RF_ARRAY_LEN(names); i++) {
        RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/%s", dir, names[i]);
        err = rf_mkdirs(path, 0700);
    }
    return err;
}

static int open_dir(rf_bus_local *local)
{
    int err = make_dirs(local->dir);
    if (err < 0) {
        return err;
    }
    local->dir_fd = open(local->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (local->dir_fd < 0) {
        return -errno;
    }
    local->lock_fd = openat(local->dir_fd, "writer.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return local->lock_fd < 0 ? -errno : 0;
}

static int open_db(rf_bus_local *local)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/bus.db", local->dir);
    int err = rf_bus_local_lock(local);
    if (err < 0) {
        return err;
    }
    err = rf_bus_db_create(path);
    err = err == 0 ? rf_bus_db_open(path, &local->db) : err;
    err = err == 0 ? rf_bus_db_open(path, &local->reader) : err;
    err = err == 0 ? rf_bus_db_open(path, &local->checkpointer) : err;
    rf_bus_local_sweep_locks(local);
    rf_bus_local_unlock(local);
    return err;
}

static int start(rf_bus_local *local)
{
    int err = rf_bus_local_checkpoint_start(local);
    if (err < 0) {
        return err;
    }
    err = rf_bus_local_start(local);
    if (err < 0) {
        rf_bus_local_checkpoint_stop(local);
    }
    return err;
}

static int local_open(const rf_bus_config *config, const char *address, void **ret)
{
    rf_bus_local *local = RF_NEW(rf_bus_local);
    *local = (rf_bus_local){.config = *config, .dir_fd = -1, .lock_fd = -1};
    local->config.url = NULL;
    local->dir = rf_strdup(address);
    int err = open_dir(local);
    err = err == 0 ? open_db(local) : err;
    err = err == 0 ? start(local) : err;
    if (err < 0) {
        local_free(local);
        return err;
    }
    pthread_mutex_init(&local->reader_mutex, NULL);
    *ret = local;
    return 0;
}

static void local_close(void *bus)
{
    rf_bus_local *local = bus;
    rf_bus_local_stop(local);
    rf_bus_local_checkpoint_stop(local);
    rf_bus_local_forget(local);
    pthread_mutex_destroy(&local->reader_mutex);
    local_free(local);
}

typedef struct topic_call {
    const char *name;
    uint32_t n_partitions;
} topic_call;

static int topic_run(rf_bus_local *local, void *arg)
{
    const topic_call *c = arg;
    rf_bus_topic_row *topic = NULL;
    return rf_bus_local_topic(local, c->name, c->n_partitions, &topic);
}

static int local_topic(void *bus, const char *topic, uint32_t n_partitions)
{
    return rf_bus_local_call(bus, topic_run, &(topic_call){topic, n_partitions});
}

static rf_bus_error local_health(void *bus)
{
    rf_bus_local *local = bus;
    pthread_mutex_lock(&local->mutex);
    rf_bus_error health = local->health;
    pthread_mutex_unlock(&local->mutex);
    return health;
}

const rf_bus_backend rf_bus_local_backend = {
    .version = RF_BUS_BACKEND_VERSION,
    .scheme = "local",
    .prefetch_bytes = (size_t)1 << 20,
    .open = local_open,
    .close = local_close,
    .topic = local_topic,
    .produce = rf_bus_local_produce,
    .flush = rf_bus_local_flush,
    .health = local_health,
    .lag = rf_bus_local_lag,
    .subscribe = rf_bus_local_subscribe,
    .unsubscribe = rf_bus_local_unsubscribe,
    .next = rf_bus_local_next,
    .fd = rf_bus_local_fd,
    .commit = rf_bus_local_commit,
    .commit_wait = rf_bus_local_commit_wait,
    .pause = rf_bus_local_pause,
    .assignment = rf_bus_local_assignment,
};
