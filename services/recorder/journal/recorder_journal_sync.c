/* The syncer: one fdatasync for all batches written so far, then says that they are durable. A sync
 * that fails is not tried again: the writer puts what it should have covered into another file. */
#include "recorder_journal_internal.h"

#include "recorder_kill.h"

#define FILES_MAX                                                                                  \
    8 /* that one round may have to sync: rotations and repairs during the last one                \
       */
#define CALM_NS RF_NS_PER_S /* without a slow sync, until syncs count as quick again */

typedef struct sync_round {
    recorder_logfile *files[FILES_MAX]; /* in order */
    size_t n_files;
    uint64_t lsn; /* all up to here */
} sync_round;

void recorder_journal_judge(recorder_journal *j, int64_t took_ms)
{
    int64_t now_ns = rf_time_ns();
    pthread_mutex_lock(&j->lock);
    bool was = j->stats.degraded;
    int64_t slow_ms = j->config.slow_sync_ms;
    int64_t running_ms = j->sync_since_ns == 0 ? 0 : (now_ns - j->sync_since_ns) / RF_NS_PER_MS;
    int64_t worst_ms = RF_MAX(took_ms, running_ms);
    if (worst_ms > slow_ms) {
        j->slow_ns = now_ns;
        j->stats.degraded = true;
    } else if (now_ns - j->slow_ns >= CALM_NS) {
        j->stats.degraded = false;
    }
    bool is = j->stats.degraded;
    pthread_mutex_unlock(&j->lock);
    if (is != was) {
        rf_metric_set(j->degraded, is ? 1 : 0);
        if (j->events.degraded != NULL) {
            j->events.degraded(j->user, is, worst_ms);
        }
    }
}

/* Under the lock. Batches whose files do not fit are left to the next round. */
static sync_round plan_round(const recorder_journal *j)
{
    sync_round round = {.lsn = j->durable_lsn};
    for (recorder_batch *b = j->held; b != NULL && b->lsn <= j->logged_lsn; b = b->next) {
        if (b->lsn <= j->durable_lsn) {
            continue;
        }
        if (round.n_files == 0 || round.files[round.n_files - 1] != b->file) {
            if (round.n_files == FILES_MAX) {
                break;
            }
            round.files[round.n_files++] = b->file;
        }
        round.lsn = b->lsn;
    }
    return round;
}

static int sync_files(const sync_round *round)
{
    int err = 0;
    for (size_t i = 0; i < round->n_files && err == 0; i++) {
        recorder_kill_point("sync");
        err = recorder_logfile_sync(round->files[i]);
    }
    return err;
}

/* Under the lock: whether something of the round still stands in its files alone. The writer may
 * have put it all elsewhere meanwhile, for reasons of its own. */
static bool still_needed(const recorder_journal *j, const sync_round *round)
{
    for (recorder_batch *b = j->held; b != NULL && b->lsn <= round->lsn; b = b->next) {
        for (size_t i = 0; i < round->n_files && b->lsn > j->durable_lsn; i++) {
            if (b->file == round->files[i]) {
                return true;
            }
        }
    }
    return false;
}

/* Under the lock. */
static void note_time(recorder_journal *j, int64_t took_ns)
{
    j->sync_since_ns = 0;
    j->stats.syncs++;
    j->stats.sync_ns += took_ns;
    j->stats.sync_max_ns = RF_MAX(j->stats.sync_max_ns, took_ns);
}

/* Under the lock. */
static void note_result(recorder_journal *j, const sync_round *round, int err)
{
    if (err == 0) {
        j->durable_lsn = RF_MAX(j->durable_lsn, round->lsn);
        recorder_journal_count_out(j);
        if (j->seal_number > 0) { /* it waits for no other sync */
            pthread_cond_signal(&j->to_sealer);
        }
    } else {
        j->stats.failures++;
        j->repair = j->repair || still_needed(j, round);
    }
    if (j->repair || j->stopping || !j->napping) {
        pthread_cond_signal(&j->to_writer);
    }
}

static void run_round(recorder_journal *j, const sync_round *round)
{
    int64_t since_ns = rf_time_ns();
    int err = sync_files(round);
    int64_t took_ns = rf_time_ns() - since_ns;
    rf_metric_observe(j->sync_seconds, (double)took_ns / (double)RF_NS_PER_S);
    pthread_mutex_lock(&j->lock);
    note_time(j, took_ns);
    note_result(j, round, err);
    pthread_mutex_unlock(&j->lock);
    if (err == 0) {
        if (j->events.durable != NULL) {
            j->events.durable(j->user, round->lsn);
        }
        recorder_kill_point("durable");
    } else if (j->events.failed != NULL) {
        j->events.failed(j->user, err);
    }
    recorder_journal_judge(j, took_ns / RF_NS_PER_MS);
}

void *recorder_journal_syncer(void *journal)
{
    recorder_journal *j = journal;
    (void)pthread_setname_np(pthread_self(), "journal-sync");
    pthread_mutex_lock(&j->lock);
    while (!j->abandoned) {
        sync_round round = plan_round(j);
        if (j->repair || round.n_files == 0) {
            (void)rf_time_wait_until(&j->to_syncer, &j->lock, RF_NEVER_NS);
            continue;
        }
        j->sync_since_ns = rf_time_ns();
        pthread_mutex_unlock(&j->lock);
        run_round(j, &round);
        pthread_mutex_lock(&j->lock);
    }
    pthread_mutex_unlock(&j->lock);
    return NULL;
}
