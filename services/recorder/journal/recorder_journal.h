/*
 * recorder_journal.h - the durable memory of all sessions of a process: one shared log with one
 * sync for all, and a master (raw PCM) for each session. It knows bytes, sessions by number and
 * frames, nothing of takes. Requirements D1-D5, D9 and D10; on-disk format, order of steps and kill
 * points: README.md.
 *
 * Functions belong to one thread, the owner, and never wait for the disk, but open, recover and
 * close. Three threads do: the writer (log, then masters), the syncer (one fdatasync for all that
 * was written), and the sealer (background: syncs masters, removes what is no longer needed of the
 * log, watches free space). Events come on these threads; what they call must hand over and return.
 * None comes before open has returned its journal to *ret, nor after close.
 *
 * What is accepted gets the number of its batch, an lsn, rising from 1. Events speak of lsns: all
 * that was accepted up to this one. The owner remembers for each session which frame belongs to
 * which lsn, and acknowledges nothing before durable() has named it.
 *
 * Memory: what is accepted and not yet durable, at most held_bytes for audio, twice that with the
 * rest.
 */
#ifndef RECORDER_JOURNAL_H
#define RECORDER_JOURNAL_H

#include "recorder_restore.h"

typedef struct recorder_journal recorder_journal;

typedef struct recorder_journal_config {
    const char *dir;       /* made when missing; one process at a time */
    int64_t commit_ms;     /* 20 (5..30): how long records are gathered for one write and sync */
    int64_t rotate_bytes;  /* 64 MiB (64 KiB..4 GiB): a file of the log has about this size */
    int64_t held_bytes;    /* 16 MiB (1 MiB..1 GiB) */
    int64_t reserve_bytes; /* 64 MiB (0..1 GiB): set aside for a full disk */
    int64_t low_bytes;     /* 1 GiB (64 MiB..1 TiB): less free space is disk_low */
    int64_t slow_sync_ms;  /* 20 (1..10,000): a longer sync is durability_degraded */
    int64_t watch_ms;      /* 1,000 (10..60,000): between two looks at free space */
} recorder_journal_config;

typedef struct recorder_journal_events {
    void (*written)(void *user, uint64_t lsn); /* masters hold it: can be read */
    void (*durable)(void *user, uint64_t lsn); /* survives kill and power loss */
    /* The owner is to append a SNAPSHOT of every session that it would go on with after a crash,
     * then to call recorder_journal_checkpoint with this number. */
    void (*checkpoint)(void *user, uint64_t file);
    void (*degraded)(void *user, bool degraded, int64_t sync_ms);
    void (*disk_low)(void *user, bool low, int64_t free_bytes);
    void (*full)(void *user,
                 bool full); /* reserve spent too: nothing becomes durable until false */
    void (*failed)(void *user, int err); /* the log could not be written or synced; it goes on in a
                                            new file, with all that was not durable */
    /* A master could not be written or synced. Its audio is safe in the log, but reads of it may be
     * wrong until this comes again with 0: it has been made whole. */
    void (*master_failed)(void *user, const uint8_t *session, int err);
} recorder_journal_events;

typedef struct recorder_journal_stats {
    uint64_t records;
    uint64_t log_bytes;
    uint64_t master_bytes;
    uint64_t syncs;         /* of the log */
    uint64_t failures;      /* writes and syncs of the log */
    uint64_t master_faults; /* writes and syncs of masters */
    uint64_t rotations;
    uint64_t files_removed;
    int64_t sync_ns;     /* spent in syncs of the log */
    int64_t sync_max_ns; /* the longest */
    int64_t held_bytes;
    int64_t free_bytes; /* at the last look */
    uint64_t durable_lsn;
    bool degraded;
    bool low;
    bool full;
    bool reserved; /* the reserve is set aside */
} recorder_journal_stats;

/* ---- recovery, before open ---- */

