/* The protobuf wire format by hand: every limit of varints, tags and lengths, every truncation; and
 * the scanner of JSON text, token by token. */
#include "rf_rpc_path.h"
#include "rf_rpc_scan.h"
#include "rf_rpc_wire.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- varints ---- */

Test(varint, every_width_both_ways)
{
    for (unsigned bit = 0; bit < 64; bit++) {
        const uint64_t values[] = {(uint64_t)1 << bit, ((uint64_t)1 << bit) - 1, UINT64_MAX << bit,
                                   UINT64_MAX >> bit};
        for (size_t i = 0; i < RF_ARRAY_LEN(values); i++) {
            rf_buf b;
            uint64_t got = 0;
            rf_buf_init(&b, 16);
            rf_rpc_wire_put_varint(&b, values[i]);
            size_t bits = values[i] == 0 ? 1 : 64 - (size_t)__builtin_clzll(values[i]);
            cr_assert_eq(b.len, (bits + 6) / 7, "the shortest form of %#lx",
                         (unsigned long)values[i]);
            rf_rpc_wire r = rf_rpc_wire_of(b.data, b.len);
            cr_assert_eq(rf_rpc_wire_varint(&r, &got), 0);
            cr_assert_eq(got, values[i]);
            cr_assert_eq(r.at, r.end);
            for (size_t cut = 0; cut < b.len; cut++) {
                rf_rpc_wire part = rf_rpc_wire_of(b.data, cut);
                cr_assert_eq(rf_rpc_wire_varint(&part, &got), -EBADMSG);
            }
            rf_buf_done(&b);
        }
    }
}

Test(varint, forms_that_are_longer_than_need_be_or_too_long)
{
    static const struct {
        const char *bytes;
        size_t len;
        int err;
        uint64_t value;
    } rows[] = {
        {"\x80\x00", 2, 0, 0},
        {"\x81\x80\x00", 3, 0, 1},
        {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 10, 0, 0},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, 0, UINT64_MAX},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, -EBADMSG, 0},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10, -EBADMSG, 0},
        {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 11, -EBADMSG, 0},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", 11, -EBADMSG, 0},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        rf_rpc_wire r = rf_rpc_wire_of(rows[i].bytes, rows[i].len);
        uint64_t got = 0;
        cr_assert_eq(rf_rpc_wire_varint(&r, &got), rows[i].err, "row %zu", i);
        cr_assert_eq(got, rows[i].value, "row %zu", i);
    }
}

Test(fixed, both_sizes_both_ways_and_cut)
{
    static const uint64_t values[] = {
        0, 1, 0x80, 0x12345678, 0xffffffffu, 0x123456789abcdef0u, UINT64_MAX};
    for (size_t size = 4; size <= 8; size += 4) {
        for (size_t i = 0; i < RF_ARRAY_LEN(values); i++) {
            rf_buf b;
            uint64_t got = 0;
            rf_buf_init(&b, 16);
            rf_rpc_wire_put_fixed(&b, size, values[i]);
            cr_assert_eq(b.len, size);
            cr_assert_eq(b.data[0], (uint8_t)values[i], "little-endian");
            rf_rpc_wire r = rf_rpc_wire_of(b.data, size);
            cr_assert_eq(rf_rpc_wire_fixed(&r, size, &got), 0);
            cr_assert_eq(got, size == 8 ? values[i] : (uint32_t)values[i]);
            for (size_t cut = 0; cut < size; cut++) {
                rf_rpc_wire part = rf_rpc_wire_of(b.data, cut);
                cr_assert_eq(rf_rpc_wire_fixed(&part, size, &got), -EBADMSG);
                cr_assert_eq(part.at, b.data, "a reader that fails stays");
            }
            rf_buf_done(&b);
        }
    }
}

/* ---- fields ---- */

