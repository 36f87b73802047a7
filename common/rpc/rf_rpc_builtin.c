#include "rf_rpc_builtin.h"

#include "rf_rpc_wire.h"

#include <pthread.h>
#include <reflection/rpc/v1/rpc.rpc.h>
#include <string.h>

#define MAX_WATCHERS 256
#define MAX_SCHEMA ((size_t)4 << 20)
#define MAX_FILES 256

typedef struct watcher {
    struct watcher *next;
    rf_rpc_call *call;
    bool begun; /* its request has come */
} watcher;

struct rf_rpc_builtin {
    rf_rpc_server *server;
    pthread_mutex_t mutex; /* may be held while a call is sent to, never the other way round */
    rf_rpc_health health;
    char *reason;
    watcher *watchers;
    size_t n_watchers;
    bool stopped; /* no new watches */
};

/* ---- health ---- */

static bool knows_service(const rf_rpc_builtin *b, const char *name)
{
    const rf_rpc_service *s;
    for (size_t i = 0; (s = rf_rpc_server_service(b->server, i)) != NULL; i++) {
        if (strcmp(s->name, name) == 0) {
            return true;
        }
    }
    return name[0] == '\0';
}

static void unknown_service(rf_status *st, const char *name)
{
    (void)rf_status_set(st, RF_NOT_FOUND, "unknown service %s", name);
}

static void fill_health(const rf_rpc_builtin *b, Rpc__V1__HealthResponse *out)
{
    rpc__v1__health_response__init(out);
    out->status = (Rpc__V1__Serving)b->health;
    out->reason = b->reason != NULL ? b->reason : (char *)protobuf_c_empty_string;
}

static void on_check(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    rf_rpc_builtin *b = (rf_rpc_builtin *)user;
    const Rpc__V1__HealthRequest *r = (const Rpc__V1__HealthRequest *)request;
    rf_status st;
    if (!knows_service(b, r->service)) {
        unknown_service(&st, r->service);
        rf_rpc_fail(call, &st);
        return;
    }
    Rpc__V1__HealthResponse out;
    (void)pthread_mutex_lock(&b->mutex);
    fill_health(b, &out);
    rf_rpc_reply(call, &out.base, NULL);
    (void)pthread_mutex_unlock(&b->mutex);
}

/* Takes the watch of the call out of the list; false when it is not there. */
static bool forget(rf_rpc_builtin *b, const rf_rpc_call *call)
{
    for (watcher **at = &b->watchers; *at != NULL; at = &(*at)->next) {
        watcher *w = *at;
        if (w->call == call) {
            *at = w->next;
            b->n_watchers--;
            free(w);
            return true;
        }
    }
    return false;
}

/* Whoever takes the watch out of the list answers its call. */
static void end_watch(rf_rpc_builtin *b, rf_rpc_call *call, const rf_status *status)
{
    (void)pthread_mutex_lock(&b->mutex);
    bool mine = forget(b, call);
    (void)pthread_mutex_unlock(&b->mutex);
    if (mine) {
        rf_rpc_end(call, status);
    }
}

static void on_watch_done(rf_rpc_call *call, const rf_status *status, void *user)
{
    end_watch((rf_rpc_builtin *)user, call, status);
}

/* The present state goes out, and from now on each change. */
static void begin_watch(rf_rpc_builtin *b, rf_rpc_call *call)
{
    Rpc__V1__HealthResponse out;
    (void)pthread_mutex_lock(&b->mutex);
    for (watcher *w = b->watchers; w != NULL; w = w->next) {
        if (w->call == call) {
            w->begun = true;
            fill_health(b, &out);
            (void)rf_rpc_send(call, &out.base, NULL);
        }
    }
    (void)pthread_mutex_unlock(&b->mutex);
}

static void on_watch_request(rf_rpc_call *call, const rf_rpc_msg *msg, void *user)
{
    rf_rpc_builtin *b = (rf_rpc_builtin *)user;
    ProtobufCMessage *request = NULL;
    rf_status st;
    if (rf_rpc_unpack(&rpc__v1__health_request__descriptor, msg->data, msg->len, &request) != 0) {
        (void)rf_status_set(&st, RF_INVALID_ARGUMENT, "malformed request");
        end_watch(b, call, &st);
        return;
    }
    const char *name = ((const Rpc__V1__HealthRequest *)request)->service;
    if (knows_service(b, name)) {
        begin_watch(b, call);
    } else {
        unknown_service(&st, name);
        end_watch(b, call, &st);
    }
    (void)rf_rpc_message_free(request);
}

/* A watch is listed from its begin, so that one without a request ends as well. */
static int add_watch(rf_rpc_builtin *b, rf_rpc_call *call, rf_status *st)
{
    int err = 0;
    (void)pthread_mutex_lock(&b->mutex);
    if (b->stopped) {
        err = rf_status_set(st, RF_UNAVAILABLE, "the server is going away");
    } else if (b->n_watchers >= MAX_WATCHERS) {
        err = rf_status_set(st, RF_RESOURCE_EXHAUSTED, "too many watchers");
    } else {
        watcher *w = RF_NEW(watcher);
        *w = (watcher){.next = b->watchers, .call = call};
        b->watchers = w;
        b->n_watchers++;
    }
    (void)pthread_mutex_unlock(&b->mutex);
    return err;
}

