/*
 * recorder_notice.h - live notices (section 8, `event`): what happens to a session is told, at
 * once, to whoever publishes or hears it: gaps (T10), pauses, states, drift (T11), steps of the
 * clock (T3), a low disk (D9), slow syncs (D4), the loudness each second where the session is told
 * to measure it live, and ten times a second the levels, to those who ask. The owner loop alone.
 *
 *     {"type": "event", "event": "gap", "session": id, ...}
 */
#ifndef RECORDER_NOTICE_H
#define RECORDER_NOTICE_H

#include "recorder_service.h"

#include <jansson.h>

/* Somebody who is told; the teller's own memory, in one list at a time. */
typedef struct recorder_watcher {
    struct recorder_watcher *next;
    /* event is borrowed, and others get it too: copy before a change. */
    void (*tell)(void *user, const json_t *event);
    void *user;
    bool levels; /* wants them */
} recorder_watcher;

/* recorder_notice_watch adds a watcher to a session, which must be held until unwatch, and tells it
 * at once of a disk that is low and of syncs that are slow. */
void recorder_notice_watch(recorder_session *s, recorder_watcher *w);
void recorder_notice_unwatch(recorder_session *s, recorder_watcher *w);

/* recorder_notice_new makes an event of this name; recorder_notice_tell tells it and gives it up.
 */
json_t *recorder_notice_new(const recorder_session *s, const char *name);
void recorder_notice_tell(recorder_session *s, json_t *event);

/* recorder_notice_change tells what a change that was just made means. before: the state until
 * then. */
void recorder_notice_change(recorder_session *s, const recorder_change *change,
                            const recorder_live *before);

/* recorder_notice_stall: nothing comes any more (S4): a gap that is not over has begun, whose
 * length is null; the gap itself is told when it is over. */
void recorder_notice_stall(recorder_session *s, recorder_gap_cause cause);

/* recorder_notice_audio: n frames have come, of which levels may be told. */
void recorder_notice_audio(recorder_session *s, const void *data, int64_t n);

/* recorder_notice_service tells all sessions that record: name is "disk_low" or
 * "durability_degraded", value the free bytes or the ms of a sync, under value_name. */
void recorder_notice_service(recorder_service *service, const char *name, bool on,
                             const char *value_name, int64_t value);

#endif
