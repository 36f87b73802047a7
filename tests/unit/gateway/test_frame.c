#include "frames.h"
#include "gateway_frame.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#define LOG_MAX (4u << 20)
#define SEEN_MAX 16

/* What the reader said, in order. */
typedef struct seen {
    size_t n;
    struct {
        unsigned opcode;
        rf_buf data;
    } events[SEEN_MAX];
    unsigned close; /* code of a close frame or a fault; 0: none */
    bool full;      /* takes one message at a time */
} seen;

static void note(seen *s, unsigned opcode, const void *data, size_t len)
{
    cr_assert_lt(s->n, (size_t)SEEN_MAX);
    s->events[s->n].opcode = opcode;
    rf_buf_init(&s->events[s->n].data, LOG_MAX);
    rf_buf_append(&s->events[s->n].data, data, len);
    s->n++;
}

static int on_message(void *user, gateway_opcode opcode, rf_buf *data)
{
    seen *s = user;
    note(s, opcode, data->data, data->len);
    return s->full ? -EAGAIN : 0;
}

static void on_ping(void *user, const uint8_t *data, size_t len)
{
    note(user, GATEWAY_OP_PONG, data, len);
}

static void on_pong(void *user, const uint8_t *data, size_t len)
{
    (void)user;
    (void)data;
    (void)len;
}

static void on_close(void *user, unsigned code, const char *reason)
{
    seen *s = user;
    s->close = code;
    cr_expect(rf_utf8_valid(reason, strlen(reason)));
}

static const gateway_frame_sink sink = {
    .message = on_message, .ping = on_ping, .pong = on_pong, .close = on_close};

static void seen_done(seen *s)
{
    for (size_t i = 0; i < s->n; i++) {
        rf_buf_done(&s->events[i].data);
    }
    memset(s, 0, sizeof(*s));
}

/* Gives the bytes in pieces of step, each in memory of its own. */
static void feed(seen *s, const rf_buf *bytes, size_t step)
{
    gateway_frame_in *in = gateway_frame_in_new(&sink, s, false);
    for (size_t at = 0; at < bytes->len; at += step) {
        size_t n = RF_MIN(step, bytes->len - at);
        uint8_t *copy = malloc(n);
        memcpy(copy, bytes->data + at, n);
        ssize_t took = gateway_frame_in_take(in, copy, n);
        if (took < 0) {
            cr_expect_eq(s->close, 0u, "a fault after a close");
            s->close = (unsigned)-took;
        } else {
            cr_expect_eq(took, (ssize_t)n);
        }
        free(copy);
    }
    gateway_frame_in_free(in);
}

static void check_case(const frame_case *c, size_t step)
{
    rf_buf bytes;
    seen s = {.n = 0};
    size_t n = 0;
    rf_buf_init(&bytes, LOG_MAX);
    frames_put_case(&bytes, c);
    feed(&s, &bytes, step);
    for (; n < FRAME_SEEN_MAX && c->get[n].opcode != 0; n++) {
        if (n < s.n) {
            cr_expect_eq(s.events[n].opcode, c->get[n].opcode, "%s (%zu)", c->name, step);
            cr_expect(
                frames_payload_is(&c->get[n].payload, s.events[n].data.data, s.events[n].data.len),
                "%s (%zu): payload %zu", c->name, step, n);
        }
    }
    bool may_have_more = c->close == 1000;
    cr_expect(s.n == n || may_have_more, "%s (%zu): %zu messages", c->name, step, s.n);
    cr_expect_eq(s.close, c->close, "%s (%zu): closed with %u", c->name, step, s.close);
    seen_done(&s);
    rf_buf_done(&bytes);
}

Test(frame_in, every_case_whole_and_in_pieces)
{
    static const size_t steps[] = {1, 2, 3, 7, 64, 4096, 4097, 1u << 20};
    for (size_t i = 0; i < n_frame_cases; i++) {
        for (size_t k = 0; k < RF_ARRAY_LEN(steps); k++) {
            check_case(&frame_cases[i], steps[k]);
        }
    }
}

static unsigned close_of(const frame_step *steps, size_t n, size_t *ret_messages)
{
    rf_buf bytes;
    seen s = {.n = 0};
    rf_buf_init(&bytes, LOG_MAX);
    for (size_t i = 0; i < n; i++) {
        frames_put(&bytes, &steps[i]);
    }
    feed(&s, &bytes, bytes.len);
    unsigned code = s.close;
    *ret_messages = s.n;
    seen_done(&s);
    rf_buf_done(&bytes);
    return code;
}

