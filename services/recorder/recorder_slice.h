/*
 * recorder_slice.h - a range of a session as a file of audio or as a waveform overview, asked for
 * by times or frames (T4-T7): waits for it where it may, extracts it on a pool's thread, which may
 * wait for the client.
 */
#ifndef RECORDER_SLICE_H
#define RECORDER_SLICE_H

#include "recorder_overview.h"
#include "recorder_service.h"

typedef struct recorder_slice_ask {
    const char *from;                  /* recorder_text_bound; "" is where the audio begins */
    const char *to;                    /* "" is where it ends now */
    recorder_output output;            /* matrix is copied */
    const recorder_overview *overview; /* copied; NULL: audio. partial is found out */
    bool clip;
    uint32_t wait_ms; /* 0..10,000 */
} recorder_slice_ask;

typedef struct recorder_slice_ops {
    /* A thread of the pool: before the first byte. exact: as it was recorded, nothing was lost on
     * the way to the store and back. */
    void (*begin)(void *user, int64_t first, int64_t count, bool exact, const char *content_type);
    /* A thread of the pool; anything but 0 ends it. */
    int (*write)(void *user, const void *data, size_t len);
    /* The loop, once, the last call. */
    void (*end)(void *user, const recorder_error *error);
} recorder_slice_ops;

/* recorder_slice begins; everything is told to ops. The loop. */
void recorder_slice(recorder_session *s, const recorder_slice_ask *ask,
                    const recorder_slice_ops *ops, void *user);

#endif
