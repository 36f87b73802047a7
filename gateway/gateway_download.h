/*
 * gateway_download.h - GET and HEAD of uploads and results: from the object store to the socket,
 * with single ranges (RFC 9110 section 14). Plain connections use sendfile on a pool thread, since
 * it may wait for the disk; TLS reads pieces there and encrypts on the loop.
 */
#ifndef GATEWAY_DOWNLOAD_H
#define GATEWAY_DOWNLOAD_H

#include "gateway_exchange.h"

#define GATEWAY_DOWNLOAD_BYTES 65536

void gateway_download_upload(gateway_exchange *ex);
void gateway_download_result(gateway_exchange *ex);

#endif
