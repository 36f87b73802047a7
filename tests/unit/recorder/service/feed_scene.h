/*
 * feed_scene.h - a recorder whose clock and whose one local source are the test's.
 *
 * Frames, gaps and the end come when the test says so, as from the thread of a device. Audio is
 * silence of FEED_RATE.
 */
#ifndef FEED_SCENE_H
#define FEED_SCENE_H

#include "recorder_begin.h"
#include "recorder_feed.h"
#include "recorder_world.h"

#define FEED_RATE 48000
#define FEED_MS (FEED_RATE / 1000) /* frames */
#define FEED_PLAIN "{\"source\":\"device\",\"rate\":48000}"

/* The source, of which one at a time is open, and what the last beginning came to. */
typedef struct feed_scene {
    recorder_world w;
    const recorder_source_events *events; /* NULL: none is open */
    void *user;
    const recorder_start *start;
    unsigned n_finishes;
    recorder_session *session;
    bool ready;
    recorder_error error;
    /* Who begins, where and with what. */
    recorder_host *host;
    const char *body;
    recorder_caller caller;
    bool publisher;
} feed_scene;
extern feed_scene feed;

/* The .init and .fini of a suite. */
void feed_setup(void);
void feed_teardown(void);

/* ---- for world_do: on the loop ---- */

/* feed_tell_opened has the source open under a name (const char *), feed_tell_failed fail (const
 * recorder_error *). */
void feed_tell_opened(recorder_world *w, void *user);
void feed_tell_failed(recorder_world *w, void *user);

/* feed_tell_frames delivers so many ms of audio, which end now; feed_tell_gap skips them (const
 * int64_t *). */
void feed_tell_frames(recorder_world *w, void *user);
void feed_tell_gap(recorder_world *w, void *user);

/* What else a source says; user is not used. */
void feed_tell_stalled(recorder_world *w, void *user);
void feed_tell_back(recorder_world *w, void *user);
void feed_tell_end(recorder_world *w, void *user);
void feed_tell_lost(recorder_world *w, void *user);

/* Of a recorder_session *. */
void feed_pause(recorder_world *w, void *user);
void feed_resume(recorder_world *w, void *user);
void feed_stop(recorder_world *w, void *user);

/* ---- in time ---- */

/* feed_pass moves the clock, feed_hear has the device deliver meanwhile, feed_lose what was lost.
 */
void feed_pass(int64_t ms);
void feed_hear(int64_t ms);
void feed_lose(int64_t ms);

/* feed_ask calls is on the loop; feed_await until it is so, else the test fails. */
bool feed_ask(bool (*is)(void));
void feed_await(bool (*is)(void));
bool feed_is_ready(void);

/* feed_try_start asks for a session; feed_start has one begin at time 0. */
recorder_code feed_try_start(const char *body);
recorder_session *feed_start(const char *body);

/* feed_await_stored waits for a session's end; the caller frees. */
recorder_take *feed_await_stored(recorder_session *s);
void feed_expect_frames(recorder_session *s, int64_t ms);

#endif
