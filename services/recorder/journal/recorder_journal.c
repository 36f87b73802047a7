#include "recorder_journal_internal.h"

#include "recorder_reserve.h"
#include "rf_file.h"
#include "rf_log.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define KIB 1024LL
#define MIB (KIB * KIB)
#define GIB (KIB * MIB)
#define FRAME_BYTES_MAX 64
#define WRITE_NOW_BYTES (1u << 20) /* a batch of this size does not wait for more */

/* ---- configuration ---- */

void recorder_journal_defaults(recorder_journal_config *c)
{
    *c = (recorder_journal_config){
        .dir = c->dir,
        .commit_ms = 20,
        .rotate_bytes = 64 * MIB,
        .held_bytes = 16 * MIB,
        .reserve_bytes = 64 * MIB,
        .low_bytes = GIB,
        .slow_sync_ms = 20,
        .watch_ms = 1000,
    };
}

static int check_config(const recorder_journal_config *c)
{
    const struct {
        const char *name;
        int64_t value;
        int64_t low;
        int64_t high;
    } ranges[] = {
        {"commit_ms", c->commit_ms, 5, 30},
        {"rotate_bytes", c->rotate_bytes, 64 * KIB, 4 * GIB},
        {"held_bytes", c->held_bytes, MIB, GIB},
        {"reserve_bytes", c->reserve_bytes, 0, GIB},
        {"low_bytes", c->low_bytes, 64 * MIB, KIB * GIB},
        {"slow_sync_ms", c->slow_sync_ms, 1, 10000},
        {"watch_ms", c->watch_ms, 10, 60000},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(ranges); i++) {
        if (ranges[i].value < ranges[i].low || ranges[i].value > ranges[i].high) {
            RF_LOG_ERROR("journal setting out of range", RF_STR("name", ranges[i].name),
                         RF_INT("value", ranges[i].value), RF_INT("lowest", ranges[i].low),
                         RF_INT("highest", ranges[i].high));
            return -EINVAL;
        }
    }
    return c->dir == NULL ? -EINVAL : 0;
}

/* ---- open and close ---- */

static void free_files(recorder_logfile *f)
{
    while (f != NULL) {
        recorder_logfile *next = f->next;
        recorder_logfile_free(f);
        f = next;
    }
}

static void free_batches(recorder_batch *b)
{
    while (b != NULL) {
        recorder_batch *next = b->next;
        for (uint32_t i = 0; i < b->n_pieces; i++) {
            if (b->pieces[i].leads) {
                recorder_journal_unref(b->pieces[i].master);
            }
        }
        for (size_t i = 0; i < b->n_ended; i++) {
            recorder_journal_unref(b->ended[i]);
        }
        recorder_batch_free(b);
        b = next;
    }
}

static void free_masters(recorder_journal *j)
{
    recorder_master *m;
    recorder_master *next;
    HASH_ITER(hh, j->masters, m, next)
    {
        HASH_DEL(j->masters, m);
        recorder_journal_unref(m);
    }
}

static void journal_free(recorder_journal *j)
{
    free_batches(j->filling);
    free_batches(j->held);
    free_batches(j->spares);
    free_masters(j);
    free_files(j->old);
    recorder_logfile_free(j->file);
    recorder_logfile_free(j->next_file);
    pthread_cond_destroy(&j->to_writer);
    pthread_cond_destroy(&j->to_syncer);
    pthread_cond_destroy(&j->to_sealer);
    pthread_cond_destroy(&j->to_owner);
    pthread_mutex_destroy(&j->lock);
    rf_close(&j->dir_lock);
    free(j->reserve_path);
    free((char *)(uintptr_t)j->config.dir);
    free(j);
}

static void make_metrics(recorder_journal *j)
{
    j->sync_seconds =
        rf_metric_histogram("reflection_recorder_sync_seconds", "Syncs of the journal.", NULL,
                            rf_metric_seconds, RF_METRIC_N_SECONDS);
    j->bytes_written = rf_metric_counter("reflection_recorder_bytes_written_total",
                                         "Bytes written to the journal and to masters.", NULL);
    j->free_bytes = rf_metric_gauge("reflection_recorder_disk_free_bytes",
                                    "Free space where the journal lies.", NULL);
    j->degraded = rf_metric_gauge("reflection_recorder_durability_degraded",
                                  "1 while syncs of the journal are slow.", NULL);
}

