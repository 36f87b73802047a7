/*
 * recorder_restore.h - after a crash, the audio that stands in the log goes into the masters and is
 * synced there, session by session, while the journal runs already. What a recovery has found is
 * put in by it; then it belongs to one thread, but for _stop.
 */
#ifndef RECORDER_RESTORE_H
#define RECORDER_RESTORE_H

#include "recorder_record.h"

typedef struct recorder_restore recorder_restore;

/* Where the PCM of one AUDIO record stands. */
typedef struct recorder_extent {
    uint64_t file;
    int64_t at; /* byte in it */
    int64_t first_frame;
    uint32_t n_frames;
    uint32_t len; /* bytes; 0: silence */
} recorder_extent;

/* recorder_restore_new: of the log in dir. */
recorder_restore *recorder_restore_new(const char *dir);
recorder_restore *recorder_restore_free(recorder_restore *r);

/* recorder_restore_add: a session and its audio, in order; takes extents over. path NULL: it has no
 * master, and no extents. */
void recorder_restore_add(recorder_restore *r, const uint8_t *session, uint32_t frame_bytes,
                          const char *path, recorder_extent *extents, size_t n);

/* recorder_restore_run calls whole once for each session, when all its audio in the log is durable
 * in its master; before that nothing else may write to the master. Blocks on the disk. 0: all are
 * whole; the first negative errno of one that is not: run it again, which goes on with these;
 * -ECANCELED: stopped. */
int recorder_restore_run(recorder_restore *r, void (*whole)(void *user, const uint8_t *session),
                         void *user);

/* recorder_restore_stop makes run return soon, now and later. Any thread. */
void recorder_restore_stop(recorder_restore *r);

#endif