/* The text whole, and cut into two fragments at every place. */
static void check_text(const utf8_case *c, bool valid)
{
    size_t n = 0;
    const frame_step whole = {0x81, {c->data, c->len, 0}, FRAME_MASKED, 0};
    cr_expect_eq(close_of(&whole, 1, &n), valid ? 0u : 1007u, "%s", c->name);
    cr_expect_eq(n, valid ? 1u : 0u, "%s", c->name);
    for (size_t cut = 0; cut <= c->len; cut++) {
        const frame_step parts[2] = {{0x01, {c->data, cut, 0}, FRAME_MASKED, 0},
                                     {0x80, {c->data + cut, c->len - cut, 0}, FRAME_MASKED, 0}};
        cr_expect_eq(close_of(parts, 2, &n), valid ? 0u : 1007u, "%s at %zu", c->name, cut);
        cr_expect_eq(n, valid ? 1u : 0u, "%s at %zu", c->name, cut);
    }
}

Test(frame_in, text_is_utf_8_wherever_it_is_cut)
{
    for (size_t i = 0; i < n_utf8_valid_cases; i++) {
        check_text(&utf8_valid_cases[i], true);
    }
    for (size_t i = 0; i < n_utf8_invalid_cases; i++) {
        check_text(&utf8_invalid_cases[i], false);
    }
}

/* An invalid text with ASCII around it, at every position. */
Test(frame_in, bad_text_shows_at_every_position)
{
    for (size_t i = 0; i < n_utf8_invalid_cases; i++) {
        const utf8_case *c = &utf8_invalid_cases[i];
        for (size_t before = 0; before < 9; before++) {
            char text[32] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
            size_t n = 0;
            memcpy(text + before, c->data, c->len);
            const frame_step step = {0x81, {text, 20, 0}, FRAME_MASKED, 0};
            cr_expect_eq(close_of(&step, 1, &n), 1007u, "%s after %zu", c->name, before);
        }
    }
}

Test(frame_in, close_codes)
{
    size_t n = 0;
    for (unsigned code = 0; code <= 5000; code++) {
        const char text[2] = {(char)(code >> 8), (char)code};
        const frame_step step = {0x88, {text, 2, 0}, FRAME_MASKED, 0};
        bool valid = false;
        for (size_t i = 0; i < n_close_codes_valid; i++) {
            bool range = code > 3000 && code < 4999;
            valid = valid || close_codes_valid[i] == code || range;
        }
        cr_expect_eq(close_of(&step, 1, &n), valid ? code : 1002u, "%u", code);
    }
    for (size_t i = 0; i < n_close_codes_invalid; i++) {
        cr_expect_not(gateway_close_code_valid(close_codes_invalid[i]), "%u",
                      close_codes_invalid[i]);
    }
}

Test(frame_in, a_full_sink_stops_the_reading)
{
    rf_buf bytes;
    seen s = {.full = true};
    const frame_step step = {0x81, {"abc", 3, 0}, FRAME_MASKED, 5};
    rf_buf_init(&bytes, LOG_MAX);
    frames_put(&bytes, &step);
    gateway_frame_in *in = gateway_frame_in_new(&sink, &s, false);
    size_t took = 0;
    for (size_t i = 1; i <= 5; i++) {
        took += (size_t)gateway_frame_in_take(in, bytes.data + took, bytes.len - took);
        cr_expect_eq(s.n, i);
    }
    cr_expect_eq(took, bytes.len);
    gateway_frame_in_free(in);
    seen_done(&s);
    rf_buf_done(&bytes);
}

/* ---- towards the client ---- */

typedef struct shape {
    size_t before;
    size_t attachment;
    size_t after;
    bool base64;
} shape;

static void fill(uint8_t *data, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1103515245 + 12345;
        data[i] = (uint8_t)(seed >> 16);
    }
}

/* What the payload must be, by OpenSSL's base64. */
static size_t expected_payload(const uint8_t *data, const shape *s, uint8_t *out)
{
    size_t n = s->before;
    memcpy(out, data, s->before);
    if (s->base64) {
        n += (size_t)EVP_EncodeBlock(out + n, data + s->before, (int)s->attachment);
    } else {
        memcpy(out + n, data + s->before, s->attachment);
        n += s->attachment;
    }
    memcpy(out + n, data + s->before + s->attachment, s->after);
    return n + s->after;
}

static size_t header_len(size_t payload)
{
    return payload < 126 ? 2 : payload < 65536 ? 4 : 10;
}

