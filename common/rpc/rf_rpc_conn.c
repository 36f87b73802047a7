/* One connection from its magic to its end:
 *
 *     open ──magic──> ready ──GOAWAY──> going ──last call──> closed ──callbacks over──> destroyed
 *       └───────────────┴── error, silence, broken protocol ───┘
 */
#include "rf_rpc_internal.h"

#include <errno.h>
#include <string.h>

#define FIRST_TABLE 16
#define BULK_READ 2048 /* bytes of a read after which more are likely to be there */
#define BULK_ROUNDS 32 /* reads in a row before other connections get the thread */

static void conn_tick(void *user);
static void conn_destroy(void *user);

rf_rpc_conn *rf_rpc_conn_new(rf_rpc_hub *hub, const rf_rpc_side *side, void *owner, rf_rpc_net *net,
                             bool is_server)
{
    rf_rpc_conn *conn = RF_NEW(rf_rpc_conn);
    rf_rpc_hub_ref(hub);
    conn->hub = hub;
    conn->side = side;
    conn->owner = owner;
    conn->net = net;
    conn->is_server = is_server;
    conn->refs = 1;
    conn->destroy.fn = conn_destroy;
    conn->destroy.user = conn;
    conn->table_size = FIRST_TABLE;
    conn->table = RF_NEW_ARRAY(rf_rpc_call *, FIRST_TABLE);
    conn->ring.next = conn->ring.prev = &conn->ring;
    conn->send_credit = RF_RPC_CONN_WINDOW;
    conn->recv_left = RF_RPC_CONN_WINDOW;
    conn->timer.fn = conn_tick;
    conn->timer.user = conn;
    conn->in = (uint8_t *)malloc(RF_RPC_IN_SIZE);
    if (conn->in == NULL) {
        abort();
    }
    rf_rpc_write_init(conn);
    (void)rf_buf_append(&conn->out, RF_RPC_MAGIC, RF_RPC_MAGIC_LEN);
    return conn;
}

void rf_rpc_conn_ref(rf_rpc_conn *conn)
{
    (void)__atomic_add_fetch(&conn->refs, 1, __ATOMIC_RELAXED);
}

/* The last reference may go on a thread of nng, which must not wait for itself: what is left is
 * done on the timer thread. */
void rf_rpc_conn_unref(rf_rpc_conn *conn)
{
    if (__atomic_sub_fetch(&conn->refs, 1, __ATOMIC_ACQ_REL) == 0) {
        rf_rpc_task_post(&conn->destroy);
    }
}

static void conn_destroy(void *user)
{
    rf_rpc_conn *conn = (rf_rpc_conn *)user;
    rf_rpc_hub *hub = conn->hub;
    (void)rf_rpc_net_free(conn->net);
    rf_rpc_hub_lock(hub);
    if (conn->direct != NULL) {
        rf_rpc_in_free(conn->direct);
    }
    rf_rpc_write_done(conn);
    if (conn->link.next != NULL) {
        conn->link.prev->next = conn->link.next;
        conn->link.next->prev = conn->link.prev;
    }
    rf_rpc_hub_unlock(hub);
    conn->side->destroyed(conn);
    free(conn->table);
    free(conn->in);
    free(conn->reason);
    free(conn);
    rf_rpc_hub_unref(hub);
}

/* ---- reading ---- */

/* Asks for more, unless the connection was closed meanwhile. */
static bool read_more(rf_rpc_conn *conn)
{
    rf_rpc_hub_lock(conn->hub);
    bool alive = !conn->dead;
    if (alive) {
        rf_rpc_iov iov[RF_RPC_NET_IOV];
        size_t n_iov = rf_rpc_input_iov(conn, iov);
        rf_rpc_net_read(conn->net, iov, n_iov);
    }
    rf_rpc_hub_unlock(conn->hub);
    return alive;
}

/* After a big read, or within a big message: reads what has come since, without a switch of
 * threads. */
