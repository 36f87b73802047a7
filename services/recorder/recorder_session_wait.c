#include "recorder_session_internal.h"

#include "rf_time.h"

void recorder_session_add_waiter(recorder_session *s, int64_t frames, int64_t at_ns,
                                 recorder_waiter_fn fn, void *user)
{
    recorder_waiter *w = RF_NEW(recorder_waiter);
    recorder_waiter **last = &s->waiters;
    *w = (recorder_waiter){.fn = fn, .user = user, .at_ns = at_ns, .frames = frames};
    while (*last != NULL) {
        last = &(*last)->next;
    }
    *last = w;
    recorder_session_rearm(s);
}

/* Calls those that `is_due` picks; they may add others. */
static void tell(recorder_session *s,
                 bool (*is_due)(const recorder_session *s, const recorder_waiter *w,
                                int64_t now_ns),
                 const recorder_error *error)
{
    int64_t now_ns = rf_time_ns();
    recorder_waiter *due = NULL;
    recorder_waiter **last = &due;
    for (recorder_waiter **at = &s->waiters; *at != NULL;) {
        recorder_waiter *w = *at;
        if (is_due(s, w, now_ns)) {
            *at = w->next;
            w->next = NULL;
            *last = w;
            last = &w->next;
        } else {
            at = &w->next;
        }
    }
    while (due != NULL) {
        recorder_waiter *w = due;
        due = w->next;
        w->fn(w->user, s, error);
        free(w);
    }
}

static bool for_frames(const recorder_session *s, const recorder_waiter *w, int64_t now_ns)
{
    (void)now_ns;
    return w->frames >= 0 && (s->readable >= w->frames || atomic_load(&s->tap->ended));
}

static bool for_end(const recorder_session *s, const recorder_waiter *w, int64_t now_ns)
{
    (void)s;
    (void)now_ns;
    return w->frames < 0;
}

static bool frames_late(const recorder_session *s, const recorder_waiter *w, int64_t now_ns)
{
    (void)s;
    return w->frames >= 0 && w->at_ns <= now_ns;
}

static bool end_late(const recorder_session *s, const recorder_waiter *w, int64_t now_ns)
{
    (void)s;
    return w->frames < 0 && w->at_ns <= now_ns;
}

void recorder_session_tell_frames(recorder_session *s)
{
    const recorder_error none = {.code = RECORDER_OK};
    if (s->waiters != NULL) {
        tell(s, for_frames, &none);
    }
}

void recorder_session_tell(recorder_session *s, const recorder_error *error)
{
    recorder_session_ref(s);
    recorder_session_tell_frames(s);
    tell(s, for_end, error);
    if (s->port != NULL) {
        s->port->stopped(s->port_user);
    }
    recorder_session_unref(s);
}

void recorder_session_wait(recorder_session *s, int64_t frames, int64_t wait_ms,
                           recorder_waiter_fn fn, void *user)
{
    recorder_session_add_waiter(s, frames, rf_time_ns() + wait_ms * RF_NS_PER_MS, fn, user);
    recorder_session_tell_frames(s);
}

void recorder_session_tell_late(recorder_session *s)
{
    const recorder_error none = {.code = RECORDER_OK};
    recorder_error failed;
    (void)recorder_fail(&failed, RECORDER_STORE_FAILED, "the segment is not stored yet");
    tell(s, frames_late, &none);
    tell(s, end_late, &failed);
}
