/* The target list of a channel, and looking up its host names. A look-up may take as long as the
 * resolver likes, so it runs on a thread of its own, which holds nothing but the hub. */
#include "rf_rpc_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#define MAX_ADDRESSES 64
#define REFRESH_MIN_NS RF_NS_PER_S

/* One look-up. The channel may be closed before it ends: target is NULL then. */
typedef struct lookup {
    rf_rpc_hub *hub;
    rf_rpc_target *target; /* guarded by the hub's lock */
    rf_rpc_resolve_fn resolve;
    void *user;
    char *host;
} lookup;

static int resolve_system(const char *host, rf_rpc_address *ret, size_t max, void *user)
{
    (void)user;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *list = NULL;
    if (getaddrinfo(host, NULL, &hints, &list) != 0) {
        return -EHOSTUNREACH;
    }
    size_t n = 0;
    for (const struct addrinfo *a = list; a != NULL && n < max; a = a->ai_next) {
        if (getnameinfo(a->ai_addr, a->ai_addrlen, ret[n].text, sizeof(ret[n].text), NULL, 0,
                        NI_NUMERICHOST) == 0) {
            n++;
        }
    }
    freeaddrinfo(list);
    return (int)n;
}

/* ---- the answer ---- */

static void mark_seen(rf_rpc_target *t, const char *url)
{
    for (rf_rpc_endpoint *ep = t->endpoints; ep != NULL; ep = ep->next) {
        if (strcmp(ep->url, url) == 0) {
            ep->seen = true;
            return;
        }
    }
    rf_rpc_endpoint *ep = rf_rpc_endpoint_new_locked(t->channel, url, t->cert);
    if (ep != NULL) {
        ep->next = t->endpoints;
        t->endpoints = ep;
    }
}

static void drop_unseen(rf_rpc_target *t)
{
    for (rf_rpc_endpoint **at = &t->endpoints; *at != NULL;) {
        rf_rpc_endpoint *ep = *at;
        if (ep->seen) {
            at = &ep->next;
            continue;
        }
        *at = ep->next;
        rf_rpc_endpoint_remove_locked(ep, false);
    }
}

static char *url_of(const rf_rpc_target *t, const char *address)
{
    bool v6 = strchr(address, ':') != NULL;
    return rf_asprintf("%s://%s%s%s:%s", t->scheme, v6 ? "[" : "", address, v6 ? "]" : "", t->port);
}

/* A failed look-up leaves the addresses as they are. */
static void apply(rf_rpc_target *t, const rf_rpc_address *addresses, int n)
{
    if (n <= 0) {
        (void)snprintf(t->channel->last_error, sizeof(t->channel->last_error),
                       "no address for %.80s", t->host);
        return;
    }
    for (rf_rpc_endpoint *ep = t->endpoints; ep != NULL; ep = ep->next) {
        ep->seen = false;
    }
    for (int i = 0; i < n; i++) {
        RF_CLEANUP(rf_cleanup_free) char *url = url_of(t, addresses[i].text);
        mark_seen(t, url);
    }
    drop_unseen(t);
}

/* The channel counts armed timers: one that has begun to fire is waited for. */
static void set_timer(rf_rpc_target *t, int64_t at_ns)
{
    int change = rf_rpc_timer_set(&t->timer, at_ns);
    t->channel->n_timers += (size_t)(change > 0 ? 1 : 0);
    t->channel->n_timers -= (size_t)(change < 0 ? 1 : 0);
}

static void *lookup_main(void *arg)
{
    lookup *l = (lookup *)arg;
    rf_rpc_address addresses[MAX_ADDRESSES];
    (void)pthread_setname_np(pthread_self(), "rpc-resolve");
    int n = l->resolve(l->host, addresses, MAX_ADDRESSES, l->user);
    rf_rpc_hub_lock(l->hub);
    rf_rpc_target *t = l->target;
    if (t != NULL) {
        t->lookup = NULL;
        apply(t, addresses, n);
        set_timer(t, rf_time_ns() + (n > 0 ? t->channel->resolve_ns : REFRESH_MIN_NS));
    }
    rf_rpc_hub_unlock(l->hub);
    rf_rpc_hub_unref(l->hub);
    free(l->host);
    free(l);
    return NULL;
}

static void lookup_start_locked(rf_rpc_target *t)
{
    rf_rpc_channel *channel = t->channel;
    if (t->lookup != NULL || channel->closing) {
        return;
    }
    lookup *l = RF_NEW(lookup);
    *l = (lookup){
        .hub = channel->hub,
        .target = t,
        .resolve = channel->resolve != NULL ? channel->resolve : resolve_system,
        .user = channel->resolve_user,
        .host = rf_strdup(t->host),
    };
    rf_rpc_hub_ref(l->hub);
    t->lookup = &l->target;
    t->resolved_ns = rf_time_ns();
    pthread_t thread;
    if (pthread_create(&thread, NULL, lookup_main, l) != 0) {
        abort();
    }
    (void)pthread_detach(thread);
}

