#include "recorder_change_parts.h"
#include "recorder_take.h"

#include <errno.h>
#include <string.h>

#define VERSION 2 /* 1 has no cuts */
#define VERSION_CUTS 2
#define PAUSE_BYTES 32
#define MARKER_BYTES 19
#define PAIR_BYTES 16
#define CUT_BYTES 17

/* ---- writing ---- */

static void put_scalars(const recorder_take *t, rf_buf *out)
{
    recorder_put_u64(out, t->seq);
    recorder_put_start(out, &t->start);
    recorder_put_u8(out, (uint8_t)t->live.state);
    recorder_put_u8(out, t->live.paused);
    recorder_put_u8(out, t->live.recovered);
    recorder_put_u8(out, (uint8_t)t->reason);
    recorder_put_i64(out, t->frames);
    recorder_put_i64(out, t->cleared);
    recorder_put_i64(out, t->utc_offset_ns);
    recorder_put_i64(out, t->changed_utc_ns);
    recorder_put_u8(out, t->drift_known);
    recorder_put_f64(out, t->drift_ppm);
    recorder_put_f64(out, t->drift_error_ppm);
    recorder_put_i64(out, t->covered);
    (void)rf_buf_append(out, t->next_key_id, RECORDER_KEY_ID_LEN);
}

static void put_times(const recorder_take *t, rf_buf *out)
{
    recorder_put_u32(out, t->map.n);
    for (uint32_t i = 0; i < t->map.n; i++) {
        recorder_put_piece(out, &t->map.items[i]);
    }
    recorder_put_u64(out, t->gaps.n_unlisted);
    recorder_put_u32(out, t->gaps.n);
    for (uint32_t i = 0; i < t->gaps.n; i++) {
        recorder_put_gap(out, &t->gaps.items[i]);
    }
    recorder_put_u32(out, t->pauses.n);
    for (uint32_t i = 0; i < t->pauses.n; i++) {
        recorder_put_i64(out, t->pauses.items[i].frame);
        recorder_put_i64(out, t->pauses.items[i].end_frame);
        recorder_put_i64(out, t->pauses.items[i].from_utc_ns);
        recorder_put_i64(out, t->pauses.items[i].to_utc_ns);
    }
    recorder_put_u32(out, t->clock_steps.n);
    for (uint32_t i = 0; i < t->clock_steps.n; i++) {
        recorder_put_i64(out, t->clock_steps.items[i].frame);
        recorder_put_i64(out, t->clock_steps.items[i].step_ms);
    }
}

static void put_contents(const recorder_take *t, rf_buf *out)
{
    recorder_put_u32(out, t->markers.n);
    for (uint32_t i = 0; i < t->markers.n; i++) {
        recorder_put_i64(out, t->markers.items[i].frame);
        recorder_put_i64(out, t->markers.items[i].utc_ns);
        recorder_put_str(out, t->markers.items[i].label);
    }
    recorder_put_u32(out, t->segments.n);
    for (uint32_t i = 0; i < t->segments.n; i++) {
        recorder_put_segment(out, &t->segments.items[i]);
    }
    recorder_put_u32(out, t->silences.n);
    for (uint32_t i = 0; i < t->silences.n; i++) {
        recorder_put_i64(out, t->silences.items[i].first_frame);
        recorder_put_i64(out, t->silences.items[i].n_frames);
    }
    recorder_put_u32(out, t->cuts.n);
    for (uint32_t i = 0; i < t->cuts.n; i++) {
        recorder_put_u8(out, t->cuts.items[i].is_segment);
        recorder_put_i64(out, t->cuts.items[i].first_frame);
        recorder_put_i64(out, t->cuts.items[i].n_frames);
    }
}

int recorder_take_pack(const recorder_take *take, rf_buf *out)
{
    recorder_put_u8(out, VERSION);
    put_scalars(take, out);
    put_times(take, out);
    put_contents(take, out);
    return rf_buf_error(out);
}

/* ---- reading ---- */

static bool is_end_state(const recorder_take *t)
{
    return t->live.state == RECORDER_STORED || t->live.state == RECORDER_RECOVERED;
}

