/* Recorder/Publish: what the messages of a publisher do. */
#include "recorder_publish_rpc_internal.h"

#include "recorder_begin.h"
#include "recorder_request.h"
#include "recorder_text.h"
#include "rf_time.h"

#include <errno.h>
#include <reflection/recorder/v1/recorder.rpc.h>
#include <string.h>

#define WINDOW_S 10
#define WINDOW_BYTES (INT64_C(4) << 20)

static void hold_session(recorder_publisher *p, recorder_session *s)
{
    const recorder_start *start = &s->take->start;
    p->session = s;
    p->sent = recorder_request_sent(start);
    p->window_frames =
        RF_MIN((int64_t)start->rate_hz * WINDOW_S, WINDOW_BYTES / (int64_t)s->frame_bytes);
    recorder_session_ref(s);
}

static void on_begun(void *user, recorder_session *s, const recorder_error *error)
{
    recorder_publisher *p = user;
    (void)s;
    if (p->session == NULL) { /* its client has gone meanwhile */
        recorder_publish_rpc_unref(p);
        return;
    }
    p->ready = true;
    if (error->code != RECORDER_OK) {
        recorder_publish_rpc_say_error(p, error);
    } else {
        recorder_publish_rpc_say_begun(p, false, 0);
    }
    recorder_publish_rpc_unref(p);
}

static recorder_code run_start(recorder_publisher *p, const recorder_publish_event *e,
                               recorder_error *error)
{
    recorder_session *s;
    if (p->session != NULL) {
        return recorder_fail_state(error, RECORDER_ALREADY_RECORDING);
    }
    const recorder_begin_ask ask = {.caller = {.tenant = p->tenant, .scopes = ""},
                                    .recorder_id = e->m->start->recorder_id,
                                    .body = e->m->start->body,
                                    .publisher = true};
    recorder_code code = recorder_begin(p->rpc->service, &ask, on_begun, p, &s, error);
    if (code != RECORDER_OK) {
        return code;
    }
    p->refs++;
    hold_session(p, s);
    recorder_session_publish(s, &recorder_publish_rpc_port, p);
    return RECORDER_OK;
}

static recorder_code run_attach(recorder_publisher *p, const recorder_publish_event *e,
                                recorder_error *error)
{
    recorder_session *s;
    if (p->session != NULL) {
        return recorder_fail_state(error, RECORDER_ALREADY_RECORDING);
    }
    recorder_code code = recorder_registry_find(p->rpc->service->registry, p->tenant,
                                                e->m->attach->session, &s, error);
    code = code == RECORDER_OK ? recorder_session_attach(s, &recorder_publish_rpc_port, p, error)
                               : code;
    if (code == RECORDER_OK) {
        hold_session(p, s);
        p->ready = true;
        recorder_publish_rpc_say_begun(p, true, s->durable);
    }
    return code;
}

static int widen(const recorder_publisher *p, const recorder_publish_event *e, uint32_t n,
                 recorder_error *error, int16_t **ret)
{
    const recorder_start *start = &p->session->take->start;
    size_t values = (size_t)n * start->channels;
    if (values * recorder_sample_size(p->sent) != e->len) {
        (void)recorder_fail(error, RECORDER_BAD_MESSAGE,
                            "audio: %zu bytes are not %u frames of %u channels of %s", e->len, n,
                            start->channels, recorder_sample_name(p->sent));
        return -EINVAL;
    }
    if (p->sent != start->sample_format) {
        *ret = RF_NEW_ARRAY(int16_t, values + 1);
        recorder_sample_widen(p->sent, e->data, values, *ret);
    }
    return 0;
}

static int run_audio(recorder_publisher *p, const recorder_publish_event *e, recorder_error *error)
{
    RF_CLEANUP(rf_cleanup_free) int16_t *wide = NULL;
    recorder_session *s = p->session;
    uint32_t n = e->m->audio->n_frames;
    if (s->take->frames - s->durable >= p->window_frames) {
        return -ENOBUFS;
    }
    int err = widen(p, e, n, error, &wide);
    const void *data = wide != NULL ? (const void *)wide : e->data;
    err = err == 0
              ? recorder_session_audio(s, e->m->audio->first_frame, n, data, e->arrived_ns, error)
              : err;
    return err == -ECANCELED ? 0 : err; /* frames that do not count */
}

static int run_gap(const recorder_publisher *p, const recorder_publish_event *e,
                   recorder_error *error)
{
    const Recorder__V1__PublishGap *m = e->m->gap;
    recorder_gap_cause cause = RECORDER_GAP_PUBLISHER;
    if (m->cause[0] != '\0' && recorder_gap_cause_parse(m->cause, &cause) < 0) {
        (void)recorder_fail(error, RECORDER_INVALID_ARGUMENT, "cause: there is none such");
        return -EINVAL;
    }
    int err = recorder_session_gap(p->session, m->first_frame, m->length, cause, true, error);
    return err == -ECANCELED ? 0 : err;
}

