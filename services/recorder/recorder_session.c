#include "recorder_session_internal.h"

#include "recorder_archive.h"
#include "recorder_follow.h"
#include "recorder_keep.h"
#include "recorder_notice.h"
#include "recorder_publish.h"
#include "recorder_streams.h"
#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <string.h>
#include <time.h>

int64_t recorder_utc_offset_ns(void)
{
    struct timespec ts;
    if (rf_time_is_driven()) {
        return rf_time_wall_ms() * RF_NS_PER_MS - rf_time_ns();
    }
    int64_t before_ns = rf_time_ns();
    clock_gettime(CLOCK_REALTIME, &ts);
    int64_t mono_ns = before_ns + (rf_time_ns() - before_ns) / 2;
    return (int64_t)ts.tv_sec * RF_NS_PER_S + ts.tv_nsec - mono_ns;
}

rf_pcm recorder_session_pcm(const recorder_take *take)
{
    static const rf_sample_format formats[] = {
        [RECORDER_SAMPLE_FLOAT32] = RF_SAMPLE_F32,
        [RECORDER_SAMPLE_INT32] = RF_SAMPLE_S32,
        [RECORDER_SAMPLE_INT24] = RF_SAMPLE_S24,
        [RECORDER_SAMPLE_INT16] = RF_SAMPLE_S16,
    };
    return (rf_pcm){.sample = formats[take->start.sample_format],
                    .n_channels = take->start.channels,
                    .rate_hz = take->start.rate_hz};
}

/* ---- life ---- */

static void on_timer(void *user);

static recorder_session *make(recorder_service *service, recorder_take *take)
{
    recorder_session *s = RF_NEW(recorder_session);
    rf_pcm pcm = recorder_session_pcm(take);
    s->service = service;
    s->take = take;
    s->frame_bytes = (uint32_t)(rf_sample_bytes(pcm.sample) * pcm.n_channels);
    s->path = recorder_service_master(service, take->start.id);
    s->tap = recorder_tap_new(s->path, &pcm, take->start.chunk);
    s->stop_frames = -1;
    s->attach_until_ns = RF_NEVER_NS;
    s->publish_at_ns = RF_NEVER_NS;
    s->timer = rf_timer_new(service->loop, on_timer, s);
    s->refs = 1;
    return s;
}

static void make_fit(recorder_session *s)
{
    const recorder_start *start = &s->take->start;
    const recorder_fit_config config = {
        .rate_hz = start->rate_hz,
        .utc_offset_ns = s->take->utc_offset_ns,
        .step_ns = start->source == RECORDER_SOURCE_DEVICE ? 0 : INT64_MAX,
    };
    s->fit = recorder_fit_new(&config, s->take->frames);
    if (s->take->frames > 0 && s->take->drift_known) {
        recorder_fit_prior(s->fit, s->take->map.items[s->take->map.n - 1].ns_q32);
    }
}

void recorder_session_ref(recorder_session *s)
{
    s->refs++;
}

void recorder_session_unref(recorder_session *s)
{
    if (--s->refs > 0) {
        return;
    }
    while (s->waiters != NULL) {
        recorder_waiter *w = s->waiters;
        s->waiters = w->next;
        free(w);
    }
    rf_timer_free(s->timer);
    recorder_follow_free(s->follow);
    recorder_fit_free(s->fit);
    recorder_tap_unref(s->tap);
    recorder_take_free(s->take);
    free(s->path);
    free(s);
}

static void tell_ready(recorder_session *s, const recorder_error *error)
{
    recorder_waiter_fn ready = RF_STEAL(s->ready);
    if (ready != NULL) {
        ready(s->ready_user, s, error);
    }
}

void recorder_session_remove(recorder_session *s)
{
    recorder_error error;
    s->removed = true;
    (void)recorder_fail(&error, RECORDER_NOT_INITIALISED, "the server is stopping");
    tell_ready(s, &error);
    recorder_session_tell(s, &error);
    rf_timer_set(s->timer, RF_NEVER_NS);
    recorder_session_unref(s);
}

