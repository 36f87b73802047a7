/*
 * gateway_deflate.h - permessage-deflate (RFC 7692) on zlib: what a handshake agrees on, and whole
 * messages packed and unpacked. Neither side keeps anything from one message to the next, which
 * every answer demands, so that a socket costs no memory for it. Any thread.
 */
#ifndef GATEWAY_DEFLATE_H
#define GATEWAY_DEFLATE_H

#include "rf_buf.h"

#define GATEWAY_DEFLATE_ANSWER_MAX 128
#define GATEWAY_DEFLATE_LEAST_BYTES 128   /* of a message; smaller ones are not worth it */
#define GATEWAY_DEFLATE_MOST_BYTES 65536u /* of a message; larger ones would hold a loop up */

typedef struct gateway_deflate {
    bool agreed;
    int window_bits; /* of what we send: 9 to 15 */
    bool window_asked;
} gateway_deflate;

/* gateway_deflate_agree takes the first acceptable offer of a Sec-WebSocket-Extensions value.
 * Returns 0, with ret->agreed false when there is none, or -EBADMSG when the value is no list of
 * extensions (RFC 6455 section 9.1). */
int gateway_deflate_agree(const char *offers, size_t len, gateway_deflate *ret);

/* gateway_deflate_answer writes the value that answers what has been agreed. */
void gateway_deflate_answer(const gateway_deflate *d, char out[GATEWAY_DEFLATE_ANSWER_MAX]);

/* gateway_deflate_pack appends the packed message to out. Returns 0, or -E2BIG when it does not
 * become an eighth smaller; out is as before then. */
int gateway_deflate_pack(const gateway_deflate *d, const void *data, size_t len, rf_buf *out);

/* gateway_deflate_unpack appends the message to out, and never more than out holds. Returns 0,
 * -EMSGSIZE when the message is larger, or -EBADMSG when it is not DEFLATE data that end where a
 * block ends; what out has then is worth nothing. */
int gateway_deflate_unpack(const void *data, size_t len, rf_buf *out);

#endif
