#include "recorder_preroll_internal.h"

#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <string.h>

#define REOPEN_MIN_NS (RF_NS_PER_S / 2)
#define REOPEN_MAX_NS (60 * RF_NS_PER_S)

void recorder_preroll_unref(void *user)
{
    recorder_preroll *p = user;
    if (--p->refs == 0) {
        rf_timer_free(p->timer);
        recorder_past_free(p->past);
        free(p->block);
        free(p);
    }
}

/* Callers up the stack may still look at it. */
static void unref_later(recorder_preroll *p)
{
    rf_loop_post(p->service->loop, recorder_preroll_unref, p);
}

static void arm(recorder_preroll *p, int64_t at_ns)
{
    rf_timer_set(p->timer, RF_MIN(at_ns, p->reopen_at_ns));
}

static void stop_inner(recorder_preroll *p)
{
    p->running = false;
    p->refused = false;
    p->stalled = false;
    if (p->inner != NULL) {
        p->entry->ops->stop(RF_STEAL(p->inner));
    }
}

void recorder_preroll_resume_inner(recorder_preroll *p)
{
    if (p->inner != NULL) {
        p->refused = false;
        p->entry->ops->resume(p->inner);
    }
}

/* ---- what the source tells ---- */

static int answer(recorder_preroll *p, int err)
{
    if (p->inner == NULL) {
        return -ESHUTDOWN;
    }
    p->refused = err == -ENOBUFS || err == -ENOSPC;
    return err == -ESHUTDOWN ? 0 : err; /* the session has ended, the source goes on */
}

static int on_opened(void *user, const char *name)
{
    recorder_preroll *p = user;
    p->running = true;
    p->reopen_ns = REOPEN_MIN_NS;
    (void)rf_copy_str(p->name, sizeof(p->name), name);
    if (p->events != NULL && !p->begun) {
        arm(p, rf_time_ns());
    }
    return 0;
}

static int on_frames(void *user, const void *data, uint32_t n_frames, int64_t mono_ns)
{
    recorder_preroll *p = user;
    if (p->events != NULL && p->passing) {
        return answer(p, p->events->frames(p->user, data, n_frames, mono_ns));
    }
    if (p->events != NULL && recorder_past_is_full(p->past)) {
        return answer(p, -ENOBUFS);
    }
    recorder_past_frames(p->past, data, n_frames, mono_ns, p->events != NULL);
    recorder_preroll_write(p);
    recorder_preroll_drain(p);
    return answer(p, 0);
}

static int on_gap(void *user, recorder_gap_cause cause, int64_t n_frames, bool exact)
{
    recorder_preroll *p = user;
    if (p->events != NULL && p->passing) {
        return answer(p, p->events->gap(p->user, cause, n_frames, exact));
    }
    recorder_past_gap(p->past, cause, n_frames, exact, rf_time_ns(), p->events != NULL);
    recorder_preroll_drain(p);
    return answer(p, 0);
}

static void on_stalled(void *user, recorder_gap_cause cause)
{
    recorder_preroll *p = user;
    p->stalled = true;
    p->stall_cause = cause;
    if (p->events != NULL && p->passing) {
        p->events->stalled(p->user, cause);
    }
}

static void on_back(void *user)
{
    recorder_preroll *p = user;
    p->stalled = false;
    if (p->events != NULL && p->passing) {
        p->events->back(p->user);
    }
}

static void reopen_later(recorder_preroll *p)
{
    p->reopen_at_ns = rf_time_ns() + p->reopen_ns;
    p->reopen_ns = RF_MIN(2 * p->reopen_ns, REOPEN_MAX_NS);
    arm(p, RF_NEVER_NS);
}

static void is_over(recorder_preroll *p, recorder_preroll_ending how)
{
    stop_inner(p);
    if (p->events == NULL) {
        recorder_past_clear(p->past); /* what comes next is of another time */
        reopen_later(p);
    } else {
        p->over = how;
        if (p->passing) {
            recorder_preroll_tell_end(p);
        }
    }
}

static void on_failed(void *user, const recorder_error *error)
{
    recorder_preroll *p = user;
    stop_inner(p);
    if (p->events != NULL && !p->begun) {
        p->events->failed(p->user, error);
    } else {
        RF_LOG_WARN("a source is not open for its pre-roll", RF_STR("why", error->message));
        reopen_later(p);
    }
}

static void on_end(void *user)
{
    is_over(user, RECORDER_PREROLL_ENDED);
}

static void on_lost(void *user)
{
    is_over(user, RECORDER_PREROLL_LOST);
}

static const recorder_source_events inner_events = {.opened = on_opened,
                                                    .failed = on_failed,
                                                    .frames = on_frames,
                                                    .gap = on_gap,
                                                    .stalled = on_stalled,
                                                    .back = on_back,
                                                    .end = on_end,
                                                    .lost = on_lost};

/* ---- life ---- */

static recorder_code open_inner(recorder_preroll *p, recorder_error *error)
{
    p->reopen_at_ns = RF_NEVER_NS;
    return p->entry->ops->open(p->entry->factory, &p->start, p->service->loop, &inner_events, p,
                               &p->inner, error);
}

