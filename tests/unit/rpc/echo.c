#include "echo.h"

#include "rf_time.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_HELD 20000
#define WAIT_NS (10 * RF_NS_PER_S)

static void count(echo *e, size_t *counter)
{
    (void)pthread_mutex_lock(&e->mutex);
    (*counter)++;
    (void)pthread_cond_broadcast(&e->changed);
    (void)pthread_mutex_unlock(&e->mutex);
}

static void on_done(rf_rpc_call *call, const rf_status *status, void *user)
{
    (void)call;
    echo *e = (echo *)user;
    (void)pthread_mutex_lock(&e->mutex);
    e->last_done = status->code;
    (void)pthread_mutex_unlock(&e->mutex);
    count(e, &e->n_done);
}

static void hold(echo *e, rf_rpc_call *call)
{
    (void)pthread_mutex_lock(&e->mutex);
    if (e->n_held == MAX_HELD) {
        abort();
    }
    e->held[e->n_held++] = call;
    (void)pthread_cond_broadcast(&e->changed);
    (void)pthread_mutex_unlock(&e->mutex);
}

rf_rpc_call *echo_take(echo *e)
{
    (void)pthread_mutex_lock(&e->mutex);
    rf_rpc_call *call = e->n_held > 0 ? e->held[--e->n_held] : NULL;
    (void)pthread_mutex_unlock(&e->mutex);
    return call;
}

static void on_unary(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    echo *e = (echo *)user;
    count(e, &e->n_unary);
    rf_rpc_msg msg = rf_rpc_call_attachment(call);
    rf_rpc_attachment a = {.data = msg.attachment, .len = msg.attachment_len};
    rf_rpc_reply(call, request, msg.attachment_len > 0 ? &a : NULL);
}

static void on_obey(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    static const rf_rpc_events events = {.done = on_done};
    echo *e = (echo *)user;
    const Rpc__Test__Order *o = (const Rpc__Test__Order *)request;
    count(e, &e->n_unary);
    if (o->hold) {
        rf_rpc_call_listen(call, &events, e);
        hold(e, call);
        return;
    }
    if (o->code != 0) {
        rf_status st;
        (void)rf_status_set(&st, (rf_code)o->code, "%s", o->message);
        rf_rpc_fail(call, &st);
        return;
    }
    Rpc__Test__Ping out = RPC__TEST__PING__INIT;
    out.text = o->message;
    rf_rpc_reply(call, &out.base, NULL);
}

/* ---- download: count messages of size, as fast as the peer reads ---- */

typedef struct download {
    echo *e;
    uint32_t left, size, attachment;
    bool hold;
    uint8_t *body;
    uint32_t code;
} download;

static void download_free(download *d)
{
    free(d->body);
    free(d);
}

static void download_more(rf_rpc_call *call, void *user)
{
    download *d = (download *)user;
    while (d->left > 0) {
        Rpc__Test__Ping out = RPC__TEST__PING__INIT;
        out.number = d->left;
        out.body = (ProtobufCBinaryData){d->size, d->body};
        rf_rpc_attachment a = {.data = d->body, .len = d->attachment};
        if (rf_rpc_send(call, &out.base, d->attachment > 0 ? &a : NULL) != 0) {
            return; /* writable or done follows */
        }
        d->left--;
    }
    if (d->hold) {
        return;
    }
    rf_status st = {.code = RF_OK};
    if (d->code != 0) {
        (void)rf_status_set(&st, (rf_code)d->code, "ordered");
    }
    rf_rpc_end(call, &st);
    download_free(d);
}

static void download_request(rf_rpc_call *call, const rf_rpc_msg *msg, void *user)
{
    download *d = (download *)user;
    ProtobufCMessage *m = NULL;
    if (rf_rpc_unpack(&rpc__test__order__descriptor, msg->data, msg->len, &m) != 0) {
        abort();
    }
    const Rpc__Test__Order *o = (const Rpc__Test__Order *)m;
    d->left = o->count;
    d->size = o->size;
    d->attachment = o->attachment;
    d->hold = o->hold;
    d->code = o->code;
    d->body = (uint8_t *)calloc(1, RF_MAX(RF_MAX(o->size, o->attachment), 1u));
    (void)rf_rpc_message_free(m);
    download_more(call, d);
}

