/* The sealer's work on masters: those written are synced; those that could not be written or synced
 * are written again from the log first. */
#include "recorder_journal_internal.h"
#include "rf_file.h"

#include "rf_log.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define GROUP 16u       /* masters synced in a row */
#define REST_PER_WORK 2 /* and how long the disk is left alone then */

/* A master in work, and how many faults it had when work on it began. */
typedef struct patient {
    recorder_master *master;
    uint64_t faults;
    int fd; /* the writer's, or own when the writer could not open it; -1: none */
    bool own_fd;
    bool dirty;
} patient;

typedef struct ward {
    patient *patients;
    size_t n;
} ward;

static bool needs_work(const recorder_master *m)
{
    return !m->ended && (m->dirty || m->faults > m->mended || (m->fd >= 0 && !m->linked));
}

static ward admit(recorder_journal *j)
{
    ward w = {0};
    recorder_master *m;
    recorder_master *next;
    pthread_mutex_lock(&j->lock);
    w.patients = RF_NEW_ARRAY(patient, RF_MAX(HASH_COUNT(j->masters), 1u));
    HASH_ITER(hh, j->masters, m, next)
    {
        if (needs_work(m)) {
            m->refs++;
            w.patients[w.n++] = (patient){
                .master = m, .faults = m->faults, .fd = m->fd, .dirty = m->dirty && m->fd >= 0};
            m->dirty = false;
        }
    }
    pthread_mutex_unlock(&j->lock);
    return w;
}

static void discharge(recorder_journal *j, ward *w)
{
    pthread_mutex_lock(&j->lock);
    for (size_t i = 0; i < w->n; i++) {
        recorder_journal_unref(w->patients[i].master);
    }
    pthread_mutex_unlock(&j->lock);
    for (size_t i = 0; i < w->n; i++) {
        if (w->patients[i].own_fd) {
            rf_close(&w->patients[i].fd);
        }
    }
    free(w->patients);
}

static void tell(recorder_journal *j, const patient *p, int err)
{
    if (j->events.master_failed != NULL) {
        j->events.master_failed(j->user, p->master->session, err);
    }
}

static bool is_ill(const patient *p)
{
    return p->faults > p->master->mended; /* mended is the sealer's alone */
}

static void note_fault(recorder_journal *j, patient *p, int err)
{
    pthread_mutex_lock(&j->lock);
    p->faults = ++p->master->faults;
    j->stats.master_faults++;
    pthread_mutex_unlock(&j->lock);
    tell(j, p, err);
}

/* Starts writing a group of them back, then waits for each: their pages go to disk together. */
static void sync_group(recorder_journal *j, patient *group, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (group[i].dirty) {
            (void)sync_file_range(group[i].fd, 0, 0, SYNC_FILE_RANGE_WRITE);
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (group[i].dirty && fdatasync(group[i].fd) < 0) {
            note_fault(j, &group[i], -errno);
        }
    }
}

/* Leaves the disk to the log for a while. False when the journal is being closed. */
static bool rest(recorder_journal *j, int64_t ns)
{
    int64_t until_ns = rf_time_ns() + ns;
    pthread_mutex_lock(&j->lock);
    while (!j->stopping && rf_time_wait_until(&j->to_sealer, &j->lock, until_ns) != -ETIMEDOUT) {
    }
    bool go_on = !j->stopping;
    pthread_mutex_unlock(&j->lock);
    return go_on;
}

/* In small groups: a burst of all masters would make the syncs of the log wait. */
static bool sync_patients(recorder_journal *j, ward *w, void (*between)(void *user), void *user)
{
    for (size_t i = 0; i < w->n; i += GROUP) {
        int64_t since_ns = rf_time_ns();
        sync_group(j, w->patients + i, RF_MIN(w->n - i, (size_t)GROUP));
        bool last = w->n - i <= GROUP;
        between(user);
        if (!last && !rest(j, REST_PER_WORK * (rf_time_ns() - since_ns))) {
            return false;
        }
    }
    return true;
}

static patient *find_ill(ward *w, const uint8_t *session)
{
    for (size_t i = 0; i < w->n; i++) {
        patient *p = &w->patients[i];
        if (is_ill(p) && memcmp(p->master->session, session, RECORDER_SESSION_ID) == 0) {
            return p;
        }
    }
    return NULL;
}