static ssize_t read_now(rf_rpc_conn *conn, ssize_t last)
{
    rf_rpc_iov iov[RF_RPC_NET_IOV];
    rf_rpc_hub_lock(conn->hub);
    bool more = last >= BULK_READ || conn->n_assembling > 0;
    size_t n_iov = rf_rpc_input_iov(conn, iov);
    rf_rpc_hub_unlock(conn->hub);
    return more ? rf_rpc_net_read_now(conn->net, iov, n_iov) : -EAGAIN;
}

static void on_read(void *user, ssize_t n)
{
    rf_rpc_conn *conn = (rf_rpc_conn *)user;
    for (int round = 1; n > 0 && rf_rpc_input(conn, (size_t)n); round++) {
        n = round < BULK_ROUNDS ? read_now(conn, n) : -EAGAIN;
        if (n == -EAGAIN && read_more(conn)) {
            return; /* keeps the reader's reference */
        }
    }
    rf_rpc_hub_lock(conn->hub);
    rf_rpc_enter_library_locked(conn->hub);
    rf_rpc_conn_close_locked(conn, "connection lost");
    rf_rpc_leave_library_locked(conn->hub);
    rf_rpc_hub_unlock(conn->hub);
    rf_rpc_conn_unref(conn);
}

void rf_rpc_conn_open(rf_rpc_conn *conn)
{
    static const rf_rpc_net_events events = {on_read, rf_rpc_written};
    rf_rpc_net_start(conn->net, &events, conn);
    rf_rpc_hub_lock(conn->hub);
    conn->link.next = &conn->hub->conns;
    conn->link.prev = conn->hub->conns.prev;
    conn->hub->conns.prev->next = &conn->link;
    conn->hub->conns.prev = &conn->link;
    rf_rpc_conn_ref(conn); /* the timer's */
    conn->heard = true;
    (void)rf_rpc_timer_set(&conn->timer, rf_time_ns() + conn->hub->limits.keepalive_ns);
    rf_rpc_conn_ref(conn); /* the reader's */
    rf_rpc_flush_locked(conn);
    rf_rpc_hub_unlock(conn->hub);
    if (!read_more(conn)) {
        rf_rpc_conn_unref(conn);
    }
}

/* ---- keep-alive ---- */

/* Each keepalive_ns: a connection that was silent is pinged; one that stays silent is dead. */
static void conn_tick(void *user)
{
    rf_rpc_conn *conn = (rf_rpc_conn *)user;
    rf_rpc_hub *hub = conn->hub;
    rf_rpc_hub_lock(hub);
    rf_rpc_enter_library_locked(hub);
    if (!conn->dead && !conn->heard && conn->ping_ns != 0) {
        rf_rpc_conn_close_locked(conn, "no answer to a ping");
    }
    if (conn->dead) {
        rf_rpc_leave_library_locked(hub);
        rf_rpc_hub_unlock(hub);
        rf_rpc_conn_unref(conn);
        return;
    }
    const bool was_silent = !conn->heard;
    const int64_t now_ns = rf_time_ns();
    conn->ping_ns = was_silent ? now_ns : 0;
    conn->heard = false;
    (void)rf_rpc_timer_set(&conn->timer, now_ns + hub->limits.keepalive_ns);
    rf_rpc_conn_ref(conn); /* this function's: a close takes the timer's */
    if (was_silent) {      /* last: writing lets go of the hub, and the answer may come meanwhile */
        const uint8_t payload[8] = {0};
        rf_rpc_frame frame = {.len = 8, .type = RF_FRAME_PING};
        rf_rpc_put_frame_locked(conn, &frame, payload);
        rf_rpc_flush_locked(conn);
    }
    rf_rpc_leave_library_locked(hub);
    rf_rpc_hub_unlock(hub);
    rf_rpc_conn_unref(conn);
}

/* ---- calls ---- */

rf_rpc_call *rf_rpc_conn_find_locked(const rf_rpc_conn *conn, uint32_t id)
{
    rf_rpc_call *call = conn->table[id & (conn->table_size - 1)];
    while (call != NULL && call->id != id) {
        call = call->bucket_next;
    }
    return call;
}

