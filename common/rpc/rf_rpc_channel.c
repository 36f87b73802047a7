#include "rf_rpc_channel.h"

#include "rf_rpc_internal.h"

#include <errno.h>
#include <string.h>

#define DEFAULT_TIMEOUT_MS 30000
#define DEFAULT_WAIT_READY_MS 5000
#define DEFAULT_KEEPALIVE_MS 10000
#define DEFAULT_RESOLVE_MS 30000
#define DEFAULT_ATTEMPTS 3
#define DEFAULT_MAX_MESSAGE ((size_t)16 << 20)
#define DEFAULT_MAX_QUEUE ((size_t)1 << 20)
#define DEFAULT_MAX_CALLS 65536

static int64_t ns_or(int64_t ms, int64_t default_ms)
{
    return (ms > 0 ? ms : default_ms) * RF_NS_PER_MS;
}

static size_t size_or(size_t value, size_t default_value)
{
    return value > 0 ? value : default_value;
}

int rf_rpc_channel_open(const rf_rpc_channel_config *config, rf_rpc_channel **ret)
{
    rf_rpc_limits limits = {
        .max_message = size_or(config->max_message, DEFAULT_MAX_MESSAGE),
        .max_queue = size_or(config->max_queue, DEFAULT_MAX_QUEUE),
        .max_calls = size_or(config->max_calls, DEFAULT_MAX_CALLS),
        .keepalive_ns = ns_or(config->keepalive_ms, DEFAULT_KEEPALIVE_MS),
    };
    rf_rpc_channel *c = RF_NEW(rf_rpc_channel);
    c->hub = rf_rpc_hub_new(&limits);
    c->waiting.head.next = c->waiting.head.prev = &c->waiting.head;
    c->timeout_ns = ns_or(config->timeout_ms, DEFAULT_TIMEOUT_MS);
    c->wait_ready_ns = ns_or(config->wait_ready_ms, DEFAULT_WAIT_READY_MS);
    c->resolve_ns = ns_or(config->resolve_ms, DEFAULT_RESOLVE_MS);
    c->attempts = config->attempts > 0 ? config->attempts : DEFAULT_ATTEMPTS;
    c->resolve = config->resolve;
    c->resolve_user = config->resolve_user;
    (void)rf_copy_str(c->last_error, sizeof(c->last_error), "not connected yet");
    int err = rf_rpc_targets_parse(c, config->target, config->tls);
    if (err != 0) {
        (void)rf_rpc_channel_close(c);
        return err;
    }
    rf_rpc_hub_lock(c->hub);
    rf_rpc_targets_start_locked(c);
    rf_rpc_hub_unlock(c->hub);
    *ret = c;
    return 0;
}

/* Ends every call that is alive; their events run on the timer thread. */
static void cancel_all(rf_rpc_hub *hub)
{
    rf_status st;
    (void)rf_status_set(&st, RF_CANCELLED, "the channel is closed");
    rf_rpc_link *link = hub->calls.next;
    while (link != &hub->calls) {
        rf_rpc_call *call = (rf_rpc_call *)link;
        link = link->next;
        if (!call->over) {
            rf_rpc_abort_locked(call, &st);
            link = hub->calls.next;
        }
    }
}

rf_rpc_channel *rf_rpc_channel_close(rf_rpc_channel *channel)
{
    if (channel == NULL) {
        return NULL;
    }
    rf_rpc_hub *hub = channel->hub;
    rf_rpc_hub_lock(hub);
    channel->closing = true;
    cancel_all(hub);
    rf_rpc_targets_stop_locked(channel);
    rf_rpc_conn_close_all_locked(hub, "the channel is closed");
    while (channel->n_endpoints > 0 || channel->n_timers > 0 || hub->n_running > 0 ||
           hub->posted != NULL || hub->task_pending) {
        (void)pthread_cond_wait(&hub->changed, &hub->mutex);
    }
    rf_rpc_hub_unlock(hub);
    rf_rpc_targets_free(channel);
    rf_rpc_hub_unref(hub);
    free(channel);
    return NULL;
}

