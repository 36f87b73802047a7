/*
 * recorder_once.h - a start that its client may ask for again (Idempotency-Key): the id of the
 * session follows from tenant and key, so that what is kept of sessions is all that is kept of
 * keys, through any restart. For 24 h a key gives the session that it has made, then another. The
 * owner loop.
 */
#ifndef RECORDER_ONCE_H
#define RECORDER_ONCE_H

#include "recorder_service.h"

#define RECORDER_ONCE_KEY_MAX 255 /* bytes */

/* recorder_once finds the session that key has made for start->tenant. *ret NULL: none, and
 * start->id is the one for it. INVALID_ARGUMENT when key is too long or has made a session of
 * another body, NOT_INITIALISED while that is not durable yet. */
recorder_code recorder_once(const recorder_service *s, const char *key, recorder_start *start,
                            recorder_session **ret, recorder_error *error);

#endif
