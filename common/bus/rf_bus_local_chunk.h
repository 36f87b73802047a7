/*
 * rf_bus_local_chunk.h - records of one partition as the bytes of one row of the log. Before each
 * record's key, value and headers stand their lengths, little-endian:
 *
 *     key 16 bits (65535: no key), headers 16 bits, value 32 bits
 */
#ifndef RF_BUS_LOCAL_CHUNK_H
#define RF_BUS_LOCAL_CHUNK_H

#include "rf_base.h"

#define RF_BUS_CHUNK_LENGTHS 8u /* bytes before each record */

typedef struct rf_bus_chunk_record {
    const void *key; /* NULL: none */
    size_t key_len;
    const void *value;
    size_t value_len;
    const void *headers;
    size_t headers_len;
} rf_bus_chunk_record;

/* rf_bus_chunk_payload counts the bytes of a record without the lengths. */
size_t rf_bus_chunk_payload(const rf_bus_chunk_record *record);

/* rf_bus_chunk_put writes lengths and payload; to has room for both. */
void rf_bus_chunk_put(uint8_t *to, const rf_bus_chunk_record *record);

/* rf_bus_chunk_take reads the record at *at, where *left bytes are, and steps over it. It points
 * into the bytes. Returns 0, or -EBADMSG when they are not what put writes. */
int rf_bus_chunk_take(const uint8_t **at, size_t *left, rf_bus_chunk_record *ret);

#endif
