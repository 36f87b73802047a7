/*
 * recorder_watch.h - what the sound server does to the sources that this process records from:
 * move, suspend, removal, death (S3). PortAudio tells none of it.
 *
 * A thread of libpulse's listens; the owner looks whenever it likes, without waiting. Where there
 * is no PulseAudio the watch looks for it every 500 ms and sees nothing.
 */
#ifndef RECORDER_WATCH_H
#define RECORDER_WATCH_H

#include "rf_base.h"

typedef struct recorder_watch recorder_watch;
typedef struct recorder_lib recorder_lib;

/* Counters from the start of the watch on. */
typedef struct recorder_watch_state {
    uint32_t moved;   /* a stream of ours stands on another source */
    uint32_t removed; /* a source that we recorded from is gone */
    uint32_t resumed; /* one works again after it was suspended */
    uint32_t died;    /* the server's connection broke */
    bool suspended;   /* one rests now */
} recorder_watch_state;

/* recorder_watch_new begins to watch; NULL when libpulse cannot start its thread. */
recorder_watch *recorder_watch_new(const recorder_lib *lib);
recorder_watch *recorder_watch_free(recorder_watch *watch);

/* recorder_watch_read: any thread; all zero for NULL. */
recorder_watch_state recorder_watch_read(const recorder_watch *watch);

#endif
