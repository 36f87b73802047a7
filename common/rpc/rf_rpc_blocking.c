#include "rf_rpc_blocking.h"

#include "rf_rpc_internal.h"

#include <errno.h>
#include <semaphore.h>
#include <string.h>

/* ---- unary ---- */

typedef struct waiter {
    sem_t done;
    ProtobufCMessage *reply;
    rf_status *status;
} waiter;

static void on_unary(rf_rpc_result *result, void *user)
{
    waiter *w = (waiter *)user;
    w->status->code = result->status->code;
    w->status->retriable = result->status->retriable;
    (void)rf_copy_str(w->status->message, sizeof(w->status->message), result->status->message);
    w->reply = RF_STEAL(result->message);
    (void)sem_post(&w->done);
}

int rf_rpc_invoke(rf_rpc_channel *channel, const rf_rpc_method *method,
                  const rf_rpc_options *options, const ProtobufCMessage *request,
                  ProtobufCMessage **ret_reply, rf_status *st)
{
    rf_status own;
    waiter w = {.status = st != NULL ? st : &own};
    (void)sem_init(&w.done, 0, 0);
    rf_rpc_unary(channel, method, options, request, NULL, on_unary, &w, NULL);
    while (sem_wait(&w.done) != 0) {
    }
    (void)sem_destroy(&w.done);
    if (w.status->code == RF_OK) {
        *ret_reply = w.reply;
    }
    return rf_code_errno(w.status->code);
}

/* ---- streams ---- */

struct rf_rpc_stream {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    rf_rpc_call *call;
    rf_rpc_in *first, **last;
    bool closed;   /* server: the client has half-closed */
    bool done;     /* status is valid */
    bool ended;    /* the end was handed to recv */
    bool writable; /* since the last look */
    rf_status status;
};

static void on_message(rf_rpc_call *call, const rf_rpc_msg *msg, void *user)
{
    (void)msg;
    rf_rpc_stream *s = (rf_rpc_stream *)user;
    rf_rpc_in *in = rf_rpc_take_message(call);
    if (in == NULL) {
        rf_rpc_cancel(call);
        return;
    }
    (void)pthread_mutex_lock(&s->mutex);
    in->next = NULL;
    *s->last = in;
    s->last = &in->next;
    (void)pthread_cond_broadcast(&s->changed);
    (void)pthread_mutex_unlock(&s->mutex);
}

static void set_flag(rf_rpc_stream *s, bool *flag)
{
    (void)pthread_mutex_lock(&s->mutex);
    *flag = true;
    (void)pthread_cond_broadcast(&s->changed);
    (void)pthread_mutex_unlock(&s->mutex);
}

static void on_half_close(rf_rpc_call *call, void *user)
{
    (void)call;
    rf_rpc_stream *s = (rf_rpc_stream *)user;
    set_flag(s, &s->closed);
}

static void on_writable(rf_rpc_call *call, void *user)
{
    (void)call;
    rf_rpc_stream *s = (rf_rpc_stream *)user;
    set_flag(s, &s->writable);
}

static void on_done(rf_rpc_call *call, const rf_status *status, void *user)
{
    (void)call;
    rf_rpc_stream *s = (rf_rpc_stream *)user;
    (void)pthread_mutex_lock(&s->mutex);
    s->status = *status;
    s->done = true;
    (void)pthread_cond_broadcast(&s->changed);
    (void)pthread_mutex_unlock(&s->mutex);
}

static const rf_rpc_events stream_events = {
    .message = on_message,
    .half_close = on_half_close,
    .writable = on_writable,
    .done = on_done,
    .manual_credit = true,
};

static rf_rpc_stream *stream_new(void)
{
    rf_rpc_stream *s = RF_NEW(rf_rpc_stream);
    (void)pthread_mutex_init(&s->mutex, NULL);
    rf_cond_init(&s->changed);
    s->last = &s->first;
    return s;
}

rf_rpc_stream *rf_rpc_stream_open(rf_rpc_channel *channel, const rf_rpc_method *method,
                                  const rf_rpc_options *options)
{
    rf_rpc_stream *s = stream_new();
    s->call = rf_rpc_open(channel, method, options, &stream_events, s);
    return s;
}

rf_rpc_stream *rf_rpc_stream_accept(rf_rpc_call *call)
{
    rf_rpc_stream *s = stream_new();
    s->call = call;
    rf_rpc_call_listen(call, &stream_events, s);
    return s;
}

/* Waits until there is room; the writable event comes after a send that was told -EAGAIN. */
static void wait_writable(rf_rpc_stream *s)
{
    (void)pthread_mutex_lock(&s->mutex);
    while (!s->writable && !s->done) {
        (void)pthread_cond_wait(&s->changed, &s->mutex);
    }
    s->writable = false;
    (void)pthread_mutex_unlock(&s->mutex);
}

int rf_rpc_stream_send(rf_rpc_stream *s, const ProtobufCMessage *message,
                       const rf_rpc_attachment *attachment)
{
    int err;
    while ((err = rf_rpc_send(s->call, message, attachment)) == -EAGAIN) {
        wait_writable(s);
    }
    return err;
}

