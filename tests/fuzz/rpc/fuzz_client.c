/* Whatever bytes a server sends: a client connection that reads them, with a call of each kind in
 * progress. There is no socket; the library is fed by hand. The first byte says how the input is
 * cut, the second how many calls there are. */
#include "rf_rpc_internal.h"

#include "echo_fuzz.h"
#include "feed.h"

static void ignore(rf_rpc_conn *conn)
{
    (void)conn;
}

static const rf_rpc_side side = {
    .goaway = ignore, .ready = ignore, .closed = ignore, .destroyed = ignore};

static void on_message(rf_rpc_call *call, const rf_rpc_msg *msg, void *user)
{
    (void)user;
    bool sends = (rf_rpc_call_method(call)->kind & RF_RPC_CLIENT_STREAM) != 0;
    if (sends && msg->len % 7 == 3) {
        (void)rf_rpc_send_raw(call, msg->data, msg->len, NULL);
    } else if (msg->len % 7 == 5) {
        rf_rpc_cancel(call);
    }
}

static rf_rpc_call *start(rf_rpc_conn *conn, size_t kind)
{
    static const rf_rpc_events events = {.message = on_message};
    rf_rpc_hub_lock(conn->hub);
    rf_rpc_call *call = rf_rpc_call_new_locked(conn->hub);
    call->method = echo_fuzz_method(kind);
    call->events = events;
    rf_rpc_start_locked(conn, call, rf_time_ns());
    rf_rpc_hub_unlock(conn->hub);
    return call;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const rf_rpc_limits limits = {
        .max_message = 1 << 18, .max_queue = 1 << 18, .max_calls = 64, .keepalive_ns = RF_NS_PER_S};
    if (size < 2) {
        return 0;
    }
    rf_rpc_call *calls[8];
    size_t piece = (size_t)data[0] + 1;
    size_t n_calls = data[1] % 9;
    rf_rpc_hub *hub = rf_rpc_hub_new(&limits);
    rf_rpc_conn *conn = rf_rpc_conn_new(hub, &side, NULL, NULL, false);
    for (size_t i = 0; i < n_calls; i++) {
        calls[i] = start(conn, i);
    }
    bool alive = feed_conn(conn, (const uint8_t *)RF_RPC_MAGIC, RF_RPC_MAGIC_LEN);
    for (size_t at = 2; alive && at < size; at += piece) {
        alive = feed_conn(conn, data + at, RF_MIN(piece, size - at));
    }
    rf_rpc_hub_lock(hub);
    rf_rpc_enter_library_locked(hub);
    rf_rpc_conn_close_locked(conn, "end of input");
    rf_rpc_leave_library_locked(hub);
    rf_rpc_hub_unlock(hub);
    for (size_t i = 0; i < n_calls; i++) {
        (void)rf_rpc_call_free(calls[i]);
    }
    rf_rpc_conn_unref(conn);
    rf_rpc_hub_unref(hub);
    return 0;
}
