#include "jam_recorder_rpc.h"

#include "rf_log.h"
#include "rf_rpc.h"
#include "rf_time.h"

#include <errno.h>
#include <reflection/recorder/v1/recorder.rpc.h>
#include <string.h>

#define LINGER_NS (5 * RF_NS_PER_S) /* of a closed link, for the service to end it */
#define NOTES_NS (10 * RF_NS_PER_S)
#define WAIT_READY_MS 1000

typedef struct recorder_rpc {
    jam_recorder api; /* first */
    rf_rpc_channel *channel;
    rf_loop *loop;
} recorder_rpc;

struct jam_link {
    recorder_rpc *rpc;
    rf_rpc_call *call;
    const jam_link_events *events;
    void *user; /* NULL: closed */
    rf_timer *linger;
};

/* Something the recorder said. */
typedef struct said {
    jam_link *link;
    enum { BEGUN, DURABLE, REFUSED, STOPPED, ROOM, DONE } kind;
    int64_t n_frames;
    char id[JAM_RECORDER_ID_SIZE];
    char text[]; /* the key, or the code */
} said;

/* ---- the loop ---- */

static void free_link(jam_link *link)
{
    rf_rpc_call_free(link->call);
    rf_timer_free(link->linger);
    free(link);
}

static void hear(const said *s)
{
    const jam_link *link = s->link;
    const jam_link_events *e = link->events;
    switch (s->kind) {
    case BEGUN:
        e->begun(link->user, s->id, s->text, s->n_frames);
        break;
    case DURABLE:
        e->durable(link->user, s->n_frames);
        break;
    case REFUSED:
        e->refused(link->user, s->text);
        break;
    case STOPPED:
        e->stopped(link->user);
        break;
    case ROOM:
        e->room(link->user);
        break;
    case DONE:
        e->lost(link->user);
        break;
    }
}

static void deliver(void *user)
{
    said *s = user;
    jam_link *link = s->link;
    bool is_done = s->kind == DONE;
    if (link->user != NULL) {
        hear(s);
    }
    free(s);
    if (is_done) {
        free_link(link);
    }
}

/* ---- the library's threads ---- */

static void post(jam_link *link, const said *header, const char *text)
{
    size_t size = strlen(text) + 1;
    said *s = rf_alloc(sizeof(*s) + size);
    *s = *header;
    s->link = link;
    memcpy(s->text, text, size);
    rf_loop_post(link->rpc->loop, deliver, s);
}

static void post_begun(jam_link *link, const Recorder__V1__PublishBegun *b)
{
    said s = {.kind = BEGUN, .n_frames = (int64_t)b->next_frame};
    rf_copy_str(s.id, sizeof(s.id), b->session);
    post(link, &s, b->key);
}

static void on_message(rf_rpc_call *call, const rf_rpc_msg *msg, void *user)
{
    ProtobufCMessage *message = NULL;
    if (rf_rpc_unpack(&recorder__v1__to_publisher__descriptor, msg->data, msg->len, &message) < 0) {
        rf_rpc_cancel(call);
        return;
    }
    const Recorder__V1__ToPublisher *m = (const Recorder__V1__ToPublisher *)message;
    switch (m->kind_case) {
    case RECORDER__V1__TO_PUBLISHER__KIND_STARTED:
        post_begun(user, m->started);
        break;
    case RECORDER__V1__TO_PUBLISHER__KIND_ATTACHED:
        post_begun(user, m->attached);
        break;
    case RECORDER__V1__TO_PUBLISHER__KIND_ACK:
        post(user, &(said){.kind = DURABLE, .n_frames = (int64_t)m->ack->frames_durable}, "");
        break;
    case RECORDER__V1__TO_PUBLISHER__KIND_STOPPED:
        post(user, &(said){.kind = STOPPED}, "");
        break;
    case RECORDER__V1__TO_PUBLISHER__KIND_ERROR:
        RF_LOG_WARN("the recorder refuses", RF_STR("detail", m->error->detail));
        post(user, &(said){.kind = REFUSED}, m->error->code);
        break;
    default:
        break;
    }
    rf_rpc_message_free(message);
}

