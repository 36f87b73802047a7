/* Callbacks of calls: in order, never two of one call at a time, and never inside another callback
 * or on a thread that only called into the library, so that a callback may take the locks of its
 * program. */
#include "rf_rpc_internal.h"

#include "rf_rpc_pool.h"

#include <string.h>

/* True on a library thread that is inside no callback. */
static __thread bool may_call_back;

/* The hub whose posted calls this thread sees to before it leaves the library. */
static __thread rf_rpc_hub *my_hub;

static void run_posted(rf_rpc_hub *hub)
{
    while (hub->posted != NULL) {
        rf_rpc_call *call = hub->posted;
        hub->posted = call->posted_next;
        hub->posted_last = hub->posted == NULL ? &hub->posted : hub->posted_last;
        call->posted = false;
        rf_rpc_dispatch_locked(call);
        rf_rpc_call_unref_locked(call);
        (void)pthread_cond_broadcast(&hub->changed);
    }
}

void rf_rpc_enter_library_locked(rf_rpc_hub *hub)
{
    may_call_back = true;
    my_hub = hub;
}

void rf_rpc_leave_library_locked(rf_rpc_hub *hub)
{
    run_posted(hub);
    may_call_back = false;
    my_hub = NULL;
}

bool rf_rpc_enter_callback(void)
{
    bool was = may_call_back;
    may_call_back = false;
    return was;
}

void rf_rpc_leave_callback(bool was)
{
    may_call_back = was;
}

/* ---- received messages ---- */

rf_rpc_in *rf_rpc_in_new(uint32_t head_len, size_t size)
{
    rf_rpc_in *in = (rf_rpc_in *)rf_rpc_pool_get(sizeof(*in) + size);
    if (in != NULL) {
        in->next = NULL;
        in->size = size;
        in->got = 0;
        in->head_len = head_len;
    }
    return in;
}

void rf_rpc_in_free(rf_rpc_in *in)
{
    if (in != NULL) {
        rf_rpc_pool_put(in, sizeof(*in) + in->size);
    }
}

rf_rpc_msg rf_rpc_in_msg(const rf_rpc_in *in)
{
    return (rf_rpc_msg){in->data, in->head_len, in->data + in->head_len, in->size - in->head_len};
}

static rf_rpc_in *in_copy(const rf_rpc_msg *msg)
{
    rf_rpc_in *in = rf_rpc_in_new((uint32_t)msg->len, msg->len + msg->attachment_len);
    if (in != NULL && in->size > 0) {
        uint8_t *at = msg->len > 0 ? (uint8_t *)mempcpy(in->data, msg->data, msg->len) : in->data;
        if (msg->attachment_len > 0) {
            memcpy(at, msg->attachment, msg->attachment_len);
        }
    }
    return in;
}

rf_rpc_in *rf_rpc_take_message(rf_rpc_call *call)
{
    rf_rpc_in *in = call->lent_in;
    if (in != NULL) {
        call->lent_in = NULL;
        return in;
    }
    return in_copy(call->lent);
}

void rf_rpc_consume_locked(rf_rpc_call *call, size_t bytes)
{
    bytes = RF_MIN(bytes, call->held);
    call->held -= bytes;
    if (call->conn == NULL || bytes == 0) {
        return;
    }
    call->recv_to_give += (int64_t)bytes;
    call->conn->recv_to_give += (int64_t)bytes;
    rf_rpc_give_credit_locked(call->conn, call);
    rf_rpc_give_credit_locked(call->conn, NULL);
    rf_rpc_flush_locked(call->conn);
}

/* ---- running callbacks ---- */

static void begin_running(rf_rpc_call *call)
{
    call->busy = true;
    call->hub->n_running++;
    (void)__atomic_add_fetch(&call->refs, 1, __ATOMIC_RELAXED);
}

static void end_running(rf_rpc_call *call)
{
    rf_rpc_hub *hub = call->hub;
    call->busy = false;
    hub->n_running--;
    rf_rpc_call_unref_locked(call);
    (void)pthread_cond_broadcast(&hub->changed);
}

