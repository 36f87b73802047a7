#include "websocket.h"

#include "fixture.h"
#include "rf_base.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#define ACCEPT "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
#define END_MS 10000
#define UNPACKED_MAX (1u << 20)

websocket websocket_open(bool tls, const char *path, const char *key, const char *headers)
{
    websocket w = {.c = client_open(tls)};
    const char *use = key != NULL ? key : fix.key;
    char *text = rf_asprintf("GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                             "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s%s%s%s\r\n",
                             path, use[0] != '\0' ? "Authorization: " : "", use,
                             use[0] != '\0' ? "\r\n" : "", headers != NULL ? headers : "");
    cr_assert(client_text(&w.c, text));
    answer a = client_read_head(&w.c);
    free(text);
    w.status = a.status;
    rf_copy_str(w.head, sizeof(w.head), a.head);
    if (w.status == 101) {
        cr_expect_not_null(strstr(w.head, ACCEPT), "%s", w.head);
        cr_expect_not_null(strcasestr(w.head, "Upgrade: websocket\r\n"));
        cr_expect_not_null(strcasestr(w.head, "Connection: Upgrade\r\n"));
        cr_expect_null(strcasestr(w.head, "Sec-WebSocket-Protocol"));
        w.deflate = strcasestr(w.head, "Sec-WebSocket-Extensions:") != NULL;
        bool offered = headers != NULL && strstr(headers, "permessage-deflate") != NULL;
        cr_expect(offered || !w.deflate, "%s", w.head);
    }
    return w;
}

void websocket_close(websocket *w)
{
    client_close(&w->c);
}

bool websocket_frame(websocket *w, unsigned b0, const void *data, size_t len)
{
    rf_buf bytes;
    const frame_step step = {b0, {data, len, 0}, FRAME_MASKED, 0};
    rf_buf_init(&bytes, SIZE_MAX / 2);
    frames_put(&bytes, &step);
    bool sent = client_send(&w->c, bytes.data, bytes.len);
    rf_buf_done(&bytes);
    return sent;
}

bool websocket_text(websocket *w, const char *text)
{
    return websocket_frame(w, 0x81, text, strlen(text));
}

static bool read_all(websocket *w, void *data, size_t len)
{
    for (size_t n = 0; n < len;) {
        ssize_t got = client_read(&w->c, (char *)data + n, len - n);
        if (got <= 0) {
            return false;
        }
        n += (size_t)got;
    }
    return true;
}

/* Length of the payload; the form must be the shortest. */
static size_t read_length(websocket *w, unsigned b1)
{
    uint8_t bytes[8];
    size_t n = b1 == 126 ? 2 : b1 == 127 ? 8 : 0;
    uint64_t len = n == 0 ? b1 : 0;
    cr_assert(read_all(w, bytes, n), "cut in a header");
    for (size_t i = 0; i < n; i++) {
        len = len << 8 | bytes[i];
    }
    cr_assert(n == 0 || (n == 2 ? len > 125 : len > 65535), "not the shortest length");
    return (size_t)len;
}

static void unpack(message *m)
{
    z_stream z = {.avail_in = (uInt)m->len + 4};
    uint8_t *packed = malloc(m->len + 4);
    memcpy(packed, m->data, m->len);
    memcpy(packed + m->len, "\0\0\xff\xff", 4);
    free(m->data);
    m->data = malloc(UNPACKED_MAX + 1);
    z.next_in = packed;
    z.next_out = (uint8_t *)m->data;
    z.avail_out = UNPACKED_MAX;
    cr_assert_eq(inflateInit2(&z, -15), Z_OK);
    cr_assert_eq(inflate(&z, Z_SYNC_FLUSH), Z_OK);
    cr_assert(z.avail_in == 0 && z.avail_out > 0);
    m->len = z.total_out;
    inflateEnd(&z);
    free(packed);
}

message websocket_get(websocket *w)
{
    uint8_t head[2];
    message m = {.opcode = 0};
    if (!read_all(w, head, 2)) {
        return m;
    }
    m.packed = (head[0] & 0x40) != 0;
    cr_assert(!m.packed || w->deflate, "packed, which was not agreed");
    cr_assert_eq(head[0] & 0xb0, 0x80, "first byte %x", head[0]);
    cr_assert_eq(head[1] & 0x80, 0, "masked");
    m.opcode = head[0] & 0x0fu;
    m.len = read_length(w, head[1] & 0x7fu);
    m.data = malloc(m.len + 1);
    cr_assert(read_all(w, m.data, m.len), "cut in a payload of %zu", m.len);
    if (m.packed) {
        unpack(&m);
    }
    m.data[m.len] = '\0';
    if (m.opcode == 8) {
        m.code = m.len >= 2 ? (unsigned)(uint8_t)m.data[0] << 8 | (uint8_t)m.data[1] : 1005;
    }
    cr_expect(m.opcode != 1 || rf_utf8_valid(m.data, m.len));
    return m;
}

void message_done(message *m)
{
    free(m->data);
    memset(m, 0, sizeof(*m));
}

void websocket_says(websocket *w, const char *text)
{
    message m = websocket_get(w);
    cr_assert_eq(m.opcode, 1u, "opcode %u, close %u, awaited \"%s\"", m.opcode, m.code, text);
    cr_expect_str_eq(m.data, text);
    message_done(&m);
}

void websocket_ends(websocket *w, unsigned code)
{
    const uint8_t close[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    cr_assert(websocket_frame(w, 0x88, close, 2));
    message m = websocket_get(w);
    cr_expect_eq(m.opcode, 8u, "opcode %u", m.opcode);
    cr_expect_eq(m.code, code);
    message_done(&m);
    cr_expect(client_ended(&w->c, END_MS), "stays open");
}

void websocket_closed(websocket *w, unsigned code, const char *what)
{
    message m = websocket_get(w);
    while (m.opcode != 0 && m.opcode != 8) {
        message_done(&m);
        m = websocket_get(w);
    }
    cr_expect_eq(m.opcode, 8u, "%s: ended without a close", what);
    cr_expect_eq(m.code, code, "%s: closed with %u", what, m.code);
    if (m.opcode == 8) {
        websocket_frame(w, 0x88, m.data, m.len);
        cr_expect(client_ended(&w->c, END_MS), "%s: stays open", what);
    }
    message_done(&m);
}
