#include "gateway_query.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_BYTES 64
#define VALUE_MAX_BYTES 1024
#define SHA256_BASE64_LEN 44

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One decoded byte of text, which has left bytes; *used of them are taken. -EINVAL. */
static int decode_byte(const char *text, size_t left, bool plus, size_t *used)
{
    *used = 1;
    if (plus && text[0] == '+') {
        return ' ';
    }
    if (text[0] != '%') {
        return (unsigned char)text[0];
    }
    int high = left > 2 ? hex_digit(text[1]) : -1;
    int low = left > 2 ? hex_digit(text[2]) : -1;
    *used = 3;
    return high >= 0 && low >= 0 && high + low > 0 ? high * 16 + low : -EINVAL;
}

int gateway_query_decode(const char *text, size_t len, bool plus, char *out, size_t out_size)
{
    size_t n = 0;
    for (size_t i = 0; i < len;) {
        size_t used;
        int byte = decode_byte(text + i, len - i, plus, &used);
        if (byte < 0 || n + 1 >= out_size) {
            return -EINVAL;
        }
        out[n++] = (char)byte;
        i += used;
    }
    out[n] = '\0';
    return rf_utf8_valid(out, n) ? (int)n : -EINVAL;
}

static int each_pair(const char *pair, size_t len, gateway_query_fn fn, void *user)
{
    char name[NAME_MAX_BYTES];
    char value[VALUE_MAX_BYTES];
    const char *equals = memchr(pair, '=', len);
    size_t name_len = equals != NULL ? (size_t)(equals - pair) : len;
    size_t value_at = equals != NULL ? name_len + 1 : len;
    if (gateway_query_decode(pair, name_len, true, name, sizeof(name)) < 0 ||
        gateway_query_decode(pair + value_at, len - value_at, true, value, sizeof(value)) < 0) {
        return -EINVAL;
    }
    return fn(name, value, user);
}

int gateway_query_each(const char *query, size_t len, gateway_query_fn fn, void *user)
{
    const char *end = query + len;
    while (query < end) {
        const char *amp = memchr(query, '&', (size_t)(end - query));
        const char *pair_end = amp != NULL ? amp : end;
        if (pair_end > query) {
            int err = each_pair(query, (size_t)(pair_end - query), fn, user);
            if (err != 0) {
                return err;
            }
        }
        query = pair_end + 1;
    }
    return 0;
}

/* Digits up to stop; false when there are none, too many or others. */
static bool number(const char *text, size_t len, uint64_t *ret)
{
    uint64_t n = 0;
    if (len == 0 || len > 18) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        n = n * 10 + (uint64_t)(text[i] - '0');
    }
    *ret = n;
    return true;
}

static int suffix_range(uint64_t n, uint64_t size, uint64_t *ret_first, uint64_t *ret_last)
{
    if (n == 0 || size == 0) {
        return -ERANGE;
    }
    *ret_first = n < size ? size - n : 0;
    *ret_last = size - 1;
    return 1;
}

int gateway_query_range(const char *value, uint64_t size, uint64_t *ret_first, uint64_t *ret_last)
{
    uint64_t first = 0;
    uint64_t last = UINT64_MAX;
    if (strncasecmp(value, "bytes=", 6) != 0) {
        return 0;
    }
    const char *spec = value + 6;
    const char *dash = strchr(spec, '-');
    if (dash == NULL) {
        return 0;
    }
    size_t first_len = (size_t)(dash - spec);
    size_t last_len = strlen(dash + 1);
    if (last_len > 0 && !number(dash + 1, last_len, &last)) {
        return 0;
    }
    if (first_len == 0) {
        return last_len > 0 ? suffix_range(last, size, ret_first, ret_last) : 0;
    }
    if (!number(spec, first_len, &first) || last < first) {
        return 0;
    }
    if (first >= size) {
        return -ERANGE;
    }
    *ret_first = first;
    *ret_last = RF_MIN(last, size - 1);
    return 1;
}

int gateway_query_digest(const char *value, uint8_t ret[32])
{
    uint8_t decoded[33];
    const char *at = strcasestr(value, "sha-256=");
    if (at == NULL) {
        return 0;
    }
    at += strlen("sha-256=");
    if (at[0] != ':' || strcspn(at + 1, ":") != SHA256_BASE64_LEN ||
        at[1 + SHA256_BASE64_LEN] != ':' || at[SHA256_BASE64_LEN] != '=' ||
        EVP_DecodeBlock(decoded, (const uint8_t *)at + 1, SHA256_BASE64_LEN) != sizeof(decoded)) {
        return -EINVAL;
    }
    memcpy(ret, decoded, 32);
    return 1;
}
