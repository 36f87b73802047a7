/*
 * job.v1.JobService/WatchJob: the events of a job as they happen, for one listener each (README.md
 * tells what an event's id is). A notice of the watch makes the stream read what is newer than what
 * it has sent; it reads once at a time. All runs on the watch's loop, which alone ends the call.
 */
#include "job_rpc_internal.h"

#include "rf_buf.h"
#include "rf_rpc_blocking.h"
#include "rf_time.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <reflection/job/v1/job.pb-c.h>
#include <reflection/job/v1/job.rpc.h>

/* Events that are told as they happen are at most so many in any time of WINDOW_NS. */
#define WINDOW_EVENTS 4
#define WINDOW_NS RF_NS_PER_S
#define EVENT_MAX 512 /* bytes of one as text */
#define READ_AGAIN_NS RF_NS_PER_S

typedef struct stream {
    job_watcher watcher;
    job_service *service;
    rf_rpc_call *call;
    ProtobufCMessage *request; /* NULL: none has come */
    char app[RF_UUID_LEN];
    int64_t last; /* id of the newest event sent, 0: none */
    int64_t sent_ns[WINDOW_EVENTS];
    unsigned at;     /* in sent_ns: the oldest */
    rf_timer *timer; /* reads again */
    bool watching;
    bool begun;   /* the first message is out */
    bool reading; /* an operation is under way */
    bool moved;   /* since it began */
    bool over;
} stream;

/* ---- the end ---- */

static void free_stream(void *user)
{
    stream *s = user;
    rf_rpc_message_free(s->request);
    free(s);
}

static void end(stream *s, const rf_status *st)
{
    rf_loop *loop = job_watch_loop(s->service->watch);
    s->over = true;
    s->timer = rf_timer_free(s->timer);
    if (s->watching) {
        job_watch_remove(s->service->watch, &s->watcher);
    }
    rf_rpc_end_settled(s->call, st);
    if (!s->reading) {
        rf_loop_post(loop, free_stream, s); /* behind what was posted for it */
    }
}

static void fail(stream *s, rf_code code, const char *message)
{
    rf_status st;
    rf_status_set(&st, code, "%s", message);
    end(s, &st);
}

/* ---- events as text ---- */

static const char *name_of(const job_moment *m)
{
    return m->progress ? "progress" : "status";
}

/* Steps are words of a workflow document: letters, digits, '-' and '_'. */
static void write_moment(const job_moment *m, rf_buf *out)
{
    rf_buf_printf(out, "id: %" PRId64 "\nevent: %s\ndata: {\"status\":\"%s\",\"attempt\":%" PRIu64,
                  m->id, name_of(m), job_state_name(m->state), m->attempt);
    if (m->step != NULL) {
        rf_buf_printf(out, ",\"step\":\"%s\"", m->step);
    }
    if (m->percent >= 0) {
        rf_buf_printf(out, ",\"progress\":%d", m->percent);
    }
    rf_buf_append_str(out, "}\n\n");
}

static int send_text(stream *s, const rf_buf *text)
{
    Job__V1__JobEvents m = JOB__V1__JOB_EVENTS__INIT;
    const rf_rpc_attachment attachment = {.data = text->data, .len = text->len};
    int err = rf_rpc_send(s->call, &m.base, text->len > 0 ? &attachment : NULL);
    s->begun = s->begun || err == 0;
    return err;
}

/* ---- the pace ---- */

/* When one more event may be told. */
static int64_t free_at_ns(const stream *s)
{
    int64_t oldest_ns = s->sent_ns[s->at];
    return oldest_ns == 0 ? 0 : oldest_ns + WINDOW_NS;
}

static void note_sent(stream *s, int64_t now_ns)
{
    s->sent_ns[s->at] = now_ns;
    s->at = (s->at + 1) % WINDOW_EVENTS;
}

static void read_on(stream *s);

static void read_later(stream *s, int64_t at_ns)
{
    rf_timer_set(s->timer, at_ns);
}

/* Whether a listener that is up to date need not hear of it: newer progress of the attempt stands
 * behind it. */
static bool superseded(const job_op_events *op, size_t i)
{
    const job_moment *m = &op->moments[i];
    return m->progress && i + 1 < op->n_moments && op->moments[i + 1].progress &&
           op->moments[i + 1].attempt == m->attempt;
}

/* Writes what may be told now; returns the id of the last one of them. All of it when the listener
 * has come to catch up. */
static int64_t write_due(stream *s, const job_op_events *op, rf_buf *out)
{
    int64_t now_ns = rf_time_ns();
    int64_t last = s->last;
    for (size_t i = 0; i < op->n_moments; i++) {
        bool live = s->begun;
        if (live && superseded(op, i)) {
            continue;
        }
        if (live && free_at_ns(s) > now_ns) {
            read_later(s, free_at_ns(s));
            break;
        }
        note_sent(s, now_ns);
        write_moment(&op->moments[i], out);
        last = op->moments[i].id;
    }
    return last;
}

/* ---- reading: the loop, and the store's threads ---- */

