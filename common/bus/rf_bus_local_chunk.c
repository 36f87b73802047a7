#include "rf_bus_local_chunk.h"

#include <errno.h>
#include <string.h>

#define NO_KEY UINT16_MAX

static void put_number(uint8_t *to, size_t n_bytes, uint32_t value)
{
    for (size_t i = 0; i < n_bytes; i++) {
        to[i] = (uint8_t)(value >> 8 * i);
    }
}

static uint32_t take_number(const uint8_t *from, size_t n_bytes)
{
    uint32_t value = 0;
    for (size_t i = 0; i < n_bytes; i++) {
        value |= (uint32_t)from[i] << 8 * i;
    }
    return value;
}

size_t rf_bus_chunk_payload(const rf_bus_chunk_record *r)
{
    return r->key_len + r->value_len + r->headers_len;
}

static uint8_t *put_bytes(uint8_t *to, const void *from, size_t len)
{
    if (from != NULL && len > 0) {
        memcpy(to, from, len);
    }
    return to + len;
}

void rf_bus_chunk_put(uint8_t *to, const rf_bus_chunk_record *r)
{
    put_number(to, 2, r->key == NULL ? NO_KEY : (uint32_t)r->key_len);
    put_number(to + 2, 2, (uint32_t)r->headers_len);
    put_number(to + 4, 4, (uint32_t)r->value_len);
    to = put_bytes(to + RF_BUS_CHUNK_LENGTHS, r->key, r->key_len);
    to = put_bytes(to, r->value, r->value_len);
    put_bytes(to, r->headers, r->headers_len);
}

int rf_bus_chunk_take(const uint8_t **at, size_t *left, rf_bus_chunk_record *ret)
{
    const uint8_t *from = *at;
    if (*left < RF_BUS_CHUNK_LENGTHS) {
        return -EBADMSG;
    }
    uint32_t key_len = take_number(from, 2);
    bool has_key = key_len != NO_KEY;
    rf_bus_chunk_record r = {.key_len = has_key ? key_len : 0,
                             .headers_len = take_number(from + 2, 2),
                             .value_len = take_number(from + 4, 4)};
    size_t payload = rf_bus_chunk_payload(&r);
    if (*left - RF_BUS_CHUNK_LENGTHS < payload) {
        return -EBADMSG;
    }
    from += RF_BUS_CHUNK_LENGTHS;
    r.key = has_key ? from : NULL;
    r.value = from + r.key_len;
    r.headers = from + r.key_len + r.value_len;
    *at = from + payload;
    *left -= RF_BUS_CHUNK_LENGTHS + payload;
    *ret = r;
    return 0;
}
