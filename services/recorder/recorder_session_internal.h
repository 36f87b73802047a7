/*
 * recorder_session_internal.h - what the files of a session share:
 *
 *   recorder_session.c         life, marks, changes, beginning and end, the timer
 *   recorder_session_audio.c   frames, gaps, the time map; publishers come and go
 *   recorder_session_calls.c   what clients ask of it
 *   recorder_session_wait.c    who waits for frames or for the end
 */
#ifndef RECORDER_SESSION_INTERNAL_H
#define RECORDER_SESSION_INTERNAL_H

#include "recorder_service.h"
#include "recorder_session.h"

static inline bool recorder_session_captures(const recorder_session *s)
{
    return recorder_state_captures(s->take->live.state);
}

/* Of a mark whose user is a session with a reference and whose value is a number of frames: they
 * become readable, then durable. */
extern const recorder_mark_fns recorder_session_frames_fns;

/* recorder_session_must_change is recorder_session_change for a change that the state has been
 * asked for before; a failure is logged. */
void recorder_session_must_change(recorder_session *s, recorder_change *change);

/* recorder_session_make_master: the session begins with silence that was not sent. */
void recorder_session_make_master(recorder_session *s);

/* recorder_session_put_map notes what the fit has found. */
void recorder_session_put_map(recorder_session *s, const recorder_fit_news *news);

/* recorder_session_interrupt: nobody publishes any more. recorder_session_await_attach starts the
 * window of S8. */
void recorder_session_interrupt(recorder_session *s);
void recorder_session_await_attach(recorder_session *s);

/* recorder_session_add_waiter: fn is called once there are `frames` (-1: at the end), or at at_ns.
 */
void recorder_session_add_waiter(recorder_session *s, int64_t frames, int64_t at_ns,
                                 recorder_waiter_fn fn, void *user);

/* recorder_session_tell_frames calls those whose frames are there or cannot come any more;
 * recorder_session_tell_late those whose time is over. */
void recorder_session_tell_frames(recorder_session *s);
void recorder_session_tell_late(recorder_session *s);

#endif