static recorder_journal *journal_new(const recorder_journal_config *c,
                                     const recorder_journal_events *events, void *user)
{
    recorder_journal *j = RF_NEW(recorder_journal);
    j->config = *c;
    j->config.dir = rf_strdup(c->dir);
    j->events = *events;
    j->user = user;
    j->reserve_path = rf_asprintf("%s/reserve", c->dir);
    j->dir_lock = -1;
    pthread_mutex_init(&j->lock, NULL);
    rf_cond_init(&j->to_writer);
    rf_cond_init(&j->to_syncer);
    rf_cond_init(&j->to_sealer);
    rf_cond_init(&j->to_owner);
    j->filling = recorder_batch_new();
    j->filling->lsn = 1;
    j->next_seq = 1;
    make_metrics(j);
    return j;
}

static int lock_dir(recorder_journal *j)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/lock", j->config.dir);
    j->dir_lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return j->dir_lock < 0 || flock(j->dir_lock, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
}

/* The files that recovery has read: they are old from the start. */
static int take_over(recorder_journal *j, const recorder_recovery *recovered)
{
    RF_CLEANUP(rf_cleanup_free) uint64_t *numbers = NULL;
    size_t n;
    int err = recorder_logfile_list(j->config.dir, &numbers, &n);
    if (err < 0) {
        return err;
    }
    if (n > 0 && (recovered == NULL || numbers[n - 1] != recovered->last_file)) {
        return -EEXIST;
    }
    for (size_t i = 0; i < n; i++) {
        recorder_logfile *f = RF_NEW(recorder_logfile);
        *f = (recorder_logfile){.number = numbers[i], .fd = -1};
        recorder_journal_add_old(j, f);
    }
    j->restoring = n > 0;
    if (recovered != NULL) {
        j->last_number = recovered->last_file;
        j->next_seq = RF_MAX(recovered->next_seq, (uint64_t)1);
    }
    return 0;
}

static int make_first_file(recorder_journal *j)
{
    const char *dir = j->config.dir;
    uint64_t number = ++j->last_number;
    int err = recorder_logfile_create(dir, number, j->config.rotate_bytes, &j->file);
    if (err == -ENOSPC && recorder_reserve_spend(j->reserve_path)) {
        err = recorder_logfile_create(dir, number, j->config.rotate_bytes, &j->file);
    }
    /* A short disk is no reason to refuse: what is recovered can be published and dropped. */
    return err == -ENOSPC ? recorder_logfile_create(dir, number, 0, &j->file) : err;
}

static int prepare(recorder_journal *j, const recorder_recovery *recovered)
{
    int err = rf_mkdirs(j->config.dir, 0700);
    err = err == 0 ? lock_dir(j) : err;
    err = err == 0 ? take_over(j, recovered) : err;
    return err == 0 ? make_first_file(j) : err;
}

static void stop_thread(recorder_journal *j, pthread_t thread)
{
    pthread_mutex_lock(&j->lock);
    j->stopping = true;
    j->abandoned = true;
    pthread_cond_broadcast(&j->to_writer);
    pthread_cond_broadcast(&j->to_syncer);
    pthread_cond_broadcast(&j->to_sealer);
    pthread_mutex_unlock(&j->lock);
    pthread_join(thread, NULL);
}

static int start_threads(recorder_journal *j)
{
    int err = -pthread_create(&j->writer, NULL, recorder_journal_writer, j);
    if (err < 0) {
        return err;
    }
    err = -pthread_create(&j->syncer, NULL, recorder_journal_syncer, j);
    if (err == 0) {
        err = -pthread_create(&j->sealer, NULL, recorder_journal_sealer, j);
        if (err < 0) {
            stop_thread(j, j->syncer);
        }
    }
    if (err < 0) {
        stop_thread(j, j->writer);
    }
    return err;
}