/* Calls the message callback with the lock released; consumes block. */
static void run_message(rf_rpc_call *call, const rf_rpc_msg *msg, rf_rpc_in *block)
{
    size_t bytes = RF_RPC_PREFIX_LEN + msg->len + msg->attachment_len;
    call->lent = msg;
    call->lent_in = block;
    bool manual = call->events.manual_credit;
    if (call->events.message != NULL) {
        rf_rpc_hub_unlock(call->hub);
        bool was = rf_rpc_enter_callback();
        call->events.message(call, msg, call->user);
        rf_rpc_leave_callback(was);
        rf_rpc_hub_lock(call->hub);
    }
    call->lent = NULL;
    rf_rpc_in_free(call->lent_in);
    call->lent_in = NULL;
    if (!manual) {
        rf_rpc_consume_locked(call, bytes);
    }
}

static void run_inbox(rf_rpc_call *call)
{
    rf_rpc_in *in = call->in_first;
    call->in_first = in->next;
    call->in_last = call->in_first == NULL ? &call->in_first : call->in_last;
    rf_rpc_msg msg = rf_rpc_in_msg(in);
    run_message(call, &msg, in);
}

static void status_of(const rf_rpc_call *call, rf_status *ret)
{
    ret->code = call->end_code;
    ret->retriable = call->end_retriable;
    ret->message[0] = '\0';
    if (call->end_message != NULL) {
        (void)rf_copy_str(ret->message, sizeof(ret->message), call->end_message);
    }
}

static void run_done(rf_rpc_call *call)
{
    rf_status st;
    status_of(call, &st);
    rf_rpc_hub_unlock(call->hub);
    rf_rpc_family_cancel(call);
    if (call->events.done != NULL) {
        bool was = rf_rpc_enter_callback();
        call->events.done(call, &st, call->user);
        rf_rpc_leave_callback(was);
    }
    rf_rpc_hub_lock(call->hub);
}

static void run_simple(rf_rpc_call *call, void (*fn)(rf_rpc_call *, void *))
{
    if (fn != NULL) {
        rf_rpc_hub_unlock(call->hub);
        bool was = rf_rpc_enter_callback();
        fn(call, call->user);
        rf_rpc_leave_callback(was);
        rf_rpc_hub_lock(call->hub);
    }
}

/* Drops what an owner who gave up the call will not hear. */
static void drop_events(rf_rpc_call *call)
{
    call->pending = 0;
    while (call->in_first != NULL) {
        rf_rpc_in *in = call->in_first;
        call->in_first = in->next;
        rf_rpc_consume_locked(call, RF_RPC_PREFIX_LEN + in->size);
        rf_rpc_in_free(in);
    }
    call->in_last = &call->in_first;
}

/* Runs the next event in its order: messages, half-close, writable, done. False when none is left.
 */
static bool run_next(rf_rpc_call *call)
{
    if (call->given_up) {
        drop_events(call);
        return false;
    }
    if (call->in_first != NULL) {
        run_inbox(call);
        return true;
    }
    unsigned bit = call->pending & -call->pending;
    call->pending &= ~bit;
    switch (bit) {
    case RF_EVENT_HALF_CLOSE:
        run_simple(call, call->events.half_close);
        return true;
    case RF_EVENT_WRITABLE:
        run_simple(call, call->events.writable);
        return true;
    case RF_EVENT_DONE:
        run_done(call);
        return true;
    default:
        return false;
    }
}

static void run_all(rf_rpc_call *call)
{
    begin_running(call);
    while (run_next(call)) {
    }
    end_running(call);
}

static void on_task(void *user)
{
    rf_rpc_hub *hub = (rf_rpc_hub *)user;
    rf_rpc_hub_lock(hub);
    rf_rpc_enter_library_locked(hub);
    hub->task_pending = false;
    rf_rpc_leave_library_locked(hub);
    (void)pthread_cond_broadcast(&hub->changed); /* others may have run what was posted */
    (void)pthread_cond_broadcast(
        &hub->changed); /* who closes waits for both, and may be all alone */
    rf_rpc_hub_unlock(hub);
    rf_rpc_hub_unref(hub);
}

