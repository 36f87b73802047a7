/*
 * gateway_wait.h - GET /job/{id}/status?wait=SECONDS: a call that the job service answers when the
 * state changes (spec jobs.md section 5). Nobody else waits: no thread, no timer of the kernel.
 * At most waiters.max at once; further ones do not wait. Loop thread.
 */
#ifndef GATEWAY_WAIT_H
#define GATEWAY_WAIT_H

#include "gateway_rpc.h"

/* gateway_wait asks for the state of ex->id; fn answers, as after gateway_rpc_get_status. A gateway
 * that drains asks once more without waiting, so that fn may come twice: answering an exchange that
 * has been answered does nothing. */
void gateway_wait(gateway_exchange *ex, uint32_t seconds, gateway_reply_fn fn);

#endif
