#include "frames.h"

#include <string.h>

#define TEXT(t)                                                                                    \
    {                                                                                              \
        t, sizeof(t) - 1, 0                                                                        \
    }
#define FILL(c, n)                                                                                 \
    {                                                                                              \
        c, 1, n                                                                                    \
    }
#define EMPTY TEXT("")
#define F(b0, t)                                                                                   \
    {                                                                                              \
        b0, TEXT(t), FRAME_MASKED, 0                                                               \
    }
#define BIG(b0, n)                                                                                 \
    {                                                                                              \
        b0, FILL("*", n), FRAME_MASKED, 0                                                          \
    }
#define HOW(b0, t, how)                                                                            \
    {                                                                                              \
        b0, TEXT(t), how, 0                                                                        \
    }
#define RAW(t)                                                                                     \
    {                                                                                              \
        0, TEXT(t), FRAME_RAW, 0                                                                   \
    }

#define KAPPA "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5" /* a Greek word */

const frame_case frame_cases[] = {
    /* lengths */
    {"text of 0 bytes", {F(0x81, "")}, {{1, EMPTY}}, 0},
    {"text of 125 bytes", {BIG(0x81, 125)}, {{1, FILL("*", 125)}}, 0},
    {"text of 126 bytes", {BIG(0x81, 126)}, {{1, FILL("*", 126)}}, 0},
    {"text of 127 bytes", {BIG(0x81, 127)}, {{1, FILL("*", 127)}}, 0},
    {"text of 128 bytes", {BIG(0x81, 128)}, {{1, FILL("*", 128)}}, 0},
    {"text of 65535 bytes", {BIG(0x81, 65535)}, {{1, FILL("*", 65535)}}, 0},
    {"text of 65536 bytes", {BIG(0x81, 65536)}, {{1, FILL("*", 65536)}}, 0},
    {"binary of 0 bytes", {F(0x82, "")}, {{2, EMPTY}}, 0},
    {"binary of 126 bytes", {BIG(0x82, 126)}, {{2, FILL("*", 126)}}, 0},
    {"binary of 65536 bytes", {BIG(0x82, 65536)}, {{2, FILL("*", 65536)}}, 0},
    {"binary that is no UTF-8", {F(0x82, "\xff\xfe\0\x80")}, {{2, TEXT("\xff\xfe\0\x80")}}, 0},
    {"text above the limit", {BIG(0x81, 65537)}, {{0, EMPTY}}, 1009},
    {"binary above the limit", {BIG(0x82, 65537)}, {{0, EMPTY}}, 1009},
    {"length of 2^63 - 1",
     {RAW("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\1\2\3\4x")},
     {{0, EMPTY}},
     1009},
    {"length of 2^63", {RAW("\x82\xff\x80\0\0\0\0\0\0\0\1\2\3\4x")}, {{0, EMPTY}}, 1002},
    {"16-bit length that needs 7", {HOW(0x81, "short", FRAME_LEN16)}, {{0, EMPTY}}, 1002},
    {"64-bit length that needs 7", {HOW(0x81, "short", FRAME_LEN64)}, {{0, EMPTY}}, 1002},
    {"64-bit length that needs 16", {{0x82, FILL("*", 300), FRAME_LEN64, 0}}, {{0, EMPTY}}, 1002},
    /* masks, reserved bits, opcodes */
    {"unmasked text", {HOW(0x81, "Hello", FRAME_UNMASKED)}, {{0, EMPTY}}, 1002},
    {"unmasked empty binary", {HOW(0x82, "", FRAME_UNMASKED)}, {{0, EMPTY}}, 1002},
    {"unmasked ping", {HOW(0x89, "", FRAME_UNMASKED)}, {{0, EMPTY}}, 1002},
    {"mask of zero bytes", {RAW("\x81\x82\0\0\0\0ok")}, {{1, TEXT("ok")}}, 0},
    {"RSV1", {F(0xc1, "x")}, {{0, EMPTY}}, 1002},
    {"RSV2", {F(0xa1, "x")}, {{0, EMPTY}}, 1002},
    {"RSV3", {F(0x91, "x")}, {{0, EMPTY}}, 1002},
    {"RSV3 of a ping", {F(0x99, "x")}, {{0, EMPTY}}, 1002},
    {"RSV1 of a close", {F(0xc8, "")}, {{0, EMPTY}}, 1002},
    {"opcode 3", {F(0x83, "x")}, {{0, EMPTY}}, 1002},
    {"opcode 4 empty", {F(0x84, "")}, {{0, EMPTY}}, 1002},
    {"opcode 7", {F(0x87, "x")}, {{0, EMPTY}}, 1002},
    {"opcode 11", {F(0x8b, "x")}, {{0, EMPTY}}, 1002},
    {"opcode 15", {F(0x8f, "")}, {{0, EMPTY}}, 1002},
    {"message, then opcode 5", {F(0x81, "first"), F(0x85, "x")}, {{1, TEXT("first")}}, 1002},
    /* ping and pong */
    {"ping without payload", {F(0x89, "")}, {{10, EMPTY}}, 0},
    {"ping with payload", {F(0x89, "Hello")}, {{10, TEXT("Hello")}}, 0},
    {"ping with binary payload", {F(0x89, "\0\xff\xfe")}, {{10, TEXT("\0\xff\xfe")}}, 0},
    {"ping of 125 bytes", {BIG(0x89, 125)}, {{10, FILL("*", 125)}}, 0},
    {"ping of 126 bytes", {BIG(0x89, 126)}, {{0, EMPTY}}, 1002},
    {"three pings",
     {F(0x89, "1"), F(0x89, "2"), F(0x89, "3")},
     {{10, TEXT("1")}, {10, TEXT("2")}, {10, TEXT("3")}},
     0},
    {"pong that nobody asked for", {F(0x8a, ""), F(0x8a, "x")}, {{0, EMPTY}}, 0},
    {"pong, then ping", {F(0x8a, "x"), F(0x89, "y")}, {{10, TEXT("y")}}, 0},
    {"ping in two fragments", {F(0x09, "a"), F(0x80, "b")}, {{0, EMPTY}}, 1002},
    {"pong in two fragments", {F(0x0a, "a"), F(0x80, "b")}, {{0, EMPTY}}, 1002},
    /* fragments */
    {"text in two fragments", {F(0x01, "Hel"), F(0x80, "lo")}, {{1, TEXT("Hello")}}, 0},
    {"binary in three fragments",
     {F(0x02, "a"), F(0x00, "b"), F(0x80, "c")},
     {{2, TEXT("abc")}},
     0},
    {"empty fragments", {F(0x01, ""), F(0x00, ""), F(0x80, "")}, {{1, EMPTY}}, 0},
    {"only the middle one has bytes",
     {F(0x01, ""), F(0x00, "middle"), F(0x80, "")},
     {{1, TEXT("middle")}},
     0},
    {"ping between fragments",
     {F(0x01, "a"), F(0x89, "p"), F(0x80, "b")},
     {{10, TEXT("p")}, {1, TEXT("ab")}},
     0},
    {"pings and pong between fragments",
     {F(0x01, "a"), F(0x89, "p"), F(0x00, "b"), F(0x8a, "n"), F(0x89, "q"), F(0x80, "c")},
     {{10, TEXT("p")}, {10, TEXT("q")}, {1, TEXT("abc")}},
     0},
    {"two messages of fragments",
     {F(0x01, "a"), F(0x80, "b"), F(0x02, "c"), F(0x80, "d")},
     {{1, TEXT("ab")}, {2, TEXT("cd")}},
     0},
    {"64 fragments",
     {F(0x01, "a"), {0x00, TEXT("a"), FRAME_MASKED, 62}, F(0x80, "a")},
     {{1, FILL("a", 64)}},
     0},
    {"65 fragments",
     {F(0x01, "a"), {0x00, TEXT("a"), FRAME_MASKED, 63}, F(0x80, "a")},
     {{0, EMPTY}},
     1009},
    {"65 empty fragments", {F(0x01, ""), {0x00, EMPTY, FRAME_MASKED, 64}}, {{0, EMPTY}}, 1009},
    {"fragments of the whole limit",
     {BIG(0x01, 32768), BIG(0x80, 32768)},
     {{1, FILL("*", 65536)}},
     0},
    {"fragments above the limit", {BIG(0x01, 32768), BIG(0x80, 32769)}, {{0, EMPTY}}, 1009},
    {"limits begin anew with each message",
     {F(0x01, "a"), {0x00, TEXT("a"), FRAME_MASKED, 62}, F(0x80, "a"), F(0x01, "b"), F(0x80, "b")},
     {{1, FILL("a", 64)}, {1, TEXT("bb")}},
     0},
    {"continuation of nothing", {F(0x80, "x")}, {{0, EMPTY}}, 1002},
    {"continuation of nothing, more to come", {F(0x00, "x")}, {{0, EMPTY}}, 1002},
    {"continuation after a whole message",
     {F(0x81, "whole"), F(0x80, "x")},
     {{1, TEXT("whole")}},
     1002},
    {"new text inside fragments", {F(0x01, "a"), F(0x81, "b")}, {{0, EMPTY}}, 1002},
    {"new binary inside fragments", {F(0x01, "a"), F(0x02, "b")}, {{0, EMPTY}}, 1002},
    /* text */
    {"text of many letters", {F(0x81, KAPPA)}, {{1, TEXT(KAPPA)}}, 0},
    {"characters cut by fragments",
     {F(0x01, "\xce"), F(0x00, "\xba\xe1\xbd"), F(0x80, "\xb9")},
     {{1, TEXT("\xce\xba\xe1\xbd\xb9")}},
     0},
    {"character that its message cuts", {F(0x81, "\xce\xba\xe1\xbd")}, {{0, EMPTY}}, 1007},
    {"character that the next message would end",
     {F(0x81, "\xce"), F(0x81, "\xba")},
     {{0, EMPTY}},
     1007},
    {"bad text shows before its end", {F(0x01, KAPPA "\xed\xa0\x80")}, {{0, EMPTY}}, 1007},
    {"text, then bad text", {F(0x81, "good"), F(0x81, "\xc0\xaf")}, {{1, TEXT("good")}}, 1007},
    /* close */
    {"close without code", {F(0x88, "")}, {{0, EMPTY}}, 1005},
    {"close of one byte", {F(0x88, "\x03")}, {{0, EMPTY}}, 1002},
    {"close with code", {F(0x88, "\x03\xe8")}, {{0, EMPTY}}, 1000},
    {"close with reason", {F(0x88, "\x03\xe8" KAPPA)}, {{0, EMPTY}}, 1000},
    {"close with 123 bytes of reason",
     {F(0x88, "\x0f\xa0"
              "0123456789012345678901234567890123456789012345678901234567890"
              "01234567890123456789012345678901234567890123456789012345678901")},
     {{0, EMPTY}},
     4000},
    {"close of 126 bytes", {BIG(0x88, 126)}, {{0, EMPTY}}, 1002},
    {"close with a bad reason", {F(0x88, "\x03\xe8\xce\xba\xff")}, {{0, EMPTY}}, 1007},
    {"close with a cut reason", {F(0x88, "\x03\xe8\xce")}, {{0, EMPTY}}, 1007},
    {"close in fragments", {F(0x08, "\x03"), F(0x80, "\xe8")}, {{0, EMPTY}}, 1002},
    {"message, then close",
     {F(0x81, "last"), F(0x88, "\x03\xe8")},
     {{0, EMPTY}}, /* its echo may or may not overtake the close */
     1000},
    {"nothing counts after a close",
     {F(0x88, "\x03\xe8"), F(0x89, "x"), F(0x83, "?")},
     {{0, EMPTY}},
     1000},
    {"close inside fragments", {F(0x01, "a"), F(0x88, "\x03\xe9")}, {{0, EMPTY}}, 1001},
};
const size_t n_frame_cases = RF_ARRAY_LEN(frame_cases);

