/*
 * job.v1.JobService, batches.
 */
#include "job_message_rpc.h"

static void batch_got(job_op *op)
{
    const job_op_batch_get *get = (const job_op_batch_get *)op;
    if (job_call_refuse(op)) {
        return;
    }
    Rpc__V1__Time created;
    Rpc__V1__Time completed;
    Job__V1__Batch reply = JOB__V1__BATCH__INIT;
    reply.batch_name = job_message_text(get->name);
    reply.total = (uint32_t)get->total;
    reply.queued = (uint32_t)get->queued;
    reply.started = (uint32_t)get->started;
    reply.succeeded = (uint32_t)get->succeeded;
    reply.failed = (uint32_t)get->failed;
    reply.created_at = job_message_time(&created, get->created_ms);
    reply.completed_at = job_message_time(&completed, get->completed_ms);
    job_call_reply(op, &reply.base);
}

static void get_batch(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    job_service *s = user;
    const char *app = job_call_tenant(call);
    if (app != NULL) {
        job_op_batch_get *op =
            JOB_CALL_READ(s, call, JOB_OP_BATCH_GET, job_op_batch_get, "batch", batch_got);
        op->app = job_arena_str(&op->op.arena, app);
        op->name =
            job_arena_str(&op->op.arena, ((const Job__V1__GetBatchRequest *)request)->batch_name);
        job_store_submit(s->store, &op->op);
    }
}

void job_batch_rpc_register(job_service *s, rf_rpc_server *server)
{
    rf_rpc_server_handle_unary(server, &job_v1_job_service, JOB_V1_JOB_SERVICE_GET_BATCH, get_batch,
                               s);
}