int recorder_journal_open(const recorder_journal_config *c, const recorder_journal_events *events,
                          void *user, const recorder_recovery *recovered, recorder_journal **ret)
{
    int err = check_config(c);
    if (err < 0) {
        return err;
    }
    recorder_journal *j = journal_new(c, events, user);
    err = prepare(j, recovered);
    if (err == 0) {
        *ret = j; /* before an event can come */
        err = start_threads(j);
    }
    if (err < 0) {
        *ret = NULL;
        journal_free(j);
    }
    return err;
}

void recorder_journal_restored(recorder_journal *j)
{
    pthread_mutex_lock(&j->lock);
    j->restoring = false;
    pthread_cond_signal(&j->to_sealer);
    pthread_mutex_unlock(&j->lock);
}

bool recorder_journal_spend(recorder_journal *j)
{
    if (!recorder_reserve_spend(j->reserve_path)) {
        return false;
    }
    pthread_mutex_lock(&j->lock);
    j->stats.reserved = false;
    pthread_mutex_unlock(&j->lock);
    return true;
}

static bool all_durable(const recorder_journal *j)
{
    return j->filling->len == 0 && j->held == NULL;
}

int recorder_journal_close(recorder_journal *j, int64_t timeout_ms)
{
    if (j == NULL) {
        return 0;
    }
    int64_t until_ns = rf_time_ns() + timeout_ms * RF_NS_PER_MS;
    pthread_mutex_lock(&j->lock);
    j->stopping = true;
    pthread_cond_broadcast(&j->to_writer);
    pthread_cond_broadcast(&j->to_sealer);
    while (!all_durable(j) && rf_time_wait_until(&j->to_owner, &j->lock, until_ns) != -ETIMEDOUT) {
    }
    int err = all_durable(j) ? 0 : -ETIMEDOUT;
    pthread_mutex_unlock(&j->lock);
    stop_thread(j, j->writer);
    stop_thread(j, j->syncer);
    stop_thread(j, j->sealer);
    journal_free(j);
    return err;
}

/* ---- records ---- */

void recorder_journal_count_out(recorder_journal *j)
{
    for (recorder_batch *b = j->held; b != NULL && b->in_masters && b->lsn <= j->durable_lsn;
         b = b->next) {
        j->held_bytes -= b->counted_out ? 0 : (int64_t)b->len;
        b->counted_out = true;
    }
}

void recorder_journal_unref(recorder_master *m)
{
    if (--m->refs == 0) {
        recorder_master_free(m);
    }
}

uint64_t recorder_journal_add(recorder_journal *j, recorder_record *r, recorder_master *master)
{
    recorder_batch *b = j->filling;
    bool was_empty = b->len == 0;
    r->seq = j->next_seq++;
    recorder_batch_add(b, r, master);
    j->held_bytes += (int64_t)recorder_record_size(r->len);
    j->stats.records++;
    if (was_empty) {
        b->since_ns = rf_time_ns();
    }
    j->flush = j->flush || b->len >= WRITE_NOW_BYTES;
    if (j->flush || (was_empty && !j->napping)) {
        pthread_cond_signal(&j->to_writer);
    }
    return b->lsn;
}

static recorder_master *find(recorder_journal *j, const uint8_t *session)
{
    recorder_master *m;
    HASH_FIND(hh, j->masters, session, RECORDER_SESSION_ID, m);
    return m;
}

/* Whether `size` more bytes may be taken; with nothing in hand even a large one. */
static bool fits(const recorder_journal *j, size_t size, bool audio)
{
    int64_t limit = audio ? j->config.held_bytes : 2 * j->config.held_bytes;
    return j->held_bytes == 0 || j->held_bytes + (int64_t)size <= limit;
}

/* What is to be refused, under the lock. */
static int check_record(const recorder_journal *j, const recorder_record *r,
                        const recorder_master *m)
{
    bool audio = r->kind == RECORDER_RECORD_AUDIO;
    if ((audio || r->kind == RECORDER_RECORD_END) && m == NULL) {
        return -ENOENT;
    }
    if (audio && r->len != 0 && r->len != (uint64_t)r->n_frames * m->frame_bytes) {
        return -EINVAL;
    }
    return fits(j, recorder_record_size(r->len), audio) ? 0 : -ENOBUFS;
}

