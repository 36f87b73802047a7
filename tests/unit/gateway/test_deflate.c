/* permessage-deflate: what is agreed, and packed messages in frames. Packed here by zlib itself. */
#include "frames.h"
#include "gateway_deflate.h"
#include "gateway_frame.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <zlib.h>

#define NO_CONTEXT "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
#define BIG_BYTES (64u << 20)

/* ---- offers ---- */

typedef struct offer_case {
    const char *offers;
    const char *answer; /* "": declined; NULL: malformed */
} offer_case;

static const offer_case offer_cases[] = {
    {"permessage-deflate", NO_CONTEXT},
    {"Permessage-Deflate", NO_CONTEXT},
    {"permessage-deflate; client_max_window_bits", NO_CONTEXT},
    {"permessage-deflate;client_max_window_bits=8", NO_CONTEXT},
    {"permessage-deflate; client_max_window_bits=15", NO_CONTEXT},
    {"permessage-deflate; client_max_window_bits=\"10\"", NO_CONTEXT},
    {"permessage-deflate; server_no_context_takeover", NO_CONTEXT},
    {"permessage-deflate; client_no_context_takeover", NO_CONTEXT},
    {"permessage-deflate ; server_no_context_takeover ; client_no_context_takeover ", NO_CONTEXT},
    {"permessage-deflate; server_max_window_bits=9", NO_CONTEXT "; server_max_window_bits=9"},
    {"permessage-deflate; server_max_window_bits=15", NO_CONTEXT "; server_max_window_bits=15"},
    {"permessage-deflate; server_max_window_bits=\"12\"", NO_CONTEXT "; server_max_window_bits=12"},
    {"x-webkit-deflate-frame, permessage-deflate", NO_CONTEXT},
    {"other; a=b; c=\"d\", permessage-deflate", NO_CONTEXT},
    {"permessage-deflate; unknown, permessage-deflate", NO_CONTEXT},
    {"permessage-deflate; server_max_window_bits=8, permessage-deflate", NO_CONTEXT},
    {"permessage-deflate; server_max_window_bits=10, permessage-deflate",
     NO_CONTEXT "; server_max_window_bits=10"},
    /* unacceptable */
    {"other", ""},
    {"permessage-deflate2", ""},
    {"permessage-deflate; unknown", ""},
    {"permessage-deflate; unknown=1", ""},
    {"permessage-deflate; server_no_context_takeover=1", ""},
    {"permessage-deflate; client_no_context_takeover=1", ""},
    {"permessage-deflate; server_no_context_takeover; server_no_context_takeover", ""},
    {"permessage-deflate; client_max_window_bits; client_max_window_bits=10", ""},
    {"permessage-deflate; server_max_window_bits", ""},
    {"permessage-deflate; server_max_window_bits=8", ""},
    {"permessage-deflate; server_max_window_bits=7", ""},
    {"permessage-deflate; server_max_window_bits=16", ""},
    {"permessage-deflate; server_max_window_bits=010", ""},
    {"permessage-deflate; server_max_window_bits=1x", ""},
    {"permessage-deflate; server_max_window_bits=100", ""},
    {"permessage-deflate; client_max_window_bits=7", ""},
    {"permessage-deflate; client_max_window_bits=16", ""},
    {"permessage-deflate; client_max_window_bits=+9", ""},
    /* no lists of extensions */
    {"", NULL},
    {",", NULL},
    {"permessage-deflate,", NULL},
    {"permessage-deflate;", NULL},
    {"permessage-deflate; =1", NULL},
    {"permessage-deflate; client_max_window_bits=", NULL},
    {"permessage-deflate; client_max_window_bits=\"10", NULL},
    {"permessage-deflate; client_max_window_bits=\"\"", NULL},
    {"permessage-deflate; client_max_window_bits=\" 10\"", NULL},
    {"permessage-deflate client_max_window_bits", NULL},
    {"permessage-deflate, other/1", NULL},
    {"permessage-deflate, \x80", NULL},
};

