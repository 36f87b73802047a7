#include "rf_rpc_internal.h"

#include "rf_time.h"

#include <string.h>

#define MAX_SPARE 1024                  /* calls kept for use again */
#define SCAN_STEP_NS (2 * RF_NS_PER_MS) /* deadlines are kept to this, and scans this far apart */

static void hub_scan(void *user);

rf_rpc_hub *rf_rpc_hub_new(const rf_rpc_limits *limits)
{
    rf_rpc_hub *hub = RF_NEW(rf_rpc_hub);
    rf_rpc_metric_init();
    (void)pthread_mutex_init(&hub->mutex, NULL);
    rf_cond_init(&hub->changed);
    hub->refs = 1;
    hub->limits = *limits;
    hub->calls.next = hub->calls.prev = &hub->calls;
    hub->conns.next = hub->conns.prev = &hub->conns;
    hub->scan_ns = RF_NEVER_NS;
    hub->timer.fn = hub_scan;
    hub->timer.user = hub;
    hub->posted_last = &hub->posted;
    return hub;
}

void rf_rpc_hub_ref(rf_rpc_hub *hub)
{
    (void)__atomic_add_fetch(&hub->refs, 1, __ATOMIC_RELAXED);
}

void rf_rpc_hub_unref(rf_rpc_hub *hub)
{
    if (__atomic_sub_fetch(&hub->refs, 1, __ATOMIC_ACQ_REL) > 0) {
        return;
    }
    while (hub->spare != NULL) {
        rf_rpc_call *call = hub->spare;
        hub->spare = call->bucket_next;
        free(call);
    }
    (void)pthread_cond_destroy(&hub->changed);
    (void)pthread_mutex_destroy(&hub->mutex);
    free(hub);
}

void rf_rpc_hub_lock(rf_rpc_hub *hub)
{
    (void)pthread_mutex_lock(&hub->mutex);
}

void rf_rpc_hub_unlock(rf_rpc_hub *hub)
{
    (void)pthread_mutex_unlock(&hub->mutex);
}

void rf_rpc_hub_watch_locked(rf_rpc_hub *hub, int64_t deadline_ns)
{
    if (deadline_ns == RF_NEVER_NS || deadline_ns >= hub->scan_ns) {
        return;
    }
    hub->scan_ns = deadline_ns;
    if (rf_rpc_timer_set(&hub->timer, deadline_ns) > 0) {
        rf_rpc_hub_ref(hub);
    }
}

#define BATCH_MAX 128 /* calls looked at in one pass */

/* Takes a reference to calls that are past their deadline, and finds the earliest time of others.
 */
static size_t find_late(rf_rpc_hub *hub, int64_t now_ns, rf_rpc_call *late[BATCH_MAX],
                        int64_t *ret_next_ns)
{
    size_t n = 0;
    *ret_next_ns = RF_NEVER_NS;
    for (rf_rpc_link *l = hub->calls.next; l != &hub->calls && n < BATCH_MAX; l = l->next) {
        rf_rpc_call *call = (rf_rpc_call *)l;
        if (call->over) {
            continue;
        }
        int64_t at_ns =
            RF_MIN(call->deadline_ns, call->wait_until_ns > 0 ? call->wait_until_ns : RF_NEVER_NS);
        if (at_ns <= now_ns) {
            (void)__atomic_add_fetch(&call->refs, 1, __ATOMIC_RELAXED);
            late[n++] = call;
            continue;
        }
        *ret_next_ns = RF_MIN(*ret_next_ns, at_ns);
        if (call->not_before_ns > 0) {
            *ret_next_ns = RF_MIN(*ret_next_ns, call->not_before_ns);
        }
    }
    return n;
}

static void end_late(rf_rpc_call *call, int64_t now_ns)
{
    rf_status st;
    if (call->deadline_ns <= now_ns) {
        (void)rf_status_set(&st, RF_DEADLINE_EXCEEDED, "deadline exceeded: %s",
                            call->method != NULL ? call->method->name : "no method");
    } else {
        (void)rf_status_set(&st, RF_UNAVAILABLE, "no connection: %s", call->channel->last_error);
    }
    rf_rpc_abort_locked(call, &st);
    rf_rpc_call_unref_locked(call);
}

/* Takes a reference to calls whose pause before another try is over. */
static size_t find_due(rf_rpc_hub *hub, int64_t now_ns, rf_rpc_call *due[BATCH_MAX])
{
    size_t n = 0;
    for (rf_rpc_link *l = hub->calls.next; l != &hub->calls && n < BATCH_MAX; l = l->next) {
        rf_rpc_call *call = (rf_rpc_call *)l;
        if (!call->over && call->not_before_ns > 0 && call->not_before_ns <= now_ns) {
            (void)__atomic_add_fetch(&call->refs, 1, __ATOMIC_RELAXED);
            call->not_before_ns = 0;
            due[n++] = call;
        }
    }
    return n;
}

/* They go to a connection, which lets go of the lock: other calls may come and go meanwhile. */
static void place_due(rf_rpc_hub *hub, int64_t now_ns)
{
    rf_rpc_call *due[BATCH_MAX];
    size_t n;
    while ((n = find_due(hub, now_ns, due)) > 0) {
        for (size_t i = 0; i < n; i++) {
            rf_rpc_place_locked(due[i], now_ns);
            rf_rpc_call_unref_locked(due[i]);
        }
    }
}

