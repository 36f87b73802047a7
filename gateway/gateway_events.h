/*
 * gateway_events.h - GET /job/{id}/events: what happens to a job, as Server-Sent Events (spec
 * jobs.md section 5). The events, their ids and their pace are the job service's; the gateway adds
 * comments while nothing happens, and lets go of a listener whose key is revoked. Loop thread.
 *
 *   WAIT   nothing has come yet: an error is an answer, and so is 204, nothing more will happen
 *   SEND   the head is out; whatever ends the stream now, the listener comes again with its last id
 */
#ifndef GATEWAY_EVENTS_H
#define GATEWAY_EVENTS_H

#include "gateway_exchange.h"

void gateway_events_listen(gateway_exchange *ex);

#endif
