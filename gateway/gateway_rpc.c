#include "gateway_rpc_internal.h"

#include "rf_log.h"

#include <reflection/job/v1/job.pb-c.h>
#include <reflection/job/v1/job.rpc.h>

#include <string.h>

#define JSON_MAX_BYTES (64u << 20)

/* ---- life ---- */

int gateway_rpc_open(const char *targets, const gateway_config *config, gateway_rpc **ret)
{
    gateway_rpc *rpc = RF_NEW(gateway_rpc);
    const rf_rpc_file *file = job_v1_job_service.file;
    int err = rf_rpc_schema_new(file->set, file->set_len, &rpc->schema);
    err =
        err == 0 ? gateway_call_channel(targets, config, config->read_wait_ms, &rpc->patient) : err;
    err =
        err == 0 ? gateway_call_channel(targets, config, config->write_wait_ms, &rpc->hasty) : err;
    err =
        err == 0 ? gateway_call_channel(targets, config, config->read_wait_ms, &rpc->waiting) : err;
    if (err < 0) {
        gateway_rpc_close(rpc);
        return err;
    }
    *ret = rpc;
    return 0;
}

gateway_rpc *gateway_rpc_close(gateway_rpc *rpc)
{
    if (rpc != NULL) {
        rpc->patient = rpc->patient != NULL ? rf_rpc_channel_close(rpc->patient) : NULL;
        rpc->hasty = rpc->hasty != NULL ? rf_rpc_channel_close(rpc->hasty) : NULL;
        rpc->waiting = rpc->waiting != NULL ? rf_rpc_channel_close(rpc->waiting) : NULL;
        rpc->schema = rf_rpc_schema_free(rpc->schema);
        free(rpc);
    }
    return NULL;
}

bool gateway_rpc_ready(gateway_rpc *rpc)
{
    return rf_rpc_channel_is_ready(rpc->patient);
}

void gateway_rpc_rest(void)
{
    rf_rpc_rest();
}

/* ---- one call ---- */

static void deliver(void *user)
{
    gateway_rpc_call *call = user;
    call->fn(call->ex, &call->reply);
    gateway_exchange_unref(call->ex);
    rf_buf_done(&call->reply.json);
    free(call);
}

static void on_done(rf_rpc_result *result, void *user)
{
    gateway_rpc_call *call = user;
    call->reply.status = *result->status;
    if (result->status->code == RF_OK) {
        call->read(call, result);
    }
    rf_loop_post(call->ex->loop->loop, deliver, call);
}

void gateway_rpc_ask_within(gateway_exchange *ex, rf_rpc_channel *channel,
                            const rf_rpc_method *method, int64_t deadline_ns,
                            const ProtobufCMessage *request, gateway_rpc_reader read,
                            gateway_reply_fn fn)
{
    rf_rpc_options options = gateway_call_options(ex);
    options.deadline_ns = deadline_ns;
    gateway_rpc_call *call = RF_NEW(gateway_rpc_call);
    call->ex = gateway_exchange_ref(ex);
    call->fn = fn;
    call->read = read;
    call->type = method->output->name;
    call->schema = ex->gw->rpc->schema;
    rf_buf_init(&call->reply.json, JSON_MAX_BYTES);
    rf_rpc_unary(channel, method, &options, request, NULL, on_done, call, NULL);
}

void gateway_rpc_ask(gateway_exchange *ex, rf_rpc_channel *channel, const rf_rpc_method *method,
                     const ProtobufCMessage *request, gateway_rpc_reader read, gateway_reply_fn fn)
{
    gateway_rpc_ask_within(ex, channel, method, 0, request, read, fn);
}

/* ---- readers of replies ---- */

void gateway_rpc_read_json(gateway_rpc_call *call, rf_rpc_result *result)
{
    static const char *const absent[] = {"job.v1.Job.attempts", "job.v1.Job.progress",
                                         "job.v1.Job.priority", "job.v1.Job.retention", NULL};
    const rf_rpc_json_options options = {.emit_unset = true, .omit_unset = absent};
    rf_status st = RF_STATUS_OK;
    if (rf_rpc_json_encode(call->schema, call->type, result->raw.data, result->raw.len, &options,
                           &call->reply.json, &st) < 0) {
        RF_LOG_ERROR("reply has no JSON form", RF_STR("type", call->type),
                     RF_STR("error", st.message));
        rf_status_set(&call->reply.status, RF_INTERNAL, "reply has no JSON form");
    }
}

void gateway_rpc_read_nothing(gateway_rpc_call *call, rf_rpc_result *result)
{
    (void)call;
    (void)result;
}
