/* The sealer, in the background: has the next file ready; when files of the log have become old,
 * syncs the masters they speak of, waits for the owner's snapshots, and then removes them (FLOOR
 * first, so that no crash brings half of them back); sets the reserve aside again and watches free
 * space. */
#include "recorder_journal_internal.h"

#include "recorder_kill.h"
#include "recorder_reserve.h"
#include "rf_log.h"

#include <string.h>

#define RETRY_NS RF_NS_PER_S

typedef struct sealer {
    recorder_journal *j;
    bool whole;         /* masters are whole and durable as far as the old files go */
    uint64_t floor_lsn; /* of this round's FLOOR, 0: not yet appended */
    int64_t file_at_ns; /* not before: to make the next file, */
    int64_t heal_at_ns; /* to heal masters, */
    int64_t drop_at_ns; /* to remove files, */
    int64_t watch_at_ns;
} sealer;

/* ---- free space ---- */

static void watch(recorder_journal *j)
{
    int64_t bytes = recorder_free_bytes(j->config.dir);
    if (bytes < 0) {
        return;
    }
    rf_metric_set(j->free_bytes, (double)bytes);
    pthread_mutex_lock(&j->lock);
    bool changed = j->stats.low != (bytes < j->config.low_bytes);
    j->stats.low = bytes < j->config.low_bytes;
    j->stats.free_bytes = bytes;
    bool low = j->stats.low;
    bool wants_reserve = !j->stats.reserved && j->config.reserve_bytes > 0;
    pthread_mutex_unlock(&j->lock);
    if (changed && j->events.disk_low != NULL) {
        j->events.disk_low(j->user, low, bytes);
    }
    /* Not the last bytes of the disk: as much again is to be left. */
    if (wants_reserve && bytes >= 2 * j->config.reserve_bytes &&
        recorder_reserve_set(j->reserve_path, j->config.reserve_bytes) == 0) {
        pthread_mutex_lock(&j->lock);
        j->stats.reserved = true;
        pthread_mutex_unlock(&j->lock);
    }
}

static void do_watch(sealer *s)
{
    watch(s->j);
    recorder_journal_judge(s->j, 0);
    s->watch_at_ns = rf_time_ns() + s->j->config.watch_ms * RF_NS_PER_MS;
}

/* ---- the next file ---- */

static void make_next_file(sealer *s)
{
    recorder_journal *j = s->j;
    recorder_logfile *f;
    pthread_mutex_lock(&j->lock);
    uint64_t number = ++j->last_number;
    pthread_mutex_unlock(&j->lock);
    int err = recorder_logfile_create(j->config.dir, number, j->config.rotate_bytes, &f);
    if (err < 0) { /* the file in use grows meanwhile */
        RF_LOG_WARN("next file of the journal", RF_STR("why", strerror(-err)));
        s->file_at_ns = rf_time_ns() + RETRY_NS;
        return;
    }
    pthread_mutex_lock(&j->lock);
    if (f->number < j->file->number) {
        recorder_journal_add_old(j, f);
    } else {
        j->next_file = f;
    }
    pthread_mutex_unlock(&j->lock);
}

/* ---- sealing ---- */

/* Under the lock. */
static uint64_t newest_old(const recorder_journal *j)
{
    uint64_t number = 0;
    for (const recorder_logfile *f = j->old; f != NULL; f = f->next) {
        number = RF_MAX(number, f->number);
    }
    return number;
}

static void begin(sealer *s)
{
    recorder_journal *j = s->j;
    pthread_mutex_lock(&j->lock);
    j->seal_number = newest_old(j);
    uint64_t number = j->seal_number;
    pthread_mutex_unlock(&j->lock);
    s->whole = false;
    s->floor_lsn = 0;
    if (j->events.checkpoint != NULL) {
        j->events.checkpoint(j->user, number);
    }
}

static void watch_if_due(void *user)
{
    sealer *s = user;
    if (rf_time_ns() >= s->watch_at_ns) {
        do_watch(s);
    }
}

static void heal(sealer *s)
{
    s->whole = recorder_journal_heal(s->j, watch_if_due, s);
    s->heal_at_ns = s->whole ? 0 : rf_time_ns() + RETRY_NS;
    recorder_kill_point("seal");
}