/* Writes the frame with room for step bytes at a time and compares. */
static void check_frame(const shape *s, size_t step)
{
    size_t total = s->before + s->attachment + s->after;
    uint8_t *data = malloc(total + 1);
    uint8_t *want = malloc(2 * total + 16);
    uint8_t *got = malloc(2 * total + 64);
    fill(data, total, (unsigned)total);
    size_t n_want = expected_payload(data, s, want);
    gateway_frame *f =
        gateway_frame_new(GATEWAY_OP_TEXT, s->base64, (gateway_piece){data, s->before},
                          (gateway_piece){data + s->before, s->attachment},
                          (gateway_piece){data + s->before + s->attachment, s->after});
    cr_assert_eq(gateway_frame_payload(f), n_want);
    size_t n = 0;
    while (!f->done) {
        size_t room = RF_MIN(step, 2 * total + 64 - n);
        size_t wrote = gateway_frame_write(f, got + n, room);
        cr_assert(wrote > 0 && wrote <= room);
        n += wrote;
    }
    size_t header = header_len(n_want);
    cr_expect_eq(n, header + n_want, "%zu %zu %zu by %zu", s->before, s->attachment, s->after,
                 step);
    cr_expect_eq(memcmp(got + header, want, n_want), 0, "%zu %zu %zu by %zu", s->before,
                 s->attachment, s->after, step);
    gateway_frame_free(f);
    free(data);
    free(want);
    free(got);
}

Test(frame_out, base64_is_exact_for_every_length_and_piece)
{
    static const size_t steps[] = {10, 11, 12, 13, 17, 64, 4096};
    for (size_t len = 0; len < 70; len++) {
        for (size_t k = 0; k < RF_ARRAY_LEN(steps); k++) {
            for (size_t before = 0; before < 5; before++) {
                const shape s = {before, len, (len + before) % 4, true};
                check_frame(&s, steps[k]);
            }
        }
    }
    for (size_t len = 65530; len < 65545; len++) {
        const shape s = {20, len, 3, true};
        check_frame(&s, 4093);
        check_frame(&s, 65536);
    }
}

Test(frame_out, attachments_pass_as_they_are)
{
    for (size_t len = 0; len < 140; len++) {
        const shape s = {len % 7, len, len % 3, false};
        check_frame(&s, 10);
        check_frame(&s, 1000);
    }
}

Test(frame_out, length_forms_are_the_shortest)
{
    static const size_t lengths[] = {0, 1, 125, 126, 127, 65535, 65536, 65537, 1048576};
    for (size_t i = 0; i < RF_ARRAY_LEN(lengths); i++) {
        const shape s = {0, lengths[i], 0, false};
        check_frame(&s, 65536);
    }
}

Test(frame_out, closes)
{
    uint8_t out[200];
    gateway_frame *f = gateway_frame_new_close(1008, "why");
    cr_expect_eq(gateway_frame_write(f, out, sizeof(out)), 7u);
    cr_expect_eq(memcmp(out, "\x88\x05\x03\xf0why", 7), 0);
    gateway_frame_free(f);
    f = gateway_frame_new_close(GATEWAY_CLOSE_NONE, "ignored");
    cr_expect_eq(gateway_frame_write(f, out, sizeof(out)), 2u);
    cr_expect_eq(memcmp(out, "\x88\x00", 2), 0);
    gateway_frame_free(f);
}

Test(frame_out, long_reasons_are_cut_at_a_character)
{
    uint8_t out[200];
    for (size_t shift = 0; shift < 3; shift++) {
        char reason[160] = "aa";
        for (size_t i = shift; i < 150; i += 3) {
            memcpy(reason + i, "\xe2\x82\xac", 4);
        }
        gateway_frame *f = gateway_frame_new_close(1000, reason);
        size_t n = gateway_frame_write(f, out, sizeof(out));
        cr_expect_leq(n, (size_t)127);
        cr_expect_geq(n, (size_t)124);
        cr_expect(rf_utf8_valid(out + 4, n - 4), "shift %zu", shift);
        gateway_frame_free(f);
    }
}

Test(frame_out, control_frames)
{
    uint8_t out[GATEWAY_CONTROL_MAX_BYTES + 2];
    uint8_t data[GATEWAY_CONTROL_MAX_BYTES];
    fill(data, sizeof(data), 1);
    cr_expect_eq(gateway_frame_control(GATEWAY_OP_PING, NULL, 0, out), 2u);
    cr_expect_eq(memcmp(out, "\x89\x00", 2), 0);
    cr_expect_eq(gateway_frame_control(GATEWAY_OP_PONG, data, sizeof(data), out), 127u);
    cr_expect_eq(out[0], 0x8a);
    cr_expect_eq(out[1], 125);
    cr_expect_eq(memcmp(out + 2, data, sizeof(data)), 0);
}
