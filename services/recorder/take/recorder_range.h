/*
 * recorder_range.h - which frames an extract holds (T4-T7, O3): times or frame numbers in, first
 * frame and count out, or the error with what there is. Pure.
 */
#ifndef RECORDER_RANGE_H
#define RECORDER_RANGE_H

#include "recorder_take.h"

#define RECORDER_WAIT_MAX_MS 10000

typedef struct recorder_bound {
    bool is_frame;
    int64_t value; /* frame number, else UTC in ns */
} recorder_bound;

typedef struct recorder_query {
    recorder_bound from;
    recorder_bound to;
    bool clip;      /* cut to the overlap */
    bool may_wait;  /* a future `to` may be waited for */
    int64_t now_ns; /* UTC on the session's map: times up to it in an open pause lie in the pause */
} recorder_query;

/* What can be had: of frames [from_frame, to_frame), with the times of both ends. */
typedef struct recorder_available {
    int64_t from_frame;
    int64_t to_frame;
    int64_t from_utc_ns;
    int64_t to_utc_ns;
} recorder_available;

typedef struct recorder_range {
    recorder_code code; /* OK, INVALID_ARGUMENT, RANGE_OUTSIDE or NO_AUDIO */
    bool wait;          /* no error yet: ask again when the session has needed_frames */
    int64_t needed_frames;
    int64_t first;                /* of an OK */
    int64_t count;                /* may be 0 for times that lie closer together than frames do */
    recorder_available available; /* always filled */
} recorder_range;

/* recorder_range_resolve answers a query from a take that has had its START. */
recorder_range recorder_range_resolve(const recorder_take *take, const recorder_query *query);

/* recorder_range_available: what clear_frames has left of the session. */
recorder_available recorder_range_available(const recorder_take *take);

/* recorder_range_resampled: frames of n_frames at another rate: round(n x out / in), half up. */
int64_t recorder_range_resampled(int64_t n_frames, uint32_t in_hz, uint32_t out_hz);

#endif
