/* One address of a channel: dialing, back-off, its connection.
 *
 *     dialing ──ok──> connected ──magic──> ready
 *        ^ └─error─┐      └────── lost ──────┤
 *        └─ pausing <────────────────────────┘      removed: no more dials, destroyed when idle
 */
#include "rf_rpc_internal.h"

#include "rf_id.h"

#include <stdio.h>
#include <string.h>

#define BACKOFF_FIRST_NS (10 * RF_NS_PER_MS)
#define BACKOFF_MAX_NS RF_NS_PER_S

static void ep_ref(rf_rpc_endpoint *ep)
{
    (void)__atomic_add_fetch(&ep->refs, 1, __ATOMIC_RELAXED);
}

static void ep_unref(rf_rpc_endpoint *ep)
{
    if (__atomic_sub_fetch(&ep->refs, 1, __ATOMIC_ACQ_REL) == 0) {
        rf_rpc_task_post(&ep->destroy);
    }
}

static void ep_destroy(void *user)
{
    rf_rpc_endpoint *ep = (rf_rpc_endpoint *)user;
    rf_rpc_hub *hub = ep->hub;
    (void)rf_rpc_dialer_free(ep->dialer);
    rf_rpc_hub_lock(hub);
    ep->channel->n_endpoints--;
    (void)pthread_cond_broadcast(&hub->changed);
    rf_rpc_hub_unlock(hub);
    free(ep->url);
    free(ep);
    rf_rpc_hub_unref(hub);
}

/* Dials after a pause of half to the whole back-off. */
static void pause_and_dial(rf_rpc_endpoint *ep)
{
    if (ep->removed) {
        return;
    }
    int64_t half = ep->backoff_ns / 2;
    int64_t pause = half + (int64_t)rf_random_u64((uint64_t)half);
    ep->backoff_ns = RF_MIN(ep->backoff_ns * 2, BACKOFF_MAX_NS);
    if (rf_rpc_timer_set(&ep->timer, rf_time_ns() + pause) > 0) {
        ep_ref(ep);
    }
}

/* The timer's reference becomes the dial's. */
static void dial(void *user)
{
    rf_rpc_endpoint *ep = (rf_rpc_endpoint *)user;
    rf_rpc_hub_lock(ep->hub);
    bool removed = ep->removed;
    rf_rpc_hub_unlock(ep->hub);
    if (removed) {
        ep_unref(ep);
        return;
    }
    rf_rpc_dialer_dial(ep->dialer);
}

/* ---- the connection's side ---- */

static void side_ready(rf_rpc_conn *conn)
{
    rf_rpc_endpoint *ep = (rf_rpc_endpoint *)conn->owner;
    ep->ready = true;
    ep->backoff_ns = BACKOFF_FIRST_NS;
    rf_rpc_place_waiting_locked(ep->channel);
    (void)pthread_cond_broadcast(&ep->hub->changed);
}

/* The peer drains: its calls end there, new ones go to a new connection. */
static void side_goaway(rf_rpc_conn *conn)
{
    rf_rpc_endpoint *ep = (rf_rpc_endpoint *)conn->owner;
    if (ep->conn == conn) {
        ep->conn = NULL;
        ep->ready = false;
        rf_rpc_conn_unref(conn);
        pause_and_dial(ep);
        rf_rpc_targets_refresh_locked(ep->channel);
    }
}

static void side_closed(rf_rpc_conn *conn)
{
    rf_rpc_endpoint *ep = (rf_rpc_endpoint *)conn->owner;
    if (ep->conn == conn) {
        (void)snprintf(ep->channel->last_error, sizeof(ep->channel->last_error), "%.80s: %.40s",
                       ep->url, conn->reason);
        ep->conn = NULL;
        ep->ready = false;
        rf_rpc_conn_unref(conn);
        pause_and_dial(ep);
    }
}

static void side_destroyed(rf_rpc_conn *conn)
{
    ep_unref((rf_rpc_endpoint *)conn->owner);
}

static const rf_rpc_side client_side = {
    .goaway = side_goaway,
    .ready = side_ready,
    .closed = side_closed,
    .destroyed = side_destroyed,
};

static void on_connected(rf_rpc_endpoint *ep, rf_rpc_net *net)
{
    rf_rpc_conn *conn = rf_rpc_conn_new(ep->hub, &client_side, ep, net, false);
    ep_ref(ep); /* the connection's */
    rf_rpc_hub_lock(ep->hub);
    bool removed = ep->removed;
    if (removed) {
        rf_rpc_conn_unref(conn);
    } else {
        ep->conn = conn;
        rf_rpc_conn_ref(conn);
    }
    rf_rpc_hub_unlock(ep->hub);
    if (!removed) {
        rf_rpc_conn_open(conn);
        rf_rpc_conn_unref(conn);
    }
}

static void on_refused(rf_rpc_endpoint *ep, int err)
{
    rf_rpc_hub_lock(ep->hub);
    (void)snprintf(ep->channel->last_error, sizeof(ep->channel->last_error), "%.80s: %.40s",
                   ep->url, strerror(-err));
    pause_and_dial(ep);
    rf_rpc_targets_refresh_locked(ep->channel);
    rf_rpc_hub_unlock(ep->hub);
}

static void on_dialed(void *user, rf_rpc_net *net, int err)
{
    rf_rpc_endpoint *ep = (rf_rpc_endpoint *)user;
    if (net != NULL) {
        on_connected(ep, net);
    } else {
        on_refused(ep, err);
    }
    ep_unref(ep); /* the dial's */
}

/* ---- life ---- */

rf_rpc_endpoint *rf_rpc_endpoint_new_locked(rf_rpc_channel *channel, const char *url,
                                            const rf_rpc_cert *cert)
{
    rf_rpc_endpoint *ep = RF_NEW(rf_rpc_endpoint);
    *ep = (rf_rpc_endpoint){
        .channel = channel,
        .hub = channel->hub,
        .url = rf_strdup(url),
        .refs = 2, /* the list, the first dial */
        .seen = true,
        .backoff_ns = BACKOFF_FIRST_NS,
        .timer = {.fn = dial, .user = ep},
        .destroy = {.fn = ep_destroy, .user = ep},
    };
    if (rf_rpc_dialer_new(url, cert, on_dialed, ep, &ep->dialer) != 0) {
        free(ep->url);
        free(ep);
        return NULL;
    }
    rf_rpc_hub_ref(ep->hub);
    channel->n_endpoints++;
    (void)rf_rpc_timer_set(&ep->timer, 0); /* dials on the timer thread, outside of the lock */
    return ep;
}

void rf_rpc_endpoint_remove_locked(rf_rpc_endpoint *ep, bool now)
{
    ep->removed = true;
    ep->ready = false;
    if (rf_rpc_timer_set(&ep->timer, RF_NEVER_NS) < 0) {
        ep_unref(ep);
    }
    rf_rpc_conn *conn = RF_STEAL(ep->conn);
    if (conn != NULL) {
        conn->peer_going = true; /* closes with its last call */
        if (now || conn->n_calls == 0) {
            rf_rpc_conn_close_locked(conn, "the channel is closed");
        }
        rf_rpc_conn_unref(conn);
    }
    ep_unref(ep);
}