static recorder_code run_marker(const recorder_publisher *p, const recorder_publish_event *e,
                                recorder_error *error)
{
    const Recorder__V1__PublishMarker *m = e->m->marker;
    recorder_bound at;
    bool now = m->at[0] == '\0' || strcmp(m->at, "now") == 0;
    if (!now && recorder_text_bound(m->at, &at) < 0) {
        return recorder_fail(error, RECORDER_INVALID_ARGUMENT,
                             "at: now, f: and a frame, or a time with its zone");
    }
    return recorder_session_marker(p->session, now ? NULL : &at, m->label, error);
}

/* A success has been told by then. */
static void on_stop_answer(void *user, recorder_session *s, const recorder_error *error)
{
    (void)user;
    if (error->code != RECORDER_OK && s->port != NULL) {
        recorder_publish_rpc_stopped(s->port_user, error);
    }
}

static void run_stop(recorder_publisher *p, const recorder_publish_event *e)
{
    const Recorder__V1__PublishStop *m = e->m->stop;
    bool has_last = m->last_case == RECORDER__V1__PUBLISH_STOP__LAST_LAST_FRAME &&
                    m->last_frame <= RECORDER_FRAMES_MAX;
    if (!p->stopping) {
        p->stopping = true;
        recorder_session_stop(p->session, has_last ? (int64_t)m->last_frame : -1, on_stop_answer,
                              NULL);
    }
}

static void run_time(recorder_publisher *p, const recorder_publish_event *e)
{
    Recorder__V1__ToPublisher m = RECORDER__V1__TO_PUBLISHER__INIT;
    Recorder__V1__PublishTime t = RECORDER__V1__PUBLISH_TIME__INIT;
    int64_t offset_ns = recorder_utc_offset_ns();
    t.t0 = e->m->time->t0;
    t.t1 = e->arrived_ns + offset_ns;
    t.t2 = rf_time_ns() + offset_ns;
    m.kind_case = RECORDER__V1__TO_PUBLISHER__KIND_TIME;
    m.time = &t;
    recorder_publish_rpc_send(p, &m);
}

static recorder_code run_control(recorder_publisher *p, const recorder_publish_event *e,
                                 recorder_error *error)
{
    recorder_code code;
    switch (e->m->kind_case) {
    case RECORDER__V1__FROM_PUBLISHER__KIND_PAUSE:
        code = recorder_session_pause(p->session, error);
        break;
    case RECORDER__V1__FROM_PUBLISHER__KIND_RESUME:
        code = recorder_session_resume(p->session, error);
        break;
    case RECORDER__V1__FROM_PUBLISHER__KIND_MARKER:
        code = run_marker(p, e, error);
        break;
    default:
        return recorder_fail(error, RECORDER_BAD_MESSAGE, "message: of no known kind");
    }
    if (code == RECORDER_OK) {
        recorder_publish_rpc_say_done(p);
    }
    return code;
}

int recorder_publish_rpc_run(recorder_publisher *p, const recorder_publish_event *e,
                             recorder_error *error)
{
    int kind = (int)e->m->kind_case;
    if (kind == RECORDER__V1__FROM_PUBLISHER__KIND_START) {
        return run_start(p, e, error) == RECORDER_OK ? 0 : -EINVAL;
    }
    if (kind == RECORDER__V1__FROM_PUBLISHER__KIND_ATTACH) {
        return run_attach(p, e, error) == RECORDER_OK ? 0 : -EINVAL;
    }
    if (kind == RECORDER__V1__FROM_PUBLISHER__KIND_TIME) {
        run_time(p, e);
        return 0;
    }
    if (p->session == NULL) {
        (void)recorder_fail_state(error, RECORDER_NOT_RECORDING);
        return -EINVAL;
    }
    switch (kind) {
    case RECORDER__V1__FROM_PUBLISHER__KIND_AUDIO:
        return run_audio(p, e, error);
    case RECORDER__V1__FROM_PUBLISHER__KIND_GAP:
        return run_gap(p, e, error);
    case RECORDER__V1__FROM_PUBLISHER__KIND_ANCHOR:
        recorder_session_anchor(p->session, (int64_t)e->m->anchor->frame, e->m->anchor->utc_ns);
        return 0;
    case RECORDER__V1__FROM_PUBLISHER__KIND_STOP:
        run_stop(p, e);
        return 0;
    default:
        return run_control(p, e, error) == RECORDER_OK ? 0 : -EINVAL;
    }
}
