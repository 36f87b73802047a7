#include "recorder_recover.h"

#include "rf_id.h"
#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <string.h>

#define RETRY_NS RF_NS_PER_S

/* What is left of a recovery. */
typedef struct recorder_recover {
    recorder_task task; /* first */
    recorder_service *service;
    recorder_restore *restore;
    rf_timer *retry; /* NULL before the loop has begun with it */
    int64_t from_ns;
    int err; /* of the last run */
} recorder_recover;

/* ---- the log ---- */

static recorder_found *find(recorder_found *table, const uint8_t *id)
{
    recorder_found *f;
    HASH_FIND(hh, table, id, RECORDER_ID_LEN, f);
    return f;
}

static void on_session(void *user, const uint8_t *session, uint32_t frame_bytes, const char *path)
{
    recorder_found **table = user;
    (void)frame_bytes;
    (void)path;
    if (find(*table, session) == NULL) {
        recorder_found *f = RF_NEW(recorder_found);
        memcpy(f->id, session, sizeof(f->id));
        f->take = recorder_take_new();
        HASH_ADD(hh, *table, id[0], RECORDER_ID_LEN, f);
    }
}

static int apply(recorder_found *f, const recorder_record *r)
{
    recorder_change change;
    recorder_take *take;
    int err;
    switch (r->kind) {
    case RECORDER_RECORD_SNAPSHOT:
        err = recorder_take_unpack(r->data, r->len, &take);
        if (err == 0) {
            recorder_take_free(f->take);
            f->take = take;
        }
        return err;
    case RECORDER_RECORD_CHANGE:
        err = recorder_change_unpack(r->data, r->len, &change);
        return err == 0 ? recorder_take_apply(f->take, &change) : err;
    case RECORDER_RECORD_AUDIO:
        return recorder_take_audio(f->take, r->first_frame, r->n_frames);
    default:
        return 0;
    }
}

/* One session that makes no sense does not keep the others from theirs. */
static int on_record(void *user, const recorder_record *r)
{
    recorder_found **table = user;
    char id[2 * RECORDER_ID_LEN + 1];
    recorder_found *f = find(*table, r->session);
    int err = f == NULL ? -ENOENT : apply(f, r);
    if (err < 0) {
        rf_hex(r->session, RECORDER_ID_LEN, id);
        RF_LOG_ERROR("a record does not fit its session", RF_STR("session", id),
                     RF_INT("kind", r->kind), RF_STR("why", strerror(-err)));
    }
    return 0;
}

int recorder_recover_read(recorder_service *s, recorder_recovery *ret, recorder_found **ret_found)
{
    static const recorder_recovery_events events = {on_session, on_record};
    RF_CLEANUP(rf_cleanup_free) char *dir = rf_asprintf("%s/journal", s->dir);
    recorder_recover *v = RF_NEW(recorder_recover);
    v->service = s;
    v->from_ns = rf_time_ns();
    *ret_found = NULL;
    s->recovery = v;
    return recorder_journal_recover(dir, &events, ret_found, ret, &v->restore);
}

void recorder_recover_drop(recorder_found *found)
{
    recorder_found *f;
    recorder_found *next;
    HASH_ITER(hh, found, f, next)
    {
        HASH_DEL(found, f);
        recorder_take_free(f->take);
        free(f);
    }
}

/* ---- the masters ---- */

typedef struct whole_note {
    recorder_service *service;
    uint8_t id[RECORDER_ID_LEN];
} whole_note;

/* What stops leaves it as it is: nothing of it is lost, and the next start goes on. */
static void go_on(void *user)
{
    whole_note *n = user;
    recorder_service *s = n->service;
    recorder_session *session = recorder_registry_get_any(s->registry, n->id);
    if (session != NULL && session->recovering && !s->draining) {
        recorder_registry_recovered(s->registry, session);
        recorder_session_go_on(session);
    }
    free(n);
}

/* On the thread of the pool. */
static void on_whole(void *user, const uint8_t *id)
{
    recorder_recover *v = user;
    whole_note *n = RF_NEW(whole_note);
    n->service = v->service;
    memcpy(n->id, id, sizeof(n->id));
    rf_loop_post(v->service->loop, go_on, n);
}

static void run(recorder_task *task)
{
    recorder_recover *v = (recorder_recover *)task;
    v->err = recorder_restore_run(v->restore, on_whole, v);
}

static void finish(recorder_service *s)
{
    recorder_journal_restored(s->journal);
    rf_metric_observe(s->metrics->recovery_seconds,
                      (double)(rf_time_ns() - s->recovery->from_ns) / 1e9);
    recorder_recover_free(s);
}

static void done(recorder_task *task)
{
    recorder_recover *v = (recorder_recover *)task;
    recorder_service *s = v->service;
    if (s->draining) {
        return;
    }
    if (v->err == 0) {
        finish(s);
    } else if (v->err == -ENOSPC && recorder_journal_spend(s->journal)) {
        recorder_pool_put(s->recovers, &v->task);
    } else {
        rf_timer_set(v->retry, rf_time_ns() + RETRY_NS);
    }
}

static void on_retry(void *user)
{
    recorder_recover *v = user;
    recorder_pool_put(v->service->recovers, &v->task);
}

/* What was never begun is nothing. */
static void make(recorder_service *s, recorder_found *f)
{
    if (f->take->seq == 0) {
        return;
    }
    recorder_session *session = recorder_session_restore(s, RF_STEAL(f->take), false);
    recorder_registry_add(s->registry, session);
    rf_metric_add(s->metrics->recovered_sessions,
                  recorder_state_captures(session->take->live.state));
}

void recorder_recover_begin(recorder_service *s, recorder_found *found)
{
    recorder_recover *v = s->recovery;
    for (recorder_found *f = found; f != NULL; f = f->hh.next) {
        make(s, f);
    }
    recorder_recover_drop(found);
    v->task = (recorder_task){.run = run, .done = done};
    v->retry = rf_timer_new(s->loop, on_retry, v);
    recorder_pool_put(s->recovers, &v->task);
}

void recorder_recover_stop(recorder_service *s)
{
    if (s->recovery != NULL && s->recovery->retry != NULL) {
        recorder_restore_stop(s->recovery->restore);
        rf_timer_set(s->recovery->retry, RF_NEVER_NS);
    }
}

void recorder_recover_free(recorder_service *s)
{
    recorder_recover *v = RF_STEAL(s->recovery);
    if (v != NULL) {
        rf_timer_free(v->retry);
        recorder_restore_free(v->restore);
        free(v);
    }
}
