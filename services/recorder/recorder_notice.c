#include "recorder_notice.h"

#include "recorder_meta.h"
#include "recorder_text.h"

#include <math.h>

#define DRIFT_STEP_PPM 1.0 /* drift is told again when it has moved so far */

void recorder_notice_unwatch(recorder_session *s, recorder_watcher *w)
{
    recorder_watcher **at = &s->watchers;
    while (*at != NULL && *at != w) {
        at = &(*at)->next;
    }
    if (*at != NULL) {
        *at = w->next;
    }
}

json_t *recorder_notice_new(const recorder_session *s, const char *name)
{
    char id[RECORDER_ID_TEXT];
    return json_pack("{s:s,s:s,s:s}", "type", "event", "event", name, "session",
                     recorder_text_id(s->take->start.id, id));
}

void recorder_notice_tell(recorder_session *s, json_t *event)
{
    recorder_watcher *next;
    for (recorder_watcher *w = s->watchers; w != NULL; w = next) {
        next = w->next;
        w->tell(w->user, event);
    }
    json_decref(event);
}

static void set_i64(json_t *event, const char *name, int64_t value)
{
    json_object_set_new(event, name, json_integer((json_int_t)value));
}

/* Of the whole service: on, and how much. */
static json_t *condition_event(const recorder_session *s, const char *name, bool on,
                               const char *value_name, int64_t value)
{
    json_t *event = recorder_notice_new(s, name);
    json_object_set_new(event, "on", json_boolean(on));
    set_i64(event, value_name, value);
    return event;
}

static void tell_one(recorder_watcher *w, json_t *event)
{
    w->tell(w->user, event);
    json_decref(event);
}

void recorder_notice_watch(recorder_session *s, recorder_watcher *w)
{
    const recorder_service *service = s->service;
    w->next = s->watchers;
    s->watchers = w;
    if (service->low) {
        tell_one(w, condition_event(s, "disk_low", true, "free_bytes",
                                    service->free_bytes(service->dir)));
    }
    if (service->degraded) {
        tell_one(w, condition_event(s, "durability_degraded", true, "sync_ms", service->sync_ms));
    }
}

/* ---- changes ---- */

static void tell_gap(recorder_session *s, const recorder_change *change)
{
    json_t *event = recorder_notice_new(s, "gap");
    json_t *list = recorder_meta_gaps(&change->gap, 1);
    json_object_set(event, "gap", json_array_get(list, 0));
    json_decref(list);
    recorder_notice_tell(s, event);
}

void recorder_notice_stall(recorder_session *s, recorder_gap_cause cause)
{
    json_t *event = recorder_notice_new(s, "gap");
    json_t *gap = json_pack(
        "{s:I,s:n,s:o,s:s,s:b,s:b}", "start_frame", (json_int_t)s->take->frames, "length_frames",
        "at", recorder_meta_time(recorder_map_utc(&s->take->map, s->take->frames)), "cause",
        recorder_gap_cause_name(cause), "filled", false, "exact", false);
    json_object_set_new(event, "gap", gap);
    recorder_notice_tell(s, event);
}

static void tell_pause(recorder_session *s, const recorder_change *change)
{
    json_t *event = recorder_notice_new(s, "pause");
    json_object_set_new(event, "paused", json_boolean(change->kind == RECORDER_CHANGE_PAUSE));
    set_i64(event, "frame", change->at.frame);
    json_object_set_new(event, "at", recorder_meta_time(change->at.utc_ns));
    recorder_notice_tell(s, event);
}

static void tell_drift(recorder_session *s)
{
    const recorder_take *take = s->take;
    if (!take->drift_known ||
        (s->drift_told && fabs(take->drift_ppm - s->told_drift_ppm) < DRIFT_STEP_PPM)) {
        return;
    }
    json_t *event = recorder_notice_new(s, "drift");
    s->drift_told = true;
    s->told_drift_ppm = take->drift_ppm;
    json_object_set_new(event, "drift_ppm", json_real(take->drift_ppm));
    json_object_set_new(event, "drift_error_ppm", json_real(take->drift_error_ppm));
    recorder_notice_tell(s, event);
}