/* ---- what becomes readable and durable ---- */

static void release(void *user)
{
    recorder_session_unref(user);
}

static void frames_written(void *user, int64_t frames)
{
    recorder_session *s = user;
    s->readable = RF_MAX(s->readable, frames);
    atomic_store(&s->tap->readable, s->readable);
    recorder_streams_wake(s);
    recorder_session_tell_frames(s);
    recorder_follow_frames(s);
}

static void time_ack(recorder_session *s, int64_t now_ns)
{
    if (s->probe_frames > 0 && s->durable >= s->probe_frames) {
        rf_metric_observe(s->service->metrics->ack_seconds, (double)(now_ns - s->probe_ns) / 1e9);
        s->probe_frames = 0;
    }
}

static void ack(recorder_session *s, int64_t now_ns)
{
    if (s->port != NULL) {
        s->acked = s->durable;
        s->acked_ns = now_ns;
        s->port->ack(s->port_user, s->take->frames, s->durable);
        time_ack(s, now_ns);
    }
}

/* One message at a time is followed on its way, till it is acknowledged where somebody publishes.
 */
static void time_durable(recorder_session *s, int64_t now_ns)
{
    if (s->probe_frames > 0 && s->durable >= s->probe_frames && !s->probe_durable) {
        rf_metric_observe(s->service->metrics->durable_lag_seconds,
                          (double)(now_ns - s->probe_ns) / 1e9);
        s->probe_durable = true;
        s->probe_frames = s->port != NULL ? s->probe_frames : 0;
    }
}

static int64_t ack_gap_ns(const recorder_session *s)
{
    return s->service->config->ack_ms * RF_NS_PER_MS / 2;
}

void recorder_session_offer_again(recorder_session *s)
{
    if (s->port != NULL) {
        s->port->resume(s->port_user);
    }
    if (s->source != NULL) {
        s->ops->resume(s->source);
    }
}

/* The past is safe too, or there is no more of it. */
static void check_ready(recorder_session *s)
{
    const recorder_error none = {.code = RECORDER_OK};
    if (s->durable >= s->take->start.preroll_frames || !recorder_session_captures(s)) {
        tell_ready(s, &none);
    }
}

static void frames_durable(void *user, int64_t frames)
{
    recorder_session *s = user;
    int64_t now_ns = rf_time_ns();
    s->durable = RF_MAX(s->durable, frames);
    check_ready(s);
    time_durable(s, now_ns);
    if (s->port != NULL && s->durable > s->acked) {
        if (now_ns - s->acked_ns >= ack_gap_ns(s)) {
            ack(s, now_ns);
        } else {
            recorder_session_rearm(s);
        }
    }
    recorder_session_offer_again(s);
}

const recorder_mark_fns recorder_session_frames_fns = {frames_written, frames_durable, release};

/* ---- changes ---- */

static recorder_record record_of(const recorder_session *s, recorder_record_kind kind,
                                 const rf_buf *bytes)
{
    recorder_record r = {.kind = kind, .data = bytes->data, .len = (uint32_t)bytes->len};
    memcpy(r.session, s->take->start.id, sizeof(r.session));
    return r;
}

int recorder_session_change(recorder_session *s, recorder_change *change, const recorder_mark *mark)
{
    rf_buf bytes;
    const recorder_live before = s->take->live;
    rf_buf_init(&bytes, RECORDER_CHANGE_MAX);
    change->seq = s->take->seq + 1;
    int err = recorder_change_pack(change, &bytes);
    err = err == 0 ? recorder_take_apply(s->take, change) : err;
    if (err == 0 && s->archived) {
        recorder_archive_write(s);
    } else if (err == 0) {
        recorder_record r = record_of(s, RECORDER_RECORD_CHANGE, &bytes);
        recorder_log_put(s->service->log, &r, mark);
    }
    rf_buf_done(&bytes);
    if (err == 0) {
        recorder_notice_change(s, change, &before);
    }
    return err;
}

