/* What comes in, from bytes to frames. Frames are taken from the connection's buffer; the bytes of
 * big messages are read where they belong. Whatever breaks the protocol closes the connection. */
#include "rf_rpc_internal.h"

#include <errno.h>
#include <string.h>

#define FLUSH_EVERY 10 /* frames: their answers go out while the next are handled */
#define BULK_TAIL 4096 /* bytes read beyond a frame of a big message, which are copied */

/* ---- frames ---- */

/* A header has come. What was in hand goes back to its call; frames that follow one another in one
 * message are read ahead. */
static void frame_begins(rf_rpc_conn *conn, const rf_rpc_frame *f)
{
    uint32_t id = f->type == RF_FRAME_DATA ? f->call : 0;
    rf_rpc_data_park(conn);
    conn->in_a_row = id != 0 && id == conn->row_id;
    conn->row_id = id;
}

static ssize_t take_magic(rf_rpc_conn *conn, const uint8_t *at, size_t n)
{
    if (memcmp(at, RF_RPC_MAGIC, RF_MIN(n, (size_t)RF_RPC_MAGIC_LEN)) != 0) {
        return -EPROTO;
    }
    if (n < RF_RPC_MAGIC_LEN) {
        return -EAGAIN;
    }
    conn->got_magic = true;
    conn->side->ready(conn);
    return RF_RPC_MAGIC_LEN;
}

/* Takes bytes of the DATA frame in hand. */
static ssize_t take_direct(rf_rpc_conn *conn, const uint8_t *at, size_t n)
{
    size_t take = RF_MIN(n, (size_t)conn->direct_left);
    if (conn->direct != NULL) {
        memcpy(conn->direct->data + conn->direct->got, at, take);
    }
    int err = rf_rpc_data_got(conn, take);
    return err != 0 ? err : (ssize_t)take;
}

static ssize_t take_frame(rf_rpc_conn *conn, const uint8_t *at, size_t n)
{
    rf_rpc_frame f;
    if (n < RF_RPC_HEADER_LEN) {
        return -EAGAIN;
    }
    if (rf_rpc_frame_parse(at, &f) != 0) {
        return -EPROTO;
    }
    at += RF_RPC_HEADER_LEN;
    n -= RF_RPC_HEADER_LEN;
    if (n < rf_rpc_frame_need(&f)) {
        return -EAGAIN;
    }
    frame_begins(conn, &f);
    if (f.type == RF_FRAME_DATA) {
        ssize_t used = rf_rpc_on_data(conn, &f, at, n);
        return used < 0 ? used : used + RF_RPC_HEADER_LEN;
    }
    int err = rf_rpc_on_control(conn, &f, at);
    return err != 0 ? err : (ssize_t)(RF_RPC_HEADER_LEN + f.len);
}

/* Lets the peer begin with what is answered so far: else the two sides would wait for each other,
 * batch by batch. */
static void flush_between(rf_rpc_conn *conn)
{
    conn->corked = false;
    rf_rpc_flush_locked(conn);
    conn->corked = true;
}

/* Takes one step at the front of the bytes. Returns how many it used, -EAGAIN when it needs more,
 * -EPROTO when the peer broke the protocol. */
static ssize_t step(rf_rpc_conn *conn, const uint8_t *at, size_t n)
{
    if (!conn->got_magic) {
        return take_magic(conn, at, n);
    }
    return conn->direct_left > 0 ? take_direct(conn, at, n) : take_frame(conn, at, n);
}

static int consume_buffer(rf_rpc_conn *conn)
{
    size_t pos = 0;
    ssize_t used = 0;
    for (size_t n = 1; pos < conn->in_len && !conn->dead; n++) {
        used = step(conn, conn->in + pos, conn->in_len - pos);
        if (used < 0) {
            break;
        }
        pos += (size_t)used;
        if (n % FLUSH_EVERY == 0) {
            flush_between(conn);
        }
    }
    conn->in_len -= pos;
    if (pos > 0 && conn->in_len > 0) {
        memmove(conn->in, conn->in + pos, conn->in_len);
    }
    return used == -EPROTO ? -EPROTO : 0;
}

/* ---- reading ahead ----
 *
 * Within a message, the frames that should come next are read by the same call: headers to the
 * side, payloads where they would belong. What turns out to be something else is moved to the
 * buffer and taken from there. */

static size_t ahead_iov(rf_rpc_conn *conn, rf_rpc_iov *iov)
{
    const rf_rpc_in *in = conn->direct;
    uint8_t *data = conn->direct->data + in->got + conn->direct_left;
    size_t left = in->size - in->got - conn->direct_left;
    size_t n = 0;
    for (; n < RF_RPC_AHEAD && left > 0 && conn->in_a_row; n++) {
        rf_rpc_ahead *a = &conn->ahead[n];
        a->data = data;
        a->len = (uint32_t)RF_MIN(left, (size_t)conn->direct_len);
        iov[2 * n] = (rf_rpc_iov){a->header, RF_RPC_HEADER_LEN};
        iov[2 * n + 1] = (rf_rpc_iov){a->data, a->len};
        data += a->len;
        left -= a->len;
    }
    conn->n_ahead = n;
    return 2 * n;
}

