#include "recorder_meta.h"

#include "recorder_event.h"
#include "recorder_format.h"
#include "recorder_text.h"
#include "rf_id.h"

#include <errno.h>
#include <math.h>

#define PIECES_MAX 256 /* of a time map; gaps have as many: what a segment's 64 KiB hold */
#define LIST_MAX 256

json_t *recorder_meta_time(int64_t utc_ns)
{
    char text[RECORDER_TIME_LEN];
    return json_string(recorder_text_time(utc_ns, text));
}

static void set_i64(json_t *o, const char *name, int64_t value)
{
    json_object_set_new(o, name, json_integer((json_int_t)value));
}

json_t *recorder_meta_gaps(const recorder_gap *gaps, uint32_t n)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < n; i++) {
        const recorder_gap *g = &gaps[i];
        json_array_append_new(list, json_pack("{s:I,s:I,s:o,s:s,s:b,s:b}", "start_frame",
                                              (json_int_t)g->start_frame, "length_frames",
                                              (json_int_t)g->length_frames, "at",
                                              recorder_meta_time(g->utc_ns), "cause",
                                              recorder_gap_cause_name((recorder_gap_cause)g->cause),
                                              "filled", g->filled, "exact", g->exact));
    }
    return list;
}

json_t *recorder_meta_map(const recorder_map *map)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < map->n; i++) {
        const recorder_piece *p = &map->items[i];
        json_array_append_new(list,
                              json_pack("{s:I,s:o,s:f}", "first_frame", (json_int_t)p->first_frame,
                                        "at", recorder_meta_time(p->utc_ns), "ns_per_frame",
                                        (double)p->ns_q32 / 4294967296.0));
    }
    return list;
}

json_t *recorder_meta_markers(const recorder_marker *markers, uint32_t n)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < n; i++) {
        json_array_append_new(
            list, json_pack("{s:I,s:o,s:s}", "frame", (json_int_t)markers[i].frame, "at",
                            recorder_meta_time(markers[i].utc_ns), "label", markers[i].label));
    }
    return list;
}

static json_t *level(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *recorder_meta_loudness(const recorder_loudness *l)
{
    return json_pack("{s:o,s:o,s:o}", "integrated_lufs", level((double)l->integrated_lufs),
                     "range_lu", level((double)l->range_lu), "true_peak_dbtp",
                     level((double)l->true_peak_dbtp));
}

json_t *recorder_meta_live_loudness(const rf_loudness *l)
{
    return json_pack("{s:o,s:o,s:o,s:o,s:o}", "momentary_lufs", level(l->momentary_lufs),
                     "short_term_lufs", level(l->short_term_lufs), "integrated_lufs",
                     level(l->integrated_lufs), "range_lu", level(l->range_lu), "true_peak_dbtp",
                     level(l->true_peak_dbtp));
}

json_t *recorder_meta_segment_json(const recorder_take *take, uint32_t index)
{
    recorder_event e;
    char id[RECORDER_ID_TEXT];
    char sha[2 * RECORDER_SHA256_LEN + 1];
    recorder_event_segment(take, RECORDER_EVENT_SEGMENT_FINISHED, index, &e);
    rf_hex(e.sha256, RECORDER_SHA256_LEN, sha);
    json_t *o =
        json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "session", recorder_text_id(e.session_id, id),
                  "key", e.key, "format", recorder_store_format_name(e.format), "sample_format",
                  recorder_sample_name(e.sample_format), "state", recorder_state_name(e.state),
                  "end_reason", e.end_reason, "sha256", sha);
    set_i64(o, "sequence", e.sequence);
    set_i64(o, "sample_rate", e.rate_hz);
    set_i64(o, "channels", e.channels);
    set_i64(o, "first_frame", take->segments.items[index].first_frame);
    set_i64(o, "frame_count", e.frames);
    set_i64(o, "duration_ms", e.duration_ms);
    set_i64(o, "bytes", (int64_t)e.bytes);
    json_object_set_new(o, "started_at", recorder_meta_time(e.started_at_ns));
    json_object_set_new(o, "ended_at", recorder_meta_time(e.ended_at_ns));
    json_object_set_new(o, "drift_ppm", e.drift_known ? json_real(e.drift_ppm) : json_null());
    if (e.loudness.known) {
        json_object_set_new(o, "loudness", recorder_meta_loudness(&e.loudness));
    }
    return o;
}

int recorder_meta_segment(const recorder_take *take, uint32_t index, rf_buf *out)
{
    recorder_event e;
    recorder_format format;
    recorder_event_segment(take, RECORDER_EVENT_SEGMENT_FINISHED, index, &e);
    json_t *o = recorder_meta_segment_json(take, index);
    if (recorder_format_parse(recorder_store_format_name(e.format), &format) == 0) {
        json_object_set_new(o, "content_type", json_string(recorder_format_content_type(format)));
    }
    recorder_map map = {.items = take->map.items, .n = RF_MIN(take->map.n, (uint32_t)PIECES_MAX)};
    json_object_set_new(o, "gaps",
                        recorder_meta_gaps(e.gaps, RF_MIN(e.n_gaps, (uint32_t)LIST_MAX)));
    set_i64(o, "n_gaps", e.n_gaps);
    json_object_set_new(o, "time_map", recorder_meta_map(&map));
    set_i64(o, "n_time_map", take->map.n);
    json_object_set_new(
        o, "markers",
        recorder_meta_markers(e.markers, RF_MIN(e.n_markers, (uint32_t)LIST_MAX / 4)));
    set_i64(o, "n_markers", e.n_markers);
    return recorder_meta_dump(o, out);
}

static int add(const char *data, size_t len, void *user)
{
    return rf_buf_append(user, data, len) < 0 ? -1 : 0;
}

int recorder_meta_dump(json_t *json, rf_buf *out)
{
    int err = json_dump_callback(json, add, out, JSON_COMPACT);
    json_decref(json);
    return err == 0 ? 0 : RF_MIN(rf_buf_error(out), -ENOMEM);
}