/* A change that the state has been asked for before. */
void recorder_session_must_change(recorder_session *s, recorder_change *change)
{
    int err = recorder_session_change(s, change, NULL);
    if (err < 0) {
        RF_LOG_ERROR("a change does not fit its session", RF_INT("kind", change->kind),
                     RF_STR("why", strerror(-err)));
    }
}

static recorder_mark frames_of(recorder_session *s)
{
    recorder_session_ref(s);
    return (recorder_mark){&recorder_session_frames_fns, s, s->take->frames};
}

/* ---- the beginning ---- */

typedef struct beginning {
    recorder_session *session;
    recorder_waiter_fn ready; /* NULL: told */
    void *user;
} beginning;

static void begun(void *user, int64_t value)
{
    beginning *b = user;
    (void)value;
    b->session->begun = true;
    b->session->ready = RF_STEAL(b->ready);
    b->session->ready_user = b->user;
    check_ready(b->session);
}

static void free_beginning(void *user)
{
    beginning *b = user;
    recorder_error error;
    if (b->ready != NULL) {
        (void)recorder_fail(&error, RECORDER_NOT_INITIALISED, "the server is stopping");
        b->ready(b->user, b->session, &error);
    }
    recorder_session_unref(b->session);
    free(b);
}

recorder_session *recorder_session_new(recorder_service *service, const recorder_start *start)
{
    recorder_take *take = recorder_take_new();
    take->start = *start; /* START puts it there again */
    return make(service, take);
}

void recorder_session_begin(recorder_session *s, recorder_waiter_fn ready, void *user)
{
    static const recorder_mark_fns fns = {NULL, begun, free_beginning};
    recorder_change change = {.kind = RECORDER_CHANGE_START, .start = s->take->start};
    beginning *b = RF_NEW(beginning);
    *b = (beginning){s, ready, user};
    recorder_session_ref(s);
    recorder_log_session(s->service->log, change.start.id, s->frame_bytes, s->path);
    const recorder_mark mark = {&fns, b, 0};
    if (recorder_session_change(s, &change, &mark) < 0) {
        abort(); /* recorder_start_check has been asked */
    }
    make_fit(s);
    s->follow = recorder_follow_begin(s);
}

/* ---- the end ---- */

static void sealed(recorder_session *s)
{
    if (++s->n_sealed < 2) {
        return;
    }
    s->sealed = true;
    if (s->follow != NULL) {
        recorder_follow_end(s);
    } else {
        recorder_publish(s);
    }
}

static void end_written(void *user, int64_t frames)
{
    recorder_session *s = user;
    s->readable = RF_MAX(s->readable, frames);
    atomic_store(&s->tap->readable, s->readable);
    atomic_store(&s->tap->ended, true); /* last: readers look at it first */
    recorder_streams_wake(s);
    recorder_session_tell_frames(s);
    sealed(s);
}

static void end_durable(void *user, int64_t frames)
{
    recorder_session *s = user;
    s->durable = frames;
    check_ready(s);
    ack(s, rf_time_ns());
    sealed(s);
}

void recorder_session_finalize(recorder_session *s, recorder_reason reason)
{
    static const recorder_mark_fns fns = {end_written, end_durable, release};
    recorder_change change = {.kind = RECORDER_CHANGE_FINALIZE};
    recorder_fit_news news;
    if (s->take->live.state == RECORDER_PAUSED && !recorder_take_pauses_cut(s->take)) {
        (void)recorder_session_resume(s, NULL); /* the silence so far is part of it */
    }
    recorder_fit_flush(s->fit, &news);
    recorder_session_put_map(s, &news);
    s->stalled = false;
    change.finalize.reason = reason;
    change.finalize.frames = s->take->frames;
    if (s->source != NULL) {
        s->ops->stop(RF_STEAL(s->source));
    }
    recorder_mark mark = frames_of(s);
    mark.fns = &fns;
    if (recorder_session_change(s, &change, &mark) < 0) {
        abort(); /* only called while it captures */
    }
    s->stop_frames = -1;
    s->attach_until_ns = RF_NEVER_NS;
    s->fit = recorder_fit_free(s->fit);
    recorder_metrics_ended(s->service->metrics, reason);
    if (s->take->drift_known) {
        rf_metric_observe(s->service->metrics->drift_ppm, s->take->drift_ppm);
    }
    recorder_session_rearm(s);
}

