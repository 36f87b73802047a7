/* Recovery: once over the log, which gathers what counts of each session: all since its latest
 * snapshot, and where its audio stands. Again only where a FLOOR is met that files already read lie
 * below: they have come back from the dead without their neighbours, and say nothing true of the
 * sessions in them. A number of a record that was seen already is skipped: after a failed sync what
 * was not durable stands in two files. */
#include "recorder_journal.h"
#include "recorder_logfile.h"
#include "rf_log.h"
#include "rf_metric.h"

#include <errno.h>
#include <string.h>
#include <uthash.h>

typedef struct found {
    UT_hash_handle hh;
    uint8_t session[RECORDER_SESSION_ID];
    uint32_t frame_bytes;
    char *path;               /* NULL: not registered */
    recorder_record *records; /* since the latest snapshot; their data is owned */
    size_t n_records;
    size_t cap_records;
    recorder_extent *extents; /* all audio */
    size_t n_extents;
    size_t cap_extents;
    bool ended;
} found;

typedef struct recovery {
    const char *dir;
    const recorder_recovery_events *events;
    void *user;
    recorder_recovery report;
    uint64_t *numbers;
    size_t n_numbers;
    uint64_t floor; /* files below it are no longer needed */
    found *sessions;
    uint64_t seq;  /* the last one seen in this pass */
    uint64_t file; /* that is being read */
} recovery;

/* ---- what is gathered ---- */

static found *find_or_add(recovery *v, const uint8_t *session)
{
    found *f;
    HASH_FIND(hh, v->sessions, session, RECORDER_SESSION_ID, f);
    if (f == NULL) {
        f = RF_NEW(found);
        memcpy(f->session, session, RECORDER_SESSION_ID);
        HASH_ADD(hh, v->sessions, session, RECORDER_SESSION_ID, f);
    }
    return f;
}

static void forget_records(found *f)
{
    for (size_t i = 0; i < f->n_records; i++) {
        free((void *)(uintptr_t)f->records[i].data);
    }
    f->n_records = 0;
}

static void forget_sessions(recovery *v)
{
    found *f;
    found *next;
    HASH_ITER(hh, v->sessions, f, next)
    {
        HASH_DEL(v->sessions, f);
        forget_records(f);
        free(f->records);
        free(f->extents);
        free(f->path);
        free(f);
    }
}

static int learn_session(found *f, const recorder_record *r)
{
    char path[RECORDER_PATH_MAX + 1];
    uint32_t frame_bytes;
    int err = recorder_record_unpack_session(r, &frame_bytes, path);
    if (err == 0 && f->path == NULL) {
        f->path = rf_strdup(path);
        f->frame_bytes = frame_bytes;
    }
    return err < 0 ? -EPROTO : 0; /* its CRC was right: written by something else */
}

static void keep_record(found *f, const recorder_record *r)
{
    f->records = rf_make_room(f->records, f->n_records + 1, &f->cap_records, sizeof(f->records[0]));
    f->records[f->n_records++] = *r;
}

static void keep_bytes(found *f, const recorder_record *r)
{
    recorder_record copy = *r;
    void *data = rf_alloc((size_t)r->len + 1);
    memcpy(data, r->data, r->len);
    copy.data = data;
    keep_record(f, &copy);
}

/* Frames that follow those kept last need no record of their own. */
static void keep_frames(found *f, const recorder_record *r)
{
    recorder_record *last = f->n_records > 0 ? &f->records[f->n_records - 1] : NULL;
    if (last != NULL && last->kind == RECORDER_RECORD_AUDIO &&
        last->first_frame + last->n_frames == r->first_frame &&
        last->n_frames <= UINT32_MAX - r->n_frames) {
        last->n_frames += r->n_frames;
        return;
    }
    recorder_record bare = *r;
    bare.data = NULL;
    bare.len = 0;
    keep_record(f, &bare);
}

static void keep_extent(recovery *v, found *f, const recorder_record *r, int64_t end)
{
    f->extents = rf_make_room(f->extents, f->n_extents + 1, &f->cap_extents, sizeof(f->extents[0]));
    f->extents[f->n_extents++] = (recorder_extent){
        .file = v->file,
        .at = end - (int64_t)recorder_record_size(r->len) + RECORDER_RECORD_HEADER,
        .first_frame = r->first_frame,
        .n_frames = r->n_frames,
        .len = r->len,
    };
}

/* end: the byte of the file behind it. */
static int gather(recovery *v, const recorder_record *r, int64_t end)
{
    if (r->kind == RECORDER_RECORD_FLOOR) {
        v->floor = RF_MAX(v->floor, (uint64_t)r->first_frame);
        return 0;
    }
    found *f = find_or_add(v, r->session);
    switch (r->kind) {
    case RECORDER_RECORD_SESSION:
        return learn_session(f, r);
    case RECORDER_RECORD_SNAPSHOT:
        forget_records(f);
        keep_bytes(f, r);
        return 0;
    case RECORDER_RECORD_CHANGE:
        keep_bytes(f, r);
        return 0;
    case RECORDER_RECORD_AUDIO:
        keep_frames(f, r);
        keep_extent(v, f, r, end);
        return 0;
    default: /* END */
        f->ended = true;
        return 0;
    }
}

/* ---- the log ---- */

/* Whether a record is to be used; counts what is found twice and what is missing. */
static bool is_new(recovery *v, const recorder_record *r)
{
    if (r->seq <= v->seq) {
        v->report.duplicates++;
        return false;
    }
    v->report.holes += r->seq > v->seq + 1 && v->seq > 0;
    v->seq = r->seq;
    v->report.records++;
    return true;
}