bool rf_rpc_channel_is_ready(rf_rpc_channel *channel)
{
    bool ready = false;
    rf_rpc_hub_lock(channel->hub);
    for (const rf_rpc_target *t = channel->targets; t != NULL; t = t->next) {
        for (const rf_rpc_endpoint *ep = t->endpoints; ep != NULL; ep = ep->next) {
            ready = ready || ep->ready;
        }
    }
    rf_rpc_hub_unlock(channel->hub);
    return ready;
}

/* ---- making calls ---- */

static const char *pick(const char *given, const char *inherited)
{
    return given != NULL ? given : inherited;
}

static void set_meta(rf_rpc_call *call, const rf_rpc_options *o, int64_t now_ns)
{
    static const rf_rpc_meta none = {RF_NEVER_NS, "", "", "", ""};
    const rf_rpc_meta *from = o->parent != NULL ? &o->parent->meta : &none;
    rf_rpc_call_head h = {
        .request_id = pick(o->request_id, from->request_id),
        .traceparent = pick(o->traceparent, from->traceparent),
        .tenant = pick(o->tenant, from->tenant),
        .scopes = pick(o->scopes, from->scopes),
    };
    h.request_id_len = strlen(h.request_id);
    h.traceparent_len = strlen(h.traceparent);
    h.tenant_len = strlen(h.tenant);
    h.scopes_len = strlen(h.scopes);
    call->deadline_ns = o->deadline_ns;
    if (o->deadline_ns == 0) {
        int64_t own_ns = now_ns + call->channel->timeout_ns;
        call->deadline_ns = RF_MIN(own_ns, from->deadline_ns);
    }
    rf_rpc_call_set_meta(call, &h);
}

static rf_rpc_call *begin_locked(rf_rpc_channel *channel, const rf_rpc_method *method,
                                 const rf_rpc_options *options)
{
    static const rf_rpc_options none = {0};
    rf_rpc_call *call = rf_rpc_call_new_locked(channel->hub);
    call->channel = channel;
    call->method = method;
    int64_t now_ns = rf_time_ns();
    set_meta(call, options != NULL ? options : &none, now_ns);
    rf_rpc_metric_begin(call, now_ns);
    if (options != NULL && options->parent != NULL) {
        rf_rpc_family_join(options->parent, call);
    }
    return call;
}

/* False when the call must not go out at all; it has been ended then. */
static bool admit_locked(rf_rpc_call *call)
{
    rf_rpc_hub *hub = call->hub;
    rf_status st;
    if (call->channel->closing) {
        (void)rf_status_set(&st, RF_CANCELLED, "the channel is closed");
    } else if (hub->n_calls > hub->limits.max_calls) {
        (void)rf_status_set(&st, RF_RESOURCE_EXHAUSTED, "too many calls on the channel");
    } else if (call->deadline_ns <= call->began_ns) {
        (void)rf_status_set(&st, RF_DEADLINE_EXCEEDED, "deadline exceeded before the call");
    } else if (call->parent != NULL && __atomic_load_n(&call->parent->over, __ATOMIC_RELAXED)) {
        (void)rf_status_set(&st, RF_CANCELLED, "the call it is made for has ended");
    } else {
        rf_rpc_hub_watch_locked(hub, call->deadline_ns);
        return true;
    }
    rf_rpc_finish_locked(call, &st);
    return false;
}

rf_rpc_call *rf_rpc_open(rf_rpc_channel *channel, const rf_rpc_method *method,
                         const rf_rpc_options *options, const rf_rpc_events *events, void *user)
{
    rf_rpc_hub_lock(channel->hub);
    rf_rpc_call *call = begin_locked(channel, method, options);
    call->events = *events;
    call->user = user;
    if (admit_locked(call) && (method->kind & RF_RPC_CLIENT_STREAM) != 0) {
        rf_rpc_place_locked(call, call->began_ns);
    }
    rf_rpc_hub_unlock(channel->hub);
    return call;
}

