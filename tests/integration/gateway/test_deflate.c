/* permessage-deflate through a running gateway before a service that echoes. */
#include "echo.h"
#include "fixture.h"
#include "rf_base.h"
#include "websocket.h"

#include <criterion/criterion.h>
#include <string.h>

#define HELLO "\xf2\x48\xcd\xc9\xc9\x07\x00" /* RFC 7692 section 7.2.3.1 */
#define OFFER "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
#define AGREED                                                                                     \
    "\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "               \
    "client_no_context_takeover\r\n"

static void setup_off(void)
{
    fixture_start(NULL, NULL);
    echo_start();
}

static void setup_on(void)
{
    static const char *const args[] = {"--jam.deflate=true", NULL};
    fixture_start(args, NULL);
    echo_start();
}

static void teardown(void)
{
    fixture_stop();
    echo_stop(2000);
}

static void expect_message(websocket *w, const char *text, bool packed)
{
    message m = websocket_get(w);
    cr_expect_eq(m.opcode, 1u);
    cr_expect_str_eq(m.data, text);
    cr_expect_eq(m.packed, packed, "%.40s", text);
    message_done(&m);
}

Test(deflate, is_declined_by_default, .init = setup_off, .fini = teardown)
{
    websocket w = websocket_open(false, "/ws/jam", NULL, OFFER);
    cr_assert_eq(w.status, 101);
    cr_expect(!w.deflate, "%s", w.head);
    cr_assert(websocket_frame(&w, 0xc1, HELLO, sizeof(HELLO) - 1));
    websocket_closed(&w, 1002, "RSV1 that was not agreed");
    websocket_close(&w);
}

Test(deflate, messages_pass_packed_and_plain, .init = setup_on, .fini = teardown)
{
    for (int tls = 0; tls < 2; tls++) {
        char text[3001];
        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        websocket w = websocket_open(tls != 0, "/ws/jam", NULL, OFFER);
        cr_assert_eq(w.status, 101);
        cr_expect_not_null(strstr(w.head, AGREED), "%s", w.head);
        cr_assert(websocket_frame(&w, 0xc1, HELLO, sizeof(HELLO) - 1));
        expect_message(&w, "Hello", false); /* too short to pay */
        cr_assert(websocket_text(&w, text));
        expect_message(&w, text, true);
        cr_assert(websocket_frame(&w, 0x41, HELLO, 3));
        cr_assert(websocket_frame(&w, 0x80, &HELLO[3], sizeof(HELLO) - 4));
        expect_message(&w, "Hello", false);
        websocket_ends(&w, 1000);
        websocket_close(&w);
    }
}

Test(deflate, audio_is_not_packed, .init = setup_on, .fini = teardown)
{
    static const char *const orders[] = {"!base64 100 3000 100", "!pair 3000"};
    websocket w = websocket_open(false, "/ws/jam", NULL, OFFER);
    for (size_t i = 0; i < RF_ARRAY_LEN(orders); i++) {
        cr_assert(websocket_text(&w, orders[i]));
        message m = websocket_get(&w);
        cr_expect_geq(m.len, 3000u);
        cr_expect_not(m.packed, "%s", orders[i]);
        message_done(&m);
    }
    websocket_says(&w, "meta");
    websocket_ends(&w, 1000);
    websocket_close(&w);
}

Test(deflate, who_does_not_offer_it_gets_plain_text, .init = setup_on, .fini = teardown)
{
    static const struct {
        const char *headers;
        int status;
    } cases[] = {
        {NULL, 101},
        {"Sec-WebSocket-Extensions: other\r\n", 101},
        {"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=8\r\n", 101},
        {OFFER OFFER, 101},
        {"Sec-WebSocket-Extensions: permessage-deflate;\r\n", 400},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        websocket w = websocket_open(false, "/ws/jam", NULL, cases[i].headers);
        cr_expect_eq(w.status, cases[i].status, "%zu: %d", i, w.status);
        cr_expect(!w.deflate, "%zu: %s", i, w.head);
        websocket_close(&w);
    }
}

Test(deflate, what_breaks_its_rules_closes, .init = setup_on, .fini = teardown)
{
    static const struct {
        unsigned b0;
        const char *data;
        size_t len;
        unsigned code;
    } cases[] = {{0xc9, "", 0, 1002}, {0xe1, HELLO, 7, 1002}, {0xc1, "\xff\xff\xff", 3, 1007}};
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        websocket w = websocket_open(false, "/ws/jam", NULL, OFFER);
        cr_assert(websocket_frame(&w, cases[i].b0, cases[i].data, cases[i].len));
        websocket_closed(&w, cases[i].code, "broken");
        websocket_close(&w);
    }
}
