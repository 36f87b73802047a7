/* The writer: takes the batch in hand, writes it to the log, then its audio to the masters. When
 * the log cannot be written, or the syncer says that a sync failed, it writes all that is not
 * durable into another file first. */
#include "recorder_journal_internal.h"

#include "recorder_kill.h"
#include "recorder_reserve.h"

#include <stdatomic.h>

#define PARTS_MAX 64 /* of one pwritev */
#define SPARES_MAX 4 /* batches kept for use again */

/* ---- a full disk ---- */

static void set_full(recorder_journal *j, bool full)
{
    pthread_mutex_lock(&j->lock);
    bool changed = j->stats.full != full;
    j->stats.full = full;
    pthread_mutex_unlock(&j->lock);
    if (changed && j->events.full != NULL) {
        j->events.full(j->user, full);
    }
}

/* False when the journal is closing and will wait no longer. */
static bool pause_writing(recorder_journal *j)
{
    int64_t until_ns = rf_time_ns() + RECORDER_JOURNAL_RETRY_NS;
    pthread_mutex_lock(&j->lock);
    while (!j->abandoned && rf_time_wait_until(&j->to_writer, &j->lock, until_ns) != -ETIMEDOUT) {
    }
    bool go_on = !j->abandoned;
    pthread_mutex_unlock(&j->lock);
    return go_on;
}

static bool is_full(int err)
{
    return err == -ENOSPC || err == -EDQUOT;
}

/* Whether a write that failed with err is to be tried again: the disk is full, and either the
 * reserve has made room or some time has passed. */
static bool try_again(recorder_journal *j, int err)
{
    if (!is_full(err)) {
        return false;
    }
    if (recorder_reserve_spend(j->reserve_path)) {
        pthread_mutex_lock(&j->lock);
        j->stats.reserved = false;
        pthread_mutex_unlock(&j->lock);
        return true;
    }
    set_full(j, true);
    return pause_writing(j);
}

static int write_log(recorder_journal *j, recorder_logfile *f, const recorder_batch *b)
{
    int err;
    do {
        err = recorder_logfile_write(f, b->data, b->len);
    } while (err < 0 && try_again(j, err));
    if (err == 0) {
        set_full(j, false);
    }
    return err;
}

/* ---- files ---- */

static void replace_file(recorder_journal *j, recorder_logfile *f)
{
    recorder_journal_add_old(j, j->file);
    j->file = f;
    if (j->next_file != NULL && j->next_file->number < f->number) { /* made meanwhile, too late */
        recorder_journal_add_old(j, RF_STEAL(j->next_file));
    }
}

/* At the size for it, when the next file is ready and no earlier ones are being sealed. */
static void rotate_if_due(recorder_journal *j, size_t len)
{
    pthread_mutex_lock(&j->lock);
    bool due = j->file->end + (int64_t)len > j->config.rotate_bytes;
    if (due && j->next_file != NULL && j->old == NULL && j->seal_number == 0) {
        replace_file(j, j->next_file);
        j->next_file = NULL;
        j->stats.rotations++;
    }
    pthread_mutex_unlock(&j->lock);
}

static int another_file(recorder_journal *j, recorder_logfile **ret)
{
    pthread_mutex_lock(&j->lock);
    *ret = j->next_file;
    j->next_file = NULL;
    uint64_t number = *ret == NULL ? ++j->last_number : 0;
    pthread_cond_signal(&j->to_sealer);
    pthread_mutex_unlock(&j->lock);
    return *ret != NULL ? 0 : recorder_logfile_create(j->config.dir, number, 0, ret);
}

static void tell_failed(recorder_journal *j, int err)
{
    pthread_mutex_lock(&j->lock);
    j->stats.failures++;
    pthread_mutex_unlock(&j->lock);
    if (j->events.failed != NULL) {
        j->events.failed(j->user, err);
    }
}

/* ---- repair ---- */

/* The batches that f must get. The syncer moves durable_lsn meanwhile at most, which frees nothing.
 */
static int write_rest(recorder_journal *j, recorder_logfile *f)
{
    pthread_mutex_lock(&j->lock);
    uint64_t durable = j->durable_lsn;
    recorder_batch *first = j->held;
    pthread_mutex_unlock(&j->lock);
    int err = 0;
    for (recorder_batch *b = first; b != NULL && err == 0; b = b->next) {
        err = b->lsn > durable ? write_log(j, f, b) : 0;
    }
    return err;
}

