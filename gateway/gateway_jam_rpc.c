#include "gateway_jam_rpc.h"

#include "rf_log.h"
#include "rf_rpc.h"
#include "rf_time.h"

#include <reflection/jam/v1/jam.pb-c.h>
#include <reflection/jam/v1/jam.rpc.h>

#include <errno.h>
#include <string.h>

#define CALL_TIMEOUT_MS 10000
#define RENDER_TIMEOUT_NS (600 * RF_NS_PER_S)
#define JSON_MAX_BYTES (16u << 20)

struct gateway_jam_rpc {
    rf_rpc_channel *channel;
};

int gateway_jam_rpc_open(const char *targets, const gateway_config *config, gateway_jam_rpc **ret)
{
    const rf_rpc_tls tls = {.ca_file = config->rpc_tls.ca,
                            .cert_file = config->rpc_tls.cert,
                            .key_file = config->rpc_tls.key};
    const rf_rpc_channel_config channel_config = {
        .target = targets,
        .tls = config->rpc_tls.ca[0] != '\0' ? &tls : NULL,
        .timeout_ms = CALL_TIMEOUT_MS,
        .wait_ready_ms = config->write_wait_ms,
    };
    gateway_jam_rpc *jam = RF_NEW(gateway_jam_rpc);
    int err = rf_rpc_channel_open(&channel_config, &jam->channel);
    if (err < 0) {
        free(jam);
        return err;
    }
    *ret = jam;
    return 0;
}

gateway_jam_rpc *gateway_jam_rpc_close(gateway_jam_rpc *jam)
{
    if (jam != NULL) {
        rf_rpc_channel_close(jam->channel);
        free(jam);
    }
    return NULL;
}

bool gateway_jam_rpc_ready(gateway_jam_rpc *jam)
{
    return rf_rpc_channel_is_ready(jam->channel);
}

static rf_rpc_options options_of(gateway_exchange *ex)
{
    if (ex->traceparent[0] == '\0') {
        gateway_exchange_trace(ex);
    }
    return (rf_rpc_options){.request_id = ex->request_id,
                            .traceparent = ex->traceparent,
                            .tenant = ex->caller.application_id};
}

/* ---- documents ---- */

typedef struct document_call {
    gateway_exchange *ex;
    gateway_reply_fn fn;
    gateway_reply reply;
} document_call;

static void deliver_document(void *user)
{
    document_call *call = user;
    call->fn(call->ex, &call->reply);
    gateway_exchange_unref(call->ex);
    rf_buf_done(&call->reply.json);
    free(call);
}

static void on_document(rf_rpc_result *result, void *user)
{
    document_call *call = user;
    call->reply.status = *result->status;
    if (result->status->code == RF_OK) {
        const Jam__V1__Document *d = (const Jam__V1__Document *)result->message;
        if (d->json == NULL || rf_buf_append_str(&call->reply.json, d->json->text) < 0) {
            rf_status_set(&call->reply.status, RF_INTERNAL, "no document");
        }
    }
    rf_loop_post(call->ex->loop->loop, deliver_document, call);
}

static void get_document(gateway_exchange *ex, const rf_rpc_method *method,
                         const ProtobufCMessage *request, gateway_reply_fn fn)
{
    const rf_rpc_options options = options_of(ex);
    document_call *call = RF_NEW(document_call);
    call->ex = gateway_exchange_ref(ex);
    call->fn = fn;
    rf_buf_init(&call->reply.json, JSON_MAX_BYTES);
    rf_rpc_unary(ex->gw->jam->channel, method, &options, request, NULL, on_document, call, NULL);
}

void gateway_jam_rpc_list_sessions(gateway_exchange *ex, uint32_t limit, const char *cursor,
                                   gateway_reply_fn fn)
{
    Jam__V1__ListSessionsRequest r = JAM__V1__LIST_SESSIONS_REQUEST__INIT;
    r.limit = limit;
    r.cursor = (char *)(uintptr_t)cursor;
    get_document(ex, JAM_V1_JAM_SERVICE_LIST_SESSIONS, &r.base, fn);
}

void gateway_jam_rpc_get_session(gateway_exchange *ex, gateway_reply_fn fn)
{
    Jam__V1__GetSessionRequest r = JAM__V1__GET_SESSION_REQUEST__INIT;
    r.id = ex->id;
    get_document(ex, JAM_V1_JAM_SERVICE_GET_SESSION, &r.base, fn);
}

void gateway_jam_rpc_get_engines(gateway_exchange *ex, gateway_reply_fn fn)
{
    Jam__V1__GetEnginesRequest r = JAM__V1__GET_ENGINES_REQUEST__INIT;
    get_document(ex, JAM_V1_JAM_SERVICE_GET_ENGINES, &r.base, fn);
}