#define U(name, t)                                                                                 \
    {                                                                                              \
        name, t, sizeof(t) - 1                                                                     \
    }

const utf8_case utf8_valid_cases[] = {
    U("ASCII", "Hello-\x7f"),          U("NUL", "a\0b"),
    U("U+0080", "\xc2\x80"),           U("U+07FF", "\xdf\xbf"),
    U("U+0800", "\xe0\xa0\x80"),       U("U+D7FF", "\xed\x9f\xbf"),
    U("U+E000", "\xee\x80\x80"),       U("U+FFFD", "\xef\xbf\xbd"),
    U("U+FFFE", "\xef\xbf\xbe"),       U("U+FFFF", "\xef\xbf\xbf"),
    U("U+10000", "\xf0\x90\x80\x80"),  U("U+3FFFF", "\xf0\xbf\xbf\xbf"),
    U("U+10FFFF", "\xf4\x8f\xbf\xbf"), U("all lengths", "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x8e\xb5"),
};
const size_t n_utf8_valid_cases = RF_ARRAY_LEN(utf8_valid_cases);

const utf8_case utf8_invalid_cases[] = {
    U("lone continuation 80", "\x80"),
    U("lone continuation BF", "\xbf"),
    U("two continuations", "\x80\xbf"),
    U("continuation after a character", "\xc3\xa9\x80"),
    U("C0 80", "\xc0\x80"),
    U("C1 BF", "\xc1\xbf"),
    U("C0 AF", "\xc0\xaf"),
    U("overlong of three", "\xe0\x80\xaf"),
    U("overlong of three, last", "\xe0\x9f\xbf"),
    U("overlong of four", "\xf0\x80\x80\xaf"),
    U("overlong of four, last", "\xf0\x8f\xbf\xbf"),
    U("five bytes", "\xf8\x88\x80\x80\x80"),
    U("six bytes", "\xfc\x84\x80\x80\x80\x80"),
    U("surrogate D800", "\xed\xa0\x80"),
    U("surrogate DFFF", "\xed\xbf\xbf"),
    U("surrogate pair", "\xed\xa0\x80\xed\xb0\x80"),
    U("above U+10FFFF", "\xf4\x90\x80\x80"),
    U("F5", "\xf5\x80\x80\x80"),
    U("FE", "\xfe"),
    U("FF", "\xff"),
    U("second byte is ASCII", "\xc3\x28"),
    U("third byte is ASCII", "\xe2\x82\x28"),
    U("fourth byte is ASCII", "\xf0\x9f\x8e\x28"),
    U("second byte begins another", "\xe2\xe2\x82\xac"),
    U("third byte begins another", "\xf0\x9f\xc3\xa9"),
    U("cut after one of two", "\xc3"),
    U("cut after one of three", "\xe2"),
    U("cut after two of three", "\xe2\x82"),
    U("cut after one of four", "\xf0"),
    U("cut after two of four", "\xf0\x9f"),
    U("cut after three of four", "\xf0\x9f\x8e"),
};
const size_t n_utf8_invalid_cases = RF_ARRAY_LEN(utf8_invalid_cases);