/* ---- restored ones ---- */

recorder_session *recorder_session_restore(recorder_service *service, recorder_take *take,
                                           bool archived)
{
    recorder_session *s = make(service, take);
    s->archived = archived;
    s->recovering = !archived;
    s->begun = true;
    s->readable = take->frames;
    s->durable = take->frames;
    s->cuts_durable = take->cut_end;
    s->sealed = !recorder_session_captures(s);
    atomic_store(&s->tap->readable, take->frames);
    atomic_store(&s->tap->ended, !recorder_session_captures(s));
    if (!archived) {
        recorder_log_session(service->log, take->start.id, s->frame_bytes, s->path);
    }
    return s;
}

void recorder_session_go_on(recorder_session *s)
{
    recorder_state state = s->take->live.state;
    if (recorder_session_captures(s)) {
        make_fit(s);
        s->follow = recorder_follow_begin(s);
        recorder_follow_frames(s);
        recorder_publish_more(s);
        s->restarted = true;
        if (state != RECORDER_INTERRUPTED) {
            recorder_session_interrupt(s);
        }
        if (s->take->start.source == RECORDER_SOURCE_NETWORK) {
            recorder_session_await_attach(s);
        } else {
            recorder_session_finalize(s, RECORDER_REASON_RECOVERED);
        }
    } else if (state == RECORDER_FINALIZING || state == RECORDER_PENDING) {
        s->follow = recorder_follow_begin(s);
        if (s->follow != NULL) {
            recorder_follow_end(s);
        }
        recorder_publish(s);
    } else {
        recorder_keep_restored(s);
        recorder_registry_finished(s->service->registry, s);
        recorder_archive_write(s);
    }
}

/* ---- the timer ---- */

void recorder_session_rearm(recorder_session *s)
{
    int64_t at_ns = RF_MIN(s->attach_until_ns, s->publish_at_ns);
    if (s->stop_frames >= 0) {
        at_ns = RF_MIN(at_ns, s->stop_at_ns);
    }
    if (s->port != NULL && s->acked < s->durable) {
        at_ns = RF_MIN(at_ns, s->acked_ns + ack_gap_ns(s));
    }
    for (const recorder_waiter *w = s->waiters; w != NULL; w = w->next) {
        at_ns = RF_MIN(at_ns, w->at_ns);
    }
    rf_timer_set(s->timer, s->removed ? RF_NEVER_NS : at_ns);
}

static void on_timer(void *user)
{
    recorder_session *s = user;
    int64_t now_ns = rf_time_ns();
    recorder_session_ref(s);
    if (s->port != NULL && s->acked < s->durable && now_ns - s->acked_ns >= ack_gap_ns(s)) {
        ack(s, now_ns);
    }
    if (s->stop_frames >= 0 && s->stop_at_ns <= now_ns) {
        recorder_session_finalize(s, RECORDER_REASON_STOP);
    } else if (s->attach_until_ns <= now_ns) {
        recorder_session_finalize(s, s->restarted ? RECORDER_REASON_RECOVERED
                                                  : RECORDER_REASON_SOURCE_LOST);
    }
    if (s->publish_at_ns <= now_ns) {
        recorder_publish(s);
    }
    recorder_session_tell_late(s);
    recorder_session_rearm(s);
    recorder_session_unref(s);
}
