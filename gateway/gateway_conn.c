#include "gateway_conn.h"

#include "gateway_answer.h"
#include "gateway_dispatch.h"
#include "gateway_exchange.h"
#include "gateway_round.h"
#include "gateway_tls.h"
#include "rf_time.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUNDS 16

static void on_event(uint32_t events, void *user);

static void set_events(gateway_conn *c, uint32_t events)
{
    if (c->events != events) {
        c->events = events;
        rf_loop_modify(c->watch, events);
    }
}

static void set_state(gateway_conn *c, gateway_conn_state state, gateway_phase phase)
{
    c->state = state;
    gateway_loop_enter(c->loop, c, phase);
}

/* ---- life ---- */

gateway_conn *gateway_conn_new(gateway_loop *l, int fd, SSL *ssl)
{
    gateway_conn *c = RF_NEW(gateway_conn);
    c->loop = l;
    c->fd = fd;
    c->ssl = ssl;
    c->phase = GATEWAY_N_PHASES;
    rf_buf_init(&c->in, GATEWAY_IO_BYTES);
    rf_buf_init(&c->out, GATEWAY_OUT_MAX_BYTES);
    gateway_http_reset(&c->http, &c->req);
    c->events = EPOLLIN;
    c->watch = rf_loop_add(l->loop, fd, c->events, on_event, c);
    if (c->watch == NULL) {
        SSL_free(ssl);
        rf_close(&fd);
        free(c);
        return NULL;
    }
    atomic_fetch_add_explicit(&l->n_conns, 1, memory_order_relaxed);
    set_state(c, ssl != NULL ? GATEWAY_CONN_HANDSHAKE : GATEWAY_CONN_HEAD,
              ssl != NULL ? GATEWAY_PHASE_HEAD : GATEWAY_PHASE_FRESH);
    return c;
}

static void conn_free(gateway_conn *c)
{
    rf_buf_done(&c->in);
    rf_buf_done(&c->out);
    free(c);
}

static void end_conn(gateway_conn *c, bool reset)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (c->state == GATEWAY_CONN_CLOSED) {
        return;
    }
    c->state = GATEWAY_CONN_CLOSED;
    gateway_loop_leave(c->loop, c);
    rf_loop_remove(c->watch);
    if (c->ex != NULL) {
        gateway_exchange_detach(c->ex);
        c->ex = NULL;
    }
    SSL_free(c->ssl);
    if (reset) {
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    } else {
        shutdown(c->fd, SHUT_RDWR); /* a download may still hold a copy of the descriptor */
    }
    rf_close(&c->fd);
    atomic_fetch_sub_explicit(&c->loop->n_conns, 1, memory_order_relaxed);
}

void gateway_conn_close(gateway_conn *c)
{
    end_conn(c, false);
}

void gateway_conn_reset(gateway_conn *c)
{
    end_conn(c, true);
}

/* ---- ends of exchanges ---- */

bool gateway_conn_keeps_alive(const gateway_conn *c)
{
    return c->req.keep_alive && gateway_http_done(&c->http) && !c->closing && !c->loop->draining;
}

/* Everything is sent: ready for the next request, or for the end. */
static void go_on(gateway_conn *c)
{
    if (c->closing && c->state != GATEWAY_CONN_LINGER) {
        if (c->ssl != NULL) {
            gateway_tls_shutdown(c->ssl);
        }
        shutdown(c->fd, SHUT_WR);
        set_state(c, GATEWAY_CONN_LINGER, GATEWAY_PHASE_LINGER);
    } else if (c->state == GATEWAY_CONN_HEAD && c->phase == GATEWAY_PHASE_SEND) {
        gateway_loop_enter(c->loop, c, GATEWAY_PHASE_FRESH);
    }
}

void gateway_conn_answered(gateway_conn *c)
{
    c->closing = !gateway_conn_keeps_alive(c);
    gateway_exchange *ex = c->ex;
    c->ex = NULL;
    c->want_out = false;
    set_state(c, GATEWAY_CONN_HEAD, GATEWAY_PHASE_FRESH);
    if (!c->closing) {
        gateway_http_reset(&c->http, &c->req);
        c->again = true;
        c->more = c->ssl != NULL && SSL_has_pending(c->ssl) != 0;
    }
    if (ex != NULL) {
        gateway_exchange_detach(ex);
    }
}

