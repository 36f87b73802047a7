#include "recorder_archive.h"

#include "recorder_keep.h"
#include "recorder_text.h"
#include "rf_file.h"
#include "rf_log.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#define RESTORE_STEP 64 /* sessions of the archive in one turn of the loop */

typedef struct archiving {
    recorder_task task; /* first */
    recorder_session *session;
    char *path;
    rf_buf bytes;
    uint64_t seq; /* of the take that is written */
    int err;
} archiving;

/* Behind the end in the journal nothing makes the master whole again: it is durable first. */
static void run(recorder_task *task)
{
    archiving *a = (archiving *)task;
    int err = rf_file_sync(a->session->path);
    a->err = err == 0 || err == -ENOENT ? 0 : err; /* no audio, or dropped */
    a->err =
        a->err == 0 ? rf_file_write_atomic(a->path, a->bytes.data, a->bytes.len, 0600) : a->err;
}

static void forgotten(void *user, int64_t value)
{
    (void)value;
    recorder_keep_forgotten(user);
}

static void release(void *user)
{
    recorder_session_unref(user);
}

/* Not written: the journal keeps it, and the next start tries again. */
static void forget(recorder_session *s)
{
    static const recorder_mark_fns fns = {NULL, forgotten, release};
    recorder_record end = {.kind = RECORDER_RECORD_END};
    memcpy(end.session, s->take->start.id, sizeof(end.session));
    if (!s->archived) {
        const recorder_mark mark = {&fns, s, 0};
        recorder_session_ref(s);
        recorder_log_put(s->service->log, &end, &mark);
        s->archived = true;
    }
}

static void tell(recorder_session *s, int err)
{
    void (*fn)(void *user, int err) = RF_STEAL(s->on_archived);
    if (fn != NULL) {
        fn(s->archived_user, err);
    }
}

/* What has changed meanwhile is in the journal alone: it is written too before that forgets. */
static void done(recorder_task *task)
{
    archiving *a = (archiving *)task;
    recorder_session *s = a->session;
    s->archiving = false;
    if (a->err < 0) {
        RF_LOG_ERROR("a finished session is not written", RF_STR("path", a->path),
                     RF_STR("why", strerror(-a->err)));
        tell(s, a->err);
    } else if (a->seq != s->take->seq) {
        recorder_archive_write(s);
    } else {
        forget(s);
        tell(s, 0);
    }
    rf_buf_done(&a->bytes);
    free(a->path);
    free(a);
    recorder_session_unref(s);
}

void recorder_archive_write(recorder_session *s)
{
    if (s->archiving || s->service->publishes == NULL) {
        return; /* done writes what has changed; closing: the next start does it */
    }
    archiving *a = RF_NEW(archiving);
    a->task = (recorder_task){.run = run, .done = done};
    a->session = s;
    a->path = recorder_service_finished(s->service, s->take->start.id);
    rf_buf_init(&a->bytes, RECORDER_SNAPSHOT_MAX);
    if (recorder_take_pack(s->take, &a->bytes) < 0) {
        abort(); /* the lists of a take have limits that fit */
    }
    a->seq = s->take->seq;
    s->archiving = true;
    recorder_session_ref(s);
    recorder_pool_put(s->service->publishes, &a->task);
}

void recorder_archive_then(recorder_session *s, void (*fn)(void *user, int err), void *user)
{
    s->on_archived = fn;
    s->archived_user = user;
    recorder_archive_write(s);
}

/* ---- at start ---- */

static int read_take(const char *path, recorder_take **ret)
{
    rf_buf bytes;
    rf_buf_init(&bytes, RECORDER_SNAPSHOT_MAX);
    int err = rf_file_read(path, &bytes);
    err = err == 0 ? recorder_take_unpack(bytes.data, bytes.len, ret) : err;
    rf_buf_done(&bytes);
    if (err < 0) {
        RF_LOG_ERROR("a finished session is not read", RF_STR("path", path),
                     RF_STR("why", strerror(-err)));
    }
    return err;
}