Test(deflate, offers_and_answers)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(offer_cases); i++) {
        const offer_case *k = &offer_cases[i];
        size_t len = strlen(k->offers);
        char answer[GATEWAY_DEFLATE_ANSWER_MAX] = "";
        gateway_deflate d = {.agreed = false};
        char *copy = malloc(len + 1); /* no terminator: a read beyond it is found */
        memcpy(copy, k->offers, len);
        int err = gateway_deflate_agree(copy, len, &d);
        if (d.agreed) {
            gateway_deflate_answer(&d, answer);
        }
        cr_expect_eq(err, k->answer != NULL ? 0 : -EBADMSG, "%s: %d", k->offers, err);
        cr_expect_str_eq(answer, k->answer != NULL ? k->answer : "", "%s", k->offers);
        free(copy);
    }
}

/* ---- packed messages ---- */

/* Packs as a client does, without the four bytes at the end; level 0 stores. */
static void pack(const void *data, size_t len, int level, rf_buf *out)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)len};
    rf_buf_init(out, 2u * BIG_BYTES);
    cr_assert_eq(deflateInit2(&z, level, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&z, len) + 64;
    z.next_out = rf_buf_reserve(out, room);
    z.avail_out = (uInt)room;
    cr_assert_eq(deflate(&z, Z_SYNC_FLUSH), Z_OK);
    rf_buf_added(out, room - z.avail_out - 4);
    deflateEnd(&z);
}

static void fill(uint8_t *data, size_t len, bool repeats)
{
    unsigned seed = 7;
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1103515245 + 12345;
        data[i] = repeats ? (uint8_t)("{\"type\":\"status\"}"[i % 17]) : (uint8_t)(seed >> 16);
    }
}

Test(deflate, what_zlib_packs_is_unpacked)
{
    static const size_t sizes[] = {0, 1, 2, 127, 16383, 16384, 16385, 65535, 65536};
    for (size_t i = 0; i < 4 * RF_ARRAY_LEN(sizes); i++) {
        size_t len = sizes[i / 4];
        rf_buf packed;
        rf_buf out;
        uint8_t *data = malloc(len + 1);
        fill(data, len, (i & 1) != 0);
        pack(data, len, (i & 2) != 0 ? 6 : 0, &packed);
        rf_buf_init(&out, GATEWAY_MESSAGE_MAX_BYTES);
        cr_expect_eq(gateway_deflate_unpack(packed.data, packed.len, &out), 0, "%zu", len);
        cr_expect(out.len == len && (len == 0 || memcmp(out.data, data, len) == 0), "%zu", len);
        rf_buf_done(&packed);
        rf_buf_done(&out);
        free(data);
    }
}

Test(deflate, bombs_end_at_the_limit)
{
    rf_buf packed;
    rf_buf out;
    uint8_t *zeros = calloc(1, BIG_BYTES);
    pack(zeros, BIG_BYTES, 9, &packed);
    cr_assert_lt(packed.len, GATEWAY_MESSAGE_MAX_BYTES + 1u);
    rf_buf_init(&out, GATEWAY_MESSAGE_MAX_BYTES);
    cr_expect_eq(gateway_deflate_unpack(packed.data, packed.len, &out), -EMSGSIZE);
    cr_expect_leq(out.cap, 2u * GATEWAY_MESSAGE_MAX_BYTES);
    rf_buf_done(&packed);
    rf_buf_clear(&out);
    pack(zeros, GATEWAY_MESSAGE_MAX_BYTES + 1, 9, &packed);
    cr_expect_eq(gateway_deflate_unpack(packed.data, packed.len, &out), -EMSGSIZE);
    rf_buf_done(&packed);
    rf_buf_done(&out);
    free(zeros);
}

Test(deflate, texts_are_packed_where_that_pays)
{
    static const struct {
        size_t len;
        bool repeats;
        bool pays;
    } cases[] = {{127, true, false},   {128, true, true},   {3000, true, true},
                 {3000, false, false}, {65536, true, true}, {65537, true, false},
                 {200, false, false}};
    for (size_t i = 0; i < RF_ARRAY_LEN(cases) * 7; i++) {
        const gateway_deflate d = {.agreed = true, .window_bits = 9 + (int)(i % 7)};
        size_t len = cases[i / 7].len;
        uint8_t *data = malloc(len);
        rf_buf out;
        rf_buf_init(&out, len);
        fill(data, len, cases[i / 7].repeats);
        gateway_frame *f = gateway_frame_new(GATEWAY_OP_TEXT, false, (gateway_piece){data, 10},
                                             (gateway_piece){data + 10, len - 20},
                                             (gateway_piece){data + len - 10, 10});
        f->credit = 77;
        f->owed = true;
        f = gateway_frame_pack(f, &d);
        cr_expect_eq(f->packed, cases[i / 7].pays, "%zu", len);
        cr_expect(f->credit == 77 && f->owed);
        if (f->packed) {
            cr_expect_leq(f->len[0], len - len / 8);
            cr_expect_eq(gateway_deflate_unpack(f->data, f->len[0], &out), 0);
            cr_expect(out.len == len && memcmp(out.data, data, len) == 0);
        }
        gateway_frame_free(f);
        rf_buf_done(&out);
        free(data);
    }
}

