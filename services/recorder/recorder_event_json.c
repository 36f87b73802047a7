#include "recorder_event_json.h"

#include "recorder_meta.h"
#include "recorder_text.h"
#include "rf_id.h"

#include <errno.h>
#include <string.h>

#define LIST_MAX 128 /* tried first */

const char *recorder_event_type_name(recorder_event_type type)
{
    static const char *const names[] = {[RECORDER_EVENT_SEGMENT_FINISHED] = "SEGMENT_FINISHED",
                                        [RECORDER_EVENT_SESSION_ENDED] = "SESSION_ENDED",
                                        [RECORDER_EVENT_STORE_FAILED] = "STORE_FAILED",
                                        [RECORDER_EVENT_SEGMENT_DELETED] = "SEGMENT_DELETED"};
    return names[type];
}

static void set_i64(json_t *o, const char *name, int64_t value)
{
    json_object_set_new(o, name, json_integer((json_int_t)value));
}

static void set_str(json_t *o, const char *name, const char *value)
{
    json_object_set_new(o, name, json_string(value));
}

static void set_names(json_t *o, const recorder_event *e)
{
    char id[RECORDER_ID_TEXT];
    char sha[2 * RECORDER_SHA256_LEN + 1] = "";
    if (e->sha256 != NULL) {
        rf_hex(e->sha256, RECORDER_SHA256_LEN, sha);
    }
    set_str(o, "event_id", recorder_text_id(e->event_id, id));
    set_str(o, "type", recorder_event_type_name(e->type));
    set_str(o, "tenant", e->tenant);
    set_str(o, "session_id", recorder_text_id(e->session_id, id));
    set_i64(o, "sequence", e->sequence);
    set_str(o, "key", e->key);
    set_str(o, "format", recorder_store_format_name(e->format));
    set_str(o, "sample_format", recorder_sample_name(e->sample_format));
    set_str(o, "sha256", sha);
    set_str(o, "state", recorder_state_name(e->state));
    set_str(o, "end_reason", e->end_reason);
    set_str(o, "trace_id", e->trace_id);
}

static void set_numbers(json_t *o, const recorder_event *e)
{
    set_i64(o, "rate", e->rate_hz);
    set_i64(o, "channels", e->channels);
    set_i64(o, "frames", e->frames);
    set_i64(o, "duration_ms", e->duration_ms);
    set_i64(o, "started_at_ns", e->started_at_ns);
    set_i64(o, "ended_at_ns", e->ended_at_ns);
    set_i64(o, "bytes", (int64_t)e->bytes);
    json_object_set_new(o, "drift_ppm", json_real(e->drift_known ? e->drift_ppm : 0.0));
    set_i64(o, "emitted_at_ns", e->emitted_at_ns);
    if (e->loudness.known) {
        json_object_set_new(o, "loudness",
                            json_pack("{s:f,s:f,s:f}", "integrated_lufs",
                                      (double)e->loudness.integrated_lufs, "range_lu",
                                      (double)e->loudness.range_lu, "true_peak_dbtp",
                                      (double)e->loudness.true_peak_dbtp));
    }
}

static json_t *gaps_of(const recorder_event *e, uint32_t n)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < n; i++) {
        const recorder_gap *g = &e->gaps[i];
        json_array_append_new(list, json_pack("{s:I,s:I,s:I,s:s,s:b,s:b}", "start_frame",
                                              (json_int_t)g->start_frame, "length_frames",
                                              (json_int_t)g->length_frames, "utc_ns",
                                              (json_int_t)g->utc_ns, "cause",
                                              recorder_gap_cause_name((recorder_gap_cause)g->cause),
                                              "filled", g->filled, "exact", g->exact));
    }
    return list;
}

static json_t *markers_of(const recorder_event *e, uint32_t n)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < n; i++) {
        const recorder_marker *m = &e->markers[i];
        json_array_append_new(list, json_pack("{s:I,s:I,s:s}", "frame", (json_int_t)m->frame,
                                              "utc_ns", (json_int_t)m->utc_ns, "label", m->label));
    }
    return list;
}

static json_t *document(const recorder_event *e, uint32_t most)
{
    json_t *o = json_object();
    set_names(o, e);
    set_numbers(o, e);
    json_object_set_new(o, "gaps", gaps_of(e, RF_MIN(e->n_gaps, most)));
    set_i64(o, "n_gaps", e->n_gaps);
    json_object_set_new(o, "markers", markers_of(e, RF_MIN(e->n_markers, most)));
    set_i64(o, "n_markers", e->n_markers);
    return o;
}

/* With lists half as long until it fits: without any it always does. */
int recorder_event_json(const recorder_event *event, rf_buf *out)
{
    rf_buf text;
    int err = -ENOBUFS;
    for (uint32_t most = LIST_MAX; err < 0; most /= 2) {
        rf_buf_init(&text, RECORDER_EVENT_JSON_MAX);
        err = recorder_meta_dump(document(event, most), &text);
        err = err == 0 ? rf_buf_append(out, text.data, text.len) : err;
        rf_buf_done(&text);
        if (most == 0) {
            break;
        }
    }
    return err;
}
