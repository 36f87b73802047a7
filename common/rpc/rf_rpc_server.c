#include "rf_rpc_server.h"

#include "rf_log.h"
#include "rf_rpc_builtin.h"
#include "rf_rpc_internal.h"

#include <errno.h>
#include <string.h>

#define DEFAULT_MAX_MESSAGE ((size_t)16 << 20)
#define DEFAULT_MAX_QUEUE ((size_t)1 << 20)
#define DEFAULT_MAX_CALLS 16384
#define DEFAULT_MAX_CONNECTIONS 1024
#define DEFAULT_KEEPALIVE_MS 10000
#define MAX_SERVICES 32
#define MAX_LISTENERS 8

/* A method that is answered; in a chain of the table by the hash of its name. */
typedef struct handler {
    struct handler *next;
    const rf_rpc_method *method;
    size_t name_len;
    rf_rpc_unary_fn unary;
    rf_rpc_open_fn open;
    void *user;
} handler;

#define N_BUCKETS 256

struct rf_rpc_server {
    rf_rpc_limits limits;
    size_t max_connections;
    char *listen;
    rf_rpc_cert *cert;
    handler *handlers[N_BUCKETS];
    const rf_rpc_service *services[MAX_SERVICES];
    size_t n_services;
    rf_rpc_builtin *builtin;
    rf_rpc_listener *listeners[MAX_LISTENERS];
    size_t n_listeners;
    pthread_mutex_t mutex; /* the connections; never held while a hub's lock is taken */
    pthread_cond_t changed;
    rf_rpc_conn **conns;
    size_t n_conns, cap_conns;
    bool closing;
};

static size_t hash_name(const char *name, size_t len)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < len; i++) {
        h = (h ^ (uint8_t)name[i]) * 16777619u;
    }
    return h % N_BUCKETS;
}

static const handler *find_handler(const rf_rpc_server *s, const char *name, size_t len)
{
    const handler *h = s->handlers[hash_name(name, len)];
    while (h != NULL && (h->name_len != len || memcmp(h->method->name, name, len) != 0)) {
        h = h->next;
    }
    return h;
}

/* ---- the connections' side ---- */

static void unary_request(rf_rpc_call *call, const rf_rpc_msg *msg, void *user)
{
    (void)user;
    ProtobufCMessage *request = NULL;
    int err = rf_rpc_unpack(call->method->input, msg->data, msg->len, &request);
    if (err != 0) {
        rf_status st;
        (void)rf_status_set(&st, RF_INVALID_ARGUMENT, "%s: malformed request: %s",
                            call->method->name, strerror(-err));
        rf_rpc_fail(call, &st);
        return;
    }
    call->handler(call, request, call->handler_user);
    (void)rf_rpc_message_free(request);
}

static void refuse_unknown(rf_rpc_call *call, const rf_rpc_call_head *head)
{
    rf_status st;
    (void)rf_status_set(&st, RF_UNIMPLEMENTED, "unknown method %.*s", (int)head->method_len,
                        head->method);
    rf_rpc_fail(call, &st);
}

static void side_begin(rf_rpc_conn *conn, rf_rpc_call *call, const rf_rpc_call_head *head)
{
    static const rf_rpc_events unary_events = {.message = unary_request};
    const rf_rpc_server *s = (const rf_rpc_server *)conn->owner;
    const handler *h = find_handler(s, head->method, head->method_len);
    if (h == NULL) {
        refuse_unknown(call, head);
        return;
    }
    call->method = h->method;
    if (h->unary != NULL) {
        call->events = unary_events;
        call->handler = h->unary;
        call->handler_user = h->user;
        return;
    }
    bool was = rf_rpc_enter_callback();
    h->open(call, h->user);
    rf_rpc_leave_callback(was);
}

static void side_ready(rf_rpc_conn *conn)
{
    (void)conn;
}

