#include "gateway_base64.h"

#include <endian.h>
#include <string.h>

#define BLOCK_IN 6
#define BLOCK_OUT 8
#define LOAD 8 /* bytes that one load of a block touches */

static const char digits[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Six bytes: one load, eight digits. */
static void put_block(const uint8_t *data, char *out)
{
    uint64_t bits;
    memcpy(&bits, data, sizeof(bits));
    bits = be64toh(bits);
    for (int i = 0; i < BLOCK_OUT; i++) {
        out[i] = digits[(bits >> (58 - 6 * i)) & 63];
    }
}

/* The last one or two bytes, padded. */
static void put_end(const uint8_t *data, size_t len, char *out)
{
    unsigned bits = (unsigned)data[0] << 16 | (len > 1 ? (unsigned)data[1] << 8 : 0);
    out[0] = digits[bits >> 18];
    out[1] = digits[(bits >> 12) & 63];
    out[2] = len > 1 ? digits[(bits >> 6) & 63] : '=';
    out[3] = '=';
}

static void put_triple(const uint8_t *data, char *out)
{
    unsigned bits = (unsigned)data[0] << 16 | (unsigned)data[1] << 8 | data[2];
    out[0] = digits[bits >> 18];
    out[1] = digits[(bits >> 12) & 63];
    out[2] = digits[(bits >> 6) & 63];
    out[3] = digits[bits & 63];
}

size_t gateway_base64(const uint8_t *data, size_t len, char *out)
{
    char *at = out;
    for (; len >= LOAD; len -= BLOCK_IN, data += BLOCK_IN, at += BLOCK_OUT) {
        put_block(data, at);
    }
    for (; len >= 3; len -= 3, data += 3, at += 4) {
        put_triple(data, at);
    }
    if (len > 0) {
        put_end(data, len, at);
        at += 4;
    }
    return (size_t)(at - out);
}
