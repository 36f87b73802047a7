/*
 * recorder_flow.h - from the blocks of a ring to numbered frames and gaps (S2, T8, T9).
 *
 * Where the capture may have been interrupted (the sound library flags an xrun, nothing came for
 * 50 ms and longer than this machine is used to, the device was opened again) the blocks behind
 * that place wait in the ring until it is known how much is missing: audio comes late, never early,
 * so the lower edge of the arrivals before and behind the place tells by how far the source has
 * moved. A burst that comes late but whole has moved nothing and is no gap. What is missing is told
 * before the frames behind it, which so keep their place in time. Blocks that found no room in the
 * ring have an exact length. Frames that are refused stay in the ring: what it has no room for
 * meanwhile has the cause of the refusal.
 *
 * Pure: no threads, no clock read. One owner.
 */
#ifndef RECORDER_FLOW_H
#define RECORDER_FLOW_H

#include "recorder_gaps.h"
#include "recorder_ring.h"

typedef struct recorder_flow_events {
    /* n_frames from frame `first` of the session on; the data is the ring's and ends with the call.
     * At arrival_ns (monotonic) the last of them had come. Returns 0, or refuses them: -ENOSPC, the
     * disk is full; -ENOBUFS, for another reason. The next drain offers them again. */
    int (*frames)(void *user, int64_t first, uint32_t n_frames, const void *data,
                  int64_t arrival_ns);
    /* n_frames from `first` on are lost; the next frames come behind them. exact: counted, else
     * measured from arrival times. */
    void (*gap)(void *user, recorder_gap_cause cause, int64_t first, int64_t n_frames, bool exact);
} recorder_flow_events;

typedef struct recorder_flow {
    recorder_ring *ring; /* not owned */
    const recorder_flow_events *events;
    void *user;
    uint32_t rate_hz;

    int64_t next_frame;
    uint32_t stream;         /* of the last block */
    int64_t last_arrival_ns; /* likewise */
    int64_t edge_ns[2]; /* least (arrival - frame time) of the second in hand and the one before */
    int64_t edge_until_ns;
    int64_t wait_ns[2]; /* longest time between two blocks: now and before */
    int64_t wait_until_ns;

    bool passed;                 /* what is missing before the oldest block has been told */
    int64_t refused_ns;          /* when frames were last refused, */
    recorder_gap_cause overflow; /* and the cause of what finds no room in the ring since */

    bool holding; /* the oldest block stands behind an interruption */
    bool xrun;    /* the library flagged one there */
    int64_t held_since_ns;
    int64_t held_frames; /* behind it so far */
    int64_t best_ns;     /* least offset behind it so far */
    int64_t best_at_ns;
    recorder_gap_cause cause; /* of the next interruption, as far as is known */
} recorder_flow;

void recorder_flow_init(recorder_flow *flow, recorder_ring *ring, uint32_t rate_hz,
                        const recorder_flow_events *events, void *user);

/* recorder_flow_drain takes what the ring has and tells of it, up to a place that is still being
 * measured. now_ns is monotonic. Returns how many blocks wait or were told. */
uint32_t recorder_flow_drain(recorder_flow *flow, int64_t now_ns);

/* recorder_flow_reaches says whether the frames captured before until_ns have come. */
bool recorder_flow_reaches(const recorder_flow *flow, int64_t until_ns);

/* recorder_flow_finish is the last drain: frames captured before until_ns are told, those after it
 * are dropped; a place in measurement is decided with what is there. Frames that are refused now
 * are a gap. */
void recorder_flow_finish(recorder_flow *flow, int64_t now_ns, int64_t until_ns);

#endif