static void side_closed(rf_rpc_conn *conn)
{
    rf_rpc_conn_unref(conn); /* the server's own */
}

static void side_destroyed(rf_rpc_conn *conn)
{
    rf_rpc_server *s = (rf_rpc_server *)conn->owner;
    (void)pthread_mutex_lock(&s->mutex);
    for (size_t i = 0; i < s->n_conns; i++) {
        if (s->conns[i] == conn) {
            s->conns[i] = s->conns[--s->n_conns];
            break;
        }
    }
    (void)pthread_cond_broadcast(&s->changed);
    (void)pthread_mutex_unlock(&s->mutex);
}

static const rf_rpc_side server_side = {
    .begin = side_begin,
    .ready = side_ready,
    .closed = side_closed,
    .destroyed = side_destroyed,
};

/* False when the server takes no more connections. */
static bool add_conn(rf_rpc_server *s, rf_rpc_conn *conn)
{
    (void)pthread_mutex_lock(&s->mutex);
    bool ok = !s->closing && s->n_conns < s->max_connections;
    if (ok) {
        s->conns = (rf_rpc_conn **)rf_make_room(s->conns, s->n_conns + 1, &s->cap_conns,
                                                sizeof(rf_rpc_conn *));
        rf_rpc_conn_ref(conn);
        s->conns[s->n_conns++] = conn;
    }
    (void)pthread_mutex_unlock(&s->mutex);
    return ok;
}

static void on_accepted(void *user, rf_rpc_net *net)
{
    rf_rpc_server *s = (rf_rpc_server *)user;
    rf_rpc_hub *hub = rf_rpc_hub_new(&s->limits);
    rf_rpc_conn *conn = rf_rpc_conn_new(hub, &server_side, s, net, true);
    rf_rpc_hub_unref(hub);
    if (add_conn(s, conn)) {
        rf_rpc_conn_open(conn);
    } else {
        RF_LOG_WARN("rpc connection refused", RF_INT("max_connections", s->max_connections));
    }
    rf_rpc_conn_unref(conn);
}

/* ---- registering ---- */

int rf_rpc_server_new(const rf_rpc_server_config *config, rf_rpc_server **ret)
{
    rf_rpc_server *s = RF_NEW(rf_rpc_server);
    int64_t keepalive_ms = config->keepalive_ms > 0 ? config->keepalive_ms : DEFAULT_KEEPALIVE_MS;
    s->limits = (rf_rpc_limits){
        .max_message = config->max_message > 0 ? config->max_message : DEFAULT_MAX_MESSAGE,
        .max_queue = config->max_queue > 0 ? config->max_queue : DEFAULT_MAX_QUEUE,
        .max_calls = config->max_calls > 0 ? config->max_calls : DEFAULT_MAX_CALLS,
        .keepalive_ns = keepalive_ms * RF_NS_PER_MS,
    };
    s->max_connections =
        config->max_connections > 0 ? config->max_connections : DEFAULT_MAX_CONNECTIONS;
    s->listen = rf_strdup(config->listen != NULL ? config->listen : "");
    (void)pthread_mutex_init(&s->mutex, NULL);
    rf_cond_init(&s->changed);
    int err = config->tls != NULL ? rf_rpc_cert_load(config->tls, true, NULL, &s->cert) : 0;
    s->builtin = rf_rpc_builtin_new(s);
    if (err != 0) {
        (void)rf_rpc_server_free(s);
        return err;
    }
    *ret = s;
    return 0;
}

static void add_service(rf_rpc_server *s, const rf_rpc_service *service)
{
    for (size_t i = 0; i < s->n_services; i++) {
        if (s->services[i] == service) {
            return;
        }
    }
    if (s->n_services == MAX_SERVICES) {
        abort();
    }
    s->services[s->n_services++] = service;
}

