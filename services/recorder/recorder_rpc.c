#include "recorder_ask_rpc_internal.h"

#include <reflection/recorder/v1/recorder.rpc.h>

#define QUEUE_MAX ((size_t)1 << 20) /* bytes of one stream on their way */

recorder_caller recorder_rpc_caller(const rf_rpc_call *call)
{
    const rf_rpc_meta *meta = rf_rpc_call_meta(call);
    return (recorder_caller){.tenant = meta->tenant, .scopes = meta->scopes};
}

/* ---- from the library ---- */

static const struct {
    const char *method;
    recorder_ask_fn run;
} table[] = {
    {"Open", recorder_calls_open},
    {"Close", recorder_calls_close},
    {"Start", recorder_calls_start},
    {"Stop", recorder_calls_stop},
    {"Pause", recorder_calls_pause},
    {"Resume", recorder_calls_resume},
    {"Marker", recorder_calls_marker},
    {"Get", recorder_reads_get},
    {"List", recorder_reads_list},
    {"ClearFrames", recorder_calls_clear},
    {"Delete", recorder_calls_delete},
    {"ListDevices", recorder_reads_devices},
    {"GetAsyncApi", recorder_reads_async_api},
    {"PutNotes", recorder_reads_put_notes},
    {"GetNotes", recorder_reads_get_notes},
};

static void run_ask(void *user)
{
    recorder_ask *a = user;
    a->run(a, a->request);
}

static ProtobufCMessage *copy(const ProtobufCMessage *m)
{
    ProtobufCMessage *ret = NULL;
    size_t len = protobuf_c_message_get_packed_size(m);
    RF_CLEANUP(rf_cleanup_free) uint8_t *data = rf_alloc(len + 1);
    protobuf_c_message_pack(m, data);
    return rf_rpc_unpack(m->descriptor, data, len, &ret) == 0 ? ret : NULL;
}

static void take(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    const rf_rpc_method *method = rf_rpc_call_method(call);
    recorder_ask *a = RF_NEW(recorder_ask);
    *a = (recorder_ask){.rpc = user, .call = call, .request = copy(request)};
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        if (rf_rpc_service_method(&recorder_v1_recorder, table[i].method) == method) {
            a->run = table[i].run;
        }
    }
    if (a->request == NULL) {
        recorder_error error;
        (void)recorder_fail(&error, RECORDER_INVALID_ARGUMENT, "request: too large");
        recorder_ask_fail(a, &error);
        return;
    }
    rf_loop_post(a->rpc->service->loop, run_ask, a);
}

/* ---- life ---- */

static void register_all(recorder_rpc *rpc)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        const rf_rpc_method *method = rf_rpc_service_method(&recorder_v1_recorder, table[i].method);
        rf_rpc_server_handle_unary(rpc->server, &recorder_v1_recorder, method, take, rpc);
    }
    recorder_publish_rpc_register(rpc);
    recorder_stream_rpc_register(rpc);
    recorder_socket_rpc_register(rpc);
}

int recorder_rpc_start(recorder_service *service, const char *listen, recorder_rpc **ret)
{
    const rf_rpc_files *files = &service->config->rpc_tls;
    const rf_rpc_tls tls = {.ca_file = files->ca, .cert_file = files->cert, .key_file = files->key};
    const rf_rpc_server_config config = {
        .listen = listen, .tls = tls.ca_file[0] != '\0' ? &tls : NULL, .max_queue = QUEUE_MAX};
    recorder_rpc *rpc = RF_NEW(recorder_rpc);
    rpc->service = service;
    int err = rf_rpc_server_new(&config, &rpc->server);
    if (err == 0) {
        register_all(rpc);
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

bool recorder_rpc_refuses(const recorder_rpc *rpc, rf_rpc_call *call)
{
    rf_status st;
    if (!atomic_load(&rpc->draining)) {
        return false;
    }
    (void)rf_status_set(&st, RF_UNAVAILABLE, "the server is stopping");
    rf_rpc_fail(call, &st);
    return true;
}

void recorder_rpc_drain(recorder_rpc *rpc)
{
    atomic_store(&rpc->draining, true);
    rf_rpc_server_set_health(rpc->server, RF_RPC_DRAINING, "stopping");
    (void)rf_rpc_server_drain(rpc->server, 0);
    recorder_publish_rpc_drain(rpc);
}

size_t recorder_rpc_calls(recorder_rpc *rpc)
{
    return rf_rpc_server_calls(rpc->server);
}

recorder_rpc *recorder_rpc_stop(recorder_rpc *rpc)
{
    if (rpc != NULL) {
        rf_loop *loop = rpc->service->loop;
        rf_rpc_server_free(rpc->server);
        rf_loop_settle(loop); /* what the ended calls have posted */
        free(rpc);
    }
    return NULL;
}
