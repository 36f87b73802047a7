#include "recorder_view.h"

#include "recorder_follow.h"
#include "recorder_meta.h"
#include "recorder_text.h"

#include <errno.h>
#include <string.h>

#define PAGE_DEFAULT 50
#define PAGE_MAX 500
#define LISTED_MAX 1000U /* segments and silences of a document */

static void set_i64(json_t *o, const char *name, int64_t value)
{
    json_object_set_new(o, name, json_integer((json_int_t)value));
}

/* A name from outside, "" where it is no UTF-8. */
static json_t *text_or_none(const char *text)
{
    json_t *json = json_string(text);
    return json != NULL ? json : json_string("");
}

/* What a list has of each. */
static json_t *brief(const recorder_session *s)
{
    const recorder_take *take = s->take;
    char id[RECORDER_ID_TEXT];
    char key[RECORDER_KEY_SIZE];
    recorder_take_key(take, key);
    json_t *o = json_pack(
        "{s:s,s:s,s:s,s:s,s:s,s:s,s:i,s:i,s:i}", "id", recorder_text_id(take->start.id, id), "key",
        key, "state", recorder_state_name(take->live.state), "source",
        recorder_source_name(take->start.source), "sample_format",
        recorder_sample_name(take->start.sample_format), "store_format",
        recorder_store_format_name(take->start.store_format), "channels", (int)take->start.channels,
        "rate", (int)take->start.rate_hz, "chunk", (int)take->start.chunk);
    set_i64(o, "frames", take->frames);
    set_i64(o, "duration_ms", recorder_take_duration_ms(take));
    set_i64(o, "n_segments", take->segments.n);
    json_object_set_new(o, "started_at", recorder_meta_time(recorder_take_started_at(take)));
    if (!recorder_state_captures(take->live.state)) {
        json_object_set_new(o, "ended_at", recorder_meta_time(recorder_take_ended_at(take)));
        json_object_set_new(o, "end_reason", json_string(recorder_reason_name(take->reason)));
    }
    return o;
}

int recorder_view_started(const recorder_session *s, rf_buf *out)
{
    return recorder_meta_dump(brief(s), out);
}

int recorder_view_segment(const recorder_session *s, rf_buf *out)
{
    return s->take->segments.n == 0
               ? -ENODATA
               : recorder_meta_dump(recorder_meta_segment_json(s->take, s->take->segments.n - 1),
                                    out);
}

static json_t *pauses_json(const recorder_take *take)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < take->pauses.n; i++) {
        const recorder_pause *p = &take->pauses.items[i];
        bool open = take->live.paused && i + 1 == take->pauses.n;
        json_array_append_new(
            list, json_pack("{s:I,s:I,s:o,s:o}", "frame", (json_int_t)p->frame, "end_frame",
                            (json_int_t)p->end_frame, "from", recorder_meta_time(p->from_utc_ns),
                            "to", open ? json_null() : recorder_meta_time(p->to_utc_ns)));
    }
    return list;
}

/* The last ones, where there are many. */
static uint32_t first_listed(uint32_t n)
{
    return n > LISTED_MAX ? n - LISTED_MAX : 0;
}

static json_t *segments_json(const recorder_take *take)
{
    json_t *list = json_array();
    for (uint32_t i = first_listed(take->segments.n); i < take->segments.n; i++) {
        json_array_append_new(list, recorder_meta_segment_json(take, i));
    }
    return list;
}

static json_t *silences_json(const recorder_take *take)
{
    json_t *list = json_array();
    for (uint32_t i = first_listed(take->silences.n); i < take->silences.n; i++) {
        const recorder_span *span = &take->silences.items[i];
        json_array_append_new(list,
                              json_pack("{s:I,s:I}", "first_frame", (json_int_t)span->first_frame,
                                        "frame_count", (json_int_t)span->n_frames));
    }
    return list;
}

