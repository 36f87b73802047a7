#include "job_hear.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "job_events.h"
#include "rf_bus_topics.h"
#include "rf_log.h"
#include "rf_time.h"

#define WAIT_NS (500 * RF_NS_PER_MS) /* and so long a stop may take */

struct job_hear {
    rf_bus *bus;
    rf_bus_sub *sub; /* of the thread; NULL: the subscription was lost */
    job_watch *watch;
    job_cache *cache;
    pthread_t thread;
    pthread_mutex_t mutex; /* of cond, which ends a wait */
    pthread_cond_t cond;
    atomic_bool stopping;
};

static int subscribe(job_hear *h)
{
    static const char *const topics[] = {RF_TOPIC_JOB_EVENTS};
    const rf_bus_sub_config config = {
        .topics = topics, .n_topics = RF_ARRAY_LEN(topics), .start = RF_BUS_LATEST};
    return rf_bus_subscribe(h->bus, &config, &h->sub);
}

static void take(job_hear *h, rf_bus_message *message)
{
    char id[RF_UUID_LEN];
    job_state state;
    if (job_events_read(message, id, &state) == 0) {
        job_cache_advance(h->cache, id, state);
        job_watch_moved(h->watch, id, state);
    }
    rf_bus_message_free(message);
}

/* The subscription is gone, and with it what was told meanwhile. */
static void renew(job_hear *h)
{
    int64_t again_ns = rf_time_ns() + RF_NS_PER_S;
    h->sub = rf_bus_unsubscribe(h->sub);
    if (subscribe(h) == 0) {
        job_watch_shake(h->watch);
        return;
    }
    pthread_mutex_lock(&h->mutex);
    while (!atomic_load(&h->stopping) && rf_time_ns() < again_ns) {
        rf_time_wait_until(&h->cond, &h->mutex, again_ns);
    }
    pthread_mutex_unlock(&h->mutex);
}

static void *hear(void *arg)
{
    job_hear *h = arg;
    while (!atomic_load(&h->stopping)) {
        rf_bus_message *message;
        int err = h->sub != NULL ? rf_bus_next(h->sub, &message, rf_time_ns() + WAIT_NS) : -ESTALE;
        if (err == 0) {
            take(h, message);
        } else if (err != -ETIMEDOUT && err != -EAGAIN) {
            RF_LOG_WARN("events of other replicas are not heard", RF_STR("why", strerror(-err)));
            renew(h);
        }
    }
    return NULL;
}

static void discard(job_hear *h)
{
    rf_bus_unsubscribe(h->sub);
    pthread_cond_destroy(&h->cond);
    pthread_mutex_destroy(&h->mutex);
    free(h);
}

int job_hear_start(rf_bus *bus, job_watch *watch, job_cache *cache, job_hear **ret)
{
    job_hear *h = RF_NEW(job_hear);
    *h = (job_hear){.bus = bus, .watch = watch, .cache = cache};
    pthread_mutex_init(&h->mutex, NULL);
    rf_cond_init(&h->cond);
    int err = subscribe(h);
    err = err == 0 ? -pthread_create(&h->thread, NULL, hear, h) : err;
    if (err < 0) {
        discard(h);
        return err;
    }
    *ret = h;
    return 0;
}

job_hear *job_hear_stop(job_hear *h)
{
    if (h != NULL) {
        pthread_mutex_lock(&h->mutex);
        atomic_store(&h->stopping, true);
        pthread_cond_signal(&h->cond);
        pthread_mutex_unlock(&h->mutex);
        pthread_join(h->thread, NULL);
        discard(h);
    }
    return NULL;
}