/* Under the lock: the snapshots asked for are durable. */
static bool has_checkpoint(const recorder_journal *j)
{
    return j->checkpoint_number >= j->seal_number && j->durable_lsn >= j->checkpoint_lsn;
}

static void append_floor(sealer *s)
{
    recorder_record r = {.kind = RECORDER_RECORD_FLOOR};
    pthread_mutex_lock(&s->j->lock);
    r.first_frame = (int64_t)s->j->seal_number + 1;
    s->floor_lsn = recorder_journal_add(s->j, &r, NULL);
    pthread_mutex_unlock(&s->j->lock);
}

static int remove_files(recorder_journal *j)
{
    int err = 0;
    size_t n = 0;
    RF_CLEANUP(rf_cleanup_free) uint64_t *numbers = NULL;
    recorder_kill_point("floor");
    err = recorder_logfile_list(j->config.dir, &numbers, &n);
    for (size_t i = 0; i < n && err == 0 && numbers[i] <= j->seal_number; i++) {
        err = recorder_logfile_remove(j->config.dir, numbers[i]);
        recorder_kill_point("remove");
    }
    return err;
}

/* Takes the removed ones from `old`, under the lock. */
static recorder_logfile *forget_files(recorder_journal *j)
{
    recorder_logfile *gone = NULL;
    recorder_logfile **link = &j->old;
    while (*link != NULL) {
        recorder_logfile *f = *link;
        if (f->number > j->seal_number) {
            link = &f->next;
            continue;
        }
        *link = f->next;
        f->next = gone;
        gone = f;
        j->stats.files_removed++;
    }
    j->seal_number = 0;
    return gone;
}

static void finish(sealer *s)
{
    int err = remove_files(s->j);
    if (err < 0) {
        RF_LOG_WARN("old journal file", RF_STR("why", strerror(-err)));
        s->drop_at_ns = rf_time_ns() + RETRY_NS;
        return;
    }
    pthread_mutex_lock(&s->j->lock);
    recorder_logfile *gone = forget_files(s->j);
    pthread_mutex_unlock(&s->j->lock);
    while (gone != NULL) {
        recorder_logfile *next = gone->next;
        recorder_logfile_free(gone);
        gone = next;
    }
}

/* ---- the thread ---- */

typedef void (*step_fn)(sealer *s);

/* The next step that can be taken now, under the lock; else NULL and when there may be one. */
static step_fn next_step(const sealer *s, int64_t now_ns, int64_t *ret_at_ns)
{
    const recorder_journal *j = s->j;
    const struct {
        bool wanted;
        int64_t at_ns;
        step_fn step;
    } steps[] = {
        {true, s->watch_at_ns, do_watch},
        {j->next_file == NULL, s->file_at_ns, make_next_file},
        {j->seal_number == 0 && j->old != NULL && !j->restoring, 0, begin},
        {j->seal_number > 0 && !s->whole, s->heal_at_ns, heal},
        {j->seal_number > 0 && s->whole && s->floor_lsn == 0 && has_checkpoint(j), 0, append_floor},
        {s->floor_lsn > 0 && j->seal_number > 0 && j->durable_lsn >= s->floor_lsn, s->drop_at_ns,
         finish},
    };
    *ret_at_ns = RF_NEVER_NS;
    for (size_t i = 0; i < RF_ARRAY_LEN(steps); i++) {
        if (steps[i].wanted && now_ns >= steps[i].at_ns) {
            return steps[i].step;
        }
        *ret_at_ns = steps[i].wanted ? RF_MIN(*ret_at_ns, steps[i].at_ns) : *ret_at_ns;
    }
    return NULL;
}

void *recorder_journal_sealer(void *journal)
{
    sealer s = {.j = journal};
    recorder_journal *j = journal;
    (void)pthread_setname_np(pthread_self(), "journal-seal");
    pthread_mutex_lock(&j->lock);
    while (!j->stopping) {
        int64_t at_ns;
        step_fn step = next_step(&s, rf_time_ns(), &at_ns);
        if (step == NULL) {
            (void)rf_time_wait_until(&j->to_sealer, &j->lock, at_ns);
            continue;
        }
        pthread_mutex_unlock(&j->lock);
        step(&s);
        pthread_mutex_lock(&j->lock);
    }
    pthread_mutex_unlock(&j->lock);
    return NULL;
}
