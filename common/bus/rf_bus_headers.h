/*
 * rf_bus_headers.h - the headers of a record as bytes: for each one its name, a zero byte, the
 * length of its value (16 bits, little-endian), the value.
 */
#ifndef RF_BUS_HEADERS_H
#define RF_BUS_HEADERS_H

#include "rf_bus.h"

/* rf_bus_headers_check says whether headers may be sent: 0, -EINVAL for a name, -EMSGSIZE. */
int rf_bus_headers_check(const rf_bus_header *headers, size_t n);

/* rf_bus_headers_size and rf_bus_headers_encode write checked headers; out has room for the size.
 */
size_t rf_bus_headers_size(const rf_bus_header *headers, size_t n);
void rf_bus_headers_encode(const rf_bus_header *headers, size_t n, uint8_t *out);

/* rf_bus_headers_decode reads any bytes; the result points into data. Returns the number of
 * headers, -EBADMSG when data is not what encode writes, -EMSGSIZE for more than
 * RF_BUS_MAX_HEADERS. */
int rf_bus_headers_decode(const uint8_t *data, size_t len, rf_bus_header out[RF_BUS_MAX_HEADERS]);

#endif
