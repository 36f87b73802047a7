/*
 * recorder_notes.h - notes beside a recording: a JSON text of its publisher's, such as the control
 * log of a jam. It is the object `<folder of the keys>/<session id>.json` of the tenant, is
 * replaced as a whole, and goes when the session is deleted. Owner loop; files block, so the work
 * is done on the service's pools.
 */
#ifndef RECORDER_NOTES_H
#define RECORDER_NOTES_H

#include "recorder_service.h"

#define RECORDER_NOTES_MAX ((size_t)2 << 20) /* bytes */

/* The end: error->code says how; json (of get, else empty) is lent. */
typedef void (*recorder_notes_fn)(void *user, rf_buf *json, const recorder_error *error);

/* recorder_notes_put stores a JSON text (INVALID_ARGUMENT when it is none, or too long);
 * recorder_notes_get reads it (NOT_FOUND). fn follows. The session is held meanwhile. */
void recorder_notes_put(recorder_session *s, const char *json, recorder_notes_fn fn, void *user);
void recorder_notes_get(recorder_session *s, recorder_notes_fn fn, void *user);

/* recorder_notes_remove deletes them: 0, also when there are none, or the store's error. A thread
 * of a pool. */
int recorder_notes_remove(recorder_service *service, const recorder_start *start);

#endif
