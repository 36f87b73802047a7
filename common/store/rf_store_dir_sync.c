#include "rf_store_dir.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

/* Objects of many clients land in a few directories. The first to come syncs a directory; those who
 * come while it does wait for its end, and then one of them syncs for all of them. */
typedef struct waiter {
    dev_t dev;
    ino_t ino;
    int fd;
    int err;
    bool done;
    struct waiter *next;
} waiter;

struct rf_store_sync {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    waiter *waiting; /* guarded by mutex */
    bool busy;       /* somebody syncs */
};

rf_store_sync *rf_store_sync_new(void)
{
    rf_store_sync *s = RF_NEW(rf_store_sync);
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->changed, NULL);
    return s;
}

rf_store_sync *rf_store_sync_free(rf_store_sync *s)
{
    if (s != NULL) {
        pthread_cond_destroy(&s->changed);
        pthread_mutex_destroy(&s->mutex);
        free(s);
    }
    return NULL;
}

static bool same_dir(const waiter *a, const waiter *b)
{
    return a->dev == b->dev && a->ino == b->ino;
}

/* Moves everyone who waits for the directory of self to a list of their own. With the lock. */
static waiter *take_same(rf_store_sync *s, const waiter *self)
{
    waiter *taken = NULL;
    for (waiter **p = &s->waiting; *p != NULL;) {
        waiter *w = *p;
        if (same_dir(w, self)) {
            *p = w->next;
            w->next = taken;
            taken = w;
        } else {
            p = &w->next;
        }
    }
    return taken;
}

/* Syncs for self and all who wait for the same directory. With the lock, given up meanwhile. */
static void lead(rf_store_sync *s, waiter *self)
{
    waiter *group = take_same(s, self);
    s->busy = true;
    pthread_mutex_unlock(&s->mutex);
    int err = fsync(self->fd) < 0 ? -errno : 0;
    pthread_mutex_lock(&s->mutex);
    s->busy = false;
    while (group != NULL) {
        waiter *w = group;
        group = w->next;
        w->err = err;
        w->done = true;
    }
    pthread_cond_broadcast(&s->changed);
}

int rf_store_sync_dir(rf_store_sync *s, int dir_fd)
{
    struct stat st;
    if (fstat(dir_fd, &st) < 0) {
        return -errno;
    }
    waiter self = {.dev = st.st_dev, .ino = st.st_ino, .fd = dir_fd};
    pthread_mutex_lock(&s->mutex);
    self.next = s->waiting;
    s->waiting = &self;
    while (!self.done) {
        if (s->busy) {
            pthread_cond_wait(&s->changed, &s->mutex);
        } else {
            lead(s, &self);
        }
    }
    pthread_mutex_unlock(&s->mutex);
    return self.err;
}
