#include "recorder_session_internal.h"

#include "recorder_feed.h"
#include "recorder_publish.h"
#include "rf_time.h"

#define STOP_FRAMES_NS (10 * RF_NS_PER_S) /* a stop waits so long for its last frames */

static recorder_code verdict(const recorder_session *s, recorder_call call, recorder_verdict *ret,
                             recorder_error *error)
{
    const recorder_facts facts = {.result_returned = false};
    *ret = recorder_live_verdict(call, recorder_column_of(true, &s->take->live));
    recorder_code code = recorder_live_code(*ret, &facts);
    return code == RECORDER_OK ? code : recorder_fail_state(error, code);
}

static recorder_code list_full(recorder_error *error, const char *what, int limit)
{
    return recorder_fail(error, RECORDER_INVALID_ARGUMENT, "%s: at most %d in a session", what,
                         limit);
}

recorder_code recorder_session_pause(recorder_session *s, recorder_error *error)
{
    recorder_verdict v;
    recorder_change change = {.kind = RECORDER_CHANGE_PAUSE};
    recorder_feed_settle(s);
    recorder_code code = verdict(s, RECORDER_CALL_PAUSE, &v, error);
    if (code != RECORDER_OK || v == RECORDER_DO_NOTHING || s->take->live.paused) {
        return code;
    }
    change.at.frame = s->take->frames;
    change.at.utc_ns = rf_time_ns() + s->take->utc_offset_ns;
    return recorder_session_change(s, &change, NULL) < 0
               ? list_full(error, "pause", RECORDER_PAUSES_MAX)
               : RECORDER_OK;
}

/* In mode silence the pause has been as long as its frames. */
static int64_t resume_frame(const recorder_session *s, int64_t utc_ns)
{
    const recorder_take *take = s->take;
    int64_t paused_ns = utc_ns - take->pauses.items[take->pauses.n - 1].from_utc_ns;
    if (recorder_take_pauses_cut(take)) {
        return take->frames;
    }
    int64_t ms = RF_MAX(paused_ns, INT64_C(0)) / RF_NS_PER_MS;
    int64_t rest_ns = RF_MAX(paused_ns, INT64_C(0)) % RF_NS_PER_MS;
    int64_t rate = take->start.rate_hz;
    return take->frames + ms * rate / 1000 + rest_ns * rate / RF_NS_PER_S;
}

recorder_code recorder_session_resume(recorder_session *s, recorder_error *error)
{
    recorder_verdict v;
    recorder_change change = {.kind = RECORDER_CHANGE_RESUME};
    recorder_feed_settle(s);
    recorder_code code = verdict(s, RECORDER_CALL_RESUME, &v, error);
    if (code != RECORDER_OK || v == RECORDER_DO_NOTHING || !s->take->live.paused) {
        return code;
    }
    change.at.utc_ns = rf_time_ns() + s->take->utc_offset_ns;
    change.at.frame = resume_frame(s, change.at.utc_ns);
    const bool begins = s->take->frames == 0 && change.at.frame > 0;
    recorder_session_ref(s);
    const recorder_mark mark = {&recorder_session_frames_fns, s, change.at.frame};
    if (recorder_session_change(s, &change, &mark) < 0) {
        recorder_session_unref(s);
        return recorder_fail(error, RECORDER_INVALID_ARGUMENT, "resume: too many pieces of time");
    }
    if (begins) {
        recorder_session_make_master(s);
    }
    recorder_fit_begin(s->fit, s->take->frames, s->take->utc_offset_ns);
    return RECORDER_OK;
}

static int64_t marker_frame(const recorder_session *s, const recorder_bound *at)
{
    bool between;
    if (at == NULL) {
        return s->take->frames;
    }
    return at->is_frame ? at->value : recorder_map_frame(&s->take->map, at->value, &between);
}

recorder_code recorder_session_marker(recorder_session *s, const recorder_bound *at,
                                      const char *label, recorder_error *error)
{
    recorder_change change = {.kind = RECORDER_CHANGE_MARKER};
    if (!recorder_session_captures(s)) {
        return recorder_fail_state(error, RECORDER_NOT_RECORDING);
    }
    if (label[0] == '\0' ||
        rf_copy_str(change.marker.label, sizeof(change.marker.label), label) < 0) {
        return recorder_fail(error, RECORDER_INVALID_ARGUMENT, "label: 1 to %d bytes",
                             RECORDER_LABEL_MAX);
    }
    change.marker.frame = marker_frame(s, at);
    if (change.marker.frame < 0 || change.marker.frame > s->take->frames) {
        return recorder_fail(error, RECORDER_INVALID_ARGUMENT, "at: not within the session");
    }
    change.marker.utc_ns = at != NULL && !at->is_frame
                               ? at->value
                               : recorder_map_utc(&s->take->map, change.marker.frame);
    return recorder_session_change(s, &change, NULL) < 0
               ? list_full(error, "label", RECORDER_MARKERS_MAX)
               : RECORDER_OK;
}

void recorder_session_clock_step(recorder_session *s, int64_t step_ms)
{
    recorder_change change = {.kind = RECORDER_CHANGE_CLOCK_STEP};
    change.clock_step.frame = s->take->frames;
    change.clock_step.step_ms = step_ms;
    if (recorder_session_captures(s)) {
        recorder_session_must_change(s, &change);
    }
}

void recorder_session_clear(recorder_session *s)
{
    recorder_change change = {.kind = RECORDER_CHANGE_CLEAR};
    change.at.frame = s->take->frames;
    recorder_session_must_change(s, &change);
}

void recorder_session_stop(recorder_session *s, int64_t last_frames, recorder_waiter_fn fn,
                           void *user)
{
    const recorder_error none = {.code = RECORDER_OK};
    recorder_error error;
    recorder_verdict v;
    if (verdict(s, RECORDER_CALL_STOP, &v, &error) != RECORDER_OK) {
        fn(user, s, &error);
        return;
    }
    if (v == RECORDER_RESULT_ONCE) {
        fn(user, s, &none);
        return;
    }
    int64_t now_ns = rf_time_ns();
    bool waits = recorder_session_captures(s) && last_frames > s->take->frames;
    int64_t until_ns = now_ns + s->service->config->stop_wait_s * RF_NS_PER_S;
    recorder_session_add_waiter(s, -1, until_ns + (waits ? STOP_FRAMES_NS : 0), fn, user);
    if (waits) {
        s->stop_frames = last_frames;
        s->stop_at_ns = now_ns + STOP_FRAMES_NS;
        recorder_session_rearm(s);
    } else if (recorder_session_captures(s)) {
        if (!recorder_feed_finish(s)) {
            recorder_session_finalize(s, RECORDER_REASON_STOP);
        }
    } else if (v == RECORDER_RETRY) {
        recorder_publish(s);
    }
}