static uint64_t add(recorder_journal *j, const recorder_record *r, recorder_master *m)
{
    recorder_record copy = *r;
    uint64_t lsn = recorder_journal_add(j, &copy, r->kind == RECORDER_RECORD_AUDIO ? m : NULL);
    if (r->kind == RECORDER_RECORD_END) {
        HASH_DEL(j->masters, m);
        m->ended = true;
        recorder_batch_end(j->filling, m);
    }
    return lsn;
}

int recorder_journal_append(recorder_journal *j, const recorder_record *r, uint64_t *ret_lsn)
{
    int err = recorder_record_check(r);
    if (err < 0 || r->kind == RECORDER_RECORD_SESSION || r->kind == RECORDER_RECORD_FLOOR) {
        return err < 0 ? err : -EINVAL;
    }
    pthread_mutex_lock(&j->lock);
    recorder_master *m = find(j, r->session);
    err = check_record(j, r, m);
    if (err == 0) {
        *ret_lsn = add(j, r, m);
    }
    pthread_mutex_unlock(&j->lock);
    return err;
}

static void add_session(recorder_journal *j, const recorder_master *m)
{
    uint8_t payload[RECORDER_SESSION_MAX];
    recorder_record r = {.kind = RECORDER_RECORD_SESSION, .data = payload};
    memcpy(r.session, m->session, RECORDER_SESSION_ID);
    r.len = recorder_record_pack_session(m->frame_bytes, m->path, payload);
    recorder_journal_add(j, &r, NULL);
}

int recorder_journal_session(recorder_journal *j, const uint8_t *session, uint32_t frame_bytes,
                             const char *path)
{
    size_t len = strlen(path);
    if (frame_bytes == 0 || frame_bytes > FRAME_BYTES_MAX || len == 0 || len > RECORDER_PATH_MAX) {
        return -EINVAL;
    }
    int err = 0;
    pthread_mutex_lock(&j->lock);
    if (find(j, session) != NULL) {
        err = -EEXIST;
    } else if (!fits(j, recorder_record_size(RECORDER_SESSION_MAX), false)) {
        err = -ENOBUFS;
    } else {
        recorder_master *m = recorder_master_new(session, frame_bytes, path);
        HASH_ADD_KEYPTR(hh, j->masters, m->session, RECORDER_SESSION_ID, m);
        add_session(j, m);
    }
    pthread_mutex_unlock(&j->lock);
    return err;
}

int recorder_journal_checkpoint(recorder_journal *j, uint64_t file)
{
    recorder_master *m;
    recorder_master *next;
    size_t size = 0;
    int err = 0;
    pthread_mutex_lock(&j->lock);
    HASH_ITER(hh, j->masters, m, next)
    {
        size += recorder_record_size((uint32_t)(4 + strlen(m->path)));
    }
    if (!fits(j, size, false)) {
        err = -ENOBUFS;
    } else {
        HASH_ITER(hh, j->masters, m, next)
        {
            add_session(j, m);
        }
        /* An empty batch has no lsn to wait for: what came before is all. */
        j->checkpoint_lsn = j->filling->len > 0 ? j->filling->lsn : j->filling->lsn - 1;
        j->checkpoint_number = file;
        pthread_cond_signal(&j->to_sealer);
    }
    pthread_mutex_unlock(&j->lock);
    return err;
}

void recorder_journal_flush(recorder_journal *j)
{
    pthread_mutex_lock(&j->lock);
    j->flush = j->filling->len > 0;
    pthread_cond_signal(&j->to_writer);
    pthread_mutex_unlock(&j->lock);
}

void recorder_journal_add_old(recorder_journal *j, recorder_logfile *f)
{
    recorder_logfile **end = &j->old;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    f->next = NULL;
    *end = f;
    pthread_cond_signal(&j->to_sealer);
}

void recorder_journal_read_stats(recorder_journal *j, recorder_journal_stats *ret)
{
    pthread_mutex_lock(&j->lock);
    *ret = j->stats;
    ret->held_bytes = j->held_bytes;
    ret->durable_lsn = j->durable_lsn;
    pthread_mutex_unlock(&j->lock);
}
