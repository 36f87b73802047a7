#include "rf_bus_headers.h"

#include <errno.h>
#include <string.h>

#define LEN_BYTES 2

static bool name_valid(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return n > 0 && name[n] == '\0';
}

size_t rf_bus_headers_size(const rf_bus_header *headers, size_t n)
{
    size_t size = 0;
    for (size_t i = 0; i < n; i++) {
        size += strlen(headers[i].name) + 1 + LEN_BYTES + headers[i].value_len;
    }
    return size;
}

int rf_bus_headers_check(const rf_bus_header *headers, size_t n)
{
    size_t bytes = 0;
    if (n > RF_BUS_MAX_HEADERS) {
        return -EMSGSIZE;
    }
    for (size_t i = 0; i < n; i++) {
        if (headers[i].name == NULL || !name_valid(headers[i].name) ||
            (headers[i].value == NULL && headers[i].value_len > 0)) {
            return -EINVAL;
        }
        if (headers[i].value_len > RF_BUS_MAX_HEADER_BYTES) {
            return -EMSGSIZE;
        }
        bytes += strlen(headers[i].name) + headers[i].value_len;
    }
    return bytes > RF_BUS_MAX_HEADER_BYTES ? -EMSGSIZE : 0;
}

void rf_bus_headers_encode(const rf_bus_header *headers, size_t n, uint8_t *out)
{
    for (size_t i = 0; i < n; i++) {
        size_t name_size = strlen(headers[i].name) + 1;
        memcpy(out, headers[i].name, name_size);
        out += name_size;
        out[0] = (uint8_t)(headers[i].value_len & 0xff);
        out[1] = (uint8_t)(headers[i].value_len >> 8);
        out += LEN_BYTES;
        if (headers[i].value_len > 0) {
            memcpy(out, headers[i].value, headers[i].value_len);
            out += headers[i].value_len;
        }
    }
}

int rf_bus_headers_decode(const uint8_t *data, size_t len, rf_bus_header out[RF_BUS_MAX_HEADERS])
{
    int n = 0;
    while (len > 0) {
        const uint8_t *end = memchr(data, '\0', len);
        if (end == NULL || !name_valid((const char *)data)) {
            return -EBADMSG;
        }
        if (n == RF_BUS_MAX_HEADERS) {
            return -EMSGSIZE;
        }
        size_t name_size = (size_t)(end - data) + 1;
        if (len - name_size < LEN_BYTES) {
            return -EBADMSG;
        }
        size_t value_len = (size_t)(end[1] | end[2] << 8);
        if (len - name_size - LEN_BYTES < value_len) {
            return -EBADMSG;
        }
        out[n++] = (rf_bus_header){(const char *)data, end + 1 + LEN_BYTES, value_len};
        data += name_size + LEN_BYTES + value_len;
        len -= name_size + LEN_BYTES + value_len;
    }
    return n;
}
