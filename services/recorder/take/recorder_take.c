#include "recorder_take.h"

#include <errno.h>
#include <string.h>

/* ROOM gives a list room for one more item, -ENOSPC at its limit. */
#define ROOM(list, max) room(&(list).items, &(list).cap, (list).n, max, sizeof(*(list).items))

static int room(void *items, uint32_t *cap, uint32_t n, uint32_t max, size_t size)
{
    void *old;
    if (n >= max) {
        return -ENOSPC;
    }
    if (n < *cap) {
        return 0;
    }
    memcpy(&old, items, sizeof(old));
    *cap = RF_MIN(RF_MAX(*cap * 2, 4U), max);
    void *grown = rf_grow(old, *cap, size);
    memcpy(items, &grown, sizeof(grown));
    return 0;
}

recorder_take *recorder_take_new(void)
{
    return RF_NEW(recorder_take);
}

recorder_take *recorder_take_free(recorder_take *take)
{
    if (take == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < take->markers.n; i++) {
        free(take->markers.items[i].label);
    }
    free(take->markers.items);
    free(take->pauses.items);
    free(take->clock_steps.items);
    free(take->segments.items);
    free(take->silences.items);
    free(take->cuts.items);
    recorder_gaps_done(&take->gaps);
    recorder_map_done(&take->map);
    free(take);
    return NULL;
}

bool recorder_take_pauses_cut(const recorder_take *take)
{
    return take->start.options.pause_mode == RECORDER_PAUSE_CUT;
}

static bool captures(const recorder_take *take)
{
    return recorder_state_captures(take->live.state);
}

/* May frames be added now? */
static bool counts(const recorder_take *take)
{
    return captures(take) && !(take->live.paused && recorder_take_pauses_cut(take));
}

/* ---- one function a kind ---- */

static int apply_start(recorder_take *t, const recorder_change *c)
{
    const char *field;
    if (recorder_start_check(&c->start, &field) < 0) {
        return -EINVAL;
    }
    t->start = c->start;
    t->utc_offset_ns = c->start.utc_offset_ns;
    t->changed_utc_ns = c->start.requested_at_ns;
    memcpy(t->next_key_id, c->start.key_id, sizeof(t->next_key_id));
    int64_t before_ns =
        (int64_t)c->start.preroll_frames * INT64_C(1000000000) / (int64_t)c->start.rate_hz;
    recorder_piece piece = {.ns_q32 = recorder_map_nominal(c->start.rate_hz)};
    if (__builtin_sub_overflow(c->start.requested_at_ns, before_ns, &piece.utc_ns)) {
        return -EINVAL;
    }
    return recorder_map_put(&t->map, 0, &piece);
}

static int apply_gap(recorder_take *t, const recorder_change *c)
{
    const recorder_gap *gap = &c->gap;
    bool in_place = gap->filled ? gap->start_frame == t->frames && counts(t)
                                : gap->start_frame <= t->frames && captures(t);
    if (!in_place) {
        return -EPROTO;
    }
    if (gap->length_frames <= 0 || gap->length_frames > RECORDER_FRAMES_MAX - t->frames) {
        return -EINVAL;
    }
    (void)recorder_gaps_add(&t->gaps, gap);
    t->frames += gap->filled ? gap->length_frames : 0;
    return 0;
}

static int apply_pause(recorder_take *t, const recorder_change *c)
{
    recorder_live live = t->live;
    if (c->at.frame != t->frames || recorder_live_step(&live, RECORDER_STEP_PAUSE) < 0) {
        return -EPROTO;
    }
    int err = ROOM(t->pauses, RECORDER_PAUSES_MAX);
    if (err < 0) {
        return err;
    }
    t->pauses.items[t->pauses.n++] = (recorder_pause){
        .frame = c->at.frame,
        .end_frame = c->at.frame,
        .from_utc_ns = c->at.utc_ns,
        .to_utc_ns = c->at.utc_ns,
    };
    t->live = live;
    return 0;
}

/* In mode cut time has gone on without frames: a new piece, to be fitted by what comes. */
static int resume_map(recorder_take *t, const recorder_change *c)
{
    recorder_piece piece = *recorder_map_piece(&t->map, t->frames);
    piece.first_frame = t->frames;
    piece.utc_ns = c->at.utc_ns;
    return recorder_map_put(&t->map, t->map.n, &piece);
}