int rf_rpc_stream_send_raw(rf_rpc_stream *s, const void *data, size_t len,
                           const rf_rpc_attachment *attachment)
{
    int err;
    while ((err = rf_rpc_send_raw(s->call, data, len, attachment)) == -EAGAIN) {
        wait_writable(s);
    }
    return err;
}

void rf_rpc_stream_half_close(rf_rpc_stream *s)
{
    rf_rpc_half_close(s->call);
}

/* The block is the item's; the item stands before it in one piece of its own. */
typedef struct item {
    rf_rpc_item base; /* first, so that an rf_rpc_item is its item */
    rf_rpc_in *in;
} item;

rf_rpc_item *rf_rpc_item_free(rf_rpc_item *base)
{
    if (base != NULL) {
        (void)rf_rpc_message_free(base->message);
        rf_rpc_in_free(((item *)base)->in);
        free(base);
    }
    return NULL;
}

static const ProtobufCMessageDescriptor *received_type(const rf_rpc_call *call)
{
    return call->is_server ? call->method->input : call->method->output;
}

static int make_item(rf_rpc_stream *s, rf_rpc_in *in, rf_rpc_item **ret)
{
    item *it = RF_NEW(item);
    it->in = in;
    it->base.msg = rf_rpc_in_msg(in);
    rf_rpc_consumed(s->call, in->size);
    const ProtobufCMessageDescriptor *type = received_type(s->call);
    int err = type != NULL
                  ? rf_rpc_unpack(type, it->base.msg.data, it->base.msg.len, &it->base.message)
                  : 0;
    if (err != 0) {
        (void)rf_rpc_item_free(&it->base);
        (void)pthread_mutex_lock(&s->mutex);
        (void)rf_status_set(&s->status, RF_DATA_LOSS, "malformed message: %s", strerror(-err));
        (void)pthread_mutex_unlock(&s->mutex);
        return -EBADMSG;
    }
    *ret = &it->base;
    return 1;
}

int rf_rpc_stream_recv(rf_rpc_stream *s, rf_rpc_item **ret)
{
    (void)pthread_mutex_lock(&s->mutex);
    while (s->first == NULL && !s->closed && !s->done) {
        (void)pthread_cond_wait(&s->changed, &s->mutex);
    }
    rf_rpc_in *in = s->first;
    if (in != NULL) {
        s->first = in->next;
        s->last = s->first == NULL ? &s->first : s->last;
    }
    int err = in == NULL && s->done ? rf_code_errno(s->status.code) : 0;
    (void)pthread_mutex_unlock(&s->mutex);
    return in != NULL ? make_item(s, in, ret) : err;
}

const rf_status *rf_rpc_stream_status(const rf_rpc_stream *s)
{
    return &s->status;
}

rf_rpc_call *rf_rpc_stream_call(const rf_rpc_stream *s)
{
    return s->call;
}

void rf_rpc_stream_cancel(rf_rpc_stream *s)
{
    rf_rpc_cancel(s->call);
}

static void stream_free(rf_rpc_stream *s)
{
    while (s->first != NULL) {
        rf_rpc_in *in = s->first;
        s->first = in->next;
        rf_rpc_in_free(in);
    }
    (void)pthread_cond_destroy(&s->changed);
    (void)pthread_mutex_destroy(&s->mutex);
    free(s);
}

/* Waits for a callback that is running on another thread, so that none finds the stream gone. */
static void quiesce(rf_rpc_call *call, rf_rpc_hub *hub)
{
    rf_rpc_hub_lock(hub);
    while (call->busy) {
        (void)pthread_cond_wait(&hub->changed, &hub->mutex);
    }
    rf_rpc_call_unref_locked(call);
    rf_rpc_hub_unlock(hub);
    rf_rpc_hub_unref(hub);
}

static rf_rpc_hub *hold(rf_rpc_call *call)
{
    rf_rpc_hub *hub = call->hub;
    rf_rpc_hub_ref(hub);
    (void)__atomic_add_fetch(&call->refs, 1, __ATOMIC_RELAXED);
    return hub;
}

void rf_rpc_end_settled(rf_rpc_call *call, const rf_status *status)
{
    rf_rpc_hub *hub = hold(call);
    rf_rpc_end(call, status);
    quiesce(call, hub);
}

rf_rpc_stream *rf_rpc_stream_end(rf_rpc_stream *s, const rf_status *status)
{
    if (s != NULL) {
        rf_rpc_end_settled(s->call, status);
        stream_free(s);
    }
    return NULL;
}

rf_rpc_stream *rf_rpc_stream_free(rf_rpc_stream *s)
{
    if (s != NULL) {
        rf_rpc_call *call = s->call;
        rf_rpc_hub *hub = hold(call);
        (void)rf_rpc_call_free(call);
        quiesce(call, hub);
        stream_free(s);
    }
    return NULL;
}