static void download_done(rf_rpc_call *call, const rf_status *status, void *user)
{
    download *d = (download *)user;
    on_done(call, status, d->e);
    rf_rpc_end(call, status);
    download_free(d);
}

static void on_download(rf_rpc_call *call, void *user)
{
    static const rf_rpc_events events = {
        .message = download_request, .writable = download_more, .done = download_done};
    download *d = RF_NEW(download);
    d->e = (echo *)user;
    rf_rpc_call_listen(call, &events, d);
}

/* ---- upload: sums ---- */

typedef struct upload {
    echo *e;
    int64_t sum;
    uint32_t n;
} upload;

static void upload_message(rf_rpc_call *call, const rf_rpc_msg *msg, void *user)
{
    upload *u = (upload *)user;
    ProtobufCMessage *m = NULL;
    (void)call;
    if (rf_rpc_unpack(&rpc__test__ping__descriptor, msg->data, msg->len, &m) == 0) {
        u->sum += ((const Rpc__Test__Ping *)m)->number;
        u->n++;
        (void)rf_rpc_message_free(m);
    }
}

static void upload_end(rf_rpc_call *call, void *user)
{
    upload *u = (upload *)user;
    Rpc__Test__Ping out = RPC__TEST__PING__INIT;
    out.number = u->sum;
    out.n_counts = 1;
    out.counts = &u->n;
    rf_rpc_reply(call, &out.base, NULL);
    free(u);
}

static void upload_done(rf_rpc_call *call, const rf_status *status, void *user)
{
    upload *u = (upload *)user;
    on_done(call, status, u->e);
    rf_rpc_end(call, status);
    free(u);
}

static void on_upload(rf_rpc_call *call, void *user)
{
    static const rf_rpc_events events = {
        .message = upload_message, .half_close = upload_end, .done = upload_done};
    upload *u = RF_NEW(upload);
    u->e = (echo *)user;
    rf_rpc_call_listen(call, &events, u);
}

/* ---- chat: sends back each message ---- */

static void chat_message(rf_rpc_call *call, const rf_rpc_msg *msg, void *user)
{
    (void)user;
    rf_rpc_attachment a = {.data = msg->attachment, .len = msg->attachment_len};
    (void)rf_rpc_send_raw(call, msg->data, msg->len, msg->attachment_len > 0 ? &a : NULL);
}

static void chat_end(rf_rpc_call *call, void *user)
{
    (void)user;
    rf_rpc_end(call, NULL);
}

static void chat_done(rf_rpc_call *call, const rf_status *status, void *user)
{
    on_done(call, status, user);
    rf_rpc_end(call, status);
}

static void on_chat(rf_rpc_call *call, void *user)
{
    static const rf_rpc_events events = {
        .message = chat_message, .half_close = chat_end, .done = chat_done};
    rf_rpc_call_listen(call, &events, user);
}

/* ---- life ---- */

static void add_handlers(echo *e)
{
    const rf_rpc_service *s = &rpc_test_echo;
    rf_rpc_server_handle_unary(e->server, s, RPC_TEST_ECHO_UNARY, on_unary, e);
    rf_rpc_server_handle_unary(e->server, s, RPC_TEST_ECHO_ONCE, on_unary, e);
    rf_rpc_server_handle_unary(e->server, s, RPC_TEST_ECHO_OBEY, on_obey, e);
    rf_rpc_server_handle_stream(e->server, s, RPC_TEST_ECHO_DOWNLOAD, on_download, e);
    rf_rpc_server_handle_stream(e->server, s, RPC_TEST_ECHO_UPLOAD, on_upload, e);
    rf_rpc_server_handle_stream(e->server, s, RPC_TEST_ECHO_CHAT, on_chat, e);
}

static void name_url(echo *e, const char *listen)
{
    const char *colon = strrchr(listen, ':');
    if (strstr(listen, "tcp://") != NULL && strcmp(colon, ":0") == 0) {
        (void)snprintf(e->url, sizeof(e->url), "%.*s:%u", (int)(colon - listen), listen,
                       rf_rpc_server_port(e->server, 0));
        return;
    }
    (void)rf_copy_str(e->url, sizeof(e->url), listen);
}

