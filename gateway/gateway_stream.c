#include "gateway_stream.h"

#include "gateway_metrics.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CHUNK_LINE_MAX 10 /* eight digits, CR LF */
#define CHUNK_AROUND (CHUNK_LINE_MAX + 2)

static gateway_framing framing_of(const gateway_request *req, const gateway_answer *answer)
{
    if (req->method == GATEWAY_HEAD) {
        return GATEWAY_FRAMING_NONE;
    }
    if (answer->length != GATEWAY_LENGTH_UNKNOWN) {
        return GATEWAY_FRAMING_LENGTH;
    }
    return req->http10 ? GATEWAY_FRAMING_CLOSE : GATEWAY_FRAMING_CHUNKS;
}

void gateway_stream_begin(gateway_stream *s, gateway_exchange *ex, const gateway_answer *answer)
{
    *s = (gateway_stream){
        .ex = ex, .framing = framing_of(&ex->req, answer), .to_come = answer->length};
    gateway_answer_head(ex, answer);
    if (ex->conn != NULL) {
        gateway_conn_send(ex->conn);
    }
}

static size_t put_plain(uint8_t *out, size_t room, const void *data, size_t len)
{
    size_t n = RF_MIN(len, room);
    memcpy(out, data, n);
    gateway_metrics_bytes(false, n);
    return n;
}

/* One chunk of what fits. Returns how many bytes of data are in it. */
static size_t put_chunk(uint8_t *out, size_t room, const void *data, size_t len, size_t *ret_added)
{
    char line[CHUNK_LINE_MAX + 1];
    if (room <= CHUNK_AROUND) {
        return 0;
    }
    size_t n = RF_MIN(len, room - CHUNK_AROUND);
    size_t n_line = (size_t)snprintf(line, sizeof(line), "%x\r\n", (unsigned)n);
    memcpy(out, line, n_line);
    put_plain(out + n_line, n, data, n);
    memcpy(out + n_line + n, "\r\n", 2);
    *ret_added = n_line + n + 2;
    return n;
}

/* Puts bytes where the connection sends from. */
static size_t put(gateway_stream *s, const void *data, size_t len)
{
    gateway_conn *c = s->ex->conn;
    size_t room = 0;
    size_t added = 0;
    size_t n = 0;
    uint8_t *out = gateway_conn_reserve(c, &room);
    if (out != NULL && s->framing == GATEWAY_FRAMING_CHUNKS) {
        n = put_chunk(out, room, data, len, &added);
    } else if (out != NULL) {
        n = added = put_plain(out, room, data, len);
    }
    gateway_conn_added(c, added);
    if (n == 0) {
        gateway_conn_await_out(c);
    }
    return n;
}

ssize_t gateway_stream_write(gateway_stream *s, const void *data, size_t len)
{
    if (len == 0 || s->framing == GATEWAY_FRAMING_NONE) {
        return (ssize_t)len;
    }
    if (s->framing != GATEWAY_FRAMING_LENGTH) {
        return (ssize_t)put(s, data, len);
    }
    if (len > s->to_come) {
        return -EMSGSIZE;
    }
    size_t n = put(s, data, len);
    s->to_come -= n;
    return (ssize_t)n;
}

static void end_chunks(gateway_conn *c, const char *trailer)
{
    gateway_conn_append(c, "0\r\n", 3);
    gateway_conn_append(c, trailer, strlen(trailer));
    gateway_conn_append(c, "\r\n", 2);
}

int gateway_stream_end(gateway_stream *s, const char *trailer)
{
    gateway_conn *c = s->ex->conn;
    if (s->framing == GATEWAY_FRAMING_LENGTH && s->to_come > 0) {
        return -EMSGSIZE;
    }
    if (s->framing == GATEWAY_FRAMING_CHUNKS) {
        end_chunks(c, trailer);
    }
    gateway_conn_answered(c);
    return 0;
}

void gateway_stream_break(gateway_stream *s)
{
    gateway_conn_reset(s->ex->conn);
}