static bool is_expected(const rf_rpc_conn *conn, const rf_rpc_ahead *a)
{
    rf_rpc_frame f;
    return rf_rpc_frame_parse(a->header, &f) == 0 && f.type == RF_FRAME_DATA &&
           (f.flags & RF_FLAG_MESSAGE) == 0 && f.call == conn->direct_id && f.len == a->len;
}

/* Moves n bytes that stand from the given piece on to the front of the buffer, in which those that
 * were read behind all pieces stand already. */
static void ahead_move(rf_rpc_conn *conn, size_t from, size_t n)
{
    size_t in_pieces = 0;
    for (size_t i = from; i < conn->n_ahead; i++) {
        in_pieces += RF_RPC_HEADER_LEN + conn->ahead[i].len;
    }
    in_pieces = RF_MIN(in_pieces, n);
    memmove(conn->in + in_pieces, conn->in, n - in_pieces);
    uint8_t *to = conn->in;
    for (size_t i = from; in_pieces > 0; i++) {
        const rf_rpc_ahead *a = &conn->ahead[i];
        size_t header = RF_MIN(in_pieces, (size_t)RF_RPC_HEADER_LEN);
        size_t len = RF_MIN(in_pieces - header, (size_t)a->len);
        to = (uint8_t *)mempcpy(to, a->header, header);
        to = (uint8_t *)mempcpy(to, a->data, len);
        in_pieces -= header + len;
    }
    conn->in_len = n;
}

/* Of n bytes read behind the frame in hand: how many stand in frames that were expected. The others
 * go to the buffer, before anything is done that could free the message. */
static size_t ahead_sort(rf_rpc_conn *conn, size_t n)
{
    size_t good = 0;
    size_t i = 0;
    while (i < conn->n_ahead && n - good >= RF_RPC_HEADER_LEN &&
           is_expected(conn, &conn->ahead[i])) {
        good += RF_MIN(n - good, (size_t)RF_RPC_HEADER_LEN + conn->ahead[i].len);
        i++;
    }
    ahead_move(conn, i, n - good);
    return good;
}

static int ahead_take(rf_rpc_conn *conn, size_t n)
{
    int err = 0;
    for (size_t i = 0; n > 0 && err == 0; i++) {
        const rf_rpc_ahead *a = &conn->ahead[i];
        rf_rpc_frame f;
        (void)rf_rpc_frame_parse(a->header, &f);
        frame_begins(conn, &f);
        n -= RF_RPC_HEADER_LEN;
        size_t len = RF_MIN(n, (size_t)a->len);
        err = (int)rf_rpc_on_data(conn, &f, NULL, 0);
        err = err == 0 && len > 0 ? rf_rpc_data_got(conn, len) : err;
        n -= len;
    }
    return err;
}

/* ---- what the connection calls ---- */

size_t rf_rpc_input_iov(rf_rpc_conn *conn, rf_rpc_iov iov[RF_RPC_NET_IOV])
{
    size_t n = 0;
    size_t room = RF_RPC_IN_SIZE - conn->in_len;
    conn->n_ahead = 0;
    if (conn->n_assembling > 0) {
        room = RF_MIN(room, (size_t)BULK_TAIL);
    }
    if (conn->direct != NULL && conn->in_len == 0) {
        if (conn->direct_left > 0) {
            iov[n++] = (rf_rpc_iov){conn->direct->data + conn->direct->got, conn->direct_left};
        }
        n += ahead_iov(conn, iov + n);
    }
    iov[n++] = (rf_rpc_iov){conn->in + conn->in_len, room};
    return n;
}

/* Sorts n bytes that were read into what rf_rpc_input_iov named. */
static int take_input(rf_rpc_conn *conn, size_t n)
{
    if (conn->direct == NULL || conn->in_len > 0) {
        conn->in_len += n;
        return consume_buffer(conn);
    }
    size_t direct = RF_MIN(n, (size_t)conn->direct_left);
    size_t ahead = ahead_sort(conn, n - direct);
    int err = direct > 0 ? rf_rpc_data_got(conn, direct) : 0;
    err = err == 0 ? ahead_take(conn, ahead) : err;
    return err == 0 ? consume_buffer(conn) : err;
}

bool rf_rpc_input(rf_rpc_conn *conn, size_t n)
{
    rf_rpc_hub_lock(conn->hub);
    rf_rpc_enter_library_locked(conn->hub);
    conn->corked = true;
    conn->heard = true;
    conn->input_ns = rf_time_ns();
    int err = take_input(conn, n);
    conn->corked = false;
    if (err != 0) {
        rf_rpc_conn_close_locked(conn, "the peer broke the protocol");
    }
    rf_rpc_flush_locked(conn);
    bool alive = !conn->dead;
    rf_rpc_leave_library_locked(conn->hub);
    rf_rpc_hub_unlock(conn->hub);
    return alive;
}
