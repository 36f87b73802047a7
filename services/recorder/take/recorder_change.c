#include "recorder_change.h"

#include "recorder_change_parts.h"

#include <errno.h>
#include <string.h>

#define VERSION 1

const char *recorder_source_name(recorder_source source)
{
    static const char *const names[RECORDER_N_SOURCES] = {"device", "network", "file"};
    return names[source];
}

const char *recorder_reason_name(recorder_reason reason)
{
    static const char *const names[RECORDER_N_REASONS] = {
        "stop", "source_end", "max_length", "source_lost", "disk_full", "recovered",
    };
    return names[reason];
}

/* ---- one pair of functions a kind ---- */

static void put_start(rf_buf *out, const recorder_change *c)
{
    recorder_put_start(out, &c->start);
}

static void get_start(recorder_reader *r, recorder_change *c)
{
    recorder_get_start(r, &c->start);
}

static void put_gap(rf_buf *out, const recorder_change *c)
{
    recorder_put_gap(out, &c->gap);
}

static void get_gap(recorder_reader *r, recorder_change *c)
{
    recorder_get_gap(r, &c->gap);
}

static void put_at(rf_buf *out, const recorder_change *c)
{
    recorder_put_i64(out, c->at.frame);
    recorder_put_i64(out, c->at.utc_ns);
}

static void get_at(recorder_reader *r, recorder_change *c)
{
    c->at.frame = recorder_get_frame(r);
    c->at.utc_ns = recorder_get_i64(r);
}

static void put_marker(rf_buf *out, const recorder_change *c)
{
    recorder_put_i64(out, c->marker.frame);
    recorder_put_i64(out, c->marker.utc_ns);
    recorder_put_str(out, c->marker.label);
}

static void get_marker(recorder_reader *r, recorder_change *c)
{
    c->marker.frame = recorder_get_frame(r);
    c->marker.utc_ns = recorder_get_i64(r);
    recorder_get_label(r, c->marker.label);
}

static void put_map(rf_buf *out, const recorder_change *c)
{
    recorder_put_u32(out, c->map.index);
    recorder_put_piece(out, &c->map.piece);
    recorder_put_u8(out, c->map.drift_known);
    recorder_put_f64(out, c->map.drift_ppm);
    recorder_put_f64(out, c->map.drift_error_ppm);
}

static void get_map(recorder_reader *r, recorder_change *c)
{
    c->map.index = recorder_get_u32(r);
    recorder_get_piece(r, &c->map.piece);
    c->map.drift_known = recorder_get_bool(r);
    c->map.drift_ppm = recorder_get_f64(r);
    c->map.drift_error_ppm = recorder_get_f64(r);
}

static void put_clock_step(rf_buf *out, const recorder_change *c)
{
    recorder_put_i64(out, c->clock_step.frame);
    recorder_put_i64(out, c->clock_step.step_ms);
}

static void get_clock_step(recorder_reader *r, recorder_change *c)
{
    c->clock_step.frame = recorder_get_frame(r);
    c->clock_step.step_ms = recorder_get_i64(r);
}

static void put_attached(rf_buf *out, const recorder_change *c)
{
    recorder_put_i64(out, c->attached.frame);
    recorder_put_i64(out, c->attached.utc_offset_ns);
}

static void get_attached(recorder_reader *r, recorder_change *c)
{
    c->attached.frame = recorder_get_frame(r);
    c->attached.utc_offset_ns = recorder_get_i64(r);
}

static void put_finalize(rf_buf *out, const recorder_change *c)
{
    recorder_put_u8(out, (uint8_t)c->finalize.reason);
    recorder_put_i64(out, c->finalize.frames);
}

static void get_finalize(recorder_reader *r, recorder_change *c)
{
    c->finalize.reason = (recorder_reason)recorder_get_below(r, RECORDER_N_REASONS);
    c->finalize.frames = recorder_get_frame(r);
}

static void put_segment(rf_buf *out, const recorder_change *c)
{
    recorder_put_u32(out, c->segment.sequence);
    recorder_put_segment(out, &c->segment.segment);
    (void)rf_buf_append(out, c->segment.next_key_id, RECORDER_KEY_ID_LEN);
}

