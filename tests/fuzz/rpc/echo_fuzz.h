/* What the frame fuzzer serves: handlers that answer, fail or wait, chosen by the name's length. */
#ifndef ECHO_FUZZ_H
#define ECHO_FUZZ_H

#include "rf_rpc_call.h"

#include <string.h>

static const rf_rpc_method echo_fuzz_methods[] = {
    {"fuzz.Fuzz/Unary", RF_RPC_UNARY, true, NULL, NULL},
    {"fuzz.Fuzz/Down", RF_RPC_SERVER_STREAM, true, NULL, NULL},
    {"fuzz.Fuzz/Up", RF_RPC_CLIENT_STREAM, true, NULL, NULL},
    {"fuzz.Fuzz/Chat", RF_RPC_BIDI, true, NULL, NULL},
};

static inline const rf_rpc_method *echo_fuzz_method(size_t name_len)
{
    return &echo_fuzz_methods[name_len % 4];
}

static inline void echo_fuzz_done(rf_rpc_call *call, const rf_status *status, void *user)
{
    (void)user;
    rf_rpc_end(call, status);
}

static inline void echo_fuzz_message(rf_rpc_call *call, const rf_rpc_msg *msg, void *user)
{
    (void)user;
    if ((rf_rpc_call_method(call)->kind & RF_RPC_CLIENT_STREAM) != 0) {
        (void)rf_rpc_send_raw(call, msg->data, msg->len, NULL);
    } else {
        rf_rpc_reply_raw(call, msg->data, msg->len, NULL);
    }
}

#endif
