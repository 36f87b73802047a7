#include "gateway_deflate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#define WINDOW_BITS_LEAST 9 /* zlib's deflate has no smaller window */
#define WINDOW_BITS_MOST 15
#define PIECE_BYTES 16384

/* What ends every packed message and is not sent (RFC 7692 section 7.2.1). */
static const uint8_t tail[4] = {0x00, 0x00, 0xff, 0xff};

/* ---- the list of offers: RFC 6455 section 9.1, RFC 7230 section 3.2.6 ---- */

typedef struct scan {
    const char *at;
    const char *end;
} scan;

typedef struct word {
    const char *at;
    size_t len;
} word;

static void skip_space(scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t')) {
        s->at++;
    }
}

static bool take_char(scan *s, char c)
{
    skip_space(s);
    if (s->at == s->end || *s->at != c) {
        return false;
    }
    s->at++;
    return true;
}

static bool token_char(char c)
{
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    bool digit = c >= '0' && c <= '9';
    return letter || digit || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static int take_token(scan *s, word *ret)
{
    skip_space(s);
    const char *begin = s->at;
    while (s->at < s->end && token_char(*s->at)) {
        s->at++;
    }
    *ret = (word){begin, (size_t)(s->at - begin)};
    return ret->len > 0 ? 0 : -EBADMSG;
}

/* A token, bare or between quotes, where it must be one too. */
static int take_value(scan *s, word *ret)
{
    bool quoted = take_char(s, '"');
    const char *begin = s->at;
    int err = take_token(s, ret);
    if (err == 0 && quoted) {
        err = ret->at == begin && s->at < s->end && *s->at == '"' ? 0 : -EBADMSG;
        s->at += err == 0 ? 1 : 0;
    }
    return err;
}

static bool word_is(word w, const char *text)
{
    return w.len == strlen(text) && strncasecmp(w.at, text, w.len) == 0;
}

/* ---- one offer: RFC 7692 section 7.1 ---- */

typedef struct parameter {
    bool present;
    word value; /* NULL for none */
} parameter;

typedef enum parameter_id {
    SERVER_NO_CONTEXT,
    CLIENT_NO_CONTEXT,
    SERVER_WINDOW,
    CLIENT_WINDOW,
    N_PARAMETERS,
} parameter_id;

typedef struct offer {
    bool ours;    /* of permessage-deflate */
    bool unknown; /* an unknown parameter, or one twice */
    parameter parameters[N_PARAMETERS];
} offer;

static void note_parameter(offer *o, word name, word value)
{
    static const char *const names[N_PARAMETERS] = {
        [SERVER_NO_CONTEXT] = "server_no_context_takeover",
        [CLIENT_NO_CONTEXT] = "client_no_context_takeover",
        [SERVER_WINDOW] = "server_max_window_bits",
        [CLIENT_WINDOW] = "client_max_window_bits",
    };
    for (int i = 0; i < N_PARAMETERS; i++) {
        if (word_is(name, names[i]) && !o->parameters[i].present) {
            o->parameters[i] = (parameter){.present = true, .value = value};
            return;
        }
    }
    o->unknown = true;
}

static int take_offer(scan *s, offer *ret)
{
    word name;
    int err = take_token(s, &name);
    *ret = (offer){.ours = err == 0 && word_is(name, "permessage-deflate")};
    while (err == 0 && take_char(s, ';')) {
        word value = {NULL, 0};
        err = take_token(s, &name);
        if (err == 0 && take_char(s, '=')) {
            err = take_value(s, &value);
        }
        if (err == 0) {
            note_parameter(ret, name, value);
        }
    }
    return err;
}

/* 8 to 15 without a leading zero, or 0 for anything else. */
static int window_of(word w)
{
    if (w.len == 1 && (w.at[0] == '8' || w.at[0] == '9')) {
        return w.at[0] - '0';
    }
    bool two = w.len == 2 && w.at[0] == '1' && w.at[1] >= '0' && w.at[1] <= '5';
    return two ? 10 + w.at[1] - '0' : 0;
}

static bool acceptable(const offer *o, gateway_deflate *ret)
{
    const parameter *p = o->parameters;
    bool flags = p[SERVER_NO_CONTEXT].value.at == NULL && p[CLIENT_NO_CONTEXT].value.at == NULL;
    bool client = p[CLIENT_WINDOW].value.at == NULL || window_of(p[CLIENT_WINDOW].value) > 0;
    int bits = p[SERVER_WINDOW].present ? window_of(p[SERVER_WINDOW].value) : WINDOW_BITS_MOST;
    if (!o->ours || o->unknown || !flags || !client || bits < WINDOW_BITS_LEAST) {
        return false;
    }
    *ret = (gateway_deflate){
        .agreed = true, .window_bits = bits, .window_asked = p[SERVER_WINDOW].present};
    return true;
}

int gateway_deflate_agree(const char *offers, size_t len, gateway_deflate *ret)
{
    scan s = {offers, offers + len};
    gateway_deflate agreed = {.agreed = false};
    offer o;
    do {
        int err = take_offer(&s, &o);
        if (err < 0) {
            return err;
        }
        if (!agreed.agreed) {
            acceptable(&o, &agreed);
        }
    } while (take_char(&s, ','));
    if (s.at < s.end) {
        return -EBADMSG;
    }
    *ret = agreed;
    return 0;
}

void gateway_deflate_answer(const gateway_deflate *d, char out[GATEWAY_DEFLATE_ANSWER_MAX])
{
    char window[32] = "";
    if (d->window_asked) {
        snprintf(window, sizeof(window), "; server_max_window_bits=%d", d->window_bits);
    }
    snprintf(out, GATEWAY_DEFLATE_ANSWER_MAX,
             "permessage-deflate; server_no_context_takeover; client_no_context_takeover%s",
             window);
}

/* ---- messages ---- */

/* The smallest window that holds the message: zlib takes 8 << bits bytes for it. */
static int window_for(size_t len, int most)
{
    int bits = WINDOW_BITS_LEAST;
    while (bits < most && ((size_t)1 << bits) < len) {
        bits++;
    }
    return bits;
}

int gateway_deflate_pack(const gateway_deflate *d, const void *data, size_t len, rf_buf *out)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)len};
    size_t room = len - len / 8;
    int bits = window_for(len, d->window_bits);
    uint8_t *to = rf_buf_reserve(out, room);
    if (to == NULL ||
        deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, -bits, bits - 7, Z_DEFAULT_STRATEGY) != Z_OK) {
        return -E2BIG; /* it goes as it is */
    }
    z.next_out = to;
    z.avail_out = (uInt)room;
    int result = deflate(&z, Z_SYNC_FLUSH);
    size_t n = room - z.avail_out;
    bool fits = result == Z_OK && z.avail_in == 0 && z.avail_out > 0;
    deflateEnd(&z);
    if (!fits || n < sizeof(tail) || memcmp(to + n - sizeof(tail), tail, sizeof(tail)) != 0) {
        return -E2BIG;
    }
    rf_buf_added(out, n - sizeof(tail));
    return 0;
}

