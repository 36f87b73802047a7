/*
 * recorder_master.h - the master of one session: raw PCM, frame n at byte n * frame_bytes, silence
 * that nobody sent is a hole. Shared by the journal's threads; who may touch what stands at the
 * fields. Written by one thread, synced by another, which rewrites from the journal what a failed
 * sync may have lost.
 */
#ifndef RECORDER_MASTER_H
#define RECORDER_MASTER_H

#include "recorder_record.h"

#include <sys/uio.h>
#include <uthash.h>

typedef struct recorder_master {
    UT_hash_handle hh; /* of the journal's table, under its lock */
    uint8_t session[RECORDER_SESSION_ID];
    char *path;
    uint32_t frame_bytes;

    /* Under the journal's lock. */
    int refs;             /* the table, batches in hand, the sealer */
    bool dirty;           /* written since its last sync */
    bool linked;          /* its name is durable */
    bool ended;           /* needs nothing more */
    uint64_t faults;      /* writes and syncs that failed, */
    uint64_t mended;      /* and how many of them have been made good from the journal */
    uint64_t batch;       /* the last batch with audio of it, */
    uint32_t batch_piece; /* and the last piece therein */

    _Atomic(int) fd; /* opened by the thread that writes, then constant; -1 before */
    int64_t size;    /* of the thread that writes */
} recorder_master;

recorder_master *recorder_master_new(const uint8_t *session, uint32_t frame_bytes,
                                     const char *path);
recorder_master *recorder_master_free(recorder_master *m);

/* recorder_master_open makes the file where it is missing and does nothing when it is open. */
int recorder_master_open(recorder_master *m);

/* recorder_master_close closes the file of a master that one thread alone has. */
void recorder_master_close(recorder_master *m);

/* recorder_master_write puts n parts, in a row, at byte `at`: all, or a negative errno. The parts
 * are used up. */
int recorder_master_write(recorder_master *m, struct iovec *parts, int n, int64_t at);

/* recorder_master_extend makes the file reach to byte `end` at least; what is new is a hole. */
int recorder_master_extend(recorder_master *m, int64_t end);

/* recorder_master_put writes one AUDIO record, of sound or silence. */
int recorder_master_put(recorder_master *m, const recorder_record *r);

#endif
