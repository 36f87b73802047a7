#include "recorder_restore.h"

#include "recorder_kill.h"
#include "recorder_logfile.h"
#include "recorder_master.h"
#include "rf_file.h"
#include "rf_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define GROUP 16u /* masters that are written and then synced together: few files are open */

typedef struct patient {
    uint8_t session[RECORDER_SESSION_ID];
    recorder_master *master; /* NULL: none */
    recorder_extent *extents;
    size_t n_extents;
    bool whole; /* and told */
    int err;    /* of this run */
} patient;

struct recorder_restore {
    char *dir;
    patient *patients;
    size_t n;
    size_t cap;
    uint64_t file; /* of the log, open as fd; 0: none */
    int fd;
    uint8_t *bytes; /* of one record */
    size_t cap_bytes;
    _Atomic(bool) stopped;
};

recorder_restore *recorder_restore_new(const char *dir)
{
    recorder_restore *r = RF_NEW(recorder_restore);
    r->dir = rf_strdup(dir);
    r->fd = -1;
    atomic_init(&r->stopped, false);
    return r;
}

static void forget(patient *p)
{
    p->master = recorder_master_free(p->master);
    free(p->extents);
    p->extents = NULL;
    p->n_extents = 0;
}

recorder_restore *recorder_restore_free(recorder_restore *r)
{
    if (r != NULL) {
        for (size_t i = 0; i < r->n; i++) {
            forget(&r->patients[i]);
        }
        rf_close(&r->fd);
        free(r->patients);
        free(r->bytes);
        free(r->dir);
        free(r);
    }
    return NULL;
}

void recorder_restore_add(recorder_restore *r, const uint8_t *session, uint32_t frame_bytes,
                          const char *path, recorder_extent *extents, size_t n)
{
    r->patients = rf_make_room(r->patients, r->n + 1, &r->cap, sizeof(r->patients[0]));
    patient *p = &r->patients[r->n++];
    *p = (patient){.extents = extents, .n_extents = n};
    memcpy(p->session, session, sizeof(p->session));
    p->master = path != NULL ? recorder_master_new(session, frame_bytes, path) : NULL;
}

void recorder_restore_stop(recorder_restore *r)
{
    atomic_store(&r->stopped, true);
}

/* ---- one master ---- */

static int open_file(recorder_restore *r, uint64_t number)
{
    if (r->file != number) {
        rf_close(&r->fd);
        int fd = recorder_logfile_open(r->dir, number);
        if (fd < 0) {
            r->file = 0;
            return fd;
        }
        r->fd = fd;
        r->file = number;
    }
    return 0;
}

static int read_extent(recorder_restore *r, const recorder_extent *e)
{
    if (r->cap_bytes < e->len) {
        r->cap_bytes = e->len;
        r->bytes = rf_grow(r->bytes, r->cap_bytes, 1);
    }
    int err = rf_pread_all(r->fd, r->bytes, e->len, e->at);
    return err == -ENODATA ? -EIO : err; /* it was there */
}

static int put_extent(recorder_restore *r, patient *p, const recorder_extent *e)
{
    int err = e->len > 0 ? open_file(r, e->file) : 0;
    err = err == 0 ? read_extent(r, e) : err;
    const recorder_record record = {.kind = RECORDER_RECORD_AUDIO,
                                    .first_frame = e->first_frame,
                                    .n_frames = e->n_frames,
                                    .data = r->bytes,
                                    .len = e->len};
    err = err == 0 ? recorder_master_put(p->master, &record) : err;
    recorder_kill_point("recover");
    return err;
}

static int write_master(recorder_restore *r, patient *p)
{
    int err = recorder_master_open(p->master);
    for (size_t i = 0; err == 0 && i < p->n_extents; i++) {
        err = atomic_load(&r->stopped) ? -ECANCELED : put_extent(r, p, &p->extents[i]);
    }
    return err;
}

/* ---- a group ---- */

static bool needs_writing(const patient *p)
{
    return !p->whole && p->n_extents > 0;
}

static void write_group(recorder_restore *r, patient *group, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        patient *p = &group[i];
        p->err = needs_writing(p) ? write_master(r, p) : 0;
        if (needs_writing(p) && p->err == 0) {
            (void)sync_file_range(p->master->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
        }
    }
}

/* A second sync could succeed with the pages lost: the next run writes all again. */
static void sync_group(patient *group, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        patient *p = &group[i];
        if (needs_writing(p) && p->err == 0 && fdatasync(p->master->fd) < 0) {
            p->err = -errno;
        }
    }
}

/* Names of masters that were not there, one sync for those of one folder that stand together. */
static void link_group(patient *group, size_t n)
{
    const char *synced = NULL;
    int err = 0;
    for (size_t i = 0; i < n; i++) {
        patient *p = &group[i];
        if (!needs_writing(p) || p->err < 0) {
            continue;
        }
        if (synced == NULL || !recorder_dir_is_same(synced, p->master->path)) {
            err = recorder_dir_sync_of(p->master->path);
            synced = p->master->path;
        }
        p->err = err;
    }
}

static int restore_group(recorder_restore *r, patient *group, size_t n,
                         void (*whole)(void *user, const uint8_t *session), void *user)
{
    int err = 0;
    write_group(r, group, n);
    sync_group(group, n);
    link_group(group, n);
    for (size_t i = 0; i < n; i++) {
        patient *p = &group[i];
        if (p->err < 0 && p->err != -ECANCELED) {
            RF_LOG_ERROR("a master is not restored", RF_STR("path", p->master->path),
                         RF_STR("why", strerror(-p->err)));
        } else if (p->err == 0 && !p->whole) {
            p->whole = true;
            forget(p);
            whole(user, p->session);
        }
        if (p->master != NULL) {
            recorder_master_close(p->master);
        }
        err = err == 0 ? p->err : err;
    }
    return err;
}

int recorder_restore_run(recorder_restore *r, void (*whole)(void *user, const uint8_t *session),
                         void *user)
{
    int err = 0;
    for (size_t i = 0; i < r->n && !atomic_load(&r->stopped); i += GROUP) {
        int result =
            restore_group(r, r->patients + i, RF_MIN(r->n - i, (size_t)GROUP), whole, user);
        err = err == 0 ? result : err;
    }
    return atomic_load(&r->stopped) ? -ECANCELED : err;
}
