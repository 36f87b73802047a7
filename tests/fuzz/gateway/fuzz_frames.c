/*
 * The way of a WebSocket client's bytes through gateway_frame_in. The first byte of the input says
 * in which pieces the rest arrives, whether the sink takes one message at a time, and whether
 * permessage-deflate has been agreed; what is read
 * must not depend on that, so that each input is read whole as well and both readings are compared.
 * Each message then goes out again as a frame, in pieces, and must come back from it unchanged.
 */
#include "gateway_frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FRAME_ROOM (GATEWAY_MESSAGE_MAX_BYTES * 2)

typedef struct reading {
    size_t n_messages;
    size_t n_control;
    unsigned close;
    uint64_t sum;
    bool full; /* takes one message at a time */
} reading;

static void add(reading *r, unsigned kind, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    r->sum = r->sum * 31 + kind;
    for (size_t i = 0; i < len; i++) {
        r->sum = r->sum * 31 + bytes[i];
    }
}

static uint64_t number_at(const uint8_t *at, size_t n)
{
    uint64_t len = 0;
    for (size_t i = 0; i < n; i++) {
        len = len << 8 | at[i];
    }
    return len;
}

/* The frame of a message, written with little room at a time, read as a client would. */
static void send_back(gateway_opcode opcode, const rf_buf *message)
{
    size_t half = message->len / 2;
    size_t step = 10 + message->len % 91;
    uint8_t *out = malloc(FRAME_ROOM);
    gateway_frame *f = gateway_frame_new(opcode, false, (gateway_piece){message->data, half},
                                         (gateway_piece){message->data + half, message->len - half},
                                         (gateway_piece){NULL, 0});
    size_t n = 0;
    while (!f->done) {
        n += gateway_frame_write(f, out + n, step);
    }
    size_t extra = out[1] == 126 ? 2 : out[1] == 127 ? 8 : 0;
    uint64_t len = extra > 0 ? number_at(out + 2, extra) : out[1];
    if (out[0] != (0x80 | opcode) || len != message->len || n != 2 + extra + len ||
        (len > 0 && memcmp(out + 2 + extra, message->data, len) != 0)) {
        abort();
    }
    gateway_frame_free(f);
    free(out);
}

static int on_message(void *user, gateway_opcode opcode, rf_buf *data)
{
    reading *r = user;
    if (data->len > GATEWAY_MESSAGE_MAX_BYTES ||
        (opcode == GATEWAY_OP_TEXT && !rf_utf8_valid(data->data, data->len))) {
        abort();
    }
    r->n_messages++;
    add(r, opcode, data->data, data->len);
    if (data->len > 0) {
        send_back(opcode, data);
    }
    return r->full ? -EAGAIN : 0;
}

static void on_control(reading *r, unsigned kind, const uint8_t *data, size_t len)
{
    if (len > GATEWAY_CONTROL_MAX_BYTES) {
        abort();
    }
    r->n_control++;
    add(r, kind, data, len);
}

static void on_ping(void *user, const uint8_t *data, size_t len)
{
    on_control(user, GATEWAY_OP_PING, data, len);
}

static void on_pong(void *user, const uint8_t *data, size_t len)
{
    on_control(user, GATEWAY_OP_PONG, data, len);
}

static void on_close(void *user, unsigned code, const char *reason)
{
    reading *r = user;
    size_t len = strlen(reason);
    if ((code != GATEWAY_CLOSE_NONE && !gateway_close_code_valid(code)) ||
        len > GATEWAY_REASON_MAX_BYTES || !rf_utf8_valid(reason, len) || r->close != 0) {
        abort();
    }
    r->close = code;
    add(r, GATEWAY_OP_CLOSE, reason, len);
}

/* Gives one piece, as often as the sink stops the reading. */
static void take_piece(gateway_frame_in *in, reading *r, const uint8_t *piece, size_t len)
{
    size_t n_before = SIZE_MAX;
    size_t at = 0;
    while (at < len || r->n_messages != n_before) {
        n_before = r->n_messages;
        ssize_t took = gateway_frame_in_take(in, piece + at, len - at);
        if (took < 0) {
            if (r->close != 0 || !gateway_close_code_valid((unsigned)-took)) {
                abort();
            }
            r->close = (unsigned)-took;
            return;
        }
        at += (size_t)took;
    }
}

static reading read_all(const uint8_t *data, size_t size, size_t step, bool full, bool deflate)
{
    static const gateway_frame_sink sink = {
        .message = on_message, .ping = on_ping, .pong = on_pong, .close = on_close};
    reading r = {.full = full};
    gateway_frame_in *in = gateway_frame_in_new(&sink, &r, deflate);
    for (size_t at = 0; at < size; at += step) {
        size_t n = RF_MIN(step, size - at);
        uint8_t *piece = malloc(n); /* of its own size: a read beyond it is found */
        memcpy(piece, data + at, n);
        take_piece(in, &r, piece, n);
        free(piece);
    }
    gateway_frame_in_free(in);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    bool deflate = (data[0] & 0x80) != 0;
    size_t step = 1 + (data[0] & 0x7fu) / 2;
    reading whole = read_all(data + 1, size - 1, size, false, deflate);
    reading parts = read_all(data + 1, size - 1, step, (data[0] & 1) != 0, deflate);
    if (whole.n_messages != parts.n_messages || whole.n_control != parts.n_control ||
        whole.close != parts.close || whole.sum != parts.sum) {
        abort();
    }
    return 0;
}
