#include "job_workers.h"

#include <pthread.h>
#include <string.h>

#include <uthash.h>

#include "rf_time.h"

typedef struct worker {
    job_pool pool;
    uint32_t free_slots;
    uint32_t per_claim; /* jobs that its claims find, of late */
    int64_t seen_ns;
    UT_hash_handle hh;
    char name[];
} worker;

struct job_workers {
    pthread_mutex_t mutex;
    worker *table; /* in order of arrival */
};

job_workers *job_workers_new(void)
{
    job_workers *w = RF_NEW(job_workers);
    pthread_mutex_init(&w->mutex, NULL);
    return w;
}

static void drop(job_workers *w, worker *one)
{
    HASH_DEL(w->table, one);
    free(one);
}

job_workers *job_workers_free(job_workers *w)
{
    if (w != NULL) {
        while (w->table != NULL) {
            drop(w, w->table);
        }
        pthread_mutex_destroy(&w->mutex);
        free(w);
    }
    return NULL;
}

static worker *find_or_add(job_workers *w, const char *name)
{
    worker *one;
    HASH_FIND_STR(w->table, name, one);
    if (one == NULL) {
        if (HASH_COUNT(w->table) == JOB_WORKERS_MAX) {
            drop(w, w->table);
        }
        size_t len = strlen(name);
        one = rf_alloc(sizeof(*one) + len + 1);
        memcpy(one->name, name, len);
        HASH_ADD_STR(w->table, name, one);
    }
    return one;
}

bool job_workers_set(job_workers *w, const char *name, job_pool pool, uint32_t free_slots)
{
    pthread_mutex_lock(&w->mutex);
    worker *one = find_or_add(w, name);
    bool more = free_slots > one->free_slots;
    one->pool = pool;
    one->free_slots = RF_MIN(free_slots, (uint32_t)JOB_SLOTS_MAX);
    one->seen_ns = rf_time_ns();
    pthread_mutex_unlock(&w->mutex);
    return more;
}

void job_workers_claimed(job_workers *w, const char *name, uint32_t n_jobs)
{
    pthread_mutex_lock(&w->mutex);
    worker *one = find_or_add(w, name);
    one->per_claim = n_jobs == 0 ? one->per_claim : (one->per_claim + n_jobs) / 2;
    pthread_mutex_unlock(&w->mutex);
}

bool job_workers_add(job_workers *w, const char *name, int32_t delta)
{
    pthread_mutex_lock(&w->mutex);
    worker *one;
    HASH_FIND_STR(w->table, name, one);
    if (one != NULL) {
        int64_t slots = (int64_t)one->free_slots + delta;
        one->free_slots = (uint32_t)RF_MAX(0, RF_MIN(slots, JOB_SLOTS_MAX));
        one->seen_ns = rf_time_ns();
    }
    pthread_mutex_unlock(&w->mutex);
    return one != NULL && delta > 0;
}

static uint32_t references_of(const worker *one)
{
    uint32_t most = one->free_slots * JOB_REFERENCES_PER_SLOT;
    return one->per_claim < JOB_CLAIMS_MANY
               ? most
               : RF_MIN(most, RF_MAX(most / one->per_claim, (uint32_t)JOB_REFERENCES_LEAST));
}

uint32_t job_workers_allowed(job_workers *w, job_pool pool)
{
    uint32_t n = 0;
    int64_t oldest_ns = rf_time_ns() - JOB_WORKER_SILENT_MS * RF_NS_PER_MS;
    pthread_mutex_lock(&w->mutex);
    for (worker *one = w->table; one != NULL;) {
        worker *next = one->hh.next;
        if (one->seen_ns < oldest_ns) {
            drop(w, one);
        } else if (one->pool == pool) {
            n += references_of(one);
        }
        one = next;
    }
    pthread_mutex_unlock(&w->mutex);
    return n;
}