static int apply_resume(recorder_take *t, const recorder_change *c)
{
    recorder_live live = t->live;
    bool cut = recorder_take_pauses_cut(t);
    bool in_place = cut ? c->at.frame == t->frames : c->at.frame >= t->frames;
    if (!in_place || recorder_live_step(&live, RECORDER_STEP_RESUME) < 0) {
        return -EPROTO;
    }
    int err = cut ? resume_map(t, c) : 0;
    if (err < 0) {
        return err;
    }
    recorder_pause *pause = &t->pauses.items[t->pauses.n - 1];
    pause->end_frame = c->at.frame;
    pause->to_utc_ns = c->at.utc_ns;
    t->frames = c->at.frame;
    t->live = live;
    return 0;
}

static int apply_marker(recorder_take *t, const recorder_change *c)
{
    size_t len = strlen(c->marker.label);
    if (!captures(t)) {
        return -EPROTO;
    }
    if (len == 0 || c->marker.frame < 0 || c->marker.frame > t->frames) {
        return -EINVAL;
    }
    int err = ROOM(t->markers, RECORDER_MARKERS_MAX);
    if (err < 0) {
        return err;
    }
    uint32_t at = t->markers.n++;
    for (; at > 0 && t->markers.items[at - 1].frame > c->marker.frame; at--) {
        t->markers.items[at] = t->markers.items[at - 1];
    }
    t->markers.items[at] = (recorder_marker){
        .frame = c->marker.frame,
        .utc_ns = c->marker.utc_ns,
        .label = rf_strndup(c->marker.label, len),
    };
    return 0;
}

/* The map freezes when the session ends (T2). */
static int apply_map(recorder_take *t, const recorder_change *c)
{
    if (!captures(t)) {
        return -EPROTO;
    }
    int err = recorder_map_put(&t->map, c->map.index, &c->map.piece);
    if (err == 0 && c->map.drift_known) {
        t->drift_known = true;
        t->drift_ppm = c->map.drift_ppm;
        t->drift_error_ppm = c->map.drift_error_ppm;
    }
    return err;
}

/* A step is told, the map does not move (T3). Beyond the limit it is only part of the offset. */
static int apply_clock_step(recorder_take *t, const recorder_change *c)
{
    if (!captures(t)) {
        return -EPROTO;
    }
    if (ROOM(t->clock_steps, RECORDER_CLOCK_STEPS_MAX) == 0) {
        t->clock_steps.items[t->clock_steps.n++] =
            (recorder_clock_step){c->clock_step.frame, c->clock_step.step_ms};
    }
    return 0;
}

static int apply_clear(recorder_take *t, const recorder_change *c)
{
    if (c->at.frame < 0 || c->at.frame > t->frames) {
        return -EINVAL;
    }
    t->cleared = RF_MAX(t->cleared, c->at.frame);
    return 0;
}

static int step(recorder_take *t, recorder_step to, int64_t utc_ns)
{
    int err = recorder_live_step(&t->live, to);
    if (err == 0) {
        t->changed_utc_ns = utc_ns;
    }
    return err;
}

static int apply_interrupted(recorder_take *t, const recorder_change *c)
{
    return step(t, RECORDER_STEP_LOST, c->at.utc_ns);
}

static int apply_attached(recorder_take *t, const recorder_change *c)
{
    if (c->attached.frame > t->frames) {
        return -EPROTO;
    }
    int err = recorder_live_step(&t->live, RECORDER_STEP_ATTACH);
    if (err == 0) {
        t->utc_offset_ns = c->attached.utc_offset_ns;
    }
    return err;
}

static int apply_finalize(recorder_take *t, const recorder_change *c)
{
    int64_t frames = c->finalize.frames;
    recorder_live live = t->live;
    if (frames > t->frames || frames < t->cut_end ||
        recorder_live_step(&live, RECORDER_STEP_FINALIZE) < 0) {
        return -EPROTO;
    }
    live.recovered = c->finalize.reason == RECORDER_REASON_RECOVERED;
    t->live = live;
    t->reason = c->finalize.reason;
    t->frames = frames;
    t->cleared = RF_MIN(t->cleared, frames);
    return 0;
}

