#include "gateway_feed.h"

#include "gateway_answer.h"
#include "gateway_call.h"

#include <string.h>

struct gateway_feed {
    rf_rpc_call *call;
    rf_loop *loop;
    gateway_feed_reader read;
    const gateway_feed_events *events;
    void *user;             /* NULL: cancelled */
    bool begun;             /* of the library's threads, which write said */
    gateway_feed_said said; /* each field before the part or the end that tells of it is posted */
    rf_status status;       /* before the end is posted */
};

static void deliver_part(void *user)
{
    gateway_feed_part *part = user;
    gateway_feed *f = part->feed;
    if (f->user != NULL) {
        f->events->part(f->user, &f->said, part);
    } else {
        free(part);
    }
}

static gateway_feed_part *new_part(gateway_feed *f, const rf_rpc_msg *msg)
{
    gateway_feed_part *part = malloc(sizeof(*part) + msg->attachment_len);
    if (part == NULL) {
        return NULL;
    }
    *part = (gateway_feed_part){
        .feed = f, .credit = msg->len + msg->attachment_len, .len = msg->attachment_len};
    if (part->len > 0) {
        memcpy(part->data, msg->attachment, part->len);
    }
    return part;
}

static void on_message(rf_rpc_call *call, const rf_rpc_msg *msg, void *user)
{
    gateway_feed *f = user;
    ProtobufCMessage *m = NULL;
    gateway_feed_part *part = NULL;
    if (rf_rpc_unpack(rf_rpc_call_method(call)->output, msg->data, msg->len, &m) == 0) {
        f->read(m, !f->begun, &f->said);
        f->begun = true;
        part = new_part(f, msg);
    }
    rf_rpc_message_free(m);
    if (part == NULL) { /* not of the contract, or no memory */
        rf_rpc_cancel(call);
        return;
    }
    rf_loop_post(f->loop, deliver_part, part);
}

static void deliver_end(void *user)
{
    gateway_feed *f = user;
    if (f->user != NULL) {
        f->events->ended(f->user, &f->status, &f->said);
    }
    rf_rpc_call_free(f->call);
    free(f);
}

static void on_done(rf_rpc_call *call, const rf_status *status, void *user)
{
    gateway_feed *f = user;
    (void)call;
    f->status = *status;
    rf_loop_post(f->loop, deliver_end, f);
}

gateway_feed *gateway_feed_open(gateway_exchange *ex, rf_rpc_channel *channel,
                                const rf_rpc_method *method, int64_t deadline_ns,
                                const ProtobufCMessage *request, gateway_feed_reader read,
                                const gateway_feed_events *events, void *user)
{
    static const rf_rpc_events rpc_events = {
        .message = on_message, .done = on_done, .manual_credit = true};
    rf_rpc_options options = gateway_call_options(ex);
    options.deadline_ns = deadline_ns;
    gateway_feed *f = RF_NEW(gateway_feed);
    f->loop = ex->loop->loop;
    f->read = read;
    f->events = events;
    f->user = user;
    f->said.length = GATEWAY_LENGTH_UNKNOWN;
    f->call = rf_rpc_open(channel, method, &options, &rpc_events, f);
    rf_rpc_send(f->call, request, NULL); /* the only one: there is room */
    return f;
}

void gateway_feed_part_free(gateway_feed_part *part, gateway_feed *feed)
{
    if (feed != NULL) {
        rf_rpc_consumed(feed->call, part->credit);
    }
    free(part);
}

void gateway_feed_cancel(gateway_feed *feed)
{
    feed->user = NULL;
    rf_rpc_cancel(feed->call);
}
