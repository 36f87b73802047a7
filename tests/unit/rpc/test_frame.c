/* The parsers of frame headers and heads against the tables of README.md: every value of every
 * field, both sides of every limit, every truncation. */
#include "rf_rpc_frame.h"

#include "rf_time.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- the 12 bytes of a header ---- */

/* README.md, the table of types: what each allows. */
static const struct rule {
    uint32_t min_len, max_len;
    uint8_t flags;
    bool of_call, of_conn;
} rules[256] = {
    [RF_FRAME_CALL] = {12, 65536, 3, true, false}, [RF_FRAME_DATA] = {0, 65536, 3, true, false},
    [RF_FRAME_END] = {4, 65536, 1, true, false},   [RF_FRAME_CREDIT] = {4, 4, 0, true, true},
    [RF_FRAME_CANCEL] = {1, 1, 0, true, false},    [RF_FRAME_PING] = {8, 8, 0, false, true},
    [RF_FRAME_PONG] = {8, 8, 0, false, true},      [RF_FRAME_GOAWAY] = {4, 4, 0, false, true},
};

static bool is_legal(unsigned type, unsigned flags, uint32_t len, uint32_t call)
{
    const struct rule *r = &rules[type];
    return len >= r->min_len && len <= r->max_len && (flags & ~(unsigned)r->flags) == 0 &&
           (call != 0 ? r->of_call : r->of_conn);
}

static void header_of(uint8_t h[12], unsigned type, unsigned flags, uint32_t len, uint32_t call)
{
    const uint32_t words[3] = {len, type | flags << 8, call};
    for (size_t i = 0; i < 12; i++) {
        h[i] = (uint8_t)(words[i / 4] >> (8 * (i % 4)));
    }
}

Test(header, every_type_flag_length_and_id_is_judged_by_the_table)
{
    static const uint32_t lens[] = {0,        1,          2,           3,          4,     5,
                                    7,        8,          9,           11,         12,    13,
                                    255,      256,        65535,       65536,      65537, 1u << 20,
                                    1u << 24, 0x7fffffff, 0x80000000u, 0xffffffffu};
    static const uint32_t calls[] = {0, 1, 2, 0x7fffffff, 0xffffffffu};
    size_t n_legal = 0;
    for (unsigned type = 0; type < 256; type++) {
        for (unsigned flags = 0; flags < 256; flags++) {
            for (size_t i = 0; i < RF_ARRAY_LEN(lens) * RF_ARRAY_LEN(calls); i++) {
                uint32_t len = lens[i / RF_ARRAY_LEN(calls)];
                uint32_t call = calls[i % RF_ARRAY_LEN(calls)];
                uint8_t h[12];
                rf_rpc_frame f;
                header_of(h, type, flags, len, call);
                bool legal = is_legal(type, flags, len, call);
                int err = rf_rpc_frame_parse(h, &f);
                if (err != (legal ? 0 : -EBADMSG)) {
                    cr_assert_fail("type %u flags %u length %u call %u: %d", type, flags, len, call,
                                   err);
                }
                n_legal += legal ? 1 : 0;
                if (legal &&
                    (f.type != type || f.flags != flags || f.len != len || f.call != call)) {
                    cr_assert_fail("type %u is read wrongly", type);
                }
            }
        }
    }
    cr_assert_gt(n_legal, 100);
}

Test(header, reserved_bytes_are_zero)
{
    for (unsigned value = 0; value < 65536; value++) {
        uint8_t h[12];
        rf_rpc_frame f;
        header_of(h, RF_FRAME_PING, 0, 8, 0);
        h[6] = (uint8_t)value;
        h[7] = (uint8_t)(value >> 8);
        cr_assert_eq(rf_rpc_frame_parse(h, &f), value == 0 ? 0 : -EBADMSG);
    }
}

Test(header, is_written_little_endian)
{
    static const uint8_t want[12] = {0x34, 0x12, 0, 0, 2, 3, 0, 0, 0x04, 0x03, 0x02, 0x01};
    uint8_t h[12];
    memset(h, 0xaa, sizeof(h));
    rf_rpc_frame_put(h, &(rf_rpc_frame){0x1234, RF_FRAME_DATA, 3, 0x01020304});
    cr_assert_arr_eq(h, want, 12);
}

