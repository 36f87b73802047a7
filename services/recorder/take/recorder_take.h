/*
 * recorder_take.h - the durable state of one session, made of its changes: a running service and a
 * recovery apply the same ones in the same order and have the same take. Nothing here reads a
 * clock, does I/O or takes a thread.
 *
 * The fields may be read by anyone who holds the take; only the functions below write them. One
 * owner. A change costs O(1) at the end of a list, whatever the length of the session; a plain
 * session takes 4 KiB, the lists have limits.
 */
#ifndef RECORDER_TAKE_H
#define RECORDER_TAKE_H

#include "recorder_change.h"
#include "recorder_live.h"
#include "recorder_split.h"

#define RECORDER_PAUSES_MAX 10000
#define RECORDER_MARKERS_MAX 10000
#define RECORDER_CLOCK_STEPS_MAX 1000
#define RECORDER_SEGMENTS_MAX 65536
#define RECORDER_SILENCES_MAX 65536
#define RECORDER_CUTS_MAX 4096
#define RECORDER_SNAPSHOT_MAX ((size_t)32 << 20) /* bytes packed */

/* A pause: in mode cut frame == end_frame, in mode silence the frames between are silence. */
typedef struct recorder_pause {
    int64_t frame;
    int64_t end_frame;
    int64_t from_utc_ns;
    int64_t to_utc_ns; /* of an open one: from_utc_ns */
} recorder_pause;

typedef struct recorder_marker {
    int64_t frame;
    int64_t utc_ns;
    char *label;
} recorder_marker;

typedef struct recorder_clock_step {
    int64_t frame;
    int64_t step_ms;
} recorder_clock_step;

typedef struct recorder_span {
    int64_t first_frame;
    int64_t n_frames;
} recorder_span;

/* A growing list of plain items. */
#define RECORDER_LIST(type)                                                                        \
    struct {                                                                                       \
        type *items;                                                                               \
        uint32_t n;                                                                                \
        uint32_t cap;                                                                              \
    }

typedef struct recorder_take {
    uint64_t seq; /* of the last change; 0: none, nothing below counts */
    recorder_start start;
    recorder_live live;
    recorder_reason reason; /* from FINALIZING on */
    int64_t frames;         /* of the session so far */
    int64_t cleared;        /* extraction begins here (O3) */
    int64_t utc_offset_ns;  /* UTC minus monotonic, as last read */
    int64_t changed_utc_ns; /* of the last change of state that tells one */
    recorder_map map;       /* never empty */
    bool drift_known;
    double drift_ppm;
    double drift_error_ppm;
    recorder_gaps gaps;
    RECORDER_LIST(recorder_pause) pauses;   /* the last one is open while live.paused */
    RECORDER_LIST(recorder_marker) markers; /* in order of frame */
    RECORDER_LIST(recorder_clock_step) clock_steps;
    RECORDER_LIST(recorder_segment) segments; /* published; sequence = index + 1 */
    RECORDER_LIST(recorder_span) silences;    /* listed, not stored */
    int64_t covered;                          /* segments and silences hold all frames before it */
    RECORDER_LIST(recorder_cut) cuts; /* decided from `covered` on; the first is a segment */
    uint32_t n_cut_silences;          /* of them */
    int64_t cut_end;                  /* all frames before it are decided */
    uint8_t next_key_id[RECORDER_KEY_ID_LEN]; /* of the segment that begins at `covered` */
} recorder_take;

recorder_take *recorder_take_new(void);
recorder_take *recorder_take_free(recorder_take *take);

/* recorder_take_apply is the only way a take changes, audio apart. A change whose seq has been
 * applied is passed over, so that a journal may hold it twice. Returns 0; -EPROTO when the state or
 * the order of frames forbids it, -EBADMSG for a seq that leaves one out, -EINVAL for values that
 * do not fit, -ENOSPC when a list is full. Nothing has changed after an error. */
int recorder_take_apply(recorder_take *take, const recorder_change *change);

/* recorder_take_audio: frames [first, first + n) have come. What is known already is passed over.
 * Returns 0; -EPROTO when frames before them are missing, or none may come: after the end, or in a
 * pause of mode cut. */
int recorder_take_audio(recorder_take *take, int64_t first, int64_t n);

/* recorder_take_key: the key of the segment that is being recorded or is still to be stored; of the
 * last one where all are. */
void recorder_take_key(const recorder_take *take, char ret[RECORDER_KEY_SIZE]);

/* recorder_take_segment_key: of a published segment, by index. */
void recorder_take_segment_key(const recorder_take *take, uint32_t index,
                               char ret[RECORDER_KEY_SIZE]);

/* T1: of n_frames from first on. */
int64_t recorder_take_started_at(const recorder_take *take);
int64_t recorder_take_ended_at(const recorder_take *take);
int64_t recorder_take_duration_ms(const recorder_take *take);

/* recorder_take_pauses_cut: a pause stops the frame counter. */
bool recorder_take_pauses_cut(const recorder_take *take);

/* recorder_take_bytes: the memory of a take. */
size_t recorder_take_bytes(const recorder_take *take);

/* recorder_take_pack appends a snapshot; unpack makes a take of it, which the caller frees. A
 * snapshot that breaks a rule of apply is refused: -EBADMSG; another version: -ENOTSUP. */
int recorder_take_pack(const recorder_take *take, rf_buf *out);
int recorder_take_unpack(const void *data, size_t len, recorder_take **ret);

#endif
