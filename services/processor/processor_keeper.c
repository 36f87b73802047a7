#include "processor_keeper.h"

#include "rf_log.h"
#include "rf_time.h"

#include <string.h>

#define RETRY_NS RF_NS_PER_S
#define PROGRESS_NS RF_NS_PER_S

struct processor_keeper {
    const processor_board *board;
    uint32_t (*free_slots)(void *user);
    void *user;
    pthread_t thread;

    pthread_mutex_t lock; /* guards all below, and every touch of a kept attempt */
    pthread_cond_t changed;
    bool is_stopping;
    int64_t period_ns;
    int64_t next_ns; /* heartbeat */
    int64_t look_ns; /* at the progress, of which the last heartbeat told */
    uint64_t told;
    processor_attempt **kept;
    size_t n_kept;
};

/* ---- the two clocks ---- */

static void stop_late(processor_keeper *k, int64_t now_ns)
{
    for (size_t i = 0; i < k->n_kept; i++) {
        if (k->kept[i]->deadline_ns <= now_ns) {
            processor_attempt_stop(k->kept[i], PROCESSOR_STOP_TIMEOUT);
        }
    }
}

/* Steps and percentages of all attempts in one number. */
static uint64_t progress_of(const processor_keeper *k)
{
    uint64_t sum = 14695981039346656037U; /* FNV-1a, 64 bit */
    for (size_t i = 0; i < k->n_kept; i++) {
        processor_lease_state row;
        processor_attempt_state(k->kept[i], &row);
        for (const char *p = row.step; *p != '\0'; p++) {
            sum = (sum ^ (uint8_t)*p) * 1099511628211U;
        }
        sum = (sum ^ row.percent ^ row.fence << 8) * 1099511628211U;
    }
    return sum;
}

/* Whoever listens to a job hears of its progress within a second, not with the next renewal. */
static void look_at_progress(processor_keeper *k, int64_t now_ns)
{
    if (k->n_kept > 0 && k->look_ns <= now_ns) {
        k->look_ns = now_ns + PROGRESS_NS;
        k->next_ns = progress_of(k) != k->told ? RF_MIN(k->next_ns, now_ns) : k->next_ns;
    }
}

static int64_t next_event_ns(const processor_keeper *k, int64_t now_ns)
{
    int64_t at_ns = k->n_kept > 0 ? RF_MIN(k->next_ns, k->look_ns) : k->next_ns;
    for (size_t i = 0; i < k->n_kept; i++) {
        if (k->kept[i]->deadline_ns > now_ns) {
            at_ns = RF_MIN(at_ns, k->kept[i]->deadline_ns);
        }
    }
    return at_ns;
}

static void take_answer(processor_keeper *k, const processor_lease_state *row, int64_t sent_ns)
{
    for (size_t i = 0; i < k->n_kept; i++) {
        processor_attempt *a = k->kept[i];
        if (a->claim->fence != row->fence || strcmp(a->claim->job_id, row->job_id) != 0) {
            continue;
        }
        if (row->is_lost) {
            processor_attempt_stop(a, PROCESSOR_STOP_LOST);
        } else {
            processor_attempt_renewed(a, sent_ns);
        }
    }
}

/* Called and returns with the lock held; the call itself is made without it. */
static void beat(processor_keeper *k, int64_t now_ns)
{
    size_t n = k->n_kept;
    uint64_t told = progress_of(k);
    processor_lease_state *rows = RF_NEW_ARRAY(processor_lease_state, n);
    for (size_t i = 0; i < n; i++) {
        processor_attempt_state(k->kept[i], &rows[i]);
    }
    pthread_mutex_unlock(&k->lock);
    uint32_t free_slots = k->free_slots == NULL ? 0 : k->free_slots(k->user);
    int err = k->board->heartbeat(k->board->self, rows, n, free_slots);
    pthread_mutex_lock(&k->lock);
    for (size_t i = 0; err == 0 && i < n; i++) {
        take_answer(k, &rows[i], now_ns);
    }
    if (err < 0) {
        RF_LOG_WARN("heartbeat failed", RF_STR("error", strerror(-err)), RF_INT("leases", n));
    }
    k->told = err < 0 ? k->told : told;
    k->next_ns = now_ns + (err < 0 ? RF_MIN(RETRY_NS, k->period_ns) : k->period_ns);
    free(rows);
}

