/* The bytes in which headers are kept: what encode writes decode reads, anything else is refused.
 */
#include "rf_bus_headers.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

Test(record_headers, survive_a_round_trip)
{
    static const rf_bus_header sets[][3] = {
        {{"a", "", 0}, {"b", "\0\xff\0", 3}, {"c", "x", 1}},
        {{"message-id", "0b6f", 4}, {"traceparent", "00-1-2-3", 8}, {"a", "a", 1}},
        {{"same", "1", 1}, {"same", "2", 1}, {"same", "3", 1}},
        {{"0", "\n", 1}, {"-", "", 0}, {"a-0", "zz", 2}},
    };
    for (size_t s = 0; s < RF_ARRAY_LEN(sets); s++) {
        for (size_t n = 0; n <= 3; n++) {
            uint8_t bytes[256];
            rf_bus_header out[RF_BUS_MAX_HEADERS];
            size_t size = rf_bus_headers_size(sets[s], n);
            cr_assert_eq(rf_bus_headers_check(sets[s], n), 0);
            rf_bus_headers_encode(sets[s], n, bytes);
            cr_assert_eq(rf_bus_headers_decode(bytes, size, out), (int)n);
            for (size_t i = 0; i < n; i++) {
                cr_assert_str_eq(out[i].name, sets[s][i].name);
                cr_assert_eq(out[i].value_len, sets[s][i].value_len);
                cr_assert_eq(memcmp(out[i].value, sets[s][i].value, out[i].value_len), 0);
            }
        }
    }
}

Test(record_headers, large_values_keep_their_length)
{
    static uint8_t value[RF_BUS_MAX_HEADER_BYTES];
    static uint8_t bytes[2 * RF_BUS_MAX_HEADER_BYTES];
    memset(value, 0xa5, sizeof(value));
    for (size_t len = 0; len < sizeof(value); len += 37) {
        rf_bus_header h = {"h", value, len};
        rf_bus_header out[RF_BUS_MAX_HEADERS];
        rf_bus_headers_encode(&h, 1, bytes);
        cr_assert_eq(rf_bus_headers_decode(bytes, rf_bus_headers_size(&h, 1), out), 1);
        cr_assert_eq(out[0].value_len, len);
        cr_assert_eq(memcmp(out[0].value, value, len), 0);
    }
}

Test(record_headers, what_encode_never_writes_is_refused)
{
    static const struct {
        const char *bytes;
        size_t len;
        int expected;
    } table[] = {
        {"", 0, 0},
        {"a\0\0\0", 4, 1},
        {"a\0\1\0x", 5, 1},
        {"a", 1, -EBADMSG},            /* no end of the name */
        {"a\0", 2, -EBADMSG},          /* no length */
        {"a\0\0", 3, -EBADMSG},        /* half a length */
        {"a\0\1\0", 4, -EBADMSG},      /* no value */
        {"a\0\2\0x", 5, -EBADMSG},     /* half a value */
        {"a\0\0\1x", 5, -EBADMSG},     /* 256 bytes announced */
        {"a\0\xff\xffx", 5, -EBADMSG}, /* 65,535 announced */
        {"\0\0\0", 3, -EBADMSG},       /* empty name */
        {"A\0\0\0", 4, -EBADMSG},      /* upper case */
        {"a b\0\0\0", 6, -EBADMSG},    /* space */
        {"a\0\0\0b", 5, -EBADMSG},     /* half a second one */
        {"a\0\0\0b\0\0\0", 8, 2},      /* two */
        {"a\0\1\0xb\0\1\0y", 10, 2},   /* two with values */
        {"\xff\xff\xff\xff", 4, -EBADMSG},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        rf_bus_header out[RF_BUS_MAX_HEADERS];
        cr_assert_eq(rf_bus_headers_decode((const uint8_t *)table[i].bytes, table[i].len, out),
                     table[i].expected, "row %zu", i);
    }
}

Test(record_headers, no_more_than_the_maximum_is_read)
{
    uint8_t bytes[4 * (RF_BUS_MAX_HEADERS + 1)];
    rf_bus_header out[RF_BUS_MAX_HEADERS];
    for (size_t i = 0; i <= RF_BUS_MAX_HEADERS; i++) {
        memcpy(bytes + 4 * i, "a\0\0\0", 4);
    }
    cr_assert_eq(rf_bus_headers_decode(bytes, 4 * RF_BUS_MAX_HEADERS, out), RF_BUS_MAX_HEADERS);
    cr_assert_eq(rf_bus_headers_decode(bytes, sizeof(bytes), out), -EMSGSIZE);
}

Test(record_headers, every_cut_of_good_bytes_is_safe)
{
    static const rf_bus_header headers[] = {{"message-id", "0123456789", 10}, {"b", "xyz", 3}};
    uint8_t bytes[64];
    size_t size = rf_bus_headers_size(headers, 2);
    rf_bus_headers_encode(headers, 2, bytes);
    for (size_t len = 0; len <= size; len++) {
        /* A copy of exactly len bytes, so that reading beyond it is seen. */
        uint8_t *cut = malloc(len + 1);
        memcpy(cut, bytes, len);
        uint8_t *exact = realloc(cut, len > 0 ? len : 1);
        rf_bus_header out[RF_BUS_MAX_HEADERS];
        int n = rf_bus_headers_decode(exact, len, out);
        cr_assert_eq(n,
                     len == 0      ? 0
                     : len == 23   ? 1
                     : len == size ? 2
                                   : -EBADMSG,
                     "cut at %zu", len);
        free(exact);
    }
}
