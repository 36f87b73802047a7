/*
 * processor_rpc.h - the board of processor_board.h over RPC: protobuf of job.v1.WorkerService in
 * and out of the worker's plain data. The only place that knows the generated messages.
 */
#ifndef PROCESSOR_RPC_H
#define PROCESSOR_RPC_H

#include "processor_board.h"

typedef struct processor_rpc processor_rpc;

/* processor_rpc_open connects to the job service at target (see rf_rpc_channel.h) as worker_id of a
 * pool; the texts are copied. Returns 0 or negative errno. */
int processor_rpc_open(const char *target, const char *worker_id, const char *pool,
                       processor_rpc **ret);

/* processor_rpc_close ends calls in progress. Returns NULL. */
processor_rpc *processor_rpc_close(processor_rpc *rpc);

/* processor_rpc_board gives the calls; they live as long as the connection. */
const processor_board *processor_rpc_board(const processor_rpc *rpc);

/* processor_rpc_is_ready says whether the job service is connected now. */
bool processor_rpc_is_ready(processor_rpc *rpc);

#endif
