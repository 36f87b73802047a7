#include "rf_outbox_relay.h"

#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#define ROUND 256
#define BACKOFF_MS 100
#define BACKOFF_MAX_MS 30000
#define ACK_WAIT_NS RF_NS_PER_S
#define ACK_WAITS_TOLD 30 /* a line each so many */

struct rf_outbox_relay {
    rf_outbox *outbox;
    rf_bus *bus;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t cond;
    bool woken;
    bool stopping;
};

/* One event on its way: acknowledged or not. */
typedef struct sending {
    rf_outbox_item *item;
    int err;
} sending;

static void delivered(const rf_bus_delivery *delivery, void *user)
{
    sending *s = user;
    s->err = delivery->error.err;
}

static void publish(rf_outbox_relay *r, sending *s)
{
    const rf_outbox_event *e = &s->item->event;
    rf_bus_header id = {RF_BUS_MESSAGE_ID, e->id, strlen(e->id)};
    rf_bus_record record = {.topic = e->target, .key = e->key, .key_len = e->key_len};
    record.key = e->key_len > 0 ? e->key : NULL;
    record.value = e->body;
    record.value_len = e->body_len;
    record.headers = &id;
    record.n_headers = 1;
    s->err = -EINPROGRESS;
    int err = rf_bus_produce(r->bus, &record, delivered, s, rf_time_ns() + ACK_WAIT_NS);
    if (err < 0) {
        s->err = err; /* else delivered has the say, on the bus's thread */
    }
}

static int64_t backoff_ms(unsigned attempts)
{
    int64_t ms = attempts < 9 ? (int64_t)BACKOFF_MS << attempts : BACKOFF_MAX_MS;
    return RF_MIN(ms, (int64_t)BACKOFF_MAX_MS);
}

static void settle(rf_outbox_relay *r, sending *s)
{
    if (s->err == 0) {
        rf_outbox_done(r->outbox, s->item);
        return;
    }
    int64_t due_ms = rf_time_wall_ms() + backoff_ms(s->item->event.attempts);
    RF_LOG_WARN("event not taken by the bus", RF_STR("event", s->item->event.id),
                RF_INT("errno", -s->err), RF_INT("attempt", s->item->event.attempts + 1));
    rf_outbox_retry(r->outbox, s->item, due_ms);
}

static bool is_stopping(rf_outbox_relay *r)
{
    pthread_mutex_lock(&r->mutex);
    bool stopping = r->stopping;
    pthread_mutex_unlock(&r->mutex);
    return stopping;
}

/* Until everything was called back, since the bus holds pointers into what is sent. */
static void wait_acknowledged(rf_outbox_relay *r)
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

/* Every event of a round has another key, since a lane hands out one at a time: what fails is
 * overtaken by nobody. */
static size_t send_round(rf_outbox_relay *r, sending out[ROUND], int64_t *ret_due_ms)
{
    size_t n = 0;
    int64_t now_ms = rf_time_wall_ms();
    int err = 0;
    while (n < ROUND && err == 0) {
        err = rf_outbox_take(r->outbox, RF_OUTBOX_BUS, now_ms, &out[n].item, ret_due_ms);
        if (err == 0) {
            publish(r, &out[n++]);
        }
    }
    if (err < 0 && err != -EAGAIN) {
        *ret_due_ms = now_ms + BACKOFF_MS;
    }
    if (n > 0) {
        wait_acknowledged(r);
    }
    for (size_t i = 0; i < n; i++) {
        settle(r, &out[i]);
    }
    return n;
}

/* The monotonic time of a wall-clock one. */
static int64_t monotonic_of(int64_t due_ms)
{
    int64_t left_ms = due_ms - rf_time_wall_ms();
    return left_ms > RF_NEVER_NS / RF_NS_PER_MS / 2 ? RF_NEVER_NS
                                                    : rf_time_ns() + left_ms * RF_NS_PER_MS;
}

static void *relay_main(void *arg)
{
    rf_outbox_relay *r = arg;
    sending *out = RF_NEW_ARRAY(sending, ROUND);
    pthread_mutex_lock(&r->mutex);
    while (!r->stopping) {
        int64_t due_ms = INT64_MAX;
        r->woken = false;
        pthread_mutex_unlock(&r->mutex);
        size_t n = send_round(r, out, &due_ms);
        int64_t at_ns = n > 0 ? 0 : monotonic_of(due_ms);
        pthread_mutex_lock(&r->mutex);
        while (!r->woken && !r->stopping && rf_time_ns() < at_ns) {
            rf_time_wait_until(&r->cond, &r->mutex, at_ns);
        }
    }
    pthread_mutex_unlock(&r->mutex);
    free(out);
    return NULL;
}

static void wake(void *user)
{
    rf_outbox_relay *r = user;
    pthread_mutex_lock(&r->mutex);
    r->woken = true;
    pthread_cond_signal(&r->cond);
    pthread_mutex_unlock(&r->mutex);
}

static void free_relay(rf_outbox_relay *r)
{
    pthread_cond_destroy(&r->cond);
    pthread_mutex_destroy(&r->mutex);
    free(r);
}

int rf_outbox_relay_start(rf_outbox *o, rf_bus *bus, rf_outbox_relay **ret)
{
    rf_outbox_relay *r = RF_NEW(rf_outbox_relay);
    *r = (rf_outbox_relay){.outbox = o, .bus = bus};
    pthread_mutex_init(&r->mutex, NULL);
    rf_cond_init(&r->cond);
    int err = pthread_create(&r->thread, NULL, relay_main, r);
    if (err != 0) {
        free_relay(r);
        return -err;
    }
    rf_outbox_notify(o, RF_OUTBOX_BUS, wake, r);
    wake(r); /* what came before the listener */
    *ret = r;
    return 0;
}

rf_outbox_relay *rf_outbox_relay_stop(rf_outbox_relay *r)
{
    if (r != NULL) {
        rf_outbox_notify(r->outbox, RF_OUTBOX_BUS, NULL, NULL);
        pthread_mutex_lock(&r->mutex);
        r->stopping = true;
        pthread_cond_signal(&r->cond);
        pthread_mutex_unlock(&r->mutex);
        pthread_join(r->thread, NULL);
        free_relay(r);
    }
    return NULL;
}
