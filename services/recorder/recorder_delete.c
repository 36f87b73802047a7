#include "recorder_delete.h"

#include "recorder_archive.h"
#include "recorder_events.h"
#include "recorder_kill.h"
#include "recorder_notes.h"
#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define DAY_NS (INT64_C(86400) * RF_NS_PER_S)

typedef struct removal {
    recorder_task task; /* first */
    recorder_session *session;
    recorder_service *service;
    recorder_waiter_fn fn;
    void *user;
    rf_buf snapshot;
    int err;
} removal;

/* ---- a thread of the pool: on a take of its own ---- */

static int remove_object(recorder_service *service, const recorder_take *take, const char *key)
{
    char object[RECORDER_OBJECT_SIZE];
    int err = recorder_shelf_object(take->start.tenant, key, object);
    err = err == 0 ? rf_store_delete(service->store, object) : err;
    return err == -ENOENT ? 0 : err;
}

static int remove_segment(recorder_service *service, const recorder_take *take, uint32_t index)
{
    recorder_event e;
    recorder_event_segment(take, RECORDER_EVENT_SEGMENT_DELETED, index, &e);
    int err = remove_object(service, take, e.key);
    return err == 0 ? recorder_events_put(service->outbox, &e) : err;
}

static int remove_all(removal *r, recorder_take *take)
{
    char key[RECORDER_KEY_SIZE];
    RF_CLEANUP(rf_cleanup_free)
    char *master = recorder_service_master(r->service, take->start.id);
    int err = 0;
    for (uint32_t i = 0; err == 0 && i < take->segments.n; i++) {
        err = remove_segment(r->service, take, i);
    }
    if (err == 0 && (take->segments.n == 0 || take->covered < take->frames)) {
        /* one that was stored and not yet known to be */
        recorder_take_key(take, key);
        err = remove_object(r->service, take, key);
    }
    recorder_kill_point("delete");
    err = err == 0 ? recorder_notes_remove(r->service, &take->start) : err;
    if (err == 0 && unlink(master) < 0 && errno != ENOENT) {
        err = -errno;
    }
    return err;
}

static void run(recorder_task *task)
{
    removal *r = (removal *)task;
    recorder_take *take = NULL;
    r->err = recorder_take_unpack(r->snapshot.data, r->snapshot.len, &take);
    r->err = r->err == 0 ? remove_all(r, take) : r->err;
    recorder_take_free(take);
}

/* ---- the loop ---- */

static void answer(void *user, int err)
{
    removal *r = user;
    recorder_session *s = r->session;
    recorder_error error = {.code = RECORDER_OK};
    s->deleting = false;
    if (err < 0) {
        (void)recorder_fail(&error, RECORDER_STORE_FAILED, "not deleted: %s", strerror(-err));
        RF_LOG_ERROR("a session is not deleted", RF_STR("why", strerror(-err)));
    }
    r->fn(r->user, s, &error);
    rf_buf_done(&r->snapshot);
    free(r);
    recorder_session_unref(s);
}

static int note(recorder_session *s)
{
    recorder_change change = {.kind = RECORDER_CHANGE_DELETED};
    change.at.frame = s->take->frames;
    change.at.utc_ns = rf_time_ns() + recorder_utc_offset_ns();
    bool was_pending = s->take->live.state == RECORDER_PENDING;
    int err = recorder_session_change(s, &change, NULL);
    if (err == 0 && was_pending) {
        recorder_registry_finished(s->service->registry, s);
    }
    return err;
}

static void done(recorder_task *task)
{
    removal *r = (removal *)task;
    int err = r->err == 0 ? note(r->session) : r->err;
    if (err < 0 || r->service->publishes == NULL) {
        answer(r, err);
    } else {
        recorder_archive_then(r->session, answer, r);
    }
}

static bool is_finished(const recorder_session *s, bool discard)
{
    recorder_state state = s->take->live.state;
    return state == RECORDER_STORED || state == RECORDER_RECOVERED ||
           (state == RECORDER_PENDING && discard && !s->publishing);
}

recorder_code recorder_delete(recorder_session *s, bool discard, recorder_waiter_fn fn, void *user,
                              recorder_error *error)
{
    if (!is_finished(s, discard) || s->deleting) {
        return recorder_fail(error, RECORDER_ALREADY_RECORDING, "the session is not finished: %s",
                             recorder_state_name(s->take->live.state));
    }
    removal *r = RF_NEW(removal);
    r->task = (recorder_task){.run = run, .done = done};
    r->session = s;
    r->service = s->service;
    r->fn = fn;
    r->user = user;
    rf_buf_init(&r->snapshot, RECORDER_SNAPSHOT_MAX);
    if (recorder_take_pack(s->take, &r->snapshot) < 0) {
        abort(); /* the lists of a take have limits that fit */
    }
    s->deleting = true;
    s->publish_at_ns = RF_NEVER_NS;
    recorder_session_rearm(s);
    recorder_session_ref(s);
    recorder_pool_put(s->service->publishes, &r->task);
    return RECORDER_OK;
}

/* ---- retention ---- */

static void expired(void *user, recorder_session *s, const recorder_error *error)
{
    (void)user;
    (void)s;
    (void)error; /* logged; the next sweep tries again */
}

bool recorder_delete_is_due(const recorder_take *take, int64_t utc_ns)
{
    const int64_t days = take->start.options.retention_days;
    const recorder_state state = take->live.state;
    return days > 0 && (state == RECORDER_STORED || state == RECORDER_RECOVERED) &&
           utc_ns - take->changed_utc_ns >= days * DAY_NS;
}

size_t recorder_delete_expired(recorder_service *service, int64_t utc_ns)
{
    size_t n = 0;
    for (recorder_session *s = recorder_registry_first(service->registry); s != NULL;
         s = recorder_registry_next(s)) {
        if (!s->deleting && !s->recovering && recorder_delete_is_due(s->take, utc_ns) &&
            recorder_delete(s, false, expired, NULL, NULL) == RECORDER_OK) {
            n++;
        }
    }
    return n;
}