void gateway_jam_rpc_get_health(gateway_exchange *ex, gateway_reply_fn fn)
{
    Jam__V1__GetHealthRequest r = JAM__V1__GET_HEALTH_REQUEST__INIT;
    get_document(ex, JAM_V1_JAM_SERVICE_GET_HEALTH, &r.base, fn);
}

void gateway_jam_rpc_get_model_config(gateway_exchange *ex, gateway_reply_fn fn)
{
    Jam__V1__GetModelConfigRequest r = JAM__V1__GET_MODEL_CONFIG_REQUEST__INIT;
    get_document(ex, JAM_V1_JAM_SERVICE_GET_MODEL_CONFIG, &r.base, fn);
}

void gateway_jam_rpc_get_async_api(gateway_exchange *ex, gateway_reply_fn fn)
{
    Jam__V1__GetAsyncApiRequest r = JAM__V1__GET_ASYNC_API_REQUEST__INIT;
    get_document(ex, JAM_V1_JAM_SERVICE_GET_ASYNC_API, &r.base, fn);
}

/* ---- sockets ---- */

gateway_socket *gateway_jam_rpc_socket(gateway_exchange *ex, const gateway_socket_client *client,
                                       const gateway_socket_events *events, void *user)
{
    return gateway_socket_open(ex->gw->jam->channel, JAM_V1_JAM_SERVICE_SOCKET, client,
                               ex->loop->loop, events, user);
}

/* ---- render ---- */

struct gateway_render_call {
    rf_rpc_call *call;
    rf_loop *loop;
    const gateway_render_events *events;
    void *user;       /* NULL: cancelled */
    rf_status status; /* written before the end is posted */
};

static void deliver_part(void *user)
{
    gateway_render_part *part = user;
    gateway_render_call *c = part->call;
    if (c->user != NULL) {
        c->events->part(c->user, part);
    } else {
        free(part);
    }
}

static gateway_render_part *new_part(const Jam__V1__RenderPart *p, const rf_rpc_msg *msg)
{
    gateway_render_part *part = malloc(sizeof(*part) + msg->attachment_len);
    if (part == NULL) {
        return NULL;
    }
    memset(part, 0, sizeof(*part));
    rf_copy_str(part->content_type, sizeof(part->content_type), p->content_type);
    part->seed = p->seed;
    part->size = p->size;
    part->credit = msg->len + msg->attachment_len;
    part->len = msg->attachment_len;
    if (part->len > 0) {
        memcpy(part->data, msg->attachment, part->len);
    }
    return part;
}

static void on_part(rf_rpc_call *call, const rf_rpc_msg *msg, void *user)
{
    gateway_render_call *c = user;
    ProtobufCMessage *m = NULL;
    gateway_render_part *part = NULL;
    if (rf_rpc_unpack(&jam__v1__render_part__descriptor, msg->data, msg->len, &m) == 0) {
        part = new_part((const Jam__V1__RenderPart *)m, msg);
    }
    rf_rpc_message_free(m);
    if (part == NULL) {
        rf_rpc_cancel(call);
        return;
    }
    part->call = c;
    rf_loop_post(c->loop, deliver_part, part);
}

static void deliver_render_end(void *user)
{
    gateway_render_call *c = user;
    if (c->user != NULL) {
        c->events->ended(c->user, &c->status);
    }
    rf_rpc_call_free(c->call);
    free(c);
}

static void on_render_done(rf_rpc_call *call, const rf_status *status, void *user)
{
    gateway_render_call *c = user;
    (void)call;
    c->status = *status;
    rf_loop_post(c->loop, deliver_render_end, c);
}

gateway_render_call *gateway_jam_rpc_render(gateway_exchange *ex, const char *json,
                                            const gateway_render_events *events, void *user)
{
    static const rf_rpc_events rpc_events = {
        .message = on_part, .done = on_render_done, .manual_credit = true};
    Jam__V1__RenderRequest r = JAM__V1__RENDER_REQUEST__INIT;
    rf_rpc_options options = options_of(ex);
    options.deadline_ns = rf_time_ns() + RENDER_TIMEOUT_NS;
    gateway_render_call *c = RF_NEW(gateway_render_call);
    c->loop = ex->loop->loop;
    c->events = events;
    c->user = user;
    r.json = (char *)(uintptr_t)json;
    c->call =
        rf_rpc_open(ex->gw->jam->channel, JAM_V1_JAM_SERVICE_RENDER, &options, &rpc_events, c);
    rf_rpc_send(c->call, &r.base, NULL); /* the only one: there is room */
    return c;
}

void gateway_jam_rpc_part_free(gateway_render_part *part, gateway_render_call *call)
{
    if (call != NULL) {
        rf_rpc_consumed(call->call, part->credit);
    }
    free(part);
}

void gateway_jam_rpc_render_cancel(gateway_render_call *call)
{
    call->user = NULL;
    rf_rpc_cancel(call->call);
}
