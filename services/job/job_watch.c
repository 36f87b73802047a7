#include "job_watch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <utlist.h>

#define N_SLOTS 16384 /* a power of two, about as many as a gateway has waiters */

/* The watchers of all jobs whose id has one hash. */
typedef struct slot {
    job_watcher *first;
    atomic_uint n; /* read by any thread */
} slot;

struct job_watch {
    rf_loop *loop;
    pthread_t thread;
    slot *slots;
    atomic_size_t n;
    bool draining; /* of the loop */
};

typedef struct notice {
    job_watch *watch;
    char id[RF_UUID_LEN];
    job_state state;
} notice;

/* FNV-1a: ids are random, so that any spread does. */
static slot *slot_of(job_watch *w, const char *id)
{
    uint32_t h = 2166136261u;
    for (const char *p = id; *p != '\0'; p++) {
        h = (h ^ (uint8_t)*p) * 16777619u;
    }
    return &w->slots[h % N_SLOTS];
}

rf_loop *job_watch_loop(job_watch *w)
{
    return w->loop;
}

size_t job_watch_count(job_watch *w)
{
    return atomic_load(&w->n);
}

/* ---- watchers: the loop ---- */

static void stop_one(job_watcher *watcher)
{
    watcher->ops->stop(watcher);
}

void job_watch_add(job_watch *w, job_watcher *watcher)
{
    slot *s = slot_of(w, watcher->id);
    DL_APPEND(s->first, watcher);
    atomic_fetch_add(&s->n, 1);
    atomic_fetch_add(&w->n, 1);
    if (w->draining) {
        stop_one(watcher);
    }
}

void job_watch_remove(job_watch *w, job_watcher *watcher)
{
    slot *s = slot_of(w, watcher->id);
    DL_DELETE(s->first, watcher);
    atomic_fetch_sub(&s->n, 1);
    atomic_fetch_sub(&w->n, 1);
}

static void deliver(void *user)
{
    notice *n = user;
    job_watcher *watcher;
    job_watcher *next;
    DL_FOREACH_SAFE(slot_of(n->watch, n->id)->first, watcher, next)
    {
        if (strcmp(watcher->id, n->id) == 0) {
            watcher->ops->moved(watcher, n->state);
        }
    }
    free(n);
}

void job_watch_moved(job_watch *w, const char *id, job_state state)
{
    if (atomic_load(&slot_of(w, id)->n) > 0) {
        notice *n = RF_NEW(notice);
        *n = (notice){.watch = w, .state = state};
        rf_copy_str(n->id, sizeof(n->id), id);
        rf_loop_post(w->loop, deliver, n);
    }
}

/* ---- life ---- */

static void stop_all(void *user)
{
    job_watch *w = user;
    for (size_t i = 0; i < N_SLOTS; i++) {
        job_watcher *watcher;
        job_watcher *next;
        DL_FOREACH_SAFE(w->slots[i].first, watcher, next)
        {
            stop_one(watcher);
        }
    }
}

static void drain(void *user)
{
    job_watch *w = user;
    w->draining = true;
    stop_all(w);
}

void job_watch_shake(job_watch *w)
{
    rf_loop_post(w->loop, stop_all, w);
}

void job_watch_drain(job_watch *w)
{
    rf_loop_post(w->loop, drain, w);
}

static void *run(void *arg)
{
    job_watch *w = arg;
    (void)rf_loop_run(w->loop);
    return NULL;
}

int job_watch_start(job_watch **ret)
{
    job_watch *w = RF_NEW(job_watch);
    w->loop = rf_loop_new();
    w->slots = RF_NEW_ARRAY(slot, N_SLOTS);
    int err = pthread_create(&w->thread, NULL, run, w);
    if (err != 0) {
        rf_loop_free(w->loop);
        free(w->slots);
        free(w);
        return -err;
    }
    *ret = w;
    return 0;
}

job_watch *job_watch_stop(job_watch *w)
{
    if (w != NULL) {
        job_watch_drain(w);
        rf_loop_stop(w->loop);
        pthread_join(w->thread, NULL);
        rf_loop_settle(w->loop); /* what was posted, and what that has posted */
        rf_loop_settle(w->loop);
        rf_loop_free(w->loop);
        free(w->slots);
        free(w);
    }
    return NULL;
}