/* Writes the audio of the ill again from one file of the log, up to where it can be read: what is
 * being appended meanwhile is not concerned. Silence needs nothing: what a master lacks at its end
 * is silence.
 */
static int rewrite_from(recorder_journal *j, uint64_t number, ward *w)
{
    recorder_logreader *reader;
    recorder_record r;
    int err = recorder_logreader_open(j->config.dir, number, &reader);
    if (err < 0) {
        return err == -ENOENT ? 0 : err;
    }
    while (err == 0 && recorder_logreader_next(reader, &r) == 1) {
        patient *p = r.kind == RECORDER_RECORD_AUDIO && r.len > 0 ? find_ill(w, r.session) : NULL;
        if (p != NULL) {
            err = rf_pwrite_all(p->fd, r.data, r.len, r.first_frame * p->master->frame_bytes);
        }
    }
    recorder_logreader_free(reader);
    return err;
}

static int open_ill(ward *w)
{
    for (size_t i = 0; i < w->n; i++) {
        patient *p = &w->patients[i];
        if (is_ill(p) && p->fd < 0) {
            p->fd = open(p->master->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
            p->own_fd = p->fd >= 0;
            if (p->fd < 0) {
                return -errno;
            }
        }
    }
    return 0;
}

/* All that the log has of them goes into them again and is synced anew: pages that a failed sync
 * has thrown away are not on disk, though a second sync would succeed. */
static int rewrite(recorder_journal *j, ward *w)
{
    RF_CLEANUP(rf_cleanup_free) uint64_t *numbers = NULL;
    size_t n;
    int err = open_ill(w);
    err = err == 0 ? recorder_logfile_list(j->config.dir, &numbers, &n) : err;
    for (size_t i = 0; err == 0 && i < n; i++) {
        err = rewrite_from(j, numbers[i], w);
        err = err == -EBADMSG ? 0 : err; /* has no header: nothing durable was in it */
    }
    return err;
}

static bool cure(recorder_journal *j, patient *p)
{
    if (fdatasync(p->fd) < 0) {
        note_fault(j, p, -errno);
        return false;
    }
    pthread_mutex_lock(&j->lock);
    p->master->mended = p->faults;
    bool well = p->master->mended == p->master->faults; /* no further one meanwhile */
    pthread_mutex_unlock(&j->lock);
    if (well) {
        tell(j, p, 0);
    }
    return well;
}

static bool cure_all(recorder_journal *j, ward *w)
{
    size_t n_ill = 0;
    bool well = true;
    for (size_t i = 0; i < w->n; i++) {
        n_ill += is_ill(&w->patients[i]) ? 1 : 0;
    }
    if (n_ill == 0) {
        return true;
    }
    int err = rewrite(j, w);
    if (err < 0) {
        RF_LOG_ERROR("masters cannot be rewritten", RF_INT("masters", n_ill),
                     RF_STR("why", strerror(-err)));
        return false;
    }
    for (size_t i = 0; i < w->n; i++) {
        well = (!is_ill(&w->patients[i]) || cure(j, &w->patients[i])) && well;
    }
    return well;
}

/* Names of new masters, one sync for those of one folder that stand together. */
static bool link_all(recorder_journal *j, ward *w)
{
    const char *synced = NULL;
    for (size_t i = 0; i < w->n; i++) {
        recorder_master *m = w->patients[i].master;
        if (m->linked) { /* the sealer's alone */
            continue;
        }
        if (synced == NULL || !recorder_dir_is_same(synced, m->path)) {
            int err = recorder_dir_sync_of(m->path);
            if (err < 0) {
                RF_LOG_ERROR("folder of a master", RF_STR("why", strerror(-err)));
                return false;
            }
            synced = m->path;
        }
        pthread_mutex_lock(&j->lock);
        m->linked = true;
        pthread_mutex_unlock(&j->lock);
    }
    return true;
}

bool recorder_journal_heal(recorder_journal *j, void (*between)(void *user), void *user)
{
    ward w = admit(j);
    bool whole = sync_patients(j, &w, between, user);
    whole = whole && cure_all(j, &w);
    whole = whole && link_all(j, &w);
    discharge(j, &w);
    return whole;
}
