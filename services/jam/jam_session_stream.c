/* The stream of a session: chunks are made ahead, leave when they are due, and catch up after a
 * stall. */
#include "jam_session_internal.h"

#include "rf_log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BEHIND_NS (50 * RF_NS_PER_MS) /* a chunk that still waits when it is due so soon */
#define WARM_SAMPLES ((int64_t)10 * JAM_RATE_HZ) /* from here on a session takes no memory */

/* ---- making ---- */

/* Earlier than usual when the threads are behind: up to the length of the chunk. */
static int64_t window_ns(const jam_session *s)
{
    int64_t earliest_ns = jam_pool_earliest(s->service->pool, JAM_LANE_REALTIME);
    bool is_behind = earliest_ns != RF_NEVER_NS && earliest_ns - rf_time_ns() < BEHIND_NS;
    return is_behind ? JAM_CHUNK_FRAMES_MAX * JAM_FRAME_NS
                     : s->service->config->render_ahead_ms * RF_NS_PER_MS;
}

int64_t jam_session_make_ns(const jam_session *s)
{
    if (s->state != JAM_SESSION_RUNNING || s->moving || s->making || s->finished != NULL ||
        s->is_last) {
        return RF_NEVER_NS;
    }
    return jam_schedule_begin(&s->schedule, s->next_start, s->settings.chunk_frames, window_ns(s));
}

static void note_stall(const jam_session *s)
{
    rf_metric_add(s->service->metrics->catch_up[s->schedule.catch_up], 1);
    RF_LOG_WARN("session stalled", RF_STR("session", s->id));
}

void jam_session_make(jam_session *s, int64_t now_ns)
{
    jam_catching catching;
    bool is_realtime = s->settings.pace == JAM_PACE_REALTIME;
    jam_schedule_plan(&s->schedule, s->next_start, s->settings.chunk_frames, now_ns, &catching);
    if (catching.began) {
        note_stall(s);
    }
    if (catching.skip_frames > 0) {
        s->skip_from = s->next_start;
        rf_metric_add(s->service->metrics->skipped_samples,
                      (int64_t)catching.skip_frames * JAM_FRAME_SAMPLES);
    }
    s->making = true;
    jam_maker_make(s->maker, is_realtime ? JAM_LANE_REALTIME : JAM_LANE_ASAP,
                   RF_MAX(jam_schedule_leave(&s->schedule, s->next_start), now_ns), &catching);
}

static void count_made(const jam_session *s, const jam_made *made)
{
    jam_engine_metrics *metrics = &s->service->metrics->engines[s->engine->number];
    if (made->error == -EBADMSG) {
        rf_metric_add(metrics->bad_frames, 1);
    }
    if (made->block == NULL) {
        return;
    }
    const jam_chunk *chunk = &made->block->chunk;
    jam_engine_measure(s->engine, made->cpu_ns, chunk->n_frames);
    rf_metric_set(metrics->render_ratio, s->engine->ratio);
    rf_metric_observe(metrics->generation_seconds, chunk->generation_ms / 1000.0);
    if (chunk->start_sample >= WARM_SAMPLES) {
        rf_metric_add(metrics->heap_calls, made->heap_calls);
    }
}

static void on_made(void *user, const jam_made *made)
{
    jam_session *s = user;
    s->making = false;
    s->finished = made->block;
    s->finished_pcm = made->pcm;
    s->is_last = made->last;
    s->error = made->error;
    s->next_start = made->next_start;
    count_made(s, made);
    jam_session_listen(s);
    if (s->is_last && s->finished == NULL) {
        jam_session_fail(s, JAM_ENGINE_FAILED, "the engine failed");
        return;
    }
    if (s->is_last && s->state == JAM_SESSION_RUNNING) {
        jam_session_enter(s, JAM_SESSION_ENDING);
    }
    if (s->moving) {
        jam_session_move_on(s);
    } else {
        jam_session_step(s);
    }
}

static void on_border(void *user, const jam_border *border)
{
    jam_session_on_border(user, border);
}

static void on_failed(void *user)
{
    jam_session *s = user;
    s->maker = NULL;
    jam_session_fail(s, JAM_ENGINE_FAILED, "the engine does not answer");
}