/* ---- unary ---- */

static void unary_message(rf_rpc_call *call, const rf_rpc_msg *msg, void *user)
{
    (void)msg;
    (void)user;
    call->unary_reply = rf_rpc_take_message(call);
}

static void unpack_reply(rf_rpc_call *call, rf_rpc_result *r, rf_status *st)
{
    int err = rf_rpc_unpack(call->method->output, r->raw.data, r->raw.len, &r->message);
    if (err != 0) {
        (void)rf_status_set(st, RF_DATA_LOSS, "the answer of %s: %s", call->method->name,
                            strerror(-err));
        r->status = st;
    }
}

static void unary_finished(rf_rpc_call *call, const rf_status *status, void *user)
{
    rf_status st;
    rf_rpc_result r = {.status = status};
    bool has = call->lent != NULL || call->unary_reply != NULL;
    if (has) {
        r.raw = call->lent != NULL ? *call->lent : rf_rpc_in_msg(call->unary_reply);
    }
    if (status->code == RF_OK && !has) {
        (void)rf_status_set(&st, RF_INTERNAL, "%s ended without an answer", call->method->name);
        r.status = &st;
    } else if (status->code == RF_OK && !call->raw) {
        unpack_reply(call, &r, &st);
    }
    call->lent = NULL;
    call->unary_done(&r, user);
    (void)rf_rpc_message_free(r.message);
}

static void unary_start(rf_rpc_channel *channel, const rf_rpc_method *method,
                        const rf_rpc_options *options, rf_rpc_out *out, bool raw,
                        rf_rpc_done_fn done, void *user, rf_rpc_call **ret_call)
{
    static const rf_rpc_events events = {.message = unary_message, .done = unary_finished};
    rf_rpc_hub_lock(channel->hub);
    rf_rpc_call *call = begin_locked(channel, method, options);
    call->events = events;
    call->user = user;
    call->unary_done = done;
    call->raw = raw;
    call->local_closed = true;
    rf_status st;
    if (out == NULL) {
        (void)rf_status_set(&st, RF_RESOURCE_EXHAUSTED, "no memory for the request");
        rf_rpc_finish_locked(call, &st);
    } else if (rf_rpc_out_size(out) - RF_RPC_PREFIX_LEN > channel->hub->limits.max_message) {
        (void)rf_status_set(&st, RF_RESOURCE_EXHAUSTED, "request larger than the limit");
        rf_rpc_out_unref(out);
        rf_rpc_finish_locked(call, &st);
    } else {
        out->last = true;
        out->refs++;
        call->request = out;
        rf_rpc_enqueue_locked(call, out);
        if (admit_locked(call)) {
            rf_rpc_place_locked(call, call->began_ns);
        }
    }
    if (ret_call != NULL) {
        *ret_call = call;
    } else {
        rf_rpc_call_unref_locked(call);
    }
    rf_rpc_hub_unlock(channel->hub);
}

void rf_rpc_unary(rf_rpc_channel *channel, const rf_rpc_method *method,
                  const rf_rpc_options *options, const ProtobufCMessage *request,
                  const rf_rpc_attachment *attachment, rf_rpc_done_fn done, void *user,
                  rf_rpc_call **ret_call)
{
    unary_start(channel, method, options, rf_rpc_out_pack(request, attachment), false, done, user,
                ret_call);
}

void rf_rpc_unary_raw(rf_rpc_channel *channel, const rf_rpc_method *method,
                      const rf_rpc_options *options, const void *request, size_t len,
                      const rf_rpc_attachment *attachment, rf_rpc_done_fn done, void *user,
                      rf_rpc_call **ret_call)
{
    unary_start(channel, method, options, rf_rpc_out_raw(request, len, attachment), true, done,
                user, ret_call);
}