static void *keep(void *user)
{
    processor_keeper *k = user;
    pthread_mutex_lock(&k->lock);
    while (!k->is_stopping) {
        int64_t now_ns = rf_time_ns();
        stop_late(k, now_ns);
        look_at_progress(k, now_ns);
        if (k->next_ns <= now_ns) {
            beat(k, now_ns);
        } else {
            rf_time_wait_until(&k->changed, &k->lock, next_event_ns(k, now_ns));
        }
    }
    pthread_mutex_unlock(&k->lock);
    return NULL;
}

/* ---- life ---- */

processor_keeper *processor_keeper_start(const processor_board *board, int64_t heartbeat_ns,
                                         uint32_t (*free_slots)(void *user), void *user)
{
    processor_keeper *k = RF_NEW(processor_keeper);
    k->board = board;
    k->free_slots = free_slots;
    k->user = user;
    k->period_ns = heartbeat_ns;
    k->next_ns = rf_time_ns();
    pthread_mutex_init(&k->lock, NULL);
    rf_cond_init(&k->changed);
    if (pthread_create(&k->thread, NULL, keep, k) != 0) {
        abort();
    }
    return k;
}

processor_keeper *processor_keeper_stop(processor_keeper *k)
{
    if (k == NULL) {
        return NULL;
    }
    pthread_mutex_lock(&k->lock);
    k->is_stopping = true;
    pthread_cond_broadcast(&k->changed);
    pthread_mutex_unlock(&k->lock);
    pthread_join(k->thread, NULL);
    pthread_cond_destroy(&k->changed);
    pthread_mutex_destroy(&k->lock);
    free(k->kept);
    free(k);
    return NULL;
}

void processor_keeper_add(processor_keeper *k, processor_attempt *a)
{
    pthread_mutex_lock(&k->lock);
    k->kept = rf_grow(k->kept, k->n_kept + 1, sizeof(*k->kept));
    k->kept[k->n_kept++] = a;
    pthread_cond_broadcast(&k->changed);
    pthread_mutex_unlock(&k->lock);
}

void processor_keeper_remove(processor_keeper *k, processor_attempt *a)
{
    pthread_mutex_lock(&k->lock);
    for (size_t i = 0; i < k->n_kept; i++) {
        if (k->kept[i] == a) {
            k->kept[i] = k->kept[--k->n_kept];
            break;
        }
    }
    pthread_mutex_unlock(&k->lock);
}

void processor_keeper_set_period(processor_keeper *k, int64_t heartbeat_ns)
{
    pthread_mutex_lock(&k->lock);
    if (heartbeat_ns > 0 && heartbeat_ns != k->period_ns) {
        k->next_ns = RF_MIN(k->next_ns, rf_time_ns() + heartbeat_ns);
        k->period_ns = heartbeat_ns;
        pthread_cond_broadcast(&k->changed);
    }
    pthread_mutex_unlock(&k->lock);
}

void processor_keeper_poke(processor_keeper *k)
{
    pthread_mutex_lock(&k->lock);
    k->next_ns = RF_MIN(k->next_ns, rf_time_ns());
    pthread_cond_broadcast(&k->changed);
    pthread_mutex_unlock(&k->lock);
}

void processor_keeper_stop_all(processor_keeper *k, processor_stop reason)
{
    pthread_mutex_lock(&k->lock);
    for (size_t i = 0; i < k->n_kept; i++) {
        processor_attempt_stop(k->kept[i], reason);
    }
    pthread_mutex_unlock(&k->lock);
}

size_t processor_keeper_len(processor_keeper *k)
{
    pthread_mutex_lock(&k->lock);
    size_t n = k->n_kept;
    pthread_mutex_unlock(&k->lock);
    return n;
}
