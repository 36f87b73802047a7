#include "jam_admission.h"

#include "rf_time.h"

#include <errno.h>
#include <string.h>

#define RETRY_STEP_MS 1000 /* for each place in the queue */
#define LOAD_MIN 1e-6      /* of a session, so that the division has a meaning */

typedef struct waiter {
    const void *who;
    const jam_engine_entry *engine;
    int64_t until_ns;
} waiter;

struct jam_admission {
    jam_engines *engines;
    jam_admission_limits limits;
    size_t n_sessions;
    waiter *queue; /* in order of arrival */
    size_t n_queue;
};

jam_admission *jam_admission_new(jam_engines *engines, const jam_admission_limits *limits)
{
    jam_admission *a = RF_NEW(jam_admission);
    a->engines = engines;
    a->limits = *limits;
    a->queue = RF_NEW_ARRAY(waiter, RF_MAX(limits->max_queue, (size_t)1));
    return a;
}

jam_admission *jam_admission_free(jam_admission *a)
{
    if (a != NULL) {
        free(a->queue);
        free(a);
    }
    return NULL;
}

double jam_admission_load(const jam_admission *a)
{
    double load = 0.0;
    for (size_t i = 0; i < a->engines->n; i++) {
        const jam_engine_entry *e = &a->engines->entries[i];
        load += (double)e->n_used * e->ratio;
    }
    return load;
}

size_t jam_admission_free_places(const jam_admission *a, const jam_engine_entry *engine)
{
    size_t max = engine->engine->max_sessions;
    size_t of_engine = max > engine->n_used ? max - engine->n_used : 0;
    size_t of_all = a->limits.max_sessions - RF_MIN(a->n_sessions, a->limits.max_sessions);
    double left = a->limits.max_load - jam_admission_load(a);
    double of_load = left <= 0.0 ? 0.0 : left / RF_MAX(engine->ratio, LOAD_MIN);
    size_t n = RF_MIN(of_engine, of_all);
    return of_load < (double)n ? (size_t)of_load : n;
}

/* ---- the queue ---- */

static void remove_at(jam_admission *a, size_t i)
{
    a->n_queue--;
    memmove(&a->queue[i], &a->queue[i + 1], (a->n_queue - i) * sizeof(waiter));
}

static void expire(jam_admission *a, int64_t now_ns)
{
    for (size_t i = a->n_queue; i > 0; i--) {
        if (a->queue[i - 1].until_ns <= now_ns) {
            remove_at(a, i - 1);
        }
    }
}

void jam_admission_forget(jam_admission *a, const void *who)
{
    for (size_t i = a->n_queue; i > 0; i--) {
        if (a->queue[i - 1].who == who) {
            remove_at(a, i - 1);
        }
    }
}

size_t jam_admission_queued(jam_admission *a, const jam_engine_entry *engine, int64_t now_ns)
{
    size_t n = 0;
    expire(a, now_ns);
    for (size_t i = 0; i < a->n_queue; i++) {
        n += a->queue[i].engine == engine;
    }
    return n;
}

/* Where the waiter stands in the queue, and how many stand before it for the same engine. A
 * newcomer stands at the end. */
static size_t find(const jam_admission *a, const jam_engine_entry *engine, const void *who,
                   size_t *ret_before)
{
    size_t i = 0;
    *ret_before = 0;
    for (; i < a->n_queue && a->queue[i].who != who; i++) {
        *ret_before += a->queue[i].engine == engine;
    }
    return i;
}

static void refuse(jam_admission *a, const waiter *w, size_t at, size_t n_before, int64_t now_ns,
                   jam_refusal *ret)
{
    if (at == a->limits.max_queue) {
        *ret = (jam_refusal){.retry_after_ms = JAM_RETRY_MAX_MS};
        return;
    }
    size_t wait_ms = RF_MIN((n_before + 1) * RETRY_STEP_MS, (size_t)JAM_RETRY_MAX_MS);
    a->n_queue = RF_MAX(a->n_queue, at + 1);
    a->queue[at] = *w;
    a->queue[at].until_ns = now_ns + ((int64_t)wait_ms + JAM_HOLD_MS) * RF_NS_PER_MS;
    *ret =
        (jam_refusal){.retry_after_ms = (uint32_t)wait_ms, .queue_place = (uint32_t)n_before + 1};
}

int jam_admission_ask(jam_admission *a, jam_engine_entry *engine, const void *who, int64_t now_ns,
                      jam_refusal *ret)
{
    size_t n_before;
    expire(a, now_ns);
    size_t at = find(a, engine, who, &n_before);
    if (jam_admission_free_places(a, engine) <= n_before) {
        const waiter w = {.who = who, .engine = engine};
        refuse(a, &w, at, n_before, now_ns, ret);
        return -EBUSY;
    }
    if (at < a->n_queue) {
        remove_at(a, at);
    }
    engine->n_used++;
    a->n_sessions++;
    return 0;
}

void jam_admission_give(jam_admission *a, jam_engine_entry *engine)
{
    engine->n_used--;
    a->n_sessions--;
}