Test(field, tags_are_judged_by_number_and_type)
{
    static const uint32_t numbers[] = {1, 15, 16, 2047, 2048, 536870911u};
    static const struct {
        unsigned type;
        const char *value;
        size_t len;
    } types[] = {{RF_WIRE_VARINT, "\x05", 1},
                 {RF_WIRE_FIXED64, "12345678", 8},
                 {RF_WIRE_BYTES, "\x02hi", 3},
                 {RF_WIRE_FIXED32, "1234", 4}};
    for (size_t n = 0; n < RF_ARRAY_LEN(numbers); n++) {
        for (size_t t = 0; t < RF_ARRAY_LEN(types); t++) {
            rf_buf b;
            rf_rpc_wire_field f;
            rf_buf_init(&b, 64);
            rf_rpc_wire_put_tag(&b, numbers[n], (rf_rpc_wire_type)types[t].type);
            (void)rf_buf_append(&b, types[t].value, types[t].len);
            rf_rpc_wire r = rf_rpc_wire_of(b.data, b.len);
            cr_assert_eq(rf_rpc_wire_next(&r, &f), 1);
            cr_assert_eq(f.number, numbers[n]);
            cr_assert_eq(f.type, types[t].type);
            cr_assert_eq(rf_rpc_wire_next(&r, &f), 0);
            for (size_t cut = 1; cut < b.len; cut++) {
                rf_rpc_wire part = rf_rpc_wire_of(b.data, cut);
                cr_assert_eq(rf_rpc_wire_next(&part, &f), -EBADMSG, "number %u type %u cut at %zu",
                             numbers[n], types[t].type, cut);
            }
            rf_buf_done(&b);
        }
    }
}

Test(field, tags_that_name_no_field)
{
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {
        {"\x00\x01", 2},                 /* number 0 */
        {"\x02\x00", 2},                 /* number 0, bytes */
        {"\x0b", 1},                     /* a group begins */
        {"\x0c", 1},                     /* a group ends */
        {"\x0e\x01", 2},                 /* type 6 */
        {"\x0f\x01", 2},                 /* type 7 */
        {"\x80\x80\x80\x80\x10\x01", 6}, /* number 2^29 */
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10},
        {"\x0a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11}, /* length 2^63 */
        {"\x0a\xff\xff\xff\xff\x0f", 6},                      /* length 2^32 - 1 */
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        rf_rpc_wire r = rf_rpc_wire_of(rows[i].bytes, rows[i].len);
        rf_rpc_wire_field f;
        cr_assert_eq(rf_rpc_wire_next(&r, &f), -EBADMSG, "row %zu", i);
    }
}

Test(field, bytes_are_lent_from_the_reader)
{
    static const char data[] = "\x0a\x03"
                               "abc"
                               "\x12\x00";
    rf_rpc_wire r = rf_rpc_wire_of(data, sizeof(data) - 1);
    rf_rpc_wire_field f;
    cr_assert_eq(rf_rpc_wire_next(&r, &f), 1);
    cr_assert_eq((const char *)f.data, data + 2);
    cr_assert_eq(f.len, 3);
    cr_assert_eq(rf_rpc_wire_next(&r, &f), 1);
    cr_assert(f.number == 2 && f.len == 0);
    cr_assert_eq(rf_rpc_wire_next(&r, &f), 0);
    rf_rpc_wire none = rf_rpc_wire_of(NULL, 0);
    cr_assert_eq(rf_rpc_wire_next(&none, &f), 0);
}

/* ---- JSON: strings ---- */

static rf_rpc_scan scan_of(const char *text)
{
    return (rf_rpc_scan){text, text + strlen(text)};
}