Test(deflate, audio_goes_as_it_is)
{
    const gateway_deflate d = {.agreed = true, .window_bits = 15};
    uint8_t data[3000];
    fill(data, sizeof(data), true);
    const gateway_piece all = {data, sizeof(data)};
    const gateway_piece none = {NULL, 0};
    gateway_frame *frames[] = {gateway_frame_new(GATEWAY_OP_TEXT, true, none, all, none),
                               gateway_frame_new(GATEWAY_OP_BINARY, false, none, all, none),
                               gateway_frame_new_close(1000, "")};
    for (size_t i = 0; i < RF_ARRAY_LEN(frames); i++) {
        gateway_frame *f = gateway_frame_pack(frames[i], &d);
        cr_expect_eq(f, frames[i]);
        cr_expect_not(f->packed);
        gateway_frame_free(f);
    }
}

/* ---- frames: RFC 7692 section 7.2.3 and what breaks its rules ---- */

typedef struct heard {
    char texts[512]; /* each followed by '|' */
    unsigned close;
} heard;

static int on_message(void *user, gateway_opcode opcode, rf_buf *data)
{
    heard *h = user;
    cr_expect(opcode == GATEWAY_OP_TEXT || opcode == GATEWAY_OP_BINARY);
    strncat(h->texts, rf_buf_str(data), 200);
    strcat(h->texts, "|");
    return 0;
}

static void on_control(void *user, const uint8_t *data, size_t len)
{
    heard *h = user;
    (void)data;
    (void)len;
    strcat(h->texts, "*|");
}

static void on_close(void *user, unsigned code, const char *reason)
{
    heard *h = user;
    (void)reason;
    h->close = code;
}

static heard hear(const rf_buf *bytes, size_t step, bool deflate)
{
    static const gateway_frame_sink sink = {
        .message = on_message, .ping = on_control, .pong = on_control, .close = on_close};
    heard h = {.close = 0};
    gateway_frame_in *in = gateway_frame_in_new(&sink, &h, deflate);
    for (size_t at = 0; at < bytes->len; at += step) {
        ssize_t n = gateway_frame_in_take(in, bytes->data + at, RF_MIN(step, bytes->len - at));
        h.close = n < 0 ? (unsigned)-n : h.close;
    }
    gateway_frame_in_free(in);
    return h;
}

typedef struct packed_case {
    const char *name;
    frame_step send[6];
    const char *texts;
    unsigned close;
} packed_case;

#define P(b0, t)                                                                                   \
    {                                                                                              \
        b0, {t, sizeof(t) - 1, 0}, FRAME_MASKED, 0                                                 \
    }
#define HELLO "\xf2\x48\xcd\xc9\xc9\x07\x00"