static int read_records(recovery *v, recorder_logreader *reader)
{
    recorder_record r;
    int err;
    while ((err = recorder_logreader_next(reader, &r)) == 1) {
        int result = is_new(v, &r) ? gather(v, &r, recorder_logreader_end(reader)) : 0;
        if (result < 0) {
            return result;
        }
    }
    return err == -EPROTO ? err : 0;
}

/* A file that cannot be read at all is passed over like one that is missing. */
static int read_file(recovery *v)
{
    recorder_logreader *reader;
    int err = recorder_logreader_open(v->dir, v->file, &reader);
    if (err < 0) {
        v->report.torn += err == -EBADMSG;
        return err == -EBADMSG ? 0 : err;
    }
    err = read_records(v, reader);
    const int64_t rest = err == 0 ? recorder_logreader_rest(reader) : 0;
    recorder_logreader_free(reader);
    v->report.torn += rest > 0;
    v->report.torn_bytes += (uint64_t)rest;
    return err;
}

static int pass(recovery *v)
{
    int err = 0;
    v->seq = 0;
    v->report = (recorder_recovery){0};
    for (size_t i = 0; err == 0 && i < v->n_numbers; i++) {
        v->file = v->numbers[i];
        if (v->file >= v->floor) {
            v->report.files++;
            err = read_file(v);
        }
    }
    return err;
}

static int read_all(recovery *v)
{
    uint64_t floor_before;
    int err;
    do {
        floor_before = v->floor;
        forget_sessions(v);
        err = pass(v);
    } while (err == 0 && v->floor > RF_MAX(floor_before, v->numbers[0]));
    return err;
}

/* What stands in the page cache alone is told of as durable from here on. */
static int sync_all(const recovery *v)
{
    int err = 0;
    for (size_t i = 0; err == 0 && i < v->n_numbers; i++) {
        err = v->numbers[i] >= v->floor ? recorder_logfile_resync(v->dir, v->numbers[i]) : 0;
    }
    return err;
}

/* ---- what is told ---- */

static int check_audio(const found *f)
{
    for (size_t i = 0; i < f->n_extents; i++) {
        const recorder_extent *e = &f->extents[i];
        if (e->len != 0 && e->len != (uint64_t)e->n_frames * f->frame_bytes) {
            return -EPROTO;
        }
    }
    return 0;
}

static void tell_session(recovery *v, const found *f)
{
    v->report.sessions++;
    if (v->events->session != NULL) {
        v->events->session(v->user, f->session, f->frame_bytes, f->path);
    }
}

/* Audio of a session that nobody knows the master of is nothing. */
static int tell_records(const recovery *v, const found *f)
{
    int err = f->path != NULL ? check_audio(f) : 0;
    for (size_t i = 0; err == 0 && v->events->record != NULL && i < f->n_records; i++) {
        const recorder_record *r = &f->records[i];
        if (r->kind != RECORDER_RECORD_AUDIO || f->path != NULL) {
            err = v->events->record(v->user, r);
        }
    }
    return err;
}

static void hand_over(recovery *v, found *f, recorder_restore *restore)
{
    const bool known = f->path != NULL;
    for (size_t i = 0; known && i < f->n_extents; i++) {
        v->report.audio_bytes += f->extents[i].len;
    }
    recorder_extent *extents = known ? RF_STEAL(f->extents) : NULL;
    recorder_restore_add(restore, f->session, f->frame_bytes, f->path, extents,
                         known ? f->n_extents : 0);
}

static int tell_all(recovery *v, recorder_restore *restore)
{
    int err = 0;
    for (found *f = v->sessions; f != NULL; f = f->hh.next) {
        if (!f->ended) {
            tell_session(v, f);
        }
    }
    for (found *f = v->sessions; f != NULL && err == 0; f = f->hh.next) {
        if (!f->ended) {
            err = tell_records(v, f);
            hand_over(v, f, restore);
        }
    }
    return err;
}

static void note_damage(const recorder_recovery *report)
{
    if (report->torn > 0) {
        RF_LOG_WARN("files of the journal end in damaged bytes", RF_INT("files", report->torn),
                    RF_INT("bytes", report->torn_bytes));
    }
    if (report->holes > 0) {
        RF_LOG_ERROR("records of the journal are missing", RF_INT("places", report->holes));
    }
    rf_metric_add(rf_metric_counter("reflection_recorder_torn_records_total",
                                    "Damaged ends of journal files found at start.", NULL),
                  (int64_t)report->torn);
}

static int run(recovery *v, recorder_restore *restore)
{
    int err = v->n_numbers > 0 ? read_all(v) : 0;
    err = err == 0 ? sync_all(v) : err;
    if (err == 0) {
        note_damage(&v->report);
        err = tell_all(v, restore);
    }
    v->report.last_file = v->n_numbers == 0 ? 0 : v->numbers[v->n_numbers - 1];
    v->report.next_seq = v->seq + 1;
    return err;
}

int recorder_journal_recover(const char *dir, const recorder_recovery_events *events, void *user,
                             recorder_recovery *ret, recorder_restore **ret_restore)
{
    recovery v = {.dir = dir, .events = events, .user = user};
    recorder_restore *restore = recorder_restore_new(dir);
    int err = recorder_logfile_list(dir, &v.numbers, &v.n_numbers);
    err = err == 0 ? run(&v, restore) : err == -ENOENT ? 0 : err;
    if (err == 0) {
        *ret = v.report;
        *ret_restore = RF_STEAL(restore);
    }
    recorder_restore_free(restore);
    forget_sessions(&v);
    free(v.numbers);
    return err;
}