const unsigned close_codes_valid[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010,
                                      1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999};
const size_t n_close_codes_valid = RF_ARRAY_LEN(close_codes_valid);

const unsigned close_codes_invalid[] = {0,    1,    999,  1004, 1005, 1006, 1015,
                                        1016, 1100, 2000, 2999, 5000, 65535};
const size_t n_close_codes_invalid = RF_ARRAY_LEN(close_codes_invalid);

/* ---- bytes ---- */

static size_t payload_len(const frame_payload *p)
{
    return p->fill > 0 ? p->fill : p->len;
}

static char payload_byte(const frame_payload *p, size_t i)
{
    return p->data[p->fill > 0 ? 0 : i];
}

static void put_number(rf_buf *out, uint64_t n, int n_bytes)
{
    for (int i = n_bytes - 1; i >= 0; i--) {
        rf_buf_append_char(out, (char)(n >> (8 * i)));
    }
}

static void put_length(rf_buf *out, const frame_step *s)
{
    size_t len = payload_len(&s->payload);
    unsigned mask = s->how == FRAME_UNMASKED ? 0 : 0x80;
    if (s->how == FRAME_LEN64 || len > 65535) {
        rf_buf_append_char(out, (char)(mask | 127));
        put_number(out, len, 8);
    } else if (s->how == FRAME_LEN16 || len > 125) {
        rf_buf_append_char(out, (char)(mask | 126));
        put_number(out, len, 2);
    } else {
        rf_buf_append_char(out, (char)(mask | len));
    }
}

