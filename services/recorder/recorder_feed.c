#include "recorder_feed.h"

#include "recorder_notice.h"
#include "recorder_session_internal.h"
#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <string.h>

#define OPEN_NS (10 * RF_NS_PER_S)

/* A session that waits for its source. */
typedef struct recorder_opening recorder_opening;
struct recorder_opening {
    recorder_opening *next;
    recorder_session *session;
    rf_timer *timer;
    recorder_waiter_fn ready;
    void *user;
};

/* ---- openings ---- */

static void close_source(recorder_session *s)
{
    if (s->source != NULL) {
        s->ops->stop(RF_STEAL(s->source));
    }
}

/* The session goes on without its opening, which the caller is to tell. */
static recorder_opening take_out(recorder_session *s)
{
    recorder_opening **at = &s->service->openings;
    while ((*at)->session != s) {
        at = &(*at)->next;
    }
    recorder_opening *opening = *at;
    recorder_opening ret = *opening;
    *at = opening->next;
    rf_timer_free(opening->timer);
    free(opening);
    return ret;
}

static void give_up(recorder_session *s, const recorder_error *error)
{
    recorder_opening opening = take_out(s);
    close_source(s);
    opening.ready(opening.user, s, error);
    recorder_session_remove(s);
}

static void on_late(void *user)
{
    recorder_session *s = user;
    recorder_error error;
    (void)recorder_fail(&error, RECORDER_DEVICE_UNAVAILABLE, "source: %s %s does not answer",
                        recorder_source_name(s->take->start.source), s->take->start.source_name);
    give_up(s, &error);
}

static void add_opening(recorder_session *s, recorder_waiter_fn ready, void *user)
{
    recorder_service *service = s->service;
    recorder_opening *opening = RF_NEW(recorder_opening);
    *opening = (recorder_opening){.next = service->openings,
                                  .session = s,
                                  .timer = rf_timer_new(service->loop, on_late, s),
                                  .ready = ready,
                                  .user = user};
    rf_timer_set(opening->timer, rf_time_ns() + OPEN_NS);
    service->openings = opening;
}

bool recorder_feed_opens(const recorder_service *service, const uint8_t *id)
{
    const recorder_opening *o = service->openings;
    while (o != NULL && memcmp(o->session->take->start.id, id, RECORDER_ID_LEN) != 0) {
        o = o->next;
    }
    return o != NULL;
}

void recorder_feed_cancel(recorder_service *service, const uint8_t *id)
{
    recorder_error error;
    recorder_opening *next;
    (void)recorder_fail(&error, RECORDER_NOT_INITIALISED, "closed before the source was open");
    for (recorder_opening *o = service->openings; o != NULL; o = next) {
        next = o->next;
        if (id == NULL || memcmp(o->session->take->start.id, id, RECORDER_ID_LEN) == 0) {
            give_up(o->session, &error);
        }
    }
}

/* ---- what the source tells ---- */

static int ended(const recorder_session *s, int err)
{
    return recorder_session_captures(s) ? err : -ESHUTDOWN;
}

static int on_opened(void *user, const char *name)
{
    recorder_session *s = user;
    recorder_start *start = &s->take->start;
    recorder_error error;
    if (recorder_service_admit(s->service, start, &error) != RECORDER_OK) {
        give_up(s, &error); /* others came first */
        return -ESHUTDOWN;
    }
    if (name[0] != '\0' && rf_utf8_valid(name, strlen(name))) {
        (void)rf_copy_str(start->source_name, sizeof(start->source_name), name);
    }
    recorder_opening opening = take_out(s);
    s->heard_ns = s->counted_ns = rf_time_ns();
    recorder_session_begin(s, opening.ready, opening.user);
    recorder_registry_add(s->service->registry, s);
    return 0;
}

static void on_failed(void *user, const recorder_error *error)
{
    give_up(user, error);
}

static int on_frames(void *user, const void *data, uint32_t n_frames, int64_t mono_ns)
{
    recorder_session *s = user;
    int err = recorder_session_audio(s, (uint64_t)s->take->frames, n_frames, data, mono_ns, NULL);
    if (err == -ENOBUFS) {
        return recorder_service_is_full(s->service) ? -ENOSPC : err;
    }
    s->heard_ns = s->counted_ns = mono_ns;
    return ended(s, err);
}