static void on_writable(rf_rpc_call *call, void *user)
{
    (void)call;
    post(user, &(said){.kind = ROOM}, "");
}

static void on_done(rf_rpc_call *call, const rf_status *status, void *user)
{
    (void)call;
    if (status->code != RF_OK && status->code != RF_CANCELLED) {
        RF_LOG_DEBUG("link to the recorder lost", RF_STR("why", status->message));
    }
    post(user, &(said){.kind = DONE}, "");
}

/* ---- links ---- */

static jam_link *open_link(jam_recorder *self, const char *tenant,
                           const Recorder__V1__FromPublisher *first, const jam_link_events *events,
                           void *user)
{
    static const rf_rpc_events rpc_events = {
        .message = on_message, .writable = on_writable, .done = on_done};
    const rf_rpc_options options = {.deadline_ns = RF_NEVER_NS, .tenant = tenant};
    jam_link *link = RF_NEW(jam_link);
    link->rpc = (recorder_rpc *)self;
    link->events = events;
    link->user = user;
    link->call =
        rf_rpc_open(link->rpc->channel, RECORDER_V1_RECORDER_PUBLISH, &options, &rpc_events, link);
    (void)rf_rpc_send(link->call, &first->base, NULL); /* the first of the queue; else done comes */
    return link;
}

static jam_link *start(jam_recorder *self, const char *tenant, const char *body,
                       const jam_link_events *events, void *user)
{
    Recorder__V1__FromPublisher m = RECORDER__V1__FROM_PUBLISHER__INIT;
    Recorder__V1__PublishStart s = RECORDER__V1__PUBLISH_START__INIT;
    s.body = (char *)(uintptr_t)body;
    m.kind_case = RECORDER__V1__FROM_PUBLISHER__KIND_START;
    m.start = &s;
    return open_link(self, tenant, &m, events, user);
}

static jam_link *attach(jam_recorder *self, const char *tenant, const char *id,
                        const jam_link_events *events, void *user)
{
    Recorder__V1__FromPublisher m = RECORDER__V1__FROM_PUBLISHER__INIT;
    Recorder__V1__PublishAttach a = RECORDER__V1__PUBLISH_ATTACH__INIT;
    a.session = (char *)(uintptr_t)id;
    m.kind_case = RECORDER__V1__FROM_PUBLISHER__KIND_ATTACH;
    m.attach = &a;
    return open_link(self, tenant, &m, events, user);
}

/* A call that is over has said so, or will. */
static int send_message(const jam_link *link, const Recorder__V1__FromPublisher *m,
                        const rf_rpc_attachment *attachment)
{
    int err = rf_rpc_send(link->call, &m->base, attachment);
    return err < 0 ? -EAGAIN : 0;
}

static int audio(jam_link *link, int64_t first_frame, uint32_t n_frames, jam_block *block,
                 size_t offset)
{
    const size_t pair = JAM_CHANNELS * sizeof(float);
    Recorder__V1__FromPublisher m = RECORDER__V1__FROM_PUBLISHER__INIT;
    Recorder__V1__PublishAudio a = RECORDER__V1__PUBLISH_AUDIO__INIT;
    const rf_rpc_attachment attachment = {.data = block->data + offset * pair,
                                          .len = n_frames * pair,
                                          .release = jam_block_release,
                                          .user = jam_block_ref(block)};
    a.first_frame = (uint64_t)first_frame;
    a.n_frames = n_frames;
    m.kind_case = RECORDER__V1__FROM_PUBLISHER__KIND_AUDIO;
    m.audio = &a;
    int err = send_message(link, &m, &attachment);
    if (err < 0) {
        jam_block_unref(block);
    }
    return err;
}

