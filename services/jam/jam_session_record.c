/* The recordings of a session: when they begin and end, and what they are given. */
#include "jam_session_internal.h"

#include "rf_log.h"

#include <string.h>

static void tell(jam_session *s, const jam_recording_info *info)
{
    jam_status status = {.applied_at_sample = -1, .recording = info};
    jam_session_tell(s, &status, 0, false);
}

static void let_go(jam_session *s, const jam_recording *r)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->n_recordings; i++) {
        if (s->recordings[i] != r) {
            s->recordings[kept++] = s->recordings[i];
        }
    }
    s->n_recordings = kept;
}

static void on_changed(void *user, const jam_recording *changed)
{
    jam_session *s = user;
    jam_recording_info info;
    jam_recording_inform(changed, &info);
    tell(s, &info);
    for (size_t i = 0; i < s->n_recordings; i++) {
        jam_recording *r = s->recordings[i];
        if (r == changed && jam_recording_is_over(r)) {
            let_go(s, r);
            jam_recording_leave(r);
        }
    }
}

static jam_recording *current(const jam_session *s)
{
    for (size_t i = 0; i < s->n_recordings; i++) {
        if (jam_recording_is_on(s->recordings[i])) {
            return s->recordings[i];
        }
    }
    return NULL;
}

bool jam_session_record_inform(const jam_session *s, jam_recording_info *ret)
{
    const jam_recording *r = current(s);
    if (r != NULL) {
        jam_recording_inform(r, ret);
    }
    return r != NULL && ret->id[0] != '\0';
}

/* ---- beginning and ending ---- */

static int64_t to_frame(int64_t sample)
{
    return (sample + JAM_FRAME_SAMPLES - 1) / JAM_FRAME_SAMPLES * JAM_FRAME_SAMPLES;
}

static void begin(jam_session *s, int64_t sample, const char *name)
{
    jam_present present;
    if (s->n_recordings == JAM_RECORDINGS_MAX) {
        const jam_recording_info none = {
            .id = "", .key = "", .state = "failed", .code = "TOO_MANY_RECORDINGS"};
        tell(s, &none);
        return;
    }
    jam_recording *r = jam_recording_new(s->service, s->tenant, name, sample, on_changed, s);
    jam_maker_present(s->maker, &present);
    jam_recording_log_begin(jam_recording_control_log(r), s->id, s->engine->engine, s->seed,
                            &present.settings, &present.controls);
    s->recordings[s->n_recordings++] = r;
}

void jam_session_record_begin(jam_session *s)
{
    int64_t next = s->finished != NULL ? s->finished->chunk.start_sample : s->next_start;
    if (s->settings.record && current(s) == NULL) {
        begin(s, next, s->settings.record_name);
    }
}

void jam_session_record_heard(jam_session *s, const jam_heard *heard, const jam_change *change)
{
    jam_recording *r = current(s);
    if (r != NULL && change->set != 0) {
        jam_recording_log_change(jam_recording_control_log(r), change, heard->sample);
    }
    if ((change->set & JAM_FIELD_BIT(JAM_FIELD_RECORD)) == 0) {
        return;
    }
    if (change->record && r == NULL) {
        begin(s, to_frame(heard->sample), change->record_name);
    } else if (!change->record && r != NULL) {
        jam_recording_set_end(r, to_frame(heard->sample));
    }
}

void jam_session_record_reset(jam_session *s, uint64_t seed, int64_t sample)
{
    jam_recording *r = current(s);
    if (r != NULL) {
        jam_recording_log_reset(jam_recording_control_log(r), seed, sample);
    }
}

void jam_session_record_end(jam_session *s)
{
    if (s->handing != NULL) {
        jam_recording_forget_hand_over(RF_STEAL(s->handing));
    }
    while (s->n_recordings > 0) {
        jam_recording_leave(s->recordings[--s->n_recordings]);
    }
}

/* ---- the stream ---- */

void jam_session_record_chunk(jam_session *s, const jam_block *block, jam_block *pcm)
{
    const jam_chunk *chunk = &block->chunk;
    for (size_t i = 0; i < s->n_recordings; i++) {
        jam_recording_chunk(s->recordings[i], chunk->start_sample,
                            (int64_t)chunk->n_frames * JAM_FRAME_SAMPLES, pcm);
    }
}

/* ---- to another process ---- */

void jam_session_record_hand_over(jam_session *s,
                                  void (*done)(void *user, jam_recording_rest *rest))
{
    jam_recording *r = current(s);
    if (r == NULL) {
        done(s, NULL);
        return;
    }
    let_go(s, r);
    s->handing = r;
    jam_recording_hand_over(r, done, s);
}

void jam_session_record_take_up(jam_session *s, const jam_recording_rest *rest)
{
    s->recordings[s->n_recordings++] =
        jam_recording_take_up(s->service, s->tenant, rest, on_changed, s);
}