static void refuse(gateway_conn *c, gateway_error error)
{
    c->closing = true;
    if (c->ex != NULL) {
        gateway_answer_error(c->ex, error, NULL, 0);
    } else {
        gateway_answer_refusal(c, error);
    }
}

/* ---- bytes in ---- */

static bool wants_input(const gateway_conn *c)
{
    if (c->state == GATEWAY_CONN_UPGRADED) {
        return c->ex->ops->room(c->ex) > 0;
    }
    if (c->out.len > 0) {
        return false;
    }
    switch (c->state) {
    case GATEWAY_CONN_HANDSHAKE:
    case GATEWAY_CONN_LINGER:
        return true;
    case GATEWAY_CONN_HEAD:
        return !c->closing;
    case GATEWAY_CONN_BODY:
        return c->ex->ops->room(c->ex) > 0;
    default:
        return false;
    }
}

static ssize_t take_head(gateway_conn *c, const char *data, size_t len)
{
    ssize_t n = gateway_http_head(&c->http, data, len);
    if (n == 0 && c->phase != GATEWAY_PHASE_HEAD) {
        gateway_loop_enter(c->loop, c, GATEWAY_PHASE_HEAD);
    }
    if (n < 0) {
        refuse(c, gateway_error_of_http(gateway_http_error_status(n)));
        return (ssize_t)len;
    }
    if (n > 0) {
        c->ex = gateway_exchange_new(c);
        set_state(c, GATEWAY_CONN_WAIT, GATEWAY_PHASE_NONE);
        gateway_dispatch(c->ex);
        if (c->ex != NULL) {
            gateway_exchange_keep_head(c->ex);
        }
    }
    return n;
}

static int on_content(void *user, const char *data, size_t len)
{
    gateway_conn *c = user;
    return c->ex->ops->data(c->ex, data, len);
}

static ssize_t take_body(gateway_conn *c, const char *data, size_t len)
{
    size_t room = c->ex->ops->room(c->ex);
    if (room == 0) {
        return 0;
    }
    ssize_t n = gateway_http_body(&c->http, data, RF_MIN(len, room), on_content, c);
    if (n < 0) {
        if (n != -ECANCELED) {
            refuse(c, gateway_error_of_http(gateway_http_error_status(n)));
        }
        return (ssize_t)len;
    }
    c->window_bytes += (uint64_t)n;
    if (gateway_http_done(&c->http)) {
        set_state(c, GATEWAY_CONN_WAIT, GATEWAY_PHASE_NONE);
        c->ex->ops->end(c->ex);
    }
    return n;
}

static ssize_t take(gateway_conn *c, const char *data, size_t len)
{
    switch (c->state) {
    case GATEWAY_CONN_UPGRADED:
        return c->ex->ops->take(c->ex, data, len);
    case GATEWAY_CONN_HEAD:
        return c->closing ? (ssize_t)len : take_head(c, data, len);
    case GATEWAY_CONN_BODY:
        return take_body(c, data, len);
    case GATEWAY_CONN_LINGER:
        return (ssize_t)len;
    default:
        return 0;
    }
}

static size_t take_all(gateway_conn *c, const char *data, size_t len)
{
    size_t used = 0;
    while (used < len && c->state != GATEWAY_CONN_CLOSED &&
           (c->out.len == 0 || c->state == GATEWAY_CONN_UPGRADED)) {
        ssize_t n = take(c, data + used, len - used);
        if (n <= 0) {
            break;
        }
        used += (size_t)n;
    }
    return used;
}

static ssize_t transport_read(gateway_conn *c, char *data, size_t len)
{
    if (c->ssl != NULL) {
        return gateway_tls_read(c->ssl, data, len, &c->more);
    }
    ssize_t n = recv(c->fd, data, len, 0);
    return n < 0 ? -errno : n;
}

