/*
 * rf_rpc_wire.h - the protobuf wire format, field by field (protobuf.dev, "Encoding"). Used where
 * there is no generated code: the method tables, the JSON mapping and the checks before unpacking.
 * Plain functions on the caller's data; any thread.
 */
#ifndef RF_RPC_WIRE_H
#define RF_RPC_WIRE_H

#include "rf_base.h"
#include "rf_buf.h"

typedef enum rf_rpc_wire_type {
    RF_WIRE_VARINT = 0,
    RF_WIRE_FIXED64 = 1,
    RF_WIRE_BYTES = 2,
    RF_WIRE_FIXED32 = 5,
} rf_rpc_wire_type;

/* A reader is the bytes that are left. */
typedef struct rf_rpc_wire {
    const uint8_t *at;
    const uint8_t *end;
} rf_rpc_wire;

typedef struct rf_rpc_wire_field {
    uint32_t number;
    rf_rpc_wire_type type;
    uint64_t value;      /* of VARINT, FIXED32, FIXED64 */
    const uint8_t *data; /* of BYTES, inside the reader's bytes */
    size_t len;
} rf_rpc_wire_field;

static inline rf_rpc_wire rf_rpc_wire_of(const void *data, size_t len)
{
    const uint8_t *at = (const uint8_t *)data;
    return (rf_rpc_wire){at, len > 0 ? at + len : at};
}

/* rf_rpc_wire_next reads one field. Returns 1, 0 at the end, or -EBADMSG (groups included). */
int rf_rpc_wire_next(rf_rpc_wire *r, rf_rpc_wire_field *ret);

/* rf_rpc_wire_varint reads a bare varint, as in packed fields. Returns 0 or -EBADMSG. */
int rf_rpc_wire_varint(rf_rpc_wire *r, uint64_t *ret);

/* rf_rpc_wire_fixed reads size (4 or 8) little-endian bytes. Returns 0 or -EBADMSG. */
int rf_rpc_wire_fixed(rf_rpc_wire *r, size_t size, uint64_t *ret);

/* Appends; errors stay in the buffer (rf_buf_error). */
void rf_rpc_wire_put_varint(rf_buf *b, uint64_t value);
void rf_rpc_wire_put_tag(rf_buf *b, uint32_t number, rf_rpc_wire_type type);
void rf_rpc_wire_put_fixed(rf_buf *b, size_t size, uint64_t value);
void rf_rpc_wire_put_bytes(rf_buf *b, uint32_t number, const void *data, size_t len);

#endif
