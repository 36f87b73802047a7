#include "recorder_events.h"

#include "recorder_event_json.h"
#include "recorder_text.h"
#include "rf_crypto.h"
#include "rf_id.h"
#include "rf_time.h"

#include <errno.h>
#include <reflection/recorder/v1/event.pb-c.h>
#include <string.h>

#define GAPS_MAX 512 /* of a message of 64 KiB */
#define MARKERS_MAX 64

typedef struct lists {
    Recorder__V1__RecordingGap gaps[GAPS_MAX];
    Recorder__V1__RecordingGap *gap_at[GAPS_MAX];
    Recorder__V1__RecordingMarker markers[MARKERS_MAX];
    Recorder__V1__RecordingMarker *marker_at[MARKERS_MAX];
    Recorder__V1__RecordingLoudness loudness;
} lists;

static char *text(const char *s)
{
    return (char *)(uintptr_t)s;
}

static void make_id(recorder_event *e)
{
    uint8_t name[RECORDER_ID_LEN + 5];
    uint8_t hash[RF_SHA256_LEN];
    memcpy(name, e->session_id, RECORDER_ID_LEN);
    memcpy(name + RECORDER_ID_LEN, &e->sequence, 4);
    name[RECORDER_ID_LEN + 4] = (uint8_t)e->type;
    rf_sha256_of(name, sizeof(name), hash);
    memcpy(e->event_id, hash, sizeof(e->event_id));
}

static void fill_lists(const recorder_event *e, lists *l, Recorder__V1__RecordingEvent *m)
{
    m->n_gaps = RF_MIN(e->n_gaps, (uint32_t)GAPS_MAX);
    m->gaps = l->gap_at;
    for (size_t i = 0; i < m->n_gaps; i++) {
        const recorder_gap *g = &e->gaps[i];
        recorder__v1__recording_gap__init(&l->gaps[i]);
        l->gaps[i].start_frame = g->start_frame;
        l->gaps[i].length_frames = g->length_frames;
        l->gaps[i].utc_ns = g->utc_ns;
        l->gaps[i].cause = text(recorder_gap_cause_name((recorder_gap_cause)g->cause));
        l->gaps[i].filled = g->filled;
        l->gaps[i].exact = g->exact;
        l->gap_at[i] = &l->gaps[i];
    }
    m->n_markers = RF_MIN(e->n_markers, (uint32_t)MARKERS_MAX);
    m->markers = l->marker_at;
    for (size_t i = 0; i < m->n_markers; i++) {
        recorder__v1__recording_marker__init(&l->markers[i]);
        l->markers[i].frame = e->markers[i].frame;
        l->markers[i].utc_ns = e->markers[i].utc_ns;
        l->markers[i].label = e->markers[i].label;
        l->marker_at[i] = &l->markers[i];
    }
}

static void fill_numbers(const recorder_event *e, lists *l, Recorder__V1__RecordingEvent *m)
{
    m->type = (Recorder__V1__RecordingEventType)e->type;
    m->sequence = e->sequence;
    m->rate = e->rate_hz;
    m->channels = e->channels;
    m->frames = e->frames;
    m->duration_ms = e->duration_ms;
    m->started_at_ns = e->started_at_ns;
    m->ended_at_ns = e->ended_at_ns;
    m->bytes = e->bytes;
    m->drift_ppm = e->drift_known ? e->drift_ppm : 0.0;
    m->emitted_at_ns = e->emitted_at_ns;
    if (e->loudness.known) {
        recorder__v1__recording_loudness__init(&l->loudness);
        l->loudness.integrated_lufs = (double)e->loudness.integrated_lufs;
        l->loudness.range_lu = (double)e->loudness.range_lu;
        l->loudness.true_peak_dbtp = (double)e->loudness.true_peak_dbtp;
        m->loudness = &l->loudness;
    }
}

static int append(recorder_outbox *outbox, const recorder_event *e,
                  const Recorder__V1__RecordingEvent *m)
{
    rf_buf json;
    size_t len = recorder__v1__recording_event__get_packed_size(m);
    RF_CLEANUP(rf_cleanup_free) uint8_t *body = rf_alloc(len + 1);
    recorder__v1__recording_event__pack(m, body);
    rf_buf_init(&json, RECORDER_EVENT_JSON_MAX);
    int err = recorder_outbox_wants_json(outbox) ? recorder_event_json(e, &json) : 0;
    if (err == 0) {
        const recorder_outbox_event event = {.type = e->type,
                                             .id = m->event_id,
                                             .tenant = e->tenant,
                                             .key = m->session_id,
                                             .body = body,
                                             .body_len = len,
                                             .json = json.data,
                                             .json_len = json.len};
        err = recorder_outbox_put(outbox, &event);
    }
    rf_buf_done(&json);
    return err;
}

int recorder_events_put(recorder_outbox *outbox, recorder_event *e)
{
    char event_id[RECORDER_ID_TEXT];
    char session_id[RECORDER_ID_TEXT];
    char sha[2 * RECORDER_SHA256_LEN + 1] = "";
    Recorder__V1__RecordingEvent m = RECORDER__V1__RECORDING_EVENT__INIT;
    RF_CLEANUP(rf_cleanup_free) lists *l = RF_NEW(lists);
    make_id(e);
    e->emitted_at_ns = rf_time_wall_ms() * RF_NS_PER_MS;
    fill_numbers(e, l, &m);
    fill_lists(e, l, &m);
    if (e->sha256 != NULL) {
        rf_hex(e->sha256, RECORDER_SHA256_LEN, sha);
    }
    m.event_id = recorder_text_id(e->event_id, event_id);
    m.session_id = recorder_text_id(e->session_id, session_id);
    m.tenant = text(e->tenant);
    m.key = e->key;
    m.format = text(recorder_store_format_name(e->format));
    m.sample_format = text(recorder_sample_name(e->sample_format));
    m.sha256 = sha;
    m.state = text(recorder_state_name(e->state));
    m.end_reason = text(e->end_reason);
    m.trace_id = text(e->trace_id);
    return append(outbox, e, &m);
}
