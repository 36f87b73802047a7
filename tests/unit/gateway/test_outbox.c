#include "gateway_outbox.h"

#include <criterion/criterion.h>
#include <string.h>

typedef struct released {
    size_t n_sent;
    size_t n_cut;
    char order[64]; /* first bytes of the sent ones */
} released;

static void on_release(void *user, gateway_frame *f, bool sent)
{
    released *r = user;
    if (sent) {
        r->order[r->n_sent++] = (char)f->data[0];
    } else {
        r->n_cut++;
    }
    gateway_frame_free(f);
}

static gateway_frame *frame(const char *text)
{
    const gateway_piece none = {NULL, 0};
    return gateway_frame_new(GATEWAY_OP_TEXT, false, (gateway_piece){text, strlen(text)}, none,
                             none);
}

static gateway_frame *long_frame(char c, size_t len)
{
    char *text = malloc(len);
    const gateway_piece none = {NULL, 0};
    memset(text, c, len);
    gateway_frame *f =
        gateway_frame_new(GATEWAY_OP_BINARY, false, (gateway_piece){text, len}, none, none);
    free(text);
    return f;
}

Test(outbox, keeps_order_and_says_when_each_has_gone)
{
    released r = {.n_sent = 0};
    gateway_outbox o = {.release = on_release, .user = &r};
    uint8_t out[64];
    gateway_outbox_push(&o, frame("a"));
    gateway_outbox_push(&o, frame("bb"));
    gateway_outbox_push(&o, frame("c"));
    cr_expect_eq(o.n_bytes, 4u);
    size_t n = gateway_outbox_write(&o, out, sizeof(out), 100);
    cr_expect_eq(n, 10u);
    cr_expect_eq(memcmp(out,
                        "\x81\x01"
                        "a\x81\x02"
                        "bb\x81\x01"
                        "c",
                        n),
                 0);
    cr_expect_not(gateway_outbox_has_work(&o));
    gateway_outbox_sent(&o, 102);
    cr_expect_eq(r.n_sent, 0u);
    gateway_outbox_sent(&o, 103);
    cr_expect_eq(r.n_sent, 1u);
    gateway_outbox_sent(&o, 109);
    cr_expect_eq(r.n_sent, 2u);
    gateway_outbox_sent(&o, 110);
    cr_expect_str_eq(r.order, "abc");
    cr_expect_eq(o.n_bytes, 0u);
    cr_expect_null(o.last);
}

Test(outbox, control_frames_go_between_messages_alone)
{
    released r = {.n_sent = 0};
    gateway_outbox o = {.release = on_release, .user = &r};
    uint8_t out[512];
    gateway_outbox_push(&o, long_frame('x', 300));
    size_t n = gateway_outbox_write(&o, out, 200, 0);
    gateway_outbox_pong(&o, (const uint8_t *)"p", 1);
    o.ping_wanted = true;
    gateway_outbox_push(&o, frame("y"));
    n += gateway_outbox_write(&o, out + n, sizeof(out) - n, n);
    cr_expect_eq(n, 304u + 3 + 2 + 3);
    cr_expect_eq(memcmp(out + 304, "\x8a\x01p\x89\x00\x81\x01y", 8), 0);
    cr_expect_eq(o.n_pings, 1u);
    gateway_outbox_clear(&o);
    cr_expect_eq(r.n_cut, 2u);
}

Test(outbox, the_latest_ping_alone_is_answered)
{
    released r = {.n_sent = 0};
    gateway_outbox o = {.release = on_release, .user = &r};
    uint8_t out[512];
    gateway_outbox_pong(&o, (const uint8_t *)"one", 3);
    gateway_outbox_pong(&o, (const uint8_t *)"two", 3);
    cr_expect_eq(gateway_outbox_write(&o, out, sizeof(out), 0), 5u);
    cr_expect_eq(memcmp(out, "\x8a\x03two", 5), 0);
}

Test(outbox, control_waits_for_room)
{
    released r = {.n_sent = 0};
    gateway_outbox o = {.release = on_release, .user = &r};
    uint8_t out[512];
    gateway_outbox_pong(&o, (const uint8_t *)"p", 1);
    cr_expect_eq(gateway_outbox_write(&o, out, 20, 0), 0u);
    cr_expect(gateway_outbox_has_work(&o));
}

Test(outbox, a_cut_leaves_what_has_begun)
{
    released r = {.n_sent = 0};
    gateway_outbox o = {.release = on_release, .user = &r};
    uint8_t out[512];
    gateway_outbox_push(&o, frame("a"));
    gateway_outbox_push(&o, long_frame('b', 100));
    gateway_outbox_push(&o, frame("c"));
    gateway_outbox_push(&o, frame("d"));
    size_t n = gateway_outbox_write(&o, out, 50, 0);
    gateway_outbox_cut(&o);
    cr_expect_eq(r.n_cut, 2u);
    cr_expect_eq(o.n_bytes, 101u);
    gateway_outbox_push(&o, gateway_frame_new_close(1000, ""));
    gateway_outbox_push(&o, frame("never"));
    n += gateway_outbox_write(&o, out + n, sizeof(out) - n, n);
    cr_expect_eq(n, 3u + 102 + 4);
    cr_expect(o.close_made);
    cr_expect_not(gateway_outbox_has_work(&o));
    gateway_outbox_sent(&o, n);
    cr_expect_eq(r.n_sent, 3u);
    gateway_outbox_clear(&o);
}

Test(outbox, a_cut_with_nothing_begun_empties_it)
{
    released r = {.n_sent = 0};
    gateway_outbox o = {.release = on_release, .user = &r};
    gateway_outbox_push(&o, frame("a"));
    gateway_outbox_push(&o, frame("b"));
    gateway_outbox_cut(&o);
    cr_expect_eq(r.n_cut, 2u);
    cr_expect_null(o.first);
    cr_expect_null(o.last);
    cr_expect_null(o.making);
    gateway_outbox_push(&o, frame("c"));
    cr_expect_eq(o.making, o.first);
    gateway_outbox_clear(&o);
}
