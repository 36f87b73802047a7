/*
 * recorder_feed.h - a session and its local source, a device or a file: the opening, what the
 * source tells, its end. The owner loop alone.
 *
 *     open --opened--> the session begins --end, lost, stop--> finalized
 *          \-failed, cancelled, no answer within 10 s--> there was no session
 */
#ifndef RECORDER_FEED_H
#define RECORDER_FEED_H

#include "recorder_service.h"

/* recorder_feed_open opens the source of a session that is in no registry yet; with a preroll that
 * is it, and its past comes first. Once it runs the
 * session begins and is registered, and ready is told as by recorder_session_begin; ready is told
 * of a source that does not. An error: the session is gone and ready is not told. */
recorder_code recorder_feed_open(recorder_session *s, recorder_preroll *preroll,
                                 recorder_waiter_fn ready, void *user, recorder_error *error);

/* recorder_feed_opens says whether the session of this id waits for its source; _cancel ends that
 * waiting, and with id NULL all of it. */
bool recorder_feed_opens(const recorder_service *service, const uint8_t *id);
void recorder_feed_cancel(recorder_service *service, const uint8_t *id);

/* recorder_feed_settle: the frame counter is about to stop, or has just gone on. What a device that
 * is stalled has not delivered up to now is a gap of the time before it. */
void recorder_feed_settle(recorder_session *s);

/* recorder_feed_finish asks the source for what was captured before now, with which the session
 * ends; false: there is nothing to wait for. */
bool recorder_feed_finish(recorder_session *s);

#endif
