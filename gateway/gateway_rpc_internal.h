/*
 * gateway_rpc_internal.h - what the adapters of the job service share: one call from an exchange to
 * its reply. Included by gateway_rpc.c and the adapters beside it (gateway_*_rpc.c). No generated
 * header here.
 */
#ifndef GATEWAY_RPC_INTERNAL_H
#define GATEWAY_RPC_INTERNAL_H

#include "gateway_call.h"
#include "gateway_rpc.h"

#include "rf_rpc_json.h"

struct gateway_rpc {
    rf_rpc_channel *patient; /* reads and repeatable changes */
    rf_rpc_channel *hasty;   /* changes that must be answered at once */
    rf_rpc_channel *waiting; /* long polls and event streams: many calls that do nothing */
    rf_rpc_schema *schema;
};

typedef struct gateway_rpc_call gateway_rpc_call;

/* What becomes of a reply, on a thread of the RPC library. */
typedef void (*gateway_rpc_reader)(gateway_rpc_call *call, rf_rpc_result *result);

struct gateway_rpc_call {
    gateway_exchange *ex;
    gateway_reply_fn fn;
    gateway_rpc_reader read;
    const rf_rpc_schema *schema;
    const char *type; /* of the reply */
    gateway_reply reply;
};

/* gateway_rpc_ask makes a call of ex, with the channel's time or, gateway_rpc_ask_within, until
 * deadline_ns (0: the channel's). read takes the reply when there is one, then fn is called. */
void gateway_rpc_ask(gateway_exchange *ex, rf_rpc_channel *channel, const rf_rpc_method *method,
                     const ProtobufCMessage *request, gateway_rpc_reader read, gateway_reply_fn fn);
void gateway_rpc_ask_within(gateway_exchange *ex, rf_rpc_channel *channel,
                            const rf_rpc_method *method, int64_t deadline_ns,
                            const ProtobufCMessage *request, gateway_rpc_reader read,
                            gateway_reply_fn fn);

/* Readers: gateway_rpc_read_json writes the reply as JSON, gateway_rpc_read_nothing leaves it. */
void gateway_rpc_read_json(gateway_rpc_call *call, rf_rpc_result *result);
void gateway_rpc_read_nothing(gateway_rpc_call *call, rf_rpc_result *result);

#endif
