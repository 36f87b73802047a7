/*
 * recorder_publish.h - stores segments, each as soon as it is cut, and what a finished session
 * still has to: extract, put with metadata and SHA-256 (D12, D13), loudness on the way, events into
 * the outbox, then the changes that say so. A crash anywhere repeats all of it under the same key
 * and event ids: a cut is durable before its segment is begun, a segment's change before the next.
 */
#ifndef RECORDER_PUBLISH_H
#define RECORDER_PUBLISH_H

#include "recorder_service.h"

/* recorder_publish begins unless it is in hand already, or there is nothing that may be stored yet:
 * a cut that is durable, or the rest of a FINALIZING or PENDING session whose audio is all durable
 * and all of whose cuts are decided. After a failure a session that has ended is PENDING; it is
 * tried again (D11). The loop. */
void recorder_publish(recorder_session *s);

/* recorder_publish_more begins where something can be stored that could not before: a cut of a
 * session that goes on is durable, or the last one is decided. It waits for its turn behind a
 * failure. */
void recorder_publish_more(recorder_session *s);

#endif