static void add_handler(rf_rpc_server *s, const rf_rpc_service *service, handler h)
{
    add_service(s, service);
    h.name_len = strlen(h.method->name);
    handler **bucket = &s->handlers[hash_name(h.method->name, h.name_len)];
    handler *made = RF_NEW(handler);
    *made = h;
    made->next = *bucket;
    *bucket = made;
}

void rf_rpc_server_handle_unary(rf_rpc_server *server, const rf_rpc_service *service,
                                const rf_rpc_method *method, rf_rpc_unary_fn fn, void *user)
{
    add_handler(server, service, (handler){.method = method, .unary = fn, .user = user});
}

void rf_rpc_server_handle_stream(rf_rpc_server *server, const rf_rpc_service *service,
                                 const rf_rpc_method *method, rf_rpc_open_fn fn, void *user)
{
    add_handler(server, service, (handler){.method = method, .open = fn, .user = user});
}

const rf_rpc_service *rf_rpc_server_service(const rf_rpc_server *server, size_t index)
{
    return index < server->n_services ? server->services[index] : NULL;
}

/* ---- life ---- */

static int listen_one(rf_rpc_server *s, const char *url)
{
    bool tls = strncmp(url, "tls+tcp://", 10) == 0;
    bool known = tls || strncmp(url, "tcp://", 6) == 0 || strncmp(url, "ipc://", 6) == 0;
    if (!known || s->n_listeners == MAX_LISTENERS || (tls && s->cert == NULL)) {
        return -EINVAL;
    }
    int err = rf_rpc_listener_new(url, tls ? s->cert : NULL, on_accepted, s,
                                  &s->listeners[s->n_listeners]);
    if (err != 0) {
        RF_LOG_ERROR("rpc listen failed", RF_STR("url", url), RF_STR("error", strerror(-err)));
        return err;
    }
    s->n_listeners++;
    return 0;
}

int rf_rpc_server_start(rf_rpc_server *server)
{
    RF_CLEANUP(rf_cleanup_free) char *copy = rf_strdup(server->listen);
    char *save = NULL;
    for (char *url = strtok_r(copy, ", ", &save); url != NULL; url = strtok_r(NULL, ", ", &save)) {
        int err = listen_one(server, url);
        if (err != 0) {
            return err;
        }
    }
    return server->n_listeners > 0 ? 0 : -EINVAL;
}

uint16_t rf_rpc_server_port(const rf_rpc_server *server, size_t index)
{
    return index < server->n_listeners ? rf_rpc_listener_port(server->listeners[index]) : 0;
}

void rf_rpc_server_set_health(rf_rpc_server *server, rf_rpc_health health, const char *reason)
{
    rf_rpc_builtin_set_health(server->builtin, health, reason);
}

static void stop_listening(rf_rpc_server *s)
{
    while (s->n_listeners > 0) {
        s->n_listeners--;
        s->listeners[s->n_listeners] = rf_rpc_listener_free(s->listeners[s->n_listeners]);
    }
}