/* Segments and silences follow each other without a hole and without overlap. */
static bool may_cover(const recorder_take *t, int64_t at, int64_t first, int64_t n)
{
    bool open =
        captures(t) || t->live.state == RECORDER_FINALIZING || t->live.state == RECORDER_PENDING;
    return open && first == at && n >= 0 && n <= t->frames - first;
}

static bool is_next_cut(const recorder_take *t, const recorder_segment *s)
{
    return t->cuts.n == 0 || t->cuts.items[0].n_frames == s->n_frames;
}

static void list_silence(recorder_take *t, int64_t first, int64_t n)
{
    t->silences.items[t->silences.n++] = (recorder_span){first, n};
    t->covered += n;
}

/* The first cut is stored; silences behind it are listed. */
static void pass_cuts(recorder_take *t)
{
    uint32_t n = t->cuts.n > 0 ? 1 : 0;
    for (; n < t->cuts.n && !t->cuts.items[n].is_segment; n++) {
        list_silence(t, t->cuts.items[n].first_frame, t->cuts.items[n].n_frames);
        t->n_cut_silences--;
    }
    t->cuts.n -= n;
    if (t->cuts.n > 0) {
        memmove(t->cuts.items, t->cuts.items + n, t->cuts.n * sizeof(t->cuts.items[0]));
    }
    t->cut_end = RF_MAX(t->cut_end, t->covered);
}

static int apply_segment(recorder_take *t, const recorder_change *c)
{
    const recorder_segment *s = &c->segment.segment;
    if (!may_cover(t, t->covered, s->first_frame, s->n_frames) || !is_next_cut(t, s) ||
        c->segment.sequence != t->segments.n + 1 ||
        memcmp(s->key_id, t->next_key_id, sizeof(s->key_id)) != 0) {
        return -EPROTO;
    }
    int err = ROOM(t->segments, RECORDER_SEGMENTS_MAX);
    if (err == 0) {
        t->segments.items[t->segments.n++] = *s;
        t->covered += s->n_frames;
        memcpy(t->next_key_id, c->segment.next_key_id, sizeof(t->next_key_id));
        pass_cuts(t);
    }
    return err;
}

static int add_cut(recorder_take *t, const recorder_change *c, bool is_segment)
{
    int err = ROOM(t->cuts, RECORDER_CUTS_MAX);
    if (err == 0) {
        t->cuts.items[t->cuts.n++] = (recorder_cut){.is_segment = is_segment,
                                                    .first_frame = c->span.first_frame,
                                                    .n_frames = c->span.n_frames};
        t->n_cut_silences += !is_segment;
        t->cut_end += c->span.n_frames;
    }
    return err;
}

/* The last place is that of what is left at the end. */
static int apply_cut(recorder_take *t, const recorder_change *c)
{
    if (!may_cover(t, t->cut_end, c->span.first_frame, c->span.n_frames)) {
        return -EPROTO;
    }
    uint32_t n = t->segments.n + t->cuts.n - t->n_cut_silences;
    return n + 1 >= RECORDER_SEGMENTS_MAX ? -ENOSPC : add_cut(t, c, true);
}

/* A silence behind a segment that is not yet stored is listed after it. */
static int apply_silence(recorder_take *t, const recorder_change *c)
{
    if (!may_cover(t, t->cut_end, c->span.first_frame, c->span.n_frames)) {
        return -EPROTO;
    }
    uint32_t n = t->silences.n + t->n_cut_silences;
    int err = room(&t->silences.items, &t->silences.cap, n, RECORDER_SILENCES_MAX,
                   sizeof(t->silences.items[0]));
    if (err < 0 || t->cuts.n > 0) {
        return err < 0 ? err : add_cut(t, c, false);
    }
    list_silence(t, c->span.first_frame, c->span.n_frames);
    t->cut_end = t->covered;
    return 0;
}

/* Stored is what lies in the store to the last frame, as one segment at least. */
static int apply_stored(recorder_take *t, const recorder_change *c)
{
    bool all = t->segments.n > 0 && t->covered == t->frames;
    return all ? step(t, RECORDER_STEP_STORED, c->at.utc_ns) : -EPROTO;
}

static int apply_pending(recorder_take *t, const recorder_change *c)
{
    return step(t, RECORDER_STEP_FAILED, c->at.utc_ns);
}