Test(scan, strings)
{
    static const struct {
        const char *text;
        int err;
        const char *value;
    } rows[] = {
        {"\"\"", 0, ""},
        {" \t\r\n\"a\"", 0, "a"},
        {"\"a\\u0041\\u00e9\\u20AC\"", 0, "aA\xc3\xa9\xe2\x82\xac"},
        {"\"\\ud800\\udc00\"", 0, "\xf0\x90\x80\x80"},
        {"\"\\udbff\\udfff\"", 0, "\xf4\x8f\xbf\xbf"},
        {"\"\\ud7ff\\ue000\"", 0, "\xed\x9f\xbf\xee\x80\x80"},
        {"\"\\b\\f\\n\\r\\t\\/\\\\\\\"\"", 0, "\b\f\n\r\t/\\\""},
        {"\"\x7f\"", 0, "\x7f"},
        {"", -EBADMSG, NULL},
        {"\"", -EBADMSG, NULL},
        {"\"a", -EBADMSG, NULL},
        {"\"\\", -EBADMSG, NULL},
        {"\"\\\"", -EBADMSG, NULL},
        {"\"\\u", -EBADMSG, NULL},
        {"\"\\u004", -EBADMSG, NULL},
        {"\"\\u00g0\"", -EBADMSG, NULL},
        {"\"\\U0041\"", -EBADMSG, NULL},
        {"\"\\a\"", -EBADMSG, NULL},
        {"\"\\'\"", -EBADMSG, NULL},
        {"\"\x1f\"", -EBADMSG, NULL},
        {"\"\n\"", -EBADMSG, NULL},
        {"'a'", -EBADMSG, NULL},
        {"\"\\ud800\"", -EILSEQ, NULL},
        {"\"\\ud800\\u0041\"", -EILSEQ, NULL},
        {"\"\\ud800\\ud800\"", -EILSEQ, NULL},
        {"\"\\ud800\\n\"", -EILSEQ, NULL},
        {"\"\\ud800\\udc0\"", -EILSEQ, NULL},
        {"\"\\udfff\"", -EILSEQ, NULL},
        {"\"\x80\"", -EILSEQ, NULL},
        {"\"\xed\xa0\x80\"", -EILSEQ, NULL},
        {"\"\xc3\"", -EILSEQ, NULL},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        rf_rpc_scan s = scan_of(rows[i].text);
        rf_buf out;
        rf_buf_init(&out, 64);
        int err = rf_rpc_scan_string(&s, &out);
        cr_assert_eq(err, rows[i].err, "%s: %d", rows[i].text, err);
        if (err == 0) {
            cr_assert_str_eq(rf_buf_str(&out), rows[i].value);
            cr_assert_eq(s.at, s.end, "%s", rows[i].text);
        }
        rf_buf_done(&out);
    }
    rf_rpc_scan s = scan_of("\"12345\"");
    rf_buf small;
    rf_buf_init(&small, 4);
    cr_assert_eq(rf_rpc_scan_string(&s, &small), -ENOSPC);
    rf_buf_done(&small);
}

/* ---- JSON: numbers ---- */

Test(scan, numbers)
{
    static const struct {
        const char *text;
        size_t len; /* 0: refused */
    } rows[] = {
        {"0", 1},   {"-0", 2},   {"10", 2},    {"-1.5", 4},    {"0.0", 3},      {"1e5", 3},
        {"1E5", 3}, {"1e+5", 4}, {"1e-05", 5}, {"12.5e3x", 6}, {"1,2", 1},      {"1]", 1},
        {"1 2", 1}, {" 7", 1},   {"", 0},      {"-", 0},       {"+1", 0},       {".5", 0},
        {"1.", 0},  {"1.e5", 0}, {"1e", 0},    {"1e+", 0},     {"01", 0},       {"-01", 0},
        {"00", 0},  {"0x1", 1},  {"a", 0},     {"--1", 0},     {"Infinity", 0}, {"NaN", 0},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        rf_rpc_scan s = scan_of(rows[i].text);
        const char *number = NULL;
        size_t len = 0;
        int err = rf_rpc_scan_number(&s, &number, &len);
        cr_assert_eq(err, rows[i].len > 0 ? 0 : -EBADMSG, "%s", rows[i].text);
        cr_assert_eq(len, rows[i].len, "%s: %zu", rows[i].text, len);
    }
}