/* A reference to a connection whose last one may just have gone must not be taken. */
static bool try_ref(rf_rpc_conn *conn)
{
    unsigned refs = __atomic_load_n(&conn->refs, __ATOMIC_ACQUIRE);
    while (refs > 0 && !__atomic_compare_exchange_n(&conn->refs, &refs, refs + 1, true,
                                                    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
    }
    return refs > 0;
}

/* All connections, each with a reference; the caller frees the array. */
static rf_rpc_conn **snapshot(rf_rpc_server *s, size_t *ret_n)
{
    size_t n = 0;
    (void)pthread_mutex_lock(&s->mutex);
    rf_rpc_conn **conns = RF_NEW_ARRAY(rf_rpc_conn *, s->n_conns + 1);
    for (size_t i = 0; i < s->n_conns; i++) {
        if (try_ref(s->conns[i])) {
            conns[n++] = s->conns[i];
        }
    }
    (void)pthread_mutex_unlock(&s->mutex);
    *ret_n = n;
    return conns;
}

static bool wait_calls(rf_rpc_conn *conn, int64_t at_ns)
{
    rf_rpc_hub_lock(conn->hub);
    int err = 0;
    while (conn->n_calls > 0 && !conn->dead && err == 0) {
        err = rf_time_wait_until(&conn->hub->changed, &conn->hub->mutex, at_ns);
    }
    bool empty = conn->n_calls == 0 || conn->dead;
    rf_rpc_hub_unlock(conn->hub);
    return empty;
}

int rf_rpc_server_drain(rf_rpc_server *server, int64_t timeout_ms)
{
    int64_t at_ns = rf_time_ns() + timeout_ms * RF_NS_PER_MS;
    size_t n;
    bool empty = true;
    stop_listening(server);
    rf_rpc_server_set_health(server, RF_RPC_DRAINING, "shutting down");
    RF_CLEANUP(rf_cleanup_free) rf_rpc_conn **conns = snapshot(server, &n);
    rf_rpc_builtin_stop(server->builtin);
    for (size_t i = 0; i < n; i++) {
        rf_rpc_hub_lock(conns[i]->hub);
        rf_rpc_goaway_locked(conns[i]);
        rf_rpc_hub_unlock(conns[i]->hub);
    }
    for (size_t i = 0; i < n; i++) {
        empty = wait_calls(conns[i], at_ns) && empty;
        rf_rpc_conn_unref(conns[i]);
    }
    return empty ? 0 : -ETIMEDOUT;
}

size_t rf_rpc_server_calls(rf_rpc_server *server)
{
    size_t n;
    size_t calls = 0;
    RF_CLEANUP(rf_cleanup_free) rf_rpc_conn **conns = snapshot(server, &n);
    for (size_t i = 0; i < n; i++) {
        rf_rpc_hub_lock(conns[i]->hub);
        calls += conns[i]->n_calls;
        rf_rpc_hub_unlock(conns[i]->hub);
        rf_rpc_conn_unref(conns[i]);
    }
    return calls;
}

static void close_conn(rf_rpc_conn *conn)
{
    rf_rpc_hub *hub = conn->hub;
    rf_rpc_hub_lock(hub);
    rf_rpc_conn_close_locked(conn, "the server stops");
    while (hub->n_running > 0 || hub->posted != NULL || hub->task_pending) {
        (void)pthread_cond_wait(&hub->changed, &hub->mutex);
    }
    rf_rpc_hub_unlock(hub);
    rf_rpc_conn_unref(conn);
}

static void free_handlers(rf_rpc_server *s)
{
    for (size_t i = 0; i < N_BUCKETS; i++) {
        while (s->handlers[i] != NULL) {
            handler *h = s->handlers[i];
            s->handlers[i] = h->next;
            free(h);
        }
    }
}

rf_rpc_server *rf_rpc_server_free(rf_rpc_server *server)
{
    if (server == NULL) {
        return NULL;
    }
    stop_listening(server);
    (void)pthread_mutex_lock(&server->mutex);
    server->closing = true;
    (void)pthread_mutex_unlock(&server->mutex);
    size_t n;
    rf_rpc_conn **conns = snapshot(server, &n);
    for (size_t i = 0; i < n; i++) {
        close_conn(conns[i]);
    }
    free(conns);
    (void)pthread_mutex_lock(&server->mutex);
    while (server->n_conns > 0) {
        (void)pthread_cond_wait(&server->changed, &server->mutex);
    }
    (void)pthread_mutex_unlock(&server->mutex);
    server->builtin = rf_rpc_builtin_free(server->builtin);
    free_handlers(server);
    (void)rf_rpc_cert_free(server->cert);
    (void)pthread_cond_destroy(&server->changed);
    (void)pthread_mutex_destroy(&server->mutex);
    free(server->conns);
    free(server->listen);
    free(server);
    return NULL;
}