static int apply_deleted(recorder_take *t, const recorder_change *c)
{
    return step(t, RECORDER_STEP_DELETE, c->at.utc_ns);
}

static int (*const appliers[RECORDER_CHANGE_END])(recorder_take *, const recorder_change *) = {
    [RECORDER_CHANGE_START] = apply_start,
    [RECORDER_CHANGE_GAP] = apply_gap,
    [RECORDER_CHANGE_PAUSE] = apply_pause,
    [RECORDER_CHANGE_RESUME] = apply_resume,
    [RECORDER_CHANGE_MARKER] = apply_marker,
    [RECORDER_CHANGE_MAP] = apply_map,
    [RECORDER_CHANGE_CLOCK_STEP] = apply_clock_step,
    [RECORDER_CHANGE_CLEAR] = apply_clear,
    [RECORDER_CHANGE_INTERRUPTED] = apply_interrupted,
    [RECORDER_CHANGE_ATTACHED] = apply_attached,
    [RECORDER_CHANGE_FINALIZE] = apply_finalize,
    [RECORDER_CHANGE_SEGMENT] = apply_segment,
    [RECORDER_CHANGE_SILENCE] = apply_silence,
    [RECORDER_CHANGE_STORED] = apply_stored,
    [RECORDER_CHANGE_PENDING] = apply_pending,
    [RECORDER_CHANGE_DELETED] = apply_deleted,
    [RECORDER_CHANGE_CUT] = apply_cut,
};

int recorder_take_apply(recorder_take *take, const recorder_change *change)
{
    bool is_start = change->kind == RECORDER_CHANGE_START;
    if (change->seq >= 1 && change->seq <= take->seq) {
        return 0;
    }
    if (change->seq != take->seq + 1) {
        return -EBADMSG;
    }
    if (is_start != (take->seq == 0)) {
        return -EPROTO;
    }
    int err = appliers[change->kind](take, change);
    if (err == 0) {
        take->seq = change->seq;
    }
    return err;
}

int recorder_take_audio(recorder_take *take, int64_t first, int64_t n)
{
    int64_t end = first + n;
    if (take->seq == 0 || first > take->frames || first < 0 || n < 0 || end > RECORDER_FRAMES_MAX) {
        return -EPROTO;
    }
    if (end <= take->frames) {
        return 0;
    }
    if (!counts(take)) {
        return -EPROTO;
    }
    take->frames = end;
    return 0;
}

/* ---- what is asked of it ---- */

void recorder_take_segment_key(const recorder_take *take, uint32_t index,
                               char ret[RECORDER_KEY_SIZE])
{
    recorder_key_of(take->start.folder, take->segments.items[index].key_id,
                    take->start.store_format, ret);
}

void recorder_take_key(const recorder_take *take, char ret[RECORDER_KEY_SIZE])
{
    bool all = !captures(take) && take->segments.n > 0 && take->covered == take->frames;
    if (all) {
        recorder_take_segment_key(take, take->segments.n - 1, ret);
        return;
    }
    recorder_key_of(take->start.folder, take->next_key_id, take->start.store_format, ret);
}

int64_t recorder_take_started_at(const recorder_take *take)
{
    return recorder_map_utc(&take->map, 0);
}

int64_t recorder_take_ended_at(const recorder_take *take)
{
    return recorder_map_utc_end(&take->map, take->frames);
}

int64_t recorder_take_duration_ms(const recorder_take *take)
{
    return recorder_duration_ms(take->frames, take->start.rate_hz);
}

size_t recorder_take_bytes(const recorder_take *take)
{
    size_t bytes = sizeof(*take) + take->map.cap * sizeof(*take->map.items) +
                   take->gaps.cap * sizeof(*take->gaps.items) +
                   take->pauses.cap * sizeof(*take->pauses.items) +
                   take->markers.cap * sizeof(*take->markers.items) +
                   take->clock_steps.cap * sizeof(*take->clock_steps.items) +
                   take->segments.cap * sizeof(*take->segments.items) +
                   take->silences.cap * sizeof(*take->silences.items) +
                   take->cuts.cap * sizeof(*take->cuts.items);
    for (uint32_t i = 0; i < take->markers.n; i++) {
        bytes += strlen(take->markers.items[i].label) + 1;
    }
    return bytes;
}