Test(scan, whole_numbers_in_every_notation)
{
    static const struct {
        const char *text, *whole; /* NULL: refused with err */
        int err;
    } rows[] = {
        {"0", "0", 0},
        {"-0", "0", 0},
        {"0.000", "0", 0},
        {"-0e5", "0", 0},
        {"0e999999999999999999999", "0", 0},
        {"5", "5", 0},
        {"-5", "-5", 0},
        {"5.0", "5", 0},
        {"1e2", "100", 0},
        {"1E+2", "100", 0},
        {"-1.5e1", "-15", 0},
        {"12.3400e2", "1234", 0},
        {"1200e-2", "12", 0},
        {"0.001e3", "1", 0},
        {"0.00100e5", "100", 0},
        {"9223372036854775807", "9223372036854775807", 0},
        {"9.223372036854775807e18", "9223372036854775807", 0},
        {"-9223372036854775808.0", "-9223372036854775808", 0},
        {"1e39", "1000000000000000000000000000000000000000", 0},
        {"1.5", NULL, -EINVAL},
        {"1e-1", NULL, -EINVAL},
        {"15e-1", NULL, -EINVAL},
        {"0.5", NULL, -EINVAL},
        {"1e-999999999999999999999", NULL, -EINVAL},
        {"1e70", NULL, -ERANGE},
        {"1e999999999999999999999", NULL, -ERANGE},
        {"1e2147483648", NULL, -ERANGE},
        {"1111111111111111111111111111111111111111111111111111111111111111", NULL, -ERANGE},
        {"", NULL, -EBADMSG},
        {" 1", NULL, -EBADMSG},
        {"1 ", NULL, -EBADMSG},
        {"+1", NULL, -EBADMSG},
        {"01", NULL, -EBADMSG},
        {"1.", NULL, -EBADMSG},
        {"1e", NULL, -EBADMSG},
        {"0x10", NULL, -EBADMSG},
        {"ten", NULL, -EBADMSG},
        {"NaN", NULL, -EBADMSG},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        char out[RF_RPC_WHOLE_MAX] = "unset";
        int err = rf_rpc_whole_number(rows[i].text, out);
        cr_assert_eq(err, rows[i].err, "%s: %d", rows[i].text, err);
        cr_assert(err != 0 || strcmp(out, rows[i].whole) == 0, "%s: %s", rows[i].text, out);
    }
}

/* ---- JSON: whole values ---- */

Test(scan, values_are_skipped_whole)
{
    static const struct {
        const char *text;
        size_t depth, len; /* 0: refused with err */
        int err;
    } rows[] = {
        {"null,", 0, 4, 0},
        {"true]", 0, 4, 0},
        {" false}", 0, 5, 0},
        {"-1.5e3 ", 0, 6, 0},
        {"\"a\\\"]\" x", 0, 6, 0},
        {"[]", 1, 2, 0},
        {"{}", 1, 2, 0},
        {"[1, [2], {\"a\": [3]}]", 3, 20, 0},
        {"{\"a\":{\"b\":{}}}", 3, 14, 0},
        {"[[[]]]", 3, 6, 0},
        {"[[[]]]", 2, 0, -E2BIG},
        {"[]", 0, 0, -E2BIG},
        {"{\"a\":{\"b\":{}}}", 2, 0, -E2BIG},
        {"", 9, 0, -EBADMSG},
        {"[", 9, 0, -EBADMSG},
        {"[1", 9, 0, -EBADMSG},
        {"[1,]", 9, 0, -EBADMSG},
        {"[,1]", 9, 0, -EBADMSG},
        {"[1 2]", 9, 0, -EBADMSG},
        {"{", 9, 0, -EBADMSG},
        {"{\"a\"}", 9, 0, -EBADMSG},
        {"{\"a\":}", 9, 0, -EBADMSG},
        {"{\"a\":1,}", 9, 0, -EBADMSG},
        {"{a:1}", 9, 0, -EBADMSG},
        {"{1:1}", 9, 0, -EBADMSG},
        {"[1}", 9, 0, -EBADMSG},
        {"nul", 9, 0, -EBADMSG},
        {"tru", 9, 0, -EBADMSG},
        {"False", 9, 0, -EBADMSG},
        {"[\"\xff\"]", 9, 0, -EILSEQ},
        {"{\"\xed\xa0\x80\":1}", 9, 0, -EILSEQ},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        rf_rpc_scan s = scan_of(rows[i].text);
        const char *text = NULL;
        size_t len = 0;
        int err = rf_rpc_scan_skip(&s, rows[i].depth, &text, &len);
        cr_assert_eq(err, rows[i].err, "%s: %d", rows[i].text, err);
        cr_assert_eq(len, rows[i].len, "%s: %zu", rows[i].text, len);
        cr_assert(err != 0 || s.at == text + len);
    }
}

