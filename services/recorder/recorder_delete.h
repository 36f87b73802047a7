/*
 * recorder_delete.h - the end of a finished session: its objects, its master, its events, then the
 * change that says so; a crash in between leaves what can be deleted again. Retention does the same
 * when its time has come. The owner loop.
 */
#ifndef RECORDER_DELETE_H
#define RECORDER_DELETE_H

#include "recorder_service.h"

/* recorder_delete begins it: OK, or ALREADY_RECORDING for a session that is not finished, which a
 * PENDING one is only with discard. fn is told when it is done, or what failed. */
recorder_code recorder_delete(recorder_session *s, bool discard, recorder_waiter_fn fn, void *user,
                              recorder_error *error);

/* recorder_delete_is_due: a stored session's retention is over at this UTC. */
bool recorder_delete_is_due(const recorder_take *take, int64_t utc_ns);

/* recorder_delete_expired deletes the finished sessions whose retention is over at this UTC. Their
 * number. */
size_t recorder_delete_expired(recorder_service *service, int64_t utc_ns);

#endif
