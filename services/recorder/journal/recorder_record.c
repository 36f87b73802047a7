#include "recorder_record.h"

#include "recorder_crc.h"

#include <errno.h>
#include <string.h>

#define VERSION 1
#define ALIGN 8u
#define FRAME_BYTES_MAX 64 /* 8 channels of up to 8 bytes */

/* Offsets in a header. */
enum {
    AT_CRC = 0,
    AT_LEN = 4,
    AT_SEQ = 8,
    AT_SESSION = 16,
    AT_FIRST_FRAME = 32,
    AT_N_FRAMES = 40,
    AT_KIND = 44,
    AT_VERSION = 45,
    AT_RESERVED = 46,
};

void recorder_put_le(uint8_t *out, uint64_t value, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++) {
        out[i] = (uint8_t)(value >> (8 * i));
    }
}

uint64_t recorder_get_le(const uint8_t *data, size_t n_bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n_bytes; i++) {
        value |= (uint64_t)data[i] << (8 * i);
    }
    return value;
}

size_t recorder_record_size(uint32_t len)
{
    return (RECORDER_RECORD_HEADER + (size_t)len + ALIGN - 1) / ALIGN * ALIGN;
}

int recorder_record_check(const recorder_record *r)
{
    bool audio = r->kind == RECORDER_RECORD_AUDIO;
    bool known = r->kind >= RECORDER_RECORD_AUDIO && r->kind <= RECORDER_RECORD_FLOOR;
    if (r->len > RECORDER_RECORD_MAX) {
        return -EMSGSIZE;
    }
    if (!known || r->first_frame < 0 || r->first_frame > RECORDER_FRAME_MAX ||
        (audio && r->n_frames == 0) || (audio && r->len % r->n_frames != 0) ||
        (r->len > 0 && r->data == NULL)) {
        return -EINVAL;
    }
    return 0;
}

void recorder_record_pack(const recorder_record *r, uint8_t *out)
{
    size_t size = recorder_record_size(r->len);
    memset(out, 0, RECORDER_RECORD_HEADER);
    memset(out + size - ALIGN, 0, ALIGN); /* the padding; payload, if any, goes over it */
    recorder_put_le(out + AT_LEN, r->len, 4);
    recorder_put_le(out + AT_SEQ, r->seq, 8);
    memcpy(out + AT_SESSION, r->session, RECORDER_SESSION_ID);
    recorder_put_le(out + AT_FIRST_FRAME, (uint64_t)r->first_frame, 8);
    recorder_put_le(out + AT_N_FRAMES, r->n_frames, 4);
    out[AT_KIND] = (uint8_t)r->kind;
    out[AT_VERSION] = VERSION;
    if (r->len > 0) {
        memcpy(out + RECORDER_RECORD_HEADER, r->data, r->len);
    }
    recorder_put_le(out + AT_CRC, recorder_crc(0, out + AT_LEN, size - AT_LEN), 4);
}

size_t recorder_record_need(const uint8_t *header)
{
    uint32_t len = (uint32_t)recorder_get_le(header + AT_LEN, 4);
    return len <= RECORDER_RECORD_MAX ? recorder_record_size(len) : 0;
}

static bool all_zero(const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (data[i] != 0) {
            return false;
        }
    }
    return true;
}

static recorder_record read_fields(const uint8_t *data)
{
    recorder_record r = {
        .kind = (recorder_record_kind)data[AT_KIND],
        .first_frame = (int64_t)recorder_get_le(data + AT_FIRST_FRAME, 8),
        .n_frames = (uint32_t)recorder_get_le(data + AT_N_FRAMES, 4),
        .len = (uint32_t)recorder_get_le(data + AT_LEN, 4),
        .data = data + RECORDER_RECORD_HEADER,
        .seq = recorder_get_le(data + AT_SEQ, 8),
    };
    memcpy(r.session, data + AT_SESSION, RECORDER_SESSION_ID);
    return r;
}

ssize_t recorder_record_parse(const uint8_t *data, size_t len, recorder_record *ret)
{
    if (len == 0) {
        return 0;
    }
    if (len < RECORDER_RECORD_HEADER) {
        return -ENODATA;
    }
    if (all_zero(data, RECORDER_RECORD_HEADER)) {
        return 0;
    }
    size_t size = recorder_record_need(data);
    if (size == 0) {
        return -EBADMSG;
    }
    if (size > len) {
        return -ENODATA;
    }
    if (recorder_get_le(data, 4) != recorder_crc(0, data + AT_LEN, size - AT_LEN)) {
        return -EBADMSG;
    }
    recorder_record r = read_fields(data);
    if (data[AT_VERSION] != VERSION || recorder_get_le(data + AT_RESERVED, 2) != 0 ||
        recorder_record_check(&r) < 0 || r.seq == 0) {
        return -EPROTO;
    }
    *ret = r;
    return (ssize_t)size;
}

uint32_t recorder_record_pack_session(uint32_t frame_bytes, const char *path, uint8_t *out)
{
    size_t len = strlen(path);
    recorder_put_le(out, frame_bytes, 4);
    memcpy(out + 4, path, len);
    return (uint32_t)(4 + len);
}

int recorder_record_unpack_session(const recorder_record *r, uint32_t *ret_frame_bytes, char *path)
{
    const uint8_t *data = r->data;
    if (r->len < 5 || r->len > RECORDER_SESSION_MAX) {
        return -EBADMSG;
    }
    uint32_t frame_bytes = (uint32_t)recorder_get_le(data, 4);
    size_t path_len = r->len - 4;
    if (frame_bytes == 0 || frame_bytes > FRAME_BYTES_MAX ||
        memchr(data + 4, '\0', path_len) != NULL) {
        return -EBADMSG;
    }
    *ret_frame_bytes = frame_bytes;
    memcpy(path, data + 4, path_len);
    path[path_len] = '\0';
    return 0;
}