static int gap(jam_link *link, int64_t first_frame, int64_t n_frames)
{
    Recorder__V1__FromPublisher m = RECORDER__V1__FROM_PUBLISHER__INIT;
    Recorder__V1__PublishGap g = RECORDER__V1__PUBLISH_GAP__INIT;
    g.first_frame = (uint64_t)first_frame;
    g.length = (uint64_t)n_frames;
    m.kind_case = RECORDER__V1__FROM_PUBLISHER__KIND_GAP;
    m.gap = &g;
    return send_message(link, &m, NULL);
}

static int stop(jam_link *link, int64_t n_frames)
{
    Recorder__V1__FromPublisher m = RECORDER__V1__FROM_PUBLISHER__INIT;
    Recorder__V1__PublishStop s = RECORDER__V1__PUBLISH_STOP__INIT;
    s.last_case = RECORDER__V1__PUBLISH_STOP__LAST_LAST_FRAME;
    s.last_frame = (uint64_t)n_frames;
    m.kind_case = RECORDER__V1__FROM_PUBLISHER__KIND_STOP;
    m.stop = &s;
    return send_message(link, &m, NULL);
}

static void on_linger(void *user)
{
    rf_rpc_cancel(((jam_link *)user)->call);
}

static void close_link(jam_link *link)
{
    link->user = NULL;
    rf_rpc_half_close(link->call);
    link->linger = rf_timer_new(link->rpc->loop, on_linger, link);
    rf_timer_set(link->linger, rf_time_ns() + LINGER_NS);
}

/* ---- notes ---- */

struct jam_notes {
    rf_loop *loop;
    void (*done)(void *user, int err);
    void *user; /* NULL: forgotten */
    int err;
};

static void deliver_notes(void *user)
{
    struct jam_notes *n = user;
    if (n->user != NULL) {
        n->done(n->user, n->err);
    }
    free(n);
}

static void on_notes(rf_rpc_result *result, void *user)
{
    struct jam_notes *n = user;
    n->err = rf_code_errno(result->status->code);
    rf_loop_post(n->loop, deliver_notes, n);
}

static struct jam_notes *notes(jam_recorder *self, const char *tenant, const char *id,
                               const char *json, void (*done)(void *user, int err), void *user)
{
    recorder_rpc *r = (recorder_rpc *)self;
    Recorder__V1__PutNotesRequest m = RECORDER__V1__PUT_NOTES_REQUEST__INIT;
    Rpc__V1__Json text = RPC__V1__JSON__INIT;
    const rf_rpc_options options = {.deadline_ns = rf_time_ns() + NOTES_NS, .tenant = tenant};
    struct jam_notes *n = RF_NEW(struct jam_notes);
    n->loop = r->loop;
    n->done = done;
    n->user = user;
    m.session = (char *)(uintptr_t)id;
    text.text = (char *)(uintptr_t)json;
    m.json = &text;
    rf_rpc_unary(r->channel, RECORDER_V1_RECORDER_PUT_NOTES, &options, &m.base, NULL, on_notes, n,
                 NULL);
    return n;
}

static void forget(struct jam_notes *n)
{
    n->user = NULL;
}

/* ---- life ---- */

int jam_recorder_rpc_open(const char *target, rf_loop *loop, jam_recorder **ret)
{
    const rf_rpc_channel_config config = {.target = target, .wait_ready_ms = WAIT_READY_MS};
    recorder_rpc *r = RF_NEW(recorder_rpc);
    r->api = (jam_recorder){.start = start,
                            .attach = attach,
                            .audio = audio,
                            .gap = gap,
                            .stop = stop,
                            .close = close_link,
                            .notes = notes,
                            .forget = forget};
    r->loop = loop;
    int err = rf_rpc_channel_open(&config, &r->channel);
    if (err < 0) {
        free(r);
        return err;
    }
    *ret = &r->api;
    return 0;
}

jam_recorder *jam_recorder_rpc_close(jam_recorder *recorder)
{
    recorder_rpc *r = (recorder_rpc *)recorder;
    if (r != NULL) {
        rf_rpc_channel_close(r->channel);
        rf_loop_settle(r->loop);
        free(r);
    }
    return NULL;
}