static void begin(recorder_preroll *p)
{
    p->begun = true;
    if (p->events->opened(p->user, p->name) == 0) {
        recorder_preroll_drain(p);
    }
}

static void on_timer(void *user)
{
    recorder_preroll *p = user;
    recorder_error error;
    if (p->events != NULL && !p->begun && p->running) {
        begin(p);
    } else if (p->events != NULL && p->passing &&
               (p->finishing || p->over != RECORDER_PREROLL_GOES_ON)) {
        recorder_preroll_tell_end(p);
    }
    if (p->events == NULL && p->refused) {
        recorder_preroll_resume_inner(p);
    }
    if (p->inner == NULL && p->reopen_at_ns <= rf_time_ns() &&
        open_inner(p, &error) != RECORDER_OK) {
        RF_LOG_WARN("a source is not open for its pre-roll", RF_STR("why", error.message));
        reopen_later(p);
    }
    arm(p, RF_NEVER_NS);
}

recorder_code recorder_preroll_open(recorder_service *service, const recorder_start *start,
                                    recorder_preroll **ret, recorder_error *error)
{
    uint32_t frame_bytes = (uint32_t)(recorder_sample_size(start->sample_format) * start->channels);
    int64_t wanted = (int64_t)start->options.preroll_ms * start->rate_hz / 1000;
    recorder_preroll *p = RF_NEW(recorder_preroll);
    recorder_preroll_init_task(p);
    p->service = service;
    p->start = *start;
    p->entry = &service->sources[start->source];
    p->reopen_ns = REOPEN_MIN_NS;
    p->timer = rf_timer_new(service->loop, on_timer, p);
    p->refs = 1;
    int err = recorder_past_new(service->dir, frame_bytes, start->rate_hz, wanted, &p->past);
    recorder_code code =
        err < 0 ? recorder_fail(error, RECORDER_NO_SPACE, "preroll_ms: %s", strerror(-err))
                : open_inner(p, error);
    if (code != RECORDER_OK) {
        recorder_preroll_unref(p);
        return code;
    }
    *ret = p;
    return RECORDER_OK;
}

/* Its recorder is gone, and no session has it. */
static void end(recorder_preroll *p)
{
    stop_inner(p);
    p->reopen_at_ns = RF_NEVER_NS;
    arm(p, RF_NEVER_NS);
    unref_later(p);
}

recorder_preroll *recorder_preroll_close(recorder_preroll *p)
{
    if (p != NULL) {
        p->closed = true;
        if (p->events == NULL) {
            end(p);
        }
    }
    return NULL;
}

bool recorder_preroll_fits(const recorder_preroll *p, const recorder_start *start)
{
    const recorder_start *mine = &p->start;
    return p->events == NULL && mine->source == start->source &&
           strcmp(mine->source_name, start->source_name) == 0 &&
           mine->sample_format == start->sample_format && mine->sent_format == start->sent_format &&
           mine->channels == start->channels && mine->rate_hz == start->rate_hz &&
           mine->options.preroll_ms == start->options.preroll_ms;
}

/* ---- the session's source ---- */

recorder_code recorder_preroll_give(recorder_preroll *p, const recorder_source_events *events,
                                    void *user, uint32_t *ret_frames, recorder_error *error)
{
    recorder_code code = p->inner == NULL ? open_inner(p, error) : RECORDER_OK;
    if (code != RECORDER_OK) {
        reopen_later(p);
        return code;
    }
    p->events = events;
    p->user = user;
    p->begun = p->passing = p->blocked = p->finishing = false;
    p->over = RECORDER_PREROLL_GOES_ON;
    arm(p, rf_time_ns());
    *ret_frames = (uint32_t)recorder_past_cut(p->past);
    return RECORDER_OK;
}

static void resume(void *source)
{
    recorder_preroll *p = source;
    p->blocked = false;
    if (p->passing) {
        recorder_preroll_resume_inner(p);
    } else {
        recorder_preroll_drain(p);
    }
}

/* A source that has nothing to wait for goes on: its session ends with what has come. */
static void finish(void *source)
{
    recorder_preroll *p = source;
    if (p->inner != NULL && p->entry->ops->finish != NULL) {
        p->entry->ops->finish(p->inner);
    } else {
        p->finishing = true;
        arm(p, rf_time_ns());
    }
}

static void stop(void *source)
{
    recorder_preroll *p = source;
    bool lost = p->over == RECORDER_PREROLL_LOST || !p->begun;
    p->events = NULL;
    p->has_block = false;
    p->is_void = p->reads;
    p->fed = 0;
    recorder_past_clear(p->past);
    if (p->closed) {
        end(p);
    } else if (p->inner == NULL && lost) {
        reopen_later(p);
    } else {
        p->reopen_at_ns = p->inner == NULL ? rf_time_ns() : RF_NEVER_NS;
        arm(p, rf_time_ns());
    }
}

const recorder_source_ops recorder_preroll_ops = {NULL, resume, finish, stop};
