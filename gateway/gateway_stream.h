/*
 * gateway_stream.h - the body of an answer that is written piece by piece, as fast as its client
 * takes it: by length where that is known before, else in chunks (RFC 9112 section 7.1), or for a
 * client of HTTP/1.0 up to the end of the connection. Loop thread, between gateway_conn_enter and
 * gateway_conn_leave.
 *
 *   begin -> write ... -> end     whole; the connection goes on where it may
 *                     \-> break   a reset, without the last chunk: the client sees what it misses
 *
 * The exchange's writable comes after begin, and whenever there is room again after a write of 0.
 */
#ifndef GATEWAY_STREAM_H
#define GATEWAY_STREAM_H

#include "gateway_answer.h"

typedef enum gateway_framing {
    GATEWAY_FRAMING_NONE, /* HEAD: what is written goes nowhere */
    GATEWAY_FRAMING_LENGTH,
    GATEWAY_FRAMING_CHUNKS,
    GATEWAY_FRAMING_CLOSE,
} gateway_framing;

typedef struct gateway_stream {
    gateway_exchange *ex;
    gateway_framing framing;
    uint64_t to_come; /* bytes, of a known length */
} gateway_stream;

/* gateway_stream_begin queues the head of answer; ex must have its connection. */
void gateway_stream_begin(gateway_stream *s, gateway_exchange *ex, const gateway_answer *answer);

/* gateway_stream_write takes bytes of the body and returns how many, 0 when there is no room until
 * writable comes, or -EMSGSIZE when they are more than the head said. */
ssize_t gateway_stream_write(gateway_stream *s, const void *data, size_t len) RF_MUST_USE;

/* gateway_stream_end answers the exchange. trailer: field lines behind the body, each with CRLF, ""
 * for none; only chunks have a place for them. Returns 0, or -EMSGSIZE when less has been written
 * than the head said: break it then. */
int gateway_stream_end(gateway_stream *s, const char *trailer) RF_MUST_USE;

/* gateway_stream_break ends the connection. */
void gateway_stream_break(gateway_stream *s);

#endif
