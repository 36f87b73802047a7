/*
 * processor_jam_rpc.h - module "jam" done by the jam service, by jam.v1.JamService/Render. With
 * processor_rpc.h the only place that knows generated messages.
 */
#ifndef PROCESSOR_JAM_RPC_H
#define PROCESSOR_JAM_RPC_H

#include "processor_host.h"

typedef struct processor_jam_rpc processor_jam_rpc;

/* processor_jam_rpc_open connects to the jam service at target (see rf_rpc_channel.h), which may
 * come later; files are made in scratch_dir. Texts are copied. Returns 0 or negative errno. */
int processor_jam_rpc_open(const char *target, const char *scratch_dir,
                           processor_jam_rpc **ret) RF_MUST_USE;

/* processor_jam_rpc_close: no step may be running. Returns NULL. */
processor_jam_rpc *processor_jam_rpc_close(processor_jam_rpc *r);

/* processor_jam_rpc_remote gives it to a host; it lives as long as the connection. A step ends with
 * -EHOSTUNREACH when the service is not there, -EBADMSG when it refuses a value, with its words. */
processor_remote processor_jam_rpc_remote(processor_jam_rpc *r);

#endif
