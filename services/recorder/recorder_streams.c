#include "recorder_streams.h"

#include "recorder_origin.h"

#include <errno.h>
#include <string.h>

#define TURN_PIECES 16 /* then others have their turn */

typedef enum turn { TURN_IDLE, TURN_AGAIN, TURN_BLOCKED, TURN_OVER } turn;

struct recorder_consumer {
    recorder_task task;      /* first */
    recorder_consumer *next; /* of the session's */
    recorder_session *session;
    const recorder_outlet *outlet;
    void *user;
    bool running; /* in the pool */
    bool again;   /* something has come meanwhile */
    bool blocked; /* until the client has room */
    _Atomic(bool) cancelled;

    /* The thread that serves it. */
    recorder_tap *tap;
    recorder_stream_params params;
    recorder_origin origin;
    recorder_frames frames; /* the origin's */
    float matrix[RF_MIX_MAX_CHANNELS * RF_MIX_MAX_CHANNELS];
    recorder_stream *stream;
    recorder_stream_piece piece; /* not sent yet */
    bool has_piece;
    turn turn;
    recorder_error error;
};

/* ---- a thread of the pool ---- */

static int open_stream(recorder_consumer *c)
{
    rf_media_error error;
    int err = recorder_stream_open(&c->params, &c->stream, &error);
    if (err == -EINVAL || err == -ENOTSUP) {
        (void)recorder_fail(
            &c->error, err == -EINVAL ? RECORDER_INVALID_ARGUMENT : RECORDER_UNSUPPORTED_FORMAT,
            "%s", error.message);
    }
    return err == 0 && c->outlet->opened != NULL ? c->outlet->opened(c->user, c->params.first)
                                                 : err;
}

static int next_piece(recorder_consumer *c)
{
    bool ended = atomic_load(&c->tap->ended);
    int64_t readable = atomic_load(&c->tap->readable);
    int n = recorder_stream_next(c->stream, readable, ended, &c->piece);
    if (n > 0) {
        const int64_t behind = readable - recorder_stream_cursor(c->stream);
        rf_metric_observe(c->session->service->metrics->consumer_lag_seconds,
                          (double)behind / c->tap->pcm.rate_hz);
    }
    return n;
}

static turn fail(recorder_consumer *c, int err)
{
    if (c->error.code == RECORDER_OK) {
        (void)recorder_fail(
            &c->error, err == -EOVERFLOW ? RECORDER_CONSUMER_TOO_SLOW : RECORDER_STORE_FAILED,
            err == -EOVERFLOW ? "too far behind the session" : "%s", strerror(-err));
    }
    return TURN_OVER;
}

static turn serve(recorder_consumer *c)
{
    for (int i = 0; i < TURN_PIECES; i++) {
        int n = c->has_piece ? 1 : next_piece(c);
        if (n <= 0) {
            return n == 0 ? TURN_IDLE : fail(c, n);
        }
        int err = c->outlet->piece(c->user, &c->piece);
        c->has_piece = err == -EAGAIN;
        if (err == -EAGAIN) {
            return TURN_BLOCKED;
        }
        if (err < 0 || c->piece.end) {
            return err < 0 ? fail(c, err) : TURN_OVER;
        }
    }
    return TURN_AGAIN;
}

static void run(recorder_task *task)
{
    recorder_consumer *c = (recorder_consumer *)task;
    int err = c->stream == NULL ? open_stream(c) : 0;
    if (atomic_load(&c->cancelled)) {
        c->turn = TURN_OVER;
    } else {
        c->turn = err < 0 ? fail(c, err) : serve(c);
    }
    if (c->turn == TURN_OVER) {
        c->stream = recorder_stream_close(c->stream);
        recorder_origin_done(&c->origin);
    }
}

/* ---- the loop ---- */

static void forget(recorder_consumer *c)
{
    recorder_session *s = c->session;
    recorder_consumer **at = &s->consumers;
    while (*at != c) {
        at = &(*at)->next;
    }
    *at = c->next;
    s->n_consumers--;
    s->service->n_consumers--;
    rf_metric_add(s->service->metrics->consumers[c->params.output.format], -1);
    recorder_session_unref(s);
}

