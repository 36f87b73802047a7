#include "echo.h"

#include "client.h"
#include "fixture.h"
#include "rf_base.h"
#include "rf_buf.h"
#include "rf_rpc.h"
#include "rf_time.h"

#include <reflection/jam/v1/jam.pb-c.h>
#include <reflection/jam/v1/jam.rpc.h>

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define READY_MS 10000
#define QUEUE_MAX (64u << 20)
#define RENDER_PART 65536
#define RENDER_PAUSE_US 2500000

typedef struct echo_socket {
    rf_rpc_call *call;
    struct echo_socket *next;
    bool opened;
    bool closed;
    bool deaf;
    size_t owed;    /* credit kept while deaf */
    char text[512]; /* of Opened */
    uint64_t taken;
    size_t flood; /* frames to send */
    size_t flood_size;
} echo_socket;

static struct {
    rf_rpc_server *server;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    echo_socket *sockets;
    size_t n_sockets;
    unsigned closed; /* 0: none since it was asked for */
    _Atomic(bool) out_of_order;
} echo = {.mutex = PTHREAD_MUTEX_INITIALIZER};

uint8_t echo_pattern(size_t i)
{
    return (uint8_t)(i * 31 + i / 251);
}

/* ---- frames ---- */

static uint8_t *pattern(size_t len)
{
    uint8_t *data = malloc(len + 1);
    for (size_t i = 0; i < len; i++) {
        data[i] = echo_pattern(i);
    }
    return data;
}

static int send_frame(echo_socket *s, Socket__V1__Frame *f, const void *data, size_t len)
{
    const rf_rpc_attachment attachment = {.data = data, .len = len};
    Socket__V1__ToClient m = SOCKET__V1__TO_CLIENT__INIT;
    m.kind_case = SOCKET__V1__TO_CLIENT__KIND_FRAME;
    m.frame = f;
    return rf_rpc_send(s->call, &m.base, len > 0 ? &attachment : NULL);
}

static void send_text(echo_socket *s, const char *text)
{
    Socket__V1__Frame f = SOCKET__V1__FRAME__INIT;
    send_frame(s, &f, text, strlen(text));
}

static void send_binary(echo_socket *s, size_t len)
{
    Socket__V1__Frame f = SOCKET__V1__FRAME__INIT;
    uint8_t *data = pattern(len);
    f.binary = true;
    send_frame(s, &f, data, len);
    free(data);
}

static void send_base64(echo_socket *s, size_t before, size_t len, size_t after)
{
    Socket__V1__Frame f = SOCKET__V1__FRAME__INIT;
    uint8_t *data = pattern(len);
    char *letters = malloc(before + after + 1);
    memset(letters, 'x', before + after);
    f.base64 = true;
    f.before = (ProtobufCBinaryData){.len = before, .data = (uint8_t *)letters};
    f.after = (ProtobufCBinaryData){.len = after, .data = (uint8_t *)letters};
    send_frame(s, &f, data, len);
    free(letters);
    free(data);
}

static void send_close(echo_socket *s, unsigned code, const char *reason)
{
    Socket__V1__Close close = SOCKET__V1__CLOSE__INIT;
    Socket__V1__ToClient m = SOCKET__V1__TO_CLIENT__INIT;
    close.code = code;
    close.reason = (char *)(uintptr_t)reason;
    m.kind_case = SOCKET__V1__TO_CLIENT__KIND_CLOSE;
    m.close = &close;
    rf_rpc_send(s->call, &m.base, NULL);
}

static void flood(echo_socket *s)
{
    Socket__V1__Frame f = SOCKET__V1__FRAME__INIT;
    uint8_t *data = pattern(s->flood_size);
    f.binary = true;
    while (s->flood > 0 && send_frame(s, &f, data, s->flood_size) == 0) {
        s->flood--;
    }
    free(data);
}

/* ---- life of a socket ---- */

static void forget(echo_socket *s)
{
    pthread_mutex_lock(&echo.mutex);
    echo_socket **at = &echo.sockets;
    while (*at != s) {
        at = &(*at)->next;
    }
    *at = s->next;
    echo.n_sockets--;
    pthread_cond_broadcast(&echo.changed);
    pthread_mutex_unlock(&echo.mutex);
    free(s);
}

static void end_call(echo_socket *s, rf_code code)
{
    rf_status st;
    rf_rpc_call *call = s->call;
    rf_status_set(&st, code, "%s", code == RF_OK ? "" : "as ordered");
    forget(s);
    rf_rpc_end(call, &st);
}

/* ---- orders ---- */

