/*
 * recorder_follow.h - what listens to a session behind its readable frames, a second at a time:
 * decides where it is cut (split=silence, split=length) and measures its loudness while it lasts
 * (loudness=live). Reads the master on a thread of its own pool, so that a session that goes on
 * after a restart is heard the same way, and the owner loop does no arithmetic on samples.
 *
 * Where segments cannot be stored it stops a while behind: the audio waits in the master.
 *
 * Everything but that reading is the owner loop's.
 */
#ifndef RECORDER_FOLLOW_H
#define RECORDER_FOLLOW_H

#include "recorder_session.h"
#include "rf_loudness.h"

typedef struct recorder_follow recorder_follow;

/* recorder_follow_begin makes one for a session whose options ask for it, from the frames that are
 * not yet cut on; NULL when nothing is to be heard. */
recorder_follow *recorder_follow_begin(recorder_session *s);
recorder_follow *recorder_follow_free(recorder_follow *follow);

/* recorder_follow_frames: more is readable, or a segment has been stored. */
void recorder_follow_frames(recorder_session *s);

/* recorder_follow_end: no more comes, all is readable and durable; what is left is decided, then
 * recorder_publish is called. */
void recorder_follow_end(recorder_session *s);

/* recorder_follow_is_over: all is decided, or there is nothing to decide. */
bool recorder_follow_is_over(const recorder_session *s);

/* recorder_follow_levels: the live loudness, false when there is none. */
bool recorder_follow_levels(const recorder_session *s, rf_loudness *ret);

#endif