static void put_once(rf_buf *out, const frame_step *s)
{
    static const char mask[4] = {0x37, (char)0xfa, 0x21, 0x3d};
    size_t len = payload_len(&s->payload);
    if (s->how == FRAME_RAW) {
        rf_buf_append(out, s->payload.data, s->payload.len);
        return;
    }
    rf_buf_append_char(out, (char)s->b0);
    put_length(out, s);
    if (s->how != FRAME_UNMASKED) {
        rf_buf_append(out, mask, sizeof(mask));
    }
    for (size_t i = 0; i < len; i++) {
        int m = s->how == FRAME_UNMASKED ? 0 : mask[i % 4];
        rf_buf_append_char(out, (char)(payload_byte(&s->payload, i) ^ m));
    }
}

void frames_put(rf_buf *out, const frame_step *step)
{
    for (unsigned i = 0; i < RF_MAX(step->times, 1u); i++) {
        put_once(out, step);
    }
}

void frames_put_case(rf_buf *out, const frame_case *c)
{
    for (size_t i = 0; i < FRAME_STEPS_MAX && c->send[i].payload.data != NULL; i++) {
        frames_put(out, &c->send[i]);
    }
}

bool frames_payload_is(const frame_payload *p, const uint8_t *data, size_t len)
{
    if (len != payload_len(p)) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (data[i] != (uint8_t)payload_byte(p, i)) {
            return false;
        }
    }
    return true;
}
