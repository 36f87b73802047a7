/*
 * reflection_upgrade.h - the HTTP request that turns a connection into a WebSocket (RFC 6455
 * section 4). No state.
 */
#ifndef REFLECTION_UPGRADE_H
#define REFLECTION_UPGRADE_H

#include "reflection_head.h"

/* reflection_upgrade sends the request (key may be NULL or "") and checks the answer. Returns 0
 * with *ret_early filled; -EACCES for 401 and 403, -EBUSY for 429 and 503, -ENOENT for 404,
 * -EPROTO, -ETIMEDOUT or -ECONNRESET with the server's own words in the fault. */
REFLECTION_LOCAL int reflection_upgrade(reflection_net *net, const reflection_url *url,
                                        const char *key, int64_t deadline_ns,
                                        reflection_early *ret_early, reflection_jam_fault *fault);

#endif