/* Reads behind the n bytes that stand in the scratch already. Returns how many stand there then. */
static size_t fill(gateway_conn *c, size_t n)
{
    gateway_loop *l = c->loop;
    if (n == sizeof(l->rx)) {
        return n;
    }
    c->more = false;
    ssize_t got = transport_read(c, l->rx + n, sizeof(l->rx) - n);
    if (got == 0 || (got < 0 && got != -EAGAIN && got != -EINTR)) {
        gateway_conn_close(c);
        return 0;
    }
    return got > 0 ? n + (size_t)got : n;
}

/* Takes what is in hand, after reading more when the socket is said to have some. */
static void read_on(gateway_conn *c, bool readable)
{
    gateway_loop *l = c->loop;
    size_t n = c->in.len;
    if (n > 0) {
        memcpy(l->rx, c->in.data, n);
        rf_buf_clear(&c->in);
    }
    if (readable) {
        n = fill(c, n);
    }
    if (c->state == GATEWAY_CONN_CLOSED || n == 0) {
        return;
    }
    size_t used = take_all(c, l->rx, n);
    if (c->state == GATEWAY_CONN_CLOSED) {
        return;
    }
    if (used < n) {
        rf_buf_append(&c->in, l->rx + used, n - used);
    } else if (c->in.cap > 0) {
        rf_buf_done(&c->in);
        rf_buf_init(&c->in, GATEWAY_IO_BYTES);
    }
}

static void handshake(gateway_conn *c)
{
    int err = gateway_tls_accept(c->ssl);
    if (err == 0) {
        set_state(c, GATEWAY_CONN_HEAD, GATEWAY_PHASE_FRESH);
        c->want_out = false;
        c->more = true; /* the first request may have come along */
    } else if (err == -EINPROGRESS) {
        c->want_out = true;
    } else if (err == -EAGAIN) {
        c->want_out = false;
    } else {
        gateway_conn_close(c);
    }
}

/* ---- events ---- */

void gateway_conn_enter(gateway_conn *c)
{
    c->depth++;
}

static void settle(gateway_conn *c)
{
    bool out = c->out.len > 0 || c->want_out;
    uint32_t in = c->events & EPOLLIN;
    if (wants_input(c)) {
        in = EPOLLIN;
    }
    set_events(c, in | (out ? EPOLLOUT : 0));
}

/* The client has taken everything there is: a service that gives no more is not its fault. */
static bool waits_for_service(const gateway_conn *c)
{
    bool streams = c->state == GATEWAY_CONN_SEND || c->state == GATEWAY_CONN_UPGRADED;
    bool must_take = c->phase == GATEWAY_PHASE_SEND || c->phase == GATEWAY_PHASE_STALL;
    return streams && must_take && c->out.len == 0 && !c->want_out;
}

/* Sends what there is; an upgraded connection is told what has gone. */
static void flush_and_tell(gateway_conn *c)
{
    gateway_conn_flush(c);
    if (c->state == GATEWAY_CONN_UPGRADED) {
        c->ex->ops->sent(c->ex);
    }
    if (waits_for_service(c)) {
        gateway_loop_enter(c->loop, c, GATEWAY_PHASE_NONE);
    }
}

static bool blocked(const gateway_conn *c)
{
    return c->state == GATEWAY_CONN_CLOSED || (c->out.len > 0 && c->state != GATEWAY_CONN_UPGRADED);
}

/* Sends, and goes on with bytes that no event will tell of. A client that sends as fast as we read
 * gets ROUNDS turns, then the other connections theirs: a writable socket brings us back. */
static void serve(gateway_conn *c)
{
    flush_and_tell(c);
    for (int round = 0; !blocked(c); round++) {
        go_on(c);
        bool waits = c->more || (c->again && c->in.len > 0);
        c->again = false;
        if (!waits || !wants_input(c)) {
            return;
        }
        if (round == ROUNDS) {
            c->again = true;
            c->want_out = true;
            return;
        }
        read_on(c, c->more);
        flush_and_tell(c);
    }
}

void gateway_conn_leave(gateway_conn *c)
{
    if (c->depth == 1) {
        serve(c);
    }
    c->depth--;
    if (c->depth > 0) {
        return;
    }
    if (c->state == GATEWAY_CONN_CLOSED) {
        conn_free(c);
    } else {
        settle(c);
    }
}

