/*
 * gateway_outbox.h - what waits for the client of a WebSocket: messages in order, a close at their
 * end, and control frames, which go between two messages. Without sockets; one thread at a time.
 */
#ifndef GATEWAY_OUTBOX_H
#define GATEWAY_OUTBOX_H

#include "gateway_frame.h"

typedef struct gateway_outbox {
    /* Takes a frame over that has been sent, or (sent false) has been cut. */
    void (*release)(void *user, gateway_frame *frame, bool sent);
    void *user;
    gateway_frame *first; /* written but not sent, then in the making, then waiting */
    gateway_frame *last;
    gateway_frame *making; /* the first that is not written whole; NULL: none */
    size_t n_bytes;        /* payload of all */
    bool close_made;       /* a close frame has been written: nothing follows it */
    bool ping_wanted;
    bool pong_wanted;
    unsigned n_pings; /* written since this was set to 0 */
    size_t n_pong;
    uint8_t pong[GATEWAY_CONTROL_MAX_BYTES];
} gateway_outbox;

/* gateway_outbox_push puts a frame at the end and takes it over. */
void gateway_outbox_push(gateway_outbox *o, gateway_frame *frame);

/* gateway_outbox_cut releases every frame that has not been begun; _clear releases all. */
void gateway_outbox_cut(gateway_outbox *o);
void gateway_outbox_clear(gateway_outbox *o);

/* gateway_outbox_pong wants a pong for the client's latest ping, in place of one that still waits
 * (RFC 6455 section 5.5.3). */
void gateway_outbox_pong(gateway_outbox *o, const uint8_t *data, size_t len);

/* gateway_outbox_has_work says whether there is something to write. */
bool gateway_outbox_has_work(const gateway_outbox *o);

/* gateway_outbox_write writes what fits and returns how many bytes that is. offset is the number of
 * the first one among all that the connection sends. */
size_t gateway_outbox_write(gateway_outbox *o, uint8_t *out, size_t room, uint64_t offset);

/* gateway_outbox_sent releases the frames that lie before byte number n_sent. */
void gateway_outbox_sent(gateway_outbox *o, uint64_t n_sent);

#endif