static void put(recorder_consumer *c)
{
    c->again = false;
    c->running = true;
    recorder_pool_put(c->session->service->streams, &c->task);
}

static void done(recorder_task *task)
{
    recorder_consumer *c = (recorder_consumer *)task;
    c->running = false;
    c->blocked = c->turn == TURN_BLOCKED && !c->again;
    if (c->turn == TURN_OVER) {
        forget(c);
        c->outlet->end(c->user, &c->error);
        recorder_tap_unref(c->tap);
        free(c);
    } else if (c->again || c->turn == TURN_AGAIN) {
        put(c);
    }
}

static void wake(recorder_consumer *c)
{
    if (c->running) {
        c->again = true;
    } else {
        put(c);
    }
}

void recorder_streams_wake(recorder_session *s)
{
    for (recorder_consumer *c = s->consumers; c != NULL; c = c->next) {
        if (!c->blocked) {
            wake(c);
        }
    }
}

void recorder_consumer_resume(recorder_consumer *c)
{
    c->blocked = false;
    wake(c);
}

void recorder_consumer_cancel(recorder_consumer *c)
{
    atomic_store(&c->cancelled, true);
    recorder_consumer_resume(c);
}

static recorder_code admit(const recorder_session *s, bool from_now, recorder_error *error)
{
    const recorder_config *config = s->service->config;
    const recorder_facts facts = {.from_now = from_now};
    recorder_verdict v =
        recorder_live_verdict(RECORDER_CALL_STREAM, recorder_column_of(true, &s->take->live));
    recorder_code code = recorder_live_code(v, &facts);
    if (code != RECORDER_OK) {
        return recorder_fail_state(error, code);
    }
    if (s->n_consumers >= (size_t)config->consumers_per_session ||
        s->service->n_consumers >= (size_t)config->consumers_max) {
        return recorder_fail(
            error, RECORDER_TOO_MANY_CONSUMERS, "at most %lld of a session, %lld in all",
            (long long)config->consumers_per_session, (long long)config->consumers_max);
    }
    return RECORDER_OK;
}

static void fill_params(recorder_consumer *c, const recorder_listen *listen)
{
    const recorder_session *s = c->session;
    c->params = (recorder_stream_params){.fd = -1,
                                         .frames = &c->frames,
                                         .session = s->tap->pcm,
                                         .output = listen->output,
                                         .chunk_frames = listen->chunk_frames,
                                         .framing = listen->framing,
                                         .lag_policy = listen->lag_policy,
                                         .lag_limit_ms = listen->lag_limit_ms};
    if (c->params.chunk_frames == 0) {
        c->params.chunk_frames = s->take->start.chunk;
    }
    c->params.first = listen->from == RECORDER_FROM_NOW     ? s->readable
                      : listen->from == RECORDER_FROM_FRAME ? listen->frame
                                                            : 0;
    if (listen->output.matrix != NULL) {
        size_t n = (size_t)listen->output.n_channels * s->tap->pcm.n_channels;
        memcpy(c->matrix, listen->output.matrix, n * sizeof(float));
        c->params.output.matrix = c->matrix;
    }
}

recorder_code recorder_streams_open(recorder_session *s, const recorder_listen *listen,
                                    const recorder_outlet *outlet, void *user,
                                    recorder_consumer **ret, recorder_error *error)
{
    recorder_code code = admit(s, listen->from == RECORDER_FROM_NOW, error);
    if (code != RECORDER_OK) {
        return code;
    }
    recorder_consumer *c = RF_NEW(recorder_consumer);
    c->task = (recorder_task){.run = run, .done = done};
    c->session = s;
    c->outlet = outlet;
    c->user = user;
    c->tap = recorder_tap_ref(s->tap);
    recorder_origin_init(&c->origin, c->tap, s->service->store, s->service->decoder);
    c->frames = (recorder_frames){recorder_origin_read, &c->origin};
    fill_params(c, listen);
    recorder_session_ref(s);
    c->next = s->consumers;
    s->consumers = c;
    s->n_consumers++;
    s->service->n_consumers++;
    rf_metric_add(s->service->metrics->consumers[c->params.output.format], 1);
    *ret = c;
    put(c);
    return RECORDER_OK;
}
