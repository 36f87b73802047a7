#include "recorder_event.h"

#include <string.h>

/* The first marker at `frame` or behind it. */
static uint32_t find_marker(const recorder_take *take, int64_t frame)
{
    uint32_t low = 0;
    uint32_t high = take->markers.n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (take->markers.items[middle].frame >= frame) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

static void fill(const recorder_take *take, recorder_event_type type, recorder_event *ret)
{
    *ret = (recorder_event){
        .type = type,
        .tenant = take->start.tenant,
        .session_id = take->start.id,
        .format = take->start.store_format,
        .sample_format = take->start.sample_format,
        .rate_hz = take->start.rate_hz,
        .channels = take->start.channels,
        .state = take->live.state,
        .end_reason =
            recorder_state_captures(take->live.state) ? "" : recorder_reason_name(take->reason),
        .drift_known = take->drift_known,
        .drift_ppm = take->drift_ppm,
        .trace_id = take->start.trace_id,
    };
}

/* The first gap that touches `first` or lies behind it; one that was not filled lies at its frame.
 */
static uint32_t first_gap(const recorder_take *take, int64_t first)
{
    uint32_t at = recorder_gaps_find(&take->gaps, first - 1);
    if (at == take->gaps.n) {
        return at;
    }
    const recorder_gap *gap = &take->gaps.items[at];
    bool ends_there = gap->filled && gap->start_frame + gap->length_frames == first;
    return ends_there ? at + 1 : at;
}

/* Length, times, gaps and markers of frames [first, first + n). */
static void fill_span(const recorder_take *take, int64_t first, int64_t n, recorder_event *ret)
{
    int64_t end = first + n;
    ret->frames = n;
    ret->duration_ms = recorder_duration_ms(n, take->start.rate_hz);
    ret->started_at_ns = recorder_map_utc(&take->map, first);
    ret->ended_at_ns = n > 0 ? recorder_map_utc_end(&take->map, end) : ret->started_at_ns;
    uint32_t gap = first_gap(take, first);
    uint32_t gap_end = gap;
    while (gap_end < take->gaps.n && take->gaps.items[gap_end].start_frame < end) {
        gap_end++;
    }
    ret->gaps = gap_end > gap ? &take->gaps.items[gap] : NULL;
    ret->n_gaps = gap_end - gap;
    /* A marker at the very end is the last segment's. */
    bool is_last = end == take->frames && !recorder_state_captures(take->live.state);
    uint32_t marker = find_marker(take, first);
    ret->n_markers = (is_last ? take->markers.n : find_marker(take, end)) - marker;
    ret->markers = ret->n_markers > 0 ? &take->markers.items[marker] : NULL;
}

void recorder_event_segment(const recorder_take *take, recorder_event_type type, uint32_t index,
                            recorder_event *ret)
{
    const recorder_segment *segment = &take->segments.items[index];
    fill(take, type, ret);
    fill_span(take, segment->first_frame, segment->n_frames, ret);
    ret->sequence = index + 1;
    ret->bytes = segment->bytes;
    ret->sha256 = segment->sha256;
    ret->loudness = segment->loudness;
    recorder_take_segment_key(take, index, ret->key);
}

void recorder_event_session(const recorder_take *take, recorder_event_type type,
                            recorder_event *ret)
{
    fill(take, type, ret);
    fill_span(take, 0, take->frames, ret);
    for (uint32_t i = 0; i < take->segments.n; i++) {
        ret->bytes += take->segments.items[i].bytes;
    }
    recorder_take_key(take, ret->key);
}
