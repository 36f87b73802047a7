/*
 * gateway_upload.h - PUT of an upload URL: bytes stream from the socket into the object store, at
 * most GATEWAY_UPLOAD_BYTES twice in memory, and are durable before the answer (spec jobs.md 2.5).
 *
 *   begin (RPC) -> open (disk) -> body pieces (disk) ... -> commit (disk) -> complete (RPC) -> 200
 *
 * An upload that ends early leaves nothing in the store and its URL usable.
 */
#ifndef GATEWAY_UPLOAD_H
#define GATEWAY_UPLOAD_H

#include "gateway_exchange.h"

#define GATEWAY_UPLOAD_BYTES 65536

void gateway_upload_put(gateway_exchange *ex);

#endif
