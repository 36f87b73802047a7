/* What goes out of a connection: the loop's scratch while it is served, a queue of its own for what
 * the socket did not take. */
#include "gateway_conn.h"

#include "gateway_tls.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static ssize_t transport_write(gateway_conn *c, const void *data, size_t len)
{
    if (c->ssl != NULL) {
        return gateway_tls_write(c->ssl, data, len);
    }
    ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL);
    return n < 0 ? -errno : n;
}

void gateway_conn_append(gateway_conn *c, const void *data, size_t len)
{
    gateway_loop *l = c->loop;
    if (c->out.len == 0 && len <= sizeof(l->tx) - l->tx_len) {
        memcpy(l->tx + l->tx_len, data, len);
        l->tx_len += len;
        return;
    }
    if (c->out.len == 0) {
        rf_buf_append(&c->out, l->tx, l->tx_len);
        l->tx_len = 0;
    }
    if (rf_buf_append(&c->out, data, len) < 0) {
        gateway_conn_close(c);
    }
}

uint8_t *gateway_conn_reserve(gateway_conn *c, size_t *ret_room)
{
    gateway_loop *l = c->loop;
    *ret_room = sizeof(l->tx) - l->tx_len;
    return c->out.len == 0 && *ret_room > 0 ? (uint8_t *)l->tx + l->tx_len : NULL;
}

void gateway_conn_added(gateway_conn *c, size_t len)
{
    c->loop->tx_len += len;
}

uint64_t gateway_conn_offset(const gateway_conn *c)
{
    return c->n_sent + c->loop->tx_len + c->out.len;
}

/* Sends len bytes of data; returns how many went, fewer when the socket is full. TLS takes one
 * record at a time. */
static size_t send_some(gateway_conn *c, const void *data, size_t len)
{
    ssize_t n = transport_write(c, data, len);
    if (n < 0 && n != -EAGAIN && n != -EINTR) {
        gateway_conn_close(c);
        return 0;
    }
    c->n_sent += n > 0 ? (uint64_t)n : 0;
    return n > 0 ? (size_t)n : 0;
}

static size_t send_all(gateway_conn *c, const char *data, size_t len)
{
    size_t sent = 0;
    size_t n = 0;
    do {
        n = send_some(c, data + sent, len - sent);
        sent += n;
    } while (n > 0 && sent < len);
    return sent;
}

/* The phase in which a client must take some of what is for it. */
static gateway_phase out_phase(const gateway_conn *c)
{
    return c->state == GATEWAY_CONN_UPGRADED ? GATEWAY_PHASE_STALL : GATEWAY_PHASE_SEND;
}

static void flush_out(gateway_conn *c)
{
    size_t sent = send_all(c, (const char *)c->out.data, c->out.len);
    if (sent > 0 && c->state != GATEWAY_CONN_CLOSED) {
        rf_buf_consume(&c->out, sent);
        gateway_conn_progress(c);
    }
    if (c->out.len == 0) {
        rf_buf_done(&c->out);
        rf_buf_init(&c->out, GATEWAY_OUT_MAX_BYTES);
    }
}

void gateway_conn_flush(gateway_conn *c)
{
    gateway_loop *l = c->loop;
    const char *data = c->held_len > 0 ? c->held : l->tx;
    size_t len = c->held_len > 0 ? c->held_len : l->tx_len;
    c->held_len = 0;
    l->tx_len = 0;
    if (c->state == GATEWAY_CONN_CLOSED) {
        return;
    }
    if (len > 0) {
        size_t n = send_all(c, data, len);
        if (n > 0) {
            gateway_conn_progress(c);
        }
        if (c->state != GATEWAY_CONN_CLOSED && n < len &&
            rf_buf_append(&c->out, data + n, len - n) < 0) {
            gateway_conn_close(c);
        }
    } else if (c->out.len > 0) {
        flush_out(c);
    }
    if (c->out.len > 0 && c->phase != out_phase(c)) {
        gateway_loop_enter(l, c, out_phase(c));
    }
}

void gateway_conn_progress(gateway_conn *c)
{
    if (c->phase == GATEWAY_PHASE_SEND || c->phase == GATEWAY_PHASE_STALL) {
        gateway_loop_enter(c->loop, c, c->phase);
    }
}

void gateway_conn_await_out(gateway_conn *c)
{
    bool streams = c->state == GATEWAY_CONN_SEND || c->state == GATEWAY_CONN_UPGRADED;
    c->want_out = true;
    if (streams && c->phase != out_phase(c)) {
        gateway_loop_enter(c->loop, c, out_phase(c));
    }
}

ssize_t gateway_conn_write(gateway_conn *c, const void *data, size_t len)
{
    ssize_t n = transport_write(c, data, len);
    if (n == -EAGAIN || n == -EINTR) {
        gateway_conn_await_out(c);
        return 0;
    }
    if (n > 0) {
        gateway_conn_progress(c);
    }
    return n;
}
