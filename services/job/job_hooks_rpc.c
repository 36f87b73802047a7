/*
 * job.v1.JobService/RotateWebhookSecret.
 */
#include "job_message_rpc.h"

#include <string.h>

#include "job_hooks.h"

static void rotated(job_op *op)
{
    const job_op_hook_rotate *rotate = (const job_op_hook_rotate *)op;
    Job__V1__WebhookSecret reply = JOB__V1__WEBHOOK_SECRET__INIT;
    Rpc__V1__Time until = RPC__V1__TIME__INIT;
    if (job_call_refuse(op)) {
        return;
    }
    until.wall_ms = rotate->previous_until_ms;
    reply.secret = job_message_text(rotate->secret);
    reply.previous_until = rotate->previous_until_ms != 0 ? &until : NULL;
    job_call_reply(op, &reply.base);
}

static void rotate_secret(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    job_service *s = user;
    char secret[RF_WEBHOOK_SECRET_SIZE];
    const char *app = job_call_tenant(call);
    (void)request;
    if (app == NULL) {
        return;
    }
    job_op_hook_rotate *op =
        JOB_CALL_OP(s, call, JOB_OP_HOOK_ROTATE, job_op_hook_rotate, "application", rotated);
    rf_webhook_secret_make(secret);
    op->app = job_arena_str(&op->op.arena, app);
    op->secret = job_arena_str(&op->op.arena, secret);
    op->overlap_ms = JOB_HOOK_OVERLAP_MS;
    explicit_bzero(secret, sizeof(secret));
    job_store_submit(s->store, &op->op);
}

void job_hooks_rpc_register(job_service *s, rf_rpc_server *server)
{
    rf_rpc_server_handle_unary(server, &job_v1_job_service,
                               JOB_V1_JOB_SERVICE_ROTATE_WEBHOOK_SECRET, rotate_secret, s);
}
