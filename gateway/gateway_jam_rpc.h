/*
 * gateway_jam_rpc.h - the jam service as the gateway sees it. Behind it stands the only file with
 * its protobuf types. Calls are made on the exchange's loop thread and come back there.
 */
#ifndef GATEWAY_JAM_RPC_H
#define GATEWAY_JAM_RPC_H

#include "gateway_feed.h"
#include "gateway_rpc.h"
#include "gateway_socket.h"

/* gateway_jam_rpc_open starts connecting. Returns 0 or -EINVAL for a bad target. */
int gateway_jam_rpc_open(const char *targets, const gateway_config *config, gateway_jam_rpc **ret);

/* gateway_jam_rpc_close ends every call; what comes of that has been posted then. Not from a
 * callback. */
gateway_jam_rpc *gateway_jam_rpc_close(gateway_jam_rpc *jam);

/* gateway_jam_rpc_ready says whether the jam service is connected. Any thread. */
bool gateway_jam_rpc_ready(gateway_jam_rpc *jam);

/* ---- documents: answers in reply->json, as gateway_rpc.h says ---- */

void gateway_jam_rpc_list_sessions(gateway_exchange *ex, uint32_t limit, const char *cursor,
                                   gateway_reply_fn fn);
void gateway_jam_rpc_get_session(gateway_exchange *ex, gateway_reply_fn fn); /* ex->id */
void gateway_jam_rpc_get_engines(gateway_exchange *ex, gateway_reply_fn fn);
void gateway_jam_rpc_get_health(gateway_exchange *ex, gateway_reply_fn fn);
void gateway_jam_rpc_get_model_config(gateway_exchange *ex, gateway_reply_fn fn);
void gateway_jam_rpc_get_async_api(gateway_exchange *ex, gateway_reply_fn fn);

/* ---- sockets ---- */

gateway_socket *gateway_jam_rpc_socket(gateway_exchange *ex, const gateway_socket_client *client,
                                       const gateway_socket_events *events, void *user);

/* ---- render ---- */

/* gateway_jam_rpc_render begins the call with the request's JSON text (terminated), as
 * gateway_body.h opens one. */
gateway_feed *gateway_jam_rpc_render(gateway_exchange *ex, const void *json,
                                     const gateway_feed_events *events, void *user);

#endif