static void on_timer(void *user)
{
    rf_rpc_target *t = (rf_rpc_target *)user;
    rf_rpc_hub *hub = t->channel->hub;
    rf_rpc_hub_lock(hub);
    lookup_start_locked(t);
    t->channel->n_timers--;
    (void)pthread_cond_broadcast(&hub->changed);
    rf_rpc_hub_unlock(hub);
}

/* ---- parsing ---- */

static bool is_numeric(const char *host)
{
    struct in6_addr any;
    return inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
}

/* Splits "host:port" or "[v6]:port". */
static int split_host(rf_rpc_target *t, const char *s)
{
    const char *colon = strrchr(s, ':');
    int64_t port;
    if (colon == NULL || colon == s || rf_parse_i64(colon + 1, &port) != 0 || port < 1 ||
        port > 65535) {
        return -EINVAL;
    }
    bool bracket = s[0] == '[' && colon[-1] == ']';
    t->host =
        bracket ? rf_strndup(s + 1, (size_t)(colon - s) - 2) : rf_strndup(s, (size_t)(colon - s));
    t->port = rf_strdup(colon + 1);
    return 0;
}

static int parse_one(rf_rpc_target *t, const char *url, const rf_rpc_tls *tls)
{
    static const char *const schemes[] = {"ipc", "tcp", "tls+tcp"};
    const char *sep = strstr(url, "://");
    if (sep == NULL || sep[3] == '\0') {
        return -EINVAL;
    }
    t->scheme = rf_strndup(url, (size_t)(sep - url));
    for (size_t i = 0; i < RF_ARRAY_LEN(schemes); i++) {
        if (strcmp(t->scheme, schemes[i]) == 0) {
            t->path = rf_strdup(sep + 3);
            int err = i > 0 ? split_host(t, t->path) : 0;
            return err == 0 && i == 2 ? rf_rpc_cert_load(tls, false, t->host, &t->cert) : err;
        }
    }
    return -EINVAL;
}

int rf_rpc_targets_parse(rf_rpc_channel *channel, const char *list, const rf_rpc_tls *tls)
{
    RF_CLEANUP(rf_cleanup_free) char *copy = rf_strdup(list != NULL ? list : "");
    char *save = NULL;
    for (char *url = strtok_r(copy, ", ", &save); url != NULL; url = strtok_r(NULL, ", ", &save)) {
        rf_rpc_target *t = RF_NEW(rf_rpc_target);
        t->channel = channel;
        t->timer.fn = on_timer;
        t->timer.user = t;
        t->next = channel->targets;
        channel->targets = t;
        int err = parse_one(t, url, tls);
        if (err != 0) {
            return err;
        }
    }
    return channel->targets != NULL ? 0 : -EINVAL;
}

/* ---- life ---- */

void rf_rpc_targets_start_locked(rf_rpc_channel *channel)
{
    for (rf_rpc_target *t = channel->targets; t != NULL; t = t->next) {
        if (t->host != NULL && !is_numeric(t->host)) {
            t->looks_up = true;
            lookup_start_locked(t);
            continue;
        }
        RF_CLEANUP(rf_cleanup_free)
        char *url = t->host != NULL ? url_of(t, t->host) : rf_asprintf("ipc://%s", t->path);
        mark_seen(t, url);
    }
}

void rf_rpc_targets_refresh_locked(rf_rpc_channel *channel)
{
    for (rf_rpc_target *t = channel->targets; t != NULL && !channel->closing; t = t->next) {
        if (t->looks_up && t->lookup == NULL) {
            set_timer(t, RF_MAX(rf_time_ns(), t->resolved_ns + REFRESH_MIN_NS));
        }
    }
}

void rf_rpc_targets_stop_locked(rf_rpc_channel *channel)
{
    for (rf_rpc_target *t = channel->targets; t != NULL; t = t->next) {
        set_timer(t, RF_NEVER_NS);
        if (t->lookup != NULL) {
            *t->lookup = NULL;
        }
        while (t->endpoints != NULL) {
            rf_rpc_endpoint *ep = t->endpoints;
            t->endpoints = ep->next;
            rf_rpc_endpoint_remove_locked(ep, true);
        }
    }
}

void rf_rpc_targets_free(rf_rpc_channel *channel)
{
    while (channel->targets != NULL) {
        rf_rpc_target *t = channel->targets;
        channel->targets = t->next;
        (void)rf_rpc_cert_free(t->cert);
        free(t->scheme);
        free(t->path);
        free(t->host);
        free(t->port);
        free(t);
    }
}
