/*
 * recorder_keep.h - how long masters stay: master_keep_s after their session was published, and
 * less while the disk is low, oldest first (spec section 7, D9). Only masters of sessions whose
 * segments are all stored, and which the journal has forgotten for good, are dropped (D8); their
 * frames come from the store from then on. What has been dropped shows by the file that is not
 * there. The owner loop.
 */
#ifndef RECORDER_KEEP_H
#define RECORDER_KEEP_H

#include "recorder_service.h"

/* recorder_keep_forgotten: the journal has forgotten the session, in no crash will it write to the
 * master again. Where masters are not kept, it goes. */
void recorder_keep_forgotten(recorder_session *s);

/* recorder_keep_restored looks whether a restored, finished session still has its master. */
void recorder_keep_restored(recorder_session *s);

/* recorder_keep_sweep drops the masters whose time is over at this UTC. Their number. */
size_t recorder_keep_sweep(recorder_service *service, int64_t utc_ns);

/* recorder_keep_relieve drops masters, one after the other, until the disk is no longer low or none
 * is left that may go. */
void recorder_keep_relieve(recorder_service *service);

/* recorder_keep_may_drop says whether the session's master may go now. */
bool recorder_keep_may_drop(const recorder_session *s);

/* recorder_keep_drop has the master go, in the background. */
void recorder_keep_drop(recorder_session *s);

#endif
