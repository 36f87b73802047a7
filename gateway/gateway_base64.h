/*
 * gateway_base64.h - base64 with padding (RFC 4648 section 4), written straight to where it is sent
 * from. Pure functions; any thread.
 */
#ifndef GATEWAY_BASE64_H
#define GATEWAY_BASE64_H

#include "rf_base.h"

#define GATEWAY_BASE64_LEN(len) (((len) + 2) / 3 * 4)

/* gateway_base64 writes GATEWAY_BASE64_LEN(len) characters, no terminator, and returns their
 * number. A text may be written in pieces: all but the last of a multiple of 3 bytes. */
size_t gateway_base64(const uint8_t *data, size_t len, char *out);

#endif