Test(header, numbers_keep_all_their_bits)
{
    for (unsigned bit = 0; bit < 32; bit++) {
        uint8_t b[4];
        rf_rpc_set_u32(b, 1u << bit);
        cr_assert_eq(b[bit / 8], 1u << (bit % 8));
        cr_assert_eq(rf_rpc_get_u32(b), 1u << bit);
        rf_rpc_set_u32(b, ~(1u << bit));
        cr_assert_eq(rf_rpc_get_u32(b), ~(1u << bit));
    }
}

/* ---- the head of a CALL ---- */

#define N_TEXTS 5
static const char *const text_names[N_TEXTS] = {"method", "request id", "traceparent", "tenant",
                                                "scopes"};
static const size_t text_max[N_TEXTS] = {255, 127, 63, 127, 127};

typedef struct head_bytes {
    uint8_t data[1024];
    size_t len;
} head_bytes;

/* A head whose texts are of these lengths, all 'a'. */
static head_bytes head_of(const size_t lens[N_TEXTS])
{
    head_bytes h = {.len = 12};
    for (size_t i = 0; i < N_TEXTS; i++) {
        h.data[4 + i] = (uint8_t)lens[i];
        memset(h.data + h.len, 'a', lens[i]);
        h.len += lens[i];
    }
    return h;
}

static size_t text_at(const size_t lens[N_TEXTS], size_t text)
{
    size_t at = 12;
    for (size_t i = 0; i < text; i++) {
        at += lens[i];
    }
    return at;
}

Test(call_head, texts_are_as_long_as_the_table_allows)
{
    for (size_t text = 0; text < N_TEXTS; text++) {
        for (size_t len = 0; len <= 255; len++) {
            size_t lens[N_TEXTS] = {1, 1, 1, 1, 1};
            lens[text] = len;
            head_bytes h = head_of(lens);
            rf_rpc_call_head head;
            bool legal = len <= text_max[text] && (text > 0 || len > 0);
            int used = rf_rpc_call_head_parse(h.data, h.len, &head);
            cr_assert_eq(used, legal ? (int)h.len : -EBADMSG, "%s of %zu", text_names[text], len);
        }
    }
}

Test(call_head, is_refused_when_cut_at_any_byte)
{
    static const size_t lens[N_TEXTS] = {20, 10, 5, 3, 2};
    head_bytes h = head_of(lens);
    rf_rpc_call_head head;
    for (size_t cut = 0; cut < h.len; cut++) {
        uint8_t *exact = (uint8_t *)malloc(cut + 1); /* so that a sanitizer sees one byte too far */
        memcpy(exact, h.data, cut);
        cr_assert_eq(rf_rpc_call_head_parse(exact, cut, &head), -EBADMSG, "cut at %zu", cut);
        free(exact);
    }
    cr_assert_eq(rf_rpc_call_head_parse(h.data, h.len, &head), (int)h.len);
    cr_assert_eq(rf_rpc_call_head_parse(h.data, sizeof(h.data), &head), (int)h.len,
                 "the message behind it is not its business");
}

Test(call_head, reserved_bytes_are_zero)
{
    static const size_t lens[N_TEXTS] = {4, 0, 0, 0, 0};
    for (size_t at = 9; at < 12; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            head_bytes h = head_of(lens);
            rf_rpc_call_head head;
            h.data[at] = (uint8_t)(1u << bit);
            cr_assert_eq(rf_rpc_call_head_parse(h.data, h.len, &head), -EBADMSG);
        }
    }
}

Test(call_head, no_text_holds_a_control_character)
{
    static const size_t lens[N_TEXTS] = {7, 5, 3, 3, 3};
    for (size_t text = 0; text < N_TEXTS; text++) {
        for (unsigned c = 0; c < 128; c++) {
            for (size_t at = 0; at < lens[text]; at++) {
                head_bytes h = head_of(lens);
                rf_rpc_call_head head;
                h.data[text_at(lens, text) + at] = (uint8_t)c;
                bool legal = c >= 0x20 && c != 0x7f;
                cr_assert_eq(rf_rpc_call_head_parse(h.data, h.len, &head) > 0, legal,
                             "%s with %#x at %zu", text_names[text], c, at);
            }
        }
    }
}

