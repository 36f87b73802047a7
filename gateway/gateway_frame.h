/*
 * gateway_frame.h - WebSocket framing (RFC 6455 section 5), without sockets. One thread at a time.
 *
 * Towards the client: a gateway_frame is one message, made of what a service gave (before,
 * attachment, after) and written piece by piece to where it is sent from; base64 comes into being
 * there. Frames are neither masked nor fragmented.
 *
 * From the client: a gateway_frame_in takes bytes as they come (wslay finds the frames) and gives
 * whole messages and control frames to a sink. What the standard or our limits forbid ends it.
 */
#ifndef GATEWAY_FRAME_H
#define GATEWAY_FRAME_H

#include "gateway_deflate.h"
#include "rf_buf.h"

#include <sys/types.h>

#define GATEWAY_MESSAGE_MAX_BYTES 65536 /* of a client */
#define GATEWAY_FRAGMENTS_MAX 64        /* of one message */
#define GATEWAY_CONTROL_MAX_BYTES 125   /* RFC 6455 section 5.5 */
#define GATEWAY_REASON_MAX_BYTES 123
#define GATEWAY_FRAME_HEADER_MAX 10

typedef enum gateway_opcode {
    GATEWAY_OP_CONTINUATION = 0,
    GATEWAY_OP_TEXT = 1,
    GATEWAY_OP_BINARY = 2,
    GATEWAY_OP_CLOSE = 8,
    GATEWAY_OP_PING = 9,
    GATEWAY_OP_PONG = 10,
} gateway_opcode;

/* RFC 6455 section 7.4.1 and the IANA registry; the last two are never sent. */
typedef enum gateway_close_code {
    GATEWAY_CLOSE_NORMAL = 1000,
    GATEWAY_CLOSE_PROTOCOL = 1002,
    GATEWAY_CLOSE_BAD_DATA = 1007,
    GATEWAY_CLOSE_POLICY = 1008,
    GATEWAY_CLOSE_TOO_BIG = 1009,
    GATEWAY_CLOSE_INTERNAL = 1011,
    GATEWAY_CLOSE_RESTART = 1012,
    GATEWAY_CLOSE_TRY_LATER = 1013,
    GATEWAY_CLOSE_NONE = 1005, /* a close without a code */
    GATEWAY_CLOSE_LOST = 1006, /* no close at all */
} gateway_close_code;

/* gateway_close_code_valid: may stand in a close frame. */
bool gateway_close_code_valid(unsigned code);

/* ---- towards the client ---- */

typedef struct gateway_frame {
    /* for whoever queues the frame */
    struct gateway_frame *next;
    void *owner;
    size_t credit; /* bytes of the RPC message that it came in */
    bool owed;     /* which have not been given back */
    uint64_t end_at;
    /* the frame */
    bool done; /* every byte has been written */
    gateway_opcode opcode;
    unsigned code; /* of a close */
    bool base64;   /* the attachment */
    bool packed;   /* with permessage-deflate */
    bool begun;
    unsigned part;
    size_t at; /* in the part */
    size_t len[3];
    uint8_t data[];
} gateway_frame;

typedef struct gateway_piece {
    const void *data;
    size_t len;
} gateway_piece;

/* gateway_frame_new copies the pieces of a text or binary message. NULL without memory. */
gateway_frame *gateway_frame_new(gateway_opcode opcode, bool base64, gateway_piece before,
                                 gateway_piece attachment, gateway_piece after);

/* gateway_frame_new_close makes a close frame; the code must be valid, or 1005 for none; reason is
 * cut to GATEWAY_REASON_MAX_BYTES at a character. */
gateway_frame *gateway_frame_new_close(unsigned code, const char *reason);

gateway_frame *gateway_frame_free(gateway_frame *frame);

/* gateway_frame_pack gives a packed frame in place of one that has not been begun, where that pays:
 * text without an attachment in base64, from GATEWAY_DEFLATE_LEAST_BYTES to _MOST_BYTES. Takes
 * frame over; gives it back as it is otherwise. */
gateway_frame *gateway_frame_pack(gateway_frame *frame, const gateway_deflate *deflate) RF_MUST_USE;

/* gateway_frame_payload gives the length of the payload on the wire. */
size_t gateway_frame_payload(const gateway_frame *frame);

/* gateway_frame_write writes as many of the frame's next bytes as fit and returns their number; 0
 * when room is too small for a header or for four digits. done is set with the last one. */
size_t gateway_frame_write(gateway_frame *frame, uint8_t *out, size_t room);

/* gateway_frame_control writes a whole ping or pong of at most GATEWAY_CONTROL_MAX_BYTES to out,
 * which has GATEWAY_CONTROL_MAX_BYTES + 2. Returns its length. */
size_t gateway_frame_control(gateway_opcode opcode, const uint8_t *data, size_t len, uint8_t *out);

/* ---- from the client ---- */

typedef struct gateway_frame_in gateway_frame_in;

typedef struct gateway_frame_sink {
    /* A whole text (valid UTF-8) or binary message, which the sink may steal. -EAGAIN takes it too,
     * but no further one before gateway_frame_in_take is called again; else 0. */
    int (*message)(void *user, gateway_opcode opcode, rf_buf *data);
    void (*ping)(void *user, const uint8_t *data, size_t len);
    void (*pong)(void *user, const uint8_t *data, size_t len);
    /* The last one: what comes after is thrown away. code is GATEWAY_CLOSE_NONE without one. */
    void (*close)(void *user, unsigned code, const char *reason);
} gateway_frame_sink;

/* gateway_frame_in_new makes a reader; sink must outlive it. deflate: messages may be packed with
 * permessage-deflate; the limit of a message holds for both of its sizes. */
gateway_frame_in *gateway_frame_in_new(const gateway_frame_sink *sink, void *user, bool deflate);
gateway_frame_in *gateway_frame_in_free(gateway_frame_in *in);

/* gateway_frame_in_take takes bytes and calls the sink. Returns how many it took: all, unless the
 * sink said -EAGAIN; then call again, with the rest or nothing, when there is room. Or, once, minus
 * the close code that answers what the client did wrong; everything is thrown away from then on. */
ssize_t gateway_frame_in_take(gateway_frame_in *in, const void *data, size_t len);

#endif