/* Unpacks what z has for input. */
static int unpack_some(z_stream *z, rf_buf *out)
{
    uint8_t piece[PIECE_BYTES];
    int result = Z_OK;
    do {
        z->next_out = piece;
        z->avail_out = sizeof(piece);
        result = inflate(z, Z_SYNC_FLUSH);
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
            return -EBADMSG;
        }
        if (rf_buf_append(out, piece, sizeof(piece) - z->avail_out) < 0) {
            return -EMSGSIZE;
        }
        if (result == Z_STREAM_END) { /* a last block, behind which others may come: 7.2.3.4 */
            inflateReset(z);
        }
    } while (z->avail_in > 0 || z->avail_out == 0);
    return 0;
}

int gateway_deflate_unpack(const void *data, size_t len, rf_buf *out)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)len};
    if (inflateInit2(&z, -WINDOW_BITS_MOST) != Z_OK) {
        return -EMSGSIZE;
    }
    int err = len > 0 ? unpack_some(&z, out) : 0;
    if (err == 0) {
        z.next_in = (Bytef *)(uintptr_t)tail;
        z.avail_in = sizeof(tail);
        err = unpack_some(&z, out);
    }
    /* zlib: bit 7 right after a block or a header, the lower ones count bits left of a byte */
    bool between_blocks = (z.data_type & 0x80) != 0 && (z.data_type & 7) == 0;
    inflateEnd(&z);
    return err == 0 && !between_blocks ? -EBADMSG : err;
}
