#include "gateway_jam_rpc.h"

#include "gateway_answer.h"
#include "gateway_call.h"
#include "rf_time.h"

#include <reflection/jam/v1/jam.pb-c.h>
#include <reflection/jam/v1/jam.rpc.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define RENDER_TIMEOUT_NS (600 * RF_NS_PER_S)

struct gateway_jam_rpc {
    rf_rpc_channel *channel;
};

int gateway_jam_rpc_open(const char *targets, const gateway_config *config, gateway_jam_rpc **ret)
{
    gateway_jam_rpc *jam = RF_NEW(gateway_jam_rpc);
    int err = gateway_call_channel(targets, config, config->write_wait_ms, &jam->channel);
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

/* ---- documents ---- */

static int read_document(const ProtobufCMessage *reply, rf_buf *json)
{
    const Jam__V1__Document *d = (const Jam__V1__Document *)reply;
    return d->json != NULL ? rf_buf_append_str(json, d->json->text) : -ENODATA;
}

static void get_document(gateway_exchange *ex, const rf_rpc_method *method,
                         const ProtobufCMessage *request, gateway_reply_fn fn)
{
    gateway_call(ex, ex->gw->jam->channel, method, 0, request, read_document, fn);
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

static void read_part(const ProtobufCMessage *message, bool first, gateway_feed_said *said)
{
    const Jam__V1__RenderPart *p = (const Jam__V1__RenderPart *)message;
    if (first) {
        rf_copy_str(said->type, sizeof(said->type), p->content_type);
        (void)snprintf(said->headers, sizeof(said->headers), "X-Seed: %" PRIu64 "\r\n", p->seed);
        said->length = p->size > 0 ? p->size : GATEWAY_LENGTH_UNKNOWN;
    }
}

gateway_feed *gateway_jam_rpc_render(gateway_exchange *ex, const void *json,
                                     const gateway_feed_events *events, void *user)
{
    Jam__V1__RenderRequest r = JAM__V1__RENDER_REQUEST__INIT;
    r.json = (char *)(uintptr_t)json;
    return gateway_feed_open(ex, ex->gw->jam->channel, JAM_V1_JAM_SERVICE_RENDER,
                             rf_time_ns() + RENDER_TIMEOUT_NS, &r.base, read_part, events, user);
}
