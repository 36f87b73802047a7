/* Which connection a client's call goes to, and when it may try again. */
#include "rf_rpc_internal.h"

#include "rf_id.h"

#define RETRY_FIRST_NS (10 * RF_NS_PER_MS) /* pause before the second try, doubled each time */

/* The ready connection with the fewest calls; equals take turns. */
static rf_rpc_conn *least_loaded(rf_rpc_channel *channel)
{
    rf_rpc_conn *best = NULL;
    size_t n = 0;
    size_t best_place = 0;
    for (const rf_rpc_target *t = channel->targets; t != NULL; t = t->next) {
        for (const rf_rpc_endpoint *ep = t->endpoints; ep != NULL; ep = ep->next, n++) {
            rf_rpc_conn *conn = ep->ready && !ep->removed ? ep->conn : NULL;
            if (conn == NULL || conn->peer_going || conn->dead || conn->last_id == UINT32_MAX) {
                continue;
            }
            bool better = best == NULL || conn->n_calls < best->n_calls;
            bool turn = best != NULL && conn->n_calls == best->n_calls && n >= channel->turn &&
                        best_place < channel->turn;
            if (better || turn) {
                best = conn;
                best_place = n;
            }
        }
    }
    channel->turn = n > 0 && best != NULL ? (best_place + 1) % n : 0;
    return best;
}

static void wait_in_line(rf_rpc_call *call, int64_t now_ns)
{
    rf_rpc_link *head = &call->channel->waiting.head;
    if (call->ring.next != NULL) {
        return;
    }
    call->ring.next = head;
    call->ring.prev = head->prev;
    head->prev->next = &call->ring;
    head->prev = &call->ring;
    if (call->wait_until_ns == 0) {
        call->wait_until_ns = now_ns + call->channel->wait_ready_ns;
    }
    rf_rpc_hub_watch_locked(call->hub, call->wait_until_ns);
}

static void leave_line(rf_rpc_call *call)
{
    if (call->ring.next != NULL && call->conn == NULL) {
        call->ring.prev->next = call->ring.next;
        call->ring.next->prev = call->ring.prev;
        call->ring.next = NULL;
    }
}

void rf_rpc_place_locked(rf_rpc_call *call, int64_t now_ns)
{
    rf_rpc_conn *conn = call->over ? NULL : least_loaded(call->channel);
    if (conn == NULL) {
        if (!call->over) {
            wait_in_line(call, now_ns);
        }
        return;
    }
    leave_line(call);
    call->wait_until_ns = 0;
    call->attempts++;
    rf_rpc_start_locked(conn, call, now_ns);
    rf_rpc_flush_locked(conn);
}

void rf_rpc_place_waiting_locked(rf_rpc_channel *channel)
{
    rf_rpc_link *head = &channel->waiting.head;
    int64_t now_ns = rf_time_ns();
    while (head->next != head && least_loaded(channel) != NULL) {
        rf_rpc_call *call = (rf_rpc_call *)((char *)head->next - offsetof(rf_rpc_call, ring));
        rf_rpc_place_locked(call, now_ns);
    }
}

static int64_t pause_of(const rf_rpc_call *call)
{
    int64_t ns = RETRY_FIRST_NS << RF_MIN(call->attempts, 6u);
    return ns / 2 + (int64_t)rf_random_u64((uint64_t)ns / 2);
}

/* Puts the call back to where it was before it was sent. */
static void rewind_call(rf_rpc_call *call)
{
    rf_rpc_drop_output_locked(call);
    if (call->conn != NULL) {
        rf_rpc_conn_remove_locked(call->conn, call);
    }
    call->send_credit = RF_RPC_STREAM_WINDOW;
    call->recv_left = RF_RPC_STREAM_WINDOW;
    call->recv_to_give = 0;
    call->request->sent = 0;
    call->request->refs++;
    rf_rpc_enqueue_locked(call, call->request);
}

bool rf_rpc_retry_locked(rf_rpc_call *call, bool never_handled)
{
    if (call->request == NULL || call->over || call->answered || call->channel->closing ||
        (!never_handled &&
         (!call->method->idempotent || call->attempts >= call->channel->attempts))) {
        return false;
    }
    rewind_call(call);
    if (never_handled) {
        rf_rpc_place_locked(call, rf_time_ns());
        return true;
    }
    call->not_before_ns = rf_time_ns() + pause_of(call);
    rf_rpc_hub_watch_locked(call->hub, call->not_before_ns);
    return true;
}
