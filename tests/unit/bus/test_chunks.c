/* The bytes of a row of the local log: what was put comes back, damage is told. */
#include "rf_bus_local_chunk.h"
#include "rf_id.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static const rf_bus_chunk_record table[] = {
    {NULL, 0, "", 0, "", 0},         {NULL, 0, "value", 5, "", 0},   {"", 0, "empty key", 9, "", 0},
    {"key", 3, "", 0, "headers", 7}, {"key", 3, "value", 5, "h", 1},
};

static size_t put_all(uint8_t *to)
{
    size_t len = 0;
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        rf_bus_chunk_put(to + len, &table[i]);
        len += RF_BUS_CHUNK_LENGTHS + rf_bus_chunk_payload(&table[i]);
    }
    return len;
}

static void expect_bytes(const void *a, size_t a_len, const void *b, size_t b_len)
{
    cr_assert_eq(a_len, b_len);
    cr_assert(a_len == 0 || memcmp(a, b, a_len) == 0);
}

Test(chunks, records_come_back_in_order)
{
    uint8_t bytes[256];
    const uint8_t *at = bytes;
    size_t left = put_all(bytes);
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        rf_bus_chunk_record r;
        cr_assert_eq(rf_bus_chunk_take(&at, &left, &r), 0);
        cr_assert_eq(r.key == NULL, table[i].key == NULL, "record %zu", i);
        expect_bytes(r.key, r.key_len, table[i].key, table[i].key_len);
        expect_bytes(r.value, r.value_len, table[i].value, table[i].value_len);
        expect_bytes(r.headers, r.headers_len, table[i].headers, table[i].headers_len);
    }
    cr_assert_eq(left, 0);
}

Test(chunks, lengths_are_little_endian)
{
    static uint8_t value[0x1234];
    static uint8_t bytes[RF_BUS_CHUNK_LENGTHS + sizeof(value) + 3];
    static const uint8_t lengths[] = {0xff, 0xff, 3, 0, 0x34, 0x12, 0, 0};
    const rf_bus_chunk_record r = {NULL, 0, value, sizeof(value), "abc", 3};
    rf_bus_chunk_put(bytes, &r);
    cr_assert_arr_eq(bytes, lengths, sizeof(lengths));
}

Test(chunks, whatever_is_cut_off_is_told)
{
    uint8_t bytes[256];
    size_t whole = put_all(bytes);
    for (size_t len = 0; len < whole; len++) {
        const uint8_t *at = bytes;
        size_t left = len;
        int err = 0;
        size_t n = 0;
        rf_bus_chunk_record r;
        while (left > 0 && (err = rf_bus_chunk_take(&at, &left, &r)) == 0) {
            n++;
        }
        cr_assert_lt(n, RF_ARRAY_LEN(table));
        cr_assert(left == 0 ? err == 0 : err == -EBADMSG, "%zu bytes: %d", len, err);
    }
}

Test(chunks, any_bytes_are_read_within_their_bounds)
{
    for (int i = 0; i < 20000; i++) {
        size_t left = (size_t)rf_random_u64(64);
        uint8_t *bytes = rf_alloc(RF_MAX(left, (size_t)1)); /* exact, for the sanitizer */
        const uint8_t *at = bytes;
        rf_bus_chunk_record r;
        rf_random(bytes, left);
        for (size_t k = 0; k < left; k++) {
            bytes[k] = i % 2 == 0 ? (uint8_t)(bytes[k] & 3) : bytes[k];
        }
        while (left > 0 && rf_bus_chunk_take(&at, &left, &r) == 0) {
            const uint8_t *end = (const uint8_t *)r.headers + r.headers_len;
            cr_assert_eq(end, at);
        }
        free(bytes);
    }
}