/* Ends what is late. There is no timer a call: the hub knows a lower bound of all deadlines and
 * looks at its calls when that passes, so that a call that ends in time costs nothing. */
static void hub_scan(void *user)
{
    rf_rpc_hub *hub = (rf_rpc_hub *)user;
    rf_rpc_hub_lock(hub);
    rf_rpc_enter_library_locked(hub);
    int64_t now_ns = rf_time_ns();
    int64_t next_ns;
    rf_rpc_call *late[BATCH_MAX];
    size_t n;
    place_due(hub, now_ns);
    while ((n = find_late(hub, now_ns, late, &next_ns)) > 0) {
        for (size_t i = 0; i < n; i++) {
            end_late(late[i], now_ns);
        }
    }
    hub->scan_ns = RF_NEVER_NS;
    if (next_ns != RF_NEVER_NS) {
        rf_rpc_hub_watch_locked(hub, RF_MAX(next_ns, now_ns + SCAN_STEP_NS));
    }
    rf_rpc_leave_library_locked(hub);
    rf_rpc_hub_unlock(hub);
    rf_rpc_hub_unref(hub);
}

rf_rpc_call *rf_rpc_call_new_locked(rf_rpc_hub *hub)
{
    rf_rpc_call *call = hub->spare;
    if (call != NULL) {
        hub->spare = call->bucket_next;
        hub->n_spare--;
        memset(call, 0, offsetof(rf_rpc_call, meta_text));
        memset(call->meta_text, 0, 1);
        memset(&call->out_first, 0, sizeof(*call) - offsetof(rf_rpc_call, out_first));
    } else {
        call = RF_NEW(rf_rpc_call);
    }
    call->hub = hub;
    rf_rpc_hub_ref(hub);
    call->refs = 2; /* alive, owner */
    call->meta = (rf_rpc_meta){RF_NEVER_NS, "", "", "", ""};
    call->deadline_ns = RF_NEVER_NS;
    call->out_last = &call->out_first;
    call->in_last = &call->in_first;
    call->send_credit = RF_RPC_STREAM_WINDOW;
    call->recv_left = RF_RPC_STREAM_WINDOW;
    call->all.next = &hub->calls;
    call->all.prev = hub->calls.prev;
    hub->calls.prev->next = &call->all;
    hub->calls.prev = &call->all;
    hub->n_calls++;
    return call;
}

static void free_inbox(rf_rpc_call *call)
{
    while (call->in_first != NULL) {
        rf_rpc_in *in = call->in_first;
        call->in_first = in->next;
        rf_rpc_in_free(in);
    }
    rf_rpc_in_free(call->unary_reply);
    rf_rpc_in_free(call->assembling);
}

static void call_destroy(rf_rpc_call *call)
{
    rf_rpc_hub *hub = call->hub;
    rf_rpc_family_leave(call);
    call->all.prev->next = call->all.next;
    call->all.next->prev = call->all.prev;
    hub->n_calls--;
    rf_rpc_drop_output_locked(call);
    if (call->request != NULL) {
        rf_rpc_out_unref(call->request);
    }
    free_inbox(call);
    free(call->end_message);
    if (hub->n_spare < MAX_SPARE) {
        call->bucket_next = hub->spare;
        hub->spare = call;
        hub->n_spare++;
    } else {
        free(call);
    }
    (void)pthread_cond_broadcast(&hub->changed);
}

/* The caller holds the lock and a reference of its own to the hub (its connection's or channel's),
 * so that the one dropped here is not the last. */
void rf_rpc_call_unref_locked(rf_rpc_call *call)
{
    rf_rpc_hub *hub = call->hub;
    if (__atomic_sub_fetch(&call->refs, 1, __ATOMIC_ACQ_REL) == 0) {
        call_destroy(call);
        (void)__atomic_sub_fetch(&hub->refs, 1, __ATOMIC_ACQ_REL);
    }
}

/* What may not travel is left out: it would cost the connection, with all that is on it. */
static char *copy_meta(char *at, const char **field, const char *s, size_t len, size_t room)
{
    len = len < room && rf_rpc_is_text(s, len) ? len : 0;
    if (len > 0) {
        memcpy(at, s, len);
    }
    at[len] = '\0';
    *field = at;
    return at + len + 1;
}

void rf_rpc_call_set_meta(rf_rpc_call *call, const rf_rpc_call_head *head)
{
    char *at = call->meta_text;
    at = copy_meta(at, &call->meta.request_id, head->request_id, head->request_id_len,
                   RF_RPC_REQUEST_ID_MAX);
    at = copy_meta(at, &call->meta.traceparent, head->traceparent, head->traceparent_len,
                   RF_RPC_TRACEPARENT_MAX);
    at = copy_meta(at, &call->meta.tenant, head->tenant, head->tenant_len, RF_RPC_TENANT_MAX);
    (void)copy_meta(at, &call->meta.scopes, head->scopes, head->scopes_len, RF_RPC_SCOPES_MAX);
    call->meta.deadline_ns = call->deadline_ns;
}
