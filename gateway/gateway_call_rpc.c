#include "gateway_call.h"

#define CALL_TIMEOUT_MS 10000
#define JSON_MAX_BYTES (16u << 20)

int gateway_call_channel(const char *targets, const gateway_config *config, int64_t wait_ms,
                         rf_rpc_channel **ret)
{
    const rf_rpc_files *files = &config->rpc_tls;
    const rf_rpc_tls tls = {.ca_file = files->ca, .cert_file = files->cert, .key_file = files->key};
    const rf_rpc_channel_config channel = {
        .target = targets,
        .tls = files->ca[0] != '\0' ? &tls : NULL,
        .timeout_ms = RF_MAX((int64_t)CALL_TIMEOUT_MS, wait_ms),
        .wait_ready_ms = wait_ms,
    };
    return rf_rpc_channel_open(&channel, ret);
}

rf_rpc_options gateway_call_options(gateway_exchange *ex)
{
    if (ex->traceparent[0] == '\0') {
        gateway_exchange_trace(ex);
    }
    return (rf_rpc_options){.request_id = ex->request_id,
                            .traceparent = ex->traceparent,
                            .tenant = ex->caller.application_id,
                            .scopes = ex->caller.scopes};
}

typedef struct one_call {
    gateway_exchange *ex;
    gateway_call_reader read;
    gateway_reply_fn fn;
    gateway_reply reply;
} one_call;

static void deliver(void *user)
{
    one_call *call = user;
    call->fn(call->ex, &call->reply);
    gateway_exchange_unref(call->ex);
    rf_buf_done(&call->reply.json);
    free(call);
}

static void on_done(rf_rpc_result *result, void *user)
{
    one_call *call = user;
    call->reply.status = *result->status;
    if (result->status->code == RF_OK && call->read(result->message, &call->reply.json) < 0) {
        (void)rf_status_set(&call->reply.status, RF_INTERNAL, "no document");
    }
    rf_loop_post(call->ex->loop->loop, deliver, call);
}

void gateway_call(gateway_exchange *ex, rf_rpc_channel *channel, const rf_rpc_method *method,
                  int64_t deadline_ns, const ProtobufCMessage *request, gateway_call_reader read,
                  gateway_reply_fn fn)
{
    rf_rpc_options options = gateway_call_options(ex);
    options.deadline_ns = deadline_ns;
    one_call *call = RF_NEW(one_call);
    call->ex = gateway_exchange_ref(ex);
    call->read = read;
    call->fn = fn;
    rf_buf_init(&call->reply.json, JSON_MAX_BYTES);
    rf_rpc_unary(channel, method, &options, request, NULL, on_done, call, NULL);
}