static void on_writable(gateway_conn *c)
{
    c->want_out = false;
    gateway_conn_flush(c);
    bool sends = c->state == GATEWAY_CONN_SEND || c->state == GATEWAY_CONN_UPGRADED;
    if (sends && c->out.len == 0) {
        c->ex->ops->writable(c->ex);
    }
}

static void on_readable(gateway_conn *c)
{
    if (wants_input(c)) {
        read_on(c, true);
    } else {
        set_events(c, c->events & ~(uint32_t)EPOLLIN);
    }
}

static void on_event(uint32_t events, void *user)
{
    gateway_conn *c = user;
    gateway_conn_enter(c);
    if (events & (EPOLLERR | EPOLLHUP)) {
        gateway_conn_close(c);
    } else if (c->state == GATEWAY_CONN_HANDSHAKE) {
        handshake(c);
    } else {
        if (events & EPOLLOUT) {
            on_writable(c);
        }
        if ((events & EPOLLIN) && c->state != GATEWAY_CONN_CLOSED) {
            on_readable(c);
        }
    }
    if (!gateway_round_hold(c)) {
        gateway_conn_leave(c);
    }
}

/* ---- what exchanges ask for ---- */

void gateway_conn_read_body(gateway_conn *c)
{
    static const char go[] = "HTTP/1.1 100 Continue\r\n\r\n";
    c->window_bytes = 0;
    if (c->req.expect_continue && c->in.len == 0) {
        gateway_conn_append(c, go, sizeof(go) - 1);
    }
    set_state(c, GATEWAY_CONN_BODY, GATEWAY_PHASE_BODY);
    c->again = true;
}

void gateway_conn_body_room(gateway_conn *c)
{
    c->again = true;
    c->more = c->ssl != NULL;
}

void gateway_conn_send(gateway_conn *c)
{
    set_state(c, GATEWAY_CONN_SEND, GATEWAY_PHASE_SEND);
    c->want_out = true;
}

void gateway_conn_upgrade(gateway_conn *c)
{
    set_state(c, GATEWAY_CONN_UPGRADED, GATEWAY_PHASE_NONE);
    c->again = true;
    c->more = c->ssl != NULL;
}

/* ---- deadlines ---- */

/* A window is over: refused when the client was slow, not when we had no room. */
static void body_window(gateway_conn *c)
{
    const gateway_config *config = &c->loop->gw->config;
    uint64_t least = (uint64_t)(config->body_min_rate * config->body_window_s);
    bool ours = c->ex->ops->room(c->ex) == 0;
    if (c->window_bytes < least && !ours) {
        refuse(c, GATEWAY_UPLOAD_TOO_SLOW);
        return;
    }
    c->window_bytes = 0;
    gateway_loop_enter(c->loop, c, GATEWAY_PHASE_BODY);
}

/* Nothing for a second: a connection at rest keeps little more than its socket. */
static void rest(gateway_conn *c)
{
    if (c->ssl != NULL) {
        gateway_tls_rest(c->ssl);
    }
    gateway_loop_enter(c->loop, c, GATEWAY_PHASE_IDLE);
}

void gateway_conn_expired(gateway_conn *c)
{
    gateway_conn_enter(c);
    if (c->state == GATEWAY_CONN_BODY) {
        body_window(c);
    } else if (c->phase == GATEWAY_PHASE_FRESH) {
        rest(c);
    } else if (c->phase == GATEWAY_PHASE_HEAD && c->state == GATEWAY_CONN_HEAD) {
        refuse(c, GATEWAY_REQUEST_TIMEOUT);
    } else {
        gateway_conn_close(c);
    }
    gateway_conn_leave(c);
}

void gateway_conn_drain(gateway_conn *c)
{
    gateway_conn_enter(c);
    if (c->state == GATEWAY_CONN_HEAD && c->phase != GATEWAY_PHASE_HEAD) {
        c->closing = true;
        c->again = false;
    }
    gateway_conn_leave(c);
}

void gateway_conn_end_upgraded(gateway_conn *c)
{
    gateway_conn_enter(c);
    if (c->state == GATEWAY_CONN_UPGRADED) {
        c->ex->ops->drain(c->ex);
    }
    gateway_conn_leave(c);
}
