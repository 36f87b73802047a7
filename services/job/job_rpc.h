/*
 * job_rpc.h - the RPC server of the job service: job.v1.JobService (job_jobs_rpc.c,
 * job_files_rpc.c, job_workflows_rpc.c), WorkerService (job_worker_rpc.c) and KeyService
 * (job_key_rpc.c). Handlers check, submit to the store and
 * return; the answer is sent from the store's completion.
 */
#ifndef JOB_RPC_H
#define JOB_RPC_H

#include "job_service.h"

typedef struct job_rpc job_rpc;

/* job_rpc_start listens (comma list, see rf_rpc_server.h) and borrows the service. */
int job_rpc_start(job_service *service, const char *listen, job_rpc **ret);

/* job_rpc_drain takes no new calls and waits for those in progress, at most timeout_ms. */
void job_rpc_drain(job_rpc *rpc, int64_t timeout_ms);

/* job_rpc_calls counts the calls in progress. */
size_t job_rpc_calls(job_rpc *rpc);

/* job_rpc_stop closes every connection; the store must still run. Returns NULL. */
job_rpc *job_rpc_stop(job_rpc *rpc);

#endif
