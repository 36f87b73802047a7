/* WebSocket messages from the client, see gateway_frame.h. */
#include "gateway_frame.h"

#include <errno.h>
#include <string.h>
#include <wslay/wslay.h>

/* Where a text stands between two bytes (RFC 3629 section 4). */
typedef struct utf8_state {
    unsigned missing; /* bytes of the character in hand */
    uint8_t low;      /* range of the next one */
    uint8_t high;
} utf8_state;

struct gateway_frame_in {
    const gateway_frame_sink *sink;
    void *user;
    wslay_frame_context_ptr frames;
    const uint8_t *data; /* of the call in progress */
    size_t left;
    bool deflate;          /* agreed */
    bool ended;            /* closed, or at fault */
    bool in_part;          /* a frame has begun and not ended */
    uint64_t seen;         /* of its payload */
    gateway_opcode opcode; /* of the message in hand; GATEWAY_OP_CONTINUATION for none */
    bool packed;           /* it is */
    unsigned n_fragments;
    utf8_state utf8;
    rf_buf message;
    size_t n_control;
    uint8_t control[GATEWAY_CONTROL_MAX_BYTES + 1];
};

bool gateway_close_code_valid(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

/* ---- UTF-8 ---- */

static void begin_character(utf8_state *s, unsigned missing, uint8_t low, uint8_t high)
{
    *s = (utf8_state){.missing = missing, .low = low, .high = high};
}

static bool first_byte(utf8_state *s, uint8_t b)
{
    if (b < 0x80) {
        return true;
    }
    if (b < 0xC2 || b > 0xF4) {
        return false;
    }
    if (b < 0xE0) {
        begin_character(s, 1, 0x80, 0xBF);
    } else if (b < 0xF0) {
        begin_character(s, 2, b == 0xE0 ? 0xA0 : 0x80, b == 0xED ? 0x9F : 0xBF);
    } else {
        begin_character(s, 3, b == 0xF0 ? 0x90 : 0x80, b == 0xF4 ? 0x8F : 0xBF);
    }
    return true;
}

static bool next_byte(utf8_state *s, uint8_t b)
{
    if (s->missing == 0) {
        return first_byte(s, b);
    }
    if (b < s->low || b > s->high) {
        return false;
    }
    begin_character(s, s->missing - 1, 0x80, 0xBF);
    return true;
}

/* The text goes on with these bytes. False at the first one that cannot stand there. */
static bool text_goes_on(utf8_state *s, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!next_byte(s, data[i])) {
            return false;
        }
    }
    return true;
}

/* ---- life ---- */

/* wslay asks for bytes of the call in progress. */
static ssize_t on_recv(uint8_t *buf, size_t len, int flags, void *user)
{
    gateway_frame_in *in = user;
    (void)flags;
    size_t n = RF_MIN(len, in->left);
    if (n == 0) {
        return -1;
    }
    memcpy(buf, in->data, n);
    in->data += n;
    in->left -= n;
    return (ssize_t)n;
}

gateway_frame_in *gateway_frame_in_new(const gateway_frame_sink *sink, void *user, bool deflate)
{
    const struct wslay_frame_callbacks callbacks = {.recv_callback = on_recv};
    gateway_frame_in *in = RF_NEW(gateway_frame_in);
    in->sink = sink;
    in->user = user;
    in->deflate = deflate;
    rf_buf_init(&in->message, GATEWAY_MESSAGE_MAX_BYTES);
    if (wslay_frame_context_init(&in->frames, &callbacks, in) != 0) {
        abort(); /* a small fixed need */
    }
    return in;
}

gateway_frame_in *gateway_frame_in_free(gateway_frame_in *in)
{
    if (in != NULL) {
        wslay_frame_context_free(in->frames);
        rf_buf_done(&in->message);
        free(in);
    }
    return NULL;
}

/* ---- control frames ---- */

static int take_close(gateway_frame_in *in)
{
    char reason[GATEWAY_CONTROL_MAX_BYTES] = "";
    unsigned code = GATEWAY_CLOSE_NONE;
    if (in->n_control == 1) {
        return -GATEWAY_CLOSE_PROTOCOL;
    }
    if (in->n_control >= 2) {
        code = (unsigned)in->control[0] << 8 | in->control[1];
        size_t len = in->n_control - 2;
        if (!gateway_close_code_valid(code)) {
            return -GATEWAY_CLOSE_PROTOCOL;
        }
        if (!rf_utf8_valid(in->control + 2, len)) {
            return -GATEWAY_CLOSE_BAD_DATA;
        }
        memcpy(reason, in->control + 2, len);
        reason[len] = '\0';
    }
    in->ended = true;
    in->sink->close(in->user, code, reason);
    return 0;
}

static int end_control(gateway_frame_in *in, gateway_opcode opcode)
{
    size_t n = in->n_control;
    int err = 0;
    if (opcode == GATEWAY_OP_CLOSE) {
        err = take_close(in);
    } else if (opcode == GATEWAY_OP_PING) {
        in->sink->ping(in->user, in->control, n);
    } else {
        in->sink->pong(in->user, in->control, n);
    }
    in->n_control = 0;
    return err;
}

