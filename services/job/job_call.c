#include "job_rpc_internal.h"

#include <errno.h>

#include "rf_log.h"
#include "rf_time.h"

#define READ_WAIT_NS (10 * RF_NS_PER_S)
#define ANSWER_NS (500 * RF_NS_PER_MS) /* kept for the way of the refusal */

void *job_call_op(job_service *service, rf_rpc_call *call, job_op_kind kind, size_t size,
                  const char *what, job_op_done_fn done)
{
    job_op *op = job_op_new(kind, size, done, NULL);
    job_call *c = job_arena_alloc(&op->arena, sizeof(*c));
    *c = (job_call){.service = service, .call = call, .what = what};
    op->user = c;
    return op;
}

void *job_call_read(job_service *service, rf_rpc_call *call, job_op_kind kind, size_t size,
                    const char *what, job_op_done_fn done)
{
    job_op *op = job_call_op(service, call, kind, size, what, done);
    int64_t deadline_ns = rf_rpc_call_meta(call)->deadline_ns;
    op->until_ns = RF_MIN(rf_time_ns() + READ_WAIT_NS, deadline_ns - ANSWER_NS);
    return op;
}

job_call *job_call_of(job_op *op)
{
    return op->user;
}

void job_call_fail(rf_rpc_call *call, rf_code code, const char *message)
{
    rf_status st;
    rf_status_set(&st, code, "%s", message);
    rf_rpc_fail(call, &st);
}

/* Refusals of operations in words for clients. */
static void status_of(int err, const char *what, rf_status *st)
{
    switch (err) {
    case -ENOENT:
        rf_status_set(st, RF_NOT_FOUND, "There is no such %s.", what);
        break;
    case -EEXIST:
        rf_status_set(st, RF_ALREADY_EXISTS, "The %s is in use already.", what);
        break;
    case -EPERM:
        rf_status_set(st, RF_PERMISSION_DENIED, "The %s does not allow this.", what);
        break;
    case -ESTALE:
        rf_status_set(st, RF_ABORTED, "The %s is another attempt's now.", what);
        break;
    case -EDQUOT:
        rf_status_set(st, RF_RESOURCE_EXHAUSTED, "Too many jobs are queued.");
        st->retriable = true; /* each that starts makes room */
        break;
    case -EUSERS:
        rf_status_set(st, RF_RESOURCE_EXHAUSTED,
                      "As many jobs were made today as the application may make; the next day "
                      "begins at 00:00 UTC.");
        break;
    case -ENOBUFS:
        rf_status_set(st, RF_UNAVAILABLE, "Too much waits for the message bus; try again later.");
        break;
    default:
        rf_status_set(st, RF_UNAVAILABLE, "The service is not available.");
        break;
    }
}

void job_call_fail_err(rf_rpc_call *call, int err, const char *what)
{
    rf_status st;
    status_of(err, what, &st);
    rf_rpc_fail(call, &st);
}

bool job_call_refuse(job_op *op)
{
    if (op->err == 0) {
        return false;
    }
    const job_call *c = job_call_of(op);
    job_call_fail_err(c->call, op->err, c->what);
    job_op_free(op);
    return true;
}

void job_call_reply(job_op *op, const ProtobufCMessage *message)
{
    rf_rpc_reply(job_call_of(op)->call, message, NULL);
    job_op_free(op);
}

const char *job_call_tenant(rf_rpc_call *call)
{
    const char *tenant = rf_rpc_call_meta(call)->tenant;
    if (tenant[0] == '\0') {
        job_call_fail(call, RF_UNAUTHENTICATED, "The call names no application.");
        return NULL;
    }
    return tenant;
}