static void tell(stream *s, const job_op_events *op)
{
    rf_buf text;
    rf_buf_init(&text, EVENT_MAX * (op->n_moments + 1));
    int64_t last = write_due(s, op, &text);
    int err = text.len > 0 || !s->begun ? send_text(s, &text) : 0;
    rf_buf_done(&text);
    if (err == -EAGAIN) { /* a listener that does not read: it may resume */
        fail(s, RF_UNAVAILABLE, "The listener does not keep up.");
        return;
    }
    s->last = last;
    if (job_state_final(op->state) && last == op->last) {
        end(s, NULL);
    } else if (s->moved) {
        read_on(s);
    }
}

static void take_read(void *user)
{
    job_op_events *op = user;
    stream *s = op->op.user;
    s->reading = false;
    if (s->over) {
        free_stream(s);
    } else if (op->op.err == -ENOENT) {
        fail(s, RF_NOT_FOUND, "There is no such job.");
    } else if (op->op.err != 0 && !s->begun) {
        fail(s, RF_UNAVAILABLE, "The service is not available.");
    } else if (op->op.err != 0) {
        read_later(s, rf_time_ns() + READ_AGAIN_NS);
    } else if (!s->begun && job_state_final(op->state) && s->last == op->last) {
        end(s, NULL); /* the listener has them all */
    } else {
        tell(s, op);
    }
    job_op_free(&op->op);
}

static void on_read(job_op *op)
{
    const stream *s = op->user;
    rf_loop_post(job_watch_loop(s->service->watch), take_read, op);
}

static void read_on(stream *s)
{
    job_op_events *op = JOB_OP_NEW(JOB_OP_EVENTS, job_op_events, on_read, s);
    op->app = job_arena_str(&op->op.arena, s->app);
    op->id = job_arena_str(&op->op.arena, s->watcher.id);
    op->after = s->last;
    s->moved = false;
    s->reading = true;
    job_store_submit(s->service->store, &op->op);
}

static void on_timer(void *user)
{
    stream *s = user;
    if (!s->reading) {
        read_on(s);
    }
}

static void moved(job_watcher *watcher, job_state state)
{
    stream *s = (stream *)watcher;
    (void)state;
    s->moved = true;
    if (!s->reading) {
        read_on(s);
    }
}

static void stop(job_watcher *watcher)
{
    fail((stream *)watcher, RF_UNAVAILABLE, "The service is stopping.");
}

static const job_watcher_ops stream_ops = {.moved = moved, .stop = stop};

/* ---- the beginning: the loop ---- */

static void begin(void *user)
{
    stream *s = user;
    const Job__V1__WatchJobRequest *m = (const Job__V1__WatchJobRequest *)s->request;
    if (s->over) {
        return;
    }
    if (rf_copy_str(s->watcher.id, sizeof(s->watcher.id), m->id) < 0) {
        fail(s, RF_NOT_FOUND, "There is no such job.");
        return;
    }
    s->watcher.ops = &stream_ops;
    s->last = RF_MAX(m->after, (int64_t)0);
    s->timer = rf_timer_new(job_watch_loop(s->service->watch), on_timer, s);
    s->watching = true;
    job_watch_add(s->service->watch, &s->watcher);
    if (!s->over) { /* the watch may be draining */
        read_on(s);
    }
}

static void gone(void *user)
{
    stream *s = user;
    if (!s->over) {
        end(s, NULL);
    }
}

/* ---- from the library: its threads ---- */

static void on_message(rf_rpc_call *call, const rf_rpc_msg *msg, void *user)
{
    stream *s = user;
    const ProtobufCMessageDescriptor *type = rf_rpc_call_method(call)->input;
    if (s->request == NULL && rf_rpc_unpack(type, msg->data, msg->len, &s->request) == 0) {
        rf_loop_post(job_watch_loop(s->service->watch), begin, s);
    }
}

static void on_half_close(rf_rpc_call *call, void *user)
{
    stream *s = user;
    (void)call;
    if (s->request == NULL) { /* none that can be read */
        rf_loop_post(job_watch_loop(s->service->watch), gone, s);
    }
}

static void on_done(rf_rpc_call *call, const rf_status *status, void *user)
{
    stream *s = user;
    (void)call;
    (void)status;
    rf_loop_post(job_watch_loop(s->service->watch), gone, s);
}

static void on_open(rf_rpc_call *call, void *user)
{
    static const rf_rpc_events events = {
        .message = on_message, .half_close = on_half_close, .done = on_done};
    stream *s = RF_NEW(stream);
    const char *app = rf_rpc_call_meta(call)->tenant;
    s->service = user;
    s->call = call;
    if (app[0] == '\0' || rf_copy_str(s->app, sizeof(s->app), app) < 0) {
        free(s);
        job_call_fail(call, RF_UNAUTHENTICATED, "The call names no application.");
        return;
    }
    rf_rpc_call_listen(call, &events, s);
}

void job_stream_rpc_register(job_service *s, rf_rpc_server *server)
{
    rf_rpc_server_handle_stream(server, &job_v1_job_service, JOB_V1_JOB_SERVICE_WATCH_JOB, on_open,
                                s);
}
