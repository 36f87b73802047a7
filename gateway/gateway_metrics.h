/*
 * gateway_metrics.h - what the gateway counts. Any thread after gateway_metrics_init.
 */
#ifndef GATEWAY_METRICS_H
#define GATEWAY_METRICS_H

#include "gateway_routes.h"

/* gateway_metrics_init makes every series; before the loops start. */
void gateway_metrics_init(void);

/* gateway_metrics_watch names the gateway whose numbers are shown, once its loops run; NULL before
 * they are taken down. */
void gateway_metrics_watch(const gateway *gw);

/* gateway_metrics_answer counts an answer; route NULL is a request that matched none. */
void gateway_metrics_answer(const gateway_route *route, int status);

/* gateway_metrics_refused counts a connection turned away on arrival. */
void gateway_metrics_refused(void);

/* gateway_metrics_socket_message counts a message of a WebSocket, of the client or to it;
 * gateway_metrics_socket_closed the end of one, by close code. */
void gateway_metrics_socket_message(bool from_client, uint64_t n_bytes);
void gateway_metrics_socket_closed(unsigned code);

/* gateway_metrics_bytes counts body bytes of an upload or a download. */
void gateway_metrics_bytes(bool upload, uint64_t n);

#endif