typedef struct recorder_recovery_events {
    /* A session that had not ended; all of them come before the first record. NULL path: it was
     * never registered. */
    void (*session)(void *user, const uint8_t *session, uint32_t frame_bytes, const char *path);
    /* Session by session, its latest SNAPSHOT, then what was appended after it in order: CHANGEs,
     * and AUDIO without its bytes, what follows without a gap as one. A negative errno ends
     * recovery with it. */
    int (*record)(void *user, const recorder_record *r);
} recorder_recovery_events;

typedef struct recorder_recovery {
    uint64_t last_file; /* 0: there was no journal */
    uint64_t next_seq;
    uint64_t files;
    uint64_t records;    /* kept */
    uint64_t duplicates; /* found twice, used once: after a failed sync */
    uint64_t torn;       /* files with something unreadable behind their last good record */
    uint64_t torn_bytes;
    uint64_t holes; /* places where records are missing between two files */
    uint64_t sessions;
    uint64_t audio_bytes; /* that masters are to get */
} recorder_recovery;

/* recorder_journal_recover reads the log in dir, as a rule once, makes all that it says durable
 * there, and gives it to the callbacks. Masters are not touched: the caller runs and frees
 * *ret_restore, before open or beside the running journal. Removes nothing; may be repeated. 0 also
 * where there is no journal. -EPROTO: written by a later version; or the errno of reading or
 * syncing the log. */
int recorder_journal_recover(const char *dir, const recorder_recovery_events *events, void *user,
                             recorder_recovery *ret, recorder_restore **ret_restore);

/* ---- running ---- */

/* recorder_journal_defaults fills in all numbers. */
void recorder_journal_defaults(recorder_journal_config *c);

/* recorder_journal_open goes on after `recovered` in new files. Sessions to go on with must be
 * registered again; the old files stay until recorder_journal_restored, which asks for a checkpoint
 * with these sessions in it, and go after that. -EINVAL: a number out of its range; -EEXIST: there
 * is a journal, and recovered is NULL or not of it; -EWOULDBLOCK: another process has it; or the
 * errno of making a file. c and events are copied. */
int recorder_journal_open(const recorder_journal_config *c, const recorder_journal_events *events,
                          void *user, const recorder_recovery *recovered, recorder_journal **ret);

/* recorder_journal_restored: the masters are durable as far as the recovered files go. */
void recorder_journal_restored(recorder_journal *j);

/* recorder_journal_spend gives the reserve back to the file system: true where there was one. Any
 * thread. */
bool recorder_journal_spend(recorder_journal *j);

/* recorder_journal_close makes durable what was accepted, for timeout_ms at most, then frees in any
 * case. 0, or -ETIMEDOUT when not all is durable. */
int recorder_journal_close(recorder_journal *j, int64_t timeout_ms);

/* recorder_journal_session registers a session before its first audio. frame_bytes 1..64; the
 * master at path (1..RECORDER_PATH_MAX bytes) is made with its first audio, its directory exists.
 * -EEXIST, -EINVAL, -ENOBUFS as append. */
int recorder_journal_session(recorder_journal *j, const uint8_t *session, uint32_t frame_bytes,
                             const char *path);

/* recorder_journal_append accepts (copies) an AUDIO, CHANGE, SNAPSHOT or END record; seq is not
 * looked at. Audio without data is silence: a hole in the master, at no cost. Frames once appended
 * never change. After END the session is unknown. -ENOBUFS: too much is not yet durable or not
 * yet in masters; each durable() and written() may have made room; -ENOENT: audio or END of a
 * session not registered; -EINVAL, -EMSGSIZE: no such record. */
int recorder_journal_append(recorder_journal *j, const recorder_record *r, uint64_t *ret_lsn);

/* recorder_journal_checkpoint: all snapshots that event checkpoint(file) asked for are appended.
 * -ENOBUFS as append, and then to be called again. */
int recorder_journal_checkpoint(recorder_journal *j, uint64_t file);

/* recorder_journal_flush writes and syncs what has been appended without waiting for more. */
void recorder_journal_flush(recorder_journal *j);

/* recorder_journal_read_stats: any thread. */
void recorder_journal_read_stats(recorder_journal *j, recorder_journal_stats *ret);

#endif
