/*
 * recorder_log.h - the journal as the owner loop uses it: a change is always taken (it waits here
 * while the journal is full), audio is not; and whoever put something learns when masters hold it
 * and when it is durable. The loop alone.
 */
#ifndef RECORDER_LOG_H
#define RECORDER_LOG_H

#include "recorder_journal.h"

/* Told once each, in order of putting; release comes last. Any may be NULL. value is the putter's
 * own. written and durable come in either order. */
typedef struct recorder_mark_fns {
    void (*written)(void *user, int64_t value);
    void (*durable)(void *user, int64_t value);
    void (*release)(void *user);
} recorder_mark_fns;

typedef struct recorder_mark {
    const recorder_mark_fns *fns;
    void *user;
    int64_t value;
} recorder_mark;

typedef struct recorder_log recorder_log;

/* recorder_log_new lends the journal, which the caller closes. */
recorder_log *recorder_log_new(recorder_journal *journal);
recorder_log *recorder_log_free(recorder_log *log);

/* recorder_log_session registers a master. */
void recorder_log_session(recorder_log *log, const uint8_t *session, uint32_t frame_bytes,
                          const char *path);

/* recorder_log_put takes a CHANGE, SNAPSHOT or END. */
void recorder_log_put(recorder_log *log, const recorder_record *r, const recorder_mark *mark);

/* recorder_log_audio takes frames. -ENOBUFS: try again after something has become durable. */
int recorder_log_audio(recorder_log *log, const recorder_record *r,
                       const recorder_mark *mark) RF_MUST_USE;

/* recorder_log_checkpoint: the snapshots have been put. */
void recorder_log_checkpoint(recorder_log *log, uint64_t file);

/* recorder_log_written and _durable carry the journal's events on. */
void recorder_log_written(recorder_log *log, uint64_t lsn);
void recorder_log_durable(recorder_log *log, uint64_t lsn);

#endif
