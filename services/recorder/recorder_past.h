/*
 * recorder_past.h - the last seconds of a source, in a ring file: audio with its arrival times, and
 * what was lost between. Audio is gathered in memory for 100 ms, then written by a thread that the
 * owner lends; what is read again comes from where it is. The file has no name and goes with the
 * process.
 *
 * One owner, but for recorder_past_write and recorder_past_read: another thread, one at a time,
 * each between its begin and its end.
 */
#ifndef RECORDER_PAST_H
#define RECORDER_PAST_H

#include "recorder_gaps.h"

typedef struct recorder_past recorder_past;

/* Frames that came together, or were lost together. */
typedef struct recorder_past_piece {
    int64_t n_frames;
    int64_t mono_ns; /* when the last of them had come */
    int64_t at;      /* the owner need not know: where they lie */
    bool is_gap;
    bool exact; /* of a gap */
    recorder_gap_cause cause;
} recorder_past_piece;

/* recorder_past_new keeps the last `wanted` frames, in a file of the directory. Returns 0 or the
 * errno of making that. */
int recorder_past_new(const char *dir, uint32_t frame_bytes, uint32_t rate_hz, int64_t wanted,
                      recorder_past **ret);
recorder_past *recorder_past_free(recorder_past *past);

/* recorder_past_frames and _gap take what comes next. What is older than `wanted` is forgotten
 * unless `keep` says that all of it is still to be read. */
void recorder_past_frames(recorder_past *past, const void *data, int64_t n, int64_t mono_ns,
                          bool keep);
void recorder_past_gap(recorder_past *past, recorder_gap_cause cause, int64_t n, bool exact,
                       int64_t mono_ns, bool keep);
void recorder_past_clear(recorder_past *past);

/* recorder_past_cut forgets all but the last `wanted` frames, to the frame; how many there are. */
int64_t recorder_past_cut(recorder_past *past);

/* recorder_past_is_full: more is not to be put behind what is still to be read: 4 MiB are in
 * memory, or the list of pieces is full. */
bool recorder_past_is_full(const recorder_past *past);

/* ---- writing ---- */

/* recorder_past_write_begin: true when there is enough to write; then write, on any thread, and
 * end, with its result: what could not be written is a gap of cause disk_full. */
bool recorder_past_write_begin(recorder_past *past);
int recorder_past_write(recorder_past *past);
void recorder_past_write_end(recorder_past *past, int err);

/* ---- reading, the oldest first ---- */

typedef enum recorder_past_kind {
    RECORDER_PAST_NOTHING,
    RECORDER_PAST_GAP,
    RECORDER_PAST_MEMORY,  /* its frames are at *ret_data until something comes or is taken */
    RECORDER_PAST_FILE,    /* recorder_past_read gives its frames */
    RECORDER_PAST_WRITING, /* look again after write_end */
} recorder_past_kind;

recorder_past_kind recorder_past_look(const recorder_past *past, recorder_past_piece *ret,
                                      const void **ret_data);
int recorder_past_read(recorder_past *past, const recorder_past_piece *piece, void *out);

/* recorder_past_take: the oldest piece is done with. */
void recorder_past_take(recorder_past *past);

#endif