static void get_scalars(recorder_reader *r, recorder_take *t)
{
    t->seq = recorder_get_u64(r);
    recorder_get_start(r, &t->start);
    t->live.state = (recorder_state)recorder_get_below(r, RECORDER_N_STATES);
    t->live.paused = recorder_get_bool(r);
    t->live.recovered = recorder_get_bool(r);
    t->reason = (recorder_reason)recorder_get_below(r, RECORDER_N_REASONS);
    t->frames = recorder_get_frame(r);
    t->cleared = recorder_get_frame(r);
    t->utc_offset_ns = recorder_get_i64(r);
    t->changed_utc_ns = recorder_get_i64(r);
    t->drift_known = recorder_get_bool(r);
    t->drift_ppm = recorder_get_f64(r);
    t->drift_error_ppm = recorder_get_f64(r);
    t->covered = recorder_get_frame(r);
    recorder_get_bytes(r, t->next_key_id, RECORDER_KEY_ID_LEN);
    r->bad = r->bad || t->seq == 0 || t->cleared > t->frames || t->covered > t->frames ||
             (is_end_state(t) && t->covered != t->frames);
}

static void get_map(recorder_reader *r, recorder_take *t)
{
    uint32_t n = recorder_get_count(r, RECORDER_PIECES_MAX, RECORDER_PIECE_BYTES);
    for (uint32_t i = 0; i < n && !r->bad; i++) {
        recorder_piece piece;
        recorder_get_piece(r, &piece);
        r->bad = r->bad || recorder_map_put(&t->map, i, &piece) < 0 || t->map.n != i + 1;
    }
    r->bad = r->bad || n == 0;
}

static void get_gaps(recorder_reader *r, recorder_take *t)
{
    t->gaps.n_unlisted = recorder_get_u64(r);
    uint32_t n = recorder_get_count(r, RECORDER_GAPS_MAX, RECORDER_GAP_BYTES);
    for (uint32_t i = 0; i < n && !r->bad; i++) {
        recorder_gap gap;
        recorder_get_gap(r, &gap);
        int64_t room = t->frames - gap.start_frame;
        bool fits = gap.start_frame <= t->frames && (!gap.filled || gap.length_frames <= room);
        bool follows = i == 0 || t->gaps.items[t->gaps.n - 1].start_frame <= gap.start_frame;
        r->bad = r->bad || !fits || !follows;
        (void)(!r->bad && recorder_gaps_add(&t->gaps, &gap));
    }
}

static void get_pauses(recorder_reader *r, recorder_take *t)
{
    uint32_t n = recorder_get_count(r, RECORDER_PAUSES_MAX, PAUSE_BYTES);
    t->pauses.items = RF_NEW_ARRAY(recorder_pause, RF_MAX(n, 1U));
    t->pauses.cap = RF_MAX(n, 1U);
    for (; t->pauses.n < n; t->pauses.n++) {
        recorder_pause *p = &t->pauses.items[t->pauses.n];
        p->frame = recorder_get_frame(r);
        p->end_frame = recorder_get_frame(r);
        p->from_utc_ns = recorder_get_i64(r);
        p->to_utc_ns = recorder_get_i64(r);
        r->bad = r->bad || p->frame > p->end_frame || p->end_frame > t->frames;
    }
    r->bad = r->bad || (t->live.paused && n == 0);
}

static void get_clock_steps(recorder_reader *r, recorder_take *t)
{
    uint32_t n = recorder_get_count(r, RECORDER_CLOCK_STEPS_MAX, PAIR_BYTES);
    t->clock_steps.items = RF_NEW_ARRAY(recorder_clock_step, RF_MAX(n, 1U));
    t->clock_steps.cap = RF_MAX(n, 1U);
    for (; t->clock_steps.n < n; t->clock_steps.n++) {
        t->clock_steps.items[t->clock_steps.n].frame = recorder_get_frame(r);
        t->clock_steps.items[t->clock_steps.n].step_ms = recorder_get_i64(r);
    }
}

static void get_markers(recorder_reader *r, recorder_take *t)
{
    char label[RECORDER_LABEL_MAX + 1];
    uint32_t n = recorder_get_count(r, RECORDER_MARKERS_MAX, MARKER_BYTES);
    t->markers.items = RF_NEW_ARRAY(recorder_marker, RF_MAX(n, 1U));
    t->markers.cap = RF_MAX(n, 1U);
    for (; t->markers.n < n && !r->bad; t->markers.n++) {
        recorder_marker *m = &t->markers.items[t->markers.n];
        m->frame = recorder_get_frame(r);
        m->utc_ns = recorder_get_i64(r);
        recorder_get_label(r, label);
        r->bad = r->bad || m->frame > t->frames || (t->markers.n > 0 && m[-1].frame > m->frame);
        m->label = rf_strdup(label);
    }
}