static void adopt(recorder_journal *j, recorder_logfile *f)
{
    pthread_mutex_lock(&j->lock);
    for (recorder_batch *b = j->held; b != NULL; b = b->next) {
        if (b->lsn > j->durable_lsn) {
            b->file = f;
        }
        j->logged_lsn = b->lsn;
    }
    replace_file(j, f);
    j->repair = false;
    pthread_cond_signal(&j->to_syncer);
    pthread_mutex_unlock(&j->lock);
}

/* Until all that is not durable stands in a file that could be written, or the journal is
 * abandoned. */
static void repair(recorder_journal *j)
{
    recorder_logfile *f;
    for (;;) {
        int err = another_file(j, &f);
        if (err == 0) {
            err = write_rest(j, f);
            if (err == 0) {
                adopt(j, f);
                return;
            }
            pthread_mutex_lock(&j->lock); /* it may hold half of a batch, which recovery bears */
            recorder_journal_add_old(j, f);
            pthread_mutex_unlock(&j->lock);
        }
        tell_failed(j, err);
        if (!(is_full(err) ? try_again(j, err) : pause_writing(j))) {
            return;
        }
    }
}

/* ---- masters ---- */

static void master_fault(recorder_journal *j, recorder_master *m, int err)
{
    pthread_mutex_lock(&j->lock);
    m->faults++;
    j->stats.master_faults++;
    pthread_mutex_unlock(&j->lock);
    if (j->events.master_failed != NULL) {
        j->events.master_failed(j->user, m->session, err);
    }
}

/* Writes the pieces from *i on that follow each other, and moves *i behind them. */
static int write_run(recorder_batch *b, uint32_t *i, size_t *written)
{
    recorder_piece *p = &b->pieces[*i];
    recorder_master *m = p->master;
    struct iovec parts[PARTS_MAX];
    int64_t frame = p->first_frame;
    int64_t next_frame = frame;
    size_t len = 0;
    int n = 0;
    while (*i != RECORDER_NO_PIECE && n < PARTS_MAX) {
        p = &b->pieces[*i];
        if (p->len == 0 || p->first_frame != next_frame) {
            break;
        }
        parts[n++] = (struct iovec){.iov_base = b->data + p->at, .iov_len = p->len};
        next_frame += p->n_frames;
        len += p->len;
        *i = p->next;
    }
    if (n > 0) {
        int err = recorder_master_write(m, parts, n, frame * m->frame_bytes);
        *written += err == 0 ? len : 0;
        return err;
    }
    *i = p->next;
    return recorder_master_extend(m, (p->first_frame + p->n_frames) * m->frame_bytes);
}

static int write_master(recorder_journal *j, recorder_batch *b, uint32_t lead, size_t *written)
{
    recorder_master *m = b->pieces[lead].master;
    uint32_t i = lead;
    int err = recorder_master_open(m);
    while (err == 0 && i != RECORDER_NO_PIECE) {
        uint32_t before = i;
        err = write_run(b, &i, written);
        if (err < 0 && try_again(j, err)) {
            i = before;
            err = 0;
        }
    }
    recorder_kill_point("master");
    return err;
}

static void write_masters(recorder_journal *j, recorder_batch *b)
{
    size_t written = 0;
    for (uint32_t i = 0; i < b->n_pieces; i++) {
        recorder_master *m = b->pieces[i].master;
        int err = b->pieces[i].leads ? write_master(j, b, i, &written) : 0;
        if (err < 0) {
            master_fault(j, m, err);
        }
    }
    set_full(j, false);
    rf_metric_add(j->bytes_written, (int64_t)(written + b->len));
    pthread_mutex_lock(&j->lock);
    for (uint32_t i = 0; i < b->n_pieces; i++) {
        b->pieces[i].master->dirty = true;
    }
    b->in_masters = true;
    recorder_journal_count_out(j);
    j->stats.master_bytes += written;
    j->stats.log_bytes += b->len;
    pthread_mutex_unlock(&j->lock);
    if (j->events.written != NULL) {
        j->events.written(j->user, b->lsn);
    }
}

/* ---- batches ---- */

