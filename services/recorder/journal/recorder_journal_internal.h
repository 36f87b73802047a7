/*
 * recorder_journal_internal.h - what the journal's four files share: _journal.c (the owner's
 * thread), _journal_write.c, _journal_sync.c and _journal_seal.c (a thread each).
 */
#ifndef RECORDER_JOURNAL_INTERNAL_H
#define RECORDER_JOURNAL_INTERNAL_H

#include "recorder_batch.h"
#include "recorder_journal.h"
#include "rf_metric.h"
#include "rf_time.h"

#include <errno.h>
#include <pthread.h>

#define RECORDER_JOURNAL_RETRY_NS (250 * RF_NS_PER_MS) /* after a failure that time may heal */

struct recorder_journal {
    recorder_journal_config config; /* dir is ours */
    recorder_journal_events events;
    void *user;
    char *reserve_path;
    int dir_lock;
    pthread_t writer;
    pthread_t syncer;
    pthread_t sealer;

    pthread_mutex_t lock; /* of all below */
    pthread_cond_t to_writer;
    pthread_cond_t to_syncer;
    pthread_cond_t to_sealer;
    pthread_cond_t to_owner;
    recorder_master *masters; /* by session */
    bool flush;               /* the batch in hand is due now */
    bool napping;             /* the writer wakes by itself when the batch in hand will be due */
    bool stopping;
    bool abandoned; /* closing took too long */

    /* Batches: filling (never NULL) -> held, oldest first -> spares. The writer alone moves them.
     */
    recorder_batch *filling;
    recorder_batch *held;
    recorder_batch *held_last;
    recorder_batch *spares;
    uint64_t next_seq;
    int64_t held_bytes;  /* of batches not yet durable and in masters, filling too */
    int64_t taken_ns;    /* when the last batch was taken */
    uint64_t logged_lsn; /* written to the log */
    uint64_t durable_lsn;

    /* Files of the log. Only the writer changes `file`. */
    recorder_logfile *file;
    recorder_logfile *next_file; /* made ahead, NULL: not yet */
    recorder_logfile *old;       /* oldest first; sync errors and rotation end up here */
    uint64_t last_number;
    bool repair; /* a sync failed: what is not durable must go to another file */

    bool restoring; /* the oldest of them are needed for masters still */

    /* The sealer's round: from the files in `old` up to seal_number. 0: none. */
    uint64_t seal_number;
    uint64_t checkpoint_number; /* the last that the owner has given */
    uint64_t checkpoint_lsn;

    int64_t sync_since_ns; /* the sync in progress, 0: none */
    int64_t slow_ns;       /* the last slow sync */
    recorder_journal_stats stats;
    rf_metric *sync_seconds;
    rf_metric *bytes_written;
    rf_metric *free_bytes;
    rf_metric *degraded;
};

void *recorder_journal_writer(void *journal);
void *recorder_journal_syncer(void *journal);
void *recorder_journal_sealer(void *journal);

/* recorder_journal_add puts a checked record into the batch in hand; under the lock. Its lsn. */
uint64_t recorder_journal_add(recorder_journal *j, recorder_record *r, recorder_master *master);

/* recorder_journal_unref drops a reference to a master, under the lock. */
void recorder_journal_unref(recorder_master *m);

/* recorder_journal_count_out makes room for what batches that are durable and in masters held,
 * under the lock, by whichever thread completes them: before it tells the owner, who may have been
 * refused and tries again then. */
void recorder_journal_count_out(recorder_journal *j);

/* recorder_journal_judge says so when syncs have become slow, hang, or are quick again. Not under
 * the lock. took_ms: the sync that just ended, 0 when none did. */
void recorder_journal_judge(recorder_journal *j, int64_t took_ms);

/* recorder_journal_add_old puts a file behind the old ones, under the lock, and wakes the sealer.
 */
void recorder_journal_add_old(recorder_journal *j, recorder_logfile *f);

/* recorder_journal_heal syncs the masters written since the last time and rewrites those with
 * faults from the log; between() is called now and then. Whether all are whole and durable. Not
 * under the lock. */
bool recorder_journal_heal(recorder_journal *j, void (*between)(void *user), void *user);

#endif