/* Both together must be what apply has let through: no hole, no overlap. Two lists in order, each
 * of its own; `next` is the first frame that neither has. */
static bool covers(const recorder_take *t)
{
    int64_t next = 0;
    uint32_t s = 0;
    uint32_t q = 0;
    while (s < t->segments.n || q < t->silences.n) {
        if (s < t->segments.n && t->segments.items[s].first_frame == next) {
            next += t->segments.items[s++].n_frames;
        } else if (q < t->silences.n && t->silences.items[q].first_frame == next) {
            next += t->silences.items[q++].n_frames;
        } else {
            return false;
        }
        if (next > t->covered) {
            return false;
        }
    }
    return next == t->covered;
}

static void get_segments(recorder_reader *r, recorder_take *t)
{
    uint32_t n = recorder_get_count(r, RECORDER_SEGMENTS_MAX, RECORDER_SEGMENT_BYTES);
    t->segments.items = RF_NEW_ARRAY(recorder_segment, RF_MAX(n, 1U));
    t->segments.cap = RF_MAX(n, 1U);
    for (; t->segments.n < n; t->segments.n++) {
        recorder_get_segment(r, &t->segments.items[t->segments.n]);
    }
    n = recorder_get_count(r, RECORDER_SILENCES_MAX, PAIR_BYTES);
    t->silences.items = RF_NEW_ARRAY(recorder_span, RF_MAX(n, 1U));
    t->silences.cap = RF_MAX(n, 1U);
    for (; t->silences.n < n; t->silences.n++) {
        t->silences.items[t->silences.n].first_frame = recorder_get_frame(r);
        t->silences.items[t->silences.n].n_frames = recorder_get_frame(r);
    }
    r->bad = r->bad || !covers(t) || (is_end_state(t) && t->segments.n == 0);
}

static void get_cuts(recorder_reader *r, recorder_take *t)
{
    uint32_t n = recorder_get_count(r, RECORDER_CUTS_MAX, CUT_BYTES);
    t->cuts.items = RF_NEW_ARRAY(recorder_cut, RF_MAX(n, 1U));
    t->cuts.cap = RF_MAX(n, 1U);
    for (; t->cuts.n < n && !r->bad; t->cuts.n++) {
        recorder_cut *c = &t->cuts.items[t->cuts.n];
        c->is_segment = recorder_get_bool(r);
        c->first_frame = recorder_get_frame(r);
        c->n_frames = recorder_get_frame(r);
        t->n_cut_silences += !c->is_segment;
        r->bad = r->bad || c->first_frame != t->cut_end || c->n_frames == 0 ||
                 c->n_frames > t->frames - c->first_frame || (t->cuts.n == 0 && !c->is_segment);
        t->cut_end += r->bad ? 0 : c->n_frames;
    }
    r->bad = r->bad || t->silences.n + t->n_cut_silences > RECORDER_SILENCES_MAX ||
             t->segments.n + t->cuts.n - t->n_cut_silences > RECORDER_SEGMENTS_MAX;
    if (!r->bad && t->n_cut_silences > 0) { /* apply has made room for them */
        t->silences.cap = t->silences.n + t->n_cut_silences;
        t->silences.items =
            rf_grow(t->silences.items, t->silences.cap, sizeof(t->silences.items[0]));
    }
}

int recorder_take_unpack(const void *data, size_t len, recorder_take **ret)
{
    recorder_reader r = {.at = data, .left = len};
    uint8_t version = recorder_get_u8(&r);
    if (r.bad || version < 1 || version > VERSION) {
        return r.bad ? -EBADMSG : -ENOTSUP;
    }
    recorder_take *t = recorder_take_new();
    get_scalars(&r, t);
    get_map(&r, t);
    get_gaps(&r, t);
    get_pauses(&r, t);
    get_clock_steps(&r, t);
    get_markers(&r, t);
    get_segments(&r, t);
    t->cut_end = t->covered;
    if (version >= VERSION_CUTS) {
        get_cuts(&r, t);
    }
    if (recorder_get_end(&r) < 0) {
        recorder_take_free(t);
        return -EBADMSG;
    }
    *ret = t;
    return 0;
}
