#include "gateway_wait.h"

#include "rf_time.h"

#define LOOK_NS (5 * RF_NS_PER_S) /* whether the gateway drains */

typedef struct waiting {
    gateway_exchange *ex;
    gateway_reply_fn fn;
    rf_timer *timer;
} waiting;

static void gone(gateway_exchange *ex)
{
    waiting *w = ex->task;
    ex->task = NULL;
    rf_timer_free(w->timer);
    free(w);
}

static const gateway_exchange_ops wait_ops = {.gone = gone};

static void on_reply(gateway_exchange *ex, gateway_reply *reply)
{
    atomic_fetch_sub(&ex->gw->waiters, 1); /* whether or not the client is still there */
    if (ex->conn != NULL) {
        ((waiting *)ex->task)->fn(ex, reply);
    }
}

static void on_look(void *user)
{
    waiting *w = user;
    if (w->ex->loop->draining) {
        gateway_rpc_get_status(w->ex, 0, w->fn);
    } else {
        rf_timer_set(w->timer, rf_time_ns() + LOOK_NS);
    }
}

/* Whether one more may wait; counted then. */
static bool admit(gateway *gw)
{
    if (atomic_fetch_add(&gw->waiters, 1) < gw->config.waiters_max) {
        return true;
    }
    atomic_fetch_sub(&gw->waiters, 1);
    return false;
}

void gateway_wait(gateway_exchange *ex, uint32_t seconds, gateway_reply_fn fn)
{
    if (seconds == 0 || !admit(ex->gw)) {
        gateway_rpc_get_status(ex, 0, fn);
        return;
    }
    waiting *w = RF_NEW(waiting);
    w->ex = ex;
    w->fn = fn;
    w->timer = rf_timer_new(ex->loop->loop, on_look, w);
    rf_timer_set(w->timer, rf_time_ns() + LOOK_NS);
    ex->task = w;
    ex->ops = &wait_ops;
    gateway_rpc_get_status(ex, seconds * 1000, on_reply);
}