echo *echo_start(const char *listen, const rf_rpc_server_config *config)
{
    static const rf_rpc_server_config none;
    echo *e = RF_NEW(echo);
    (void)pthread_mutex_init(&e->mutex, NULL);
    rf_cond_init(&e->changed);
    e->held = RF_NEW_ARRAY(rf_rpc_call *, MAX_HELD);
    char path[96] = "";
    if (listen == NULL) {
        (void)rf_copy_str(e->dir, sizeof(e->dir), "/tmp/rf-rpc-XXXXXX");
        if (mkdtemp(e->dir) == NULL) {
            abort();
        }
        (void)snprintf(path, sizeof(path), "ipc://%s/s", e->dir);
        listen = path;
    }
    rf_rpc_server_config c = config != NULL ? *config : none;
    c.listen = listen;
    if (rf_rpc_server_new(&c, &e->server) != 0) {
        abort();
    }
    add_handlers(e);
    if (rf_rpc_server_start(e->server) != 0) {
        abort();
    }
    rf_rpc_server_set_health(e->server, RF_RPC_READY, NULL);
    name_url(e, listen);
    return e;
}

rf_rpc_channel *echo_connect(echo *e, const rf_rpc_channel_config *config)
{
    static const rf_rpc_channel_config none;
    rf_rpc_channel_config c = config != NULL ? *config : none;
    c.target = c.target != NULL ? c.target : e->url;
    if (rf_rpc_channel_open(&c, &e->channel) != 0) {
        abort();
    }
    return e->channel;
}

echo *echo_stop(echo *e)
{
    e->channel = rf_rpc_channel_close(e->channel);
    e->server = rf_rpc_server_free(e->server);
    for (rf_rpc_call *call = echo_take(e); call != NULL; call = echo_take(e)) {
        rf_rpc_end(call, NULL);
    }
    if (e->dir[0] != '\0') {
        char path[96];
        (void)snprintf(path, sizeof(path), "%s/s", e->dir);
        (void)unlink(path);
        (void)rmdir(e->dir);
    }
    (void)pthread_cond_destroy(&e->changed);
    (void)pthread_mutex_destroy(&e->mutex);
    free(e->held);
    free(e);
    return NULL;
}

bool echo_wait(echo *e, const size_t *counter, size_t n)
{
    int64_t at_ns = rf_time_ns() + WAIT_NS;
    int err = 0;
    (void)pthread_mutex_lock(&e->mutex);
    while (*counter < n && err == 0) {
        err = rf_time_wait_until(&e->changed, &e->mutex, at_ns);
    }
    bool ok = *counter >= n;
    (void)pthread_mutex_unlock(&e->mutex);
    return ok;
}

int echo_unary(rf_rpc_channel *channel, const char *text, rf_status *st)
{
    Rpc__Test__Ping ping = RPC__TEST__PING__INIT;
    ping.text = (char *)(uintptr_t)text;
    ProtobufCMessage *reply = NULL;
    int err = rf_rpc_invoke(channel, RPC_TEST_ECHO_UNARY, NULL, &ping.base, &reply, st);
    if (err == 0 && strcmp(((const Rpc__Test__Ping *)reply)->text, text) != 0) {
        err = -EBADMSG;
    }
    (void)rf_rpc_message_free(reply);
    return err;
}

int echo_obey(rf_rpc_channel *channel, const Rpc__Test__Order *order, const rf_rpc_options *options,
              rf_status *st)
{
    ProtobufCMessage *reply = NULL;
    int err = rf_rpc_invoke(channel, RPC_TEST_ECHO_OBEY, options, &order->base, &reply, st);
    (void)rf_rpc_message_free(reply);
    return err;
}

rf_rpc_options echo_within(int64_t ms)
{
    return (rf_rpc_options){.deadline_ns = rf_time_ns() + ms * RF_NS_PER_MS};
}

#ifdef __SANITIZE_THREAD__
/* nng is not compiled with the sanitizer, which cannot see how its reaper waits before it frees. */
const char *__tsan_default_suppressions(void);

const char *__tsan_default_suppressions(void)
{
    return "race:libnng.so\n";
}
#endif

#ifdef __SANITIZE_ADDRESS__
/* Criterion leaks a little where a test starts processes of its own. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libcriterion\n";
}
#endif