static const packed_case packed_cases[] = {
    {"one block", {P(0xc1, HELLO)}, "Hello|", 0},
    {"binary", {P(0xc2, HELLO)}, "Hello|", 0},
    {"two frames", {P(0x41, "\xf2\x48\xcd"), P(0x80, "\xc9\xc9\x07\x00")}, "Hello|", 0},
    {"an empty first frame", {P(0x41, ""), P(0x80, HELLO)}, "Hello|", 0},
    {"an empty last frame", {P(0x41, HELLO), P(0x80, "")}, "Hello|", 0},
    {"a ping between",
     {P(0x41, "\xf2\x48"), P(0x89, ""), P(0x80, "\xcd\xc9\xc9\x07\x00")},
     "*|Hello|",
     0},
    {"a block without compression",
     {P(0xc1, "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00")},
     "Hello|",
     0},
    {"a last block", {P(0xc1, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00")}, "Hello|", 0},
    {"two blocks", {P(0xc1, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00")}, "Hello|", 0},
    {"an empty message", {P(0xc1, "\x00")}, "|", 0},
    {"no bytes at all", {P(0xc1, "")}, "", 1007},
    {"packed, plain, packed",
     {P(0xc1, HELLO), P(0x81, "plain"), P(0xc1, HELLO)},
     "Hello|plain|Hello|",
     0},
    {"plain in fragments, then packed",
     {P(0x01, "a"), P(0x80, "b"), P(0xc1, HELLO)},
     "ab|Hello|",
     0},
    {"RSV1 of a continuation", {P(0x41, "\xf2\x48"), P(0xc0, "\xcd\xc9\xc9\x07\x00")}, "", 1002},
    {"RSV1 of a plain one's continuation", {P(0x01, "a"), P(0xc0, HELLO)}, "", 1002},
    {"RSV1 of a ping", {P(0xc9, "")}, "", 1002},
    {"RSV1 of a pong", {P(0xca, "")}, "", 1002},
    {"RSV1 of a close", {P(0xc8, "")}, "", 1002},
    {"RSV1 and RSV2", {P(0xe1, HELLO)}, "", 1002},
    {"RSV3", {P(0x91, "a")}, "", 1002},
    {"context of the message before",
     {P(0xc1, HELLO), P(0xc1, "\xf2\x00\x11\x00\x00")},
     "Hello|",
     1007},
    {"no DEFLATE", {P(0xc1, "\xff\xff\xff")}, "", 1007},
    {"cut in a block", {P(0xc1, "\xf2\x48\xcd\xc9")}, "", 1007},
    {"a stored block that lies", {P(0xc1, "\x00\x05\x00\x00\x00Hello\x00")}, "", 1007},
    {"text that is no UTF-8", {P(0xc1, "\x00\x01\x00\xfe\xff\xff\x00")}, "", 1007},
    {"text that is cut", {P(0xc1, "\x00\x01\x00\xfe\xff\xc3\x00")}, "", 1007},
};

Test(deflate, frames)
{
    static const size_t steps[] = {1, 2, 3, 5, 1000};
    for (size_t i = 0; i < RF_ARRAY_LEN(packed_cases); i++) {
        const packed_case *k = &packed_cases[i];
        rf_buf bytes;
        rf_buf_init(&bytes, 65536);
        for (size_t n = 0; n < RF_ARRAY_LEN(k->send) && k->send[n].payload.data != NULL; n++) {
            frames_put(&bytes, &k->send[n]);
        }
        for (size_t n = 0; n < RF_ARRAY_LEN(steps); n++) {
            heard h = hear(&bytes, steps[n], true);
            cr_expect_str_eq(h.texts, k->texts, "%s by %zu: %s", k->name, steps[n], h.texts);
            cr_expect_eq(h.close, k->close, "%s by %zu: %u", k->name, steps[n], h.close);
        }
        rf_buf_done(&bytes);
    }
}

Test(deflate, nothing_is_packed_unless_agreed)
{
    rf_buf bytes;
    const frame_step step = P(0xc1, HELLO);
    rf_buf_init(&bytes, 65536);
    frames_put(&bytes, &step);
    heard h = hear(&bytes, bytes.len, false);
    cr_expect_str_eq(h.texts, "");
    cr_expect_eq(h.close, 1002u);
    rf_buf_done(&bytes);
}

Test(deflate, a_bomb_in_frames_is_too_big)
{
    rf_buf packed;
    rf_buf bytes;
    uint8_t *zeros = calloc(1, BIG_BYTES);
    pack(zeros, BIG_BYTES / 2, 9, &packed);
    size_t half = packed.len / 2;
    const frame_step steps[2] = {
        {0x42, {(char *)packed.data, half, 0}, FRAME_MASKED, 0},
        {0x80, {(char *)packed.data + half, packed.len - half, 0}, FRAME_MASKED, 0}};
    rf_buf_init(&bytes, 2u * GATEWAY_MESSAGE_MAX_BYTES);
    frames_put(&bytes, &steps[0]);
    frames_put(&bytes, &steps[1]);
    heard h = hear(&bytes, 4096, true);
    cr_expect_str_eq(h.texts, "");
    cr_expect_eq(h.close, 1009u);
    rf_buf_done(&bytes);
    rf_buf_done(&packed);
    free(zeros);
}