static void on_opened(void *user, int err, const char *why)
{
    jam_session *s = user;
    char text[320];
    if (err < 0) {
        bool is_missing = err == -ENOENT;
        snprintf(text, sizeof(text), "engine %s: %s", s->engine->engine->name,
                 why[0] != '\0' ? why : strerror(-err));
        jam_session_fail(s, is_missing ? JAM_ENGINE_UNAVAILABLE : JAM_ENGINE_FAILED, text);
        return;
    }
    if (s->is_restored) {
        jam_session_restored(s);
    } else {
        jam_socket *starter = RF_STEAL(s->starter);
        jam_session_enter(s, JAM_SESSION_RUNNING);
        jam_session_record_begin(s);
        rf_metric_add(s->service->metrics->engines[s->engine->number].starts[JAM_START_OPENED], 1);
        jam_session_seat(s, starter, s->start, false, 0);
    }
    free(s->start);
    s->start = NULL;
    jam_session_step(s);
}

static void on_reset(void *user, int err, const char *why, int64_t sample)
{
    jam_session_reset_done(user, err, why, sample);
}

const jam_maker_events jam_session_maker_events = {.opened = on_opened,
                                                   .made = on_made,
                                                   .reset = on_reset,
                                                   .border = on_border,
                                                   .failed = on_failed};

/* ---- leaving ---- */

int64_t jam_session_leave_ns(const jam_session *s)
{
    bool flows = s->state == JAM_SESSION_RUNNING || s->state == JAM_SESSION_ENDING;
    if (!flows || s->moving || s->finished == NULL) {
        return RF_NEVER_NS;
    }
    return jam_schedule_leave(&s->schedule, s->finished->chunk.start_sample);
}

static void tell_skip(jam_session *s, int64_t to)
{
    if (s->skip_from >= 0) {
        jam_status status = {
            .applied_at_sample = -1, .has_skip = true, .skip_from = s->skip_from, .skip_to = to};
        jam_session_tell(s, &status, 0, true);
        s->skip_from = -1;
    }
}

static void tell_stall(jam_session *s, const jam_leaving *leaving)
{
    if (leaving->began) {
        note_stall(s);
    }
    if (leaving->slip_ns > 0) {
        rf_metric_add(s->service->metrics->slip_samples,
                      leaving->slip_ns / (RF_NS_PER_S / JAM_RATE_HZ));
    }
    if (leaving->began || leaving->slip_ns > 0) {
        jam_status status = {.applied_at_sample = -1,
                             .has_late = true,
                             .late_ms = (double)leaving->late_ns / RF_NS_PER_MS,
                             .has_slip = leaving->slip_ns > 0,
                             .slip_ms = (double)leaving->slip_ns / RF_NS_PER_MS};
        jam_session_tell(s, &status, 0, false);
    }
}

static void count_leaving(jam_session *s, const jam_leaving *leaving, int64_t now_ns)
{
    jam_metrics *m = s->service->metrics;
    if (s->start_ns != RF_NEVER_NS) {
        rf_metric_observe(m->engines[s->engine->number].first_chunk_seconds,
                          (double)(now_ns - s->start_ns) / RF_NS_PER_S);
        s->start_ns = RF_NEVER_NS;
    }
    if (s->settings.pace == JAM_PACE_REALTIME) {
        rf_metric_observe(m->lateness_seconds[JAM_PACE_REALTIME],
                          (double)leaving->late_ns / RF_NS_PER_S);
        jam_lateness_add(&s->lateness, leaving->late_ns);
    }
}

static void end_after_last(jam_session *s)
{
    if (s->error != 0) {
        jam_session_fail(s, JAM_ENGINE_FAILED,
                         s->error == -EBADMSG ? "the engine made a sound that is no number"
                                              : "the engine failed");
    } else {
        jam_session_stop(s, JAM_REASON_ENDED);
    }
}

void jam_session_send(jam_session *s, int64_t now_ns)
{
    jam_block *block = RF_STEAL(s->finished);
    jam_block *pcm = RF_STEAL(s->finished_pcm);
    const jam_chunk *chunk = &block->chunk;
    jam_leaving leaving;
    block->lead_ms =
        (double)jam_schedule_lead(&s->schedule, chunk->start_sample, now_ns) / RF_NS_PER_MS;
    jam_schedule_sent(&s->schedule, chunk->start_sample, chunk->n_frames, now_ns, &leaving);
    tell_skip(s, chunk->start_sample);
    count_leaving(s, &leaving, now_ns);
    s->chunks_sent++;
    s->samples_sent += (int64_t)chunk->n_frames * JAM_FRAME_SAMPLES;
    jam_session_record_chunk(s, block, pcm);
    jam_block_unref(pcm);
    jam_ring_add(&s->ring, block);
    jam_session_serve_all(s);
    tell_stall(s, &leaving);
    if (s->is_last) {
        end_after_last(s);
    }
}
