/*
 * gateway_recorder_rpc.h - the recorder as the gateway sees it. Behind it stands the only file with
 * its protobuf types. Calls are made on the exchange's loop thread and come back there. The session
 * is ex->id.
 */
#ifndef GATEWAY_RECORDER_RPC_H
#define GATEWAY_RECORDER_RPC_H

#include "gateway_feed.h"
#include "gateway_recorder_ask.h"
#include "gateway_rpc.h"
#include "gateway_socket.h"

/* gateway_recorder_rpc_open starts connecting. Returns 0 or -EINVAL for a bad target. */
int gateway_recorder_rpc_open(const char *targets, const gateway_config *config,
                              gateway_recorder_rpc **ret);

/* gateway_recorder_rpc_close ends every call; what comes of that has been posted then. Not from a
 * callback. */
gateway_recorder_rpc *gateway_recorder_rpc_close(gateway_recorder_rpc *recorder);

/* gateway_recorder_rpc_ready says whether the recorder is connected. Any thread. */
bool gateway_recorder_rpc_ready(gateway_recorder_rpc *recorder);

/* ---- documents: answers in reply->json, as gateway_rpc.h says ---- */

void gateway_recorder_rpc_start(gateway_exchange *ex, const char *body, const char *idempotency_key,
                                gateway_reply_fn fn);
void gateway_recorder_rpc_list(gateway_exchange *ex, const gateway_recorder_ask *ask,
                               gateway_reply_fn fn);
void gateway_recorder_rpc_get(gateway_exchange *ex, gateway_reply_fn fn);
void gateway_recorder_rpc_notes(gateway_exchange *ex, gateway_reply_fn fn);
void gateway_recorder_rpc_stop(gateway_exchange *ex, gateway_reply_fn fn);
void gateway_recorder_rpc_pause(gateway_exchange *ex, gateway_reply_fn fn);  /* {frame} */
void gateway_recorder_rpc_resume(gateway_exchange *ex, gateway_reply_fn fn); /* {frame} */
void gateway_recorder_rpc_marker(gateway_exchange *ex, const char *label, const char *at,
                                 gateway_reply_fn fn); /* {frame} */
void gateway_recorder_rpc_clear(gateway_exchange *ex, gateway_reply_fn fn);
void gateway_recorder_rpc_delete(gateway_exchange *ex, bool discard, gateway_reply_fn fn);
void gateway_recorder_rpc_devices(gateway_exchange *ex, gateway_reply_fn fn);
void gateway_recorder_rpc_async_api(gateway_exchange *ex, gateway_reply_fn fn);

/* ---- files: ask is a gateway_recorder_ask, as gateway_body.h opens one ---- */

gateway_feed *gateway_recorder_rpc_segment(gateway_exchange *ex, const void *ask,
                                           const gateway_feed_events *events, void *user);
gateway_feed *gateway_recorder_rpc_peaks(gateway_exchange *ex, const void *ask,
                                         const gateway_feed_events *events, void *user);
gateway_feed *gateway_recorder_rpc_stream(gateway_exchange *ex, const void *ask,
                                          const gateway_feed_events *events, void *user);

/* ---- sockets ---- */

gateway_socket *gateway_recorder_rpc_socket(gateway_exchange *ex,
                                            const gateway_socket_client *client,
                                            const gateway_socket_events *events, void *user);

#endif