static void on_watch(rf_rpc_call *call, void *user)
{
    static const rf_rpc_events events = {.message = on_watch_request, .done = on_watch_done};
    rf_rpc_builtin *b = (rf_rpc_builtin *)user;
    rf_status st;
    if (add_watch(b, call, &st) == 0) {
        rf_rpc_call_listen(call, &events, b);
    } else {
        rf_rpc_fail(call, &st);
    }
}

void rf_rpc_builtin_set_health(rf_rpc_builtin *b, rf_rpc_health health, const char *reason)
{
    Rpc__V1__HealthResponse out;
    (void)pthread_mutex_lock(&b->mutex);
    b->health = health;
    free(b->reason);
    b->reason = rf_strdup(reason);
    fill_health(b, &out);
    for (watcher *w = b->watchers; w != NULL; w = w->next) {
        if (w->begun) {
            (void)rf_rpc_send(w->call, &out.base, NULL); /* who does not read misses it */
        }
    }
    (void)pthread_mutex_unlock(&b->mutex);
}

void rf_rpc_builtin_stop(rf_rpc_builtin *b)
{
    (void)pthread_mutex_lock(&b->mutex);
    b->stopped = true;
    while (b->watchers != NULL) {
        rf_rpc_call *call = b->watchers->call;
        (void)forget(b, call);
        rf_rpc_end(call, NULL);
    }
    (void)pthread_mutex_unlock(&b->mutex);
}

/* ---- describe ---- */

/* The name of a serialised FileDescriptorProto, field 1. */
static bool file_name(const rf_rpc_wire_field *file, rf_rpc_wire_field *ret)
{
    rf_rpc_wire r = rf_rpc_wire_of(file->data, file->len);
    while (rf_rpc_wire_next(&r, ret) > 0) {
        if (ret->number == 1) {
            return true;
        }
    }
    return false;
}

static bool is_listed(const rf_rpc_wire_field *names, size_t n, const rf_rpc_wire_field *name)
{
    for (size_t i = 0; i < n; i++) {
        if (names[i].len == name->len && memcmp(names[i].data, name->data, name->len) == 0) {
            return true;
        }
    }
    return false;
}

/* Appends the files of all services, each once. */
static void merge_schemas(const rf_rpc_builtin *b, rf_buf *out)
{
    rf_rpc_wire_field names[MAX_FILES];
    size_t n = 0;
    const rf_rpc_service *s;
    for (size_t i = 0; (s = rf_rpc_server_service(b->server, i)) != NULL; i++) {
        rf_rpc_wire r = rf_rpc_wire_of(s->file->set, s->file->set_len);
        rf_rpc_wire_field file;
        rf_rpc_wire_field name;
        while (n < MAX_FILES && rf_rpc_wire_next(&r, &file) > 0) {
            if (file_name(&file, &name) && !is_listed(names, n, &name)) {
                names[n++] = name;
                rf_rpc_wire_put_bytes(out, 1, file.data, file.len);
            }
        }
    }
}

static void on_describe(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    (void)request;
    const rf_rpc_builtin *b = (const rf_rpc_builtin *)user;
    char *names[64];
    size_t n = 0;
    const rf_rpc_service *s;
    while (n < RF_ARRAY_LEN(names) && (s = rf_rpc_server_service(b->server, n)) != NULL) {
        names[n++] = (char *)(uintptr_t)s->name;
    }
    rf_buf set;
    rf_buf_init(&set, MAX_SCHEMA);
    merge_schemas(b, &set);
    Rpc__V1__DescribeResponse out = RPC__V1__DESCRIBE_RESPONSE__INIT;
    out.n_services = n;
    out.services = names;
    out.file_descriptor_set = (ProtobufCBinaryData){set.len, set.data};
    rf_rpc_reply(call, &out.base, NULL);
    rf_buf_done(&set);
}

/* ---- life ---- */

rf_rpc_builtin *rf_rpc_builtin_new(rf_rpc_server *server)
{
    rf_rpc_builtin *b = RF_NEW(rf_rpc_builtin);
    b->server = server;
    b->health = RF_RPC_NOT_READY;
    b->reason = rf_strdup("starting");
    (void)pthread_mutex_init(&b->mutex, NULL);
    rf_rpc_server_handle_unary(server, &rpc_v1_health, RPC_V1_HEALTH_CHECK, on_check, b);
    rf_rpc_server_handle_stream(server, &rpc_v1_health, RPC_V1_HEALTH_WATCH, on_watch, b);
    rf_rpc_server_handle_unary(server, &rpc_v1_describe, RPC_V1_DESCRIBE_DESCRIBE, on_describe, b);
    return b;
}

rf_rpc_builtin *rf_rpc_builtin_free(rf_rpc_builtin *b)
{
    if (b != NULL) {
        rf_rpc_builtin_stop(b);
        (void)pthread_mutex_destroy(&b->mutex);
        free(b->reason);
        free(b);
    }
    return NULL;
}