/* ---- messages ---- */

/* The header of a frame, once known: what it may be here. */
static int begin_frame(gateway_frame_in *in, const struct wslay_frame_iocb *f)
{
    bool data = f->opcode <= GATEWAY_OP_BINARY;
    bool control = f->opcode >= GATEWAY_OP_CLOSE && f->opcode <= GATEWAY_OP_PONG;
    bool goes_on = f->opcode == GATEWAY_OP_CONTINUATION;
    unsigned may_have = in->deflate && data && !goes_on ? WSLAY_RSV1_BIT : 0;
    if (!f->mask || (f->rsv & ~may_have) != 0 || (!data && !control)) {
        return -GATEWAY_CLOSE_PROTOCOL;
    }
    if (control) {
        return 0;
    }
    if (goes_on != (in->opcode != GATEWAY_OP_CONTINUATION)) {
        return -GATEWAY_CLOSE_PROTOCOL;
    }
    if (!goes_on) {
        in->opcode = (gateway_opcode)f->opcode;
        in->packed = f->rsv != 0;
    }
    bool fits = f->payload_length <= GATEWAY_MESSAGE_MAX_BYTES - in->message.len &&
                ++in->n_fragments <= GATEWAY_FRAGMENTS_MAX;
    return fits ? 0 : -GATEWAY_CLOSE_TOO_BIG;
}

static int add_payload(gateway_frame_in *in, const struct wslay_frame_iocb *f)
{
    if (f->opcode >= GATEWAY_OP_CLOSE) {
        memcpy(in->control + in->n_control, f->data, f->data_length);
        in->n_control += f->data_length;
        return 0;
    }
    if (in->opcode == GATEWAY_OP_TEXT && !in->packed &&
        !text_goes_on(&in->utf8, f->data, f->data_length)) {
        return -GATEWAY_CLOSE_BAD_DATA;
    }
    return rf_buf_append(&in->message, f->data, f->data_length) < 0 ? -GATEWAY_CLOSE_TOO_BIG : 0;
}

/* Puts the unpacked message in place of the packed one. */
static int unpack(gateway_frame_in *in)
{
    rf_buf plain;
    rf_buf_init(&plain, GATEWAY_MESSAGE_MAX_BYTES);
    int err = gateway_deflate_unpack(in->message.data, in->message.len, &plain);
    rf_buf_done(&in->message);
    in->message = plain;
    if (err < 0) {
        return err == -EMSGSIZE ? -GATEWAY_CLOSE_TOO_BIG : -GATEWAY_CLOSE_BAD_DATA;
    }
    bool valid = in->opcode != GATEWAY_OP_TEXT || rf_utf8_valid(plain.data, plain.len);
    return valid ? 0 : -GATEWAY_CLOSE_BAD_DATA;
}

/* A frame is complete. -EAGAIN when its message was the last that the sink takes now. */
static int end_frame(gateway_frame_in *in, const struct wslay_frame_iocb *f)
{
    if (f->opcode >= GATEWAY_OP_CLOSE) {
        return end_control(in, (gateway_opcode)f->opcode);
    }
    if (!f->fin) {
        return 0;
    }
    if (in->utf8.missing > 0) {
        return -GATEWAY_CLOSE_BAD_DATA;
    }
    int err = in->packed ? unpack(in) : 0;
    if (err < 0) {
        return err;
    }
    gateway_opcode opcode = in->opcode;
    in->opcode = GATEWAY_OP_CONTINUATION;
    in->n_fragments = 0;
    err = in->sink->message(in->user, opcode, &in->message);
    rf_buf_clear(&in->message);
    return err;
}

/* Some payload of a frame, maybe all. */
static int take_part(gateway_frame_in *in, const struct wslay_frame_iocb *f)
{
    int err = in->in_part ? 0 : begin_frame(in, f);
    in->seen = (in->in_part ? in->seen : 0) + f->data_length;
    in->in_part = in->seen < f->payload_length;
    err = err == 0 ? add_payload(in, f) : err;
    return err == 0 && !in->in_part ? end_frame(in, f) : err;
}

static int take_frames(gateway_frame_in *in)
{
    int err = 0;
    while (err == 0 && !in->ended) {
        struct wslay_frame_iocb f;
        ssize_t n = wslay_frame_recv(in->frames, &f);
        if (n == WSLAY_ERR_WANT_READ) {
            return 0;
        }
        err = n < 0 ? -GATEWAY_CLOSE_PROTOCOL : take_part(in, &f);
    }
    return err;
}

ssize_t gateway_frame_in_take(gateway_frame_in *in, const void *data, size_t len)
{
    if (in->ended) {
        return (ssize_t)len;
    }
    in->data = data;
    in->left = len;
    int err = take_frames(in);
    if (in->ended) {
        return (ssize_t)len;
    }
    if (err < 0 && err != -EAGAIN) {
        in->ended = true;
        return err;
    }
    return (ssize_t)(len - in->left);
}
