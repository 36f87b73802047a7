/*
 * recorder_events.h - RecordingEvents as the bytes that go to the bus (event.proto) and as the JSON
 * of webhooks, into the outbox. Any thread.
 */
#ifndef RECORDER_EVENTS_H
#define RECORDER_EVENTS_H

#include "recorder_event.h"
#include "recorder_outbox.h"

#define RECORDER_EVENTS_TOPIC "reflection.recordings"

/* recorder_events_put gives the event its id, the same each time for the same session, sequence and
 * type, and makes it durable in the outbox: waits for the disk. Lists too long for a message are
 * cut. 0 or an error of the outbox. */
int recorder_events_put(recorder_outbox *outbox, recorder_event *event);

#endif