Test(call_head, each_text_is_utf8_by_itself)
{
    static const size_t lens[N_TEXTS] = {4, 4, 4, 4, 4};
    static const struct {
        const char *bytes;
        size_t len;
        bool legal;
    } rows[] = {
        {"\xc3\xa9", 2, true},
        {"\xe2\x82\xac", 3, true},
        {"\xf0\x9f\x98\x80", 4, true},
        {"\xff", 1, false},
        {"\xc0\xaf", 2, false},
        {"\xed\xa0\x80", 3, false},
        {"\xf4\x90\x80\x80", 4, false},
        {"\xc3", 1, false},
        {"\xa9", 1, false},
        {"\xe2\x82", 2, false},
    };
    for (size_t text = 0; text < N_TEXTS; text++) {
        for (size_t r = 0; r < RF_ARRAY_LEN(rows); r++) {
            head_bytes h = head_of(lens);
            rf_rpc_call_head head;
            memcpy(h.data + text_at(lens, text), rows[r].bytes, rows[r].len);
            cr_assert_eq(rf_rpc_call_head_parse(h.data, h.len, &head) > 0, rows[r].legal,
                         "%s, row %zu", text_names[text], r);
        }
    }
    /* A character that begins in one text and ends in the next is in neither. */
    for (size_t text = 1; text < N_TEXTS; text++) {
        head_bytes h = head_of(lens);
        rf_rpc_call_head head;
        memcpy(h.data + text_at(lens, text) - 1, "\xc3\xa9", 2);
        cr_assert_eq(rf_rpc_call_head_parse(h.data, h.len, &head), -EBADMSG, "%s",
                     text_names[text]);
    }
}

Test(call_head, is_read_as_it_was_written)
{
    static const uint32_t timeouts[] = {0, 1, 999, 60000, 0x80000000u, 0xffffffffu};
    for (size_t i = 0; i < RF_ARRAY_LEN(timeouts); i++) {
        rf_rpc_call_head in = {.timeout_ms = timeouts[i],
                               .method = "a.B/C",
                               .method_len = 5,
                               .request_id = "req-\xc3\xa9",
                               .request_id_len = 6,
                               .traceparent = "",
                               .tenant = "t",
                               .tenant_len = 1,
                               .scopes = "a.b none",
                               .scopes_len = 8};
        uint8_t bytes[64];
        rf_rpc_call_head out;
        size_t len = rf_rpc_call_head_len(&in);
        cr_assert_eq(len, 12 + 5 + 6 + 0 + 1 + 8);
        memset(bytes, 0xee, sizeof(bytes));
        rf_rpc_call_head_put(bytes, &in);
        cr_assert_eq(bytes[len], 0xee, "it writes its length and no more");
        cr_assert_eq(rf_rpc_call_head_parse(bytes, len, &out), (int)len);
        cr_assert_eq(out.timeout_ms, in.timeout_ms);
        cr_assert_eq(out.method_len, 5);
        cr_assert_arr_eq(out.method, "a.B/C", 5);
        cr_assert_eq(out.request_id_len, 6);
        cr_assert_arr_eq(out.request_id, "req-\xc3\xa9", 6);
        cr_assert_eq(out.traceparent_len, 0);
        cr_assert_eq(out.tenant_len, 1);
        cr_assert_eq(out.tenant[0], 't');
        cr_assert_eq(out.scopes_len, 8);
        cr_assert_arr_eq(out.scopes, "a.b none", 8);
    }
}

/* ---- the head of an END ---- */

static size_t end_of(uint8_t *out, unsigned code, unsigned retriable, size_t len)
{
    out[0] = (uint8_t)code;
    out[1] = (uint8_t)retriable;
    out[2] = (uint8_t)len;
    out[3] = (uint8_t)(len >> 8);
    memset(out + 4, 'e', len);
    return 4 + len;
}