static void table_grow(rf_rpc_conn *conn)
{
    size_t size = conn->table_size * 4;
    rf_rpc_call **table = RF_NEW_ARRAY(rf_rpc_call *, size);
    for (size_t i = 0; i < conn->table_size; i++) {
        while (conn->table[i] != NULL) {
            rf_rpc_call *call = conn->table[i];
            conn->table[i] = call->bucket_next;
            call->bucket_next = table[call->id & (size - 1)];
            table[call->id & (size - 1)] = call;
        }
    }
    free(conn->table);
    conn->table = table;
    conn->table_size = size;
}

void rf_rpc_conn_add_locked(rf_rpc_conn *conn, rf_rpc_call *call)
{
    if (conn->n_calls >= conn->table_size) {
        table_grow(conn);
    }
    if (!conn->is_server) {
        call->id = ++conn->last_id;
    }
    rf_rpc_call **bucket = &conn->table[call->id & (conn->table_size - 1)];
    call->bucket_next = *bucket;
    *bucket = call;
    call->conn = conn;
    conn->n_calls++;
}

void rf_rpc_conn_remove_locked(rf_rpc_conn *conn, rf_rpc_call *call)
{
    rf_rpc_call **at = &conn->table[call->id & (conn->table_size - 1)];
    while (*at != call) {
        at = &(*at)->bucket_next;
    }
    *at = call->bucket_next;
    call->bucket_next = NULL;
    call->conn = NULL;
    conn->n_calls--;
    conn->recv_to_give += (int64_t)call->held;
    call->held = 0;
    if (call->assembling != NULL) {
        conn->n_assembling -= call->assembling->size;
        rf_rpc_in_free(call->assembling);
        call->assembling = NULL;
    }
    rf_rpc_give_credit_locked(conn, NULL);
    (void)pthread_cond_broadcast(&conn->hub->changed);
    if (conn->n_calls == 0 && conn->peer_going && !conn->dead) {
        rf_rpc_conn_close_locked(conn, "the server is going away");
    }
}

void rf_rpc_goaway_locked(rf_rpc_conn *conn)
{
    if (conn->going || conn->dead) {
        return;
    }
    uint8_t payload[4];
    rf_rpc_set_u32(payload, conn->last_id);
    rf_rpc_frame frame = {.len = 4, .type = RF_FRAME_GOAWAY};
    conn->going = true;
    rf_rpc_put_frame_locked(conn, &frame, payload);
    rf_rpc_flush_locked(conn);
}

/* A call of a closed connection, whose table gets no new ones; *from is where to look first. */
static rf_rpc_call *any_call(const rf_rpc_conn *conn, size_t *from)
{
    for (; conn->n_calls > 0 && *from < conn->table_size; (*from)++) {
        if (conn->table[*from] != NULL) {
            return conn->table[*from];
        }
    }
    return NULL;
}

void rf_rpc_conn_close_locked(rf_rpc_conn *conn, const char *reason)
{
    if (conn->dead) {
        return;
    }
    conn->dead = true;
    conn->reason = rf_strdup(reason);
    rf_rpc_conn_ref(conn);
    if (conn->net != NULL) {
        rf_rpc_net_close(conn->net);
    }
    if (rf_rpc_timer_set(&conn->timer, RF_NEVER_NS) < 0) {
        rf_rpc_conn_unref(conn);
    }
    conn->side->closed(conn);
    rf_status st;
    (void)rf_status_set(&st, RF_UNAVAILABLE, "%s", reason);
    rf_rpc_call *call;
    size_t from = 0;
    while ((call = any_call(conn, &from)) != NULL) {
        if (call->is_server || !rf_rpc_retry_locked(call, false)) {
            rf_rpc_finish_locked(call, &st);
        }
    }
    rf_rpc_conn_unref(conn);
}

rf_rpc_conn *rf_rpc_conn_of(rf_rpc_link *link)
{
    return (rf_rpc_conn *)((char *)link - offsetof(rf_rpc_conn, link));
}

void rf_rpc_conn_close_all_locked(rf_rpc_hub *hub, const char *reason)
{
    rf_rpc_link *link = hub->conns.next;
    while (link != &hub->conns) {
        rf_rpc_conn *conn = rf_rpc_conn_of(link);
        link = link->next;
        if (!conn->dead) {
            rf_rpc_conn_close_locked(conn, reason);
            link = hub->conns.next; /* the lock was released: begin anew */
        }
    }
}
