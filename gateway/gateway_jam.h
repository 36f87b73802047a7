/*
 * gateway_jam.h - handlers of the jam service's routes (spec jam.md sections 2 and 11). The JSON
 * documents are the service's own and pass through. Loop thread.
 */
#ifndef GATEWAY_JAM_H
#define GATEWAY_JAM_H

#include "gateway_exchange.h"
#include "rf_status.h"

void gateway_jam_socket(gateway_exchange *ex); /* GET /ws/jam */
void gateway_jam_sessions(gateway_exchange *ex);
void gateway_jam_session(gateway_exchange *ex);
void gateway_jam_engines(gateway_exchange *ex);
void gateway_jam_health(gateway_exchange *ex);
void gateway_jam_model_config(gateway_exchange *ex);
void gateway_jam_async_api(gateway_exchange *ex);

/* gateway_jam_render streams the file of POST /v1/jam/render. */
void gateway_jam_render(gateway_exchange *ex);

/* gateway_jam_failure answers what the service refused: INVALID_ARGUMENT is 422 with the JSON that
 * the service gave ({"code","message","field","limit"}) and a title, the rest as gateway_error.h
 * says. */
void gateway_jam_failure(gateway_exchange *ex, const rf_status *st);

#endif