static void get_segment(recorder_reader *r, recorder_change *c)
{
    c->segment.sequence = recorder_get_u32(r);
    recorder_get_segment(r, &c->segment.segment);
    recorder_get_bytes(r, c->segment.next_key_id, RECORDER_KEY_ID_LEN);
}

static void put_span(rf_buf *out, const recorder_change *c)
{
    recorder_put_i64(out, c->span.first_frame);
    recorder_put_i64(out, c->span.n_frames);
}

static void get_span(recorder_reader *r, recorder_change *c)
{
    c->span.first_frame = recorder_get_frame(r);
    c->span.n_frames = recorder_get_frame(r);
    r->bad = r->bad || c->span.n_frames == 0;
}

static const struct {
    void (*put)(rf_buf *out, const recorder_change *c);
    void (*get)(recorder_reader *r, recorder_change *c);
} kinds[RECORDER_CHANGE_END] = {
    [RECORDER_CHANGE_START] = {put_start, get_start},
    [RECORDER_CHANGE_GAP] = {put_gap, get_gap},
    [RECORDER_CHANGE_PAUSE] = {put_at, get_at},
    [RECORDER_CHANGE_RESUME] = {put_at, get_at},
    [RECORDER_CHANGE_MARKER] = {put_marker, get_marker},
    [RECORDER_CHANGE_MAP] = {put_map, get_map},
    [RECORDER_CHANGE_CLOCK_STEP] = {put_clock_step, get_clock_step},
    [RECORDER_CHANGE_CLEAR] = {put_at, get_at},
    [RECORDER_CHANGE_INTERRUPTED] = {put_at, get_at},
    [RECORDER_CHANGE_ATTACHED] = {put_attached, get_attached},
    [RECORDER_CHANGE_FINALIZE] = {put_finalize, get_finalize},
    [RECORDER_CHANGE_SEGMENT] = {put_segment, get_segment},
    [RECORDER_CHANGE_SILENCE] = {put_span, get_span},
    [RECORDER_CHANGE_STORED] = {put_at, get_at},
    [RECORDER_CHANGE_PENDING] = {put_at, get_at},
    [RECORDER_CHANGE_DELETED] = {put_at, get_at},
    [RECORDER_CHANGE_CUT] = {put_span, get_span},
};

static bool is_kind(unsigned kind)
{
    return kind < RECORDER_CHANGE_END && kinds[kind].put != NULL;
}

int recorder_change_unpack(const void *data, size_t len, recorder_change *ret)
{
    recorder_reader r = {.at = data, .left = len};
    recorder_change change;
    if (recorder_get_u8(&r) != VERSION) {
        return r.bad ? -EBADMSG : -ENOTSUP;
    }
    unsigned kind = recorder_get_u8(&r);
    if (!is_kind(kind)) {
        return -EBADMSG;
    }
    memset(&change, 0, sizeof(change));
    change.kind = (recorder_change_kind)kind;
    change.seq = recorder_get_u64(&r);
    kinds[kind].get(&r, &change);
    int err = recorder_get_end(&r);
    if (err == 0) {
        *ret = change;
    }
    return err;
}

/* What is written can be read: the same checks, once. */
int recorder_change_pack(const recorder_change *change, rf_buf *out)
{
    uint8_t bytes[RECORDER_CHANGE_MAX];
    rf_buf packed = {.data = bytes, .cap = sizeof(bytes), .max = sizeof(bytes) - 1};
    recorder_change back;
    if (!is_kind((unsigned)change->kind)) {
        return -EINVAL;
    }
    recorder_put_u8(&packed, VERSION);
    recorder_put_u8(&packed, (uint8_t)change->kind);
    recorder_put_u64(&packed, change->seq);
    kinds[change->kind].put(&packed, change);
    if (rf_buf_error(&packed) < 0 || recorder_change_unpack(bytes, packed.len, &back) < 0) {
        return -EINVAL;
    }
    return rf_buf_append(out, bytes, packed.len);
}
