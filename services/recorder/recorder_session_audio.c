#include "recorder_session_internal.h"

#include "recorder_intake.h"
#include "recorder_notice.h"
#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <string.h>

/* ---- audio ---- */

/* The first frames are silence that nobody sent: they make the master, which is otherwise made by
 * audio. */
void recorder_session_make_master(recorder_session *s)
{
    recorder_record r = {.kind = RECORDER_RECORD_AUDIO, .n_frames = 1};
    memcpy(r.session, s->take->start.id, sizeof(r.session));
    const recorder_mark mark = {&recorder_session_frames_fns, s, 1};
    int err = recorder_log_audio(s->service->log, &r, &mark);
    if (err == 0) {
        recorder_session_ref(s);
    } else {
        RF_LOG_ERROR("a master is not made", RF_STR("why", strerror(-err)));
    }
}

static void put_gap(recorder_session *s, int64_t length, recorder_gap_cause cause, bool exact)
{
    recorder_change change = {.kind = RECORDER_CHANGE_GAP};
    change.gap = (recorder_gap){.start_frame = s->take->frames,
                                .length_frames = length,
                                .utc_ns = recorder_map_utc(&s->take->map, s->take->frames),
                                .cause = (uint8_t)cause,
                                .filled = true,
                                .exact = exact};
    if (length <= 0) {
        return;
    }
    recorder_mark mark = {&recorder_session_frames_fns, s, s->take->frames + length};
    recorder_session_ref(s);
    if (recorder_session_change(s, &change, &mark) < 0) {
        recorder_session_unref(s);
        return;
    }
    if (change.gap.start_frame == 0) {
        recorder_session_make_master(s);
    }
    recorder_metrics_gap(s->service->metrics, cause, length, s->take->start.rate_hz);
}

void recorder_session_put_map(recorder_session *s, const recorder_fit_news *news)
{
    recorder_change change = {.kind = RECORDER_CHANGE_MAP};
    if (!news->moved) {
        return;
    }
    change.map.index = news->is_new ? s->take->map.n : s->take->map.n - 1;
    change.map.piece = news->piece;
    change.map.drift_known =
        recorder_fit_drift(s->fit, &change.map.drift_ppm, &change.map.drift_error_ppm);
    if (recorder_session_change(s, &change, NULL) < 0) {
        RF_LOG_DEBUG("a map that is full keeps what it has");
    }
}

static void fit_arrival(recorder_session *s, int64_t end_frame, int64_t mono_ns)
{
    recorder_fit_news news;
    recorder_fit_add(s->fit, end_frame, mono_ns, &news);
    if (news.lost) {
        recorder_change change = {.kind = RECORDER_CHANGE_GAP, .gap = news.gap};
        recorder_session_must_change(s, &change);
        recorder_metrics_gap(s->service->metrics, change.gap.cause, change.gap.length_frames,
                             s->take->start.rate_hz);
    }
    recorder_session_put_map(s, &news);
}

static int append(recorder_session *s, int64_t first, uint32_t n, const void *data)
{
    recorder_record r = {.kind = RECORDER_RECORD_AUDIO,
                         .first_frame = first,
                         .n_frames = n,
                         .data = data,
                         .len = n * s->frame_bytes};
    memcpy(r.session, s->take->start.id, sizeof(r.session));
    const recorder_mark mark = {&recorder_session_frames_fns, s, first + n};
    int err = recorder_log_audio(s->service->log, &r, &mark);
    s->service->starved = s->service->starved || err == -ENOBUFS;
    if (err == 0) {
        recorder_session_ref(s);
        err = recorder_take_audio(s->take, first, n);
    }
    if (err == 0 && s->probe_frames == 0) {
        s->probe_frames = first + n;
        s->probe_ns = rf_time_ns();
        s->probe_durable = false;
    }
    return err;
}

static recorder_intake intake_of(const recorder_session *s)
{
    const recorder_start *start = &s->take->start;
    return (recorder_intake){.expected = s->take->frames,
                             .limit_frames = (int64_t)start->options.max_length_s * start->rate_hz,
                             .rate_hz = start->rate_hz,
                             .jump_max_s = (uint32_t)start->options.gap_jump_max_s};
}

static bool counts(const recorder_session *s)
{
    return recorder_session_captures(s) && !s->take->live.paused;
}

static void after_frames(recorder_session *s, bool at_limit)
{
    if (at_limit) {
        recorder_session_finalize(s, RECORDER_REASON_MAX_LENGTH);
    } else if (s->stop_frames >= 0 && s->take->frames >= s->stop_frames) {
        recorder_session_finalize(s, RECORDER_REASON_STOP);
    }
}

