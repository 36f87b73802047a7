#include "processor_hints.h"

#include "processor_events.h"
#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#define AGAIN_NS RF_NS_PER_S

typedef enum hint_state { HINT, UNSENT, ON_ITS_WAY, HANDLED } hint_state;

typedef struct taken {
    rf_bus_message *message;
    hint_state state;
    char job_id[RF_UUID_LEN]; /* of a hint */
} taken;

struct processor_hints {
    rf_bus *bus;
    pthread_mutex_t mutex; /* guards what follows */
    unsigned n_refs;       /* the worker, and letters on their way */
    void (*wake)(void *user);
    void *user;
    taken items[PROCESSOR_HINTS_MAX];
    size_t n;
    uint64_t first;   /* number of items[0]; all ever taken are counted */
    int64_t again_ns; /* no letter is sent before */
    bool was_refused; /* the last letter */
};

/* A letter on its way. What became of its message meanwhile its number tells. */
typedef struct letter {
    processor_hints *hints;
    uint64_t number;
} letter;

/* ---- life; the mutex is held ---- */

static void unref_unlock(processor_hints *h)
{
    bool is_last = --h->n_refs == 0;
    pthread_mutex_unlock(&h->mutex);
    if (is_last) {
        pthread_mutex_destroy(&h->mutex);
        free(h);
    }
}

static void forget(processor_hints *h, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        rf_bus_message_free(h->items[i].message);
    }
    h->n -= n;
    h->first += n;
    memmove(h->items, h->items + n, h->n * sizeof(taken));
}

processor_hints *processor_hints_new(rf_bus *bus, void (*wake)(void *user), void *user)
{
    processor_hints *h = RF_NEW(processor_hints);
    h->bus = bus;
    h->wake = wake;
    h->user = user;
    h->n_refs = 1;
    pthread_mutex_init(&h->mutex, NULL);
    return h;
}

processor_hints *processor_hints_free(processor_hints *h)
{
    if (h != NULL) {
        pthread_mutex_lock(&h->mutex);
        forget(h, h->n);
        h->wake = NULL;
        unref_unlock(h);
    }
    return NULL;
}

void processor_hints_drop(processor_hints *h)
{
    pthread_mutex_lock(&h->mutex);
    forget(h, h->n);
    pthread_mutex_unlock(&h->mutex);
}

/* ---- dead letters ---- */

/* The outcome of a letter; the mutex is held. */
static void settle(processor_hints *h, uint64_t number, int err)
{
    bool is_there = number >= h->first && number - h->first < h->n;
    if (is_there) {
        h->items[number - h->first].state = err == 0 ? HANDLED : UNSENT;
    }
    if (err < 0) {
        h->again_ns = rf_time_ns() + AGAIN_NS;
    }
    if (err < 0 && !h->was_refused) {
        RF_LOG_WARN("dead letter refused, its record is not committed",
                    RF_STR("error", strerror(-err)));
    }
    h->was_refused = err < 0;
}

static void delivered(const rf_bus_delivery *delivery, void *user)
{
    letter *l = user;
    processor_hints *h = l->hints;
    pthread_mutex_lock(&h->mutex);
    settle(h, l->number, delivery->error.err);
    if (h->wake != NULL && delivery->error.err == 0) {
        h->wake(h->user);
    }
    free(l);
    unref_unlock(h);
}

/* Produces the letter of one message; the mutex is held. */
static int send_letter(processor_hints *h, size_t index)
{
    letter *l = RF_NEW(letter);
    *l = (letter){h, h->first + index};
    h->items[index].state = ON_ITS_WAY;
    h->n_refs++;
    int err = processor_events_dead_letter(h->bus, h->items[index].message, "not a JobReady",
                                           delivered, l);
    if (err < 0) {
        h->n_refs--;
        settle(h, l->number, err);
        free(l);
    }
    return err;
}

static void send_all(processor_hints *h)
{
    int err = rf_time_ns() < h->again_ns ? -EAGAIN : 0;
    for (size_t i = 0; err == 0 && i < h->n; i++) {
        err = h->items[i].state == UNSENT ? send_letter(h, i) : 0;
    }
}

/* ---- taking ---- */

static void add(processor_hints *h, rf_bus_message *m)
{
    taken *t = &h->items[h->n++];
    *t = (taken){.message = m, .state = UNSENT};
    if (processor_events_ready(m, t->job_id) == 0) {
        t->state = HINT;
        return;
    }
    RF_LOG_WARN("unreadable message", RF_STR("topic", m->topic), RF_INT("partition", m->partition),
                RF_INT("offset", m->offset));
}

static bool keep(processor_hints *h, rf_bus_message *m)
{
    pthread_mutex_lock(&h->mutex);
    bool has_room = h->n < PROCESSOR_HINTS_MAX;
    if (has_room) {
        add(h, m);
    }
    pthread_mutex_unlock(&h->mutex);
    return has_room;
}

int processor_hints_take(processor_hints *h, rf_bus_sub *sub)
{
    int err = 0;
    rf_bus_message *m = NULL;
    while (err == 0 && (err = rf_bus_next(sub, &m, 0)) == 0) {
        if (!keep(h, m)) {
            rf_bus_message_free(m);
            err = -ESTALE;
        } else if (processor_hints_full(h)) {
            err = -EAGAIN;
        }
    }
    pthread_mutex_lock(&h->mutex);
    send_all(h);
    pthread_mutex_unlock(&h->mutex);
    return err;
}

bool processor_hints_full(processor_hints *h)
{
    pthread_mutex_lock(&h->mutex);
    bool is_full = h->n == PROCESSOR_HINTS_MAX;
    pthread_mutex_unlock(&h->mutex);
    return is_full;
}

/* ---- claiming, committing ---- */

size_t processor_hints_ids(processor_hints *h, const char *ids[PROCESSOR_HINTS_MAX])
{
    size_t n = 0;
    pthread_mutex_lock(&h->mutex);
    for (size_t i = 0; i < h->n; i++) {
        if (h->items[i].state == HINT) {
            ids[n++] = h->items[i].job_id;
        }
    }
    pthread_mutex_unlock(&h->mutex);
    return n;
}

void processor_hints_claimed(processor_hints *h)
{
    pthread_mutex_lock(&h->mutex);
    for (size_t i = 0; i < h->n; i++) {
        h->items[i].state = h->items[i].state == HINT ? HANDLED : h->items[i].state;
    }
    pthread_mutex_unlock(&h->mutex);
}

void processor_hints_commit(processor_hints *h, rf_bus_sub *sub)
{
    size_t n = 0;
    pthread_mutex_lock(&h->mutex);
    while (n < h->n && h->items[n].state == HANDLED) {
        rf_bus_commit(sub, h->items[n++].message);
    }
    forget(h, n);
    send_all(h);
    pthread_mutex_unlock(&h->mutex);
}