static json_t *clock_steps_json(const recorder_take *take)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < take->clock_steps.n; i++) {
        json_array_append_new(
            list, json_pack("{s:I,s:I}", "frame", (json_int_t)take->clock_steps.items[i].frame,
                            "step_ms", (json_int_t)take->clock_steps.items[i].step_ms));
    }
    return list;
}

int recorder_view_session(const recorder_session *s, rf_buf *out)
{
    const recorder_take *take = s->take;
    rf_loudness levels;
    json_t *o = brief(s);
    set_i64(o, "durable_frames", s->durable);
    set_i64(o, "cleared_frames", take->cleared);
    set_i64(o, "preroll_frames", take->start.preroll_frames);
    set_i64(o, "consumers", s->n_consumers);
    json_object_set_new(o, "source_name", json_string(take->start.source_name));
    json_object_set_new(o, "stalled",
                        s->stalled ? json_string(recorder_gap_cause_name(s->stall_cause))
                                   : json_null());
    json_object_set_new(o, "requested_at", recorder_meta_time(take->start.requested_at_ns));
    json_object_set_new(o, "time_map", recorder_meta_map(&take->map));
    json_object_set_new(o, "gaps", recorder_meta_gaps(take->gaps.items, take->gaps.n));
    set_i64(o, "gaps_unlisted", (int64_t)take->gaps.n_unlisted);
    json_object_set_new(o, "pauses", pauses_json(take));
    json_object_set_new(o, "markers", recorder_meta_markers(take->markers.items, take->markers.n));
    json_object_set_new(o, "clock_steps", clock_steps_json(take));
    json_object_set_new(o, "segments", segments_json(take));
    json_object_set_new(o, "silences", silences_json(take));
    set_i64(o, "n_silences", take->silences.n);
    if (recorder_follow_levels(s, &levels)) {
        json_object_set_new(o, "loudness", recorder_meta_live_loudness(&levels));
    }
    json_object_set_new(o, "drift_ppm",
                        take->drift_known ? json_real(take->drift_ppm) : json_null());
    json_object_set_new(o, "drift_error_ppm",
                        take->drift_known ? json_real(take->drift_error_ppm) : json_null());
    return recorder_meta_dump(o, out);
}

int recorder_view_devices(const recorder_device_info *items, size_t n, rf_buf *out)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        const recorder_device_info *d = &items[i];
        json_t *o = json_pack("{s:i,s:i,s:i,s:b}", "index", d->index, "channels", (int)d->channels,
                              "default_rate", (int)d->default_rate_hz, "is_default", d->is_default);
        json_object_set_new(o, "name", text_or_none(d->name));
        json_object_set_new(o, "api", text_or_none(d->api));
        json_array_append_new(list, o);
    }
    return recorder_meta_dump(json_pack("{s:o}", "devices", list), out);
}

/* ---- lists ---- */

/* Newest first; ids decide between equals. The cursor is the id of the last one given. */
static int newer_first(const void *a, const void *b)
{
    const recorder_session *x = *(recorder_session *const *)a;
    const recorder_session *y = *(recorder_session *const *)b;
    int64_t dx = x->take->start.requested_at_ns;
    int64_t dy = y->take->start.requested_at_ns;
    return dx != dy ? (dx < dy) - (dx > dy)
                    : memcmp(x->take->start.id, y->take->start.id, RECORDER_ID_LEN);
}

typedef struct filter {
    const char *tenant;
    const char *state;
    const char *prefix;
    int64_t from_ns;
    int64_t to_ns;
} filter;

static bool passes(const recorder_session *s, const filter *f)
{
    const recorder_take *take = s->take;
    size_t n = strlen(f->prefix);
    int64_t at_ns = take->start.requested_at_ns;
    bool in_folder = n == 0 || (strncmp(take->start.folder, f->prefix, n) == 0 &&
                                (take->start.folder[n] == '/' || take->start.folder[n] == '\0'));
    return take->live.state != RECORDER_DELETED && in_folder &&
           strcmp(take->start.tenant, f->tenant) == 0 && at_ns >= f->from_ns && at_ns < f->to_ns &&
           (f->state[0] == '\0' || strcmp(f->state, recorder_state_name(take->live.state)) == 0);
}

