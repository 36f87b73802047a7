/*
 * recorder_origin.h - where one reader has a session's frames from: its master, or its stored
 * segments where that is gone. Opened with the first frames; a master once open stays readable
 * though its name goes. One thread at a time; blocks on disk and store.
 */
#ifndef RECORDER_ORIGIN_H
#define RECORDER_ORIGIN_H

#include "recorder_reader.h"
#include "recorder_stored.h"
#include "recorder_tap.h"

typedef struct recorder_origin {
    recorder_tap *tap; /* lent, as store and decoder are */
    rf_store *store;
    rf_decoder *decoder; /* may be NULL */
    size_t frame_bytes;
    int fd; /* -1: not open */
    recorder_stored *stored;
    recorder_reader_work work;
} recorder_origin;

void recorder_origin_init(recorder_origin *o, recorder_tap *tap, rf_store *store,
                          rf_decoder *decoder);
void recorder_origin_done(recorder_origin *o);

/* recorder_origin_read is the read of recorder_frames; user is the origin. Frames that nobody
 * wrote, at the end of a master, are silence. */
int recorder_origin_read(void *user, int64_t first, int64_t n, void *out);

/* recorder_origin_exact says whether these frames come as they were recorded. */
bool recorder_origin_exact(recorder_origin *o, int64_t first, int64_t n);

#endif