void rf_rpc_post_locked(rf_rpc_call *call)
{
    rf_rpc_hub *hub = call->hub;
    if (!call->posted) {
        call->posted = true;
        call->posted_next = NULL;
        *hub->posted_last = call;
        hub->posted_last = &call->posted_next;
        (void)__atomic_add_fetch(&call->refs, 1, __ATOMIC_RELAXED);
    }
    if (!hub->task_pending && my_hub != hub) {
        hub->task_pending = true;
        hub->task.fn = on_task;
        hub->task.user = hub;
        rf_rpc_hub_ref(hub);
        rf_rpc_task_post(&hub->task);
    }
}

void rf_rpc_dispatch_locked(rf_rpc_call *call)
{
    if (call->busy || (call->pending == 0 && call->in_first == NULL)) {
        return; /* whoever runs the callback goes on with what has come since */
    }
    if (may_call_back) {
        run_all(call);
    } else {
        rf_rpc_post_locked(call);
    }
}

void rf_rpc_deliver_locked(rf_rpc_call *call, const rf_rpc_msg *msg, rf_rpc_in *block)
{
    call->n_received++;
    call->answered = true;
    call->held += RF_RPC_PREFIX_LEN + msg->len + msg->attachment_len;
    bool now = may_call_back && !call->busy && call->in_first == NULL && call->pending == 0 &&
               !call->given_up;
    if (now) {
        begin_running(call);
        run_message(call, msg, block);
        while (run_next(call)) {
        }
        end_running(call);
        return;
    }
    block = block != NULL ? block : in_copy(msg);
    if (block == NULL) {
        rf_status st;
        (void)rf_status_set(&st, RF_RESOURCE_EXHAUSTED, "no memory for a message");
        rf_rpc_abort_locked(call, &st);
        return;
    }
    *call->in_last = block;
    call->in_last = &block->next;
    block->next = NULL;
    rf_rpc_dispatch_locked(call);
}

/* ---- the end of a call ---- */

static void keep_status(rf_rpc_call *call, const rf_status *status)
{
    call->end_code = status->code;
    call->end_retriable = status->retriable;
    if (call->end_message == NULL && status->message[0] != '\0') {
        call->end_message = rf_strdup(status->message);
    }
}

void rf_rpc_finish_locked(rf_rpc_call *call, const rf_status *status)
{
    if (call->over) {
        return;
    }
    call->over = true;
    keep_status(call, status);
    rf_rpc_metric_end(call);
    rf_rpc_drop_output_locked(call);
    if (call->conn != NULL) {
        rf_rpc_conn_remove_locked(call->conn, call);
    }
    if (!call->given_up) {
        call->pending |= RF_EVENT_DONE;
    }
    rf_rpc_dispatch_locked(call);
    rf_rpc_call_unref_locked(call); /* it is alive no more */
}

void rf_rpc_abort_locked(rf_rpc_call *call, const rf_status *status)
{
    rf_rpc_conn *conn = call->conn;
    if (call->over) {
        return;
    }
    if (conn != NULL && call->is_server) {
        rf_rpc_drop_output_locked(call);
        keep_status(call, status);
        rf_rpc_put_end_locked(call);
    } else if (conn != NULL) {
        uint8_t code = (uint8_t)status->code;
        rf_rpc_frame frame = {.len = 1, .type = RF_FRAME_CANCEL, .call = call->id};
        rf_rpc_put_frame_locked(conn, &frame, &code);
    }
    if (conn != NULL) {
        rf_rpc_conn_ref(conn);
    }
    rf_rpc_finish_locked(call, status); /* before the lock goes: nothing may follow that frame */
    if (conn != NULL) {
        rf_rpc_flush_locked(conn);
        rf_rpc_conn_unref(conn);
    }
}