Test(end_head, codes_and_retriable_are_in_range)
{
    uint8_t bytes[1024];
    for (unsigned code = 0; code < 256; code++) {
        for (unsigned retriable = 0; retriable < 256; retriable++) {
            rf_rpc_end_head head;
            size_t n = end_of(bytes, code, retriable, 3);
            bool legal = code <= 16 && retriable <= 1;
            cr_assert_eq(rf_rpc_end_head_parse(bytes, n, &head), legal ? (int)n : -EBADMSG,
                         "code %u, %u", code, retriable);
            if (legal) {
                cr_assert_eq(head.code, code);
                cr_assert_eq(head.retriable, retriable == 1);
            }
        }
    }
}

Test(end_head, text_has_at_most_511_bytes)
{
    static const size_t lens[] = {0, 1, 255, 256, 510, 511, 512, 600, 1000};
    uint8_t bytes[1100];
    for (size_t i = 0; i < RF_ARRAY_LEN(lens); i++) {
        rf_rpc_end_head head;
        size_t n = end_of(bytes, 5, 0, lens[i]);
        bool legal = lens[i] <= 511;
        cr_assert_eq(rf_rpc_end_head_parse(bytes, n, &head), legal ? (int)n : -EBADMSG, "%zu",
                     lens[i]);
        cr_assert(!legal || head.message_len == lens[i]);
    }
    bytes[2] = bytes[3] = 0xff;
    rf_rpc_end_head head;
    cr_assert_eq(rf_rpc_end_head_parse(bytes, sizeof(bytes), &head), -EBADMSG);
}

Test(end_head, is_refused_when_cut_at_any_byte)
{
    uint8_t bytes[64];
    size_t n = end_of(bytes, 13, 0, 20);
    rf_rpc_end_head head;
    for (size_t cut = 0; cut < n; cut++) {
        uint8_t *exact = (uint8_t *)malloc(cut + 1);
        memcpy(exact, bytes, cut);
        cr_assert_eq(rf_rpc_end_head_parse(exact, cut, &head), -EBADMSG, "cut at %zu", cut);
        free(exact);
    }
    cr_assert_eq(rf_rpc_end_head_parse(bytes, sizeof(bytes), &head), (int)n);
}

Test(end_head, text_is_utf8_without_nul)
{
    static const struct {
        const char *bytes;
        size_t len;
        bool legal;
    } rows[] = {
        {"plain", 5, true},     {"\xc3\xa9", 2, true},      {"a\nb\t", 4, true},
        {"a\0b", 3, false},     {"\xff", 1, false},         {"a\xc3", 2, false},
        {"\xe2\x82", 2, false}, {"\xed\xbf\xbf", 3, false},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        uint8_t bytes[32];
        rf_rpc_end_head head;
        size_t n = end_of(bytes, 2, 0, rows[i].len);
        memcpy(bytes + 4, rows[i].bytes, rows[i].len);
        cr_assert_eq(rf_rpc_end_head_parse(bytes, n, &head) > 0, rows[i].legal, "row %zu", i);
    }
}

Test(end_head, is_read_as_it_was_written)
{
    for (unsigned code = 0; code < RF_N_CODES; code++) {
        char text[512];
        int n = snprintf(text, sizeof(text), "%0*u", (int)(code * 31 + 1), code);
        rf_rpc_end_head in = {(rf_code)code, code % 2 == 1, text, (size_t)n};
        rf_rpc_end_head out;
        uint8_t bytes[600];
        memset(bytes, 0xee, sizeof(bytes));
        rf_rpc_end_head_put(bytes, &in);
        size_t len = rf_rpc_end_head_len(&in);
        cr_assert_eq(len, 4 + (size_t)n);
        cr_assert_eq(bytes[len], 0xee);
        cr_assert_eq(rf_rpc_end_head_parse(bytes, len, &out), (int)len);
        cr_assert_eq(out.code, code);
        cr_assert_eq(out.retriable, code % 2 == 1);
        cr_assert_eq(out.message_len, (size_t)n);
        cr_assert_arr_eq(out.message, text, (size_t)n);
    }
}
