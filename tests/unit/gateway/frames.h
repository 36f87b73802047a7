/*
 * frames.h - a table of what a WebSocket client may and may not send (RFC 6455 sections 5 to 8, RFC
 * 3629) and what comes of it, and the bytes of it. The unit test puts them through
 * gateway_frame_in, the integration test through a running gateway before a service that echoes.
 */
#ifndef GATEWAY_TEST_FRAMES_H
#define GATEWAY_TEST_FRAMES_H

#include "rf_buf.h"

#define FRAME_STEPS_MAX 12
#define FRAME_SEEN_MAX 6

typedef enum frame_how {
    FRAME_MASKED, /* as a client should */
    FRAME_UNMASKED,
    FRAME_LEN16, /* masked, with the 16-bit length form whatever the length */
    FRAME_LEN64, /* likewise */
    FRAME_RAW,   /* data are the bytes as they are */
} frame_how;

/* A payload: len bytes of data, or fill times its first byte. */
typedef struct frame_payload {
    const char *data;
    size_t len;
    size_t fill;
} frame_payload;

typedef struct frame_step {
    unsigned b0; /* first byte: FIN, RSV, opcode */
    frame_payload payload;
    frame_how how;
    unsigned times; /* 0: once */
} frame_step;

typedef struct frame_seen {
    unsigned opcode; /* 1 text, 2 binary: echoed messages; 10: pong */
    frame_payload payload;
} frame_seen;

typedef struct frame_case {
    const char *name;
    frame_step send[FRAME_STEPS_MAX];
    frame_seen get[FRAME_SEEN_MAX];
    unsigned close; /* code that comes back; 0: the socket stays open; 1005: a close without one */
} frame_case;

extern const frame_case frame_cases[];
extern const size_t n_frame_cases;

/* Texts that are UTF-8, and that are not: for each of those the byte at which that shows. */
typedef struct utf8_case {
    const char *name;
    const char *data;
    size_t len;
} utf8_case;

extern const utf8_case utf8_valid_cases[];
extern const size_t n_utf8_valid_cases;
extern const utf8_case utf8_invalid_cases[];
extern const size_t n_utf8_invalid_cases;

extern const unsigned close_codes_valid[];
extern const size_t n_close_codes_valid;
extern const unsigned close_codes_invalid[];
extern const size_t n_close_codes_invalid;

/* frames_put appends one frame; frames_put_case all of a case. */
void frames_put(rf_buf *out, const frame_step *step);
void frames_put_case(rf_buf *out, const frame_case *c);

/* frames_payload_is compares bytes with a payload. */
bool frames_payload_is(const frame_payload *p, const uint8_t *data, size_t len);

#endif