/* True when the call has been ended. */
static bool obey(echo_socket *s, const char *order)
{
    size_t a = 0;
    size_t b = 0;
    size_t c = 0;
    char word[32] = "";
    char text[600];
    sscanf(order, "!%31s %zu %zu %zu", word, &a, &b, &c);
    if (strcmp(word, "close") == 0) {
        const char *reason = strchr(order + 7, ' ');
        send_close(s, (unsigned)a, reason != NULL ? reason + 1 : "");
    } else if (strcmp(word, "end") == 0) {
        end_call(s, (rf_code)a);
        return true;
    } else if (strcmp(word, "base64") == 0) {
        send_base64(s, a, b, c);
    } else if (strcmp(word, "pair") == 0) {
        send_binary(s, a);
        send_text(s, "meta");
    } else if (strcmp(word, "flood") == 0) {
        s->flood = a;
        s->flood_size = b;
        flood(s);
    } else if (strcmp(word, "opened") == 0) {
        send_text(s, s->text);
    } else if (strcmp(word, "taken") == 0) {
        snprintf(text, sizeof(text), "%llu", (unsigned long long)s->taken);
        send_text(s, text);
    } else if (strcmp(word, "deaf") == 0) {
        pthread_mutex_lock(&echo.mutex);
        s->deaf = true;
        pthread_mutex_unlock(&echo.mutex);
    }
    return false;
}

/* ---- what the gateway sends ---- */

static void take_opened(echo_socket *s, const Socket__V1__Opened *o)
{
    s->opened = true;
    snprintf(s->text, sizeof(s->text), "tenant=%s scopes=%s key=%s address=%s query=%s",
             rf_rpc_call_meta(s->call)->tenant, rf_rpc_call_meta(s->call)->scopes, o->key_id,
             o->address, o->query);
}

static void take_closed(echo_socket *s, const Socket__V1__Closed *c)
{
    s->closed = true;
    pthread_mutex_lock(&echo.mutex);
    echo.closed = c->code;
    pthread_cond_broadcast(&echo.changed);
    pthread_mutex_unlock(&echo.mutex);
}

/* True when the call has been ended. */
static bool take_message(echo_socket *s, bool binary, const rf_rpc_msg *msg)
{
    Socket__V1__Frame f = SOCKET__V1__FRAME__INIT;
    if (!binary && msg->attachment_len > 0 && msg->attachment[0] == '!') {
        char *order = rf_strndup((const char *)msg->attachment, msg->attachment_len);
        bool ended = obey(s, order);
        free(order);
        return ended;
    }
    f.binary = binary;
    send_frame(s, &f, msg->attachment, msg->attachment_len);
    return false;
}

static bool take(echo_socket *s, const Socket__V1__FromClient *m, const rf_rpc_msg *msg)
{
    bool first = m->kind_case == SOCKET__V1__FROM_CLIENT__KIND_OPENED;
    if (first == s->opened || s->closed) {
        echo.out_of_order = true;
    }
    switch (m->kind_case) {
    case SOCKET__V1__FROM_CLIENT__KIND_OPENED:
        take_opened(s, m->opened);
        return false;
    case SOCKET__V1__FROM_CLIENT__KIND_TAKEN:
        s->taken = m->taken->frames;
        return false;
    case SOCKET__V1__FROM_CLIENT__KIND_CLOSED:
        take_closed(s, m->closed);
        return false;
    default:
        return take_message(s, m->kind_case == SOCKET__V1__FROM_CLIENT__KIND_BINARY, msg);
    }
}

static void on_message(rf_rpc_call *call, const rf_rpc_msg *msg, void *user)
{
    echo_socket *s = user;
    ProtobufCMessage *m = NULL;
    cr_assert_eq(rf_rpc_unpack(&socket__v1__from_client__descriptor, msg->data, msg->len, &m), 0);
    bool ended = take(s, (const Socket__V1__FromClient *)m, msg);
    rf_rpc_message_free(m);
    if (ended) {
        return;
    }
    pthread_mutex_lock(&echo.mutex);
    bool deaf = s->deaf;
    s->owed += deaf ? msg->len + msg->attachment_len : 0;
    pthread_mutex_unlock(&echo.mutex);
    if (!deaf) {
        rf_rpc_consumed(call, msg->len + msg->attachment_len);
    }
}

static void on_half_close(rf_rpc_call *call, void *user)
{
    (void)call;
    end_call(user, RF_OK);
}

static void on_writable(rf_rpc_call *call, void *user)
{
    (void)call;
    flood(user);
}