static void tell_clock(recorder_session *s, const recorder_change *change)
{
    json_t *event = recorder_notice_new(s, "clock_step");
    set_i64(event, "step_ms", change->clock_step.step_ms);
    set_i64(event, "frame", change->clock_step.frame);
    recorder_notice_tell(s, event);
}

static void tell_state(recorder_session *s)
{
    json_t *event = recorder_notice_new(s, "state");
    json_object_set_new(event, "state", json_string(recorder_state_name(s->take->live.state)));
    set_i64(event, "frame", s->take->frames);
    if (!recorder_state_captures(s->take->live.state)) {
        json_object_set_new(event, "end_reason",
                            json_string(recorder_reason_name(s->take->reason)));
    }
    recorder_notice_tell(s, event);
}

void recorder_notice_change(recorder_session *s, const recorder_change *change,
                            const recorder_live *before)
{
    if (s->watchers == NULL) {
        return;
    }
    switch (change->kind) {
    case RECORDER_CHANGE_GAP:
        tell_gap(s, change);
        break;
    case RECORDER_CHANGE_PAUSE:
    case RECORDER_CHANGE_RESUME:
        tell_pause(s, change);
        break;
    case RECORDER_CHANGE_MAP:
        tell_drift(s);
        break;
    case RECORDER_CHANGE_CLOCK_STEP:
        tell_clock(s, change);
        break;
    default:
        break;
    }
    if (s->take->live.state != before->state) {
        tell_state(s);
    }
}

/* ---- levels ---- */

static bool wanted(const recorder_session *s)
{
    const recorder_watcher *w = s->watchers;
    while (w != NULL && !w->levels) {
        w = w->next;
    }
    return w != NULL;
}

static json_t *levels_event(const recorder_session *s, int64_t end)
{
    json_t *event = recorder_notice_new(s, "levels");
    json_t *peak = json_array();
    json_t *rms = json_array();
    for (uint32_t c = 0; c < s->tap->pcm.n_channels; c++) {
        json_array_append_new(peak, json_real(recorder_levels_peak_db(&s->levels, c)));
        json_array_append_new(rms, json_real(recorder_levels_rms_db(&s->levels, c)));
    }
    set_i64(event, "frame", end);
    json_object_set_new(event, "peak_dbfs", peak);
    json_object_set_new(event, "rms_dbfs", rms);
    return event;
}

static void tell_levels(recorder_session *s, int64_t end)
{
    json_t *event = levels_event(s, end);
    for (recorder_watcher *w = s->watchers; w != NULL; w = w->next) {
        if (w->levels) {
            w->tell(w->user, event);
        }
    }
    json_decref(event);
    s->levels = (recorder_levels){0};
}

void recorder_notice_audio(recorder_session *s, const void *data, int64_t n)
{
    const uint8_t *at = data;
    int64_t left = n;
    if (s->watchers == NULL || !wanted(s)) {
        return;
    }
    while (left > 0) {
        const int64_t taken = recorder_levels_add(&s->levels, &s->tap->pcm, at, left);
        at += (size_t)taken * s->frame_bytes;
        left -= taken;
        if (recorder_levels_full(&s->levels, &s->tap->pcm)) {
            tell_levels(s, s->take->frames - left);
        }
    }
}

/* ---- of the whole service ---- */

void recorder_notice_service(recorder_service *service, const char *name, bool on,
                             const char *value_name, int64_t value)
{
    for (recorder_session *s = recorder_registry_first(service->registry); s != NULL;
         s = recorder_registry_next(s)) {
        if (s->watchers != NULL && recorder_state_captures(s->take->live.state)) {
            recorder_notice_tell(s, condition_event(s, name, on, value_name, value));
        }
    }
}
