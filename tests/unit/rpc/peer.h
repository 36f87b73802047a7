/*
 * peer.h - the other end of the wire, for tests: a second implementation of README.md's wire format
 * over a plain socket, which does what it is told, right or wrong. It shares no code with the
 * library. One thread at a time uses a peer; every wait ends after PEER_WAIT_MS.
 */
#ifndef PEER_H
#define PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEER_WAIT_MS 20000
#define PEER_MAGIC "rfrpc\r\n\1"
#define PEER_HEADER 12
#define PEER_PREFIX 8
#define PEER_TEXTS 5 /* of the head of a CALL */
#define PEER_FRAME_MAX 65536u
#define PEER_CALL_WINDOW ((size_t)4 << 20)
#define PEER_CONN_WINDOW ((size_t)32 << 20)

enum {
    PEER_CALL = 1,
    PEER_DATA = 2,
    PEER_END = 3,
    PEER_CREDIT = 4,
    PEER_CANCEL = 5,
    PEER_PING = 6,
    PEER_PONG = 7,
    PEER_GOAWAY = 8,
};

enum { PEER_MESSAGE = 1, PEER_LAST = 2, PEER_WHOLE = 3 };

typedef struct peer {
    int fd;
    int listener;  /* -1 when it dialed */
    char dir[32];  /* of its own socket; "" when it dialed */
    char path[64]; /* of its own socket */
    char url[80];
} peer;

typedef struct peer_frame {
    uint8_t type, flags;
    uint16_t reserved;
    uint32_t call, len;
    uint8_t payload[PEER_FRAME_MAX];
} peer_frame;

/* Connects to ipc:// or tcp://127.0.0.1:port; with the magic both ways, or silently. */
void peer_dial(peer *p, const char *url);
void peer_dial_silent(peer *p, const char *url);
/* Listens at a fresh ipc socket, p->url; then takes one connection, with the magic both ways. */
void peer_listen(peer *p);
void peer_accept(peer *p);
/* The next connection, without a byte said; false when none comes within wait_ms. */
bool peer_accept_silent(peer *p, int wait_ms);
/* Closes the connection, and all. */
void peer_hang_up(peer *p);
void peer_done(peer *p);

/* Bytes as they are; false when the other side has closed. */
bool peer_send(peer *p, const void *data, size_t len);
bool peer_put(peer *p, unsigned type, unsigned flags, uint32_t call, const void *payload,
              size_t len);

/* A head of a CALL, with lengths that fit its texts. Returns the length of the payload. */
typedef struct peer_head {
    uint32_t timeout_ms;
    const char *method, *request_id, *traceparent, *tenant, *scopes; /* NULL is "" */
} peer_head;
size_t peer_head_put(uint8_t *out, const peer_head *head);
/* Reads one back into texts of 256 bytes each; false when it is not one. */
typedef struct peer_head_text {
    uint32_t timeout_ms;
    size_t len; /* of the head */
    char method[256], request_id[256], traceparent[256], tenant[256], scopes[256];
} peer_head_text;
bool peer_head_get(const peer_frame *f, peer_head_text *ret);

/* CALL of a method of rpc.test.Echo ("Unary"), or of any service when there is a '/' in it; body is
 * the protobuf bytes of its message, NULL for none. */
bool peer_call(peer *p, uint32_t id, unsigned flags, const char *method, const void *body,
               size_t len);
/* Many streams begin so. */
bool peer_open(peer *p, uint32_t id, const char *method);
/* DATA with a whole message. */
bool peer_data(peer *p, uint32_t id, unsigned flags, const void *body, size_t len);
/* DATA that begins a message of header and attachment, with n bytes of it. */
bool peer_begin(peer *p, uint32_t id, uint32_t header, uint32_t attachment, size_t n);
/* DATA that goes on with n bytes (zeros). */
bool peer_more(peer *p, uint32_t id, unsigned flags, size_t n);
bool peer_credit(peer *p, uint32_t id, uint32_t bytes);
/* END, with a message when body is not NULL. */
bool peer_end(peer *p, uint32_t id, unsigned code, const char *text, const void *body, size_t len);
bool peer_goaway(peer *p, uint32_t last_id);

/* The next frame; false at the end of the stream, or when nothing comes. */
bool peer_read(peer *p, peer_frame *ret);
/* The next frame of this type; others are dropped. */
bool peer_read_type(peer *p, unsigned type, peer_frame *ret);
/* Whether a byte, or the end, comes within wait_ms. */
bool peer_has_more(const peer *p, int wait_ms);
/* Whether the other side closes the connection; what it says before is dropped. */
bool peer_is_cut_off(peer *p);
/* Whether a PING is answered: the connection lives, and all that was sent before has been read.
 * Frames before the PONG are dropped. */
bool peer_is_alive(peer *p);

uint32_t peer_u32(const uint8_t *at);
void peer_set_u32(uint8_t *at, uint32_t value);
/* The status code of an END, and its text in a buffer of 512. */
unsigned peer_end_code(const peer_frame *f, char text[512]);

#endif
