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
    rf_rpc_builtin *owner;
    rf_rpc_call *call;
} watcher;

struct rf_rpc_builtin {
    rf_rpc_server *server;
    pthread_mutex_t mutex; /* may be held while a call is sent to, never the other way round */
    rf_rpc_health health;
    char *reason;
    watcher *watchers;
    size_t n_watchers;
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

static bool refuse_unknown(const rf_rpc_builtin *b, rf_rpc_call *call, const char *name)
{
    if (knows_service(b, name)) {
        return false;
    }
    rf_status st;
    (void)rf_status_set(&st, RF_NOT_FOUND, "unknown service %.200s", name);
    rf_rpc_fail(call, &st);
    return true;
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
    if (refuse_unknown(b, call, r->service)) {
        return;
    }
    Rpc__V1__HealthResponse out;
    (void)pthread_mutex_lock(&b->mutex);
    fill_health(b, &out);
    rf_rpc_reply(call, &out.base, NULL);
    (void)pthread_mutex_unlock(&b->mutex);
}

/* Takes the watcher out of the list; false when somebody else has. */
static bool forget(watcher *w)
{
    rf_rpc_builtin *b = w->owner;
    for (watcher **at = &b->watchers; *at != NULL; at = &(*at)->next) {
        if (*at == w) {
            *at = w->next;
            b->n_watchers--;
            return true;
        }
    }
    return false;
}

static void on_watch_done(rf_rpc_call *call, const rf_status *status, void *user)
{
    watcher *w = (watcher *)user;
    rf_rpc_builtin *b = w->owner;
    (void)pthread_mutex_lock(&b->mutex);
    bool mine = forget(w);
    (void)pthread_mutex_unlock(&b->mutex);
    if (mine) {
        rf_rpc_end(call, status);
        free(w);
    }
}

static void watch(rf_rpc_builtin *b, watcher *w)
{
    Rpc__V1__HealthResponse out;
    (void)pthread_mutex_lock(&b->mutex);
    w->next = b->watchers;
    b->watchers = w;
    b->n_watchers++;
    fill_health(b, &out);
    (void)rf_rpc_send(w->call, &out.base, NULL);
    (void)pthread_mutex_unlock(&b->mutex);
}

static void on_watch_request(rf_rpc_call *call, const rf_rpc_msg *msg, void *user)
{
    watcher *w = (watcher *)user;
    rf_rpc_builtin *b = w->owner;
    ProtobufCMessage *request = NULL;
    rf_status st;
    if (rf_rpc_unpack(&rpc__v1__health_request__descriptor, msg->data, msg->len, &request) != 0) {
        (void)rf_status_set(&st, RF_INVALID_ARGUMENT, "malformed request");
        rf_rpc_fail(call, &st);
        free(w);
        return;
    }
    const Rpc__V1__HealthRequest *r = (const Rpc__V1__HealthRequest *)request;
    if (refuse_unknown(b, call, r->service)) {
        free(w);
    } else if (b->n_watchers >= MAX_WATCHERS) {
        (void)rf_status_set(&st, RF_RESOURCE_EXHAUSTED, "too many watchers");
        rf_rpc_fail(call, &st);
        free(w);
    } else {
        watch(b, w);
    }
    (void)rf_rpc_message_free(request);
}

static void on_watch(rf_rpc_call *call, void *user)
{
    static const rf_rpc_events events = {.message = on_watch_request, .done = on_watch_done};
    watcher *w = RF_NEW(watcher);
    w->owner = (rf_rpc_builtin *)user;
    w->call = call;
    rf_rpc_call_listen(call, &events, w);
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
        (void)rf_rpc_send(w->call, &out.base, NULL); /* a watcher that does not read misses it */
    }
    (void)pthread_mutex_unlock(&b->mutex);
}

void rf_rpc_builtin_stop(rf_rpc_builtin *b)
{
    (void)pthread_mutex_lock(&b->mutex);
    while (b->watchers != NULL) {
        watcher *w = b->watchers;
        (void)forget(w);
        rf_rpc_end(w->call, NULL);
        free(w);
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