static void on_done(rf_rpc_call *call, const rf_status *status, void *user)
{
    (void)call;
    (void)status;
    end_call(user, RF_OK);
}

static void on_socket(rf_rpc_call *call, void *user)
{
    static const rf_rpc_events events = {.message = on_message,
                                         .half_close = on_half_close,
                                         .writable = on_writable,
                                         .done = on_done,
                                         .manual_credit = true};
    (void)user;
    echo_socket *s = RF_NEW(echo_socket);
    s->call = call;
    pthread_mutex_lock(&echo.mutex);
    s->next = echo.sockets;
    echo.sockets = s;
    echo.n_sockets++;
    pthread_mutex_unlock(&echo.mutex);
    rf_rpc_call_listen(call, &events, s);
}

/* ---- documents and renders ---- */

static void reply_json(rf_rpc_call *call, const char *json)
{
    Jam__V1__Document d = JAM__V1__DOCUMENT__INIT;
    Rpc__V1__Json text = RPC__V1__JSON__INIT;
    text.text = (char *)(uintptr_t)json;
    d.json = &text;
    rf_rpc_reply(call, &d.base, NULL);
}

static void fail(rf_rpc_call *call, rf_code code, const char *message)
{
    rf_status st;
    rf_status_set(&st, code, "%s", message);
    rf_rpc_fail(call, &st);
}

static void on_sessions(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    char json[256];
    const Jam__V1__ListSessionsRequest *r = (const Jam__V1__ListSessionsRequest *)request;
    (void)user;
    snprintf(json, sizeof(json),
             "{\"limit\":%u,\"cursor\":\"%s\",\"tenant\":\"%s\",\"scopes\":\"%s\"}", r->limit,
             r->cursor, rf_rpc_call_meta(call)->tenant, rf_rpc_call_meta(call)->scopes);
    reply_json(call, json);
}

static void on_session(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    char json[256];
    const Jam__V1__GetSessionRequest *r = (const Jam__V1__GetSessionRequest *)request;
    (void)user;
    if (r->id[0] == 'Z') {
        fail(call, RF_NOT_FOUND, "no such session");
        return;
    }
    snprintf(json, sizeof(json), "{\"id\":\"%s\"}", r->id);
    reply_json(call, json);
}

static void on_document(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    (void)request;
    reply_json(call, user);
}

typedef struct order {
    size_t size;
    bool unknown; /* the size is not told */
    bool cut;     /* a byte is missing; of an unknown size: the call fails at its end */
    bool more;    /* a byte too many */
    bool slow;    /* a pause behind the first part */
} order;

static void render(rf_rpc_call *call, const order *o)
{
    rf_status failed;
    Jam__V1__RenderPart part = JAM__V1__RENDER_PART__INIT;
    uint8_t *data = pattern(o->size);
    part.content_type = (char *)(uintptr_t)(o->unknown ? "audio/flac" : "audio/wav");
    part.seed = 4242;
    part.size = o->unknown ? 0 : o->size + o->cut - o->more;
    for (size_t at = 0; at < o->size;) {
        const rf_rpc_attachment piece = {.data = data + at,
                                         .len = RF_MIN(o->size - at, (size_t)RENDER_PART)};
        cr_expect_eq(rf_rpc_send(call, &part.base, &piece), 0);
        usleep(o->slow && at == 0 ? RENDER_PAUSE_US : 0);
        at += piece.len;
        part = (Jam__V1__RenderPart)JAM__V1__RENDER_PART__INIT;
    }
    free(data);
    rf_status_set(&failed, RF_INTERNAL, "as ordered");
    rf_rpc_end(call, o->unknown && o->cut ? &failed : NULL);
}

static bool says(const char *json, const char *word)
{
    return strstr(json, word) != NULL;
}

/* {"seconds":N} is a file of N bytes, and further words say which; "bad" and "busy" are refused. */
static void on_render_request(rf_rpc_call *call, const rf_rpc_msg *msg, void *user)
{
    ProtobufCMessage *m = NULL;
    order o = {.size = 0};
    (void)user;
    cr_assert_eq(rf_rpc_unpack(&jam__v1__render_request__descriptor, msg->data, msg->len, &m), 0);
    const char *json = ((const Jam__V1__RenderRequest *)m)->json;
    if (says(json, "bad")) {
        fail(call, RF_INVALID_ARGUMENT,
             "{\"code\":\"OUT_OF_RANGE\",\"message\":\"too "
             "short\",\"field\":\"seconds\",\"limit\":{\"min\":0.04}}");
    } else if (says(json, "busy")) {
        fail(call, RF_RESOURCE_EXHAUSTED, "two renders are at work");
    } else if (sscanf(json, "{\"seconds\":%zu", &o.size) == 1) {
        o.unknown = says(json, "unknown");
        o.cut = says(json, "cut");
        o.more = says(json, "more");
        o.slow = says(json, "slow");
        render(call, &o);
    } else {
        fail(call, RF_INTERNAL, "?");
    }
    rf_rpc_message_free(m);
}

