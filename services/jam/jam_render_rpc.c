/* JamService/Render: the lane RENDER of the pool reads the request, renders and sends the file in
 * parts, waiting for the client where need be. */
#include "jam_rpc_internal.h"

#include "jam_format.h"
#include "jam_oneshot.h"
#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <reflection/jam/v1/jam.rpc.h>
#include <string.h>

#define RENDERS_MAX 2
#define PART_BYTES ((size_t)256 << 10)
#define LIMIT_NS (60 * RF_NS_PER_S) /* without a frame or a part taken */
#define WHY_SIZE 256

typedef struct render {
    jam_task task; /* first: the pool gives it back */
    jam_service *service;
    rf_rpc_stream *stream;
    rf_status status; /* which it ends with */
    const jam_oneshot *order;
    uint8_t *part;
    size_t n_part;
    bool has_begun; /* the first part is out */
    bool in_turn;   /* waits for a place */
} render;

/* ---- the pool's thread ---- */

static int send_part(render *r)
{
    Jam__V1__RenderPart m = JAM__V1__RENDER_PART__INIT;
    const rf_rpc_attachment attachment = {.data = r->part, .len = r->n_part};
    if (!r->has_begun) {
        m.content_type = (char *)(uintptr_t)jam_format_mime(r->order->settings.format);
        m.seed = r->order->seed;
        m.size = jam_oneshot_size(r->order);
        r->has_begun = true;
    }
    int err = rf_rpc_stream_send(r->stream, &m.base, &attachment);
    jam_task_beat(&r->task);
    r->n_part = 0;
    return err;
}

static int sink_write(void *user, const void *data, size_t len)
{
    render *r = user;
    const uint8_t *at = data;
    int err = 0;
    while (err == 0 && len > 0) {
        size_t n = RF_MIN(len, PART_BYTES - r->n_part);
        memcpy(r->part + r->n_part, at, n);
        r->n_part += n;
        at += n;
        len -= n;
        err = r->n_part == PART_BYTES ? send_part(r) : 0;
    }
    return err;
}

static void beat(void *user)
{
    jam_task_beat(&((render *)user)->task);
}

static int run_order(render *r, rf_status *st)
{
    char why[WHY_SIZE];
    const rf_sink sink = {.write = sink_write, .user = r};
    r->part = rf_alloc(PART_BYTES);
    int err = jam_oneshot_run(r->order, sink, beat, r, why, sizeof(why));
    if (err == 0 && r->n_part > 0) {
        err = send_part(r);
    }
    free(r->part);
    if (err == -ENOENT && !r->has_begun) {
        return rf_status_set(st, RF_UNAVAILABLE, "engine %s: %s", r->order->engine->name, why);
    }
    return err == 0 ? 0 : rf_status_from_errno(st, err, "render");
}

static int run_request(render *r, const Jam__V1__RenderRequest *m, rf_status *st)
{
    jam_oneshot *order;
    jam_error error;
    char text[RF_STATUS_MESSAGE_MAX];
    int err = jam_oneshot_parse(r->service->engines, m->json, strlen(m->json), m->wide_tempo,
                                &order, &error);
    if (err < 0) {
        jam_oneshot_error(&error, text, sizeof(text));
        return rf_status_set(st, RF_INVALID_ARGUMENT, "%s", text);
    }
    r->order = order;
    err = run_order(r, st);
    jam_oneshot_free(order);
    return err;
}

static void render_run(jam_task *task)
{
    render *r = (render *)task;
    rf_rpc_item *item = NULL;
    if (rf_rpc_stream_recv(r->stream, &item) == 1) {
        (void)run_request(r, (const Jam__V1__RenderRequest *)item->message, &r->status);
        rf_rpc_item_free(item);
    } else {
        (void)rf_status_set(&r->status, RF_INVALID_ARGUMENT, "no request");
    }
}

/* ---- the loop ---- */

/* The place is free before the client can know. */
static void render_done(jam_task *task)
{
    render *r = (render *)task;
    r->service->n_renders--;
    rf_rpc_stream_end(r->stream, &r->status);
    free(r);
}

/* Its client need not wait until the deadline for what may never come. */
static void render_hung(jam_task *task)
{
    render *r = (render *)task;
    r->service->n_renders--;
    rf_rpc_stream_cancel(r->stream);
}

static void render_left(jam_task *task)
{
    render *r = (render *)task;
    rf_rpc_stream_end(r->stream, &r->status);
    free(r);
}

static void refuse(render *r, rf_code code, const char *why)
{
    rf_status st;
    (void)rf_status_set(&st, code, "%s", why);
    rf_rpc_stream_end(r->stream, &st);
    free(r);
}

static void begin(void *user)
{
    render *r = user;
    jam_service *s = r->service;
    r->task = (jam_task){.run = render_run,
                         .done = render_done,
                         .hung = render_hung,
                         .left = render_left,
                         .lane = JAM_LANE_RENDER,
                         .due_ns = rf_time_ns(),
                         .limit_ns = LIMIT_NS};
    if (s->draining) {
        refuse(r, RF_UNAVAILABLE, "the server is stopping");
    } else if (!r->in_turn && s->n_renders >= RENDERS_MAX) {
        refuse(r, RF_RESOURCE_EXHAUSTED, "two renders are in hand already");
    } else if (jam_pool_put(s->pool, &r->task) < 0) {
        refuse(r, RF_RESOURCE_EXHAUSTED, "too many renders are waiting");
    } else {
        s->n_renders++;
    }
}

static void take(rf_rpc_call *call, const jam_rpc *rpc, bool in_turn)
{
    render *r = RF_NEW(render);
    r->service = rpc->service;
    r->in_turn = in_turn;
    r->stream = rf_rpc_stream_accept(call);
    rf_loop_post(rpc->service->loop, begin, r);
}

static void on_render(rf_rpc_call *call, void *user)
{
    take(call, user, false);
}

static void on_render_in_turn(rf_rpc_call *call, void *user)
{
    take(call, user, true);
}

void jam_render_rpc_register(jam_rpc *rpc)
{
    rf_rpc_server_handle_stream(rpc->server, &jam_v1_jam_service, JAM_V1_JAM_SERVICE_RENDER,
                                on_render, rpc);
    rf_rpc_server_handle_stream(rpc->server, &jam_v1_jam_service, JAM_V1_JAM_SERVICE_RENDER_IN_TURN,
                                on_render_in_turn, rpc);
}