static void restore(recorder_service *s, recorder_take *take)
{
    recorder_session *session = recorder_session_restore(s, take, true);
    recorder_registry_add(s->registry, session);
    recorder_keep_restored(session);
    recorder_registry_finished(s->registry, session);
}

/* In order of their end, so that the registry need not search. */
static int by_end(const void *a, const void *b)
{
    const recorder_take *const *x = a;
    const recorder_take *const *y = b;
    return ((*x)->changed_utc_ns > (*y)->changed_utc_ns) -
           ((*x)->changed_utc_ns < (*y)->changed_utc_ns);
}

int recorder_archive_walk(const char *dir, const recorder_archive_reader *reader, void *user)
{
    uint8_t id[RECORDER_ID_LEN];
    recorder_take *take = NULL;
    bool go_on = true;
    RF_CLEANUP(rf_cleanup_free) char *sessions = rf_asprintf("%s/sessions", dir);
    DIR *d = opendir(sessions);
    if (d == NULL) {
        return -errno;
    }
    for (struct dirent *entry; go_on && (entry = readdir(d)) != NULL;) {
        if (recorder_text_parse_id(entry->d_name, id) == 0 &&
            (reader->wants == NULL || reader->wants(user, id))) {
            RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/%s", sessions, entry->d_name);
            go_on = read_take(path, &take) < 0 || reader->take(user, take);
        }
    }
    closedir(d);
    return 0;
}

typedef struct loading {
    recorder_task task; /* first */
    recorder_service *service;
    recorder_take **takes;
    size_t n;
    size_t cap;
    size_t n_restored;
    int err;
} loading;

/* A thread of the pool. */
static bool gather(void *user, recorder_take *take)
{
    loading *l = user;
    l->takes = rf_make_room(l->takes, l->n + 1, &l->cap, sizeof(l->takes[0]));
    l->takes[l->n++] = take;
    return !atomic_load(&l->service->closing);
}

static void read_archive(recorder_task *task)
{
    static const recorder_archive_reader reader = {
        NULL, gather}; /* what the registry has is left out later */
    loading *l = (loading *)task;
    l->err = recorder_archive_walk(l->service->dir, &reader, l);
    if (l->n > 0) {
        qsort(l->takes, l->n, sizeof(l->takes[0]), by_end);
    }
}

static void end_loading(loading *l)
{
    for (; l->n_restored < l->n; l->n_restored++) {
        recorder_take_free(l->takes[l->n_restored]);
    }
    free(l->takes);
    free(l);
}

/* Some at a time, so that the loop does not wait for all of them. */
static void restore_some(void *user)
{
    loading *l = user;
    recorder_service *s = l->service;
    const size_t end = RF_MIN(l->n, l->n_restored + RESTORE_STEP);
    for (; !s->draining && l->n_restored < end; l->n_restored++) {
        recorder_take *take = l->takes[l->n_restored];
        if (recorder_registry_get_any(s->registry, take->start.id) == NULL) {
            restore(s, take);
        } else {
            recorder_take_free(take);
        }
    }
    if (!s->draining && l->n_restored < l->n) {
        rf_loop_post(s->loop, restore_some, l);
        return;
    }
    if (l->err == 0 && l->n_restored == l->n) {
        recorder_registry_has_archive(s->registry);
    }
    end_loading(l);
}

static void archive_read(recorder_task *task)
{
    loading *l = (loading *)task;
    if (l->err < 0) {
        RF_LOG_ERROR("finished sessions are not read", RF_STR("why", strerror(-l->err)));
    }
    restore_some(l);
}

void recorder_archive_load(recorder_service *s)
{
    loading *l = RF_NEW(loading);
    l->task = (recorder_task){.run = read_archive, .done = archive_read};
    l->service = s;
    recorder_pool_put(s->recovers, &l->task);
}