Test(scan, words_and_marks_are_taken_only_when_they_come_next)
{
    rf_rpc_scan s = scan_of("  { null : nulx");
    cr_assert_not(rf_rpc_scan_take(&s, '['));
    cr_assert_eq(rf_rpc_scan_peek(&s), '{');
    cr_assert(rf_rpc_scan_take(&s, '{'));
    cr_assert_not(rf_rpc_scan_word(&s, "true"));
    cr_assert(rf_rpc_scan_word(&s, "null"));
    cr_assert(rf_rpc_scan_take(&s, ':'));
    cr_assert_not(rf_rpc_scan_word(&s, "null"));
    cr_assert_eq(rf_rpc_scan_peek(&s), 'n');
    rf_rpc_scan end = scan_of(" ");
    cr_assert_eq(rf_rpc_scan_peek(&end), '\0');
    cr_assert_not(rf_rpc_scan_take(&end, '\0'), "the end is not a character");
    cr_assert_not(rf_rpc_scan_word(&end, "null"));
}

/* ---- paths ---- */

Test(path, names_where_an_error_is)
{
    rf_rpc_path p = {0};
    rf_status st;
    cr_assert_eq(rf_rpc_path_fail(&p, &st, RF_INVALID_ARGUMENT, "bad"), -EINVAL);
    cr_assert_str_eq(st.message, "bad");
    size_t items = rf_rpc_path_push(&p, "items", 0);
    size_t third = rf_rpc_path_push(&p, NULL, 3);
    size_t name = rf_rpc_path_push(&p, "name", 0);
    cr_assert_eq(rf_rpc_path_fail(&p, &st, RF_RESOURCE_EXHAUSTED, "too long"), -ENOSPC);
    cr_assert_str_eq(st.message, "items[3].name: too long");
    rf_rpc_path_pop(&p, name);
    cr_assert_str_eq(p.text, "items[3]");
    rf_rpc_path_pop(&p, third);
    (void)rf_rpc_path_push(&p, NULL, 18446744073709551615u);
    cr_assert_str_eq(p.text, "items[18446744073709551615]");
    rf_rpc_path_pop(&p, items);
    cr_assert_str_eq(p.text, "");
}

/* Names come from the peer: of any length, and cut between characters alone. */
Test(path, that_is_too_long_is_cut_before_a_character)
{
    static const char *const characters[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    for (size_t c = 0; c < RF_ARRAY_LEN(characters); c++) {
        for (size_t lead = 0; lead < 8; lead++) {
            char name[600] = "";
            rf_rpc_path p = {0};
            rf_status st;
            memset(name, 'x', lead);
            while (strlen(name) < 500) {
                (void)strcat(name, characters[c]);
            }
            size_t mark = rf_rpc_path_push(&p, name, 0);
            cr_assert(rf_utf8_valid(p.text, strlen(p.text)), "%zu %zu", c, lead);
            cr_assert_geq(strlen(p.text), 190);
            (void)rf_rpc_path_push(&p, "more", 0);
            (void)rf_rpc_path_push(&p, NULL, 5);
            (void)rf_rpc_path_fail(&p, &st, RF_INVALID_ARGUMENT, "unknown field");
            cr_assert(rf_utf8_valid(st.message, strlen(st.message)));
            rf_rpc_path_pop(&p, mark);
            cr_assert_str_eq(p.text, "");
        }
    }
}
