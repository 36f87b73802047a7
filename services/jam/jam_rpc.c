#include "jam_rpc_internal.h"

#include "jam_asyncapi.h"
#include "jam_view.h"

#include <reflection/jam/v1/jam.rpc.h>

#define QUEUE_MAX ((size_t)8 << 20) /* bytes of one socket: chunks in hand, and a replay's last */

/* ---- documents: asked for on the library's threads, made on the loop ---- */

typedef int (*make_fn)(const jam_service *service, const char *tenant, uint32_t limit,
                       const char *text, rf_buf *out, rf_status *st);

typedef struct asked {
    const jam_service *service;
    rf_rpc_call *call;
    make_fn make;
    uint32_t limit;
    char *text; /* cursor or id */
} asked;

static void reply(rf_rpc_call *call, rf_buf *json, int err, const rf_status *st)
{
    Jam__V1__Document document = JAM__V1__DOCUMENT__INIT;
    Rpc__V1__Json text = RPC__V1__JSON__INIT;
    if (err < 0) {
        rf_rpc_fail(call, st);
    } else {
        text.text = (char *)(uintptr_t)rf_buf_str(json);
        document.json = &text;
        rf_rpc_reply(call, &document.base, NULL);
    }
}

static void answer(void *user)
{
    asked *a = user;
    rf_buf json;
    rf_status st = RF_STATUS_OK;
    rf_buf_init(&json, JAM_VIEW_MAX);
    int err = a->make(a->service, rf_rpc_call_meta(a->call)->tenant, a->limit, a->text, &json, &st);
    reply(a->call, &json, err, &st);
    rf_buf_done(&json);
    free(a->text);
    free(a);
}

static void ask(rf_rpc_call *call, const jam_rpc *rpc, make_fn make, uint32_t limit,
                const char *text)
{
    asked *a = RF_NEW(asked);
    *a = (asked){.service = rpc->service,
                 .call = call,
                 .make = make,
                 .limit = limit,
                 .text = rf_strdup(text)};
    rf_loop_post(rpc->service->loop, answer, a);
}

static int make_sessions(const jam_service *s, const char *tenant, uint32_t limit,
                         const char *cursor, rf_buf *out, rf_status *st)
{
    return jam_view_sessions(s, tenant, limit, cursor, out, st);
}

static int make_session(const jam_service *s, const char *tenant, uint32_t limit, const char *id,
                        rf_buf *out, rf_status *st)
{
    (void)limit;
    return jam_view_session(s, tenant, id, out, st);
}

#define MAKE_PLAIN(name)                                                                           \
    static int make_##name(const jam_service *s, const char *tenant, uint32_t limit,               \
                           const char *text, rf_buf *out, rf_status *st)                           \
    {                                                                                              \
        (void)tenant;                                                                              \
        (void)limit;                                                                               \
        (void)text;                                                                                \
        return jam_view_##name(s, out, st);                                                        \
    }
MAKE_PLAIN(engines)
MAKE_PLAIN(health)
MAKE_PLAIN(model)

static void list_sessions(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    const Jam__V1__ListSessionsRequest *m = (const Jam__V1__ListSessionsRequest *)request;
    ask(call, user, make_sessions, m->limit, m->cursor);
}

static void get_session(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    ask(call, user, make_session, 0, ((const Jam__V1__GetSessionRequest *)request)->id);
}

static void get_engines(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    (void)request;
    ask(call, user, make_engines, 0, "");
}

static void get_health(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    (void)request;
    ask(call, user, make_health, 0, "");
}

static void get_model_config(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    (void)request;
    ask(call, user, make_model, 0, "");
}

/* Needs nothing of the loop. */
static void get_async_api(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    rf_buf json;
    rf_status st = RF_STATUS_OK;
    (void)request;
    (void)user;
    rf_buf_init(&json, JAM_ASYNCAPI_MAX);
    int err = jam_asyncapi_write(&json, "");
    if (err < 0) {
        (void)rf_status_from_errno(&st, err, "document");
    }
    reply(call, &json, err, &st);
    rf_buf_done(&json);
}

static void handle(jam_rpc *rpc, const rf_rpc_method *method, rf_rpc_unary_fn fn)
{
    rf_rpc_server_handle_unary(rpc->server, &jam_v1_jam_service, method, fn, rpc);
}

static void register_documents(jam_rpc *rpc)
{
    handle(rpc, JAM_V1_JAM_SERVICE_LIST_SESSIONS, list_sessions);
    handle(rpc, JAM_V1_JAM_SERVICE_GET_SESSION, get_session);
    handle(rpc, JAM_V1_JAM_SERVICE_GET_ENGINES, get_engines);
    handle(rpc, JAM_V1_JAM_SERVICE_GET_HEALTH, get_health);
    handle(rpc, JAM_V1_JAM_SERVICE_GET_MODEL_CONFIG, get_model_config);
    handle(rpc, JAM_V1_JAM_SERVICE_GET_ASYNC_API, get_async_api);
}

/* ---- life ---- */

int jam_rpc_start(jam_service *service, const char *listen, jam_rpc **ret)
{
    const rf_rpc_tls tls = {.ca_file = service->config->rpc_tls.ca,
                            .cert_file = service->config->rpc_tls.cert,
                            .key_file = service->config->rpc_tls.key};
    const rf_rpc_server_config config = {
        .listen = listen, .tls = tls.ca_file[0] != '\0' ? &tls : NULL, .max_queue = QUEUE_MAX};
    jam_rpc *rpc = RF_NEW(jam_rpc);
    rpc->service = service;
    int err = rf_rpc_server_new(&config, &rpc->server);
    if (err == 0) {
        register_documents(rpc);
        jam_socket_rpc_register(rpc);
        jam_render_rpc_register(rpc);
        err = rf_rpc_server_start(rpc->server);
    }
    if (err < 0) {
        rf_rpc_server_free(rpc->server);
        free(rpc);
        return err;
    }
    rf_rpc_server_set_health(rpc->server, RF_RPC_READY, NULL);
    *ret = rpc;
    return 0;
}

void jam_rpc_drain(jam_rpc *rpc)
{
    atomic_store(&rpc->draining, true);
    rf_rpc_server_set_health(rpc->server, RF_RPC_DRAINING, "stopping");
    (void)rf_rpc_server_drain(rpc->server, 0);
}

size_t jam_rpc_calls(jam_rpc *rpc)
{
    return rf_rpc_server_calls(rpc->server);
}

jam_rpc *jam_rpc_stop(jam_rpc *rpc)
{
    if (rpc != NULL) {
        rf_loop *loop = rpc->service->loop;
        rf_rpc_server_free(rpc->server);
        rf_loop_settle(loop); /* what the ended calls have posted */
        free(rpc);
    }
    return NULL;
}