static int64_t frames_of(const recorder_session *s, int64_t ns)
{
    int64_t rate = s->take->start.rate_hz;
    return ns / RF_NS_PER_MS * rate / 1000 + ns % RF_NS_PER_MS * rate / RF_NS_PER_S;
}

/* The source counts from the last frames on. What of that time a pause has taken, or has been a gap
 * before, is done with. */
static int on_gap(void *user, recorder_gap_cause cause, int64_t n_frames, bool exact)
{
    recorder_session *s = user;
    int64_t done = frames_of(s, s->counted_ns - s->heard_ns);
    if (n_frames > done) {
        (void)recorder_session_gap(s, (uint64_t)s->take->frames, (uint64_t)(n_frames - done), cause,
                                   exact && done == 0, NULL);
    }
    if (cause == RECORDER_GAP_XRUN) {
        rf_metric_add(s->service->metrics->xruns, 1);
    }
    return ended(s, 0);
}

static void on_stalled(void *user, recorder_gap_cause cause)
{
    recorder_session *s = user;
    s->stalled = true;
    s->stall_cause = cause;
    rf_metric_add(s->service->metrics->device_lost, 1);
    RF_LOG_WARN("a device delivers nothing", RF_STR("device", s->take->start.source_name),
                RF_STR("cause", recorder_gap_cause_name(cause)));
    recorder_notice_stall(s, cause);
}

static void on_back(void *user)
{
    recorder_session *s = user;
    s->stalled = false;
    RF_LOG_INFO("a device delivers again", RF_STR("device", s->take->start.source_name));
}

static void on_end(void *user)
{
    recorder_session *s = user;
    recorder_session_finalize(s, s->finishing ? RECORDER_REASON_STOP : RECORDER_REASON_SOURCE_END);
}

static void on_lost(void *user)
{
    recorder_session_finalize(user, RECORDER_REASON_SOURCE_LOST);
}

static const recorder_source_events events = {.opened = on_opened,
                                              .failed = on_failed,
                                              .frames = on_frames,
                                              .gap = on_gap,
                                              .stalled = on_stalled,
                                              .back = on_back,
                                              .end = on_end,
                                              .lost = on_lost};

/* ---- what the session asks ---- */

static recorder_code open_source(recorder_session *s, recorder_error *error)
{
    const recorder_start *start = &s->take->start;
    const recorder_source_entry *entry = &s->service->sources[start->source];
    s->ops = entry->ops;
    return entry->ops->open(entry->factory, start, s->service->loop, &events, s, &s->source, error);
}

static recorder_code take_preroll(recorder_session *s, recorder_preroll *preroll,
                                  recorder_error *error)
{
    recorder_code code =
        recorder_preroll_give(preroll, &events, s, &s->take->start.preroll_frames, error);
    if (code == RECORDER_OK) {
        s->ops = &recorder_preroll_ops;
        s->source = preroll;
    }
    return code;
}

recorder_code recorder_feed_open(recorder_session *s, recorder_preroll *preroll,
                                 recorder_waiter_fn ready, void *user, recorder_error *error)
{
    recorder_code code = preroll != NULL ? take_preroll(s, preroll, error) : open_source(s, error);
    if (code != RECORDER_OK) {
        recorder_session_remove(s);
        return code;
    }
    add_opening(s, ready, user);
    return RECORDER_OK;
}

void recorder_feed_settle(recorder_session *s)
{
    int64_t now_ns = rf_time_ns();
    if (s->stalled && now_ns > s->counted_ns) {
        (void)recorder_session_gap(s, (uint64_t)s->take->frames,
                                   (uint64_t)frames_of(s, now_ns - s->counted_ns), s->stall_cause,
                                   false, NULL);
    }
    s->counted_ns = RF_MAX(s->counted_ns, now_ns);
}

bool recorder_feed_finish(recorder_session *s)
{
    if (s->source == NULL || s->ops->finish == NULL || s->take->live.paused) {
        return false;
    }
    if (s->stalled) {
        recorder_feed_settle(s);
        return !recorder_session_captures(s); /* its greatest length was reached with that */
    }
    if (!s->finishing) {
        s->finishing = true;
        s->ops->finish(s->source);
    }
    return true;
}
