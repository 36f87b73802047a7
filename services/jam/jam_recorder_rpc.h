/*
 * jam_recorder_rpc.h - the recorder service over RPC (recorder.v1.Recorder). Owner loop; what the
 * library says on its threads is posted there in order.
 */
#ifndef JAM_RECORDER_RPC_H
#define JAM_RECORDER_RPC_H

#include "jam_recorder.h"
#include "rf_loop.h"

/* jam_recorder_rpc_open begins to connect. 0, or -EINVAL for a bad target. */
int jam_recorder_rpc_open(const char *target, rf_loop *loop, jam_recorder **ret);

/* jam_recorder_rpc_close: no link may be left that was not closed; runs the loop, which must not be
 * running, for what is posted. NULL is fine; returns NULL. */
jam_recorder *jam_recorder_rpc_close(jam_recorder *recorder);

#endif
