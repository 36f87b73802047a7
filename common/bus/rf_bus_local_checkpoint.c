/* The thread that copies the write-ahead log back into the database, so that the writer need not:
 * it commits on meanwhile. Where it cannot keep up, the writer lends a hand (rf_bus_db_watch_wal).
 */
#include "rf_bus_local.h"

#include "rf_log.h"
#include "rf_time.h"

#include <string.h>

static void *checkpoint_main(void *arg)
{
    rf_bus_local *local = arg;
    pthread_mutex_lock(&local->checkpoint_mutex);
    while (!local->checkpoint_stop) {
        if (!local->checkpoint_due) {
            pthread_cond_wait(&local->checkpoint_work, &local->checkpoint_mutex);
            continue;
        }
        local->checkpoint_due = false;
        pthread_mutex_unlock(&local->checkpoint_mutex);
        int err = rf_bus_db_checkpoint(local->checkpointer);
        if (err < 0) { /* the log stays whole, and the writer's next commit tells of the disk */
            RF_LOG_WARN("bus log not copied back", RF_STR("error", strerror(-err)));
        }
        pthread_mutex_lock(&local->checkpoint_mutex);
    }
    pthread_mutex_unlock(&local->checkpoint_mutex);
    return NULL;
}

/* Called by the writer's connection. */
static void wal_is_long(void *user)
{
    rf_bus_local *local = user;
    pthread_mutex_lock(&local->checkpoint_mutex);
    local->checkpoint_due = true;
    pthread_cond_signal(&local->checkpoint_work);
    pthread_mutex_unlock(&local->checkpoint_mutex);
}

int rf_bus_local_checkpoint_start(rf_bus_local *local)
{
    pthread_mutex_init(&local->checkpoint_mutex, NULL);
    rf_cond_init(&local->checkpoint_work);
    rf_bus_db_watch_wal(local->db, wal_is_long, local);
    return -pthread_create(&local->checkpoint_thread, NULL, checkpoint_main, local);
}

void rf_bus_local_checkpoint_stop(rf_bus_local *local)
{
    pthread_mutex_lock(&local->checkpoint_mutex);
    local->checkpoint_stop = true;
    pthread_cond_signal(&local->checkpoint_work);
    pthread_mutex_unlock(&local->checkpoint_mutex);
    pthread_join(local->checkpoint_thread, NULL);
    pthread_cond_destroy(&local->checkpoint_work);
    pthread_mutex_destroy(&local->checkpoint_mutex);
}