static void on_render_done(rf_rpc_call *call, const rf_status *status, void *user)
{
    (void)call;
    (void)status;
    (void)user;
}

static void on_render_open(rf_rpc_call *call, void *user)
{
    static const rf_rpc_events events = {.message = on_render_request, .done = on_render_done};
    rf_rpc_call_listen(call, &events, user);
}

/* ---- start and stop ---- */

static void handle_documents(void)
{
    static const struct {
        const char *method;
        const char *json;
    } documents[] = {
        {"GetEngines", "{\"engines\":[]}"},
        {"GetHealth", "{\"ok\":true,\"status\":\"ready\",\"mode\":\"rt\"}"},
        {"GetModelConfig", "{\"mean_loaded\":false}"},
        {"GetAsyncApi", "{\"asyncapi\":\"3.0.0\"}"},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(documents); i++) {
        rf_rpc_server_handle_unary(echo.server, &jam_v1_jam_service,
                                   rf_rpc_service_method(&jam_v1_jam_service, documents[i].method),
                                   on_document, (char *)(uintptr_t)documents[i].json);
    }
}

/* Until a gateway that asks for a document gets it. */
static void wait_connected(void)
{
    int64_t end = rf_time_ns() + READY_MS * RF_NS_PER_MS;
    int status = 0;
    while (status != 200 && rf_time_ns() < end) {
        answer a = client_call("GET", "/health", "", NULL, NULL);
        status = a.status;
        answer_done(&a);
    }
    cr_assert_eq(status, 200, "the gateway does not find the service");
}

void echo_start(void)
{
    char listen[128];
    rf_cond_init(&echo.changed);
    snprintf(listen, sizeof(listen), "ipc://%s/run/jam.sock", fix.dir);
    const rf_rpc_server_config config = {.listen = listen, .max_queue = QUEUE_MAX};
    cr_assert_eq(rf_rpc_server_new(&config, &echo.server), 0);
    rf_rpc_server_handle_stream(echo.server, &jam_v1_jam_service, JAM_V1_JAM_SERVICE_SOCKET,
                                on_socket, NULL);
    rf_rpc_server_handle_stream(echo.server, &jam_v1_jam_service, JAM_V1_JAM_SERVICE_RENDER,
                                on_render_open, NULL);
    rf_rpc_server_handle_unary(echo.server, &jam_v1_jam_service, JAM_V1_JAM_SERVICE_LIST_SESSIONS,
                               on_sessions, NULL);
    rf_rpc_server_handle_unary(echo.server, &jam_v1_jam_service, JAM_V1_JAM_SERVICE_GET_SESSION,
                               on_session, NULL);
    handle_documents();
    cr_assert_eq(rf_rpc_server_start(echo.server), 0);
    rf_rpc_server_set_health(echo.server, RF_RPC_READY, NULL);
    wait_connected();
}

void echo_stop(int drain_ms)
{
    if (echo.server != NULL) {
        rf_rpc_server_drain(echo.server, drain_ms);
        echo.server = rf_rpc_server_free(echo.server);
    }
}

void echo_hear(void)
{
    pthread_mutex_lock(&echo.mutex);
    for (echo_socket *s = echo.sockets; s != NULL; s = s->next) {
        s->deaf = false;
        rf_rpc_consumed(s->call, s->owed);
        s->owed = 0;
    }
    pthread_mutex_unlock(&echo.mutex);
}

size_t echo_sockets(void)
{
    pthread_mutex_lock(&echo.mutex);
    size_t n = echo.n_sockets;
    pthread_mutex_unlock(&echo.mutex);
    return n;
}

unsigned echo_closed(int wait_ms)
{
    int64_t end = rf_time_ns() + wait_ms * RF_NS_PER_MS;
    pthread_mutex_lock(&echo.mutex);
    while (echo.closed == 0 && rf_time_wait_until(&echo.changed, &echo.mutex, end) == 0) {
    }
    unsigned code = echo.closed;
    echo.closed = 0;
    pthread_mutex_unlock(&echo.mutex);
    return code;
}

bool echo_in_order(void)
{
    return !echo.out_of_order;
}
