#include "rf_rpc_wire.h"

#include <errno.h>

#define MAX_FIELD 536870911u /* 2^29 - 1 */

int rf_rpc_wire_varint(rf_rpc_wire *r, uint64_t *ret)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (r->at == r->end) {
            return -EBADMSG;
        }
        uint8_t byte = *r->at++;
        if (shift == 63 && byte > 1) {
            return -EBADMSG;
        }
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            *ret = value;
            return 0;
        }
    }
    return -EBADMSG;
}

int rf_rpc_wire_fixed(rf_rpc_wire *r, size_t size, uint64_t *ret)
{
    if ((size_t)(r->end - r->at) < size) {
        return -EBADMSG;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value |= (uint64_t)r->at[i] << (8 * i);
    }
    r->at += size;
    *ret = value;
    return 0;
}

static int read_bytes(rf_rpc_wire *r, rf_rpc_wire_field *ret)
{
    uint64_t len;
    int err = rf_rpc_wire_varint(r, &len);
    if (err != 0 || len > (uint64_t)(r->end - r->at)) {
        return -EBADMSG;
    }
    ret->data = r->at;
    ret->len = (size_t)len;
    r->at += len;
    return 0;
}

static int read_value(rf_rpc_wire *r, rf_rpc_wire_field *ret)
{
    switch (ret->type) {
    case RF_WIRE_VARINT:
        return rf_rpc_wire_varint(r, &ret->value);
    case RF_WIRE_FIXED64:
        return rf_rpc_wire_fixed(r, 8, &ret->value);
    case RF_WIRE_FIXED32:
        return rf_rpc_wire_fixed(r, 4, &ret->value);
    case RF_WIRE_BYTES:
        return read_bytes(r, ret);
    default:
        return -EBADMSG;
    }
}

int rf_rpc_wire_next(rf_rpc_wire *r, rf_rpc_wire_field *ret)
{
    if (r->at == r->end) {
        return 0;
    }
    uint64_t tag;
    if (rf_rpc_wire_varint(r, &tag) != 0 || tag >> 3 == 0 || tag >> 3 > MAX_FIELD) {
        return -EBADMSG;
    }
    *ret = (rf_rpc_wire_field){.number = (uint32_t)(tag >> 3), .type = (rf_rpc_wire_type)(tag & 7)};
    int err = read_value(r, ret);
    return err < 0 ? err : 1;
}

void rf_rpc_wire_put_varint(rf_buf *b, uint64_t value)
{
    uint8_t bytes[10];
    size_t n = 0;
    while (value >= 0x80) {
        bytes[n++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes[n++] = (uint8_t)value;
    (void)rf_buf_append(b, bytes, n);
}

void rf_rpc_wire_put_tag(rf_buf *b, uint32_t number, rf_rpc_wire_type type)
{
    rf_rpc_wire_put_varint(b, (uint64_t)number << 3 | type);
}

void rf_rpc_wire_put_fixed(rf_buf *b, size_t size, uint64_t value)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
    (void)rf_buf_append(b, bytes, size);
}

void rf_rpc_wire_put_bytes(rf_buf *b, uint32_t number, const void *data, size_t len)
{
    rf_rpc_wire_put_tag(b, number, RF_WIRE_BYTES);
    rf_rpc_wire_put_varint(b, len);
    (void)rf_buf_append(b, data, len);
}
