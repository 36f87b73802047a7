/*
 * recorder_source.h - what a session records from when it is not a network publisher: a device or a
 * file. An implementation is a constant table; the service opens one for each session and knows
 * nothing else of it. Everything runs on the owner loop; a source that has threads of its own posts
 * to the loop.
 *
 *     open --> opened --> frames, gap, stalled, back ... --> end (it is over) | lost (it is gone)
 *          \-> failed
 *     stop: no event comes any more; allowed at any time after open, from within an event too
 */
#ifndef RECORDER_SOURCE_H
#define RECORDER_SOURCE_H

#include "recorder_change.h"
#include "recorder_error.h"
#include "rf_loop.h"

/* What a source tells. user is what was given to open. */
typedef struct recorder_source_events {
    /* It runs; name is what it calls itself, "" for what it was called in the start. 0;
     * -ESHUTDOWN: it is not wanted any more, stop has been called. */
    int (*opened)(void *user, const char *name);
    /* It cannot run; stop has been called on return. */
    void (*failed)(void *user, const recorder_error *error);
    /* The next n_frames in the session's kept sample format, all of which had come at monotonic
     * time mono_ns. Returns 0; -ENOBUFS: nothing was taken, the disk is behind; offer them again
     * when resume is called, or later, or tell a gap in their place; -ENOSPC: likewise, the disk is
     * full; -ECANCELED: the session is paused and counts no frames; -ESHUTDOWN: the session has
     * ended with these frames, stop has been called and the source is gone. */
    int (*frames)(void *user, const void *data, uint32_t n_frames, int64_t mono_ns);
    /* n_frames that were lost since the last frames, known now that the gap is over. 0 or
     * -ESHUTDOWN. */
    int (*gap)(void *user, recorder_gap_cause cause, int64_t n_frames, bool exact);
    /* Nothing comes any more, for a cause as far as it is known; it comes again (S4). */
    void (*stalled)(void *user, recorder_gap_cause cause);
    void (*back)(void *user);
    /* The source is over and all its frames were told; stop has been called on return. */
    void (*end)(void *user);
    /* It is gone and does not come back; stop has been called on return. */
    void (*lost)(void *user);
} recorder_source_events;

typedef struct recorder_source_ops {
    /* Opens for a session of this start. events and start live as long as the source. 0 and the
     * source, which tells opened or failed later; else an error (INVALID_ARGUMENT, NOT_FOUND). */
    recorder_code (*open)(void *factory, const recorder_start *start, rf_loop *loop,
                          const recorder_source_events *events, void *user, void **ret_source,
                          recorder_error *error);
    /* Frames that were refused may be offered again. */
    void (*resume)(void *source);
    /* Tells what was captured before this call, at most 150 ms from now, then end. NULL: there is
     * nothing to wait for. */
    void (*finish)(void *source);
    /* Ends and frees. */
    void (*stop)(void *source);
} recorder_source_ops;

/* A table and what its open gets: one for each recorder_source that the service offers. */
typedef struct recorder_source_entry {
    const recorder_source_ops *ops; /* NULL: not offered */
    void *factory;
} recorder_source_entry;

#endif
