/* WebSocket messages towards the client, see gateway_frame.h. */
#include "gateway_base64.h"
#include "gateway_frame.h"

#include <string.h>

#define ATTACHMENT 1
#define FIN 0x80
#define RSV1 0x40
#define LEN_16 126
#define LEN_64 127

static gateway_frame *new_frame(gateway_opcode opcode, const gateway_piece pieces[3])
{
    gateway_frame *f =
        malloc(sizeof(gateway_frame) + pieces[0].len + pieces[1].len + pieces[2].len);
    if (f == NULL) {
        return NULL;
    }
    memset(f, 0, sizeof(*f));
    f->opcode = opcode;
    uint8_t *at = f->data;
    for (int i = 0; i < 3; i++) {
        f->len[i] = pieces[i].len;
        at = pieces[i].len > 0 ? mempcpy(at, pieces[i].data, pieces[i].len) : at;
    }
    return f;
}

gateway_frame *gateway_frame_new(gateway_opcode opcode, bool base64, gateway_piece before,
                                 gateway_piece attachment, gateway_piece after)
{
    const gateway_piece pieces[3] = {before, attachment, after};
    gateway_frame *f = new_frame(opcode, pieces);
    if (f != NULL) {
        f->base64 = base64;
    }
    return f;
}

/* The longest beginning of reason that fits and does not end inside a character. */
static size_t cut_reason(const char *reason)
{
    size_t len = strlen(reason);
    if (len > GATEWAY_REASON_MAX_BYTES) {
        len = GATEWAY_REASON_MAX_BYTES;
        while (len > 0 && ((uint8_t)reason[len] & 0xC0) == 0x80) {
            len--;
        }
    }
    return len;
}

gateway_frame *gateway_frame_new_close(unsigned code, const char *reason)
{
    const uint8_t text[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    const bool has_code = code != GATEWAY_CLOSE_NONE;
    const gateway_piece pieces[3] = {{text, has_code ? sizeof(text) : 0},
                                     {reason, has_code ? cut_reason(reason) : 0},
                                     {NULL, 0}};
    gateway_frame *f = new_frame(GATEWAY_OP_CLOSE, pieces);
    if (f == NULL) {
        abort(); /* a small fixed need */
    }
    f->code = code;
    return f;
}

gateway_frame *gateway_frame_free(gateway_frame *frame)
{
    free(frame);
    return NULL;
}

gateway_frame *gateway_frame_pack(gateway_frame *frame, const gateway_deflate *deflate)
{
    rf_buf packed;
    size_t len = gateway_frame_payload(frame);
    gateway_frame *f = NULL;
    if (frame->opcode != GATEWAY_OP_TEXT || frame->base64 || len < GATEWAY_DEFLATE_LEAST_BYTES ||
        len > GATEWAY_DEFLATE_MOST_BYTES) {
        return frame;
    }
    rf_buf_init(&packed, len);
    if (gateway_deflate_pack(deflate, frame->data, len, &packed) == 0) {
        f = gateway_frame_new(GATEWAY_OP_TEXT, false, (gateway_piece){packed.data, packed.len},
                              (gateway_piece){NULL, 0}, (gateway_piece){NULL, 0});
    }
    rf_buf_done(&packed);
    if (f == NULL) {
        return frame;
    }
    f->packed = true;
    f->owner = frame->owner;
    f->credit = frame->credit;
    f->owed = frame->owed;
    gateway_frame_free(frame);
    return f;
}

static size_t length_on_wire(const gateway_frame *f, unsigned part)
{
    return part == ATTACHMENT && f->base64 ? GATEWAY_BASE64_LEN(f->len[part]) : f->len[part];
}

size_t gateway_frame_payload(const gateway_frame *frame)
{
    return length_on_wire(frame, 0) + length_on_wire(frame, 1) + length_on_wire(frame, 2);
}

static size_t put_length(uint8_t *out, uint64_t n, int n_bytes)
{
    for (int i = 0; i < n_bytes; i++) {
        out[i] = (uint8_t)(n >> (8 * (n_bytes - 1 - i)));
    }
    return (size_t)n_bytes;
}

static size_t put_header(uint8_t *out, unsigned flags, gateway_opcode opcode, uint64_t n)
{
    out[0] = (uint8_t)(flags | opcode);
    if (n < LEN_16) {
        out[1] = (uint8_t)n;
        return 2;
    }
    if (n <= UINT16_MAX) {
        out[1] = LEN_16;
        return 2 + put_length(out + 2, n, 2);
    }
    out[1] = LEN_64;
    return 2 + put_length(out + 2, n, 8);
}

/* Writes what fits of the part in hand and moves on in it. */
static size_t write_part(gateway_frame *f, const uint8_t *part, uint8_t *out, size_t room)
{
    size_t left = f->len[f->part] - f->at;
    if (f->part == ATTACHMENT && f->base64) {
        size_t n = RF_MIN(left, room / 4 * 3);
        const uint8_t *from = part + f->at;
        f->at += n;
        return gateway_base64(from, n, (char *)out);
    }
    size_t n = RF_MIN(left, room);
    if (n > 0) {
        memcpy(out, part + f->at, n);
        f->at += n;
    }
    return n;
}

size_t gateway_frame_write(gateway_frame *frame, uint8_t *out, size_t room)
{
    size_t n = 0;
    const uint8_t *part = frame->data;
    if (!frame->begun) {
        if (room < GATEWAY_FRAME_HEADER_MAX) {
            return 0;
        }
        n = put_header(out, frame->packed ? FIN | RSV1 : FIN, frame->opcode,
                       gateway_frame_payload(frame));
        frame->begun = true;
    }
    for (unsigned i = 0; i < frame->part; i++) {
        part += frame->len[i];
    }
    while (frame->part < RF_ARRAY_LEN(frame->len)) {
        n += write_part(frame, part, out + n, room - n);
        if (frame->at < frame->len[frame->part]) {
            return n;
        }
        part += frame->len[frame->part++];
        frame->at = 0;
    }
    frame->done = true;
    return n;
}

size_t gateway_frame_control(gateway_opcode opcode, const uint8_t *data, size_t len, uint8_t *out)
{
    size_t n = put_header(out, FIN, opcode, len);
    if (len > 0) {
        memcpy(out + n, data, len);
    }
    return n + len;
}
