/*
 * job_rpc_internal.h - what the adapter files share. No generated header here.
 */
#ifndef JOB_RPC_INTERNAL_H
#define JOB_RPC_INTERNAL_H

#include "job_service.h"
#include "rf_rpc.h"

/* What an operation of a call carries as user, in the operation's arena. */
typedef struct job_call {
    job_service *service;
    rf_rpc_call *call;
    const char *what; /* the thing asked for, for messages: "job" */
} job_call;

/* job_call_op makes an operation that answers call. */
void *job_call_op(job_service *service, rf_rpc_call *call, job_op_kind kind, size_t size,
                  const char *what, job_op_done_fn done);
#define JOB_CALL_OP(service_, call_, kind_, type_, what_, done_)                                   \
    ((type_ *)job_call_op((service_), (call_), (kind_), sizeof(type_), (what_), (done_)))

/* job_call_read is job_call_op for a read that waits for the end of an outage of the store, almost
 * as long as its caller does, 10 s at most (spec jobs.md Q5). */
void *job_call_read(job_service *service, rf_rpc_call *call, job_op_kind kind, size_t size,
                    const char *what, job_op_done_fn done);
#define JOB_CALL_READ(service_, call_, kind_, type_, what_, done_)                                 \
    ((type_ *)job_call_read((service_), (call_), (kind_), sizeof(type_), (what_), (done_)))

job_call *job_call_of(job_op *op);

/* job_call_refuse answers with the status that op->err means, frees op and returns true; false when
 * op succeeded. */
bool job_call_refuse(job_op *op);

/* job_call_reply answers with message and frees op. */
void job_call_reply(job_op *op, const ProtobufCMessage *message);

/* job_call_fail answers at once, without an operation. */
void job_call_fail(rf_rpc_call *call, rf_code code, const char *message);

/* job_call_fail_err answers with the status that an operation's err means. */
void job_call_fail_err(rf_rpc_call *call, int err, const char *what);

/* job_call_tenant is the application id of the call, NULL after the call has been answered
 * UNAUTHENTICATED because it carries none. */
const char *job_call_tenant(rf_rpc_call *call);

void job_jobs_rpc_register(job_service *service, rf_rpc_server *server);
void job_poll_rpc_register(job_service *service, rf_rpc_server *server);
void job_stream_rpc_register(job_service *service, rf_rpc_server *server);
void job_hooks_rpc_register(job_service *service, rf_rpc_server *server);
void job_files_rpc_register(job_service *service, rf_rpc_server *server);
void job_workflows_rpc_register(job_service *service, rf_rpc_server *server);
void job_batch_rpc_register(job_service *service, rf_rpc_server *server);
void job_dead_rpc_register(job_service *service, rf_rpc_server *server);
void job_posted_rpc_register(job_service *service, rf_rpc_server *server);
void job_worker_rpc_register(job_service *service, rf_rpc_server *server);
void job_key_rpc_register(job_service *service, rf_rpc_server *server);

#endif
