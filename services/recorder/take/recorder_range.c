#include "recorder_range.h"

recorder_available recorder_range_available(const recorder_take *take)
{
    return (recorder_available){
        .from_frame = take->cleared,
        .to_frame = take->frames,
        .from_utc_ns = recorder_map_utc(&take->map, take->cleared),
        .to_utc_ns = recorder_map_utc_end(&take->map, take->frames),
    };
}

int64_t recorder_range_resampled(int64_t n_frames, uint32_t in_hz, uint32_t out_hz)
{
    /* In two parts: 31 days of 192 kHz times 192,000 is more than 63 bits. */
    int64_t whole = n_frames / in_hz * out_hz;
    int64_t rest = n_frames % in_hz * out_hz;
    return whole + (2 * rest + in_hz) / (2 * (int64_t)in_hz);
}

/* A bound as a frame; pause: it stands for a time without frames. */
typedef struct place {
    int64_t frame;
    bool pause;
} place;

static bool in_open_pause(const recorder_take *t, const recorder_query *q, int64_t utc_ns)
{
    return t->live.paused && recorder_take_pauses_cut(t) && utc_ns <= q->now_ns &&
           utc_ns >= t->pauses.items[t->pauses.n - 1].from_utc_ns;
}

static place place_of(const recorder_take *t, const recorder_query *q, recorder_bound bound)
{
    place p = {.frame = bound.value};
    if (bound.is_frame) {
        return p;
    }
    if (in_open_pause(t, q, bound.value)) {
        return (place){t->frames, true};
    }
    p.frame = recorder_map_frame(&t->map, bound.value, &p.pause);
    return p;
}

/* Is `to` behind `from`? Of one kind as given, else by their frames. */
static bool is_forward(const recorder_query *q, place from, place to)
{
    return q->from.is_frame == q->to.is_frame ? q->to.value > q->from.value : to.frame > from.frame;
}

/* The session may still come to have this frame. */
static bool may_come(const recorder_take *t, int64_t frame)
{
    int64_t ahead = (int64_t)t->start.rate_hz * RECORDER_WAIT_MAX_MS / 1000;
    return recorder_state_captures(t->live.state) && frame - t->frames <= ahead;
}

static recorder_range outside(recorder_range r, bool is_empty)
{
    r.code = is_empty ? RECORDER_NO_AUDIO : RECORDER_RANGE_OUTSIDE;
    return r;
}

recorder_range recorder_range_resolve(const recorder_take *take, const recorder_query *query)
{
    recorder_range r = {.available = recorder_range_available(take)};
    int64_t low = r.available.from_frame;
    int64_t high = r.available.to_frame;
    place from = place_of(take, query, query->from);
    place to = place_of(take, query, query->to);
    if (!is_forward(query, from, to)) {
        r.code = RECORDER_INVALID_ARGUMENT;
        return r;
    }
    if (to.frame > high && query->may_wait && may_come(take, to.frame)) {
        r.wait = true;
        r.needed_frames = to.frame;
        return r;
    }
    bool is_less = from.frame < low || to.frame > high || from.frame > high;
    bool in_pause = from.frame == to.frame && (from.pause || to.pause);
    int64_t first = RF_MAX(from.frame, low);
    int64_t end = RF_MIN(to.frame, high);
    if (low >= high || in_pause || (is_less && (!query->clip || end <= first))) {
        return outside(r, low >= high);
    }
    r.first = first;
    r.count = end - first;
    return r;
}
