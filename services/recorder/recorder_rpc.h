/*
 * recorder_rpc.h - recorder.v1.Recorder on the parts of the service: calls that answer once here,
 * publishers in recorder_publish_rpc.c, audio out in recorder_stream_rpc.c. Callbacks of the RPC
 * library only hand over to the owner loop.
 */
#ifndef RECORDER_RPC_H
#define RECORDER_RPC_H

#include "recorder_service.h"

typedef struct recorder_rpc recorder_rpc;

/* recorder_rpc_start listens on listen. Returns 0 or a negative errno. */
int recorder_rpc_start(recorder_service *service, const char *listen, recorder_rpc **ret);

/* recorder_rpc_drain takes no new calls; those in hand go on. */
void recorder_rpc_drain(recorder_rpc *rpc);
size_t recorder_rpc_calls(recorder_rpc *rpc);

/* recorder_rpc_stop ends the calls, running the loop so that the service learns of it. Returns
 * NULL. */
recorder_rpc *recorder_rpc_stop(recorder_rpc *rpc);

#endif
