/* Whatever bytes a peer sends: a server connection that reads them, with every kind of call served.
 * There is no socket; the library is fed by hand. The first byte says how the input is cut. */
#include "rf_rpc_internal.h"

#include "echo_fuzz.h"
#include "feed.h"

static void begin(rf_rpc_conn *conn, rf_rpc_call *call, const rf_rpc_call_head *head)
{
    (void)conn;
    static const rf_rpc_events events = {.done = echo_fuzz_done, .message = echo_fuzz_message};
    call->method = echo_fuzz_method(head->method_len);
    rf_rpc_call_listen(call, &events, NULL);
}

static void ready(rf_rpc_conn *conn)
{
    (void)conn;
}

static void closed(rf_rpc_conn *conn)
{
    (void)conn;
}

static const rf_rpc_side side = {
    .begin = begin, .goaway = ready, .ready = ready, .closed = closed, .destroyed = closed};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const rf_rpc_limits limits = {
        .max_message = 1 << 18, .max_queue = 1 << 18, .max_calls = 64, .keepalive_ns = RF_NS_PER_S};
    if (size == 0) {
        return 0;
    }
    size_t piece = (size_t)data[0] + 1;
    rf_rpc_hub *hub = rf_rpc_hub_new(&limits);
    rf_rpc_conn *conn = rf_rpc_conn_new(hub, &side, NULL, NULL, true);
    bool alive = feed_conn(conn, (const uint8_t *)RF_RPC_MAGIC, RF_RPC_MAGIC_LEN);
    for (size_t at = 1; alive && at < size; at += piece) {
        alive = feed_conn(conn, data + at, RF_MIN(piece, size - at));
    }
    rf_rpc_hub_lock(hub);
    rf_rpc_enter_library_locked(hub);
    rf_rpc_conn_close_locked(conn, "end of input");
    rf_rpc_leave_library_locked(hub);
    rf_rpc_hub_unlock(hub);
    rf_rpc_conn_unref(conn);
    rf_rpc_hub_unref(hub);
    return 0;
}
