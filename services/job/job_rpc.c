#include "job_rpc.h"

#include "job_rpc_internal.h"

struct job_rpc {
    rf_rpc_server *server;
};

int job_rpc_start(job_service *s, const char *listen, job_rpc **ret)
{
    const rf_rpc_tls tls = {.ca_file = s->config->rpc_tls.ca,
                            .cert_file = s->config->rpc_tls.cert,
                            .key_file = s->config->rpc_tls.key};
    const rf_rpc_server_config config = {.listen = listen,
                                         .tls = tls.ca_file[0] != '\0' ? &tls : NULL};
    rf_rpc_server *server;
    int err = rf_rpc_server_new(&config, &server);
    if (err < 0) {
        return err;
    }
    job_jobs_rpc_register(s, server);
    job_poll_rpc_register(s, server);
    job_stream_rpc_register(s, server);
    job_hooks_rpc_register(s, server);
    job_files_rpc_register(s, server);
    job_workflows_rpc_register(s, server);
    job_batch_rpc_register(s, server);
    job_dead_rpc_register(s, server);
    job_posted_rpc_register(s, server);
    job_worker_rpc_register(s, server);
    job_key_rpc_register(s, server);
    err = rf_rpc_server_start(server);
    if (err < 0) {
        rf_rpc_server_free(server);
        return err;
    }
    rf_rpc_server_set_health(server, RF_RPC_READY, NULL);
    job_rpc *rpc = RF_NEW(job_rpc);
    rpc->server = server;
    *ret = rpc;
    return 0;
}

void job_rpc_drain(job_rpc *rpc, int64_t timeout_ms)
{
    rf_rpc_server_set_health(rpc->server, RF_RPC_DRAINING, "stopping");
    (void)rf_rpc_server_drain(rpc->server, timeout_ms);
}

size_t job_rpc_calls(job_rpc *rpc)
{
    return rf_rpc_server_calls(rpc->server);
}

job_rpc *job_rpc_stop(job_rpc *rpc)
{
    if (rpc != NULL) {
        rf_rpc_server_free(rpc->server);
        free(rpc);
    }
    return NULL;
}
