/*
 * recorder_gaps.h - what a session lost (T8, T9, T10): at most 100,000 entries in order of frame,
 * contiguous ones of one cause merged. One owner; an addition at the end is O(1), a search
 * O(log n). 32 bytes an entry.
 */
#ifndef RECORDER_GAPS_H
#define RECORDER_GAPS_H

#include "rf_base.h"

#define RECORDER_GAPS_MAX 100000

/* The numbers are those on disk and in events. */
typedef enum recorder_gap_cause {
    RECORDER_GAP_UNKNOWN = 0,
    RECORDER_GAP_XRUN,
    RECORDER_GAP_DEVICE_LOST,
    RECORDER_GAP_MOVED,
    RECORDER_GAP_SUSPENDED,
    RECORDER_GAP_NETWORK,
    RECORDER_GAP_PUBLISHER,
    RECORDER_GAP_DISK_FULL,
    RECORDER_GAP_RESTART,
    RECORDER_N_GAP_CAUSES,
} recorder_gap_cause;

const char *recorder_gap_cause_name(recorder_gap_cause cause);
/* recorder_gap_cause_parse reads a name; -EINVAL. */
int recorder_gap_cause_parse(const char *name, recorder_gap_cause *ret) RF_MUST_USE;

typedef struct recorder_gap {
    int64_t start_frame;
    int64_t length_frames; /* filled: silence in the session; else frames that were never counted */
    int64_t utc_ns;        /* of its begin */
    uint8_t cause;         /* recorder_gap_cause */
    bool filled;           /* silence stands at start_frame, later frames kept their place */
    bool exact;            /* the length is known, not measured from times */
} recorder_gap;

typedef struct recorder_gaps {
    recorder_gap *items;
    uint32_t n;
    uint32_t cap;
    uint64_t n_unlisted; /* beyond the limit: counted, not listed */
} recorder_gaps;

/* recorder_gaps_add puts a gap of at least one frame in its place; it grows an entry that it
 * continues. Returns true when it was merged or listed, false beyond the limit. */
bool recorder_gaps_add(recorder_gaps *g, const recorder_gap *gap);

/* recorder_gaps_find: the first entry that ends behind `frame`, n when there is none. */
uint32_t recorder_gaps_find(const recorder_gaps *g, int64_t frame);

/* recorder_gaps_done frees the entries and leaves an empty list. */
void recorder_gaps_done(recorder_gaps *g);

#endif