int recorder_session_audio(recorder_session *s, uint64_t first, uint32_t n, const void *data,
                           int64_t mono_ns, recorder_error *error)
{
    recorder_intake in = intake_of(s);
    recorder_intake_step step;
    if (!counts(s)) {
        return -ECANCELED;
    }
    if (recorder_intake_audio(&in, first, n, &step) != RECORDER_OK) {
        (void)recorder_fail(error, RECORDER_GAP_TOO_LONG,
                            "first_frame: more than %u s behind frame %lld, tell a gap first",
                            in.jump_max_s, (long long)in.expected);
        return -EINVAL;
    }
    if (step.gap_frames > 0 && recorder_service_is_full(s->service)) {
        return -ENOBUFS;
    }
    put_gap(s, step.gap_frames, RECORDER_GAP_NETWORK, true);
    const uint8_t *at = (const uint8_t *)data + (size_t)step.skip * s->frame_bytes;
    int err = step.n_frames > 0 ? append(s, s->take->frames, step.n_frames, at) : 0;
    if (err < 0) {
        return err;
    }
    if (step.n_frames > 0) {
        recorder_metrics_frames(s->service->metrics, s->take->start.source, step.n_frames);
        fit_arrival(s, s->take->frames, mono_ns);
        recorder_notice_audio(s, at, step.n_frames);
    }
    after_frames(s, step.at_limit);
    return 0;
}

int recorder_session_gap(recorder_session *s, uint64_t first, uint64_t length,
                         recorder_gap_cause cause, bool exact, recorder_error *error)
{
    recorder_intake in = intake_of(s);
    recorder_intake_step step;
    int64_t declared;
    if (!counts(s)) {
        return -ECANCELED;
    }
    if (recorder_intake_gap(&in, first, length, &step, &declared) != RECORDER_OK) {
        (void)recorder_fail(error, RECORDER_GAP_TOO_LONG, "length: a gap has at most 24 h");
        return -EINVAL;
    }
    put_gap(s, step.gap_frames, RECORDER_GAP_NETWORK, true);
    put_gap(s, declared, cause, exact);
    after_frames(s, step.at_limit);
    return 0;
}

void recorder_session_anchor(recorder_session *s, int64_t frame, int64_t utc_ns)
{
    if (counts(s)) {
        fit_arrival(s, frame, utc_ns - s->take->utc_offset_ns);
    }
}

/* ---- publishers and sources ---- */

void recorder_session_publish(recorder_session *s, const recorder_port *port, void *user)
{
    s->port = port;
    s->port_user = user;
    s->acked = s->durable;
}

recorder_code recorder_session_attach(recorder_session *s, const recorder_port *port, void *user,
                                      recorder_error *error)
{
    recorder_change change = {.kind = RECORDER_CHANGE_ATTACHED};
    if (s->take->start.source != RECORDER_SOURCE_NETWORK || !recorder_session_captures(s)) {
        return recorder_fail_state(error, RECORDER_NOT_RECORDING);
    }
    if (s->take->live.state != RECORDER_INTERRUPTED) {
        return recorder_fail(error, RECORDER_ALREADY_RECORDING, "another publisher is attached");
    }
    change.attached.frame = s->durable;
    change.attached.utc_offset_ns = recorder_utc_offset_ns();
    recorder_session_must_change(s, &change);
    s->attach_until_ns = RF_NEVER_NS;
    s->restarted = false;
    recorder_fit_begin(s->fit, s->take->frames, s->take->utc_offset_ns);
    recorder_session_publish(s, port, user);
    recorder_session_rearm(s);
    rf_metric_add(s->service->metrics->ws_resumes, 1);
    return RECORDER_OK;
}

void recorder_session_interrupt(recorder_session *s)
{
    recorder_change change = {.kind = RECORDER_CHANGE_INTERRUPTED};
    change.at.frame = s->take->frames;
    change.at.utc_ns = rf_time_ns() + recorder_utc_offset_ns();
    recorder_session_must_change(s, &change);
}

void recorder_session_await_attach(recorder_session *s)
{
    s->attach_until_ns = rf_time_ns() + s->take->start.options.attach_window_s * RF_NS_PER_S;
    recorder_session_rearm(s);
}

void recorder_session_detach(recorder_session *s)
{
    s->port = NULL;
    if (s->take->start.source != RECORDER_SOURCE_NETWORK) {
        return; /* it goes on without the client that began it */
    }
    if (!recorder_session_captures(s) || s->service->draining) {
        return; /* a restart finds it as it is */
    }
    recorder_session_interrupt(s);
    recorder_session_await_attach(s);
}