static recorder_code make_filter(const recorder_list_ask *ask, const char *tenant, filter *ret,
                                 recorder_error *error)
{
    *ret = (filter){.tenant = tenant,
                    .state = ask->state,
                    .prefix = ask->prefix,
                    .from_ns = INT64_MIN,
                    .to_ns = INT64_MAX};
    bool known = ask->state[0] == '\0';
    for (int i = 0; i < RECORDER_N_STATES; i++) {
        known = known || strcmp(ask->state, recorder_state_name((recorder_state)i)) == 0;
    }
    if (!known) {
        return recorder_fail(error, RECORDER_INVALID_ARGUMENT, "state: there is none such");
    }
    if (ask->from[0] != '\0' && recorder_text_parse_time(ask->from, &ret->from_ns) < 0) {
        return recorder_fail(error, RECORDER_INVALID_ARGUMENT, "from: a time with its zone");
    }
    if (ask->to[0] != '\0' && recorder_text_parse_time(ask->to, &ret->to_ns) < 0) {
        return recorder_fail(error, RECORDER_INVALID_ARGUMENT, "to: a time with its zone");
    }
    return RECORDER_OK;
}

static recorder_session **collect(const recorder_service *service, const filter *f, size_t *ret_n)
{
    size_t cap = 0;
    recorder_session **list = NULL;
    *ret_n = 0;
    for (recorder_session *s = recorder_registry_first(service->registry); s != NULL;
         s = recorder_registry_next(s)) {
        if (!passes(s, f)) {
            continue;
        }
        list = rf_make_room(list, *ret_n + 1, &cap, sizeof(list[0]));
        list[(*ret_n)++] = s;
    }
    if (*ret_n > 1) {
        qsort(list, *ret_n, sizeof(list[0]), newer_first);
    }
    return list;
}

/* The place behind the session that the cursor names; it may have been deleted since, then the
 * page begins anew. */
static size_t behind(recorder_session *const *list, size_t n, const char *cursor)
{
    uint8_t id[RECORDER_ID_LEN];
    if (recorder_text_parse_id(cursor, id) < 0) {
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        if (memcmp(list[i]->take->start.id, id, sizeof(id)) == 0) {
            return i + 1;
        }
    }
    return 0;
}

recorder_code recorder_view_list(const recorder_service *service, const char *tenant,
                                 const recorder_list_ask *ask, rf_buf *out, recorder_error *error)
{
    filter f;
    size_t n;
    char id[RECORDER_ID_TEXT];
    size_t page = ask->page_size == 0 ? PAGE_DEFAULT : ask->page_size;
    recorder_code code = make_filter(ask, tenant, &f, error);
    code = code == RECORDER_OK ? recorder_registry_check(service->registry, error) : code;
    if (code != RECORDER_OK) {
        return code;
    }
    if (page > PAGE_MAX) {
        return recorder_fail(error, RECORDER_INVALID_ARGUMENT, "page_size: 1 to %d", PAGE_MAX);
    }
    RF_CLEANUP(rf_cleanup_free) recorder_session **list = collect(service, &f, &n);
    json_t *items = json_array();
    size_t at = behind(list, n, ask->cursor);
    size_t end = RF_MIN(n, at + page);
    for (; at < end; at++) {
        json_array_append_new(items, brief(list[at]));
    }
    json_t *next =
        end < n ? json_string(recorder_text_id(list[end - 1]->take->start.id, id)) : json_null();
    return recorder_meta_dump(json_pack("{s:o,s:o}", "items", items, "next_cursor", next), out) < 0
               ? recorder_fail(error, RECORDER_INVALID_ARGUMENT, "page_size: too large a page")
               : RECORDER_OK;
}
