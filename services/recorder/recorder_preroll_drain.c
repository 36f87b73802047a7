#include "recorder_preroll_internal.h"

#include "rf_log.h"

#include <errno.h>
#include <string.h>

#define SLICE_FRAMES 1024

/* ---- the pool's thread ---- */

static void run(recorder_task *task)
{
    recorder_preroll *p = (recorder_preroll *)task;
    p->write_err = p->writes ? recorder_past_write(p->past) : 0;
    p->read_err = p->reads ? recorder_past_read(p->past, &p->piece, p->block) : 0;
}

static void submit(recorder_preroll *p)
{
    p->in_pool = true;
    p->refs++;
    recorder_pool_put(p->service->follows, &p->task);
}

/* Nothing is written while a session drains it: that would run away from it. */
void recorder_preroll_write(recorder_preroll *p)
{
    if (!p->in_pool && p->events == NULL && !p->closed && p->service->follows != NULL &&
        recorder_past_write_begin(p->past)) {
        p->writes = true;
        submit(p);
    }
}

static void done(recorder_task *task)
{
    recorder_preroll *p = (recorder_preroll *)task;
    p->in_pool = false;
    if (p->writes) {
        p->writes = false;
        recorder_past_write_end(p->past, p->write_err);
    }
    if (p->write_err < 0 || p->read_err < 0) {
        RF_LOG_ERROR("a pre-roll is not kept",
                     RF_STR("why", strerror(-RF_MIN(p->write_err, p->read_err))));
    }
    p->has_block = p->reads && !p->is_void;
    p->reads = p->is_void = false;
    recorder_preroll_write(p);
    recorder_preroll_drain(p);
    recorder_preroll_unref(p);
}

void recorder_preroll_init_task(recorder_preroll *p)
{
    p->task = (recorder_task){.run = run, .done = done};
}

/* ---- a session's first frames ---- */

static void read_block(recorder_preroll *p)
{
    size_t frame_bytes = recorder_sample_size(p->start.sample_format) * p->start.channels;
    size_t len = (size_t)p->piece.n_frames * frame_bytes;
    if (p->in_pool || p->service->follows == NULL) {
        return; /* done comes back here */
    }
    if (len > p->block_cap) {
        p->block = rf_grow(p->block, len, 1);
        p->block_cap = len;
    }
    p->reads = true;
    submit(p);
}

/* True when the session has the whole piece. */
static bool feed(recorder_preroll *p, const recorder_past_piece *piece, const uint8_t *data)
{
    size_t frame_bytes = recorder_sample_size(p->start.sample_format) * p->start.channels;
    while (p->events != NULL && p->fed < piece->n_frames) {
        int64_t n = RF_MIN(piece->n_frames - p->fed, (int64_t)SLICE_FRAMES);
        int err = p->events->frames(p->user, data + (size_t)p->fed * frame_bytes, (uint32_t)n,
                                    piece->mono_ns);
        if (err == -ENOBUFS || err == -ENOSPC) {
            p->blocked = true;
            return false;
        }
        p->fed += n;
    }
    return p->events != NULL;
}

static void take_piece(recorder_preroll *p)
{
    p->fed = 0;
    p->has_block = false;
    recorder_past_take(p->past);
}

/* One piece: true when there may be another. */
static bool drain_piece(recorder_preroll *p)
{
    recorder_past_piece piece;
    const void *data = NULL;
    switch (recorder_past_look(p->past, &piece, &data)) {
    case RECORDER_PAST_NOTHING:
        p->passing = true;
        return false;
    case RECORDER_PAST_GAP:
        take_piece(p);
        (void)p->events->gap(p->user, piece.cause, piece.n_frames, piece.exact);
        return true;
    case RECORDER_PAST_MEMORY:
        if (feed(p, &piece, data)) {
            take_piece(p);
        }
        return !p->blocked;
    case RECORDER_PAST_FILE:
        if (p->has_block && p->read_err < 0) {
            take_piece(p);
            (void)p->events->gap(p->user, RECORDER_GAP_UNKNOWN, piece.n_frames, true);
            return true;
        }
        if (!p->has_block) {
            p->piece = piece;
            read_block(p);
            return false;
        }
        if (feed(p, &piece, p->block)) {
            take_piece(p);
        }
        return !p->blocked;
    default:
        return false;
    }
}

/* The source's end, which waited for the past to be told. */
void recorder_preroll_tell_end(recorder_preroll *p)
{
    const recorder_source_events *events = p->events;
    if (p->over == RECORDER_PREROLL_LOST) {
        events->lost(p->user);
    } else if (p->over == RECORDER_PREROLL_ENDED || p->finishing) {
        events->end(p->user);
    } else if (p->stalled) {
        events->stalled(p->user, p->stall_cause);
    }
}

void recorder_preroll_drain(recorder_preroll *p)
{
    if (p->events == NULL || !p->begun || p->passing || p->blocked || p->reads) {
        return;
    }
    while (p->events != NULL && drain_piece(p)) {
    }
    if (p->events != NULL && p->passing) {
        recorder_preroll_tell_end(p);
    }
    if (p->refused && !recorder_past_is_full(p->past)) {
        recorder_preroll_resume_inner(p);
    }
}
