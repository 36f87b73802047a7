#include "job_relay.h"

#include <pthread.h>

#include "job_events.h"
#include "rf_log.h"
#include "rf_time.h"

#define PERIOD_MS 100
#define REPUBLISH_MS 60000
#define BACKOFF_MS 100
#define ACK_WAIT_NS RF_NS_PER_S
#define ACK_WAITS_TOLD 30 /* a line each so many */

struct job_relay {
    job_store *store;
    job_workers *workers;
    rf_bus *bus;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t cond;
    bool woken;
    bool stopping;
};

/* One row on its way: acknowledged or not. */
typedef struct sending {
    const job_outbox_row *row;
    int err;
} sending;

static void delivered(const rf_bus_delivery *delivery, void *user)
{
    sending *s = user;
    s->err = delivery->error.err;
}

typedef int (*publish_fn)(rf_bus *bus, const job_outbox_row *row, rf_bus_delivery_fn fn,
                          void *user);

static void publish(job_relay *r, publish_fn fn, const job_outbox_row *rows, size_t n, sending *out)
{
    for (size_t i = 0; i < n; i++) {
        out[i].row = &rows[i];
        int err = fn(r->bus, &rows[i], delivered, &out[i]);
        if (err < 0) {
            out[i].err = err;
        }
    }
}

/* The rows that were acknowledged. */
static size_t keep_acknowledged(const sending *sent, size_t n, job_outbox_row *rows)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (sent[i].err == 0) {
            rows[kept++] = *sent[i].row;
        }
    }
    return kept;
}

/* The mark waits for nobody: a row read again before it is marked is published twice at worst. */
static int mark(job_relay *r, job_op_outbox_next *next, const sending *ready, const sending *events)
{
    job_op_outbox_mark *op = JOB_OP_NEW(JOB_OP_OUTBOX_MARK, job_op_outbox_mark, NULL, NULL);
    job_arena *arena = &op->op.arena;
    job_outbox_row *ready_rows = job_arena_array(arena, next->n_ready, sizeof(job_outbox_row));
    job_outbox_row *event_rows = job_arena_array(arena, next->n_events, sizeof(job_outbox_row));
    op->n_ready = keep_acknowledged(ready, next->n_ready, ready_rows);
    op->n_events = keep_acknowledged(events, next->n_events, event_rows);
    op->ready = ready_rows;
    op->events = event_rows;
    bool all = op->n_ready == next->n_ready && op->n_events == next->n_events;
    int err = op->n_ready + op->n_events > 0 ? job_store_run(r->store, &op->op) : 0;
    job_op_free(&op->op);
    return err < 0 ? err : all ? 0 : -1;
}

static bool is_stopping(job_relay *r)
{
    pthread_mutex_lock(&r->mutex);
    bool stopping = r->stopping;
    pthread_mutex_unlock(&r->mutex);
    return stopping;
}

/* Until everything was called back, since the bus holds pointers into what the caller frees. */
static void wait_acknowledged(job_relay *r)
{
    for (int n = 1; rf_bus_flush(r->bus, rf_time_ns() + ACK_WAIT_NS) < 0; n++) {
        if (n % ACK_WAITS_TOLD == 0) {
            RF_LOG_WARN("bus does not acknowledge");
        }
        if (is_stopping(r)) {
            rf_bus_abandon(r->bus);
        }
    }
}

static int send_all(job_relay *r, job_op_outbox_next *next)
{
    sending *ready = RF_NEW_ARRAY(sending, next->n_ready + 1);
    sending *events = RF_NEW_ARRAY(sending, next->n_events + 1);
    publish(r, job_events_ready, next->ready, next->n_ready, ready);
    publish(r, job_events_changed, next->events, next->n_events, events);
    wait_acknowledged(r);
    int err = mark(r, next, ready, events);
    free(ready);
    free(events);
    return err;
}

/* One round. Returns when the next one is due at the latest (monotonic). */
static int64_t round_of(job_relay *r)
{
    job_op_outbox_next *next = JOB_OP_NEW(JOB_OP_OUTBOX_NEXT, job_op_outbox_next, NULL, NULL);
    next->republish_ms = REPUBLISH_MS;
    for (int pool = 0; pool < JOB_N_POOLS; pool++) {
        next->allowed[pool] = job_workers_allowed(r->workers, (job_pool)pool);
    }
    int err = job_store_run(r->store, &next->op);
    if (err == 0 && next->n_ready + next->n_events > 0) {
        err = send_all(r, next);
    }
    bool more = next->more;
    job_op_free(&next->op);
    return err != 0 ? rf_time_ns() + BACKOFF_MS * RF_NS_PER_MS
           : more   ? rf_time_ns()
                    : rf_time_ns() + PERIOD_MS * RF_NS_PER_MS;
}

static void *relay_main(void *arg)
{
    job_relay *r = arg;
    pthread_mutex_lock(&r->mutex);
    while (!r->stopping) {
        r->woken = false;
        pthread_mutex_unlock(&r->mutex);
        int64_t at_ns = round_of(r);
        pthread_mutex_lock(&r->mutex);
        while (!r->woken && !r->stopping && rf_time_ns() < at_ns) {
            rf_time_wait_until(&r->cond, &r->mutex, at_ns);
        }
    }
    pthread_mutex_unlock(&r->mutex);
    return NULL;
}

int job_relay_start(job_store *store, job_workers *workers, rf_bus *bus, job_relay **ret)
{
    job_relay *r = RF_NEW(job_relay);
    r->store = store;
    r->workers = workers;
    r->bus = bus;
    pthread_mutex_init(&r->mutex, NULL);
    rf_cond_init(&r->cond);
    int err = pthread_create(&r->thread, NULL, relay_main, r);
    if (err != 0) {
        pthread_cond_destroy(&r->cond);
        pthread_mutex_destroy(&r->mutex);
        free(r);
        return -err;
    }
    *ret = r;
    return 0;
}

job_relay *job_relay_stop(job_relay *r)
{
    if (r != NULL) {
        pthread_mutex_lock(&r->mutex);
        r->stopping = true;
        pthread_cond_signal(&r->cond);
        pthread_mutex_unlock(&r->mutex);
        pthread_join(r->thread, NULL);
        pthread_cond_destroy(&r->cond);
        pthread_mutex_destroy(&r->mutex);
        free(r);
    }
    return NULL;
}

void job_relay_wake(job_relay *r)
{
    if (r != NULL) {
        pthread_mutex_lock(&r->mutex);
        r->woken = true;
        pthread_cond_signal(&r->cond);
        pthread_mutex_unlock(&r->mutex);
    }
}