static void write_batch(recorder_journal *j, recorder_batch *b)
{
    rotate_if_due(j, b->len);
    int err = write_log(j, j->file, b);
    if (err < 0) {
        tell_failed(j, err);
        repair(j);
    } else {
        pthread_mutex_lock(&j->lock);
        b->file = j->file;
        j->logged_lsn = b->lsn;
        pthread_mutex_unlock(&j->lock);
        pthread_cond_signal(&j->to_syncer); /* without the lock, which it takes at once */
    }
    recorder_kill_point("append");
    write_masters(j, b);
}

/* All below: under the lock. */

static recorder_batch *take(recorder_journal *j)
{
    recorder_batch *b = j->filling;
    recorder_batch *fresh = j->spares;
    if (fresh != NULL) {
        j->spares = fresh->next;
        fresh->next = NULL;
    } else {
        fresh = recorder_batch_new();
    }
    fresh->lsn = b->lsn + 1;
    j->filling = fresh;
    j->flush = false;
    j->taken_ns = rf_time_ns();
    if (j->held == NULL) {
        j->held = b;
    } else {
        j->held_last->next = b;
    }
    j->held_last = b;
    return b;
}

static void recycle(recorder_journal *j, recorder_batch *b)
{
    int n = 0;
    for (const recorder_batch *s = j->spares; s != NULL; s = s->next) {
        n++;
    }
    if (n >= SPARES_MAX) {
        recorder_batch_free(b);
        return;
    }
    recorder_batch_clear(b);
    b->next = j->spares;
    j->spares = b;
}

static void release(recorder_journal *j)
{
    while (j->held != NULL && j->held->in_masters && j->held->lsn <= j->durable_lsn) {
        recorder_batch *b = j->held;
        j->held = b->next;
        for (uint32_t i = 0; i < b->n_pieces; i++) {
            if (b->pieces[i].leads) {
                recorder_journal_unref(b->pieces[i].master);
            }
        }
        for (size_t i = 0; i < b->n_ended; i++) {
            recorder_journal_unref(b->ended[i]);
        }
        recycle(j, b);
    }
    if (j->held == NULL) {
        pthread_cond_signal(&j->to_owner);
    }
}

/* When the batch in hand is to be taken. */
static int64_t due_ns(const recorder_journal *j)
{
    if (j->filling->len == 0) {
        return RF_NEVER_NS;
    }
    if (j->flush || j->stopping) {
        return 0;
    }
    return RF_MAX(j->filling->since_ns, j->taken_ns + j->config.commit_ms * RF_NS_PER_MS);
}

/* When the sync in progress is to be called slow. */
static int64_t judge_ns(const recorder_journal *j)
{
    return j->sync_since_ns == 0 || j->stats.degraded
               ? RF_NEVER_NS
               : j->sync_since_ns + (j->config.slow_sync_ms + 1) * RF_NS_PER_MS;
}

/* Until something is due. Till the end of the commit interval nobody needs to wake the writer for a
 * first record, nor to give back memory: it comes by itself. */
static void sleep_on(recorder_journal *j, int64_t now_ns)
{
    int64_t interval_ns = j->taken_ns + j->config.commit_ms * RF_NS_PER_MS;
    int64_t at_ns = RF_MIN(due_ns(j), judge_ns(j));
    j->napping = now_ns < interval_ns;
    (void)rf_time_wait_until(&j->to_writer, &j->lock,
                             j->napping ? RF_MIN(at_ns, interval_ns) : at_ns);
    j->napping = false;
}

void *recorder_journal_writer(void *journal)
{
    recorder_journal *j = journal;
    (void)pthread_setname_np(pthread_self(), "journal-write");
    pthread_mutex_lock(&j->lock);
    while (!j->abandoned) {
        int64_t now_ns = rf_time_ns();
        release(j);
        if (j->repair) {
            pthread_mutex_unlock(&j->lock);
            repair(j);
            pthread_mutex_lock(&j->lock);
        } else if (now_ns >= due_ns(j)) {
            recorder_batch *b = take(j);
            pthread_mutex_unlock(&j->lock);
            write_batch(j, b);
            pthread_mutex_lock(&j->lock);
        } else if (now_ns >= judge_ns(j)) {
            pthread_mutex_unlock(&j->lock);
            recorder_journal_judge(j, 0);
            pthread_mutex_lock(&j->lock);
        } else {
            sleep_on(j, now_ns);
        }
    }
    pthread_mutex_unlock(&j->lock);
    return NULL;
}
