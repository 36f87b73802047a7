/*
 * click_session.h - one session of an engine through the service's own stream, as a listener hears
 * it: chunks are joined where they overlap, and everything that happens on the way is an event to
 * be judged by the click test of jam.md section 10. One thread; aborts when a call fails that
 * cannot.
 */
#ifndef CLICK_SESSION_H
#define CLICK_SESSION_H

#include "jam_stream.h"

typedef enum click_kind {
    CLICK_JOIN,   /* of two chunks */
    CLICK_UPDATE, /* its applied_at_sample */
    CLICK_PAUSE,
    CLICK_RESUME,
    CLICK_RESET, /* begin and end of its fade */
    CLICK_SKIP,  /* join, begin and end of its fade */
    CLICK_N_KINDS,
} click_kind;

const char *click_kind_name(click_kind kind);

typedef struct click_session click_session;

/* click_session_open starts a session with the members of `params` in JSON ("" for none). seed
 * makes all of it repeat. */
click_session *click_session_open(const jam_engine *engine, uint64_t seed, const char *params);
click_session *click_session_free(click_session *session);

/* click_session_play renders the next frame, and what is jumped over before it, and begins the next
 * chunk where one is complete. False when the music is over. */
bool click_session_play(click_session *session);

/* click_session_update takes the members of an update in JSON. */
void click_session_update(click_session *session, const char *members);

/* click_session_reset: a new instance takes over with the next frame. */
void click_session_reset(click_session *session, uint64_t seed);

/* After the chunk that is being made: a pause, in which the listener fades out, hears nothing, and
 * fades in; a jump over n frames; a stretch of the next n chunks. */
void click_session_pause(click_session *session);
void click_session_skip(click_session *session, uint32_t n_frames);
void click_session_stretch(click_session *session, double factor, uint32_t n_chunks);

/* click_session_next: the first sample that has not been planned; click_session_bar: the bar there.
 * click_session_n_styles: see jam_timeline_n_styles. */
int64_t click_session_next(const click_session *session);
uint32_t click_session_bar(const click_session *session);
size_t click_session_n_styles(const click_session *session);

/* click_session_heard: samples that the listener has. click_session_step adds a step of `height`
 * from a sample of theirs on, and makes it an event; in a session that was not paused and jumped
 * over nothing. */
size_t click_session_heard(const click_session *session);
void click_session_step(click_session *session, size_t at, float height);

typedef struct click_tally {
    size_t n_events[CLICK_N_KINDS];
    size_t n_judged[CLICK_N_KINDS]; /* no note starts near, and enough is heard around */
    size_t n_clicks[CLICK_N_KINDS];
    double worst;     /* ratio */
    char example[96]; /* the worst one that clicks */
} click_tally;

/* click_session_judge adds the verdict on all events up to now. */
void click_session_judge(const click_session *session, click_tally *tally);

#endif
