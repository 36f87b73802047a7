#include "recorder_slice.h"

#include "recorder_origin.h"
#include "recorder_text.h"
#include "rf_time.h"

#include <errno.h>
#include <string.h>

#define READABLE_WAIT_MS 10000 /* for what has come to be in the master */

typedef struct slice {
    recorder_task task; /* first */
    recorder_session *session;
    const recorder_slice_ops *ops;
    void *user;
    recorder_query query;
    uint32_t wait_ms;
    bool has_to;
    recorder_extract_params params;
    bool draws; /* overview, else audio */
    recorder_overview overview;
    recorder_start start;
    float matrix[RF_MIX_MAX_CHANNELS * RF_MIX_MAX_CHANNELS];
    recorder_tap *tap;
    recorder_error error;
} slice;

/* ---- a thread of the pool ---- */

static int write_bytes(void *user, const void *data, size_t len)
{
    slice *x = user;
    return x->ops->write(x->user, data, len);
}

static int make_file(slice *x, const recorder_frames *frames, rf_media_error *error)
{
    x->params.frames = frames;
    return x->draws ? recorder_overview_write(frames, &x->start, &x->overview, x->params.first,
                                              x->params.count, write_bytes, x)
                    : recorder_extract(&x->params, write_bytes, x, NULL, error);
}

static void run(recorder_task *task)
{
    slice *x = (slice *)task;
    rf_media_error error = {0};
    recorder_origin origin;
    int64_t from_ns = rf_time_ns();
    recorder_service *service = x->session->service;
    recorder_origin_init(&origin, x->tap, service->store, service->decoder);
    const recorder_frames frames = {recorder_origin_read, &origin};
    x->ops->begin(x->user, x->params.first, x->params.count,
                  recorder_origin_exact(&origin, x->params.first, x->params.count),
                  x->draws ? recorder_overview_content_type(&x->overview)
                           : recorder_format_content_type(x->params.output.format));
    int err = make_file(x, &frames, &error);
    recorder_origin_done(&origin);
    if (err == -EINVAL || err == -ENOTSUP) {
        (void)recorder_fail(
            &x->error, err == -EINVAL ? RECORDER_INVALID_ARGUMENT : RECORDER_UNSUPPORTED_FORMAT,
            "%s", error.message);
    } else if (err < 0) {
        (void)recorder_fail(&x->error, RECORDER_STORE_FAILED, "%s", strerror(-err));
    }
    rf_metric_observe(service->metrics->extract_seconds[x->params.output.format],
                      (double)(rf_time_ns() - from_ns) / 1e9);
}

/* ---- the loop ---- */

static void end(slice *x)
{
    x->session->service->n_calls--;
    x->ops->end(x->user, &x->error);
    recorder_tap_unref(x->tap);
    recorder_session_unref(x->session);
    free(x);
}

static void done(recorder_task *task)
{
    end((slice *)task);
}

static void on_readable(void *user, recorder_session *s, const recorder_error *error)
{
    slice *x = user;
    (void)error;
    if (s->readable < x->params.first + x->params.count) {
        (void)recorder_fail(&x->error, RECORDER_STORE_FAILED, "the disk is behind");
        end(x);
    } else {
        recorder_pool_put(s->service->extracts, &x->task);
    }
}

static void resolve(slice *x);

static void on_frames(void *user, recorder_session *s, const recorder_error *error)
{
    slice *x = user;
    (void)s;
    (void)error;
    x->query.may_wait = false;
    resolve(x);
}

static void resolve(slice *x)
{
    recorder_session *s = x->session;
    x->query.now_ns = rf_time_ns() + s->take->utc_offset_ns;
    recorder_range range = recorder_range_resolve(s->take, &x->query);
    if (range.wait) {
        recorder_session_wait(s, range.needed_frames, x->wait_ms, on_frames, x);
        return;
    }
    if (range.code != RECORDER_OK) {
        rf_metric_add(s->service->metrics->range_errors, 1);
        (void)recorder_fail_range(&x->error, &range);
        end(x);
        return;
    }
    x->params.first = range.first;
    x->params.count = range.count;
    x->params.lowest = s->take->cleared;
    x->overview.partial = x->has_to || !recorder_state_captures(s->take->live.state);
    recorder_session_wait(s, range.first + range.count, READABLE_WAIT_MS, on_readable, x);
}

static recorder_code check(slice *x, const recorder_slice_ask *ask)
{
    const recorder_take *take = x->session->take;
    const recorder_facts facts = {.cleared = take->cleared >= take->frames};
    recorder_verdict v =
        recorder_live_verdict(RECORDER_CALL_SEGMENT, recorder_column_of(true, &take->live));
    recorder_code code = recorder_live_code(v, &facts);
    if (code != RECORDER_OK) {
        const recorder_range none = {.code = code, .available = recorder_range_available(take)};
        return recorder_fail_range(&x->error, &none);
    }
    x->query = (recorder_query){.from = {true, take->cleared},
                                .to = {true, take->frames},
                                .clip = ask->clip,
                                .may_wait = ask->wait_ms > 0};
    if (ask->from[0] != '\0' && recorder_text_bound(ask->from, &x->query.from) < 0) {
        return recorder_fail(&x->error, RECORDER_INVALID_ARGUMENT,
                             "from: f: and a frame, or a time with its zone");
    }
    if (ask->to[0] != '\0' && recorder_text_bound(ask->to, &x->query.to) < 0) {
        return recorder_fail(&x->error, RECORDER_INVALID_ARGUMENT,
                             "to: f: and a frame, or a time with its zone");
    }
    return ask->wait_ms > RECORDER_WAIT_MAX_MS
               ? recorder_fail(&x->error, RECORDER_INVALID_ARGUMENT, "wait_ms: 0 to %d",
                               RECORDER_WAIT_MAX_MS)
               : RECORDER_OK;
}

void recorder_slice(recorder_session *s, const recorder_slice_ask *ask,
                    const recorder_slice_ops *ops, void *user)
{
    slice *x = RF_NEW(slice);
    x->task = (recorder_task){.run = run, .done = done};
    x->session = s;
    x->ops = ops;
    x->user = user;
    x->tap = recorder_tap_ref(s->tap);
    x->wait_ms = ask->wait_ms;
    x->has_to = ask->to[0] != '\0';
    x->draws = ask->overview != NULL;
    if (x->draws) {
        x->overview = *ask->overview;
        x->start = s->take->start;
    }
    x->params = (recorder_extract_params){.session = s->tap->pcm, .output = ask->output};
    if (ask->output.matrix != NULL) {
        size_t n = (size_t)ask->output.n_channels * s->tap->pcm.n_channels;
        memcpy(x->matrix, ask->output.matrix, n * sizeof(float));
        x->params.output.matrix = x->matrix;
    }
    recorder_session_ref(s);
    s->service->n_calls++;
    if (check(x, ask) != RECORDER_OK) {
        end(x);
    } else {
        resolve(x);
    }
}
