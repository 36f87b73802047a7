/* What a WebSocket client may send, through a running gateway to a service that echoes. */
#include "echo.h"
#include "fixture.h"
#include "rf_base.h"
#include "websocket.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define BYTES_MAX (1u << 20)

static void setup(void)
{
    static const char *const args[] = {"--jam.sockets_per_key=256", NULL};
    fixture_start(args, NULL);
    echo_start();
}

static void teardown(void)
{
    cr_expect(echo_in_order());
    fixture_stop();
    echo_stop(2000);
}

/* Messages and pongs overtake each other; each kind keeps its order. */
static void expect_seen(websocket *w, const frame_case *c)
{
    bool got[FRAME_SEEN_MAX] = {false};
    size_t n = 0;
    for (; n < FRAME_SEEN_MAX && c->get[n].opcode != 0; n++) {
    }
    for (size_t k = 0; k < n; k++) {
        message m = websocket_get(w);
        size_t i = 0;
        while (i < n && (got[i] || (c->get[i].opcode == 10) != (m.opcode == 10))) {
            i++;
        }
        cr_assert_lt(i, n, "%s: opcode %u, close %u", c->name, m.opcode, m.code);
        got[i] = true;
        cr_expect_eq(m.opcode, c->get[i].opcode, "%s: opcode %u", c->name, m.opcode);
        cr_expect(frames_payload_is(&c->get[i].payload, (uint8_t *)m.data, m.len),
                  "%s: payload %zu", c->name, i);
        message_done(&m);
    }
}

static void check_case(const frame_case *c, bool tls, size_t step)
{
    rf_buf bytes;
    websocket w = websocket_open(tls, "/ws/jam", NULL, NULL);
    cr_assert_eq(w.status, 101);
    rf_buf_init(&bytes, BYTES_MAX);
    frames_put_case(&bytes, c);
    bool sent = true;
    for (size_t at = 0; at < bytes.len && sent; at += step) {
        sent = client_send(&w.c, bytes.data + at, RF_MIN(step, bytes.len - at));
    }
    if (c->close == 0) {
        expect_seen(&w, c);
        websocket_ends(&w, 1000);
    } else {
        websocket_closed(&w, c->close, c->name);
    }
    rf_buf_done(&bytes);
    websocket_close(&w);
}

Test(frames, every_case, .init = setup, .fini = teardown)
{
    for (size_t i = 0; i < n_frame_cases; i++) {
        check_case(&frame_cases[i], false, BYTES_MAX);
    }
}

Test(frames, every_case_over_tls, .init = setup, .fini = teardown)
{
    for (size_t i = 0; i < n_frame_cases; i++) {
        check_case(&frame_cases[i], true, BYTES_MAX);
    }
}

Test(frames, every_short_case_byte_by_byte, .init = setup, .fini = teardown)
{
    for (size_t i = 0; i < n_frame_cases; i++) {
        if (frame_cases[i].send[0].payload.fill == 0) {
            check_case(&frame_cases[i], i % 2 == 1, 1);
        }
    }
}

Test(frames, text_is_utf_8, .init = setup, .fini = teardown)
{
    websocket w = websocket_open(false, "/ws/jam", NULL, NULL);
    for (size_t i = 0; i < n_utf8_valid_cases; i++) {
        const utf8_case *c = &utf8_valid_cases[i];
        websocket_frame(&w, 0x81, c->data, c->len);
        message m = websocket_get(&w);
        cr_expect_eq(m.opcode, 1u, "%s", c->name);
        cr_expect(m.len == c->len && memcmp(m.data, c->data, c->len) == 0, "%s", c->name);
        message_done(&m);
    }
    websocket_ends(&w, 1000);
    websocket_close(&w);
    for (size_t i = 0; i < n_utf8_invalid_cases; i++) {
        websocket bad = websocket_open(false, "/ws/jam", NULL, NULL);
        websocket_frame(&bad, 0x81, utf8_invalid_cases[i].data, utf8_invalid_cases[i].len);
        websocket_closed(&bad, 1007, utf8_invalid_cases[i].name);
        websocket_close(&bad);
    }
}

Test(frames, close_codes_come_back_or_are_refused, .init = setup, .fini = teardown)
{
    for (size_t i = 0; i < n_close_codes_valid; i++) {
        websocket w = websocket_open(i % 2 == 1, "/ws/jam", NULL, NULL);
        websocket_ends(&w, close_codes_valid[i]);
        cr_expect_eq(echo_closed(5000), close_codes_valid[i]);
        websocket_close(&w);
    }
    for (size_t i = 0; i < n_close_codes_invalid; i++) {
        char name[16];
        const unsigned code = close_codes_invalid[i];
        const uint8_t close[2] = {(uint8_t)(code >> 8), (uint8_t)code};
        websocket w = websocket_open(false, "/ws/jam", NULL, NULL);
        snprintf(name, sizeof(name), "%u", code);
        websocket_frame(&w, 0x88, close, 2);
        websocket_closed(&w, 1002, name);
        cr_expect_eq(echo_closed(5000), 1002u);
        websocket_close(&w);
    }
}

Test(frames, garbage_hurts_nobody_else, .init = setup, .fini = teardown)
{
    websocket good = websocket_open(false, "/ws/jam", NULL, NULL);
    unsigned seed = 1;
    for (int i = 0; i < 200; i++) {
        uint8_t bytes[400];
        websocket w = websocket_open(i % 2 == 1, "/ws/jam", NULL, NULL);
        cr_assert_eq(w.status, 101);
        for (size_t k = 0; k < sizeof(bytes); k++) {
            seed = seed * 1103515245 + 12345;
            bytes[k] = (uint8_t)(seed >> 16);
        }
        client_send(&w.c, bytes, sizeof(bytes));
        websocket_close(&w);
    }
    websocket_text(&good, "still here");
    websocket_says(&good, "still here");
    websocket_ends(&good, 1000);
    websocket_close(&good);
}
